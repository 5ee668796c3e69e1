"""What values of a dataset's factors are called."""

from __future__ import annotations

from dataclasses import dataclass

END = 1 / 3  # of a scale, on which its word still holds


@dataclass(frozen=True)
class FactorWords:
    """Words for the values of one factor: of each whole number from 0, or of both ends of a scale from 0 to `top`."""

    each: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    top: float = 1.0

    def of(self, value: float) -> str:
        """The word of a value: "worn", or of a scale's outer thirds "laughing"; empty where it has none."""
        if self.each:
            at = round(value) if value == value and abs(value) < len(self.each) else -1
            return self.each[at] if at >= 0 and abs(value - at) < 1e-6 else ""
        share = value / self.top
        return self.low if share <= END else self.high if share >= 1 - END else ""


EVERY = "*"  # names the words of every factor that has none of its own
