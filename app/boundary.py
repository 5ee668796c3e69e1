"""The one place where faults become sentences on a page."""

from __future__ import annotations

import logging

import streamlit as st

from vae_core.errors import VaeCoreError

log = logging.getLogger("latent_explorer")


def show(error: Exception) -> bool:
    """Show a fault; True, so that Streamlit shows nothing of its own."""
    if isinstance(error, VaeCoreError):
        text = str(error)
        st.error(text[:1].upper() + text[1:], icon=":material/error:")
    else:
        log.exception("a page failed", exc_info=error)
        st.error(
            f"Something went wrong on this page ({type(error).__name__}: {error}). Your runs and images are as they "
            "were; reload the page to go on.",
            icon=":material/error:",
        )
    return True
