"""Read arrays of .npy and .npz files block by block, from front to back. Nothing is ever unpickled."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from vae_core.data.user.budgets import (
    BLOCK,
    Budgets,
    Given,
    Meter,
    UnreadableError,
    cleaned,
    gigabytes,
    opened,
    title_of,
)
from vae_core.data.user.zips import check_members, open_zip, unzipping
from vae_core.errors import BadImages

NPY_MAGIC = b"\x93NUMPY"


@dataclass(frozen=True)
class StoredArray:
    """An array in a .npy file or in a member of an .npz; `open` gives its bytes from the header on."""

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    shape: tuple[int, ...]
    dtype: np.dtype
    by_columns: bool  # Fortran order

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def blocks(self, meter: Meter) -> Iterator[np.ndarray]:
        """Consecutive rows (n, ...). Raises BadImages when the data end early."""
        with self.open() as stream:
            _read_npy_header(stream, self.name)
            if self.by_columns and len(self.shape) > 1:
                yield self._all(stream, meter).reshape(self.shape, order="F")
                return
            rows = max(1, BLOCK // max(1, self.row_bytes))
            for start in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - start)
                data = self._read(stream, count * self.row_bytes, meter)
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])

    def whole(self, meter: Meter) -> np.ndarray:
        """Raises BadImages when it is too large to be held."""
        self._check_memory(meter.budgets)
        return np.concatenate([*self.blocks(meter), np.empty((0, *self.shape[1:]), self.dtype)])

    def _all(self, stream: BinaryIO, meter: Meter) -> np.ndarray:
        self._check_memory(meter.budgets)
        return np.frombuffer(self._read(stream, self.shape[0] * self.row_bytes, meter), self.dtype)

    def _check_memory(self, budgets: Budgets) -> None:
        size = self.shape[0] * self.row_bytes
        if size > budgets.memory_bytes:
            raise BadImages(
                f"{self.name} takes {gigabytes(size)} and has to be held at once, more than "
                f"{gigabytes(budgets.memory_bytes)}; save it in C order, or as several sets"
            )

    def _read(self, stream: BinaryIO, size: int, meter: Meter) -> bytes:
        parts, got = [], 0
        while got < size:
            part = _read_some(stream, min(BLOCK, size - got), self.name)
            if not part:
                announced = f"its header announces {self.shape} of {self.dtype}"
                raise BadImages(f"{self.name} ends early: {announced}; save or fetch it again")
            meter.add(len(part))
            got += len(part)
            parts.append(part)
        return b"".join(parts)


def _read_some(stream: BinaryIO, size: int, name: str) -> bytes:
    try:
        with unzipping():
            return stream.read(size)
    except UnreadableError as error:
        raise BadImages(f"{name} {error}; save or fetch it again") from None


def _read_npy_header(stream: BinaryIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order, dtype; the stream then stands at the data. Raises BadImages."""
    try:
        with unzipping():
            version = np.lib.format.read_magic(stream)
            if version[0] == 1:
                return np.lib.format.read_array_header_1_0(stream)
            return np.lib.format.read_array_header_2_0(stream)
    except Exception as error:  # the header is a Python literal, and a parser fails in many ways
        raise BadImages(
            f"{name} has no readable .npy header ({error}); save it again by numpy.save"
        ) from None


def _stored(name: str, open_it: Callable[[], AbstractContextManager[BinaryIO]]) -> StoredArray:
    with open_it() as stream:
        shape, by_columns, dtype = _read_npy_header(stream, name)
    if dtype.hasobject:
        raise BadImages(
            f"{name} holds Python objects, perhaps images of unequal sizes; reading them would mean "
            "unpickling. Bring the images to one size and save one uint8 array (N, H, W) or (N, H, W, 3)"
        )
    if dtype.itemsize == 0 or any(n < 0 for n in shape):
        raise BadImages(f"{name} announces {dtype} {shape}, which no array is; save it again by numpy.save")
    return StoredArray(name, open_it, shape, dtype, by_columns)


def is_npz(zipped: zipfile.ZipFile) -> bool:
    """Whether an open .zip holds arrays and nothing else."""
    names = zipped.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


class Npz:
    """The arrays of an .npz by name; a header is read only when its array is asked for."""

    def __init__(self, given: Given, budgets: Budgets):
        self.given = given
        with open_zip(given) as zipped:
            members = check_members(zipped, budgets)
        self.members = {info.filename.removesuffix(".npy"): info for info in members}
        self.keys = {key.lower(): key for key in self.members}

    def find(self, names: tuple[str, ...]) -> str | None:
        """The first of `names` it holds, in whatever case."""
        return next((self.keys[name] for name in names if name in self.keys), None)

    def __getitem__(self, key: str) -> StoredArray:
        @contextmanager
        def open_it() -> Iterator[BinaryIO]:
            with open_zip(self.given) as zipped:
                try:
                    with unzipping():
                        stream = zipped.open(self.members[key])
                except UnreadableError as error:
                    raise BadImages(f"{cleaned(key)} {error}; save or fetch it again") from None
                with stream:
                    yield stream  # type: ignore[misc]

        return _stored(f"the array {cleaned(key)}", open_it)


def open_npy(given: Given) -> StoredArray:
    return _stored(title_of(given), lambda: opened(given))
