"""What is chosen of the pictures: rows, where random codes come from, what tells the nearest image, and other images."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.state import address, session
from vae_core.evaluation.samples import MIXTURE, PRIOR

ALL = "All"
PIXELS, FEATURES = "pixels", "features"


def controls(kinds: Sequence[str]) -> str:
    """The choice of rows and codes, and other images; gives the rows, of `kinds` or ALL."""
    names = [ALL, *kinds]
    with st.popover("Rows, codes", icon=":material/tune:"):
        rows = st.radio(
            "Rows", names, key=address.COMPARE_ROWS.name, bind=address.COMPARE_ROWS.bind, horizontal=True,
            help="One row alone is shown larger, with more pictures.",
        )  # fmt: skip
        st.radio(
            "Random codes come from", [PRIOR, MIXTURE], key=address.COMPARE_CODES.name, bind=address.COMPARE_CODES.bind, horizontal=True,
            help="The prior is what a VAE is drawn to; an autoencoder's codes lie anywhere, and it draws nonsense between them. A "
            "mixture of Gaussians, fitted to each model's own codes of training images, fills that gap (Ghosh et al. 2020).",
        )  # fmt: skip
        st.radio(
            "The nearest image is that in", [PIXELS, FEATURES], key=address.COMPARE_NEAR.name, bind=address.COMPARE_NEAR.bind,
            horizontal=True,
            help="Pixels tell a copy, and miss one that was moved a little. Features are those in which samples are measured: of a "
            "small classifier of the labels, or principal components where there are none.",
        )  # fmt: skip
        st.slider(
            "Temperature", 0.1, 2.0, 1.0, step=0.1, key=address.COMPARE_TEMPERATURE.name, bind=address.COMPARE_TEMPERATURE.bind,
            help="Below 1 codes lie nearer to the middle: safer pictures, less variety."
        )  # fmt: skip
    pick = max(0, session.param(address.COMPARE_PICK))
    if session.button(
        "Other images", "other images", icon=":material/casino:", help="Other images, and other codes."
    ):
        session.set_param(address.COMPARE_PICK, pick + 1)
    return str(rows)
