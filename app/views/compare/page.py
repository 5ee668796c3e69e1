"""Compare: several models of the same images side by side, in pictures and in numbers, and why their pictures are blurred."""

from __future__ import annotations

import streamlit as st

from app import layout
from app.boundary import plain, sentence
from app.services import runs
from app.services.comparing import DRAWN
from app.state import address, session
from app.views.compare.blurry import blurry
from app.views.compare.blurry import controls as blurry_controls
from app.views.compare.choice import chosen, picker
from app.views.compare.controls import ALL, controls
from app.views.compare.curves import curves
from app.views.compare.numbers import numbers
from app.views.compare.pictures import KINDS, in_a_cell, side_by_side
from app.views.compare.training import LINE, progress, train_each
from app.widgets import code_lines
from app.widgets.code_panel import code_panel, source
from vae_core.comparison import FEWEST, missing_kinds, seeds_of, why_apart
from vae_core.runs.run import Run
from vae_core.words import listed

VIEWS = ["Pictures", "Curves", "Numbers", "Why blurry"]


def page() -> None:
    head = layout.title(
        "Compare",
        "See the same images and the same codes through several models, then read what each is good at.",
        *(
            "autoencoder",
            "VAE",
            "GAN",
            "code",
            "prior",
            "posterior",
            "β",
            "distortion",
            "rate",
            "nats",
            "sharpness",
            "Fréchet distance",
            "precision",
            "recall",
            "coverage",
            "Class histogram",
            "off by",
            "temperature",
            "mixture",
            "MSE",
            "95 % interval",
        ),
    )
    run = session.run_or_none()
    if run is None:
        st.info(session.NO_RUN, icon=":material/info:")
        return
    if session.take(
        address.COMPARE_STARTED
    ):  # what was started is seen, and nothing is left to be pressed twice
        session.put(address.COMPARE_FORM, False)
        session.put(address.BLURRY_FORM, False)
    found = chosen(run)
    rows = ""
    with layout.toolbar("compare"):
        view = st.segmented_control("Look at", VIEWS, default=VIEWS[0], key=address.COMPARE_VIEW.name, bind=address.COMPARE_VIEW.bind, required=True, label_visibility="collapsed")  # fmt: skip
        if view != VIEWS[3]:
            picker(found)
            offer(found)
        if view == VIEWS[0]:
            rows = controls([kind.name for kind in KINDS])
        if view == VIEWS[3]:
            blurry_controls(found[0])
    with layout.said("compare-progress"):
        busy = progress(found[0])
    more = LINE if busy else 0.0
    if view == VIEWS[3]:
        drawn = [source(one.id) for one in blurry(found[0], more)]
        if drawn:
            code_panel(head, "blurry", code_lines.sharpness(drawn, DRAWN))
        return
    if len(found) < FEWEST:
        st.info(
            f"One run alone is nothing to compare: choose more under **{len(found)} models**, or train one of each.",
            icon=":material/info:",
        )
    if why := why_apart(found):
        st.error(sentence(why), icon=":material/error:")
        return
    ready = [source(one.id) for one in found if one.has_weights()]
    if ready and not why_apart(found):
        across, down = in_a_cell(len(found), rows or ALL)
        pick = max(0, session.param(address.COMPARE_PICK))
        lines = {
            VIEWS[0]: code_lines.side_by_side(ready, across * down, pick),
            VIEWS[1]: code_lines.learning(ready[0]),
            VIEWS[2]: code_lines.sweep([one.run for one in ready], ready[0].home),
        }
        code_panel(head, "compare", lines[str(view)])
    if view == VIEWS[0]:
        side_by_side(found, rows, more)
        return
    everything = runs.store().readable()
    seeds = {one.id: seeds_of(one, everything) for one in found}
    (curves if view == VIEWS[1] else numbers)(found, seeds, more)


def offer(found: list[Run]) -> None:
    """A button that opens the form; it says which kinds are not there yet."""
    missing = listed(kind.title for kind in missing_kinds(found)) if missing_kinds(found) else ""
    words = f"There is no {missing} here yet." if missing else "Others, of equal data, size and budget."
    if not runs.places().writable:
        return
    with st.popover(
        "Train one of each", icon=":material/model_training:", help=plain(words), type="primary" if missing else "secondary",
        key=address.COMPARE_FORM.name, on_change="rerun",
    ) as form:  # fmt: skip
        if form.open:
            train_each(found[0])


page()
