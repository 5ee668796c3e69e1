"""Image files whose pixels are easily read wrongly: more than 8 bits, transparency, files that are no images."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def spots(count: int, side: int, low: float, high: float, dtype: str = "u2") -> tuple[np.ndarray, np.ndarray]:
    """Soft spots between two values (N, S, S), and where they lie, (N, 2) from 0 to 1."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(0.25, 0.75, (count, 2))
    axis = np.arange(side) / (side - 1)
    away = (axis[None, :, None] - centres[:, 1, None, None]) ** 2 + (
        axis[None, None] - centres[:, 0, None, None]
    ) ** 2
    grey = np.exp(-away / 0.02)
    grey = (grey - grey.min()) / np.ptp(grey)
    return (low + (high - low) * grey).astype(dtype), centres


def deep_files(folder: Path, values: np.ndarray, ending: str = "tif") -> Path:
    """An image file of more than 8 bits for each of (N, H, W)."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(values):
        Image.fromarray(picture).save(folder / f"slice {i}.{ending}")
    return folder


def drawings(folder: Path, inks: list[tuple[int, int, int]], side: int = 32) -> Path:
    """A disc in each ink on nothing at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, ink in enumerate(inks):
        image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((side // 4, side // 4, 3 * side // 4, 3 * side // 4), fill=(*ink, 255))
        image.save(folder / f"{i}.png")
    return folder


def photograph(seed: int, kind: str = "JPEG", side: int = 64) -> bytes:
    """Noise as a file of a kind."""
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, kind)
    return data.getvalue()


def scraped(folder: Path, count: int = 40) -> tuple[Path, list[str]]:
    """Files named .jpg as a crawler leaves them, and the names of those that are broken."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        kind = ("JPEG", "WEBP", "PNG", "AVIF")[i % 4]
        data = photograph(i, kind)
        (folder / f"{i}.jpg").write_bytes(data[: len(data) // 2] if i in (8, 22) else data)
    (folder / "404.jpg").write_text("<!DOCTYPE html><title>404</title>")
    (folder / "empty.jpg").write_bytes(b"")
    return folder, ["8.jpg", "22.jpg", "404.jpg", "empty.jpg"]


def masked(folder: Path, images: str = "images", masks: str = "masks", count: int = 10) -> Path:
    """A set for segmentation: grey images, and masks of 0 and 1 under the same names."""
    rng = np.random.default_rng(0)
    for name, top in ((images, 255), (masks, 2)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(rng.integers(0, top, (32, 32), np.uint8)).save(folder / name / f"{i}.png")
    return folder
