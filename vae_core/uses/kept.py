"""What was found, kept by weights stamp and settings.

<home>/derived/<weights stamp>/uses/<use>-<settings>.json   numbers
<home>/derived/<weights stamp>/uses/<use>-<settings>.npz    pictures
<run>/uses/...                                              the same, shipped with a run
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.errors import BadRun, RunNotFound
from vae_core.options import to_json
from vae_core.places import write_atomically
from vae_core.reading import read_json
from vae_core.runs.run import Run
from vae_core.uses.found import Found, from_json
from vae_core.uses.registry import Use, UseSettings

FOLDER = "uses"
# a zip file that is cut off or has a wrong byte raises any of these
DAMAGED = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def name_of(use: Use, settings: UseSettings) -> str:
    """Of the files of a use measured with these settings, without an ending."""
    said = json.dumps(to_json(settings), sort_keys=True)
    return f"{use.name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def find(run: Run, use: Use, settings: UseSettings) -> Found | None:
    """What was found with these very weights and settings, or shipped with them; None where it was not, is damaged, or is of
    another version."""
    for path, raw in _kept(run, use, settings):
        try:
            pictures = io.BytesIO(path.with_suffix(".npz").read_bytes())
            with np.load(pictures, allow_pickle=False) as npz:
                return from_json(raw, dict(npz))
        except DAMAGED:
            continue
    return None


def where(run: Run, use: Use, settings: UseSettings) -> Path | None:
    """Where its numbers lie, without an ending; None where they were not found, are damaged, or of other weights or another
    version."""
    return next((path for path, _ in _kept(run, use, settings)), None)


def _kept(run: Run, use: Use, settings: UseSettings) -> Iterator[tuple[Path, Any]]:
    """Files of these very weights and settings, without an ending, and what their numbers say: of the home, then shipped."""
    try:
        stamp = run.stamp()
    except (BadRun, RunNotFound, OSError):
        return
    name, asked = name_of(use, settings), to_json(settings)
    for folder in (run.places.derived_file(stamp, FOLDER, f"{name}.json").parent, run.path / FOLDER):
        try:
            raw: Any = read_json(folder / f"{name}.json")
            said = (raw["use"], raw["version"], raw["run"], raw["stamp"], raw["settings"])
        except DAMAGED:
            continue
        if said == (use.name, use.version, run.id, stamp, asked):
            yield folder / name, raw


def keep(run: Run, stamp: str, use: Use, settings: UseSettings, found: Found) -> Path:
    """Keep what was found of a run's weights of that stamp; gives the file of its numbers."""
    path = run.places.derived_file(stamp, FOLDER, f"{name_of(use, settings)}.json", write=True)
    write(path.with_suffix(""), run, stamp, use, settings, found)
    return path


def write(path: Path, run: Run, stamp: str, use: Use, settings: UseSettings, found: Found) -> None:
    """Write the two files, `path` with their endings; pictures first, so that numbers are never without them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(found.pictures))  # type: ignore[arg-type] # names are no options of it
    write_atomically(path.with_suffix(".npz"), buffer.getvalue(), durable=False)
    said = {
        "use": use.name,
        "version": use.version,
        "run": run.id,
        "stamp": stamp,
        "settings": to_json(settings),
    }
    write_atomically(
        path.with_suffix(".json"), json.dumps(said | found.to_json(), allow_nan=False).encode(), durable=False
    )
