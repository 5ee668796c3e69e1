"""What a server does for studies: it looks whether one wants trials, and starts the process that drives them.

Optuna's import and what samplers and measurements compute are that process's, see `process`; here is a thread that reads
small files once a second.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from filelock import Timeout

from vae_core.errors import RunNotFound, VaeCoreError
from vae_core.places import Places
from vae_core.processes import child_environment
from vae_core.study.record import Study, studies

TICK_SECONDS = 1.0
FIRST_WAIT, LONGEST_WAIT = 2.0, 120.0  # seconds until a process that ended by a fault is started again
END_SECONDS = 5.0  # that it is given to end
log = logging.getLogger(__name__)


def wanting(places: Places) -> list[Study]:
    """Studies that want something done and that no process drives."""
    found = []
    for study in studies(places):
        with contextlib.suppress(VaeCoreError, OSError):
            if study.wants() and not driven(study):
                found.append(study)
    return found


def driven(study: Study) -> bool:
    """Whether a process drives it now."""
    try:
        with study.driver_lock().acquire(timeout=0):
            return False
    except Timeout:
        return True
    except RunNotFound:
        return False


class Driver:
    """Keeps one process that drives the studies of a home, for as long as any wants trials. Safe to call from any thread."""

    def __init__(self, places: Places, now: Callable[[], float] = time.monotonic) -> None:
        self.places, self.now = places, now
        self.stopping, self.woken = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None
        self.child: subprocess.Popen[bytes] | None = None
        self.lock = threading.Lock()
        self.wait, self.until = 0.0, 0.0

    def start(self) -> None:
        """Look after studies from a thread of its own."""
        self.thread = threading.Thread(target=self._loop, name="studies", daemon=True)
        self.thread.start()

    def wake(self) -> None:
        """Look at once, e.g. because a study was made."""
        self.woken.set()

    def stop(self) -> None:
        """Leave the studies to another server. Their runs that train go on."""
        self.stopping.set()
        self.woken.set()
        if self.thread is not None:
            self.thread.join()
        with self.lock:
            if self.child is not None:
                self.child.terminate()
                try:
                    self.child.wait(END_SECONDS)
                except subprocess.TimeoutExpired:  # it may be killed anywhere
                    self.child.kill()
                    self.child.wait()
                self.child = None

    def tick(self) -> None:
        """One look: start the process where a study wants it and there is none."""
        with self.lock:
            if self.child is not None:
                code = self.child.poll()
                if code is None:
                    return
                self.child = None
                if code != 0:
                    self.wait = min(LONGEST_WAIT, 2 * self.wait) if self.wait else FIRST_WAIT
                    self.until = self.now() + self.wait
                    log.error("the process that drives studies ended with code %s; it is started again in %.0f s", code, self.wait)  # fmt: skip
                else:
                    self.wait = 0.0
            if self.stopping.is_set() or self.now() < self.until or not wanting(self.places):
                return
            self.child = subprocess.Popen(
                [sys.executable, "-m", "vae_core.study.process", str(self.places.home), str(self.places.data_dir)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=child_environment(), cwd=self.places.home,
                start_new_session=os.name == "posix",  # Ctrl-C at the server is not for it: the server ends it
            )  # fmt: skip

    def _loop(self) -> None:
        while not self.stopping.is_set():
            try:
                self.tick()
            except Exception as fault:  # whatever it is, the server goes on
                log.error("studies: %s: %s", type(fault).__name__, fault)
            self.woken.wait(TICK_SECONDS)
            self.woken.clear()
