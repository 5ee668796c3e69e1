"""Well-known sets, read from `places.data_dir` in torchvision's layout or fetched into it.

torchvision knows the addresses and checksums; fetching and reading are done here. Its own fetching writes
in place (what a broken connection or a killed process leaves half-written passes for whole the next time) and
waits for ever on a silent server; its own reading takes a set into memory whole, or unpickles it. Here:

- a download is checked against its md5 in a temporary folder and then renamed into place;
- nothing is unpickled: CIFAR-10 is read in its binary form, MNIST and its relatives as idx, SVHN by scipy,
  CelebA as JPEG and text;
- data_dir is only written to by a download, so a read-only one with the files in it works.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import math
import os
import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import numpy as np
from filelock import FileLock
from PIL import Image

from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.data.torchvision_safe import torchvision_datasets
from vae_core.errors import DataUnavailable
from vae_core.places import Places

CHUNK = 2_000  # images
BLOCK = 1 << 16  # bytes
TIMEOUT = 30.0  # seconds without a byte
REPORT_EVERY = 0.2  # seconds
Report = Callable[[int, int | None], None]  # (bytes so far, bytes in all where known)


# -- fetching


class _FetchError(Exception):
    """One address gave nothing usable; the text says why."""


def _fetch(url: str, target: Path, md5: str, report: Report) -> None:
    """Write what lies at `url` to `target`. Raises _FetchError, or DataUnavailable on a full disk."""
    request = urllib.request.Request(url, headers={"User-Agent": "latent-explorer"})
    digest = hashlib.md5(usedforsecurity=False)
    got, total = 0, None
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response, _writing(target) as file:
            total = response.length
            while block := response.read(BLOCK):
                digest.update(block)
                file.write(block)
                got += len(block)
                report(got, total)
    except urllib.error.HTTPError as error:
        error.close()
        raise _FetchError(f"answered {error.code} {error.reason}") from None
    except TimeoutError:
        raise _FetchError(f"sent nothing for {TIMEOUT:.0f} s") from None
    except urllib.error.URLError as error:
        raise _FetchError(f"no connection ({error.reason})") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _FetchError(f"broke off after {_megabytes(got, total)} ({error})") from None
    if total is not None and got != total:
        raise _FetchError(f"broke off after {_megabytes(got, total)}")
    if digest.hexdigest() != md5:
        raise _FetchError(f"sent a damaged file (md5 {digest.hexdigest()}, expected {md5})")


class _Writing:
    """A file whose write errors are told apart from the network's, both being OSError."""

    def __init__(self, path: Path):
        self.path = path
        self.file = path.open("wb")

    def write(self, block: bytes) -> int:
        try:
            return self.file.write(block)
        except OSError as error:
            raise DataUnavailable(
                f"cannot write {self.path}: {error.strerror}; make room and try again"
            ) from None


@contextmanager
def _writing(path: Path) -> Iterator[_Writing]:
    writing = _Writing(path)
    with writing.file:
        yield writing


def _megabytes(got: int, total: int | None) -> str:
    return f"{got / 1e6:.1f} MB" if total is None else f"{got / 1e6:.1f} of {total / 1e6:.1f} MB"


