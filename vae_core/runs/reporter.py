"""What a run that trains says of itself: its state, progress and time left, in its status."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from typing import Any

from vae_core.events import Controlled, Event, Live, Resumed, Started, StepDone
from vae_core.runs.control import FileControl
from vae_core.runs.launchers import Handle
from vae_core.runs.launchers.local import foreground_handle
from vae_core.runs.record import PAUSED, RUNNING, Status
from vae_core.runs.run import Run

HEARTBEAT_SECONDS = 0.5


class StoppedEarly(Exception):  # noqa: N818 - no fault
    """A stop was asked for before the first step."""


class Reporter:
    """Writes status.json twice a second from a thread of its own, so that a pause looks alive too."""

    def __init__(self, run: Run, control: FileControl, handle: Handle | None) -> None:
        self.run, self.control = run, control
        self.left = handle  # a worker of the queue holds its slot until it is gone; whoever else trains goes on to live
        self.status = dataclasses.replace(
            run.status(),
            state=RUNNING,
            handle=handle or foreground_handle(),
            error="",
            note="starting",
            eta=None,
        )
        # steps and seconds, of the last two epochs
        self.points: deque[tuple[int, float]] = deque(maxlen=10_000)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)
        self.write()
        self.thread.start()

    def write(self) -> None:
        """Write the status with the time as a sign of life."""
        self.run.write_status(dataclasses.replace(self.status, heartbeat=time.time()))

    def _beat(self) -> None:
        while not self.done.wait(HEARTBEAT_SECONDS):
            try:
                self.write()
            except OSError:
                if not self.run.path.is_dir():  # deleted under us: nobody is left to train for
                    self.control.stop_asked = True

    def preparing(self, share: float, what: str) -> None:
        """The progress of images on their way in; a stop need not wait for the last of them."""
        self.status = dataclasses.replace(self.status, note=f"preparing images: {what}")
        if self.control.stop_pending():
            raise StoppedEarly

    def hold_up(self, why: str) -> None:
        """Say why nothing is seen of the run until its next event."""
        self.status = dataclasses.replace(self.status, note=why, eta=None)

    def see(self, event: Event) -> None:
        """Take up what an event says of the run's progress."""
        changes: dict[str, Any] = {"step": getattr(event, "step", self.status.step), "note": ""}
        if isinstance(event, (Started, Resumed)):
            done = event.step * event.epochs // max(1, event.steps_total)
            changes |= {"steps_total": event.steps_total, "epochs": event.epochs, "epoch": done}
        elif isinstance(event, (StepDone, Live)):
            changes |= self._speed_of(event.newest if isinstance(event, Live) else event)
        elif isinstance(event, Controlled):
            changes["control"] = max(self.status.control, event.number)
            if event.command == "pause":
                changes |= {"state": PAUSED, "eta": None}
            elif event.command in ("resume", "step", "epoch"):
                changes["state"] = RUNNING
        self.status = dataclasses.replace(self.status, **changes)

    def _speed_of(self, point: StepDone) -> dict[str, Any]:
        """Where the run is and how long it still takes, by the last two epochs: with validation and pictures."""
        found: dict[str, Any] = {
            "epoch": point.epoch, "images_per_second": round(point.images_per_second, 1),
        }  # fmt: skip
        total, points = self.status.steps_total, self.points
        points.append((point.step, point.seconds))
        window = max(1, 2 * total // max(1, self.status.epochs))
        while len(points) > 2 and points[1][0] <= point.step - window:
            points.popleft()
        steps, seconds = point.step - points[0][0], point.seconds - points[0][1]
        if steps > 0 and seconds > 0:
            found["eta"] = round((total - point.step) * seconds / steps, 1)
        return found

    def end(self, state: str, error: str = "") -> Status:
        """Write the last status and stop."""
        self.done.set()
        self.thread.join()
        self.status = dataclasses.replace(
            self.status, state=state, error=error, note="", eta=None, handle=self.left
        )
        self.write()
        return self.status
