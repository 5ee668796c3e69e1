"""What a person asks of a run while it trains: control.jsonl, append-only and numbered."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np

from vae_core.config import RunConfig
from vae_core.errors import BadConfig
from vae_core.events import Command

CONTROL = "control.jsonl"


def read_requests(folder: Path, after: int = 0) -> list[Command]:
    """Requests of the run in `folder` with a number above `after`, in order."""
    try:
        text = (folder / CONTROL).read_bytes()
    except FileNotFoundError:
        return []
    commands = []
    for line in text[: text.rfind(b"\n") + 1].splitlines():
        with contextlib.suppress(ValueError, KeyError):
            raw = json.loads(line)
            commands.append(Command(int(raw["number"]), str(raw["name"]), raw["value"]))
    return [c for c in commands if c.number > after]


def add_request(folder: Path, name: str, value: float | None) -> int:
    """Append a request and return its number. The caller holds the run's control lock."""
    number = len(read_requests(folder)) + 1
    line = json.dumps({"number": number, "name": name, "value": value})
    with open(folder / CONTROL, "ab") as file:
        file.write(line.encode() + b"\n")
    return number


def check_request(name: str, value: float | None, config: RunConfig) -> None:
    """Raises BadConfig when a live run cannot take that request."""
    plain = ("pause", "resume", "stop", "step", "epoch")
    if name in plain:
        return
    if name not in ("beta", "learning_rate"):
        raise BadConfig(f"a run knows {', '.join(plain)}, beta and learning_rate, not {name!r}")
    if value is None or not np.isfinite(value) or not 0 <= value <= 10_000:
        raise BadConfig(f"{name}: expected a number from 0 to 10,000, got {value!r}")
    entry = config.objective.entry
    if name == "beta" and entry.live is None:
        raise BadConfig(f"{entry.title} has no coefficient such as β that can be changed while it learns")
