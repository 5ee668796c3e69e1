"""The images of a folder or .zip: their headers and pixels, one after the other, and what their paths say."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Generator, Sequence
from typing import Any, BinaryIO

import numpy as np

from vae_core.data.imageset import Progress, silent
from vae_core.data.user.broken import BrokenFiles, Fault
from vae_core.data.user.budgets import Budgets, Meter, UnreadableError, counted, listed
from vae_core.data.user.choices import ImportChoices
from vae_core.data.user.decode import (
    CONVERSIONS,
    FORMAT_WORDS,
    FULL,
    FULL_FLOATS,
    Header,
    Look,
    cut_short,
    decode,
    deep_values,
    open_image,
    read_header,
)
from vae_core.data.user.folders import left_out_folders, natural, read_folders, side_folders
from vae_core.data.user.ground import choose_ground, contrasts
from vae_core.data.user.listing import Entry, Folder
from vae_core.data.user.meaning import Meaning, with_tables
from vae_core.data.user.scale import Scale, Values
from vae_core.data.user.table_labels import MOST_TABLES, Given, Joined, given, join_tables
from vae_core.data.user.zips import Zip
from vae_core.errors import BadImages, BadTable
from vae_core.tables import MOST_BYTES, read_table

GROUND_SAMPLES = 64  # transparent images by which the ground is chosen


class ImageFiles:
    """The images of a Folder or Zip, looked through once; `broken` are the files that cannot be read. Raises BadImages."""

    kind = "files"

    def __init__(self, container: Folder | Zip, budgets: Budgets, progress: Progress):
        self.container, self.budgets = container, budgets
        listing = container.list_images(budgets)
        self.entries = sorted(listing.images, key=lambda entry: [natural(part) for part in entry.parts])
        self._listing = listing
        self._joined: Joined | None = None
        self.tables = self._read_tables(few_tables(listing.tables))
        self.broken: list[Fault] = []
        self.values: dict[
            tuple[float, float], Values
        ] = {}  # of images with more than 8 bits, by their full range
        self._headers: list[Header] = []
        if len(self.entries) >= 2:
            self._read_headers(progress)
        if len(self.entries) < 2:
            self._refuse_few()
        self._add_up()

    def _read_tables(self, entries: Sequence[Entry]) -> list[Given]:
        """The tables that lie beside the images; what is none is left out with the other files."""
        found = []
        meter = Meter(self.budgets)
        with self.container.reading() as container:
            for entry in entries:
                # one that is too large is no reason to refuse the images
                with (
                    contextlib.suppress(BadTable, BadImages, UnreadableError),
                    container.open(entry, meter) as stream,
                ):
                    raw = stream.read(MOST_BYTES + 1)
                    found.append(Given(entry.parts, read_table(raw, entry.name)))
        return found

    def add_table(self, name: str, raw: bytes) -> None:
        """Join a table of the person's own, which counts before what lies beside the images. Raises BadTable."""
        table = given(name.replace("/", "_"), raw, asked=True)
        self._check_table(table)
        self.tables = [table, *(one for one in self.tables if not one.asked)]
        self._joined = None
        self._meanings.clear()

    def _check_table(self, table: Given) -> None:
        join_tables([table], [entry.parts for entry in self.entries], self.count)

    @property
    def joined(self) -> Joined:
        """The columns of all tables that name the images."""
        if self._joined is None:
            self._joined = join_tables(self.tables, [entry.parts for entry in self.entries], self.count)
        return self._joined

    def _refuse_few(self) -> None:
        if self.broken:
            raise BrokenFiles(self.broken)
        found = f"one image was found ({self.entries[0].name})" if self.entries else "no image was found"
        advice = f"a dataset needs at least 2 files in {FORMAT_WORDS} form"
        raise BadImages(" ".join([f"{found}; {advice}.", *self._listing.notes()]))

    def _read_headers(self, progress: Progress) -> None:
        """Every file's header; where one is broken, all are decoded, so that every broken one is known."""
        faults: list[Fault] = []
        good: list[Entry] = []
        meter = Meter(self.budgets)
        with self.container.reading() as container:
            for i, entry in enumerate(self.entries):
                try:
                    with (
                        container.open(entry, meter) as stream,
                        open_image(stream, entry.name, self.budgets) as image,
                    ):
                        self._headers.append(self._look_at(stream, image))
                    good.append(entry)
                except UnreadableError as error:
                    faults.append(Fault(entry.name, str(error)))
                if i % 100 == 0:
                    progress(i / len(self.entries), f"looked at {i:,} of {len(self.entries):,} images")
        self.entries, self.broken = good, faults
        if faults:
            self.check_all(progress)

    def _look_at(self, stream: BinaryIO, image: Any) -> Header:
        header = read_header(image)
        values = deep_values(image)
        if values is not None:
            full = FULL_FLOATS if values.dtype.kind == "f" else FULL
            self.values.setdefault(full, Values()).add(values)
        elif cut_short(stream, str(image.format)):
            decode(image, 16, Look())
        return header

    def check_all(self, progress: Progress = silent) -> None:
        """Decode every file, and count those that cannot be read among the broken. Raises BadImages below two good ones."""
        faults: dict[int, Fault] = {}
        for i, _ in enumerate(self._decoded(np.arange(self.count), 16, Look(), faults)):
            if i % 100 == 0:
                progress(i / self.count, f"checked {i:,} of {self.count:,} images")
        self.drop(faults)
        if self.count < 2:
            self._refuse_few()

    def drop(self, faults: dict[int, Fault]) -> None:
        """Take broken files out of the images."""
        self.broken = sorted([*self.broken, *faults.values()], key=lambda fault: natural(fault.name))
        keep = [i for i in range(self.count) if i not in faults]
        self.entries = [self.entries[i] for i in keep]
        self._headers = [self._headers[i] for i in keep]
        self._add_up()

    def _add_up(self) -> None:
        self.sizes = Counter(header.size for header in self._headers)
        self.colour = any(header.colour for header in self._headers)
        self.conversions = Counter(kind for header in self._headers for kind in header.conversions)
        paths = [entry.parts for entry in self.entries]
        self.split_folders = read_folders(paths).split_folders
        self.side_folders = side_folders(paths)
        self._joined = None
        self._auto_ground: str | None = None
        self._meanings: dict[tuple[object, ...], Meaning] = {}

    @property
    def notes(self) -> list[str]:
        """What was left out of the source; a table that was joined was not."""
        return self._listing.notes(self.joined.used)

    @property
    def count(self) -> int:
        """How many images can be read, as far as is known."""
        return len(self.entries)

    def kept(self, choices: ImportChoices) -> np.ndarray:
        """The numbers of the images that are not in folders to be left out."""
        if not choices.leave_out:
            return np.arange(self.count)
        return left_out_folders([entry.parts for entry in self.entries], choices.leave_out)

    def meaning(self, choices: ImportChoices) -> Meaning:
        """Labels, factors and splits as the folders and tables say. Raises BadConfig."""
        key = (choices.splits, choices.labels, choices.leave_out)
        if key not in self._meanings:
            self._meanings[key] = self._meaning(choices)
        return self._meanings[key]

    def _meaning(self, choices: ImportChoices) -> Meaning:
        kept = self.kept(choices)
        found = read_folders([self.entries[i].parts for i in kept], choices.splits)
        labels = None
        if found.labels is not None:
            labels = np.zeros(self.count, np.int64)
            labels[kept] = found.labels
        by_folder = Meaning(
            labels,
            found.label_names,
            test=None if found.test is None else kept[found.test],
            validation=None if found.validation is None else kept[found.validation],
            notes=(*found.notes, *self._told_of_side_folders(choices)),
        )
        return with_tables(by_folder, self.joined, choices, kept)

    @property
    def transparent(self) -> bool:
        """Whether some images have transparency."""
        return self.conversions["alpha"] > 0

    @property
    def scalable(self) -> bool:
        """Whether it is a question which values become black and white."""
        return bool(self.values)

    def _told_of_side_folders(self, choices: ImportChoices) -> list[str]:
        notes = []
        if choices.leave_out:
            gone = self.count - len(self.kept(choices))
            notes.append(f"Left out (by choice): {counted(gone)} in {', '.join(choices.leave_out)}.")
        for name, beside in self.side_folders:
            if name not in choices.leave_out:
                notes.append(
                    f"The folder {name} became a class, though its files are named as those of {beside} and may be "
                    f"masks or thumbnails of them; choose to leave out {name} to learn from the images alone."
                )
        return notes

    def look(self, choices: ImportChoices) -> Look:
        """How values and transparency become shades. Raises BadConfig for no scale."""
        ground = choices.ground
        if ground == "auto":
            ground = self.auto_ground if self.conversions["alpha"] else "white"
        scales = {
            full: self.values.get(full, Values(*full, counts=None)).scale(choices.scale, full)
            for full in (FULL, FULL_FLOATS)
        }
        shallow = Values(0.0, 255.0, counts=None).scale(choices.scale, (0.0, 255.0))
        plain = bool(self.values) or shallow == Scale(0.0, 255.0)
        return Look(scales[FULL], scales[FULL_FLOATS], ground, None if plain else shallow)

    @property
    def auto_ground(self) -> str:
        """The ground on which the transparent images are seen best."""
        if self._auto_ground is None:
            clear = np.flatnonzero(["alpha" in header.conversions for header in self._headers])
            some = clear[np.unique(np.linspace(0, len(clear) - 1, GROUND_SAMPLES).astype(int))]
            faults: dict[int, Fault] = {}
            found = [
                contrasts(image) for image in self._opened(some, faults) if image.has_transparency_data
            ]  # those that break here break again when they are imported
            self._auto_ground = choose_ground(found)
        return self._auto_ground

    def told(self, choices: ImportChoices) -> list[str]:
        """What is done to the pixels of some of the images, in sentences."""
        look = self.look(choices)
        notes = []
        for kind, text in CONVERSIONS.items():
            if self.conversions[kind]:
                text = text.format(ground=look.ground)
                notes.append(f"{counted(self.conversions[kind])} with {text}.")
        if self.conversions["alpha"] and choices.ground == "auto" and look.ground != "white":
            notes.append(
                f"On white hardly anything would be seen of some of them, so {look.ground} was taken."
            )
        for full, scale in ((FULL, look.scale), (FULL_FLOATS, look.floats)):
            if full in self.values and scale != Scale(*full):
                notes.append(self.values[full].told(scale))
        if look.shallow is not None:
            notes.append(f"The shades {look.shallow.words} were spread over black to white.")
        return notes

    def name_of(self, index: int) -> str:
        return self.entries[index].name

    def size_of(self, index: int) -> tuple[int, int]:
        """(width, height), upright."""
        return self._headers[index].size

    def pictures(
        self, indices: np.ndarray, side: int, choices: ImportChoices
    ) -> Generator[np.ndarray, None, None]:
        """Decode the images at `indices`, uint8 (H, W) or (H, W, 3) each (see `decode` for `side`).

        After a fault it only looks for more, to name them together. Raises BrokenFiles.
        """
        faults: dict[int, Fault] = {}
        for picture in self._decoded(indices, side, self.look(choices), faults):
            if not faults:
                yield picture
        if faults:
            raise BrokenFiles([*self.broken, *faults.values()], faults)

    def _decoded(
        self, indices: Sequence[int] | np.ndarray, side: int, look: Look, faults: dict[int, Fault]
    ) -> Generator[np.ndarray, None, None]:
        meter = Meter(self.budgets)
        with self.container.reading() as container:
            for index in map(int, indices):
                entry = self.entries[index]
                try:
                    with (
                        container.open(entry, meter) as stream,
                        open_image(stream, entry.name, self.budgets) as image,
                    ):
                        picture = decode(image, side, look)
                except UnreadableError as error:
                    faults[index] = Fault(entry.name, str(error))
                    continue
                yield picture

    def _opened(self, indices: np.ndarray, faults: dict[int, Fault]) -> Generator[Any, None, None]:
        """The images at `indices` as PIL has them."""
        meter = Meter(self.budgets)
        with self.container.reading() as container:
            for index in map(int, indices):
                entry = self.entries[index]
                try:
                    with (
                        container.open(entry, meter) as stream,
                        open_image(stream, entry.name, self.budgets) as image,
                    ):
                        image.load()
                        opened = image.copy()
                except UnreadableError as error:
                    faults[index] = Fault(entry.name, str(error))
                    continue
                yield opened

    def sample(self, indices: np.ndarray, side: int, choices: ImportChoices) -> list[np.ndarray]:
        return list(self.pictures(indices, side, choices))


def few_tables(entries: Sequence[Entry]) -> list[Entry]:
    """The tables worth reading: .txt files by the dozen are notes on single images."""
    texts = [entry for entry in entries if entry.name.lower().endswith(".txt")]
    others = [entry for entry in entries if entry not in texts]
    return [*others, *(texts if len(texts) <= MOST_TABLES else [])][:MOST_TABLES]


def broken_note(broken: Sequence[Fault]) -> str:
    """What was left out because it cannot be read."""
    return f"Left out (broken): {listed([fault.name for fault in broken])}."
