"""Routes the components fetch from. None changes stored state; those that compute are plain `def`, so that
they run in a thread and never stall the server.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.from_thread
import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app import blobs, resources
from app.blobs import SPRITE, TILE
from vae_core.errors import RunNotFound, VaeCoreError

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel
    from vae_core.runs.store import Run

FOR_GOOD = {"cache-control": "public, max-age=31536000, immutable"}
NEVER = {"cache-control": "no-store"}
SCRIPTS = Path(__file__).parent / "components" / "shared"


class _RefusedError(Exception):
    """A request that is answered 4xx."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def _answers(route: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The boundary of the api: the core's own errors become 4xx with their sentence."""

    @wraps(route)
    def guarded(request: Request) -> Response:
        try:
            return route(request)
        except _RefusedError as refusal:
            return JSONResponse({"error": str(refusal)}, refusal.status, headers=NEVER)
        except RunNotFound as error:
            return JSONResponse({"error": str(error)}, 404, headers=NEVER)
        except VaeCoreError as error:
            return JSONResponse({"error": str(error)}, 409, headers=NEVER)

    return guarded


def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=NEVER)


def script(request: Request) -> Response:
    """Shared hand-written JavaScript; the query names its content, so it is cached for good."""
    path = SCRIPTS / request.path_params["name"]
    if path.suffix != ".js" or not path.is_file() or path.parent != SCRIPTS:
        return JSONResponse({"error": "there is no such script"}, 404)
    return FileResponse(path, media_type="text/javascript", headers=FOR_GOOD)


def plotly_script(request: Request) -> Response:
    """plotly.js as the installed plotly package carries it."""
    import plotly

    path = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return FileResponse(path, media_type="text/javascript", headers=FOR_GOOD)


@_answers
def events(request: Request) -> Response:
    """Lines of events.jsonl from byte `after` on, as they stand, with status and advice.

    {"next": offset, "more": bool, "log": text, "status": {...}, "advice": [...], "name": text, "lines": [...]}
    `log` names the file: it changes when a run is reset, and offsets into the old one mean nothing then.
    """
    from dataclasses import asdict

    run = resources.store().find(request.path_params["run"])
    try:
        after = max(0, int(request.query_params.get("after", 0)))
    except ValueError:
        return JSONResponse({"error": "after: expected a byte offset"}, 400)
    log = run.path / "events.jsonl"
    stat = log.stat() if log.exists() else None
    text, following = run.raw_lines(after)
    status = run.status()
    head = {
        "next": following,
        "more": stat is not None and following < stat.st_size,
        "log": f"{status.born:.3f}",
        "status": asdict(status) | {"progress": status.progress, "live": status.live},
        "advice": _advice(run.path),
        "name": run.name,
    }
    # the lines are JSON already
    body = json.dumps(head)[:-1].encode() + b', "lines": [' + b",".join(text.splitlines()) + b"]}"
    return Response(body, media_type="application/json", headers=NEVER)


def _advice(path: Path) -> list[dict[str, str]]:
    """Warnings about a run so far; computed anew only when its events grew."""
    log = path / "events.jsonl"
    try:
        size = log.stat().st_size
    except OSError:
        return []
    return _advice_at(log, size)


@lru_cache(maxsize=32)
def _advice_at(log: Path, size: int) -> list[dict[str, str]]:
    from dataclasses import asdict

    from vae_core.diagnosis import diagnose
    from vae_core.runs.store import Run

    run = Run(log.parent, resources.places(), read_only=True)
    return [asdict(a) for a in diagnose(run.history(), run.record().effective)]


FILE = re.compile(r"(snapshots/[\w.-]+\.png|thumbnail\.png)")


@_answers
def file(request: Request) -> Response:
    """A picture from a run's folder."""
    run = resources.store().find(request.path_params["run"])
    name = request.path_params["path"]
    path = run.path / name
    if not FILE.fullmatch(name) or not path.is_file():
        return JSONResponse({"error": f"the run {run.id} has no picture {name!r}"}, 404)
    # a snapshot's name holds its step and is written once; a reset run counts anew, so ask every time
    return FileResponse(path, media_type="image/png", headers={"cache-control": "no-cache"})


@_answers
def decoder_header(request: Request) -> Response:
    """The decoder's layers, and the stamp under which its weights are to be fetched."""
    run = resources.store().find(request.path_params["run"])
    return JSONResponse(resources.decoder_header(run), headers=NEVER)


