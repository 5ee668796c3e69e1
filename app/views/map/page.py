"""Latent map: the codes of images in two dimensions, what lies where, and how far the picture can be trusted."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import streamlit as st

from app import layout
from app.boundary import fragment, sentence
from app.plots.codes import kl_bars
from app.plots.figure import PLAIN
from app.services import datasets
from app.state import address, session
from app.state.session import NO_RUN
from app.views.map.canvas import draw_map
from app.views.map.colours import colour_choice
from app.views.map.comparison import SecondMap, comparison_choice, draw_second_map, second_map
from app.views.map.groups import saved_groups
from app.views.map.image import image_panel
from app.views.map.own_image import own_image
from app.views.map.place import place_panel
from app.views.map.prior import prior_panel
from app.views.map.projections import Layout
from app.views.map.quality import quality_caption
from app.views.map.replay import epoch_replay
from app.views.map.search import chosen_row, search
from app.views.map.selection import selected_images
from app.views.map.selection_panel import selection_panel
from app.views.map.shown_codes import (
    codes_of_split,
    epoch_codes,
    open_split_of_chosen_image,
    replay_toggle,
    shown_model,
    split_choice,
    stale_badge,
)
from app.views.map.toolbar import layout_of, projection_choice, projection_options
from app.views.map.umap_layout import umap_progress
from app.widgets import code_lines
from app.widgets.code_panel import code_panel, source
from vae_core.errors import BadCodes, TooFewPoints
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.runs.array_files import EpochCodes
from vae_core.runs.record import LIVE
from vae_core.runs.run import Run

UNDER = 5.4  # rem of the toolbar


def page() -> None:
    head = layout.title(
        "Latent map",
        "Point at a dot to see its image, click it to look closer, draw a lasso to compare groups.",
        *(
            "code",
            "latent space",
            "dimension",
            "posterior",
            "prior",
            "aggregate posterior",
            "trustworthiness",
            "continuity",
            "shared neighbours",
            "holes",
            "PCA",
            "UMAP",
            "axis",
        ),
        *("KL", "nats", "active"),
    )
    run = session.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    shown, stale = shown_model(run)
    model = shown.model
    if not model.has_encoder:
        st.info(
            "This run has no encoder, so its images have no codes to draw. **Sliders** and **Interpolate** walk through its "
            "latent space; a run of a VAE or an autoencoder has a map.",
            icon=":material/info:",
        )
        return
    open_split_of_chosen_image(run, model)
    epochs = epoch_codes(run)
    with layout.toolbar("map"):
        split_place, colour_place = st.container(width=130), st.container(width=180)
        kind_place, options_place = st.container(width="content"), st.container(width="content")
        more = layout.menu("More", ":material/tune:")
    with st.container():
        # only a run that is learning can change unasked
        fragment(run_every=3 if run.status().state in LIVE else None)(stale_badge)(run, shown, stale)
    with more:
        replaying = replay_toggle(run, epochs)
    with split_place:
        split = split_choice(run, model, replaying)
    # what comes and goes stands in a container that stays: Streamlit makes anew whatever would move for it
    with st.container():
        encoded = codes_of_split(run, shown, stale, "epochs" if replaying else split)
    if encoded is None:
        return
    with kind_place:
        kind = projection_choice(encoded)
    with options_place:
        options = projection_options(run, encoded, kind)
    try:
        found = layout_of(run, model, encoded, kind, options)
    except (TooFewPoints, BadCodes) as error:
        st.warning(sentence(error), icon=":material/scatter_plot:")
        return
    if not replaying:
        asked = dataclasses.asdict(options) if kind == "UMAP" else options
        code_panel(head, "map", code_lines.codes_map(source(run.id), split, kind, asked))
    partial = found is not None and found.rows is not None
    codes = encoded if found is None or found.rows is None else encoded.take(found.rows)
    with colour_place:
        colour = colour_choice(encoded, codes, model, datasets.names_of(run))
    with st.container():
        if kind == "UMAP" and (found is None or partial):
            umap_progress(run, model.stamp, encoded, options, partial)
    if found is None:
        return
    with more:
        marks = own_image(model, codes, found, options)
        compared_with = comparison_choice(run, epochs)
    with st.container():
        second = second_map(run, model, codes, found, kind, colour, compared_with, epochs)
    frames = [e for e in epochs if np.array_equal(e.images, codes.index)] if replaying else []
    _maps(run, model, codes, found, colour, marks, frames, second, (run.id, codes.split, kind, str(options)))
    if epochs and datasets.images_of(run) is None:
        epoch_replay(run, options, kind, epochs, more)


def _maps(
    run: Run, model: LoadedModel, codes: StoredCodes, found: Layout, colour: dict[str, Any], marks: list[dict[str, Any]],
    frames: list[EpochCodes], second: SecondMap | None, where: tuple[str, ...],
) -> None:  # fmt: skip
    """The map, the second one where there is one, and beside them what is selected and chosen on them.

    `where` names what the map shows: an empty place that was clicked is one of that map alone.
    """
    chosen = chosen_row(codes)
    selected = np.isin(codes.index, selected_images(run, codes))
    clicked = session.get(address.MAP_SPOT)
    spot = clicked[1] if clicked is not None and clicked[0] == where else None
    session.put(address.MAP_WHERE, where)
    if second is None:
        left, right = st.columns([2, 1], gap="medium")
    else:
        left, beside, right = st.columns([13, 13, 8], gap="small")  # what one points at gives way to the maps
        with beside:
            draw_second_map(second, chosen, selected)
    with left:
        draw_map(run, model, codes, found, colour, chosen, selected, marks, spot, frames)
        quality_caption(codes.mean, found.points, found.words)
    with right, layout.panel("inspector", under=UNDER):
        if selected.any():
            selection_panel(run, model, codes, selected)
        search(codes)
        if chosen is not None:
            image_panel(run, model, codes, chosen)
        elif spot is not None:
            place_panel(model, codes, found, spot)
        elif not selected.any():
            _guide(codes)
        if not selected.any():
            saved_groups(run, codes)
        prior_panel(model, codes)


def _guide(codes: StoredCodes) -> None:
    """What one can do here, and how much each dimension is used, while nothing is chosen."""
    st.info(
        "Click a point to see its image, reconstruction and neighbours. Click an empty place to decode it. "
        "Draw a lasso or a box to select images.",
        icon=":material/ads_click:",
    )
    kl = np.nan_to_num(codes.kl_per_dim)
    if kl.any():
        layout.chart(kl_bars(kl), key="map kl", config=PLAIN)
        layout.meanings("KL", "nats", "active", label="KL, nats", key="map kl words")


page()
