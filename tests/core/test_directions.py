import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.directions import attribute_direction, leakage
from vae_core.latent.probes import Probe, fit_probes_for_factors


def probe_along(*weights):
    """A yes-or-no probe of known weights: probability of yes = sigmoid(weights . z)."""
    half = np.array(weights, float) / 2
    return Probe(np.stack((-half, half)), np.zeros(2), ("no", "yes"), 1.0, 0.5, 100)


CODES = np.random.default_rng(0).standard_normal((800, 3))


def test_the_direction_is_the_difference_of_the_means():
    a, b = CODES[:, 0] > 1, CODES[:, 0] < -1
    found = attribute_direction(CODES.astype(np.float32), a, b)
    np.testing.assert_allclose(found, CODES[a].mean(0) - CODES[b].mean(0), atol=1e-6)
    assert found[0] > 2.5 > 0.3 > abs(found[1])


def test_groups_are_masks_with_an_image_each():
    some, none = np.ones(800, bool), np.zeros(800, bool)
    with pytest.raises(TooFewPoints, match="the second group has no image"):
        attribute_direction(CODES, some, none)
    with pytest.raises(BadCodes, match="800 truth values"):
        attribute_direction(CODES, np.arange(800), some)
    with pytest.raises(BadCodes, match="800 truth values"):
        attribute_direction(CODES, some[:5], some)
    with pytest.raises(BadCodes, match="finite"):
        attribute_direction(np.where(CODES > 3, np.nan, CODES), some, some)


def test_a_step_along_an_axis_moves_what_reads_that_axis_and_nothing_else():
    probes = {"other": probe_along(0, 4, 0), "own": probe_along(4, 0, 0), "against": probe_along(-1, 0, 0)}
    found = leakage(np.array([0.5, 0.0, 0.0]), probes, CODES, size=2.0)
    assert [leak.name for leak in found] == ["own", "against", "other"]
    own, against, other = found
    # the mean over the images, from the definition
    before, after = 1 / (1 + np.exp(-4 * CODES[:, 0])), 1 / (1 + np.exp(-4 * (CODES[:, 0] + 1)))
    assert own.change == pytest.approx((after - before).mean())
    assert 0.2 < own.low < own.change < own.high
    assert against.high < 0
    assert (other.change, other.low, other.high) == (0.0, 0.0, 0.0)


def test_the_interval_over_images_is_that_of_the_mean():
    probes = {"own": probe_along(4, 0, 0)}
    (leak,) = leakage(np.array([1.0, 0, 0]), probes, CODES, boots=2000)
    p = [1 / (1 + np.exp(-4 * (CODES[:, 0] + step))) for step in (0, 1)]
    error = (p[1] - p[0]).std() / np.sqrt(800)
    assert leak.change - leak.low == pytest.approx(1.96 * error, rel=0.1)
    assert leak.high - leak.change == pytest.approx(1.96 * error, rel=0.1)


@pytest.mark.slow
def test_with_its_groups_the_interval_holds_the_truth_as_often_as_it_says():
    """The groups differ along axis 0 alone; what they differ in along axis 1 is the luck of 30 images."""
    held, held_without, trials = 0, 0, 60
    probes = {"other": probe_along(0, 3, 0)}
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        codes = rng.standard_normal((60, 3))
        a = np.arange(60) < 30
        codes[a, 0] += 3
        direction = attribute_direction(codes, a, ~a)
        (leak,) = leakage(direction, probes, codes, groups=(a, ~a), seed=seed)
        held += leak.low <= 0 <= leak.high
        (leak,) = leakage(direction, probes, codes, seed=seed)
        held_without += leak.low <= 0 <= leak.high
    assert held >= 0.85 * trials
    assert held_without < 0.5 * trials


@pytest.mark.slow
def test_a_scaled_direction_is_resampled_at_its_own_scale():
    a = CODES[:, 0] > 0
    direction = attribute_direction(CODES, a, ~a)
    probes = {"own": probe_along(2, 0, 0)}
    (whole,) = leakage(direction, probes, CODES, groups=(a, ~a), size=0.25)
    (scaled,) = leakage(direction / 4, probes, CODES, groups=(a, ~a))
    assert (scaled.change, scaled.low, scaled.high) == pytest.approx((whole.change, whole.low, whole.high))
    assert whole.low < whole.change < whole.high
    shape = {"shape": Probe(np.eye(3), np.zeros(3), ("a", "b", "c"), 1.0, 0.4, 100)}
    (whole,) = leakage(direction, shape, CODES, groups=(a, ~a), size=0.25)
    (scaled,) = leakage(direction / 4, shape, CODES, groups=(a, ~a))
    assert (scaled.change, scaled.low, scaled.high) == pytest.approx((whole.change, whole.low, whole.high))
    assert 0 < whole.low < whole.change < whole.high


