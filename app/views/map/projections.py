"""Codes in two dimensions: two of the code's own, PCA, a custom axis, UMAP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.views.map import caches
from app.views.map.caches import digest
from app.widgets import image_picker
from vae_core.errors import BadCodes
from vae_core.inference import StoredCodes
from vae_core.latent.axes import custom_axis, project
from vae_core.latent.pca import Projection, check_codes, pca
from vae_core.latent.umap import UmapParams
from vae_core.words import counted, percent


@dataclass(frozen=True)
class Layout:
    """Codes in two dimensions: points (N, 2), the axes' names, words on what is kept, and the linear projection (None for UMAP).

    raw: its axes are two of the code's own dimensions. rows (M,): the codes that are on it, None for all.
    """

    points: np.ndarray
    title: str
    x: str
    y: str
    words: str
    linear: Projection | None
    raw: bool = False
    rows: np.ndarray | None = None


def by_dimensions(codes: StoredCodes, x: int, y: int) -> Layout:
    """Two of the code's own dimensions. Raises TooFewPoints."""
    check_codes(codes.mean, 1)
    axes = np.zeros((2, codes.mean.shape[1]), np.float32)
    axes[0, x] = axes[1, y] = 1
    xy = np.ascontiguousarray(codes.mean[:, [x, y]])
    return Layout(
        xy, f"Posterior means, {described(codes)}", f"z{x}", f"z{y}",
        "Two of the code's own dimensions: distances along them are exact"
        + ("; the other dimensions are not shown." if codes.mean.shape[1] > 2 else "."),
        Projection(xy, np.zeros(codes.mean.shape[1]), axes), raw=True,
    )  # fmt: skip


def by_pca(codes: StoredCodes) -> Layout:
    """The first two principal components. Raises TooFewPoints."""
    found = pca(codes.mean)
    assert found.explained is not None
    first, second = (percent(s) for s in found.explained)
    return Layout(
        found.points, f"PCA of posterior means, {described(codes)}", f"first component ({first} of variance)",
        f"second component ({second})",
        f"A linear projection of the codes that keeps {percent(found.explained.sum())} of their variance"
        + ("; points that lie close may be far apart in the dimensions not shown." if codes.mean.shape[1] > 2 else "."),
        found,
    )  # fmt: skip


def by_axis(codes: StoredCodes, groups: dict[str, np.ndarray], start: str, end: str) -> Layout:
    """A custom axis from `start` to `end`, and the first principal component of the rest.

    `groups` are bool masks (N,) by name; `start` and `end` name one, or an image as "image 7" or "7".

    Raises TooFewPoints, BadCodes.
    """
    a, b = (_mask(codes, groups, name) for name in (start, end))
    found = custom_axis(codes.mean, b, a)
    assert found.explained is not None
    return Layout(
        found.points, f"Custom axis, {described(codes)}", f"{start} → {end}, code units", "first component of the rest",
        f"Horizontal: from {start} to {end}. Vertical: the first principal component of the rest. Together they keep "
        f"{percent(found.explained.sum())} of the variance; the rest is not shown.",
        found,
    )  # fmt: skip


def by_umap(
    codes: StoredCodes, points: np.ndarray, params: UmapParams, rows: np.ndarray | None = None
) -> Layout:
    """UMAP's points (N, 2). `rows` (N,): a first sample, while the whole is being computed."""
    words = (
        "Neighbourhoods are kept. Distances between clusters, their sizes and their densities mean nothing."
    )
    laid_out = len(codes) if rows is None else len(rows)
    if rows is None and params.sample:
        laid_out = min(params.sample, laid_out)
    taken = min(params.neighbours, laid_out - 1)
    few = f" (not {params.neighbours}: there are no more)" if taken < params.neighbours else ""
    words += f" {counted(taken, 'neighbour')}{few}, minimum distance {params.min_dist:g}, {params.metric}, seed {params.seed}."
    if alike := count_duplicates(codes.mean):
        words += f" {counted(alike, 'code')} {'equals' if alike == 1 else 'equal'} another: equal codes lie near each other, not on one spot."
    if rows is None and 0 < params.sample < len(codes):
        words += f" {params.sample:,} were laid out, the others placed among their neighbours."
    if rows is not None:
        words = f"A first sample of {len(rows):,}. {words}"
    return Layout(
        points, f"UMAP of posterior means, {described(codes)}", "UMAP 1", "UMAP 2", words, None, rows=rows
    )


def count_duplicates(means: np.ndarray) -> int:
    """How many of the codes (N, D) equal one that stands before them."""

    def count() -> int:
        whole = np.ascontiguousarray(means + np.float32(0))  # -0 is 0
        return len(whole) - len(np.unique(whole.view(f"V{whole.itemsize * whole.shape[1]}")))

    return caches.duplicate_counts.get_or_make(digest(means), count)


def described(codes: StoredCodes) -> str:
    return {"all": "some of its images", "epochs": "images encoded at every epoch"}.get(
        codes.split, f"{codes.split} images"
    )


def _mask(codes: StoredCodes, groups: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name in groups:
        return groups[name]
    number = name.removeprefix("image").strip()
    if not number.isdecimal() or len(number) > 9:
        raise BadCodes(f"{name!r} is neither a group nor the number of an image")
    mask: np.ndarray = codes.index == int(number)
    if not mask.any():
        raise BadCodes(
            f"image {int(number)} is not among these {described(codes)}; choose one that is on the map"
        )
    return mask


def axis_groups(codes: StoredCodes, saved: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Groups that can be the ends of a custom axis: bool masks (N,) by name, none empty.

    `saved` are image numbers by name.
    """
    found: dict[str, np.ndarray] = {}
    if codes.labels is not None:
        found |= {
            f"label {name}": codes.labels == k for k, name in enumerate(image_picker.class_names(codes))
        }
    found |= {f"group {name}": np.isin(codes.index, images) for name, images in saved.items()}
    if codes.factors is not None:
        for name, values in zip(codes.factor_names, codes.factors.T, strict=True):
            high = values > np.median(values)
            if high.any():
                found |= {f"{name}, high": high, f"{name}, low": ~high}
    found = {name: mask for name, mask in found.items() if mask.any()}
    if len(found) < 2:
        half = np.zeros(len(codes), bool)
        half[np.argsort(codes.error, kind="stable")[len(codes) // 2 :]] = True
        found |= {"badly rebuilt half": half, "well rebuilt half": ~half}
    return found


def epoch_frames(layout: Layout, means: list[np.ndarray]) -> np.ndarray:
    """Codes of earlier epochs, each (N, D), on a linear map: (E, N, 2) float32."""
    assert layout.linear is not None
    return np.stack([project(layout.linear, mean) for mean in means]).astype(np.float32)
