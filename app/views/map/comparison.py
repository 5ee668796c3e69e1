"""A second map of the same images beside the first, aligned with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.boundary import plain, sentence
from app.components.map import bits_of, latent_map, points
from app.services import datasets, models, runs, umap
from app.state import address, session
from app.views.map import caches
from app.views.map.caches import digest
from app.views.map.canvas import on_point, on_selection
from app.views.map.colours import colours_of_rows
from app.views.map.projections import Layout
from app.views.map.quality import quality_caption
from app.views.map.shown_codes import ShownModel, codes_of_split
from app.views.map.umap_layout import read_umap, umap_file, umap_params
from vae_core.data import ImageSet
from vae_core.errors import TooFewPoints
from vae_core.inference import LoadedModel, StoredCodes, encode_images
from vae_core.latent.alignment import procrustes
from vae_core.latent.pca import pca
from vae_core.runs.array_files import EpochCodes
from vae_core.runs.run import Run
from vae_core.words import counted, percent


@dataclass(frozen=True)
class SecondMap:
    """A second map of some of the first one's images: points (M, 2) aligned with it, at `rows` (M,) of its codes.

    It is of what lies at `source` (M, D), called `of`.
    """

    owner: Run
    stamp: str
    split: str
    numbers: np.ndarray
    rows: np.ndarray
    points: np.ndarray
    colour: dict[str, Any]
    title: str
    words: str
    source: np.ndarray
    of: str


def comparison_choice(run: Run, epochs: list[EpochCodes]) -> str:
    """What the second map is to show: "nothing", "pixels", "epoch 3" or another run's name."""
    options = ["nothing", *(["pixels"] if datasets.images_of(run) is not None else []), *(f"epoch {e.epoch}" for e in epochs), *runs_of_same_images(run)]  # fmt: skip
    found = st.selectbox(
        "Compare with", options, key=address.BESIDE.name, bind=address.BESIDE.bind,
        help="A second map of the same images, rotated and scaled to fit the first one: of their pixels, of an epoch of this run, or of another run. What is selected on one map is selected on both.",
    )  # fmt: skip
    return found if found in options else "nothing"


def runs_of_same_images(run: Run) -> dict[str, Run]:
    """Other runs of the same images, by name."""
    return {r.name: r for r in runs.of_same_images(run) if r.id != run.id}


def second_map(
    run: Run, model: LoadedModel, codes: StoredCodes, first: Layout, kind: str, colour: dict[str, Any], compared_with: str, epochs: list[EpochCodes]
) -> SecondMap | None:  # fmt: skip
    """The second map that was asked for, rotated onto the first; None, with the reason on the page, where there is none."""
    if compared_with == "nothing":
        return None
    epoch = next((e for e in epochs if compared_with == f"epoch {e.epoch}"), None)
    data, owner, stamp, split, what = datasets.images_of(run), run, model.stamp, codes.split, "the codes"
    try:
        if compared_with == "pixels" and data is not None:
            source, found = _pixel_map(codes, data)
            numbers_of, title, what = codes.index, "PCA of the pixels", "the pixels"
        elif epoch is not None:
            shared = np.isin(epoch.images, codes.index)
            if shared.sum() < 5:
                st.info(f"Epoch {epoch.epoch} has no codes of these images: switch on Replay epochs.", icon=":material/compare:")  # fmt: skip
                return None
            numbers_of, source = epoch.images[shared], epoch.mean[shared]
            raw = source.shape[1] == 2
            found = source if raw else pca(source).points
            title = f"{'The two dimensions' if raw else 'PCA'} of epoch {epoch.epoch}"
        else:
            owner = runs_of_same_images(run)[compared_with]
            theirs = models.model(owner)
            stamp = theirs.stamp
            if codes.split == "epochs" and data is not None:
                their_codes: StoredCodes | None = caches.other_runs_codes.get_or_make((stamp, data.fingerprint, digest(codes.index)), lambda: encode_images(theirs, data, codes.index, "epochs"))  # fmt: skip
            else:
                their_codes = codes_of_split(owner, ShownModel(owner.id, theirs, {}), False, codes.split)
            if their_codes is None:
                return None
            split = their_codes.split
            shared = np.isin(their_codes.index, codes.index)
            if shared.sum() < 5:
                st.info(f"{plain(compared_with)} has no codes of these images.", icon=":material/compare:")
                return None
            numbers_of, source = their_codes.index[shared], their_codes.mean[shared]
            found, title = _project_like_first(owner, stamp, their_codes, shared, kind)
            title = f"{title} of {compared_with}"
    except TooFewPoints as error:
        st.info(sentence(error), icon=":material/compare:")
        return None
    order = np.argsort(codes.index)
    rows = order[np.searchsorted(codes.index, numbers_of, sorter=order)]
    fit = procrustes(found, first.points[rows])
    words = (
        f"{counted(len(rows))} in both; {percent(fit.disparity)} of the first map's variance is left as distance between the "
        "two after rotating, scaling and shifting (Procrustes)."
    )
    return SecondMap(owner, stamp, split, numbers_of, rows, fit.apply(found).astype(np.float32), colours_of_rows(colour, rows), title, words, source, what)  # fmt: skip


