"""A person's own image on the map."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.boundary import copyable
from app.views.map.projections import Layout
from app.widgets import image_picker
from vae_core.errors import VaeCoreError
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.axes import project
from vae_core.latent.umap import place_by


def own_image(model: LoadedModel, codes: StoredCodes, layout: Layout, asked: Any) -> list[dict[str, Any]]:
    """An image that a person uploads or draws, as a mark on the map: none, or one of {x, y, words}."""
    st.markdown("**Place your own image** on the map")
    try:
        image = image_picker.uploaded(model, "map")
    except VaeCoreError as error:
        st.error(copyable(error), icon=":material/error:")
        return []
    if image is None:
        return []
    if layout.linear is None:
        spot = place_by(asked.metric, image.code[None], codes.mean, layout.points)[0]
        st.caption(
            "Placed by the weighted mean of its nearest neighbours' places: UMAP was not computed again."
        )
    else:
        spot = project(layout.linear, image.code[None])[0]
        st.caption("Placed exactly.")
    return [{"x": float(spot[0]), "y": float(spot[1]), "words": image.words[:24]}]
