"""Sliders: the live deck. Its picture is decoded while the hand moves; the script runs only when it rests."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import streamlit as st

from app import anchors, pictures, resources, state
from app.boundary import fragment
from app.codes import pack, settle, unpack
from app.components.deck import deck
from app.prepare import offer_images
from app.state import NO_RUN
from vae_core.errors import RunNotFound
from vae_core.inference import LoadedModel
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.marks import clean, read_marks, write_marks
from vae_core.runs.store import Run, png_of

COLLAPSED = 0.01  # nats: a dimension that uses less does not move the picture


def page() -> None:
    st.title("Sliders")
    run = state.run_or_none()
    if run is None:
        st.info(NO_RUN, icon=":material/info:")
        return
    model = resources.model(run)
    _settle(run, model)
    _deck(run, model)


def _settle(run: Run, model: LoadedModel) -> None:
    """Take the code of a link that was opened; for another run than before, begin at an image.

    Only here, in a run of the whole script: while a slider moves, the address lags behind it.
    """
    linked = state.param("z")
    opened = unpack(linked, model.latent_dim) if linked and linked != state.get("deck link") else None
    if state.get("deck of") != run.id:
        _first(
            run, model
        )  # codes of another run mean nothing here; those of new weights go on meaning much the same
        state.put("deck of", run.id)
    if opened is not None:
        state.put("deck link", pack(opened))
        state.put("deck opened", state.get("deck opened", 0) + 1)
    state.set_param("z", state.get("deck link"))


@fragment()
def _deck(run: Run, model: LoadedModel) -> None:
    kl = np.array(resources.kl_per_dim(run), np.float64)
    known = bool(np.isfinite(kl).all() and kl.any())
    order = [int(d) for d in order_by_kl(kl)]
    marks = read_marks(run)
    if packed := state.get("deck link"):
        state.set_param("z", packed)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Start from an image", icon=":material/image:"):
            _choose(run, model)
        if packed := state.get("deck link"):
            state.link("interpolate", "Send to interpolation", ":material/timeline:", z=packed)
    deck(
        {
            "run": run.id, "name": run.name, "header": resources.decoder_header(run),
            "kl": kl.tolist() if known else [], "order": order,
            "collapsed": [d for d in order if known and kl[d] <= COLLAPSED],
            "anchor": state.get("deck anchor"), "open": _open(model),
            "marks": {"names": {str(d): n for d, n in marks.names.items()}, "bookmarks": [list(c) for c in marks.bookmarks]},
            "grey": model.shape[0] == 1, "prior": model.stochastic,
        },
        "deck",
        on_code=_rested,
        on_marks=_keep,
    )  # fmt: skip


def _open(model: LoadedModel) -> dict[str, Any]:
    """Where the deck is to be: it goes there when it is new on the page, or when a link was opened since."""
    code = unpack(state.get("deck link"), model.latent_dim)
    return {
        "key": state.get("deck opened", 0),
        "code": np.zeros(model.latent_dim).tolist() if code is None else code.tolist(),
    }


def _rested() -> None:
    """The hand rests: keep the code for the address."""
    run_id, _, packed = str(_told("code")).partition(" ")
    if packed and run_id == state.get("deck of"):
        state.put("deck link", packed)


def _keep() -> None:
    """Names and bookmarks, as the page tells them; they lie with the run's notes."""
    told = _told("marks")
    if isinstance(told, dict):
        with contextlib.suppress(RunNotFound):  # deleted while its page was open; the page says so
            run = resources.store().find(str(told.get("run")))
            write_marks(run, clean(told, run.record().effective.model.latent_dim))


def _told(name: str) -> Any:
    return (state.get("deck") or {}).get(name)


def _choose(run: Run, model: LoadedModel) -> None:
    chosen = anchors.choose(run, model, "anchor")
    offer_images(run)
    if chosen is not None:
        if chosen.image is not None:
            st.image(pictures.png(chosen.image, 128), width=128)
        st.caption(chosen.words)
        st.button("Start from it", type="primary", on_click=_take, args=(chosen,), key="take anchor")


def _first(run: Run, model: LoadedModel) -> None:
    """Begin at an image, since the prior's mean is a blur of all of them."""
    found = anchors.gallery(run, model)
    if found is None or not len(found.index):
        state.put("deck anchor", None)
        state.put("deck link", pack(np.zeros(model.latent_dim)))
    else:
        _take(anchors.anchor_of(run, model, 0, found))


def _take(chosen: anchors.Anchor) -> None:
    code = settle(chosen.code)
    std = (
        None
        if chosen.std is None or not np.isfinite(chosen.std).all() or not chosen.std.any()
        else chosen.std
    )
    state.put(
        "deck anchor",
        {"key": state.get("deck anchors", 0), "code": code.tolist(), "words": chosen.words,
         "std": None if std is None else np.asarray(std, np.float64).tolist(),
         "picture": None if chosen.image is None else pictures.data_url(png_of(chosen.image[None, None]))},
    )  # fmt: skip
    state.put("deck anchors", state.get("deck anchors", 0) + 1)
    state.put("deck link", pack(code))


page()
