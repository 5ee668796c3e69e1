"""Which images train, which validate and which are kept for testing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadImages
from vae_core.words import counted

TRAIN, VALIDATION, TEST, OUT = range(4)
NAMES = ("test", "validation", "train")


@dataclass(frozen=True)
class Splits:
    """Sorted indices into an ImageSet, (n,) each. The three are disjoint."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def named(self, name: str) -> np.ndarray:
        """The images of a split, or of the three together by the name "all". Raises KeyError for another name."""
        if name == "all":
            return np.sort(np.concatenate((self.train, self.validation, self.test)))
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


def cut_splits(
    name: str, count: int, test: np.ndarray, seed: int, share: float, most: int, limit: int,
    validation: np.ndarray | None = None, *, copies: np.ndarray | None = None, own_test: bool = False,
) -> Splits:  # fmt: skip
    """Cut validation from the `count` images without those of `test`: `share` of them, at most `most`, at least one.

    A set's own `validation` images (V,) are taken instead where it has some, at most `most` of them; those beyond
    train no more than the others. `limit` keeps that many training images (0: all), chosen by the same seed. `copies`
    (M, 2) name images that equal an earlier one: they are kept together, see `keep_together`.
    Raises BadImages, naming the dataset `name`, when nothing is left to train on.
    """
    rest = np.setdiff1d(np.arange(count), test, assume_unique=True)
    if len(rest) < 2:
        raise BadImages(f"{name} has {counted(len(rest))} outside its test split; training needs 2")
    rng = np.random.default_rng(seed)
    order = rng.permutation(rest)
    if validation is None or not len(validation):
        held = min(most, max(1, round(share * len(rest))))
        train, chosen = order[held:], order[:held]
    else:
        train = order[~np.isin(order, validation)]
        chosen = rng.permutation(validation)[:most]
        if not len(train):
            raise BadImages(
                f"{name} has no images outside its test and validation splits; training needs some"
            )
    if copies is not None and len(copies):
        given = (own_test, validation is not None and len(validation) > 0)
        train, chosen, test = keep_together(count, copies, train, chosen, test, given)
    if limit:
        train = train[:limit]
    return Splits(np.sort(train), np.sort(chosen), test)


def keep_together(
    count: int, copies: np.ndarray, train: np.ndarray, validation: np.ndarray, test: np.ndarray, given: tuple[bool, bool],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Move copies of one image into one split; train and validation keep their order, test is sorted.

    All go where the first of them in the dataset was cut to, so that no split gains by having more copies. A test or
    validation split that the source came with (`given`: test, validation) stays as it is: copies of its images are left out
    of the others instead, and test comes first. Where that would empty a split, as in a set of one picture, all stays as
    it was cut.
    """
    first = np.arange(count)
    first[copies[:, 0]] = copies[:, 1]
    where = np.full(count, OUT)
    where[train], where[validation], where[test] = TRAIN, VALIDATION, TEST
    used = np.flatnonzero(where != OUT)
    leads = np.full(count, OUT)
    leads[first[used][::-1]] = where[used][::-1]  # of several, the earliest is written last
    moved = np.where(where == OUT, OUT, leads[first])
    for own, split in zip(given, (TEST, VALIDATION), strict=True):
        if own:
            has_one = np.isin(first, first[where == split])
            if split == VALIDATION and given[0]:
                has_one &= ~np.isin(first, first[where == TEST])
            moved = np.where(has_one, np.where(where == split, split, OUT), moved)
    order = np.concatenate((train, validation, np.flatnonzero(where == TEST)))
    parts = [order[moved[order] == split] for split in (TRAIN, VALIDATION, TEST)]
    if any(len(now) == 0 < len(before) for now, before in zip(parts, (train, validation, test), strict=True)):
        return train, validation, test
    return parts[0], parts[1], np.sort(parts[2])
