"""Child processes of this package: what they inherit, whether one still runs, and messages through its pipes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

CORES_VARIABLE = (
    "LATENT_EXPLORER_CORES"  # how many a cluster has lent a process, where that is not all of the machine's
)
MARK = "LATENT_EXPLORER_MARK"  # in the environment of a child and of all that it starts


def child_environment() -> dict[str, str]:
    """This environment, with the package importable from wherever it was imported here."""
    root = str(Path(__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def still_runs(pid: int, started: float) -> bool:
    """Whether the process of that id still runs and is the one that started then (ids are used again)."""
    try:
        process = psutil.Process(pid) if pid else None
        if process is None or abs(process.create_time() - started) >= 1.0:
            return False
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def end_with_parent(parent: int = 0, between: float = 1.0) -> None:
    """End this process when the one that started it is gone, killed or not: a thread looks every `between` seconds.

    parent: its id, where it was handed over, so that one which was gone before this was called is missed as well.
    """
    parent = parent or os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(between)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def left_behind(leader: int, mark: str) -> bool:
    """Whether processes still run that one started which led a group of its own and is gone.

    Numbers of groups are used again as well: those that count have the leader's `mark` in their environment, under MARK.
    On Windows there are no groups, and nothing is found.
    """
    if not mark or not hasattr(os, "killpg"):
        return False
    try:
        os.killpg(leader, 0)  # cheap, and seldom anything but an error
    except (OSError, OverflowError):
        return False
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            mine = os.getpgid(process.pid) == leader and process.environ().get(MARK) == mark
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def send(stream: IO[bytes], say: str, arrays: Mapping[str, Any] | None = None, **values: Any) -> None:
    """Write one message for `receive` at the other end of a pipe: a word, JSON values and arrays."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **(arrays or {}))
    body = buffer.getvalue()
    stream.write(json.dumps({"say": say, "bytes": len(body), "values": values}).encode() + b"\n")
    stream.write(body)
    stream.flush()


@dataclass(frozen=True)
class Message:
    """What `send` was given."""

    say: str
    values: dict[str, Any]
    arrays: dict[str, Any]


def receive(stream: IO[bytes]) -> Message | None:
    """The next message from a pipe; None where it ended, in the middle of a message too. Never unpickles."""
    import numpy as np

    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    head = json.loads(line)
    body = stream.read(head["bytes"])
    if len(body) < head["bytes"]:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as npz:
        return Message(head["say"], head["values"], dict(npz))
