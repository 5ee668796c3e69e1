"""The same images and the same codes through several models, kept by the weights that drew them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.services import datasets, models
from app.services.cache import LruCache
from app.state import address, session
from app.views.compare.choice import title_of
from app.views.compare.matrix import Cell, Head, Row, table
from app.widgets.prepare_dataset import offer_images
from vae_core import pictures
from vae_core.comparison import same_noise, shown_images
from vae_core.data.imageset import ImageSet
from vae_core.errors import BadRun
from vae_core.latent.paths import lerp
from vae_core.runs.record import QUEUED
from vae_core.runs.run import Run

ALL = "All"
UNDER = 12.0  # rem of what stands above and below the rows of pictures
SIZE = 96  # pixels of an image, at least: enlarged by whole pixels, so that none is blurred but by its model

_drawn: LruCache[bytes] = LruCache(64 * 2**20, size=len)


@dataclass(frozen=True)
class Shown:
    """What all columns share: the images, and how many fit into a cell. `key` names the images."""

    data: ImageSet | None
    images: np.ndarray | None
    key: tuple[Any, ...]
    pick: int
    across: int
    down: int

    @property
    def count(self) -> int:
        return self.across * self.down


@dataclass(frozen=True)
class Kind:
    """A row of pictures: its name, what it shows, the data's own cell, and a run's cell."""

    name: str
    words: str
    of_data: Callable[[Shown], Cell]
    of_run: Callable[[Run, Shown], Cell]


def side_by_side(found: Sequence[Run], rows: str, more: float) -> None:
    """The rows of pictures that are asked for, one of them larger, or all. `more` rem stand over them."""
    kinds = [kind for kind in KINDS if rows in (ALL, kind.name)]
    columns = len(found) + 1
    across = max(3, 22 // columns) if len(kinds) > 1 else max(4, 26 // columns)
    shown = _shown(found, across, 12 // len(kinds) if len(kinds) > 1 else _down(across, columns))
    if shown.data is None:
        offer_images(found[0])
    heads = [
        Head("The images", found[0].record().effective.data.dataset, "Images that no model has learned from")
    ]
    heads += [Head(title_of(run), run.name) for run in found]
    table(heads, [_row(kind, found, shown) for kind in kinds], under=UNDER + more)


def _down(across: int, columns: int) -> int:
    """Rows of images in a cell that has the whole height, in a window half as high as wide."""
    return max(4, min(8, round(across * columns * 0.4)))


def _shown(found: Sequence[Run], across: int, down: int) -> Shown:
    pick = max(0, session.param(address.COMPARE_PICK))
    data = next((d for run in found if (d := datasets.images_of(run)) is not None), None)
    if data is None or not len(data.test):
        return Shown(None, None, (), pick, across, down)
    index = shown_images(data, across * down, pick)
    return Shown(
        data, np.asarray(data.images[index]), (data.fingerprint, index.tobytes()), pick, across, down
    )


def _row(kind: Kind, found: Sequence[Run], shown: Shown) -> Row:
    cells = [kind.of_data(shown)]
    for run in found:
        if not run.has_weights():
            state = run.status().state
            words = (
                "it waits in the queue"
                if state == QUEUED
                else "no weights yet"
                if state == "running"
                else f"{state}, without weights"
            )
            cells.append(Cell(None, "", words))
            continue
        try:
            cells.append(kind.of_run(run, shown))
        except BadRun as error:
            cells.append(Cell(None, "", str(error)))
    return Row(kind.name, kind.words, tuple(cells))


def _drawing(run: Run, shown: Shown, what: str, draw: Callable[[], np.ndarray]) -> bytes:
    """The grid of what `draw` gives, (down * across, C, H, W); kept for these weights."""
    key = (run.stamp(), run.id, what, shown.key, shown.pick, shown.across, shown.down)
    return _drawn.get_or_make(key, lambda: _grid(draw(), shown))


def _grid(images: np.ndarray, shown: Shown) -> bytes:
    """Images (N, C, H, W) in rows of `across`; what does not fill a row is left black, as there are no more."""
    down = -(-len(images) // shown.across)
    full = np.zeros((down * shown.across, *images.shape[1:]), np.uint8)
    full[: len(images)] = images
    return pictures.grid(full.reshape(down, shown.across, *images.shape[1:]), SIZE)


# ---------------------------------------------------------------- the same images

NO_ENCODER = "It has no encoder, so it cannot be asked for the code of an image."
NO_IMAGES = "The images are not on this machine."


def _images(shown: Shown) -> Cell:
    if shown.images is None:
        return Cell(None, "", NO_IMAGES)
    return Cell(
        _drawn.get_or_make((shown.key, shown.across, "images"), lambda: _grid(_of(shown), shown)), "images"
    )


def _of(shown: Shown) -> np.ndarray:
    assert shown.images is not None
    return shown.images


def _reconstructed(run: Run, shown: Shown) -> Cell:
    if not run.record().effective.objective.entry.has_encoder:
        return Cell(None, "", NO_ENCODER)
    if shown.images is None:
        return Cell(None, "", NO_IMAGES)

    def draw() -> np.ndarray:
        model = models.model(run)
        return model.decode_uint8(model.encode(_of(shown)).mean)

    return Cell(_drawing(run, shown, "reconstructed", draw), f"reconstructions by {run.name}")


# ---------------------------------------------------------------- between two images


def _ends(shown: Shown) -> tuple[np.ndarray, np.ndarray] | None:
    """Pairs of images, (P, C, H, W) each, one a row of a cell; fewer where there are not enough."""
    images = shown.images
    if images is None or len(images) < 2:
        return None
    pairs = min(shown.down, len(images) // 2)
    return images[:pairs], images[pairs : 2 * pairs]


def _cross_fade(shown: Shown) -> Cell:
    ends = _ends(shown)
    if ends is None:
        return Cell(None, "", NO_IMAGES)
    t = np.linspace(0, 1, shown.across)[:, None, None, None]

    def draw() -> bytes:
        faded = [np.rint((1 - t) * a + t * b).astype(np.uint8) for a, b in zip(*ends, strict=True)]
        return _grid(np.concatenate(faded), shown)

    return Cell(
        _drawn.get_or_make((shown.key, shown.across, shown.down, "faded"), draw),
        "images faded into each other",
    )


def _between(run: Run, shown: Shown) -> Cell:
    if not run.record().effective.objective.entry.has_encoder:
        return Cell(None, "", NO_ENCODER)
    ends = _ends(shown)
    if ends is None:
        return Cell(None, "", NO_IMAGES)

    def draw() -> np.ndarray:
        model = models.model(run)
        a, b = (model.encode(part).mean for part in ends)
        t = np.linspace(0, 1, shown.across)
        return model.decode_uint8(np.concatenate([lerp(x, y, t) for x, y in zip(a, b, strict=True)]))

    return Cell(_drawing(run, shown, "between", draw), f"interpolations by {run.name}")


# ---------------------------------------------------------------- the same codes


def _others(shown: Shown) -> Cell:
    """Real images beside samples: others than those that were reconstructed."""
    data = shown.data
    if data is None:
        return Cell(None, "", NO_IMAGES)

    def draw() -> bytes:
        index = shown_images(data, shown.count, shown.pick + 1_000_003)
        return _grid(np.asarray(data.images[index]), shown)

    return Cell(_drawn.get_or_make((shown.key, shown.across, shown.down, "others"), draw), "other images")


def _sampled(run: Run, shown: Shown) -> Cell:
    def draw() -> np.ndarray:
        model = models.model(run)
        return model.decode_uint8(same_noise(shown.count, model.latent_dim, shown.pick))

    return Cell(_drawing(run, shown, "sampled", draw), f"samples of {run.name}")


KINDS = (
    Kind("Same images", "each drawn again from its code", _images, _reconstructed),
    Kind(
        "Interpolation",
        "between the codes of two images, a pair a row; left, the pixels faded",
        _cross_fade,
        _between,
    ),
    Kind("Random codes", "the same codes of the prior for all; left, other real images", _others, _sampled),
)


def controls() -> str:
    """The choice of rows, and other images; gives the rows."""
    names = [ALL, *(kind.name for kind in KINDS)]
    rows = st.selectbox(
        "Rows", names, key=address.COMPARE_ROWS.name, bind=address.COMPARE_ROWS.bind, label_visibility="collapsed", width=170,
        help="One row alone is shown larger, with more pictures.",
    )  # fmt: skip
    pick = max(0, session.param(address.COMPARE_PICK))
    if session.button(
        "Other images", "other images", icon=":material/casino:", help="Other images, and other codes."
    ):
        session.set_param(address.COMPARE_PICK, pick + 1)
    return str(rows)
