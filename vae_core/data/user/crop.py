"""Bring an image of any size to a square: cropped, with bars, or stretched."""

from __future__ import annotations

import numpy as np
from PIL import Image

FITS = {
    "crop": "keep the centred square",
    "pad": "keep everything, with black bars",
    "stretch": "keep everything, changing its proportions",
}


def crop_box(width: int, height: int, fit: str) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is kept of an image, in its own pixels."""
    if fit != "crop":
        return 0, 0, width, height
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def to_square(picture: np.ndarray, side: int, channels: int, fit: str) -> np.ndarray:
    """Grey (H, W) or RGB (H, W, 3) as uint8 (channels, side, side).

    At the side it has, nothing is resampled. 28×28 goes to 32×32 in a frame of zeros, whatever the fit: the
    pixels stay what they were and nats per image comparable. All else is resized, bicubic and antialiased.
    """
    if picture.shape == ((side, side) if channels == 1 else (side, side, channels)):
        return picture.reshape(side, side, channels).transpose(2, 0, 1)
    image = Image.fromarray(picture).convert("L" if channels == 1 else "RGB")
    image = image.crop(crop_box(*image.size, fit))
    if image.size == (28, 28) and side == 32:
        image = _framed(image, side)
    elif fit == "pad" and image.width != image.height:
        scale = side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = _framed(_resized(image, size), side)
    else:
        image = _resized(image, (side, side))
    return np.asarray(image).reshape(side, side, channels).transpose(2, 0, 1)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def _framed(image: Image.Image, side: int) -> Image.Image:
    framed = Image.new(image.mode, (side, side))
    framed.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return framed
