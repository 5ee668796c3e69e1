"""How lessons hand pictures to figures, and write shares and numbers in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def channels_last(images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """(n, C, H, W) as figures take pictures, (n, H, W, C)."""
    return np.moveaxis(np.stack(list(images)), 1, -1)


def in_bytes(pictures: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] -> uint8."""
    found: np.ndarray = np.rint(255 * np.clip(pictures, 0, 1)).astype(np.uint8)
    return found


def of_hundred(value: float) -> str:
    """A share in per cent, with one place behind the point below a tenth."""
    return f"{100 * float(value):.0f} %" if value >= 0.1 else f"{100 * float(value):.1f} %"


def minus(text: str) -> str:
    """With minus signs for hyphens."""
    return text.replace("-", "−")
