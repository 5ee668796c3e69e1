"""The trials of a study as they are kept: <study>/trials.json, replaced by whoever drives it, read by anyone.

What is kept is what was asked and what came of it. How a run does meanwhile stands in its own folder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from vae_core.places import write_atomically
from vae_core.reading import number, read_json, text, whole

FILE = "trials.json"
FORMAT = 1
COMPLETE, PRUNED, STOPPED, FAILED = "complete", "pruned", "stopped", "failed"
ENDS = (COMPLETE, PRUNED, STOPPED, FAILED)


@dataclass(frozen=True)
class Trial:
    """One run of a study.

    values: by field name. run: its id, empty until it is created. asked: its number in the search's storage, -1 where the
    search does not know it. end: empty while it is under way, else one of ENDS; `why` it ended so, where that is no matter
    of course. numbers: of the test images, by name, once it is complete. stamp: of the weights they are of. tries: how
    often its process was gone before it was done. pruning: why the search stops it, from when it asks for that.
    """

    number: int
    values: Mapping[str, Any]
    seed: int
    run: str = ""
    asked: int = -1
    end: str = ""
    why: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    stamp: str = ""
    tries: int = 0
    pruning: str = ""

    @property
    def complete(self) -> bool:
        return self.end == COMPLETE


@dataclass(frozen=True)
class Ledger:
    """All trials by number, and what the driver says of the whole.

    note: what the study waits for, empty where for nothing but its runs. importance: goal name -> field name -> share of
    what the goal varies by, 0 to 1; empty while too few trials are complete. space: which version of the search's storage
    the trials' `asked` count in.
    """

    trials: tuple[Trial, ...] = ()
    note: str = ""
    importance: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    importance_of: int = 0  # complete trials when it was computed
    space: int = 0

    def under_way(self) -> list[Trial]:
        return [trial for trial in self.trials if not trial.end]


def read_ledger(folder: Path) -> Ledger:
    """The ledger of a study; empty where nothing was written. Raises ValueError or OSError for one that cannot be read."""
    path = folder / FILE
    try:
        stat = path.stat()
    except FileNotFoundError:
        return Ledger()
    return _read(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Replace the ledger of a study. Whoever writes holds the study's driver lock."""
    said = {"format": FORMAT, **vars(ledger), "trials": [vars(trial) for trial in ledger.trials]}
    # the whole is written at each change: indented, Python's slow encoder would write it
    write_atomically(folder / FILE, json.dumps(said, allow_nan=False).encode())


@lru_cache(maxsize=64)
def _read(path: Path, mtime: int, size: int, inode: int) -> Ledger:
    raw = read_json(path)
    if not isinstance(raw, dict) or raw.get("format") != FORMAT or not isinstance(raw.get("trials"), list):
        raise ValueError(f"{path.name} holds no trials that this version can read")
    trials = tuple(_trial(one) for one in raw["trials"])
    if [trial.number for trial in trials] != list(range(len(trials))):
        raise ValueError(f"{path.name}: its trials are not numbered from 0 on")
    told = raw.get("importance")
    importance = {
        text(goal): _numbers(shares) for goal, shares in (told if isinstance(told, dict) else {}).items()
    }
    return Ledger(
        trials, text(raw.get("note")), importance, whole(raw.get("importance_of")), whole(raw.get("space"))
    )


def _trial(raw: Any) -> Trial:
    if not isinstance(raw, dict) or not isinstance(raw.get("values"), dict):
        raise ValueError("a trial without values")
    values = {text(k): v for k, v in raw["values"].items() if isinstance(v, (int, float, str, bool))}
    asked, end = raw.get("asked"), text(raw.get("end"))
    return Trial(
        whole(raw.get("number")), values, whole(raw.get("seed")), text(raw.get("run")), asked if type(asked) is int else -1,
        end if end in ENDS else "", text(raw.get("why")), _numbers(raw.get("numbers")), text(raw.get("stamp")),
        whole(raw.get("tries")), text(raw.get("pruning")),
    )  # fmt: skip


def _numbers(raw: Any) -> dict[str, float]:
    found = {text(k): number(v, math.nan) for k, v in raw.items()} if isinstance(raw, dict) else {}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def same_settings(trials: Sequence[Trial]) -> dict[tuple[Any, ...], list[Trial]]:
    """Trials by their values: those of one setting differ in seed alone."""
    found: dict[tuple[Any, ...], list[Trial]] = {}
    for trial in trials:
        found.setdefault(key_of(trial.values), []).append(trial)
    return found


def key_of(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a setting from another."""
    return tuple(sorted((name, type(value).__name__ == "bool", value) for name, value in values.items()))
