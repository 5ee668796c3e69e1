"""Look through a source of images without writing anything, and show what an import would make of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vae_core.data.imageset import (
    Progress,
    silent,
)
from vae_core.data.user.arrays import ImageArrays
from vae_core.data.user.broken import BrokenFiles, Fault
from vae_core.data.user.budgets import Budgets, Given, opened, said_of, title_of
from vae_core.data.user.choices import SIDES, ImportChoices
from vae_core.data.user.crop import to_square
from vae_core.data.user.decode import FORMAT_WORDS
from vae_core.data.user.files import ImageFiles
from vae_core.data.user.foreign import ARCHIVE, is_table, named, pixel_table
from vae_core.data.user.listing import Folder
from vae_core.data.user.meaning import Meaning
from vae_core.data.user.npy import NPY_MAGIC, is_npz
from vae_core.data.user.zips import Zip, open_zip
from vae_core.errors import BadImages
from vae_core.options import from_json

SAMPLES = 8
THUMBNAIL = 512  # px, the longer side of a sample's original

SOURCES = "a folder or .zip of images, a .npy or an .npz"
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*")


@dataclass(frozen=True)
class Sample:
    """One image as it came, uint8 (h, w) or (h, w, 3), reduced to THUMBNAIL px.

    `size` is the original's (width, height), which `crop_box` takes.
    """

    index: int
    name: str
    label: str
    size: tuple[int, int]
    image: np.ndarray


@dataclass(frozen=True)
class ImportPlan:
    """What was found in a source, to be looked at and then accepted. The source has to stay as it is.

    Attributes:
        title: the source's own name.
        kind: files or array.
        sizes: ((width, height), count), the most frequent first.
        colour: what the colour choice "auto" takes.
        side: a side that suits the images.
        split_folders: folders that name splits, for training first.
        side_folders: folders that seem to hold masks or thumbnails of other images.
        broken: files that cannot be read; they are not counted, and `accept` refuses them unless they may be skipped.
        notes: sentences on what was or will be left out or converted, and what the default choices mean.
        found: those of them that hold whatever is chosen.
    """

    title: str
    kind: str
    count: int
    sizes: tuple[tuple[tuple[int, int], int], ...]
    colour: bool
    side: int
    label_names: tuple[str, ...]
    factor_names: tuple[str, ...]
    notes: tuple[str, ...]
    found: tuple[str, ...]
    split_folders: tuple[str, ...]
    side_folders: tuple[str, ...]
    broken: tuple[Fault, ...]
    samples: tuple[Sample, ...]
    images: ImageFiles | ImageArrays = field(repr=False)
    given: Given = field(repr=False)
    stamp: tuple[int, int] | None = field(repr=False)  # what the file was when looked at


def inspect(given: Given, budgets: Budgets | None = None, progress: Progress = silent) -> ImportPlan:
    """Look through a path, or an open binary file that can seek, without writing anything.

    Image files are judged by their headers here and decoded by `accept`; arrays are read through, for their
    range. Raises BadImages naming the source and the fault.
    """
    try:
        stamp = _file_stamp(given)
        images = _open_source(given, budgets or Budgets(), progress)
        plain = ImportChoices()
        try:
            wanted, pictures = _samples(images)
        except BrokenFiles:
            images.check_all(progress)  # so that all broken files are known
            wanted, pictures = _samples(images)
        meaning = images.meaning(plain)
        samples = [
            _sample(images, meaning, int(i), picture) for i, picture in zip(wanted, pictures, strict=True)
        ]
    except BadImages as error:
        raise BadImages(said_of(title_of(given), error)) from None
    except OSError as error:
        raise BadImages(f"{title_of(given)} cannot be read: {error.strerror or error}") from None
    found = (*images.notes, *_grey_in_colour(images, samples))
    progress(1.0, f"found {images.count:,} images")
    return ImportPlan(
        title=title_of(given),
        kind=images.kind,
        count=images.count,
        sizes=tuple(images.sizes.most_common()),
        colour=images.colour,
        side=_suitable_side(images.sizes.most_common(1)[0][0]),
        label_names=meaning.label_names,
        factor_names=meaning.factor_names,
        notes=(*found, *images.told(plain), *meaning.notes),
        found=found,
        split_folders=images.split_folders,
        side_folders=tuple(name for name, _ in images.side_folders),
        broken=tuple(images.broken),
        samples=tuple(samples),
        images=images,
        given=given,
        stamp=stamp,
    )


def _file_stamp(given: Given) -> tuple[int, int] | None:
    """Length and time of change of a file; None for a folder, an upload or nothing."""
    if isinstance(given, (str, PathLike)) and (path := Path(given).expanduser()).is_file():
        return path.stat().st_size, path.stat().st_mtime_ns
    return None


def _open_source(given: Given, budgets: Budgets, progress: Progress) -> ImageFiles | ImageArrays:
    if isinstance(given, (str, PathLike)):
        path = Path(given).expanduser()
        if path.is_dir():
            return ImageFiles(Folder(path), budgets, progress)
        if not path.exists():
            raise BadImages(f"there is nothing at {path}; give {SOURCES}")
        if not path.is_file():
            raise BadImages(f"this is no plain file; give {SOURCES}")
        given = path
    with opened(given) as stream:
        head = stream.read(64)
    if head.startswith(ZIPS):
        with open_zip(given) as zipped:
            npz = is_npz(zipped)
        if not npz:
            return ImageFiles(Zip(given), budgets, progress)
        return ImageArrays(given, True, budgets, progress, SAMPLES)
    if head.startswith(NPY_MAGIC):
        return ImageArrays(given, False, budgets, progress, SAMPLES)
    known = named(title_of(given), head)
    if known is ARCHIVE:
        raise BadImages(f"{ARCHIVE.name}; {ARCHIVE.line}. What can be imported: {SOURCES}")
    if known is not None:
        raise BadImages(f"this is {known.name}; {known.line.replace('FILE', title_of(given))}")
    if is_table(title_of(given)):
        raise BadImages(pixel_table(head).replace("FILE", title_of(given)))
    if head.startswith(IMAGES):
        raise BadImages(f"this is one image; a dataset needs at least 2. Give {SOURCES}")
    raise BadImages(f"this is none of what can be imported: {SOURCES}, the images in {FORMAT_WORDS} form")


def _samples(images: ImageFiles | ImageArrays) -> tuple[np.ndarray, list[np.ndarray]]:
    """Numbers spread over the source, (n,), and their pictures."""
    wanted = np.unique(np.linspace(0, images.count - 1, SAMPLES).astype(int))
    return wanted, images.sample(wanted, THUMBNAIL, ImportChoices())


def _sample(images: ImageFiles | ImageArrays, meaning: Meaning, index: int, picture: np.ndarray) -> Sample:
    small = Image.fromarray(picture)
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return Sample(
        index, images.name_of(index), meaning.label_of(index), images.size_of(index), np.asarray(small)
    )


def _suitable_side(size: tuple[int, int]) -> int:
    """The largest of SIDES up to 64 that enlarges by no more than an eighth, as from 28 to 32."""
    least = min(size)
    return max([side for side in SIDES if side <= 64 and 7 * side <= 8 * least], default=SIDES[0])


def _grey_in_colour(images: ImageFiles | ImageArrays, samples: list[Sample]) -> list[str]:
    if not images.colour or any(s.image.ndim == 3 and np.ptp(s.image, axis=2).any() for s in samples):
        return []
    return ["They are stored in colour, yet the samples are grey: choose grey to train on one channel."]


def channels_of(plan: ImportPlan, colour: str) -> int:
    return 3 if colour == "colour" or (colour == "auto" and plan.colour) else 1


def settled(plan: ImportPlan, choices: ImportChoices) -> ImportChoices:
    """The choices with a side."""
    return choices if choices.side else dataclasses.replace(choices, side=plan.side)


def preview(
    plan: ImportPlan, side: int = 0, colour: str = "auto", fit: str = "crop", **more: Any
) -> np.ndarray:
    """The plan's samples as `accept` would store them, uint8 (n, C, side, side).

    `more` are further choices (see ImportChoices). Raises BadConfig; BadImages when a sample cannot be decoded.
    """
    given = {"side": side, "colour": colour, "fit": fit, **more}
    choices = settled(plan, from_json(ImportChoices, given))
    indices = np.array([sample.index for sample in plan.samples])
    check_unchanged(plan)
    try:
        indices = indices[np.isin(indices, plan.images.kept(choices))]
        pictures = plan.images.sample(indices, choices.side, choices)
    except (BadImages, OSError) as error:
        raise BadImages(said_of(plan.title, error)) from None
    channels = channels_of(plan, choices.colour)
    return np.stack([to_square(picture, choices.side, channels, choices.fit) for picture in pictures])


def check_unchanged(plan: ImportPlan) -> None:
    try:
        same = _file_stamp(plan.given) == plan.stamp
    except OSError:
        same = False
    if not same:
        raise BadImages(f"{plan.title} has changed since it was looked at; look at it again")
