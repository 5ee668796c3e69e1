"""What a run folder says of itself: its settings (config.json) and what it is doing (status.json)."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vae_core.config import FORMAT, RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.errors import BadRun
from vae_core.options import from_json, to_json
from vae_core.places import check_plain_name
from vae_core.runs.launchers.base import Handle
from vae_core.runs.launchers.local import handle_of_earlier_version

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
FINISHED, STOPPED, FAILED, INTERRUPTED = "finished", "stopped", "failed", "interrupted"
LIVE = frozenset({RUNNING, PAUSED})
ENDED = frozenset({FINISHED, STOPPED, FAILED, INTERRUPTED})


@dataclass(frozen=True)
class Status:
    """What a run is doing. `progress` is a share of all planned steps; `eta` is in seconds."""

    state: str = QUEUED
    handle: Handle | None = None  # what trains it, while it is live
    heartbeat: float = 0.0
    step: int = 0
    steps_total: int = 0
    epoch: int = 0
    epochs: int = 0
    images_per_second: float = 0.0
    eta: float | None = None
    control: int = 0
    error: str = ""
    note: str = ""  # what it is busy with besides training
    queued: float = 0.0  # when it joined the queue
    born: float = 0.0  # when it was created or reset: names the events.jsonl that began then

    @property
    def progress(self) -> float:
        return self.step / self.steps_total if self.steps_total else 0.0

    @property
    def live(self) -> bool:
        return self.state in LIVE


def status_to_json(status: Status) -> dict[str, Any]:
    """The object that status.json holds."""
    return dataclasses.asdict(status)


def status_from_json(raw: dict[str, Any]) -> Status:
    """The status in such an object; what this version does not know is left out.

    Raises KeyError, TypeError, ValueError or AttributeError for an object that is no status.
    """
    known = {f.name for f in dataclasses.fields(Status)}
    values = {k: v for k, v in raw.items() if k in known}
    if values.get("handle"):
        values["handle"] = Handle(str(raw["handle"]["launcher"]), dict(raw["handle"]["job"]))
    else:
        values["handle"] = handle_of_earlier_version(raw)
    return Status(**values)


@dataclass(frozen=True)
class Record:
    """config.json: `config` as asked, `resolved` as it ran (None before it started)."""

    id: str
    name: str
    created: str
    config: RunConfig
    resolved: RunConfig | None
    machine: dict[str, Any]
    data: dict[str, Any]
    group: str = ""  # runs of one sweep share it
    warnings: tuple[str, ...] = ()

    @property
    def effective(self) -> RunConfig:
        return self.resolved or self.config

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) of the images trained on; None before the run started."""
        return tuple(self.data["shape"]) if self.data else None


def read_record(path: Path) -> Record:
    """The record in the config.json at `path`, parsed once for as long as the file stays the same.

    Raises OSError, ValueError, KeyError, TypeError, BadRun, BadConfig or BadName for a file no run was written with.
    """
    stat = path.stat()
    return _parsed(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)


def record_to_json(record: Record) -> dict[str, Any]:
    """The object that config.json holds."""
    return {
        "format": FORMAT,
        "name": record.name,
        "created": record.created,
        "config": to_json(record.config),
        "resolved": to_json(record.resolved) if record.resolved else None,
        "machine": record.machine,
        "data": record.data,
        "group": record.group,
    }


def migrate(raw: dict[str, Any]) -> dict[str, Any]:
    """Bring an older config.json to this FORMAT, one step per bump. Raises BadRun for a newer one."""
    if not isinstance(raw, dict):
        raise BadRun("config.json holds no settings")
    if not isinstance(raw.get("format"), int) or raw["format"] > FORMAT:
        raise BadRun(f"format {raw.get('format')!r} is newer than this version reads ({FORMAT}); update it")
    return raw


def data_of(data: ImageSet) -> dict[str, Any]:
    """What a run remembers of its images."""
    return {
        "title": data.title,
        "fingerprint": data.fingerprint,
        "images": len(data),
        "shape": list(data.shape),
        "label_names": list(data.label_names),
        "factor_names": list(data.factor_names),
    }


@lru_cache(maxsize=1024)  # a page asks for every run's settings many times over
def _parsed(path: Path, mtime: int, size: int, inode: int) -> Record:
    raw = migrate(json.loads(path.read_text()))
    unknown: list[str] = []
    config = from_json(RunConfig, raw["config"], unknown=unknown)
    resolved = None
    if raw.get("resolved"):
        resolved = from_json(RunConfig, raw["resolved"], unknown=[])
    warnings = tuple(f"{key} is not known to this version and was left out" for key in unknown)
    machine, data = raw.get("machine") or {}, raw.get("data") or {}
    _check_remembered(machine, data, raw["created"], raw.get("group", ""))
    return Record(
        path.parent.name, check_plain_name(raw["name"], "run"), raw["created"], config, resolved, machine, data,
        raw.get("group", ""), warnings,
    )  # fmt: skip


def _check_remembered(machine: Any, data: Any, created: Any, group: Any) -> None:
    """Raises ValueError, TypeError or KeyError for parts of a config.json no run was written with."""
    if not isinstance(machine, dict) or not isinstance(data, dict):
        raise TypeError("machine and data are objects with named values")
    if not isinstance(created, str) or not isinstance(group, str):
        raise TypeError("created and group are text")
    if data:
        channels, height, width = data["shape"]
        if channels not in (1, 3) or height != width or height not in range(1, 129):
            raise ValueError(f"no run has images of shape {data['shape']}")
