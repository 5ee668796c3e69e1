"""How usual a code is, on clouds whose answer is known."""

import numpy as np
import pytest

from vae_core.errors import TooFewPoints
from vae_core.latent.aggregate import aggregate


def planted(n=40_000, spread=(3.0, 0.5, 0.0), noise=(0.2, 0.5, 1.0)):
    rng = np.random.default_rng(1)
    mean = rng.standard_normal((n, 3)) * spread + [1.0, 0.0, 0.0]
    return mean, np.log(np.broadcast_to(np.square(noise), (n, 3)))


def test_distance_is_mahalanobis_of_the_total_variance():
    found = aggregate(*planted())
    deviations = np.sqrt(np.square([3.0, 0.5, 0.0]) + np.square([0.2, 0.5, 1.0]))
    for d in range(3):
        z = np.array([1.0, 0.0, 0.0])
        z[d] += 2 * deviations[d]
        assert found.distance(z)[0] == pytest.approx(2, rel=0.03)


def test_percentiles_are_those_of_samples_not_of_means():
    mean, log_var = planted()
    found = aggregate(mean, log_var)
    rng = np.random.default_rng(5)
    samples = mean + np.exp(0.5 * log_var) * rng.standard_normal(mean.shape)
    # of fresh samples a share p lies below the p-th percentile: uniform
    percent = found.percentile(samples)
    for p in (10, 50, 90, 99):
        assert (percent < p).mean() * 100 == pytest.approx(p, abs=1.5)
    # the means alone lie nearer to the middle: the third dimension, collapsed, is noise only
    assert np.median(found.percentile(mean)) < 35


def test_far_away_is_the_last_percentile_and_the_middle_the_first():
    found = aggregate(*planted())
    assert found.percentile(np.full(3, 1e3))[0] == 100
    assert found.percentile(found.mean)[0] < 0.5


def test_quantiles_of_coordinates():
    found = aggregate(*planted())
    np.testing.assert_allclose(found.high - found.mean, 2.326 * np.sqrt([9.04, 0.5, 1.0]), rtol=0.06)
    np.testing.assert_allclose(found.low - found.mean, -2.326 * np.sqrt([9.04, 0.5, 1.0]), rtol=0.06)


def test_a_plain_autoencoder_and_constant_dimensions_do():
    mean = np.random.default_rng(0).standard_normal((50, 4))
    mean[:, 2] = 7.0
    found = aggregate(mean, np.full((50, 4), -np.inf))
    assert np.isfinite(found.distance(mean)).all()
    assert found.percentile(mean[0] + [0, 0, 5, 0])[0] == 100


def test_fewer_images_than_dimensions_do():
    rng = np.random.default_rng(0)
    found = aggregate(rng.standard_normal((5, 20)), np.zeros((5, 20)))
    assert np.isfinite(found.percentile(rng.standard_normal((3, 20)))).all()


def test_too_few_images_are_said():
    with pytest.raises(TooFewPoints, match="three images"):
        aggregate(np.zeros((2, 3)), np.zeros((2, 3)))
