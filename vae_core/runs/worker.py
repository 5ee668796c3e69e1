"""Train one run folder in this process, from whatever state it is in to its end.

`python -m vae_core.runs.worker --home HOME --data-dir DIR RUN_ID` is what the launcher starts; the command
line calls `train_run` in the foreground. Runs of a sweep that train faster as one are taken from the queue together.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from filelock import BaseFileLock, Timeout

from vae_core.config import RunConfig
from vae_core.data import find_spec, open_images
from vae_core.devices import choose_device
from vae_core.errors import BadConfig, BadRun, RunBusy, RunNotFound, VaeCoreError
from vae_core.events import Command, Controlled, Event, Failed, Finished, Resumed, Started, StepDone
from vae_core.models.build import choose_side
from vae_core.places import Places
from vae_core.runs.record import FAILED, FINISHED, PAUSED, QUEUED, RUNNING, STOPPED, Record, Status, data_of
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.training import machine_of, resolve, train

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.data.imageset import ImageSet

HEARTBEAT_SECONDS = 0.5
POLL_SECONDS = 0.05
Watch = Callable[[Event], None]


class StoppedEarly(Exception):  # noqa: N818 - no fault
    """A stop was asked for before the first step."""


class FileControl:
    """Requests from the run's control.jsonl, and a stop from inside the process (a signal)."""

    def __init__(self, run: Run) -> None:
        self.path = run.path / "control.jsonl"
        self.run, self.after, self.seen = run, 0, -1
        self.earlier = 0  # requests up to this number were made before the run was queued
        self.stop_asked = False

    def start(self, after: int, earlier: int) -> None:
        """Take up requests above `after`; of those up to `earlier` only settings, not a pause or stop of old."""
        self.after, self.earlier = after, earlier

    def pending(self) -> list[Command]:
        commands = self.run.requests(self.after)
        return [c for c in commands if c.number > self.earlier or c.name in ("beta", "learning_rate")]

    def stop_pending(self) -> bool:
        """Whether a stop waits to be taken up."""
        return self.stop_asked or any(command.name == "stop" for command in self.pending())

    def poll(self) -> list[Command]:
        if self.stop_asked:
            self.stop_asked = False
            return [Command(self.after, "stop")]
        try:
            size = os.stat(self.path).st_size
        except OSError:
            size = 0
        if size == self.seen:
            return []
        self.seen = size
        commands = self.pending()
        if commands:
            self.after = commands[-1].number
        return commands

    def wait(self) -> None:
        while not self.stop_asked:
            with contextlib.suppress(OSError):
                if os.stat(self.path).st_size != self.seen:
                    return
            time.sleep(POLL_SECONDS)


