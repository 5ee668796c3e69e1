"""Which trials are best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vae_core.study.goals import Goal, costs
from vae_core.study.trials import Trial, same_settings


def front(trials: Sequence[Trial], goals: Sequence[Goal]) -> frozenset[int]:
    """Numbers of the complete trials of each setting that none other is as good as in every goal and better in one, by the
    means over their seeds. With one goal the best.
    """
    groups = same_settings(
        [trial for trial in trials if trial.complete and costs(goals, trial.numbers)]
    ).values()
    found = [
        (group, [math.inf if (cost := mean_cost(group, goal)) is None else cost for goal in goals])
        for group in groups
    ]
    return frozenset(
        trial.number for group, mine in found for trial in group
        if not any(other != mine and all(o <= m for o, m in zip(other, mine, strict=True)) for _, other in found)
    )  # fmt: skip


def best_trial(trials: Sequence[Trial], goals: Sequence[Goal]) -> Trial | None:
    """The best complete trial of the best setting, by the mean over its seeds; None with two goals, or before there is one."""
    if len(goals) != 1:
        return None
    settings = [(mean, group) for group in same_settings([t for t in trials if t.complete]).values()
                if (mean := mean_cost(group, goals[0])) is not None]  # fmt: skip
    if not settings:
        return None
    _, group = min(settings, key=lambda one: one[0])
    return min(group, key=lambda trial: cost_of(trial, goals[0]))


def cost_of(trial: Trial, goal: Goal) -> float:
    """What is minimised of a trial; infinite where it is not known."""
    value = trial.numbers.get(goal.name)
    return math.inf if value is None else goal.cost(value)


def mean_cost(group: Sequence[Trial], goal: Goal) -> float | None:
    """The mean over the trials of one setting; None where none is known."""
    found = [c for trial in group if math.isfinite(c := cost_of(trial, goal))]
    return sum(found) / len(found) if found else None
