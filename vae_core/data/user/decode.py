"""Decode one image file: judged by its header first, then read upright, as 8-bit grey or RGB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vae_core.data.user.budgets import (
    Budgets,
    UnreadableError,
)
from vae_core.errors import BadImages

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
FORMAT_WORDS = "PNG, JPEG, GIF, BMP, WebP, TIFF or PPM"
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
    except UnidentifiedImageError:
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
