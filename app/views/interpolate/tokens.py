"""Waypoints as an address names them: images of the set, codes, drawings."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np

from app.state import code_format
from app.widgets import image_picker
from vae_core.inference import LoadedModel
from vae_core.runs.run import Run

LARGEST = 1e6  # of a code's numbers, as app.state.code_format.unpack takes them


IMAGE = re.compile(r"i(?:(\d{1,6})\.)?(\d{1,9})")


LEAST, MOST = 2, 8


def image_token(place: int, label: int | None = None) -> str:
    """The image at a place of the set, or at a place among those of one class."""
    return f"i{place}" if label is None else f"i{label}.{place}"


def image_of(token: str) -> tuple[int | None, int] | None:
    """(class or None, place) of an image's token; None for a code's."""
    found = IMAGE.fullmatch(token)
    return None if found is None else (None if found[1] is None else int(found[1]), int(found[2]))


def code_of(text: str, dim: int) -> np.ndarray | None:
    """A code as a person pastes it, with or without brackets and spaces, or as an address carries it."""
    plain = re.sub(r"np\.array|[\s\[\]()]", "", text)
    return code_format.unpack(plain, dim) if plain else None


def written(code: np.ndarray) -> str:
    """A code for reading and copying: the shortest decimals that parse to the very float32 numbers."""
    numbers = np.asarray(code, np.float32) + np.float32(0)
    return ", ".join(np.format_float_positional(v, unique=True, trim="-") for v in numbers)


def drawing_of(told: Any, shape: tuple[int, int, int], dim: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The pad's report as a page gets it -> code (D,) float32, picture uint8 (C, H, W); None where either is none
    of a run with such codes and images of that shape (C, H, W).
    """
    if not isinstance(told, dict) or not isinstance(told.get("picture"), str):
        return None
    numbers = told.get("code")
    if not isinstance(numbers, list) or any(type(v) not in (int, float) for v in numbers):
        return None
    channels, height, width = shape
    try:
        code = np.array(numbers, np.float64)
        pixels = np.frombuffer(base64.b64decode(told["picture"], validate=True), np.uint8)
    except (ValueError, OverflowError):  # binascii.Error is a ValueError
        return None
    # false for NaN
    if (
        code.shape != (dim,)
        or not (np.abs(code) <= LARGEST).all()
        or pixels.size != channels * height * width
    ):
        return None
    return code.astype(np.float32), pixels.reshape(height, width, channels).transpose(2, 0, 1).copy()


def rows_of(found: image_picker.Gallery, label: int | None) -> np.ndarray:
    """Rows of the set with one class; all of them where the set has no such class."""
    rows = np.arange(len(found.index))
    if label is None or found.labels is None:
        return rows
    chosen = rows[found.labels == label]
    return chosen if len(chosen) else rows


def names_something(token: str, model: LoadedModel, found: image_picker.Gallery | None) -> bool:
    """Whether this run has what a token names."""
    if image_of(token) is not None:
        return found is not None and len(found.index) > 0
    return code_format.unpack(token, model.latent_dim) is not None


def encoded_image_of(
    token: str, run: Run, model: LoadedModel, found: image_picker.Gallery | None, words: str = "a code"
) -> image_picker.EncodedImage | None:
    """What a token names, or None where this run has no such thing."""
    image = image_of(token)
    if image is None:
        code = code_format.unpack(token, model.latent_dim)
        return None if code is None else image_picker.EncodedImage(code, None, words)
    if found is None or not names_something(token, model, found):
        return None
    rows = rows_of(found, image[0])
    return image_picker.encoded_image(run, model, int(rows[image[1] % len(rows)]), found)
