"""The form of a new study: what all runs share, what is searched and in which ranges, what is wanted, and Start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import util
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import layout
from app.boundary import plain, sentence
from app.services import datasets, runs, timing
from app.state import address, session
from app.views.tune.command import call_of, command_of
from app.views.tune.range_row import fill, range_row
from app.views.tune.ranges import offered, usual
from app.widgets import config_form
from app.widgets.code_panel import code_panel, home
from app.widgets.estimate import time_words
from app.widgets.prepare_dataset import prepare
from vae_core.config import RunConfig
from vae_core.data import find_spec
from vae_core.errors import VaeCoreError
from vae_core.models.build import choose_side
from vae_core.options import Leaf, capitalised
from vae_core.study.fields import Field, by_switch, grid_size
from vae_core.study.goals import GOALS, MOST_GOALS, check_goals, parse_goal
from vae_core.study.settings import (
    GRID,
    MOST_SEEDS,
    MOST_TRIALS,
    NONE,
    PREFERENCE,
    PRUNERS,
    SAMPLERS,
    StudySettings,
)
from vae_core.words import counted

if TYPE_CHECKING:
    from vae_core.study.record import Study

# what a study begins with where nothing was chosen: a filled grid of D × β, half a minute a run at most
FIRST_FIELDS = (["latent-dim", "beta"], ["latent-dim", "learning-rate"])
FIRST_COUNTS = {"latent-dim": 4, "beta": 3, "learning-rate": 3}
FIRST_MINUTES, FIRST_TRIALS = 0.5, 12
GOALS_FIRST = ("elbo", "mse", "sharpness", "seconds")
UNDER = 4.4  # rem of the toolbar above the form
SAMPLER_WORDS = {
    GRID: "grid: every combination", "tpe": "TPE: learns from what was tried", "gp": "Gaussian process: learns, best for few trials", "random": "random",
    "qmc": "quasi-random: spread evenly", "nsga2": "NSGA-II: breeds a front of two goals", PREFERENCE: "preference: you choose among pictures",
}  # fmt: skip
PRUNER_WORDS = {
    NONE: "none",
    "median": "median: worse than half at the same epoch",
    "halving": "halving: ever fewer go on",
}

SAMPLER_HELP = """**Grid** tries every combination of a few values: the table of pictures has no gaps.

**TPE** (tree-structured Parzen estimator) learns: after some random settings it asks where good runs are dense and bad ones rare, and tries there.

**Gaussian process** learns too: it lays a smooth surface through the numbers so far, and tries where that is high or unknown. Best for few trials and few settings.

**NSGA-II** is for two goals: it keeps the settings that none other beats in both, and mixes and varies them, as in breeding.

**Random** and **quasi-random** learn nothing; the second leaves no large gaps.

**Preference** shows you pictures without numbers; what you like decides what is tried next."""
PRUNER_HELP = """Saves time: a run that does badly on the validation images while it trains is stopped before its end.

**Median**: its value is worse than that of half of the earlier runs at the same epoch.

**Halving** (successive halving): each time epochs double, only the better half goes on.

