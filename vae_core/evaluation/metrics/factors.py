"""What the scores of disentanglement share: checks of codes and factors, and small helpers.

Every score is f(codes (N, D), factors (N, K) integers, rng) -> float in [0, 1]: 0 is what codes that know nothing get,
1 is the best. The codes are taken as given: posterior means, or samples. A constant factor or dimension is left out;
where no dimension varies every score is 0. Published implementations differ in bins, in estimators and in what they
divide by, for MIG by orders of magnitude, so each metric's definition says what its number is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.statistics import active_units

T = TypeVar("T")
LEAST_IMAGES = 100


def in_active_dimensions(
    score: Callable[[np.ndarray, np.ndarray, np.random.Generator], T],
) -> Callable[..., T]:
    """A score of codes and factors as a metric of a run: of the posterior means in the active dimensions.

    A dimension whose means vary by 0.01 or less is inactive (see `active_units`): what its mean still tells, the
    posterior's noise drowns. `log_var` is asked for because only a posterior puts codes on the prior's scale; a plain
    autoencoder has none and is not scored.
    """

    def metric(mean: np.ndarray, log_var: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> T:
        codes = np.asarray(mean, np.float64)
        active = active_units(codes)
        return score(codes[:, active] if active.any() else np.zeros((len(codes), 1)), factors, rng)

    return metric


def checked(codes: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The dimensions that vary, float64 (N, D'), and the factors that vary, their values numbered from 0 in order, int (N, K').

    Raises BadCodes, and TooFewPoints when no factor varies.
    """
    z, v = checked_shapes(codes, factors)
    z = z[:, np.ptp(z, 0) > 1e-6 * np.abs(z).max(0)]
    v = np.stack([np.unique(column, return_inverse=True)[1] for column in v.T], 1)
    v = v[:, v.any(0)]
    if not v.shape[1]:
        raise TooFewPoints("no factor varies among these images; scores need one that does")
    return z, v


def checked_shapes(codes: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes float64 (N, D) and factors (N, K) of whole numbers, nothing left out. Raises BadCodes, TooFewPoints."""
    z, v = np.asarray(codes), np.asarray(factors)
    if z.ndim != 2 or v.ndim != 2 or len(z) != len(v) or 0 in (z.shape[1], v.shape[1]):
        raise BadCodes(f"codes (N, D) and factors (N, K) are expected, got {z.shape} and {v.shape}")
    if z.dtype.kind not in "fiu" or v.dtype.kind not in "fiub":
        raise BadCodes(f"codes are expected as numbers and factors as integers, got {z.dtype} and {v.dtype}")
    if not np.isfinite(z).all():
        raise BadCodes("codes must be finite numbers")
    if v.dtype.kind == "f" and not (np.isfinite(v).all() and (v == np.rint(v)).all()):
        raise BadCodes("factors must be whole numbers, the index of each value")
    if len(z) < LEAST_IMAGES:
        raise TooFewPoints(f"scores need {LEAST_IMAGES} images with known factors; there are {len(z)}")
    return z.astype(np.float64), v


def standardised(x: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and variance 1."""
    found: np.ndarray = (x - x.mean(0)) / x.std(0)
    return found


def largest_first(x: np.ndarray) -> np.ndarray:
    """(D, K) -> each column from its largest on, at least two rows: what a missing dimension knows is 0."""
    return np.sort(np.vstack((x, np.zeros((1, x.shape[1])))), axis=0)[::-1]


def shares(x: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, or hold nothing."""
    whole = x.sum(1, keepdims=True)
    found: np.ndarray = np.divide(x, whole, out=np.zeros_like(x), where=whole > 0)
    return found


def unit(value: float) -> float:
    """Rounding may carry a score past its bounds, chance below 0."""
    return float(np.clip(value, 0.0, 1.0))
