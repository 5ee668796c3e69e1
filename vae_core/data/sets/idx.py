"""MNIST and its relatives, in the idx file format (http://yann.lecun.com/exdb/mnist, "file format")."""

from __future__ import annotations

import gzip
import math
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vae_core.data.fetch import damaged, downloading, fetch_any, reporter
from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.data.torchvision_safe import torchvision_datasets
from vae_core.places import Places

CHUNK = 2_000  # images
IDX_UINT8 = 8
IDX_MOST = 1 << 31  # bytes; the largest set here has 2^27


@dataclass(frozen=True)
class IdxSet:
    """A set of 28×28 grey images in MNIST's file format.

    Attributes:
        source: torchvision's class, and the folder's name.
        stems: train images, train labels, test images, test labels: file names without .gz.
        first_label: what the files call label_names[0].
        transposed: the files hold columns where they should hold rows (EMNIST).
    """

    name: str
    title: str
    source: str
    label_names: tuple[str, ...]
    stems: tuple[str, str, str, str] = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    first_label: int = 0
    transposed: bool = False

    def folder(self, places: Places) -> Path:
        return places.data_dir / self.source / "raw"

    def present(self, places: Places) -> bool:
        """Whether all four files lie there, unpacked or as .gz."""
        return all(_plain_or_gz(self.folder(places) / stem) for stem in self.stems)

    def build(self, side: int, places: Places, progress: Progress) -> Source:
        """Train, then test images; at 32 with a frame of zeros. Raises DataUnavailable."""
        if not self.present(places):
            self._download(places, progress)
        train, train_labels, test, test_labels = (self._read(stem, places) for stem in self.stems)
        for images, labels, stem in (
            (train, train_labels, self.stems[1]),
            (test, test_labels, self.stems[3]),
        ):
            if len(images) != len(labels):
                path = self.folder(places) / stem
                raise damaged(path, f"it labels {len(labels):,} images, there are {len(images):,}")

        def chunks() -> Iterator[Chunk]:
            for images, labels in ((train, train_labels), (test, test_labels)):
                for start in range(0, len(images), CHUNK):
                    some = images[start : start + CHUNK]
                    some = some.transpose(0, 2, 1) if self.transposed else some
                    yield Chunk(_padded(some[:, None], side), labels[start : start + CHUNK])

        return Source(
            count=len(train) + len(test),
            channels=1,
            chunks=chunks(),
            label_names=self.label_names,
            test=np.arange(len(train), len(train) + len(test)),
        )

    def _read(self, stem: str, places: Places) -> np.ndarray:
        path = _plain_or_gz(self.folder(places) / stem)
        assert path is not None
        if "labels" not in stem:
            images = read_idx(path, 3)
            if images.shape[1:] != (28, 28):
                raise damaged(path, f"its images are {images.shape[2]}×{images.shape[1]}, not 28×28")
            return images
        labels = read_idx(path, 1).astype(np.int64) - self.first_label
        if labels.min() < 0 or labels.max() >= len(self.label_names):
            low, high = labels.min() + self.first_label, labels.max() + self.first_label
            raise damaged(path, f"its labels run from {low} to {high}")
        return labels

    def _download(self, places: Places, progress: Progress) -> None:
        advice = (
            f"Connect to the network and try again, or put {', '.join(self.stems)} (as they are or as .gz) "
            f"into {self.folder(places)}"
        )
        with downloading(self.title, self.name, places, advice, self.present) as work:
            if work is None:
                return
            known = getattr(torchvision_datasets(), self.source)
            if hasattr(known, "url"):
                fetch_any([known.url], work / "all.zip", known.md5, reporter(progress, "gzip.zip", 0, 1))
                _unzip_members(work / "all.zip", [f"{stem}.gz" for stem in self.stems], work)
            else:
                for i, (file, md5) in enumerate(known.resources):
                    urls = [f"{mirror}{file}" for mirror in known.mirrors]
                    fetch_any(urls, work / file, md5, reporter(progress, file, i, len(known.resources)))
            for stem in self.stems:
                with gzip.open(work / f"{stem}.gz") as packed, (work / stem).open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
            self.folder(places).mkdir(parents=True, exist_ok=True)
            for stem in self.stems:
                os.replace(work / stem, self.folder(places) / stem)


def _unzip_members(archive: Path, wanted: Sequence[str], folder: Path) -> None:
    """Write the members whose last name is in `wanted` into `folder`, under that name."""
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            name = info.filename.rsplit("/", 1)[-1]
            if name in wanted:
                with zipped.open(info) as packed, (folder / name).open("wb") as file:
                    shutil.copyfileobj(packed, file)


def _plain_or_gz(path: Path) -> Path | None:
    packed = path.with_name(path.name + ".gz")
    return path if path.is_file() else packed if packed.is_file() else None


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """An idx file of unsigned bytes as uint8 of that many dimensions; memory-mapped unless it is a .gz.

    Raises DataUnavailable when the header or the length is wrong.
    """
    head = 4 + 4 * dimensions
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(head)
            if len(header) < head or header[:4] != bytes((0, 0, IDX_UINT8, dimensions)):
                raise damaged(path, f"it is no idx file of bytes in {dimensions} dimensions")
            shape = tuple(int(n) for n in np.frombuffer(header, ">u4", dimensions, 4))
            size = math.prod(shape)
            if size > IDX_MOST:
                raise damaged(path, f"its header announces {size:,} bytes")
            if path.suffix == ".gz":
                body = file.read(size + 1)
                held = len(body)
            else:
                held = path.stat().st_size - head
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(path, str(error)) from None
    if held != size or size == 0:
        relation = "more than that" if held > size else f"{held:,}"
        raise damaged(path, f"its header announces {size:,} bytes and it holds {relation}")
    if path.suffix == ".gz":
        return np.frombuffer(body, np.uint8).reshape(shape)
    return np.memmap(path, np.uint8, "r", head, shape)


MNIST = IdxSet("mnist", "MNIST", "MNIST", tuple("0123456789"))
FASHION_MNIST = IdxSet(
    "fashion_mnist",
    "Fashion-MNIST",
    "FashionMNIST",
    (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)
KMNIST = IdxSet(
    "kmnist", "KMNIST", "KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
)  # fmt: skip
EMNIST_LETTERS = IdxSet(
    "emnist_letters",
    "EMNIST letters",
    "EMNIST",
    tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    (
        "emnist-letters-train-images-idx3-ubyte",
        "emnist-letters-train-labels-idx1-ubyte",
        "emnist-letters-test-images-idx3-ubyte",
        "emnist-letters-test-labels-idx1-ubyte",
    ),
    first_label=1,
    transposed=True,
)


def _padded(images: np.ndarray, side: int) -> np.ndarray:
    """(n, C, 28, 28) with a frame of zeros up to `side`.

    Never resized: the pixels stay the published ones, and nats per image stay comparable.
    """
    frame = (side - images.shape[-1]) // 2
    return np.pad(images, ((0, 0), (0, 0), (frame, frame), (frame, frame)))
