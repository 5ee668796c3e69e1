"""The curve of a sweep, the matching of its dimensions and its words, on planted numbers."""

import re

import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.evaluation.curve_sentences import read
from vae_core.evaluation.curve_shape import seed_noise, shape_of
from vae_core.evaluation.dimension_matching import LEAST_CORRELATION, align
from vae_core.evaluation.metrics.sharpness import laplacian_variance, sharpness
from vae_core.evaluation.rate_distortion import Band, Numbers, curve_of, kl_over_beta, tangent


def run(beta, distortion, rate, active=4, *, seed=0, dim=4, **more):
    kl = np.where(np.arange(dim) < active, np.linspace(3, 1, dim), 0.0)
    return Numbers(beta, seed, distortion, rate, kl, np.arange(dim) < active, **more)


def convex(betas, **more):
    """A curve D = 60 + 100 / R, whose optimum at β has D' = -β: R = 10 / sqrt(β)."""
    return [run(b, 60 + 10 * b**0.5, 10 / b**0.5, **more) for b in betas]


# ---------------------------------------------------------------- curve


def test_seeds_become_bands_and_betas_ascend():
    found = curve_of(
        [run(4, 90, 5, 2), run(1, 80, 10, 4, seed=1), run(1, 82, 8, 3), run(1, 87, 9, 2, seed=2)]
    )
    assert found.betas.tolist() == [1, 4]
    assert found.distortion.mean.tolist() == [83, 90]
    assert found.distortion.low.tolist() == [80, 90]
    assert found.distortion.high.tolist() == [87, 90]
    assert found.total.mean.tolist() == [92, 95]
    assert (found.total.low[0], found.total.high[0]) == (90, 96)  # of a run's sum, not a sum of extremes
    assert found.active.mean.tolist() == [3, 2]
    assert found.rate.count.tolist() == [3, 1]
    assert not found.odd.any()


def test_what_only_some_runs_have_is_nan_elsewhere():
    found = curve_of(
        [run(1, 80, 9, scores={"mig": 0.5}), run(1, 80, 9, seed=1), run(2, 81, 8, scores={"sharpness": 0.25})]
    )
    assert found.scores["mig"].mean[0] == 0.5
    assert np.isnan(found.scores["mig"].mean[1])
    assert found.scores["mig"].known.tolist() == [True, False]
    assert found.scores["sharpness"].known.tolist() == [False, True]


def test_numbers_that_are_none_are_refused():
    with pytest.raises(BadCodes, match="β 1, seed 0"):
        curve_of([run(1, np.nan, 9)])
    assert len(curve_of([])) == 0


@pytest.mark.parametrize("wrong", [0, 2, 4])
@pytest.mark.parametrize(("distortion", "rate"), [(15, 0), (-15, 0), (0, 9), (0, -12)])
def test_the_one_point_off_the_order_is_named(wrong, distortion, rate):
    runs = convex([0.25, 0.5, 1, 2, 4])
    runs[wrong] = run(runs[wrong].beta, runs[wrong].distortion + distortion, runs[wrong].rate + rate)
    odd = np.flatnonzero(curve_of(runs).odd)
    ends = {(0, -15), (0, 9, "rate"), (4, 15), (4, -12, "rate")}  # further out at an end is in order
    if (wrong, distortion) in ends or (wrong, rate, "rate") in ends:
        assert odd.tolist() == []
    else:
        assert odd.tolist() == [wrong]


def test_seeds_that_overlap_are_in_order():
    runs = [run(1, 80, 9), run(1, 84, 6, seed=1), run(2, 83, 8), run(2, 86, 6.5, seed=1)]
    assert not curve_of(runs).odd.any()
    assert curve_of([run(1, 80, 6), run(2, 83, 8)]).odd.sum() == 1
    assert not curve_of([run(1, 80, 6), run(2, 79.98, 6.02)]).odd.any()  # less than is printed


def test_the_tangent_touches_the_curve_at_beta_one():
    curve = curve_of(convex([0.25, 0.5, 1, 2, 4]))
    found = tangent(curve)
    assert (found.beta, found.total) == (1.0, 80.0)
    assert found.line(np.array([found.rate]))[0] == found.distortion
    assert (curve.distortion.mean >= found.line(curve.rate.mean) - 1e-9).all()
    with pytest.raises(TooFewPoints):
        tangent(curve_of([]))


