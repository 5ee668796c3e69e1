"""The process that drives all studies of a home beside a server.

    python -m vae_core.study.process HOME DATA_DIR

It ends by itself when nothing has wanted it for a while, and with whoever started it. It may be killed anywhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback

import psutil

from vae_core.errors import BadRun, RunBusy, RunNotFound, VaeCoreError
from vae_core.places import Places
from vae_core.study.driving import Driving
from vae_core.study.measuring import Apart
from vae_core.study.record import studies
from vae_core.study.secrets import Masked, masked

BETWEEN = 0.3  # seconds between two looks
IDLE_SECONDS = 20.0  # after which, with nothing to do, it ends
FAULT_SECONDS = 15.0  # until a study that could not be driven is tried again


class Studies:
    """The studies of a home that this process drives, by name."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.driven: dict[str, Driving] = {}
        self.until: dict[str, float] = {}  # when one with a fault is tried again

    def tick(self) -> bool:
        """One step of each study that wants something; whether there was any."""
        for study in studies(self.places):
            name = study.name
            if name in self.driven or time.monotonic() < self.until.get(name, 0.0):
                continue
            with contextlib.suppress(RunBusy, RunNotFound, BadRun):
                if study.wants():
                    self.driven[name] = Driving(study, Apart(), wait=0)
        for name, driving in list(self.driven.items()):
            try:
                if driving.advance().done:
                    self._leave(name)
            except Exception as fault:  # one study's fault stops no other
                if not isinstance(fault, (VaeCoreError, OSError)):
                    sys.stderr.write(masked(traceback.format_exc()))
                said = str(fault) if isinstance(fault, VaeCoreError) else f"{type(fault).__name__}: {fault}"
                said = masked(said)
                sys.stderr.write(f"the study {name}: {said}\n")
                if not isinstance(fault, RunNotFound):
                    with contextlib.suppress(VaeCoreError, OSError):
                        driving.say(f"waits: {said}")
                self._leave(name, FAULT_SECONDS)
        return bool(self.driven)

    def _leave(self, name: str, wait: float = 0.0) -> None:
        self.driven.pop(name).close()
        self.until[name] = time.monotonic() + wait

    def close(self) -> None:
        """Leave all of them to the next driver."""
        for name in list(self.driven):
            self._leave(name)


def main(argv: list[str] | None = None) -> int:
    """Drive until nothing wants it."""
    home, data_dir = sys.argv[1:] if argv is None else argv
    if os.name == "posix":
        with contextlib.suppress(psutil.Error):
            psutil.Process().nice(10)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    parent, idle = os.getppid(), time.monotonic()
    at_work = Studies(Places.find(home, data_dir))
    try:
        while not ended.wait(BETWEEN) and os.getppid() == parent:
            if at_work.tick():
                idle = time.monotonic()
            elif time.monotonic() - idle > IDLE_SECONDS:
                break
    finally:
        at_work.close()
    return 0


if __name__ == "__main__":
    sys.stderr = Masked(sys.stderr)
    sys.exit(main())
