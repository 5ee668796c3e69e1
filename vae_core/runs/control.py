"""What a person asks of a run while it trains: control.jsonl, append-only and numbered."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

import numpy as np

from vae_core.config import RunConfig
from vae_core.errors import BadConfig
from vae_core.events import Command

CONTROL = "control.jsonl"
POLL_SECONDS = 0.05


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


class FileControl:
    """The requests to the run in `folder`, as the process that trains it takes them up; and a stop by a signal."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / CONTROL
        self.after = 0  # the last request taken up
        self.size_read = -1  # of the file, when it was last read
        self.earlier = 0  # requests up to this number were made before the run was queued
        self.stop_asked = False

    def start(self, after: int, earlier: int) -> None:
        """Take up requests above `after`; of those up to `earlier` only settings, not a pause or stop of old."""
        self.after, self.earlier = after, earlier

    def pending(self) -> list[Command]:
        """Requests that wait to be taken up."""
        commands = read_requests(self.folder, self.after)
        return [c for c in commands if c.number > self.earlier or c.name in ("beta", "learning_rate")]

    def stop_pending(self) -> bool:
        """Whether a stop waits to be taken up."""
        return self.stop_asked or any(command.name == "stop" for command in self.pending())

    def poll(self) -> list[Command]:
        """Take up the requests that came since the last call; cheap when none did."""
        if self.stop_asked:
            self.stop_asked = False
            return [Command(self.after, "stop")]
        try:
            size = os.stat(self.path).st_size
        except OSError:
            size = 0
        if size == self.size_read:
            return []
        self.size_read = size
        commands = self.pending()
        if commands:
            self.after = commands[-1].number
        return commands

    def wait(self) -> None:
        """Return when a request has come or a signal asks for a stop."""
        while not self.stop_asked:
            with contextlib.suppress(OSError):
                if os.stat(self.path).st_size != self.size_read:
                    return
            time.sleep(POLL_SECONDS)
