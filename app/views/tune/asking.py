"""What the card of a trial asks of the page: open its run, train it longer, search on around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.boundary import sentence
from app.services import runs
from app.state import address, session
from app.views.tune.new_study import prefill
from app.views.tune.ranges import narrowed
from vae_core.errors import VaeCoreError
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.study.record import Study


def note() -> None:
    """Keep what was asked, in a callback, which no other rerun of the script interrupts."""
    session.put(address.STUDY_ASKED, (session.get(address.STUDY_SHOWN) or {}).get("asked"))


def take_up(study: Study) -> None:
    """Do what was asked of a trial of the study, once."""
    told = session.get(address.STUDY_ASKED)
    session.forget(address.STUDY_ASKED)
    if not isinstance(told, dict):  # from the browser: it may be anything
        return
    trial = next((t for t in study.ledger().trials if t.number == told.get("trial")), None)
    if trial is None:
        return
    if told.get("what") == "around":
        settings = study.settings
        fields = [narrowed(field, trial.values[field.name]) for field in study.fields]
        prefill(settings, fields)
        return
    run = Run(runs.places().runs / trial.run, runs.places())
    if not trial.run or not run.path.is_dir():
        st.toast("Its run is not there any more.", icon=":material/warning:")
    elif told.get("what") == "open":
        session.select(run.id)
        session.go("sliders" if run.has_weights() else "train")
    elif told.get("what") == "longer" and runs.places().writable:
        _train_longer(run)


def _train_longer(run: Run) -> None:
    """As many epochs again, watched on Train."""
    try:
        run.go_on(max(1, run.record().effective.training.epochs))
    except VaeCoreError as error:
        st.toast(sentence(error), icon=":material/error:")
        return
    runs.queue().wake()
    session.select(run.id)
    session.go("train")


def attempt(what: Callable[[], Any]) -> None:
    """Do what was pressed, have studies driven, and draw the page anew; a fault is said."""
    try:
        what()
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    runs.driver().wake()
    runs.queue().wake()
    st.rerun(scope="app")
