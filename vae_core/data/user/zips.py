"""Read the image files of a .zip in place. Nothing is unpacked to disk."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from vae_core.data.user.budgets import (
    BLOCK,
    Budgets,
    Given,
    Meter,
    UnreadableError,
    cleaned,
    opened,
)
from vae_core.data.user.listing import Entry, Listing
from vae_core.errors import BadImages

DRIVE = re.compile(r"[A-Za-z]:")  # of Windows
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
METHOD_NAMES = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd"}


class Zip:
    """A .zip, read in place."""

    def __init__(self, given: Given):
        self.given = given
        self.zipped: zipfile.ZipFile | None = None

    def list_images(self, budgets: Budgets) -> Listing:
        """Raises BadImages."""
        listing = Listing()
        with open_zip(self.given) as zipped:
            for info in check_members(zipped, budgets):
                name = _member_name(info)
                parts = tuple(part for part in name.split("/") if part not in ("", "."))
                if parts and not name.endswith("/"):
                    listing.add(parts, info, budgets)
        return listing

    @contextmanager
    def reading(self) -> Iterator[Zip]:
        with open_zip(self.given) as zipped:
            self.zipped = zipped
            yield self

    @contextmanager
    def open(self, entry: Entry, meter: Meter) -> Iterator[BinaryIO]:
        """Raises UnreadableError, BadImages."""
        assert self.zipped is not None, "outside of reading()"
        blocks, size = [], 0
        with unzipping(), self.zipped.open(entry.key) as stream:
            while block := stream.read(BLOCK):
                size += len(block)
                meter.check_file(entry.name, size)
                meter.add(len(block))
                blocks.append(block)
        yield io.BytesIO(b"".join(blocks))


@contextmanager
def open_zip(given: Given) -> Iterator[zipfile.ZipFile]:
    """Raises BadImages for what is no whole .zip."""
    with opened(given) as stream:
        try:
            zipped = zipfile.ZipFile(stream)
        except UnicodeDecodeError:
            raise BadImages("a name in the .zip claims to be UTF-8 and is not; pack it again") from None
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
            raise BadImages(f"it is no whole .zip ({error}); pack or fetch it again") from None
        with zipped:
            yield zipped


@contextmanager
def unzipping() -> Iterator[None]:
    """Turn what a damaged member raises into UnreadableError."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        raise UnreadableError(f"cannot be unpacked: {error}") from None


def check_members(zipped: zipfile.ZipFile, budgets: Budgets) -> list[zipfile.ZipInfo]:
    """All members of a .zip that holds plain files alone.

    A path that leads outside could do no harm, since nothing is written under these names. It is refused all the same:
    such a .zip is an attack or an accident. Raises BadImages.
    """
    members = zipped.infolist()
    if len(members) > budgets.files:
        raise BadImages(f"it holds more than {budgets.files:,} files, the most one import may; split it")
    for info in members:
        path = _member_name(info)
        name = cleaned(path)
        if ".." in path.split("/"):
            raise BadImages(
                f"the .zip holds the path {name}, which leads outside; pack it again without '..'"
            )
        if path.startswith("/") or DRIVE.match(path):
            raise BadImages(f"the .zip holds the absolute path {name}; pack it again with relative paths")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind == stat.S_IFLNK:
            raise BadImages(f"the .zip holds a link, {name}; pack the file itself")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise BadImages(f"the .zip holds {name}, which is no plain file; pack it again without")
        if info.flag_bits & 0x41:  # bit 0 encrypted, bit 6 strongly
            raise BadImages(f"the .zip is encrypted ({name}); pack it again without a password")
        if info.compress_type not in METHODS:
            # other methods unpack a whole block at once: their bytes cannot be counted as they come
            how = METHOD_NAMES.get(info.compress_type, f"method {info.compress_type}")
            raise BadImages(f"{name} is packed by {how}; only stored and deflated files are read")
    return members


def _member_name(info: zipfile.ZipInfo) -> str:
    """The member's path with '/'; UTF-8 where the archive holds it without saying so."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):  # then it is in some old code page: odd letters, the file is whole
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")
