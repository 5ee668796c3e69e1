"""One cache for what several pages or people ask for: the results used last, by the content they were made from."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class LruCache(Generic[V]):
    """Keeps values until all together are larger than `most`; the one used longest ago goes first.

    `size` measures a value; without it `most` counts values. The newest value stays, however large it is. A key
    names all that its value depends on: a run's id and the stamp of its weights, a digest of an array, never just a
    path. Safe to use from many threads. It belongs into a module that is imported: the module of a page begins anew
    whenever its script runs.

    lasting: it stays when nobody looks any more (see `clear_all`), for what is small and slow to make.
    """

    def __init__(
        self, most: float, size: Callable[[V], float] = lambda value: 1, *, lasting: bool = False
    ) -> None:
        self.most = most
        self.lasting = lasting
        self.made = 0  # values that get_or_make had to make
        self._size = size
        self._total = 0.0
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        _caches.add(self)

    def get_or_make(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of `key`, made by `make` where it is not kept.

        Whoever asks for a value that is being made waits for it, so that nothing is made twice at a time; other keys
        go on. What `make` raises is not kept: the next who asks tries again.
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return self._values[key]
                self.made += 1
            try:
                return self.put(key, make())
            finally:
                with self._lock:
                    if self._making.get(key) is making:
                        del self._making[key]

    def put(self, key: Hashable, value: V) -> V:
        """Keep a value unless the key has one already; the one that is kept comes back."""
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._total += self._size(value)
            self._values.move_to_end(key)
            while self._total > self.most and len(self._values) > 1:
                self._total -= self._size(self._values.popitem(last=False)[1])
            return self._values[key]

    def get(self, key: Hashable) -> V | None:
        """The value of `key`, or None where none is kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def discard(self, key: Hashable) -> None:
        """Forget a value, if there is one."""
        with self._lock:
            if key in self._values:
                self._total -= self._size(self._values.pop(key))

    def clear(self) -> None:
        """Forget every value; those that are being made are kept as they come."""
        with self._lock:
            self._values.clear()
            self._total = 0.0

    def __len__(self) -> int:
        return len(self._values)


_caches: weakref.WeakSet[LruCache[Any]] = weakref.WeakSet()


def clear_all() -> None:
    """Forget what all caches but lasting ones keep."""
    for cache in list(_caches):
        if not cache.lasting:
            cache.clear()
