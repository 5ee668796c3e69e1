"""A study as it stands: what came of it in sentences, how far it is, and its trials in the browser."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import layout
from app.boundary import copyable, fragment, plain, sentence
from app.components.study import study as trials
from app.services import runs, studies
from app.state import address, session
from app.views.tune.asking import ASKS, attempt, best_asks, note, take_up
from app.views.tune.changed_ranges import change_ranges
from app.views.tune.charts import what_else
from app.views.tune.command import command_of
from app.views.tune.new_study import prefill
from vae_core.errors import VaeCoreError
from vae_core.runs.run import Run
from vae_core.runs.timing import about
from vae_core.study.settings import PREFERENCE
from vae_core.words import counted

if TYPE_CHECKING:
    from vae_core.study.record import Study

SAID = 2  # sentences that stand above the trials; the others lie in a fold
LOOK = 2.0  # seconds between looks at a study that goes on
UNDER = 7.8  # rem of what stands between the title and the trials, with one line of words
LINE = 1.6  # rem of one more line
LETTERS = 90  # of a line, in the narrowest window without scrolling


def study_part(found: Sequence[Study], bar: DeltaGenerator) -> None:
    """The chosen one of the studies; `bar` is the rest of the page's toolbar."""
    if not found:
        st.info(
            "No study yet: a study trains one model at many settings and shows what came of each, in pictures and numbers.",
            icon=":material/info:",
        )
        if st.button("Make one", type="primary", icon=":material/add:"):
            session.put(address.TUNE_GO, "New study")
            st.rerun()
        return
    by_name = {study.name: study for study in found}
    with bar:
        name = st.selectbox(
            "Study", list(by_name), key=address.STUDY.name, bind=address.STUDY.bind, label_visibility="collapsed", width=260,
        )  # fmt: skip
        study = by_name[name]
        wants = False
        with contextlib.suppress(VaeCoreError):  # what is wrong with it is said below
            wants = study.wants()
        _menu(study, wants)
    with st.container():
        fragment(run_every=LOOK if wants else None)(_looked_at)(study)


# ---------------------------------------------------------------- what may be done with all of it


def _menu(study: Study, wants: bool) -> None:
    writable = runs.places().writable
    try:
        settings = study.settings
    except VaeCoreError:
        return
    with layout.menu("More", key="study menu"):
        st.caption("The same from the command line:")
        st.code(command_of(settings, study.name), language="bash", wrap_lines=True)
        if not writable:
            st.caption("This home can only be looked at.")
            return
        if settings.sampler != "grid":
            more = st.number_input("More trials", 1, 500, 8, key=f"study more {study.name}")
            if session.button("Add them", f"study extend {study.name}", icon=":material/add:"):
                attempt(lambda: study.extend(int(more)))
        if session.button("Change the ranges", f"study ranges {study.name}", icon=":material/straighten:", help="Search the same settings in other ranges from now on."):  # fmt: skip
            change_ranges(study)
        if session.button("As a new study", f"study again {study.name}", icon=":material/content_copy:", help="The form, with the settings of this one."):  # fmt: skip
            prefill(settings, study.fields)
        if not wants:
            sure = st.checkbox(
                "Forget the study: its runs stay, choices made by hand are lost",
                key=f"study sure {study.name}",
            )
            if session.button(
                "Forget it", f"study delete {study.name}", icon=":material/delete:", disabled=not sure
            ):
                attempt(study.delete)


# ---------------------------------------------------------------- what is seen


def _looked_at(study: Study) -> None:
    """Everything of the study that changes while it goes on; the page is drawn anew once it has ended, or goes on again."""
    try:
        wants, data = study.wants(), studies.shown(study)
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    before = session.get(address.STUDY_GOING)
    session.put(address.STUDY_GOING, (study.name, wants))
    if before is not None and before != (study.name, wants) and before[0] == study.name:
        st.rerun(scope="app")
    take_up(study)
    with layout.said("study"):
        _progress(study, data, wants)
        _sentences(study, data)
    if not data["trials"]:
        st.info("Its first trial is being chosen.", icon=":material/hourglass_empty:")
        return
    asks = ASKS if runs.places().writable else {"open": ASKS["open"]}
    left_over = wants or _done(study) < study.total
    lines = len(" ".join(data["sentences"][:SAID])) // LETTERS + 2 * left_over  # the bar is as high as two
    height = f"max(26rem, calc(100dvh - {layout.TOP + UNDER + LINE * lines:g}rem))"
    trials(data | {"asks": asks, "height": height}, address.STUDY_SHOWN.name, on_ask=note)


