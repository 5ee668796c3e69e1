"""A person's own image on the map."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.views.map.projections import Layout
from app.widgets import image_picker
from vae_core.errors import VaeCoreError
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent import projection
from vae_core.latent.axes import project


def own_image(model: LoadedModel, codes: StoredCodes, seen: Layout, asked: Any) -> list[dict[str, Any]]:
    """A person's own image, placed on the map."""
    with st.popover("Place an image of mine", icon=":material/add_photo_alternate:"):
        try:
            anchor = image_picker.uploaded(model, "map")
        except VaeCoreError as error:
            st.error(str(error), icon=":material/error:")
            return []
        if anchor is None:
            return []
        if seen.linear is None:
            spot = projection.place_by(asked.metric, anchor.code[None], codes.mean, seen.points)[0]
            st.caption(
                "Placed by the weighted mean of its nearest neighbours' places: UMAP was not computed again."
            )
        else:
            spot = project(seen.linear, anchor.code[None])[0]
            st.caption("Placed exactly.")
        return [{"x": float(spot[0]), "y": float(spot[1]), "words": anchor.words[:24]}]
