"""Long work behind a page: submitted under a key, followed while it is done, read when it is, cancelled by anybody.

A lane is a queue with threads of its own. The task belongs to its key, not to a page: two tabs that want the same
share one task, and a page that is opened again finds it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar, cast

from vae_core.errors import VaeCoreError
from vae_core.places import check_not_look_only, look_only, why_unwritable

log = logging.getLogger("latent_explorer")

R = TypeVar("R")

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
PATIENCE = 10.0  # seconds until cancelled work is left to itself when the server ends


class TaskCancelled(Exception):  # noqa: N818
    """Raised within a job whose task was cancelled."""


class Task(Generic[R]):
    """One piece of work. Pages read `state`, `share`, `words`, `partial`, `result` and `error`, and may `cancel`.

    share: of the work that is done, in [0, 1]; words: what it does. partial: what a job shows before it is done, by
    `show`. result: what the job returned, once the state is DONE. error: a sentence, once it is FAILED, and `fault`
    the exception itself. returns_best: a task that is cancelled still comes to a result.
    """

    def __init__(self, name: str, *, returns_best: bool = False) -> None:
        self.name = name
        self.state = WAITING
        self.share = 0.0
        self.words = "waiting"
        self.partial: Any = None
        self.result: R | None = None
        self.error = ""
        self.fault: Exception | None = None
        self.cancelled = False
        self.returns_best = returns_best
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._on_cancel: list[Callable[[], object]] = []

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state in (DONE, FAILED, CANCELLED)

    def cancel(self) -> None:
        """Have it end soon. A job that returns its best so far still comes to a result."""
        with self._lock:
            if self.cancelled or self.done:
                return
            self.cancelled = True
            callbacks, self._on_cancel = self._on_cancel, []
            if self.state == WAITING and not self.returns_best:
                self.state = CANCELLED
                self._ended.set()
        for call in callbacks:
            call()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; whether it has."""
        return self._ended.wait(timeout)

    # ------------------------------------------------ for the job

    def report(self, share: float, words: str) -> None:
        """Say how far the job is. Raises TaskCancelled, which must end the job, unless it returns its best so far."""
        if self.cancelled and not self.returns_best:
            raise TaskCancelled
        self.share, self.words = min(1.0, float(share)), words

    def show(self, partial: Any) -> None:
        """Let pages see what there is already."""
        self.partial = partial

    def on_cancel(self, call: Callable[[], object]) -> None:
        """Have `call` called when the task is cancelled; at once if it was. It must not wait."""
        with self._lock:
            if not self.cancelled:
                self._on_cancel.append(call)
                return
        call()

    # ------------------------------------------------ for the lane

    def _end(
        self, state: str, result: R | None = None, error: str = "", fault: Exception | None = None
    ) -> None:
        with self._lock:
            if self.done:
                return
            self.result, self.error, self.fault, self.state = result, error, fault, state
            self._on_cancel.clear()
        self._ended.set()

    def _run(self, job: Callable[[Task[R]], R]) -> None:
        with self._lock:
            if self.done:  # cancelled while it waited
                return
            self.state = RUNNING
        try:
            result = job(self)
            if self.cancelled and not self.returns_best:
                raise TaskCancelled
        except TaskCancelled:
            self._end(CANCELLED)
        except VaeCoreError as error:
            self._end(FAILED, error=str(error), fault=error)
        except Exception as error:  # a thread has no page of its own to show it on
            log.exception("%s failed", self.name)
            words = why_unwritable(error) or f"{type(error).__name__}: {error}"
            self._end(FAILED, error=words, fault=error)
        else:
            self._end(DONE, result)


