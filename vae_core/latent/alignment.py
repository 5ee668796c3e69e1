"""Procrustes alignment of two maps: the rotation, reflection, scale and shift that bring one onto the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadCodes


@dataclass(frozen=True)
class Similarity:
    """p -> scale p rotation + shift, rotation (2, 2) orthogonal, possibly a mirror image; shift (2,).

    disparity: the share of the fixed map's variance that remains as distance, 0 (one map is a copy) to 1.
    """

    scale: float
    rotation: np.ndarray
    shift: np.ndarray
    disparity: float

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Points (M, 2) of the moving map, as they lie on the fixed one (M, 2)."""
        found: np.ndarray = self.scale * np.asarray(points, np.float64) @ self.rotation + self.shift
        return found


def procrustes(moving: np.ndarray, fixed: np.ndarray) -> Similarity:
    """The similarity that brings `moving` (N, 2) nearest to `fixed` (N, 2), row by row, in least squares
    (Schönemann 1966; scale and shift: Gower 1975).

    Rows that are not finite in both do not count. Where a map has no extent, nothing tells how to turn or scale
    it: it is shifted alone. The less the maps agree, the smaller the scale; unrelated ones shrink to a dot.
    Raises BadCodes for shapes that do not fit.
    """
    moving, fixed = np.asarray(moving, np.float64), np.asarray(fixed, np.float64)
    if moving.ndim != 2 or moving.shape[1] != 2 or fixed.shape != moving.shape:
        raise BadCodes(f"two maps are expected as (N, 2) both, got {moving.shape} and {fixed.shape}")
    both = np.isfinite(moving).all(1) & np.isfinite(fixed).all(1)
    if not both.any():
        return Similarity(1.0, np.eye(2), np.zeros(2), 1.0)
    middle, target = moving[both].mean(0), fixed[both].mean(0)
    a, b = moving[both] - middle, fixed[both] - target
    extent_a, extent_b = float((a**2).sum()), float((b**2).sum())
    flat = [
        extent <= len(a) * (1e-12 * np.abs(x).max()) ** 2
        for extent, x in ((extent_a, moving[both]), (extent_b, fixed[both]))
    ]
    if any(flat):
        return Similarity(1.0, np.eye(2), target - middle, 0.0 if all(flat) else 1.0)
    u, singular, v = np.linalg.svd(a.T @ b / np.sqrt(extent_a * extent_b))
    if singular[1] < 1e-9 * singular[0] and np.linalg.det(u @ v) < 0:
        u[:, 1] *= -1  # points on a line fit mirrored as well; then rather not
    rotation = u @ v
    agreement = min(1.0, float(singular.sum()))
    scale = agreement * float(np.sqrt(extent_b / extent_a))
    return Similarity(scale, rotation, target - scale * middle @ rotation, max(0.0, 1 - agreement**2))
