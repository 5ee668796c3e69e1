"""The run folder: create, append, list, load. The only thing that passes from training to looking.

    <home>/runs/<id>/
      config.json          settings as asked and as resolved, name, machine, data fingerprint
      events.jsonl         append-only, one event a line
      status.json          state, process, progress, error
      control.jsonl        requests to a live run, append-only and numbered
      model.safetensors    weights, named last/... and best/...
      resume.safetensors   what training needs to go on as if never stopped
      snapshots/           pictures per epoch
      codes/               posterior means of the same images per epoch, float16 (see training.codes_every)
      thumbnail.png        four samples

Written beside and renamed, never in place; readable by anyone at any time. Listing runs needs no torch, which takes
seconds to import: only what reads or writes weights imports it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import safetensors
from filelock import FileLock

from vae_core.config import FORMAT, RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.data.registry import find_spec
from vae_core.errors import BadConfig, BadName, BadRun, ReadOnlyRun, RunBusy, RunNotFound
from vae_core.events import Checkpoint, Command, Encoded, Event, Resumed, Snapshot, from_line, to_line
from vae_core.options import from_json, to_json
from vae_core.pictures import sheet
from vae_core.places import Places, assets, check_plain_name, write_atomically, write_json

if TYPE_CHECKING:
    from torch import Tensor

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
FINISHED, STOPPED, FAILED, INTERRUPTED = "finished", "stopped", "failed", "interrupted"
LIVE = frozenset({RUNNING, PAUSED})
ENDED = frozenset({FINISHED, STOPPED, FAILED, INTERRUPTED})
CODES_FILE = re.compile(r"codes/\d{8,20}\.npz")
CODES_BYTES = 16 << 20  # no epoch's codes unpack to more


@dataclass(frozen=True)
class Status:
    """What a run is doing. `progress` is a share of all planned steps; `eta` is in seconds."""

    state: str = QUEUED
    pid: int = 0
    process_started: float = 0.0
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


@dataclass(frozen=True)
class EpochCodes:
    """Posterior means after an epoch: images (M,) int64, numbers in the dataset; mean (M, D) float32."""

    epoch: int
    step: int
    images: np.ndarray
    mean: np.ndarray


def migrate(raw: dict[str, Any]) -> dict[str, Any]:
    """Bring an older config.json to this FORMAT, one step per bump. Raises BadRun for a newer one."""
    if not isinstance(raw, dict):
        raise BadRun("config.json holds no settings")
    if not isinstance(raw.get("format"), int) or raw["format"] > FORMAT:
        raise BadRun(f"format {raw.get('format')!r} is newer than this version reads ({FORMAT}); update it")
    return raw


class Run:
    """One run folder. Cheap to make; every method sees the disk as it is."""

    def __init__(self, path: Path, places: Places, *, read_only: bool = False) -> None:
        self.path, self.places, self.read_only = path, places, read_only
        self._events: IO[bytes] | None = None

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def notes(self) -> Path:
        """Where a person's additions are kept; not inside the folder, so that shipped runs stay as they are."""
        return self.places.notes / self.id

    def note(self) -> str:
        """A person's words about the run, or an empty string."""
        try:
            return (self.notes / "note.txt").read_text()
        except OSError:
            return ""

    def write_note(self, text: str) -> None:
        """Keep a note, also of a pretrained run."""
        self.notes.mkdir(parents=True, exist_ok=True)
        write_atomically(self.notes / "note.txt", text.encode())

    # ------------------------------------------------ settings and status

    def record(self) -> Record:
        """Raises RunNotFound when the folder is gone, BadRun when it cannot be read."""
        path = self.path / "config.json"
        try:
            stat = path.stat()
            return _record(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except (FileNotFoundError, NotADirectoryError):
            raise RunNotFound(f"the run {self.id} is not there any more") from None
        except (OSError, ValueError, KeyError, TypeError, BadConfig, BadName) as error:
            raise BadRun(f"the run {self.id} cannot be read: config.json: {error}") from None

    def write_record(self, record: Record) -> None:
        self._writable()
        raw = {
            "format": FORMAT,
            "name": record.name,
            "created": record.created,
            "config": to_json(record.config),
            "resolved": to_json(record.resolved) if record.resolved else None,
            "machine": record.machine,
            "data": record.data,
            "group": record.group,
        }
        write_json(self.path / "config.json", raw)

    @property
    def name(self) -> str:
        return self.record().name

    def status(self) -> Status:
        """The last status written. A folder without one counts as finished (shipped) or interrupted."""
        try:
            raw = json.loads((self.path / "status.json").read_text())
            known = {f.name for f in dataclasses.fields(Status)}
            return Status(**{k: v for k, v in raw.items() if k in known})
        except FileNotFoundError:
            if not self.path.is_dir():
                raise RunNotFound(f"the run {self.id} is not there any more") from None
            return Status(FINISHED if self.read_only else INTERRUPTED)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            return Status(FAILED, error=f"status.json cannot be read: {error}")

    def write_status(self, status: Status) -> None:
        self._writable()
        try:
            write_json(self.path / "status.json", dataclasses.asdict(status), durable=False)
        except OSError:
            # a full disk: the old file's own blocks are still ours to write into
            if not (self.path / "status.json").exists():
                raise
            (self.path / "status.json").write_text(json.dumps(dataclasses.asdict(status)))

    def update_status(self, **changes: Any) -> Status:
        status = dataclasses.replace(self.status(), **changes)
        self.write_status(status)
        return status

    def lock(self) -> FileLock:
        """Held by whoever trains the run, for as long as it does."""
        return FileLock(self.path / ".train.lock")

    def control_lock(self) -> FileLock:
        """Held while a request is written or the run leaves the queue."""
        return FileLock(self.path / ".control.lock")

    def _writable(self) -> None:
        if self.read_only:
            raise ReadOnlyRun(
                f"{self.id} is a pretrained run and stays as it was shipped; train a copy instead"
            )

    # ------------------------------------------------ events

    def append(self, event: Event) -> None:
        """Add an event's line; pictures, codes and weights go to files of their own first."""
        self._writable()
        replaced: dict[str, Any] = {}
        if isinstance(event, Snapshot):
            replaced = self._write_pictures(event)
        elif isinstance(event, Encoded):
            replaced = self._write_codes(event)
        elif isinstance(event, Checkpoint):
            self._write_weights(event)
            replaced = {
                "last": "model.safetensors",
                "best": "model.safetensors",
                "resume": "resume.safetensors",
            }
        line = json.dumps(to_line(event, **replaced), allow_nan=False, separators=(",", ":"))
        if self._events is None:
            self._events = self._open_events()
        self._events.write(line.encode() + b"\n")
        self._events.flush()

    def _open_events(self) -> IO[bytes]:
        path = self.path / "events.jsonl"
        if path.exists():
            whole = path.read_bytes()
            end = whole.rfind(b"\n") + 1
            if end != len(whole):  # a line torn by a kill
                os.truncate(path, end)
        return open(path, "ab")

    def close(self) -> None:
        if self._events is not None:
            # on a full disk the rest of a line cannot be written here either, and `append` has said so
            with contextlib.suppress(OSError):
                self._events.close()
            self._events = None

    def _write_pictures(self, event: Snapshot) -> dict[str, Any]:
        folder = self.path / "snapshots"
        folder.mkdir(exist_ok=True)
        originals = np.asarray(event.originals)
        pictures = {
            "originals": (f"originals-{event.step:08d}.png", originals[None]),
            "reconstructions": (
                f"{event.step:08d}-reconstructions.png",
                np.asarray(event.reconstructions)[None],
            ),
            "samples": (
                f"{event.step:08d}-samples.png",
                np.asarray(event.samples).reshape(2, 8, *originals.shape[1:]),
            ),
            "traversal": (f"{event.step:08d}-traversal.png", np.asarray(event.traversal)),
        }
        replaced: dict[str, str | None] = {}
        existing = next(folder.glob("originals-*.png"), None)
        for key, (name, rows) in pictures.items():
            if not rows.size:  # a model without an encoder reconstructs nothing
                replaced[key] = None
                continue
            if key == "originals" and existing is not None:
                replaced[key] = f"snapshots/{existing.name}"
                continue
            write_atomically(folder / name, sheet(rows), durable=False)
            replaced[key] = f"snapshots/{name}"
        thumbnail = np.asarray(event.samples)[:4].reshape(2, 2, *originals.shape[1:])
        write_atomically(self.path / "thumbnail.png", sheet(thumbnail), durable=False)
        return replaced

    def _write_codes(self, event: Encoded) -> dict[str, Any]:
        (self.path / "codes").mkdir(exist_ok=True)
        name = f"codes/{event.step:08d}.npz"
        buffer = io.BytesIO()
        np.savez(buffer, codes=event.codes, images=event.images)
        write_atomically(self.path / name, buffer.getvalue(), durable=False)
        return {"codes": name, "images": name}

    def _write_weights(self, event: Checkpoint) -> None:
        weights = {f"last/{k}": v for k, v in event.last.items()}
        weights |= {f"best/{k}": v for k, v in event.best.items()}
        # one entry: safetensors writes several in any order, and equal weights should have equal stamps
        meta = {"at": json.dumps({"step": event.step, "epoch": event.epoch, "best_epoch": event.best_epoch})}
        # resume first: it alone decides where a killed run goes on
        write_atomically(self.path / "resume.safetensors", _saved(event.resume))
        write_atomically(self.path / "model.safetensors", _saved(weights, meta))

    def lines(self, after: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Whole lines from a byte offset on, parsed, and the offset to ask from next."""
        text, after = self.raw_lines(after)
        lines = []
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                parsed = json.loads(line)
                if isinstance(parsed, dict):
                    lines.append(parsed)
        return lines, after

    def raw_lines(self, after: int = 0, most: int = 4_000_000) -> tuple[bytes, int]:
        """Up to `most` bytes of whole lines from a byte offset on, and the offset to ask from next.

        An offset beyond the end is one into a file that a reset has removed: it starts over.
        """
        try:
            with open(self.path / "events.jsonl", "rb") as file:
                after = after if after <= file.seek(0, os.SEEK_END) else 0
                file.seek(after)
                text = file.read(most)
        except FileNotFoundError:
            return b"", 0
        end = text.rfind(b"\n") + 1
        return text[:end], after + end

    def history(self) -> list[Event]:
        """All events that count: what a Resumed superseded is left out."""
        events: list[Event] = []
        offset = 0
        while True:
            lines, following = self.lines(offset)
            for line in lines:
                with contextlib.suppress(BadRun):
                    event = from_line(line)
                    if isinstance(event, Resumed):
                        events = kept_before(events, event.step)
                    events.append(event)
            if following == offset:
                return events
            offset = following

    def epoch_codes(self) -> list[EpochCodes]:
        """How the space formed: codes of the same images after one epoch and another, in order.

        An epoch whose file is missing or damaged is left out, and so is one of other images than the last has.
        """
        lines = {str(event.epoch): event for event in self.history() if isinstance(event, Encoded)}
        read = [self._read_codes(event) for event in lines.values()]
        found = sorted((codes for codes in read if codes is not None), key=lambda codes: codes.epoch)
        return [
            codes
            for codes in found
            if codes.mean.shape == found[-1].mean.shape and np.array_equal(codes.images, found[-1].images)
        ]

    def _read_codes(self, event: Encoded) -> EpochCodes | None:
        try:
            # an imported run's lines may say anything
            if not CODES_FILE.fullmatch(event.codes):
                return None
            with open(self.path / event.codes, "rb") as file, np.load(file, allow_pickle=False) as npz:
                if sum(info.file_size for info in npz.zip.infolist()) > CODES_BYTES:
                    return None
                mean, images = npz["codes"].astype(np.float32), npz["images"].astype(np.int64)
            whole = (
                mean.ndim == 2 and mean.size and images.shape == mean.shape[:1] and np.isfinite(mean).all()
            )
            return EpochCodes(int(event.epoch), int(event.step), images, mean) if whole else None
        except Exception:  # an array's header is a Python literal, and a parser fails in many ways
            return None

    # ------------------------------------------------ weights

    def has_weights(self) -> bool:
        return (self.path / "model.safetensors").exists()

    def arrays(self, which: str = "last") -> dict[str, np.ndarray]:
        """The named weights, float32. Raises BadRun when there are none; `best` falls back on `last`."""
        from safetensors.numpy import load_file

        everything = self._loaded("model.safetensors", load_file)
        if everything is None:
            raise BadRun(f"the run {self.id} has no weights yet; wait for its first checkpoint")
        named = _named(everything, which) or _named(everything, "last")
        return {k: v.astype(np.float32) for k, v in named.items()}

    def weights(self, which: str = "last") -> dict[str, Tensor]:
        """As `arrays`, as tensors."""
        import torch

        return {k: torch.from_numpy(v) for k, v in self.arrays(which).items()}

    def stamp(self) -> str:
        """Sixteen hex digits that change whenever the weights do. Raises BadRun when there are none, RunNotFound when
        the run is gone.
        """
        path = self.path / "model.safetensors"
        try:
            stat = path.stat()
        except FileNotFoundError:
            if not self.path.is_dir():
                raise RunNotFound(f"the run {self.id} was deleted; choose another one") from None
            raise BadRun(f"the run {self.id} has no weights yet; wait for its first checkpoint") from None
        return _digest(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def resume_state(self) -> dict[str, Tensor] | None:
        """What training goes on from; None before the first checkpoint. Raises BadRun when it is damaged."""
        from safetensors.torch import load_file

        return self._loaded("resume.safetensors", load_file)

    def initial_weights(self) -> dict[str, Tensor] | None:
        """The weights a fine-tune starts from, copied into the folder when it was created."""
        from safetensors.torch import load_file

        return self._loaded("initial.safetensors", load_file)

    def _loaded(self, name: str, load: Callable[[Path], dict[str, Any]]) -> dict[str, Any] | None:
        try:
            return load(self.path / name)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, safetensors.SafetensorError) as error:
            raise BadRun(f"the run {self.id}: {name} is damaged ({error})") from None

    # ------------------------------------------------ requests

    def request(self, name: str, value: float | None = None) -> int:
        """Ask something of the run's process; returns the request's number. Raises BadConfig.

        A run that is still queued is stopped at once (number 0).
        """
        self._writable()
        check_request(name, value, self.record().config)
        with self.control_lock():
            if name == "stop" and self.status().state == QUEUED:
                self.update_status(state=STOPPED)
                return 0
            number = len(self.requests()) + 1
            line = json.dumps({"number": number, "name": name, "value": value})
            with open(self.path / "control.jsonl", "ab") as file:
                file.write(line.encode() + b"\n")
        return number

    def requests(self, after: int = 0) -> list[Command]:
        """Requests with a number above `after`, in order."""
        try:
            text = (self.path / "control.jsonl").read_bytes()
        except FileNotFoundError:
            return []
        commands = []
        for line in text[: text.rfind(b"\n") + 1].splitlines():
            with contextlib.suppress(ValueError, KeyError):
                raw = json.loads(line)
                commands.append(Command(int(raw["number"]), str(raw["name"]), raw["value"]))
        return [c for c in commands if c.number > after]

    def reset(self) -> None:
        """Forget what was learned and queue the run anew, from the same config. Raises RunBusy."""
        self._writable()
        if self.status().live:
            raise RunBusy(f"{self.name} is being trained; stop it first")
        record = self.record()
        for name in (
            "events.jsonl",
            "control.jsonl",
            "model.safetensors",
            "resume.safetensors",
            "thumbnail.png",
        ):
            (self.path / name).unlink(missing_ok=True)
        for name in ("snapshots", "codes"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        training = dataclasses.replace(record.config.training, continued=())
        config = dataclasses.replace(record.config, training=training)
        self.write_record(dataclasses.replace(record, config=config, resolved=None))
        self.write_status(Status(QUEUED, queued=time.time(), born=time.time()))

    def go_on(self, epochs: int = 0) -> None:
        """Queue the run again: to where it was planned to end or, once finished, for `epochs` more.

        Raises RunBusy while it is live or queued, BadConfig when there is nothing left to do or, as in a shipped
        run's archive, nothing to go on from.
        """
        self._writable()
        status, record = self.status(), self.record()
        if status.live or status.state == QUEUED:
            raise RunBusy(f"{record.name} is already {status.state}")
        if self.has_weights() and not (self.path / "resume.safetensors").exists():
            raise BadConfig(
                f"{record.name} holds its weights alone, without the state training goes on from; "
                "fine-tune a new run from it instead"
            )
        if epochs:
            record = dataclasses.replace(
                record,
                config=_with_more(record.config, epochs),
                resolved=_with_more(record.resolved, epochs) if record.resolved else None,
            )
            self.write_record(record)
        elif status.state == FINISHED:
            raise BadConfig(f"{record.name} has finished; say for how many more epochs it should go on")
        # a pause or stop that was asked of the process before must not meet the next one
        control = len(self.requests())
        self.write_status(
            dataclasses.replace(status, state=QUEUED, error="", eta=None, queued=time.time(), control=control)
        )


def _with_more(config: RunConfig, epochs: int) -> RunConfig:
    training = dataclasses.replace(config.training, continued=(*config.training.continued, epochs))
    return dataclasses.replace(config, training=training)


def check_request(name: str, value: float | None, config: RunConfig) -> None:
    """Raises BadConfig when a live run cannot take that request."""
    plain = ("pause", "resume", "stop", "step", "epoch")
    if name in plain:
        return
    if name not in ("beta", "learning_rate"):
        raise BadConfig(f"a run knows {', '.join(plain)}, beta and learning_rate, not {name!r}")
    if value is None or not np.isfinite(value) or not 0 <= value <= 10_000:
        raise BadConfig(f"{name}: expected a number from 0 to 10,000, got {value!r}")
    entry = config.objective.entry
    if name == "beta" and entry.live is None:
        raise BadConfig(f"{entry.title} has no coefficient such as β that can be changed while it learns")


def kept_before(events: list[Event], step: int) -> list[Event]:
    """Events up to and with the last checkpoint at `step`: those a Resumed(step) does not supersede."""
    for i in range(len(events) - 1, -1, -1):
        event = events[i]
        if isinstance(event, Checkpoint) and event.step == step:
            return events[: i + 1]
    return [e for e in events if e.step <= step]


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


def _saved(tensors: Mapping[str, Tensor], meta: dict[str, str] | None = None) -> bytes:
    from safetensors.torch import save

    return save(dict(tensors), meta)


def _named(everything: Mapping[str, np.ndarray], which: str) -> dict[str, np.ndarray]:
    prefix = f"{which}/"
    return {k[len(prefix) :]: v for k, v in everything.items() if k.startswith(prefix)}


@lru_cache(maxsize=1024)  # a page asks for every run's settings many times over
def _record(path: Path, mtime: int, size: int, inode: int) -> Record:
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


@lru_cache(maxsize=512)
def _digest(path: Path, mtime: int, size: int, inode: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


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


class Store:
    """All runs of a home, and the pretrained ones that are shipped."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def own(self) -> list[Run]:
        """The home's runs, newest first."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for folder in self.places.runs.iterdir():
                if folder.name.startswith("."):  # on its way in or out
                    continue
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    found.append(((folder / "config.json").stat().st_mtime, folder))
        return [Run(folder, self.places) for _, folder in sorted(found, reverse=True)]

    def pretrained(self) -> list[Run]:
        folder = assets() / "pretrained"
        if not folder.is_dir():
            return []
        return [
            Run(p, self.places, read_only=True)
            for p in sorted(folder.iterdir())
            if (p / "config.json").exists()
        ]

    def all(self) -> list[Run]:
        return [*self.own(), *self.pretrained()]

    def readable(self) -> list[Run]:
        """All runs whose settings can be read."""
        found = []
        for run in self.all():
            with contextlib.suppress(BadRun, RunNotFound):
                run.record()
                found.append(run)
        return found

    def find(self, ref: str) -> Run:
        """A run by id or by name. Raises RunNotFound."""
        for run in self.all():
            if run.id == ref:
                return run
        for run in self.all():
            with contextlib.suppress(BadRun, RunNotFound):
                if run.name == ref:
                    return run
        raise RunNotFound(f"there is no run {ref!r}; `vae-core runs` lists them")

    def names(self) -> set[str]:
        names = set()
        for run in self.all():
            names.add(run.id)
            with contextlib.suppress(BadRun, RunNotFound):
                names.add(run.name)
        return names

    def free_name(self, wanted: str) -> str:
        """`wanted`, or wanted-2, wanted-3, ... when it is taken; shortened where it would be too long for a name."""
        names = self.names()
        number, name = 1, wanted[:80]
        while name in names:
            number += 1
            name = f"{wanted[:72]}-{number}"
        return name

    def check_name(self, name: str) -> str:
        check_plain_name(name, "run")
        if name in self.names():
            raise BadName(f"there already is a run {name!r}; choose another name")
        return name

    def create(
        self,
        config: RunConfig,
        name: str = "",
        *,
        group: str = "",
        start_from: Run | None = None,
        which: str = "last",
    ) -> Run:
        """A new folder, queued. `start_from` copies that run's weights in, to fine-tune from.

        Raises UnknownDataset, BadName when the name is taken or not plain, BadRun when `start_from` has no
        weights.
        """
        find_spec(config.data.dataset, self.places)
        initial = None if start_from is None else _saved(start_from.weights(which))
        run_id = f"{config.data.dataset}-{secrets.token_hex(3)}"
        self.places.runs.mkdir(parents=True, exist_ok=True)
        with FileLock(self.places.runs / ".names.lock"):
            name = self.check_name(name) if name else self.free_name(default_name(config))
            work = self.places.runs / f".{run_id}"
            work.mkdir()
            if start_from is not None and initial is not None:
                write_atomically(work / "initial.safetensors", initial)
                training = dataclasses.replace(config.training, init_from=start_from.id)
                config = dataclasses.replace(config, training=training)
            run = Run(work, self.places)
            run.write_record(Record(run_id, name, _now(), config, None, {}, {}, group))
            run.write_status(Status(QUEUED, queued=time.time(), born=time.time()))
            final = self.places.runs / run_id
            work.rename(final)
        return Run(final, self.places)

    def rename(self, run: Run, name: str) -> None:
        run._writable()
        with FileLock(self.places.runs / ".names.lock"):
            record = run.record()
            if name != record.name:
                run.write_record(dataclasses.replace(record, name=self.check_name(name)))

    def delete(self, run: Run) -> None:
        """Remove a run, its notes and what was derived from it. Raises RunBusy while it is live."""
        run._writable()
        status = run.status()
        if status.live and time.time() - status.heartbeat < 60:
            raise RunBusy(f"{run.name} is being trained; stop it first")
        with contextlib.suppress(BadRun):
            shutil.rmtree(self.places.derived / run.stamp(), ignore_errors=True)
        gone = run.path.with_name(f".deleted-{run.id}")
        run.path.rename(gone)  # at once out of every list
        shutil.rmtree(gone, ignore_errors=True)
        shutil.rmtree(run.notes, ignore_errors=True)


def default_name(config: RunConfig) -> str:
    """E.g. faces-conv-beta4."""
    slug = config.objective.entry.slug or config.objective.entry.name
    weight = getattr(config.objective.objective.params, "beta", None)
    tail = f"{slug}{weight:g}" if weight is not None else slug
    return f"{config.data.dataset}-{config.model.architecture.name}-{tail}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
