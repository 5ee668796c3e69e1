"""The image that was clicked: its reconstruction, its code and its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app import layout, words
from app.boundary import plain
from app.plots import palette
from app.plots.codes import posterior_intervals
from app.plots.figure import PLAIN
from app.services import datasets
from app.state import address, session
from app.state.code_format import pack
from app.views.map import caches
from app.views.map.caches import digest
from app.widgets import image_picker
from app.widgets.prepare_dataset import offer_images
from vae_core import pictures
from vae_core.data.registry import factor_words
from vae_core.data.similar import nearest_images
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.statistics import kl_from_prior, nearest, order_by_kl
from vae_core.runs.run import Run
from vae_core.words import one_decimal

NEIGHBOURS = 10


MOST_DIMS = 24  # of a code, shown for one image


def image_panel(run: Run, model: LoadedModel, codes: StoredCodes, row: int) -> None:
    """The image at `row` of the codes: picture, reconstruction, error, posterior, neighbours, and where to go from it."""
    data = datasets.images_of(run)
    number = int(codes.index[row])
    label = f" · {image_picker.class_names(codes)[codes.labels[row]]}" if codes.labels is not None else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(f"Image {number}{label}"), anchor=False, width="content")
        layout.meanings(
            "reconstruction error",
            "distance of pictures",
            "KL",
            "nats",
            "posterior",
            "posterior spread",
            "latent space",
            key="image words",
        )
    if (names := datasets.names_of(run)) is not None:
        st.caption(plain(names[number]))
    decoded = model.decode(codes.mean[row])[0]
    if data is not None:
        image = np.asarray(data.images[number])
        difference = np.abs(image / 255 - decoded).mean(0)
        st.image(
            [pictures.png(image, 96), pictures.png(np.rint(decoded * 255).astype(np.uint8), 96), pictures.png(heat(difference), 96)],
            width=96, caption=["image", "reconstruction", f"error, 0 to {difference.max():.2f}"],
        )  # fmt: skip
    else:
        st.image(
            pictures.png(np.rint(decoded * 255).astype(np.uint8), 160),
            width=160,
            caption="reconstruction",
        )
        offer_images(run)
    error = one_decimal(float(codes.error[row]))
    distance = model.config.objective.no_elbo
    facts = [f"distance of pictures **{error}**" if distance else f"reconstruction error **{error}** nats"]
    if model.stochastic:
        kl = float(kl_from_prior(codes.mean[row], codes.log_var[row]).sum())
        facts.append(f"KL **{one_decimal(kl)}** nats")
    if codes.factors is not None:
        facts += [
            f"{plain(name)} **{words.factor(float(value), factor_words(model.config.data.dataset, name))}**"
            for name, value in zip(codes.factor_names, codes.factors[row], strict=True)
        ]
    st.markdown(" · ".join(facts))
    if distance:
        st.caption(distance)
    order = [int(d) for d in order_by_kl(codes.kl_per_dim)][:MOST_DIMS]
    layout.chart(
        posterior_intervals(order, codes.mean[row], codes.std[row]), key="map posterior", config=PLAIN
    )
    if len(codes.kl_per_dim) > MOST_DIMS:
        st.caption(f"The {MOST_DIMS} most used of {len(codes.kl_per_dim)} dimensions.")
    _neighbours(model, codes, row, data)
    with st.container(horizontal=True):
        session.link("sliders", "Open in Sliders", ":material/tune:", {address.CODE: pack(codes.mean[row])})
        session.link(
            "interpolate", "Add to a path", ":material/timeline:", {address.CODE: pack(codes.mean[row])}
        )
        for end, verb in (("from", "Start"), ("to", "End")):
            st.button(f"{verb} axis here", key=f"axis {end} here", on_click=_axis_end, args=(end, number), icon=":material/arrow_right_alt:", help="Makes this image an end of a custom axis.")  # fmt: skip
        if session.button("Clear", "clear image", icon=":material/close:"):
            session.set_param(address.CHOSEN_IMAGE, None)
            st.rerun()


def _axis_end(end: str, number: int) -> None:
    session.put(address.AXIS.of(end), f"image {number}")
    session.put(address.COORDINATES, "axis")


def _neighbours(model: LoadedModel, codes: StoredCodes, row: int, data: Any) -> None:
    found, distances = nearest(codes.mean[row], codes.mean, NEIGHBOURS + 1)
    near = [(int(i), float(d)) for i, d in zip(found[0], distances[0], strict=True) if i != row][:NEIGHBOURS]
    rows = [i for i, _ in near]
    shown = model.decode_uint8(codes.mean[rows]) if data is None else np.asarray(data.images[codes.index[rows]])  # fmt: skip
    what = "nearest in latent space" + (", decoded from their codes" if data is None else "")
    if near:
        st.image(pictures.grid(shown.reshape(1, *shown.shape), 40), width="stretch", caption=f"{what}, distances {near[0][1]:.2f} to {near[-1][1]:.2f}")  # fmt: skip
    if data is None:
        return
    number = int(codes.index[row])
    with st.spinner("comparing pixels"):
        which, away = caches.pixel_neighbours.get_or_make(
            (data.fingerprint, digest(codes.index), number),
            lambda: nearest_images(data.images, codes.index, np.asarray(data.images[number]), NEIGHBOURS + 1),
        )
    others = [(int(i), float(d)) for i, d in zip(which, away, strict=True) if i != row][:NEIGHBOURS]
    if others:
        st.image(
            pictures.grid(np.asarray(data.images[codes.index[[i for i, _ in others]]])[None], 40), width="stretch",
            caption=f"nearest in pixel space, distances {others[0][1]:.2f} to {others[-1][1]:.2f} · {len(set(rows) & {i for i, _ in others})} in both",
        )  # fmt: skip


def heat(difference: np.ndarray) -> np.ndarray:
    """(H, W) of 0 or more -> uint8 (3, H, W) in viridis, its largest value the brightest."""
    ramp = np.array([palette.rgb(colour) for colour in palette.VIRIDIS[::2]], np.float64)
    at = difference / max(float(difference.max()), 1e-9) * (len(ramp) - 1)
    channels = [np.interp(at, np.arange(len(ramp)), ramp[:, c]) for c in range(3)]
    return np.rint(np.stack(channels)).astype(np.uint8)
