"""Sliders: the live deck. Its picture is decoded while the hand moves; the script runs only when it rests."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import boundary, layout
from app.boundary import copyable, fragment, plain
from app.components.deck import deck
from app.services import models, run_codes, runs
from app.state import address, following, session
from app.state.code_format import pack, round_code, unpack
from app.state.session import NO_RUN
from app.widgets import code_lines, image_picker
from app.widgets.code_panel import code_panel, source
from app.widgets.learning import follow_weights
from app.widgets.prepare_dataset import offer_images
from vae_core import pictures
from vae_core.errors import LookOnly, RunNotFound, VaeCoreError
from vae_core.evaluation.sliders import sliders, stored_sliders
from vae_core.inference import LoadedModel
from vae_core.latent.statistics import order_by_kl
from vae_core.places import look_only
from vae_core.runs.marks import change_marks, read_marks, slider_order
from vae_core.runs.run import Run

COLLAPSED = 0.01  # nats: a dimension that uses less does not move the picture


def page() -> None:
    run = session.run_or_none()
    if run is None:
        _title()
        st.info(NO_RUN, icon=":material/info:")
        return
    try:
        model = models.model(run)
    except VaeCoreError:
        _title()
        raise
    _deck(run, model.stamp, _settle(run, model))


def _title() -> DeltaGenerator:
    return layout.title(
        "Sliders",
        "Drag a slider, or on the picture: each moves one number of the code, and the picture follows.",
        *(
            "code",
            "dimension",
            "prior",
            "posterior",
            "KL",
            "nats",
            "percentile",
            "nearest",
            "uncertainty",
            "share",
            "collapsed",
        ),
    )


def _settle(run: Run, model: LoadedModel) -> str:
    """Take the code of a link that was opened; for another run than before, begin at an image.

    Only here, in a run of the whole script: while a slider moves, the address lags behind it. Returns what is wrong with
    the link, in a sentence.
    """
    linked = following.linked(address.CODE)
    opened = unpack(linked, model.latent_dim) if linked else None
    if session.get(address.DECK_OF) != run.id:
        _first(run, model)  # codes of another run mean nothing here; with new weights the code is kept
        session.put(address.DECK_OF, run.id)
    if opened is not None:
        following.go(address.CODE, pack(opened))
    session.set_param(address.CODE, following.at(address.CODE))
    if not linked or opened is not None:
        return ""
    return f"The link's code is none of this run's, which has {model.latent_dim} numbers; it was left out."


@fragment()
def _deck(run: Run, stamp: str, fault: str) -> None:
    if sent := session.get(address.DECK_SENT):
        session.forget(address.DECK_SENT)
        session.go("interpolate", {address.CODE: sent})
    head = _title()
    with layout.said("sliders"):
        if fault:
            st.warning(fault, icon=":material/link_off:")
        with contextlib.suppress(RunNotFound):  # deleted while it is open: that is said below
            follow_weights(run, stamp)
        data = _top(run, head)
    if data is not None:
        deck(data, address.DECK.name, on_code=_rested, on_marks=_keep, on_waypoint=_send)


def _top(run: Run, head: DeltaGenerator) -> dict[str, Any] | None:
    """What stands over the deck; and what the deck shows.

    Of a run that is gone the deck goes on as it is, since the page has all of it in memory.
    """
    try:
        model, header = models.model_and_header(run)
        _renew(model)
        data = _data(run, model, header)
    except RunNotFound as error:
        boundary.show(error)
        last: dict[str, Any] | None = session.get(address.DECK_DATA)
        return last if last is not None and last["run"] == run.id else None
    session.put(address.DECK_DATA, data)
    if packed := following.at(address.CODE):
        session.set_param(address.CODE, packed)
    code = unpack(following.at(address.CODE), model.latent_dim)
    code_panel(
        head,
        "sliders",
        code_lines.picture(source(run.id), np.zeros(model.latent_dim) if code is None else code),
    )
    with head:
        chooser = st.popover(
            "Start from an image", icon=":material/image:", key=address.CHOOSER.name, on_change="rerun"
        )
    with chooser:
        if chooser.open:  # whoever wants one; what a page shows of itself needs none
            offer_images(run)
        _choose(run, model)
    return data


def _data(run: Run, model: LoadedModel, header: dict[str, Any]) -> dict[str, Any]:
    kl = np.array(run_codes.kl_per_dim(run), np.float64)
    known = bool(np.isfinite(kl).all() and kl.any())
    marks, told = read_marks(run), _told_more(run)
    begins = "data" if told == "guided" or not model.has_prior else "prior"
    order = slider_order(marks, [int(d) for d in order_by_kl(kl)])
    return {
        "run": run.id, "name": run.name, "header": header, "home": _home(),
        "kl": kl.tolist() if known else [], "order": order,
        "collapsed": [d for d in order if known and kl[d] <= COLLAPSED],
        "effects": _effects(run), "told": told, "range": begins,
        "span": _span(run) if begins == "data" else None,
        "encoded": session.get(address.DECK_ENCODED), "open": _open(model),
        "marks": {"names": {str(d): n for d, n in marks.names.items()}, "bookmarks": [list(c) for c in marks.bookmarks],
                  "kept": session.get(address.DECK_KEPT)},
        "refuses": session.only_looking() if look_only() else "", "grey": model.shape[0] == 1, "prior": model.has_prior,
    }  # fmt: skip


def _effects(run: Run) -> list[list[Any]]:
    """Per dimension the attribute that its slider changes most, and its share of all that changes; none where unknown."""
    found = stored_sliders(run)
    return [] if found is None else [[one.top, round(one.share, 3)] for one in sliders(found)]


def _span(run: Run) -> dict[str, list[float]] | None:
    """Where the images' codes end per dimension, from codes that are kept, so that the sliders open at it; None where not known."""
    found = run_codes.ends(run)
    return None if found is None else {"low": found[0].round(6).tolist(), "high": found[1].round(6).tolist()}


