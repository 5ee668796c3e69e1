"""The selected images: pictures, mean, and what sets them apart from the rest."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import layout
from app.plots.codes import effect_bars, label_shares
from app.plots.figure import PLAIN
from app.services import datasets
from app.state import address, session
from app.views.map.groups import save_and_export
from app.widgets import image_picker
from vae_core import pictures
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.selection import effect_sizes
from vae_core.runs.run import Run
from vae_core.words import counted

IMAGES_A_PAGE = 48  # images of a selection shown at a time
ACROSS = 8


def selection_panel(run: Run, model: LoadedModel, codes: StoredCodes, inside: np.ndarray) -> None:
    rows, data = np.flatnonzero(inside), datasets.images_of(run)
    st.subheader(f"Selected: {len(rows):,} of {counted(len(codes))}", anchor=False)
    pages = -(-len(rows) // IMAGES_A_PAGE)
    if session.get(address.MAP_FIRST_PAGE):
        session.forget(address.MAP_FIRST_PAGE)
        session.put(address.MAP_PAGE, 1)
    page = min(int(session.get(address.MAP_PAGE)), pages)
    shown = rows[(page - 1) * IMAGES_A_PAGE : page * IMAGES_A_PAGE]
    images = model.decode_uint8(codes.mean[shown]) if data is None else np.asarray(data.images[codes.index[shown]])  # fmt: skip
    full = np.full((-(-len(shown) // ACROSS) * ACROSS, *images.shape[1:]), 255, np.uint8)
    full[: len(images)] = images
    st.image(
        pictures.grid(full.reshape(-1, ACROSS, *images.shape[1:]), 48),
        width="stretch",
        alt=f"{len(images)} of the selected images",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            f"Page of {pages}", 1, pages, page, key=address.MAP_PAGE.name, width=120, disabled=pages == 1
        )
        if data is None:
            st.caption("Decoded from their codes.")
    mean = model.decode_uint8(codes.mean[rows].mean(0))[0]
    both, words = [pictures.png(mean, 96)], ["decoded mean code"]
    if data is not None:
        some = codes.index[rows[np.linspace(0, len(rows) - 1, min(len(rows), 2000)).astype(int)]]
        both.insert(0, pictures.png(np.rint(np.asarray(data.images[some]).mean(0)).astype(np.uint8), 96))
        words.insert(0, "mean image")
    st.image(both, width=96, caption=words)
    if not inside.all():
        effect = effect_sizes(codes.mean, inside)
        order = np.argsort(-np.abs(effect))[:10]
        layout.chart(effect_bars([f"z{d}" for d in order], effect[order]), key="map effects", config=PLAIN)  # fmt: skip
    if codes.labels is not None:
        names = image_picker.class_names(codes)
        count = np.bincount(codes.labels[rows], minlength=len(names))[: len(names)]
        rest = np.bincount(codes.labels[~inside], minlength=len(names))[: len(names)]
        layout.chart(label_shares(names, count, rest), key="map labels", config=PLAIN)
    save_and_export(run, codes, rows)
