"""Long work behind the pages: one after the other, in a thread of low priority, followed by whoever waits for it."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_core.errors import VaeCoreError

if TYPE_CHECKING:
    from vae_core.data.imageset import Progress

log = logging.getLogger("latent_explorer")

MOST = 512  # pieces of work that are remembered
PATIENCE = 10.0  # seconds until what is given up is left to itself


@dataclass
class Work:
    """A piece of work: followed while it is done, read when it is. `error` is a sentence, or empty."""

    name: str
    share: float = 0.0
    what: str = "waiting"
    error: str = ""
    done: bool = False
    unwanted: bool = False


class _GivenUpError(Exception):
    pass


_works: OrderedDict[Hashable, Work] = OrderedDict()
_queue: deque[tuple[Work, Callable[[Progress], object]]] = deque()
_lock = threading.Lock()
_thread: threading.Thread | None = None


def begin(key: Hashable, name: str, job: Callable[[Progress], object]) -> Work:
    """Begin `job`, unless that was done for this key: a key names all that the result depends on.

    `job` is given a progress callback; what that raises must end it. Done once, it is not done again, whether it
    succeeded or not.
    """
    global _thread
    with _lock:
        if key in _works:
            _works.move_to_end(key)
            return _works[key]
        work = _works[key] = Work(name)
        while len(_works) > MOST:
            _works.popitem(last=False)
        _queue.append((work, job))
        if _thread is None:
            _thread = threading.Thread(target=_work, name="behind", daemon=True)
            _thread.start()
        return work


def give_up() -> None:
    """End what is under way and forget all of it."""
    with _lock:
        for work in _works.values():
            work.unwanted = True
        for work, _ in _queue:  # or whoever follows it would wait for good
            work.done = True
        _queue.clear()
        _works.clear()
        thread = _thread
    if thread is not None:
        thread.join(PATIENCE)


def _work() -> None:
    global _thread
    with suppress(AttributeError, OSError):  # a thread of its own priority, where the system knows such
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)  # as training: somebody waits for it
    while True:
        with _lock:
            if not _queue:
                _thread = None
                return
            work, job = _queue.popleft()
        try:
            job(_progress(work))
        except _GivenUpError:
            pass
        except VaeCoreError as error:
            work.error = str(error)
        except Exception as error:  # a thread has no page of its own to show it on
            log.exception("%s failed", work.name)
            work.error = f"{type(error).__name__}: {error}"
        finally:
            work.done = True


def _progress(work: Work) -> Progress:
    def see(share: float, what: str) -> None:
        if work.unwanted:
            raise _GivenUpError
        work.share, work.what = min(1.0, float(share)), what

    return see
