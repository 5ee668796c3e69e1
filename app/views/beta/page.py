"""β: train one model at several values of β, see what it buys, or turn one network by hand."""

from __future__ import annotations

import streamlit as st

from app.boundary import fragment
from app.services import runs
from app.state import address
from app.views.beta.converter import converter
from app.views.beta.curves import look
from app.views.beta.dial_view import dials
from app.views.beta.progress import measured
from app.views.beta.sweep_form import new_sweep, progress
from vae_core.runs.record import LIVE
from vae_core.sweep import sweeps

VIEWS = ["sweep", "dial", "KL weights elsewhere"]


def page() -> None:
    st.title("β")
    view = st.segmented_control("Look at", VIEWS, default=VIEWS[0], key=address.VIEW.name, bind=address.VIEW.bind, required=True, label_visibility="collapsed")  # fmt: skip
    if view == "dial":
        dials()
        return
    if view == "KL weights elsewhere":
        converter()
        return
    with st.expander("New sweep", icon=":material/add:", key="new-sweep", on_change="rerun") as form:
        new_sweep(seen=bool(form.open))
    found = sweeps(runs.store())
    if not found:
        st.info(
            "No sweep yet: open **New sweep**, choose values of β and press **Start**.",
            icon=":material/info:",
        )
        return
    name = st.selectbox("Sweep", list(found), key=address.SWEEP.name, bind=address.SWEEP.bind)
    members = found[name]
    busy = any(m.state in LIVE or not m.ended for m in members)
    with st.container():
        fragment(run_every=1.0 if busy else None)(progress)(name, members)
    with st.container():
        measured(members)
    look(name, members)


page()
