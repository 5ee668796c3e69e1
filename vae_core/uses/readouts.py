"""What a few labels tell of images that are given as features: linear probe and nearest neighbours. Functions of arrays.

Features are (N, F) of any kind: codes, principal components or raw pixels. All kinds are read by the same rules, so that what
differs is the features alone.
"""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

STRENGTHS = (0.1, 1.0, 10.0, 100.0)  # C of logistic regression, chosen among by held-out labels
USUAL_STRENGTH = 10.0  # where there are too few labels to hold any out
NORM = 10.0  # mean squared length of features as the probe sees them, whatever their number
ROUNDS = 200  # of the solver
LEAST_TO_CHOOSE = 3  # images of a class from which a third can be held out


def some_of_each(labels: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Sorted rows (n,) of `labels` (N,): of each label `most` at random, all where there are no more."""
    found = [rng.permutation(np.flatnonzero(labels == k))[:most] for k in np.unique(labels)]
    return np.sort(np.concatenate(found)) if found else np.zeros(0, np.int64)


def counts_per_class(sizes: np.ndarray) -> list[int]:
    """1, 3, 10, 30, ... labelled images of each class, as long as half of the classes, of these `sizes`, have so many."""
    most = int(np.median(sizes))
    return [n for power in range(7) for n in (10**power, 3 * 10**power) if n <= most] or [1]


def vote(distances: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """k-nearest-neighbour classes (Cover & Hart 1967): distances (Q, N) to images of `labels` (N,) -> (Q,).

    The commonest label of the k nearest; of equally common ones that of the nearest image.
    """
    k = min(k, distances.shape[1])
    near = np.argpartition(distances, k - 1, axis=1)[:, :k]
    order = np.take_along_axis(distances, near, 1).argsort(1, kind="stable")
    near = np.take_along_axis(near, order, 1)
    names, place = np.unique(labels, return_inverse=True)
    votes = np.zeros((len(near), len(names)))
    for rank in range(k):
        votes[np.arange(len(near)), place[near[:, rank]]] += 1 + 0.1 * 0.5**rank
    found: np.ndarray = names[votes.argmax(1)]
    return found


def probe(x: np.ndarray, labels: np.ndarray, test: np.ndarray, strength: float) -> np.ndarray:
    """Classes of `test` (M, F) by logistic regression on x (N, F), labels (N,): a linear probe (Alain & Bengio 2016).

    Features are centred, and scaled as a whole to a mean squared length of NORM: each keeps its share of the variance, so
    that a dimension which nobody uses is not blown up. `strength` is C, the inverse of the penalty on the weights.
    """
    if len(np.unique(labels)) < 2:
        return np.full(len(test), labels[0])
    return _fitted(*_prepared(np.asarray(x, np.float64), np.asarray(test, np.float64)), labels, strength)


def _fitted(x: np.ndarray, test: np.ndarray, labels: np.ndarray, strength: float) -> np.ndarray:
    """As `probe`, of what `_prepared` gave."""
    from sklearn.linear_model import LogisticRegression

    with _quiet():
        model = LogisticRegression(C=strength, max_iter=ROUNDS, tol=1e-3).fit(x, labels)
    found: np.ndarray = model.predict(test)
    return found


def chosen_strength(x: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> float:
    """Which of STRENGTHS names a held-out third of the labelled images best; USUAL_STRENGTH where a class has fewer than 3."""
    names, sizes = np.unique(labels, return_counts=True)
    if sizes.min() < LEAST_TO_CHOOSE:
        return USUAL_STRENGTH
    held = np.zeros(len(labels), bool)
    for k in names:
        of_class = rng.permutation(np.flatnonzero(labels == k))
        held[of_class[: len(of_class) // 3]] = True
    known, asked = _prepared(np.asarray(x[~held], np.float64), np.asarray(x[held], np.float64))
    scores = [float((_fitted(known, asked, labels[~held], one) == labels[held]).mean()) for one in STRENGTHS]
    return STRENGTHS[int(np.argmax(scores))]


def _prepared(x: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centred and scaled. Of more values than images, the coordinates within the span of the images: the penalty makes the
    weights lie there, so nothing changes but the time."""
    mean = x.mean(0)
    x, test = x - mean, test - mean
    scale = (NORM / max(1e-12, float((x**2).sum(1).mean()))) ** 0.5
    x, test = x * scale, test * scale
    if x.shape[1] > len(x):
        values, vectors = np.linalg.eigh(x @ x.T)
        kept = values > 1e-9 * values[-1]
        axes = x.T @ (vectors[:, kept] / np.sqrt(values[kept]))
        x, test = x @ axes, test @ axes
    return x, test


def _quiet() -> AbstractContextManager[Any]:
    """Without the solver's word that it stopped at ROUNDS: what it found by then is what is measured."""
    return warnings.catch_warnings(action="ignore")
