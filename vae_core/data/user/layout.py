"""What the axes of an array of images mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadImages

LEAST_SIDE = 8  # px; below that a dimension is taken for channels
CHANNELS = (1, 3, 4)
LONG = 4  # an image this many times as long as it is wide is rare
SAVE = "numpy.savez('images.npz', images={0})"


@dataclass(frozen=True)
class Layout:
    """How the axes of an array of images are read.

    `order` is grey (N, H, W), last (N, H, W, C), first (N, C, H, W), flat (N, H·W), or with the images along the last
    axis, as MATLAB writes them, grey_last (H, W, N) or colour_last (H, W, C, N).
    """

    count: int
    height: int
    width: int
    channels: int  # 1, 3 or 4
    order: str

    @property
    def images_last(self) -> bool:
        """Whether one image lies scattered over the whole array, which then has to be held at once."""
        return self.order in ("grey_last", "colour_last")

    def arrange(self, block: np.ndarray) -> np.ndarray:
        """Rows of the stored shape, all of them where the images come last, as (n, H, W) or (n, H, W, C)."""
        if self.images_last:
            block = np.moveaxis(block, -1, 0)
        if self.order == "first":
            block = block.transpose(0, 2, 3, 1)
        shape = (len(block), self.height, self.width)
        return block.reshape(shape if self.channels == 1 else (*shape, self.channels))


def read_layout(name: str, shape: tuple[int, ...]) -> Layout:
    """Raises BadImages with the accepted shapes, and the line that makes one of them where that can be guessed."""
    if len(shape) == 4:
        if shape[3] in CHANNELS and min(shape[1:3]) >= LEAST_SIDE:
            return Layout(shape[0], shape[1], shape[2], shape[3], "last")
        if shape[1] in CHANNELS and min(shape[2:]) >= LEAST_SIDE:
            return Layout(shape[0], shape[2], shape[3], shape[1], "first")
        if shape[2] in CHANNELS and min(shape[:2]) >= LEAST_SIDE:
            return Layout(shape[3], shape[0], shape[1], shape[2], "colour_last")
    elif len(shape) == 3 and min(shape[1:]) >= LEAST_SIDE:
        return Layout(shape[0], shape[1], shape[2], 1, "grey")
    elif len(shape) == 3 and min(shape[:2]) >= LEAST_SIDE and shape[2] not in (3, 4):
        return Layout(shape[2], shape[0], shape[1], 1, "grey_last")
    elif len(shape) == 2 and (side := math.isqrt(shape[1])) >= LEAST_SIDE and side * side == shape[1]:
        return Layout(shape[0], side, side, 1, "flat")
    raise BadImages(
        f"{name} has the shape {shape}; images are (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1, 3 or 4, "
        f"or (N, H·W) when that is a square, each side at least {LEAST_SIDE}.{_remedy(shape)}"
    )


def _remedy(shape: tuple[int, ...]) -> str:
    """The line that makes images of an array a, where its shape tells."""
    if len(shape) == 3 and shape[2] in (3, 4) and min(shape[:2]) >= LEAST_SIDE:
        return f" This looks like one colour image {shape[1]}×{shape[0]}; a dataset needs at least 2."
    if len(shape) == 2 and shape[1] > 1:
        side = math.isqrt(shape[1] - 1)
        if side >= LEAST_SIDE and side * side == shape[1] - 1:
            saved = f"numpy.savez('images.npz', images=a[:, 1:].reshape(-1, {side}, {side}), labels=a[:, 0])"
            return f" This looks like a column of labels before images {side}×{side}: {saved}"
        side = math.isqrt(shape[1] // 3)
        if side >= LEAST_SIDE and 3 * side * side == shape[1]:
            saved = SAVE.format(f"a.reshape(-1, 3, {side}, {side})")
            return f" These look like rows of colour images {side}×{side}: {saved}, as CIFAR orders them"
    if len(shape) > 4 and 1 in shape:
        return f" Drop the axes of length 1: {SAVE.format('a.squeeze()')}"
    if len(shape) == 4 and min(shape[1:]) >= LEAST_SIDE:
        return f" These look like volumes; take a slice of each: {SAVE.format(f'a[:, {shape[1] // 2}]')}"
    return ""


def may_come_last(layout: Layout) -> bool:
    """Whether (N, H, W) may as well be (H, W, N): the first two sides are equal, or an image would be very long."""
    count, height, width = layout.count, layout.height, layout.width
    if layout.order != "grey" or count < LEAST_SIDE:
        return False
    return (count == height != width) or max(height, width) > LONG * min(height, width)


def comes_last(block: np.ndarray) -> bool | None:
    """Whether the images of (n, H, W), n > 1, lie along the last axis; None where that cannot be told.

    Neighbouring pixels of an image are alike, those of two images are not. So the axis along which values jump most is
    that of the images.
    """
    values = block.astype(np.float32)
    first, last = (float(np.abs(np.diff(values, axis=axis)).mean()) for axis in (0, 2))
    if max(first, last) < 1.3 * min(first, last) or max(first, last) == 0:
        return None
    return last > first


def check_dtype(name: str, dtype: np.dtype) -> None:
    """Raises BadImages for what are no plain numbers."""
    if dtype.kind not in "biuf":
        raise BadImages(
            f"{name} is {dtype}; images are numbers: uint8 from 0 to 255, floats from 0 to 1, or others that are scaled"
        )


def check_finite(name: str, block: np.ndarray, rows: int) -> None:
    """Raises BadImages naming the first image with NaN or infinity; `rows` images came before these (n, ...)."""
    if block.dtype.kind == "f" and not np.isfinite(block).all():
        bad = ~np.isfinite(block.reshape(len(block), -1)).all(axis=1)
        first = rows + int(np.flatnonzero(bad)[0])
        raise BadImages(f"{name} holds NaN or infinity, first in image {first}; replace these values")
