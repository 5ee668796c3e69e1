"""Where a curve over β turns, and what is only chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vae_core.evaluation.rate_distortion import Band

# mean range of 0, 1, 2 ... 10 normal numbers of variance 1
RANGE = (0.0, 0.0, 1.128, 1.693, 2.059, 2.326, 2.534, 2.704, 2.847, 2.970, 3.078)
SURE = 4.0  # standard errors by which two means over seeds differ


@dataclass(frozen=True)
class Shape:
    """turns: the points (T,) between which the curve rises or falls in turn, none where it does neither; those of a
    band are its means. step (T-1,): how far, signed.
    """

    turns: tuple[int, ...]
    step: tuple[float, ...]

    @property
    def rises(self) -> bool:
        """Rises and does nothing else."""
        return len(self.step) == 1 and self.step[0] > 0

    @property
    def falls(self) -> bool:
        """Falls and does nothing else."""
        return len(self.step) == 1 and self.step[0] < 0


def seed_noise(band: Band) -> float:
    """Standard deviation among the seeds of one β, pooled over all; 0 where no β has two.

    By the range, which is all that a band keeps: of n normal numbers it is on average RANGE[n] standard deviations
    (Tippett 1925).
    """
    some = band.count > 1
    if not some.any():
        return 0.0
    usual = np.array([RANGE[min(n, len(RANGE) - 1)] for n in band.count[some].tolist()])
    return float(((band.high - band.low)[some] / usual).mean())


def shape_of(band: Band, least: float) -> Shape:
    """The curve's turning points: each is the extreme between its neighbours, and differs from them.

    Two points differ when their means do by `least` or more, and by SURE standard errors of a difference between two
    means over seeds: so the extremes of a curve that is noise alone do not in 19 of 20 cases (as Tukey's range test asks;
    see the test by simulation). What goes to and fro by less is no turn.
    """
    values, noise = band.mean, seed_noise(band)

    def differ(a: int, b: int) -> bool:
        error = noise * float(np.sqrt(1 / band.count[a] + 1 / band.count[b]))
        return bool(abs(values[a] - values[b]) >= max(least - 1e-9, SURE * error))

    high = low = 0  # extremes before the first turn
    turns: list[int] = []
    sign = 1  # of the way that leads to the last turn
    for i in range(1, len(values)):
        if not turns:
            high = i if values[i] > values[high] else high
            low = i if values[i] < values[low] else low
            if differ(low, high):
                turns, sign = [min(low, high), max(low, high)], 1 if low < high else -1
        elif sign * (values[i] - values[turns[-1]]) > 0:
            turns[-1] = i
        elif differ(turns[-1], i):
            turns.append(i)
            sign = -sign
    return Shape(tuple(turns), tuple(float(values[b] - values[a]) for a, b in pairwise(turns)))


def with_equals(words: list[str], turns: tuple[int, ...]) -> tuple[int, ...]:
    """Turns whose first and last reach out over neighbours that are printed alike (`words` (B,)): a curve of 9, 9, 2
    falls from the first 9.
    """
    first, last = turns[0], turns[-1]
    while first and words[first - 1] == words[turns[0]]:
        first -= 1
    while last < len(words) - 1 and words[last + 1] == words[turns[-1]]:
        last += 1
    return (first, *turns[1:-1], last)
