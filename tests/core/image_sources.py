"""Images to import in every packing, and what tests of importing say of them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vae_core.data import open_images
from vae_core.data.user import Budgets, accept, inspect, preview
from vae_core.errors import BadImages
from vae_core.places import Places

RNG = np.random.default_rng(7)


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, np.uint8)


def packed(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return data.getvalue()


def upload(data: bytes, name: str = "upload.zip") -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


def save(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def npy(array: Any) -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def some(count: int = 3) -> dict[str, bytes]:
    return {f"{i}.png": packed(noise(16, 16)) for i in range(count)}


def refused(source: Any, places: Places, *parts: str, budgets: Budgets | None = None, **how: Any) -> str:
    """Importing raises BadImages whose text has all `parts`, and leaves no trace."""
    with pytest.raises(BadImages) as caught:
        accept(inspect(source, budgets), "mine", places, **{"side": 16, **how})
    for part in parts:
        assert part in str(caught.value), str(caught.value)
    assert not places.datasets.exists() or list(places.datasets.iterdir()) == []
    return str(caught.value)


def taken(source: Any, places: Places, side: int = 16, name: str = "mine", **how: Any):
    """Import, checking that the preview shows what is then stored."""
    plan = inspect(source)
    spec = accept(plan, name, places, side=side, **how)
    assert (spec.name, spec.kind, spec.sides) == (name, "own", (side,))
    images = open_images(name, side, places)
    if not {"limit", "skip_broken", "leave_out"} & set(how):
        shown = preview(plan, side, how.get("colour", "auto"), how.get("fit", "crop"))
        np.testing.assert_array_equal(shown, images.images[[sample.index for sample in plan.samples]])
    return plan, images
