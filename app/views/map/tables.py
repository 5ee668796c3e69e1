"""Tables in and out: the columns of a CSV, and a selection as CSV or npz."""

from __future__ import annotations

import io

import numpy as np

from app.widgets import image_picker
from vae_core import tables
from vae_core.errors import BadTable
from vae_core.inference import StoredCodes
from vae_core.words import counted

NUMBER_COLUMNS = ("image", "index", "number")  # names of the column that holds the images' numbers


def read_table(raw: bytes, index: np.ndarray) -> dict[str, list[str]]:
    """Columns of a CSV by name, a text for each image of `index` (N,); empty where a row is missing. Raises BadTable."""
    frame = tables.read_csv(raw)
    joins = [name for name in frame.columns if name.lower() in NUMBER_COLUMNS]
    columns = frame.drop(columns=joins[:1])
    if not len(columns.columns):
        raise BadTable("the CSV has no column besides the images' numbers")
    if joins:
        try:
            columns.index = [int(cell) for cell in frame[joins[0]]]
        except ValueError:
            raise BadTable(f"the column {joins[0]!r} holds something that is no whole number") from None
        columns = columns[~columns.index.duplicated(keep="last")]
        if not columns.index.isin(index).any():
            raise BadTable("none of the CSV's image numbers is of this split")
        columns = columns.reindex(index, fill_value="")
    elif len(columns) != len(index):
        raise BadTable(
            f"the CSV has {counted(len(columns), 'row')} and this split {counted(len(index))}: add a column `image` with their numbers"
        )
    return {name: list(columns[name]) for name in columns.columns}


def selection_csv(codes: StoredCodes, rows: np.ndarray) -> bytes:
    """A selection as CSV: image number, label, factors, reconstruction error, posterior means."""
    columns = {"image": codes.index[rows]}
    if codes.labels is not None:
        columns["label"] = np.array(image_picker.class_names(codes), dtype=object)[codes.labels[rows]]
    if codes.factors is not None:
        columns |= {name: codes.factors[rows, i] for i, name in enumerate(codes.factor_names)}
    columns["error_nats"] = codes.error[rows]
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
