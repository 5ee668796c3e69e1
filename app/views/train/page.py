"""Train: choose images, make a run, watch it learn, steer it while it does."""

from __future__ import annotations

import streamlit as st

from app import layout
from app.boundary import plain
from app.state import address, session
from app.views.train.new_run import new_run
from app.views.train.steering import watch
from app.widgets import code_lines, config_form, import_images
from app.widgets.code_panel import code_panel, source
from vae_core.runs.record import QUEUED
from vae_core.runs.run import Run


def page() -> None:
    head = layout.title(
        "Train",
        "Choose images, press Start, watch it learn, and steer it while it does.",
        *(
            "β",
            "distortion",
            "rate",
            "KL",
            "nats",
            "active",
            "collapsed",
            "code",
            "prior",
            "traversal",
            "loss",
            "epoch",
            "step",
            "learning rate",
            "schedule",
        ),
    )
    run = session.run_or_none()
    if run is not None:
        code_panel(head, "train", code_lines.learning(source(run.id)))
    _decide(run)
    with st.expander(
        _line(run), icon=":material/tune:", key=address.FORM.name, on_change=_opened, args=(run,)
    ) as form:
        if form.open:
            new_run(run)
        else:
            session.drop_press("start")  # the second of a double click would start another run the next time
    # what comes and goes stands in a container that stays: Streamlit makes anew whatever would move for it
    with st.container():
        if form.open or run is None or session.get(address.IMPORT_FORM):
            _own_images()
    with st.container():
        if run is not None:
            watch(run)
        else:
            st.info("No run yet: choose a dataset above and press **Start**.", icon=":material/info:")


def _own_images() -> None:
    with st.expander(
        "Import your own images", icon=":material/add_photo_alternate:", key=address.IMPORT_FORM.name, on_change="rerun",
    ) as own:  # fmt: skip
        if own.open:
            import_images.show()


def _decide(run: Run | None) -> None:
    """Which form is open: by a press of Start none, by a link the one it names, with no run yet that of a new one."""
    if session.take(address.STARTED):
        session.put(address.FORM, False)
        session.put(address.IMPORT_FORM, False)
        session.closed(address.SETTING)
    elif session.get(address.FORM) is None:
        session.put(address.FORM, run is None)
    linked = session.param(address.OPEN)
    if linked and session.is_link(address.OPEN, linked):
        session.put(address.IMPORT_FORM, linked == address.IMPORT)
        session.put(address.FORM, linked == address.NEW or run is None)
        session.wrote(address.OPEN, linked)
        session.wrote(address.OPEN, "")
    session.set_param(address.OPEN, "")
    busy = run is not None and not run.read_only and (run.status().live or run.status().state == QUEUED)
    # settings stand in the address only while their form is open, or in a link
    if (session.names(address.SETTING) and not busy) or session.get(address.CHOOSE_DATASET):
        session.put(address.FORM, True)


def _opened(run: Run | None) -> None:
    """By hand: it says what the run looked at was made with. Closed again, its settings leave the address."""
    if not session.get(address.FORM):
        session.closed(address.SETTING)
    elif run is not None:
        config_form.fill(run.record().config)


def _line(run: Run | None) -> str:
    """The settings of the run that is looked at, in one line."""
    if run is None:
        return "New run"
    record = run.record()
    config = record.effective
    side = f" {record.shape[1]}×{record.shape[2]}" if record.shape else ""
    said = (
        f"{config.data.dataset}{side}", config.model.architecture.name, f"D {config.model.latent_dim or 'auto'}",
        config.objective.label, *([config.objective.likelihood.name] if config.objective.entry.has_likelihood else []), f"{config.training.epochs or 'auto'} epochs",
    )  # fmt: skip
    return f"**New run** · change {plain(' · '.join(said))}, or start another"


page()
