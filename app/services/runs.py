"""This server's home: its places, its store of runs, and the launcher that works off the queue of training."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places

if TYPE_CHECKING:
    from vae_core.runs.jobs import Launcher
    from vae_core.runs.run import Run
    from vae_core.runs.store import Store

JOBS_VARIABLE = "LATENT_EXPLORER_JOBS"  # processes that train at a time

_launchers: dict[tuple[Places, int], Launcher] = {}
_lock = threading.Lock()


def places() -> Places:
    """Where this server keeps things; set by the command line through the environment."""
    return Places.find(os.environ.get(HOME_VARIABLE), os.environ.get(DATA_VARIABLE))


def store() -> Store:
    """The runs of this server's home and the shipped ones."""
    from vae_core.runs.store import Store

    return Store(places())


def launcher() -> Launcher:
    """The launcher of this server's home, started when first asked for."""
    from vae_core.runs.jobs import Launcher

    key = places(), int(os.environ.get(JOBS_VARIABLE, "1"))
    with _lock:
        if key not in _launchers:
            _launchers[key] = Launcher(*key)
            _launchers[key].start()
        return _launchers[key]


def stop_launcher() -> None:
    """Leave the queue to the next server. Running runs go on."""
    with _lock:
        for started in _launchers.values():
            started.stop()
        _launchers.clear()


def of_same_images(run: Run) -> list[Run]:
    """Runs with weights on a run's images, itself among them."""
    mine, found = run.record(), []
    for other in store().readable():
        theirs = other.record()
        same = theirs.effective.data.dataset == mine.effective.data.dataset and theirs.shape == mine.shape
        if same and other.has_weights():
            found.append(other)
    return found
