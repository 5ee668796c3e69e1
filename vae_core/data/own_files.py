"""Image files in a folder or a .zip: listed, checked from their headers, decoded one by one.

Nothing is unpacked to disk, no link is followed, and only plain still-image formats are opened.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps

from vae_core.data.imageset import Progress
from vae_core.data.own_budgets import (
    BLOCK,
    SHOWN,
    Budgets,
    Given,
    Meter,
    UnreadableError,
    cleaned,
    counted,
    listed,
    opened,
)
from vae_core.errors import BadImages

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
FORMAT_WORDS = "PNG, JPEG, GIF, BMP, WebP, TIFF or PPM"
IMAGE_ENDINGS = {
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".pfm",
}  # fmt: skip
OTHER_IMAGE_ENDINGS = {
    ".heic", ".heif", ".avif", ".jp2", ".jxl", ".psd", ".svg", ".ico", ".tga", ".exr", ".hdr", ".dng", ".cr2",
    ".nef",
}  # fmt: skip
ARCHIVE_ENDINGS = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
PICKLE_ENDINGS = {".pkl", ".pickle", ".pt", ".pth", ".joblib"}
JUNK = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"}
DRIVE = re.compile(r"[A-Za-z]:")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
METHOD_NAMES = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd"}
EXIF_ORIENTATION = 0x0112
TIFF_WIDTH, TIFF_HEIGHT = 0x0100, 0x0101
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")

# What was done to some of the images; the keys are found by `_conversions`.
CONVERSIONS = {
    "frames": "several frames or pages: the first is taken",
    "cmyk": "CMYK inks: converted to RGB",
    "deep": "more than 8 bits per channel: reduced to 8",
    "alpha": "transparency: laid on white",
    "palette": "a palette: replaced by its colours",
    "turned": "an EXIF orientation: turned upright",
}


# -- what lies where


@dataclass(frozen=True)
class Entry:
    """One image file: its path's parts, and what its shelf opens it by."""

    parts: tuple[str, ...]
    key: Any

    @property
    def name(self) -> str:
        return cleaned("/".join(self.parts))


def is_junk(name: str) -> bool:
    """Hidden files, and what systems leave behind beside a person's own."""
    return name.startswith(".") or name.lower() in JUNK


@dataclass
class Listing:
    """The image files of a source, and by kind the names of what was left out."""

    images: list[Entry] = field(default_factory=list)
    left: dict[str, list[str]] = field(default_factory=dict)
    seen: int = 0

    def add(self, parts: tuple[str, ...], key: Any, budgets: Budgets) -> None:
        """Sort one file in. Raises BadImages past the number of files."""
        self.seen += 1
        if self.seen > budgets.files:
            raise BadImages(f"it holds more than {budgets.files:,} files, the most one import may; split it")
        if any(map(is_junk, parts)):
            return
        entry = Entry(parts, key)
        ending = os.path.splitext(parts[-1])[1].lower()
        if ending in IMAGE_ENDINGS:
            self.images.append(entry)
        elif ending in OTHER_IMAGE_ENDINGS:
            self.leave(f"in a format that is not read (convert to {FORMAT_WORDS})", entry.name)
        elif ending in ARCHIVE_ENDINGS:
            self.leave("an archive inside, which is not opened (unpack it first)", entry.name)
        elif ending in PICKLE_ENDINGS:
            self.leave("a pickle, which is never opened because it can run any program", entry.name)
        else:
            self.leave("no image", entry.name)

    def leave(self, why: str, name: str) -> None:
        self.left.setdefault(why, []).append(name)

    def notes(self) -> list[str]:
        return [f"Left out ({why}): {listed(names)}." for why, names in self.left.items()]


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
                    listing.leave("a link, which is not followed", cleaned("/".join((*parents, name))))
                elif stat.S_ISREG(mode):
                    listing.add((*parents, name), path, budgets)
                elif not stat.S_ISDIR(mode):
                    listing.leave("no plain file", cleaned("/".join((*parents, name))))
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
    """All members, none of them of a kind only an attack or an accident makes.

    Nothing is written under these names, so a path that leads outside could do no harm; yet who sends one
    means harm or sends the wrong file, and is told. Raises BadImages.
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
            # the others unpack whole blocks at a stroke, beyond counting
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


# -- class folders


def label_by_folder(paths: Sequence[tuple[str, ...]]) -> tuple[np.ndarray | None, tuple[str, ...], list[str]]:
    """Each image's first folder below what all share: labels int64 (N,) or None, names, notes."""
    parents = [path[:-1] for path in paths]
    shared = 0
    while all(len(p) > shared for p in parents) and len({p[shared] for p in parents}) == 1:
        shared += 1
    below = [parent[shared:] for parent in parents]
    if not any(below):
        return None, (), []
    if not all(below):
        loose = [cleaned("/".join(path)) for path, rest in zip(paths, below, strict=True) if not rest]
        return None, (), [f"No labels, for some images lie beside the class folders: {listed(loose)}."]
    names = sorted({rest[0] for rest in below})
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    place = {name: i for i, name in enumerate(names)}
    notes = []
    if any(len(rest) > 1 for rest in below):
        notes.append("Folders inside a class folder count to that class.")
    return np.array([place[rest[0]] for rest in below], np.int64), tuple(map(cleaned, names)), notes


