"""UMAPs behind the page: each laid out by a child process, followed as a task, its result kept in a file.

One process is kept warm, since importing and compiling takes seconds; while it works, another job has a process of
its own. A sample is there before the whole, as the task's `partial`: rows (M,) of the codes and points (M, 2).
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from app.services.tasks import DONE, Lane, Task, TaskCancelled
from vae_core.errors import VaeCoreError
from vae_core.places import write_atomically
from vae_core.processes import Message, child_environment, receive, send

if TYPE_CHECKING:
    import numpy.typing as npt

    from vae_core.latent.umap import UmapParams

    Array = npt.NDArray[Any]

log = logging.getLogger("latent_explorer")

COMMAND = [sys.executable, "-m", "vae_core.umap_process"]

LANE = Lane("umap", workers=max(2, (os.cpu_count() or 2) // 2), niceness=0)


class UmapFailed(VaeCoreError):  # noqa: N818
    """A UMAP could not be laid out."""


# ---------------------------------------------------------------- what pages call


def start(codes: Array, params: UmapParams, result: Path) -> Task[Array]:
    """Lay out codes (N, D) in another process, unless that was begun; the points (N, 2) come into the file `result`."""

    def job(task: Task[Array]) -> Array:
        points = _lay_out(codes, params, task)
        _write(result, points)
        return points

    result.parent.mkdir(parents=True, exist_ok=True)
    return LANE.submit(result, job, name=f"UMAP of {len(codes):,} codes")


def find(result: Path) -> Task[Array] | None:
    """The task that makes this result, unless it was stopped or what it made is gone."""
    task = LANE.find(result)
    if task is not None and task.state == DONE and not result.exists():
        LANE.forget(result)
        return None
    return task


def stop(result: Path) -> None:
    """End the task of this result, if there is one; nothing of it stays but a result that is there already."""
    LANE.forget(result)


def is_stored(result: Path) -> bool:
    """Whether the whole map is there, of this server or an earlier one."""
    return result.exists()


def read(result: Path) -> Array:
    """The points (N, 2) float32 of a map that is stored."""
    import numpy as np

    with np.load(result, allow_pickle=False) as npz:
        points: Array = npz["points"]
        return points


def sample(result: Path) -> tuple[Array, Array] | None:
    """The first map while the whole is laid out: rows (M,) of the codes and their points (M, 2)."""
    task = find(result)
    return None if task is None else task.partial


def _write(result: Path, points: Array) -> None:
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, points=points)
    write_atomically(result, buffer.getvalue(), durable=False)


# ---------------------------------------------------------------- child processes


class UmapProcess:
    """A child process that lays out one job at a time. `warm`: whether it has said that it is ready."""

    def __init__(self, *arguments: str) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            env=child_environment(),
        )  # fmt: skip
        self.started = time.time()
        self.warm = False
        self.busy = False
        self.answers: queue.Queue[Message | None] = queue.Queue()
        self._ending = threading.Lock()
        self.reader = threading.Thread(target=self._read, name="umap answers", daemon=True)
        self.reader.start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def pid(self) -> int:
        return self.process.pid

    def gets_on(self) -> bool:
        """Whether it gets most of a core while it warms up: beside a training run, low priority gets little."""
        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return False
        return bool(times.user + times.system > 0.5 * (time.time() - self.started))

    def kill(self) -> None:
        """End it, and with it what it works on. Returns at once."""
        self.process.kill()

    def close(self) -> None:
        """End it and wait until it is gone."""
        self.process.kill()
        self.reader.join()
        with self._ending:  # who lays out and who cools may come at once, and a file is closed by one
            self.errors.close()

    def lay_out(self, codes: Array, params: UmapParams, task: Task[Any]) -> Array:
        """Points (N, 2) of codes (N, D). Raises UmapFailed; a task that is cancelled kills the process."""
        import numpy as np

        task.on_cancel(self.kill)
        task.report(0.0, "starting")
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it ended: the answers end too
            send(self.process.stdin, "umap", {"codes": np.asarray(codes, np.float32)}, **asdict(params))
        while (answer := self.answers.get()) is not None:
            if answer.say == "progress":
                task.report(answer.values["share"], answer.values["words"])
            elif answer.say == "sample":
                task.show((answer.arrays["rows"], answer.arrays["points"]))
            elif answer.say == "failed":
                raise UmapFailed(answer.values["error"])
            elif answer.say == "done":
                points: Array = answer.arrays["points"]
                return points
        if task.cancelled:
            raise TaskCancelled
        log.error("the process of a UMAP ended with %s: %s", self.process.returncode, self._last_words())
        raise UmapFailed("its process ended early; try again")

    def _read(self) -> None:
        """Pass on what the process answers, until it ends."""
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        with self.process.stdout as answers, contextlib.suppress(OSError, ValueError):
            while (answer := receive(answers)) is not None:
                if answer.say == "warm":
                    self.warm = True
                else:
                    self.answers.put(answer)
        self.process.wait()
        with contextlib.suppress(OSError):  # something may be left in it
            self.process.stdin.close()
        self.answers.put(None)

    def _last_words(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-2000:]


_lock = threading.Lock()
_spare: UmapProcess | None = None  # the one that is kept warm
_wanted = False  # whether there is to be one


def warm() -> None:
    """Have a process make itself ready in the background, at low priority. Returns at once.

    There is one at a time; it ends with this process, however this ends, or by `cool`.
    """
    global _spare, _wanted
    with _lock:
        _wanted = True
        if _spare is not None and not _spare.alive and not _spare.busy:
            _spare.close()
        if _spare is None or not _spare.alive:
            _spare = UmapProcess("--warm")


def cool() -> None:
    """End the warm process, and with it what it works on."""
    global _spare, _wanted
    with _lock:
        spare, _spare, _wanted = _spare, None, False
    if spare is not None:
        spare.close()


def warms() -> bool:
    """Whether a process makes itself ready just now."""
    with _lock:
        return _spare is not None and _spare.alive and not (_spare.warm or _spare.busy)


def _lay_out(codes: Array, params: UmapParams, task: Task[Any]) -> Array:
    """By the warm process if it is free and ready or soon will be, else by one of its own."""
    with _lock:
        spare = _spare
        usable = spare is not None and spare.alive and not spare.busy and (spare.warm or spare.gets_on())
        chosen = spare if usable and spare is not None else UmapProcess()
        chosen.busy = True
    try:
        return chosen.lay_out(codes, params, task)
    finally:
        if chosen is not spare or task.cancelled or not chosen.alive:
            chosen.close()
        with _lock:
            chosen.busy = False
            again = _wanted and (_spare is None or not _spare.alive)
        if again:  # the warm one ended, with its job or by itself
            warm()
