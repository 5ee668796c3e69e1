"""Maps of codes, and what the latent map says in other forms: colours from columns, selections, error as heat."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.components.map import classes, numbers
from app.plots import palette
from app.services import array_store
from app.services.cache import LruCache
from app.widgets import image_picker
from vae_core.errors import BadCodes, BadConfig
from vae_core.inference import StoredCodes
from vae_core.latent import projection
from vae_core.latent.axes import custom_axis, project
from vae_core.latent.prior_match import Match
from vae_core.latent.projection import Projection, UmapParams
from vae_core.latent.projection_quality import ProjectionQuality

FEW = 12  # distinct values up to which a column or factor is shown as classes

umaps: LruCache[np.ndarray] = LruCache(8)
honest: LruCache[ProjectionQuality] = LruCache(32)
matches: LruCache[Match] = LruCache(16)
similar: LruCache[tuple[np.ndarray, np.ndarray]] = LruCache(64)
others: LruCache[StoredCodes] = LruCache(4)
pixel_maps: LruCache[tuple[np.ndarray, np.ndarray]] = LruCache(2)


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
    ramp = np.array([palette.rgb(colour) for colour in palette.VIRIDIS[::2]], np.float64)
    at = difference / max(float(difference.max()), 1e-9) * (len(ramp) - 1)
    channels = [np.interp(at, np.arange(len(ramp)), ramp[:, c]) for c in range(3)]
    return np.rint(np.stack(channels)).astype(np.uint8)


def table_of(codes: StoredCodes, rows: np.ndarray) -> bytes:
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
    kept = array_store.at(colour["values"])
    assert kept is not None  # published a moment ago
    return colour | {"values": array_store.url(kept[rows], "u1" if colour["kind"] == "classes" else "<f4")}


# ---------------------------------------------------------------- codes to the plane


@dataclass(frozen=True)
class Seen:
    """A map: points (N, 2), words, and the linear projection that made it (None for UMAP).

    raw: its axes are two of the code's own dimensions. rows (M,): of the codes that are on it, None for all.
    """

    points: np.ndarray
    title: str
    x: str
    y: str
    words: str
    linear: Projection | None
    raw: bool = False
    rows: np.ndarray | None = None


def of_dimensions(codes: StoredCodes, x: int, y: int) -> Seen:
    """Raises TooFewPoints."""
    projection.check_codes(codes.mean, 1)
    axes = np.zeros((2, codes.mean.shape[1]), np.float32)
    axes[0, x] = axes[1, y] = 1
    xy = np.ascontiguousarray(codes.mean[:, [x, y]])
    return Seen(
        xy, f"Posterior means, {of(codes)}", f"z{x}", f"z{y}",
        "Two of the code's own dimensions: distances along them are real"
        + (", the other dimensions are not seen." if codes.mean.shape[1] > 2 else "."),
        Projection(xy, np.zeros(codes.mean.shape[1]), axes), raw=True,
    )  # fmt: skip


def by_pca(codes: StoredCodes) -> Seen:
    """Raises TooFewPoints."""
    found = projection.pca(codes.mean)
    assert found.explained is not None
    first, second = (f"{100 * s:.0f} %" for s in found.explained)
    return Seen(
        found.points, f"PCA of posterior means, {of(codes)}", f"first component ({first} of variance)",
        f"second component ({second})",
        f"A straight shadow of the codes that keeps {100 * found.explained.sum():.0f} % of their variance"
        + (": what lies close may be far apart in the dimensions not shown." if codes.mean.shape[1] > 2 else "."),
        found,
    )  # fmt: skip


def along(codes: StoredCodes, groups: dict[str, np.ndarray], start: str, end: str) -> Seen:
    """`groups` are bool masks (N,) by name; `start` and `end` name one, or an image as "image 7" or "7".

    Raises TooFewPoints, BadCodes.
    """
    a, b = (_mask(codes, groups, name) for name in (start, end))
    found = custom_axis(codes.mean, b, a)
    assert found.explained is not None
    return Seen(
        found.points, f"Custom axis, {of(codes)}", f"{start} → {end}, code units", "first component of the rest",
        f"Across, from {start} to {end}; up, the first principal component of the rest: together "
        f"{100 * found.explained.sum():.0f} % of the variance, all else is not seen.",
        found,
    )  # fmt: skip


def by_umap(
    codes: StoredCodes, points: np.ndarray, params: UmapParams, rows: np.ndarray | None = None
) -> Seen:
    """`rows`: those of a first sample, while the whole is being computed."""
    words = "Neighbourhoods are kept; distances between clusters, their sizes and densities mean nothing."
    laid_out = len(codes) if rows is None else len(rows)
    if rows is None and params.sample:
        laid_out = min(params.sample, laid_out)
    taken = min(params.neighbours, laid_out - 1)
    few = f" (not {params.neighbours}: there are no more)" if taken < params.neighbours else ""
    words += f" {taken} neighbours{few}, minimum distance {params.min_dist:g}, {params.metric}, seed {params.seed}."
    if alike := twins(codes.mean):
        words += f" {alike:,} codes equal another: equal codes lie near each other, not on one spot."
    if rows is None and 0 < params.sample < len(codes):
        words += f" {params.sample:,} were laid out, the others placed among their neighbours."
    if rows is not None:
        words = f"A first sample of {len(rows):,}. {words}"
    return Seen(points, f"UMAP of posterior means, {of(codes)}", "UMAP 1", "UMAP 2", words, None, rows=rows)


_twins: LruCache[int] = LruCache(16)


def twins(means: np.ndarray) -> int:
    """How many of the codes (N, D) equal one that stands before them."""

    def count() -> int:
        whole = np.ascontiguousarray(means + np.float32(0))  # -0 is 0
        return len(whole) - len(np.unique(whole.view(f"V{whole.itemsize * whole.shape[1]}")))

    return _twins.get_or_make(digest(means), count)


def digest(*arrays: np.ndarray) -> str:
    """What tells arrays from others."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def of(codes: StoredCodes) -> str:
    return {"all": "some of its images", "epochs": "images whose codes each epoch kept"}.get(
        codes.split, f"{codes.split} images"
    )


