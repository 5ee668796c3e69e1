"""Images with one factor held fixed, which the FactorVAE and β-VAE scores draw from the given codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vae_core.errors import TooFewPoints
from vae_core.evaluation.metrics.factors import unit

# images that share a value, in either half of the images, for that value to be held fixed
LEAST_OF_A_VALUE = 5
VOTES = 2_000
DRAWN = 64  # images, or pairs of images, behind a vote
RESCALED = "own estimate: published figures are the accuracy itself, in which guessing has 1/K"
GUESSING = "accuracy on the other half of the images, rescaled from 1/K … 1 to 0 … 1"


@dataclass(frozen=True)
class ValueGroup:
    """Images ordered by a factor's value: rows (M,) into the codes; where the images of each one's value begin in
    `rows` and how many they are, (M,)."""

    rows: np.ndarray
    start: np.ndarray
    size: np.ndarray

    def alike(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n times DRAWN images that share a random image's value, (n, DRAWN)."""
        first = rng.integers(len(self.rows), size=(n, 1))
        return self.rows[self.start[first] + rng.integers(self.size[first], size=(n, DRAWN))]

    def pairs(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n times DRAWN pairs of two images that share a value, twice (n, DRAWN)."""
        first = rng.integers(len(self.rows), size=(n, DRAWN))
        start, size = self.start[first], self.size[first]
        other = start + (first - start + rng.integers(1, size)) % size
        return self.rows[first], self.rows[other]


def halves(v: np.ndarray, rng: np.random.Generator) -> tuple[list[ValueGroup], list[ValueGroup]]:
    """The images split in two, grouped by each factor that can be held fixed in both halves.

    What chance makes alike in one half is not alike in the other, so that noise earns nothing.
    """
    order = rng.permutation(len(v))
    one, other = np.sort(order[: len(v) // 2]), np.sort(order[len(v) // 2 :])
    both = [(group_by_value(values, one), group_by_value(values, other)) for values in v.T]
    both = [(a, b) for a, b in both if len(a.rows) and len(b.rows)]
    if len(both) < 2:
        raise TooFewPoints(
            "telling factors apart needs two that vary and have a value shared by "
            f"{LEAST_OF_A_VALUE} images in either half; there {'is' if len(both) == 1 else 'are'} {len(both)}"
        )
    return [a for a, _ in both], [b for _, b in both]


def group_by_value(values: np.ndarray, rows: np.ndarray) -> ValueGroup:
    """The images at `rows` whose value, of values (N,), at least LEAST_OF_A_VALUE of them share."""
    rows = rows[np.argsort(values[rows], kind="stable")]
    count = np.bincount(values[rows])
    rows = rows[count[values[rows]] >= LEAST_OF_A_VALUE]
    _, start, place, size = np.unique(
        values[rows], return_index=True, return_inverse=True, return_counts=True
    )
    return ValueGroup(rows, start[place], size[place])


def portions(n: int, dims: int) -> Iterator[int]:
    """n votes in parts whose DRAWN codes each take 32 MB at most."""
    most = max(1, (32 << 20) // (8 * DRAWN * dims))
    while n > 0:
        yield min(n, most)
        n -= most


def above_chance(accuracy: float, count: int) -> float:
    """Accuracy among `count` kinds -> 0 for guessing, 1 for no mistake."""
    return unit((accuracy - 1 / count) / (1 - 1 / count))
