"""Images that a person hands over, denoised by the networks of a finished measurement. Nothing is trained here."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.services import models
from app.services.cache import LruCache

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel
    from vae_core.runs.run import Run

MOST_FILES = 64

_denoisers: LruCache[LoadedModel | None] = LruCache(4)


@dataclass(frozen=True, eq=False)
class Denoised:
    """Images that were handed over, as the run takes them: `given` uint8 (N, C, S, S), and by method the same without noise.

    names: of the files; notes: sentences on what was converted.
    """

    names: tuple[str, ...]
    given: np.ndarray
    methods: dict[str, np.ndarray]
    notes: tuple[str, ...]


def denoiser(run: Run, name: str) -> LoadedModel | None:
    """The VAE that was trained to denoise, by its file's name; None where it is not on this machine."""
    from vae_core.uses.denoiser import find

    key = (run.places.home, name)
    found = _denoisers.get_or_make(key, lambda: find(run.places, name))
    if found is None:
        _denoisers.discard(key)  # it may be trained yet
    return found


def denoised(run: Run, beta: float, name: str, files: Sequence[tuple[str, bytes]]) -> Denoised:
    """Files, (name, bytes) each, brought to what the run takes and denoised. Raises BadImages for one that is no image."""
    from vae_core.data.user.decode import read_picture
    from vae_core.uses.denoise import MEAN, TRAINED, posterior_mean

    model = models.model(run)
    model = model.at_beta(beta) if beta else model
    given, notes = [], []
    for file, data in files[:MOST_FILES]:
        picture, told = read_picture(io.BytesIO(data), file)
        notes += told
        if picture.shape != model.shape:
            c, h, w = picture.shape
            notes.append(
                f"{file}: {w} × {h} pixels{_colour(c, model.shape[0])}, brought to {model.shape[2]} × {model.shape[1]}."
            )
        given.append(model.prepare(picture)[0])
    if len(files) > MOST_FILES:
        notes.append(f"The first {MOST_FILES} of {len(files)} images are taken.")
    images = np.stack(given)
    floats = images.astype(np.float32) / 255
    found = {}
    if (network := denoiser(run, name)) is not None:
        found[TRAINED] = _bytes(posterior_mean(network, floats))
    found[MEAN] = _bytes(posterior_mean(model, floats))
    return Denoised(tuple(file for file, _ in files[:MOST_FILES]), images, found, tuple(notes))


def _colour(given: int, wanted: int) -> str:
    return (
        ""
        if given == wanted
        else " in colour, turned to grey"
        if given == 3
        else " in grey, turned to colour"
    )


def _bytes(images: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8))
