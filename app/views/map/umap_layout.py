"""UMAP of the codes: its settings in the address, its file, and its computation in another process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.boundary import copyable, fragment
from app.services import umap
from app.services.tasks import FAILED, Task
from app.state import address, session
from app.views.map import caches
from vae_core.errors import BadConfig
from vae_core.inference import StoredCodes
from vae_core.latent.umap import UmapParams
from vae_core.places import Places
from vae_core.runs.run import Run


def umap_file(places: Places, stamp: str, codes: StoredCodes, params: UmapParams) -> Path:
    """Where a run's UMAP of these codes is kept, or is to be."""
    name = f"umap-{codes.split}-{len(codes)}-{params.key}.npz"
    kept = places.derived_file(stamp, name)
    return kept if kept.exists() else places.derived_file(stamp, name, write=True)


def umap_text(params: UmapParams) -> str:
    """Settings as an address holds them; empty for the usual ones."""
    if params == UmapParams():
        return ""
    return f"{params.neighbours},{params.min_dist:g},{params.metric},{params.seed},{params.sample}"


def umap_params(text: str) -> UmapParams:
    """Settings from an address; the usual ones where it holds none."""
    try:
        neighbours, min_dist, metric, seed, sample = text.split(",")
        return UmapParams(int(neighbours), float(min_dist), metric, int(seed), int(sample))
    except (ValueError, BadConfig):
        return UmapParams()


def read_umap(result: Path) -> np.ndarray:
    return caches.umap_points.get_or_make((result, result.stat().st_mtime_ns), lambda: umap.read(result))


@fragment(run_every=0.5)
def umap_progress(run: Run, stamp: str, codes: StoredCodes, params: UmapParams, sampled: bool) -> None:
    """Start UMAP in another process and follow it; redraw the map when its sample and when the whole is there."""
    result = umap_file(run.places, stamp, codes, params)
    task = umap.find(result)
    if umap.is_stored(result) or (not sampled and umap.sample(result) is not None):
        st.rerun(scope="app")
    if task is not None and task.state == FAILED:
        st.error(f"UMAP could not be computed: {copyable(task.error)}", icon=":material/error:")
        if session.button("Try again", "again umap", icon=":material/refresh:"):
            umap.stop(result)
            st.rerun(scope="fragment")
        return
    if task is None:
        if session.get(address.UMAP_STOPPED) == str(result):
            st.info("UMAP was stopped.", icon=":material/stop:")
            if session.button("Start UMAP", "start umap", type="primary"):
                session.forget(address.UMAP_STOPPED)
                st.rerun(scope="fragment")
            return
        if (former := session.get(address.UMAP_JOB)) is not None and former != result:
            umap.stop(former)  # settings or a split that nobody waits for any more
        session.put(address.UMAP_JOB, result)
        task = umap.start(codes.mean, params, result)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(
            task.share,
            text=f"UMAP of {len(codes):,} codes: {task.words}{_time_left(task)}",
            width="stretch",
        )
        if session.button("Stop UMAP", "stop umap", icon=":material/stop:"):
            umap.stop(result)
            session.put(address.UMAP_STOPPED, str(result))
            st.rerun(scope="app" if sampled else "fragment")


def _time_left(task: Task[Any]) -> str:
    """Time left, of the step under way; measured from when this session first saw it begin."""
    began = session.get(address.UMAP_STEP)
    if began is None or began[0] != task.words or task.share < began[2]:
        began = (task.words, time.monotonic(), task.share)
        session.put(address.UMAP_STEP, began)
    done, passed = task.share - began[2], time.monotonic() - began[1]
    return (
        f" · about {passed * (0.95 - task.share) / done:.0f} s left"
        if done > 0.05 and task.share < 0.95
        else ""
    )
