"""Image sets as people have them, written as files: drawings, tiles of photographs, sprites on transparency, scans.

Each function writes its images below a folder and gives the path to import. The same seed gives the same files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]


def drawings(folder: Path, count: int = 63) -> Path:
    """Colour drawings of a house with a tree and a sun, as a child or a plotting script makes them, 96×96 PNG."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    for i in range(count):
        image = Image.new("RGB", (96, 96), _shade(rng, (170, 210, 240), 30))
        draw = ImageDraw.Draw(image)
        ground = int(rng.integers(62, 78))
        draw.rectangle((0, ground, 96, 96), fill=_shade(rng, (110, 170, 80), 30))
        sun = rng.integers((12, 10), (84, 26))
        draw.ellipse((*(sun - 8), *(sun + 8)), fill=_shade(rng, (250, 210, 60), 20))
        left, wide, high = int(rng.integers(8, 48)), int(rng.integers(22, 38)), int(rng.integers(18, 34))
        top = ground - high
        draw.rectangle((left, top, left + wide, ground), fill=_shade(rng, (200, 120, 90), 50))
        roof = [(left - 4, top), (left + wide // 2, top - int(rng.integers(8, 18))), (left + wide + 4, top)]
        draw.polygon(roof, fill=_shade(rng, (130, 50, 40), 30))
        draw.rectangle((left + 4, ground - 14, left + 11, ground), fill=_shade(rng, (80, 60, 40), 20))
        trunk = int(rng.integers(4, 90))
        draw.rectangle((trunk - 2, ground - 14, trunk + 2, ground), fill=(90, 60, 30))
        draw.ellipse((trunk - 10, ground - 32, trunk + 10, ground - 10), fill=_shade(rng, (40, 120, 50), 30))
        image.save(folder / f"drawing {i + 1}.png")
    return folder


def photo_tiles(folder: Path, count: int = 400) -> Path:
    """Tiles of 64×64 cut anywhere from the photographs that scikit-learn and, where it is installed, scikit-image ship."""
    rng = np.random.default_rng(2)
    photos = _photographs()
    folder.mkdir(parents=True)
    for i in range(count):
        photo = photos[i % len(photos)]
        cut = int(rng.integers(80, 161))  # what a tile shows of it, so that not all are of one scale
        x, y = (int(rng.integers(0, side - cut + 1)) for side in photo.size)
        tile = photo.crop((x, y, x + cut, y + cut)).resize((64, 64), Image.Resampling.BOX)
        tile.save(folder / f"IMG_{i:04d}.jpg", quality=92)
    return folder


def _photographs() -> list[Image.Image]:
    from sklearn.datasets import load_sample_images

    found = [Image.fromarray(image) for image in load_sample_images().images]
    try:
        from skimage import data
    except ImportError:
        return found
    return found + [Image.fromarray(getattr(data, name)()) for name in ("astronaut", "chelsea", "coffee")]


def sprites(folder: Path, count: int = 1_000) -> Path:
    """Little figures on transparency, 68×56 PNG with a palette, as games ship them."""
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    for i in range(count):
        image = Image.new("P", (68, 56), 0)
        skin, coat, trousers = (
            _shade(rng, base, 60) for base in ((220, 170, 130), (90, 90, 170), (80, 70, 60))
        )
        palette = [(0, 0, 0), skin, coat, trousers, (25, 20, 30), (240, 240, 240)]
        image.putpalette([value for colour in palette for value in colour])
        draw = ImageDraw.Draw(image)
        x, wide, tall = int(rng.integers(26, 43)), int(rng.integers(7, 13)), int(rng.integers(12, 20))
        feet, head = 52, int(rng.integers(5, 9))
        hip = feet - int(rng.integers(8, 14))
        top = hip - tall
        stride = int(rng.integers(0, 7))
        for side in (-1, 1):
            foot = x + side * (3 + stride)
            draw.line((x + 3 * side, hip, foot, feet), fill=3, width=5)
            arm = top + int(rng.integers(4, tall + 4))
            draw.line((x + side * wide // 2, top + 3, x + side * (wide // 2 + 7), arm), fill=1, width=4)
        draw.rectangle((x - wide // 2, top, x + wide // 2, hip), fill=2, outline=4)
        draw.ellipse((x - head, top - 2 * head, x + head, top), fill=1, outline=4)
        draw.rectangle((x + 1, top - head - 2, x + 3, top - head), fill=5)
        image.save(folder / f"sprite_{i}.png", transparency=0)
    return folder


def scans(folder: Path, count: int = 300) -> Path:
    """Detector values of 12 bits in TIFFs of 16, 64×64: a bright body of changing place, size and density in noise."""
    rng = np.random.default_rng(4)
    folder.mkdir(parents=True)
    y, x = np.mgrid[:64, :64]
    for i in range(count):
        cx, cy = rng.uniform(18, 46, 2)
        wide, high, peak = rng.uniform(6, 14), rng.uniform(6, 14), rng.uniform(2200, 3800)
        body = peak * np.exp(-(((x - cx) / wide) ** 2) - ((y - cy) / high) ** 2)
        hole = 0.7 * body * np.exp(-((x - cx - wide / 3) ** 2 + (y - cy) ** 2) / 12)
        values = body - hole + rng.normal(100, 20, (64, 64))
        Image.fromarray(np.clip(values, 0, 4095).astype(np.uint16)).save(folder / f"slice_{i:03}.tif")
    return folder


def _shade(rng: np.random.Generator, colour: Colour, spread: int) -> Colour:
    values = np.clip(np.array(colour) + rng.integers(-spread, spread + 1, 3), 0, 255)
    return int(values[0]), int(values[1]), int(values[2])
