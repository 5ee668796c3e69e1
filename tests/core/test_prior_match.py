"""The aggregate posterior against the prior, where it is the prior, far from it, or collapsed in part."""

import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.prior_match import MOST_NEAR, against_prior, perfect_holes, wilson

pytestmark = pytest.mark.slow


def posteriors(n=6000, spreads=(0.9, 0.6, 0.0), seed=1):
    """Posteriors whose aggregate is exactly N(0, I): Var(mean) + variance = 1."""
    spreads = np.array(spreads)
    mean = np.random.default_rng(seed).standard_normal((n, len(spreads))) * spreads
    return mean, np.broadcast_to(np.log(1 - spreads**2), mean.shape)


def test_where_they_match_holes_are_one_in_a_hundred_and_histograms_normal():
    mean, log_var = posteriors()
    found = against_prior(mean, log_var)
    assert found.images == 6000
    assert found.holes.value == pytest.approx(0.01, abs=0.008)
    assert found.holes.low < 0.01 < found.holes.high
    assert found.edges.shape == (41,)
    assert (found.edges[0], found.edges[-1]) == (-4, 4)
    assert found.density.shape == (3, 40)
    middles = (found.edges[1:] + found.edges[:-1]) / 2
    normal = np.exp(-(middles**2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(found.density, np.tile(normal, (3, 1)), atol=0.03)


@pytest.mark.parametrize("dims", [1, 8, 32])
def test_one_in_a_hundred_is_the_mean_in_any_number_of_dimensions(dims):
    holes = [
        against_prior(*posteriors(1500, [0.8] * dims, seed), samples=1000, seed=seed).holes.value
        for seed in range(6)
    ]
    assert np.mean(holes) == pytest.approx(0.01, abs=0.006)


@pytest.mark.parametrize("dims", [2, 8])
@pytest.mark.parametrize(("images", "share"), [(20, 1 / 21), (50, 1 / 51), (150, 2 / 151), (500, 5 / 501)])
def test_what_a_perfect_match_has_depends_on_the_number_of_images(images, share, dims):
    """By simulation: the mean over many draws of the very prior."""
    found = [
        against_prior(*posteriors(images, [0.8] * dims, seed), samples=500, seed=seed) for seed in range(150)
    ]
    assert found[0].perfect == perfect_holes(images) == pytest.approx(share)
    holes = [match.holes.value for match in found]
    error = np.std(holes) / np.sqrt(len(holes))
    assert np.mean(holes) == pytest.approx(share, abs=3 * error)
    assert error < 0.15 * share


def test_kl_and_activity_are_each_dimensions_own():
    mean, log_var = posteriors(40_000)
    found = against_prior(mean, log_var)
    # E[mean^2] + var = 1 leaves -log(var) / 2
    np.testing.assert_allclose(found.kl, -0.5 * np.log([1 - 0.81, 1 - 0.36, 1.0]), atol=0.02)
    assert found.total_kl == pytest.approx(found.kl.sum())
    assert found.active.tolist() == [True, True, False]


def test_codes_in_one_spot_leave_nothing_but_holes():
    mean = np.zeros((500, 4))
    assert against_prior(mean, np.full(mean.shape, -12.0)).holes.low > 0.99
    assert against_prior(mean, np.full(mean.shape, -np.inf)).holes.value == 1.0


def test_a_gap_in_the_middle_is_a_hole_of_the_size_it_has():
    """Codes avoid |z_0| < 1 alone; the prior has 68 % of its mass there, most of it far from the rims."""
    rng = np.random.default_rng(3)
    mean = rng.standard_normal((4000, 2))
    mean[:, 0] = np.sign(mean[:, 0]) * np.sqrt(-2 * np.log(rng.uniform(0, np.exp(-0.5), 4000)))
    found = against_prior(mean, np.full(mean.shape, -12.0))
    assert 0.4 < found.holes.low < found.holes.high < 0.69
    assert found.density[0, 18:22].max() == 0.0


def test_collapsed_dimensions_do_not_make_everything_a_hole():
    mean, log_var = posteriors(3000, [0.99, *[0.0] * 9])
    assert against_prior(mean, log_var).holes.value < 0.03
    # as they would on means alone
    assert against_prior(mean, np.full(mean.shape, -np.inf)).holes.value > 0.9


def test_outliers_are_counted_into_the_end_bins():
    mean = np.zeros((1000, 2))
    mean[:3, 1] = 50, 60, -70
    found = against_prior(mean, np.full((1000, 2), -20.0), bins=8)
    assert found.edges[[0, -1]].tolist() == [-4, 4]
    np.testing.assert_allclose(found.density.sum(1), 1.0)  # bins of width 1
    assert found.density[1, 0] == pytest.approx(0.001)
    assert found.density[1, -1] == pytest.approx(0.002)


def test_the_range_widens_with_what_is_wide():
    mean, log_var = posteriors()
    found = against_prior(mean * [10, 1, 1], log_var)
    assert 20 < found.edges[-1] < 30
    np.testing.assert_allclose(found.density.sum(1) * np.diff(found.edges)[0], 1.0)


def test_a_plain_autoencoder_has_no_kl_but_the_rest():
    mean, _ = posteriors()
    found = against_prior(mean, np.full(mean.shape, -np.inf))
    assert np.isnan(found.kl).all()
    assert np.isnan(found.total_kl)
    assert found.active.tolist() == [True, True, False]
    np.testing.assert_allclose(found.density.sum(1) * np.diff(found.edges)[0], 1.0)
    assert found.density[2, 19:21].sum() * 0.2 == pytest.approx(1.0)  # all at 0


def test_few_duplicate_and_broken_images_do():
    mean, log_var = posteriors(40)
    mean, log_var = mean.copy(), log_var.copy()
    mean[3, 0], log_var[4, 1], log_var[5, 0], mean[6, 1] = np.nan, np.nan, np.inf, -np.inf
    found = against_prior(mean, log_var)
    assert found.images == 36
    assert np.isfinite(found.density).all()
    assert np.isfinite([found.holes.value, found.holes.low, found.holes.high, found.total_kl]).all()
    twins = against_prior(np.repeat(mean[10:20], 9, 0), np.full((90, 3), -np.inf))
    assert 0 <= twins.holes.low <= twins.holes.high <= 1


def test_what_does_not_fit_is_refused():
    with pytest.raises(TooFewPoints, match="3 finite images or more, got 2"):
        against_prior(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(TooFewPoints, match="got 0"):
        against_prior(np.full((9, 3), np.nan), np.zeros((9, 3)))
    with pytest.raises(BadCodes, match="both"):
        against_prior(np.zeros((9, 3)), np.zeros((9, 2)))
    with pytest.raises(BadCodes, match="two bins"):
        against_prior(np.zeros((9, 3)), np.zeros((9, 3)), bins=1)


def test_the_same_seed_says_the_same():
    mean, log_var = posteriors(MOST_NEAR + 500)
    one, same, other = (against_prior(mean, log_var, seed=seed) for seed in (0, 0, 1))
    assert one.holes == same.holes
    assert (one.density == same.density).all()
    assert (one.density != other.density).any()


def test_wilsons_interval_holds_the_truth_and_its_ends():
    rng = np.random.default_rng(0)
    for share in (0.01, 0.3, 0.99):
        hits = rng.binomial(2000, share, 400)
        held = [score.low <= share <= score.high for score in (wilson(int(h), 2000) for h in hits)]
        assert np.mean(held) > 0.92
    assert wilson(0, 50).low == 0
    assert 0.05 < wilson(0, 50).high < 0.1
    assert wilson(50, 50).high == 1.0
    assert wilson(5, 10).value - wilson(5, 10).low == pytest.approx(0.2634, abs=1e-3)
