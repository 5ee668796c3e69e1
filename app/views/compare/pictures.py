"""The same images and the same codes through several models, kept by the weights that drew them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from app import layout
from app.services import comparing, datasets, models, projecting
from app.services.cache import LruCache
from app.services.tasks import Task
from app.state import address, session
from app.views.compare.choice import title_of
from app.views.compare.controls import ALL, FEATURES, PIXELS
from app.views.compare.matrix import Cell, Head, Row, table
from app.views.compare.training import LINE
from app.widgets.prepare_dataset import offer_images
from app.widgets.work import follow
from app.words import number
from vae_core import pictures
from vae_core.comparison import same_noise, shown_images
from vae_core.data.imageset import ImageSet
from vae_core.errors import BadRun
from vae_core.evaluation.samples import MIXTURE, PRIOR
from vae_core.inference import LoadedModel
from vae_core.latent.paths import lerp
from vae_core.latent.sampling import Mixture
from vae_core.runs.record import QUEUED
from vae_core.runs.run import Run

UNDER = 12.0  # rem of what stands above and below the rows of pictures
SEARCH = 2.5  # rem of the line that says how far a search for codes is, with its button
SIZE = 96  # pixels of an image, at least: enlarged by whole pixels, so that none is blurred but by its model

_drawn: LruCache[bytes] = LruCache(64 * 2**20, size=len)
_off: LruCache[float] = LruCache(512)


@dataclass(frozen=True)
class Shown:
    """What all columns share: the images, how many fit into a cell, and where random codes come from. `key` names the images.

    `works` collects what is worked out behind the page for these pictures, and `ended` what of it a person ended early: a
    network and the images whose codes it was searched for. `told` collects what features are.
    """

    data: ImageSet | None
    images: np.ndarray | None
    key: tuple[Any, ...]
    pick: int
    across: int
    down: int
    codes: str
    temperature: float
    near: str
    owner: Run | None = field(default=None, compare=False)
    works: list[Task[Any]] = field(default_factory=list, compare=False)
    ended: list[tuple[LoadedModel, np.ndarray]] = field(default_factory=list, compare=False)
    told: list[str] = field(default_factory=list, compare=False)

    @property
    def count(self) -> int:
        return self.across * self.down

    @property
    def drawn(self) -> tuple[Any, ...]:
        """Names which random codes are drawn."""
        return self.codes, self.temperature, self.pick


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
    shown = _shown(found, *in_a_cell(len(found), rows))
    if shown.data is None:
        offer_images(found[0])
    with layout.said("compare-pictures"):
        place = st.container()
    heads = [
        Head("The images", found[0].record().effective.data.dataset, "Images that no model has learned from")
    ]
    heads += [Head(title_of(run), run.name) for run in found]
    drawn = [_row(kind, found, shown) for kind in kinds]
    searched = any(work.returns_best for work in shown.works)  # other work has no best so far
    with place:
        busy = (
            bool(shown.works) and follow(shown.works, stop="stop searching", help="Keeps the best so far.")
        ) or go_on(shown)
        if searched and not busy:
            st.caption(
                "A model without an encoder cannot read an image: the code whose picture is nearest was searched for."
            )
    if searched:  # a search comes and goes with each choice of images
        layout.keep_room("compare-pictures", SEARCH)
    table(heads, drawn, under=UNDER + more + (LINE if busy or searched else 0))


def in_a_cell(models: int, rows: str) -> tuple[int, int]:
    """How many images across and down a cell of the table has beside so many models."""
    columns = models + 1
    if rows == ALL:
        return max(3, 24 // columns), 4
    across = max(4, 26 // columns)
    return across, _down(across, columns)


def go_on(shown: Shown) -> bool:
    """Of searches that were ended early, that they were, and a button to go on with them; whether anything is said."""
    if not shown.ended:
        return False
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("The search for codes was ended early: these are the nearest so far.", width="stretch")
        if session.button("Go on", "go on searching for codes", icon=":material/refresh:"):
            for model, images in shown.ended:
                projecting.forget(model, images)
            st.rerun()
    return True


def _down(across: int, columns: int) -> int:
    """Rows of images in a cell that has the whole height, in a window half as high as wide; an even number."""
    return 2 * max(2, min(4, round(across * columns * 0.2)))


def _shown(found: Sequence[Run], across: int, down: int) -> Shown:
    pick = max(0, session.param(address.COMPARE_PICK))
    data = next((d for run in found if (d := datasets.images_of(run)) is not None), None)
    codes = session.get(address.COMPARE_CODES) or PRIOR
    near = session.get(address.COMPARE_NEAR) or PIXELS
    drawn = (pick, across, down, codes, session.get(address.COMPARE_TEMPERATURE), near)
    if data is None or not len(data.test):
        return Shown(None, None, (), *drawn)
    index = shown_images(data, across * down, pick)
    owner = next((run for run in found if datasets.images_of(run) is data and run.has_weights()), None)
    return Shown(data, np.asarray(data.images[index]), (data.fingerprint, index.tobytes()), *drawn, owner)


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
    words = f"{kind.words} {_by(shown)}" if kind.name == NEAREST else kind.words
    return Row(kind.name, words, tuple(cells))


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

NO_IMAGES = "The images are not here yet: see above."


def _images(shown: Shown) -> Cell:
    if shown.images is None:
        return Cell(None, "", NO_IMAGES)
    return Cell(
        _drawn.get_or_make((shown.key, shown.across, "images"), lambda: _grid(_of(shown), shown)),
        "images",
        "as they are",  # a line as the others have, so that all pictures are of one size
    )


def _of(shown: Shown) -> np.ndarray:
    assert shown.images is not None
    return shown.images


def _codes(run: Run, images: np.ndarray, shown: Shown) -> tuple[np.ndarray, str] | str:
    """Codes (N, D) of images, and how the pictures of them are called: encoded, or searched for where there is no encoder.
    Else why there are none yet."""
    model = models.model(run)
    if model.has_encoder:
        return model.encode(images).mean, "reconstruction"
    search = projecting.start(model, images)
    shown.works.append(search)
    found = search.result
    if found is None:
        return search.error or "It has no encoder: the code of each image is being searched for."
    if found.stopped:
        shown.ended.append((model, images))
    return found.codes, "projection ended early" if found.stopped else "projection"


def _reconstructed(run: Run, shown: Shown) -> Cell:
    if shown.images is None:
        return Cell(None, "", NO_IMAGES)
    images = shown.images
    found = _codes(run, images, shown)
    if isinstance(found, str):
        return Cell(None, "", found)
    codes, name = found
    png = _drawing(run, shown, f"reconstructed {name}", lambda: models.model(run).decode_uint8(codes))
    return Cell(
        png,
        f"{name.split(' ')[0]}s by {run.name}",
        f"{name}, off by {_apart(run, images, codes, shown)}",
    )


def _apart(run: Run, images: np.ndarray, codes: np.ndarray, shown: Shown) -> str:
    """How far images and the pictures of their codes are apart: root mean square difference, mean over the images."""

    def measure() -> float:
        drawn = models.model(run).decode(codes)
        squares = np.square(drawn - images / np.float32(255)).reshape(len(images), -1)
        return float(np.sqrt(squares.mean(1)).mean())

    return number(_off.get_or_make((run.id, run.stamp(), shown.key, codes.tobytes()), measure), 2)


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
    ends = _ends(shown)
    if ends is None:
        return Cell(None, "", NO_IMAGES)
    found = _codes(run, np.concatenate(ends), shown)
    if isinstance(found, str):
        return Cell(None, "", found)
    codes, name = found

    def draw() -> np.ndarray:
        a, b = np.split(codes, 2)
        t = np.linspace(0, 1, shown.across)
        return models.model(run).decode_uint8(
            np.concatenate([lerp(x, y, t) for x, y in zip(a, b, strict=True)])
        )

    what = "interpolations" if name == "reconstruction" else "interpolations between projections"
    return Cell(_drawing(run, shown, f"between {name}", draw), f"{what} by {run.name}")


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


def _random(run: Run, shown: Shown, count: int) -> Callable[[], np.ndarray] | str:
    """What draws `count` images (N, C, H, W) of random codes; else why nothing can be drawn, or not yet."""
    mixture: Mixture | None = None
    if shown.codes == MIXTURE and run.record().effective.objective.entry.has_encoder:
        if shown.data is None:
            return NO_IMAGES
        work = comparing.averages_of(run, shown.data)
        shown.works.append(work)
        if work.result is None:
            return work.error or "its codes are being read"
        mixture = work.result.mixture
        if mixture is None:
            return "It has too few images for a mixture in so many dimensions."

    def draw() -> np.ndarray:
        model = models.model(run)
        noise = same_noise(count, model.latent_dim, shown.pick)
        if mixture is None:
            return model.decode_uint8(shown.temperature * noise)
        return model.decode_uint8(mixture.draw(noise, np.random.default_rng(shown.pick), shown.temperature))

    return draw


def _sampled(run: Run, shown: Shown) -> Cell:
    draw = _random(run, shown, shown.count)
    if isinstance(draw, str):
        return Cell(None, "", draw)
    plain_prior = shown.codes == MIXTURE and not run.record().effective.objective.entry.has_encoder
    words = "from the prior: it has no codes of images" if plain_prior else ""
    return Cell(_drawing(run, shown, f"sampled {shown.drawn}", draw), f"samples of {run.name}", words)


# ---------------------------------------------------------------- what it has seen


def _pairs(made: np.ndarray, real: np.ndarray, shown: Shown) -> np.ndarray:
    """Rows of made images, each over the row of the real ones nearest to them."""
    rows = [np.concatenate(pair) for pair in zip(_cut(made, shown), _cut(real, shown), strict=True)]
    return np.concatenate(rows)


def _cut(images: np.ndarray, shown: Shown) -> list[np.ndarray]:
    return [images[i : i + shown.across] for i in range(0, len(images), shown.across)]


def _near(
    run: Run, shown: Shown, name: str, draw: Callable[[], np.ndarray] | str, key: tuple[Any, ...]
) -> Cell:
    if isinstance(draw, str):
        return Cell(None, "", draw)
    if shown.data is None:
        return Cell(None, "", NO_IMAGES)
    by_features = shown.near == FEATURES
    work = comparing.nearest_of(
        run, shown.data, (name, *key, shown.across, shown.down), draw, by_features=by_features
    )
    shown.works.append(work)
    found = work.result
    if found is None:
        return Cell(None, "", work.error or "being compared")
    shown.told.append(found.features)
    png = _drawing(
        run, shown, f"nearest by {shown.near} {name} {key}", lambda: _pairs(found.made, found.real, shown)
    )
    return Cell(
        png,
        f"{name} over the training images nearest to them",
        f"apart by {number(float(found.far.mean()), 2)} "
        + ("in features" if by_features else "of a pixel's range"),
    )


NEAREST = "Nearest image"


def _by(shown: Shown) -> str:
    """In what images are near, as far as it is known."""
    return next(filter(None, shown.told), shown.near)


def _near_data(shown: Shown) -> Cell:
    """Test images over training images: how near real images that were never seen come."""
    images, owner = shown.images, shown.owner
    if images is None or owner is None:
        return Cell(None, "", NO_IMAGES)
    some = images[: shown.count // 2]
    return _near(owner, shown, "other images", lambda: some, (shown.key,))


def _near_run(run: Run, shown: Shown) -> Cell:
    draw = _random(run, shown, shown.count // 2)
    return _near(run, shown, f"samples of {run.name}", draw, shown.drawn)


KINDS = (
    Kind(
        "Same images",
        "each drawn again from its code, and how far it is off, of a pixel's range",
        _images,
        _reconstructed,
    ),
    Kind(
        "Interpolation",
        "between the codes of two images, a pair a row; left, the pixels faded",
        _cross_fade,
        _between,
    ),
    Kind("Random codes", "the same for all; left, other real images", _others, _sampled),
    Kind(NEAREST, "samples, each over the training image nearest in", _near_data, _near_run),
)
