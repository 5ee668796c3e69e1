"""Scores of a map, on maps whose score is known."""

import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.projection_quality import ProjectionQuality, Score, chance, projection_quality, sample

RNG = np.random.default_rng(0)
CODES = RNG.standard_normal((600, 8)) * [4, 3, 1, 1, 1, 1, 0.5, 0.1]


def scores(found: ProjectionQuality):
    return (found.trustworthiness.value, found.continuity.value, found.overlap.value)


def test_the_codes_themselves_score_one():
    flat = RNG.standard_normal((300, 2))
    found = projection_quality(flat, flat.astype(np.float64))
    assert found == ProjectionQuality(
        Score(1.0, 1.0, 1.0), Score(1.0, 1.0, 1.0), Score(1.0, 1.0, 1.0), 300, 15
    )
    turned = flat @ [[0.6, -0.8], [0.8, 0.6]] * -7 + 100
    assert scores(projection_quality(flat, turned)) == (1.0, 1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "k"), [(600, 15), (31, 15), (200, 1), (2500, 40)])
def test_values_are_scikit_learns(count, k):
    from sklearn.manifold import trustworthiness

    codes = np.random.default_rng(count).standard_normal((count, 5))
    points = codes[:, :2] + 0.3 * np.random.default_rng(1).standard_normal((count, 2))
    found = projection_quality(codes, points, k=k, seed=4)
    rows = sample(np.ones(count, bool), 2000, 4)
    assert (found.images, found.k) == (min(count, 2000), k)
    of_map = trustworthiness(codes[rows], points[rows], n_neighbors=k)
    of_codes = trustworthiness(points[rows], codes[rows], n_neighbors=k)
    assert found.trustworthiness.value == pytest.approx(of_map, abs=1e-9)
    assert found.continuity.value == pytest.approx(of_codes, abs=1e-9)


def test_overlap_is_counted_as_by_hand():
    points = CODES[:, :2]
    shared = []
    for i in range(len(CODES)):
        near = [np.argsort(np.linalg.norm(x - x[i], axis=1))[1:16] for x in (CODES, points)]
        shared.append(len(np.intersect1d(*near)) / 15)
    found = projection_quality(CODES, points)
    assert found.overlap.value == pytest.approx(np.mean(shared))


def test_intervals_are_the_jackknifes_of_the_scores_themselves():
    codes = np.random.default_rng(5).standard_normal((60, 4))
    codes[10:20] = codes[0]  # ties too
    for points in (codes[:, :2], codes[::-1, :2]):
        found = projection_quality(codes, points, k=4)
        # the order of ties is drawn once, so that leaving one out must keep it
        order = np.random.default_rng(0).permutation(60)
        without = np.array(
            [plain(codes[rows], points[rows], 4) for rows in (np.delete(order, i) for i in range(60))]
        )
        errors = 1.96 * np.sqrt(59 / 60 * ((without - without.mean(0)) ** 2).sum(0))
        assert scores(found) == pytest.approx(plain(codes[order], points[order], 4))
        for score, error in zip(
            (found.trustworthiness, found.continuity, found.overlap), errors, strict=True
        ):
            assert score.high == pytest.approx(min(1, score.value + error))
            assert score.low == pytest.approx(max(0, score.value - error))
            assert error > 0.001


def plain(codes, points, k):
    """The three scores from their definition."""
    n, ranks = len(codes), []
    for x in (codes, points):
        away = np.linalg.norm(x[:, None] - x[None], axis=2)
        np.fill_diagonal(away, np.inf)
        ranks.append(away.argsort(1, kind="stable").argsort(1) + 1)
    near = [rank <= k for rank in ranks]
    unit = 2 / (n * k * (2 * n - 3 * k - 1))
    trust, continuity = (
        1 - unit * np.maximum(0, ranks[one] - k)[near[other]].sum() for one, other in ((0, 1), (1, 0))
    )
    return trust, continuity, (near[0] & near[1]).sum() / (n * k)


@pytest.mark.slow
@pytest.mark.parametrize("k", [5, 15, 250])
def test_shuffled_points_score_what_chance_does(k):
    trials = [
        projection_quality(CODES, np.random.default_rng(i).permutation(CODES[:, :2]), k=k) for i in range(8)
    ]
    floor, overlap = chance(600, k)
    means = np.mean([scores(found) for found in trials], axis=0)
    np.testing.assert_allclose(means, [floor, floor, overlap], atol=0.006)
    assert floor == pytest.approx({5: 0.5, 15: 0.5, 250: 0.54}[k], abs=0.01)
    assert overlap == k / 599


