"""Images as one array: .npy, .npz, and dSprites' own .npz. Read from front to back, never unpickled.

An .npz names its arrays. Images are looked for under IMAGE_KEYS, labels under LABEL_KEYS, a set that comes in parts
under PARTS, factors and names as array_labels.py says; where no name is known and one array looks like images, that one is
taken. Accepted shapes, N images of H × W:

    (N, H, W)   (N, H, W, C)   (N, C, H, W)   C 1 (grey), 3 (RGB) or 4 (RGBA)   (N, H·W) when that is a square
    (H, W, N)   (H, W, C, N)   where the shape or the values tell that the images come last

Accepted values: uint8 from 0 to 255, uint8 of only 0 and 1, bool, floats in [0, 1]; other numbers are scaled to what the
set uses (see scale.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vae_core.data.imageset import Progress, silent
from vae_core.data.user.array_labels import Found, read_beside
from vae_core.data.user.broken import Fault
from vae_core.data.user.budgets import (
    BLOCK,
    Budgets,
    Given,
    Meter,
    cleaned,
    gigabytes,
    listed,
)
from vae_core.data.user.choices import ImportChoices
from vae_core.data.user.decode import Look
from vae_core.data.user.folders import TEST, TRAIN, VALIDATION
from vae_core.data.user.ground import choose_ground, contrasts, lay
from vae_core.data.user.layout import (
    Layout,
    check_dtype,
    check_finite,
    comes_last,
    may_come_last,
    read_layout,
)
from vae_core.data.user.meaning import Meaning, with_tables
from vae_core.data.user.npy import Npz, StoredArray, open_npy
from vae_core.data.user.scale import Scale, Values
from vae_core.data.user.table_labels import Joined, given, join_tables
from vae_core.errors import BadConfig, BadImages

IMAGE_KEYS = ("images", "image", "imgs", "x", "data", "pixels", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "targets", "target", "arr_1")
# (images, labels, split) of sets that come in parts: Keras' and MedMNIST's names
PARTS = (
    (("x_train", "y_train", TRAIN), ("x_val", "y_val", VALIDATION), ("x_test", "y_test", TEST)),
    (
        ("train_images", "train_labels", TRAIN),
        ("val_images", "val_labels", VALIDATION),
        ("test_images", "test_labels", TEST),
    ),
)
MOST_SHARE = 0.25  # uint8 images brighter than this share of white are taken as they are


@dataclass(frozen=True)
class _Part:
    images: StoredArray
    labels: StoredArray | str | None  # a text says why there are none
    split: str


class ImageArrays:
    """The images of a .npy or .npz, looked through once. Raises BadImages."""

    kind = "array"
    split_folders: tuple[str, ...] = ()
    side_folders: tuple[tuple[str, str], ...] = ()
    broken: tuple[Fault, ...] = ()

    def __init__(self, given: Given, npz: bool, budgets: Budgets, progress: Progress, samples: int):
        self.budgets = budgets
        self.notes: list[str] = []
        arrays = Npz(given, budgets) if npz else None
        self.parts = self._choose_arrays(arrays) if arrays else [_Part(open_npy(given), None, TRAIN)]
        for part in self.parts:
            check_dtype(part.images.name, part.images.dtype)
        self.layouts = [self._layout(part.images) for part in self.parts]
        self.layout = self.layouts[0]
        for part, layout in zip(self.parts, self.layouts, strict=True):
            self._check_part(part, layout)
        self.count = sum(layout.count for layout in self.layouts)
        if self.count < 2:
            found = "no image" if self.count == 0 else "one image"
            raise BadImages(f"{self.parts[0].images.name} holds {found}; a dataset needs at least 2")
        self.sizes = Counter({(self.layout.width, self.layout.height): self.count})
        self.colour = self.layout.channels > 1
        splits = np.repeat([part.split for part in self.parts], [layout.count for layout in self.layouts])
        own = TRAIN in splits
        self.test, self.validation = (
            np.flatnonzero(splits == split) if own and split in splits else None
            for split in (TEST, VALIDATION)
        )
        self.values = Values()
        self.joined = Joined()
        self._samples: dict[int, np.ndarray] = {}
        self._contrasts: list[tuple[float, float]] = []
        self._read_values(progress, samples)
        self.found = self._read_beside(arrays) if arrays is not None else Found()
        self._add_notes()

    def _layout(self, stored: StoredArray) -> Layout:
        """How an array's axes are read; where its shape leaves two ways, its values decide."""
        layout = read_layout(stored.name, stored.shape)
        if layout.order == "grey_last":
            self.notes.append(f"The shape {stored.shape} was read as (H, W, N): {layout.count:,} images.")
        if not may_come_last(layout):
            return layout
        other = f"{stored.shape[2]:,} images of {stored.shape[1]}×{stored.shape[0]}, (H, W, N)"
        last = comes_last(self._some_rows(stored))
        if last:
            self.notes.append(
                f"The shape {stored.shape} was read as {other}, for its values are smooth that way."
            )
            height, width, count = stored.shape
            return Layout(count, height, width, 1, "grey_last")
        if last is None:
            save = "numpy.save('images.npy', numpy.moveaxis(a, -1, 0))"
            self.notes.append(
                f"The shape {stored.shape} was read as {layout.count:,} images of {layout.width}×{layout.height}, (N, H, W). "
                f"If it holds {other}, import what {save} writes."
            )
        return layout

    def _some_rows(self, stored: StoredArray) -> np.ndarray:
        """The first rows of an array, some MB of them and at least two where it has two."""
        rows: list[np.ndarray] = []
        for block in stored.blocks(Meter(self.budgets)):
            rows.append(block)
            if sum(map(len, rows)) >= 8 or sum(row.nbytes for row in rows) > 8 * BLOCK:
                break
        return np.concatenate(rows)

    def _choose_arrays(self, arrays: Npz) -> list[_Part]:
        """Which arrays hold the images and which their labels."""
        for group in PARTS:
            if arrays.find((group[0][0],)):
                found = [(arrays.find((x,)), arrays.find((y,)), split) for x, y, split in group]
                return [_Part(arrays[x], _labels(arrays, y), split) for x, y, split in found if x]
        key = arrays.find(IMAGE_KEYS) or self._guess_images(arrays)
        labels = arrays.find(tuple(k for k in LABEL_KEYS if k != key.lower()))
        return [_Part(arrays[key], _labels(arrays, labels), TRAIN)]

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

    def _read_beside(self, arrays: Npz) -> Found:
        """Labels and factors from the arrays beside the images."""
        size = (self.layout.height, self.layout.width, self.layout.channels)
        labels = [part.labels for part in self.parts]
        return read_beside(arrays, labels, self.count, self.binary, size, Meter(self.budgets))

    def _read_values(self, progress: Progress, samples: int) -> None:
        """One pass over all values: their range, and the samples."""
        wanted = np.unique(np.linspace(0, self.count - 1, samples).astype(int))
        done = 0
        for block in self._blocks():
            check_finite(self.parts[0].images.name, block, done)
            self.values.add(block)
            for index in wanted[(wanted >= done) & (wanted < done + len(block))]:
                self._samples[int(index)] = block[index - done].copy()
            done += len(block)
            progress(done / self.count, f"looked at {done:,} of {self.count:,} images")
        if self.layout.channels == 4:
            scale = self._scale("auto")
            self._contrasts = [
                contrasts(Image.fromarray(scale.apply(picture))) for picture in self._samples.values()
            ]

    @property
    def binary(self) -> bool:
        """Whether the images are whole numbers 0 and 1."""
        return self.parts[0].images.dtype == np.uint8 and self.values.high == 1

    def _scale(self, choice: str) -> Scale:
        """Which values become black and white. Raises BadConfig."""
        dtype = self.parts[0].images.dtype
        full = {"u1": (0.0, 255.0), "u2": (0.0, 65535.0), "b1": (0.0, 1.0)}.get(dtype.str[1:])
        least = 0.5 if dtype != np.uint8 else MOST_SHARE
        return self.values.scale(
            choice, (0.0, 1.0) if dtype.kind == "f" and choice == "full" else full, least
        )

    def look(self, choices: ImportChoices) -> Look:
        """How values and transparency become shades. Raises BadConfig for no scale."""
        ground = choose_ground(self._contrasts) if choices.ground == "auto" else choices.ground
        return Look(self._scale(choices.scale), ground=ground)

    @property
    def transparent(self) -> bool:
        """Whether the images have transparency."""
        return self.layout.channels == 4

    @property
    def scalable(self) -> bool:
        """Whether it is a question which values become black and white."""
        dtype = self.parts[0].images.dtype
        return dtype.kind != "b" and (dtype != np.uint8 or self._scale("auto") != Scale(0.0, 255.0))

    def _add_notes(self) -> None:
        if self.layout.order == "flat":
            side = self.layout.width
            self.notes.append(f"The rows of {side * side} values were read as images {side}×{side}.")
        if self.layout.order == "colour_last":
            shape = self.parts[0].images.shape
            self.notes.append(f"The shape {shape} was read as (H, W, C, N): {self.layout.count:,} images.")

    def told(self, choices: ImportChoices) -> list[str]:
        """What is done to the values, in sentences."""
        look, dtype = self.look(choices), self.parts[0].images.dtype
        notes = []
        if self.layout.channels == 4:
            notes.append(f"Four channels were read as RGBA and laid on {look.ground}.")
        plain = Scale(0.0, 255.0) if dtype == np.uint8 else Scale(0.0, 1.0)
        if self.binary and look.scale == Scale(0.0, 1.0):
            notes.append("The values are only 0 and 1; 1 was made white.")
        elif look.scale != plain and dtype.kind != "b":
            notes.append(self.values.told(look.scale))
        return notes

    def _blocks(self) -> Iterator[np.ndarray]:
        """All images of all parts, (n, H, W) or (n, H, W, C), in their own type."""
        meter = Meter(self.budgets)
        for part, layout in zip(self.parts, self.layouts, strict=True):
            if layout.images_last:
                whole = layout.arrange(part.images.whole(meter))
                rows = max(1, BLOCK * layout.count // max(1, whole.nbytes))
                for start in range(0, layout.count, rows):
                    yield whole[start : start + rows]
            else:
                for block in part.images.blocks(meter):
                    yield layout.arrange(block)

    def _to_uint8(self, block: np.ndarray, look: Look) -> np.ndarray:
        """uint8, grey (n, H, W) or RGB (n, H, W, 3)."""
        if block.dtype != np.uint8 or look.scale != Scale(0.0, 255.0):
            block = look.scale.apply(block)
        if self.layout.channels < 4:
            return block
        return np.stack(
            [np.asarray(lay(Image.fromarray(np.ascontiguousarray(p)), look.ground)) for p in block]
        )

    def kept(self, choices: ImportChoices) -> np.ndarray:
        """The numbers of all images: an array has no folders to leave out. Raises BadConfig."""
        if choices.leave_out:
            raise BadConfig(f"leave_out: there is no folder {choices.leave_out[0]!r} in an array")
        return np.arange(self.count)

    def check_all(self, progress: Progress = silent) -> None:
        """Every value was read already."""

    def meaning(self, choices: ImportChoices) -> Meaning:
        """What the arrays beside the images say."""
        own = choices.splits != "none"
        test, validation = (self.test, self.validation) if own else (None, None)
        kept = [
            f"Its own {split} split of {len(index):,} images is kept."
            for split, index in ((TEST, test), (VALIDATION, validation))
            if index is not None
        ]
        found = self.found
        known = Meaning(
            found.labels, found.label_names, found.factors, found.factor_names, test, validation,
            (*found.notes, *kept),
        )  # fmt: skip
        return with_tables(known, self.joined, choices, np.arange(self.count))

    def add_table(self, name: str, raw: bytes) -> None:
        """Join a table to the images by their numbers or its order. Raises BadTable."""
        self.joined = join_tables([given(name.replace("/", "_"), raw, asked=True)], None, self.count)

    def name_of(self, index: int) -> str:
        return f"image {index}"

    def size_of(self, index: int) -> tuple[int, int]:
        """(width, height)."""
        return self.layout.width, self.layout.height

    def pictures(
        self, indices: np.ndarray, side: int, choices: ImportChoices
    ) -> Generator[np.ndarray, None, None]:
        """The images at the ascending `indices`, uint8 (H, W) or (H, W, 3) each. Raises BadImages."""
        look = self.look(choices)
        done = 0
        for block in self._blocks():
            some = indices[(indices >= done) & (indices < done + len(block))]
            if len(some):
                yield from self._to_uint8(block[some - done], look)
            done += len(block)
            if done > indices[-1]:
                return

    def sample(self, indices: np.ndarray, side: int, choices: ImportChoices) -> list[np.ndarray]:
        """Of the images that were chosen as samples when the arrays were looked through."""
        look = self.look(choices)
        return [self._to_uint8(self._samples[int(index)][None], look)[0] for index in indices]


def _labels(arrays: Npz, key: str | None) -> StoredArray | str | None:
    """An array of labels, or why it is none."""
    try:
        return None if key is None else arrays[key]
    except BadImages as error:
        return str(error).split(",")[0]
