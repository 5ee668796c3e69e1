"""A number between trials, of planted planes."""

import math

import numpy as np
import pytest

from vae_core.study.fields import Field
from vae_core.study.surface import surface
from vae_core.study.trials import COMPLETE, PRUNED, Trial

X = Field("beta", 0.1, 10.0, log=True)
Y = Field("latent-dim", 2, 6, whole=True)


def trial(number, beta, dims, value, end=COMPLETE):
    return Trial(
        number, {"beta": beta, "latent-dim": dims}, 0, f"r{number}", end=end, numbers={"elbo": value}
    )


def corners(value):
    places = [(0.1, 2), (10.0, 2), (0.1, 6), (10.0, 6)]
    return [trial(i, b, d, value(b, d)) for i, (b, d) in enumerate(places)]


def test_a_plane_in_the_logarithm_comes_back():
    across, up, found = surface(corners(lambda b, d: 3 * math.log10(b) + d), X, Y, "elbo")
    assert found.shape == (len(up), len(across))
    assert up == [2, 3, 4, 5, 6], "whole numbers, once each"
    assert across[0] == pytest.approx(0.1)
    assert across[-1] == pytest.approx(10)
    expected = 3 * np.log10(across)[None, :] + np.array(up)[:, None]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_mean_of_seeds_counts_and_ended_early_does_not():
    trials = corners(lambda b, d: 1.0)
    trials += [trial(4, 0.1, 2, 3.0), trial(5, 10.0, 2, 900.0, PRUNED)]
    _, _, found = surface(trials, X, Y, "elbo")
    assert found[0, 0] == pytest.approx(2.0)
    assert found[0, -1] == pytest.approx(1.0)


def test_nothing_is_said_where_no_trials_lie_around():
    inner = [trial(i, b, d, 1.0) for i, (b, d) in enumerate([(0.5, 3), (2.0, 3), (0.5, 5), (2.0, 5)])]
    _, _, found = surface(inner, X, Y, "elbo")
    assert np.isnan(found[0]).all()
    assert found[2][np.isfinite(found[2])] == pytest.approx(1.0)


def test_too_few_or_on_one_line_span_nothing():
    assert surface(corners(lambda b, d: 1.0)[:3], X, Y, "elbo") is None
    line = [trial(i, b, 4, 1.0) for i, b in enumerate((0.1, 0.5, 2.0, 10.0))]
    assert surface(line, X, Y, "elbo") is None
    assert surface(corners(lambda b, d: 1.0), X, Y, "mse") is None
