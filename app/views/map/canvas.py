"""The map itself, and what a person does on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app.components.map import bits_of, classes, images_of, latent_map, points
from app.services import array_store, datasets, models
from app.state import address, session
from app.state.address import Key
from app.views.map.projections import Layout, epoch_frames
from app.views.map.selection import select
from app.widgets import image_picker
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.runs.array_files import EpochCodes
from vae_core.runs.run import Run


def draw_map(
    run: Run, model: LoadedModel, codes: StoredCodes, layout: Layout, colour: dict[str, Any], chosen: int | None,
    selected: np.ndarray, marks: list[dict[str, Any]], spot: list[float] | None, frames: list[EpochCodes],
) -> None:  # fmt: skip
    """Mount the map of `layout`. `colour` and `marks` are as the component takes them, `selected` (N,) is bool.

    `frames` are the codes of earlier epochs, of the same images.
    """
    data = points(run.id, model.stamp, codes.split, layout.points, codes.index) | {
        "title": layout.title, "x": layout.x, "y": layout.y, "colour": colour, "chosen": -1 if chosen is None else chosen,
        "selected": bits_of(selected), "marks": marks, "spot": spot, "link": "map", "prior": layout.raw and model.stochastic,
        "decoded": datasets.images_of(run) is None,
    }  # fmt: skip
    if codes.labels is not None:
        data["labels"] = classes(codes.labels, list(image_picker.class_names(codes)), "label")
    header = models.decoder_header(run)
    if frames and layout.linear is not None:
        data["frames"] = {
            "points": array_store.url(epoch_frames(layout, [e.mean for e in frames])), "words": [f"epoch {e.epoch}" for e in frames],
        }  # fmt: skip
    elif frames:
        st.caption("Epochs can only be replayed on a linear projection: choose dimensions, PCA or axis.")
    if layout.linear is not None:
        mean, axes = layout.linear.mean, layout.linear.axes
        assert mean is not None
        assert axes is not None
        if header["stamp"] == model.stamp:
            data["plane"] = {
                "key": f"{model.stamp} {layout.x} {layout.y}", "header": header,
                "mean": np.asarray(mean, np.float64).tolist(), "axes": np.asarray(axes, np.float64).tolist(), "whole": layout.raw and model.latent_dim == 2,
            }  # fmt: skip
        if layout.raw and model.stochastic:
            data["ellipses"] = array_store.url(codes.std @ np.abs(axes).T)
    latent_map(data, address.MAP_PLOT.name, on_point=on_point, on_selection=on_selection, on_spot=on_spot)


def _reported(name: str, key: Key[Any] = address.MAP_PLOT) -> Any:
    return (session.get(key) or {}).get(name)


def on_point(key: Key[Any] = address.MAP_PLOT) -> None:
    number = _reported("point", key)
    if type(number) is int and number >= 0:
        session.set_param(address.CHOSEN_IMAGE, number)
        session.forget(address.MAP_SPOT)


def on_selection(key: Key[Any] = address.MAP_PLOT) -> None:
    images = images_of(_reported("selection", key))
    if images is not None:
        select(session.run_id(), images)


def on_spot() -> None:
    spot = _reported("spot")
    if isinstance(spot, list) and len(spot) == 2 and all(np.isfinite(float(v)) for v in spot):
        session.put(address.MAP_SPOT, (session.get(address.MAP_WHERE), [float(v) for v in spot]))
        session.set_param(address.CHOSEN_IMAGE, None)
