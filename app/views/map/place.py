"""A place on the map where no image lies, decoded."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import words
from app.state import address, session
from app.state.code_format import pack
from app.views.map.projections import Layout
from vae_core import pictures
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.axes import lift
from vae_core.latent.placing import code_at


def place_panel(model: LoadedModel, codes: StoredCodes, layout: Layout, spot: list[float]) -> None:
    """An empty place `spot` (x, y) of the map, decoded."""
    at = np.array([spot])
    code = code_at(at, layout.points, codes.mean)[0] if layout.linear is None else lift(layout.linear, at)[0]
    st.subheader(f"At {words.number(spot[0])}, {words.number(spot[1])}", anchor=False)
    st.image(pictures.png(model.decode_uint8(code)[0], 256), width=256, alt="decoded place")
    if layout.linear is None:
        how = "Decoded from the weighted mean code of the nearest 15 images on the map: UMAP has no inverse."
    elif layout.raw and codes.mean.shape[1] == 2:
        how = "Decoded exactly: these two numbers are the whole code."
    elif layout.raw:
        how = "Decoded with the other dimensions at 0" + (", the prior's mean." if model.stochastic else ".")
    else:
        how = "Decoded by inverting the projection, with all other directions at their mean."
    st.caption(how)
    with st.container(horizontal=True):
        session.link("sliders", "Open in Sliders", ":material/tune:", {address.CODE: pack(code)})
        session.link("interpolate", "Add to a path", ":material/timeline:", {address.CODE: pack(code)})
        if session.button("Clear", "clear spot", icon=":material/close:"):
            session.forget(address.MAP_SPOT)
            st.rerun()
