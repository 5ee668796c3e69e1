"""Codes from a fitted mixture lie where those it was fitted to lie, and the nearest image is found."""

from __future__ import annotations

import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent import nearest
from vae_core.latent.nearest import nearest_images
from vae_core.latent.sampling import fit_mixture


@pytest.fixture
def two_heaps() -> np.ndarray:
    """Three quarters around (-4, 0), long in y; a quarter around (4, 0), round."""
    rng = np.random.default_rng(0)
    left = rng.normal((-4, 0), (0.2, 1.0), (750, 2))
    return np.concatenate((left, rng.normal((4, 0), (0.3, 0.3), (250, 2))))


def test_a_mixture_finds_planted_heaps(two_heaps: np.ndarray) -> None:
    found = fit_mixture(two_heaps, components=2)
    left = int(found.means[:, 0].argmin())
    np.testing.assert_allclose(found.weights[left], 0.75, atol=0.01)
    np.testing.assert_allclose(found.means[left], (-4, 0), atol=0.1)
    covariance = found.roots[left] @ found.roots[left].T
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), (0.2, 1.0), rtol=0.1)


def test_its_codes_lie_where_the_heaps_lie_and_the_hole_stays_empty(two_heaps: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((2_000, 2))
    drawn = fit_mixture(two_heaps, components=2).draw(noise, rng)
    assert drawn.dtype == np.float32
    assert (np.abs(drawn[:, 0]) > 2).all(), "nothing between the heaps, where the prior would draw most"
    np.testing.assert_allclose((drawn[:, 0] < 0).mean(), 0.75, atol=0.03)
    np.testing.assert_allclose(drawn[drawn[:, 0] < 0, 1].std(), 1.0, rtol=0.1)


def test_a_lower_temperature_draws_nearer_to_the_means(two_heaps: np.ndarray) -> None:
    found = fit_mixture(two_heaps, components=2)
    noise = np.random.default_rng(1).standard_normal((500, 2))
    warm, cold = (found.draw(noise, np.random.default_rng(2), t) for t in (1.0, 0.5))
    zero = found.draw(noise, np.random.default_rng(2), 0.0)
    np.testing.assert_allclose(cold - zero, (warm - zero) / 2, atol=1e-5)


def test_a_dimension_that_is_not_in_use_is_no_fault() -> None:
    codes = np.random.default_rng(0).normal(0, 1, (400, 3))
    codes[:, 2] = 0.5
    found = fit_mixture(codes)
    drawn = found.draw(np.ones((4, 3)), np.random.default_rng(0))
    np.testing.assert_allclose(drawn[:, 2], 0.5, atol=0.05)


def test_too_few_codes_and_no_codes_are_refused() -> None:
    with pytest.raises(TooFewPoints, match="needs 30 codes or more; there are 29"):
        fit_mixture(np.random.default_rng(0).normal(0, 1, (29, 3)))
    assert len(fit_mixture(np.random.default_rng(0).normal(0, 1, (30, 3))).weights) == 2
    with pytest.raises(BadCodes):
        fit_mixture(np.full((100, 2), np.nan))


def test_the_nearest_image_is_found_among_those_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "CHUNK", 7)
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 256, (50, 1, 4, 4), np.uint8)
    index = np.arange(10, 50)
    made = pool[[12, 33, 5]].copy()
    made[1, 0, 0, 0] ^= 16
    shares: list[float] = []
    which, far = nearest_images(made, pool, index, shares.append)
    brute = ((made[:, None].astype(float) - pool[index][None].astype(float)) / 255) ** 2
    assert which.tolist() == index[brute.sum((2, 3, 4)).argmin(1)].tolist()
    assert which[:2].tolist() == [12, 33]
    np.testing.assert_allclose(far, np.sqrt(brute.mean((2, 3, 4)).min(1)), atol=1e-3)
    assert shares == sorted(shares)
    assert len(shares) == 6
