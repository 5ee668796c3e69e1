"""SVHN, cropped digits of house numbers (http://ufldl.stanford.edu/housenumbers), from its .mat files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vae_core.data.fetch import damaged, downloading, fetch_any, reporter
from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.data.torchvision_safe import torchvision_datasets
from vae_core.places import Places

CHUNK = 2_000  # images
FILES = ("train_32x32.mat", "test_32x32.mat")


def present(places: Places) -> bool:
    """Whether both .mat files lie in data_dir."""
    return all((places.data_dir / file).is_file() for file in FILES)


def build(side: int, places: Places, progress: Progress) -> Source:
    """73,257 training, then 26,032 test images, (3, 32, 32). Raises DataUnavailable."""
    if not present(places):
        _download(places, progress)
    train, test = (_count(places.data_dir / file) for file in FILES)

    def chunks() -> Iterator[Chunk]:
        for file in FILES:
            path = places.data_dir / file
            images, labels = _read(path)
            for start in range(0, len(labels), CHUNK):
                # X is (row, column, channel, image)
                some = images[..., start : start + CHUNK].transpose(3, 2, 0, 1)
                yield Chunk(np.ascontiguousarray(some), labels[start : start + CHUNK])

    return Source(
        count=train + test,
        channels=3,
        chunks=chunks(),
        label_names=tuple("0123456789"),
        test=np.arange(train, train + test),
    )


def _count(path: Path) -> int:
    from scipy.io import whosmat

    with _reading_mat(path):
        shapes = {name: shape for name, shape, _ in whosmat(path)}
        if len(shapes.get("X", ())) != 4 or shapes["X"][:3] != (32, 32, 3):
            raise ValueError(f"X should be (32, 32, 3, N), it is {shapes.get('X', 'missing')}")
        return int(shapes["X"][3])


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (32, 32, 3, N) and int64 labels (N,)."""
    from scipy.io import loadmat

    with _reading_mat(path):
        held = loadmat(path, variable_names=("X", "y"))
        images, labels = held["X"], held["y"].astype(np.int64).ravel()
        if images.dtype != np.uint8 or len(labels) != images.shape[3]:
            raise ValueError(f"X holds {images.shape[3]} images of {images.dtype}, y {len(labels)} labels")
        if labels.min() < 1 or labels.max() > 10:
            raise ValueError(f"its labels run from {labels.min()} to {labels.max()}, not from 1 to 10")
        return images, labels % 10  # the digit 0 is called 10 there


@contextmanager
def _reading_mat(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # scipy raises a dozen kinds on damaged files
        raise damaged(path, str(error) or type(error).__name__) from error


def _download(places: Places, progress: Progress) -> None:
    advice = (
        f"Connect to the network and try again, or put {' and '.join(FILES)} "
        f"from http://ufldl.stanford.edu/housenumbers into {places.data_dir}"
    )
    with downloading("SVHN", "svhn", places, advice, present) as work:
        if work is not None:
            known = torchvision_datasets().SVHN.split_list
            for i, split in enumerate(("train", "test")):
                url, file, md5 = known[split]
                fetch_any([url], work / file, md5, reporter(progress, file, i, 2))
            for file in FILES:
                os.replace(work / file, places.data_dir / file)