A stopped run keeps its pictures, and takes no part in which is best."""


def prefill(settings: StudySettings, fields: Sequence[Field]) -> None:
    """Open the form with these settings; draws the page anew."""
    session.put(address.STUDY_FORM, (settings, tuple(fields)))
    session.put(address.TUNE_GO, "New study")
    st.rerun(scope="app")


def new_study(bar: DeltaGenerator, head: DeltaGenerator) -> None:
    """The form; `bar` is the rest of the page's toolbar, where Start stands, and `head` the title's row."""
    _begin()
    left, right = st.columns([5, 4], gap="large")
    with left, layout.panel("study-base", under=UNDER):
        st.markdown("**What all runs share**")
        searched = session.get(address.STUDY_FIELDS) or FIRST_FIELDS[0]
        # one value of what is searched would mean nothing; an architecture or an objective says what else is asked
        hidden = [
            name for name in searched if all(leaf.registry is None for leaf in by_switch().get(name, []))
        ]
        config = config_form.config_form(address.STUDY_SETTING, without=hidden)
    with right, layout.panel("study-way", under=UNDER):
        try:
            settings, fields = _way(config)
        except VaeCoreError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        _costs(settings, fields)
    name = session.get(address.STUDY_WAY.of("name")) or ""
    with bar:
        pressed = session.button(
            "Start", "start study", writes=True, type="primary", icon=":material/play_arrow:"
        )
        with st.popover("Copy as command", icon=":material/terminal:"):
            st.code(command_of(settings, name.strip()), language="bash", wrap_lines=True)
    code_panel(head, "new-study", call_of(settings, name.strip(), home()))
    if pressed:
        _start(settings, name.strip())


def _begin() -> None:
    """Fill the form once: by what was asked for, or by what a study usually begins with."""
    asked = session.get(address.STUDY_FORM)
    if asked == "filled":
        return
    session.put(address.STUDY_FORM, "filled")
    if asked is not None:
        settings, fields = asked
        config_form.fill(settings.base, address.STUDY_SETTING)
        session.put(address.STUDY_FIELDS, [field.name for field in fields])
        for field in fields:
            fill(field, address.STUDY_RANGE)
        for part, value in {
            "goals": list(settings.goals), "sampler": settings.sampler, "pruner": settings.pruner, "trials": settings.trials, "seeds": settings.seeds,
        }.items():  # fmt: skip
            session.put(address.STUDY_WAY.of(part), value)
        return
    session.forget(address.STUDY_FIELDS)
    for switch, value in {"objective": "beta_vae", "most-minutes": FIRST_MINUTES}.items():
        if not session.says(address.STUDY_SETTING.of(switch)):  # a link says its own
            session.put(address.STUDY_SETTING.of(switch), value)


# ---------------------------------------------------------------- what is searched, wanted, and how


def _way(config: RunConfig) -> tuple[StudySettings, list[Field]]:
    """Raises BadConfig for ranges and goals that cannot be."""
    leaves = offered(config)
    fields = _fields(leaves)
    by_taste = session.get(address.STUDY_WAY.of("sampler")) == PREFERENCE
    goals = [] if by_taste else _goals(config, fields)  # by preference no number is wanted
    st.markdown("**How it searches**")
    first, second = st.columns(2)
    several = len(goals) > 1
    samplers = [s for s in SAMPLERS if several or s != "nsga2"]
    if (
        util.find_spec("botorch") is None and not by_taste
    ):  # where a link asks for it, Start says what it needs
        samplers.remove(PREFERENCE)
    samplers.sort(key=lambda s: s != GRID)
    with first:
        sampler = _choice("sampler", "Settings are chosen by", samplers, SAMPLER_WORDS, SAMPLER_HELP)
    can_prune = len(goals) == 1 and parse_goal(goals[0]).epoch is not None
    with second:
        if can_prune:
            pruner = _choice(
                "pruner", "Hopeless runs are stopped by", list(PRUNERS), PRUNER_WORDS, PRUNER_HELP
            )
        else:
            pruner = NONE
            why = (
                "you choose among pictures of finished ones, on **By preference**"
                if not goals
                else (
                    "with two goals no run is hopeless by one of them"
                    if several
                    else "epochs do not tell this goal"
                )
            )
            st.caption(f"No run is stopped early: {why}.")
    first, second, third = st.columns([1, 1, 2])
    with first:
        if sampler == GRID:
            trials = FIRST_TRIALS
            st.caption(f"{counted(grid_size(fields), 'setting')}, all combinations")
        else:
            trials = int(_number("trials", "Trials", 1, MOST_TRIALS, FIRST_TRIALS))
    with second:
        seeds = 1
        if sampler != PREFERENCE:
            seeds = int(_number("seeds", "Seeds", 1, MOST_SEEDS, 1, help="Runs of each setting: they show how much is chance."))  # fmt: skip
    with third:
        key = address.STUDY_WAY.of("name")
        st.text_input(
            "Name", key=key.name, placeholder="chosen for you", help="Letters, digits, '.', '_' and '-'."
        )
    found = StudySettings(
        base=config, search=tuple(map(str, fields)), goals=tuple(goals), sampler=sampler, pruner=pruner, trials=trials, seeds=seeds,
        jobs=1 if "seconds" in goals else runs.at_once(),
    )  # fmt: skip
    return found, fields


def _choice(part: str, label: str, options: list[str], words: dict[str, str], help: str) -> str:
    key = address.STUDY_WAY.of(part)
    if session.get(key) not in options:
        session.put(key, options[0])
    return str(
        st.selectbox(label, options, key=key.name, format_func=lambda one: words.get(one, one), help=help)
    )


def _number(part: str, label: str, low: int, high: int, first: int, help: str | None = None) -> float:
    key = address.STUDY_WAY.of(part)
    if not isinstance(session.get(key), int):
        session.put(key, first)
    return float(st.number_input(label, low, high, key=key.name, help=help))


def _fields(leaves: dict[str, Leaf]) -> list[Field]:
    st.markdown("**What is searched**")
    key = address.STUDY_FIELDS
    chosen = [name for name in session.get(key) if name in leaves]
    if not chosen:
        chosen = next((f for f in FIRST_FIELDS if all(name in leaves for name in f)), list(leaves)[:1])
    session.put(key, chosen)
    order = [*chosen, *sorted(set(leaves) - set(chosen), key=lambda name: (leaves[name].spec.advanced, name))]
    names = st.multiselect(
        "Settings", order, key=key.name, format_func=lambda name: leaves[name].label, label_visibility="collapsed",
        placeholder="settings to search",
    )  # fmt: skip
    return [_range(leaves[name]) for name in names or chosen[:1]]


def _range(leaf: Leaf) -> Field:
    """The range or the values of one searched setting. Raises BadConfig."""
    first = usual(leaf)
    assert first is not None  # it is offered
    count = FIRST_COUNTS.get(leaf.switch, 3) if first.is_range else 0
    return range_row(leaf, replace(first, count=count), address.STUDY_RANGE)


def _goals(config: RunConfig, fields: list[Field]) -> list[str]:
    """What is wanted. Raises BadConfig for what these runs cannot give."""
    able = [name for name in GOALS if _gives(name, config, fields)]
    key = address.STUDY_WAY.of("goals")
    held = [g for g in session.get(key) or [] if g.partition(":")[0] in able]
    first = next((name for name in GOALS_FIRST if name in able), able[0])
    session.put(key, held or [first])
    found = st.multiselect(
        "What is wanted: one goal, or two for a front", [*able, *(g for g in held if g not in able)], key=key.name, max_selections=MOST_GOALS,
        format_func=_goal_words, help="Nats of different likelihoods cannot be compared: where likelihoods are searched, the goals in nats are not here.",
    )  # fmt: skip
    return found or [first]


def _goal_words(text: str) -> str:
    goal = parse_goal(text)
    way = "near 1" if goal.target is not None else ("low" if goal.direction == "min" else "high")
    return f"{goal.title}, {way}"


def _gives(name: str, config: RunConfig, fields: list[Field]) -> bool:
    try:
        check_goals([GOALS[name]], fields, config)
    except VaeCoreError:
        return False
    return True


# ---------------------------------------------------------------- what it costs, and Start


def _costs(settings: StudySettings, fields: list[Field]) -> None:
    """How many runs, and about how long they take here."""
    count = settings.trials
    if settings.sampler == GRID:
        count = grid_size(fields)
    count *= settings.seeds
    spec = find_spec(settings.base.data.dataset, runs.places())
    side = choose_side(settings.base, spec.sides)
    words = [counted(count, "run")]
    if datasets.images_ready(spec.name, side):
        plan = timing.chosen(settings.base, side, fixed_sigma=any(f.name == "beta" for f in fields)).plan
        if taken := time_words(plan, side, count):
            words.append(taken)
    st.caption(
        capitalised(" · ".join(words).removesuffix("…"))
        + ". All of one seed share order of images, noise and the images shown."
    )


def _start(settings: StudySettings, name: str) -> None:
    from vae_core.study.record import create

    spec = find_spec(settings.base.data.dataset, runs.places())
    side = choose_side(settings.base, spec.sides)
    if not datasets.images_ready(spec.name, side) and not prepare(spec, side):
        return
    try:
        made: Study = create(runs.places(), settings, name)
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    runs.driver().wake()
    session.put(address.STUDY, made.name)
    session.forget(address.STUDY_FORM)
    session.put(address.TUNE_GO, "By preference" if settings.sampler == PREFERENCE else "Study")
    session.put(
        address.STUDY_LIKED, made.name if settings.sampler == PREFERENCE else session.get(address.STUDY_LIKED)
    )
    st.toast(f"{plain(made.name)} began.", icon=":material/play_arrow:")
    st.rerun()
