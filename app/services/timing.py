"""How long a run would take here: remembered, and timed anew by a process of its own where that is long ago."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.services import datasets, runs, warm_up
from app.services.tasks import Lane, Task, TaskCancelled
from vae_core.errors import VaeCoreError
from vae_core.options import to_json
from vae_core.places import look_only
from vae_core.processes import child_environment
from vae_core.runs.record import QUEUED

if TYPE_CHECKING:
    from vae_core.config import RunConfig
    from vae_core.runs.timing import Costs
    from vae_core.training import Plan

log = logging.getLogger("latent_explorer")

USUAL_STARTUP = 4.0  # seconds, until it was timed here
POLL = 0.2  # seconds

LANE = Lane("timing", workers=1, cancels_older=True, writes=True)


class TimingFailed(VaeCoreError):  # noqa: N818
    """Steps could not be timed."""


@dataclass(frozen=True)
class Estimate:
    """What a run costs here, as far as it is known: `task` finds it out just now, None where nothing does.

    `held_up`: a run trains or waits, beside which nothing is timed.
    """

    costs: Costs | None
    startup: float
    task: Task[None] | None = None
    held_up: bool = False

    def seconds(self, plan: Plan, count: int = 1, at_once: int = 1) -> float | None:
        """Of `count` runs by that plan, so many at once; None while nothing is known."""
        if self.costs is None:
            return None
        rounds = -(-count // max(1, at_once))
        return rounds * (self.startup + self.costs.seconds(plan))


def busy() -> bool:
    """Whether a run of this home trains or waits, beside which nothing is timed."""
    states = [run.status() for run in runs.store().own()]
    return any(status.live or status.state == QUEUED for status in states)


def known(resolved: RunConfig, side: int) -> Estimate:
    """What is remembered of runs of these settings, as `training.resolve` gives them; begins nothing.

    Their images lie ready on this machine.
    """
    from vae_core.runs.timing import Timings

    timings = Timings(runs.places())
    startup = timings.startup
    return Estimate(timings.known(_key(resolved, side)), USUAL_STARTUP if startup is None else startup)


def _key(resolved: RunConfig, side: int) -> str:
    from vae_core.runs.timing import key_of

    return key_of(resolved, datasets.images(resolved.data.dataset, side).fingerprint)


def estimate(resolved: RunConfig, side: int, *, may_time: bool = True) -> Estimate:
    """As `known`, and what is timed just now.

    `may_time`: begin to find it out where it is not known, or was found out long ago.
    """
    found = known(resolved, side)
    if busy():
        stop()
        return replace(found, held_up=True)
    if may_time and not look_only() and (found.costs is None or not found.costs.fresh):
        return replace(found, task=_time(_key(resolved, side), resolved, side))
    return found


@dataclass(frozen=True)
class Chosen:
    """Settings with what follows the images chosen, and the plan of a run by them.

    `timed`: it was known how long a step takes here; where it was not, automatic epochs know no bound in minutes.
    """

    config: RunConfig
    plan: Plan
    timed: bool


def chosen(asked: RunConfig, side: int, *, fixed_sigma: bool = False) -> Chosen:
    """What a run of the settings asked for would be. Its images lie ready here. Raises BadConfig, BadImages."""
    from vae_core.training import plan_of, settle

    data, look = datasets.images(asked.data.dataset, side), datasets.look(asked.data.dataset, side)
    config = settle(asked, data, fixed_sigma=fixed_sigma, look=look)
    plan = plan_of(config, data)
    if (costs := known(plan.config, side).costs) is None:
        return Chosen(config, plan, timed=False)
    bounded = settle(asked, data, lambda _: costs.step, fixed_sigma=fixed_sigma, look=look)
    return Chosen(bounded, plan if bounded == config else plan_of(bounded, data), timed=True)


def stop() -> None:
    """End what is timed: a run begins, and would be timed with it."""
    for task in LANE.tasks():
        task.cancel()


def _time(key: str, resolved: RunConfig, side: int) -> Task[None] | None:
    """The task that times such runs; None where that has just failed."""
    name = (runs.places(), key)
    found = LANE.find(name)
    if found is not None and found.done:
        if found.error:
            return None
        LANE.forget(name)  # it was found out, and is old by now
    return LANE.submit(name, lambda task: _in_a_process(task, key, resolved, side), name="timing")


def _in_a_process(task: Task[None], key: str, resolved: RunConfig, side: int) -> None:
    from vae_core.runs.timing import Costs, Timings

    while warm_up.starting():  # what a server does as it starts would be timed with it
        task.report(0.0, "timing some steps")
        time.sleep(POLL)
    places = runs.places()
    child = subprocess.Popen(
        [
            sys.executable, "-m", "vae_core.runs.timing_process", "--home", str(places.home), "--data-dir",
            str(places.data_dir), resolved.data.dataset, str(side),
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=child_environment(), text=True,
    )  # fmt: skip
    task.on_cancel(child.kill)
    said, complaints = child.communicate(json.dumps(to_json(resolved)))
    if task.cancelled or busy():
        raise TaskCancelled
    try:
        answer = json.loads(said.splitlines()[-1])
        Timings(places).keep(key, Costs(**answer["costs"]), float(answer["startup"]))
    except (IndexError, KeyError, TypeError, ValueError, OSError) as error:
        log.error("timing ended with %s: %s", child.returncode, complaints[-2000:])
        raise TimingFailed("steps could not be timed here") from error
