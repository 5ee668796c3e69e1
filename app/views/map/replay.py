"""The epochs of a run whose images are not here, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.boundary import sentence
from app.components.map import latent_map, points
from app.services import array_store
from app.state import address
from app.views.map.quality import quality_caption
from vae_core.errors import TooFewPoints
from vae_core.latent.axes import project
from vae_core.latent.pca import pca
from vae_core.runs.array_files import EpochCodes
from vae_core.runs.run import Run
from vae_core.words import counted


def epoch_replay(run: Run, asked: Any, kind: str, kept: list[EpochCodes], menu: DeltaGenerator) -> None:
    """How the space formed where the images are not here: the codes that each epoch kept, on the last one's axes.

    `menu` is where it is switched on.
    """
    if not menu.toggle(
        "Replay epochs",
        key=address.FORMED.name,
        bind=address.FORMED.bind,
        help="The same images at the end of each epoch, on the last epoch's axes, below the map.",
    ):
        return
    means = [e.mean for e in kept]
    if kind == "dimensions":
        frames, x, y = np.stack([m[:, list(asked)] for m in means]), f"z{asked[0]}", f"z{asked[1]}"
    else:
        try:
            last = pca(means[-1])
        except TooFewPoints as error:
            st.info(sentence(error))
            return
        frames, x, y = np.stack([project(last, m) for m in means]), "first component", "second component"
    latent_map(
        points(run.id, run.stamp(), "epochs", frames[-1].astype(np.float32), kept[-1].images)
        | {"title": f"{counted(len(kept[-1].images))}, {counted(len(kept), 'epoch')}", "x": x, "y": y, "colour": {"kind": "none", "title": ""}, "chosen": -1, "decoded": True,
           "frames": {"points": array_store.url(frames), "words": [f"epoch {e.epoch}" for e in kept]}},
        "map of epochs", on_point=lambda: None, on_selection=lambda: None, on_spot=lambda: None,
    )  # fmt: skip
    quality_caption(means[-1], frames[-1].astype(np.float32), "Axes and measures are those of the last epoch; earlier codes are projected onto its axes.")  # fmt: skip
