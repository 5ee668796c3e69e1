"""Scores that take minutes, computed for the runs of a sweep when a person asks for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import streamlit as st

from app.services import datasets, measuring
from app.state import session
from app.widgets.prepare_dataset import offer_images
from app.widgets.work import follow
from vae_core.evaluation.metrics import METRICS, Metric, metric_of
from vae_core.evaluation.run_metrics import stored
from vae_core.sweep import Member
from vae_core.words import counted


def offered(known: Collection[str]) -> set[str]:
    """Values of metrics that these runs could have on request: another that is known needs as much."""
    met: list[frozenset[str]] = [frozenset(metric_of(name).needs) for name in known]
    return {
        value.name
        for metric in METRICS.values()
        if metric.on_request and any(metric.needs <= needs for needs in met)
        for value in metric.values
    }


def ask_for(metric: Metric, members: Sequence[Member]) -> None:
    """A button that computes a metric for the runs that lack it, then how far that is, with a button to stop it."""
    left = [m for m in members if m.finished and (kept := stored(m.run)) is not None and kept.lacks(metric)]
    if not left:
        return
    data = datasets.images_of(left[0].run)
    if data is None:
        st.caption("It is computed once the test images are on this machine.")
        offer_images(left[0].run)
        return
    also = (metric.name,)
    works = [task for m in left if (task := measuring.going(m.run, data, also)) is not None]
    if not works:
        st.caption(
            f"Not computed by itself: it takes minutes a run, and {counted(len(left), 'run')} may have it."
        )
        if not session.button("Compute", f"compute {metric.name}", writes=True, icon=":material/calculate:"):
            return
        works = [measuring.measure_run(m.run, data, also) for m in left]
    follow(works, stop="stop computing")