class Reporter:
    """Writes status.json twice a second from a thread of its own, so that a pause looks alive too."""

    def __init__(self, run: Run, control: FileControl) -> None:
        self.run, self.control = run, control
        process = psutil.Process()
        self.status = dataclasses.replace(
            run.status(), state=RUNNING, pid=process.pid, process_started=process.create_time(), error="",
            note="starting", eta=None,
        )  # fmt: skip
        self.speed = 0.0  # steps a second, smoothed
        self.last: tuple[int, float] | None = None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)
        self.write()
        self.thread.start()

    def write(self) -> None:
        self.run.write_status(dataclasses.replace(self.status, heartbeat=time.time()))

    def _beat(self) -> None:
        while not self.done.wait(HEARTBEAT_SECONDS):
            try:
                self.write()
            except OSError:
                if not self.run.path.is_dir():  # deleted under us: nobody is left to train for
                    self.control.stop_asked = True

    def preparing(self, share: float, what: str) -> None:
        """The progress of images on their way in; a stop need not wait for the last of them."""
        self.status = dataclasses.replace(self.status, note=f"preparing images: {what}")
        if self.control.stop_pending():
            raise StoppedEarly

    def hold_up(self, why: str) -> None:
        """Say why nothing is seen of the run until its next event."""
        self.status = dataclasses.replace(self.status, note=why, eta=None)

    def see(self, event: Event) -> None:
        changes: dict = {"step": getattr(event, "step", self.status.step), "note": ""}
        if isinstance(event, (Started, Resumed)):
            changes |= {"steps_total": event.steps_total, "epochs": event.epochs}
        elif isinstance(event, StepDone):
            changes |= {"epoch": event.epoch, "images_per_second": round(event.images_per_second, 1)}
            if self.last is not None and event.seconds > self.last[1]:
                now = (event.step - self.last[0]) / (event.seconds - self.last[1])
                self.speed = now if self.speed == 0 else 0.8 * self.speed + 0.2 * now
                changes["eta"] = round((self.status.steps_total - event.step) / max(1e-9, self.speed), 1)
            self.last = (event.step, event.seconds)
        elif isinstance(event, Controlled):
            changes["control"] = max(self.status.control, event.number)
            if event.command == "pause":
                changes |= {"state": PAUSED, "eta": None}
            elif event.command in ("resume", "step", "epoch"):
                changes["state"] = RUNNING
        self.status = dataclasses.replace(self.status, **changes)

    def end(self, state: str, error: str = "") -> Status:
        self.done.set()
        self.thread.join()
        self.status = dataclasses.replace(
            self.status, state=state, error=error, note="", eta=None, pid=0, process_started=0.0
        )
        self.write()
        return self.status


def train_run(run: Run, places: Places, watch: Watch | None = None) -> Status:
    """Train to the end or to a stop; faults end in status `failed` with a sentence, and are not raised.

    `watch` sees every event after it is stored. SIGTERM and Ctrl-C stop cleanly when this is the main thread.
    Raises RunBusy when another process trains the run, RunNotFound when it is gone.
    """
    run.status()  # raises when the run is gone; a lock would bring its folder back
    lock = run.lock()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunBusy(f"{run.name} is being trained by another process") from None
    try:
        control = FileControl(run)
        with _stop_on_signals(control):
            reporter = Reporter(run, control)
            try:
                state, error = _train(run, places, control, reporter, watch)
            except Exception as fault:
                state, error = _ended_by(fault)
            if not run.path.is_dir():
                raise RunNotFound(f"the run {run.id} was deleted while it trained")
            return reporter.end(state, error)
    finally:
        _let_go(run, lock)


def _train(
    run: Run, places: Places, control: FileControl, reporter: Reporter, watch: Watch | None
) -> tuple[str, str]:
    config, data, resume = _prepare(run, places, control, reporter)
    state, error = FAILED, "training ended without saying why"
    for event in train(config, data, control, resume, None if resume else run.initial_weights()):
        run.append(event)
        reporter.see(event)
        if watch is not None:
            watch(event)
        if isinstance(event, (Finished, Failed)):
            state, error = _end_of(event)
    return state, error


