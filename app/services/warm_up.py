"""What a server does as it starts and as it ends: the queue, studies, torch, a process that is ready for UMAP, the collector."""

from __future__ import annotations

import gc
import threading
import time

from app.services import idle, runs, tasks, umap
from vae_core.places import look_only

first_page = threading.Event()  # set when a page was drawn
_closing = threading.Event()  # set when the server ends
_starting = threading.Event()  # set while a server is on its way
STARTING_SECONDS = 45.0  # at most, however slow the machine is
_umap_lock = threading.Lock()


def starting() -> bool:
    """Whether the server still imports, or warms UMAP: it has the machine's time."""
    return _starting.is_set()


def spare_the_collector() -> None:
    """Collect garbage by Python's own schedule, and not among what stays for good.

    Streamlit collects all of it after every run of a script or fragment. With torch there that is 300,000 objects
    and 0.16 s, through which no other thread runs: pages that follow something held up each other and every
    computation of the server, for minutes where three of them were open.
    """
    from streamlit import config

    config.set_option("runner.postScriptGC", False)
    gc.collect()
    gc.freeze()


def warm_up() -> None:
    """Start the queue at once; import torch when the first page is there, or nobody came for one; then warm UMAP.

    Importing takes seconds of processor time, which that page should not have to share.
    """
    _closing.clear()
    _starting.set()
    until = time.monotonic() + STARTING_SECONDS
    try:
        if not look_only():
            runs.queue()
        first_page.wait(10)
        time.sleep(1.5)
        import vae_core.inference  # noqa: F401

        if not look_only():
            runs.sweep()
            runs.driver()
        spare_the_collector()
        _closing.wait(2)
        with _housekeeping:
            if not _closing.is_set():
                housekeeper.start()
        _warm_umap()
        while umap.warms() and time.monotonic() < until and not _closing.wait(0.2):
            pass
    finally:
        _starting.clear()


def _warm_umap() -> None:
    with _umap_lock:  # not after the server has ended it
        if not _closing.is_set():
            umap.warm()


def _cool_umap() -> None:
    """Its process has imported what the server has, and as much again."""
    with _umap_lock:
        umap.cool()


housekeeper = idle.Housekeeper(rest=_cool_umap, wake=_warm_umap)
_housekeeping = threading.Lock()


def shut_down() -> None:
    """Cancel what goes on behind the pages and leave the queue to the next server. Running runs go on."""
    _closing.set()
    with _housekeeping:
        housekeeper.stop()
    tasks.stop_all()
    with _umap_lock:
        umap.cool()
    runs.stop_queue()
