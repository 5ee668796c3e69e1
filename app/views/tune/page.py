"""Tune: search any settings of a run, and decide with pictures and numbers side by side."""

from __future__ import annotations

import streamlit as st

from app import layout
from app.services import studies
from app.state import address, session
from app.views.tune.beta import part as beta
from app.views.tune.new_study import new_study
from app.views.tune.preference_part import preference_part
from app.views.tune.study_part import study_part
from app.widgets import code_lines
from app.widgets.code_panel import code_panel, home

STUDY, LIKED, NEW, BETA = PARTS = ("Study", "By preference", "New study", "β")  # as the address says them
LINES = {
    STUDY: "Point at a trial: its picture, its line and its numbers are marked everywhere. Drag to keep some.",
    LIKED: "Mark the pictures you like: no number takes part, and the search goes where they lead.",
    NEW: "Choose what is searched and what is wanted, then press Start.",
    BETA: beta.LINE,
}
WORDS = {
    STUDY: (
        "study",
        "ELBO",
        "distortion",
        "rate",
        "nats",
        "active",
        "MSE",
        "β",
        "reconstruction",
        "traversal",
        "Pareto front",
        "importance",
    ),
    LIKED: ("reconstruction", "traversal", "prior", "posterior"),
    NEW: ("ELBO", "distortion", "rate", "nats", "active", "β"),
    BETA: beta.WORDS,
}


def page() -> None:
    if going := session.take(address.TUNE_GO):
        session.put(address.TUNE_PART, going)
    part = session.get(address.TUNE_PART) or session.param(address.TUNE_PART)
    part = part if part in PARTS else STUDY
    head = layout.title("Tune", LINES[part], *WORDS[part])
    if part == BETA:
        beta.beta_part(parts, head)
        return
    with layout.toolbar("tune"):
        parts()
        rest = st.container(horizontal=True, vertical_alignment="bottom", gap="small", wrap=False)
    if part == NEW:
        new_study(rest, head)
    elif part == LIKED:
        preference_part(studies.all_studies(), rest, head)
    else:
        study_part(studies.all_studies(), rest)
        if (name := session.get(address.STUDY)) and any(one.name == name for one in studies.all_studies()):
            code_panel(head, "study", code_lines.study(name, home()))


def parts() -> None:
    """The switch of the page's parts."""
    st.segmented_control(
        "Part", list(PARTS), default=STUDY, key=address.TUNE_PART.name, bind=address.TUNE_PART.bind, required=True,
        label_visibility="collapsed",
    )  # fmt: skip


page()
