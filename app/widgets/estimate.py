"""How long training takes here, in words; drawn anew once it is timed."""

from __future__ import annotations

import streamlit as st

from app.boundary import fragment
from app.services import runs, timing
from app.services.tasks import Task
from vae_core.runs.timing import about
from vae_core.training import Plan


def time_words(plan: Plan, side: int, count: int = 1, *, may_time: bool = True) -> str:
    """What `count` runs by a resolved plan take, such as "about **7 s** here"; never more than is known.

    `may_time`: have it timed where it is not known, or was found out long ago.
    """
    found = timing.estimate(plan.config, side, may_time=may_time)
    if found.task is not None and not found.task.done:
        fragment(run_every=0.5)(_follow)(found.task)
    seconds = found.seconds(plan, count, runs.at_once())
    if seconds is not None:
        return f"about **{about(seconds)}** here"
    if found.task is not None:
        return "timing some steps…"
    return "time is estimated while nothing trains" if found.held_up else ""


def _follow(task: Task[None]) -> None:
    if task.done:
        st.rerun(scope="app")
