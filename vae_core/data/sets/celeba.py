"""CelebA, aligned and cropped faces (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html), as JPEG and text."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from vae_core.data.factor_words import EVERY, FactorWords
from vae_core.data.fetch import FetchError, Report, damaged, downloading, reporter
from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.data.torchvision_safe import torchvision_datasets
from vae_core.errors import DataUnavailable
from vae_core.places import Places

CHUNK = 2_000  # images
FOLDER = "celeba"
IMAGES = "img_align_celeba"
ATTRIBUTES = "list_attr_celeba.txt"
PARTITION = "list_eval_partition.txt"
FILES = (f"{IMAGES}.zip", ATTRIBUTES, PARTITION)
SIZE = (178, 218)  # width, height
CROP = 148  # px: the centred square in common use, eyebrows to chin
TEST = 2  # of its own partition: 0 train, 1 validation, 2 test
BYTES = {f"{IMAGES}.zip": 1_443_490_838}
LABEL = "Smiling"
WORDS = {EVERY: FactorWords(("no", "yes"))}


def present(places: Places) -> bool:
    """Whether the two lists and the images lie there, these as a folder or as the .zip they come in."""
    folder = places.data_dir / FOLDER
    images = (folder / IMAGES).is_dir() or (folder / f"{IMAGES}.zip").is_file()
    return images and (folder / ATTRIBUTES).is_file() and (folder / PARTITION).is_file()


def build(side: int, places: Places, progress: Progress) -> Source:
    """The centred 148×148 of each face, resized. Its 40 attributes (0 or 1) are the factors.

    The label is one of those, Smiling, since colouring and steering by class need one. Of its own partition
    only the last part is test; the middle one may train. Raises DataUnavailable.
    """
    if not present(places):
        _download(places, progress)
    folder = places.data_dir / FOLDER
    names, attribute_names, attributes = _read_attributes(folder / ATTRIBUTES)
    partition = _read_partition(folder / PARTITION, names)
    smiling = attributes[:, attribute_names.index(LABEL)]

    def chunks() -> Iterator[Chunk]:
        with _open_faces(folder) as open_face:
            for start in range(0, len(names), CHUNK):
                some = slice(start, start + CHUNK)
                faces = np.stack([_face(open_face, name, folder, side) for name in names[some]])
                yield Chunk(faces, smiling[some], attributes[some])

    return Source(
        count=len(names),
        channels=3,
        chunks=chunks(),
        label_names=("not smiling", "smiling"),
        factor_names=attribute_names,
        test=np.flatnonzero(partition == TEST),
    )


def _read_attributes(path: Path) -> tuple[list[str], tuple[str, ...], np.ndarray]:
    """File names (N), attribute names (40), and uint8 (N, 40) of 0 and 1."""
    names, rows = [], []
    try:
        count, header, *lines = path.read_text().splitlines()
        attribute_names = tuple(header.split())
        for line in filter(str.strip, lines):
            name, *signs = line.split()
            if len(signs) != len(attribute_names) or not set(signs) <= {"1", "-1"}:
                raise ValueError(f"the line of {name} is not {len(attribute_names)} times 1 or -1")
            if "/" in name or "\\" in name or name.startswith("."):
                raise ValueError(f"it lists the path {name} where a file name belongs")
            names.append(name)
            rows.append(bytes(sign == "1" for sign in signs))
        if len(rows) != int(count):
            raise ValueError(f"it announces {int(count):,} faces and lists {len(rows):,}")
        if LABEL not in attribute_names:
            raise ValueError(f"it has no attribute {LABEL}")
    except (OSError, ValueError) as error:
        raise damaged(path, str(error)) from None
    attributes = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), len(attribute_names))
    return names, attribute_names, attributes


def _read_partition(path: Path, names: list[str]) -> np.ndarray:
    """0, 1 or 2 for each name, int8 (N,)."""
    try:
        rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
        if [row[0] for row in rows] != names:
            raise ValueError(f"it does not list the faces of {ATTRIBUTES} in their order")
        partition = np.array([int(row[1]) for row in rows], np.int8)
        if not np.isin(partition, (0, 1, 2)).all():
            raise ValueError("a part is none of 0, 1, 2")
    except (OSError, ValueError, IndexError) as error:
        raise damaged(path, str(error)) from None
    return partition


@contextmanager
def _open_faces(folder: Path) -> Iterator[Callable[[str], bytes]]:
    """A function from a face's file name to its bytes. The .zip is read in place: 202,599 files stay one."""
    if (folder / IMAGES).is_dir():
        yield lambda name: (folder / IMAGES / name).read_bytes()
        return
    try:
        zipped = zipfile.ZipFile(folder / f"{IMAGES}.zip")
    except (OSError, zipfile.BadZipFile) as error:
        raise damaged(folder / f"{IMAGES}.zip", str(error)) from None
    with zipped:
        yield lambda name: zipped.read(f"{IMAGES}/{name}")


