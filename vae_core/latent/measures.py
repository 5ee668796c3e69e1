"""Measures of a path: how fast its pictures change, how long it is, how far it strays from real codes."""

from __future__ import annotations

import numpy as np

from vae_core.errors import BadCodes
from vae_core.latent.statistics import nearest


def image_change(images: np.ndarray, t: np.ndarray) -> np.ndarray:
    """How fast the picture changes along a path: |x_{i+1} - x_i| / (t_{i+1} - t_i), pixels per unit of path.

    images (S, C, H, W) in [0, 1] at positions t (S,), rising -> (S - 1,) float64; |.| is the root of the summed
    squared change over pixels and channels. Raises BadCodes.
    """
    t = np.asarray(t, np.float64)
    steps = _steps(images)
    if t.shape != (len(steps) + 1,) or not np.all(np.diff(t) > 0):
        raise BadCodes(f"{len(steps) + 1} pictures need as many rising positions, got an array of {t.shape}")
    return steps / np.diff(t)


def image_length(images: np.ndarray) -> float:
    """Length of a path in pictures (S, C, H, W) in [0, 1]: the changes of all its steps, summed; pixels."""
    return float(_steps(images).sum())


def support(path: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Distance of each point of a path (S, D) to the nearest of the real codes (N, D), (S,) float64."""
    path, codes = np.asarray(path), np.asarray(codes)
    if path.ndim != 2 or codes.ndim != 2 or path.shape[1] != codes.shape[1] or len(codes) == 0:
        raise BadCodes(f"a path (S, D) and codes (N, D) are expected, got {path.shape} and {codes.shape}")
    return nearest(path, codes, 1)[1][:, 0]


def _steps(images: np.ndarray) -> np.ndarray:
    """Root of the summed squared change from each picture to the next, (S - 1,) float64."""
    images = np.asarray(images)
    if images.ndim != 4 or len(images) < 1 or images.dtype.kind != "f":
        raise BadCodes(f"pictures are expected as floats (S, C, H, W), got {images.dtype} {images.shape}")
    flat = images.reshape(len(images), -1).astype(np.float64)
    found: np.ndarray = np.sqrt(np.square(np.diff(flat, axis=0)).sum(1))
    return found
