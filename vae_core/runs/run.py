"""One run folder: the only thing that passes from training to looking.

    <home>/runs/<id>/
      config.json          settings as asked and as resolved, name, machine, data fingerprint
      events.jsonl         append-only, one event a line
      live.json            points of the curves since its last step, while the run learns; replaced
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
import json
import shutil
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from vae_core.config import RunConfig
from vae_core.errors import BadConfig, BadName, BadRun, ReadOnlyRun, RunBusy, RunNotFound
from vae_core.events import (
    Checkpoint,
    ClockCheckpoint,
    Command,
    Encoded,
    Event,
    Live,
    Resumed,
    Snapshot,
    Started,
    to_line,
)
from vae_core.places import HALF_WRITTEN, Places, check_not_look_only, write_atomically, write_json
from vae_core.reading import text
from vae_core.runs.array_files import (
    INITIAL,
    RESUME,
    WEIGHTS,
    EpochCodes,
    WeightsAt,
    load_tensors,
    named_weights,
    read_codes,
    read_picture,
    read_weights_at,
    stamp_of,
    write_codes,
    write_pictures,
    write_weights,
)
from vae_core.runs.control import CONTROL, add_request, check_request, last_number, read_requests
from vae_core.runs.event_log import MOST_BYTES_READ, EventLog
from vae_core.runs.live import LIVE, forget_live, read_live, write_live
from vae_core.runs.record import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    QUEUED,
    STOPPED,
    Record,
    Status,
    read_record,
    read_status,
    record_to_json,
    status_to_json,
)

if TYPE_CHECKING:
    from torch import Tensor

LONGEST_NOTE = 100_000  # characters
TRAIN_LOCK = ".train.lock"


class Run:
    """One run folder. Cheap to make; every method sees the disk as it is."""

    def __init__(self, path: Path, places: Places, *, read_only: bool = False) -> None:
        self.path, self.places, self.read_only = path, places, read_only

    @cached_property
    def _log(self) -> EventLog:
        return EventLog(self.path / "events.jsonl")

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
        """A person's words about the run, or an empty string; what is no UTF-8 is replaced, what is too long cut off."""
        try:
            with open(self.notes / "note.txt", "rb") as file:
                found = file.read(LONGEST_NOTE)
        except OSError:
            return ""
        return text(found.decode("utf-8", "replace"), most=LONGEST_NOTE)

    def write_note(self, words: str) -> None:
        """Keep a note, also of a pretrained run."""
        check_not_look_only()
        self.notes.mkdir(parents=True, exist_ok=True)
        write_atomically(self.notes / "note.txt", text(words, most=LONGEST_NOTE).encode())

    # ------------------------------------------------ settings and status

    def record(self) -> Record:
        """The settings. Raises RunNotFound when the folder is gone, BadRun when it cannot be read."""
        try:
            return read_record(f"{self.path}/config.json")
        except (FileNotFoundError, NotADirectoryError):
            raise RunNotFound(f"the run {self.id} is not there any more") from None
        except (OSError, ValueError, BadConfig, BadName) as error:
            raise BadRun(
                f"the run {self.id} cannot be read: config.json: {text(str(error), most=500)}"
            ) from None

    def write_record(self, record: Record) -> None:
        """Replace config.json. Raises ReadOnlyRun."""
        self.check_writable()
        write_json(self.path / "config.json", record_to_json(record))

    @property
    def name(self) -> str:
        return self.record().name

    def status(self) -> Status:
        """The last status written. A folder without one counts as finished (shipped) or interrupted, and one whose
        status cannot be read as failed. Raises RunNotFound.
        """
        try:
            return self.read_status()
        except BadRun as error:
            return Status(FAILED, error=str(error))

    def read_status(self) -> Status:
        """As `status`, but raises BadRun for one that cannot be read: whether it is being trained is not known then."""
        try:
            return read_status(f"{self.path}/status.json")
        except (FileNotFoundError, NotADirectoryError):
            if not self.path.is_dir():
                raise RunNotFound(f"the run {self.id} is not there any more") from None
            return Status(FINISHED if self.read_only else INTERRUPTED)
        except (OSError, ValueError) as error:
            raise BadRun(f"status.json cannot be read: {error}") from None

    def write_status(self, status: Status) -> None:
        """Replace status.json. Raises ReadOnlyRun."""
        self.check_writable()
        try:
            write_json(self.path / "status.json", status_to_json(status), durable=False)
        except OSError:
            # a full disk: the old file's own blocks are still ours to write into
            if not (self.path / "status.json").exists():
                raise
            (self.path / "status.json").write_text(json.dumps(status_to_json(status)))

    def update_status(self, **changes: Any) -> Status:
        """Change fields of the status by name, and return it. Raises ReadOnlyRun."""
        status = dataclasses.replace(self.status(), **changes)
        self.write_status(status)
        return status

    def lock(self) -> FileLock:
        """Held by whoever trains the run, for as long as it does."""
        return FileLock(self.path / TRAIN_LOCK)

    def is_trained(self) -> bool:
        """Whether a process trains the run, by its lock: the system gives that back when the process is gone."""
        if not (self.path / TRAIN_LOCK).exists():
            return False
        try:
            with self.lock().acquire(timeout=0):
                return False
        except Timeout:
            return True
        except (OSError, NotImplementedError):  # read-only, or a disk without locks
            return False

    def control_lock(self) -> FileLock:
        """Held while a request is written or the run leaves the queue."""
        return FileLock(self.path / ".control.lock")

    def check_writable(self) -> None:
        """Raises ReadOnlyRun for a run that is shipped with the package, LookOnly where visitors may only look."""
        check_not_look_only()
        if self.read_only:
            raise ReadOnlyRun(
                f"{self.id} is a pretrained run and stays as it was shipped; train a copy instead"
            )

    # ------------------------------------------------ events

    def append(self, event: Event) -> None:
        """Add an event's line; pictures, codes and weights go to files of their own first. Raises ReadOnlyRun.

        What comes by the clock has its file alone.
        """
        self.check_writable()
        names: dict[str, Any] = {}
        if isinstance(event, Live):
            write_live(self.path, event)
            return
        if isinstance(event, (Started, Resumed)):
            forget_live(self.path)  # of a process that was killed
        if isinstance(event, Snapshot):
            names = write_pictures(self.path, event)
        elif isinstance(event, Encoded):
            names = write_codes(self.path, event)
        elif isinstance(event, Checkpoint):
            self._log.sync()
            names = write_weights(self.path, event)
            if isinstance(event, ClockCheckpoint):
                return
        self._log.append(to_line(event, **names))

    def sweep(self) -> None:
        """Remove the half-written files of a process that was killed. The caller trains the run, and nobody else does.

        Settings and status are written by others too: those on their way are left for a minute.
        """
        for folder in (self.path, self.path / "snapshots", self.path / "codes"):
            for path in folder.glob(".*.*"):
                found = HALF_WRITTEN.fullmatch(path.name)
                with contextlib.suppress(OSError):
                    shared = found is not None and found[1] in ("config.json", "status.json")
                    if found and path.is_file() and (not shared or time.time() - path.stat().st_mtime > 60):
                        path.unlink()

    def close(self) -> None:
        """Stop writing events; `append` goes on where they end."""
        self._log.close()
        if not self.read_only:
            forget_live(self.path)

    def live_points(self) -> list[dict[str, Any]]:
        """Lines as of StepDone, which tell how a learning run does since the last one in the record."""
        return read_live(self.path)

    def lines(self, after: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Whole lines of events.jsonl from a byte offset on, parsed, and the offset to ask from next."""
        return self._log.lines(after)

    def raw_lines(self, after: int = 0, most: int = MOST_BYTES_READ) -> tuple[bytes, int]:
        """As `lines`, unparsed: up to `most` bytes of whole lines."""
        return self._log.raw_lines(after, most)

    def history(self) -> list[Event]:
        """All events that count: what a Resumed superseded is left out."""
        return self._log.history()

    def epoch_codes(self) -> list[EpochCodes]:
        """How the space formed: codes of the same images after one epoch and another, in order.

        An epoch whose file is missing or damaged is left out, and so is one of other images than the last has.
        """
        lines = {str(event.epoch): event for event in self.history() if isinstance(event, Encoded)}
        read = [read_codes(self.path, event) for event in lines.values()]
        found = sorted((codes for codes in read if codes is not None), key=lambda codes: codes.epoch)
        return [
            codes
            for codes in found
            if codes.mean.shape == found[-1].mean.shape and np.array_equal(codes.images, found[-1].images)
        ]

    def picture(self, name: str = "thumbnail.png") -> bytes | None:
        """A PNG of the run, such as an event of an epoch names it; None where it is missing or damaged."""
        return read_picture(self.path, name)

    # ------------------------------------------------ weights

    def has_weights(self) -> bool:
        """Whether a checkpoint was written, so that the run can be loaded."""
        return (self.path / WEIGHTS).exists()

    def arrays(self, which: str = "last") -> dict[str, np.ndarray]:
        """The named weights, float32. Raises BadRun when there are none; `best` falls back on `last`."""
        from safetensors.numpy import load_file

        everything = load_tensors(self.path / WEIGHTS, load_file)
        if everything is None:
            raise BadRun(f"the run {self.id} has no weights yet; wait for its first checkpoint")
        named = named_weights(everything, which) or named_weights(everything, "last")
        return {k: v.astype(np.float32) for k, v in named.items()}

    def weights(self, which: str = "last") -> dict[str, Tensor]:
        """As `arrays`, as tensors."""
        import torch

        return {k: torch.from_numpy(v) for k, v in self.arrays(which).items()}

    def stamp(self) -> str:
        """Sixteen hex digits that change whenever the weights do. Raises BadRun when there are none, RunNotFound when
        the run is gone.
        """
        try:
            return stamp_of(self.path / WEIGHTS)
        except FileNotFoundError:
            if not self.path.is_dir():
                raise RunNotFound(f"the run {self.id} was deleted; choose another one") from None
            raise BadRun(f"the run {self.id} has no weights yet; wait for its first checkpoint") from None
        except OSError as error:
            raise BadRun(f"the run {self.id}: its weights cannot be read ({error})") from None

    def weights_at(self) -> WeightsAt | None:
        """When the weights that are there were saved; None where there are none, or where they do not say."""
        return read_weights_at(self.path / WEIGHTS)

    def resume_state(self) -> dict[str, Tensor] | None:
        """What training goes on from; None before the first checkpoint. Raises BadRun when it is damaged."""
        from safetensors.torch import load_file

        return load_tensors(self.path / RESUME, load_file)

    def initial_weights(self) -> dict[str, Tensor] | None:
        """The weights a fine-tune starts from, copied into the folder when it was created."""
        from safetensors.torch import load_file

        return load_tensors(self.path / INITIAL, load_file)

    # ------------------------------------------------ requests

    def request(self, name: str, value: float | None = None) -> int:
        """Ask something of the run's process; returns the request's number. Raises BadConfig.

        A run that is still queued is stopped at once (number 0).
        """
        self.check_writable()
        check_request(name, value, self.record().config)
        with self.control_lock():
            if name == "stop" and self.status().state == QUEUED:
                self.update_status(state=STOPPED)
                return 0
            return add_request(self.path, name, value, self.status().control)

    def requests(self, after: int = 0) -> list[Command]:
        """Requests with a number above `after`, in order."""
        return read_requests(self.path, after)

    def reset(self) -> None:
        """Forget what was learned and queue the run anew, from the same config. Raises RunBusy."""
        self.check_writable()
        if self.status().live:
            raise RunBusy(f"{self.name} is being trained; stop it first")
        record = self.record()
        for name in ("events.jsonl", LIVE, CONTROL, WEIGHTS, RESUME, "thumbnail.png"):
            (self.path / name).unlink(missing_ok=True)
        for name in ("snapshots", "codes"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        training = dataclasses.replace(record.config.training, continued=(), continued_rates=())
        config = dataclasses.replace(record.config, training=training)
        self.write_record(dataclasses.replace(record, config=config, resolved=None))
        now = time.time()
        # the handle stays: what trained it may still be on its way out
        self.write_status(Status(QUEUED, self.status().handle, queued=now, born=now))

    def go_on(self, epochs: int = 0, gpus: int = 0) -> None:
        """Queue the run again: to where it was planned to end or, once finished, for `epochs` more; by as many processes as before, or
        by `gpus`.

        Raises RunBusy while it is live or queued, BadConfig when there is nothing left to do or, as in a shipped
        run's archive, nothing to go on from.
        """
        self.check_writable()
        status, record = self.status(), self.record()
        if status.live or status.state == QUEUED:
            raise RunBusy(f"{record.name} is already {status.state}")
        if self.has_weights() and not (self.path / RESUME).exists():
            raise BadConfig(
                f"{record.name} holds its weights alone, without the state training goes on from; "
                "fine-tune a new run from it instead"
            )
        if not epochs and status.state == FINISHED:
            raise BadConfig(f"{record.name} has finished; say for how many more epochs it should go on")
        if epochs or gpus:
            record = dataclasses.replace(
                record,
                config=_going_on(record.config, epochs, gpus),
                resolved=_going_on(record.resolved, epochs, gpus) if record.resolved else None,
            )
            self.write_record(record)
        # a pause or stop that was asked of the process before must not meet the next one
        control = last_number(self.path, status.control)
        over: dict[str, Any] = {"error": "", "note": "", "eta": None, "tries": 0, "control": control}
        self.write_status(dataclasses.replace(status, state=QUEUED, queued=time.time(), **over))


def _going_on(config: RunConfig, epochs: int, gpus: int) -> RunConfig:
    training = config.training.going_on(epochs) if epochs else config.training
    return dataclasses.replace(config, training=dataclasses.replace(training, gpus=gpus or training.gpus))
