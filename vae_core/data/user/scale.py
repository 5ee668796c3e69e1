"""Which values become black and white, where images have more than 8 bits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from vae_core.errors import BadConfig

SCALES = {
    "auto": "what the images use, where that is less than half of what they could",
    "full": "all that their type can hold",
    "used": "from the lowest to the highest value of the set",
}
EXPLICIT = re.compile(r"\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*:\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*", re.I)
LOWEST, HIGHEST = -(1 << 15), 1 << 16  # whole numbers that are counted one by one
OUTLIERS = 1e-4  # share of the pixels at each end that may lie beyond black and white
WHOLE = ((0.0, 1.0), (0.0, 255.0), (0.0, 65535.0))  # ranges in which people keep whole numbers
FLOATS = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 65535.0))


@dataclass(frozen=True)
class Scale:
    """A straight line from values to shades: `low` and below is black, `high` and above white."""

    low: float
    high: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Any numbers as uint8 of the same shape."""
        exact: np.ndarray = values.astype(np.float32 if values.dtype.kind == "f" else np.float64)
        if self.low:
            exact -= self.low
        exact *= 255 / (self.high - self.low)
        shades: np.ndarray = np.rint(exact.clip(0, 255)).astype(np.uint8)
        return shades

    @property
    def words(self) -> str:
        return f"{number(self.low)} to {number(self.high)}"


def number(value: float) -> str:
    """A value for a sentence: 3,912 or 0.0042."""
    return f"{value:,.0f}" if value == round(value) else f"{value:.4g}"


@dataclass
class Values:
    """The values of a set's images, met block by block."""

    low: float = np.inf
    high: float = -np.inf
    whole: bool = True
    counts: np.ndarray | None = field(
        default_factory=lambda: np.zeros(HIGHEST - LOWEST, np.int64), repr=False
    )

    def add(self, block: np.ndarray) -> None:
        """Meet more values, which are finite."""
        if not block.size:
            return
        low, high = float(block.min()), float(block.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.whole &= block.dtype.kind in "iub"
        if not self.whole or self.low < LOWEST or self.high >= HIGHEST:
            self.counts = None
        if self.counts is not None:
            found = np.bincount(block.reshape(-1).astype(np.int64) - int(low))
            self.counts[int(low) - LOWEST : int(low) - LOWEST + len(found)] += found

    def scale(self, choice: str, full: tuple[float, float] | None = None, least: float = 0.5) -> Scale:
        """The scale that a choice means: one of SCALES or LOW:HIGH. Raises BadConfig.

        `full` is the range of the type; auto takes a usual range of which at least the share `least` is used.
        """
        if explicit := EXPLICIT.fullmatch(choice):
            return _explicit(choice, explicit)
        if choice not in SCALES:
            raise BadConfig(
                f"scale: {choice!r} is not one of {', '.join(SCALES)}, or LOW:HIGH such as 0:4095"
            )
        inside = [r for r in (WHOLE if self.whole else FLOATS) if r[0] <= self.low and self.high <= r[1]]
        if choice == "full" and (full or inside):
            return Scale(*(full or inside[0]))
        if choice == "auto" or self.low == self.high:
            low, high = self._usual()
            for natural in inside:
                share = (high - low) / (natural[1] - natural[0])
                # floats in [0, 1] are what is asked for, so only almost black ones are told from dark ones
                if share > (0.25 if natural == (0.0, 1.0) and not self.whole else least):
                    return Scale(*natural)
        else:
            low, high = self.low, self.high
        if low == high:
            return Scale(*(inside[0] if inside else (low - 1, low + 1)))
        return Scale(0.0 if choice == "auto" and 0 < low < 0.1 * high else low, high)  # black stays black

    def _usual(self) -> tuple[float, float]:
        """The range without a few hot or dead pixels, where leaving them out at least halves it."""
        if self.counts is None:
            return self.low, self.high
        below = np.cumsum(self.counts)
        places = np.searchsorted(below, [OUTLIERS * below[-1], (1 - OUTLIERS) * below[-1]], side="right")
        low, high = (float(place + LOWEST) for place in np.minimum(places, len(below) - 1))
        narrow = low < high and 2 * (high - low) <= self.high - self.low
        return (low, high) if narrow else (self.low, self.high)

    def told(self, scale: Scale) -> str:
        """What a scale makes of these values, as a sentence."""
        clipped = " What lies beyond is cut off." if self.low < scale.low or self.high > scale.high else ""
        return (
            f"The values lie between {number(self.low)} and {number(self.high)}: {number(scale.low)} becomes black, "
            f"{number(scale.high)} white.{clipped}"
        )


def _explicit(choice: str, found: re.Match[str]) -> Scale:
    try:
        low, high = float(found[1]), float(found[2])
    except ValueError:
        raise BadConfig(f"scale: {choice!r} is not LOW:HIGH, two numbers such as 0:4095") from None
    if not (low < high and np.isfinite(high - low)):
        raise BadConfig(
            f"scale: {choice!r} makes nothing visible; the first number has to be below the second"
        )
    return Scale(low, high)