def _reporter(progress: Progress, name: str, index: int, files: int) -> Report:
    """Report one of several files, at most every REPORT_EVERY seconds."""
    last = 0.0

    def report(got: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY or got == total:
            last = now
            within = got / total if total else 0.0
            progress((index + min(1.0, within)) / files, f"fetching {name}: {_megabytes(got, total)}")

    return report


def _fetch_any(urls: Sequence[str], target: Path, md5: str, report: Report) -> None:
    """Fetch from the first address that works. Raises _FetchError with every address's reason."""
    reasons = []
    for url in urls:
        try:
            return _fetch(url, target, md5, report)
        except _FetchError as error:
            reasons.append(f"{urlsplit(url).netloc or url}: {error}")
    raise _FetchError("; ".join(reasons))


@contextmanager
def _download_of(
    title: str, name: str, places: Places, advice: str, here: Callable[[Places], bool]
) -> Iterator[Path | None]:
    """A temporary folder inside data_dir to fetch into, gone afterwards; None where the set came meanwhile.

    Every reason not to get it ends as one DataUnavailable that closes with `advice`.
    """
    try:
        places.data_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(places.data_dir / f".{name}.lock"):
            if here(places):  # another process fetched it while we waited
                yield None
                return
            for left in places.data_dir.glob(f".{name}-part.*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            work = Path(tempfile.mkdtemp(dir=places.data_dir, prefix=f".{name}-part."))
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except _FetchError as error:
        raise DataUnavailable(
            f"{title} is not in {places.data_dir} and could not be fetched: {error}. {advice}"
        ) from None
    except OSError as error:
        raise DataUnavailable(
            f"{title} is not in {places.data_dir} and cannot be stored there ({error.strerror or error}). "
            f"{advice}"
        ) from None


def _damaged(path: Path, fault: str) -> DataUnavailable:
    return DataUnavailable(
        f"{path} is damaged: {fault}. Delete it to have it fetched again, or put a whole one there"
    )


def _padded(images: np.ndarray, side: int) -> np.ndarray:
    """(n, C, 28, 28) with a frame of zeros up to `side`.

    Never resized: the pixels stay the published ones, and nats per image stay comparable.
    """
    frame = (side - images.shape[-1]) // 2
    return np.pad(images, ((0, 0), (0, 0), (frame, frame), (frame, frame)))


# -- MNIST and its relatives: idx files (http://yann.lecun.com/exdb/mnist, "file format")

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
                raise _damaged(path, f"it labels {len(labels):,} images, there are {len(images):,}")

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
                raise _damaged(path, f"its images are {images.shape[2]}×{images.shape[1]}, not 28×28")
            return images
        labels = read_idx(path, 1).astype(np.int64) - self.first_label
        if labels.min() < 0 or labels.max() >= len(self.label_names):
            low, high = labels.min() + self.first_label, labels.max() + self.first_label
            raise _damaged(path, f"its labels run from {low} to {high}")
        return labels

    def _download(self, places: Places, progress: Progress) -> None:
        advice = (
            f"Connect to the network and try again, or put {', '.join(self.stems)} (as they are or as .gz) "
            f"into {self.folder(places)}"
        )
        with _download_of(self.title, self.name, places, advice, self.present) as work:
            if work is None:
                return
            known = getattr(torchvision_datasets(), self.source)
            if hasattr(known, "url"):
                _fetch_any([known.url], work / "all.zip", known.md5, _reporter(progress, "gzip.zip", 0, 1))
                _unzip_members(work / "all.zip", [f"{stem}.gz" for stem in self.stems], work)
            else:
                for i, (file, md5) in enumerate(known.resources):
                    urls = [f"{mirror}{file}" for mirror in known.mirrors]
                    _fetch_any(urls, work / file, md5, _reporter(progress, file, i, len(known.resources)))
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
                raise _damaged(path, f"it is no idx file of bytes in {dimensions} dimensions")
            shape = tuple(int(n) for n in np.frombuffer(header, ">u4", dimensions, 4))
            size = math.prod(shape)
            if size > IDX_MOST:
                raise _damaged(path, f"its header announces {size:,} bytes")
            if path.suffix == ".gz":
                body = file.read(size + 1)
                held = len(body)
            else:
                held = path.stat().st_size - head
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, str(error)) from None
    if held != size or size == 0:
        relation = "more than that" if held > size else f"{held:,}"
        raise _damaged(path, f"its header announces {size:,} bytes and it holds {relation}")
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


# -- CIFAR-10, binary form (https://www.cs.toronto.edu/~kriz/cifar.html); torchvision knows the pickled one

CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CIFAR_ARCHIVE = "cifar-10-binary.tar.gz"
CIFAR_FOLDER = "cifar-10-batches-bin"
CIFAR_FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
CIFAR_PICKLED = ("cifar-10-batches-py", "cifar-10-python.tar.gz")
CIFAR_RECORDS = 10_000  # in each file
CIFAR_RECORD = 1 + 3 * 32 * 32  # bytes: a label, then red, green and blue planes
CIFAR_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def cifar10_present(places: Places) -> bool:
    """Whether the binary form lies there, unpacked or as it was fetched."""
    return _cifar_unpacked(places) or (places.data_dir / CIFAR_ARCHIVE).is_file()


def _cifar_unpacked(places: Places) -> bool:
    return all((places.data_dir / CIFAR_FOLDER / file).is_file() for file in CIFAR_FILES)


def build_cifar10(side: int, places: Places, progress: Progress) -> Source:
    """50,000 training, then 10,000 test images, (3, 32, 32). Raises DataUnavailable."""
    if not cifar10_present(places):
        _download_cifar10(places, progress)
    archive, unpacked = places.data_dir / CIFAR_ARCHIVE, _cifar_unpacked(places)
    if not unpacked and (md5 := _md5(archive)) != CIFAR_MD5:
        raise _damaged(archive, f"its md5 sum is {md5}, not {CIFAR_MD5}")

    def chunks() -> Iterator[Chunk]:
        for file in CIFAR_FILES:
            path = places.data_dir / CIFAR_FOLDER / file if unpacked else archive
            data = _cifar_bytes(path, file)
            if len(data) != CIFAR_RECORDS * CIFAR_RECORD:
                wanted = f"{CIFAR_RECORDS * CIFAR_RECORD:,} bytes"
                raise _damaged(path, f"{file} holds {len(data):,} bytes, not {wanted}")
            records = np.frombuffer(data, np.uint8).reshape(-1, CIFAR_RECORD)
            labels = records[:, 0]
            if labels.max() >= len(CIFAR_NAMES):
                raise _damaged(path, f"{file} holds the label {labels.max()}; labels run from 0 to 9")
            yield Chunk(records[:, 1:].reshape(-1, 3, 32, 32), labels)

    train = CIFAR_RECORDS * (len(CIFAR_FILES) - 1)
    return Source(
        count=train + CIFAR_RECORDS,
        channels=3,
        chunks=chunks(),
        label_names=CIFAR_NAMES,
        test=np.arange(train, train + CIFAR_RECORDS),
    )


def _cifar_bytes(path: Path, file: str) -> bytes:
    """One file of records, out of the folder or the archive; at most a byte more than it should hold."""
    most = CIFAR_RECORDS * CIFAR_RECORD + 1
    if path.suffix != ".gz":
        with path.open("rb") as plain:
            return plain.read(most)
    try:
        # members are read by their known names and nothing is unpacked to disk
        with tarfile.open(path, "r:gz") as archive:
            member = archive.extractfile(f"{CIFAR_FOLDER}/{file}")
            if member is None:
                raise _damaged(path, f"{file} in it is no plain file")
            with member:
                return member.read(most)
    except (OSError, EOFError, KeyError, zlib.error, tarfile.TarError) as error:
        raise _damaged(path, str(error)) from None


def _download_cifar10(places: Places, progress: Progress) -> None:
    advice = (
        f"Connect to the network and try again, or put {CIFAR_ARCHIVE} from {CIFAR_URL}, "
        f"or its folder {CIFAR_FOLDER}, into {places.data_dir}"
    )
    pickled = [name for name in CIFAR_PICKLED if (places.data_dir / name).exists()]
    if pickled:
        advice += (
            f". The {pickled[0]} there is the pickled form, which is not opened because a pickle can run "
            "any program"
        )
    with _download_of("CIFAR-10", "cifar10", places, advice, cifar10_present) as work:
        if work is not None:
            report = _reporter(progress, CIFAR_ARCHIVE, 0, 1)
            _fetch_any([CIFAR_URL], work / CIFAR_ARCHIVE, CIFAR_MD5, report)
            os.replace(work / CIFAR_ARCHIVE, places.data_dir / CIFAR_ARCHIVE)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


# -- SVHN, cropped digits (http://ufldl.stanford.edu/housenumbers)

SVHN_FILES = ("train_32x32.mat", "test_32x32.mat")


def svhn_present(places: Places) -> bool:
    """Whether both .mat files lie in data_dir."""
    return all((places.data_dir / file).is_file() for file in SVHN_FILES)


def build_svhn(side: int, places: Places, progress: Progress) -> Source:
    """73,257 training, then 26,032 test images, (3, 32, 32). Raises DataUnavailable."""
    if not svhn_present(places):
        _download_svhn(places, progress)
    train, test = (_svhn_count(places.data_dir / file) for file in SVHN_FILES)

    def chunks() -> Iterator[Chunk]:
        for file in SVHN_FILES:
            path = places.data_dir / file
            images, labels = _read_svhn(path)
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


def _svhn_count(path: Path) -> int:
    from scipy.io import whosmat

    with _reading_mat(path):
        shapes = {name: shape for name, shape, _ in whosmat(path)}
        if len(shapes.get("X", ())) != 4 or shapes["X"][:3] != (32, 32, 3):
            raise ValueError(f"X should be (32, 32, 3, N), it is {shapes.get('X', 'missing')}")
        return int(shapes["X"][3])


def _read_svhn(path: Path) -> tuple[np.ndarray, np.ndarray]:
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
        raise _damaged(path, str(error) or type(error).__name__) from error


def _download_svhn(places: Places, progress: Progress) -> None:
    advice = (
        f"Connect to the network and try again, or put {' and '.join(SVHN_FILES)} "
        f"from http://ufldl.stanford.edu/housenumbers into {places.data_dir}"
    )
    with _download_of("SVHN", "svhn", places, advice, svhn_present) as work:
        if work is not None:
            known = torchvision_datasets().SVHN.split_list
            for i, split in enumerate(("train", "test")):
                url, file, md5 = known[split]
                _fetch_any([url], work / file, md5, _reporter(progress, file, i, 2))
            for file in SVHN_FILES:
                os.replace(work / file, places.data_dir / file)


# -- CelebA, aligned and cropped (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html)

CELEBA_FOLDER = "celeba"
CELEBA_IMAGES = "img_align_celeba"
CELEBA_ATTRIBUTES = "list_attr_celeba.txt"
CELEBA_PARTITION = "list_eval_partition.txt"
CELEBA_FILES = (f"{CELEBA_IMAGES}.zip", CELEBA_ATTRIBUTES, CELEBA_PARTITION)
CELEBA_SIZE = (178, 218)  # width, height
CELEBA_CROP = 148  # px: the centred square in common use, eyebrows to chin
CELEBA_TEST = 2  # of its own partition: 0 train, 1 validation, 2 test
CELEBA_BYTES = {f"{CELEBA_IMAGES}.zip": 1_443_490_838}
CELEBA_LABEL = "Smiling"


def celeba_present(places: Places) -> bool:
    """Whether the two lists and the images lie there, these as a folder or as the .zip they come in."""
    folder = places.data_dir / CELEBA_FOLDER
    images = (folder / CELEBA_IMAGES).is_dir() or (folder / f"{CELEBA_IMAGES}.zip").is_file()
    return images and (folder / CELEBA_ATTRIBUTES).is_file() and (folder / CELEBA_PARTITION).is_file()


def build_celeba(side: int, places: Places, progress: Progress) -> Source:
    """The centred 148×148 of each face, resized. Its 40 attributes (0 or 1) are the factors.

    The label is one of those, Smiling, since colouring and steering by class need one. Of its own partition
    only the last part is test; the middle one may train. Raises DataUnavailable.
    """
    if not celeba_present(places):
        _download_celeba(places, progress)
    folder = places.data_dir / CELEBA_FOLDER
    names, attribute_names, attributes = _read_attributes(folder / CELEBA_ATTRIBUTES)
    partition = _read_partition(folder / CELEBA_PARTITION, names)
    smiling = attributes[:, attribute_names.index(CELEBA_LABEL)]

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
        test=np.flatnonzero(partition == CELEBA_TEST),
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
        if CELEBA_LABEL not in attribute_names:
            raise ValueError(f"it has no attribute {CELEBA_LABEL}")
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    attributes = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), len(attribute_names))
    return names, attribute_names, attributes


