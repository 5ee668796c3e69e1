"""Routes of the latent map: published arrays, tiles of small pictures, and an image beside its reconstruction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from app.services import array_store, datasets, models, run_codes, runs
from app.services.array_store import SPRITE, TILE
from app.web.requests import (
    IMMUTABLE,
    NO_STORE,
    Json,
    RefusedError,
    answers,
    compute_turn,
    computes,
    path_number,
)

if TYPE_CHECKING:
    from vae_core.runs.run import Run

ONE_DAY = {"cache-control": "private, max-age=86400"}  # pictures under a weights stamp

Means = tuple[np.ndarray, np.ndarray]  # image numbers (N,), posterior means (N, D)


@answers
def array(request: Request) -> Response:
    """An array that a page published (app.services.array_store): little-endian numbers or a PNG, cached for good under its digest."""
    found = array_store.find(request.path_params["digest"])
    if found is None:
        return Json({"error": "this was forgotten; reload the page"}, 410, headers=NO_STORE)
    kind = "image/png" if request.url.path.endswith(".png") else "application/octet-stream"
    return Response(found.tobytes(), media_type=kind, headers=IMMUTABLE)


def _stored_means(run: Run, request: Request) -> Means | None:
    """Stored codes of the split in the request's path, or None where the weights have changed since.

    The split "epochs" is the images whose codes the last epoch kept.
    """
    split = request.path_params["split"]
    if request.path_params["stamp"] != run.stamp():
        return None
    if split == "epochs":
        kept = run_codes.epoch_codes(run)
        return (kept[-1].images, kept[-1].mean) if kept else None
    codes = run_codes.codes(run, split)
    return None if codes is None else (codes.index, codes.mean)


@computes
def atlas(request: Request) -> Response:
    """A PNG of eight rows of eight small pictures, each at most SPRITE pixels wide, for a tile of published image numbers.

    Shows the images where the dataset is read on this machine, else pictures decoded from stored codes.
    """
    from vae_core.pictures import sheet

    run = runs.store().find(request.path_params["run"])
    numbers = array_store.find(request.path_params["digest"])
    if numbers is None:
        raise RefusedError(410, "these numbers were forgotten; reload the page")
    tile = path_number(request, "tile", "tile")
    chosen = numbers[tile * TILE : (tile + 1) * TILE]
    if not len(chosen):
        raise RefusedError(404, f"there is no tile {tile}")
    with compute_turn():
        found = _pictures(run, chosen, _stored_means(run, request))
    side = found.shape[2]
    if side > SPRITE:  # mean over squares: 64 -> 32; other sides are cut to a multiple
        by = -(-side // SPRITE)
        whole = side // by * by
        n, c = found.shape[:2]
        parts = found[:, :, :whole, :whole].reshape(n, c, whole // by, by, whole // by, by)
        found = np.rint(parts.mean((3, 5))).astype(np.uint8)
    full = np.zeros((TILE, *found.shape[1:]), np.uint8)
    full[: len(found)] = found
    return Response(
        sheet(full.reshape(8, TILE // 8, *found.shape[1:])), media_type="image/png", headers=ONE_DAY
    )


def _pictures(run: Run, numbers: np.ndarray, codes: Means | None) -> np.ndarray:
    """Pictures uint8 (N, C, H, W) of images by number; decoded from codes where the dataset is not on this machine."""
    data = datasets.images_of(run)
    if data is not None:
        if numbers.min() < 0 or numbers.max() >= len(data):
            raise RefusedError(404, "there is no such image")
        return np.asarray(data.images[numbers])
    return models.model(run).decode_uint8(_means(codes, numbers))


def _means(codes: Means | None, numbers: np.ndarray) -> np.ndarray:
    """Stored posterior means (N, D) of images by number. Raises RefusedError where one has none."""
    if codes is None:
        raise RefusedError(410, "the weights changed; reload the page")
    index, means = codes
    order = np.argsort(index, kind="stable")
    rows = order[np.searchsorted(index, numbers, sorter=order).clip(max=len(order) - 1)]
    if (index[rows] != numbers).any():
        raise RefusedError(404, "there is no code of that image")
    found: np.ndarray = means[rows]
    return found


@computes
def pair(request: Request) -> Response:
    """A PNG of an image and, beside it, its reconstruction from the stored posterior mean.

    Shows the reconstruction alone where the dataset is not on this machine, and the image alone where the request
    names weights that are no longer the run's.
    """
    from vae_core.pictures import sheet

    run = runs.store().find(request.path_params["run"])
    number = np.array([path_number(request, "number", "image")])
    codes = _stored_means(run, request)
    data = datasets.images_of(run)
    with compute_turn():
        loaded = models.model(run)
        if data is None:
            shown = loaded.decode_uint8(_means(codes, number))
        elif loaded.stamp != request.path_params["stamp"]:
            shown = _pictures(run, number, codes)
        else:
            image = _pictures(run, number, codes)
            try:
                code = _means(codes, number)
            except RefusedError:  # not among the stored: encode it
                code = loaded.encode(image).mean
            shown = np.concatenate((image, loaded.decode_uint8(code)))
    return Response(sheet(shown[None]), media_type="image/png", headers=ONE_DAY)