# -- one image


def read_picture(stream: BinaryIO, name: str, budgets: Budgets | None = None) -> tuple[np.ndarray, list[str]]:
    """One image of its own, uint8 (1 or 3, H, W), and sentences on what was converted. Raises BadImages."""
    try:
        with open_image(stream, name, budgets or Budgets()) as image:
            notes = [f"{name}: {CONVERSIONS[kind]}." for kind in read_header(image).conversions]
            pixels = decode(image, 0)
    except UnreadableError as error:
        raise BadImages(f"{name} {error}; choose another image") from None
    return (pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)), notes


@dataclass(frozen=True)
class Header:
    """What an image says of itself before it is decoded: (width, height) upright."""

    size: tuple[int, int]
    colour: bool
    conversions: tuple[str, ...]


@contextmanager
def open_image(stream: BinaryIO, name: str, budgets: Budgets) -> Iterator[Any]:
    """A PIL image, its pixels not yet decoded. Raises UnreadableError, or BadImages for a huge one."""
    try:
        with Image.open(stream, formats=FORMATS) as image:
            if image.width * image.height > budgets.pixels:
                raise _too_large(f"{image.width:,} × {image.height:,} pixels", name, budgets)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(str(error).split(",")[0].lower(), name, budgets) from None
    except Image.UnidentifiedImageError:
        raise UnreadableError(f"is not an image in {FORMAT_WORDS} form") from None
    except (BadImages, UnreadableError):
        raise
    except Exception as error:  # decoders raise a dozen kinds on damaged data
        raise UnreadableError(str(error) or type(error).__name__) from None


def _too_large(what: str, name: str, budgets: Budgets) -> BadImages:
    return BadImages(
        f"{name} is too large to decode ({what}); the most is {budgets.pixels:,} pixels. Make it smaller"
    )


def read_header(image: Any) -> Header:
    """Without decoding."""
    conversions = _conversions(image)
    size = image.size
    if image.format == "TIFF":  # some versions of PIL give it upright, others as stored
        size = image.tag_v2[TIFF_WIDTH], image.tag_v2[TIFF_HEIGHT]
    # getexif would decode a PNG whole to look behind its pixels
    if ("exif" in image.info or image.format == "TIFF") and image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        conversions.append("turned")
        size = size if image.getexif()[EXIF_ORIENTATION] < 5 else size[::-1]
    return Header(size, _has_colour(image), tuple(conversions))


def _conversions(image: Any) -> list[str]:
    """Which of CONVERSIONS `decode` will make, but for the orientation."""
    found = []
    if getattr(image, "is_animated", False):
        found.append("frames")
    if image.mode == "CMYK":
        found.append("cmyk")
    if image.mode in DEEP_MODES or ";16" in str(image.tile):  # PIL cuts RGB to 8 bits while reading
        found.append("deep")
    if image.has_transparency_data:
        found.append("alpha")
    if image.mode in ("P", "PA"):
        found.append("palette")
    return found