def _mask(codes: StoredCodes, groups: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name in groups:
        return groups[name]
    number = name.removeprefix("image").strip()
    if not number.isdecimal() or len(number) > 9:
        raise BadCodes(f"{name!r} is neither a group nor the number of an image")
    mask: np.ndarray = codes.index == int(number)
    if not mask.any():
        raise BadCodes(f"image {int(number)} is not among these {of(codes)}; choose one that is on the map")
    return mask


def groups_of(codes: StoredCodes, saved: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Groups that a custom axis may join, by what they are called: bool masks (N,), none empty.

    `saved` are image numbers by name.
    """
    found: dict[str, np.ndarray] = {}
    if codes.labels is not None:
        found |= {
            f"label {name}": codes.labels == k for k, name in enumerate(image_picker.class_names(codes))
        }
    found |= {f"group {name}": np.isin(codes.index, images) for name, images in saved.items()}
    if codes.factors is not None:
        for name, values in zip(codes.factor_names, codes.factors.T, strict=True):
            high = values > np.median(values)
            if high.any():
                found |= {f"{name}, high": high, f"{name}, low": ~high}
    found = {name: mask for name, mask in found.items() if mask.any()}
    if len(found) < 2:
        half = np.zeros(len(codes), bool)
        half[np.argsort(codes.error, kind="stable")[len(codes) // 2 :]] = True
        found |= {"badly rebuilt half": half, "well rebuilt half": ~half}
    return found


def umap_file(folder: Path, stamp: str, codes: StoredCodes, params: UmapParams) -> Path:
    """Where a run's UMAP of these codes is kept; `folder` is the run's own of what can be computed again."""
    return folder / stamp / f"umap-{codes.split}-{len(codes)}-{params.key}.npz"


def umap_words(params: UmapParams) -> str:
    """Settings as an address holds them; empty for the usual ones."""
    if params == UmapParams():
        return ""
    return f"{params.neighbours},{params.min_dist:g},{params.metric},{params.seed},{params.sample}"


def umap_of(text: str) -> UmapParams:
    """Settings from an address; the usual ones where it holds none."""
    try:
        neighbours, min_dist, metric, seed, sample = text.split(",")
        return UmapParams(int(neighbours), float(min_dist), metric, int(seed), int(sample))
    except (ValueError, BadConfig):
        return UmapParams()


def frames_of(seen: Seen, means: list[np.ndarray]) -> np.ndarray:
    """Codes of earlier epochs, each (N, D), on a linear map: (E, N, 2) float32."""
    assert seen.linear is not None
    return np.stack([project(seen.linear, mean) for mean in means]).astype(np.float32)
