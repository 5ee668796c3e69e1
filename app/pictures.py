"""Images -> PNG bytes for showing. No streamlit, no torch."""

from __future__ import annotations

import base64

import numpy as np

from vae_core.export import enlarge
from vae_core.runs.store import png_of


def png(image: np.ndarray, size: int = 256) -> bytes:
    """One uint8 image (C, H, W), pixels repeated until it is at least `size` wide."""
    return png_of(enlarge(image[None], size)[None])


def strip(images: np.ndarray, size: int = 64, gap: int = 2) -> bytes:
    """uint8 (N, C, H, W) side by side."""
    return grid(images[None], size, gap)


def grid(rows: np.ndarray, size: int = 64, gap: int = 2) -> bytes:
    """uint8 (R, S, C, H, W) as a table of pictures at least `size` wide each, with a white gap between."""
    r, s, c, h, w = rows.shape
    big = enlarge(rows.reshape(r * s, c, h, w), size)
    if gap:
        big = np.pad(big, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=255)
    return png_of(big.reshape(r, s, *big.shape[1:]))


def cut(image: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """A strip of pictures without gaps, as runs keep them -> uint8 (N, C, H, W)."""
    import io

    from PIL import Image

    channels, height, width = shape
    with Image.open(io.BytesIO(image)) as opened:
        pixels = np.asarray(opened.convert("L" if channels == 1 else "RGB"))
    pixels = pixels.reshape(height, -1, width, channels)
    return pixels.transpose(1, 3, 0, 2)


def data_url(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()
