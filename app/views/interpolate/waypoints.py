"""The waypoints of a path: as a link or the session names them, and what a person does to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from app.state import address, session
from app.state.code_format import pack
from app.views.interpolate.tokens import (
    LEAST,
    MOST,
    code_of,
    drawing_of,
    image_of,
    image_token,
    names_something,
)
from app.widgets import image_picker
from vae_core.inference import LoadedModel
from vae_core.runs.run import Run


def waypoints_from_address(run: Run, model: LoadedModel, found: image_picker.Gallery | None) -> list[str]:
    """The waypoints as a link, the session or nobody named them; leaves them in the address.

    Only in a run of the whole script. `from-image`, `to-image` (with `-label`) name two images as older links do,
    `z` a code sent from the sliders, which comes to what is there.
    """
    linked = [t for i in range(1, MOST + 1) if (t := session.param(address.WAYPOINT.of(i)))]
    mine = session.get(address.WAYPOINTS_OF.of(run.id))
    if session.is_link(address.WAYPOINT, tuple(linked)):
        tokens = linked
    elif mine:
        tokens = list(mine)
    elif linked:  # written for the run looked at before, whose codes mean nothing here
        tokens = [t for t in linked if image_of(t)] if of_another_run(run) else linked
    else:
        tokens = []
    if not linked and (old := two_linked_images(found)):
        tokens = old
    for family in (address.END_IMAGE, address.END_LABEL, address.END_SOURCE):
        for end in ("from", "to"):
            session.set_param(family.of(end), "")
    kept = [t for t in tokens[:MOST] if names_something(t, model, found)]
    if len(kept) < len(tokens):
        st.warning(
            f"{len(tokens) - len(kept)} of the link's waypoints are no code of this run, which has {model.latent_dim} "
            "numbers, nor an image of its set; they were left out.",
            icon=":material/link_off:",
        )
    tokens = anew(run, model, kept)
    for token in first_waypoints(model, found):
        if len(tokens) < LEAST:
            tokens.append(token)
    if sent := session.param(address.CODE):
        session.set_param(address.CODE, "")
        code = code_of(sent, model.latent_dim)
        if code is None:
            st.warning(f"The code sent here is none of this run's: it needs {model.latent_dim} numbers.")
        elif len(tokens) >= MOST:
            st.warning(
                f"The code sent here was not added: a path has {MOST} waypoints at most. Remove one and send it again.",
                icon=":material/playlist_remove:",
            )
        else:
            token = pack(code)
            code_names()[token] = "from the sliders"
            tokens = [*tokens, token]
            session.put(address.WAYPOINT_OPEN, len(tokens) - 1)
    remember(run.id, tokens)
    for i in range(1, MOST + 1):
        session.set_param(address.WAYPOINT.of(i), tokens[i - 1] if i <= len(tokens) else "")
    session.wrote(address.WAYPOINT, tuple(tokens))
    session.put(address.WAYPOINTS_RUN, run.id)
    return tokens


def anew(run: Run, model: LoadedModel, tokens: list[str]) -> list[str]:
    """Tokens after the weights changed: uploads and drawings, whose pictures the session keeps, are encoded anew.

    Images of the set are encoded wherever they are named, and codes stay codes; so do those of a network without an
    encoder, whose search takes longer than such a page may wait.
    """
    before = session.get(address.STAMP_OF.of(run.id))
    session.put(address.STAMP_OF.of(run.id), model.stamp)
    if before in (None, model.stamp):
        return tokens
    session.put(address.WAYPOINTS_RENEWED, model.stamp)
    found = []
    for token in tokens:
        kept = uploads().get((before, token))
        if kept is not None and not model.has_encoder:
            uploads()[(model.stamp, token)] = replace(kept, distance=None, search=None)
        elif kept is not None and kept.image is not None:
            token = keep_picture(model, image_picker.coded(model, kept.image, kept.words))
        found.append(token)
    return found


def keep_picture(model: LoadedModel, encoded: image_picker.EncodedImage) -> str:
    """The token of an upload or a drawing, whose picture stays with the session."""
    token = pack(encoded.code)
    uploads()[(model.stamp, token)] = encoded
    code_names()[token] = encoded.words
    return token


def of_another_run(run: Run) -> bool:
    return session.get(address.WAYPOINTS_RUN) not in (None, run.id)


def two_linked_images(found: image_picker.Gallery | None) -> list[str]:
    """The waypoints of a link that names two images, from and to."""
    if not any(
        session.param(f.of(end)) for end in ("from", "to") for f in (address.END_IMAGE, address.END_LABEL)
    ):
        return []
    tokens = []
    for end, usual in (("from", "0"), ("to", "7")):
        place, label = (
            session.param(address.END_IMAGE.of(end)) or usual,
            session.param(address.END_LABEL.of(end)),
        )
        names = found.names if found is not None else ()
        tokens.append(
            image_token(int(place) if place.isdecimal() else int(usual), names.index(label) if label in names else None)
        )  # fmt: skip
    return tokens


def first_waypoints(model: LoadedModel, found: image_picker.Gallery | None) -> list[str]:
    """Two waypoints to begin with: images of the set, or where none are known codes from the prior."""
    if found is not None and len(found.index):
        return [image_token(0), image_token(7)]
    drawn = np.random.default_rng(0).standard_normal((LEAST, model.latent_dim))
    tokens = [pack(code) for code in drawn]
    for token in tokens:
        code_names().setdefault(token, "a code drawn from the prior")
    return tokens


def code_names() -> dict[str, str]:
    """What codes are called, by token."""
    return session.setdefault(address.WAYPOINT_NAMES)


def uploads() -> dict[tuple[str, str], image_picker.EncodedImage]:
    """Uploads and drawings by (weights stamp, token): an address carries the code alone."""
    return session.setdefault(address.WAYPOINT_UPLOADS)


def remember(run_id: str, tokens: list[str]) -> None:
    session.put(address.WAYPOINTS_OF.of(run_id), list(tokens))
    session.put(address.WAYPOINT_OPEN, min(int(session.get(address.WAYPOINT_OPEN)), len(tokens) - 1))


def take_drawing(run_id: str, model: LoadedModel) -> None:
    """What the pad tells: the drawing becomes the waypoint at which it was begun."""
    told = (session.get(address.WAYPOINT_PAD) or {}).get("drawn")
    if not isinstance(told, dict) or told.get("run") != run_id:
        return
    place, found = told.get("place"), drawing_of(told, model.shape, model.latent_dim)
    if found is None or type(place) is not int or not 0 <= place < len(tokens_of(run_id)):
        session.put(
            address.WAYPOINT_FAULT, "The drawing came in a form that does not fit this run. Draw it again."
        )
    elif told.get("stamp") != model.stamp:
        session.put(
            address.WAYPOINT_FAULT,
            "The weights changed while this was drawn. Add a stroke to have it encoded again.",
        )
    else:
        code, image = found
        set_waypoint(
            run_id, place, keep_picture(model, image_picker.EncodedImage(code, image, "your drawing"))
        )


def open_waypoint(here: int) -> None:
    session.put(address.WAYPOINT_OPEN, here)


def tokens_of(run_id: str) -> list[str]:
    kept = session.get(address.WAYPOINTS_OF.of(run_id))
    return list(kept)


def set_waypoint(run_id: str, here: int, token: str) -> None:
    tokens = tokens_of(run_id)
    tokens[here] = token
    remember(run_id, tokens)


def pick_image(run_id: str, here: int, names: list[str]) -> None:
    label, place = session.get(address.WAYPOINT_LABEL), session.get(address.WAYPOINT_PLACE)
    set_waypoint(run_id, here, image_token(int(place or 0), names.index(label) if label in names else None))


def type_code(run_id: str, dim: int, here: int) -> None:
    code = code_of(str(session.get(address.WAYPOINT_CODE)), dim)
    if code is None:
        session.put(
            address.WAYPOINT_FAULT, f"That is no code of this run: it needs {dim} numbers between commas."
        )
    else:
        set_waypoint(run_id, here, pack(code))


def add_waypoint(run_id: str, images: bool) -> None:
    tokens = tokens_of(run_id)
    if len(tokens) < MOST:
        used = [image[1] for t in tokens if (image := image_of(t))]
        tokens.append(image_token(max(used, default=-1) + 1) if images else tokens[-1])
        open_waypoint(len(tokens) - 1)
        remember(run_id, tokens)


def remove_waypoint(run_id: str, here: int) -> None:
    tokens = tokens_of(run_id)
    if len(tokens) > LEAST and here < len(tokens):
        del tokens[here]
        remember(run_id, tokens)


def swap_waypoints(run_id: str, here: int, by: int) -> None:
    tokens = tokens_of(run_id)
    if 0 <= here + by < len(tokens):
        tokens[here], tokens[here + by] = tokens[here + by], tokens[here]
        session.put(address.WAYPOINT_OPEN, here + by)
        remember(run_id, tokens)
