"""Widgets that choose an image, from the dataset or uploaded, and give it with its code."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.boundary import plain
from app.services import datasets, run_codes
from app.services.cache import LruCache
from app.state import address
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.runs.run import Run

_projected: LruCache[tuple[np.ndarray, float]] = LruCache(256)


@dataclass(frozen=True)
class EncodedImage:
    """An image and its code: posterior mean `code` (D,) and standard deviation `std` (D,), the pixels uint8 (C, H, W).

    `image` is None where only the code is known; `words` say where it comes from.
    """

    code: np.ndarray
    image: np.ndarray | None
    words: str
    std: np.ndarray | None = None


@dataclass(frozen=True)
class Gallery:
    """The images on offer: their numbers in the dataset `index` (N,), `labels` (N,) if any, and the labels' names."""

    index: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]


def gallery(run: Run, model: LoadedModel) -> Gallery | None:
    """The test images where the dataset is on this machine, else the images whose codes are stored, else None."""
    data = datasets.images_of(run)
    if data is not None:
        index = model.config.data.split(data).test
        labels = None if data.labels is None else np.asarray(data.labels[index])
        return Gallery(index, labels, data.label_names)
    codes = run_codes.codes(run)
    if codes is None:
        return None
    return Gallery(codes.index, codes.labels, codes.label_names)


def encoded_image(run: Run, model: LoadedModel, row: int, found: Gallery) -> EncodedImage:
    """The image at a row of the gallery, encoded now or as its stored code has it."""
    number = int(found.index[row])
    label = "" if found.labels is None else f" ({_name(found.names, int(found.labels[row]))})"
    data = datasets.images_of(run)
    if data is not None:
        image = np.asarray(data.images[number])
        return coded(model, image, f"image {number}{label}")
    codes = run_codes.codes(run)
    assert codes is not None
    return EncodedImage(codes.mean[row], None, f"image {number}{label}, from its stored code", codes.std[row])


def coded(model: LoadedModel, image: np.ndarray, words: str) -> EncodedImage:
    """An image with its code: encoded, or searched for where there is no encoder (projected), which takes about a second."""
    if model.has_encoder:
        posterior = model.encode(image[None])
        return EncodedImage(posterior.mean[0], image, words, posterior.std[0])

    def search() -> tuple[np.ndarray, float]:
        from vae_core.inference.project import project

        with st.spinner(f"Looking for a code that draws {words}"):
            found = project(model, image[None])
        return found.codes[0], float(found.distance[0])

    code, distance = _projected.get_or_make((model.stamp, image.tobytes()), search)
    return EncodedImage(code, image, f"{words}, projected: pictures differ by {distance:.2f} per pixel", None)


def choose(run: Run, model: LoadedModel, key: str) -> EncodedImage | None:
    """Widgets for one image: by label and place in the set, or uploaded. The place is kept in the URL."""
    found = gallery(run, model)
    where = address.PICKED_SOURCE.of(key)
    source = st.segmented_control(
        "Source", ["from the set", "upload"], default=where.default, key=where.name, bind=where.bind
    )
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
        labelled = address.PICKED_LABEL.of(key)
        with left:
            label = st.selectbox(
                "Label",
                ["any", *found.names],
                key=labelled.name,
                bind=labelled.bind,
                label_visibility="collapsed",
            )
        if label != "any":
            rows = rows[found.labels == found.names.index(label)]
    if not len(rows):
        st.info("No image of the set has that label.")
        return None
    placed = address.PICKED_IMAGE.of(key)
    with right:
        place = st.number_input(
            "Image", 0, 10**9, placed.default, key=placed.name, bind=placed.bind, label_visibility="collapsed",
            help="Place among the images with that label.",
        )  # fmt: skip
    return encoded_image(run, model, int(rows[int(place) % len(rows)]), found)


def uploaded(model: LoadedModel, key: str) -> EncodedImage | None:
    """An uploaded picture, brought to what the run was trained on."""
    from vae_core.data.user.decode import read_picture

    file = st.file_uploader(
        "Upload an image",
        type=["png", "jpg", "jpeg", "bmp", "webp", "avif", "gif", "tif", "tiff", "heic", "heif"],
        key=address.UPLOAD.of(key).name,
    )
    if file is None:
        return None
    picture, notes = read_picture(io.BytesIO(file.getvalue()), file.name)
    image = model.prepare(picture)[0]
    for note in notes:
        st.caption(plain(note))
    return coded(model, image, file.name)


def _name(names: tuple[str, ...], label: int) -> str:
    return names[label] if 0 <= label < len(names) else str(label)


def class_names(codes: StoredCodes) -> tuple[str, ...]:
    """Names of the classes that labels count, their numbers where they have none."""
    if codes.label_names:
        return tuple(codes.label_names)
    if codes.labels is None or not len(codes.labels):
        return ()
    return tuple(str(i) for i in range(int(codes.labels.max()) + 1))
