"""The queue of a home: runs wait in it for their turn, are started, adopted and marked when what trained them is gone.

A run's place in the queue is its status, so that everybody sees the same queue; nothing of it lives in memory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from vae_core.errors import BadRun, RunNotFound, VaeCoreError
from vae_core.places import Places
from vae_core.reading import text
from vae_core.runs.gone import mark_if_gone
from vae_core.runs.launchers import LOCAL, Handle, cluster_of, find_launcher, is_alive
from vae_core.runs.launchers.local import FOREGROUND
from vae_core.runs.record import COMPARED, ENDED, FAILED, QUEUED, RUNNING, Status
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.words import counted

TICK_SECONDS = 0.25
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0  # seconds until a run whose worker could not be started is tried again
LOCK_SECONDS = 5.0  # for another's request to be written
log = logging.getLogger(__name__)


def pause_after(took: float) -> float:
    """Seconds until the next look, after one that took so many of processor time: a home of thousands of runs costs a tenth
    of a core at most."""
    return max(TICK_SECONDS, 9 * took)


class Queue:
    """Keeps at most `slots` workers of a home training, started by the launcher of that name; without `slots` as many as a
    cluster has room for. A run whose worker is lost is started again up to `retry` times.

    One queue per home is active; those of other servers wait until it stops. A slot is free again once all that trained
    in it is gone, not when its run says that it has ended. No fault of one run stops another: it is logged, said in that
    run's status, and the queue goes on. Which runs of a sweep a worker trains as one it finds out itself: that needs torch,
    which a server is to answer without. Raises UnknownLauncher.
    """

    def __init__(
        self,
        places: Places,
        slots: int | None = 1,
        launcher: str = LOCAL,
        now: Callable[[], float] = time.monotonic,
        retry: int = 0,
    ) -> None:
        self.places, self.now, self.retry = places, now, retry
        self.launcher, self.cluster = find_launcher(launcher), cluster_of(launcher)
        self.slots = slots if slots is not None or self.cluster is not None else 1
        self.store = Store(places)
        with contextlib.suppress(OSError):  # a home that cannot be written is only looked at
            places.home.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(places.home / ".launcher.lock", thread_local=False)
        self.lock_file = 0  # inode of the file that is locked; 0 while none is
        self.stopping = threading.Event()
        self.woken = threading.Event()
        self.thread: threading.Thread | None = None
        self.holding: dict[str, Handle] = {}  # what may still run, by its key
        self.gone: set[str] = set()  # keys of what was seen to be gone: that does not come back
        self.waits: dict[str, Wait] = {}  # runs whose worker could not be started, or not begin, by id
        self.started: dict[
            str, Wait | None
        ] = {}  # runs whose worker was started here, with how long they had waited
        self.settled: dict[str, Stamp] = {}  # runs that have ended and hold nothing, by the file that said so
        self.said: dict[str, str] = {}  # the last fault of each run that was logged, by id

    def start(self) -> None:
        """Look after the queue from a thread of its own."""
        self.thread = threading.Thread(target=self._loop, name="queue", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Leave the queue to another server. Runs that train go on."""
        self.stopping.set()
        self.woken.set()
        if self.thread is not None:
            self.thread.join()
        self._leave()

    def wake(self) -> None:
        """Look at once, e.g. because a run was queued."""
        self.woken.set()

    def _loop(self) -> None:
        while not self.stopping.is_set():
            began = time.thread_time()
            try:
                self.tick()
            except Exception as fault:  # whatever it is, the queue of a server lives as long as the server
                self._say("", fault)
            self.woken.wait(pause_after(time.thread_time() - began))
            self.woken.clear()

    def tick(self) -> None:
        """One look: mark what is gone, start what waits."""
        if not self._active():
            return
        runs, busy, waiting = self.store.own(), set[str](), []
        for run in runs:
            try:
                status = self._look(run, busy)
                if status is not None and status.state == QUEUED:
                    waiting.append((status.queued, run.id, run))
            except VaeCoreError:
                pass  # deleted meanwhile, or of a launcher that is not known here: it holds nobody up
            except Exception as fault:
                self._say(run.id, fault)
        busy |= self._still_held()
        free = float("inf") if self.slots is None else self.slots - len(busy)
        self.waits = {r.id: self.waits[r.id] for r in runs if r.id in self.waits}
        for _, _, run in sorted(waiting, key=lambda entry: entry[:2]):
            if free <= 0:
                break
            if run.id in self.started:  # it came back without having begun, or was lost
                self.waits[run.id] = Wait.after(self.started.pop(run.id), self.now())
            if not self._has_room(run):
                break
            free -= self._try(run)

    def launch(self, run: Run) -> None:
        """Start a run that waits; one that was stopped meanwhile is left alone.

        Raises VaeCoreError for one that cannot be read, and whatever the launcher does that cannot start it.
        """
        lock = run.control_lock()
        with lock.acquire(timeout=LOCK_SECONDS):
            if run.status().state != QUEUED:
                return
            run.record()  # a worker could not read it either
            handle = self.launcher.start(self.places, run.id)
            self.holding[_key(handle)] = handle
            try:
                _set_running(run, handle)
            except BaseException:  # nobody could tell that it trains: then it must not
                self.launcher.stop(handle)
                raise

    # ------------------------------------------------ which queue is active

    def _active(self) -> bool:
        """Whether this is the queue that looks after the home; it becomes so when no other is."""
        if self.lock.is_locked and self.lock_file == _inode(self.lock.lock_file):
            return True
        self._leave()  # the file was removed under it: another queue may hold the new one
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            return False
        self.lock_file = _inode(self.lock.lock_file)
        return True

    def _leave(self) -> None:
        with contextlib.suppress(OSError):
            self.lock.release(force=True)

    # ------------------------------------------------ what runs, and what does not

    def _look(self, run: Run, busy: set[str]) -> Status | None:
        """The status of a run, marked when what trained it is gone; `busy` gets what holds a slot for it."""
        stamp = _stamp(run.path / "status.json")
        if any(stamp) and self.settled.get(run.id) == stamp:
            return None  # a home may hold hundreds of these, and this is asked four times a second
        try:
            status = run.read_status()
        except RunNotFound:
            return None
        except BadRun as fault:
            if run.is_trained():
                busy.add(run.id)
            else:
                self._say(run.id, fault)
                run.write_status(
                    Status(FAILED, error=f"{fault}. Resume it to go on from the last checkpoint")
                )
            return None
        handle = status.handle
        key = "" if handle is None else _key(handle)
        # a notebook holds a slot for as long as it trains a run, not for as long as it is open
        if handle is not None and key not in self.gone and not handle.job.get(FOREGROUND):
            self.holding[key] = handle
        if status.state in ENDED:
            self.started.pop(run.id, None)
            self.waits.pop(run.id, None)
            if handle is not None and key in self.holding and status.silent and _out_of_reach(handle):
                self._let_go(key)
            if handle is None or key in self.gone:
                self.settled[run.id] = stamp
        if status.live:
            if mark_if_gone(run, self.retry):
                self._let_go(key)
                if run.status().state in ENDED:  # whoever resumes it need not wait
                    self.started.pop(run.id, None)
            else:
                busy.add(run.id if handle is None or key in self.gone else key)
        return status

    def _let_go(self, key: str) -> None:
        self.holding.pop(key, None)
        self.gone.add(key)

    def _still_held(self) -> set[str]:
        """Keys of what still runs, also where its run says that it has ended, was reset or deleted."""
        for key, handle in list(self.holding.items()):
            try:
                alive = is_alive(handle)
            except VaeCoreError:  # of a launcher that is not known here
                alive = False
            except Exception as fault:  # whether it runs cannot be told just now: then it may
                self._say(key, fault)
                continue
            if not alive:
                self._let_go(key)
        return set(self.holding)

    def _has_room(self, run: Run) -> bool:
        """Whether a cluster would begin the run now; one that cannot be asked is told to start it, and says why it cannot."""
        try:
            return self.cluster is None or self.cluster.has_room(self.places, run.id)
        except (OSError, VaeCoreError):
            return True

    def _try(self, run: Run) -> bool:
        """Start a run, unless that failed and it is not yet time to try again; whether it takes a slot of this look."""
        wait = self.waits.get(run.id)
        if wait is not None and self.now() < wait.until:
            return False
        try:
            self.launch(run)
            self.started[run.id] = self.waits.pop(run.id, None)
        except Exception as fault:
            self._say(run.id, fault)
            self.waits[run.id] = wait = Wait.after(wait, self.now())
            with contextlib.suppress(OSError, VaeCoreError), run.control_lock().acquire(timeout=0):
                if run.status().state == QUEUED:
                    why = (
                        f"its worker cannot be started: {text(str(fault), most=300) or type(fault).__name__}"
                    )
                    run.update_status(note=f"{why}; it is tried again every {wait.seconds:.0f} s")
        return True

    def _say(self, run_id: str, fault: Exception) -> None:
        """Log a fault, once for as long as it stays the same."""
        words = f"{type(fault).__name__}: {fault}"
        if self.said.get(run_id) != words:
            self.said[run_id] = words
            unforeseen = None if isinstance(fault, (OSError, VaeCoreError)) else fault
            log.error("%s: %s", f"the run {run_id}" if run_id else "the queue", words, exc_info=unforeseen)


