"""95 % intervals: by bootstrap over images, by Student's t over seeds, by Wilson's formula for shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

LEVEL = 0.95
DRAWS = 1_000  # bootstrap samples


@dataclass(frozen=True)
class Interval:
    """A value, and `low` to `high` around it at 95 %; count: images or seeds behind it. None where there are too few."""

    value: float | None
    low: float | None
    high: float | None
    count: int


def of_mean(values: np.ndarray, rng: np.random.Generator, draws: int = DRAWS) -> Interval:
    """The mean of one value an image (N,), with the percentile bootstrap over images (Efron 1979)."""
    return of_statistic(lambda rows: float(np.mean(values[rows])), len(values), rng, draws)


def of_statistic(
    statistic: Callable[[np.ndarray], float], count: int, rng: np.random.Generator, draws: int = DRAWS
) -> Interval:
    """A statistic of images, `statistic(rows)`, over the numbers below `count`: percentile bootstrap over images.

    Draws for which it is not finite, such as an AUROC of one class alone, do not count. Without images there is no value.
    """
    if not count:
        return Interval(None, None, None, 0)
    value = statistic(np.arange(count))
    if count < 2:
        return Interval(_finite(value), None, None, count)
    found = np.array([statistic(rng.integers(count, size=count)) for _ in range(draws)])
    found = found[np.isfinite(found)]
    if len(found) < draws / 2:
        return Interval(_finite(value), None, None, count)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(found, (tail, 1 - tail))
    return Interval(_finite(value), float(low), float(high), count)


def over_seeds(values: np.ndarray | list[float]) -> Interval:
    """The mean over seeds: mean ± t s / √n with Student's t of n − 1 degrees of freedom (1908). Of one seed no interval."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return Interval(None, None, None, 0)
    mean = float(known.mean())
    if len(known) < 2:
        return Interval(mean, None, None, len(known))
    from scipy.special import stdtrit

    half = float(stdtrit(len(known) - 1, (1 + LEVEL) / 2)) * float(known.std(ddof=1)) / len(known) ** 0.5
    return Interval(mean, mean - half, mean + half, len(known))


def share_over_seeds(values: np.ndarray | list[float]) -> Interval:
    """As `over_seeds`, of shares, which end at 0 and 1: of few seeds Student's t reaches beyond."""
    found = over_seeds(values)
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


def of_share(hits: int, count: int) -> Interval:
    """A share of independent trials, with Wilson's interval (1927), which holds near 0 and 1 too."""
    if not count:
        return Interval(None, None, None, 0)
    from scipy.special import ndtri

    z = float(ndtri((1 + LEVEL) / 2))
    p = hits / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (p * (1 - p) / count + z * z / (4 * count**2)) ** 0.5
    low = 0.0 if not hits else max(0.0, middle - half)  # rounding leaves a little beyond the ends
    return Interval(p, low, 1.0 if hits == count else min(1.0, middle + half), count)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
