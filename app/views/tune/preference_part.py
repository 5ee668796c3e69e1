"""By preference: pictures of a few trials without names and numbers; a person marks the best, and the search goes on from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import layout
from app.boundary import copyable, fragment, plain, sentence
from app.services import runs, studies
from app.state import address, session
from app.views.tune.asking import attempt
from app.widgets import code_lines
from app.widgets.code_panel import code_panel, home
from vae_core.errors import VaeCoreError
from vae_core.study.choosing import shown_now, stored_liking
from vae_core.study.fields import searchable, value_text
from vae_core.study.preference import Judgement, add_judgement, judgements_of, pairs_of, take_back
from vae_core.study.settings import PREFERENCE
from vae_core.words import counted

if TYPE_CHECKING:
    from vae_core.study.record import Study
    from vae_core.study.trials import Trial

LOOK = 1.0  # seconds between looks while runs train
KINDS = {"reconstruction": "reconstructions", "sample": "samples", "traversal": "traversals"}
UNDER = 6.6  # rem of what stands above the pictures


def preference_part(found: Sequence[Study], bar: DeltaGenerator, head: DeltaGenerator) -> None:
    """The chosen one of the studies by preference; `bar` is the rest of the page's toolbar, `head` the title's row."""
    own = {study.name: study for study in found if studies.sampler_of(study) == PREFERENCE}
    if not own:
        st.info(
            "No study by preference yet: it shows pictures of a few runs without their numbers, you mark the one you like best, and "
            "it trains what you may like more.",
            icon=":material/info:",
        )
        if session.button("Make one", "preference make", type="primary", icon=":material/add:"):
            session.put(address.STUDY_WAY.of("sampler"), PREFERENCE)
            session.put(address.TUNE_GO, "New study")
            st.rerun()
        return
    with bar:
        name = st.selectbox(
            "Study", list(own), key=address.STUDY_LIKED.name, bind=address.STUDY_LIKED.bind, label_visibility="collapsed", width=260,
        )  # fmt: skip
    study = own[name]
    code_panel(head, "preference", code_lines.favoured(name, home()))
    kind = st.segmented_control(
        "Pictures", list(KINDS), default="reconstruction", format_func=lambda one: KINDS[one], key=address.STUDY_PICTURE.name,
        bind=address.STUDY_PICTURE.bind, required=True, label_visibility="collapsed",
    )  # fmt: skip
    with st.container():
        try:
            wants = study.wants()
        except VaeCoreError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        fragment(run_every=LOOK if wants else None)(_round)(study, str(kind))


def _round(study: Study, kind: str) -> None:
    """What is to be done now: choose, wait for runs, or read what the choices favour."""
    try:
        wants, now, trials = study.wants(), shown_now(study), study.ledger().trials
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    before = session.get(address.STUDY_GOING)
    session.put(address.STUDY_GOING, (study.name, wants))
    if before is not None and before[0] == study.name and before[1] != wants:
        st.rerun(scope="app")
    said = judgements_of(study.path)
    with layout.panel("preference", under=UNDER):
        if now:
            _choose(study, now, {trial.number: trial for trial in trials}, kind, len(said))
        elif wants:
            _wait(study, trials)
        elif len(trials) < study.total and not study.record().going:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption("It was stopped.", width="stretch")
                if runs.places().writable and session.button(
                    "Go on", "preference on", icon=":material/play_arrow:"
                ):
                    attempt(study.go_on)
        if said:
            _said(study, trials, len(said), ended=not now and not wants)


def _choose(study: Study, now: Sequence[int], trials: dict[int, Trial], kind: str, rounds: int) -> None:
    """Pictures side by side under letters, in an order that tells nothing."""
    order = [now[i] for i in np.random.default_rng(rounds).permutation(len(now))]
    with layout.said("preference"):
        st.markdown(
            f"**Round {rounds + 1}: which do you like best?** Names and numbers are hidden, so that only the pictures count."
        )
    pictures = [studies.picture_file(trials[number].run, kind) for number in order]
    originals = studies.picture_file(trials[order[0]].run, "originals") if kind == "reconstruction" else None
    columns = st.columns(len(order) + (originals is not None))
    if originals is not None:
        with columns[0]:
            st.markdown("the images themselves")
            st.image(originals, width="stretch", alt="the images themselves")
    writable = runs.places().writable
    for letter, number, picture, column in zip(
        "ABCDEFGH", order, pictures, columns[-len(order) :], strict=False
    ):
        with column:
            st.markdown(f"**{letter}**")
            if picture is None:
                st.caption("This run left no such picture.")
            else:
                st.image(picture, width="stretch", alt=f"pictures of {letter}")
            with st.container(horizontal=True, gap="small"):
                if session.button(
                    "Best",
                    f"best {rounds} {letter}",
                    type="primary",
                    icon=":material/thumb_up:",
                    disabled=not writable,
                ):
                    _mark(study, Judgement(tuple(order), best=number), rounds)
                if session.button(
                    "Worst", f"worst {rounds} {letter}", icon=":material/thumb_down:", disabled=not writable
                ):
                    _mark(study, Judgement(tuple(order), worst=number), rounds)
    if session.button(
        "Can't tell", f"no choice {rounds}", icon=":material/question_mark:", disabled=not writable
    ):
        _mark(study, Judgement(tuple(order)), rounds)


def _mark(study: Study, judgement: Judgement, rounds: int) -> None:
    try:
        add_judgement(study.path, judgement, rounds=rounds)
    except (OSError, VaeCoreError) as error:
        st.error(sentence(error), icon=":material/error:")
        return
    runs.driver().wake()
    st.rerun(scope="app")


def _wait(study: Study, trials: Sequence[Trial]) -> None:
    """What trains now, and how far it is."""
    note = study.ledger().note
    training = [trial for trial in trials if not trial.end]
    words = (
        f"{counted(len(training), 'run')} under way" if training else "what to try next is being worked out"
    )
    shares = [studies.progress_of(trial.run) for trial in training]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            sum(shares) / max(1, len(shares)),
            text=plain(f"{words}{f' · {note}' if note else ''}"),
            width="stretch",
        )
        if runs.places().writable and session.button("Stop", "preference stop", icon=":material/stop:"):
            study.stop()
            st.rerun(scope="app")


def _said(study: Study, trials: Sequence[Trial], rounds: int, *, ended: bool) -> None:
    """What the choices favour, how sure that is, and the numbers of those runs: at the end, or when it is asked for."""
    told = stored_liking(study.path, judgements_of(study.path))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{counted(rounds, 'choice')} so far.", width="stretch")
        if runs.places().writable and session.button(
            "Take the last back", "preference back", icon=":material/undo:"
        ):
            take_back(study.path)
            runs.driver().wake()
            st.rerun(scope="app")
    if told is None:
        if not pairs_of(judgements_of(study.path)):
            st.caption("No choice tells an order yet.")
        return
    with st.expander("What the choices favour", expanded=ended, icon=":material/favorite:"):
        for one in told.sentences:
            st.markdown(copyable(one))
        st.dataframe(_table(study, trials, told.chances), hide_index=True, width="stretch", height=240)


def _table(study: Study, trials: Sequence[Trial], chances: Mapping[int, float]) -> pd.DataFrame:
    rows = []
    known = searchable()
    titles = {field.name: known[field.name][0].label for field in study.fields}
    for trial in sorted((t for t in trials if t.number in chances), key=lambda t: -chances[t.number]):
        row = {"trial": trial.number, "liked best": f"{chances[trial.number]:.0%}"}
        row |= {titles[name]: value_text(value) for name, value in trial.values.items() if name in titles}
        rows.append(
            row
            | {
                studies.title_of(name): value
                for name, value in trial.numbers.items()
                if studies.title_of(name)
            }
        )
    return pd.DataFrame(rows)
