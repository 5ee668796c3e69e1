"""Files of codes behind the page of Compress: packed with a run's network, and opened with it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from app.services import datasets, models
from app.services.cache import LruCache
from app.services.uploads import brought
from vae_core import pictures
from vae_core.errors import BadImages
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel
    from vae_core.uses.compress_file import Table

_opened: LruCache[np.ndarray] = LruCache(32 * 2**20, size=lambda images: images.nbytes)


def test_images(run: Run, most: int) -> np.ndarray | None:
    """The first of a run's test images, uint8 (n, C, H, W); None where its images are not here."""
    data = datasets.images_of(run)
    if data is None:
        return None
    index = run.record().effective.data.split(data).test[:most]
    return np.asarray(data.images[index])


def uploads(model: LoadedModel, files: Sequence[tuple[str, bytes]]) -> np.ndarray:
    """Pictures (name, content) as the run takes them, uint8 (n, C, H, W). Raises BadImages for what is no picture, or none."""
    if not files:
        raise BadImages("no picture was chosen; choose some to pack")
    return brought(model, files)[0]


def pack(run: Run, beta: float, table: Table, images: np.ndarray) -> bytes:
    """A file of images. Raises VaeCoreError with a sentence."""
    from vae_core.uses.compress_file import pack

    return pack(models.model_at(run, beta), table, images)


def unpack(run: Run, beta: float, data: bytes) -> np.ndarray:
    """The images of a file, uint8 (n, C, H, W), kept while they are looked at. Raises VaeCoreError with a sentence."""
    from vae_core.uses.compress_file import unpack

    key = run.path, run.places.home, run.stamp(), beta, hashlib.sha256(data).digest()
    return _opened.get_or_make(key, lambda: unpack(models.model_at(run, beta), data))


def as_zip(images: np.ndarray) -> bytes:
    """Images (n, C, H, W) as a .zip of PNG files, numbered from 1."""
    return pictures.png_zip((f"{i:04d}.png", image) for i, image in enumerate(images, 1))


def as_sheet(images: np.ndarray, across: int, size: int = 0) -> bytes:
    """Images (n, C, H, W) as one PNG, so many in a row, each at least `size` pixels wide; places that are left are black."""
    big = pictures.enlarge(images, size) if size else images
    rows = -(-len(big) // across)
    filled = np.concatenate((big, np.zeros((rows * across - len(big), *big.shape[1:]), np.uint8)))
    return pictures.sheet(filled.reshape(rows, across, *big.shape[1:]))
