"""Named groups of images that a person picked out, kept with the run's notes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from vae_core.errors import BadCodes, BadName, BadRun, TooFewPoints
from vae_core.places import check_not_look_only, write_atomically
from vae_core.reading import read_json
from vae_core.runs.run import Run

FORMAT = 1
MOST_GROUPS, MOST_IMAGES, LONGEST_NAME = 100, 1_000_000, 60

Groups = dict[str, np.ndarray]


def read_groups(run: Run) -> Groups:
    """A run's groups by name, in the order they were first kept: sorted image numbers, int64 (N,), each once.

    What is damaged or names images the run's dataset does not have (the file may come with an archive or be
    edited by hand) is left out; a group of which nothing remains is left out too.
    """
    found = _found(run)
    groups = found.get("groups") if isinstance(found, dict) else None
    most = run.record().data.get("images") if groups else None
    kept: Groups = {}
    for name, numbers in groups.items() if isinstance(groups, dict) else ():
        if len(kept) == MOST_GROUPS:
            break
        images = _plain(numbers, most if isinstance(most, int) else None)
        if len(images) and not name_fault(name) and name.strip() not in kept:
            kept[name.strip()] = images
    return kept


def write_group(run: Run, name: str, images: np.ndarray) -> None:
    """Keep image numbers (N,) under `name`, also of a shipped run; a group of that name is replaced.

    Raises BadName for a name that will not do or one group too many, TooFewPoints for no image, BadCodes for
    numbers that are none of the run's images or too many, BadRun when a newer version wrote the groups.
    """
    name = name.strip()
    if fault := name_fault(name):
        raise BadName(fault)
    chosen = np.asarray(images)
    if chosen.size == 0:
        raise TooFewPoints(f"the group {name!r} would hold no image; choose one or more")
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise BadCodes(f"a group is expected as image numbers (N,), got {chosen.dtype} {chosen.shape}")
    chosen = np.unique(chosen)
    if len(chosen) > MOST_IMAGES:
        raise BadCodes(f"a group holds at most {MOST_IMAGES:,} images, got {len(chosen):,}")
    count = run.record().data.get("images")
    if chosen[0] < 0 or (count is not None and chosen[-1] >= count):
        wrong = chosen[0] if chosen[0] < 0 else chosen[-1]
        raise BadCodes(f"there is no image {wrong}: the run knows {count or 0:,}, counted from 0")

    def change(groups: Groups) -> None:
        if name not in groups and len(groups) >= MOST_GROUPS:
            raise BadName(f"{MOST_GROUPS} groups are kept already; delete one before adding {name!r}")
        groups[name] = chosen.astype(np.int64)

    _change(run, change)


def delete_group(run: Run, name: str) -> None:
    """Forget a group; one that is not there is no error. Raises BadRun when a newer version wrote the groups."""
    if name.strip() in read_groups(run):
        _change(run, lambda groups: groups.pop(name.strip(), None))


def name_fault(name: str) -> str:
    """What keeps `name` from naming a group, in a sentence, or an empty string."""
    bare = name.strip()
    if not bare:
        return "a group needs a name; it has none"
    if len(bare) > LONGEST_NAME:
        return f"a group's name has at most {LONGEST_NAME} characters, this one has {len(bare)}"
    for letter in bare:
        # control characters, lone surrogates, line and paragraph separators: nothing a page or a CSV can show
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp"):
            return f"a group's name is one line of plain text; this one holds {letter!a}"
    return ""


def _change(run: Run, change: Callable[[Groups], Any]) -> None:
    """Read, change and write as one, so that of two writers neither undoes the other."""
    check_not_look_only()
    run.notes.mkdir(parents=True, exist_ok=True)
    # beside the notes, not among them: those are exported whole
    with FileLock(run.places.notes / ".groups.lock"):
        found = _found(run)
        told = found.get("format") if isinstance(found, dict) else None
        if isinstance(told, int) and told > FORMAT:
            raise BadRun(
                f"the groups of {run.id} are of format {told}, newer than this version writes ({FORMAT}); update it"
            )
        groups = read_groups(run)
        change(groups)
        kept = {name: images.tolist() for name, images in groups.items()}
        # without indent: a group may have a million numbers, and each would get a line
        text = json.dumps({"format": FORMAT, "groups": kept}, separators=(",", ":"))
        write_atomically(_path(run), text.encode())


def _found(run: Run) -> Any:
    try:
        return read_json(_path(run))
    except (OSError, ValueError):
        return None


def _plain(numbers: Any, count: int | None) -> np.ndarray:
    """Image numbers from untrusted JSON, those below `count` where it is known."""
    end = 2**53 if count is None else count
    listed = numbers if isinstance(numbers, list) else ()
    return np.unique(np.array([n for n in listed if type(n) is int and 0 <= n < end], np.int64))[:MOST_IMAGES]


def _path(run: Run) -> Path:
    return run.notes / "groups.json"
