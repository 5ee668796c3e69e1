"""Routes to a run's events, its pictures and the images of its dataset."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from app.services import datasets, runs
from app.services.cache import LruCache
from app.web.requests import NO_STORE, answers


@answers
def events(request: Request) -> Response:
    """Lines of events.jsonl from byte `after` on, as they stand, with status and advice.

    {"next": offset, "more": bool, "log": text, "status": {...}, "advice": [...], "name": text, "live": [...], "lines": [...]}
    `live` holds points of a learning run since its last line of a step (see vae_core.events.Live).
    `log` names the picture_file: it changes when a run is reset, and offsets into the old one mean nothing then.
    """
    from dataclasses import asdict

    run = runs.store().find(request.path_params["run"])
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
        "live": run.live_points() if status.live else [],
    }
    # the lines are JSON already
    body = json.dumps(head)[:-1].encode() + b', "lines": [' + b",".join(text.splitlines()) + b"]}"
    return Response(body, media_type="application/json", headers=NO_STORE)


_advices: LruCache[list[dict[str, str]]] = LruCache(32)


def _advice(path: Path) -> list[dict[str, str]]:
    """Warnings about a run so far; computed anew only when its events grew."""
    log = path / "events.jsonl"
    try:
        size = log.stat().st_size
    except OSError:
        return []
    return _advices.get_or_make((log, size), lambda: _diagnose(log))


def _diagnose(log: Path) -> list[dict[str, str]]:
    from dataclasses import asdict

    from vae_core.diagnosis import diagnose
    from vae_core.runs.run import Run

    run = Run(log.parent, runs.places(), read_only=True)
    return [asdict(a) for a in diagnose(run.history(), run.record().effective)]


FILE = re.compile(r"(snapshots/[\w.-]+\.png|thumbnail\.png)")


@answers
def picture_file(request: Request) -> Response:
    """A picture from a run's folder."""
    run = runs.store().find(request.path_params["run"])
    name = request.path_params["path"]
    path = run.path / name
    if not FILE.fullmatch(name) or not path.is_file():
        return JSONResponse({"error": f"the run {run.id} has no picture {name!r}"}, 404)
    # a snapshot's name holds its step and is written once; a reset run counts anew, so ask every time
    return FileResponse(path, media_type="image/png", headers={"cache-control": "no-cache"})


@answers
def image(request: Request) -> Response:
    """An image of the run's dataset as PNG, where those images are read on this machine."""
    from vae_core.pictures import encode_png

    run = runs.store().find(request.path_params["run"])
    data = datasets.images_of(run)
    number = request.path_params["number"]
    if data is None or number >= len(data):
        return JSONResponse({"error": f"the images of {run.name} are not read here"}, 404, headers=NO_STORE)
    return Response(
        encode_png(np.asarray(data.images[number])),
        media_type="image/png",
        headers={"cache-control": "private, max-age=3600"},
    )
