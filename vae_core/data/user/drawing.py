"""Lay out a hand drawing as MNIST's digits are: scaled to a box, centred by its mass."""

from __future__ import annotations

import numpy as np

from vae_core.errors import BadImages

BOX = 20 / 28  # MNIST's digits fit a box of 20 pixels in 28 (LeCun, Cortes & Burges, "The MNIST database")
MOST_PIXELS = 1024 * 1024


def as_digit(drawing: np.ndarray, side: int, *, box: float = BOX) -> np.ndarray:
    """A drawing, uint8 (H, W), light strokes on black -> uint8 (1, side, side).

    What is drawn is scaled, keeping its shape, until its longer side fills `box` of the picture, and its centre of
    mass is put in the middle, or as near to it as leaves all of it inside. 32×32 pictures are 28×28 ones in a frame
    of zeros, as everywhere here. Raises BadImages for an empty drawing or another shape.
    """
    from PIL import Image

    if drawing.ndim != 2 or drawing.dtype != np.uint8 or not 0 < drawing.size <= MOST_PIXELS:
        raise BadImages(f"a drawing is uint8 (height, width) of at most 1024×1024, got {drawing.shape}")
    rows, columns = np.flatnonzero(drawing.max(1) > 25), np.flatnonzero(drawing.max(0) > 25)
    if not len(rows):
        raise BadImages("nothing is drawn yet")
    cut = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inner = 28 if side == 32 and box < 1 else side
    fill = max(1, round(inner * box))
    scale = fill / max(cut.shape)
    height, width = (max(1, round(n * scale)) for n in cut.shape)
    small = np.asarray(Image.fromarray(cut).resize((width, height), Image.Resampling.BOX), np.float64)
    if small.max() > 0:  # a thin line shrunk is a faint one; MNIST's strokes reach white
        small *= 255 / small.max()
    mass = small.sum()
    y = (small.sum(1) @ np.arange(height)) / mass
    x = (small.sum(0) @ np.arange(width)) / mass
    middle = (side - 1) / 2
    top = int(np.clip(round(middle - y), 0, side - height))
    left = int(np.clip(round(middle - x), 0, side - width))
    out = np.zeros((1, side, side), np.uint8)
    out[0, top : top + height, left : left + width] = np.rint(small).astype(np.uint8)
    return out
