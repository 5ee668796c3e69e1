"""What the numbers of an array of images mean: its axes, its type and its range."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadImages

LEAST_SIDE = 8  # px; below that a dimension is taken for channels


@dataclass(frozen=True)
class Layout:
    """How the axes of an array of images are read."""

    count: int
    height: int
    width: int
    channels: int  # 1, 3 or 4
    order: str  # grey (N, H, W), last (N, H, W, C), first (N, C, H, W) or flat (N, H·W)

    def arrange(self, block: np.ndarray) -> np.ndarray:
        """Rows of the stored shape as (n, H, W) or (n, H, W, C)."""
        if self.order == "first":
            block = block.transpose(0, 2, 3, 1)
        shape = (len(block), self.height, self.width)
        return block.reshape(shape if self.channels == 1 else (*shape, self.channels))


def read_layout(name: str, shape: tuple[int, ...]) -> Layout:
    """Raises BadImages with the accepted shapes."""
    if len(shape) == 4:
        last, first = shape[3] in (1, 3, 4), shape[1] in (1, 3, 4)
        if last and min(shape[1:3]) >= LEAST_SIDE:
            return Layout(shape[0], shape[1], shape[2], shape[3], "last")
        if first and min(shape[2:]) >= LEAST_SIDE:
            return Layout(shape[0], shape[2], shape[3], shape[1], "first")
    elif len(shape) == 3 and min(shape[1:]) >= LEAST_SIDE:
        return Layout(shape[0], shape[1], shape[2], 1, "grey")
    elif len(shape) == 2 and (side := math.isqrt(shape[1])) >= LEAST_SIDE and side * side == shape[1]:
        return Layout(shape[0], side, side, 1, "flat")
    hint = ""
    if len(shape) == 3 and shape[2] in (3, 4) and min(shape[:2]) >= LEAST_SIDE:
        hint = f" This looks like one colour image {shape[1]}×{shape[0]}; a dataset needs at least 2."
    raise BadImages(
        f"{name} has the shape {shape}; images are (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1, 3 or 4, "
        f"or (N, H·W) when that is a square, each side at least {LEAST_SIDE}.{hint}"
    )


def check_dtype(name: str, dtype: np.dtype) -> None:
    """Raises BadImages for what is neither uint8, bool nor float."""
    if not (dtype == np.uint8 or dtype.kind in "bf"):
        raise BadImages(
            f"{name} is {dtype}; images are uint8 from 0 to 255, or floats from 0 to 1. "
            "If its values lie in 0 to 255, save it with .astype('uint8')"
        )


@dataclass
class ValueRange:
    """The range met so far; NaN and infinity are refused at once."""

    name: str
    low: float = math.inf
    high: float = -math.inf
    rows: int = 0

    def add(self, block: np.ndarray) -> None:
        """Raises BadImages."""
        if block.dtype.kind == "f" and not np.isfinite(block).all():
            bad = ~np.isfinite(block.reshape(len(block), -1)).all(axis=1)
            first = self.rows + int(np.flatnonzero(bad)[0])
            raise BadImages(
                f"{self.name} holds NaN or infinity, first in image {first}; replace these values"
            )
        if not len(block):
            return
        self.low, self.high = min(self.low, float(block.min())), max(self.high, float(block.max()))
        self.rows += len(block)

    def check_range(self, dtype: np.dtype) -> None:
        """Raises BadImages for floats outside [0, 1]."""
        if dtype.kind != "f" or (self.low >= 0 and self.high <= 1):
            return
        if self.low >= 0 and self.high <= 255:
            remedy = "divide by 255"
        elif self.low >= -1 and self.high <= 1:
            remedy = "add 1 and halve"
        else:
            remedy = "scale them"
        raise BadImages(
            f"{self.name} holds floats from {self.low:g} to {self.high:g}; they must lie between 0 and 1: "
            f"{remedy}"
        )