def _read_partition(path: Path, names: list[str]) -> np.ndarray:
    """0, 1 or 2 for each name, int8 (N,)."""
    try:
        rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
        if [row[0] for row in rows] != names:
            raise ValueError(f"it does not list the faces of {CELEBA_ATTRIBUTES} in their order")
        partition = np.array([int(row[1]) for row in rows], np.int8)
        if not np.isin(partition, (0, 1, 2)).all():
            raise ValueError("a part is none of 0, 1, 2")
    except (OSError, ValueError, IndexError) as error:
        raise _damaged(path, str(error)) from None
    return partition


@contextmanager
def _open_faces(folder: Path) -> Iterator[Callable[[str], bytes]]:
    """A function from a face's file name to its bytes. The .zip is read in place: 202,599 files stay one."""
    if (folder / CELEBA_IMAGES).is_dir():
        yield lambda name: (folder / CELEBA_IMAGES / name).read_bytes()
        return
    try:
        zipped = zipfile.ZipFile(folder / f"{CELEBA_IMAGES}.zip")
    except (OSError, zipfile.BadZipFile) as error:
        raise _damaged(folder / f"{CELEBA_IMAGES}.zip", str(error)) from None
    with zipped:
        yield lambda name: zipped.read(f"{CELEBA_IMAGES}/{name}")


