"""A study as the command that makes it."""

from __future__ import annotations

import shlex
from typing import Any

from app.widgets import code_lines
from vae_core.config import RunConfig
from vae_core.options import Choice, leaves, value_at
from vae_core.study.fields import by_switch, leaf_of, value_text
from vae_core.study.settings import GRID, StudySettings

WAYS = ("sampler", "pruner", "jobs", "seeds", "search_seed", "storage")


def call_of(settings: StudySettings, name: str = "", home: str = "") -> str:
    """The lines of Python that make and train such a study."""
    given: dict[str, Any] = {"goal": list(settings.goals)}
    if settings.sampler != GRID:
        given["trials"] = settings.trials
    # vc.tune takes no seed of the search
    given |= {way: value for way, value in _unusual_ways(settings).items() if way != "search_seed"}
    given |= {"name": name} if name else {}
    given |= {
        switch.replace("-", "_"): value
        for switch, value in unusual(settings.base, _searched(settings)).items()
    }
    return code_lines.tuning(settings.search, given, home)


def _unusual_ways(settings: StudySettings) -> dict[str, Any]:
    """How the search goes, where that is not as usual."""
    usual = StudySettings()
    return {way: value for way in WAYS if (value := getattr(settings, way)) != getattr(usual, way)}


def _searched(settings: StudySettings) -> list[str]:
    return [one.partition("=")[0] for one in settings.search]


def command_of(settings: StudySettings, name: str = "") -> str:
    """The `vae-core tune` that gives a study of these settings; what is usual is left out."""
    words = ["vae-core", "tune", *switches_of(settings.base, without=_searched(settings))]
    for field in settings.search:
        words += ["--search", field]
    for goal in settings.goals:
        words += ["--goal", goal]
    if settings.sampler != GRID:
        words += ["--trials", str(settings.trials)]
    for way, value in _unusual_ways(settings).items():
        words += [f"--{way.replace('_', '-')}", str(value)]
    return shlex.join([*words, *(["--name", name] if name else [])])


def switches_of(config: RunConfig, without: list[str]) -> list[str]:
    """The switches that make these settings of the usual ones, but those of the settings `without`."""
    words = []
    for name, value in unusual(config, without).items():
        words += _switch(name, value)
    return words


def unusual(config: RunConfig, without: list[str]) -> dict[str, Any]:
    """The dataset and the settings that are not as usual, by switch, but those of the settings `without`."""
    found: dict[str, Any] = {"dataset": config.data.dataset}
    for leaf in leaves(RunConfig):
        if leaf.switch in (*without, "dataset") or leaf.spec.hidden or not _has(config, leaf):
            continue
        value, usual = value_at(config, leaf.path), leaf.default
        if isinstance(value, Choice):
            value, usual = value.name, usual.name
        if value != usual:
            found[leaf.switch] = value
    return found


def _has(config: RunConfig, leaf: Any) -> bool:
    if leaf.path[0] == "objective" and leaf.path[1] in config.objective.unused:
        return False
    return bool(leaf_of(config, by_switch()[leaf.switch]) == leaf)


def _switch(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, tuple):
        return [f"--{name}", *map(str, value)]
    return [f"--{name}", value_text(value)]
