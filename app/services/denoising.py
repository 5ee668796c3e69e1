"""Images that a person hands over, denoised by the networks of a finished measurement. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.services import models
from app.services.cache import LruCache
from app.services.uploads import brought

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
    from vae_core.uses.denoise import MEAN, TRAINED, posterior_mean

    model = models.model_at(run, beta)
    images, notes = brought(model, files[:MOST_FILES])
    if len(files) > MOST_FILES:
        notes.append(f"The first {MOST_FILES} of {len(files)} images are taken.")
    floats = images.astype(np.float32) / 255
    found = {}
    if (network := denoiser(run, name)) is not None:
        found[TRAINED] = _bytes(posterior_mean(network, floats))
    found[MEAN] = _bytes(posterior_mean(model, floats))
    return Denoised(tuple(file for file, _ in files[:MOST_FILES]), images, found, tuple(notes))


def _bytes(images: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8))
