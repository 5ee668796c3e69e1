"""Show me the code: the lines that reproduce what a page shows, to copy or to take away as a notebook."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.services import runs
from app.widgets.code_lines import Source, notebook


def home() -> str:
    """The home as the lines name it, "" where Python looks there anyway."""
    places = runs.places()
    return "" if places.usual else str(places.home)


def source(run_id: str) -> Source:
    """Where the lines find a run."""
    return Source(run_id, home())


def code_panel(head: DeltaGenerator, page: str, lines: str) -> None:
    """The button in a page's title row (`layout.title`). Opening it and taking the notebook reruns nothing."""
    with (
        head,
        st.popover(
            "Code", icon=":material/code:", type="tertiary", help="Show me the code of what is shown here.", key="code panel",
        ),
    ):  # fmt: skip
        st.caption("Python that shows the same, runnable as it stands:")
        st.code(lines, language="python")
        st.download_button(
            "Notebook", lambda: notebook(lines, f"Latent Explorer, {page}"), f"{page}.ipynb", "application/x-ipynb+json",
            icon=":material/download:", on_click="ignore", key="code notebook",
        )  # fmt: skip
