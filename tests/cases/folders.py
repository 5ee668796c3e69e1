"""Folders of image files: splits above, below and beside classes, loose files, numbers as names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def flat(folder: Path, files: Mapping[str, int], side: int = 16) -> Path:
    """Grey images of one shade each, by path."""
    for name, shade in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((side, side), shade, np.uint8)).save(folder / name)
    return folder


def split_folders(
    folder: Path, names: Mapping[str, int], classes: tuple[str, ...] = ("ring", "star")
) -> Path:
    """`names` says how many images of each class lie in each split folder: ring dark, star bright, all different."""
    files, shade = {}, 0
    for split, count in names.items():
        for k, kind in enumerate(classes):
            for i in range(count):
                shade += 1
                files[f"{split}/{kind}/{i}.png"] = 128 * k + shade // 2
    return flat(folder, files)


def numbered(folder: Path, count: int = 60) -> Path:
    """0.png to 59.png, each as bright as four times its number."""
    return flat(folder, {f"images/{i}.png": 4 * i for i in range(count)})
