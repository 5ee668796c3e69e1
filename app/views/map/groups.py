"""Selections that are saved, exported or made a dataset.

A saved group is numbers of images, not codes: it is the same group when the run has learned on, and an axis or direction made
of it is of the newest codes. Of another split those of its images are shown that are in it, which is said.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.boundary import plain, sentence
from app.services import datasets, runs
from app.state import address, session
from app.views.map.projections import described
from app.views.map.selection import select
from app.views.map.tables import selection_csv, selection_npz
from app.widgets import config_form
from vae_core.errors import VaeCoreError
from vae_core.inference import StoredCodes
from vae_core.runs.groups import delete_group, read_groups, write_group
from vae_core.runs.run import Run
from vae_core.words import counted


def save_and_export(run: Run, codes: StoredCodes, rows: np.ndarray) -> None:
    """What can be done with a selection: save it as a group, export it, make a dataset of it, clear it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Save as group", key="group name", placeholder="a name", width=180)
        if session.button("Save", "save group", writes=True, icon=":material/bookmark_add:"):
            try:
                write_group(run, name, codes.index[rows])
                st.toast(plain(f"{name} holds {counted(len(rows))}"), icon=":material/check:")
            except VaeCoreError as error:
                st.error(sentence(error), icon=":material/error:")
        # written only when asked for: a whole split takes seconds
        st.download_button("CSV", lambda: selection_csv(codes, rows, datasets.names_of(run), nats=not run.record().effective.objective.no_elbo), f"{run.name}-selection.csv", "text/csv", icon=":material/download:", on_click="ignore")  # fmt: skip
        st.download_button("npz", lambda: selection_npz(codes, rows), f"{run.name}-selection.npz", "application/octet-stream", icon=":material/download:", on_click="ignore")  # fmt: skip
        if session.button("Make a dataset", "dataset of selection", writes=True, icon=":material/model_training:", disabled=datasets.images_of(run) is None, help="A dataset of the selected images, to train or fine-tune on. It takes the name under Save as group."):  # fmt: skip
            _dataset(run, name, codes.index[rows])
        if session.button("Clear selection", "clear selection", icon=":material/close:"):
            select(run.id, np.zeros(0, np.int64))
            st.rerun()
    saved_groups(run, codes)


def _dataset(run: Run, name: str, images: np.ndarray) -> None:
    """Copy the images, by number, into a dataset, and link to the Train page."""
    from vae_core.data.user import dataset_of_images

    source = datasets.images_of(run)
    assert source is not None  # the button is disabled without
    bar = st.progress(0.0, text="copying")
    try:
        spec = dataset_of_images(runs.places(), source, images, name, progress=lambda s, w: bar.progress(min(1.0, s), text=w))  # fmt: skip
    except VaeCoreError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    finally:
        bar.empty()
    st.success(f"{plain(spec.title)} holds {counted(len(images))}; it is among the datasets of the Train page.", icon=":material/check:")  # fmt: skip
    with st.container(horizontal=True):
        session.link(
            "train", "Train on it", ":material/model_training:", {address.SETTING.of("dataset"): spec.name}
        )
        config, shape = run.record().effective, run.record().shape
        assert shape is not None
        like_this = {
            address.SETTING.of("dataset"): spec.name,
            address.SETTING.of("side"): shape[1],
            address.FINE_TUNE: True,
            **config_form.as_params(config, "model", "objective"),
        }
        session.link("train", "Fine-tune this run on it", ":material/model_training:", like_this)  # fmt: skip


def saved_groups(run: Run, codes: StoredCodes) -> None:
    """The run's saved groups, each to select, delete or make a direction of."""
    groups = read_groups(run)
    if not groups:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Saved groups", list(groups), key="saved group", width=220)
        if name not in groups:
            return
        here = int(np.isin(groups[name], codes.index).sum())
        if here < len(groups[name]):
            st.caption(
                f"{here:,} of its {counted(len(groups[name]))} {'is' if here == 1 else 'are'} among these {described(codes)}.",
                width="content",
            )
        if here and session.button("Select group", "select group", icon=":material/select_all:"):
            select(run.id, groups[name])
            st.rerun()
        if session.button("Delete group", "delete group", writes=True, icon=":material/delete:"):
            delete_group(run, name)
            st.rerun()
        session.link("interpolate", "Use as attribute direction", ":material/timeline:", {address.ATTRIBUTE: "saved group", address.GROUP_A: name})  # fmt: skip
