"""Studies as the page shows them: what the core says of one, with the pictures that each run's last epoch left."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from app.services import array_store, runs
from app.services.cache import LruCache
from vae_core import pictures
from vae_core.errors import VaeCoreError
from vae_core.events import Snapshot
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.study.record import Study

KINDS = ("originals", "reconstruction", "sample", "traversal")
WALKED = 2  # of a traversal's steps every so manyth is shown
Sheet = tuple[bytes, int, int, int]  # PNG, pictures across and down, and how many across stand for the whole

_sheets: LruCache[dict[str, Sheet]] = LruCache(1024)


def all_studies() -> list[Study]:
    """The studies of this server's home that can be read, newest first."""
    from vae_core.study.record import studies

    return studies(runs.places())


def shown(study: Study) -> dict[str, Any]:
    """What `vae_core.study.view.payload` says, with each trial's pictures as app.components.study takes them."""
    from vae_core.study.view import payload

    data = payload(study)
    for trial in data["trials"]:
        trial["pictures"] = pictures_of(trial["run"])
    return data


def pictures_of(run_id: str) -> dict[str, dict[str, Any] | None]:
    """Sheets of a run's last snapshot, by what they show; None for what it has not."""
    found = _sheets_of(run_id)
    return {kind: _published(found.get(kind)) for kind in KINDS}


def _sheets_of(run_id: str) -> dict[str, Sheet]:
    if run_id:
        run = Run(runs.places().runs / run_id, runs.places())
        with contextlib.suppress(VaeCoreError, OSError):
            return _sheets.get_or_make(runs.log_key(run), lambda: _read(run))
    return {}


def sampler_of(study: Study) -> str:
    """How a study's settings are chosen; empty for one that is gone meanwhile."""
    with contextlib.suppress(VaeCoreError):
        return study.settings.sampler
    return ""


def picture_file(run_id: str, kind: str) -> bytes | None:
    """One sheet of a run's last snapshot as a PNG; None for what it has not."""
    sheet = _sheets_of(run_id).get(kind)
    return None if sheet is None else sheet[0]


def progress_of(run_id: str) -> float:
    """How far a run is, 0 to 1; 0 for one that is not there yet."""
    if run_id:
        with contextlib.suppress(VaeCoreError):
            return Run(runs.places().runs / run_id, runs.places()).status().progress
    return 0.0


def title_of(number: str) -> str:
    """What a measured number is called, with its unit; empty for one that no goal names."""
    from vae_core.study.goals import GOALS

    goal = GOALS.get(number)
    return "" if goal is None else f"{goal.title} ({goal.unit})" if goal.unit else goal.title


def _published(sheet: Sheet | None) -> dict[str, Any] | None:
    if sheet is None:
        return None
    png, across, down, one = sheet
    return array_store.picture(png) | {"across": across, "down": down, "one": [one, 1]}


def _read(run: Run) -> dict[str, Sheet]:
    shot = next((e for e in reversed(run.history()) if isinstance(e, Snapshot)), None)
    shape = run.record().shape
    if shot is None or shape is None:
        return {}
    names = {
        "originals": shot.originals, "reconstruction": shot.reconstructions, "sample": shot.samples, "traversal": shot.traversal,
    }  # fmt: skip
    found = {}
    for kind, name in names.items():
        png = run.picture(str(name)) if isinstance(name, str) else None
        with contextlib.suppress(ValueError, OSError):  # a picture that is no sheet of the run's images
            if png is not None:
                rows = pictures.cut_sheet(png, shape)
                laid = rows[:, ::WALKED] if kind == "traversal" else _fours(rows)
                across, down = laid.shape[1], laid.shape[0]
                found[kind] = (pictures.sheet(laid), across, down, across if kind == "traversal" else 1)
    return found


def _fours(rows: np.ndarray) -> np.ndarray:
    """All images of a sheet (R, S, C, H, W) in rows of four; those beyond the last full row are left out."""
    images = rows.reshape(-1, *rows.shape[2:])
    across = min(4, len(images))
    down = len(images) // across
    return images[: across * down].reshape(down, across, *images.shape[1:])
