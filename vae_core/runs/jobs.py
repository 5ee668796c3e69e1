"""The queue: starts queued runs, adopts those alive, marks the others interrupted.

Today's launcher starts child processes; `train()` knows nothing of it, so another may start them elsewhere.
Runs outlive the launcher: they are sessions of their own and report through their folders alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
import threading
import time

import psutil
from filelock import FileLock, Timeout

from vae_core.errors import VaeCoreError
from vae_core.places import Places
from vae_core.processes import child_environment, still_runs
from vae_core.runs.record import INTERRUPTED, QUEUED, RUNNING, Status
from vae_core.runs.run import Run
from vae_core.runs.store import Store

TICK_SECONDS = 0.25


def is_alive(status: Status) -> bool:
    """Whether the process that wrote `status` still runs."""
    return still_runs(status.pid, status.process_started)


def mark_if_gone(run: Run) -> bool:
    """Whether the process that trained a run is gone without having said how it ended; the run is marked then."""
    status = run.status()
    # read once more: it may have said so, and gone, in between
    if not status.live or is_alive(status) or not run.status().live:
        return False
    run.update_status(
        state=INTERRUPTED, pid=0, eta=None, note="",
        error="its process ended before it was done; resume it to go on from the last checkpoint",
    )  # fmt: skip
    return True


class Launcher:
    """Keeps at most `slots` processes of a home training. One launcher per home is active, the others wait.

    Which runs of a sweep a process trains as one it finds out itself: that needs torch, which a server is to answer
    without.
    """

    def __init__(self, places: Places, slots: int = 1) -> None:
        self.places, self.slots = places, slots
        self.store = Store(places)
        places.home.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(places.home / ".launcher.lock", thread_local=False)
        self.children: dict[str, subprocess.Popen] = {}
        self.stopping = threading.Event()
        self.woken = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        """Look after the queue from a thread of its own."""
        self.thread = threading.Thread(target=self._loop, name="launcher", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Leave the queue to another launcher. Running runs go on."""
        self.stopping.set()
        self.woken.set()
        if self.thread is not None:
            self.thread.join()
        for child in self.children.values():
            child.returncode = 0  # it outlives us on purpose, which Popen would warn of
        self.children.clear()
        with contextlib.suppress(OSError):
            self.lock.release(force=True)

    def wake(self) -> None:
        """Look at once, e.g. because a run was queued."""
        self.woken.set()

    def _loop(self) -> None:
        while not self.stopping.is_set():
            # a fault of one tick (a folder deleted meanwhile) must not end the queue
            with contextlib.suppress(OSError, VaeCoreError, psutil.Error):
                self.tick()
            self.woken.wait(TICK_SECONDS)
            self.woken.clear()

    def tick(self) -> None:
        """One look: reap, mark, start."""
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            return  # another server looks after this home
        for run_id, child in list(self.children.items()):
            if child.poll() is not None:
                del self.children[run_id]
        busy: set[int] = set()  # processes: several runs of a sweep may share one
        waiting = []
        for run in self.store.own():
            with contextlib.suppress(VaeCoreError):
                status = run.status()
                if status.state == QUEUED:
                    waiting.append((status.queued, run.id, run))
                elif status.live:
                    if is_alive(status):
                        busy.add(status.pid)
                    elif run.id not in self.children:
                        mark_if_gone(run)
        for _, _, run in sorted(waiting)[: max(0, self.slots - len(busy))]:
            self.launch(run)

    def launch(self, run: Run) -> None:
        with run.control_lock():
            status = run.status()
            if status.state != QUEUED:  # stopped meanwhile
                return
            log = open(run.path / "log.txt", "ab")  # noqa: SIM115
            with log:
                child = subprocess.Popen(
                    [
                        sys.executable, "-m", "vae_core.runs.worker", "--home", str(self.places.home),
                        "--data-dir", str(self.places.data_dir), run.id,
                    ],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                    cwd=self.places.home, env=child_environment(),
                )  # fmt: skip
            self.children[run.id] = child
            started = time.time()
            with contextlib.suppress(psutil.Error):
                started = psutil.Process(child.pid).create_time()
            run.write_status(
                dataclasses.replace(
                    status,
                    state=RUNNING,
                    pid=child.pid,
                    process_started=started,
                    heartbeat=time.time(),
                    note="starting",
                )
            )