def _progress(study: Study, data: dict[str, Any], wants: bool) -> None:
    """How many trials are done, how long the rest takes, and Stop; or Go on, where some were left."""
    found, done = data["trials"], _done(study)
    left = study.total - done
    writable = runs.places().writable
    if wants:
        with st.container(horizontal=True, vertical_alignment="center"):
            on = {trial.number for trial in study.ledger().under_way()}
            share = sum(0.98 * t["progress"] if t["number"] in on else 1.0 for t in found) / max(
                1, study.total
            )
            words = (
                f"{done} of {counted(study.total, 'trial')} done{_time_left(data, left, study.settings.jobs)}"
            )
            note = f" · {data['note']}" if data.get("note") else ""
            st.progress(min(1.0, share), text=plain(words + note), width="stretch")
            if writable:
                _stop_one(found)
                if session.button("Stop all", "stop study", icon=":material/stop:"):
                    study.stop()
                    st.rerun(scope="app")
    elif left > 0 and study.record().going and study.settings.sampler == PREFERENCE:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"{done} of {counted(study.total, 'trial')} done; it waits for you to choose.",
                width="stretch",
            )
            if session.button("Choose", "study choose", icon=":material/thumb_up:"):
                session.put(address.STUDY_LIKED, study.name)
                session.put(address.TUNE_GO, "By preference")
                st.rerun(scope="app")
    elif left > 0 and writable:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{done} of {counted(study.total, 'trial')} done; it was stopped.", width="stretch")
            if session.button("Go on", "study on", icon=":material/play_arrow:", help="Each run from its last checkpoint."):  # fmt: skip
                attempt(study.go_on)


def _done(study: Study) -> int:
    """Trials that have come to an end; a run that was stopped with its study has not, and goes on with it."""
    ledger = study.ledger()
    return len(ledger.trials) - len(ledger.under_way())


def _time_left(data: dict[str, Any], left: int, jobs: int) -> str:
    """By the seconds that ended trials took, those that train counted by what is left of them."""
    took = [t["numbers"]["seconds"] for t in data["trials"] if t["numbers"].get("seconds")]
    if not took or left <= 0:
        return ""
    begun = sum(t["progress"] for t in data["trials"] if t["state"] == "training")
    seconds = max(0.0, left - begun) * sum(took) / len(took) / max(1, min(jobs, runs.at_once()))
    return f" · about {about(seconds)} left"


def _stop_one(found: Sequence[dict[str, Any]]) -> None:
    live = [t for t in found if t["state"] in ("training", "waiting") and t["run"]]
    if not live:
        return
    with st.popover("Stop one", icon=":material/stop:"):
        for trial in live[:12]:
            state = f"{100 * trial['progress']:.0f} %" if trial["state"] == "training" else "waiting"
            if session.button(
                f"{plain(trial['title'])}: {state}", f"stop trial {trial['run']}", icon=":material/stop:"
            ):
                attempt(partial(Run(runs.places().runs / trial["run"], runs.places()).request, "stop"))


def _sentences(study: Study, data: dict[str, Any]) -> None:
    """What there is to say in one line; all of it in a fold where it is more."""
    said = data["sentences"]
    failed = [t for t in data["trials"] if t["state"] == "failed"]
    if failed and len(failed) == len(data["trials"]):
        st.warning(plain(f"All trials failed; the first: {failed[0]['why']}"), icon=":material/warning:")
        return
    if not said:
        return
    st.html(f"<style>@media (max-width: {layout.PHONE}) {{ .st-key-toolbar-study-said > :first-child {{ flex-basis: 100% }} }}</style>")  # fmt: skip
    with st.container(key="toolbar-study-said", horizontal=True, vertical_alignment="center", wrap=False):
        st.markdown(copyable(" ".join(said[:SAID])), width="stretch")
        best_asks(study, data)
        what_else(study, data, said[SAID:])
