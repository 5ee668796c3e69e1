"""The images of a folder or .zip: their class folders, headers and pixels, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

import numpy as np

from vae_core.data.imageset import Progress
from vae_core.data.user.budgets import (
    SHOWN,
    Budgets,
    Meter,
    UnreadableError,
    counted,
)
from vae_core.data.user.choices import ImportChoices
from vae_core.data.user.decode import CONVERSIONS, FORMAT_WORDS, decode, open_image, read_header
from vae_core.data.user.folders import natural, read_folders
from vae_core.data.user.listing import Folder
from vae_core.data.user.meaning import Meaning
from vae_core.data.user.zips import Zip
from vae_core.errors import BadImages


class ImageFiles:
    """The images of a Folder or Zip, looked through once. Raises BadImages naming every fault."""

    kind = "files"

    def __init__(self, container: Folder | Zip, budgets: Budgets, progress: Progress):
        self.container, self.budgets = container, budgets
        listing = container.list_images(budgets)
        self.entries = sorted(listing.images, key=lambda entry: [natural(part) for part in entry.parts])
        self.count = len(self.entries)
        self.notes = listing.notes()
        if self.count < 2:
            found = f"one image was found ({self.entries[0].name})" if self.count else "no image was found"
            advice = f"a dataset needs at least 2 files in {FORMAT_WORDS} form"
            raise BadImages(" ".join([f"{found}; {advice}.", *self.notes]))
        self.split_folders = read_folders([entry.parts for entry in self.entries]).split_folders
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

    def meaning(self, choices: ImportChoices) -> Meaning:
        """Labels and splits as the folders say."""
        found = read_folders([entry.parts for entry in self.entries], choices.splits)
        return Meaning(
            found.labels,
            found.label_names,
            test=found.test,
            validation=found.validation,
            notes=found.notes,
        )

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
