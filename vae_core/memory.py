"""What the C library does with freed memory, where it is glibc; others are left alone. Nothing heavy is imported."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# malloc.h: memory at the heap's top that is given back, sizes that get a mapping of their own, heaps
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
KEPT_BYTES = (1 << 30, 1 << 25)  # older C libraries take no more than the second


def keep_freed_memory() -> None:
    """Have the C library keep what tensors free for the next ones, for the whole process.

    By default it gives the heap's top back to the system, and with an unlucky layout it does so at every step: an mlp on
    MNIST then took 700 pages anew a step, half of the step's time. What a process holds stays at its highest use.
    """
    for kind in (TRIM_THRESHOLD, MMAP_THRESHOLD):
        any(_call("mallopt", kind, size) for size in KEPT_BYTES)


def few_arenas() -> None:
    """Have all threads share two heaps: glibc gives each of a dozen its own, whose free parts no other uses."""
    _call("mallopt", ARENA_MAX, 2)


def give_back() -> None:
    """Give free memory back to the system, which glibc keeps for itself."""
    _call("malloc_trim", 0)


def _call(name: str, *numbers: int) -> Any:
    """What a function of the C library returns; 0 where there is none of that name."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
    return 0 if function is None else function(*numbers)
