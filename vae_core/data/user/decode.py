"""Decode one image file: judged by its header first, then read upright, as 8-bit grey or RGB."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, features

from vae_core.data.user.budgets import (
    Budgets,
    UnreadableError,
)
from vae_core.data.user.foreign import contents
from vae_core.data.user.ground import choose_ground, contrasts, lay
from vae_core.data.user.scale import Scale, Values
from vae_core.errors import BadImages

FORMAT_WORDS = "PNG, JPEG, GIF, BMP, WebP, AVIF, TIFF or PPM"
HEIC_EXTRA = "pip install 'latent-explorer[heic]'"
FULL, FULL_FLOATS = (
    (0.0, 65535.0),
    (0.0, 1.0),
)  # what more than 8 bits could hold; floats are expected in [0, 1]
EXIF_ORIENTATION = 0x0112
TIFF_WIDTH, TIFF_HEIGHT = 0x0100, 0x0101
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")

# What was done to some of the images; the keys are found by `_conversions`.
CONVERSIONS = {
    "frames": "several frames or pages: the first is taken",
    "cmyk": "CMYK inks: converted to RGB",
    "deep": "more than 8 bits per channel: reduced to 8",
    "alpha": "transparency: laid on {ground}",
    "palette": "a palette: replaced by its colours",
    "turned": "an EXIF orientation: turned upright",
}


def read_picture(stream: BinaryIO, name: str, budgets: Budgets | None = None) -> tuple[np.ndarray, list[str]]:
    """One image of its own, uint8 (1 or 3, H, W), and sentences on what was converted. Raises BadImages."""
    try:
        with open_image(stream, name, budgets or Budgets()) as image:
            found = read_header(image).conversions
            look, told = look_of(image)
            notes = [f"{name}: {CONVERSIONS[kind].format(ground=look.ground)}." for kind in found]
            pixels = decode(image, 0, look)
            notes += [f"{name}: {told}"] if told else []
    except UnreadableError as error:
        raise BadImages(f"{name} {error}; choose another image") from None
    return (pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)), notes


@dataclass(frozen=True)
class Look:
    """How values and transparency of a set become shades.

    `scale` is for whole numbers of more than 8 bits, `floats` for floats, `shallow` for what has 8 bits already.
    """

    scale: Scale = field(default_factory=lambda: Scale(*FULL))
    floats: Scale = field(default_factory=lambda: Scale(*FULL_FLOATS))
    ground: str = "white"
    shallow: Scale | None = None

    @property
    def used(self) -> Scale:
        """The scale that was found, where one alone is shown."""
        return (
            self.scale
            if self.scale != Scale(*FULL)
            else self.floats
            if self.floats != Scale(*FULL_FLOATS)
            else self.scale
        )


@cache
def formats() -> tuple[str, ...]:
    """What PIL may open here: AVIF where it was built with it, HEIC with the extra installed."""
    known = ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"]
    if features.check("avif"):
        known.append("AVIF")
    if find_spec("pillow_heif") is not None:
        from pillow_heif import register_heif_opener

        register_heif_opener()
        known.append("HEIF")
    return tuple(known)


@dataclass(frozen=True, slots=True)
class Header:
    """What an image says of itself before it is decoded: (width, height) upright."""

    size: tuple[int, int]
    colour: bool
    conversions: tuple[str, ...]


@contextmanager
def open_image(stream: BinaryIO, name: str, budgets: Budgets) -> Iterator[Any]:
    """A PIL image, its pixels not yet decoded. Raises UnreadableError, or BadImages for a huge one."""
    try:
        with Image.open(stream, formats=formats()) as image:
            if image.width * image.height > budgets.pixels:
                raise _too_large(f"{image.width:,} × {image.height:,} pixels", name, budgets)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(str(error).split(",")[0].lower(), name, budgets) from None
    except UnidentifiedImageError:
        stream.seek(0)
        known = contents(stream.read(64))
        raise UnreadableError(known or f"is not an image in {FORMAT_WORDS} form") from None
    except (BadImages, UnreadableError):
        raise
    except Exception as error:  # decoders raise a dozen kinds on damaged data
        cut = "truncated" in str(error) or isinstance(error, EOFError)
        raise UnreadableError("is cut short" if cut else str(error) or type(error).__name__) from None


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


def decode(image: Any, side: int, look: Look) -> np.ndarray:
    """Upright 8-bit grey uint8 (H, W) or RGB (H, W, 3), made 8-bit and laid on a ground as `look` says.

    A JPEG much larger than `side` is decoded at 1/2, 1/4 or 1/8, never below twice the side: the eventual
    resizing is the same to the eye and a photograph takes a tenth of the time. 0 decodes it as it is.
    """
    grey = not _has_colour(image) and image.mode not in ("P", "PA")
    if side:
        image.draft(None, (2 * side, 2 * side))
    upright = ImageOps.exif_transpose(image)
    if upright.mode in DEEP_MODES:
        scale = look.floats if upright.mode == "F" else look.scale
        return scale.apply(_finite(np.asarray(upright)))
    if upright.has_transparency_data:
        upright = lay(upright, look.ground)
    picture = np.asarray(upright.convert("L" if grey else "RGB"))
    return picture if look.shallow is None else look.shallow.apply(picture)


def deep_values(image: Any) -> np.ndarray | None:
    """The values (H, W) of an image with more than 8 bits, in its own type; None for any other."""
    return _finite(np.asarray(image)) if image.mode in DEEP_MODES else None


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise UnreadableError("holds NaN or infinity")
    return values


def look_of(image: Any) -> tuple[Look, str]:
    """How a single image is best looked at, by its own range of values or on a ground of its own, and a sentence on that."""
    values = Values()
    if (deep := deep_values(image)) is not None:
        values.add(deep)
        full = FULL if values.whole else FULL_FLOATS
        scale = values.scale("auto", full)
        return Look(scale, scale), "" if scale == Scale(*full) else values.told(scale)
    return Look(ground=choose_ground([contrasts(image)]) if image.has_transparency_data else "white"), ""


def cut_short(stream: BinaryIO, kind: str) -> bool:
    """Whether a file may be cut short: it lacks the end that its format has. Only decoding it tells for sure."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 4096))
    tail = stream.read(4096)
    stream.seek(0)
    head = stream.read(12)
    if kind in ("PNG", "JPEG"):
        return (b"IEND" if kind == "PNG" else b"\xff\xd9") not in tail
    if kind == "GIF":
        return b"\x3b" not in tail[-16:]
    announced = {"WEBP": int.from_bytes(head[4:8], "little") + 8, "BMP": int.from_bytes(head[2:6], "little")}
    return announced.get(kind, 0) > size
