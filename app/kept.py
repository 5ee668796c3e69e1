"""Results kept for whoever asks next, on any page: of everybody's, since a lecture hall looks at the same run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The last few results, by what they were computed from.

    Lives in a module that is imported: the names of a page are made anew whenever its script runs.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._found: OrderedDict[Any, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        return self.put(key, made)

    def put(self, key: Any, value: T) -> T:
        """Keep a value unless there is one already; the one that is kept comes back."""
        with self._lock:
            value = self._found.setdefault(key, value)
            self._found.move_to_end(key)
            while len(self._found) > self.most:
                self._found.popitem(last=False)
            return value

    def find(self, key: Any) -> T | None:
        with self._lock:
            return self._found.get(key)

    def drop(self, key: Any) -> None:
        with self._lock:
            self._found.pop(key, None)
