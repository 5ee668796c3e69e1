"""The row of waypoints as thumbnails, and the panel that changes the open one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import layout
from app.boundary import copyable
from app.components.pad import pad
from app.state import address, session
from app.views.interpolate.tokens import LEAST, MOST, encoded_image_of, image_of, written
from app.views.interpolate.waypoints import (
    add_waypoint,
    code_names,
    keep_picture,
    open_waypoint,
    pick_image,
    remove_waypoint,
    set_waypoint,
    swap_waypoints,
    take_drawing,
    type_code,
    uploads,
)
from app.widgets import image_picker
from app.widgets.prepare_dataset import offer_images
from vae_core import pictures
from vae_core.errors import VaeCoreError
from vae_core.inference import LoadedModel
from vae_core.runs.run import Run

THUMBNAIL = 84  # pixels that a waypoint of the row takes


def row(
    run: Run, model: LoadedModel, found: image_picker.Gallery | None, tokens: list[str]
) -> list[image_picker.EncodedImage]:
    """The waypoints as thumbnails; a press opens one in the editor."""
    met = []
    for token in tokens:
        uploaded = uploads().get((model.stamp, token))
        encoded = uploaded or encoded_image_of(token, run, model, found, code_names().get(token, "a code"))
        assert encoded is not None  # waypoints_from_address left no other
        met.append(encoded)
    here = int(session.get(address.WAYPOINT_OPEN))
    with layout.thumbnails("waypoints"):
        for i, encoded in enumerate(met):
            with st.container(
                width=THUMBNAIL, gap="xxsmall", horizontal_alignment="center", key=f"place {i}"
            ):
                shown = encoded.image if encoded.image is not None else model.decode_uint8(encoded.code)[0]
                st.image(pictures.png(shown, 96), width=48, alt=f"waypoint {i + 1}: {encoded.words}")
                st.button(
                    f"Waypoint {i + 1}", key=f"open waypoint {i}", on_click=open_waypoint, args=(i,),
                    type="primary" if i == here else "secondary", width="stretch", help=encoded.words,
                )  # fmt: skip
        with st.container(width=THUMBNAIL, key="place after"):
            st.button(
                "Add", key="add waypoint", icon=":material/add:", width="stretch", disabled=len(tokens) >= MOST,
                on_click=add_waypoint, args=(run.id, found is not None), help="One more waypoint at the end, eight at most.",
            )  # fmt: skip
    return met


def editor(
    run: Run, model: LoadedModel, header: dict[str, Any], found: image_picker.Gallery | None, tokens: list[str],
    met: list[image_picker.EncodedImage],
) -> None:  # fmt: skip
    """What the open waypoint is: an image of the set, a code, an upload, a drawing; and its place in the row."""
    here = int(session.get(address.WAYPOINT_OPEN))
    encoded, token = met[here], tokens[here]
    with st.container():
        if session.get(address.WAYPOINTS_RENEWED) == model.stamp:
            st.caption(
                ":material/sync: The run's weights changed while this page was open: the waypoints were encoded anew."
            )
    decoded = model.decode_uint8(encoded.code)[0]
    with st.container(horizontal=True, gap="small", wrap=False, vertical_alignment="center"):
        shown = {} if encoded.image is None else {"the image": encoded.image}
        for what, image in (shown | {"its code, decoded": decoded}).items():
            st.image(pictures.png(image, 64), width=64, alt=f"waypoint {here + 1}: {what}")
        st.caption(f"Waypoint {here + 1}: {encoded.words} · its {encoded.drawn}")
    with st.container(horizontal=True, gap="xsmall"):
        for label, icon, by in (("Earlier", "arrow_back", -1), ("Later", "arrow_forward", 1)):
            possible = 0 <= here + by < len(tokens)
            st.button(
                label, key=f"{label.lower()} waypoint", icon=f":material/{icon}:", on_click=swap_waypoints, args=(run.id, here, by),
                disabled=not possible,
                help=f"{label} in the row." if possible else f"It is the {'first' if by < 0 else 'last'} already.",
            )  # fmt: skip
        st.button(
            "Remove", key="remove waypoint", icon=":material/delete:", on_click=remove_waypoint, args=(run.id, here),
            disabled=len(tokens) <= LEAST, help="Remove it. A path needs two waypoints at least.",
        )  # fmt: skip
    _from_set(run, found, token, here)
    if not model.has_encoder:
        st.caption(
            "Nothing is drawn by hand here: this network has no encoder to follow the pen. Upload a picture instead."
        )
    elif model.shape[0] == 1:
        pad(
            run.id,
            header,
            here,
            key=address.WAYPOINT_PAD.name,
            on_drawn=lambda: take_drawing(run.id, model),
        )
    session.put(address.WAYPOINT_CODE, written(encoded.code))
    st.text_input(
        "Its code", key=address.WAYPOINT_CODE.name, on_change=type_code, args=(run.id, model.latent_dim, here),
        help="The numbers of the code between commas. Paste another one, such as the sliders give.",
    )  # fmt: skip
    if fault := session.get(address.WAYPOINT_FAULT):
        st.error(fault, icon=":material/error:")
        session.forget(address.WAYPOINT_FAULT)
    _upload(run, model, here)


def _from_set(run: Run, found: image_picker.Gallery | None, token: str, here: int) -> None:
    """An image by label and place."""
    image = image_of(token)
    names = list(found.names) if found is not None and found.labels is not None else []
    label = image[0] if image is not None else None
    # what the widgets show follows the waypoint; a change of theirs has renamed it before this line
    session.put(address.WAYPOINT_LABEL, names[label] if label is not None and label < len(names) else "any")
    session.put(address.WAYPOINT_PLACE, image[1] if image is not None else 0)
    left, right = st.columns([3, 2], gap="small")
    left.selectbox(
        "Image of the set", ["any", *names], key=address.WAYPOINT_LABEL.name, disabled=not names, on_change=pick_image,
        args=(run.id, here, names), help="Its label." if names else "These images have no labels.",
    )  # fmt: skip
    right.number_input(
        "Place", 0, 10**9 - 1, step=1, key=address.WAYPOINT_PLACE.name, disabled=found is None, on_change=pick_image,
        args=(run.id, here, names), help="Place among the images with that label.",
    )  # fmt: skip
    if found is None:
        st.caption("This run carries no codes, and its images are not read: upload one, or paste a code.")
    offer_images(run)


def _upload(run: Run, model: LoadedModel, here: int) -> None:
    try:
        encoded = image_picker.uploaded(model, "waypoint")
    except VaeCoreError as error:
        st.error(copyable(error), icon=":material/error:")  # as it is: it may begin with the file's name
        return
    file = session.get(address.UPLOAD.of("waypoint"))
    if encoded is None or file is None or file.file_id == session.get(address.WAYPOINT_FILE):
        return
    if encoded.looked_for:  # its code becomes the waypoint once it is found
        image_picker.searching(model, [encoded])
        return
    session.put(address.WAYPOINT_FILE, file.file_id)
    set_waypoint(run.id, here, keep_picture(model, encoded))
    st.rerun()
