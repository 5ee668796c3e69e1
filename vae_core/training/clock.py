"""What a run tells and keeps by the clock, beside the record: that goes by steps, so that it repeats on any machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from vae_core.events import Live, StepDone

LIVE_SECONDS, SAVE_SECONDS = 0.5, 30.0
MOST_POINTS = 200  # between two points of the record; every second one goes when there are more


class Clock:
    """When a run is to show how it does and to save itself, in seconds of wall time; of one run alone.

    `now` tells the time in seconds.
    """

    def __init__(
        self,
        live: float = LIVE_SECONDS,
        save: float = SAVE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.live_seconds, self.save_seconds, self.now = live, save, now
        self.shown_at = self.saved_at = now()
        self.points: list[StepDone] = []

    def live_due(self) -> bool:
        """Whether nothing was shown for so long that something should be."""
        return self.now() - self.shown_at >= self.live_seconds

    def save_due(self) -> bool:
        """Whether a crash would lose so much that the run should save itself."""
        return self.now() - self.saved_at >= self.save_seconds

    def show(self, point: StepDone) -> Live:
        """Take a point up; what is shown since the last of the record, the newest with its KL per dimension."""
        if self.points:
            before = self.points[-1]
            self.points[-1] = replace(before, terms=replace(before.terms, kl_per_dim=()))
        if len(self.points) >= MOST_POINTS:
            del self.points[::2]
        self.points.append(point)
        self.shown_at = self.now()
        return Live(tuple(self.points))

    def recorded(self) -> None:
        """A point went into the record, which stands for those shown before it."""
        self.points.clear()
        self.shown_at = self.now()

    def saved(self) -> None:
        """The run was saved, by the clock or by the record."""
        self.saved_at = self.now()
