"""Pairs of images that differ in one or few factors: rendered where a set can draw them, else found in the set."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from vae_core.data.imageset import ImageSet
from vae_core.data.registry import DATASETS, Renderer
from vae_core.errors import BadConfig

LEAST_PAIRED = 0.5  # of the training images that must have a partner where partners are looked for


class Pairs(Protocol):
    """Where second images come from."""

    def beside(self, index: np.ndarray, changed: int, rng: np.random.Generator) -> np.ndarray:
        """A second image for each of `index` (B,), uint8 (B, C, H, W): 1 to `changed` factors differ, how many by chance."""


class Rendered:
    """Second images drawn for the purpose: the factors that change are drawn anew, the others stay."""

    def __init__(self, data: ImageSet, renderer: Renderer) -> None:
        self.data, self.renderer = data, renderer

    def beside(self, index: np.ndarray, changed: int, rng: np.random.Generator) -> np.ndarray:
        assert self.data.factors is not None
        fresh = self.renderer.draw(rng, len(index))
        first = np.asarray(self.data.factors[index]).astype(fresh.dtype)
        keep = ~_which_change(rng, first.shape[0], first.shape[1], changed)
        return self.renderer.render(np.where(keep, first, fresh), self.data.shape[1])


class Found:
    """Second images from the training images: equal in all factors but one, step by step where more may change."""

    def __init__(self, data: ImageSet, train: np.ndarray) -> None:
        assert data.factors is not None
        self.images, self.train = data.images, train
        factors = np.asarray(data.factors, np.float64)
        shape = (factors.shape[1], len(data))
        learned = np.zeros(len(data), bool)
        learned[train] = True
        # per factor: training images so that those equal in all other factors lie together; for each image where those
        # like it begin, how many there are, and its own place among them, -1 for one that is not for training
        self.order = np.empty((shape[0], len(train)), np.int64)
        self.start, self.size, self.rank = (np.empty(shape, np.int64) for _ in range(3))
        for k in range(shape[0]):
            group = _groups(np.delete(factors, k, 1), np.isfinite(factors.sum(1)))
            inside = group[train]
            sizes = np.bincount(inside, minlength=group.max(initial=0) + 1)
            self.order[k] = train[np.argsort(inside, kind="stable")]
            self.start[k], self.size[k] = (sizes.cumsum() - sizes)[group], sizes[group]
            self.rank[k] = -1
            self.rank[k][self.order[k]] = np.arange(len(train))
        self.others = self.size - learned  # how many partners an image has, by factor

    @property
    def share(self) -> float:
        """Of the training images, how many have a partner."""
        return float((self.others[:, self.train] > 0).any(0).mean())

    def beside(self, index: np.ndarray, changed: int, rng: np.random.Generator) -> np.ndarray:
        """One without a partner stands beside itself."""
        here = np.asarray(index)
        count = rng.integers(1, min(changed, len(self.others)) + 1, len(here))
        for step in range(int(count.max(initial=1))):
            here = np.where(step < count, self._one_step(here, rng), here)
        return np.asarray(self.images[here])

    def _one_step(self, here: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A partner of each image (B,) in a factor that has one; an image without any stays."""
        able = (self.others[:, here] > 0).T
        factor = np.where(able, rng.random(able.shape), -1.0).argmax(1)
        many, start, size = (a[factor, here] for a in (self.others, self.start, self.size))
        steps = (rng.random(len(here)) * many).astype(np.int64)
        rank = self.rank[factor, here]
        # counted from the image itself where it is among them, so that it is never its own
        place = np.where(rank >= 0, (rank - start + 1 + steps) % np.maximum(size, 1), steps)
        found = self.order[factor, np.minimum(start + place, len(self.train) - 1)]
        return np.where(able.any(1), found, here)


def _groups(factors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A number (N,) that is equal for rows (N, K) that are; rows that are not `known` (N,) are like no other."""
    if not factors.shape[1]:
        group = np.zeros(len(factors), np.int64)
    else:
        group = np.unique(factors, axis=0, return_inverse=True)[1].reshape(-1)
    alone = np.flatnonzero(~known)
    group[alone] = group.max(initial=0) + 1 + np.arange(len(alone))
    return group


def pairs_of(data: ImageSet, train: np.ndarray) -> Pairs:
    """How a set gives pairs to learn from. Raises BadConfig where it has no factors, or hardly a pair.

    A built-in set that can be rendered draws its second images; of others they are training images.
    """
    check_factors(data)
    spec = None if data.own else DATASETS.get(data.name)
    if spec is not None and spec.renderer is not None:
        return Rendered(data, spec.renderer)
    found = Found(data, train)
    if found.share < LEAST_PAIRED:
        raise BadConfig(
            f"objective: it learns from pairs of images that differ in one factor, and only {found.share:.0%} of the "
            f"training images of {data.name} have such a partner; choose a set of all combinations, or the objective guided"
        )
    return found


def check_factors(data: ImageSet) -> None:
    """Raises BadConfig for a set whose factors are not known."""
    if data.factors is None:
        raise BadConfig(
            f"objective: it learns from pairs of images that differ in one factor, and the factors of {data.name} are not "
            "known; choose faces, shapes or a set with a factor file"
        )


def _which_change(rng: np.random.Generator, rows: int, factors: int, most: int) -> np.ndarray:
    """Which factors change, bool (rows, factors): 1 to `most` in each row, which ones by chance."""
    count = rng.integers(1, min(most, factors) + 1, rows)
    ranks = rng.random((rows, factors)).argsort(1).argsort(1)
    found: np.ndarray = ranks < count[:, None]
    return found
