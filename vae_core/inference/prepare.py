"""What is given to a model as images or codes, checked and brought into the one form it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from vae_core.errors import BadCodes


def prepare_images(images: Any, shape: tuple[int, int, int]) -> np.ndarray:
    """(N, C, H, W), (C, H, W) or (H, W), uint8 or floats in [0, 1] -> uint8 (N, *shape), as a run was trained.

    Grey becomes colour, or colour grey, as needed. 28×28 goes into 32×32 by zero padding; other sizes are resized.
    Raises BadCodes for other shapes, NaN, or floats outside [0, 1].
    """
    x = as_array(images)
    if x.ndim == 2:
        x = x[None, None]
    elif x.ndim == 3:
        x = x[None]
    if x.ndim != 4 or x.shape[1] not in (1, 3) or 0 in x.shape[2:]:
        raise BadCodes(f"images are expected as (N, 1 or 3, H, W), got {tuple(x.shape)}")
    if x.dtype != np.uint8:
        if not np.issubdtype(x.dtype, np.floating):
            raise BadCodes(f"images are expected as uint8 or floats in [0, 1], got {x.dtype}")
        if not np.isfinite(x).all() or (len(x) and (x.min() < -1e-6 or x.max() > 1 + 1e-6)):
            raise BadCodes(f"float images must lie in [0, 1]; these lie in [{x.min():.3g}, {x.max():.3g}]")
        x = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    channels, side, _ = shape
    if channels == 1 and x.shape[1] == 3:
        # Rec. 601 luma, as image programs turn colour to grey
        x = np.rint(x.astype(np.float32).transpose(0, 2, 3, 1) @ [0.299, 0.587, 0.114]).astype(np.uint8)[
            :, None
        ]
    elif channels == 3 and x.shape[1] == 1:
        x = np.repeat(x, 3, 1)
    return x if x.shape[2:] == (side, side) else fit_square(x, side)


def check_codes(codes: Any, latent_dim: int) -> np.ndarray:
    """(N, D) or (D,) -> float32 (N, D). Raises BadCodes for another shape or numbers that are not finite."""
    z = as_array(codes)
    if z.dtype.kind not in "fiu":
        raise BadCodes(f"codes are expected as numbers, got {z.dtype}")
    if z.ndim == 1:
        z = z[None]
    if z.ndim != 2 or z.shape[1] != latent_dim:
        raise BadCodes(f"codes are expected as (N, {latent_dim}), got {tuple(z.shape)}")
    z = np.ascontiguousarray(z, np.float32)
    if not np.isfinite(z).all():
        raise BadCodes("codes must be finite numbers")
    return z


def as_array(value: Any) -> np.ndarray:
    """A tensor, on any device, or whatever numpy takes, as an array."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value)


def fit_square(x: np.ndarray, side: int) -> np.ndarray:
    """uint8 (N, C, H, W) of another size -> side × side, as images are brought in: middle square, bicubic."""
    from PIL import Image

    h, w = x.shape[2:]
    if (h, w) == (28, 28) and side == 32:
        return np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
    edge = min(h, w)
    top, left = (h - edge) // 2, (w - edge) // 2
    x = x[:, :, top : top + edge, left : left + edge]
    out = np.empty((len(x), x.shape[1], side, side), np.uint8)
    for i, image in enumerate(x):
        for c, plane in enumerate(image):
            out[i, c] = np.asarray(Image.fromarray(plane).resize((side, side), Image.Resampling.BICUBIC))
    return out
