"""A person's own images, in two steps: `inspect` shows what is there, `accept` brings it into the one form.

    plan = inspect("holiday.zip")            # count, sizes, classes, notes, samples; nothing is written
    preview(plan, 64, fit="crop")            # the samples as they would be, (n, C, 64, 64)
    accept(plan, "holiday", places, side=64) # whole or not at all

Or from images that are in the one form already: `dataset_of_images` makes a dataset of some of another's.

A source is a folder or .zip of image files (class sub-folders become labels; see own_files.py), or an array
in a .npy or .npz (see own_arrays.py). Nothing is ever unpickled or unpacked to disk.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from vae_core.data.imageset import (
    SPLIT_SEED,
    Chunk,
    ImageSet,
    Progress,
    Source,
    check_room,
    read_meta,
    silent,
    write_images,
)
from vae_core.data.own_arrays import NPY_MAGIC, ImageArrays, is_npz
from vae_core.data.own_budgets import Budgets, Given, listed, opened, title_of
from vae_core.data.own_files import FORMAT_WORDS, Folder, ImageFiles, Zip, open_zip
from vae_core.data.registry import DATASETS, DatasetSpec, find_spec
from vae_core.errors import BadConfig, BadImages, BadName, UnknownDataset
from vae_core.places import Places, check_plain_name

SIDES = (16, 32, 64, 128)
COLOURS = ("auto", "grey", "colour")
FITS = {
    "crop": "keep the centred square",
    "pad": "keep everything, with black bars",
    "stretch": "keep everything, changing its proportions",
}
SAMPLES = 8
LEAST = 2  # images a dataset needs
THUMBNAIL = 512  # px, the longer side of a sample's original
CHUNK_BYTES = 8 << 20

SOURCES = "a folder or .zip of images, a .npy or an .npz"
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
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
        notes: sentences on what was or will be left out or converted.
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
    samples: tuple[Sample, ...]
    _images: ImageFiles | ImageArrays = field(repr=False)
    _given: Given = field(repr=False)
    _stamp: tuple[int, int] | None = field(repr=False)  # what the file was when looked at


# -- looking


def inspect(given: Given, budgets: Budgets | None = None, progress: Progress = silent) -> ImportPlan:
    """Look through a path, or an open binary file that can seek, without writing anything.

    Image files are judged by their headers here and decoded by `accept`; arrays are read through, for their
    range. Raises BadImages naming the source and the fault.
    """
    try:
        stamp = _stamp(given)
        images = _open_source(given, budgets or Budgets(), progress)
        wanted = np.unique(np.linspace(0, images.count - 1, SAMPLES).astype(int))
        pictures = images.sample(wanted, THUMBNAIL)
        samples = [_sample(images, int(i), picture) for i, picture in zip(wanted, pictures, strict=True)]
    except BadImages as error:
        raise BadImages(f"{title_of(given)}: {error}") from None
    except OSError as error:
        raise BadImages(f"{title_of(given)} cannot be read: {error.strerror or error}") from None
    progress(1.0, f"found {images.count:,} images")
    return ImportPlan(
        title=title_of(given),
        kind=images.kind,
        count=images.count,
        sizes=tuple(images.sizes.most_common()),
        colour=images.colour,
        side=_suit(images.sizes.most_common(1)[0][0]),
        label_names=images.label_names,
        factor_names=images.factor_names,
        notes=(*images.notes, *_grey_in_colour(images, samples)),
        samples=tuple(samples),
        _images=images,
        _given=given,
        _stamp=stamp,
    )


def _stamp(given: Given) -> tuple[int, int] | None:
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
        head = stream.read(8)
    if head.startswith(ZIPS):
        with open_zip(given) as zipped:
            npz = is_npz(zipped)
        if not npz:
            return ImageFiles(Zip(given), budgets, progress)
        return ImageArrays(given, True, budgets, progress, SAMPLES)
    if head.startswith(NPY_MAGIC):
        return ImageArrays(given, False, budgets, progress, SAMPLES)
    if head.startswith(PICKLES):
        raise BadImages(f"this is a pickle, never opened because it can run any program; give {SOURCES}")
    if head.startswith(ARCHIVES):
        raise BadImages(f"this kind of archive is not read; give {SOURCES}")
    if head.startswith(IMAGES):
        raise BadImages(f"this is one image; a dataset needs at least 2. Give {SOURCES}")
    raise BadImages(f"this is none of what can be imported: {SOURCES}, the images in {FORMAT_WORDS} form")


def _sample(images: ImageFiles | ImageArrays, index: int, picture: np.ndarray) -> Sample:
    label = images.label_names[images.labels[index]] if images.labels is not None else ""
    small = Image.fromarray(picture)
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return Sample(index, images.name_of(index), label, images.size_of(index), np.asarray(small))


def _suit(size: tuple[int, int]) -> int:
    """The largest of SIDES up to 64 that needs no enlarging; 28 goes to 32."""
    least = min(size)
    return 32 if least == 28 else max([side for side in SIDES if side <= min(64, least)], default=SIDES[0])


def _grey_in_colour(images: ImageFiles | ImageArrays, samples: list[Sample]) -> list[str]:
    if not images.colour or any(s.image.ndim == 3 and np.ptp(s.image, axis=2).any() for s in samples):
        return []
    return ["They are stored in colour, yet the samples are grey: choose grey to train on one channel."]


# -- the square


def crop_box(width: int, height: int, fit: str) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is kept of an image, in its own pixels."""
    if fit != "crop":
        return 0, 0, width, height
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def to_square(picture: np.ndarray, side: int, channels: int, fit: str) -> np.ndarray:
    """Grey (H, W) or RGB (H, W, 3) as uint8 (channels, side, side).

    At the side it has, nothing is resampled. 28×28 goes to 32×32 in a frame of zeros, whatever the fit: the
    pixels stay what they were and nats per image comparable. All else is resized, bicubic and antialiased.
    """
    if picture.shape == ((side, side) if channels == 1 else (side, side, channels)):
        return picture.reshape(side, side, channels).transpose(2, 0, 1)
    image = Image.fromarray(picture).convert("L" if channels == 1 else "RGB")
    image = image.crop(crop_box(*image.size, fit))
    if image.size == (28, 28) and side == 32:
        image = _framed(image, side)
    elif fit == "pad" and image.width != image.height:
        scale = side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = _framed(_resized(image, size), side)
    else:
        image = _resized(image, (side, side))
    return np.asarray(image).reshape(side, side, channels).transpose(2, 0, 1)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def _framed(image: Image.Image, side: int) -> Image.Image:
    framed = Image.new(image.mode, (side, side))
    framed.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return framed


