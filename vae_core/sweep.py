"""Many runs from one config: a group whose members differ in β and seed alone.

A seed decides a run's first weights, the order of its images and its noise, so that all members of one seed share
those; the images shown come from the validation split, which `split_seed` decides and no member changes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.errors import BadConfig, BadName, BadRun, RunNotFound, VaeCoreError
from vae_core.events import Controlled, Resumed, from_line
from vae_core.objectives import OBJECTIVES
from vae_core.places import Places, check_plain_name
from vae_core.reading import parse_json, read_json, texts
from vae_core.runs.record import COMPARED, ENDED, FINISHED, QUEUED
from vae_core.runs.run import Run
from vae_core.runs.store import Store, first_free
from vae_core.study.fields import spaced

MOST_RUNS = 64
MOST_BETA = 1000.0  # as the objective's own bound


@dataclass(frozen=True)
class Member:
    """One run of a sweep and where it stands. `state` as in status.json, `progress` a share of its steps.

    `turned` holds the βs that a person gave it while it learnt, see `turned_by_hand`.
    """

    run: Run
    beta: float
    seed: int
    state: str
    progress: float
    turned: tuple[float, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def finished(self) -> bool:
        return self.state == FINISHED


# ---------------------------------------------------------------- values of β


def log_range(low: float, high: float, count: int) -> list[float]:
    """`count` values of β from `low` to `high`, both among them, evenly spaced in log β, to three digits.

    Raises BadConfig for ends that are no β or not ascending, or fewer than two values.
    """
    low, high = _checked_beta(low), _checked_beta(high)
    if not low < high:
        raise BadConfig(f"a range of β goes from its smaller end to its larger; got {low:g} to {high:g}")
    if not 2 <= count <= MOST_RUNS:
        raise BadConfig(f"a range of β has from 2 to {MOST_RUNS} values; got {count}")
    return _checked_betas(spaced(low, high, count, log=True))


def _checked_beta(beta: float) -> float:
    if not math.isfinite(beta):
        raise BadConfig(f"β: expected a number, got {beta}")
    if not 0 < beta <= MOST_BETA:
        side = "0 or below" if beta <= 0 else f"above {MOST_BETA:g}"
        raise BadConfig(f"β: {beta:g} is {side}; a sweep takes numbers above 0 and up to {MOST_BETA:g}")
    return float(beta)


def _checked_betas(betas: Iterable[float]) -> list[float]:
    """Ascending. Raises BadConfig."""
    values = sorted(_checked_beta(beta) for beta in betas)
    for a, b in pairwise(values):
        if a == b:
            raise BadConfig(f"β: {a:g} is given twice")
        if f"{a:g}" == f"{b:g}":
            raise BadConfig(f"β: {a!r} and {b!r} are too close to be told apart by name")
    return values


def with_beta(config: RunConfig, beta: float) -> RunConfig:
    """The config at that β: a VAE becomes a β-VAE, a β-TCVAE stays one.

    Raises BadConfig for an objective that has no single β to set, and for a likelihood that is none.
    """
    entry = config.objective.entry
    if why := config.objective.no_elbo:
        raise BadConfig(f"{why} A sweep over β compares runs in nats; choose a likelihood")
    if entry.with_beta is None:
        able = ", ".join(e.name for e in OBJECTIVES.values() if e.takes_beta)
        raise BadConfig(f"{entry.name} has no β to sweep over; choose one of {able}")
    chosen = entry.with_beta(config.objective.objective.params, beta)
    return dataclasses.replace(config, objective=dataclasses.replace(config.objective, objective=chosen))


def with_seed(config: RunConfig, seed: int) -> RunConfig:
    """The config with another seed of weights, order and noise; the splits stay."""
    return dataclasses.replace(config, training=dataclasses.replace(config.training, seed=seed))


# ---------------------------------------------------------------- create and extend


def default_group_name(config: RunConfig, store: Store | None = None) -> str:
    """E.g. faces-sweep; with a store the first of faces-sweep, faces-sweep-2, ... that is not taken."""
    return first_free(f"{config.data.dataset[:60]}-sweep", () if store is None else groups(store))


def create_sweep(
    store: Store, config: RunConfig, betas: Iterable[float], name: str, *, seeds: int = 1
) -> list[Run]:
    """One queued run per β and seed, in one group: β ascending, and of each β the config's seed and those after it.

    Raises BadConfig for fewer than two βs, one that is not above 0 or given twice, fewer than one seed or more than
    64 runs, BadName when `name` is taken or not plain, UnknownDataset. Then nothing is created.
    """
    values = _checked_betas(betas)
    with_beta(config, 1.0)
    if len(values) < 2:
        raise BadConfig("a sweep needs at least two different values of β")
    if seeds < 1:
        raise BadConfig(f"seeds: expected 1 or more per β, got {seeds}")
    first = config.training.seed
    plan = [(beta, first + i) for beta in values for i in range(seeds)]
    _check_count(len(plan))
    check_plain_name(name, "sweep")
    config = settled_for_sweep(config, store.places)
    with store.lock_groups():
        if name in groups(store):
            raise BadName(f"there already is a sweep {name!r}; choose another name")
        if study_folder(store.places, name).exists():
            raise BadName(f"there already is a study {name!r}; choose another name")
        return _create(store, config, plan, name, several=seeds > 1)


def settled_for_sweep(config: RunConfig, places: Places) -> RunConfig:
    """What follows the images, chosen once for all runs of a sweep; σ is fixed, so that β means the same in all.

    Opens the images, building them first where that is needed, unless nothing is left to choose. Raises
    UnknownDataset, BadConfig, BadImages, DataUnavailable.
    """
    from vae_core.runs.timing import step_seconds
    from vae_core.training import settle, side_of
    from vae_core.training.defaults import settled

    if settled(config):
        return config
    data = open_images(config.data.dataset, side_of(config, places), places)
    takes = step_seconds(data, places)
    # of the runs as they will be: a VAE becomes a β-VAE, and β costs nothing
    return settle(config, data, lambda settings: takes(with_beta(settings, 1.0)), fixed_sigma=True)


def create_beta_sweep(store: Store, config: RunConfig, betas: Iterable[float], name: str) -> list[Run]:
    """As `create_sweep` with one seed; a β given twice counts once."""
    return create_sweep(store, config, sorted(set(betas)), name)


def add_beta(store: Store, name: str, beta: float) -> list[Run]:
    """Queue one run more per seed of a sweep, as its others but for that β.

    Raises RunNotFound for no such sweep, BadConfig for a β that is no number above 0 or already there, for a sweep of
    64 runs, and for one whose runs differ in more than β and seed or were fine-tuned from another run.
    """
    beta = _checked_beta(beta)
    with store.lock_groups():
        found = members(store, name)
        if any(f"{m.beta:g}" == f"{beta:g}" for m in found):
            raise BadConfig(f"the sweep {name} already has β = {beta:g}")
        config = common_config(found)
        seeds = sorted({m.seed for m in found})
        _check_count(len(found) + len(seeds))
        return _create(store, config, [(beta, seed) for seed in seeds], name, several=len(seeds) > 1)


def common_config(found: Sequence[Member]) -> RunConfig:
    """What a sweep's members share: the first's settings, without what `continue` added to it.

    Raises BadConfig when they differ in more than β and seed, or were fine-tuned.
    """
    configs = []
    for member in found:
        config = member.run.record().config
        if config.training.init_from:
            raise BadConfig(
                f"{member.run.name} was fine-tuned from another run; a sweep starts from fresh weights"
            )
        training = dataclasses.replace(config.training, seed=found[0].seed, continued=(), continued_rates=())
        configs.append(with_beta(dataclasses.replace(config, training=training), 1.0))
    for member, config in zip(found, configs, strict=True):
        if config != configs[0]:
            parts = (f.name for f in dataclasses.fields(RunConfig))
            differs = ", ".join(p for p in parts if getattr(config, p) != getattr(configs[0], p))
            raise BadConfig(
                f"{member.run.name} differs from {found[0].run.name} in more than β and seed ({differs}); "
                "start a new sweep"
            )
    return configs[0]


def _create(
    store: Store, config: RunConfig, plan: Sequence[tuple[float, int]], name: str, *, several: bool
) -> list[Run]:
    runs = [
        (with_seed(with_beta(config, beta), seed), f"{name}-beta{beta:g}{f'-seed{seed}' if several else ''}")
        for beta, seed in plan
    ]
    return store.create_together(runs, name)


def _check_count(count: int) -> None:
    if count > MOST_RUNS:
        raise BadConfig(f"a sweep has at most {MOST_RUNS} runs, βs times seeds; this would be {count}")


# ---------------------------------------------------------------- read, stop, go on


def turned_by_hand(run: Run) -> tuple[float, ...]:
    """The weights a person gave its rate term while it learnt, in order; none where it kept to its settings.

    Such a run answers for no single β: it learned at several.
    """
    path = run.path / "events.jsonl"
    try:
        stat = path.stat()
        values = _values_set(path, stat.st_mtime_ns, stat.st_size)
    except OSError:
        return ()
    objective = run.record().effective.objective
    own = objective.beta
    kept = objective.schedule.name == "constant" and all(value == own for value in values)
    return () if kept else values


@lru_cache(maxsize=512)
def _values_set(path: Path, mtime: int, size: int) -> tuple[float, ...]:
    found: list[tuple[int, float]] = []
    with open(path, "rb") as file:
        for line in file:
            if b'"event":"controlled"' not in line and b'"event":"resumed"' not in line:
                continue
            try:
                event = from_line(parse_json(line))
                if isinstance(event, Resumed):  # what came after its checkpoint counts no more
                    found = [(step, value) for step, value in found if step <= event.step]
                elif isinstance(event, Controlled) and event.command == "beta" and event.value is not None:
                    found.append((event.step, event.value))
            except (ValueError, BadRun):  # half a line, or one that is damaged
                continue
    return tuple(value for value, _ in groupby(value for _, value in found))


def groups(store: Store) -> dict[str, list[Run]]:
    """All sweeps: group name -> its runs by ascending β, then seed."""
    return {name: [m.run for m in found] for name, found in sweeps(store).items()}


def sweeps(store: Store) -> dict[str, list[Member]]:
    """All sweeps: group name -> its members by ascending β, then seed.

    A run that cannot be read, or whose objective has no single β, is left out; and so is a study that searches more than
    β, whose runs make no curve.
    """
    found: dict[str, list[Member]] = {}
    wider: dict[str, bool] = {}
    for run in store.all():
        try:
            record = run.record()
            if not record.group or record.group.startswith(COMPARED):
                continue
            if record.group not in wider:
                wider[record.group] = _searches_more(store.places, record.group)
            if wider[record.group]:
                continue
            status, config = run.status(), record.effective
        except VaeCoreError:
            continue
        if (beta := config.objective.beta) is None:
            continue
        member = Member(run, beta, config.training.seed, status.state, status.progress, turned_by_hand(run))
        found.setdefault(record.group, []).append(member)
    return {name: sorted(those, key=lambda m: (m.beta, m.seed)) for name, those in found.items()}


def _searches_more(places: Places, group: str) -> bool:
    """Whether the group is a study over other settings than β alone; study.json says what it searches."""
    path = study_folder(places, group) / "study.json"
    try:
        stat = path.stat()
        return any(not text.startswith("beta=") for text in _searched(path, stat.st_mtime_ns, stat.st_size))
    except (OSError, ValueError):
        return False


def study_folder(places: Places, name: str) -> Path:
    """Where the study of that name lies, if there is one."""
    return places.home / "studies" / name


@lru_cache(maxsize=128)
def _searched(path: Path, mtime: int, size: int) -> tuple[str, ...]:
    raw = read_json(path)
    settings = raw.get("settings") if isinstance(raw, dict) else None
    return tuple(texts(settings.get("search"))) if isinstance(settings, dict) else ()


def members(store: Store, name: str) -> list[Member]:
    """A sweep's members by ascending β, then seed. Raises RunNotFound."""
    found = sweeps(store)
    if name not in found:
        known = ", ".join(sorted(found)) or "none yet"
        raise RunNotFound(f"there is no sweep {name!r}; there are: {known}")
    return found[name]


def stop(found: Iterable[Member]) -> list[Run]:
    """Ask those that wait or train to stop; one that waits is stopped at once. Gives those that were asked."""
    asked = [m.run for m in found if not m.run.read_only and m.run.status().state not in ENDED]
    for run in asked:
        run.request("stop")
    return asked


def go_on(found: Iterable[Member]) -> list[Run]:
    """Queue anew those that ended before they were done, each from its last checkpoint. Gives those."""
    ended = [m.run for m in found if not m.run.read_only and m.run.status().state in ENDED - {FINISHED}]
    for run in ended:
        run.go_on()
    return ended


def waiting(found: Iterable[Member]) -> list[Run]:
    """Those that wait to be trained, in the order they joined the queue."""
    queue = [(m.run.status(), m.run) for m in found]
    pairs = [(status.queued, run) for status, run in queue if status.state == QUEUED]
    return [run for _, run in sorted(pairs, key=lambda pair: pair[0])]
