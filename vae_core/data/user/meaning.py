"""What is known of a source's images besides their pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
