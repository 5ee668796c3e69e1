"""Routes the components fetch from. None changes stored state; those that compute are plain `def`, so that
they run in a thread and never stall the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app import resources
from vae_core.errors import RunNotFound, VaeCoreError

FOR_GOOD = {"cache-control": "public, max-age=31536000, immutable"}
NEVER = {"cache-control": "no-store"}
SCRIPTS = Path(__file__).parent / "components" / "shared"


def _answers(route: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The boundary of the api: the core's own errors become 4xx with their sentence."""

    @wraps(route)
    def guarded(request: Request) -> Response:
        try:
            return route(request)
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
    if request.path_params["stamp"] != run.stamp():
        return JSONResponse({"error": "the weights changed; fetch the header again"}, 410, headers=NEVER)
    body = resources.browser_decoder(run).weights.astype("<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers=FOR_GOOD)


ROUTES: list[BaseRoute] = [
    Route("/healthz", health),
    Route("/api/scripts/{name}", script),
    Route("/api/plotly.min.js", plotly_script),
    Route("/api/runs/{run}/events", events),
    Route("/api/runs/{run}/file/{path:path}", file),
    Route("/api/runs/{run}/decoder.json", decoder_header),
    Route("/api/runs/{run}/decoder-{stamp}.bin", decoder_weights),
]
