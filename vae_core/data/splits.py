"""Which images train, which validate and which are kept for testing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadImages
from vae_core.words import counted


@dataclass(frozen=True)
class Splits:
    """Sorted indices into an ImageSet, (n,) each. The three are disjoint."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def named(self, name: str) -> np.ndarray:
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


def cut_splits(
    name: str, count: int, test: np.ndarray, seed: int, share: float, most: int, limit: int,
    validation: np.ndarray | None = None,
) -> Splits:  # fmt: skip
    """Cut validation from the `count` images without those of `test`: `share` of them, at most `most`, at least one.

    A set's own `validation` images (V,) are taken instead where it has some, at most `most` of them; those beyond
    train no more than the others. `limit` keeps that many training images (0: all), chosen by the same seed.
    Raises BadImages, naming the dataset `name`, when nothing is left to train on.
    """
    rest = np.setdiff1d(np.arange(count), test, assume_unique=True)
    if len(rest) < 2:
        raise BadImages(f"{name} has {counted(len(rest))} outside its test split; training needs 2")
    rng = np.random.default_rng(seed)
    order = rng.permutation(rest)
    if validation is None or not len(validation):
        held = min(most, max(1, round(share * len(rest))))
        train, validation = order[held:], order[:held]
    else:
        train = order[~np.isin(order, validation)]
        validation = rng.permutation(validation)[:most]
        if not len(train):
            raise BadImages(
                f"{name} has no images outside its test and validation splits; training needs some"
            )
    if limit:
        train = train[:limit]
    return Splits(np.sort(train), np.sort(validation), test)
