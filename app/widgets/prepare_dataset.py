"""Widgets that build a dataset with progress: on the Train page, and where a page lacks a run's images."""

from __future__ import annotations

import streamlit as st

from app.boundary import copyable, plain
from app.services import datasets, runs
from app.state import session
from vae_core.data.registry import DatasetSpec, find_spec
from vae_core.errors import VaeCoreError
from vae_core.runs.run import Run


def prepare(spec: DatasetSpec, side: int) -> bool:
    """Download the dataset where that is needed, and build it at a side in pixels; false after saying what went wrong."""
    from vae_core.data import open_images

    bar = st.progress(0.0, text="preparing images")
    try:
        open_images(
            spec.name,
            side,
            runs.places(),
            lambda share, what: bar.progress(min(1.0, share), text=what),
        )
    except VaeCoreError as error:
        bar.empty()
        st.error(copyable(error), icon=":material/cloud_off:")
        return False
    bar.empty()
    return True


def offer_images(run: Run) -> None:
    """A button that builds the dataset of a run, or a word on where to get it; nothing where it is built already."""
    record = run.record()
    if record.shape is None or datasets.images_of(run) is not None:
        return
    name, side = record.effective.data.dataset, record.shape[1]
    try:
        spec = find_spec(name, runs.places())
    except VaeCoreError:
        st.caption(f"The images of {plain(name)} were removed from this machine.")
        return
    if not spec.present(runs.places()):
        st.caption(
            f"The images of {name} are not on this machine: choose them on the Train page to fetch them."
        )
    elif session.button(
        f"Show the images of {name}",
        f"prepare {name} {side}",
        icon=":material/photo_library:",
        help="Shown are decoded codes. The images themselves are read, or drawn, once.",
    ) and prepare(spec, side):
        st.rerun()
