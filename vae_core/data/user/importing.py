"""Bring the images of a plan into a dataset of the user's own, and remove such a dataset."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

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
from vae_core.data.user.broken import BrokenFiles, Fault, told
from vae_core.data.user.budgets import said_of
from vae_core.data.user.choices import ImportChoices
from vae_core.data.user.crop import FITS, to_square
from vae_core.data.user.files import broken_note
from vae_core.data.user.plan import ImportPlan, channels_of, check_unchanged, settled
from vae_core.errors import BadConfig, BadImages, BadName, UnknownDataset
from vae_core.options import from_json
from vae_core.places import Places, check_not_look_only, check_plain_name

CHUNK_BYTES = 8 << 20


def accept(
    plan: ImportPlan,
    name: str,
    places: Places,
    *,
    title: str = "",
    progress: Progress = silent,
    **chosen: Any,
) -> DatasetSpec:
    """Write the plan's images as the dataset `name`, whole or not at all.

    Args:
        title: what a person reads; the name unless given.
        chosen: fields of ImportChoices. A limited number of images is drawn by a fixed seed.

    Raises BadName, BadConfig, BadImages.
    """
    check_not_look_only()
    choices = settled(plan, from_json(ImportChoices, chosen))
    if choices.limit == 1:
        raise BadConfig("limit: 1 image makes no dataset; 0 keeps all, else at least 2")
    check_new_name(name, places)
    check_unchanged(plan)
    if plan.broken and not choices.skip_broken:
        raise BadImages(f"{plan.title}: {told(plan.broken)}")
    indices = plan.images.kept(choices)
    broken: dict[int, Fault] = {}
    while True:
        some = _drawn(np.setdiff1d(indices, list(broken)), choices.limit)
        try:
            source = _source(plan, some, choices, [*plan.broken, *broken.values()])
            return write_own(source, plan.title, name, places, choices.side, title, progress)
        except BrokenFiles as error:
            if not (choices.skip_broken and error.fresh):
                raise BadImages(said_of(plan.title, error)) from None
            broken |= error.fresh  # the others once more


def _drawn(indices: np.ndarray, limit: int) -> np.ndarray:
    """At most `limit` of the numbers, by SPLIT_SEED, sorted; 0 keeps all."""
    if not 0 < limit < len(indices):
        return indices
    return indices[np.sort(np.random.default_rng(SPLIT_SEED).permutation(len(indices))[:limit])]


def write_own(
    source: Source, of: str, name: str, places: Places, side: int, title: str, progress: Progress
) -> DatasetSpec:
    """Write a source as a dataset of the user's own, whole or not at all. Raises BadImages, whose text begins with `of`."""
    check_not_look_only()
    places.datasets.mkdir(parents=True, exist_ok=True)
    check_room(source.count * source.channels * side * side, places.datasets)
    work = Path(tempfile.mkdtemp(dir=places.datasets, prefix=f".{name}."))
    try:
        write_images(work / str(side), name, title or name, source, progress=progress, own=True)
        os.rename(work, places.datasets / name)
    except BrokenFiles:
        raise
    except BadImages as error:
        raise BadImages(said_of(of, error)) from None
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


def _source(plan: ImportPlan, indices: np.ndarray, choices: ImportChoices, broken: Sequence[Fault]) -> Source:
    images, side, fit = plan.images, choices.side, choices.fit
    channels = channels_of(plan, choices.colour)
    left_out = [broken_note(broken)] if broken else []
    known = images.meaning(choices)

    def kept(index: np.ndarray | None) -> np.ndarray | None:
        return None if index is None else np.flatnonzero(np.isin(indices, index))

    def chunks() -> Iterator[Chunk]:
        size = max(1, CHUNK_BYTES // (channels * side * side))
        with closing(images.pictures(indices, side, choices)) as pictures:
            for start in range(0, len(indices), size):
                some = indices[start : start + size]
                squares = np.stack([to_square(next(pictures), side, channels, fit) for _ in some])
                yield Chunk(
                    squares,
                    None if known.labels is None else known.labels[some],
                    None if known.factors is None else known.factors[some],
                )

    return Source(
        count=len(indices),
        channels=channels,
        chunks=chunks(),
        label_names=known.label_names,
        factor_names=known.factor_names,
        test=kept(known.test),
        validation=kept(known.validation),
        names=None if images.kind == "array" else [images.name_of(int(i)) for i in indices],
        notes=[
            *plan.found,
            *images.told(choices),
            *known.notes,
            *left_out,
            *_notes(plan, len(indices), choices, channels),
        ],
    )


def _notes(plan: ImportPlan, kept: int, choices: ImportChoices, channels: int) -> list[str]:
    """What `accept` did to the images, in sentences."""
    side, fit = choices.side, choices.fit
    sizes = {size for size, _ in plan.sizes}
    notes = []
    if choices.limit == kept < plan.count:
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
    check_not_look_only()
    check_plain_name(name, "dataset")
    if name in DATASETS:
        raise BadName(f"{name} is a built-in dataset and cannot be removed")
    folder = places.datasets / name
    sides = [read_meta(side) for side in folder.iterdir()] if folder.is_dir() else []
    if not any(meta and meta.get("own") for meta in sides):
        raise UnknownDataset(f"there is no dataset of yours named {name!r}")
    # out of sight first, so that nobody opens half of it
    doomed = Path(tempfile.mkdtemp(dir=places.datasets, prefix=f".{name}."))
    os.rename(folder, doomed / name)
    shutil.rmtree(doomed)
