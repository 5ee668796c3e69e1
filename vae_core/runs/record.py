"""What a run folder says of itself: its settings (config.json) and what it is doing (status.json)."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from vae_core.config import FORMAT, RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.data.looks import look_at
from vae_core.data.registry import as_it_was
from vae_core.errors import BadRun
from vae_core.options import Options, from_json, to_json
from vae_core.places import check_plain_name
from vae_core.reading import moment, number, plain, read_json, text, texts, whole
from vae_core.runs.launchers.base import Handle
from vae_core.runs.launchers.local import handle_of_earlier_version
from vae_core.runs.seen import Seen

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
FINISHED, STOPPED, FAILED, INTERRUPTED = "finished", "stopped", "failed", "interrupted"
LIVE = frozenset({RUNNING, PAUSED})
ENDED = frozenset({FINISHED, STOPPED, FAILED, INTERRUPTED})
STATES = LIVE | ENDED | {QUEUED}
COMPARED = (
    "comparison "  # begins the group of runs that differ in more than β; no name of a sweep has a space
)


LOST_SECONDS = 60.0  # a worker shows itself twice a second


@dataclass(frozen=True)
class Status:
    """What a run is doing. `progress` is a share of all planned steps; `eta` is in seconds.

    `epoch` is the one it is in, from 1, or the last it was in; 0 before the first step.
    """

    state: str = QUEUED
    handle: Handle | None = None  # what trains it, or did last: its slot is free once that is gone
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
    tries: int = 0  # times that it was queued again by itself, since its process was lost

    @property
    def progress(self) -> float:
        return self.step / self.steps_total if self.steps_total else 0.0

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def silent(self) -> bool:
        """Whether what trains it has shown no life for so long that it may be gone, by this machine's clock."""
        return time.time() - self.heartbeat > LOST_SECONDS


def status_to_json(status: Status) -> dict[str, Any]:
    """The object that status.json holds."""
    return dataclasses.asdict(status)


def status_from_json(raw: Any) -> Status:
    """The status in such an object; what this version does not know is left out.

    Raises ValueError where it does not say what the run is doing or what trains it. Of the rest, what is no number or
    text as it should be counts as unknown.
    """
    if not isinstance(raw, dict):
        raise ValueError("it is no object with named values")
    state, eta = raw.get("state"), raw.get("eta")
    if not isinstance(state, str) or state not in STATES:
        raise ValueError(f"its state is {str(state)[:40]!r}, not one of {', '.join(sorted(STATES))}")
    return Status(
        state, _handle_from(raw), number(raw.get("heartbeat")), whole(raw.get("step")), whole(raw.get("steps_total")),
        whole(raw.get("epoch")), whole(raw.get("epochs")), number(raw.get("images_per_second")),
        max(0.0, number(eta)) if isinstance(eta, (int, float)) else None, whole(raw.get("control")),
        text(raw.get("error")), text(raw.get("note")), number(raw.get("queued")), number(raw.get("born")),
        whole(raw.get("tries")),
    )  # fmt: skip


def _handle_from(raw: Mapping[str, Any]) -> Handle | None:
    found = raw.get("handle")
    if not found:
        return handle_of_earlier_version(raw)
    if isinstance(found, dict):
        launcher, job = found.get("launcher"), found.get("job")
        if isinstance(launcher, str) and isinstance(job, dict) and plain(job):
            return Handle(text(launcher), job)
    raise ValueError("its handle names no launcher with a job")


