"""Labelled images of a run's splits: those that may be told, and those to name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import TooFewPoints
from vae_core.uses.subject import Subject
from vae_core.words import counted

MOST_CLASSES = 30
MOST_VALUES = (
    6_000_000  # of all labelled images together: a probe of their pixels takes the cube of their number
)


@dataclass(frozen=True, eq=False)
class Pool:
    """Images that may be labelled and images to name: their numbers (N,), (M,) in the set, and labels of both."""

    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray
    notes: tuple[str, ...] = ()


def pool_of(subject: Subject, seed: int, images: int, most_test: int) -> Pool:
    """At most so many labelled images of the run's training and test splits, drawn by the seed.

    Raises TooFewPoints where there are too few.
    """
    labels, rng = subject.labels(), np.random.default_rng(seed)
    train = subject.train[labels[subject.train] >= 0]
    test, notes = subject.test, []
    if not len(test):
        test = subject.splits.validation
        notes.append("There is no test split: images of the validation split are named.")
    if subject.model.config.objective.entry.needs & {"labels", "factors", "targets"}:
        notes.append(
            "This run was told labels or factors while it learned: its codes hold what a VAE may not find by itself."
        )
    test = test[labels[test] >= 0]
    classes, sizes = np.unique(labels[train], return_counts=True)
    if len(classes) > MOST_CLASSES:
        notes.append(f"Of {len(classes):,} classes the {MOST_CLASSES} commonest are told apart.")
        classes = np.sort(classes[np.argsort(-sizes, kind="stable")[:MOST_CLASSES]])
    train, test = train[np.isin(labels[train], classes)], test[np.isin(labels[test], classes)]
    if len(classes) < 2 or not len(test):
        raise TooFewPoints(
            f"{subject.data.name} has {counted(len(train), 'labelled training image')} of {len(classes)} classes"
            f" and {counted(len(test), 'labelled test image')} of them: it takes two classes "
            "and a test image; choose a run on more images"
        )
    most = max(200, MOST_VALUES // int(np.prod(subject.data.shape)))
    if most < min(images, len(train)):
        notes.append(f"Images are large, so {most:,} of them may be labelled at most.")
    train = np.sort(rng.permutation(train)[: min(images, most)])
    test = np.sort(rng.permutation(test)[:most_test])
    return Pool(train, test, labels[train], labels[test], tuple(notes))
