"""Bringing in a person's own images: look through, show the crop, accept. Nothing is written before that."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import streamlit as st

from app import resources
from app.state import session
from vae_core import pictures
from vae_core.data import list_specs
from vae_core.data.user import COLOURS, FITS, SIDES, ImportPlan, accept, crop_box, inspect, preview, remove
from vae_core.errors import VaeCoreError

SHOWN = 3  # originals drawn with their crop


def show() -> None:
    st.markdown(
        "A folder of images (its class sub-folders become labels), a **.zip** of the same, or a **.npz** or **.npy** "
        "with uint8 images or floats from 0 to 1, and labels if there are any."
    )
    left, right = st.columns(2)
    times = session.get("own times", 0)  # counts imports: after each the widgets begin anew
    with left:
        file = st.file_uploader(
            "Upload a .zip, .npz or .npy", type=["zip", "npz", "npy"], key=f"own upload {times}"
        )
    with right:
        path = st.text_input(
            "or a folder or file on this machine", key=f"own path {times}", placeholder="/home/me/pictures"
        )
    plan = _plan(file, path.strip())
    if plan is not None:
        _offer(plan)
    _mine()


def _plan(file: st.runtime.uploaded_file_manager.UploadedFile | None, path: str) -> ImportPlan | None:
    """What was found in the source, looked through once."""
    given: io.BytesIO | Path | None = None
    if file is not None:
        source, given = file.file_id, io.BytesIO(file.getvalue())
        given.name = file.name  # errors name it
    elif path:
        source, given = path, Path(path).expanduser()
    else:
        session.forget("own plan")
        return None
    kept = session.get("own plan")
    if kept is not None and kept[0] == source:
        return kept[1]
    bar = st.progress(0.0, text="looking through it")
    try:
        plan = inspect(given, progress=lambda share, what: bar.progress(min(1.0, share), text=what))
    except VaeCoreError as error:
        st.error(f"{error} Nothing was imported.", icon=":material/error:")
        return None
    finally:
        bar.empty()
    session.put("own plan", (source, plan))
    return plan


def _offer(plan: ImportPlan) -> None:
    sizes = ", ".join(f"{w}×{h}" + (f" ({n})" if len(plan.sizes) > 1 else "") for (w, h), n in plan.sizes[:3])
    more = f" and {len(plan.sizes) - 3} other sizes" if len(plan.sizes) > 3 else ""
    classes = f" in {len(plan.label_names)} classes" if plan.label_names else ""
    st.markdown(f"**{plan.title}**: {plan.count:,} images{classes}, {sizes}{more}")
    for note in plan.notes:
        st.caption(f":material/info: {note}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        side = st.segmented_control(
            "Side",
            SIDES,
            default=plan.side,
            key=f"own side {plan.title}",
            required=True,
            format_func="{} px".format,
        )
        colour = st.segmented_control("Colour", COLOURS, default="auto", key="own colour", required=True)
        fit = st.segmented_control(
            "Fit",
            list(FITS),
            default="crop",
            key="own fit",
            required=True,
            help="  \n".join(f"**{k}**: {v}" for k, v in FITS.items()),
        )
    try:
        seen = preview(plan, side or plan.side, colour or "auto", fit or "crop")
    except VaeCoreError as error:
        st.error(f"{error} Nothing was imported.", icon=":material/error:")
        return
    originals, result = st.columns([SHOWN, 2], gap="large")
    with originals:
        columns = st.columns(SHOWN)
        for column, sample in zip(columns, plan.samples, strict=False):
            column.image(
                _outlined(sample.image, sample.size, fit or "crop"),
                caption=f"{sample.label} {sample.size[0]}×{sample.size[1]}".strip(),
            )
        st.caption("As they came; the frame marks what is kept.")
    with result:
        st.image(pictures.strip(seen, 64), width="stretch")
        st.caption(
            f"As the model will see them, {seen.shape[2]}×{seen.shape[3]} pixels, {'colour' if seen.shape[1] == 3 else 'grey'}."
        )
    suggested = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(plan.title).stem).strip("-")[:40] or "my-images"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", suggested, key=f"own name {plan.title}", width=260)
        pressed = session.button("Import", "import images", type="primary", icon=":material/download_done:")
    if pressed:
        bar = st.progress(0.0, text="importing")
        try:
            spec = accept(
                plan, name.strip(), resources.places(), side=side or plan.side, colour=colour or "auto",
                fit=fit or "crop", title=plan.title, progress=lambda share, what: bar.progress(min(1.0, share), text=what),
            )  # fmt: skip
        except VaeCoreError as error:
            st.error(f"{error} Nothing was imported.", icon=":material/error:")
            return
        finally:
            bar.empty()
        session.forget("own plan")
        session.put("own times", session.get("own times", 0) + 1)
        session.put("choose dataset", spec.name)
        st.rerun()


def _outlined(image: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
    """The original with what is cut away dimmed and a line around what is kept."""
    picture = np.repeat(image[..., None], 3, 2) if image.ndim == 2 else image.copy()
    scale = picture.shape[1] / size[0]
    left, top, right, bottom = (round(v * scale) for v in crop_box(*size, fit))
    dimmed = (picture * 0.35 + 255 * 0.35).astype(np.uint8)
    dimmed[top:bottom, left:right] = picture[top:bottom, left:right]
    width = max(1, round(max(picture.shape[:2]) / 120))
    for edge in (
        np.s_[top : top + width, left:right], np.s_[bottom - width : bottom, left:right],
        np.s_[top:bottom, left : left + width], np.s_[top:bottom, right - width : right],
    ):  # fmt: skip
        dimmed[edge] = (213, 94, 0)
    return dimmed


def _mine() -> None:
    """The datasets imported before, to be removed."""
    own = [spec for spec in list_specs(resources.places()) if spec.kind == "own"]
    if not own:
        return
    with st.popover("Remove an imported dataset", icon=":material/delete:"):
        name = st.selectbox("Dataset", [spec.name for spec in own], key="own remove")
        st.caption("Runs trained on it stay; their maps go on with stored codes.")
        if session.button("Remove", "remove images", type="primary"):
            remove(name, resources.places())
            st.rerun()
