"""Linear maps: one along an axis between two groups of images, and from places to codes and back.

Liu et al. 2019, "Latent space cartography: visual analysis of vector space embeddings".
"""

from __future__ import annotations

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.directions import attribute_direction
from vae_core.latent.pca import Projection, check_codes


def custom_axis(codes: np.ndarray, a: np.ndarray, b: np.ndarray) -> Projection:
    """Map codes (N, D): x runs from the mean of group b to that of group a, y is the first principal component of the
    rest. a and b are bool (N,); one image each will do.

    Both axes are unit vectors, so that distances on the map are in units of the code; y's largest entry is
    positive, and y is zero where nothing is left, as for D = 1. Raises TooFewPoints for codes that cannot be
    mapped, an empty group or groups of the same mean, BadCodes for masks that do not fit.
    """
    x = check_codes(codes, 2)
    direction = attribute_direction(x, a, b)
    length = np.linalg.norm(direction)
    if length < 1e-9 * np.linalg.norm(np.ptp(x, axis=0)):
        raise TooFewPoints(
            "the two groups have the same mean code, so no axis leads from one to the other; choose groups that differ"
        )
    across = direction / length
    mean = x.mean(0)
    centred = x - mean
    rest = centred - np.outer(centred @ across, across)
    values, vectors = np.linalg.eigh(rest.T @ rest / len(x))
    total = float(centred.var(0).sum())
    up = vectors[:, -1] - across * (vectors[:, -1] @ across)
    if values[-1] <= 1e-12 * total:  # the rest is rounding
        up = np.zeros_like(across)
    else:
        up *= np.sign(up[np.abs(up).argmax()]) / np.linalg.norm(up)
    axes = np.stack((across, up))
    points = centred @ axes.T
    explained = points.var(0) / total
    return Projection(points.astype(np.float32), mean.astype(np.float32), axes.astype(np.float32), explained)


def lift(projection: Projection, spots: np.ndarray) -> np.ndarray:
    """Places on a linear map (Q, 2) -> the codes (Q, D) in the plane of its axes that lie there: mean + spots axes.

    Raises BadCodes for spots that do not fit, or a map without axes, such as UMAP's.
    """
    mean, axes = _linear(projection)
    spots = np.asarray(spots, np.float64)
    if spots.ndim != 2 or spots.shape[1] != 2 or not np.isfinite(spots).all():
        raise BadCodes(f"places on a map are expected as finite numbers (Q, 2), got {spots.shape}")
    found: np.ndarray = mean + spots @ axes
    return found


def project(projection: Projection, codes: np.ndarray) -> np.ndarray:
    """Codes (Q, D) -> where a linear map has them (Q, 2). Raises BadCodes as `lift` does."""
    mean, axes = _linear(projection)
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or codes.shape[1] != len(mean):
        raise BadCodes(f"codes are expected as (Q, {len(mean)}), got {codes.shape}")
    found: np.ndarray = (codes - mean) @ axes.T
    return found


def _linear(projection: Projection) -> tuple[np.ndarray, np.ndarray]:
    if projection.mean is None or projection.axes is None:
        raise BadCodes(
            "this map has no axes: it is not a linear one, and its places are no sums of directions"
        )
    return projection.mean.astype(np.float64), projection.axes.astype(np.float64)
