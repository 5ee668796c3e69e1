"""Join the rows of a table to images by the names of their files, in the spellings people use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

NAME_COLUMNS = (
    "file_name", "filename", "file", "path", "filepath", "file_path", "image_path", "image", "img", "image_id",
    "image_name", "image_file", "id", "name", "key",
)  # fmt: skip
NUMBER_COLUMNS = ("index", "number", "", "unnamed: 0")
FILE = re.compile(r"\.[A-Za-z]{2,5}\s*$")
DEEPEST = 4  # folders of a path that are compared


@dataclass(frozen=True)
class Join:
    """Which row of a table each image has: rows int64 (N,), -1 for none; and how that was found, in words."""

    rows: np.ndarray
    column: str
    words: str

    @property
    def matched(self) -> int:
        """How many images have a row."""
        return int((self.rows >= 0).sum())


def _parts(path: str) -> list[str]:
    """A path's folders and name in one spelling of letters, case and separators."""
    plain = path if path.isascii() else unicodedata.normalize("NFC", path)
    return [part for part in plain.replace("\\", "/").casefold().split("/") if part not in ("", ".")]


def _spelt(parts: list[str], folders: int, ending: bool) -> str | None:
    """The last `folders` folders and the name; None where there are fewer folders."""
    if len(parts) <= folders:
        return None
    name = parts[-1]
    if not ending and name.rfind(".") > 0:
        name = name[: name.rfind(".")]
    return "/".join([*parts[len(parts) - 1 - folders : -1], name]) if folders else name


class Spellings:
    """The names of images' files in every spelling that is compared, made once."""

    def __init__(self, names: Sequence[str]):
        self._parts = [_parts(name) for name in names]
        self._made: dict[tuple[int, bool], dict[str, int]] = {}

    def places(self, folders: int, ending: bool) -> dict[str, int]:
        """The image of each spelling that only one has."""
        if (folders, ending) not in self._made:
            places: dict[str, int] = {}
            for i, parts in enumerate(self._parts):
                if (key := _spelt(parts, folders, ending)) is not None:
                    places[key] = -1 if key in places else i
            self._made[folders, ending] = {key: i for key, i in places.items() if i >= 0}
        return self._made[folders, ending]

    def match(self, cells: Sequence[str], ending: bool) -> np.ndarray:
        """The row of each name, int64 (N,), -1 for none: by as many folders as tell most, with the `ending` or without it.

        Of rows with the same name the first is taken.
        """
        rows = [_parts(cell.strip()) for cell in cells]
        best = np.full(len(self._parts), -1, np.int64)
        for folders in range(min(DEEPEST, max(map(len, rows), default=1) - 1), -1, -1):
            places = self.places(folders, ending)
            found = np.full(len(self._parts), -1, np.int64)
            for row, parts in enumerate(rows):
                place = places.get(_spelt(parts, folders, ending) or "")
                if place is not None and found[place] < 0:
                    found[place] = row
            if (found >= 0).sum() > (best >= 0).sum():
                best = found
            if (best >= 0).all():
                break
        return best


def join(
    frame: pd.DataFrame, names: Sequence[str] | Spellings | None, count: int, *, numbers: bool = True
) -> Join | None:
    """How a table is joined to `count` images, of which `names` are the files; None where no column tells.

    A column of file names counts before one of names without endings, that before one of the images' numbers. Names are
    looked for in every column, names without endings only where a column is called so, for any number may look like one.
    `numbers` allows the join by the images' numbers.
    """
    columns = list(frame.columns)
    known = sorted(
        (c for c in columns if c.casefold() in NAME_COLUMNS), key=lambda c: NAME_COLUMNS.index(c.casefold())
    )
    spellings = names if names is None or isinstance(names, Spellings) else Spellings(names)
    if spellings is not None:
        # a column of any other title has to look like file names before it is compared
        other = [c for c in columns if c not in known and any(map(FILE.search, frame[c].head(50)))]
        for ending, tried in ((True, [*known, *other]), (False, known)):
            found = [Join(spellings.match(list(frame[c]), ending), c, "") for c in tried]
            best = max(found, key=lambda one: one.matched, default=None)
            if best is not None and best.matched:
                return Join(best.rows, best.column, _words(best, count))
    numbered = [c for c in columns if c.casefold() in (*NUMBER_COLUMNS, "image", "image_id", "id")]
    for column in numbered:
        if numbers and (rows := _by_number(list(frame[column]), count)) is not None:
            return Join(rows, column, f"by image number, column {column or '(unnamed)'}")
        if (
            spellings is not None
        ):  # a number beyond the images, such as where files are missing, may be a name
            rows = spellings.match(list(frame[column]), ending=False)
            if (rows >= 0).any():
                one = Join(rows, column, "")
                return Join(rows, column, _words(one, count))
    return None


def _words(one: Join, count: int) -> str:
    return f"by file name, column {one.column or '(unnamed)'}: {one.matched:,} of {count:,} images"


def _by_number(cells: Sequence[str], count: int) -> np.ndarray | None:
    """Rows of images by their numbers; None where a cell is no number of an image."""
    rows = np.full(count, -1, np.int64)
    for row, cell in enumerate(cells):
        try:
            number = int(cell)
        except ValueError:
            return None
        if not 0 <= number < count:
            return None
        rows[number] = row
    return rows
