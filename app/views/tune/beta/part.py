"""β: train one model at several values of β, see what it buys, or turn one network by hand."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import layout
from app.boundary import fragment, plain
from app.services import runs
from app.state import address, session
from app.views.tune.beta.converter import converter
from app.views.tune.beta.curves import look
from app.views.tune.beta.dial_view import chosen_dial, dials
from app.views.tune.beta.sweep_form import another_beta, new_sweep, progress
from app.widgets import code_lines
from app.widgets.code_panel import code_panel, home, source
from vae_core.runs.record import LIVE
from vae_core.sweep import sweeps

VIEWS = ["sweep", "dial", "KL weights elsewhere"]


WORDS = (
    "β", "rate", "distortion", "nats", "KL", "ELBO", "active", "sweep", "prior", "posterior", "traversal",
)  # fmt: skip
LINE = "Move the cursor: see what a larger β buys and costs, in numbers and in pictures."


def beta_part(parts: Callable[[], object], head: DeltaGenerator) -> None:
    """The whole part; `parts` draws the switch of the page's parts, first in its toolbar, and `head` is the title's row."""
    with layout.toolbar("beta"):
        parts()
        view = st.segmented_control("Look at", VIEWS, default=VIEWS[0], key=address.VIEW.name, bind=address.VIEW.bind, required=True, label_visibility="collapsed")  # fmt: skip
        chooser, more = st.container(width=260), st.container(width="content")
    with layout.said("no-rate"):
        without_a_rate()
    if view == "dial":
        with chooser:
            run = chosen_dial()
        dials(run)
        if run is not None:
            beta = session.param(address.DIAL_BETA)
            code_panel(head, "dial", code_lines.dial(source(run.id), beta))
        return
    if view == "KL weights elsewhere":
        code_panel(head, "weights", code_lines.conversion(*converter()))
        return
    # what was started is seen, and its form is folded away: nothing is left to be pressed twice
    if session.take(address.SWEEP_STARTED):
        session.put(address.SWEEP_FORM, False)
    with st.expander(
        "New sweep", icon=":material/add:", key=address.SWEEP_FORM.name, on_change="rerun"
    ) as form:
        new_sweep(seen=bool(form.open))
    found = sweeps(runs.store())
    if not found:
        st.info(
            "No sweep yet: open **New sweep**, choose values of β and press **Start**.",
            icon=":material/info:",
        )
        return
    with chooser:
        name = st.selectbox("Sweep", list(found), key=address.SWEEP.name, bind=address.SWEEP.bind, label_visibility="collapsed")  # fmt: skip
    members = found[name]
    code_panel(head, "sweep", code_lines.sweep([one.run.id for one in members], home()))
    if not any(m.run.read_only for m in members):
        with more, st.popover("Another β", icon=":material/add:"):
            another_beta(name)
    busy = any(m.state in LIVE or not m.ended for m in members)
    with st.container():
        fragment(run_every=1.0 if busy else None)(progress)(name, members)
    look(name, members)


def without_a_rate() -> None:
    """Of a run looked at that has no rate, that there is nothing here to weigh: what is shown are others."""
    run = session.run_or_none()
    entry = None if run is None else run.record().effective.objective.entry
    if run is not None and entry is not None and not entry.has_posterior:
        what = entry.short or entry.title
        st.caption(
            f":material/info: {plain(run.name)} ({what}) has no posterior, so no rate, no ELBO and no β: it has no point on these "
            "curves. They are of VAEs."
        )
