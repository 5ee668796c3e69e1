"""How the runs of a study do while they learn, from their logs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vae_core.errors import BadRun
from vae_core.events import Controlled, EpochDone, Finished, Resumed, StepDone, from_line
from vae_core.reading import parse_json
from vae_core.runs.run import Run
from vae_core.study.goals import Goal

_WANTED = tuple(f'"event":"{kind}"'.encode() for kind in ("epoch", "resumed", "controlled", "finished"))
SHARES = 20  # steps at which runs of different lengths are compared
BY_HAND = {"beta": "a coefficient of its loss", "learning_rate": "its learning rate"}


@dataclass(frozen=True)
class Learned:
    """Epochs that count, in order; what a person changed while it learned, in words; seconds of training so far."""

    epochs: tuple[EpochDone, ...] = ()
    changed: str = ""
    seconds: float = 0.0


def learned(run: Run) -> Learned:
    """What a run's log says of its epochs. What a resume superseded is left out, but the time it took counts."""
    path = run.path / "events.jsonl"
    try:
        stat = path.stat()
        return _learned(path, stat.st_mtime_ns, stat.st_size)
    except OSError:
        return Learned()


@lru_cache(maxsize=1024)
def _learned(path: Path, mtime: int, size: int) -> Learned:
    epochs: list[EpochDone] = []
    changed: list[tuple[int, str]] = []
    before, now = 0.0, 0.0  # seconds of earlier sessions, and of this one
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n") or not any(word in line for word in _WANTED):
                continue
            try:
                event = from_line(parse_json(line))
            except (ValueError, BadRun):
                continue
            if isinstance(event, Resumed):
                epochs = [e for e in epochs if e.step <= event.step]
                changed = [(step, what) for step, what in changed if step <= event.step]
                before, now = before + now, 0.0
            elif isinstance(event, EpochDone):
                epochs.append(event)
            elif isinstance(event, Controlled) and event.command in BY_HAND and event.value is not None:
                changed.append((event.step, BY_HAND[event.command]))
            if isinstance(event, (EpochDone, Finished, StepDone)):
                now = max(now, event.seconds)
    return Learned(tuple(epochs), changed[0][1] if changed else "", before + now)


def points_of(run: Run, goal: Goal, *, by_share: bool) -> tuple[dict[int, float], int]:
    """Costs by step, and how many steps the run has: its epochs, or shares of them where epochs are searched."""
    epochs = run.status().epochs or run.record().effective.training.epochs
    found: dict[int, float] = {}
    for event in learned(run).epochs:
        value = goal.epoch(event) if goal.epoch else None
        if value is not None and value == value:
            step = SHARES * event.epoch // max(1, epochs) if by_share else event.epoch
            found[step] = goal.cost(value)
    found.pop(0, None)
    return found, SHARES if by_share else epochs
