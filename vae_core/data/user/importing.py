"""Bring the images of a plan into a dataset of the user's own, and remove such a dataset."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from vae_core.data.imageset import (
    SPLIT_SEED,
    Chunk,
    Progress,
    Source,
    check_room,
    read_meta,
    silent,
    write_images,
)
from vae_core.data.registry import DATASETS, DatasetSpec, find_spec
from vae_core.data.user.crop import FITS, to_square
from vae_core.data.user.plan import ImportPlan, channels_of, check_choices, check_unchanged
from vae_core.errors import BadConfig, BadImages, BadName, UnknownDataset
from vae_core.places import Places, check_plain_name

CHUNK_BYTES = 8 << 20


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
        side: one of SIDES.
        colour: one of COLOURS.
        fit: one of FITS.
        limit: keep that many images, drawn by a fixed seed (0: all).
        title: what a person reads; the name unless given.

    Raises BadName, BadConfig, BadImages.
    """
    check_choices(side, colour, fit)
    if limit < 0 or limit == 1:
        raise BadConfig(f"limit: {limit} images make no dataset; 0 keeps all, else at least 2")
    check_new_name(name, places)
    check_unchanged(plan)
    channels = channels_of(plan, colour)
    indices = np.arange(plan.count)
    if 0 < limit < plan.count:
        indices = np.sort(np.random.default_rng(SPLIT_SEED).permutation(plan.count)[:limit])
    return write_own(
        _source(plan, indices, side, channels, fit), plan.title, name, places, side, title, progress
    )


def write_own(
    source: Source, of: str, name: str, places: Places, side: int, title: str, progress: Progress
) -> DatasetSpec:
    """Write a source as a dataset of the user's own, whole or not at all. Raises BadImages, whose text begins with `of`."""
    places.datasets.mkdir(parents=True, exist_ok=True)
    check_room(source.count * source.channels * side * side, places.datasets)
    work = Path(tempfile.mkdtemp(dir=places.datasets, prefix=f".{name}."))
    try:
        write_images(work / str(side), name, title or name, source, progress=progress, own=True)
        os.rename(work, places.datasets / name)
    except BadImages as error:
        raise BadImages(f"{of}: {error}") from None
    except OSError as error:
        check_new_name(name, places)  # another import may have taken it meanwhile
        raise BadImages(f"{of} cannot be imported: {error.strerror or error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return find_spec(name, places)


def check_new_name(name: str, places: Places) -> None:
    check_plain_name(name, "dataset")
    if name in DATASETS:
        raise BadName(f"{name} is a built-in dataset; choose another name")
    if os.path.lexists(places.datasets / name):
        raise BadName(f"there is already a dataset {name}; choose another name, or remove it first")


def _source(plan: ImportPlan, indices: np.ndarray, side: int, channels: int, fit: str) -> Source:
    images = plan.images

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
