"""What the latent map says in other forms: colours from columns, selections to take away, error as heat."""

from __future__ import annotations

import contextlib
import csv
import io
from typing import Any

import numpy as np

from app import blobs, stations
from app.components.map import classes, numbers
from vae_core.errors import BadCodes
from vae_core.inference import StoredCodes

FEW = 12  # distinct values up to which a column or factor is shown as classes


def coloured(values: np.ndarray, title: str) -> dict[str, Any]:
    """Numbers (N,) as classes where there are few different ones, else on a scale."""
    distinct, which = np.unique(values, return_inverse=True)
    if len(distinct) <= FEW and np.isfinite(distinct).all():
        return classes(which, [f"{v:g}" for v in distinct], title)
    return numbers(values, title)


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


def of_text(values: list[str], title: str) -> dict[str, Any]:
    """A column as colours: numbers where all of it are, else classes, forty at most. Raises BadCodes."""
    with contextlib.suppress(ValueError):
        return coloured(np.array([float(v) if v.strip() else np.nan for v in values]), title)
    names = sorted({v for v in values if v.strip()})
    if len(names) > 40:
        raise BadCodes(
            f"the column {title!r} holds {len(names)} different texts; at most 40 can be told apart by colour"
        )
    at = {name: k for k, name in enumerate(names)}
    return classes(np.array([at.get(v, -1) for v in values]), names, title)


def heat(difference: np.ndarray) -> np.ndarray:
    """(H, W) of 0 or more -> uint8 (3, H, W) in viridis, its largest value the brightest."""
    ramp = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], np.float64)
    at = difference / max(float(difference.max()), 1e-9) * (len(ramp) - 1)
    channels = [np.interp(at, np.arange(len(ramp)), ramp[:, c]) for c in range(3)]
    return np.rint(np.stack(channels)).astype(np.uint8)


def table_of(codes: StoredCodes, rows: np.ndarray) -> bytes:
    """A selection as CSV: image number, label, factors, reconstruction error, posterior means."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = stations.names_of(codes) if codes.labels is not None else ()
    head = ["image"] + (["label"] if codes.labels is not None else []) + list(codes.factor_names)
    writer.writerow([*head, "error_nats", *(f"z{d}" for d in range(codes.mean.shape[1]))])
    for row in rows:
        label = [names[codes.labels[row]]] if codes.labels is not None else []
        factors = [] if codes.factors is None else [f"{v:g}" for v in codes.factors[row]]
        writer.writerow([int(codes.index[row]), *label, *factors, f"{codes.error[row]:.4f}", *(f"{v:.6g}" for v in codes.mean[row])])  # fmt: skip
    return out.getvalue().encode()


def arrays_of(codes: StoredCodes, rows: np.ndarray) -> bytes:
    """A selection as npz: image, mean, log_var, and labels where there are some."""
    arrays = {"image": codes.index[rows], "mean": codes.mean[rows], "log_var": codes.log_var[rows]}
    if codes.labels is not None:
        arrays["labels"] = codes.labels[rows]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def blob_colour(colour: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    """The colours of some rows of a map."""
    if colour["kind"] == "none":
        return colour
    kept = blobs.find(colour["values"].split("/")[-1].removesuffix(".bin"))
    assert kept is not None  # published a moment ago
    return colour | {"values": blobs.url(kept[rows], "u1" if colour["kind"] == "classes" else "<f4")}
