"""Schedules of β: how the weight of the rate comes in over training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vae_core.options import Entry, NoParams, Options, option


@dataclass(frozen=True)
class WarmupParams(Options):
    warmup: float = option(
        0.2,
        help="share of training over which β rises from 0 to its value",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )


@dataclass(frozen=True)
class CyclicalParams(Options):
    cycles: int = option(4, help="number of times β rises from 0", minimum=1, maximum=100, advanced=True)
    rise: float = option(
        0.5,
        help="share of each cycle in which β rises; it then stays",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )


def constant(progress: float, params: Options) -> float:
    """1 throughout."""
    return 1.0


def warmup(progress: float, params: WarmupParams) -> float:
    """Linear from 0 to 1 over the first `warmup` share of training (Sønderby et al. 2016)."""
    return 1.0 if params.warmup == 0 else min(1.0, progress / params.warmup)


def cyclical(progress: float, params: CyclicalParams) -> float:
    """`cycles` times linear from 0 to 1, then flat. Fu et al. 2019, "Cyclical Annealing Schedule"."""
    if progress >= 1:
        return 1.0
    phase = (progress * params.cycles) % 1.0
    return 1.0 if params.rise == 0 else min(1.0, phase / params.rise)


@dataclass(frozen=True)
class Schedule(Entry):
    """`factor(progress, params)`: progress in [0, 1) over the planned steps -> factor of the weight."""

    factor: Callable[..., float]


BETA_SCHEDULES = {
    entry.name: entry
    for entry in (
        Schedule("constant", "Constant", "β from the first step.", NoParams, constant),
        Schedule(
            "warmup",
            "Linear warm-up",
            "β rises from 0, so that the code is used first.",
            WarmupParams,
            warmup,
        ),
        Schedule("cyclical", "Cyclical", "β rises from 0 several times.", CyclicalParams, cyclical),
    )
}
