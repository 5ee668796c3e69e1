"""Images with labels as an ImageFolder: a .zip with a folder for each class, which torchvision and the import here read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from vae_core.data.user.folders import split_of
from vae_core.export.unpacking import DEVICES
from vae_core.pictures import png_zip

LONGEST = 60  # characters of a folder's name


def folder_names(labels: Sequence[str]) -> list[str]:
    """A name for the folder of each label, which every system takes: no two alike but for case, none that means a split."""
    found: list[str] = []
    taken: set[str] = set()
    for label in labels:
        text = unicodedata.normalize("NFC", label)
        name = re.sub(r"[^\w\- ]+", "_", text).strip(" _")[:LONGEST].strip(" _") or "class"
        if split_of(name) is not None or DEVICES.fullmatch(name):
            name = f"class {name}"
        free, number = name, 2
        while free.casefold() in taken:
            free, number = f"{name} {number}", number + 1
        taken.add(free.casefold())
        found.append(free)
    return found


def image_folder(images: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> bytes:
    """uint8 (N, C, H, W) and labels (N,) as indices into `names` -> a .zip of class/0001.png, ... at their own size."""
    kinds = np.unique(labels)
    folders = dict(zip(kinds.tolist(), folder_names([names[k] for k in kinds]), strict=True))
    return png_zip(
        (f"{folders[k]}/{number:04d}.png", images[row])
        for k in kinds.tolist()
        for number, row in enumerate(np.flatnonzero(labels == k), 1)
    )
