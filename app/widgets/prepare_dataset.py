"""Widgets that build a dataset with progress: on the Train page, and where a page lacks a run's images."""

from __future__ import annotations

import streamlit as st

from app.boundary import copyable, fragment, plain
from app.services import datasets, runs
from app.services.tasks import Task
from app.state import session
from vae_core.data.registry import DatasetSpec, find_spec
from vae_core.errors import VaeCoreError
from vae_core.runs.run import Run

FOLLOW = 0.5  # seconds between looks at images that are prepared


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
    """Prepare the dataset of a run behind the page, or say how to get it; nothing where it is there already.

    What the package makes by itself needs no click. A download that lies on this machine is read on request: that may
    take minutes.
    """
    record = run.record()
    if record.shape is None or datasets.images_of(run) is not None:
        return
    name, side = record.effective.data.dataset, record.shape[1]
    try:
        spec = find_spec(name, runs.places())
    except VaeCoreError:
        st.caption(f"The images of {plain(name)} were removed from this machine.")
        return
    if spec.kind != "download":
        if runs.places().builds:
            fragment(run_every=FOLLOW)(_follow)(run, datasets.preparing(name, side))
    elif not spec.present(runs.places()):
        st.caption(
            f"The images of {name} are not on this machine: choose them on the Train page to fetch them."
        )
    elif session.button(
        f"Show the images of {name}",
        f"prepare {name} {side}",
        icon=":material/photo_library:",
        help="Shown are decoded codes. The images themselves are read once.",
    ) and prepare(spec, side):
        st.rerun()


def _follow(run: Run, task: Task[None]) -> None:
    """How far the images are; the page is drawn anew with them."""
    if task.error:
        st.caption(f"The images could not be prepared: {copyable(task.error)}")
    elif not task.done:
        st.progress(task.share, text=f"preparing the images: {plain(task.words)}")
    elif datasets.images_of(run) is not None:
        st.rerun(scope="app")
