"""Which latent dimension of one model is which of another, by the codes both give the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints

LEAST_CORRELATION = 0.2  # |r| below which two dimensions have nothing in common, if either has another place


@dataclass(frozen=True)
class Alignment:
    """Rows that follow one factor through B models of D dimensions; all (B, D).

    dims: the model's dimension in a row; sign: +1, or -1 where it runs the other way; collapsed: it is not active, and
    nothing is matched; agreement: |correlation| with the row's last active dimension nearer the reference, NaN for the
    reference itself, for what is collapsed and for a dimension that begins a row.
    Rows active in the reference come first, in its order of use; then those others begin; collapsed ones last.
    """

    reference: int
    dims: np.ndarray
    sign: np.ndarray
    collapsed: np.ndarray
    agreement: np.ndarray

    @property
    def rows(self) -> int:
        """Number of rows in which any model is active."""
        return int((~self.collapsed).any(0).sum())


def align(
    codes: Sequence[np.ndarray], active: Sequence[np.ndarray], *, reference: int | None = None
) -> Alignment:
    """Match the latent dimensions of models by the codes (N, D) they give the same N images.

    `active` holds a bool (D,) per model; the models stand in order of β. From the reference (the one of most active
    dimensions unless given) outward each is matched to its neighbour: the assignment of most |correlation| in all
    (Kuhn 1955; Crouse 2016). A row whose dimension collapses is remembered, so that one that comes back finds it. A
    dimension that correlates below 0.2 with its row begins another, as long as there are empty ones. Raises BadCodes
    for shapes that do not fit or codes that are not finite, TooFewPoints below three images or without a model.
    """
    z, alive = _checked(codes, active)
    models, dim = len(z), z[0].shape[1]
    if reference is None:
        reference = int(np.argmax([a.sum() for a in alive]))
    if not 0 <= reference < models:
        raise BadCodes(f"there is no model {reference} to refer to; there are {models}, counted from 0")
    dims = np.zeros((models, dim), np.int64)
    sign, agreement = np.ones((models, dim)), np.full((models, dim), np.nan)
    collapsed = np.ones((models, dim), bool)

    spread = np.where(alive[reference], np.asarray(codes[reference], np.float64).var(0), -1)
    order = np.argsort(-spread, kind="stable")
    first = int(alive[reference].sum())
    dims[reference], collapsed[reference, :first] = order, False
    begun: dict[int, np.ndarray] = {row: z[reference][:, order[row]] for row in range(first)}
    for path in (range(reference - 1, -1, -1), range(reference + 1, models)):
        carried = dict(begun)  # row -> its last active dimension, standardised and turned as the row runs
        for m in path:
            mine = np.flatnonzero(alive[m])
            rows = _assign(z[m][:, mine], carried, dim)
            for d, row in zip(mine, rows, strict=True):
                column = z[m][:, d]
                if row in carried:
                    r = float(column @ carried[row]) / len(column)
                    sign[m, row], agreement[m, row] = (-1.0 if r < 0 else 1.0), min(1.0, abs(r))
                dims[m, row], collapsed[m, row] = d, False
                carried[row] = sign[m, row] * column
                begun.setdefault(row, carried[row])
            dims[m, collapsed[m]] = np.flatnonzero(~alive[m])
    return Alignment(reference, dims, sign, collapsed, agreement)


def _assign(mine: np.ndarray, carried: Mapping[int, np.ndarray], dim: int) -> list[int]:
    """A row for each standardised column of `mine` (N, K): a carried one that correlates, else an empty one."""
    from scipy.optimize import linear_sum_assignment

    empty = [row for row in range(dim) if row not in carried]
    rows = [-1] * mine.shape[1]
    if carried and mine.shape[1]:
        taken = list(carried)
        r = np.abs(mine.T @ np.stack([carried[row] for row in taken], 1)) / len(mine)
        for k, t in zip(*linear_sum_assignment(r, maximize=True), strict=True):
            if r[k, t] >= LEAST_CORRELATION:
                rows[k] = taken[t]
        # what correlates with nothing takes an empty row, and where those run out one that nobody took
        free = empty + [row for row in taken if row not in rows]
    else:
        free = empty
    rest = iter(free)
    return [row if row >= 0 else next(rest) for row in rows]


def _checked(
    codes: Sequence[np.ndarray], active: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Standardised codes (N, D), zero where they do not vary, and active (D,) per model."""
    if not codes:
        raise TooFewPoints("there is no model to align")
    z = [np.asarray(c, np.float64) for c in codes]
    alive = [np.asarray(a, bool) for a in active]
    if any(c.ndim != 2 or c.shape != z[0].shape for c in z):
        raise BadCodes(f"codes of the same images are expected as (N, D) each, got {[c.shape for c in z]}")
    if len(alive) != len(z) or any(a.shape != z[0].shape[1:] for a in alive):
        raise BadCodes(
            f"which dimensions are active is expected as (D,) per model, got {[a.shape for a in alive]}"
        )
    if len(z[0]) < 3:
        raise TooFewPoints(f"a correlation needs the codes of three images or more, got {len(z[0])}")
    if not all(np.isfinite(c).all() for c in z):
        raise BadCodes("codes must be finite numbers")
    centred = [c - c.mean(0) for c in z]
    spread = [c.std(0) for c in z]
    # rounding of a constant is no variation
    alive = [a & (s > 1e-12 * (1 + np.abs(c).max(0))) for a, s, c in zip(alive, spread, z, strict=True)]
    return [c / np.where(a, s, 1) * a for c, s, a in zip(centred, spread, alive, strict=True)], alive