@dataclass(frozen=True)
class Wait:
    """How long a run waits whose worker could not be started: twice as long each time."""

    seconds: float
    until: float  # on the queue's clock

    @classmethod
    def after(cls, before: Wait | None, now: float) -> Wait:
        """The wait after one more failure."""
        seconds = FIRST_WAIT if before is None else min(LONGEST_WAIT, 2 * before.seconds)
        return cls(seconds, now + seconds)


def _out_of_reach(handle: Handle) -> bool:
    try:
        is_alive(handle)
    except OSError:
        return True
    except VaeCoreError:  # of a launcher that is not known here
        pass
    return False


def _key(handle: Handle) -> str:
    return json.dumps([handle.launcher, handle.job], sort_keys=True)


Stamp = tuple[int, int, int]


def _stamp(path: Path) -> Stamp:
    """What changes whenever a file is replaced; zeros where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0, 0
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def in_turn(store: Store, group: str = "") -> list[Run]:
    """The runs that wait, those of a group alone where one is named, in the order they were queued."""
    waiting = []
    for run in store.own():
        with contextlib.suppress(VaeCoreError):
            status = run.status()
            if status.state == QUEUED and (not group or run.record().group == group):
                waiting.append((status.queued, run.id, run))
    return [run for _, _, run in sorted(waiting, key=lambda entry: entry[:2])]


def stack_of(queue: Sequence[Run]) -> list[Run]:
    """Of runs that wait, the first and those that can be trained with it as one; it alone where that is no faster."""
    from vae_core.devices import choose_device
    from vae_core.training.stacked import MOST, pays, why_apart

    config = queue[0].record().config
    fresh = [run for run in queue if not run.has_weights()]
    alike = [run for run in fresh if run is queue[0] or not why_apart([config, run.record().config])][:MOST]
    together = queue[0] in alike and pays(config, choose_device(config.training.device), len(alike))
    return alike if together else list(queue[:1])


def stack_mates(run: Run, places: Places) -> list[Run]:
    """The runs of `run`'s sweep that wait and train faster with it as one, in the order of the queue.

    Those of a comparison train one by one: each is asked how long it took.
    """
    group = run.record().group
    if not group or group.startswith(COMPARED):
        return []
    return stack_of([run, *(other for other in in_turn(Store(places), group) if other.id != run.id)])[1:]


def take(run: Run, handle: Handle) -> bool:
    """Take a run from the queue for the worker that `handle` names, unless it was stopped or taken meanwhile."""
    with contextlib.suppress(VaeCoreError, OSError), run.control_lock():
        if run.status().state == QUEUED:
            _set_running(run, handle)
            return True
    return False


def put_back(run: Run, handle: Handle) -> None:
    """Queue a run again that was taken and not trained; one that was trained has said how it ended."""
    with contextlib.suppress(VaeCoreError, OSError), run.control_lock():
        status = run.status()
        if status.live and status.handle == handle:
            run.write_status(replace(status, state=QUEUED, handle=None, note=""))


def _set_running(run: Run, handle: Handle) -> None:
    """Say that a run is on its way; the caller holds its control lock."""
    tries = run.status().tries
    note = f"starting again after it was lost ({counted(tries, 'time')})" if tries else "starting"
    run.update_status(state=RUNNING, handle=handle, heartbeat=time.time(), note=note)
