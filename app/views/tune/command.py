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
    usual = StudySettings()
    search: dict[str, Any] = {"search": list(settings.search), "goal": list(settings.goals)}
    if settings.sampler != GRID:
        search["trials"] = settings.trials
    search |= {
        way: value
        for way in WAYS
        if way != "search_seed" and (value := getattr(settings, way)) != getattr(usual, way)
    }
    return code_lines.tuning(
        unusual(settings.base, _searched(settings)), search | ({"name": name} if name else {}), home
    )


def _searched(settings: StudySettings) -> list[str]:
    return [one.partition("=")[0] for one in settings.search]


def command_of(settings: StudySettings, name: str = "") -> str:
    """The `vae-core tune` that gives a study of these settings; what is usual is left out."""
    usual = StudySettings()
    words = ["vae-core", "tune", *switches_of(settings.base, without=_searched(settings))]
    for field in settings.search:
        words += ["--search", field]
    for goal in settings.goals:
        words += ["--goal", goal]
    if settings.sampler != GRID:
        words += ["--trials", str(settings.trials)]
    for way in WAYS:
        if getattr(settings, way) != getattr(usual, way):
            words += [f"--{way.replace('_', '-')}", str(getattr(settings, way))]
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
