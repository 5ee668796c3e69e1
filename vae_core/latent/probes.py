"""Probes: linear classifiers of a label from a code.

Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints

MOST_CODES = 5000
LEAST_OF_A_CLASS = 5


@dataclass(frozen=True)
class Probe:
    """A logistic regression on raw codes: softmax(weights z + bias), weights (K, D), bias (K,).

    `names` (K,) of the classes; of a yes-or-no probe the second is the yes. `accuracy` is the share of held-out
    images it names rightly and `chance` the share of the commonest class among those; `images` is how many
    images it was fitted to and tested on, `dropped` the classes left out for want of images.
    """

    weights: np.ndarray
    bias: np.ndarray
    names: tuple[str, ...]
    accuracy: float
    chance: float
    images: int
    dropped: tuple[str, ...] = ()

    def logits(self, z: np.ndarray) -> np.ndarray:
        """Codes (S, D) -> (S, K), before the softmax."""
        z = np.asarray(z, np.float64)
        if z.ndim != 2 or z.shape[1] != self.weights.shape[1]:
            raise BadCodes(f"codes are expected as (S, {self.weights.shape[1]}), got {z.shape}")
        # a dimension of no weight was constant or not finite: what it holds here must not spread
        found: np.ndarray = np.where(self.weights.any(0), z, 0.0) @ self.weights.T + self.bias
        return found

    def probabilities(self, z: np.ndarray) -> np.ndarray:
        """Codes (S, D) -> probability of each class (S, K), rows summing to 1."""
        return softmax(self.logits(z))


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(l_k) / sum_j exp(l_j) over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    found: np.ndarray = powers / powers.sum(-1, keepdims=True)
    return found


def fit_probe(codes: np.ndarray, labels: np.ndarray, names: Sequence[str], seed: int = 0) -> Probe:
    """Fit a probe to two thirds of the images and test it on the rest, split evenly within each class.

    codes (N, D), labels (N,) as indices into `names`; other labels mean that an image has none. At most 5,000
    images are used, drawn by `seed`. Classes with fewer than 5 of them are dropped and listed. Dimensions that
    are constant, or not finite for most images, get no weight; images with other values that are not finite are
    left out. Raises BadCodes for shapes that do not fit and TooFewPoints when fewer than two classes remain.
    """
    codes, labels = np.asarray(codes, np.float64), np.asarray(labels)
    if codes.ndim != 2 or labels.shape != codes.shape[:1]:
        raise BadCodes(f"a probe needs codes (N, D) and N labels, got {codes.shape} and {labels.shape}")
    rng = np.random.default_rng(seed)
    finite = np.isfinite(codes)
    usable = finite.mean(0) > 0.5 if len(codes) else np.zeros(codes.shape[1], bool)
    rows = np.flatnonzero(finite[:, usable].all(1) & (labels >= 0) & (labels < len(names)))
    if len(rows) > MOST_CODES:
        rows = np.sort(rng.choice(rows, MOST_CODES, replace=False))
    names = [str(name) for name in names]
    counts = np.bincount(labels[rows].astype(int), minlength=len(names))
    kept = np.flatnonzero(counts >= LEAST_OF_A_CLASS)
    dropped = tuple(name for name, count in zip(names, counts, strict=True) if count < LEAST_OF_A_CLASS)
    if len(kept) < 2:
        raise TooFewPoints(
            f"a probe needs two classes with at least {LEAST_OF_A_CLASS} images each; there are {len(kept)}"
        )
    rows = rows[np.isin(labels[rows], kept)]
    target = np.searchsorted(kept, labels[rows].astype(int))
    test = _held_out(target, rng)
    x = np.where(usable, codes[rows], 0.0)
    weights, bias = _fit(x[~test], target[~test], len(kept))
    found = (x[test] @ weights.T + bias).argmax(1)
    return Probe(
        weights,
        bias,
        tuple(name for name, count in zip(names, counts, strict=True) if count >= LEAST_OF_A_CLASS),
        accuracy=float((found == target[test]).mean()),
        chance=float(np.bincount(target[test]).max() / test.sum()),
        images=len(rows),
        dropped=dropped,
    )


def fit_probes_for_factors(
    factors: np.ndarray, names: Sequence[str], codes: np.ndarray, seed: int = 0
) -> dict[str, Probe]:
    """A yes-or-no probe per factor: factors (N, K) named by `names`, codes (N, D).

    The question is whether a factor of two values has the larger, or another lies above its median. Factors that
    are constant, or have fewer than 5 images on one side, are skipped.
    """
    factors = np.asarray(factors, np.float64)
    if factors.ndim != 2 or factors.shape != (len(codes), len(names)):
        raise BadCodes(f"factors are expected as ({len(codes)}, {len(names)}), got {factors.shape}")
    probes = {}
    for name, values in zip(names, factors.T, strict=True):
        known = np.isfinite(values)
        if not known.any() or np.ptp(values[known]) == 0:
            continue
        yes, words = _above(values[known])
        labels = np.full(len(values), -1)
        labels[known] = yes
        try:
            probes[str(name)] = fit_probe(codes, labels, words, seed)
        except TooFewPoints:
            continue
    return probes


def _above(values: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Which values (N,) count as high, and the words for low and high."""
    distinct = np.unique(values)
    if len(distinct) == 2:
        return values == distinct[1], ("no", "yes")
    median = np.median(values)
    if median == distinct[-1]:  # more than half have the largest value
        return values >= median, ("below median", "at median")
    return values > median, ("up to median", "above median")


def _held_out(target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third of each class, at least one image and never all: bool (N,)."""
    test = np.zeros(len(target), bool)
    for k in np.unique(target):
        of_class = rng.permutation(np.flatnonzero(target == k))
        test[of_class[: max(1, round(len(of_class) / 3))]] = True
    return test


def _fit(x: np.ndarray, target: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, D) and bias (K,) on raw codes x (N, D) of classes 0 ... K - 1."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = x.mean(0), x.std(0)
    varies = spread > 1e-6 * max(1e-12, float(spread.max()))
    scale = np.where(varies, spread, 1.0)
    model = LogisticRegression(max_iter=1000).fit(np.where(varies, (x - mean) / scale, 0.0), target)
    weights, bias = np.where(varies, model.coef_ / scale, 0.0), model.intercept_
    if classes == 2:  # one row of log-odds: half of it for the second class, half against the first
        weights, bias = np.vstack((-weights, weights)) / 2, np.append(-bias, bias) / 2
    return weights, bias - weights @ mean
