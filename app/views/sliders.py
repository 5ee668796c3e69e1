"""Sliders: one per latent dimension, most used first; the picture is what the code decodes to."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import anchors, pictures, resources, state
from app.prepare import offer_images
from app.state import NO_RUN
from vae_core.inference import LoadedModel
from vae_core.latent.paths import traverse
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.store import Run

FIRST = 12  # sliders in sight; more are folded away
COLLAPSED = 0.01  # nats: a dimension that uses less does not move the picture
ROWS, VALUES = 6, np.linspace(-3, 3, 9)


def page() -> None:
    st.title("Sliders")
    run = state.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    model = resources.model(run)
    settle(run, model)
    deck(run, model)


def settle(run: Run, model: LoadedModel) -> None:
    """Take the code of a link that was opened; for another run than before, begin at an image.

    Only here, in a run of the whole script: while a slider moves, the address lags behind it.
    """
    limit = _limit(run)
    linked = state.param("z")
    if (
        linked
        and linked != state.get("sliders link")
        and (asked := _parse(linked, model.latent_dim)) is not None
    ):
        _set(asked, limit)  # a link was opened, from elsewhere or from another page
    elif state.get("sliders of") != (run.id, model.stamp):
        _first(run, model, limit)  # codes of another run mean nothing here
    state.put("sliders of", (run.id, model.stamp))


@st.fragment
def deck(run: Run, model: LoadedModel) -> None:
    kl = np.array(resources.kl_per_dim(run))
    limit = _limit(run)
    picture, controls = st.columns([2, 3], gap="large")
    with controls:
        anchor(run, model, limit)
        order = order_by_kl(kl)
        used = [d for d in order if kl[d] > COLLAPSED] if kl.any() else list(order)
        for dim in used[:FIRST]:
            _slider(dim, kl, limit)
        rest = used[FIRST:]
        if rest:
            with st.expander(f"{len(rest)} more dimensions"):
                for dim in rest:
                    _slider(dim, kl, limit)
        unused = [d for d in order if d not in used]
        if unused:
            with st.expander(f"{len(unused)} collapsed {'dimension' if len(unused) == 1 else 'dimensions'}"):
                st.caption(
                    "Their posterior is the prior (KL below 0.01 nats), so they hardly change the picture."
                )
                for dim in unused[:64]:
                    _slider(dim, kl, limit)
    code = _code(model.latent_dim)
    written = ",".join(f"{v:.2f}" for v in code)
    state.put("sliders link", written)
    state.set_param("z", written)
    with picture:
        st.image(
            pictures.png(model.decode_uint8(code)[0], 512),
            width="stretch",
            caption="decoded from the sliders",
        )
        start = state.get("slider anchor")
        if start is not None and start.image is not None:
            st.image(pictures.png(start.image, 128), width=128, caption=f"anchor: {start.words}")
        st.code("[" + ", ".join(f"{v:.2f}" for v in code) + "]", language=None, wrap_lines=True)
    st.subheader("Where each dimension leads", anchor=False)
    dims = [int(d) for d in used[:ROWS]]
    walks = np.stack([traverse(code, d, VALUES) for d in dims]).reshape(-1, model.latent_dim)
    decoded = model.decode_uint8(walks).reshape(len(dims), len(VALUES), *model.shape)
    for dim, row in zip(dims, decoded, strict=True):
        name, walk = st.columns([1, 14], vertical_alignment="center", gap="small", wrap=False)
        name.markdown(f"**z{dim}**")
        walk.image(pictures.strip(row, 96), width="stretch")
    st.caption("Each row goes from −3 to +3 in one dimension; the others stay as set above.")


def anchor(run: Run, model: LoadedModel, limit: float) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Random",
            icon=":material/casino:",
            on_click=_random,
            args=(model.latent_dim, limit),
            help="A code from the prior N(0, I).",
        )
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            on_click=_reset,
            args=(model.latent_dim, limit),
            help="Back to the anchor, or to zero.",
        )
        st.button(
            "Zero",
            icon=":material/exposure_zero:",
            on_click=_zero,
            args=(model.latent_dim, limit),
            help="The prior's mean.",
        )
        with st.popover("Anchor: an image", icon=":material/image:"):
            chosen = anchors.choose(run, model, "anchor")
            offer_images(run)
            if chosen is not None:
                if chosen.image is not None:
                    st.image(pictures.png(chosen.image, 128), width=128)
                st.caption(chosen.words)
                st.button(
                    "Start from it", type="primary", on_click=_take, args=(chosen, limit), key="take anchor"
                )


def _slider(dim: int, kl: np.ndarray, limit: float) -> None:
    use = f" · KL {kl[dim]:.2f} nats" if kl.any() else ""
    st.slider(f"**z{dim}**{use}", -limit, limit, 0.0, 0.01, key=f"z{dim}", persist_state="session")


def _limit(run: Run) -> float:
    """How far the sliders reach: ±4, or as far as the run's codes lie (a plain autoencoder's lie anywhere)."""
    codes = resources.codes(run)
    return 4.0 if codes is None else float(max(4.0, np.ceil(np.abs(codes.mean).max())))


def _parse(text: str, dim: int) -> np.ndarray | None:
    """The code of a link, or None where it is none of this run's."""
    try:
        code = np.array([float(v) for v in text.split(",")])
    except ValueError:
        return None
    return code if len(code) == dim and np.isfinite(code).all() else None


def _code(dim: int) -> np.ndarray:
    return np.array([float(state.get(f"z{d}", 0.0)) for d in range(dim)], np.float32)


def _set(code: np.ndarray, limit: float) -> None:
    for d, value in enumerate(code):
        state.put(f"z{d}", float(np.clip(round(float(value), 2), -limit, limit)))


def _first(run: Run, model: LoadedModel, limit: float) -> None:
    """Begin at an image, since the prior's mean is a blur of all of them."""
    found = anchors.gallery(run, model)
    if found is None or not len(found.index):
        _zero(model.latent_dim, limit)
    else:
        _take(anchors.anchor_of(run, model, 0, found), limit)


def _random(dim: int, limit: float) -> None:
    _set(np.random.default_rng().standard_normal(dim), limit)


def _zero(dim: int, limit: float) -> None:
    state.put("slider anchor", None)
    _set(np.zeros(dim), limit)


def _reset(dim: int, limit: float) -> None:
    start = state.get("slider anchor")
    _set(np.zeros(dim) if start is None or len(start.code) != dim else start.code, limit)


def _take(chosen: anchors.Anchor, limit: float) -> None:
    state.put("slider anchor", chosen)
    _set(chosen.code, limit)


page()
