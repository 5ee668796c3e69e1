"""Codes as text for an address: short, and precise to the last digit that is shown."""

from __future__ import annotations

import base64
import binascii

import numpy as np

# codes of the deck are whole thousandths, so that the code shown is the code that was decoded
LARGEST = 32.767  # of a number that fits an int16 of thousandths


def round_code(code: np.ndarray) -> np.ndarray:
    """(..., D) -> float32 whole multiples of 0.001; halves go up, as JavaScript's Math.round does."""
    return (np.floor(np.asarray(code, np.float64) * 1000 + 0.5) / 1000).astype(np.float32)


def pack(code: np.ndarray) -> str:
    """(D,) -> text for an address: `~` and base64url of int16 thousandths; decimals where a number is too large."""
    thousandths = np.floor(np.asarray(code, np.float64) * 1000 + 0.5)
    if np.abs(thousandths).max(initial=0) > LARGEST * 1000:
        return ",".join(f"{v / 1000:.3f}".rstrip("0").rstrip(".") for v in thousandths)
    return "~" + base64.urlsafe_b64encode(thousandths.astype("<i2").tobytes()).decode().rstrip("=")


def unpack(text: str, dim: int) -> np.ndarray | None:
    """Either form of `pack`, or any decimals between commas -> (D,) float32; None where it is no code of `dim` numbers."""
    if not text.startswith("~"):
        try:
            code = np.array([float(v) for v in text.split(",")], np.float64)
        except ValueError:
            return None
    else:
        try:
            raw = base64.b64decode(text[1:] + "=" * (-len(text[1:]) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) % 2:
            return None
        code = np.frombuffer(raw, "<i2") / 1000
    if len(code) != dim or not np.isfinite(code).all() or np.abs(code).max(initial=0) > 1e6:
        return None
    return round_code(code)
