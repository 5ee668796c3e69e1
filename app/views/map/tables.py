"""Tables in and out: the columns of a CSV, and a selection as CSV or npz."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from app.widgets import image_picker
from vae_core import tables
from vae_core.data.joining import join
from vae_core.errors import BadTable
from vae_core.inference import StoredCodes
from vae_core.words import counted

NUMBER_COLUMNS = ("image", "index", "number")  # names of the column that holds the images' numbers


def read_table(
    raw: bytes, index: np.ndarray, names: Sequence[str] | None = None, file: str = ""
) -> tuple[dict[str, list[str]], str]:
    """Columns of a table by name, a text for each image of `index` (N,), empty where a row is missing; and how it was joined.

    `names` are the files of all images of the dataset, where they are known: rows are joined by them before anything else.
    `file` is the table's own name. Raises BadTable.
    """
    frame = tables.read_table(raw, file)
    if names is not None and (found := join(frame, names, len(names))) is not None:
        rows = found.rows[index]
        if not (rows >= 0).any():
            raise BadTable(f"joined {found.words}, but none of them is of this split")
        others = [name for name in frame.columns if name != found.column]
        if not others:
            raise BadTable("the CSV has no column besides the images' names")
        cells = {name: list(frame[name]) for name in others}
        return {name: [cells[name][row] if row >= 0 else "" for row in rows] for name in others}, found.words
    joins = [name for name in frame.columns if name.lower() in NUMBER_COLUMNS]
    columns = frame.drop(columns=joins[:1])
    if not len(columns.columns):
        raise BadTable("the CSV has no column besides the images' numbers")
    if joins:
        try:
            columns.index = [int(cell) for cell in frame[joins[0]]]
        except ValueError:
            known = "" if names is not None else "; the files' names of these images are not known"
            raise BadTable(
                f"the column {joins[0]!r} holds something that is no whole number{known}"
            ) from None
        columns = columns[~columns.index.duplicated(keep="last")]
        if not columns.index.isin(index).any():
            raise BadTable("none of the CSV's image numbers is of this split")
        columns = columns.reindex(index, fill_value="")
    elif len(columns) != len(index):
        raise BadTable(
            f"the CSV has {counted(len(columns), 'row')} and this split {counted(len(index))}: add a column `image` with their numbers"
        )
    how = f"by image number, column {joins[0]}" if joins else "by order, a row for each image of this split"
    return {name: list(columns[name]) for name in columns.columns}, how


def selection_csv(
    codes: StoredCodes, rows: np.ndarray, names: Sequence[str] | None = None, *, nats: bool = True
) -> bytes:
    """A selection as CSV: image number and file name, label, factors, reconstruction error, posterior means.

    `nats=False` where the error is a distance that is no likelihood.
    """
    columns = {"image": codes.index[rows]}
    if names is not None:
        columns["file_name"] = np.array([names[i] for i in codes.index[rows]], dtype=object)
    if codes.labels is not None:
        columns["label"] = np.array(image_picker.class_names(codes), dtype=object)[codes.labels[rows]]
    if codes.factors is not None:
        columns |= {name: codes.factors[rows, i] for i, name in enumerate(codes.factor_names)}
    columns["error_nats" if nats else "error_distance"] = codes.error[rows]
    columns |= {f"z{d}": codes.mean[rows, d] for d in range(codes.mean.shape[1])}
    return tables.csv_of(columns)


def selection_npz(codes: StoredCodes, rows: np.ndarray) -> bytes:
    """A selection as npz: image, mean, log_var, and labels where there are some."""
    arrays = {"image": codes.index[rows], "mean": codes.mean[rows], "log_var": codes.log_var[rows]}
    if codes.labels is not None:
        arrays["labels"] = codes.labels[rows]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