def _project_like_first(
    owner: Run, stamp: str, their_codes: StoredCodes, shared: np.ndarray, kind: str
) -> tuple[np.ndarray, str]:
    """Points (M, 2) of another run's codes by the first map's kind of projection, and words for it.

    PCA stands in for a UMAP that is not computed yet.
    """
    if kind == "UMAP":
        result = umap_file(owner.places, stamp, their_codes, umap_params(session.param(address.UMAP)))
        if umap.is_stored(result):
            return read_umap(result)[shared], "UMAP"
        return pca(their_codes.mean[shared]).points, "PCA (its UMAP is not computed yet)"
    if kind == "dimensions" and their_codes.mean.shape[1] == 2:
        return their_codes.mean[shared], "The two dimensions"
    return pca(their_codes.mean[shared]).points, "PCA"


def draw_second_map(second: SecondMap, chosen: int | None, selected: np.ndarray) -> None:
    """Mount the second map: `chosen` is a row of the first map's codes, `selected` (N,) bool over them."""
    at = np.flatnonzero(second.rows == (-1 if chosen is None else chosen))
    latent_map(
        points(second.owner.id, second.stamp, second.split, second.points, second.numbers)
        | {"title": second.title, "x": "aligned, units of the first map", "y": "", "colour": second.colour,
           "chosen": int(at[0]) if len(at) else -1, "selected": bits_of(selected[second.rows]), "link": "map",
           "decoded": datasets.images_of(second.owner) is None},
        address.MAP_BESIDE.name, on_point=lambda: on_point(address.MAP_BESIDE),
        on_selection=lambda: on_selection(address.MAP_BESIDE), on_spot=lambda: None,
    )  # fmt: skip
    # the source goes by a name: its pixels are too many to be hashed at every rerun
    key = (second.of, second.stamp, second.title, digest(second.numbers))
    quality_caption(second.source, second.points, second.words, second.of, key)


def _pixel_map(codes: StoredCodes, data: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Squares of pixels (N, D), uint8, of the images on the map, and their PCA (N, 2) in units of [0, 1]."""

    def compute() -> tuple[np.ndarray, np.ndarray]:
        side = data.images.shape[2]
        by = max(1, side // 16)
        parts = []
        for start in range(0, len(codes), 4096):  # squares of pixels, so that the covariance stays small
            x = np.asarray(data.images[codes.index[start : start + 4096]])
            n, c = x.shape[:2]
            x = x[:, :, : side // by * by, : side // by * by].reshape(n, c, side // by, by, side // by, by)
            parts.append(np.rint(x.mean((3, 5)).reshape(n, -1)).astype(np.uint8))
        squares = np.concatenate(parts)
        return squares, pca(squares).points / 255

    return caches.pixel_maps.get_or_make((data.fingerprint, digest(codes.index)), compute)