class Lane:
    """A queue of tasks of one kind, of which `workers` run at a time.

    niceness: of its threads, where the system gives a thread its own. remembered: tasks that have ended and can
    still be found. cancels_older: as soon as more are wanted than run at a time, those that nobody asked for longest
    are cancelled, for work that follows settings a person moves. writes: it measures or trains, which is refused where
    visitors may only look: its tasks fail with that sentence.
    """

    def __init__(
        self, name: str, *, workers: int = 1, niceness: int = 10, remembered: int = 64, cancels_older: bool = False,
        writes: bool = False,
    ) -> None:  # fmt: skip
        self.name, self.workers, self.niceness = name, workers, niceness
        self.remembered, self.cancels_older, self.writes = remembered, cancels_older, writes
        self._lock = threading.Lock()
        self._tasks: OrderedDict[Hashable, Task[Any]] = OrderedDict()
        self._queue: deque[tuple[Task[Any], Callable[[Task[Any]], Any]]] = deque()
        self._threads: set[threading.Thread] = set()
        _lanes.append(self)

    def submit(
        self, key: Hashable, job: Callable[[Task[R]], R], *, name: str, returns_best: bool = False
    ) -> Task[R]:  # fmt: skip
        """The task of `key`, which begins unless there is one: a key names all that the result depends on.

        `job` gets the task, and must call its `report` often. It is not done again, whether it succeeded or failed,
        until `forget` or until it was cancelled. returns_best: a cancelled job looks at `task.cancelled` and returns
        the best it has.
        """
        with self._lock:
            known = self._tasks.get(key)
            if known is not None and (returns_best or not known.cancelled):
                self._tasks.move_to_end(key)
                return cast("Task[R]", known)
            task: Task[R] = Task(name, returns_best=returns_best)
            self._tasks[key] = task
            self._tasks.move_to_end(key)
            ended = [k for k, t in self._tasks.items() if t.done]
            for old in ended[: max(0, len(ended) - self.remembered + 1)]:
                del self._tasks[old]
            self._queue.append((task, job))
            going = [t for t in self._tasks.values() if not t.done and not t.cancelled]
            if len(self._threads) < self.workers:
                thread = threading.Thread(target=self._work, name=self.name, daemon=True)
                self._threads.add(thread)
                thread.start()
        if self.cancels_older:
            for older in going[: -self.workers]:
                older.cancel()
        return task

    def find(self, key: Hashable) -> Task[Any] | None:
        """The task of a key, if it is remembered and nobody cancelled it, or it returns its best all the same."""
        with self._lock:
            task = self._tasks.get(key)
            if task is None or (task.cancelled and not task.returns_best):
                return None
            self._tasks.move_to_end(key)
            return task

    def forget(self, key: Hashable) -> None:
        """Cancel the task of a key if it goes on, and let it begin anew when it is submitted again."""
        with self._lock:
            task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()

    def tasks(self) -> list[Task[Any]]:
        """All that are remembered, the one asked for longest ago first."""
        with self._lock:
            return list(self._tasks.values())

    def forget_where(self, unwanted: Callable[[Any], bool]) -> None:
        """As `forget`, of every key of which `unwanted` says so."""
        with self._lock:
            keys = [key for key in self._tasks if unwanted(key)]
        for key in keys:
            self.forget(key)

    def forget_done(self) -> None:
        """Forget what has ended, with its results; what waits or runs goes on."""
        with self._lock:
            for key in [key for key, task in self._tasks.items() if task.done]:
                del self._tasks[key]

    def stop(self) -> list[threading.Thread]:
        """Cancel and forget everything; gives the threads that may still be ending."""
        with self._lock:
            tasks, waiting = list(self._tasks.values()), [task for task, _ in self._queue]
            self._queue.clear()
            self._tasks.clear()
            threads = list(self._threads)
        for task in tasks:
            task.cancel()
        for task in waiting:  # or whoever follows it would wait for good
            task._end(CANCELLED)
        return threads

    def _work(self) -> None:
        with contextlib.suppress(
            AttributeError, OSError
        ):  # a thread of its own priority, where there is such
            thread = threading.get_native_id()
            if self.niceness > os.getpriority(os.PRIO_PROCESS, thread):
                os.setpriority(os.PRIO_PROCESS, thread, self.niceness)
        while True:
            with self._lock:
                if not self._queue:
                    self._threads.discard(threading.current_thread())
                    return
                task, job = self._queue.popleft()
            task._run(_refused if self.writes and look_only() else job)


def _refused(task: Task[Any]) -> None:
    check_not_look_only()


_lanes: list[Lane] = []


def idle() -> bool:
    """Whether no task waits or runs in any lane."""
    return all(task.done for lane in _lanes for task in lane.tasks())


def forget_done() -> None:
    """Forget the tasks of every lane that have ended."""
    for lane in _lanes:
        lane.forget_done()


def stop_all() -> None:
    """Cancel every task of every lane and wait until all have ended, PATIENCE seconds at most."""
    until = time.monotonic() + PATIENCE
    for thread in [thread for lane in _lanes for thread in lane.stop()]:
        thread.join(max(0.0, until - time.monotonic()))