def train_stack(runs: Sequence[Run], places: Places, watches: Sequence[Watch]) -> list[Status]:
    """Train fresh runs that differ in β alone as one model, each into its own folder as `train_run` would.

    A stop asked of one lets the others go on (those are queued again if it came before the first step); a signal stops
    all; a fault that is not one run's own (a full disk) ends all. What they learn is, but for rounding, what they
    would have learned apart; the record says how many were stacked. Raises RunBusy when another process trains one of them, RunNotFound when one is gone, BadConfig when they
    cannot be stacked.
    """
    from vae_core.training.stacked import train_stacked, why_apart

    if reason := why_apart([run.record().config for run in runs]):
        raise BadConfig(reason)
    if begun := [run.name for run in runs if run.has_weights()]:
        raise BadConfig(f"{', '.join(begun)} began before; a stack takes runs that have not")
    locks = [run.lock() for run in runs]
    with contextlib.ExitStack() as held:
        for run, lock in zip(runs, locks, strict=True):
            run.status()  # raises when the run is gone; a lock would bring its folder back
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise RunBusy(f"{run.name} is being trained by another process") from None
            held.callback(_let_go, run, lock)
        controls = [FileControl(run) for run in runs]
        held.enter_context(_stop_on_signals(*controls))
        reporters = [Reporter(run, control) for run, control in zip(runs, controls, strict=True)]
        statuses: dict[int, Status] = {}

        def end(number: int, state: str, error: str) -> None:
            if number not in statuses:
                statuses[number] = reporters[number].end(state, error)
                _let_go(runs[number], locks[number])  # the others may go on for hours

        try:
            prepared = [
                _prepare(run, places, control, reporter, stacked=len(runs))
                for run, control, reporter in zip(runs, controls, reporters, strict=True)
            ]
            configs, data = [config for config, _, _ in prepared], prepared[0][1]
            for number, event in train_stacked(configs, data, controls):
                runs[number].append(event)
                reporters[number].see(event)
                if isinstance(event, Controlled) and event.command == "pause":
                    for other, reporter in enumerate(reporters):
                        if other != number and other not in statuses:
                            reporter.hold_up(f"held up while {runs[number].name} is paused")
                watches[number](event)
                if isinstance(event, (Finished, Failed)):
                    end(number, *_end_of(event))
        except StoppedEarly:
            for number, control in enumerate(controls):
                end(number, STOPPED if control.stop_pending() else QUEUED, "")
        except Exception as fault:
            state, error = _ended_by(fault)
            for number in range(len(runs)):
                end(number, state, error)
        return [statuses[number] for number in range(len(runs))]


def stack_of(queue: Sequence[Run]) -> list[Run]:
    """Of runs that wait, the first and those that can be trained with it as one; it alone where that is no faster."""
    from vae_core.training.stacked import MOST, pays, why_apart

    config = queue[0].record().config
    fresh = [run for run in queue if not run.has_weights()]
    alike = [run for run in fresh if run is queue[0] or not why_apart([config, run.record().config])][:MOST]
    together = queue[0] in alike and pays(config, choose_device(config.training.device), len(alike))
    return alike if together else list(queue[:1])


def train_from_queue(run: Run, places: Places) -> Status:
    """Train a run that left the queue, together with those of its sweep that still wait there if that is faster.

    Raises RunBusy and RunNotFound as `train_run` does.
    """
    taken = [other for other in _stack_from_queue(run, places) if _take(other)]
    try:
        if taken and len(stack_of([run, *taken])) == 1 + len(taken):
            return train_stack([run, *taken], places, [lambda event: None] * (1 + len(taken)))[0]
    except (RunBusy, RunNotFound, BadConfig):
        pass  # one of them was taken or deleted meanwhile: each on its own, then
    finally:
        for other in taken:
            _give_back(other)
    return train_run(run, places)


def _stack_from_queue(run: Run, places: Places) -> list[Run]:
    """The runs that wait and train faster with `run` as one, in the order of the queue."""
    group, waiting = run.record().group, []
    if not group:
        return []
    for other in Store(places).own():
        with contextlib.suppress(VaeCoreError):
            status = other.status()
            if status.state == QUEUED and other.id != run.id and other.record().group == group:
                waiting.append((status.queued, other.id, other))
    return stack_of([run, *(other for _, _, other in sorted(waiting, key=lambda w: w[:2]))])[1:]


def _take(run: Run) -> bool:
    """Take a run from the queue into this process, unless it was stopped or taken meanwhile."""
    with contextlib.suppress(VaeCoreError, OSError), run.control_lock():
        status = run.status()
        if status.state == QUEUED:
            process = psutil.Process()
            run.write_status(
                dataclasses.replace(
                    status, state=RUNNING, pid=process.pid, process_started=process.create_time(),
                    heartbeat=time.time(), note="starting",
                )
            )  # fmt: skip
            return True
    return False


