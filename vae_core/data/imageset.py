"""Images on disk: the one form that every dataset has, its writer and its reader.

A folder per dataset and side:

    images.npy   uint8 (N, C, H, W), memory-mapped on reading, so that a set larger than memory trains
    labels.npy   int64 (N,)            where the source has labels
    factors.npy  float32 (N, K)        where the generating factors are known
    test.npy     int64, sorted         indices that never train
    copies.npy   int64 (M, 2)          images that equal an earlier one, and the first that each equals
    validation.npy  int64, sorted      indices of the source's own validation split, where it has one
    names.txt    a line per image      the file it came from, where it came from one
    meta.json    names, fingerprint, notes
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.data.copies import FILE as COPIES
from vae_core.data.copies import Finder, copies_in, copies_of_keys
from vae_core.data.splits import Splits, cut_splits
from vae_core.errors import BadImages
from vae_core.places import write_json
from vae_core.reading import read_json, text, texts, whole
from vae_core.words import counted

FORMAT = 1
SPLIT_SEED = 20240117  # of the test split of sources that come without one
TEST_SHARE = 0.1
MARGIN = 64 << 20  # bytes left free on the disk
Progress = Callable[[float, str], object]


def silent(share: float, what: str) -> None:
    """The progress callback of a caller that does not watch."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive images: uint8 (n, C, side, side), labels (n,) or None, factors (n, K) or None."""

    images: np.ndarray
    labels: np.ndarray | None = None
    factors: np.ndarray | None = None


@dataclass(frozen=True)
class Source:
    """Images on their way into the one form, in chunks.

    `test` holds the indices of the source's own test split; where it is None, one is cut by SPLIT_SEED. `validation`
    holds those of its own validation split, or is None. `names` are the files' names, one an image. `notes` are
    sentences for a person on what was converted or left out; they are read after the last chunk. `alike` (N,) are numbers
    that are equal where two images show the same, should a difference of rounding hide that; else equal pixels tell.
    """

    count: int
    channels: int
    chunks: Iterable[Chunk]
    label_names: tuple[str, ...] = ()
    factor_names: tuple[str, ...] = ()
    test: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    validation: np.ndarray | None = None
    names: Sequence[str] | None = None
    alike: np.ndarray | None = None


@dataclass(frozen=True)
class ImageSet:
    """A dataset opened for reading; arrays are memory-mapped (see the module's text for shapes).

    own_test: its test split is the source's, not cut here. version: of the built-in set that it is of.
    """

    name: str
    title: str
    images: np.ndarray
    labels: np.ndarray | None
    label_names: tuple[str, ...]
    factors: np.ndarray | None
    factor_names: tuple[str, ...]
    test: np.ndarray
    fingerprint: str
    notes: tuple[str, ...] = ()
    own: bool = False
    validation: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    copies: np.ndarray | None = None
    own_test: bool = False
    version: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return tuple(self.images.shape[1:])

    def __len__(self) -> int:
        return len(self.images)

    def label_of(self, index: int) -> str:
        """The label of an image in words, or an empty string."""
        if self.labels is None:
            return ""
        label = int(self.labels[index])
        return self.label_names[label] if 0 <= label < len(self.label_names) else str(label)

    def split(
        self, seed: int, share: float = 0.05, most: int = 2_500, limit: int = 0, *, together: bool = True
    ) -> Splits:
        """Cut validation from what is not test: `share` of it, at most `most`, at least one image.

        A set with a validation split of its own validates on that, at most `most` images of it. `together`: copies of
        one image go to one split, see `splits.keep_together`.
        `limit` keeps that many training images (0: all), chosen by the same seed.
        Raises BadImages when nothing is left to train on.
        """
        return cut_splits(
            self.name, len(self), self.test, seed, share, most, limit, self.validation,
            copies=self.copies if together else None, own_test=self.own_test,
        )  # fmt: skip