def test_many_classes_change_by_total_variation():
    probe = Probe(20 * np.eye(3), np.zeros(3), ("a", "b", "c"), 1.0, 0.4, 100)
    codes = np.tile([1.0, 0.0, 0.0], (50, 1))
    (leak,) = leakage(np.array([-1.0, 1.0, 0.0]), {"shape": probe}, codes)
    assert leak.change == pytest.approx(1.0, abs=1e-6)  # surely a before, surely b after
    assert leakage(np.zeros(3), {"shape": probe}, codes)[0].change == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("a", "b"), [(100, 100), (30, 700)])
def test_groups_that_do_not_differ_are_not_sure_to_change_many_classes(a, b):
    """Whatever two random groups differ in, six classes change by something, and more so in every resample."""
    held, trials = 0, 20
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        probe = Probe(rng.standard_normal((6, 32)), np.zeros(6), tuple("abcdef"), 1.0, 0.2, 100)
        codes = rng.standard_normal((1000, 32))
        dealt = rng.permutation(1000)
        masks = np.isin(np.arange(1000), dealt[:a]), np.isin(np.arange(1000), dealt[a : a + b])
        direction = attribute_direction(codes, *masks)
        (leak,) = leakage(direction, {"shape": probe}, codes, boots=100, groups=masks, seed=seed)
        assert leak.low <= leak.change <= leak.high
        assert leak.change > 0.02, "as if there were an effect"
        held += leak.low <= 0
    assert held >= 0.85 * trials


@pytest.mark.slow
def test_many_classes_are_sure_to_change_where_the_groups_do_differ():
    held, sure, trials = 0, 0, 15
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        probe = Probe(rng.standard_normal((6, 32)), np.zeros(6), tuple("abcdef"), 1.0, 0.2, 100)
        codes = rng.standard_normal((1000, 32))
        a, b = np.arange(1000) < 150, np.arange(1000) >= 800
        codes[a, 0] += 2
        truth = leakage(2 * np.eye(32)[0], {"shape": probe}, codes)[0].change
        (leak,) = leakage(
            attribute_direction(codes, a, b), {"shape": probe}, codes, boots=100, groups=(a, b), seed=seed
        )
        sure += leak.low > 0
        held += leak.low <= truth <= leak.high
    assert sure == trials
    assert held >= 0.85 * trials


@pytest.mark.slow
def test_fitted_probes_show_a_planted_leak():
    """Factor `tied` follows `own` in the codes, `free` does not."""
    rng = np.random.default_rng(3)
    own, free = rng.standard_normal((2, 2500))
    tied = 0.8 * own + 0.6 * rng.standard_normal(2500)
    codes = np.stack((own, tied, free), 1)
    probes = fit_probes_for_factors(codes, ("own", "tied", "free"), codes)
    a = own > 0
    direction = attribute_direction(codes, a, ~a)
    leaks = {leak.name: leak for leak in leakage(direction, probes, codes, groups=(a, ~a))}
    assert leaks["own"].change > 0.3
    assert leaks["tied"].low > 0.2
    assert abs(leaks["free"].change) < 0.05
    assert leaks["free"].low <= 0 <= leaks["free"].high


def test_what_does_not_fit_is_refused_and_the_same_seed_says_the_same():
    probes = {"own": probe_along(1, 1, 1)}
    for direction in (np.zeros(2), np.full(3, np.nan)):
        with pytest.raises(BadCodes, match="direction"):
            leakage(direction, probes, CODES)
    with pytest.raises(TooFewPoints, match="there are none"):
        leakage(np.ones(3), probes, CODES[:0])
    with pytest.raises(BadCodes, match="one resample"):
        leakage(np.ones(3), probes, CODES, boots=0)
    assert leakage(np.ones(3), {}, CODES) == []
    assert leakage(np.ones(3), probes, CODES, seed=5) == leakage(np.ones(3), probes, CODES, seed=5)
