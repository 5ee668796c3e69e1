"""The images of a folder or .zip: their class folders, headers and pixels, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence

import numpy as np

from vae_core.data.imageset import Progress
from vae_core.data.user.budgets import (
    SHOWN,
    Budgets,
    Meter,
    UnreadableError,
    cleaned,
    counted,
    listed,
)
from vae_core.data.user.decode import CONVERSIONS, FORMAT_WORDS, decode, open_image, read_header
from vae_core.data.user.listing import Folder
from vae_core.data.user.zips import Zip
from vae_core.errors import BadImages


def label_by_folder(paths: Sequence[tuple[str, ...]]) -> tuple[np.ndarray | None, tuple[str, ...], list[str]]:
    """Each image's first folder below what all share: labels int64 (N,) or None, names, notes."""
    parents = [path[:-1] for path in paths]
    shared = 0
    while all(len(p) > shared for p in parents) and len({p[shared] for p in parents}) == 1:
        shared += 1
    below = [parent[shared:] for parent in parents]
    if not any(below):
        return None, (), []
    if not all(below):
        loose = [cleaned("/".join(path)) for path, rest in zip(paths, below, strict=True) if not rest]
        return None, (), [f"No labels, for some images lie beside the class folders: {listed(loose)}."]
    names = sorted({rest[0] for rest in below})
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    place = {name: i for i, name in enumerate(names)}
    notes = []
    if any(len(rest) > 1 for rest in below):
        notes.append("Folders inside a class folder count to that class.")
    return np.array([place[rest[0]] for rest in below], np.int64), tuple(map(cleaned, names)), notes


class ImageFiles:
    """The images of a Folder or Zip, looked through once. Raises BadImages naming every fault."""

    kind = "files"
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()
    test: np.ndarray | None = None

    def __init__(self, container: Folder | Zip, budgets: Budgets, progress: Progress):
        self.container, self.budgets = container, budgets
        listing = container.list_images(budgets)
        self.entries = sorted(listing.images, key=lambda entry: entry.parts)
        self.count = len(self.entries)
        self.notes = listing.notes()
        if self.count < 2:
            found = f"one image was found ({self.entries[0].name})" if self.count else "no image was found"
            advice = f"a dataset needs at least 2 files in {FORMAT_WORDS} form"
            raise BadImages(" ".join([f"{found}; {advice}.", *self.notes]))
        self.labels, self.label_names, notes = label_by_folder([entry.parts for entry in self.entries])
        self.notes += notes
        self._sizes: list[tuple[int, int]] = []
        self.colour = False
        self._read_headers(progress)
        self.sizes = Counter(self._sizes)

    def _read_headers(self, progress: Progress) -> None:
        conversions: Counter[str] = Counter()
        faults: list[str] = []
        meter = Meter(self.budgets)
        with self.container.reading() as container:
            for i, entry in enumerate(self.entries):
                try:
                    with (
                        container.open(entry, meter) as stream,
                        open_image(stream, entry.name, self.budgets) as image,
                    ):
                        header = read_header(image)
                except UnreadableError as error:
                    faults.append(f"{entry.name} {error}")
                    continue
                self._sizes.append(header.size)
                self.colour |= header.colour
                conversions.update(header.conversions)
                if i % 100 == 0:
                    progress(i / self.count, f"looked at {i:,} of {self.count:,} images")
        self._refuse(faults)
        for kind, text in CONVERSIONS.items():
            if conversions[kind]:
                self.notes.append(f"{counted(conversions[kind])} with {text}.")

    def _refuse(self, faults: list[str]) -> None:
        if faults:
            files = counted(len(faults), "image file")
            named = "; ".join(faults[:SHOWN])
            raise BadImages(f"{files} cannot be read: {named}. Remove or replace, and try again")

    def name_of(self, index: int) -> str:
        return self.entries[index].name

    def size_of(self, index: int) -> tuple[int, int]:
        """(width, height), upright."""
        return self._sizes[index]

    def pictures(self, indices: np.ndarray, side: int) -> Generator[np.ndarray, None, None]:
        """Decode the images at `indices`, uint8 (H, W) or (H, W, 3) each (see `decode` for `side`).

        After a fault it only looks for more, up to SHOWN, to name them together. Raises BadImages.
        """
        faults: list[str] = []
        meter = Meter(self.budgets)
        with self.container.reading() as container:
            for index in indices:
                entry = self.entries[index]
                try:
                    with (
                        container.open(entry, meter) as stream,
                        open_image(stream, entry.name, self.budgets) as image,
                    ):
                        picture = decode(image, side)
                except UnreadableError as error:
                    faults.append(f"{entry.name} {error}")
                    if len(faults) == SHOWN:
                        break
                    continue
                if not faults:
                    yield picture
        self._refuse(faults)

    def sample(self, indices: np.ndarray, side: int) -> list[np.ndarray]:
        return list(self.pictures(indices, side))
