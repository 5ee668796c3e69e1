"""Latent map: where the images lie, seen in two dimensions; what lies there, and how far the picture can be trusted."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import resources
from app.boundary import fragment, sentence
from app.plots.codes import kl_bars
from app.plots.figure import PLAIN
from app.state import address, session
from app.state.session import NO_RUN
from app.views.map.canvas import draw_map
from app.views.map.colours import colour_choice
from app.views.map.comparison import comparison_choice, draw_second_map, second_map
from app.views.map.groups import saved_groups
from app.views.map.image import image_panel
from app.views.map.own_image import own_image
from app.views.map.place import place_panel
from app.views.map.prior import prior_panel
from app.views.map.quality import quality_caption
from app.views.map.replay import epoch_replay
from app.views.map.search import chosen_row, search
from app.views.map.selection import selected_images
from app.views.map.selection_panel import selection_panel
from app.views.map.shown_codes import (
    SPLITS,
    codes_of_split,
    epoch_codes,
    open_split_of_chosen_image,
    replay_toggle,
    shown_model,
    stale_badge,
)
from app.views.map.toolbar import layout_of, projection_choice, projection_options
from app.views.map.umap_layout import umap_progress
from vae_core.errors import BadCodes, TooFewPoints
from vae_core.inference import StoredCodes
from vae_core.runs.record import LIVE


def page() -> None:
    st.title("Latent map")
    run = session.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    held, stale = shown_model(run)
    model = held.model
    open_split_of_chosen_image(run, model)
    epochs = epoch_codes(run)
    columns = st.columns([0.75, 2.1, 2, 1.1], vertical_alignment="bottom")
    with st.container():
        # what is not learning now is looked at when a person does something
        fragment(run_every=3 if run.status().state in LIVE else None)(stale_badge)(run, held, stale)
    second = st.container(horizontal=True, vertical_alignment="bottom")
    with second:
        formed = replay_toggle(run, epochs)
    with columns[0]:
        split = st.selectbox("Split", SPLITS, key=address.SPLIT.name, bind=address.SPLIT.bind, disabled=formed or resources.images_of(run) is None)  # fmt: skip
    # what is only sometimes there stands in a container that always is: whatever moved for it would be made anew
    with st.container():
        codes = codes_of_split(run, held, stale, "epochs" if formed else split)
    if codes is None:
        return
    with columns[1]:
        kind = projection_choice(codes)
    with columns[2]:
        asked = projection_options(run, codes, kind)
    everything: StoredCodes = codes
    try:
        seen = layout_of(run, model, codes, kind, asked)
    except (TooFewPoints, BadCodes) as error:
        st.warning(sentence(error), icon=":material/scatter_plot:")
        return
    if seen is not None and seen.rows is not None:
        codes = codes.take(seen.rows)
    with columns[3]:
        colour = colour_choice(everything, codes, model)
    with st.container():
        if kind == "UMAP" and (seen is None or seen.rows is not None):
            umap_progress(run, model.stamp, everything, asked, seen is not None)
    if seen is None:
        return
    frames = [e for e in epochs if np.array_equal(e.images, codes.index)] if formed else []
    chosen = chosen_row(codes)
    selected = np.isin(codes.index, selected_images(run, codes))
    with second:
        placed = own_image(model, codes, seen, asked)
        aside = comparison_choice(run, epochs)
    with st.container():
        other = second_map(run, model, codes, seen, kind, colour, aside, epochs)
    where = (run.id, codes.split, kind, str(asked))
    spot = session.get(address.MAP_SPOT)
    spot = spot[1] if spot is not None and spot[0] == where else None
    session.put(address.MAP_WHERE, where)
    if other is None:
        left, right = st.columns([2, 1], gap="large")
    else:
        left, beside = st.columns(2, gap="medium")
        with beside:
            draw_second_map(other, chosen, selected)
        right = st.container()
    with left:
        draw_map(run, model, codes, seen, colour, chosen, selected, placed, spot, frames)
        quality_caption(codes.mean, seen.points, seen.words)
    with right:
        search(codes)
        if spot is not None and chosen is None:
            place_panel(model, codes, seen, spot)
        elif chosen is None:
            st.info(
                "Click a point to see its image, its reconstruction and its neighbours; click where nothing is to decode that "
                "place; draw a lasso or a box to select.",
                icon=":material/ads_click:",
            )
            _kl_summary(codes)
        else:
            image_panel(run, model, codes, chosen)
    if selected.any():
        selection_panel(run, model, codes, selected)
    else:
        saved_groups(run, codes)
    prior_panel(model, codes)
    if epochs and resources.images_of(run) is None:
        epoch_replay(run, asked, kind, epochs)


def _kl_summary(codes: StoredCodes) -> None:
    kl = np.nan_to_num(codes.kl_per_dim)
    if kl.any():
        st.plotly_chart(kl_bars(kl), key="map kl", config=PLAIN)


page()
