"""Runs that are trained on a cluster, followed from their folders by whoever waits for them at a terminal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from vae_core.cli.bar import Bar
from vae_core.errors import BadRun, VaeCoreError
from vae_core.events import from_line
from vae_core.places import Places
from vae_core.runs.queue import Queue
from vae_core.runs.record import ENDED, LIVE, QUEUED, Status
from vae_core.runs.run import Run

BETWEEN = 0.3  # seconds between two looks
OTHERS_SECONDS = 2.0  # until it is clear that another process looks after the queue


class Followed:
    """A run whose events are shown as they come into its folder."""

    def __init__(self, run: Run, bar: Bar, before: str = "") -> None:
        self.run, self.bar, self.before = run, bar, before
        self.see = bar.watch(run, before)
        self.offset, before_it = 0, -1
        while self.offset != before_it:  # what it said before is not said again
            before_it = self.offset
            _, self.offset = run.raw_lines(self.offset)
        self.note = ""

    def look(self) -> Status:
        """Show what is new, and return how it stands. Raises RunNotFound."""
        status = self.run.status()
        lines, self.offset = self.run.lines(self.offset)
        for line in lines or self.run.live_points()[-1:]:
            with contextlib.suppress(BadRun):
                self.see(from_line(line))
        if status.note and status.note != self.note and status.state == QUEUED:
            self.bar.line(f"{self.before}{status.note}")
        elif status.note and status.state in LIVE:
            self.bar.show(f"{self.before}{status.note}")
        self.note = status.note
        return status


def follow(runs: Sequence[Run], places: Places, launcher: str, retry: int, bar: Bar) -> bool:
    """Have runs that wait trained by a launcher, and show how they do until all have ended; false where Ctrl-C ended it.

    Ctrl-C asks them to stop, as it does with those that train here; a second one leaves them to the cluster. What else waits
    in this home is started as well.
    """
    several = len(runs) > 1
    open_ = {run.id: Followed(run, bar, f"{run.name}, " if several else "") for run in runs}
    queue = Queue(places, None, launcher, retry=retry)
    queue.start()
    begun, told = time.monotonic(), False
    try:
        while open_:
            for run_id, one in list(open_.items()):
                status = one.look()
                if status.state in ENDED:
                    del open_[run_id]
                    if several:
                        bar.line(
                            f"{one.run.name} {status.state}{f': {status.error}' if status.error else ''}"
                        )
            if not told and not queue.lock.is_locked and time.monotonic() - begun > OTHERS_SECONDS:
                told = True
                bar.line(
                    "another process looks after the queue of this home, and starts these runs where it starts its own"
                )
            time.sleep(BETWEEN)
        return True
    except KeyboardInterrupt:
        _stop([one.run for one in open_.values()], bar)
        return False
    finally:
        queue.stop()


def _stop(runs: Sequence[Run], bar: Bar) -> None:
    bar.line("asked to stop; a second Ctrl-C leaves what has not stopped to the cluster")
    try:
        for run in runs:
            with contextlib.suppress(VaeCoreError):
                run.request("stop")
        while any(run.status().state not in ENDED for run in runs if run.path.is_dir()):
            time.sleep(BETWEEN)
    except KeyboardInterrupt:
        bar.line("what has not stopped goes on without this window")
