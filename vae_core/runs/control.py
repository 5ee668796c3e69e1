"""What a person asks of a run while it trains: control.jsonl, append-only and numbered."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from pathlib import Path

import numpy as np

from vae_core.config import RunConfig
from vae_core.errors import BadConfig
from vae_core.events import ALONE, Command
from vae_core.reading import number, parse_json, whole

CONTROL = "control.jsonl"
POLL_SECONDS = 0.05


def read_requests(folder: Path, after: int = 0) -> list[Command]:
    """Requests of the run in `folder` with a number above `after`, in order; a line that is none is passed over."""
    try:
        lines = (folder / CONTROL).read_bytes()
    except OSError:
        return []
    commands = []
    for line in lines[: lines.rfind(b"\n") + 1].split(b"\n"):
        with contextlib.suppress(ValueError):
            match parse_json(line):
                case {"number": int(given), "name": str(name), "value": int() | float() | None as value}:
                    wanted = None if value is None else number(value, math.nan)
                    commands.append(Command(whole(given), name, wanted))
    return [c for c in commands if c.number > after]


def last_number(folder: Path, taken_up: int) -> int:
    """The number of the last request; `taken_up` is what the status tells: an imported run has no older ones."""
    return max([taken_up, *(command.number for command in read_requests(folder))])


def add_request(folder: Path, name: str, value: float | None, taken_up: int) -> int:
    """Append a request and return its number, above `taken_up`. The caller holds the run's control lock."""
    given = last_number(folder, taken_up) + 1
    line = json.dumps({"number": given, "name": name, "value": value}).encode() + b"\n"
    with open(folder / CONTROL, "a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # a line torn by a kill
                line = b"\n" + line
        file.write(line)
    return given


def check_request(name: str, value: float | None, config: RunConfig) -> None:
    """Raises BadConfig when a live run cannot take that request."""
    plain = ("pause", "resume", "stop", "step", "epoch")
    parts = config.objective.entry.parts
    if name in plain or name in [f"{ALONE}{part}" for part in parts]:
        return
    if name.startswith(ALONE):
        of = f"has {' and '.join(parts)}" if parts else "learns as a whole"
        raise BadConfig(f"{name}: {config.objective.entry.title} {of}; ask for a step of what it has")
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
