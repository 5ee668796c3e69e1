"""A new sweep, and how far its runs are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from app.boundary import plain, sentence
from app.services import datasets, runs, timing
from app.state import address, session
from app.widgets import config_form
from app.widgets.estimate import time_words
from app.widgets.learning import weights_words
from app.widgets.prepare_dataset import prepare
from vae_core.config import RunConfig
from vae_core.data import find_spec
from vae_core.errors import BadConfig, VaeCoreError
from vae_core.models.build import choose_side
from vae_core.options import capitalised
from vae_core.runs.record import ENDED, FINISHED, LIVE, STOPPED
from vae_core.sweep import MOST_RUNS, Member, add_beta, create_sweep, go_on, log_range, stop, with_beta
from vae_core.training.defaults import chosen_words, too_short
from vae_core.words import counted


def numbers_of(text: str) -> list[float]:
    """Values of β as a person writes them, between spaces, commas or semicolons. Raises BadConfig."""
    try:
        return [float(word) for word in re.split(r"[\s,;]+", text.strip()) if word]
    except ValueError:
        raise BadConfig(f"values of β are numbers such as 0.5 1 2 4 8, not {text!r}") from None


def new_sweep(*, seen: bool = True) -> None:
    """The form; only where it is `seen` are steps timed for it."""
    config = config_form.config_form(address.SWEEP_SETTING, without={"objective", "beta"})
    kind, first, second, third = st.columns([0.9, 2, 1, 1.4], vertical_alignment="bottom")
    with kind:
        ranged = st.toggle(
            "A range of β", key=address.SWEEP_RANGED.name, bind=address.SWEEP_RANGED.bind, help="Evenly spaced in log β."
        )  # fmt: skip
    with first:
        if ranged:
            with st.container(horizontal=True):
                low = st.number_input("From", 0.001, 1000.0, 0.25, key="sweep-low", format="%g")
                high = st.number_input("To", 0.001, 1000.0, 16.0, key="sweep-high", format="%g")
                count = st.number_input("How many", 2, MOST_RUNS, 7, key="sweep-count")
        else:
            text = st.text_input("Values of β", "0.5 1 2 4 8", key="sweep-betas", help="Two or more numbers; each is a run of its own.")  # fmt: skip
    with second:
        seeds = int(
            st.number_input("Seeds per β", 1, 10, 1, key="sweep-seeds", help="More show how much is chance.")
        )
    with third:
        name = st.text_input("Name", f"{config.data.dataset}-sweep", key="sweep-name")
    if why := config.objective.no_elbo:
        st.error(f"{why} A sweep over β compares runs in nats; choose a likelihood.", icon=":material/error:")
        return
    try:
        betas = log_range(float(low), float(high), int(count)) if ranged else numbers_of(text)
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    st.caption(
        f"{counted(len(betas) * seeds, 'run')}, at β {', '.join(f'{b:g}' for b in betas)}. All of one seed share initial weights, "
        "order of images and noise: differences are β's."
    )
    spec = find_spec(config.data.dataset, runs.places())
    side = choose_side(config, spec.sides)
    if datasets.images_ready(spec.name, side):
        _chosen(config, side, len(betas) * seeds, seen)
    if session.button("Start", "start sweep", writes=True, type="primary", icon=":material/play_arrow:"):
        if not datasets.images_ready(spec.name, side) and not prepare(spec, side):
            return
        try:
            create_sweep(runs.store(), config, betas, name.strip(), seeds=seeds)
        except VaeCoreError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        runs.queue().wake()
        session.put(address.SWEEP, name.strip())
        session.put(address.SWEEP_STARTED, True)
        st.rerun()


def _chosen(config: RunConfig, side: int, count: int, seen: bool) -> None:
    """What is chosen for the images, the same for all runs, how long they take, and a warning where that is too short."""
    chosen = timing.chosen(with_beta(config, 1.0), side, fixed_sigma=True)  # β costs nothing
    plan = chosen.plan
    if words := chosen_words(config, chosen.config, plan.train_images):
        most = (
            f"; each at most {config.training.most_minutes:g} min here" if config.training.epochs == 0 else ""
        )
        st.caption(f"Chosen by the images, for all runs alike: {words}{most}.")
    if words := time_words(plan, side, count, may_time=seen):
        st.caption(f"{capitalised(words)}.")
    if short := too_short(plan.steps_total):
        st.warning(short, icon=":material/warning:")


def progress(name: str, members: Sequence[Member]) -> None:
    """What of the sweep still trains, each to be stopped alone; the page is drawn anew whenever a run ends."""
    now = {m.run.id: m.run.status() for m in members}
    waiting = [m for m in members if now[m.run.id].state not in ENDED]
    before = session.get(address.SWEEP_WAITING)
    session.put(address.SWEEP_WAITING, (name, len(waiting)))
    if before is not None and before[0] == name and before[1] != len(waiting):
        st.rerun(scope="app")
    cut_short = [m for m in members if now[m.run.id].state in ENDED - {FINISHED} and not m.run.read_only]
    for m in cut_short:
        if error := now[m.run.id].error:
            st.warning(plain(f"{m.run.name} {now[m.run.id].state}: {error}"), icon=":material/warning:")
    if waiting:
        done = sum(1.0 if s.state in ENDED else s.progress for s in now.values()) / len(members)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(
                min(1.0, done),
                text=f"{len(members) - len(waiting)} of {counted(len(members), 'run')} done",
                width="stretch",
            )
            if session.button("Stop all", "stop sweep", writes=True, icon=":material/stop:"):
                stop(waiting)
                st.rerun(scope="app")
        with st.container(horizontal=True):
            for m in waiting:
                status = now[m.run.id]
                words = f"β {', then '.join(f'{beta:g}' for beta in (m.beta, *m.turned))}"
                words += f", seed {m.seed}" if len({m.seed for m in members}) > 1 else ""
                share = f"{100 * status.progress:.0f} %" if status.state in LIVE else status.state
                if session.button(f"{plain(words)}: {share}", f"stop {m.run.id}", writes=True, icon=":material/stop:", help=plain(f"Stop {m.run.name}")):  # fmt: skip
                    stop([m])
                    st.rerun(scope="app")
        for m in waiting:
            status = now[m.run.id]
            if status.live and (words := weights_words(m.run.weights_at(), status)):
                st.caption(plain(f"{m.run.name}: {words}."))
    elif cut_short and session.button(
        f"Go on with {len(cut_short)} {'stopped' if all(now[m.run.id].state == STOPPED for m in cut_short) else 'unfinished'}",
        "sweep on", writes=True, icon=":material/play_arrow:", help="Each from its last checkpoint.",
    ):  # fmt: skip
        go_on(cut_short)
        runs.queue().wake()
        st.rerun(scope="app")


def another_beta(name: str) -> None:
    """One β more for a sweep, as its others are. What is wrong with it stays said until another is typed."""
    beta = st.number_input(
        "Another β", 0.001, 1000.0, None, key="sweep-another", format="%g", width=160,
        on_change=lambda: session.forget(address.SWEEP_FAULT),
    )  # fmt: skip
    pressed = session.button(
        "Add it", "add beta", writes=True, icon=":material/add:", disabled=beta is None, help="Type a β that is not there yet."
    )  # fmt: skip
    if pressed and beta is not None:
        try:
            add_beta(runs.store(), name, float(beta))
        except VaeCoreError as error:
            session.put(address.SWEEP_FAULT, (name, sentence(error)))
        else:
            runs.queue().wake()
            st.rerun()
    fault = session.get(address.SWEEP_FAULT)
    if fault is not None and fault[0] == name:
        st.error(fault[1], icon=":material/error:")
