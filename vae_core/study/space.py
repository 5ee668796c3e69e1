"""Which settings there are to try: all of a search, the points of a grid, and those not tried yet."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from vae_core.errors import BadConfig
from vae_core.study.fields import Field
from vae_core.study.settings import GRID, StudySettings
from vae_core.study.trials import Trial, key_of


def size(fields: Sequence[Field]) -> int:
    """How many different settings there are; a large number where there is no end of them."""
    found = 1.0
    for field in fields:
        found *= field.size
    return int(min(found, 1e9))


def untried(settings: StudySettings, fields: Sequence[Field], trials: Sequence[Trial]) -> int:
    """How many different settings are left, of a grid's points or of all; a large number where there is no end of them."""
    tried = {key_of(trial.values) for trial in trials}
    if settings.sampler == GRID:
        return sum(key_of(point) not in tried for point in grid(fields))
    names = {field.name for field in fields}
    inside = [
        values for values in tried_values(trials)
        if set(values) == names and all(field.holds(values[field.name]) for field in fields)
    ]  # fmt: skip
    return max(0, size(fields) - len(inside))


def tried_values(trials: Sequence[Trial]) -> list[Mapping[str, Any]]:
    """The values of all trials, those of one setting once."""
    return list({key_of(trial.values): trial.values for trial in trials}.values())


def wanted(settings: StudySettings, fields: Sequence[Field], trials: Sequence[Trial]) -> int:
    """How many runs a study wants, those that it has among them: what was tried in other ranges takes no place in these."""
    seeds = settings.seeds
    last = key_of(trials[-1].values) if trials else ()
    alike = itertools.takewhile(lambda trial: key_of(trial.values) == last, reversed(trials))
    begun = -len(list(alike)) % seeds  # seeds that the last setting lacks
    left = begun + seeds * untried(settings, fields, trials)
    if settings.sampler != GRID:
        left = min(left, max(0, seeds * settings.trials - len(trials)))
    return len(trials) + left


def check_left(settings: StudySettings, fields: Sequence[Field], trials: Sequence[Trial]) -> None:
    """Raises BadConfig where nothing is left to try."""
    if not untried(settings, fields, trials):
        raise BadConfig(
            f"every setting of {', '.join(map(str, fields))} was tried, so nothing is left to try; give a wider range"
        )


def check_same(before: Sequence[Field], fields: Sequence[Field]) -> None:
    """Raises BadConfig for other fields than before: the runs there are would not tell which value they stand for."""
    old, new = [field.name for field in before], [field.name for field in fields]
    if lost := [name for name in old if name not in new]:
        raise BadConfig(f"{', '.join(lost)} was searched before; keep it, with a narrower range if need be")
    if more := [name for name in new if name not in old]:
        raise BadConfig(
            f"{', '.join(more)} was not searched before, so the runs there are have no value of it; make a new study of it"
        )


def grid(fields: Sequence[Field], *, whole: bool = False) -> list[dict[str, Any]]:
    """Every combination of the fields' values, the last field's changing fastest. `whole`: all whole numbers of a range,
    as far as it has few.
    """
    values = []
    for field in fields:
        all_of = (
            whole and field.whole and field.size <= 1_000 and field.low is not None and field.high is not None
        )
        values.append(list(range(int(field.low or 0), int(field.high or 0) + 1)) if all_of else field.grid())
    names = [field.name for field in fields]
    return [
        dict(zip(names, one, strict=True)) for one in itertools.islice(itertools.product(*values), 100_000)
    ]
