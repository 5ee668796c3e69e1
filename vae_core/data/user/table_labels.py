"""Labels, factors and splits from tables that lie beside a person's images, or are given with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vae_core.data.joining import Spellings, join
from vae_core.data.user.array_labels import MOST_FACTORS, MOST_LABELS
from vae_core.data.user.budgets import cleaned, listed
from vae_core.data.user.folders import SPLIT_OF_WORD, TEST, TRAIN, VALIDATION
from vae_core.errors import BadConfig, BadTable
from vae_core.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

LABEL_COLUMNS = (
    "label",
    "labels",
    "class",
    "class_name",
    "category",
    "target",
    "y",
    "species",
    "breed",
    "text",
)
SPLIT_COLUMNS = ("split", "partition", "subset", "set", "data set", "fold")
NO_ROW = "(no row)"
MOST_TABLES = 20


@dataclass(frozen=True)
class Given:
    """A table: its path's parts, and whether a person gave it rather than that it lay there."""

    parts: tuple[str, ...]
    frame: pd.DataFrame
    asked: bool = False


@dataclass
class Joined:
    """The tables' columns, a text for each image ("" where it has no row), and sentences on how they were joined."""

    columns: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # columns of tables that a person gave
    used: list[str] = field(default_factory=list)  # names of tables that were joined
    notes: list[str] = field(default_factory=list)


def given(name: str, raw: bytes, *, asked: bool = False) -> Given:
    """A table at a path. Raises BadTable."""
    return Given(tuple(name.split("/")), read_table(raw, name), asked)


def join_tables(tables: Sequence[Given], paths: Sequence[tuple[str, ...]] | None, count: int) -> Joined:
    """Join tables to images at these paths; to their numbers or order where `paths` is None. Raises BadTable for a table that was given.

    A table is first compared with the images below its own folder. One that lay there is used where it names at least half
    of those, and is passed over without a word otherwise.
    """
    joined = Joined()
    spellings: dict[int, Spellings] = {}  # of all images, made once
    for table in tables:
        rows, words, share = _rows(table, paths, count, spellings)
        if rows is None and table.asked and len(table.frame) == count:
            rows, words, share = np.arange(count), f"by order, a row for each of the {count:,} images", 1.0
        name = cleaned("/".join(table.parts))
        if rows is None or (share < 0.5 and not table.asked):
            if table.asked:
                raise BadTable(
                    f"{name} names none of the images: it needs a column file_name with their files' names, or image with "
                    "their numbers"
                )
            continue
        joined.used.append(name)
        joined.notes.append(f"The table {name} was joined {words}.")
        _add(joined, table, rows, words, count)
    return joined


def _rows(
    table: Given, paths: Sequence[tuple[str, ...]] | None, count: int, spellings: dict[int, Spellings]
) -> tuple[np.ndarray | None, str, float]:
    """The row of each image, or None; how it was found; and the share of the images that could be meant which have one."""
    if paths is None:
        found = join(table.frame, None, count)
        return (None, "", 0.0) if found is None else (found.rows, found.words, found.matched / count)
    folder = table.parts[:-1]
    inside = [i for i, path in enumerate(paths) if path[: len(folder)] == folder]
    for some in (inside, range(count)) if folder and len(inside) < count else (range(count),):
        if not some:
            continue
        names = spellings.get(len(some)) if len(some) == count else None
        if names is None:
            names = Spellings(["/".join(paths[i]) for i in some])
            if len(some) == count:
                spellings[count] = names
        # what only lies there may be any table: numbers of rows are no proof that it is of these images
        found = join(table.frame, names, len(some), numbers=table.asked)
        if found is not None and found.matched:
            rows = np.full(count, -1, np.int64)
            rows[list(some)] = found.rows
            return rows, found.words, found.matched / len(some)
    return None, "", 0.0


def _add(joined: Joined, table: Given, rows: np.ndarray, words: str, count: int) -> None:
    """Add a table's columns, but for that which names the images; tables of the same columns complete each other."""
    same: dict[str, str] = {}  # each text is held once
    for column in table.frame.columns:
        if f"column {column or '(unnamed)'}" in words or not str(column).strip():
            continue
        cells = list(table.frame[column])
        title = cleaned(str(column))
        kept = joined.columns.setdefault(title, [""] * count)
        for i in np.flatnonzero(rows >= 0):
            cell = cells[rows[i]].strip()
            kept[i] = kept[i] or same.setdefault(cell, cell)
        if table.asked:
            joined.asked.append(title)