def write_images(
    folder: Path, name: str, title: str, source: Source, *, progress: Progress = silent, own: bool = False,
    version: int = 1,
) -> None:  # fmt: skip
    """Bring `source` into `folder`, whole or not at all: written beside it and renamed.

    Raises BadImages when the source holds fewer than two images.
    """
    if source.count < 2:
        raise BadImages(
            f"{name}: {'no image' if source.count == 0 else 'one image'} found; a dataset needs at least 2"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        _write_into(work, name, title, source, progress, own, version)
        if folder.exists():
            shutil.rmtree(folder)
        work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _write_into(
    work: Path, name: str, title: str, source: Source, progress: Progress, own: bool, version: int
) -> None:
    digest = hashlib.sha256()
    images: np.memmap | None = None
    labels: list[np.ndarray] = []
    factors: list[np.ndarray] = []
    finder = Finder()
    done = 0
    for chunk in source.chunks:
        if images is None:
            check_room(source.count * chunk.images[0].size, work)
            images = np.lib.format.open_memmap(
                work / "images.npy", mode="w+", dtype=np.uint8, shape=(source.count, *chunk.images.shape[1:])
            )
        images[done : done + len(chunk.images)] = chunk.images
        digest.update(np.ascontiguousarray(chunk.images).data)
        finder.add(chunk.images)
        if chunk.labels is not None:
            labels.append(np.asarray(chunk.labels, np.int64))
        if chunk.factors is not None:
            factors.append(np.asarray(chunk.factors, np.float32))
        done += len(chunk.images)
        progress(done / source.count, f"{done:,} of {source.count:,} images")
    if images is None or done != source.count:
        raise BadImages(f"{name}: {source.count} images were announced, {done} came")
    images.flush()
    if labels:
        np.save(work / "labels.npy", np.concatenate(labels))
        digest.update(np.concatenate(labels).data)
    if factors:
        np.save(work / "factors.npy", np.concatenate(factors))
    np.save(work / "test.npy", _test_split(source))
    copies = finder.found() if source.alike is None else copies_of_keys(source.alike)
    np.save(work / COPIES, copies)
    if source.validation is not None:
        validation = np.sort(source.validation).astype(np.int64)
        np.save(work / "validation.npy", validation)
        digest.update(validation.data)
    if source.names is not None:
        if len(source.names) != source.count:
            raise BadImages(f"{name}: {source.count} images came with {len(source.names)} names")
        (work / "names.txt").write_text("\n".join(source.names), encoding="utf-8", newline="\n")
    meta = {
        "format": FORMAT,
        "version": version,
        "name": name,
        "title": title,
        "own": own,
        "label_names": list(source.label_names),
        "factor_names": list(source.factor_names),
        "split_seed": None if source.test is not None else SPLIT_SEED,
        "fingerprint": digest.hexdigest()[:16],
        "notes": [*source.notes, *_about_copies(len(copies), source)],
    }
    write_json(work / "meta.json", meta)


def _about_copies(count: int, source: Source) -> list[str]:
    if not count:
        return []
    words = f"{counted(count)} {'equals' if count == 1 else 'equal'} an earlier one: copies go to one split"
    return [
        f"{words}, and out of training where its own test images hold one."
        if source.test is not None
        else f"{words}."
    ]


def _test_split(source: Source) -> np.ndarray:
    """Sorted numbers of the test images: the source's own, else a tenth of what is not for validation."""
    if source.test is not None:
        return np.sort(np.asarray(source.test)).astype(np.int64)
    size = max(1, round(TEST_SHARE * source.count)) if source.count > 2 else 0
    order = np.random.default_rng(SPLIT_SEED).permutation(source.count)
    if source.validation is not None:
        order = order[~np.isin(order, source.validation)]
        size = min(size, max(0, len(order) - 1))  # one is left to train on
    return np.sort(order[:size]).astype(np.int64)


def check_room(needed: int, folder: Path) -> None:
    """Raises BadImages when `needed` bytes do not fit on the folder's disk.

    Asked before writing: a memory-mapped file that outgrows its disk ends the process without a word.
    """
    free = shutil.disk_usage(folder).free
    if needed + MARGIN > free:
        raise BadImages(
            f"the images take {needed / 1e9:.1f} GB and {folder.parent} has {free / 1e9:.1f} GB left; make room, "
            "choose a smaller side or fewer images"
        )


def read_meta(folder: Path) -> dict[str, Any] | None:
    """The meta.json of a dataset folder, or None where there is no whole dataset."""
    try:
        meta = read_json(folder / "meta.json")
    except (OSError, ValueError):
        return None
    return meta if isinstance(meta, dict) and meta.get("format") == FORMAT else None


def read_images(folder: Path) -> ImageSet:
    """Open a folder written by `write_images`. Raises BadImages when it is damaged."""
    meta = read_meta(folder)
    try:
        if meta is None:
            raise ValueError("meta.json is missing or of another format")

        def load(name: str) -> np.ndarray | None:
            # copy-on-write: torch wants writable memory, the file stays as it is
            path = folder / f"{name}.npy"
            return np.load(path, mmap_mode="c", allow_pickle=False) if path.exists() else None

        images, test, validation = (load(name) for name in ("images", "test", "validation"))
        labels, factors = load("labels"), load("factors")
        if images is None or test is None:
            raise ValueError("images.npy or test.npy is missing")
        _check_arrays(images, (test, validation), labels, factors)
        name = text(meta.get("name"), folder.parent.name)
        return ImageSet(
            name=name,
            title=text(meta.get("title"), name),
            images=images,
            labels=labels,
            label_names=tuple(texts(meta.get("label_names"))),
            factors=factors,
            factor_names=tuple(texts(meta.get("factor_names"))),
            test=np.asarray(test),
            fingerprint=text(meta.get("fingerprint")),
            notes=tuple(texts(meta.get("notes"))),
            own=meta.get("own") is True,
            validation=validation,
            names=_read_names(folder / "names.txt", len(images)),
            copies=copies_in(folder, images),
            own_test=meta.get("split_seed") is None,
            version=whole(meta.get("version")),
        )
    except Exception as error:  # an array's header is a Python literal, and a parser fails in many ways
        raise BadImages(
            f"the dataset in {folder} is damaged ({error}); delete that folder and import again"
        ) from None


def _read_names(path: Path, count: int) -> tuple[str, ...] | None:
    if not path.exists():  # of a set that is no files, or imported before names were kept
        return None
    names = tuple(path.read_text(encoding="utf-8").split("\n"))
    if len(names) != count:
        raise ValueError(f"names.txt names {len(names)} images of {count}")
    return names


def _check_arrays(
    images: np.ndarray,
    splits: Sequence[np.ndarray | None],
    labels: np.ndarray | None,
    factors: np.ndarray | None,
) -> None:
    """Raises ValueError for arrays that are not of the one form."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"images.npy is {images.dtype} {images.shape}, not uint8 (N, C, H, W)")
    count = len(images)
    for some in (split for split in splits if split is not None):
        if some.dtype.kind not in "iu" or some.ndim != 1:
            raise ValueError("test.npy or validation.npy does not hold numbers of images")
        if len(some) and not 0 <= some.min() <= some.max() < count:
            raise ValueError(f"test.npy or validation.npy names images beyond the {count:,} that are there")
    if labels is not None and (labels.dtype.kind not in "iu" or labels.shape != (count,)):
        raise ValueError(f"labels.npy is {labels.dtype} {labels.shape}, not one whole number an image")
    if factors is not None and (factors.dtype.kind != "f" or factors.ndim != 2 or len(factors) != count):
        raise ValueError(f"factors.npy is {factors.dtype} {factors.shape}, not a row an image")
