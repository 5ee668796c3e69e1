"""Pictures that a person hands over, as a run takes them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel

PICTURES = ["png", "jpg", "jpeg", "bmp", "webp", "avif", "gif", "tif", "tiff", "heic", "heif"]  # endings


def brought(model: LoadedModel, files: Sequence[tuple[str, bytes]]) -> tuple[np.ndarray, list[str]]:
    """Files (name, content), one or more, as uint8 (n, C, H, W) of the model's shape, and sentences on what was converted.

    Raises BadImages for one that is no picture.
    """
    from vae_core.data.user.decode import read_picture

    found, notes = [], []
    for name, data in files:
        picture, told = read_picture(io.BytesIO(data), name)
        notes += told
        if picture.shape != model.shape:
            c, h, w = picture.shape
            notes.append(
                f"{name}: {w} × {h} pixels{_colour(c, model.shape[0])}, brought to {model.shape[2]} × {model.shape[1]}."
            )
        found.append(model.prepare(picture)[0])
    return np.stack(found), notes


def _colour(given: int, wanted: int) -> str:
    if given == wanted:
        return ""
    return " in colour, turned to grey" if given == 3 else " in grey, turned to colour"
