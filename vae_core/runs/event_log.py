"""events.jsonl: what a run said while it learned, append-only, one event a line."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from vae_core.errors import BadRun
from vae_core.events import Checkpoint, Controlled, Event, Resumed, from_line

MOST_BYTES_READ = 4_000_000  # of lines at once


class EventLog:
    """The events.jsonl at `path`. It may be read while another process writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def append(self, line: dict[str, Any]) -> None:
        """Write one event's line and flush it; the file stays open until `close`."""
        text = json.dumps(line, allow_nan=False, separators=(",", ":"))
        if self._file is None:
            self._file = self._open()
        self._file.write(text.encode() + b"\n")
        self._file.flush()

    def _open(self) -> IO[bytes]:
        if self.path.exists():
            whole = self.path.read_bytes()
            end = whole.rfind(b"\n") + 1
            if end != len(whole):  # a line torn by a kill
                os.truncate(self.path, end)
        return open(self.path, "ab")

    def sync(self) -> None:
        """Return when the disk has every line: a checkpoint that outlives a power cut must not be ahead of them."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Stop writing."""
        if self._file is not None:
            # on a full disk the rest of a line cannot be written here either, and `append` has said so
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def lines(self, after: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Whole lines from a byte offset on, parsed, and the offset to ask from next."""
        text, after = self.raw_lines(after)
        lines = []
        for line in text.splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                parsed = json.loads(line)
                if isinstance(parsed, dict):
                    lines.append(parsed)
        return lines, after

    def raw_lines(self, after: int = 0, most: int = MOST_BYTES_READ) -> tuple[bytes, int]:
        """Up to `most` bytes of whole lines from a byte offset on, and the offset to ask from next.

        An offset beyond the end is one into a file that a reset has removed: it starts over. A line that is longer than
        `most` is no event, and is passed over.
        """
        try:
            with open(self.path, "rb") as file:
                after = after if after <= file.seek(0, os.SEEK_END) else 0
                file.seek(after)
                text = file.read(most)
                end = text.rfind(b"\n") + 1
                if not end and len(text) == most:
                    return b"", _line_end(file, after, most)
        except OSError:  # not there yet, or a folder
            return b"", 0
        return text[:end], after + end

    def history(self) -> list[Event]:
        """All events that count: what a Resumed superseded is left out."""
        events: list[Event] = []
        offset = 0
        while True:
            lines, following = self.lines(offset)
            for line in lines:
                with contextlib.suppress(BadRun):
                    event = from_line(line)
                    if isinstance(event, Resumed):
                        events = not_superseded(events, event)
                    events.append(event)
            if following == offset:
                return events
            offset = following


def _line_end(file: IO[bytes], after: int, most: int) -> int:
    """Where the line ends that goes on here, read `most` bytes at a time; `after` where it has no end yet."""
    while text := file.read(most):
        if end := text.find(b"\n") + 1:
            return file.tell() - len(text) + end
    return after


def tells_of(events: Sequence[Event], step: int, control: int) -> bool:
    """Whether events tell of the checkpoint at `step` that knows of requests up to the number `control`.

    A kill between its files and its line leaves it untold: its step is told of, or a request that it knows of, and no
    checkpoint after that.
    """
    for event in reversed(events):
        if event.step == step:
            if isinstance(event, Checkpoint):
                return True
            if isinstance(event, Controlled) and event.number <= control:
                return False
    return False


def not_superseded(events: list[Event], resumed: Resumed) -> list[Event]:
    """Those of `events` that a Resumed leaves: up to and with the checkpoint it went on from.

    A checkpoint by the clock left no line: then up to its step, without requests that it did not know of.
    """
    for i in range(len(events) - 1, -1, -1):
        event = events[i]
        if isinstance(event, Checkpoint) and event.step == resumed.step:
            return events[: i + 1]
    known = resumed.control
    return [
        e
        for e in events
        if e.step <= resumed.step
        and not (isinstance(e, Controlled) and known is not None and e.number > known)
    ]
