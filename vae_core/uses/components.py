"""Principal components of images, the baseline of most uses: as many numbers as a code has, without a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import TooFewPoints


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of images with P values: mean (P,), axes (K, P) orthonormal, variances (K,) along them; float32."""

    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray

    def of(self, x: np.ndarray) -> np.ndarray:
        """Flat images (N, P) in [0, 1] -> (N, K)."""
        found: np.ndarray = (x - self.mean) @ self.axes.T
        return found

    def back(self, codes: np.ndarray) -> np.ndarray:
        """The first k of the components (N, k) -> flat images (N, P), which may leave [0, 1]."""
        found: np.ndarray = codes.astype(np.float32) @ self.axes[: codes.shape[1]] + self.mean
        return found

    def error(self, x: np.ndarray) -> np.ndarray:
        """Mean squared error (N,) of what the components give back of flat images (N, P)."""
        found: np.ndarray = np.square(x - self.back(self.of(x))).mean(1, dtype=np.float64)
        return found


def flat(images: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W), uint8 or floats in [0, 1] -> float32 (N, C·H·W) in [0, 1]."""
    x = np.asarray(images).reshape(len(images), -1).astype(np.float32)
    return x / np.float32(255) if np.asarray(images).dtype == np.uint8 else x


def components(
    x: np.ndarray, most: int, seed: int = 0, *, exact: bool = False, rounds: int | None = None
) -> Components:
    """The directions of most variance (Pearson 1901) of flat images (N, P): `most`, or as many as N images of P values have.

    By randomised projection (Halko, Martinsson & Tropp 2011) in so many `rounds`, scikit-learn's own choice if None, where few
    of many are wanted; else, or where `exact`, by eigenvalues. Raises TooFewPoints for fewer than two images.
    """
    if len(x) < 2:
        raise TooFewPoints(f"principal components need two images or more; there are {len(x)}")
    from sklearn.decomposition import PCA

    count = max(1, min(most, len(x) - 1, x.shape[1]))
    whole = exact or count > 0.8 * min(x.shape)  # where the random method saves nothing
    solver = ("full" if len(x) < x.shape[1] else "covariance_eigh") if whole else "randomized"
    power = "auto" if rounds is None else rounds
    fitted = PCA(count, svd_solver=solver, random_state=seed, iterated_power=power).fit(x)
    mean, axes, variances = fitted.mean_, fitted.components_, fitted.explained_variance_
    return Components(mean.astype(np.float32), axes.astype(np.float32), variances.astype(np.float32))
