"""What small files say, each parsed once for as long as the file stays the same: a home may hold thousands of them."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")
Stamp = tuple[int, int, int]  # time of the last change in ns, bytes, inode

MOST = 20_000  # files; of more than that, read one after the other, each is parsed every time
TICK_NS, COARSE_TICK_NS = (
    10**8,
    2 * 10**9,
)  # more than a file system's clock stands still, and where it knows no parts of seconds


class Seen(Generic[V]):
    """Values of files that other processes replace by renaming. Safe to use from many threads.

    Every question looks at the file once (`stat`), so a file that was replaced, renamed or deleted is seen at once. A
    file that was written just now is parsed each time: a second one of the same size might come within one tick of the
    disk's clock and be given the first one's inode, and nothing would tell them apart. What `parse` raises is not kept.

    parse: makes the value of a file; whoever asks gets that same object, so nobody may change it.
    """

    def __init__(self, parse: Callable[[str], V], most: int = MOST) -> None:
        self._parse, self._most = parse, most
        self._kept: OrderedDict[str, tuple[Stamp, V]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: str) -> V:
        """The value of the file at `path`. Raises OSError, and whatever `parse` does."""
        now = time.time_ns()  # before the file is looked at: what is written later has a later time
        try:
            stat = os.stat(path)
        except OSError:
            with self._lock:
                self._kept.pop(path, None)
            raise
        stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
        with self._lock:
            kept = self._kept.get(path)
            if kept is not None and kept[0] == stamp:
                self._kept.move_to_end(path)
                return kept[1]
        value = self._parse(path)
        with self._lock:
            if now - stat.st_mtime_ns > (TICK_NS if stat.st_mtime_ns % 10**9 else COARSE_TICK_NS):
                self._kept[path] = stamp, value
                self._kept.move_to_end(path)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            else:
                self._kept.pop(path, None)
        return value

    def __len__(self) -> int:
        return len(self._kept)