@_answers
def decoder_weights(request: Request) -> Response:
    """The decoder's float32 weights, little-endian; cached for good under their stamp."""
    run = resources.store().find(request.path_params["run"])
    stamp, decoder = resources.browser_decoder(run)
    return _weights(request, stamp, decoder.weights)


@_answers
def dial_header(request: Request) -> Response:
    """Both networks' layers of a run with a β dial, as decoder_header; 409 for a run without one."""
    run = resources.store().find(request.path_params["run"])
    return JSONResponse(resources.dial_header(run), headers=NEVER)


@_answers
def dial_weights(request: Request) -> Response:
    """The float32 weights of both networks and their gates, as decoder_weights."""
    run = resources.store().find(request.path_params["run"])
    stamp, dial = resources.browser_dial(run)
    return _weights(request, stamp, dial.weights)


def _weights(request: Request, stamp: str, weights: np.ndarray) -> Response:
    if request.path_params["stamp"] != stamp:
        return JSONResponse({"error": "the weights changed; fetch the header again"}, 410, headers=NEVER)
    body = weights.astype("<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers=FOR_GOOD)


# ---------------------------------------------------------------- computing

DRAWING_BYTES = 512 * 512
AT_ONCE = 4  # computing requests at a time, of all pages together; whoever is told to wait asks again with its newest
PER_SECOND = 200  # computing requests begun, of all pages together
_turns = threading.BoundedSemaphore(AT_ONCE)
_begun: deque[float] = deque(maxlen=PER_SECOND)


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """One of AT_ONCE turns to compute. Taken once the body is there: who sends slowly holds a thread, but no turn."""
    if not _turns.acquire(blocking=False):
        raise _RefusedError(429, "the server is busy; try again in a moment")
    try:
        now = time.monotonic()
        if len(_begun) == PER_SECOND and now - _begun[0] < 1:
            raise _RefusedError(429, f"more than {PER_SECOND} requests a second; try again in a moment")
        _begun.append(now)
        yield
    finally:
        _turns.release()


def _body(request: Request, most: int) -> bytes:
    """A request's body, counted while it comes. Runs in a thread of the server's loop."""

    async def read() -> bytes:
        parts, total = [], 0
        async for part in request.stream():
            total += len(part)
            if total > most:
                raise _RefusedError(413, f"the body is larger than the {most:,} bytes expected here")
            parts.append(part)
        return b"".join(parts)

    return anyio.from_thread.run(read)


def _whole(request: Request, name: str, low: int, high: int) -> int:
    try:
        value = int(request.query_params.get(name, ""))
    except ValueError:
        raise _RefusedError(400, f"{name}: expected a whole number") from None
    if not low <= value <= high:
        raise _RefusedError(400, f"{name}: expected {low} to {high}, got {value}")
    return value


def _same_weights(request: Request, stamp: str) -> None:
    if request.query_params.get("stamp", stamp) != stamp:
        raise _RefusedError(410, "the weights changed; fetch the header again")


def _model(request: Request, run: Run) -> LoadedModel:
    """The network of the weights that were asked for: they may have changed since the request began."""
    found = resources.model(run)
    _same_weights(request, found.stamp)
    return found


@_answers
def decode(request: Request) -> Response:
    """Float32 codes (B, D), little-endian, B <= resources.DECODE_BATCH -> uint8 pictures (B, H, W, C), one after the other."""
    run = resources.store().find(request.path_params["run"])
    _same_weights(request, run.stamp())
    width = 4 * run.record().effective.model.latent_dim
    body = _body(request, resources.DECODE_BATCH * width)
    if not body or len(body) % width:
        raise _RefusedError(
            400, f"expected float32 codes of {width // 4} numbers each, got {len(body)} bytes"
        )
    codes = np.frombuffer(body, "<f4").reshape(-1, width // 4).copy()
    with _turn():
        pictures = _model(request, run).decode_uint8(codes)
    return Response(
        np.ascontiguousarray(pictures.transpose(0, 2, 3, 1)).tobytes(),
        media_type="application/octet-stream",
        headers=NEVER,
    )


@_answers
def encode(request: Request) -> Response:
    """A drawing, uint8 (height, width) as raw bytes -> its posterior, and the picture that was encoded.

    {"mean": [D], "std": [D], "width", "height", "channels", "picture": base64 of uint8 (H, W, C)}
    """
    import base64

    from vae_core.data.user.drawing import BOX, as_digit

    run = resources.store().find(request.path_params["run"])
    _same_weights(request, run.stamp())
    width, height = _whole(request, "width", 8, 512), _whole(request, "height", 8, 512)
    body = _body(request, DRAWING_BYTES)
    if len(body) != width * height:
        raise _RefusedError(400, f"expected {width}×{height} bytes, got {len(body)}")
    record = run.record()
    channels, side, _ = record.shape or (1, 28, 28)
    # scikit-learn's digits fill their picture; MNIST's have a margin, and most others are made like MNIST
    box = 1.0 if record.effective.data.dataset == "digits" else BOX
    digit = as_digit(np.frombuffer(body, np.uint8).reshape(height, width), side, box=box)
    with _turn():
        model = _model(request, run)
        prepared = model.prepare(digit)
        posterior = model.encode(prepared)
    return JSONResponse(
        {"mean": posterior.mean[0].tolist(), "std": posterior.std[0].tolist(), "width": side, "height": side,
         "channels": channels,
         "picture": base64.b64encode(np.ascontiguousarray(prepared[0].transpose(1, 2, 0)).tobytes()).decode()},
        headers=NEVER,
    )  # fmt: skip


@_answers
def cloud(request: Request) -> Response:
    """What is known of where the run's images lie, for the present weights; see resources.Cloud. 202 while it is worked
    out for somebody.
    """
    run = resources.store().find(request.path_params["run"])
    found = resources.cloud(run, _turn)
    return _wait() if found is None else JSONResponse(found.header(), headers=NEVER)


def _wait() -> Response:
    return JSONResponse({"wait": True}, 202, headers=NEVER)


@_answers
def cloud_points(request: Request) -> Response:
    """Posterior means float32 (N, D), then image numbers int32 (N,), then classes int32 (N,); little-endian. 202 as cloud."""
    run = resources.store().find(request.path_params["run"])
    found = resources.cloud(run, _turn)
    if found is None:
        return _wait()
    if request.path_params["version"] != found.version:
        return JSONResponse({"error": "the weights changed; fetch cloud.json again"}, 410, headers=NEVER)
    return Response(found.points(), media_type="application/octet-stream", headers=FOR_GOOD)


@_answers
def crowd(request: Request) -> Response:
    """As cloud_points, of all the training images; 202 while they are being encoded."""
    run = resources.store().find(request.path_params["run"])
    current = resources.cloud(run, _turn)
    if current is None:
        return _wait()
    if request.path_params["version"] != current.version:
        return JSONResponse({"error": "the weights changed; fetch cloud.json again"}, 410, headers=NEVER)
    found = resources.crowd(run, current.version)
    if found is None:
        return _wait()
    if not found:
        return JSONResponse(
            {"error": "not all images could be encoded; the server's log says why"}, 409, headers=NEVER
        )
    return Response(found, media_type="application/octet-stream", headers=FOR_GOOD)


@_answers
def image(request: Request) -> Response:
    """An image of the run's dataset as PNG, where those images are read on this machine."""
    from vae_core.runs.store import png_of

    run = resources.store().find(request.path_params["run"])
    data = resources.images_of(run)
    number = request.path_params["number"]
    if data is None or number >= len(data):
        return JSONResponse({"error": f"the images of {run.name} are not read here"}, 404, headers=NEVER)
    return Response(
        png_of(np.asarray(data.images[number])[None, None]),
        media_type="image/png",
        headers={"cache-control": "private, max-age=3600"},
    )


# ---------------------------------------------------------------- the map


def array(request: Request) -> Response:
    """What a page published (app.blobs), numbers little-endian or a PNG, cached for good under its digest."""
    found = blobs.find(request.path_params["digest"])
    if found is None:
        return JSONResponse({"error": "this was forgotten; reload the page"}, 410, headers=NEVER)
    kind = "image/png" if request.url.path.endswith(".png") else "application/octet-stream"
    return Response(found.tobytes(), media_type=kind, headers=FOR_GOOD)


KEPT = {"cache-control": "private, max-age=86400"}  # pictures under a weights stamp


Means = tuple[np.ndarray, np.ndarray]  # image numbers (N,), posterior means (N, D)


def _stored(run: Run, request: Request) -> Means | None:
    """The codes that the map's address names, if they are still of the present weights; "epochs": of the last epoch."""
    split = request.path_params["split"]
    if request.path_params["stamp"] != run.stamp():
        return None
    if split == "epochs":
        kept = resources.epoch_codes(run)
        return (kept[-1].images, kept[-1].mean) if kept else None
    codes = resources.codes(run, split)
    return None if codes is None else (codes.index, codes.mean)


@_answers
def atlas(request: Request) -> Response:
    """A tile of small pictures: eight rows of eight of the published image numbers, at most SPRITE pixels wide each.

    Images where those are read here, else decoded from their stored codes.
    """
    from vae_core.runs.store import png_of

    run = resources.store().find(request.path_params["run"])
    numbers = blobs.find(request.path_params["digest"])
    if numbers is None:
        raise _RefusedError(410, "these numbers were forgotten; reload the page")
    tile = request.path_params["tile"]
    chosen = numbers[tile * TILE : (tile + 1) * TILE]
    if not len(chosen):
        raise _RefusedError(404, f"there is no tile {tile}")
    with _turn():
        found = _pictures(run, chosen, _stored(run, request))
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
        png_of(full.reshape(8, TILE // 8, *found.shape[1:])), media_type="image/png", headers=KEPT
    )


def _pictures(run: Run, numbers: np.ndarray, codes: Means | None) -> np.ndarray:
    """Images (N,) of the run's dataset as uint8, decoded from codes where the images are not here."""
    data = resources.images_of(run)
    if data is not None:
        if numbers.min() < 0 or numbers.max() >= len(data):
            raise _RefusedError(404, "there is no such image")
        return np.asarray(data.images[numbers])
    return resources.model(run).decode_uint8(_means(codes, numbers))


def _means(codes: Means | None, numbers: np.ndarray) -> np.ndarray:
    """Stored posterior means (N, D) of images by number."""
    if codes is None:
        raise _RefusedError(410, "the weights changed; reload the page")
    index, means = codes
    order = np.argsort(index, kind="stable")
    rows = order[np.searchsorted(index, numbers, sorter=order).clip(max=len(order) - 1)]
    if (index[rows] != numbers).any():
        raise _RefusedError(404, "there is no code of that image")
    found: np.ndarray = means[rows]
    return found


@_answers
def pair(request: Request) -> Response:
    """An image and, beside it, its reconstruction from the stored posterior mean; that alone where images are not here.

    Of weights that are no longer the run's the image alone: its reconstruction would be another's.
    """
    from vae_core.runs.store import png_of

    run = resources.store().find(request.path_params["run"])
    number = np.array([request.path_params["number"]])
    codes = _stored(run, request)
    data = resources.images_of(run)
    with _turn():
        loaded = resources.model(run)
        if data is None:
            shown = loaded.decode_uint8(_means(codes, number))
        elif loaded.stamp != request.path_params["stamp"]:
            shown = _pictures(run, number, codes)
        else:
            image = _pictures(run, number, codes)
            try:
                code = _means(codes, number)
            except _RefusedError:  # not among the stored: encode it
                code = loaded.encode(image).mean
            shown = np.concatenate((image, loaded.decode_uint8(code)))
    return Response(png_of(shown[None]), media_type="image/png", headers=KEPT)


ROUTES: list[BaseRoute] = [
    Route("/healthz", health),
    Route("/api/scripts/{name}", script),
    Route("/api/plotly.min.js", plotly_script),
    Route("/api/runs/{run}/events", events),
    Route("/api/runs/{run}/file/{path:path}", file),
    Route("/api/runs/{run}/decoder.json", decoder_header),
    Route("/api/runs/{run}/decoder-{stamp}.bin", decoder_weights),
    Route("/api/runs/{run}/dial.json", dial_header),
    Route("/api/runs/{run}/dial-{stamp}.bin", dial_weights),
    Route("/api/runs/{run}/decode", decode, methods=["POST"]),
    Route("/api/runs/{run}/encode", encode, methods=["POST"]),
    Route("/api/runs/{run}/cloud.json", cloud),
    Route("/api/runs/{run}/cloud-{version}.bin", cloud_points),
    Route("/api/runs/{run}/crowd-{version}.bin", crowd),
    Route("/api/runs/{run}/image/{number:int}.png", image),
    Route("/api/arrays/{digest}.bin", array),
    Route("/api/arrays/{digest}.png", array),
    Route("/api/runs/{run}/atlas/{stamp}/{split}/{digest}-{tile:int}.png", atlas),
    Route("/api/runs/{run}/pair/{stamp}/{split}/{number:int}.png", pair),
]
