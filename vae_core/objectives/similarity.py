"""SSIM and MS-SSIM, structural similarities of pictures, with a window and scales that fit their side.

Wang, Simoncelli & Bovik 2003, "Multi-scale structural similarity for image quality assessment". torch is imported inside
functions, as in likelihoods.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = (
    0.0448,
    0.2856,
    0.3001,
    0.2363,
    0.1333,
)  # of the scales, the finest first; table 1 of the 2003 paper
WINDOW, SIGMA = 11, 1.5  # pixels, of the paper's Gaussian window
C1, C2 = 0.01**2, 0.03**2  # (K L)², L = 1
LEAST = 1e-3  # of a scale's similarity: a power of nothing has no gradient


def window_of(side: int) -> int:
    """Pixels across the window: the paper's 11, or the odd number within a quarter of a smaller side, from 3."""
    quarter = side // 4
    return max(3, min(WINDOW, quarter - 1 + quarter % 2))


def scales_of(side: int) -> int:
    """How often a picture can be looked at, its side halved each time, while the window lies within it; 1 to 5."""
    window, count = window_of(side), 1
    while count < len(WEIGHTS) and side // 2**count >= window:
        count += 1
    return count


def blur(side: int, window: int, like: Tensor) -> Tensor:
    """The window as a matrix (side - window + 1, side): each row weighs the neighbours of one place."""
    import torch

    places = torch.arange(side, device=like.device, dtype=like.dtype)
    rows = places[: side - window + 1, None]
    offset = places[None] - rows - (window - 1) / 2
    inside = (places[None] >= rows) & (places[None] < rows + window)
    taps = torch.exp(-0.5 * (offset / (SIGMA * window / WINDOW)) ** 2) * inside
    return taps / taps.sum(1, keepdim=True)


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Similarity of pictures (B, C, H, H) in [0, 1] at their own scale -> (B,): 1 where they equal each other, the mean over
    channels and over places of the window.

    Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment: from error visibility to structural similarity", eq. 13.
    """
    import torch

    matrix = blur(a.shape[-1], window_of(a.shape[-1]), a)
    x, y, xx, yy, xy = (matrix @ torch.stack((a, b, a * a, b * b, a * b)) @ matrix.T).unbind()
    contrast = (2 * (xy - x * y) + C2) / ((xx - x * x) + (yy - y * y) + C2)
    return (contrast * (2 * x * y + C1) / (x * x + y * y + C1)).mean((1, 2, 3))


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Similarity of pictures (B, C, H, H) in [0, 1] -> (B,), 1 where they equal each other; the mean over channels.

    The product over scales of contrast times structure, each to its weight, and of luminance at the coarsest. The
    weights of the scales that a side allows are made to add up to 1.
    """
    import torch
    from torch.nn.functional import avg_pool2d

    side = a.shape[-1]
    window, count = window_of(side), scales_of(side)
    total = sum(WEIGHTS[:count])
    found = None
    for scale in range(count):
        matrix = blur(a.shape[-1], window, a)
        x, y, xx, yy, xy = (matrix @ torch.stack((a, b, a * a, b * b, a * b)) @ matrix.T).unbind()
        contrast = (2 * (xy - x * y) + C2) / ((xx - x * x) + (yy - y * y) + C2)
        if scale == count - 1:
            contrast = contrast * (2 * x * y + C1) / (x * x + y * y + C1)
        each = contrast.mean((2, 3)).clamp_min(LEAST) ** (WEIGHTS[scale] / total)
        found = each if found is None else found * each
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    assert found is not None
    return found.mean(1)
