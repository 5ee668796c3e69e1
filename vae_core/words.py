"""Numbers in sentences."""

from __future__ import annotations

from collections.abc import Iterable


def counted(count: int, what: str = "image") -> str:
    """1 image, 1,200 images."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def one_decimal(value: float) -> str:
    """−1,203.4, and 0.0 for what rounds to it from either side."""
    return f"{round(value, 1) + 0.0:,.1f}".replace("-", "−")


def span(value: float) -> str:
    """A difference of 0 or more, never rounded to a nothing that it is not: 2.5, less than 0.1, 0.0."""
    return one_decimal(value) if value == 0 or value >= 0.05 else "less than 0.1"


def mean_count(value: float) -> str:
    """A count, or the mean of several: 7, 7.3."""
    return f"{value:.1f}".removesuffix(".0")


def listed(words: Iterable[str]) -> str:
    """1, 2 and 4."""
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def percent(share: float) -> str:
    """A share of 0 to 1 in whole per cent, never rounded to a none or an all that it is not: 42 %, 0.3 %, over 99.9 %."""
    value = 100 * float(share)
    rest = min(value, 100 - value)
    if rest < 1e-6 or rest >= 0.95:
        return f"{value:.0f} %"
    if rest >= 0.05:
        return f"{value:.1f} %"
    return "under 0.1 %" if value < 50 else "over 99.9 %"
