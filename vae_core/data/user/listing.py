"""List the image files of a folder. No link is followed; what is left_out out is named."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from vae_core.data.user.budgets import (
    Budgets,
    Meter,
    UnreadableError,
    cleaned,
    listed,
)
from vae_core.data.user.decode import FORMAT_WORDS, HEIC_EXTRA, formats
from vae_core.data.user.foreign import ARCHIVE, named
from vae_core.errors import BadImages

IMAGE_ENDINGS = {
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs",
}  # fmt: skip
HEIC_ENDINGS = {".heic", ".heif", ".hif"}
OTHER_IMAGE_ENDINGS = {
    ".jp2", ".jxl", ".psd", ".svg", ".ico", ".tga", ".exr", ".hdr", ".dng", ".cr2",
    ".nef",
}  # fmt: skip
TABLE_ENDINGS = {".csv", ".tsv", ".txt", ".jsonl"}
JUNK = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"}


@dataclass(frozen=True)
class Entry:
    """One image file: its path's parts, and what its folder or .zip opens it by."""

    parts: tuple[str, ...]
    key: Any

    @property
    def name(self) -> str:
        return cleaned("/".join(self.parts))


def is_junk(name: str) -> bool:
    """Hidden files, and what systems leave_out behind beside a person's own."""
    return name.startswith(".") or name.lower() in JUNK


@dataclass
class Listing:
    """The image files of a source, and by kind the names of what was left_out out."""

    images: list[Entry] = field(default_factory=list)
    tables: list[Entry] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)  # how a format that was left out is converted
    count: int = 0

    def add(self, parts: tuple[str, ...], key: Any, budgets: Budgets) -> None:
        """Count one file, and keep it or leave it out. Raises BadImages past the number of files."""
        self.count += 1
        if self.count > budgets.files:
            raise BadImages(f"it holds more than {budgets.files:,} files, the most one import may; split it")
        if any(map(is_junk, parts)):
            return
        entry = Entry(parts, key)
        ending = os.path.splitext(parts[-1])[1].lower()
        if ending in IMAGE_ENDINGS or (ending in HEIC_ENDINGS and "HEIF" in formats()):
            self.images.append(entry)
        elif ending in HEIC_ENDINGS:
            self.leave_out(f"HEIC, which `{HEIC_EXTRA}` lets be read", entry.name)
        elif ending in TABLE_ENDINGS:
            self.tables.append(entry)
            self.leave_out("no image", entry.name)  # until it is joined
        elif ending in OTHER_IMAGE_ENDINGS:
            self.leave_out(f"in a format that is not read (convert to {FORMAT_WORDS})", entry.name)
        elif (known := named(entry.name)) is not None and known is not ARCHIVE:
            self.leave_out(known.name, entry.name)
            self.lines.setdefault(known.name, known.line)
        elif ending == ".zip" or known is ARCHIVE:
            self.leave_out("an archive inside, which is not opened (unpack it first)", entry.name)
        else:
            self.leave_out("no image", entry.name)

    def leave_out(self, why: str, name: str) -> None:
        self.left_out.setdefault(why, []).append(name)

    def notes(self, used: Sequence[str] = ()) -> list[str]:
        """What was left out, and why, but for the tables `used`; where there is no image, also how to make some of it."""
        convert = {} if self.images else self.lines
        out = {why: [name for name in names if name not in used] for why, names in self.left_out.items()}
        return [
            f"Left out ({why}): {listed(names)}."
            + (f" To read it, {convert[why]}." if why in convert else "")
            for why, names in out.items()
            if names
        ]


class Folder:
    """A folder on this machine. Links inside it are not followed, wherever they lead."""

    def __init__(self, root: Path):
        self.root = root.resolve()

    def list_images(self, budgets: Budgets) -> Listing:
        """Raises BadImages."""
        listing = Listing()

        def give_up(error: OSError) -> None:
            raise BadImages(f"{error.filename} cannot be listed ({error.strerror})")

        for here, folders, files in os.walk(self.root, onerror=give_up):
            parents = Path(here).relative_to(self.root).parts
            folders[:] = sorted(name for name in folders if not is_junk(name))
            for name in [*folders, *sorted(files)]:
                path = Path(here, name)
                mode = path.lstat().st_mode
                if stat.S_ISLNK(mode):
                    listing.leave_out("a link, which is not followed", cleaned("/".join((*parents, name))))
                elif stat.S_ISREG(mode):
                    listing.add((*parents, name), path, budgets)
                elif not stat.S_ISDIR(mode):
                    listing.leave_out("no plain file", cleaned("/".join((*parents, name))))
        return listing

    @contextmanager
    def reading(self) -> Iterator[Folder]:
        yield self

    @contextmanager
    def open(self, entry: Entry, meter: Meter) -> Iterator[BinaryIO]:
        """Raises UnreadableError, BadImages."""
        try:
            file = entry.key.open("rb")
        except OSError as error:
            raise UnreadableError(f"cannot be opened: {error.strerror}") from None
        with file:
            size = os.fstat(file.fileno()).st_size
            meter.check_file(entry.name, size)
            meter.add(size)
            yield file
