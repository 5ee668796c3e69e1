"""What a set looks like, on planted images."""

from __future__ import annotations

import numpy as np
import pytest

from vae_core.data.looks import look_at


def of_values(values: np.ndarray) -> np.ndarray:
    """uint8 (N, 1, 8, 8) from floats in [0, 1]."""
    return np.rint(255 * values.reshape(-1, 1, 8, 8)).astype(np.uint8)


def test_binary_is_one_for_black_and_white_and_nothing_for_a_constant():
    rng = np.random.default_rng(0)
    coins = (rng.random(64 * 50) < 0.3).astype(float)
    assert look_at(of_values(coins)).binary == pytest.approx(1.0)
    assert look_at(of_values(np.full(64 * 50, 0.4))).binary == pytest.approx(0.0, abs=1e-6)
    # evenly spread grey: a variance of 1/12 of the 1/4 there could be
    assert look_at(of_values(rng.random(64 * 500))).binary == pytest.approx(1 / 3, abs=0.02)


def test_the_spread_is_the_root_mean_square_from_the_mean_image():
    mean = np.linspace(0.2, 0.8, 64)
    images = of_values(np.concatenate([mean + 0.1, mean - 0.1]))
    assert look_at(images).spread == pytest.approx(0.1, abs=0.002)
    same = look_at(of_values(np.tile(mean, 5)))
    assert same.spread == pytest.approx(0.0, abs=1e-6)
    assert (same.explained, same.components(0.8), same.residual(3)) == ((), 0, 0.0)


def test_planted_components_are_counted_and_what_they_leave_is_the_residual():
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.normal(size=(64, 3)))[0].T
    codes = rng.normal(size=(400, 3)) * (
        0.4,
        0.4,
        0.2,
    )  # variances as 4 : 4 : 1, and small enough to stay in [0, 1]
    look = look_at(of_values(0.5 + codes @ axes))
    assert (look.components(0.4), look.components(0.8), look.components(0.95)) == (1, 2, 3)
    assert look.explained[2] == pytest.approx(1.0, abs=0.03)
    assert look.residual(0) == pytest.approx(look.spread)
    assert look.residual(2) == pytest.approx(np.sqrt(0.04 / 64), rel=0.15)  # and rounding to 256 levels
    assert look.residual(500) == pytest.approx(0.0, abs=1e-6)


def test_a_large_set_is_sampled_from_end_to_end():
    images = np.zeros((5_000, 1, 8, 8), np.uint8)
    images[2_500:] = 255
    assert look_at(images).spread == pytest.approx(0.5, abs=0.01)