def test_kl_over_beta_is_sorted_within_each_run():
    a = Numbers(1, 0, 80, 6, np.array([0.0, 5, 1]), np.array([False, True, True]))
    b = Numbers(1, 1, 80, 6, np.array([3.0, 0, 3]), np.array([True, False, True]))
    c = Numbers(0.5, 0, 70, 9, np.array([2.0, 3, 4]), np.ones(3, bool))
    betas, kl = kl_over_beta([a, b, c])
    assert betas.tolist() == [0.5, 1]
    assert kl.tolist() == [[4, 3, 2], [4, 2, 0]]
    with pytest.raises(BadCodes, match="several"):
        kl_over_beta([a, run(2, 80, 9)])
    assert kl_over_beta([])[1].size == 0


# ---------------------------------------------------------------- sharpness


def test_the_laplacian_of_known_images():
    flat = np.full((2, 1, 8, 8), 0.3)
    ramp = np.broadcast_to(np.linspace(0, 1, 8), (1, 1, 8, 8))
    assert laplacian_variance(flat) == pytest.approx(0)
    assert laplacian_variance(ramp) == pytest.approx(0)
    board = (np.indices((8, 8)).sum(0) % 2).astype(float)[None, None]
    assert laplacian_variance(board) == pytest.approx(16)  # ±4 in equal numbers
    assert laplacian_variance(np.repeat(board, 3, 1)) == pytest.approx(16)
    assert sharpness(board, flat[:1] * 0) is None
    for wrong in (board[0], board[:0], board[..., :2]):
        with pytest.raises(BadCodes):
            laplacian_variance(wrong)


def test_blur_lowers_sharpness_and_the_same_images_have_one():
    rng = np.random.default_rng(0)
    real = rng.random((20, 3, 16, 16))
    blurred = (real + np.roll(real, 1, 2) + np.roll(real, 1, 3)) / 3
    assert sharpness(real, real) == pytest.approx(1)
    once = sharpness(blurred, real)
    assert 0 < once < 0.7
    assert sharpness((blurred + np.roll(blurred, 1, 3)) / 2, real) < once
    assert sharpness(real / 2, real) == pytest.approx(0.25)


# ---------------------------------------------------------------- alignment


def planted(perm, signs, noise, rng, factors):
    """Codes whose dimension perm[f] is factor f, turned by signs[f], scaled, with noise."""
    codes = np.empty_like(factors)
    for f, d in enumerate(perm):
        codes[:, d] = signs[f] * factors[:, f] * rng.uniform(0.5, 2) + noise * rng.standard_normal(
            len(factors)
        )
    return codes


def all_alive(codes):
    return [np.ones(c.shape[1], bool) for c in codes]


@pytest.mark.parametrize("reference", [0, 2, 4])
def test_planted_permutations_and_flips_are_recovered(reference):
    rng = np.random.default_rng(reference)
    factors = rng.standard_normal((400, 7)) * np.linspace(2, 0.5, 7)
    perms = [rng.permutation(7) for _ in range(5)]
    signs = [rng.choice([-1, 1], 7) for _ in range(5)]
    codes = [planted(p, s, 0.2, rng, factors) for p, s in zip(perms, signs, strict=True)]
    found = align(codes, all_alive(codes), reference=reference)
    of_row = [int(np.flatnonzero(perms[reference] == d)[0]) for d in found.dims[reference]]
    for m in range(5):
        assert found.dims[m].tolist() == [perms[m][f] for f in of_row]
        relative = [signs[m][f] * signs[reference][f] for f in of_row]
        assert found.sign[m].tolist() == relative
    assert not found.collapsed.any()
    assert np.isnan(found.agreement[reference]).all()
    rest = np.delete(found.agreement, reference, 0)
    assert (rest > 0.6).all()
    assert (rest <= 1).all()


