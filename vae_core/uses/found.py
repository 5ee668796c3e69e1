"""What measuring a use gives: numbers with intervals, sentences and pictures, as JSON and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from vae_core.options import capitalised
from vae_core.reading import text
from vae_core.uses.intervals import Interval


@dataclass(frozen=True)
class Row:
    """One number of one method.

    ours: whether a VAE has part in it, or it is a baseline; unit: empty for a share or a plain number; low, high: of its
    95 % interval, None where there is none; count: images (or seeds, as the use says) behind it; at: under which
    conditions, e.g. {"σ": 0.25}; up: whether more is better.
    """

    method: str
    ours: bool
    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    at: Mapping[str, float | str] = field(default_factory=dict)
    up: bool = True

    @classmethod
    def of(
        cls, method: str, ours: bool, metric: str, unit: str, found: Interval, at: Mapping[str, float | str] | None = None,
        *, up: bool = True,
    ) -> Row:  # fmt: skip
        """The row of an interval."""
        return cls(
            method, ours, metric, unit, found.value, found.low, found.high, found.count, dict(at or {}), up
        )


@dataclass(frozen=True, eq=False)
class Found:
    """rows: every number with its interval; sentences: what they say, computed; more: what else a page draws, as JSON
    (curves, histograms); pictures: arrays by name, uint8 images or what the use says; seconds: it took here."""

    rows: Sequence[Row]
    sentences: Sequence[str]
    more: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        # some begin with the name of a method
        object.__setattr__(self, "sentences", [capitalised(words) for words in self.sentences])

    def to_json(self) -> dict[str, Any]:
        """All but the pictures."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "sentences": list(self.sentences),
            "more": dict(self.more),
            "seconds": round(self.seconds, 2),
        }

    def of(
        self, metric: str, at: Mapping[str, float | str] | None = None, *, ours: bool | None = None
    ) -> list[Row]:
        """The rows of a metric, of those conditions and of VAEs or baselines alone where they are given."""
        wanted = dict(at or {})
        return [
            row
            for row in self.rows
            if row.metric == metric
            and (ours is None or row.ours == ours)
            and all(row.at.get(k) == v for k, v in wanted.items())
        ]


def from_json(raw: Mapping[str, Any], pictures: Mapping[str, np.ndarray]) -> Found:
    """What `Found.to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
    rows = [Row(**{**row, "at": dict(row["at"])}) for row in raw["rows"]]
    return Found(
        rows, [text(words, most=2_000) for words in raw["sentences"]], dict(raw["more"]), pictures, float(raw["seconds"])
    )  # fmt: skip


def best(rows: Sequence[Row]) -> Row | None:
    """The row with the best value; None where none has one."""
    known = [row for row in rows if row.value is not None and np.isfinite(row.value)]
    return max(known, key=lambda row: (1 if row.up else -1) * float(row.value or 0.0), default=None)


WINS, LOSES, OPEN = "wins", "loses", "no clear difference"


def verdict(ours: Row, baseline: Row) -> str:
    """WINS, LOSES or OPEN: whether the 95 % intervals lie apart, which is stricter than a test of the difference."""
    if None in (ours.low, ours.high, baseline.low, baseline.high):
        return OPEN
    sign = 1 if ours.up else -1
    a, b = (sorted((sign * float(r.low or 0), sign * float(r.high or 0))) for r in (ours, baseline))
    return WINS if a[0] > b[1] else LOSES if a[1] < b[0] else OPEN