def _channels(plan: ImportPlan, colour: str) -> int:
    return 3 if colour == "colour" or (colour == "auto" and plan.colour) else 1


def _check_choices(side: int, colour: str, fit: str) -> None:
    if side not in SIDES:
        raise BadConfig(f"side: {side} is not one of {', '.join(map(str, SIDES))}")
    if colour not in COLOURS:
        raise BadConfig(f"colour: {colour!r} is not one of {', '.join(COLOURS)}")
    if fit not in FITS:
        raise BadConfig(f"fit: {fit!r} is not one of {', '.join(FITS)}")


def preview(plan: ImportPlan, side: int, colour: str = "auto", fit: str = "crop") -> np.ndarray:
    """The plan's samples as `accept` would store them, uint8 (n, C, side, side).

    Raises BadConfig; BadImages when a sample cannot be decoded.
    """
    _check_choices(side, colour, fit)
    indices = np.array([sample.index for sample in plan.samples])
    _check_unchanged(plan)
    try:
        pictures = plan._images.sample(indices, side)
    except (BadImages, OSError) as error:
        raise BadImages(f"{plan.title}: {error}") from None
    return np.stack([to_square(picture, side, _channels(plan, colour), fit) for picture in pictures])


# -- taking in


def accept(
    plan: ImportPlan,
    name: str,
    places: Places,
    *,
    side: int,
    colour: str = "auto",
    fit: str = "crop",
    limit: int = 0,
    title: str = "",
    progress: Progress = silent,
) -> DatasetSpec:
    """Write the plan's images as the dataset `name`, whole or not at all.

    Args:
        side, colour, fit: one of SIDES, COLOURS, FITS.
        limit: keep that many images, drawn by a fixed seed (0: all).
        title: what a person reads; the name unless given.

    Raises BadName, BadConfig, BadImages.
    """
    _check_choices(side, colour, fit)
    if limit < 0 or limit == 1:
        raise BadConfig(f"limit: {limit} images make no dataset; 0 keeps all, else at least 2")
    _check_name(name, places)
    _check_unchanged(plan)
    channels = _channels(plan, colour)
    indices = np.arange(plan.count)
    if 0 < limit < plan.count:
        indices = np.sort(np.random.default_rng(SPLIT_SEED).permutation(plan.count)[:limit])
    return _take_in(
        _source(plan, indices, side, channels, fit), plan.title, name, places, side, title, progress
    )