def _told_more(run: Run) -> str:
    """What the run was told besides its images, in the word that the deck says; "" for nothing."""
    needs = run.record().effective.objective.entry.needs
    return "guided" if "targets" in needs else "pairs" if "pair" in needs else ""


def _open(model: LoadedModel) -> dict[str, Any]:
    """Where the deck is to be: it goes there when it is new on the page, or when a link was opened since."""
    code = unpack(following.at(address.CODE), model.latent_dim)
    return {
        "key": following.links(address.CODE),
        "code": np.zeros(model.latent_dim).tolist() if code is None else code.tolist(),
    }


def _rested() -> None:
    """The hand rests: keep the code for the address."""
    if packed := _code(_told("code")):
        following.rest(address.CODE, packed)


def _send() -> None:
    """To interpolation, with the code on the picture; the page is changed where the script arrives."""
    if packed := _code(_told("waypoint")):
        following.rest(address.CODE, packed)
        session.put(address.DECK_SENT, packed)


def _code(told: Any) -> str:
    """The code in what the deck tells, if it is of the run that is looked at."""
    mine = isinstance(told, dict) and told.get("run") == session.get(address.DECK_OF)
    return str(told.get("z", "")) if mine else ""


def _keep() -> None:
    """Names and bookmarks that the page changed; they lie with the run's notes.

    A page tells its changes, numbered from 1, again until it hears up to which of them were kept.
    """
    told = _told("marks")
    if not isinstance(told, dict) or not isinstance(told.get("changes"), list):
        return
    page, kept = str(told.get("page")), session.get(address.DECK_KEPT)
    after = kept["n"] if kept.get("page") == page else 0
    new = [
        c for c in told["changes"] if isinstance(c, dict) and isinstance(c.get("n"), int) and c["n"] > after
    ]
    if new:
        with contextlib.suppress(RunNotFound, LookOnly):  # deleted while its page was open; the page says so
            change_marks(runs.store().find(str(told.get("run"))), new)
        session.put(address.DECK_KEPT, {"page": page, "n": max(c["n"] for c in new)})


def _told(name: str) -> Any:
    return (session.get(address.DECK) or {}).get(name)


def _home() -> str:
    """Where Python has to look for the run, unless it looks there anyway."""
    places = runs.places()
    return "" if places.usual else str(places.home)


def _choose(run: Run, model: LoadedModel) -> None:
    try:
        chosen = image_picker.choose(run, model, "anchor")
    except VaeCoreError as error:  # the deck below goes on as it is
        st.error(copyable(error), icon=":material/error:")  # as it is: it may begin with the file's name
        return
    if chosen is not None:
        if chosen.image is not None:
            st.image(pictures.png(chosen.image, 128), width=128, alt=chosen.words)
        st.caption(plain(chosen.words) + ("" if chosen.distance is None else f" · its {chosen.drawn}"))
        image_picker.searching(model, [chosen])
        st.button(
            "Start from it", type="primary", on_click=_take, args=(chosen, model.stamp), key="take encoded image",
            disabled=chosen.looked_for, help="Its code is being looked for." if chosen.looked_for else None,
        )  # fmt: skip


def _first(run: Run, model: LoadedModel) -> None:
    """Begin at an image, since the prior's mean is a blur of all of them; at a code from the prior where none are encoded."""
    found = image_picker.gallery(run, model)
    if not model.has_encoder:
        session.put(address.DECK_ENCODED, None)
        drawn = np.random.default_rng(0).standard_normal(model.latent_dim)
        following.rest(address.CODE, pack(round_code(drawn)))
    elif found is None or not len(found.index):
        session.put(address.DECK_ENCODED, None)
        following.rest(address.CODE, pack(np.zeros(model.latent_dim)))
    else:
        _take(image_picker.encoded_image(run, model, 0, found), model.stamp)


def _take(chosen: image_picker.EncodedImage, stamp: str) -> None:
    """Begin at an image that the weights of this stamp encoded."""
    session.put(address.DECK_IMAGE, chosen.image)
    session.put(
        address.DECK_ENCODED,
        {"key": session.get(address.DECK_ENCODED_COUNT), "stamp": stamp, "words": chosen.words, "note": "",
         "picture": None if chosen.image is None else pictures.data_url(pictures.encode_png(chosen.image))}
        | _posterior(chosen.code, chosen.std),
    )  # fmt: skip
    session.put(address.DECK_ENCODED_COUNT, session.get(address.DECK_ENCODED_COUNT) + 1)
    following.rest(address.CODE, pack(round_code(chosen.code)))


def _posterior(code: np.ndarray, std: np.ndarray | None) -> dict[str, Any]:
    known = std is not None and np.isfinite(std).all() and std.any()
    return {
        "code": round_code(code).tolist(),
        "std": np.asarray(std, np.float64).tolist() if known else None,
    }


def _renew(model: LoadedModel) -> None:
    """With new weights the image is encoded anew: its code and spread would be of an encoder that is gone."""
    encoded, image = session.get(address.DECK_ENCODED), session.get(address.DECK_IMAGE)
    if encoded is None or encoded["stamp"] == model.stamp:
        return
    if image is None or not model.has_encoder:  # a search would take longer than the page may wait
        changed = {"std": None, "note": "as earlier weights encoded it"}
    else:
        found = image_picker.coded(model, image, "the image")
        changed = _posterior(found.code, found.std) | {"note": "encoded anew"}
    session.put(address.DECK_ENCODED, encoded | changed | {"stamp": model.stamp})


page()
