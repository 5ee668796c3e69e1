"""Which network's codes the map shows: a split's, encoded where they are not stored yet."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import boundary
from app.services import datasets, models, run_codes
from app.state import address, session
from app.widgets.learning import weights_words
from app.widgets.prepare_dataset import offer_images
from vae_core.data import ImageSet
from vae_core.data.splits import NAMES
from vae_core.errors import RunNotFound
from vae_core.inference import LoadedModel, StoredCodes, compute_codes, encode_images
from vae_core.options import capitalised
from vae_core.runs.array_files import EpochCodes, WeightsAt
from vae_core.runs.run import Run
from vae_core.words import counted

SPLITS = [*NAMES, "all"]
ENOUGH = 100  # images, of which a map shows more than where they lie


MOST_IMAGES = 100_000  # images of a split that are encoded


@dataclass
class ShownModel:
    """The network and the codes, by split, that the session's map shows. They stay as they are while the run learns on."""

    run: str
    model: LoadedModel
    splits: dict[str, StoredCodes]
    at: WeightsAt | None = None


def open_split_of_chosen_image(run: Run, model: LoadedModel) -> None:
    """Once a shipped run's images are here its codes fall into splits: open the one that holds the chosen image."""
    data, wanted = datasets.images_of(run), session.param(address.CHOSEN_IMAGE)
    if data is None:
        session.put(address.WITHOUT_IMAGES, run.id)
    elif session.get(address.WITHOUT_IMAGES) == run.id:
        session.forget(address.WITHOUT_IMAGES)
        splits = model.config.data.split(data)
        for name in NAMES:
            if wanted is not None and wanted in splits.named(name):
                session.put(address.SPLIT, name)


def split_choice(run: Run, model: LoadedModel, replaying: bool) -> str:
    """Which images are mapped: those of the test split, or all where it holds too few of them."""
    data = datasets.images_of(run)
    usual = "test"
    if data is not None and len(model.config.data.split(data).test) < ENOUGH:
        usual = "all"
    # of another run than before the choice is kept where it was one for a set as large
    if session.get(address.SPLIT_RUN) not in (None, run.id) and usual == "all":
        session.put(address.SPLIT, usual)
    session.put(address.SPLIT_RUN, run.id)
    why = "Which part of the dataset is on the map."
    if data is None:
        why = "The run's images are not on this machine: the map shows those whose codes came with it."
    elif replaying:
        why = "Epochs are replayed with the images whose codes each epoch kept."
    found = st.selectbox(
        "Split", SPLITS, SPLITS.index(usual), key=address.SPLIT.name, bind=address.SPLIT.bind,
        disabled=replaying or data is None, help=why,
    )  # fmt: skip
    return found if found in SPLITS else usual


def shown_model(run: Run) -> tuple[ShownModel, bool]:
    """The network whose codes are on the map, and whether the run has other weights by now."""
    newest = models.model(run)
    shown = session.get(address.MAP_MODEL)
    if shown is None or shown.run != run.id:
        shown = ShownModel(run.id, newest, {}, run.weights_at())
        session.put(address.MAP_MODEL, shown)
    return shown, shown.model.stamp != newest.stamp


def stale_badge(run: Run, shown: ShownModel, stale: bool) -> None:
    """Say that the run has other weights by now, and offer to show them."""
    status = run.status()
    words = weights_words(shown.at, status) if status.live else ""
    if not stale:
        try:
            if run.stamp() != shown.model.stamp:
                st.rerun(scope="app")
        except RunNotFound as error:
            boundary.show(error)
            return
        if words:
            st.caption(f"{capitalised(words)}.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge("out of date", icon=":material/update:", color="orange")
        earlier = f"its {words}" if words else "its earlier codes"
        st.caption(f"The run has been trained further: this map shows {earlier}.", width="content")
        if session.button("Update the map", "update map", type="primary"):
            session.forget(address.MAP_MODEL)
            st.rerun(scope="app")


def epoch_codes(run: Run) -> list[EpochCodes]:
    """The codes stored at each epoch, oldest first; none where there is only one epoch."""
    kept = list(run_codes.epoch_codes(run))
    return kept if len(kept) > 1 else []


def replay_toggle(run: Run, epochs: list[EpochCodes]) -> bool:
    """Ask whether the map is to replay the epochs."""
    if not epochs or datasets.images_of(run) is None:
        return False
    return st.toggle(
        "Replay epochs", key=address.FORMED.name, bind=address.FORMED.bind,
        help=f"A slider over {counted(len(epochs), 'epoch')}, on the axes of the newest codes. Shows the {counted(len(epochs[-1].images))} whose "
        "codes each epoch kept, whatever the split.",
    )  # fmt: skip


def codes_of_split(run: Run, shown: ShownModel, stale: bool, split: str) -> StoredCodes | None:
    """The codes of a split, encoded with a progress bar where none are stored; shipped codes where the images are missing.

    The split "epochs" is the images that were encoded at every epoch.
    """
    data, model = datasets.images_of(run), shown.model
    codes = shown.splits.get(split) if stale or split == "epochs" else run_codes.codes(run, split)
    if codes is None or (codes.split != split and data is not None):
        if data is None:
            st.info(
                "This run has no stored codes: the map needs the run's images.",
                icon=":material/image_not_supported:",
            )
            offer_images(run)
            return None
        codes = encode_with_progress(run, model, data, split, stale)
    elif data is not None and not stale and split != "epochs":
        size = min(MOST_IMAGES, len(model.config.data.split(data).named(split)))
        if len(codes) < size:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"{len(codes):,} of {counted(size)} are on the map.", width="content")
                if session.button(f"Encode all {size:,}", f"encode all of {run.id}"):
                    codes = encode_with_progress(run, model, data, split, stale)
    shown.splits[split] = codes
    return codes


def encode_with_progress(
    run: Run, model: LoadedModel, data: ImageSet, split: str, stale: bool
) -> StoredCodes:
    """Encode a split under a progress bar. `stale`: with a network that the run has left behind, so nothing is stored."""
    bar, began = st.progress(0.0, text="encoding"), time.monotonic()

    def progress(share: float, what: str) -> None:
        left = (time.monotonic() - began) * (1 - share) / max(share, 1e-6)
        bar.progress(share, text=f"encoding {what} · about {left:.0f} s left; leaving this page stops it")

    try:
        if split == "epochs":
            return encode_images(model, data, epoch_codes(run)[-1].images, split, progress=progress)
        if stale:  # of weights that are no longer the run's: kept by this session alone
            index = model.config.data.split(data).named(split)
            index = index[np.linspace(0, len(index) - 1, min(MOST_IMAGES, len(index))).astype(int)]
            return encode_images(model, data, index, split, progress=progress)
        return compute_codes(run, model, data, split, most=MOST_IMAGES, progress=progress)
    finally:
        bar.empty()