def test_small_steps_are_followed_where_the_ends_have_nothing_in_common():
    """Over 13 models two dimensions turn into each other: the chain follows, a direct comparison would not."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((500, 2))
    angles = np.linspace(0, np.pi / 2, 13)
    codes = [z @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in angles]
    found = align(codes, all_alive(codes), reference=0)
    assert (found.dims == found.dims[0]).all()
    assert (found.sign == 1).all()
    direct = align([codes[0], codes[-1]], all_alive(codes[:2]), reference=0)
    assert direct.dims[0].tolist() != direct.dims[1].tolist()


def test_collapsed_dimensions_stand_last_and_are_said_to_be():
    rng = np.random.default_rng(1)
    factors = rng.standard_normal((300, 4)) * [2, 1.5, 1, 0.5]
    full, fewer = factors.copy(), factors[:, [3, 2, 1, 0]].copy()
    fewer[:, [0, 3]] = 1e-3 * rng.standard_normal((300, 2))  # factors 3 and 0 have collapsed
    active = [np.ones(4, bool), np.array([False, True, True, False])]
    found = align([full, fewer], active)
    assert found.reference == 0
    assert found.dims[0].tolist() == [0, 1, 2, 3]  # by use
    assert found.collapsed.tolist() == [[False] * 4, [True, False, False, True]]
    assert found.dims[1].tolist() == [0, 2, 1, 3]
    assert found.rows == 4
    assert np.isnan(found.agreement[1, [0, 3]]).all()
    # from the collapsed model's side, what it lacks begins rows below its own
    other = align([full, fewer], active, reference=1)
    assert other.collapsed[1].tolist() == [False, False, True, True]
    assert not other.collapsed[0].any()
    assert other.dims[0, :2].tolist() == [1, 2]
    assert sorted(other.dims[0, 2:].tolist()) == [0, 3]
    assert np.isnan(other.agreement[0, 2:]).all()


def test_a_dimension_that_comes_back_finds_its_row():
    rng = np.random.default_rng(2)
    factors = rng.standard_normal((300, 3)) * [3, 2, 1]
    middle = factors.copy()
    middle[:, 1] = 0
    last = -factors[:, [2, 0, 1]]
    found = align(
        [factors, middle, last], [np.ones(3, bool), np.array([1, 0, 1], bool), np.ones(3, bool)], reference=0
    )
    assert found.collapsed.tolist() == [[False] * 3, [False, True, False], [False] * 3]
    assert found.dims[2].tolist() == [1, 2, 0]
    assert found.sign[2].tolist() == [-1, -1, -1]
    assert found.agreement[2, 1] > 0.99


def test_what_has_nothing_in_common_begins_a_row_of_its_own():
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 2_000, 3))
    a[:, 1:], b[:, 1:] = 0, 0
    active = [np.array([True, False, False])] * 2
    found = align([a, b], active, reference=0)
    assert found.rows == 2
    assert found.collapsed.tolist() == [[False, True, True], [True, False, True]]
    # with no row to spare they share one, and the number says how little they agree
    crowded = align([a[:, :1], b[:, :1]], [np.array([True])] * 2)
    assert crowded.rows == 1
    assert crowded.agreement[1, 0] < LEAST_CORRELATION


def test_all_collapsed_and_constant_codes_match_nothing():
    z = np.zeros((10, 3))
    found = align([z, z + 1], [np.zeros(3, bool), np.ones(3, bool)])  # said to be active, but constant
    assert found.collapsed.all()
    assert found.rows == 0
    assert sorted(found.dims[0].tolist()) == sorted(found.dims[1].tolist()) == [0, 1, 2]


def test_every_model_has_every_dimension_once():
    rng = np.random.default_rng(4)
    codes = [rng.standard_normal((50, 6)) for _ in range(5)]
    active = [rng.random(6) < 0.6 for _ in range(5)]
    for reference in range(5):
        found = align(codes, active, reference=reference)
        for m in range(5):
            assert sorted(found.dims[m].tolist()) == list(range(6))
            assert (active[m][found.dims[m]] == ~found.collapsed[m]).all()


@pytest.mark.parametrize(
    ("codes", "active", "error"),
    [
        ([], [], TooFewPoints),
        ([np.ones((2, 3))], [np.ones(3, bool)], TooFewPoints),
        ([np.ones((5, 3)), np.ones((4, 3))], [np.ones(3, bool)] * 2, BadCodes),
        ([np.ones((5, 3))], [np.ones(2, bool)], BadCodes),
        ([np.full((5, 3), np.nan)], [np.ones(3, bool)], BadCodes),
    ],
)
def test_codes_that_do_not_fit_are_refused(codes, active, error):
    with pytest.raises(error):
        align(codes, active)


def test_a_reference_that_is_none_is_refused():
    with pytest.raises(BadCodes, match="no model 1"):
        align([np.eye(4)], [np.ones(4, bool)], reference=1)


# ---------------------------------------------------------------- words


def kneed(betas, active):
    """Distortion flat up to β = 2, then 10 nats per doubling; −ELBO least at β = 1."""
    runs = []
    for beta, a in zip(betas, active, strict=True):
        distortion = 60 + 10 * max(0.0, np.log2(beta / 2))
        total = 80 + 3 * abs(np.log2(beta))
        runs.append(run(beta, distortion, total - distortion, a, dim=10))
    return runs


def test_the_sentence_finds_what_was_planted():
    betas = [0.5, 1, 2, 4, 8]
    runs = kneed(betas, [9, 9, 8, 3, 2])
    found = read(curve_of(runs), latent_dim=10)
    assert found.collapse == (2.0, 4.0)
    assert found.knee == 2.0
    assert found.elbo == (1.0,)
    assert found.dead is None
    assert "from 9 of 10 at β 0.5 to 2 at β 8, fastest between β 2 and 4" in found.text
    assert "starts to suffer beyond β 2" in found.text
    assert "β 1 gives the best ELBO −80.0 nats." in found.text


def test_moving_the_truth_moves_the_words():
    betas = [0.5, 1, 2, 4, 8]
    runs = [run(b, 60 + 20 * (b == 8), 40 - 4 * i, 9 - 8 * (b > 4), dim=10) for i, b in enumerate(betas)]
    found = read(curve_of(runs), latent_dim=10)
    assert (found.collapse, found.knee, found.elbo) == ((4.0, 8.0), 4.0, (4.0,))


def test_an_optimum_at_an_end_asks_for_more():
    down = [run(b, 60 + i, 40 - 5 * i, dim=10) for i, b in enumerate([1, 2, 4])]
    assert "a larger β may do better still" in read(curve_of(down), latent_dim=10).text
    up = [run(b, 60 + 5 * i, 40 - i, dim=10) for i, b in enumerate([1, 2, 4])]
    text = read(curve_of(up), latent_dim=10).text
    assert "a smaller β may do better still" in text
    assert "larger" not in text


def test_ties_are_named_together():
    runs = [run(b, 60, d, scores={"mig": 0.3 if b > 1 else 0.1}) for b, d in ((1, 20), (2, 19.98), (4, 25))]
    found = read(curve_of(runs), latent_dim=4, score="mig", title="MIG")
    assert found.elbo == (1.0, 2.0)
    assert "β 1 and 2 give the best ELBO" in found.text
    assert found.score == (2.0, 4.0)
    assert "MIG is best at β 2 and 4 (0.300)." in found.text
    same = read(curve_of([run(b, 60, 20, scores={"mig": 0.3}) for b in (1, 2)]), latent_dim=4, score="mig")
    assert "Every β does equally well" in same.text
    assert "mig is the same at every β (0.300)" in same.text


def test_a_spread_of_seeds_is_no_difference():
    runs = [run(1, 60, 20), run(1, 64, 20, seed=1), run(2, 61, 19), run(2, 65, 19.5, seed=1), run(4, 80, 15)]
    found = read(curve_of(runs), latent_dim=4)
    assert found.elbo == (1.0,)
    assert "β 2 lies within the spread of seeds" in found.text


def test_missing_scores_are_said():
    runs = kneed([1, 2, 4], [9, 8, 7])
    assert "MIG is not known" in read(curve_of(runs), latent_dim=10, score="mig", title="MIG").text
    runs[1] = run(2, 60, 23, 8, dim=10, scores={"mig": 0.2})
    found = read(curve_of(runs), latent_dim=10, score="mig", title="MIG")
    assert found.score == (2.0,)
    assert "best at β 2 (0.200), of the 1 of 3 βs for which it is known" in found.text
    assert "MIG" not in read(curve_of(runs), latent_dim=10).text


def test_two_betas_show_no_knee():
    found = read(curve_of(kneed([1, 8], [9, 2])), latent_dim=10)
    assert found.knee is None
    assert "rises by 20.0 nats from β 1 to 8 (two values show no knee)" in found.text
    assert "from 9 of 10 at β 1 to 2 at β 8." in found.text


def test_few_or_no_finished_runs_are_said():
    found = read(curve_of([]), latent_dim=10, waiting=3)
    assert found.text == "No run of this sweep has finished yet. 3 runs still have to finish."
    found = read(curve_of([run(1, 60, 20)]), latent_dim=4, waiting=1)
    assert found.text == "One β does not make a curve yet. 1 run still has to finish."
    assert read(curve_of(kneed([1, 8], [9, 2])), latent_dim=10, waiting=2).text.endswith(
        "2 runs still have to finish."
    )


def test_collapse_of_everything_is_said():
    dead = [run(b, 90, 0.0, 0, dim=10) for b in (4, 8, 16)]
    found = read(curve_of(dead), latent_dim=10)
    assert found.dead == 4.0
    assert found.text.startswith("Every dimension has collapsed at every β")
    assert "hardly changes" in found.text
    later = [run(b, 90 - r, r, a, dim=10) for b, r, a in ((1, 20, 9), (4, 10, 4), (8, 0, 0), (16, 0, 0))]
    found = read(curve_of(later), latent_dim=10)
    assert found.dead == 8.0
    assert "from β 8 on the code carries nothing" in found.text


def test_no_collapse_and_no_harm_are_said():
    runs = [run(b, 60 + 0.1 * i, 20 - 2 * i, 10, dim=10) for i, b in enumerate([0.1, 0.2, 0.4])]
    found = read(curve_of(runs), latent_dim=10)
    assert found.collapse is None
    assert "No dimension collapses: all 10 are active at every β." in found.text
    assert "hardly changes: distortion stays within 0.2 nats" in found.text


def test_a_straight_and_a_bulging_rise_have_no_knee():
    betas = [1, 2, 4, 8, 16]
    straight = [run(b, 60 + 5 * i, 40 - 5 * i) for i, b in enumerate(betas)]
    assert "steadily, without a knee" in read(curve_of(straight), latent_dim=4).text
    bulging = [
        run(b, d, 40 - 5 * i) for i, (b, d) in enumerate(zip(betas, (60, 75, 79, 80, 80.5), strict=True))
    ]
    found = read(curve_of(bulging), latent_dim=4)
    assert found.knee is None
    assert "from the smallest β on" in found.text


BETAS = [0.5, 1, 2, 4]


def of_active(*active, betas=BETAS):
    return read(
        curve_of([run(b, 60, 9, a, dim=10) for b, a in zip(betas, active, strict=True)]), latent_dim=10
    )


def of_distortion(*distortion, betas=BETAS):
    return read(curve_of([run(b, d, 9) for b, d in zip(betas, distortion, strict=True)]), latent_dim=4)


@pytest.mark.parametrize(
    ("active", "words", "collapse"),
    [
        (
            (2, 8, 6, 1),
            "rise from 2 of 10 at β 0.5 to 8 at β 1, then fall to 1 at β 4, falling fastest between β 2 and 4.",
            (2, 4),
        ),
        ((8, 2, 2, 7), "fall from 8 of 10 at β 0.5 to 2 at β 1, then rise to 7 at β 4, falling fastest", (0.5, 1)),
        ((2, 3, 5, 9), "Active dimensions rise from 2 of 10 at β 0.5 to 9 at β 4.", None),
        ((9, 9, 3, 3), "fall from 9 of 10 at β 0.5 to 3 at β 4, fastest between β 1 and 2.", (1, 2)),
        (
            (5, 9, 2, 6),
            "go up and down, from 5 of 10 at β 0.5 to 6 at β 4: most at β 1 (9), fewest at β 2 (2), falling fastest",
            (1, 2),
        ),
        ((8, 8, 8, 8), "8 of 10 dimensions are active at every β.", None),
        ((1, 1, 1, 1), "1 of 10 dimensions is active at every β.", None),
        ((3, 2, 1, 0), "fall from 3 of 10 at β 0.5 to 0 at β 4, nowhere faster than", (0.5, 1)),
    ],
)  # fmt: skip
def test_active_dimensions_go_where_they_are_said_to(active, words, collapse):
    found = of_active(*active)
    assert words in found.text
    assert found.collapse == collapse


def test_where_a_code_ends_is_said_with_its_beta():
    assert "; at β 4 the code carries nothing." in of_active(3, 2, 1, 0).text
    assert "; from β 2 on the code carries nothing." in of_active(1, 9, 0, 0).text
    # one seed of three keeps a dimension: that is not nothing
    runs = [run(b, 60, 9, a, seed=s, dim=10) for b, a in ((1, 9), (2, 0)) for s in range(3)]
    runs[-1] = run(2, 60, 9, 1, seed=2, dim=10)
    found = read(curve_of(runs), latent_dim=10)
    assert found.dead is None
    assert "fall from 9 of 10 at β 1 to 0.3 at β 2." in found.text
    assert "nothing" not in found.text


@pytest.mark.parametrize(
    ("distortion", "words", "knee"),
    [
        ((80, 76.5, 77, 97), "Distortion first falls by 3.5 nats from β 0.5 to 1. Reconstruction starts to suffer beyond β 2: distortion rises by 20.5 nats from β 1 to 4, of which 0.5 come before.", 2),
        ((80, 70, 80, 90), "first falls by 10.0 nats from β 0.5 to 1. Reconstruction suffers steadily, without a knee: distortion rises by 20.0 nats from β 1 to 4.", None),
        ((80, 90, 90.5, 70), "is worst at β 2: distortion rises by 10.5 nats from β 0.5 on, then falls by 20.5 to β 4.", None),
        ((80, 75, 70, 70), "does not suffer from a larger β here: distortion falls by 10.0 nats from β 0.5 to 4.", None),
        ((70, 80, 60, 75), "goes up and down, between 60.0 nats at β 2 and 80.0 at β 1:", None),
        ((70, 70, 70, 70), "stays within 0.0 nats", None),
        ((70, 70.01, 70.02, 70.01), "stays within less than 0.1 nats", None),
        ((70, 70, 70, 90), "beyond β 2: distortion rises by 20.0 nats from β 0.5 to 4, none of it before.", 2),
        ((70, 70, 70.02, 90), "to 4, of which less than 0.1 come before.", 2),
        ((80, 70, 90, 92), "Reconstruction suffers from β 1 on: distortion rises by 22.0 nats from β 1 to 4, faster at first", None),
    ],
)  # fmt: skip
def test_distortion_goes_where_it_is_said_to(distortion, words, knee):
    found = of_distortion(*distortion)
    assert words in found.text
    assert found.knee == knee


def test_the_noise_of_three_seeds_is_no_trend():
    rng = np.random.default_rng(5)
    runs = [
        run(b, 60 + 4 * rng.standard_normal(), 9, 5 + seed, seed=seed, dim=10)
        for b in BETAS for seed in range(3)
    ]  # fmt: skip
    text = read(curve_of(runs), latent_dim=10).text
    assert "6 of 10 dimensions are active at every β." in text
    assert "Reconstruction changes no more than by the chance of seeds: distortion stays within" in text
    runs = [run(b, 60, 9, a, seed=s, dim=10) for b, all_ in ((1, (5, 6, 7)), (2, (6, 7, 8))) for s, a in enumerate(all_)]  # fmt: skip
    text = read(curve_of(runs), latent_dim=10).text
    assert (
        "Between 6 and 7 of 10 dimensions are active at every β, no more apart than seeds alone make them."
        in text
    )
    # a trend larger than the seeds' spread is one
    runs = [run(b, 60 + 20 * i + seed, 9, seed=seed) for i, b in enumerate(BETAS) for seed in range(3)]
    assert "rises by 60.0 nats from β 0.5 to 4" in read(curve_of(runs), latent_dim=4).text


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("betas", [2, 4, 8])
def test_noise_alone_turns_in_one_curve_of_twenty(seeds, betas):
    rng = np.random.default_rng(0)
    curves = 100 + 3 * rng.standard_normal((400, betas, seeds))
    bands = [Band(c.mean(1), c.min(1), c.max(1), np.full(betas, seeds)) for c in curves]
    assert np.mean([bool(shape_of(band, 1.0).turns) for band in bands]) < 0.08
    assert np.mean([seed_noise(band) for band in bands]) == pytest.approx(3, rel=0.05)
    # and a rise of five standard deviations is seen
    rise = curves + np.linspace(0, 15 * np.sqrt(8 / seeds), betas)[:, None]
    bands = [Band(c.mean(1), c.min(1), c.max(1), np.full(betas, seeds)) for c in rise]
    assert np.mean([shape_of(band, 1.0).step[:1] > (0,) for band in bands]) > 0.9


def test_every_number_of_a_sentence_is_the_curves():
    """Whatever the curve, "v at β b" is its value there, and "rise" and "fall" go that way."""
    rng = np.random.default_rng(8)
    betas = [0.25, 0.5, 1, 2, 4, 8]
    for _ in range(300):
        active = dict(zip(betas, rng.integers(0, 11, len(betas)), strict=True))
        text = of_active(*active.values(), betas=betas).text.split(".  ")[0]
        for value, beta in re.findall(r"(\d+)(?: of 10)? at β ([\d.]*\d)", text):
            assert active[float(beta)] == int(value), text
        for beta, value in re.findall(r"(?:most|fewest) at β ([\d.]*\d) \((\d+)\)", text):
            assert active[float(beta)] == int(value), text
        if way := re.search(r"(rise|fall) from (\d+) of 10 at β \S+ to (\d+)", text):
            assert (int(way[3]) > int(way[2])) == (way[1] == "rise"), text
        if "go up and down" in text:
            assert f"({max(active.values())})" in text
            assert f"({min(active.values())})" in text
        distortion = dict(zip(betas, 60 + 5 * rng.standard_normal(len(betas)), strict=True))
        text = of_distortion(*distortion.values(), betas=betas).text
        for way, by, start, end in re.findall(
            r"(rises|falls) by ([\d.]+) nats from β (\S+) to ([\d.]*\d)", text
        ):
            step = distortion[float(end)] - distortion[float(start)]
            assert step == pytest.approx(float(by) * (1 if way == "rises" else -1), abs=0.051), text


def test_an_elbo_of_nothing_has_no_sign():
    runs = [run(b, d, 0.04) for b, d in ((1, -0.04 + 1e-9), (2, 3), (4, 5))]
    assert "best ELBO 0.0 nats; at the end of the range" in read(curve_of(runs), latent_dim=4).text


def test_no_beta_lies_below_zero():
    runs = [run(b, 60 + 5 * b, 20) for b in (0, 1, 2)]
    assert "do better still" not in read(curve_of(runs), latent_dim=4).text


def test_a_score_within_the_spread_of_seeds_is_said_to_be():
    runs = [run(b, 60, 9, seed=s, scores={"mig": m + 0.1 * s}) for b, m in ((1, 0.1), (2, 0.4), (4, 0.45)) for s in range(3)]  # fmt: skip
    text = read(curve_of(runs), latent_dim=4, score="mig", title="MIG").text
    assert text.endswith("MIG is best at β 4 (0.550); β 2 lies within the spread of seeds.")
    text = read(curve_of(runs), latent_dim=4, score="mig", title="MIG", higher_is_better=False).text
    assert text.endswith("MIG is best at β 1 (0.200).")


def test_a_point_that_was_not_trained_to_its_end_is_named():
    runs = convex([0.25, 0.5, 1, 2, 4])
    runs[2] = run(1, 75, 4)
    assert "β 1 lies off the order" in read(curve_of(runs), latent_dim=4).text
    assert "off the order" not in read(curve_of(convex([0.25, 0.5, 1])), latent_dim=4).text


def test_a_positive_elbo_of_a_density_keeps_its_sign():
    runs = [run(b, -900 + 5 * i, 40) for i, b in enumerate([1, 2, 4])]
    assert "best ELBO 860.0 nats" in read(curve_of(runs), latent_dim=4).text
