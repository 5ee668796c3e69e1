"""Small networks trained beside each other, each on a thread of its own: one alone is too small to be shared by several."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import torch


@contextmanager
def side_by_side() -> Iterator[ThreadPoolExecutor]:
    """As many threads as torch has here, each of which computes with one. What does not begin before the end is dropped.

    What is handed to it draws from generators of its own: torch's is one for all threads.
    """
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "side by side", partial(torch.set_num_threads, 1))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # also of threads that begin later
