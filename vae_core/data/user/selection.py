"""Make a dataset of some of another dataset's images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vae_core.data.imageset import (
    Chunk,
    ImageSet,
    Progress,
    Source,
    silent,
)
from vae_core.data.registry import DatasetSpec
from vae_core.data.user.budgets import listed
from vae_core.data.user.importing import CHUNK_BYTES, check_new_name, write_own
from vae_core.errors import BadImages
from vae_core.places import Places
from vae_core.words import counted

LEAST = 2  # images a dataset needs


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
    check_new_name(name, places)
    chosen = _chosen(source, images)
    test, note = _test_split_of(source, chosen)
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
        validation=_validation_of(source, chosen, test),
        names=None if source.names is None else [source.names[i] for i in chosen],
        notes=[f"{len(chosen):,} of the {counted(len(source))} of {source.title} ({source.name}).", note],
    )
    return write_own(selected, source.title, name, places, side, title, progress)


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


def _validation_of(source: ImageSet, chosen: np.ndarray, test: np.ndarray | None) -> np.ndarray | None:
    """Which of the chosen, places in `chosen`, stay for validation; None where too few would be left to train on."""
    if source.validation is None or test is None:  # a new test split is cut among all of them
        return None
    validation = np.flatnonzero(np.isin(chosen, source.validation))
    left = len(chosen) - len(test) - len(validation)
    return validation if len(validation) and left >= max(LEAST, len(validation)) else None


def _test_split_of(source: ImageSet, chosen: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Which of the chosen, (T,) places in `chosen`, stay for testing, and a sentence on that.

    Test images of the source stay test images, since a run on the source may be fine-tuned on the selection. But a
    selection is often made among test images alone, which would leave nothing to train on: then this is None, and a
    new split is cut.
    """
    test = np.flatnonzero(np.isin(chosen, source.test))
    left = len(chosen) - len(test)
    if len(test) and left >= max(LEAST, len(test)):
        return test, f"For testing: {len(test):,} of them, from the test split of {source.title}."
    if len(chosen) == LEAST:
        return None, "None is left for testing."
    note = f"{len(test):,} of them come from the test split of {source.title}; a new one is cut."
    return None, note + (f" Runs on {source.title} may have trained on some of it." if left else "")
