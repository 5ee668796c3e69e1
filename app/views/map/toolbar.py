"""The row of choices above the map: the projection and the projection's settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app.services import umap
from app.state import address, following, session
from app.views.map.projections import Layout, axis_groups, by_axis, by_dimensions, by_pca, by_umap
from app.views.map.shown_codes import MOST_IMAGES
from app.views.map.umap_layout import read_umap, umap_file, umap_params, umap_text
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.statistics import order_by_kl
from vae_core.latent.umap import UmapParams
from vae_core.options import capitalised
from vae_core.runs.groups import read_groups
from vae_core.runs.run import Run


def projection_choice(codes: StoredCodes) -> str:
    """Which projection: two dimensions are shown raw, more by PCA unless options otherwise."""
    dims = codes.mean.shape[1]
    options = ["dimensions", "PCA", "UMAP", "axis"] if dims > 1 else ["PCA"]
    usual = "dimensions" if dims == 2 else "PCA"
    kind = st.segmented_control("Projection", options, default=usual, key=address.COORDINATES.name, bind=address.COORDINATES.bind, required=True)  # fmt: skip
    return kind if kind in options else usual


def projection_options(run: Run, codes: StoredCodes, kind: str) -> Any:
    """The projection's own choices: (x, y), UMAP's settings, or the groups of a custom axis."""
    # two dimensions keep their order: the map would flip whenever their KLs change places
    dims = [0, 1] if codes.mean.shape[1] == 2 else [int(d) for d in order_by_kl(codes.kl_per_dim)]
    with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"):
        if kind == "UMAP":
            params = umap_params(session.param(address.UMAP))
            with st.popover("UMAP settings", icon=":material/tune:"):
                _settings(params)
            return params
        if kind == "axis":
            names = list(axis_groups(codes, read_groups(run)))
            return tuple(
                axis_end(name, names, usual) for name, usual in (("from", names[1]), ("to", names[0]))
            )
        if kind != "dimensions":
            return (dims[0], dims[-1])
        x = st.selectbox(
            "Horizontal", [f"z{d}" for d in dims], key=address.X.name, bind=address.X.bind, width=90
        )
        # one dimension on both axes would be a line, off which no place has a code
        y = st.selectbox("Vertical", [f"z{d}" for d in dims if d != int(x[1:])] or [x], key=address.Y.name, bind=address.Y.bind, width=90)  # fmt: skip
        return (int(x[1:]), int(y[1:]))


def axis_end(name: str, groups: list[str], usual: str) -> str:
    """An end of a custom axis: one of the groups, or an image by its number."""
    key = address.AXIS.of(name)
    wanted = following.wanted(key) or usual
    options = groups if wanted in groups else [*groups, wanted]
    session.put(key, wanted)
    found = st.selectbox(
        capitalised(name), options, key=key.name, accept_new_options=True, width=120,
        help=f"{'Left' if name == 'from' else 'Right'} end of the axis: a group, or type the number of an image.",
    )  # fmt: skip
    following.leave(key, "" if found == usual else found)
    return found


def _settings(params: UmapParams) -> None:
    """UMAP's settings. They count once the button is pressed, since each is a computation of its own."""
    neighbours = st.number_input("Neighbours", 2, 200, params.neighbours, key="umap neighbours", help="How many neighbours each code keeps: more shows coarser structure.")  # fmt: skip
    distance = st.number_input("Minimum distance", 0.0, 0.99, params.min_dist, 0.05, key="umap distance", help="How close points may lie.")  # fmt: skip
    metrics = ["euclidean", "cosine", "manhattan"]
    metric = st.selectbox("Metric", metrics, metrics.index(params.metric), key="umap metric")
    seed = st.number_input("Seed", 0, 2**31 - 1, params.seed, key="umap seed", help="The same seed gives the same map.")  # fmt: skip
    sample = st.number_input(
        "Sample size", 0, MOST_IMAGES, min(params.sample, MOST_IMAGES), 1000, key="umap sample",
        help="This many codes are laid out, and the others are placed among them. 0 lays out all.",
    )  # fmt: skip
    if session.button("Compute", "compute umap", type="primary", width="stretch"):
        made = UmapParams(int(neighbours), float(distance), str(metric), int(seed), int(sample))
        session.set_param(address.UMAP, umap_text(made))
        session.forget(address.UMAP_STOPPED)
        st.rerun()


def layout_of(run: Run, model: LoadedModel, codes: StoredCodes, kind: str, options: Any) -> Layout | None:
    """The codes in two dimensions; None while UMAP has nothing to show. Raises TooFewPoints, BadCodes."""
    if kind == "dimensions":
        return by_dimensions(codes, *options)
    if kind == "PCA":
        return by_pca(codes)
    if kind == "axis":
        return by_axis(codes, axis_groups(codes, read_groups(run)), *options)
    result = umap_file(run.places, model.stamp, codes, options)
    if umap.is_stored(result):
        return by_umap(codes, read_umap(result), options)
    if (sample := umap.sample(result)) is not None:
        rows, points_of_sample = sample
        return by_umap(codes, points_of_sample.astype(np.float32), options, rows)
    return None