def _face(open_face: Callable[[str], bytes], name: str, folder: Path, side: int) -> np.ndarray:
    """One JPEG as uint8 (3, side, side)."""
    try:
        with Image.open(io.BytesIO(open_face(name)), formats=("JPEG",)) as image:
            if image.size != CELEBA_SIZE:
                raise ValueError(f"it is {image.width}×{image.height}, not 178×218")
            left, top = ((have - CELEBA_CROP) // 2 for have in image.size)
            box = (left, top, left + CELEBA_CROP, top + CELEBA_CROP)
            face = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR, box)
            return np.asarray(face).transpose(2, 0, 1)
    except (FileNotFoundError, KeyError):
        raise _damaged(folder / CELEBA_IMAGES / name, "it is missing") from None
    except (OSError, ValueError, SyntaxError, zlib.error, zipfile.BadZipFile) as error:
        raise _damaged(folder / CELEBA_IMAGES / name, str(error)) from None


def _download_celeba(places: Places, progress: Progress) -> None:
    folder = places.data_dir / CELEBA_FOLDER
    advice = (
        f"Put {', '.join(CELEBA_FILES)} from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html "
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
    with _download_of("CelebA", "celeba", places, advice, celeba_present) as work:
        if work is None:
            return
        known = {file: (drive_id, md5) for drive_id, md5, file in torchvision_datasets().CelebA.file_list}
        for i, file in enumerate(CELEBA_FILES):
            drive_id, md5 = known[file]
            report = _reporter(progress, file, i, len(CELEBA_FILES))
            _fetch_from_drive(gdown, drive_id, work / file, md5, report, CELEBA_BYTES.get(file))
        folder.mkdir(exist_ok=True)
        for file in CELEBA_FILES:
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
            raise _FetchError(f"Google Drive: {error or type(error).__name__}") from error
    if counting.digest.hexdigest() != md5:
        raise _FetchError(f"Google Drive sent a damaged {target.name} (md5 {counting.digest.hexdigest()})")
