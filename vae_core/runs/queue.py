"""The queue of a home: runs wait in it for their turn, are started, adopted and marked when what trained them is gone.

A run's place in the queue is its status, so that everybody sees the same queue; nothing of it lives in memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Sequence

from filelock import FileLock, Timeout

from vae_core.errors import VaeCoreError
from vae_core.places import Places
from vae_core.runs.launchers import LOCAL, Handle, find_launcher, is_alive
from vae_core.runs.record import INTERRUPTED, QUEUED, RUNNING
from vae_core.runs.run import Run
from vae_core.runs.store import Store

TICK_SECONDS = 0.25


def mark_if_gone(run: Run) -> bool:
    """Mark a run interrupted when what trained it is gone without having said how it ended; whether it was so.

    Raises UnknownLauncher when its launcher is not known here.
    """
    status = run.status()
    # read once more: it may have said so, and gone, in between
    if not status.live or is_alive(status.handle) or not run.status().live:
        return False
    run.update_status(
        state=INTERRUPTED, handle=None, eta=None, note="",
        error="its process ended before it was done; resume it to go on from the last checkpoint",
    )  # fmt: skip
    return True


class Queue:
    """Keeps at most `slots` workers of a home training, started by the launcher of that name.

    One queue per home is active; those of other servers wait until it stops. Which runs of a sweep a worker trains as
    one it finds out itself: that needs torch, which a server is to answer without. Raises UnknownLauncher.
    """

    def __init__(self, places: Places, slots: int = 1, launcher: str = LOCAL) -> None:
        self.places, self.slots = places, slots
        self.launcher = find_launcher(launcher)
        self.store = Store(places)
        places.home.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(places.home / ".launcher.lock", thread_local=False)
        self.stopping = threading.Event()
        self.woken = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        """Look after the queue from a thread of its own."""
        self.thread = threading.Thread(target=self._loop, name="queue", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Leave the queue to another server. Runs that train go on."""
        self.stopping.set()
        self.woken.set()
        if self.thread is not None:
            self.thread.join()
        with contextlib.suppress(OSError):
            self.lock.release(force=True)

    def wake(self) -> None:
        """Look at once, e.g. because a run was queued."""
        self.woken.set()

    def _loop(self) -> None:
        while not self.stopping.is_set():
            # a fault of one tick (a folder deleted meanwhile) must not end the queue
            with contextlib.suppress(OSError, VaeCoreError):
                self.tick()
            self.woken.wait(TICK_SECONDS)
            self.woken.clear()

    def tick(self) -> None:
        """One look: mark what is gone, start what waits."""
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            return  # another server looks after this home
        busy: list[Handle] = []  # several runs of a sweep may share one
        for run in self.store.own():
            # a run that cannot be read, or whose launcher is not known here, holds nobody up
            with contextlib.suppress(VaeCoreError):
                status = run.status()
                if status.live and not mark_if_gone(run) and status.handle and status.handle not in busy:
                    busy.append(status.handle)
        for run in in_turn(self.store)[: max(0, self.slots - len(busy))]:
            self.launch(run)

    def launch(self, run: Run) -> None:
        """Start a run that waits; one that was stopped meanwhile is left alone."""
        with run.control_lock():
            if run.status().state == QUEUED:
                _set_running(run, self.launcher.start(self.places, run.id))


def in_turn(store: Store, group: str = "") -> list[Run]:
    """The runs that wait, those of a group alone where one is named, in the order they were queued."""
    waiting = []
    for run in store.own():
        with contextlib.suppress(VaeCoreError):
            status = run.status()
            if status.state == QUEUED and (not group or run.record().group == group):
                waiting.append((status.queued, run.id, run))
    return [run for _, _, run in sorted(waiting, key=lambda entry: entry[:2])]


def stack_of(queue: Sequence[Run]) -> list[Run]:
    """Of runs that wait, the first and those that can be trained with it as one; it alone where that is no faster."""
    from vae_core.devices import choose_device
    from vae_core.training.stacked import MOST, pays, why_apart

    config = queue[0].record().config
    fresh = [run for run in queue if not run.has_weights()]
    alike = [run for run in fresh if run is queue[0] or not why_apart([config, run.record().config])][:MOST]
    together = queue[0] in alike and pays(config, choose_device(config.training.device), len(alike))
    return alike if together else list(queue[:1])


def stack_mates(run: Run, places: Places) -> list[Run]:
    """The runs of `run`'s sweep that wait and train faster with it as one, in the order of the queue."""
    group = run.record().group
    if not group:
        return []
    return stack_of([run, *(other for other in in_turn(Store(places), group) if other.id != run.id)])[1:]


def take(run: Run, handle: Handle) -> bool:
    """Take a run from the queue for the worker that `handle` names, unless it was stopped or taken meanwhile."""
    with contextlib.suppress(VaeCoreError, OSError), run.control_lock():
        if run.status().state == QUEUED:
            _set_running(run, handle)
            return True
    return False


def put_back(run: Run, handle: Handle) -> None:
    """Queue a run again that was taken and not trained; one that was trained has said how it ended."""
    with contextlib.suppress(VaeCoreError, OSError), run.control_lock():
        status = run.status()
        if status.live and status.handle == handle:
            run.write_status(dataclasses.replace(status, state=QUEUED, handle=None, note=""))


def _set_running(run: Run, handle: Handle) -> None:
    """Say that a run is on its way; the caller holds its control lock."""
    run.update_status(state=RUNNING, handle=handle, heartbeat=time.time(), note="starting")
