"""The aggregate posterior q(z) = mean over images of q(z|x), as one Gaussian: how typical a code is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import TooFewPoints

SAMPLES = 20_000


@dataclass(frozen=True)
class Aggregate:
    """mean (D,); whiten (D, D) with |whiten @ (z - mean)| the Mahalanobis distance; quantiles (101,) of that distance
    among samples z ~ q(z|x), not among means: means are less spread than what the decoder was trained on. low, high
    (D,): the 1st and 99th percentile of each coordinate among those samples.
    """

    mean: np.ndarray
    whiten: np.ndarray
    quantiles: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def distance(self, codes: np.ndarray) -> np.ndarray:
        """(N, D) or (D,) -> Mahalanobis distances (N,)."""
        away = np.atleast_2d(np.asarray(codes, np.float64)) - self.mean
        found: np.ndarray = np.linalg.norm(away @ self.whiten.T, axis=1)
        return found

    def percentile(self, codes: np.ndarray) -> np.ndarray:
        """(N, D) or (D,) -> share of samples z ~ q(z|x) that lie nearer to the middle, in percent (N,)."""
        found: np.ndarray = np.interp(self.distance(codes), self.quantiles, np.arange(101.0))
        return found


def aggregate(mean: np.ndarray, log_var: np.ndarray, *, seed: int = 0) -> Aggregate:
    """Posteriors (N, D) of N images -> their aggregate. log_var is -inf for a plain autoencoder.

    Its covariance is Cov(means) + mean posterior variance (law of total variance). Raises TooFewPoints below three
    images.
    """
    mean, log_var = np.asarray(mean, np.float64), np.asarray(log_var, np.float64)
    n, d = mean.shape
    if n < 3:
        raise TooFewPoints(f"an aggregate posterior needs three images or more, got {n}")
    variance = np.exp(log_var)
    middle = mean.mean(0)
    covariance = np.cov(mean.T, ddof=0).reshape(d, d) + np.diag(variance.mean(0))
    # a dimension that never varies (or fewer images than dimensions) would have no inverse
    covariance += np.eye(d) * (1e-6 * max(1e-12, float(np.trace(covariance)) / d))
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, n, max(2_000, min(SAMPLES, 4_000_000 // d)))
    samples = mean[chosen] + np.sqrt(variance[chosen]) * rng.standard_normal((len(chosen), d))
    distances = np.linalg.norm((samples - middle) @ whiten.T, axis=1)
    return Aggregate(
        middle, whiten, np.quantile(distances, np.linspace(0, 1, 101)),
        np.quantile(samples, 0.01, axis=0), np.quantile(samples, 0.99, axis=0),
    )  # fmt: skip
