"""What the card of a trial asks of the page: open its run, train it longer, search on around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import layout
from app.boundary import sentence
from app.services import runs
from app.state import address, session
from app.views.tune.new_study import prefill
from app.views.tune.ranges import narrowed
from vae_core.errors import VaeCoreError
from vae_core.runs.run import Run
from vae_core.study.ranking import best_trial

if TYPE_CHECKING:
    from vae_core.study.record import Study
    from vae_core.study.trials import Trial

ASKS = {"open": "Open", "longer": "Train longer", "around": "Continue around here"}
BEST_ASKS = {
    "open": "Open the best",
    "longer": "Train the best longer",
    "around": "Continue around the best",
}
ICONS = {"open": ":material/open_in_new:", "longer": ":material/more_time:", "around": ":material/zoom_in:"}


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
    if trial is not None:
        do(study, told.get("what"), trial)


def best_asks(study: Study, data: dict[str, Any]) -> None:
    """What may be asked of the best trial; nothing before there is one, and with two goals."""
    if data["best"] is None:
        return
    asks = BEST_ASKS if runs.places().writable else {"open": BEST_ASKS["open"]}
    with layout.menu("The best", icon=":material/star:", key="study best"):
        pressed = [what for what, words in asks.items() if session.button(words, f"study best {what}", icon=ICONS[what])]  # fmt: skip
    for what in pressed:
        trial = best_trial(study.ledger().trials, study.goals)
        if trial is not None:
            do(study, what, trial)


def do(study: Study, what: object, trial: Trial) -> None:
    """Open a trial's run, train it longer, or open the form with ranges around it; what is none of these does nothing."""
    if what == "around":
        settings = study.settings
        fields = [narrowed(field, trial.values[field.name]) for field in study.fields]
        prefill(settings, fields)
        return
    run = Run(runs.places().runs / trial.run, runs.places())
    if not trial.run or not run.path.is_dir():
        st.toast("Its run is not there any more.", icon=":material/warning:")
    elif what == "open":
        session.select(run.id)
        session.go("sliders" if run.has_weights() else "train")
    elif what == "longer" and runs.places().writable:
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
