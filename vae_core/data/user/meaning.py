"""What is known of a source's images besides their pixels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from vae_core.data.user.choices import ImportChoices
from vae_core.data.user.table_labels import Joined, factors_of, label_column, labels_of, splits_of


@dataclass(frozen=True)
class Meaning:
    """Labels int64 (N,) and factors float32 (N, K) or None, and sorted numbers of the splits' images or None.

    `test` None: a test split is cut. `notes` are sentences on where all this comes from.
    """

    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()
    test: np.ndarray | None = None
    validation: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def label_of(self, index: int) -> str:
        """The label of an image in words, or an empty string."""
        return "" if self.labels is None else self.label_names[self.labels[index]]


def with_tables(known: Meaning, joined: Joined, choices: ImportChoices, kept: np.ndarray) -> Meaning:
    """What is known otherwise, with what tables add: labels where chosen or where there are none, factors, splits.

    `kept` are the numbers of the images that are imported. Raises BadConfig for a column that is not there.
    """
    notes, used = [*known.notes], []
    if choices.labels == "none":
        known = dataclasses.replace(known, labels=None, label_names=())
    elif choices.labels != "folders":
        column = _column(known, joined, choices.labels)
        if column is not None:
            labels, names = labels_of(joined, column)
            used.append(column)
            notes.append(f"The labels are the column {column}.")
            known = dataclasses.replace(known, labels=labels, label_names=names)
    own = known.test is not None or known.validation is not None
    split = splits_of(joined) if choices.splits == "auto" and not own else None
    if split is not None:
        used.append(split[0])
        test, validation = (index[np.isin(index, kept)] for index in split[1:])
        known = dataclasses.replace(
            known, test=test if len(test) else None, validation=validation if len(validation) else None
        )
        notes.append(
            f"The column {split[0]} says the splits: {len(validation):,} images for validation, {len(test):,} for test, the "
            "others train."
        )
    factors, factor_names, told = factors_of(joined, used)
    if factors is not None:
        if known.factors is not None:
            factors = np.hstack((known.factors, factors))
        known = dataclasses.replace(known, factors=factors, factor_names=(*known.factor_names, *factor_names))
    return dataclasses.replace(known, notes=(*joined.notes, *notes, *told))


def _column(known: Meaning, joined: Joined, chosen: str) -> str | None:
    """The column to take the labels from; None for what is known already."""
    if chosen != "auto":
        return chosen
    return label_column(joined) if joined.asked or known.labels is None else None
