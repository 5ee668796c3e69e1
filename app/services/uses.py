"""What a run is used for, measured behind the page by a process of its own, one after the other, and kept by weights and
settings."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Hashable
from typing import IO

from app.services.tasks import CANCELLED, Lane, Task, TaskCancelled
from vae_core.errors import VaeCoreError
from vae_core.options import to_json
from vae_core.processes import child_environment, receive
from vae_core.runs.run import Run
from vae_core.runs.timing import about
from vae_core.uses import kept
from vae_core.uses.found import Found, from_json
from vae_core.uses.registry import Use, UseSettings

COMMAND = [sys.executable, "-m", "vae_core.uses.process"]

LANE = Lane("uses", workers=1, niceness=0, remembered=64, writes=True)


class UseFailed(VaeCoreError):  # noqa: N818
    """A use could not be measured."""


def start(run: Run, use: Use, settings: UseSettings) -> Task[Found]:
    """Measure a use of a run with these settings, unless that goes on already; what is found is kept."""

    def job(task: Task[Found]) -> Found:
        stamp, found = _measure(run, use, settings, task)
        if task.cancelled:
            raise TaskCancelled
        kept.keep(run, stamp, use, settings, found)
        return found

    key = _key(run, use, settings)
    earlier = LANE.find(key)
    if earlier is not None and earlier.done:  # it failed, or what it kept is gone
        LANE.forget(key)
    return LANE.submit(key, job, name=use.title)


def find(run: Run, use: Use, settings: UseSettings) -> Task[Found] | None:
    """The task of `start` while it waits or runs, or once it has failed."""
    task = LANE.find(_key(run, use, settings))
    return None if task is None or task.state == CANCELLED else task


def _key(run: Run, use: Use, settings: UseSettings) -> Hashable:
    return run.id, run.stamp(), use.name, use.version, json.dumps(to_json(settings), sort_keys=True)


def _measure(run: Run, use: Use, settings: UseSettings, task: Task[Found]) -> tuple[str, Found]:
    """(stamp, found). Raises UseFailed with the process's own sentence; a task that is cancelled kills the process."""
    began = time.monotonic()
    places = run.places
    said = json.dumps(to_json(settings))
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*COMMAND, str(places.home), str(places.data_dir), run.id, use.name, said],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=child_environment(),
        )  # fmt: skip
        task.on_cancel(process.kill)
        assert process.stdout is not None
        try:
            while (answer := receive(process.stdout)) is not None:
                if answer.say == "progress":
                    task.report(
                        answer.values["share"], answer.values["words"] + _left(began, answer.values["share"])
                    )
                elif answer.say == "failed":
                    raise UseFailed(answer.values["error"])
                elif answer.say == "done":
                    return answer.values["stamp"], from_json(answer.values["found"], answer.arrays)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        if task.cancelled:
            raise TaskCancelled
        raise UseFailed(f"its process ended early: {_last_line(errors) or 'it said nothing'}; try again")


def _left(began: float, share: float) -> str:
    passed = time.monotonic() - began
    return f", about {about(passed * (1 - share) / share)} left" if share > 0.03 and passed > 3 else ""


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1][-300:] if lines else ""
