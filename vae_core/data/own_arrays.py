"""Images as one array: .npy, .npz, and dSprites' own .npz. Read from front to back, never unpickled.

An .npz names its arrays. Images are looked for under IMAGE_KEYS, labels under LABEL_KEYS, the labels' names
under NAME_KEYS, a set that comes in parts under PARTS; where no name is known and one array looks like
images, that one is taken. Accepted shapes, N images of H × W:

    (N, H, W)   (N, H, W, C)   (N, C, H, W)   C 1 (grey), 3 (RGB) or 4 (RGBA)   (N, H·W) when that is a square

Accepted values: uint8 from 0 to 255, uint8 of only 0 and 1, bool, floats in [0, 1].
"""

from __future__ import annotations

import math
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image

from vae_core.data.imageset import Progress
from vae_core.data.own_budgets import (
    BLOCK,
    Budgets,
    Given,
    Meter,
    UnreadableError,
    cleaned,
    gigabytes,
    listed,
    opened,
    title_of,
)
from vae_core.data.own_files import check_members, open_zip, unzipping
from vae_core.errors import BadImages

IMAGE_KEYS = ("images", "image", "imgs", "x", "data", "pixels", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "targets", "target", "arr_1")
NAME_KEYS = ("label_names", "class_names", "classes", "names")
# (images, labels, is it the test split) of sets that come in parts: Keras' and MedMNIST's names
PARTS = (
    (("x_train", "y_train", False), ("x_val", "y_val", False), ("x_test", "y_test", True)),
    (
        ("train_images", "train_labels", False),
        ("val_images", "val_labels", False),
        ("test_images", "test_labels", True),
    ),
)
DSPRITES_KEYS = ("imgs", "latents_classes", "latents_values")
# columns 1 to 5 of the classes; column 0, colour, never varies
DSPRITES_FACTORS = ("shape", "scale", "orientation", "x", "y")
DSPRITES_SHAPES = ("square", "ellipse", "heart")
LEAST_SIDE = 8  # px; below that a dimension is taken for channels
MOST_LABELS = 1_000
NPY_MAGIC = b"\x93NUMPY"


# -- one array


@dataclass(frozen=True)
class Stored:
    """An array in a .npy file or in a member of an .npz; `open` gives its bytes from the header on."""

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    shape: tuple[int, ...]
    dtype: np.dtype
    by_columns: bool  # Fortran order

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def blocks(self, meter: Meter) -> Iterator[np.ndarray]:
        """Consecutive rows (n, ...). Raises BadImages when the data end early."""
        with self.open() as stream:
            _read_npy_header(stream, self.name)
            if self.by_columns and len(self.shape) > 1:
                yield self._all(stream, meter).reshape(self.shape, order="F")
                return
            rows = max(1, BLOCK // max(1, self.row_bytes))
            for start in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - start)
                data = self._read(stream, count * self.row_bytes, meter)
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])

    def whole(self, meter: Meter) -> np.ndarray:
        """Raises BadImages when it is too large to be held."""
        self._check_memory(meter.budgets)
        return np.concatenate([*self.blocks(meter), np.empty((0, *self.shape[1:]), self.dtype)])

    def _all(self, stream: BinaryIO, meter: Meter) -> np.ndarray:
        self._check_memory(meter.budgets)
        return np.frombuffer(self._read(stream, self.shape[0] * self.row_bytes, meter), self.dtype)

    def _check_memory(self, budgets: Budgets) -> None:
        size = self.shape[0] * self.row_bytes
        if size > budgets.memory_bytes:
            raise BadImages(
                f"{self.name} takes {gigabytes(size)} and has to be held at once, more than "
                f"{gigabytes(budgets.memory_bytes)}; save it in C order, or as several sets"
            )

    def _read(self, stream: BinaryIO, size: int, meter: Meter) -> bytes:
        parts, got = [], 0
        while got < size:
            part = _some(stream, min(BLOCK, size - got), self.name)
            if not part:
                announced = f"its header announces {self.shape} of {self.dtype}"
                raise BadImages(f"{self.name} ends early: {announced}; save or fetch it again")
            meter.add(len(part))
            got += len(part)
            parts.append(part)
        return b"".join(parts)


