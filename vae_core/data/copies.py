"""Images that are there more than once: which, so that all copies of one go to the same split."""

from __future__ import annotations

import contextlib
import hashlib
import io
from functools import lru_cache
from pathlib import Path

import numpy as np

from vae_core.places import look_only, write_atomically

FILE = "copies.npy"
CHUNK = 1_000  # images read at a time


class Finder:
    """Finds copies among images that come in chunks. Keeps some 150 bytes an image."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}
        self._pairs: list[tuple[int, int]] = []
        self._seen = 0

    def add(self, images: np.ndarray) -> None:
        """The next images (n, C, H, W)."""
        for image in images:
            key = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
            first = self._first.setdefault(key, self._seen)
            if first != self._seen:
                self._pairs.append((self._seen, first))
            self._seen += 1

    def found(self) -> np.ndarray:
        """int64 (M, 2): each image that equals an earlier one, and the first that it equals."""
        return np.array(self._pairs, np.int64).reshape(-1, 2)


def copies_of_keys(keys: np.ndarray) -> np.ndarray:
    """As `Finder.found`, of keys (N,) that are equal where the images are."""
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    first = first[place]
    later = np.flatnonzero(first != np.arange(len(keys)))
    return np.stack((later, first[later]), 1).astype(np.int64)


def copies_in(folder: Path, images: np.ndarray) -> np.ndarray:
    """The copies of a dataset's folder; looked for, and kept, where they are missing or damaged."""
    with contextlib.suppress(Exception):  # an array's header is a Python literal: a parser fails in many ways
        found = np.load(folder / FILE, allow_pickle=False)
        later, first = found.T
        fits = (first >= 0).all() and (first < later).all() and (later < len(images)).all()
        if found.dtype.kind == "i" and fits:
            return np.asarray(found, np.int64)
    stat = (folder / "images.npy").stat()
    return _looked_for(folder, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)  # for a home that cannot be written
def _looked_for(folder: Path, mtime: int, size: int) -> np.ndarray:
    images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
    finder = Finder()
    for start in range(0, len(images), CHUNK):
        finder.add(images[start : start + CHUNK])
    found = finder.found()
    buffer = io.BytesIO()
    np.save(buffer, found)
    with contextlib.suppress(OSError):
        if look_only():
            return found
        write_atomically(folder / FILE, buffer.getvalue(), durable=False)
    return found