def _face(open_face: Callable[[str], bytes], name: str, folder: Path, side: int) -> np.ndarray:
    """One JPEG as uint8 (3, side, side)."""
    try:
        with Image.open(io.BytesIO(open_face(name)), formats=("JPEG",)) as image:
            if image.size != SIZE:
                raise ValueError(f"it is {image.width}×{image.height}, not 178×218")
            left, top = ((have - CROP) // 2 for have in image.size)
            box = (left, top, left + CROP, top + CROP)
            face = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, box)
            return np.asarray(face).transpose(2, 0, 1)
    except (FileNotFoundError, KeyError):
        raise damaged(folder / IMAGES / name, "it is missing") from None
    except (OSError, ValueError, SyntaxError, zlib.error, zipfile.BadZipFile) as error:
        raise damaged(folder / IMAGES / name, str(error)) from None


def _download(places: Places, progress: Progress) -> None:
    folder = places.data_dir / FOLDER
    advice = (
        f"Put {', '.join(FILES)} from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html "
        f"into {folder}, or connect to the network and try again "
        "(Google Drive, where they lie, limits downloads per day)"
    )
    try:
        import gdown
    except ImportError:
        raise DataUnavailable(
            f"CelebA is not in {folder}, and fetching it takes the package gdown: "
            f"pip install 'latent-explorer[celeba]'. {advice}"
        ) from None
    with downloading("CelebA", "celeba", places, advice, present) as work:
        if work is None:
            return
        known = {file: (drive_id, md5) for drive_id, md5, file in torchvision_datasets().CelebA.file_list}
        for i, file in enumerate(FILES):
            drive_id, md5 = known[file]
            report = reporter(progress, file, i, len(FILES))
            _fetch_from_drive(gdown, drive_id, work / file, md5, report, BYTES.get(file))
        folder.mkdir(exist_ok=True)
        for file in FILES:
            os.replace(work / file, folder / file)


class _Counting(io.BufferedIOBase):
    """A file that reports and sums up what is written to it: gdown of every version writes to one."""

    def __init__(self, file: BinaryIO, report: Report, total: int | None):
        self.file, self.report, self.total = file, report, total
        self.digest = hashlib.md5(usedforsecurity=False)
        self.failed: Exception | None = None  # here, not on the network

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        try:
            self.digest.update(block)
            written = self.file.write(block)
            self.report(self.file.tell(), self.total)
        except Exception as error:
            self.failed = error
            raise
        return written

    def tell(self) -> int:
        return self.file.tell()


def _fetch_from_drive(
    gdown: Any, drive_id: str, target: Path, md5: str, report: Report, total: int | None
) -> None:
    with target.open("wb") as file:
        counting = _Counting(file, report, total)
        try:
            gdown.download(id=drive_id, output=counting, quiet=True)
        except Exception as error:  # gdown passes on whatever its HTTP library raised
            if counting.failed is not None:
                raise counting.failed from None
            raise FetchError(f"Google Drive: {error or type(error).__name__}") from error
    if counting.digest.hexdigest() != md5:
        raise FetchError(f"Google Drive sent a damaged {target.name} (md5 {counting.digest.hexdigest()})")
