"""What a cloud of codes says about its dimensions. Pure functions of arrays."""

from __future__ import annotations

import numpy as np

ACTIVE_VARIANCE = 0.01


def kl_from_prior(mean: np.ndarray, log_var: np.ndarray) -> np.ndarray:
    """KL[q(z_d|x) || N(0, 1)] of posteriors (N, D), nats, (N, D) float64; infinite for a plain autoencoder."""
    mean, log_var = np.asarray(mean, np.float64), np.asarray(log_var, np.float64)
    found: np.ndarray = 0.5 * (mean**2 + np.exp(log_var) - log_var - 1)
    return found


def active_units(means: np.ndarray) -> np.ndarray:
    """Posterior means (N, D) -> bool (D,): Var_x(mean) > 0.01 (Burda, Grosse & Salakhutdinov 2016)."""
    found: np.ndarray = np.asarray(means, np.float64).var(0) > ACTIVE_VARIANCE
    return found


def order_by_kl(kl: np.ndarray) -> np.ndarray:
    """KL per dimension (D,) -> dimensions from most to least used (D,), ties by number.

    A plain autoencoder has none (NaN): its dimensions keep their order.
    """
    return np.argsort(-np.nan_to_num(np.asarray(kl, np.float64)), kind="stable")


def nearest(query: np.ndarray, points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of `points` (N, D) to each row of `query` (Q, D): indices and distances, (Q, k)."""
    query, points = np.atleast_2d(query).astype(np.float64), np.asarray(points, np.float64)
    k = min(k, len(points))
    # |a - b|^2 = |a|^2 - 2 a.b + |b|^2; never negative but for rounding
    squares = (query**2).sum(1)[:, None] - 2 * query @ points.T + (points**2).sum(1)[None]
    found = np.argpartition(squares, k - 1, axis=1)[:, :k]
    ordered = np.take_along_axis(squares, found, 1).argsort(1, kind="stable")
    found = np.take_along_axis(found, ordered, 1)
    return found, np.sqrt(np.maximum(0, np.take_along_axis(squares, found, 1)))