def test_a_map_that_folds_is_not_trusted_and_one_that_tears_is_not_continuous():
    around = np.random.default_rng(2).uniform(0, 2 * np.pi, 500)
    ring = np.stack((np.cos(around), np.sin(around)), 1)
    folded = projection_quality(ring, ring * [1, 0])
    assert folded.trustworthiness.high < 0.8
    assert folded.continuity.value == pytest.approx(1, abs=0.01)
    sheet = np.random.default_rng(3).uniform(-1, 1, (500, 2))
    torn = projection_quality(sheet, sheet + [100, 0] * (np.floor(sheet[:, :1] * 5) % 2))
    assert torn.trustworthiness.low > 0.98
    assert torn.continuity.high < 0.95


@pytest.mark.slow
def test_a_better_map_scores_higher():
    good, bad = projection_quality(CODES, CODES[:, :2]), projection_quality(CODES, CODES[:, 6:])
    for one, other in zip(scores(good), scores(bad), strict=True):
        assert one > other + 0.05


@pytest.mark.slow
@pytest.mark.parametrize("spread", [[3, 2, 1, 1], [1, 1, 1, 1]])
def test_intervals_hold_the_truth_about_as_often_as_they_say(spread):
    """The truth: the mean score of such samples of that size."""
    found = []
    for seed in range(60):
        codes = np.random.default_rng(seed).standard_normal((250, 4)) * spread
        found.append(projection_quality(codes, codes[:, :2]))
    for name in ("trustworthiness", "continuity", "overlap"):
        each = [getattr(one, name) for one in found]
        values = np.array([score.value for score in each])
        assert np.mean([score.low <= values.mean() <= score.high for score in each]) >= 0.9
        # nor wider than they need be
        assert np.mean([score.high - score.low for score in each]) < 2 * 1.96 * 1.5 * values.std()


def test_duplicates_cost_an_identical_map_nothing():
    twins = np.repeat(RNG.standard_normal((20, 3)) + 1e4, 30, 0)
    flat = twins @ np.array([[1.0, 0], [0, 1], [0.5, 0.5]])
    assert scores(projection_quality(twins[:, :2], twins[:, :2])) == (1.0, 1.0, 1.0)
    assert min(scores(projection_quality(twins, flat))) > 0.9
    assert scores(projection_quality(np.where(twins == 0, -0.0, twins), twins)) == (1.0, 1.0, 1.0)


def test_rounding_does_not_tell_duplicates_apart():
    """Sixteen twins of each code, and other codes nearer than |a|^2 - 2 a.b + |b|^2 can tell from nothing."""
    rng = np.random.default_rng(0)
    codes = np.repeat(1e-9 * rng.standard_normal((40, 3)) + 1e3 * (np.arange(40) % 2)[:, None], 16, 0)
    points = np.repeat(rng.standard_normal((40, 2)), 16, 0)
    assert projection_quality(codes, points, k=15).overlap.value == 1.0


def test_a_constant_map_or_constant_codes_are_a_guess_in_any_order():
    floor, overlap = chance(600, 15)
    constant = np.ones((600, 2))
    in_order = CODES[CODES[:, 0].argsort()]  # as images sorted by class are
    for found in (projection_quality(in_order, constant), projection_quality(constant, in_order)):
        assert found.trustworthiness.value == pytest.approx(floor, abs=0.08)
        assert found.continuity.value == pytest.approx(floor, abs=0.08)
        assert found.overlap.value == pytest.approx(overlap, abs=0.03)
    assert scores(projection_quality(constant, constant)) == (1.0, 1.0, 1.0)


def test_few_points_lower_the_neighbours_and_fewer_are_refused():
    found = projection_quality(CODES[:5], CODES[:5, :2])
    assert (found.images, found.k) == (5, 2)
    assert projection_quality(CODES[:30], CODES[:30, :2]).k == 14
    holes = CODES[:9].copy()
    holes[[1, 2], 3] = np.nan, np.inf
    points = CODES[:9, :2].copy()
    points[8] = np.nan
    assert projection_quality(holes, points).images == 6
    with pytest.raises(TooFewPoints, match="from 5 finite points on; there are 4"):
        projection_quality(holes[:6], points[:6])
    with pytest.raises(BadCodes, match="expected"):
        projection_quality(CODES, CODES[:5, :2])
    with pytest.raises(BadCodes, match="k = 0"):
        projection_quality(CODES, CODES[:, :2], k=0)
    with pytest.raises(TooFewPoints, match="more than 30 images"):
        chance(30, 15)


def test_the_sample_is_fixed_and_no_larger_than_asked():
    usable = np.arange(5000) % 5 > 0
    rows = sample(usable, 700, seed=1)
    assert len(rows) == 700
    assert usable[rows].all()
    assert (np.diff(rows) > 0).all()
    assert (rows == sample(usable, 700, seed=1)).all()
    assert (rows != sample(usable, 700, seed=2)).any()
    assert sample(usable, 5000).tolist() == np.flatnonzero(usable).tolist()
    assert projection_quality(CODES, CODES[:, :2], most=100, seed=3) == projection_quality(
        CODES, CODES[:, :2], most=100, seed=3
    )
    assert projection_quality(CODES, CODES[:, :2], most=100).images == 100
