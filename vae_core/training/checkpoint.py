"""All that a run needs to go on as if it had never stopped, as named tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vae_core.errors import BadRun
from vae_core.training.learners import Learner
from vae_core.training.tensors import below

SCALARS = (
    "step", "in_window", "in_epoch", "best_value", "best_epoch", "live", "rate_factor", "control",
)  # fmt: skip
CLOCK = "clock"  # is there in a checkpoint by the clock
FORMAT = 2  # of the rows; 1 is loss, distortion, rate, objective, KL per dimension, and is not named


class Resumable(Protocol):
    """What of a loop outlives it; see `loop.Loop` for the meanings."""

    step: int
    in_window: int
    in_epoch: int
    best: dict[str, Tensor] | None
    best_value: float
    best_epoch: int
    live: float | None
    rate_factor: float
    last_control: int
    generator: torch.Generator
    window: Tensor
    epoch_sum: np.ndarray
    names: tuple[str, ...]
    learner: Learner


def pack(loop: Resumable, last: Mapping[str, Tensor], *, by_clock: bool = False) -> dict[str, Tensor]:
    """The state of a loop whose weights are `last`; `by_clock` marks one that no line of the record tells of."""
    values = {
        "step": loop.step,
        "in_window": loop.in_window,
        "in_epoch": loop.in_epoch,
        "best_value": loop.best_value,
        "best_epoch": loop.best_epoch,
        "live": math.nan if loop.live is None else loop.live,
        "rate_factor": loop.rate_factor,
        "control": loop.last_control,
    }
    state = {
        "format": torch.tensor(FORMAT),
        "scalars": torch.tensor([float(values[name]) for name in SCALARS], dtype=torch.float64),
        "generator": loop.generator.get_state().clone(),
        "window": loop.window.cpu().clone(),
        "epoch_sum": torch.from_numpy(loop.epoch_sum.copy()),
    }
    if by_clock:
        state[CLOCK] = torch.tensor(1)
    state |= {f"last/{k}": v for k, v in last.items()}
    state |= {f"best/{k}": v for k, v in (loop.best or {}).items()}
    state |= {f"adam/{k}": v for k, v in loop.learner.optimiser_state().items()}
    return state


def position(state: Mapping[str, Tensor]) -> tuple[int, int]:
    """(step, number of the last request) that a `resume` stands at. Raises BadRun when it says neither."""
    try:
        values = dict(zip(SCALARS, state["scalars"].tolist(), strict=True))
        return int(values["step"]), int(values["control"])
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise BadRun(
            f"what training would go on from is damaged ({error}); fine-tune a new run from its weights instead"
        ) from None


def unpack(loop: Resumable, state: Mapping[str, Tensor]) -> None:
    """Set a loop to `state`. Raises BadRun when it does not belong to the loop's config."""
    try:
        values = dict(zip(SCALARS, state["scalars"].tolist(), strict=True))
        loop.learner.load_weights(below(state, "last/"))
        loop.learner.load_optimiser(below(state, "adam/"))
        loop.generator.set_state(state["generator"])
        rows = _rows(loop, state, int(state.get("format", 1)))
        if rows is not None:
            loop.window.copy_(rows[0])
            loop.epoch_sum[:] = rows[1].numpy()
            loop.in_window, loop.in_epoch = int(values["in_window"]), int(values["in_epoch"])
        loop.step = int(values["step"])
        loop.best_value, loop.best_epoch = values["best_value"], int(values["best_epoch"])
        loop.live = None if math.isnan(values["live"]) else values["live"]
        loop.rate_factor, loop.last_control = values["rate_factor"], int(values["control"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise BadRun(f"the checkpoint does not fit this run's settings: {error}") from None
    loop.best = below(state, "best/") or None


def _rows(loop: Resumable, state: Mapping[str, Tensor], form: int) -> tuple[Tensor, Tensor] | None:
    """(window, sum over the epoch) in today's columns.

    None where an older checkpoint lacks a term that is told of today: the training means of the running epoch are then
    of its remaining steps.
    """
    window, total = state["window"], state["epoch_sum"]
    if form == FORMAT:
        return window, total
    if loop.names != ("loss", "objective", "distortion", "rate", "part/rate"):
        return None

    def today(rows: Tensor) -> Tensor:
        loss, distortion, rate, objective = rows[..., :4].unbind(-1)
        head = torch.stack((loss, objective, distortion, rate, loss - distortion), -1)
        return torch.cat((head, rows[..., 4:]), -1)

    return today(window), today(total)
