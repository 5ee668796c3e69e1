"""Images as one array: .npy, .npz, and dSprites' own .npz. Read from front to back, never unpickled.

An .npz names its arrays. Images are looked for under IMAGE_KEYS, labels under LABEL_KEYS, the labels' names
under NAME_KEYS, a set that comes in parts under PARTS; where no name is known and one array looks like
images, that one is taken. Accepted shapes, N images of H × W:

    (N, H, W)   (N, H, W, C)   (N, C, H, W)   C 1 (grey), 3 (RGB) or 4 (RGBA)   (N, H·W) when that is a square

Accepted values: uint8 from 0 to 255, uint8 of only 0 and 1, bool, floats in [0, 1].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vae_core.data.imageset import Progress
from vae_core.data.user.budgets import (
    Budgets,
    Given,
    Meter,
    cleaned,
    gigabytes,
    listed,
)
from vae_core.data.user.choices import ImportChoices
from vae_core.data.user.folders import TEST, TRAIN, VALIDATION
from vae_core.data.user.layout import Layout, ValueRange, check_dtype, read_layout
from vae_core.data.user.meaning import Meaning
from vae_core.data.user.npy import Npz, StoredArray, open_npy
from vae_core.errors import BadImages

IMAGE_KEYS = ("images", "image", "imgs", "x", "data", "pixels", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "targets", "target", "arr_1")
NAME_KEYS = ("label_names", "class_names", "classes", "names")
# (images, labels, split) of sets that come in parts: Keras' and MedMNIST's names
PARTS = (
    (("x_train", "y_train", TRAIN), ("x_val", "y_val", VALIDATION), ("x_test", "y_test", TEST)),
    (
        ("train_images", "train_labels", TRAIN),
        ("val_images", "val_labels", VALIDATION),
        ("test_images", "test_labels", TEST),
    ),
)
DSPRITES_KEYS = ("imgs", "latents_classes", "latents_values")
# columns 1 to 5 of the classes; column 0, colour, never varies
DSPRITES_FACTORS = ("shape", "scale", "orientation", "x", "y")
DSPRITES_SHAPES = ("square", "ellipse", "heart")
MOST_LABELS = 1_000


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


@dataclass(frozen=True)
class _Part:
    images: StoredArray
    labels: StoredArray | None
    split: str


class ImageArrays:
    """The images of a .npy or .npz, looked through once. Raises BadImages."""

    kind = "array"
    split_folders: tuple[str, ...] = ()

    def __init__(self, given: Given, npz: bool, budgets: Budgets, progress: Progress, samples: int):
        self.budgets = budgets
        self.notes: list[str] = []
        self.factors: np.ndarray | None = None
        self.factor_names: tuple[str, ...] = ()
        self.labels: np.ndarray | None = None
        self.label_names: tuple[str, ...] = ()
        arrays = Npz(given, budgets) if npz else None
        self.dsprites = arrays is not None and all(key in arrays.members for key in DSPRITES_KEYS)
        self.parts = self._choose_arrays(arrays) if arrays else [_Part(open_npy(given), None, TRAIN)]
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
        splits = np.repeat([part.split for part in self.parts], [layout.count for layout in layouts])
        own = TRAIN in splits
        self.test, self.validation = (
            np.flatnonzero(splits == split) if own and split in splits else None
            for split in (TEST, VALIDATION)
        )
        if arrays is not None:
            self._read_labels(arrays)
        self.binary = False
        self._samples: dict[int, np.ndarray] = {}
        self._read_values(progress, samples)
        self._add_notes()

    def _choose_arrays(self, arrays: Npz) -> list[_Part]:
        """Which arrays hold the images and which their labels."""
        for group in PARTS:
            if arrays.find((group[0][0],)):
                found = [(arrays.find((x,)), arrays.find((y,)), split) for x, y, split in group]
                return [_Part(arrays[x], arrays[y] if y else None, split) for x, y, split in found if x]
        key = arrays.find(IMAGE_KEYS) or self._guess_images(arrays)
        labels = None if self.dsprites else arrays.find(tuple(k for k in LABEL_KEYS if k != key.lower()))
        return [_Part(arrays[key], arrays[labels] if labels else None, TRAIN)]

    def _guess_images(self, arrays: Npz) -> str:
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

    def _read_values(self, progress: Progress, samples: int) -> None:
        """One pass over all values: their range, and the samples."""
        values = ValueRange(self.parts[0].images.name)
        wanted = np.unique(np.linspace(0, self.count - 1, samples).astype(int))
        raw: dict[int, np.ndarray] = {}
        done = 0
        for block in self._blocks():
            values.add(block)
            for index in wanted[(wanted >= done) & (wanted < done + len(block))]:
                raw[int(index)] = block[index - done].copy()
            done += len(block)
            progress(done / self.count, f"looked at {done:,} of {self.count:,} images")
        values.check_range(self.parts[0].images.dtype)
        self.binary = self.parts[0].images.dtype == np.uint8 and values.high <= 1
        self._samples = {index: self._to_uint8(block[None])[0] for index, block in raw.items()}

    def _add_notes(self) -> None:
        if self.layout.order == "flat":
            side = self.layout.width
            self.notes.append(f"The rows of {side * side} values were read as images {side}×{side}.")
        if self.layout.channels == 4:
            self.notes.append("Four channels were read as RGBA and laid on white.")
        if self.binary:
            self.notes.append("The values are only 0 and 1; 1 was made white.")
        for split, index in ((TEST, self.test), (VALIDATION, self.validation)):
            if index is not None:
                self.notes.append(f"Its own {split} split of {len(index):,} images is kept.")

    def _blocks(self) -> Iterator[np.ndarray]:
        """All images of all parts, (n, H, W) or (n, H, W, C), in their own type."""
        meter = Meter(self.budgets)
        for part in self.parts:
            layout = read_layout(part.images.name, part.images.shape)
            for block in part.images.blocks(meter):
                yield layout.arrange(block)

    def _to_uint8(self, block: np.ndarray) -> np.ndarray:
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

    def meaning(self, choices: ImportChoices) -> Meaning:
        """What the arrays beside the images say."""
        own = choices.splits != "none"
        return Meaning(
            self.labels,
            self.label_names,
            self.factors,
            self.factor_names,
            self.test if own else None,
            self.validation if own else None,
        )

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
                yield from self._to_uint8(block[some - done])
            done += len(block)
            if done > indices[-1]:
                return

    def sample(self, indices: np.ndarray, side: int) -> list[np.ndarray]:
        return [self._samples[int(index)] for index in indices]
