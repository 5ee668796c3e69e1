"""Finds an image by its label or number."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.boundary import plain
from app.state import address, session
from app.views.map.projections import described
from app.widgets import image_picker
from vae_core.inference import StoredCodes


def chosen_row(codes: StoredCodes) -> int | None:
    """Row of the image named in the URL."""
    wanted = session.param(address.CHOSEN_IMAGE)
    if wanted is None:
        return None
    rows = np.flatnonzero(codes.index == wanted)
    return int(rows[0]) if len(rows) else None


def search(codes: StoredCodes) -> None:
    """An image by label and place, or by number."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = ["any", *image_picker.class_names(codes)] if codes.labels is not None else ["any"]
        label = st.selectbox("Find by label", names, key="find label", disabled=len(names) < 2, width=140)
        number = st.number_input(
            "or by number", 0, 10**9 - 1, None, key="find image", width=140, help="The image's number; with a label, its place among those."
        )  # fmt: skip
        if session.button("Find", "find", icon=":material/search:"):
            rows = np.arange(len(codes))
            if label != "any" and codes.labels is not None:
                rows = np.flatnonzero(codes.labels == names.index(label) - 1)
                row = rows[int(number or 0) % len(rows)] if len(rows) else None
            else:
                hit = np.flatnonzero(codes.index == int(number or 0))
                row = hit[0] if len(hit) else None
            if row is None:
                wanted = f"Image {int(number or 0)}" if label == "any" else f"An image of {label}"
                st.warning(
                    f"{plain(wanted)} is not among these {described(codes)}.", icon=":material/search_off:"
                )
            else:
                session.set_param(address.CHOSEN_IMAGE, int(codes.index[row]))
                st.rerun()
