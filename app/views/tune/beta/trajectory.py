"""The trajectory of a run through the rate–distortion plane, an epoch each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.services import runs
from app.services.cache import LruCache
from app.services.runs import log_key
from vae_core.events import Controlled, EpochDone
from vae_core.runs.run import Run


@dataclass(frozen=True)
class Trajectory:
    """A run's path through the plane: rates and distortions (E,) of its validation images, an epoch each, nats per image.

    marks: (index of the first epoch after it, words) where β, or the γ of a capacity, was changed by hand.
    """

    rates: np.ndarray
    distortions: np.ndarray
    marks: tuple[tuple[int, str], ...]


_trajectories: LruCache[Trajectory | None] = LruCache(64)


def runs_to_compare(run: Run) -> dict[str, Run]:
    """By name, the runs whose trajectory can be drawn over the curve of `run`: same images, nats of the same likelihood, a rate."""
    mine = run.record().effective.objective.likelihood
    found = {}
    for other in runs.of_same_images(run):
        theirs = other.record().effective.objective
        if theirs.likelihood == mine and theirs.has_elbo:
            found[other.name] = other
    return found


def trajectory_of(run: Run) -> Trajectory | None:
    """None before two epochs, or for a run without a rate."""
    return _trajectories.get_or_make(log_key(run), lambda: _read_trajectory(run))


def _read_trajectory(run: Run) -> Trajectory | None:
    history = run.history()
    live = run.record().effective.objective.entry.live
    name = live.symbol if live is not None else "β"
    epochs = [e for e in history if isinstance(e, EpochDone) and e.validation.elbo is not None]
    if len(epochs) < 2:
        return None
    steps = [e.step for e in epochs]
    marks = [
        (int(np.searchsorted(steps, e.step)), f"{name} {e.value:g}")
        for e in history
        if isinstance(e, Controlled) and e.command == "beta" and e.value is not None
    ]
    return Trajectory(
        np.array([e.validation.rate for e in epochs], float),
        np.array([e.validation.distortion for e in epochs]),
        tuple((min(i, len(epochs) - 1), words) for i, words in marks),
    )