def _has_colour(image: Any) -> bool:
    if image.mode in ("1", "L", "LA", "La", *DEEP_MODES):
        return False
    if image.mode in ("P", "PA") and image.palette is not None:
        width = 4 if str(image.palette.rawmode or image.palette.mode)[-1] in "XA" else 3
        raw = np.frombuffer(bytes(image.palette.palette), np.uint8)
        colours = raw[: len(raw) // width * width].reshape(-1, width)[:, :3].astype(int)
        return bool((np.ptp(colours, axis=1) > 0).any())
    return True


def decode(image: Any, side: int) -> np.ndarray:
    """Upright 8-bit grey uint8 (H, W) or RGB (H, W, 3); transparency laid on white.

    A JPEG much larger than `side` is decoded at 1/2, 1/4 or 1/8, never below twice the side: the eventual
    resizing is the same to the eye and a photograph takes a tenth of the time. 0 decodes it as it is.
    """
    grey = not _has_colour(image) and image.mode not in ("P", "PA")
    if side:
        image.draft(None, (2 * side, 2 * side))
    upright = ImageOps.exif_transpose(image)
    if upright.mode in DEEP_MODES:
        return _eight_bits(np.asarray(upright), upright.mode)
    if upright.has_transparency_data:
        laid = Image.new("RGBA", upright.size, "white")
        laid.alpha_composite(upright.convert("RGBA"))
        upright = laid.convert("RGB")
    return np.asarray(upright.convert("L" if grey else "RGB"))


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """16-bit integers, or floats in [0, 1], as uint8. Raises UnreadableError outside these ranges."""
    if not np.isfinite(values).all():
        raise UnreadableError("holds NaN or infinity")
    low, high = values.min(), values.max()
    top = 1 if mode == "F" else 65535
    if low < 0 or high > top:
        raise UnreadableError(f"has values from {low:g} to {high:g}; they must lie between 0 and {top}")
    return np.rint(values * 255.0 if mode == "F" else values / 257).astype(np.uint8)


# -- all images


class ImageFiles:
    """The images of a Folder or Zip, looked through once. Raises BadImages naming every fault."""

    kind = "files"
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()
    test: np.ndarray | None = None

    def __init__(self, shelf: Folder | Zip, budgets: Budgets, progress: Progress):
        self.shelf, self.budgets = shelf, budgets
        listing = shelf.list_images(budgets)
        self.entries = sorted(listing.images, key=lambda entry: entry.parts)
        self.count = len(self.entries)
        self.notes = listing.notes()
        if self.count < 2:
            found = f"one image was found ({self.entries[0].name})" if self.count else "no image was found"
            advice = f"a dataset needs at least 2 files in {FORMAT_WORDS} form"
            raise BadImages(" ".join([f"{found}; {advice}.", *self.notes]))
        self.labels, self.label_names, notes = label_by_folder([entry.parts for entry in self.entries])
        self.notes += notes
        self._sizes: list[tuple[int, int]] = []
        self.colour = False
        self._look(progress)
        self.sizes = Counter(self._sizes)

    def _look(self, progress: Progress) -> None:
        met: Counter[str] = Counter()
        faults: list[str] = []
        meter = Meter(self.budgets)
        with self.shelf.reading() as shelf:
            for i, entry in enumerate(self.entries):
                try:
                    with (
                        shelf.open(entry, meter) as stream,
                        open_image(stream, entry.name, self.budgets) as image,
                    ):
                        header = read_header(image)
                except UnreadableError as error:
                    faults.append(f"{entry.name} {error}")
                    continue
                self._sizes.append(header.size)
                self.colour |= header.colour
                met.update(header.conversions)
                if i % 100 == 0:
                    progress(i / self.count, f"looked at {i:,} of {self.count:,} images")
        self._refuse(faults)
        for kind, text in CONVERSIONS.items():
            if met[kind]:
                self.notes.append(f"{counted(met[kind])} with {text}.")

    def _refuse(self, faults: list[str]) -> None:
        if faults:
            files = counted(len(faults), "image file")
            named = "; ".join(faults[:SHOWN])
            raise BadImages(f"{files} cannot be read: {named}. Remove or replace, and try again")

    def name_of(self, index: int) -> str:
        return self.entries[index].name

    def size_of(self, index: int) -> tuple[int, int]:
        """(width, height), upright."""
        return self._sizes[index]

    def pictures(self, indices: np.ndarray, side: int) -> Generator[np.ndarray, None, None]:
        """Decode the images at `indices`, uint8 (H, W) or (H, W, 3) each (see `decode` for `side`).

        After a fault it only looks for more, up to SHOWN, to name them together. Raises BadImages.
        """
        faults: list[str] = []
        meter = Meter(self.budgets)
        with self.shelf.reading() as shelf:
            for index in indices:
                entry = self.entries[index]
                try:
                    with (
                        shelf.open(entry, meter) as stream,
                        open_image(stream, entry.name, self.budgets) as image,
                    ):
                        picture = decode(image, side)
                except UnreadableError as error:
                    faults.append(f"{entry.name} {error}")
                    if len(faults) == SHOWN:
                        break
                    continue
                if not faults:
                    yield picture
        self._refuse(faults)

    def sample(self, indices: np.ndarray, side: int) -> list[np.ndarray]:
        return list(self.pictures(indices, side))
