"""Train what is to be compared, in one group of the queue, and follow it in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from app.boundary import fragment, plain, sentence
from app.services import datasets, runs, timing
from app.state import address, session
from app.views.compare.choice import alike
from vae_core.comparison import (
    KINDS,
    MOST_SEEDS,
    about_kinds,
    create,
    default_name,
    groups,
    of_each_kind,
    runs_in_words,
    trainable,
)
from vae_core.config import RunConfig
from vae_core.data import find_spec
from vae_core.errors import VaeCoreError
from vae_core.models.build import choose_side
from vae_core.options import replace_at
from vae_core.runs.record import ENDED
from vae_core.runs.run import Run
from vae_core.runs.timing import about
from vae_core.sweep import settled_for_sweep
from vae_core.training.defaults import chosen_words
from vae_core.words import counted, listed

LINE = 3.4  # rem of a line that says how far something is
USUAL_MINUTES = 1.0  # a run, so that four of them are seen before a coffee is cold


def base_of(run: Run, minutes: float) -> RunConfig:
    """Data and network of a run, with the usual training of so many minutes at most."""
    mine = run.record().effective
    config = RunConfig(data=mine.data, model=mine.model)
    return replace_at(config, ("training", "most_minutes"), minutes)


Variants = Callable[
    [RunConfig], Mapping[str, RunConfig]
]  # of settled settings: what is to be trained, by name


def train_each(run: Run) -> None:
    """The form; Start queues all runs as one group, and the page closes it."""
    able = {kind.title: kind for kind in trainable()}
    st.caption(
        f"{about_kinds(trainable())} All see the same images equally often, with networks of the same size."
    )
    titles = st.pills("Models", list(able), selection_mode="multi", default=list(able), key="kinds to train")
    chosen = [kind for kind in KINDS if kind.title in titles]
    start(run, lambda config: of_each_kind(config, chosen), len(chosen), "models", "models to be compared")


def start(run: Run, variants: Variants, count: int, what: str, words: str) -> None:
    """The rest of a form: minutes, seeds, what it takes, and Start.

    `count` variants of `run`'s data and network; `what` ends the group's name.
    """
    left, right = st.columns(2)
    minutes = left.number_input(
        "Minutes a run, at most", 0.1, 600.0, USUAL_MINUTES, 0.5, key="minutes to train", format="%g",
        help="As long as the plain VAE may take; the others see as many images.",
    )  # fmt: skip
    seeds = int(right.number_input("Seeds of each", 1, MOST_SEEDS, 1, key="seeds to train", help="More show how much is chance."))  # fmt: skip
    asked = base_of(run, float(minutes))
    spec = find_spec(asked.data.dataset, runs.places())
    side = choose_side(asked, spec.sides)
    if not datasets.images_ready(spec.name, side):
        st.info(
            "Its images are not on this machine yet: choose them on the Train page.",
            icon=":material/download:",
        )
        return
    busy = [
        name
        for name, members in groups(runs.store()).items()
        if waiting_of(members) and alike(members[0], run)
    ]
    try:
        chosen = timing.chosen(asked, side, fixed_sigma=True)
        config = chosen.config
        planned = variants(config) if count else {}
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    fragment(run_every=1.0)(_cost)(asked, config, planned, side, seeds)
    why_not = (
        f"{plain(listed(busy))} still trains: its runs are these."
        if busy
        else ""
        if count
        else "Choose what to train."
    )
    pressed = session.button(
        f"Start {counted(count * seeds, 'run')}", f"start {what}", writes=True, type="primary", icon=":material/play_arrow:",
        disabled=bool(why_not), help=why_not or f"All {words}, one after the other.", width="stretch",
    )  # fmt: skip
    if pressed and not why_not:
        name = default_name(config, runs.store(), what)
        try:
            if not chosen.timed:  # as many passes as the minutes allow, the same for all
                planned = variants(settled_for_sweep(asked, runs.places()))
            made = create(runs.store(), planned, name, seeds=seeds)
        except VaeCoreError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        runs.queue().wake()
        session.put(address.COMPARE_STARTED, name)
        if what == "models":
            session.put(address.COMPARED, _with_new([made[i].id for i in range(0, len(made), seeds)], run))
        st.rerun()


def _with_new(made: list[str], run: Run) -> list[str]:
    """What stands side by side from now on: the new runs; where there is but one, beside that which was looked at."""
    return made if len(made) > 1 else [run.id, *made]


def _cost(
    asked: RunConfig, config: RunConfig, planned: Mapping[str, RunConfig], side: int, seeds: int
) -> None:
    """What was chosen for all alike, and what they take here in all, as far as that is known."""
    data = datasets.images(config.data.dataset, side)
    images = len(config.data.split(data).train)
    said = [runs_in_words(len(planned), seeds)] if planned else []
    if words := chosen_words(asked, config, images):
        said.append(words)
    total, timed, held_up = 0.0, True, False
    for variant in planned.values():
        plan = timing.chosen(variant, side).plan
        estimate = timing.estimate(plan.config, side, may_time=timed)  # one after the other
        seconds = estimate.seconds(plan, seeds, runs.at_once())
        timed = timed and seconds is not None
        held_up = estimate.held_up
        total += seconds or 0.0
    if planned:
        unknown = "time is estimated while nothing trains" if held_up else "timing some steps…"
        said.append(f"about **{about(total)}** here in all" if timed else unknown)
    st.caption(" · ".join(said))


# ---------------------------------------------------------------- what trains


def waiting_of(members: Sequence[Run]) -> list[Run]:
    """Those of a group that wait or train."""
    return [run for run in members if run.status().state not in ENDED]


def progress(run: Run) -> bool:
    """How far the comparisons on these images are, in one line; whether there is one that trains. The page is drawn anew
    whenever one of their runs ends, or has its first weights."""
    going = _going(run)
    fragment(run_every=1.0 if going else None)(_follow)(run)
    return bool(going)


def _going(run: Run) -> dict[str, list[Run]]:
    found = {name: members for name, members in groups(runs.store()).items() if alike(members[0], run)}
    return {name: members for name, members in found.items() if waiting_of(members)}


def _follow(run: Run) -> None:
    going = _going(run)
    now = {
        name: (len(waiting_of(those)), sum(one.has_weights() for one in those))
        for name, those in going.items()
    }
    before = session.get(address.COMPARE_WAITING)
    session.put(address.COMPARE_WAITING, now)
    if before is not None and before != now:
        st.rerun(scope="app")
    if not going:
        return
    members = [one for those in going.values() for one in those]
    left, states = waiting_of(members), [one.status() for one in members]
    live = next((one for one, s in zip(members, states, strict=True) if s.live), None)
    eta = next((s.eta for s in states if s.live and s.eta is not None), None)
    words = f"{plain(listed(going))}: {len(members) - len(left)} of {counted(len(members), 'run')} done"
    words += "" if live is None else f" · {plain(live.name)} trains"
    words += "" if eta is None else f", {about(eta)} left"
    share = sum(1.0 if s.state in ENDED else s.progress for s in states) / len(members)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(1.0, share), text=words, width="stretch")
        if session.button("Stop", "stop comparison", writes=True, icon=":material/stop:", help="Stop all that waits or trains; what was learned is kept."):  # fmt: skip
            for one in left:
                one.request("stop")
            st.rerun(scope="app")
