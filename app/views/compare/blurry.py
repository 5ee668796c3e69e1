"""Why blurry: one image under each likelihood, and the mean of the images that its code stands for as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from app import layout
from app.boundary import plain
from app.services import comparing, datasets, models, runs
from app.services.cache import LruCache
from app.services.comparing import Averages
from app.services.tasks import Task
from app.state import address, session
from app.views.compare.choice import alike
from app.views.compare.matrix import Cell, Head, Row, table
from app.views.compare.training import start
from app.widgets.prepare_dataset import offer_images
from app.widgets.work import follow
from app.words import number
from vae_core import pictures
from vae_core.comparison import (
    PLAIN_VAE,
    default_name,
    kind_of,
    nearest_codes,
    of_each_likelihood,
    shown_images,
)
from vae_core.data.imageset import ImageSet
from vae_core.events import EpochDone
from vae_core.objectives import LIKELIHOODS, OBJECTIVES
from vae_core.options import Entry
from vae_core.runs.record import COMPARED, ENDED, LIVE
from vae_core.runs.run import Run
from vae_core.runs.sharpen import SHARPENING, why_not
from vae_core.words import counted, listed

NEAREST = 12  # images behind a mean: few enough to be alike, enough to blur
ACROSS = 4
UNDER = 14.4  # rem of what stands above and below the pictures
LARGE, SMALL = 256, 96  # pixels of an image, at least

_told: LruCache[float | None] = LruCache(64)


def controls(run: Run) -> None:
    """Another image, and the form that trains what is missing; stands in the page's toolbar."""
    found = under_each(run)
    missing = [name for name in LIKELIHOODS if name not in found]
    if found and session.button(
        "Another image", "another image", icon=":material/casino:", help="The next of the test images."
    ):
        session.set_param(address.BLURRY_PICK, max(0, session.param(address.BLURRY_PICK)) + 1)
    if not runs.places().writable:
        return
    _offer_sharpening(run, found)
    if not missing:
        return
    words = f"{listed(LIKELIHOODS[name].title for name in missing)}, each as large as {run.name}."
    with st.popover(
        f"Train the {len(missing)} missing", icon=":material/model_training:", type="primary", help=plain(words),
        key=address.BLURRY_FORM.name, on_change="rerun",
    ) as form:  # fmt: skip
        if form.open:
            train_missing(run, missing)


def _offer_sharpening(run: Run, found: Mapping[str, Run]) -> None:
    """A press sharpens a VAE of the screen, the one looked at where it can be, if none is sharpened yet."""
    able = [one for one in (run, *found.values()) if not why_not(one) and one.status().state not in LIVE]
    if SHARPENING in found or not able or _sharpens(run):
        return
    source = able[0]
    if session.button(
        "Sharpen", "sharpen here", icon=":material/deblur:",
        help=f"Adds the column VAE-GAN: the decoder of {plain(source.name)} goes on learning against a discriminator, in a new run.",
    ):  # fmt: skip
        store = runs.store()
        store.sharpen(source, group=COMPARED + default_name(source.record().effective, store, "sharp"))
        runs.queue().wake()
        st.rerun()


def _sharpens(run: Run) -> bool:
    """Whether a run that waits or trains is to be the column already."""
    everything = runs.store().readable()
    return any(_is_sharp(one, run) and one.status().state not in ENDED for one in everything)


def _is_sharp(one: Run, run: Run) -> bool:
    theirs = one.record().effective
    return theirs.objective.entry.goes_on and theirs.model == run.record().effective.model and alike(run, one)


def blurry(run: Run, more: float) -> list[Run]:
    """The screen for the images and the network of `run`, and the runs that it shows. `more` rem stand over it."""
    found = under_each(run)
    pick = max(0, session.param(address.BLURRY_PICK))
    if not found:
        st.info(
            f"There is no VAE of these images as large as {plain(run.name)} yet. Press **Train the {len(LIKELIHOODS)} missing**: "
            "short runs, one for each likelihood.",
            icon=":material/info:",
        )
        return []
    data = datasets.images_of(run)
    if data is None or not len(data.test):
        st.caption("The images of this run are needed here.")
        offer_images(run)
        return []
    works = {name: comparing.averages_of(one, data) for name, one in found.items()}
    with layout.said("averaging"):
        follow(list(works.values()))
    _pictures(found, works, data, pick, UNDER + more)
    return list(found.values())


def under_each(run: Run) -> dict[str, Run]:
    """A plain VAE of the same images and network for each likelihood, by its name, in the registry's order: `run` first,
    then those trained to be compared, then the newest. After them a sharpened one, by its objective's name."""
    mine = run.record().effective
    found: dict[str, Run] = {}
    everything = [one for one in runs.store().readable() if one.has_weights() and alike(run, one)]
    for one in sorted(
        everything, key=lambda one: (one.id != run.id, not one.record().group.startswith(COMPARED))
    ):
        theirs = one.record().effective
        if theirs.model == mine.model and kind_of(theirs.objective) == PLAIN_VAE:
            found.setdefault(theirs.objective.likelihood.name, one)
        if _is_sharp(one, run):
            found.setdefault(SHARPENING, one)
    return {name: found[name] for name in (*LIKELIHOODS, SHARPENING) if name in found}


