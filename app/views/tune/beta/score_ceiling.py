"""What a score could be at best, where pictures do not tell all of their factors."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.boundary import fragment
from app.services import datasets, measuring
from app.services.tasks import Task
from vae_core.evaluation.ceiling import has_ceiling, hidden_of
from vae_core.evaluation.metrics import Metric, Value
from vae_core.sweep import Member


def tell_ceiling(value: Value, metric: Metric, members: Sequence[Member]) -> None:
    """A caption with the value that a code of all that the pictures tell gets; nothing where they tell all."""
    member = next((m for m in members if m.finished), None)
    data = None if member is None else datasets.images_of(member.run)
    if member is None or data is None or not has_ceiling(metric, data):
        return
    task = measuring.ceiling_of(member.run, data, metric)
    with st.container():
        fragment(run_every=None if task.done else 0.5)(_told)(value, task, hidden_of(data), task.done)


def _told(value: Value, task: Task[dict[str, float]], hidden: str, was_done: bool) -> None:
    if not task.done:
        st.caption("Working out what the pictures allow at best.")
    elif not was_done:
        st.rerun(scope="app")
    elif task.result and value.name in task.result:
        st.caption(
            f"**At best about {task.result[value.name]:.3f} here**, which a code of exactly what the pictures tell gets: "
            f"{hidden}."
        )
