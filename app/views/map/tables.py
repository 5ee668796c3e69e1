"""Tables in and out: the columns of a CSV, and a selection as CSV or npz."""

from __future__ import annotations

import csv
import io

import numpy as np

from app.widgets import image_picker
from vae_core.errors import BadCodes
from vae_core.inference import StoredCodes


def read_table(raw: bytes, index: np.ndarray) -> dict[str, list[str]]:
    """Columns of a CSV by name, a text for each image of `index` (N,); empty where a row is missing. Raises BadCodes."""
    if len(raw) > 50_000_000:
        raise BadCodes("the CSV is larger than 50 MB; leave columns out")
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCodes(f"this is no CSV in UTF-8: {error}") from None
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise BadCodes("the CSV needs a header and at least one row")
    header, body = [name.strip() for name in rows[0]], rows[1:]
    if any(len(row) != len(header) for row in body):
        line = next(i for i, row in enumerate(body, 2) if len(row) != len(header))
        raise BadCodes(f"line {line} of the CSV has not as many values as the header, {len(header)}")
    joins = [i for i, name in enumerate(header) if name.lower() in ("image", "index", "number")]
    names = [(i, name) for i, name in enumerate(header) if i not in joins[:1]]
    if not names:
        raise BadCodes("the CSV has no column besides the images' numbers")
    if joins:
        try:
            at = {int(row[joins[0]]): row for row in body}
        except ValueError:
            raise BadCodes(
                f"the column {header[joins[0]]!r} holds something that is no whole number"
            ) from None
        if not any(int(n) in at for n in index):
            raise BadCodes("none of the CSV's image numbers is of this split")
        return {name: [at[int(n)][i] if int(n) in at else "" for n in index] for i, name in names}
    if len(body) != len(index):
        raise BadCodes(
            f"the CSV has {len(body):,} rows and this split {len(index):,} images: add a column `image` with their numbers"
        )
    return {name: [row[i] for row in body] for i, name in names}


def selection_csv(codes: StoredCodes, rows: np.ndarray) -> bytes:
    """A selection as CSV: image number, label, factors, reconstruction error, posterior means."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = image_picker.class_names(codes) if codes.labels is not None else ()
    head = ["image"] + (["label"] if codes.labels is not None else []) + list(codes.factor_names)
    writer.writerow([*head, "error_nats", *(f"z{d}" for d in range(codes.mean.shape[1]))])
    for row in rows:
        label = [names[codes.labels[row]]] if codes.labels is not None else []
        factors = [] if codes.factors is None else [f"{v:g}" for v in codes.factors[row]]
        writer.writerow([int(codes.index[row]), *label, *factors, f"{codes.error[row]:.4f}", *(f"{v:.6g}" for v in codes.mean[row])])  # fmt: skip
    return out.getvalue().encode()


def selection_npz(codes: StoredCodes, rows: np.ndarray) -> bytes:
    """A selection as npz: image, mean, log_var, and labels where there are some."""
    arrays = {"image": codes.index[rows], "mean": codes.mean[rows], "log_var": codes.log_var[rows]}
    if codes.labels is not None:
        arrays["labels"] = codes.labels[rows]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
