"""Import of a person's own images: look through a source, show the crop, accept. Nothing is written before that."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.boundary import plain, sentence
from app.services import runs
from app.state import address, session
from app.widgets.import_choices import choices_of
from vae_core import pictures
from vae_core.data import list_specs
from vae_core.data.user import ImportChoices, ImportPlan, accept, crop_box, inspect, preview, remove
from vae_core.errors import VaeCoreError
from vae_core.places import look_only
from vae_core.words import counted

SHOWN = 3  # originals drawn with their crop

Form = dict[str, Any]  # fields of ImportChoices


def show() -> None:
    """The whole panel: choose a source, see what becomes of it, import it; and remove what was imported before."""
    if look_only():
        st.info(session.only_looking(), icon=":material/visibility:")
        return
    st.markdown(
        "A folder of images (class folders become labels, train, val and test folders splits, a table beside the images "
        "labels and factors), a **.zip** of the same, or a **.npz** or **.npy**, with labels if there are any."
    )
    if (done := session.get(address.IMPORTED)) is not None:
        st.success(plain(done), icon=":material/check:")
    left, right = st.columns(2)
    times = session.get(address.IMPORTS)  # after each import the widgets begin anew
    with left:
        file = session.upload(
            "Upload a .zip, .npz or .npy", type=["zip", "npz", "npy"], key=f"own upload {times}"
        )
    with right:
        path = st.text_input(
            "or a folder or file on this machine", key=f"own path {times}", placeholder="/home/me/pictures"
        )
    plan = _plan(file, path.strip())
    if plan is not None:
        _offer(plan)
    _remove_imported()


def _plan(file: st.runtime.uploaded_file_manager.UploadedFile | None, path: str) -> ImportPlan | None:
    """What was found in the source, which is looked through once; None without a source, or after saying its fault."""
    given: io.BytesIO | Path | None = None
    if file is not None:
        source, given = file.file_id, io.BytesIO(file.getvalue())
        given.name = file.name  # errors name it
    elif path:
        source, given = path, Path(path).expanduser()
    else:
        session.forget(address.IMPORT_PLAN)
        return None
    kept = session.get(address.IMPORT_PLAN)
    if kept is not None and kept[0] == source:
        plan: ImportPlan = kept[1]
        return plan
    bar = st.progress(0.0, text="looking through it")
    try:
        plan = inspect(given, progress=lambda share, what: bar.progress(min(1.0, share), text=what))
    except VaeCoreError as error:
        _nothing_imported(error)
        return None
    finally:
        bar.empty()
    session.put(address.IMPORT_PLAN, (source, plan, None))
    session.forget(address.IMPORTED)
    return plan


def _nothing_imported(error: VaeCoreError) -> None:
    text = sentence(error).rstrip(".")
    st.error(f"{text}. Nothing was imported.", icon=":material/error:")


def _offer(plan: ImportPlan) -> None:
    """What was found, how it will look to the model, and the button that imports it."""
    summary, told = st.empty(), st.container()
    form = choices_of(plan, session.get(address.IMPORTS))
    try:
        choices = ImportChoices(**form)
        known = plan.images.meaning(choices)
        result = preview(plan, **form)
        with told:
            for note in (*plan.found, *plan.images.told(choices), *known.notes):
                st.caption(f":material/info: {plain(note)}")
    except VaeCoreError as error:
        _nothing_imported(error)
        return
    summary.markdown(_summary(plan, len(plan.images.kept(choices)), len(known.label_names)))
    _before_and_after(plan, result, form["fit"])
    suggested = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(plan.title).stem).strip("-")[:40] or "my-images"
    held_up = bool(plan.broken) and not choices.skip_broken
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", suggested, key=f"own name {plan.title}", width=260)
        pressed = session.button(
            "Import", "import images", type="primary", icon=":material/download_done:", disabled=held_up,
            help="Some files cannot be read: leave them out, or replace them." if held_up else None,
        )  # fmt: skip
    if pressed:
        _import(plan, name.strip(), form)


def _summary(plan: ImportPlan, count: int, classes: int) -> str:
    """The source's name, how many images of which sizes are in it, and in how many classes."""
    sizes = ", ".join(f"{w}×{h}" + (f" ({n})" if len(plan.sizes) > 1 else "") for (w, h), n in plan.sizes[:3])
    more = f" and {len(plan.sizes) - 3} other sizes" if len(plan.sizes) > 3 else ""
    kinds = f" in {classes} classes" if classes else ""
    return f"**{plain(plan.title)}**: {counted(count)}{kinds}, {sizes}{more}"


def _before_and_after(plan: ImportPlan, result: np.ndarray, fit: str) -> None:
    """Some originals with their crop, and beside them what the model will see: result uint8 (N, C, H, W)."""
    left, right = st.columns([SHOWN, 2], gap="large")
    with left:
        columns = st.columns(SHOWN)
        for column, sample in zip(columns, plan.samples, strict=False):
            column.image(
                _outlined(sample.image, sample.size, fit),
                caption=plain(f"{sample.label} {sample.size[0]}×{sample.size[1]}"),
            )
        st.caption("As they came; the frame marks what is kept.")
    with right:
        st.image(pictures.strip(result, 64), width="stretch", alt="the images as they will be")
        colour = "colour" if result.shape[1] == 3 else "grey"
        st.caption(f"As the model will see them, {result.shape[2]}×{result.shape[3]} pixels, {colour}.")


def _import(plan: ImportPlan, name: str, form: Form) -> None:
    """Write the dataset, with progress, and let the form of a new run choose it."""
    bar = st.progress(0.0, text="importing")
    try:
        spec = accept(
            plan, name, runs.places(), title=plan.title,
            progress=lambda share, what: bar.progress(min(1.0, share), text=what), **form,
        )  # fmt: skip
    except VaeCoreError as error:
        _nothing_imported(error)
        return
    finally:
        bar.empty()
    session.forget(address.IMPORT_PLAN)
    session.put(address.IMPORTS, session.get(address.IMPORTS) + 1)
    session.put(address.CHOOSE_DATASET, spec.name)
    side = spec.sides[0]
    session.put(
        address.IMPORTED,
        f"{spec.name} is imported: {spec.blurb.rstrip('.')}, {side}×{side} pixels. It is chosen above.",
    )
    st.rerun()


def _outlined(image: np.ndarray, size: tuple[int, int], fit: str) -> np.ndarray:
    """The original with what is cut away dimmed and a line around what is kept.

    image uint8 (h, w) or (h, w, 3), perhaps smaller than the original of `size` (width, height) -> uint8 (h, w, 3).
    """
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


def _remove_imported() -> None:
    """A way to remove datasets that were imported before."""
    own = [spec for spec in list_specs(runs.places()) if spec.kind == "own"]
    if not own:
        return
    with st.popover("Remove an imported dataset", icon=":material/delete:"):
        name = st.selectbox("Dataset", [spec.name for spec in own], key="own remove")
        st.caption("Runs trained on it stay; their maps go on with stored codes.")
        if session.button("Remove", "remove images", type="primary"):
            remove(name, runs.places())
            st.rerun()
