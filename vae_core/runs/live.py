"""live.json: how a run does since the last step of its record, replaced about twice a second. Nothing is lost with it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from vae_core.events import Live, to_line
from vae_core.places import write_json

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
        with open(folder / LIVE, "rb") as file:
            points = json.loads(file.read(MOST_BYTES))["points"]
        return [point for point in points if isinstance(point, dict) and point.get("event") == "step"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def forget_live(folder: Path) -> None:
    """Remove the file: the record says it all."""
    with contextlib.suppress(OSError):
        (folder / LIVE).unlink()
