"""What the arrays beside images say of them: labels, factors, or nothing that can be used, which is then told.

Nothing here refuses the images: what cannot be a label becomes a factor, and what can be neither is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vae_core.data.user.budgets import Meter, cleaned
from vae_core.data.user.npy import Npz, StoredArray
from vae_core.errors import BadImages
from vae_core.options import capitalised

NAME_KEYS = ("label_names", "class_names", "classes", "names")
FACTOR_KEYS = ("factors", "latents_classes", "latents_values", "latents", "attributes", "attrs")
FACTOR_NAME_KEYS = ("factor_names", "attribute_names", "latents_names", "attrs_names", "names")
MOST_LABELS = 1_000
MOST_FACTORS = 1_000
DSPRITES_KEYS = ("imgs", "latents_classes", "latents_values")
DSPRITES_SIZES = (1, 3, 6, 40, 32, 32)
# columns 1 to 5 of the classes; column 0, colour, never varies
DSPRITES_FACTORS = ("shape", "scale", "orientation", "x", "y")
DSPRITES_SHAPES = ("square", "ellipse", "heart")


@dataclass
class Found:
    """Labels int64 (N,), factors float32 (N, K), their names, and sentences on them."""

    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def add_factors(self, values: np.ndarray, names: Sequence[str]) -> None:
        """More factors (N, K)."""
        more = values.astype(np.float32)
        self.factors = more if self.factors is None else np.hstack((self.factors, more))
        self.factor_names = (*self.factor_names, *names)


def read_beside(
    arrays: Npz, labels: Sequence[StoredArray | str | None], count: int, binary: bool, size: tuple[int, ...], meter: Meter
) -> Found:  # fmt: skip
    """Labels and factors of the `count` images of an npz. `labels` are the label arrays of its parts, in order.

    A text among them says why an array is none; `size` is (H, W, C) of the images, and `binary` whether they are black and
    white, as dSprites' are.
    """
    found = Found()
    if _read_dsprites(arrays, count, binary, size, meter, found):
        return found
    stored = [one for one in labels if isinstance(one, StoredArray)]
    found.notes += [f"No labels: {one}." for one in labels if isinstance(one, str)]
    if len(stored) == len(labels) and stored:
        _read_labels(arrays, stored, count, meter, found)
    elif stored and not found.notes:
        found.notes.append("No labels: only some parts come with them.")
    if len(labels) == 1:
        _read_factors(arrays, count, meter, found)
    return found


def _read_labels(arrays: Npz, stored: Sequence[StoredArray], count: int, meter: Meter, found: Found) -> None:
    name = stored[0].name
    held = sum(one.shape[0] if one.shape else 0 for one in stored)
    if held != count:
        found.notes.append(f"No labels: {name} holds {held:,} of them for {count:,} images.")
        return
    try:
        values = [one.whole(meter) for one in stored]
    except BadImages as error:
        found.notes.append(f"No labels: {error}.")
        return
    if len({one.shape[1:] for one in values}) > 1:
        found.notes.append("No labels: those of the parts have different shapes.")
        return
    interpret(np.concatenate(values), name, found, _names(arrays, NAME_KEYS, meter))


def _names(arrays: Npz, keys: tuple[str, ...], meter: Meter) -> tuple[str, ...] | None:
    """Names that an array of words holds, or None."""
    key = arrays.find(keys)
    if key is None:
        return None
    try:
        values = arrays[key].whole(meter)
    except BadImages:
        return None
    return tuple(map(_word, values)) if values.ndim == 1 and values.dtype.kind in "US" else None


def interpret(values: np.ndarray, name: str, found: Found, names: tuple[str, ...] | None = None) -> None:
    """Take values (N, ...) as labels if they can be, else as factors, else tell why they are neither."""
    while values.ndim > 1 and values.shape[-1] == 1:
        values = values[..., 0]
    short = name.removeprefix("the array ").removeprefix("train_")
    if values.dtype.kind not in "iubfUS" or values.ndim > 2:
        found.notes.append(
            f"No labels: {name} is {values.dtype} {values.shape}; labels are whole numbers or words."
        )
    elif values.dtype.kind in "f" and not np.isfinite(values).all():
        found.notes.append(f"No labels: {name} holds NaN or infinity.")
    elif values.ndim == 2 and values.dtype.kind in "US":
        found.notes.append(f"No labels: {name} holds {values.shape[1]} words an image; labels are one.")
    elif values.ndim == 2 and _one_hot(values):
        given = names if names is not None and len(names) == values.shape[1] else None
        found.labels = values.argmax(1).astype(np.int64)
        found.label_names = given or tuple(map(str, range(values.shape[1])))
        found.notes.append(capitalised(f"{short}, one-hot, were read as {values.shape[1]} classes."))
    elif values.ndim == 2:
        _as_factors(values, short, found, names)
    elif values.dtype.kind == "f" and (values != np.rint(values)).any():
        found.add_factors(values[:, None], (short,))
        found.notes.append(
            f"No labels: {name} holds numbers that are no classes; they became the factor {short}."
        )
    else:
        _as_labels(values, name, short, found, names)


def _as_labels(
    values: np.ndarray, name: str, short: str, found: Found, names: tuple[str, ...] | None
) -> None:
    """Whole numbers or words (N,) as labels, unless there are too many different ones."""
    if values.dtype.kind == "f":
        values = values.astype(np.int64)
    if names is not None and values.dtype.kind in "iu" and values.min() >= 0 and values.max() < len(names):
        found.labels, found.label_names = values.astype(np.int64), names
        return
    different, places = np.unique(values, return_inverse=True)
    if len(different) > MOST_LABELS:
        many = f"No labels: {name} holds {len(different):,} different values, too many for classes"
        if values.dtype.kind in "iub":
            found.add_factors(values[:, None], (short,))
            many += f"; they became the factor {short}"
        found.notes.append(f"{many}.")
        return
    found.labels, found.label_names = places.astype(np.int64), tuple(map(_word, different))


def _one_hot(values: np.ndarray) -> bool:
    """Whether (N, K) holds a single 1 a row and else zeros, and not always in the same place."""
    if values.shape[1] < 2 or not np.isin(values, (0, 1)).all() or not (values.sum(1) == 1).all():
        return False
    return len(np.unique(values.argmax(1))) > 1


def _as_factors(values: np.ndarray, short: str, found: Found, names: tuple[str, ...] | None) -> None:
    width = values.shape[1]
    if not 0 < width <= MOST_FACTORS:
        found.notes.append(
            capitalised(
                f"{short} holds {width:,} values an image, at most {MOST_FACTORS:,} are kept: left out."
            )
        )
        return
    known = (
        names if names is not None and len(names) == width else tuple(f"{short} {k}" for k in range(width))
    )
    found.add_factors(values, known)
    found.notes.append(capitalised(f"{short} holds {width} values an image; they became factors."))


def _read_factors(arrays: Npz, count: int, meter: Meter, found: Found) -> None:
    """The first array of factors that has a row for each image."""
    for key in FACTOR_KEYS:
        held = arrays.find((key,))
        if held is None:
            continue
        try:
            values = arrays[held].whole(meter)
        except BadImages as error:
            found.notes.append(f"No factors: {error}.")
            continue
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2 or len(values) != count or values.dtype.kind not in "iubf":
            found.notes.append(
                f"No factors: {cleaned(held)} is {values.dtype} {values.shape} for {count:,} images."
            )
        elif values.dtype.kind == "f" and not np.isfinite(values).all():
            found.notes.append(f"No factors: {cleaned(held)} holds NaN or infinity.")
        else:
            _as_factors(values, cleaned(held), found, _names(arrays, FACTOR_NAME_KEYS, meter))
            return


def _read_dsprites(
    arrays: Npz, count: int, binary: bool, size: tuple[int, ...], meter: Meter, found: Found
) -> bool:
    """Factor indices and the shape as label, if this is dSprites and not only keyed like it.

    The array `metadata` of dSprites is a pickle and is not touched.
    """
    if not all(key in arrays.members for key in DSPRITES_KEYS) or size != (64, 64, 1) or not binary:
        return False
    stored = arrays["latents_classes"]
    if stored.shape != (count, 6) or stored.dtype.kind not in "iu":
        return False
    classes = stored.whole(meter)
    if classes.min() < 0 or (classes >= DSPRITES_SIZES).any():
        return False
    found.factors, found.factor_names = classes[:, 1:].astype(np.float32), DSPRITES_FACTORS
    found.labels, found.label_names = classes[:, 1].astype(np.int64), DSPRITES_SHAPES
    found.notes.append("These are dSprites; the five factors are kept as indices, the shape is the label.")
    return True


def _word(value: object) -> str:
    return cleaned(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
