"""Routes to a run's events, its pictures and the images of its dataset."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.services import datasets, runs
from app.services.cache import LruCache
from app.web.requests import NO_STORE, Json, RefusedError, answers, as_json, path_number


@answers
def events(request: Request) -> Response:
    """Lines of events.jsonl from byte `after` on, as they stand but for NaN, with status and advice.

    A line that is no JSON object is left out.

    {"next": offset, "more": bool, "log": text, "status": {...}, "advice": [...], "name": text, "live": [...], "lines": [...]}
    `live` holds points of a learning run since its last line of a step (see vae_core.events.Live).
    `log` names the picture_file: it changes when a run is reset, and offsets into the old one mean nothing then.
    """
    from dataclasses import asdict

    run = runs.store().find(request.path_params["run"])
    after = request.query_params.get("after", "0")
    if not re.fullmatch(r"-?[0-9]{1,18}", after, re.ASCII):
        raise RefusedError(400, "after: expected a byte offset")
    log = run.path / "events.jsonl"
    stat = log.stat() if log.exists() else None
    text, following = run.raw_lines(max(0, int(after)))
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
    lines = ",".join(line for line in map(_as_read, text.split(b"\n")) if line)
    body = f'{as_json(head)[:-1]}, "lines": [{lines}]}}'
    return Response(body, media_type="application/json", headers=NO_STORE)


def _as_read(line: bytes) -> str:
    """A line of a log as strict JSON: as it stands where it is that, else nothing of what is no JSON object."""
    constants: list[str] = []
    try:
        text = line.decode()
        found = json.loads(text, parse_constant=constants.append)  # NaN, Infinity: no JSON, read as null
    except (ValueError, RecursionError):  # torn, no UTF-8, nested or long beyond reason
        return ""
    if not isinstance(found, dict):
        return ""
    return as_json(found) if constants else text


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
    return [asdict(a) for a in diagnose(run.history(), run.record().effective, run.record().data)]


FILE = re.compile(r"(snapshots/[\w.-]{1,100}\.png|thumbnail\.png)", re.ASCII)


@answers
def picture_file(request: Request) -> Response:
    """A picture from a run's folder."""
    run = runs.store().find(request.path_params["run"])
    name = request.path_params["path"]
    path = run.path / name
    if not FILE.fullmatch(name) or not path.is_file():
        return Json({"error": f"the run {run.id} has no picture {name!r}"}, 404)
    # a snapshot's name holds its step and is written once; a reset run counts anew, so ask every time
    return FileResponse(path, media_type="image/png", headers={"cache-control": "no-cache"})


@answers
def image(request: Request) -> Response:
    """An image of the run's dataset as PNG, where those images are read on this machine."""
    from vae_core.pictures import encode_png

    run = runs.store().find(request.path_params["run"])
    data = datasets.images_of(run)
    number = path_number(request, "number", "image")
    if data is None or number >= len(data):
        return Json({"error": f"the images of {run.name} are not read here"}, 404, headers=NO_STORE)
    return Response(
        encode_png(np.asarray(data.images[number])),
        media_type="image/png",
        headers={"cache-control": "private, max-age=3600"},
    )
