"""Streamlit v2 components: a folder each, hand-written JavaScript without a build step."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent


def component(name: str, html: str, *, isolate: bool = True) -> Any:
    """Register the component in folder `name` (index.js, style.css) and return its mounting command.

    shared/mount.js stands before its script, which hands `mounted` what makes an instance and what shows it data.

    `isolate=False` keeps it out of a shadow root, which plotly.js needs: it writes its styles into the page's head.
    """
    folder = HERE / name
    return st.components.v2.component(
        f"latent_explorer_{name}",
        html=html,
        css=(folder / "style.css").read_text(),
        js=(HERE / "shared" / "mount.js").read_text() + (folder / "index.js").read_text(),
        isolate_styles=isolate,
    )


@cache
def script_url(name: str) -> str:
    """Address of a script in components/shared, with its content's digest so that it can be cached for good."""
    digest = hashlib.sha256((HERE / "shared" / name).read_bytes()).hexdigest()[:12]
    return f"/api/scripts/{name}?{digest}"


def scripts(**names: str) -> dict[str, str]:
    """Addresses of several of them, by what a component calls them."""
    return {called: script_url(name) for called, name in names.items()}


@cache
def plotly_url() -> str:
    """Address of plotly.js as the installed package carries it."""
    from importlib.metadata import version

    return f"/api/plotly.min.js?{version('plotly')}"
