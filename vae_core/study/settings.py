"""What a study is asked for, as data: the same fields feed its file, the command line and the page's form."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from vae_core.config import RunConfig
from vae_core.errors import BadConfig, MissingPackage, StorageBusy
from vae_core.options import Options, option
from vae_core.study.fields import Field, grid_size
from vae_core.study.goals import Goal
from vae_core.study.preference import NO_BOTORCH

TPE, GP, RANDOM, QMC, GRID, NSGA2, PREFERENCE = "tpe", "gp", "random", "qmc", "grid", "nsga2", "preference"
SAMPLERS = (TPE, GP, RANDOM, QMC, GRID, NSGA2, PREFERENCE)
NONE, MEDIAN, HALVING = "none", "median", "halving"
PRUNERS = (NONE, MEDIAN, HALVING)
STORAGE_VARIABLE = "LATENT_EXPLORER_STORAGE"
MOST_TRIALS, MOST_SEEDS, MOST_GRID = 1_000, 20, 1_000
# what validation numbers are of: runs that differ in it cannot be told hopeless by each other's
VALIDATED = ("validation", "split-seed")


@dataclass(frozen=True)
class StudySettings(Options):
    """base: what all runs share. The rest says what is searched, wanted and how."""

    base: RunConfig = field(default_factory=RunConfig)
    search: tuple[str, ...] = option(
        (),
        help="a setting to search: NAME=LOW..HIGH, with :log for even steps of the logarithm and :COUNT for a grid, or NAME=A,B,C",
    )
    goals: tuple[str, ...] = option(
        ("elbo",),
        help="what is wanted, NAME or NAME:min, NAME:max; given twice, the front of both is found",
        title="goal",
    )
    sampler: str = option(
        TPE,
        help="how settings are chosen: tpe and gp learn from what was tried, nsga2 breeds fronts, random and qmc spread evenly, "
        "grid tries every combination; preference asks you which pictures you like",
        values=SAMPLERS,
    )
    pruner: str = option(
        NONE,
        help="stops runs that are hopeless by their validation values: median, worse than half of the others at the same "
        "epoch; halving, only the best go on each time epochs double",
        values=PRUNERS,
    )
    trials: int = option(
        30, help="settings to try; a grid has its own number", unit="settings", minimum=1, maximum=MOST_TRIALS
    )
    jobs: int = option(1, help="runs that train at a time", unit="runs", minimum=1, maximum=64)
    seeds: int = option(
        1, help="runs of each setting, with --seed and those after it: how far apart chance alone puts them", unit="runs",
        minimum=1, maximum=MOST_SEEDS,
    )  # fmt: skip
    search_seed: int = option(0, help="seed of the search", minimum=0, maximum=2**31 - 1, advanced=True)
    storage: str = option(
        "",
        help="address of an Optuna storage, such as postgresql://user@host/db; without one a file in the home. A password "
        f"stands in {STORAGE_VARIABLE} alone, which is never kept",
        advanced=True,
    )


def check_settings(settings: StudySettings, fields: Sequence[Field], goals: Sequence[Goal]) -> None:
    """Raises BadConfig for a sampler, pruner, seeds or jobs that cannot be had with what is searched and wanted."""
    names = {one.name for one in fields}
    if settings.seeds > 1 and "seed" in names:
        raise BadConfig("seeds: the seed itself is searched; leave out --seeds, or do not search seed")
    if settings.sampler == GRID:
        count = grid_size(fields)
        if count * settings.seeds > MOST_GRID:
            raise BadConfig(
                f"a grid of {count:,} settings is too large, {MOST_GRID:,} runs are the most; give ranges a smaller count, such as "
                f"{fields[0].name}=...:3, or choose the sampler tpe or random"
            )
    if settings.trials * settings.seeds > MOST_TRIALS:
        raise BadConfig(
            f"{settings.trials * settings.seeds:,} runs are too many; trials times seeds are at most {MOST_TRIALS:,}"
        )
    if settings.jobs > 1 and any(goal.name == "seconds" for goal in goals):
        raise BadConfig("goal seconds: runs that train side by side slow each other down; choose --jobs 1")
    if settings.sampler == PREFERENCE:
        if settings.seeds > 1:
            raise BadConfig("seeds: by preference one run of each setting is shown; leave out --seeds")
        if find_spec("botorch") is None:
            raise MissingPackage(NO_BOTORCH)
    if settings.pruner != NONE:
        _check_pruner(settings, names, goals)


def _check_pruner(settings: StudySettings, names: set[str], goals: Sequence[Goal]) -> None:
    if len(goals) != 1:
        raise BadConfig(
            "pruner: with two goals no run is hopeless by one of them alone; leave out --pruner, or choose one goal"
        )
    if settings.sampler == PREFERENCE:
        raise BadConfig("pruner: a study by preference has no number by which a run is hopeless; choose none")
    if goals[0].epoch is None:
        raise BadConfig(
            f"pruner: epochs do not tell {goals[0].title}, so no run can be stopped by it; choose the pruner none, or one of the goals "
            "elbo, distortion, rate, active"
        )
    if found := sorted(names & set(VALIDATED)):
        raise BadConfig(
            f"pruner: {found[0]} is searched, so epochs tell of other images in each run; choose the pruner none"
        )


# ---------------------------------------------------------------- a storage's address and its password

HIDDEN = "***"
_IN_QUERY = re.compile(r"([?&;]\w*(?:password|passwd|pwd|secret|token)=)[^&;#]*", re.IGNORECASE)


def without_password(url: str) -> str:
    """A storage's address as it may be kept, shown and logged: a password in it is replaced by ***."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    # all before the last @: a password may have been written with slashes and the like, as it should not be
    login, _, host = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = f"{user}:{HIDDEN}@{host}" if colon else rest
    return f"{scheme}://" + _IN_QUERY.sub(rf"\g<1>{HIDDEN}", shown)


def storage_url(kept: str) -> str:
    """The address to open: with the password of STORAGE_VARIABLE, where that names the same storage; empty for the file.

    Raises StorageBusy where a password is needed and not there.
    """
    given = os.environ.get(STORAGE_VARIABLE, "")
    if not kept or (given and without_password(given) == kept):
        return given if kept else ""
    if HIDDEN in kept:
        raise StorageBusy(
            f"its storage {kept} needs a password; give the whole address to --storage, or to the server in {STORAGE_VARIABLE}"
        )
    return kept
