"""Choosing an image and its code: from the set, from an upload. Shared by the pages that start from images."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import resources
from vae_core.inference import LoadedModel
from vae_core.runs.store import Run


@dataclass(frozen=True)
class EncodedImage:
    """code (D,) posterior mean; image uint8 (C, H, W), or None where only the code is known; its source in words;
    std (D,) of its posterior.
    """

    code: np.ndarray
    image: np.ndarray | None
    words: str
    std: np.ndarray | None = None


@dataclass(frozen=True)
class Gallery:
    """The images one may choose from: their numbers in the dataset (N,), and their labels."""

    index: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]


def gallery(run: Run, model: LoadedModel) -> Gallery | None:
    """Test images when the dataset is on this machine, else those whose codes are stored, else None."""
    data = resources.images_of(run)
    if data is not None:
        index = model.config.data.split(data).test
        labels = None if data.labels is None else np.asarray(data.labels[index])
        return Gallery(index, labels, data.label_names)
    codes = resources.codes(run)
    if codes is None:
        return None
    return Gallery(codes.index, codes.labels, codes.label_names)


def anchor_of(run: Run, model: LoadedModel, row: int, found: Gallery) -> EncodedImage:
    """The anchor at a row of the gallery."""
    number = int(found.index[row])
    label = "" if found.labels is None else f" ({_name(found.names, int(found.labels[row]))})"
    data = resources.images_of(run)
    if data is not None:
        image = np.asarray(data.images[number])
        posterior = model.encode(image[None])
        return EncodedImage(posterior.mean[0], image, f"image {number}{label}", posterior.std[0])
    codes = resources.codes(run)
    assert codes is not None
    return EncodedImage(codes.mean[row], None, f"image {number}{label}, from its stored code", codes.std[row])


def choose(run: Run, model: LoadedModel, key: str, default: int = 0) -> EncodedImage | None:
    """Widgets for one image: by label and place in the set, or uploaded. The place is kept in the URL."""
    found = gallery(run, model)
    source = st.segmented_control(
        "Source", ["from the set", "upload"], default="from the set", key=f"{key}-source", bind="query-params",
    )  # fmt: skip
    if source == "upload":
        return uploaded(model, key)
    if found is None:
        st.info(
            "This run carries no codes, and its images are not read: upload one.",
            icon=":material/image_not_supported:",
        )
        return None
    rows = np.arange(len(found.index))
    left, right = st.columns(2)
    if found.labels is not None and found.names:
        with left:
            label = st.selectbox(
                "Label",
                ["any", *found.names],
                key=f"{key}-label",
                bind="query-params",
                label_visibility="collapsed",
            )
        if label != "any":
            rows = rows[found.labels == found.names.index(label)]
    if not len(rows):
        st.info("No image of the set has that label.")
        return None
    with right:
        place = st.number_input(
            "Image", 0, 10**9, default, key=f"{key}-image", bind="query-params", label_visibility="collapsed",
            help="Place among the images with that label.",
        )  # fmt: skip
    return anchor_of(run, model, int(rows[int(place) % len(rows)]), found)


def uploaded(model: LoadedModel, key: str) -> EncodedImage | None:
    """An uploaded picture, brought to what the run was trained on."""
    from vae_core.data.user.decode import read_picture

    file = st.file_uploader(
        "Upload an image",
        type=["png", "jpg", "jpeg", "bmp", "webp", "gif", "tif", "tiff"],
        key=f"{key}-upload",
    )
    if file is None:
        return None
    picture, notes = read_picture(io.BytesIO(file.getvalue()), file.name)
    image = model.prepare(picture)[0]
    for note in notes:
        st.caption(note)
    posterior = model.encode(image[None])
    return EncodedImage(posterior.mean[0], image, file.name, posterior.std[0])


def _name(names: tuple[str, ...], label: int) -> str:
    return names[label] if 0 <= label < len(names) else str(label)
