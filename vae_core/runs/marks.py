"""What a run's latent space is marked with: names of dimensions and bookmarked codes that a person gave, kept with the run's
notes, and the names of dimensions that the run was told while it learned (a guided run).

A newer version may ship other weights under the id of a run, whose dimensions mean other things. So marks say which training
they were made for, by the moment its run was created; those of another are left where they are, and not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from vae_core.places import check_not_look_only, write_json
from vae_core.reading import read_json, text
from vae_core.runs.run import Run

FORMAT = 1
MOST_BOOKMARKS, LONGEST_NAME = 100, 40


@dataclass(frozen=True)
class Marks:
    """names: dimension -> its name; bookmarks: codes (D,) in the order they were kept; guided: dimensions that were tied to
    an attribute, in the order in which the run names them. Those bear its name unless a person gave them another.
    """

    names: dict[int, str]
    bookmarks: tuple[tuple[float, ...], ...] = ()
    guided: tuple[int, ...] = ()


def read_marks(run: Run) -> Marks:
    """A run's marks; what is damaged or does not fit the run (its notes may be edited by hand) is left out."""
    config = run.record().effective
    told = dict(enumerate(config.objective.dimension_names[: config.model.latent_dim]))
    kept = _kept(run)
    return Marks(told | kept.names, kept.bookmarks, tuple(told))


def slider_order(marks: Marks, by_use: Sequence[int]) -> list[int]:
    """Dimensions in the order of their sliders: those tied to an attribute first, as named; then as `by_use` has them."""
    return [*marks.guided, *(d for d in by_use if d not in marks.guided)]


def _kept(run: Run) -> Marks:
    """What a person gave."""
    try:
        found = read_json(_path(run))
    except (OSError, ValueError):
        return Marks({})
    return clean(found, run.record().effective.model.latent_dim) if isinstance(found, dict) else Marks({})


def write_marks(run: Run, marks: Marks) -> None:
    """Keep the names and bookmarks of a person with the run's notes, also of a shipped run, whose folder stays as it is."""
    check_not_look_only()
    run.notes.mkdir(parents=True, exist_ok=True)
    write_json(
        _path(run),
        {"format": FORMAT, "names": {str(d): n for d, n in sorted(marks.names.items())},
         "bookmarks": [list(code) for code in marks.bookmarks], "made_for": _training(run)},
    )  # fmt: skip


def change_marks(run: Run, changes: Sequence[Any]) -> None:
    """Make untrusted changes to what is kept by now, so that of two pages neither undoes what the other did.

    {"do": "name", "dim", "name"} with an empty name to forget it; {"do": "add", "code"}; {"do": "remove", "code"} of the
    first bookmark of that code, which may be gone already. What fits none of these, or not the run, changes nothing.
    """
    check_not_look_only()
    run.notes.mkdir(parents=True, exist_ok=True)
    # beside the notes, not among them: those are exported whole
    with FileLock(run.places.notes / ".marks.lock"):
        kept = _kept(run)
        names: dict[str, Any] = {str(d): n for d, n in kept.names.items()}
        bookmarks: list[Any] = [list(code) for code in kept.bookmarks]
        for change in changes:
            match change:
                case {"do": "name", "dim": int(dim), "name": str(name)}:
                    names[str(dim)] = name
                case {"do": "add", "code": list(code)}:
                    bookmarks.append(code)
                case {"do": "remove", "code": list(code)} if code in bookmarks:
                    bookmarks.remove(code)
        found = {"names": names, "bookmarks": bookmarks}
        write_marks(run, clean(found, run.record().effective.model.latent_dim))


def clean(found: dict[str, Any], latent_dim: int) -> Marks:
    """Marks from untrusted JSON: only dimensions that exist, short names, finite codes of the right length."""
    names = found.get("names")
    bookmarks = found.get("bookmarks")
    kept = {
        int(d): text(name.strip(), most=LONGEST_NAME)
        for d, name in (names.items() if isinstance(names, dict) else ())
        if len(str(d)) < 9
        and str(d).isdecimal()
        and int(d) < latent_dim
        and isinstance(name, str)
        and name.strip()
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
    """Where a run's marks are kept: beside deck.json where that holds those of another training."""
    usual, made = run.notes / "deck.json", run.record().created
    if made is None or _made_for(run, usual):
        return usual
    return run.notes / f"deck-{made:%Y%m%dT%H%M%S}.json"


def _made_for(run: Run, path: Path) -> bool:
    """Whether the marks at `path`, if there are any, were made for this run's training, as far as that can be told."""
    try:
        found, changed = read_json(path), path.stat().st_mtime
    except (OSError, ValueError):
        return True
    if isinstance(found, dict) and isinstance(found.get("made_for"), str):
        return bool(found["made_for"] == _training(run))
    # marks of before do not say it; those that are older than a shipped run cannot be of it
    made = run.record().created
    return not (run.read_only and made is not None and changed < made.timestamp())


def _training(run: Run) -> str | None:
    """Names the training that made a run's weights, also while it goes on; None where that is unknown."""
    made = run.record().created
    return None if made is None else made.isoformat()
