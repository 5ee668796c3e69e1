"""Which images train, which validate and which are kept for testing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadImages


@dataclass(frozen=True)
class Splits:
    """Sorted indices into an ImageSet, (n,) each. The three are disjoint."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def named(self, name: str) -> np.ndarray:
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


def cut_splits(
    name: str, count: int, test: np.ndarray, seed: int, share: float, most: int, limit: int
) -> Splits:
    """Cut validation from the `count` images without those of `test`: `share` of them, at most `most`, at least one.

    `limit` keeps that many training images (0: all), chosen by the same seed.
    Raises BadImages, naming the dataset `name`, when nothing is left to train on.
    """
    rest = np.setdiff1d(np.arange(count), test, assume_unique=True)
    if len(rest) < 2:
        raise BadImages(f"{name} has {len(rest)} images outside its test split; training needs 2")
    order = np.random.default_rng(seed).permutation(rest)
    validation = min(most, max(1, round(share * len(rest))))
    train = order[validation:]
    if limit:
        train = train[:limit]
    return Splits(np.sort(train), np.sort(order[:validation]), test)