def _some(stream: BinaryIO, size: int, name: str) -> bytes:
    try:
        with unzipping():
            return stream.read(size)
    except UnreadableError as error:
        raise BadImages(f"{name} {error}; save or fetch it again") from None


def _read_npy_header(stream: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order, dtype; the stream then stands at the data. Raises BadImages."""
    try:
        with unzipping():
            version = np.lib.format.read_magic(stream)
            if version[0] == 1:
                return np.lib.format.read_array_header_1_0(stream)
            return np.lib.format.read_array_header_2_0(stream)
    except Exception as error:  # the header is a Python literal, and a parser fails in many ways
        raise BadImages(
            f"{name} has no readable .npy header ({error}); save it again by numpy.save"
        ) from None


def _stored(name: str, open_it: Callable[[], AbstractContextManager[BinaryIO]]) -> Stored:
    with open_it() as stream:
        shape, by_columns, dtype = _read_npy_header(stream, name)
    if dtype.hasobject:
        raise BadImages(
            f"{name} holds Python objects, perhaps images of unequal sizes; reading them would mean "
            "unpickling. Bring the images to one size and save one uint8 array (N, H, W) or (N, H, W, 3)"
        )
    if dtype.itemsize == 0 or any(n < 0 for n in shape):
        raise BadImages(f"{name} announces {dtype} {shape}, which no array is; save it again by numpy.save")
    return Stored(name, open_it, shape, dtype, by_columns)


# -- an .npz


def is_npz(zipped: zipfile.ZipFile) -> bool:
    """Whether an open .zip holds arrays and nothing else."""
    names = zipped.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


class Npz:
    """The arrays of an .npz by name; a header is read only when its array is asked for."""

    def __init__(self, given: Given, budgets: Budgets):
        self.given = given
        with open_zip(given) as zipped:
            members = check_members(zipped, budgets)
        self.members = {info.filename.removesuffix(".npy"): info for info in members}
        self.keys = {key.lower(): key for key in self.members}

    def find(self, names: tuple[str, ...]) -> str | None:
        """The first of `names` it holds, in whatever case."""
        return next((self.keys[name] for name in names if name in self.keys), None)

    def __getitem__(self, key: str) -> Stored:
        @contextmanager
        def open_it() -> Iterator[BinaryIO]:
            with open_zip(self.given) as zipped:
                try:
                    with unzipping():
                        stream = zipped.open(self.members[key])
                except UnreadableError as error:
                    raise BadImages(f"{cleaned(key)} {error}; save or fetch it again") from None
                with stream:
                    yield stream  # type: ignore[misc]

        return _stored(f"the array {cleaned(key)}", open_it)


def _npy(given: Given) -> Stored:
    return _stored(title_of(given), lambda: opened(given))


# -- what the numbers mean


@dataclass(frozen=True)
class Layout:
    """How the axes of an array of images are read."""

    count: int
    height: int
    width: int
    channels: int  # 1, 3 or 4
    order: str  # grey (N, H, W), last (N, H, W, C), first (N, C, H, W) or flat (N, H·W)

    def arrange(self, block: np.ndarray) -> np.ndarray:
        """Rows of the stored shape as (n, H, W) or (n, H, W, C)."""
        if self.order == "first":
            block = block.transpose(0, 2, 3, 1)
        shape = (len(block), self.height, self.width)
        return block.reshape(shape if self.channels == 1 else (*shape, self.channels))


def read_layout(name: str, shape: tuple[int, ...]) -> Layout:
    """Raises BadImages with the accepted shapes."""
    if len(shape) == 4:
        last, first = shape[3] in (1, 3, 4), shape[1] in (1, 3, 4)
        if last and min(shape[1:3]) >= LEAST_SIDE:
            return Layout(shape[0], shape[1], shape[2], shape[3], "last")
        if first and min(shape[2:]) >= LEAST_SIDE:
            return Layout(shape[0], shape[2], shape[3], shape[1], "first")
    elif len(shape) == 3 and min(shape[1:]) >= LEAST_SIDE:
        return Layout(shape[0], shape[1], shape[2], 1, "grey")
    elif len(shape) == 2 and (side := math.isqrt(shape[1])) >= LEAST_SIDE and side * side == shape[1]:
        return Layout(shape[0], side, side, 1, "flat")
    hint = ""
    if len(shape) == 3 and shape[2] in (3, 4) and min(shape[:2]) >= LEAST_SIDE:
        hint = f" This looks like one colour image {shape[1]}×{shape[0]}; a dataset needs at least 2."
    raise BadImages(
        f"{name} has the shape {shape}; images are (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1, 3 or 4, "
        f"or (N, H·W) when that is a square, each side at least {LEAST_SIDE}.{hint}"
    )


def check_dtype(name: str, dtype: np.dtype) -> None:
    """Raises BadImages for what is neither uint8, bool nor float."""
    if not (dtype == np.uint8 or dtype.kind in "bf"):
        raise BadImages(
            f"{name} is {dtype}; images are uint8 from 0 to 255, or floats from 0 to 1. "
            "If its values lie in 0 to 255, save it with .astype('uint8')"
        )


@dataclass
class Values:
    """The range met so far; NaN and infinity are refused at once."""

    name: str
    low: float = math.inf
    high: float = -math.inf
    rows: int = 0

    def watch(self, block: np.ndarray) -> None:
        """Raises BadImages."""
        if block.dtype.kind == "f" and not np.isfinite(block).all():
            bad = ~np.isfinite(block.reshape(len(block), -1)).all(axis=1)
            first = self.rows + int(np.flatnonzero(bad)[0])
            raise BadImages(
                f"{self.name} holds NaN or infinity, first in image {first}; replace these values"
            )
        if not len(block):
            return
        self.low, self.high = min(self.low, float(block.min())), max(self.high, float(block.max()))
        self.rows += len(block)

    def check_range(self, dtype: np.dtype) -> None:
        """Raises BadImages for floats outside [0, 1]."""
        if dtype.kind != "f" or (self.low >= 0 and self.high <= 1):
            return
        if self.low >= 0 and self.high <= 255:
            remedy = "divide by 255"
        elif self.low >= -1 and self.high <= 1:
            remedy = "add 1 and halve"
        else:
            remedy = "scale them"
        raise BadImages(
            f"{self.name} holds floats from {self.low:g} to {self.high:g}; they must lie between 0 and 1: "
            f"{remedy}"
        )


def read_labels(
    values: np.ndarray, name: str, names: np.ndarray | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels (N,) or (N, 1), whole numbers or text, as int64 (N,) from 0 on, with their names.

    `names` are text for the numbers 0, 1, 2 ... Raises BadImages.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise BadImages(f"{name} has the shape {values.shape}; labels are one number or word per image, (N,)")
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all():
        values = values.astype(np.int64)
    if values.dtype.kind not in "iubUS":
        raise BadImages(f"{name} is {values.dtype}; labels are whole numbers or words")
    if names is not None and values.dtype.kind in "iu" and values.min() >= 0 and values.max() < len(names):
        return values.astype(np.int64), tuple(map(_word, names))
    found, places = np.unique(values, return_inverse=True)
    return places.astype(np.int64), tuple(_word(value) for value in found)


def _word(value: object) -> str:
    return cleaned(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


# -- all images


@dataclass(frozen=True)
class _Part:
    images: Stored
    labels: Stored | None
    test: bool


class ImageArrays:
    """The images of a .npy or .npz, looked through once. Raises BadImages."""

    kind = "array"

    def __init__(self, given: Given, npz: bool, budgets: Budgets, progress: Progress, samples: int):
        self.budgets = budgets
        self.notes: list[str] = []
        self.factors: np.ndarray | None = None
        self.factor_names: tuple[str, ...] = ()
        self.labels: np.ndarray | None = None
        self.label_names: tuple[str, ...] = ()
        arrays = Npz(given, budgets) if npz else None
        self.dsprites = arrays is not None and all(key in arrays.members for key in DSPRITES_KEYS)
        self.parts = self._choose(arrays) if arrays else [_Part(_npy(given), None, False)]
        layouts = [read_layout(part.images.name, part.images.shape) for part in self.parts]
        for part in self.parts:
            check_dtype(part.images.name, part.images.dtype)
        self.layout = layouts[0]
        for part, layout in zip(self.parts, layouts, strict=True):
            self._check_part(part, layout)
        self.count = sum(layout.count for layout in layouts)
        if self.count < 2:
            found = "no image" if self.count == 0 else "one image"
            raise BadImages(f"{self.parts[0].images.name} holds {found}; a dataset needs at least 2")
        self.sizes = Counter({(self.layout.width, self.layout.height): self.count})
        self.colour = self.layout.channels > 1
        tests = np.repeat([part.test for part in self.parts], [layout.count for layout in layouts])
        self.test = np.flatnonzero(tests) if tests.any() and not tests.all() else None
        if arrays is not None:
            self._read_labels(arrays)
        self.binary = False
        self._samples: dict[int, np.ndarray] = {}
        self._look(progress, samples)
        self._note()

    def _choose(self, arrays: Npz) -> list[_Part]:
        """Which arrays hold the images and which their labels."""
        for group in PARTS:
            if arrays.find((group[0][0],)):
                found = [(arrays.find((x,)), arrays.find((y,)), test) for x, y, test in group]
                return [_Part(arrays[x], arrays[y] if y else None, test) for x, y, test in found if x]
        key = arrays.find(IMAGE_KEYS) or self._guess(arrays)
        labels = None if self.dsprites else arrays.find(tuple(k for k in LABEL_KEYS if k != key.lower()))
        return [_Part(arrays[key], arrays[labels] if labels else None, False)]

    def _guess(self, arrays: Npz) -> str:
        able = []
        for key in arrays.members:
            try:
                stored = arrays[key]
                read_layout(stored.name, stored.shape)
                check_dtype(stored.name, stored.dtype)
                able.append(key)
            except BadImages:
                continue
        if len(able) == 1:
            self.notes.append(f"The images were taken from the array {cleaned(able[0])}.")
            return able[0]
        held = listed([cleaned(key) for key in arrays.members])
        raise BadImages(
            f"it is not plain which array holds the images (it has {held}); name that one 'images'"
        )

    def _check_part(self, part: _Part, layout: Layout) -> None:
        first, name = self.layout, part.images.name
        if (layout.height, layout.width, layout.channels) != (first.height, first.width, first.channels):
            raise BadImages(f"{self.parts[0].images.name} and {name} hold images of different shapes")
        if part.images.dtype.kind != self.parts[0].images.dtype.kind:
            raise BadImages(f"{self.parts[0].images.name} and {name} are of different types; save one type")
        size = layout.count * part.images.row_bytes
        if size > self.budgets.total_bytes:
            raise BadImages(
                f"{name} announces {gigabytes(size)}, more than {gigabytes(self.budgets.total_bytes)}, the "
                "most one import may hold; save fewer or smaller images"
            )
        if layout.height * layout.width > self.budgets.pixels:
            raise BadImages(
                f"{name} holds images of {layout.width:,} × {layout.height:,} pixels; the most is "
                f"{self.budgets.pixels:,} pixels. Make them smaller"
            )
        held = layout.count if part.labels is None else (part.labels.shape or (0,))[0]
        if part.labels is not None and held != layout.count:
            raise BadImages(
                f"{name} holds {layout.count:,} images and {part.labels.name} {held:,} labels; "
                "save one label for each image"
            )

    def _read_labels(self, arrays: Npz) -> None:
        meter = Meter(self.budgets)
        if self.dsprites:
            self._read_dsprites(arrays, meter)
            return
        stored = [part.labels for part in self.parts]
        if any(labels is None for labels in stored):
            if any(labels is not None for labels in stored):
                self.notes.append("No labels: only some parts come with them.")
            return
        key = arrays.find(NAME_KEYS)
        names = arrays[key].whole(meter) if key else None
        if names is not None and (names.ndim != 1 or names.dtype.kind not in "US"):
            names = None
        values = [labels.whole(meter) for labels in stored if labels is not None]
        if len({v.shape[1:] for v in values}) > 1:
            raise BadImages("the labels of the parts have different shapes; labels are one per image, (N,)")
        name = stored[0].name if stored[0] is not None else ""
        labels, label_names = read_labels(np.concatenate(values), name, names)
        if len(label_names) > MOST_LABELS:
            many = f"{len(label_names):,} different values, too many for classes"
            self.notes.append(f"No labels: {name} holds {many}.")
            return
        self.labels, self.label_names = labels, label_names

    def _read_dsprites(self, arrays: Npz, meter: Meter) -> None:
        """Factor indices and the shape as label. The array `metadata` is a pickle and is not touched."""
        classes = arrays["latents_classes"]
        if classes.shape != (self.count, 6) or classes.dtype.kind not in "iu":
            held = f"{classes.dtype} {classes.shape}"
            raise BadImages(f"latents_classes is {held}, not whole numbers ({self.count}, 6)")
        factors = classes.whole(meter)[:, 1:]
        shapes = factors[:, 0].astype(np.int64)
        if shapes.min() < 0 or shapes.max() >= len(DSPRITES_SHAPES):
            found = f"{shapes.min()} to {shapes.max()}"
            raise BadImages(f"latents_classes names shapes from {found}, not from 0 to 2")
        self.factors, self.factor_names = factors.astype(np.float32), DSPRITES_FACTORS
        self.labels, self.label_names = shapes, DSPRITES_SHAPES
        self.notes.append("These are dSprites; the five factors are kept as indices, the shape is the label.")

    def _look(self, progress: Progress, samples: int) -> None:
        """One pass over all values: their range, and the samples."""
        values = Values(self.parts[0].images.name)
        wanted = np.unique(np.linspace(0, self.count - 1, samples).astype(int))
        raw: dict[int, np.ndarray] = {}
        done = 0
        for block in self._blocks():
            values.watch(block)
            for index in wanted[(wanted >= done) & (wanted < done + len(block))]:
                raw[int(index)] = block[index - done].copy()
            done += len(block)
            progress(done / self.count, f"looked at {done:,} of {self.count:,} images")
        values.check_range(self.parts[0].images.dtype)
        self.binary = self.parts[0].images.dtype == np.uint8 and values.high <= 1
        self._samples = {index: self._plain(block[None])[0] for index, block in raw.items()}

    def _note(self) -> None:
        if self.layout.order == "flat":
            side = self.layout.width
            self.notes.append(f"The rows of {side * side} values were read as images {side}×{side}.")
        if self.layout.channels == 4:
            self.notes.append("Four channels were read as RGBA and laid on white.")
        if self.binary:
            self.notes.append("The values are only 0 and 1; 1 was made white.")
        if self.test is not None:
            self.notes.append(f"Its own test split of {len(self.test):,} images is kept.")

    def _blocks(self) -> Iterator[np.ndarray]:
        """All images of all parts, (n, H, W) or (n, H, W, C), in their own type."""
        meter = Meter(self.budgets)
        for part in self.parts:
            layout = read_layout(part.images.name, part.images.shape)
            for block in part.images.blocks(meter):
                yield layout.arrange(block)

    def _plain(self, block: np.ndarray) -> np.ndarray:
        """uint8, grey (n, H, W) or RGB (n, H, W, 3)."""
        if block.dtype.kind == "f":
            block = np.rint(block.astype(np.float32, copy=False) * 255).astype(np.uint8)
        elif block.dtype.kind == "b" or self.binary:
            block = block.astype(np.uint8) * np.uint8(255)
        if self.layout.channels < 4:
            return block
        laid = []
        for picture in block:
            ground = Image.new("RGBA", (self.layout.width, self.layout.height), "white")
            ground.alpha_composite(Image.fromarray(np.ascontiguousarray(picture)))
            laid.append(np.asarray(ground.convert("RGB")))
        return np.stack(laid)

    def name_of(self, index: int) -> str:
        return f"image {index}"

    def size_of(self, index: int) -> tuple[int, int]:
        """(width, height)."""
        return self.layout.width, self.layout.height

    def pictures(self, indices: np.ndarray, side: int) -> Generator[np.ndarray, None, None]:
        """The images at the ascending `indices`, uint8 (H, W) or (H, W, 3) each. Raises BadImages."""
        done = 0
        for block in self._blocks():
            some = indices[(indices >= done) & (indices < done + len(block))]
            if len(some):
                yield from self._plain(block[some - done])
            done += len(block)
            if done > indices[-1]:
                return

    def sample(self, indices: np.ndarray, side: int) -> list[np.ndarray]:
        return [self._samples[int(index)] for index in indices]