def numbers_of(cells: Sequence[str]) -> np.ndarray | None:
    """A column's numbers float64 (N,), NaN where it is empty; None where anything else stands."""
    different = set(cells) - {""}
    try:
        value = {cell: float(cell) for cell in different}
    except ValueError:
        lower = {cell.lower() for cell in different}
        if not lower or not lower <= {"true", "false"}:
            return None
        value = {cell: float(cell.lower() == "true") for cell in different}
    value[""] = np.nan
    values = np.fromiter(map(value.__getitem__, cells), float, len(cells))
    return None if np.isinf(values).any() or np.isnan(values).all() else values


def label_column(joined: Joined) -> str | None:
    """The column that is most plainly the label: called so, else the only one that could be."""
    able = [c for c in joined.columns if _could_be_label(joined.columns[c])]
    for some in (joined.asked, able):
        named = [c for c in some if c in able and c.lower() in LABEL_COLUMNS]
        if named:
            return named[0]
    able = [c for c in able if c.lower() not in SPLIT_COLUMNS]
    if len(able) == 1 and (len(joined.columns) == 1 or numbers_of(joined.columns[able[0]]) is None):
        return able[0]
    return None


def _could_be_label(cells: Sequence[str]) -> bool:
    """Whether a column's values come more than once, and are words or whole numbers."""
    different = set(cells) - {""}
    numbers = numbers_of(cells)
    whole = numbers is None or bool((numbers[~np.isnan(numbers)] % 1 == 0).all())
    return whole and 1 < len(different) <= min(MOST_LABELS, len(cells) // 2)


def labels_of(joined: Joined, column: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """A column as labels int64 (N,) with their names, in order; images without a row get a label of their own. Raises BadConfig."""
    if column not in joined.columns:
        known = listed(sorted(joined.columns)) or "none"
        raise BadConfig(
            f"labels: there is no column {column!r} in a table of these images; there are {known}"
        )
    cells = joined.columns[column]
    numbers = numbers_of(cells)
    words = sorted(
        set(cells) - {""}, key=(lambda c: (0.0, c)) if numbers is None else (lambda c: (_number(c), c))
    )
    if not 1 <= len(words) <= MOST_LABELS:
        raise BadConfig(
            f"labels: the column {column!r} holds {len(words):,} different values; labels are at most {MOST_LABELS:,}"
        )
    places = {word: i for i, word in enumerate(words)} | {"": len(words)}
    found = np.array([places[cell] for cell in cells], np.int64)
    return found, tuple(map(cleaned, words)) + ((NO_ROW,) if "" in cells else ())


def _number(cell: str) -> float:
    return float({"true": "1", "false": "0"}.get(cell.lower(), cell))


def factors_of(
    joined: Joined, without: Sequence[str]
) -> tuple[np.ndarray | None, tuple[str, ...], list[str]]:
    """The columns of numbers as factors float32 (N, K), their names, and sentences on those that are none."""
    kept: dict[str, np.ndarray] = {}
    holes, words = [], []
    for column, cells in joined.columns.items():
        if column in without:
            continue
        numbers = numbers_of(cells)
        if numbers is None:
            words.append(column)
        elif np.isnan(numbers).any():
            holes.append(column)
        elif len(kept) < MOST_FACTORS:
            kept[column] = numbers
    notes = [f"Factors, from columns of numbers: {listed(list(kept))}."] if kept else []
    if holes:
        notes.append(f"No factors, for some images have no number there: {listed(holes)}.")
    if words:
        notes.append(f"Columns of words, which can be chosen for the labels: {listed(words)}.")
    return (np.stack(list(kept.values()), 1).astype(np.float32) if kept else None), tuple(kept), notes


def splits_of(joined: Joined) -> tuple[str, np.ndarray, np.ndarray] | None:
    """The column that says each image's split, and the sorted numbers of test and validation; None where there is none."""
    for column, cells in joined.columns.items():
        if column.lower() in SPLIT_COLUMNS:
            of = np.array([SPLIT_OF_WORD.get(cell.lower(), TRAIN if not cell else "") for cell in cells])
            if (of != "").all() and (of == TRAIN).any() and len(set(of)) > 1:
                return column, np.flatnonzero(of == TEST), np.flatnonzero(of == VALIDATION)
    return None