def _give_back(run: Run) -> None:
    """Queue a run again that was taken and not trained; what was trained has said how it ended."""
    with contextlib.suppress(VaeCoreError, OSError), run.control_lock():
        status = run.status()
        if status.live and status.pid == os.getpid():
            run.write_status(dataclasses.replace(status, state=QUEUED, pid=0, process_started=0.0, note=""))


def _let_go(run: Run, lock: BaseFileLock) -> None:
    run.close()
    with contextlib.suppress(OSError):
        lock.release()


def _end_of(event: Finished | Failed) -> tuple[str, str]:
    if isinstance(event, Failed):
        return FAILED, event.reason
    return (STOPPED if event.reason == "stopped" else FINISHED), ""


def _ended_by(fault: Exception) -> tuple[str, str]:
    """The state a fault leaves a run in, and a sentence."""
    if isinstance(fault, StoppedEarly):
        return STOPPED, ""
    if isinstance(fault, VaeCoreError):
        return FAILED, str(fault)
    if isinstance(fault, OSError):
        return FAILED, _say_os_error(fault)
    if isinstance(fault, MemoryError):
        return FAILED, "memory ran out; a smaller batch, model or image side needs less"
    traceback.print_exception(fault)
    return FAILED, f"{type(fault).__name__}: {fault}"


def _prepare(
    run: Run, places: Places, control: FileControl, reporter: Reporter, *, stacked: int = 0
) -> tuple[RunConfig, ImageSet, dict[str, Tensor] | None]:
    """Resolved settings, written into the record, the images, and what to go on from."""
    record = run.record()
    resume = run.resume_state()
    control.start(int(resume["scalars"][-1]) if resume else 0, reporter.status.control)
    asked = _for_this_machine(record)
    side = choose_side(asked, find_spec(asked.data.dataset, places).sides)
    data = open_images(asked.data.dataset, side, places, reporter.preparing)
    if resume and record.data and record.data["fingerprint"] != data.fingerprint:
        raise BadRun(
            f"the dataset {data.name} is not the one this run began with; train a new run on it instead"
        )
    config = resolve(asked, data)
    # read anew: preparing the images may have taken minutes, in which the run was renamed
    machine = machine_of(config) | ({"stacked": stacked} if stacked else {})
    run.write_record(dataclasses.replace(run.record(), resolved=config, machine=machine, data=data_of(data)))
    return config, data, resume


def _for_this_machine(record: Record) -> RunConfig:
    """The resolved settings, but for a device that was found on the machine it began on and is not here."""
    try:
        choose_device(record.effective.training.device)
        return record.effective
    except BadConfig:
        asked = record.config.training
        training = dataclasses.replace(
            record.effective.training, device=asked.device, precision=asked.precision, threads=asked.threads
        )
        return dataclasses.replace(record.effective, training=training)


def _say_os_error(fault: OSError) -> str:
    where = f" ({fault.filename})" if fault.filename else ""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"the disk is full or a size limit is reached{where}: {fault.strerror}. What was saved is kept; "
            "free some space, then resume"
        )
    return f"a file could not be read or written{where}: {fault.strerror or fault}"


@contextlib.contextmanager
def _stop_on_signals(*controls: FileControl):
    """SIGINT and SIGTERM ask for a stop; only the main thread may set that up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(signum: int, frame: object) -> None:
        for control in controls:
            control.stop_asked = True

    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m vae_core.runs.worker", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("run")
    args = parser.parse_args(argv)
    with contextlib.suppress(psutil.Error, OSError):
        # pages stay quick while a run trains
        psutil.Process().nice(10 if os.name == "posix" else psutil.BELOW_NORMAL_PRIORITY_CLASS)
    places = Places(Path(args.home), Path(args.data_dir))
    try:
        status = train_from_queue(Run(places.runs / args.run, places), places)
    except (RunBusy, RunNotFound) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0 if status.state in (FINISHED, STOPPED) else 1


if __name__ == "__main__":
    sys.exit(main())
