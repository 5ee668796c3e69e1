"""The images nearest to one by their pixels, to compare with the nearest by their codes."""

from __future__ import annotations

import numpy as np

from vae_core.data.imageset import Progress, silent
from vae_core.errors import BadCodes

CHUNK_PIXELS = 1_000_000  # at a time: 8 MB as float64


def nearest_images(
    images: np.ndarray, index: np.ndarray, image: np.ndarray, k: int, progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray]:
    """The k of images[index] nearest to `image`: positions in `index` (k,) and distances (k,), nearest first.

    images uint8 (N, C, H, W), memory-mapped or not, index int (M,), image uint8 (C, H, W). Distances are Euclidean
    over pixels in [0, 1], exact; equal ones come in the order of `index`. Fewer than k where M is. The image itself
    is among them if `index` names it. Reads the images once, some MB at a time. Raises BadCodes for what does not fit.
    """
    index, image = np.asarray(index), np.asarray(image)
    if image.dtype != np.uint8 or image.shape != images.shape[1:]:
        raise BadCodes(
            f"an image is expected as uint8 {tuple(images.shape[1:])}, got {image.dtype} {image.shape}"
        )
    if index.ndim != 1 or (len(index) and index.dtype.kind not in "iu"):
        raise BadCodes(f"images are expected to be named by numbers (M,), got {index.dtype} {index.shape}")
    if len(index) and not 0 <= index.min() <= index.max() < len(images):
        raise BadCodes(f"images are numbered 0 to {len(images) - 1}, got {index.min()} to {index.max()}")
    if k < 0:
        raise BadCodes(f"a number of neighbours is not negative, got {k}")
    wanted = image.reshape(-1).astype(np.float64)
    squares = np.empty(len(index))
    step = max(1, CHUNK_PIXELS // max(1, image.size))
    for start in range(0, len(index), step):
        # whole numbers below 2^53: every sum is exact
        away = images[index[start : start + step]].reshape(-1, image.size).astype(np.float64)
        away -= wanted
        squares[start : start + step] = np.einsum("ij,ij->i", away, away)
        done = min(len(index), start + step)
        progress(done / len(index), f"{done:,} of {len(index):,} images compared")
    order = squares.argsort(kind="stable")[:k]
    return order, np.sqrt(squares[order]) / 255