def _entry(name: str) -> Entry:
    """Of a column: a likelihood, or the objective that sharpens."""
    return OBJECTIVES[name] if name == SHARPENING else LIKELIHOODS[name]


def train_missing(run: Run, missing: Sequence[str]) -> None:
    titles = {LIKELIHOODS[name].title: name for name in missing}
    picked = st.pills(
        "Likelihoods", list(titles), selection_mode="multi", default=list(titles), key="likelihoods to train"
    )
    names = [titles[title] for title in picked]
    start(
        run,
        lambda config: of_each_likelihood(config, names),
        len(names),
        "blurry",
        "likelihoods of one model",
    )


# ---------------------------------------------------------------- pictures and numbers


def _pictures(
    found: Mapping[str, Run], works: Mapping[str, Task[Averages]], data: ImageSet, pick: int, under: float
) -> None:
    index = shown_images(data, 1, pick)
    image = np.asarray(data.images[index])
    label = data.label_of(int(index[0]))
    heads = [Head("The image", f"number {index[0]}" + (f", {label}" if label else ""))]
    drawn = [Cell(_one(image), "the image", "sharpness 1: all are measured by it")]
    means = [Cell(None, "", f"Mean of the {NEAREST} training images whose codes are nearest.")]
    others = [Cell(None, "", "These images: as good as equal to the model, where its code is narrow.")]
    for name, run in found.items():
        entry, work = _entry(name), works[name]
        heads.append(Head(entry.title.split(" (")[0], run.name, entry.blurb))
        model = models.model(run)
        code = model.encode(image)
        result = work.result
        sharp = (
            "" if result is None or result.sharpness is None else f"sharpness {number(result.sharpness, 2)}"
        )
        drawn.append(
            Cell(
                _one(model.decode_uint8(code.mean)),
                f"drawn by {run.name}",
                " · ".join(filter(None, (sharp, nats(run)))),
            )
        )
        if result is None:
            means.append(Cell(None, "", "being worked out"))
            others.append(Cell(None, "", ""))
            continue
        rows = nearest_codes(code.mean[0], code.std[0], result.mean, NEAREST)
        near = np.asarray(data.images[result.images[rows]])
        mean = np.rint(near.mean(0, keepdims=True)).astype(np.uint8)
        means.append(Cell(_one(mean), f"mean of the images nearest for {run.name}"))
        others.append(Cell(pictures.grid(_rows(near), SMALL), f"images nearest for {run.name}"))
    table(
        heads,
        [
            Row("Drawn again", "what each decoder makes of the code", tuple(drawn)),
            Row("Their mean", "of the images below", tuple(means)),
            Row("Alternatives", "images of nearly the same code", tuple(others)),
        ],
        under=under,
    )
    known = {
        name: work.result.sharpness
        for name, work in works.items()
        if work.result is not None and work.result.sharpness
    }
    st.caption(
        f"{in_words(known)}A decoder draws one picture for each code: images that share a code, as far as the model can tell, "
        "come out as one, and squared error makes of them their mean, blurred wherever they differ. Nats of different "
        "likelihoods measure different things and are not compared."
    )


def in_words(sharpness: Mapping[str, float | None]) -> str:
    """Which likelihood draws sharpest, from the numbers of those that are known, and a space."""
    known = {name: value for name, value in sharpness.items() if value is not None}
    if len(known) < 2:
        return ""
    low, high = min(known, key=lambda n: known[n] or 0), max(known, key=lambda n: known[n] or 0)
    if known[high] == known[low]:
        return "All draw equally sharp here. "
    titles = (_entry(high).title.split(" (")[0], _entry(low).title.split(" (")[0])
    return (
        f"Of {counted(len(known), 'model')}, {titles[0]} draws sharpest here ({number(known[high] or 0, 2)} of the images' "
        f"sharpness) and {titles[1]} least sharp ({number(known[low] or 0, 2)}). "
    )


def nats(run: Run) -> str:
    """−ELBO of the validation images after the last epoch, named for what it is; empty where there is none, and where no
    likelihood was learned, that there are no nats.
    """
    objective = run.record().effective.objective
    if objective.no_elbo:
        return "no likelihood, no nats"
    log = run.path / "events.jsonl"
    size = log.stat().st_size if log.exists() else 0
    value = _told.get_or_make((run.path, size), lambda: _bound(run))
    if value is None:
        return ""
    what = "−ELBO" if objective.likelihood_entry.density else "cross-entropy + rate"
    return f"{what} {number(value)} nats"


def _bound(run: Run) -> float | None:
    for event in reversed(run.history()):
        if isinstance(event, EpochDone):
            return None if event.validation.elbo is None else -event.validation.elbo
    return None


def _one(image: np.ndarray) -> bytes:
    return pictures.png(image[0], LARGE)


def _rows(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) in rows of ACROSS; a row that is not full is left out."""
    down = max(1, len(images) // ACROSS)
    across = min(ACROSS, len(images))
    return images[: down * across].reshape(down, across, *images.shape[1:])
