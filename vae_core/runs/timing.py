"""How long runs take on this machine: timed on a few real steps, remembered, and corrected by what runs really took.

`<home>/timings.json` remembers by machine, network and images. A server has the timing done by a process of its own, in
`vae_core.runs.timing_process`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from vae_core.config import RunConfig
from vae_core.events import Checkpoint, Encoded, EpochDone, Event, Live, Resumed, Snapshot, Started, StepDone
from vae_core.options import to_json
from vae_core.places import Places, check_not_look_only, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vae_core.data.imageset import ImageSet
    from vae_core.runs.run import Run
    from vae_core.training import Loop, Plan
    from vae_core.training.defaults import StepSeconds

FILE = "timings.json"
MOST = 500  # networks remembered, the newest
WARM_UP = 3  # steps before timing begins: the first allocate and compile
# steps that are timed: so many; or, where they are quick, for so long; never longer than that. A machine that does other
# things gives a step its turn at random
LEAST, ENOUGH, SHORT_SECONDS, MOST_SECONDS = 3, 40, 1.5, 10.0
MOST_VALIDATED = 2_000  # validation images that are timed; more cost in proportion
FRESH = 180.0  # seconds; the machine may do more or less once costs are older
ENOUGH_STEPS = 20  # of a run, to learn from it
# of the settings: what does not change the cost of a step or of an epoch
FREE = {
    "training": (
        "epochs", "continued", "continued_rates", "most_minutes", "learning_rate", "rate_schedule", "seed",
        "checkpoint_every", "log_every", "init_from",
    ),
    "objective": ("schedule",),
    "data": ("split_seed",),
}  # fmt: skip


@dataclass(frozen=True)
class Costs:
    """Seconds of wall time that the parts of a run take: a step, then each time validation, codes, pictures, a checkpoint.

    `at` is when they were found, in seconds since 1970.
    """

    step: float
    validation: float = 0.0
    codes: float = 0.0
    pictures: float = 0.0
    save: float = 0.0
    at: float = 0.0

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
                raise ValueError(f"{f.name}: no number of seconds: {value!r}")

    @property
    def fresh(self) -> bool:
        """Whether they were found so lately that they need not be timed anew."""
        return time.time() - self.at <= FRESH

    def seconds(self, plan: Plan) -> float:
        """Of a whole run by that plan, without its start-up."""
        from vae_core.training.clock import SAVE_SECONDS

        codes, pictures = _times_of(plan.epochs, plan.config.model.latent_dim)
        learning = (
            plan.steps_total * self.step
            + plan.epochs * self.validation
            + codes * self.codes
            + pictures * self.pictures
        )
        by_step = plan.steps_total // max(1, plan.config.training.checkpoint_every)
        return learning + (1 + by_step + int(learning / SAVE_SECONDS)) * self.save


@lru_cache(maxsize=256)
def _times_of(epochs: int, latent_dim: int) -> tuple[int, int]:
    """How often a run of so many epochs stores codes, and pictures."""
    from vae_core.training.snapshot import codes_due, snapshot_due

    codes = sum(codes_due(epoch, epochs, latent_dim) for epoch in range(1, epochs + 1))
    return codes, sum(snapshot_due(epoch, epochs) for epoch in range(1, epochs + 1))


# ---------------------------------------------------------------- what is remembered


def machine() -> str:
    """This machine and its torch, as far as they decide how long a step takes."""
    return f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores, torch {_torch()}"


@cache  # it reads and parses a file
def _torch() -> str:
    return version("torch")


def key_of(resolved: RunConfig, fingerprint: str) -> str:
    """A name for all runs that cost the same a step and an epoch here: settings as resolved, and the dataset's fingerprint."""
    settings = to_json(resolved)
    for part, names in FREE.items():
        for name in names:
            settings[part].pop(name, None)
    settings["objective"]["objective"] = resolved.objective.objective.name
    text = json.dumps([machine(), fingerprint, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Timings:
    """The timings.json of a home. A file that cannot be read counts as empty: all of it can be found again."""

    def __init__(self, places: Places) -> None:
        self.path = places.home / FILE

    def _read(self) -> tuple[Mapping[str, Costs], Mapping[str, float]]:
        """Costs by key, and seconds of start-up by machine."""
        try:
            stat = self.path.stat()
        except OSError:
            return {}, {}
        return _remembered(self.path, stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def known(self, key: str) -> Costs | None:
        """What runs under that key cost, as it was found last."""
        return self._read()[0].get(key)

    @property
    def startup(self) -> float | None:
        """Seconds from a worker's start to its first step, as it was found last on this machine."""
        return self._read()[1].get(machine())

    def keep(self, key: str, costs: Costs, startup: float | None = None) -> None:
        """Remember what was found just now. Raises OSError, LookOnly."""
        check_not_look_only()
        before, began = self._read()
        known, startups = dict(before), dict(began)
        known[key] = dataclasses.replace(costs, at=time.time())
        newest = sorted(known.items(), key=lambda item: item[1].at)[-MOST:]
        if startup is not None:
            startups[machine()] = startup
        found = {"startup": startups, "costs": {k: dataclasses.asdict(v) for k, v in newest}}
        write_json(self.path, found, durable=False)


@lru_cache(maxsize=8)  # a page that waits asks for each run every two seconds
def _remembered(
    path: Path, mtime: int, size: int, inode: int
) -> tuple[Mapping[str, Costs], Mapping[str, float]]:
    costs: dict[str, Costs] = {}
    try:
        raw = json.loads(path.read_text())
        startup = {str(k): float(v) for k, v in raw["startup"].items() if 0 <= float(v) < 3600}
        for key, value in raw["costs"].items():
            costs[str(key)] = Costs(**value)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}, {}
    return costs, startup


def step_seconds(data: ImageSet, places: Places) -> StepSeconds:
    """How long a step takes here: as remembered, which is what pages show; three steps are timed where nothing is."""
    from vae_core.training import resolve, time_step

    def of(config: RunConfig) -> float:
        known = Timings(places).known(key_of(resolve(config, data), data.fingerprint))
        return time_step(config, data) if known is None else known.step

    return of


# ---------------------------------------------------------------- what a run really took


class Stopwatch:
    """Follows a run's events and tells what its parts took. Time while it was paused counts for nothing."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.times: dict[str, int] = {}
        self.first: int | None = None  # step at which it began
        self.step = 0
        self.last = time.perf_counter()
        self.part = ""

    def came(self, event: Event) -> None:
        """An event has come: the time since the last one was spent on it."""
        self.part = _part_of(event)
        self._lap()
        self.times[self.part] = self.times.get(self.part, 0) + 1
        if isinstance(event, (Started, Resumed)):
            self.first = event.step
        self.step = max(self.step, getattr(event, "step", 0))

    def handled(self) -> None:
        """The event is stored: that took time as well."""
        self._lap()

    def _lap(self) -> None:
        now = time.perf_counter()
        self.seconds[self.part] = self.seconds.get(self.part, 0.0) + now - self.last
        self.last = now

    def costs(self) -> Costs | None:
        """What the parts took on average; None after too few steps to say."""
        steps = self.step - (self.first or 0)
        if self.first is None or steps < ENOUGH_STEPS:
            return None
        each = {part: spent / self.times[part] for part, spent in self.seconds.items() if self.times[part]}
        named = {part: each.get(part, 0.0) for part in ("validation", "codes", "pictures", "save")}
        return Costs(step=self.seconds.get("step", 0.0) / steps, **named)


def _part_of(event: Event) -> str:
    if isinstance(event, (StepDone, Live)):
        return "step"
    if isinstance(event, EpochDone):
        return "validation"
    if isinstance(event, Encoded):
        return "codes"
    if isinstance(event, Snapshot):
        return "pictures"
    return "save" if isinstance(event, Checkpoint) else "other"


def about(seconds: float) -> str:
    """Seconds in words, with as many digits as an estimate means: 7 s, 45 s, 3 min, 1.5 h."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 57.5:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 5400:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"


def remember(places: Places, resolved: RunConfig, fingerprint: str, watch: Stopwatch) -> None:
    """Take up what a run took, if it has told enough."""
    costs = watch.costs()
    # what is remembered can be found again: a home that cannot be written is no reason to fail a run
    if costs is not None:
        try:
            Timings(places).keep(key_of(resolved, fingerprint), costs)
        except OSError:
            return


# ---------------------------------------------------------------- timing


def time_costs(resolved: RunConfig, data: ImageSet) -> tuple[Costs, float]:
    """(costs, seconds until the first steps were done) of such a run, in a folder that is thrown away.

    Learns for some seconds, and validates, draws and saves twice. Sets torch's thread count for the whole process.
    """
    from vae_core.runs.run import Run
    from vae_core.training import Loop, NoControl

    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="vae-timing-") as folder:
        run = Run(Path(folder), Places(Path(folder), Path(folder)))
        loop = Loop(resolved, data, NoControl())
        for _ in range(WARM_UP):
            loop.learn()
        run.append(loop.log())
        ready = time.perf_counter() - begin
        step = _time_steps(loop, run)
        validated = len(loop.splits.validation)
        loop.splits = dataclasses.replace(loop.splits, validation=loop.splits.validation[:MOST_VALIDATED])
        _end_epoch(loop, run)  # the first allocates
        spent = _end_epoch(loop, run)
        run.close()
    spent["validation"] *= validated / len(loop.splits.validation)
    return Costs(step, **spent, at=time.time()), ready


def _end_epoch(loop: Loop, run: Run) -> dict[str, float]:
    """Seconds of what an epoch ends with, by part."""
    watch = Stopwatch()

    def events() -> Iterator[Event]:
        yield from loop.end_epoch()
        yield loop.save()

    for event in events():
        watch.came(event)
        run.append(event)
        watch.handled()
    return {part: watch.seconds.get(part, 0.0) for part in ("validation", "codes", "pictures", "save")}


def _time_steps(loop: Loop, run: Run) -> float:
    """Seconds a step, with what is written of it."""
    begin, steps = time.perf_counter(), 0
    while True:
        spent = time.perf_counter() - begin
        if steps >= LEAST and spent >= (SHORT_SECONDS if steps >= ENOUGH else MOST_SECONDS):
            break
        loop.learn()
        steps += 1
        if loop.in_window >= loop.config.training.log_every:
            run.append(loop.log())
    if loop.in_window:
        run.append(loop.log())  # which waits for the device
    return (time.perf_counter() - begin) / steps
