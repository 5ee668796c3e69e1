"""What a queued run waits for: the runs before it in the queue, and about how long they still take."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.services import datasets, runs, timing
from vae_core.errors import BadRun, RunNotFound, VaeCoreError
from vae_core.runs.record import QUEUED

if TYPE_CHECKING:
    from vae_core.runs.run import Run


@dataclass(frozen=True)
class Ahead:
    """Runs before one that waits: names of those that train now and of those that wait, in order, and their seconds.

    `seconds` is until the run begins, None where that is not known.
    """

    training: tuple[str, ...]
    waiting: tuple[str, ...]
    seconds: float | None


def begins_in(training: Sequence[float | None], waiting: Sequence[float | None], slots: int) -> float | None:
    """Seconds until a slot is free for the next run: those in `training` still take so long each, those in `waiting` so long.

    None where one of them that counts is not known.
    """
    if len(training) + len(waiting) < slots:
        return 0.0
    if None in training or None in waiting:
        return None
    free = [float(s or 0.0) for s in training] + [0.0] * max(0, slots - len(training))
    heapq.heapify(free)
    for seconds in waiting:
        heapq.heappush(free, heapq.heappop(free) + float(seconds or 0.0))
    return free[0]


def ahead(run: Run) -> Ahead:
    """What stands before a queued run in this home's queue. Raises RunNotFound when it is gone."""
    mine = run.status()
    training: list[tuple[str, float | None]] = []
    waiting: list[tuple[float, str, Run]] = []
    for other in runs.store().own():
        try:
            status = other.status()
            if status.live:
                training.append((other.name, status.eta))
            elif status.state == QUEUED and (status.queued, other.id) < (mine.queued, run.id):
                waiting.append((status.queued, other.id, other))
        except (BadRun, RunNotFound):
            continue
    before = [other for _, _, other in sorted(waiting, key=lambda entry: entry[:2])]
    seconds = begins_in([eta for _, eta in training], [_takes(other) for other in before], runs.at_once())
    return Ahead(tuple(name for name, _ in training), tuple(other.name for other in before), seconds)


def _takes(run: Run) -> float | None:
    """Seconds that a queued run takes once it has begun; None where nothing is known of such runs."""
    from vae_core.training import side_of

    try:
        config = run.record().config
        name, side = config.data.dataset, side_of(config, runs.places())
        if not datasets.images_ready(name, side):
            return None
        plan = timing.chosen(config, side).plan
        return timing.known(plan.config, side).seconds(plan)
    except VaeCoreError:
        return None
