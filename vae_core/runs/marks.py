"""What a person adds to a run's latent space: names of dimensions and bookmarked codes, kept with the run's notes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vae_core.places import write_json
from vae_core.runs.store import Run

FORMAT = 1
MOST_BOOKMARKS, LONGEST_NAME = 100, 40


@dataclass(frozen=True)
class Marks:
    """names: dimension -> its name; bookmarks: codes (D,) in the order they were kept."""

    names: dict[int, str]
    bookmarks: tuple[tuple[float, ...], ...] = ()


def read_marks(run: Run) -> Marks:
    """A run's marks; what is damaged or does not fit the run (its notes may be edited by hand) is left out."""
    try:
        found = json.loads(_path(run).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Marks({})
    return clean(found, run.record().effective.model.latent_dim) if isinstance(found, dict) else Marks({})


def write_marks(run: Run, marks: Marks) -> None:
    """Keep marks with the run's notes, also of a shipped run, whose folder stays as it is."""
    run.notes.mkdir(parents=True, exist_ok=True)
    write_json(
        _path(run),
        {"format": FORMAT, "names": {str(d): n for d, n in sorted(marks.names.items())},
         "bookmarks": [list(code) for code in marks.bookmarks]},
    )  # fmt: skip


def clean(found: dict[str, Any], latent_dim: int) -> Marks:
    """Marks from untrusted JSON: only dimensions that exist, short names, finite codes of the right length."""
    names = found.get("names")
    bookmarks = found.get("bookmarks")
    kept = {
        int(d): str(name).strip()[:LONGEST_NAME]
        for d, name in (names.items() if isinstance(names, dict) else ())
        if str(d).isdecimal() and int(d) < latent_dim and isinstance(name, str) and name.strip()
    }
    codes = [
        tuple(float(v) for v in code)
        for code in (bookmarks if isinstance(bookmarks, list) else ())
        if isinstance(code, list) and len(code) == latent_dim and all(_finite(v) for v in code)
    ]
    return Marks(kept, tuple(codes[-MOST_BOOKMARKS:]))


def _finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e6  # false for NaN


def _path(run: Run) -> Path:
    return run.notes / "deck.json"
