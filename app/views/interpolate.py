"""Interpolate: from one image to another through the latent space, and to take away as a GIF."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import anchors, pictures, resources, state
from app.prepare import offer_images
from app.state import NO_RUN
from vae_core.export import gif_of
from vae_core.latent.paths import lerp, slerp

PATHS = {"linear": lerp, "spherical": slerp}
HELP = {
    "linear": "The straight line between the two codes.",
    "spherical": "A great arc: the direction turns evenly and the length changes evenly, so that the path keeps to "
    "the shell where a Gaussian prior has its mass.",
}


def page() -> None:
    st.title("Interpolate")
    run = state.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    model = resources.model(run)
    left, middle, right = st.columns([1, 1.3, 1], gap="large")
    with left:
        st.subheader("From", anchor=False)
        a = anchors.choose(run, model, "from", 0)
        _show(model, a)
        offer_images(run)
    with right:
        st.subheader("To", anchor=False)
        b = anchors.choose(run, model, "to", 7)
        _show(model, b)
    if a is None or b is None:
        with middle:
            st.info("Choose two images, one on each side.", icon=":material/timeline:")
        return
    with middle:
        st.subheader("Between", anchor=False)
        kind = st.segmented_control(
            "Path", list(PATHS), default="linear", key="path", bind="query-params", required=True,
            help="  \n".join(f"**{k}**: {v}" for k, v in HELP.items()),
        )  # fmt: skip
        position = st.slider("Position", 0.0, 1.0, 0.5, 0.01, key="position", bind="query-params")
        steps = st.slider("Pictures in the strip", 3, 33, 11, key="steps", bind="query-params")
        path = PATHS[kind or "linear"]
        here = model.decode_uint8(path(a.code, b.code, np.array([position])).astype(np.float32))[0]
        st.image(pictures.png(here, 384), width="stretch")
    t = np.linspace(0, 1, steps)
    frames = model.decode_uint8(path(a.code, b.code, t).astype(np.float32))
    rows = np.stack([frames]) if steps <= 17 else _wrap(frames)
    st.image(pictures.grid(rows, 96), width="stretch", caption=f"{steps} equal steps, {kind}")
    if np.allclose(a.code, b.code):
        st.caption("Both ends have the same code, so nothing moves between them.")
    there_and_back = np.concatenate((frames, frames[-2:0:-1])) if len(frames) > 2 else frames
    milliseconds = st.session_state.get("gif-ms", 80)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        milliseconds = st.number_input("Milliseconds a frame", 20, 1000, 80, 10, key="gif-ms", width=180)
        st.download_button(
            "Download GIF", gif_of(there_and_back, milliseconds=int(milliseconds)), f"{run.name}-{kind}.gif", "image/gif",
            icon=":material/gif_box:", on_click="ignore", help="There and back, endless.",
        )  # fmt: skip


def _show(model: resources.LoadedModel, anchor: anchors.Anchor | None) -> None:
    if anchor is None:
        return
    decoded = model.decode_uint8(anchor.code)[0]
    if anchor.image is None:
        st.image(
            pictures.png(decoded, 192),
            width=192,
            caption="its reconstruction",
        )
        return
    both = np.stack((anchor.image, decoded))
    st.image(pictures.strip(both, 128), width=270, caption=f"{anchor.words} · its reconstruction")


def _wrap(frames: np.ndarray) -> np.ndarray:
    """Two rows of equal length; an odd one out is shown again at the end."""
    half = -(-len(frames) // 2)
    if len(frames) % 2:
        frames = np.concatenate((frames, frames[-1:]))
    return frames.reshape(2, half, *frames.shape[1:])


page()
