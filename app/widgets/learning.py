"""Which weights a page shows of a run that still learns, and the newer ones once they are there."""

from __future__ import annotations

import streamlit as st

from app.boundary import fragment
from vae_core.errors import RunNotFound
from vae_core.options import capitalised
from vae_core.runs.array_files import WeightsAt
from vae_core.runs.record import Status
from vae_core.runs.run import Run

SECONDS = 3.0  # between looks at a run that learns


def weights_words(at: WeightsAt | None, status: Status) -> str:
    """Such as "weights of epoch 10; training is at epoch 57 of 100"; epochs count as everywhere, from the first."""
    if at is None or not status.steps_total:
        return ""
    # saved within an epoch, they are of that one
    epoch = -(-at.step * status.epochs // status.steps_total)
    weights = f"weights of epoch {epoch:,}" if at.step else "weights of before the first step"
    return f"{weights}; training is at epoch {max(1, status.epoch):,} of {status.epochs:,}"


def follow_weights(run: Run, stamp: str) -> None:
    """Of a run that learns, say which weights the page shows; it is drawn anew once there are others than `stamp`."""
    live = run.status().live
    with st.container():  # always there: what is said in it moves nothing that is drawn anew
        fragment(run_every=SECONDS if live else None)(_say)(run, stamp, live)


def _say(run: Run, stamp: str, live: bool) -> None:
    if not live:
        return
    try:
        status, now = run.status(), run.stamp()
    except RunNotFound:  # the page says so itself, once it is asked for something
        return
    if now != stamp or not status.live:
        st.rerun(scope="app")
    if words := weights_words(run.weights_at(), status):
        st.caption(f"{capitalised(words)}.")
