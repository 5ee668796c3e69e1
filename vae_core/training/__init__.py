"""Training as a generator: `for event in train(config, data, control): ...`. No printing, no paths, no UI.

Images stay uint8 and resident (or memory-mapped); a batch is gathered by index and converted to float once.
Nothing is read back from the device more often than events need it. On a CPU the same resolved config gives
the same events bit for bit, wall-time fields aside, whether or not a run was interrupted and resumed. A clock adds
what a slow machine needs, live values and checkpoints by wall time, and changes no other event.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import numpy as np
from torch import Tensor

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.events import Event
from vae_core.training.clock import Clock
from vae_core.training.control import Control, NoControl
from vae_core.training.defaults import settle
from vae_core.training.loop import Loop
from vae_core.training.plan import Plan
from vae_core.training.resolve import machine_of, plan_of, resolve, side_of
from vae_core.training.team import ALONE, Team

__all__ = [
    "Clock",
    "Control",
    "Loop",
    "NoControl",
    "Plan",
    "machine_of",
    "plan_of",
    "resolve",
    "settle",
    "side_of",
    "time_step",
    "train",
]


def train(
    config: RunConfig,
    data: ImageSet,
    control: Control | None = None,
    resume: Mapping[str, Tensor] | None = None,
    initial: Mapping[str, Tensor] | None = None,
    clock: Clock | None = None,
    told: bool = True,
    team: Team = ALONE,
) -> Iterator[Event]:
    """Train and say so. The generator ends after Finished or Failed.

    Args:
        config: settings; what it leaves open is resolved for this machine (see `resolve`).
        data: images; the config's split seed decides which of them train.
        control: where live requests come from; None for nobody.
        resume: a Checkpoint's `resume` arrays, to go on from there.
        initial: weights to start from (fine-tuning); shapes must be equal.
        clock: when Live and ClockCheckpoint are due; None for never.
        told: whether the record tells of the checkpoint that `resume` is of; where a kill came between, it is told first.
        team: the processes that train the run together, each by a call of its own with the same settings, images and state; the
            first alone is asked and has events to store. Whoever keeps a run starts them where `gpus` is above 1
            (vae_core/runs/ranks.py); without a team this process trains alone, whatever that says.

    Raises BadConfig (also for an objective that goes on from a run and has no `initial`), BadImages or BadRun before the
    first event; afterwards a fault is a Failed event.
    Sets torch's thread count for the whole process.
    """
    config.objective.entry.check_start(resume is not None or initial is not None)
    loop = Loop(resolve(config, data), data, control or NoControl(), clock, team)
    if resume is not None:
        loop.restore(resume)
        if not told:
            yield loop.save()
    elif initial is not None:
        loop.start_from(initial)
    yield from loop.run(resumed=resume is not None)


def time_step(config: RunConfig, data: ImageSet, steps: int = 3) -> float:
    """Seconds per training step on this machine: the median of `steps` real ones after one to warm up."""
    loop = Loop(resolve(config, data), data, NoControl())
    times = []
    for _ in range(steps + 1):
        begin = time.perf_counter()
        loop.learn()
        loop.window.sum().item()  # waits for the device
        times.append(time.perf_counter() - begin)
    return float(np.median(times[1:]))
