"""Upper bounds on what one import may read and hold, and the meter that enforces them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from vae_core.errors import BadImages
from vae_core.words import counted as counted

Given = str | PathLike[str] | BinaryIO  # a path, or an open binary file that can seek (an upload)
SHOWN = 5  # names listed in a message
BLOCK = 1 << 20  # bytes


@dataclass(frozen=True)
class Budgets:
    """Upper bounds of one import. Bytes are counted as they are read: what a header claims proves nothing.

    Attributes:
        files: entries of a folder or .zip, skipped ones included.
        file_bytes: one image file, unpacked.
        total_bytes: everything that is read in one pass, unpacked.
        pixels: width × height of one image; known from its header, so nothing larger is ever decoded.
        memory_bytes: what has to be held at once (labels, an array stored column by column).
    """

    files: int = 500_000
    file_bytes: int = 64 << 20
    total_bytes: int = 16 << 30
    pixels: int = 50_000_000
    memory_bytes: int = 1 << 30


class UnreadableError(Exception):
    """One file of many is faulty; the text says how, without its name."""


class Meter:
    """Counts the bytes of one pass over a source."""

    def __init__(self, budgets: Budgets):
        self.budgets = budgets
        self.total = 0

    def add(self, count: int) -> None:
        """Raises BadImages past `total_bytes`."""
        self.total += count
        if self.total > self.budgets.total_bytes:
            most = gigabytes(self.budgets.total_bytes)
            raise BadImages(
                f"it holds more than {most} unpacked, the most one import may; import less at once"
            )

    def check_file(self, name: str, size: int) -> None:
        """Raises BadImages past `file_bytes`."""
        if size > self.budgets.file_bytes:
            most = gigabytes(self.budgets.file_bytes)
            raise BadImages(f"{name} is larger than {most}, the most one image file may be; make it smaller")


def gigabytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def cleaned(name: str) -> str:
    """A name from a disk or archive as text that any page can show: no stray bytes, no control characters."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def title_of(given: Given) -> str:
    """The file's or folder's own name."""
    if isinstance(given, (str, PathLike)):
        return cleaned(Path(given).absolute().name)
    return cleaned(Path(str(getattr(given, "name", "the upload"))).name)


def said_of(title: str, fault: object) -> str:
    """A fault's words after the name of what they are about, which they may begin with themselves."""
    words = str(fault)
    return words if words.startswith(f"{title} ") else f"{title}: {words}"


@contextmanager
def opened(given: Given) -> Iterator[BinaryIO]:
    """The source's bytes from the start; an upload is left open for the next pass."""
    if isinstance(given, (str, PathLike)):
        with open(given, "rb") as file:
            yield file
    else:
        given.seek(0)
        yield given