@dataclass(frozen=True)
class Record:
    """config.json: `config` as asked, `resolved` as it ran (None before it started).

    All that a page reads is of its type: what the file does not say so is None, empty or left out.

    Attributes:
        created: in UTC; None where it is unknown.
        data: what is known of the images, see `data_of`; empty before the run started, else with a shape at least.
    """

    id: str
    name: str
    created: datetime | None
    config: RunConfig
    resolved: RunConfig | None
    machine: dict[str, Any]
    data: dict[str, Any]
    group: str = ""  # runs of one sweep share it; of one comparison too, after COMPARED
    warnings: tuple[str, ...] = ()

    @property
    def effective(self) -> RunConfig:
        return self.resolved or self.config

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(C, H, W) of the images trained on; None before the run started."""
        return tuple(self.data["shape"]) if self.data.get("shape") else None


def read_record(path: str | Path) -> Record:
    """The record in the config.json at `path`, parsed once for as long as the file stays the same.

    Raises OSError, ValueError, BadRun, BadConfig or BadName for a file no run was written with.
    """
    return _records.read(os.fspath(path))


def read_status(path: str | Path) -> Status:
    """The status in the status.json at `path`, parsed once for as long as the file stays the same.

    Raises OSError, and ValueError as `status_from_json` does.
    """
    return _statuses.read(os.fspath(path))


def record_to_json(record: Record) -> dict[str, Any]:
    """The object that config.json holds."""
    return {
        "format": FORMAT,
        "name": record.name,
        "created": record.created.isoformat() if record.created else None,
        "config": to_json(record.config),
        "resolved": to_json(record.resolved) if record.resolved else None,
        "machine": record.machine,
        "data": record.data,
        "group": record.group,
    }


def migrate(raw: Any) -> dict[str, Any]:
    """Bring an older config.json to this FORMAT, one step per bump. Raises BadRun for a newer one."""
    if not isinstance(raw, dict):
        raise BadRun("config.json holds no settings")
    if not isinstance(raw.get("format"), int) or raw["format"] > FORMAT:
        told = str(raw.get("format"))[:40]
        raise BadRun(f"format {told} is newer than this version reads ({FORMAT}); update it")
    for settings in (raw.get("config"), raw.get("resolved")):
        # a run of before images were augmented, or kept together; what is not named would be chosen anew
        if isinstance(settings, dict) and isinstance(settings.get("data"), dict):
            settings["data"].setdefault("augment", "none")
            settings["data"].setdefault("copies", "apart")
            _of_its_time(settings["data"], raw.get("data"))
    return raw


def _of_its_time(settings: dict[str, Any], data: Any) -> None:
    """Name a set that has changed since the run learned from it as it was. Before versions were told there was the first."""
    name = settings.get("dataset")
    if isinstance(name, str) and isinstance(data, dict) and data:
        settings["dataset"] = as_it_was(name, whole(data.get("version", 1)))


def data_of(data: ImageSet) -> dict[str, Any]:
    """What a run remembers of its images."""
    return {
        "title": data.title,
        "fingerprint": data.fingerprint,
        "images": len(data),
        "shape": list(data.shape),
        "label_names": list(data.label_names),
        "factor_names": list(data.factor_names),
        "spread": look_at(data.images).spread,
        "version": data.version,
    }


def _parsed(path: str) -> Record:
    raw = migrate(read_json(path))
    unknown: list[str] = []
    config = _config_from(raw.get("config"), unknown)
    resolved = _config_from(raw["resolved"], []) if raw.get("resolved") else None
    for one in filter(None, (config, resolved)):
        check_plain_name(one.data.dataset, "dataset")  # it becomes part of a path
    warnings = tuple(f"{text(key)} is not known to this version and was left out" for key in unknown)
    name = check_plain_name(text(raw.get("name"), most=100), "run")
    return Record(
        Path(path).parent.name, name, moment(raw.get("created")), config, resolved, _machine_from(raw.get("machine")),
        _data_from(raw.get("data")), text(raw.get("group"), most=100), warnings,
    )  # fmt: skip


def _config_from(raw: Any, unknown: list[str]) -> RunConfig:
    """As from_json; a section that many runs share, as those of a study do, is checked and kept once."""
    if not isinstance(raw, dict):
        return from_json(RunConfig, raw, unknown=unknown)
    found: dict[str, Any] = {}
    kinds = _sections(RunConfig)
    for key, value in raw.items():
        if key in kinds and isinstance(value, dict):
            value, left_out = _section(kinds[key], key, json.dumps(value))
            unknown += left_out
        found[key] = value
    return from_json(RunConfig, found, unknown=unknown)


@lru_cache(maxsize=2)
def _sections(of: Any) -> dict[str, Any]:
    usual = of()
    return {f.name: type(getattr(usual, f.name)) for f in dataclasses.fields(usual)}


@lru_cache(maxsize=4096)
def _section(kind: Any, name: str, said: str) -> tuple[Options, tuple[str, ...]]:
    """A section of the settings from its JSON, and the dotted names of what this version does not know."""
    unknown: list[str] = []
    return from_json(kind, json.loads(said), where=name, unknown=unknown), tuple(unknown)


def _machine_from(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        return {}
    return {text(key): value for key, value in raw.items() if plain(value, depth=1)}


def _data_from(raw: Any) -> dict[str, Any]:
    """What a run remembers of its images, see `data_of`. Raises ValueError for images that no run could have had."""
    if not raw:
        return {}
    shape = raw.get("shape") if isinstance(raw, dict) else None
    if not isinstance(shape, list) or len(shape) != 3 or not all(type(n) is int for n in shape):
        raise ValueError("it does not say what shape its images have")
    channels, height, width = shape
    if channels not in (1, 3) or height != width or height not in range(1, 129):
        raise ValueError(f"no run has images of shape {shape}")
    found = {
        "title": text(raw.get("title")),
        "fingerprint": text(raw.get("fingerprint")),
        "images": whole(raw.get("images")),
        "shape": shape,
        "label_names": texts(raw.get("label_names")),
        "factor_names": texts(raw.get("factor_names")),
        "version": whole(raw.get("version")),
    }
    return {key: value for key, value in found.items() if value or raw.get(key) == value}


# a page asks for every run's settings and status many times over
_records: Seen[Record] = Seen(_parsed)
_statuses: Seen[Status] = Seen(lambda path: status_from_json(read_json(path)))