def _take_in(
    source: Source, of: str, name: str, places: Places, side: int, title: str, progress: Progress
) -> DatasetSpec:
    """Write a source as a dataset of the person's own; `of` is what faults are told of."""
    places.datasets.mkdir(parents=True, exist_ok=True)
    check_room(source.count * source.channels * side * side, places.datasets)
    work = Path(tempfile.mkdtemp(dir=places.datasets, prefix=f".{name}."))
    try:
        write_images(work / str(side), name, title or name, source, progress=progress, own=True)
        os.rename(work, places.datasets / name)
    except BadImages as error:
        raise BadImages(f"{of}: {error}") from None
    except OSError as error:
        _check_name(name, places)  # another import may have taken it meanwhile
        raise BadImages(f"{of} cannot be imported: {error.strerror or error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return find_spec(name, places)


def _check_unchanged(plan: ImportPlan) -> None:
    try:
        same = _stamp(plan._given) == plan._stamp
    except OSError:
        same = False
    if not same:
        raise BadImages(f"{plan.title} has changed since it was looked at; look at it again")


def _check_name(name: str, places: Places) -> None:
    check_plain_name(name, "dataset")
    if name in DATASETS:
        raise BadName(f"{name} is a built-in dataset; choose another name")
    if os.path.lexists(places.datasets / name):
        raise BadName(f"there is already a dataset {name}; choose another name, or remove it first")


def _source(plan: ImportPlan, indices: np.ndarray, side: int, channels: int, fit: str) -> Source:
    images = plan._images

    def chunks() -> Iterator[Chunk]:
        size = max(1, CHUNK_BYTES // (channels * side * side))
        with closing(images.pictures(indices, side)) as pictures:
            for start in range(0, len(indices), size):
                some = indices[start : start + size]
                squares = np.stack([to_square(next(pictures), side, channels, fit) for _ in some])
                yield Chunk(
                    squares,
                    None if images.labels is None else images.labels[some],
                    None if images.factors is None else images.factors[some],
                )

    return Source(
        count=len(indices),
        channels=channels,
        chunks=chunks(),
        label_names=plan.label_names,
        factor_names=plan.factor_names,
        test=None if images.test is None else np.flatnonzero(np.isin(indices, images.test)),
        notes=[*plan.notes, *_notes(plan, len(indices), side, channels, fit)],
    )


def _notes(plan: ImportPlan, kept: int, side: int, channels: int, fit: str) -> list[str]:
    """What `accept` did to the images, in sentences."""
    sizes = {size for size, _ in plan.sizes}
    notes = []
    if kept < plan.count:
        notes.append(f"{kept:,} of {plan.count:,} images, drawn by the seed {SPLIT_SEED}.")
    if side == 32 and sizes == {(28, 28)}:
        notes.append("28×28 was framed with zeros to 32×32, not resized.")
    elif sizes != {(side, side)}:
        square = all(width == height for width, height in sizes)
        notes.append(f"Resized to {side}×{side}" + ("." if square else f" ({fit}: {FITS[fit]})."))
    if plan.colour and channels == 1:
        notes.append("Colours were made grey.")
    return notes


# -- from another dataset


def dataset_of_images(
    places: Places,
    source: ImageSet,
    images: np.ndarray,
    name: str,
    *,
    title: str = "",
    progress: Progress = silent,
) -> DatasetSpec:
    """Write some of a dataset's images as the dataset `name` of the person's own, whole or not at all.

    Args:
        images: (M,) numbers in `source`, in any order; one that comes twice counts once.
        title: what a person reads; the name unless given.

    Labels, factors and their names come along. Raises BadName, BadImages.
    """
    _check_name(name, places)
    chosen = _chosen(source, images)
    test, note = _test_of(source, chosen)
    size = max(1, CHUNK_BYTES // source.images[0].size)

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(chosen), size):
            some = chosen[start : start + size]
            yield Chunk(
                source.images[some],
                None if source.labels is None else source.labels[some],
                None if source.factors is None else source.factors[some],
            )

    channels, side, _ = source.shape
    selected = Source(
        count=len(chosen),
        channels=channels,
        chunks=chunks(),
        label_names=source.label_names,
        factor_names=source.factor_names,
        test=test,
        notes=[f"{len(chosen):,} of the {len(source):,} images of {source.title} ({source.name}).", note],
    )
    return _take_in(selected, source.title, name, places, side, title, progress)


def _chosen(source: ImageSet, images: np.ndarray) -> np.ndarray:
    """Sorted numbers int64 without doubles. Raises BadImages."""
    images = np.asarray(images)
    if images.ndim != 1 or (images.size and images.dtype.kind not in "iu"):
        raise BadImages(f"images are chosen by whole numbers (M,), not by {images.dtype} {images.shape}")
    chosen = np.unique(images).astype(np.int64)
    outside = chosen[(chosen < 0) | (chosen >= len(source))]
    if len(outside):
        raise BadImages(
            f"{source.title} has the images 0 to {len(source) - 1:,}; "
            f"not among them: {listed([str(i) for i in outside])}"
        )
    if len(chosen) < LEAST:
        found = "no image is" if len(chosen) == 0 else "one image is"
        raise BadImages(f"{found} selected; training needs at least {LEAST}, one of them to validate on")
    return chosen


def _test_of(source: ImageSet, chosen: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Which of the chosen, (T,) places in `chosen`, stay for testing, and a sentence on that.

    What never trained a run on the source is best kept so, since such a run may be fine-tuned. But a selection is
    often made among test images alone, and from those nothing would be left to train on: then None, which has a
    split cut anew.
    """
    test = np.flatnonzero(np.isin(chosen, source.test))
    left = len(chosen) - len(test)
    if len(test) and left >= max(LEAST, len(test)):
        return test, f"For testing: {len(test):,} of them, from the test split of {source.title}."
    if len(chosen) == LEAST:
        return None, "None is left for testing."
    note = f"{len(test):,} of them come from the test split of {source.title}; a new one is cut."
    return None, note + (f" Runs on {source.title} may have trained on some of it." if left else "")


def remove(name: str, places: Places) -> None:
    """Delete an imported dataset. Raises BadName for a built-in one, UnknownDataset."""
    check_plain_name(name, "dataset")
    if name in DATASETS:
        raise BadName(f"{name} is a built-in dataset and cannot be removed")
    folder = places.datasets / name
    sides = [read_meta(side) for side in folder.iterdir()] if folder.is_dir() else []
    if not any(meta and meta["own"] for meta in sides):
        raise UnknownDataset(f"there is no dataset of yours named {name!r}")
    # out of sight first, so that nobody opens half of it
    doomed = Path(tempfile.mkdtemp(dir=places.datasets, prefix=f".{name}."))
    os.rename(folder, doomed / name)
    shutil.rmtree(doomed)
