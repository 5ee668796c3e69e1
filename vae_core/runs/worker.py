"""Train one run folder in this process, from whatever state it is in to its end.

`python -m vae_core.runs.worker --queued --home HOME --data-dir DIR RUN_ID` is what a launcher starts; the command line
calls `train_run` in the foreground. Runs of a sweep that train faster as one are taken from the queue together.
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
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from filelock import BaseFileLock, Timeout

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.devices import choose_device
from vae_core.errors import BadConfig, BadRun, RunBusy, RunNotFound, VaeCoreError
from vae_core.events import Controlled, Event, Failed, Finished
from vae_core.places import Places
from vae_core.runs.control import FileControl
from vae_core.runs.event_log import tells_of
from vae_core.runs.launchers import Handle
from vae_core.runs.launchers.local import is_mine, own_handle
from vae_core.runs.queue import put_back, stack_mates, stack_of, take
from vae_core.runs.ranks import team_of
from vae_core.runs.record import FAILED, FINISHED, QUEUED, STOPPED, Record, Status, data_of
from vae_core.runs.reporter import Reporter, StoppedEarly
from vae_core.runs.run import Run
from vae_core.runs.timing import Stopwatch, remember, step_seconds
from vae_core.training import Clock, machine_of, resolve, settle, side_of, train
from vae_core.training.checkpoint import CLOCK, position

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.data.imageset import ImageSet

LOCK_SECONDS = 0.5
Watch = Callable[[Event], None]


def train_run(run: Run, places: Places, watch: Watch | None = None, handle: Handle | None = None) -> Status:
    """Train to the end or to a stop; faults end in status `failed` with a sentence, and are not raised.

    `watch` sees every event after it is stored; `handle` names what trains it, this process unless given. SIGTERM and Ctrl-C stop cleanly when this is the main thread.
    Raises RunBusy when another process trains the run, RunNotFound when it is gone.
    """
    with contextlib.ExitStack() as held:
        _locked(run, held)
        control = FileControl(run.path)
        held.enter_context(_stop_on_signals(control))
        reporter = Reporter(run, control, handle)
        try:
            state, error = _train(run, places, control, reporter, watch)
        except Exception as fault:
            state, error = _ended_by(fault)
        if not run.path.is_dir():
            raise RunNotFound(f"the run {run.id} was deleted while it trained")
        return reporter.end(state, error)


def _train(
    run: Run, places: Places, control: FileControl, reporter: Reporter, watch: Watch | None
) -> tuple[str, str]:
    config, data, resume = _prepare(run, places, control, reporter)
    state, error = FAILED, "training ended without saying why"
    initial = None if resume else run.initial_weights()
    # one by the clock has no line that a kill could have lost
    told = not resume or CLOCK in resume or tells_of(run.history(), *position(resume))
    taken = Stopwatch()
    with team_of(run, config, control) as team:
        for event in train(config, data, control, resume, initial, Clock(), told, team):
            taken.came(event)
            run.append(event)
            reporter.see(event)
            taken.handled()
            if watch is not None:
                watch(event)
            if isinstance(event, (Finished, Failed)):
                state, error = _end_of(event)
    remember(places, config, data.fingerprint, taken)
    return state, error


def train_stack(
    runs: Sequence[Run], places: Places, watches: Sequence[Watch], handle: Handle | None = None
) -> list[Status]:
    """Train fresh runs that differ in β alone as one model, each into its own folder as `train_run` would.

    A stop asked of one lets the others go on (those are queued again if it came before the first step); a signal stops
    all; a fault that is not one run's own (a full disk) ends all. What they learn is, but for rounding, what they
    would have learned apart; the record says how many were stacked. Raises RunBusy when another process trains one of
    them, RunNotFound when one is gone, BadConfig when they cannot be stacked.
    """
    from vae_core.training.stacked import why_apart

    if reason := why_apart([run.record().config for run in runs]):
        raise BadConfig(reason)
    if begun := [run.name for run in runs if run.has_weights()]:
        raise BadConfig(f"{', '.join(begun)} began before; a stack takes runs that have not")
    with contextlib.ExitStack() as held:
        locks = [_locked(run, held) for run in runs]
        controls = [FileControl(run.path) for run in runs]
        held.enter_context(_stop_on_signals(*controls))
        stack = [
            Stacked(run, lock, control, Reporter(run, control, handle), watch)
            for run, lock, control, watch in zip(runs, locks, controls, watches, strict=True)
        ]
        try:
            _train_together(stack, places)
        except StoppedEarly:
            for one in stack:
                one.end(STOPPED if one.control.stop_pending() else QUEUED)
        except Exception as fault:
            state, error = _ended_by(fault)
            for one in stack:
                one.end(state, error)
        return [one.reporter.status for one in stack]


@dataclass
class Stacked:
    """One run of a stack, as it is trained with the others."""

    run: Run
    lock: BaseFileLock
    control: FileControl
    reporter: Reporter
    watch: Watch
    ended: bool = False

    def end(self, state: str, error: str = "") -> None:
        """Say how the run ended, unless it has, and let go of it: the others may go on for hours."""
        if not self.ended:
            self.ended = True
            self.reporter.end(state, error)
            _let_go(self.run, self.lock)


def _train_together(stack: Sequence[Stacked], places: Places) -> None:
    from vae_core.training.stacked import train_stacked

    prepared = [_prepare(one.run, places, one.control, one.reporter, stacked=len(stack)) for one in stack]
    configs, data = [config for config, _, _ in prepared], prepared[0][1]
    controls, clocks = [one.control for one in stack], [Clock() for _ in stack]
    for number, event in train_stacked(configs, data, controls, clocks=clocks):
        one = stack[number]
        one.run.append(event)
        one.reporter.see(event)
        if isinstance(event, Controlled) and event.command == "pause":
            for other in stack:
                if other is not one and not other.ended:
                    other.reporter.hold_up(f"held up while {one.run.name} is paused")
        one.watch(event)
        if isinstance(event, (Finished, Failed)):
            one.end(*_end_of(event))
    for one in stack:
        one.end(FAILED, "training ended without saying why")


def _locked(run: Run, held: contextlib.ExitStack) -> BaseFileLock:
    """The run's lock, held until `held` closes. Raises RunBusy, RunNotFound."""
    run.status()  # raises when the run is gone; a lock would bring its folder back
    lock = run.lock()
    try:
        lock.acquire(timeout=LOCK_SECONDS)  # who only asks whether it is held lets go at once
    except Timeout:
        raise RunBusy(f"{run.name} is being trained by another process") from None
    held.callback(_let_go, run, lock)
    return lock


