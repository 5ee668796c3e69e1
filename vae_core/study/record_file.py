"""study.json: what a study is, as it is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from vae_core.options import from_json, to_json
from vae_core.places import check_plain_name, write_json
from vae_core.reading import moment, plain, read_json, text
from vae_core.study.settings import StudySettings

FILE = "study.json"
FORMAT = 1


@dataclass(frozen=True)
class StudyRecord:
    """study.json. going: it wants its trials tried. held: runs that were stopped with the study and go on with it.

    token: tells it from studies of the same name elsewhere, in a storage that several homes share. space: counts changes
    of what is searched.
    """

    settings: StudySettings
    created: datetime | None
    going: bool
    held: tuple[str, ...] = ()
    token: str = ""
    space: int = 0


def write_record(path: Path, record: StudyRecord) -> None:
    """Replace a study's study.json."""
    write_json(
        path / FILE,
        {
            "format": FORMAT, "created": record.created.isoformat() if record.created else None, "going": record.going,
            "held": list(record.held), "token": record.token, "space": record.space, "settings": to_json(record.settings),
            "changed": time.time(),
        },
    )  # fmt: skip


@lru_cache(maxsize=64)
def read_record(path: Path, mtime: int, size: int, inode: int) -> StudyRecord:
    """What study.json says, parsed once for as long as it stays the same. Raises ValueError or BadConfig."""
    raw = read_json(path)
    if not isinstance(raw, dict) or not plain(raw, depth=8):
        raise ValueError(f"{FILE} holds no settings")
    if raw.get("format") != FORMAT:
        raise ValueError(
            f"format {str(raw.get('format'))[:40]} is not one that this version reads ({FORMAT})"
        )
    settings = from_json(StudySettings, raw.get("settings"), unknown=[])
    check_plain_name(settings.base.data.dataset, "dataset")  # it becomes part of a path
    held = tuple(one for one in raw.get("held") or () if isinstance(one, str))
    space = raw.get("space")
    return StudyRecord(
        settings, moment(raw.get("created")), raw.get("going") is True, held, text(raw.get("token")), space if type(space) is int else 0,
    )  # fmt: skip
