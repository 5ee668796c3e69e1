"""The real image that a made one is nearest to: whether a model draws something new, or what it has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CHUNK = 2_000  # images compared at a time


def nearest_images(
    made: np.ndarray, pool: Any, index: np.ndarray, report: Callable[[float], object] = lambda share: None
) -> tuple[np.ndarray, np.ndarray]:
    """Of images `pool[index]`, that with the least squared distance to each of `made`: uint8 (N, C, H, W) both.

    Gives their numbers in the pool (N,), and the root mean square difference per pixel value (N,), in [0, 1].
    `pool` may be memory-mapped; `report` is told the share that was compared.
    """
    a = made.reshape(len(made), -1).astype(np.float32) / 255
    best, which = np.full(len(a), np.inf, np.float32), np.zeros(len(a), np.int64)
    for start in range(0, len(index), CHUNK):
        report(start / len(index))
        part = index[start : start + CHUNK]
        b = np.asarray(pool[part]).reshape(len(part), -1).astype(np.float32) / 255
        far = squares(a, b)
        row = far.argmin(1)
        least = far[np.arange(len(a)), row]
        closer = least < best
        best[closer], which[closer] = least[closer], part[row[closer]]
    return which, np.sqrt(np.maximum(best, 0) / max(1, a.shape[1]))


def nearest_rows(points: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of `others` (M, F), the row with the least distance to each of `points` (N, F): its number (N,), and the distance (N,)."""
    rows = squares(points, others).argmin(1)
    return rows, np.linalg.norm(points - others[rows], axis=1)


def squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances (N, M) of points (N, F) and (M, F), by one product of matrices."""
    return np.asarray((a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1))
