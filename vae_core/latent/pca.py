"""Codes to the plane by principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vae_core.errors import TooFewPoints

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Projection:
    """points (N, 2) float32. PCA also gives mean (D,), axes (2, D) and explained (2,), shares of variance."""

    points: Array
    mean: Array | None = None
    axes: Array | None = None
    explained: Array | None = None


def check_codes(codes: Array, least: int) -> Array:
    """float64 (N, D). Raises TooFewPoints for too few rows, NaN, or codes that are all the same."""
    codes = np.asarray(codes, np.float64)
    if len(codes) < least:
        raise TooFewPoints(f"a map needs at least {least} codes; there are {len(codes)}")
    if not np.isfinite(codes).all():
        raise TooFewPoints(
            "some codes are not finite numbers: the model diverged, so there is nothing to map"
        )
    if np.ptp(codes, axis=0).max() < 1e-9:
        raise TooFewPoints(
            "all codes are the same: every dimension has collapsed, so there is nothing to map"
        )
    return codes


def pca(codes: Array) -> Projection:
    """Principal components (Pearson 1901): codes (N, D) onto the two directions of most variance.

    Signs are chosen so that each axis's largest entry is positive, which keeps maps from flipping between
    runs. For D = 1 the second axis is zero. Raises TooFewPoints.
    """
    x = check_codes(codes, 3)
    mean = x.mean(0)
    centred = x - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    order = np.argsort(values)[::-1][:2]
    axes = vectors[:, order].T
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    if len(axes) == 1:
        axes = np.vstack((axes, np.zeros_like(axes)))
        values = np.append(values, 0.0)
        order = np.array([0, 1])
    explained = np.maximum(0, values[order]) / max(values.sum(), 1e-12)
    points = (centred @ axes.T).astype(np.float32)
    return Projection(points, mean.astype(np.float32), axes.astype(np.float32), explained)
