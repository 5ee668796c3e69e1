"""Widgets that choose an image, from the dataset or uploaded, and give it with its code."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.boundary import fragment, plain, sentence
from app.services import datasets, projecting, run_codes
from app.services.tasks import Task
from app.services.uploads import PICTURES
from app.state import address, session
from app.words import number
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.inference.project import Projection

SOON = 0.15  # seconds that a page waits for a search: what is found by then is never said to be looked for


@dataclass(frozen=True)
class EncodedImage:
    """An image and its code: posterior mean `code` (D,) and standard deviation `std` (D,), the pixels uint8 (C, H, W).

    `image` is None where only the code is known; `words` say where it comes from. Where a network has no encoder the code is
    that of a projection: `distance` says how far its picture is off, the root mean square difference as a share of a pixel's
    range, and `search` is what looks for a nearer one, or did.
    """

    code: np.ndarray
    image: np.ndarray | None
    words: str
    std: np.ndarray | None = None
    distance: float | None = None
    search: Task[Projection] | None = field(default=None, compare=False)

    @property
    def drawn(self) -> str:
        """What the picture of its code is called."""
        if self.distance is not None:
            return f"projection, {number(self.distance, 2)} of a pixel's range off"
        return "decoded code" if self.image is None else "reconstruction"

    @property
    def looked_for(self) -> bool:
        """Whether a nearer code is being searched for."""
        return self.search is not None and not self.search.done


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
    """An image with its code: encoded, or where there is no encoder searched for behind the page (`searching`).

    Until that is done the code is the nearest of those drawn at first. Raises what the search raised.
    """
    if model.has_encoder:
        posterior = model.encode(image[None])
        return EncodedImage(posterior.mean[0], image, words, posterior.std[0])
    search = projecting.start(model, image[None])
    search.wait(SOON)
    if search.fault is not None:
        raise search.fault
    if search.result is not None:
        found = search.result
        return EncodedImage(found.codes[0], image, words, None, float(found.distance[0]), search)
    code, distance = projecting.first_guess(model, image)
    return EncodedImage(code, image, words, None, distance, search)


def searching(model: LoadedModel, found: Sequence[EncodedImage]) -> None:
    """How far the searches for these images' codes are, and a button that ends them; the page is drawn anew when they are
    done. Of those that were ended early, that they were."""
    going = [one.search for one in found if one.search is not None and not one.search.done]
    if going:
        fragment(run_every=0.5)(_searching)(going)
        return
    stopped = [
        one
        for one in found
        if one.search is not None and one.search.result is not None and one.search.result.stopped
    ]
    if stopped:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("The search for codes was ended early: these are the nearest so far.", width="stretch")
            if session.button("Go on", "go on searching for codes", icon=":material/refresh:"):
                for one in stopped:
                    assert one.image is not None
                    projecting.forget(model, one.image[None])
                st.rerun(scope="app")


def _searching(going: Sequence[Task[Projection]]) -> None:
    left = [search for search in going if not search.done]
    for search in left[:1]:
        share = 1 - sum(1 - one.share for one in left) / len(going)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(share, text=plain(f"Looking for {search.name}: {search.words}"), width="stretch")
            if session.button(
                "Stop", "stop searching for codes", icon=":material/stop:", help="Keeps the nearest so far."
            ):
                for one in left:
                    one.cancel()
    for words in dict.fromkeys(search.error for search in going if search.error):
        st.warning(sentence(words), icon=":material/warning:")
    if not left:
        st.rerun(scope="app")


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

    file = session.upload(
        "Upload an image",
        type=PICTURES,
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