def train_from_queue(run: Run, places: Places, handle: Handle | None = None) -> Status:
    """Train a run that left the queue, together with those of its sweep that still wait there if that is faster.

    Raises RunBusy and RunNotFound as `train_run` does.
    """
    mine = handle or own_handle()
    taken = [other for other in stack_mates(run, places) if take(other, mine)]
    try:
        if taken and len(stack_of([run, *taken])) == 1 + len(taken):
            watches: list[Watch] = [lambda event: None] * (1 + len(taken))
            return train_stack([run, *taken], places, watches, handle)[0]
    except (RunBusy, RunNotFound, BadConfig):
        pass  # one of them was taken or deleted meanwhile: each on its own, then
    finally:
        for other in taken:
            put_back(other, mine)
    return train_run(run, places, handle=handle)


def handle_from_queue(run: Run, job: str = "") -> Handle | None:
    """The handle that the queue writes into the status of a run it has just started a worker for, as that job of a cluster.

    None where it wrote none or another's: it ended before it could, and the run waits for, or has, another worker.
    """
    with run.control_lock():  # which the queue holds until it has written it
        status = run.status()
    handle = status.handle if status.live else None
    if handle is None or not is_mine(handle) or (job and handle.job.get("job") != job):
        return None
    return handle


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
    run.sweep()
    resume = run.resume_state()
    control.start(position(resume)[1] if resume else 0, reporter.status.control)
    asked = _for_this_machine(record)
    data = open_images(asked.data.dataset, side_of(asked, places), places, reporter.preparing)
    if resume and record.data and record.data.get("fingerprint") != data.fingerprint:
        raise BadRun(
            f"the dataset {data.name} is not the one this run began with; train a new run on it instead"
        )
    chosen = settle(asked, data, step_seconds(data, places))
    config = resolve(chosen, data)
    # read anew: preparing the images may have taken minutes, in which the run was renamed
    machine = machine_of(config) | ({"stacked": stacked} if stacked else {})
    record = run.record()
    if record.resolved is None:  # what was chosen for the images stays chosen, after a reset too
        record = dataclasses.replace(record, config=chosen)
    run.write_record(dataclasses.replace(record, resolved=config, machine=machine, data=data_of(data)))
    return config, data, resume


def _for_this_machine(record: Record) -> RunConfig:
    """The resolved settings, but for a device that was found on the machine it began on and is not here."""
    try:
        choose_device(record.effective.training.device)
        return record.effective
    except BadConfig:
        asked = record.config.training
        training = dataclasses.replace(
            record.effective.training, device=asked.device, precision=asked.precision, threads=asked.threads,
            gpus=1,
        )  # fmt: skip
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
def _stop_on_signals(*controls: FileControl) -> Iterator[None]:
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


def be_polite() -> None:
    """Give way to others on this machine, so that pages stay quick while a run trains."""
    with contextlib.suppress(psutil.Error, OSError):
        psutil.Process().nice(10 if os.name == "posix" else psutil.BELOW_NORMAL_PRIORITY_CLASS)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m vae_core.runs.worker", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--queued", action="store_true", help="started by the queue: report under its handle")
    parser.add_argument("--job", default="", help="of a cluster: another job's handle is not this worker's")
    parser.add_argument("--apart", action="store_true", help="take no other run from the queue along")
    parser.add_argument("run")
    args = parser.parse_args(argv)
    be_polite()
    places = Places(Path(args.home), Path(args.data_dir))
    try:
        run = Run(places.runs / args.run, places)
        run.status()  # raises when the run is gone; a lock would bring its folder back
        handle = handle_from_queue(run, args.job) if args.queued else None
        if args.queued and handle is None:
            raise RunBusy(
                f"{run.id} was not given to this worker: the server that started it ended before it had"
            )
        status = (train_run if args.apart else train_from_queue)(run, places, handle=handle)
    except (RunBusy, RunNotFound) as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    return 0 if status.state in (FINISHED, STOPPED) else 1


if __name__ == "__main__":
    sys.exit(main())
