"""live.json: how a run does since the last step of its record, replaced about twice a second. Nothing is lost with it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from vae_core.errors import BadRun
from vae_core.events import Live, StepDone, from_line, to_line
from vae_core.places import write_json
from vae_core.reading import read_json

LIVE = "live.json"
MOST_BYTES = 4_000_000


def write_live(folder: Path, event: Live) -> None:
    """Replace what the run in `folder` shows of itself."""
    # where the disk is full, the next line of the record says so
    with contextlib.suppress(OSError):
        write_json(folder / LIVE, {"points": [to_line(point) for point in event.points]}, durable=False)


def read_live(folder: Path) -> list[dict[str, Any]]:
    """Points as lines of the record; none where there are none, or where the file is not one of ours."""
    try:
        found = read_json(folder / LIVE, MOST_BYTES)
    except (OSError, ValueError):
        return []
    points = found.get("points") if isinstance(found, dict) else None
    return [point for point in points if _is_step(point)] if isinstance(points, list) else []


def _is_step(point: Any) -> bool:
    try:
        return isinstance(from_line(point), StepDone)
    except BadRun:
        return False


def forget_live(folder: Path) -> None:
    """Remove the file: the record says it all."""
    with contextlib.suppress(OSError):
        (folder / LIVE).unlink()
