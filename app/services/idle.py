"""What a server lets go of while nobody looks: results that can be made again, the warm process of UMAPs, free memory.

A page is open as long as its socket is.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator

from app.services import cache, tasks
from vae_core.memory import give_back

ALONE = 30.0  # seconds without an open page until everything goes: longer than a reload, or a break of the network
EVERY = 5.0  # seconds between two looks


class Housekeeper:
    """Counts open pages, and lets go. `rest` is called when nobody looks any more, `wake` when somebody does again."""

    def __init__(self, rest: Callable[[], None], wake: Callable[[], None]) -> None:
        self._rest, self._wake = rest, wake
        self._lock = threading.Lock()
        self._open = 0
        self._alone_since = time.monotonic()
        self._resting = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def resting(self) -> bool:
        """Whether everything was let go and no page has opened since."""
        return self._resting

    @contextlib.contextmanager
    def page(self) -> Iterator[None]:
        """A page that is open for as long as this is."""
        with self._lock:
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1
                self._alone_since = time.monotonic()

    def look(self, now: float) -> None:
        """Let go of what is due at `now`, in time.monotonic's seconds."""
        with self._lock:
            pages, alone = self._open, now - self._alone_since
        if pages and self._resting:
            self._resting = False
            self._wake()
        elif not pages and not self._resting and alone >= ALONE and tasks.idle():
            self._resting = True
            tasks.forget_done()
            cache.clear_all()
            self._rest()
            gc.collect()
            give_back()

    def start(self) -> None:
        """Look every EVERY seconds, in a thread of its own."""
        self._stopping.clear()
        self._alone_since = time.monotonic()
        self._resting = False
        self._thread = threading.Thread(target=self._loop, name="housekeeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _loop(self) -> None:
        while not self._stopping.wait(EVERY):
            self.look(time.monotonic())
