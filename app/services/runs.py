"""This server's home: its places, its store of runs, and its queue of those that wait to be trained."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places

if TYPE_CHECKING:
    from vae_core.runs.queue import Queue
    from vae_core.runs.run import Run
    from vae_core.runs.store import Store
    from vae_core.study.driver import Driver

log = logging.getLogger("latent_explorer")

JOBS_VARIABLE = (
    "LATENT_EXPLORER_JOBS"  # runs that train at a time; not set, a cluster has as many as it has room for
)
RETRY_VARIABLE = "LATENT_EXPLORER_RETRY"  # times that a run is started again whose process was lost
MOST_AT_ONCE = 64  # that a study is asked for

MOST_LISTED = 500  # rows of one's own runs that Home lists unasked: each is read, drawn and sent at every run of its script

_queues: dict[tuple[Places, int | None, str, int], Queue] = {}
_drivers: dict[Places, Driver] = {}
_lock = threading.Lock()


def places() -> Places:
    """Where this server keeps things; set by the command line through the environment."""
    return Places.find(os.environ.get(HOME_VARIABLE), os.environ.get(DATA_VARIABLE))


def store() -> Store:
    """The runs of this server's home and the shipped ones."""
    from vae_core.runs.store import Store

    return Store(places())


def sweep() -> None:
    """Remove what servers that were killed left half imported or half deleted in this home."""
    for name in store().sweep_leftovers():
        log.info("removed %s, which a process that was killed had left", name)


def slots() -> int | None:
    """Runs that train at the same time as the command line said; None where it did not."""
    said = os.environ.get(JOBS_VARIABLE)
    return int(said) if said else None


def at_once() -> int:
    """Runs that train at the same time, 1 to MOST_AT_ONCE: as the command line said, or about as many as a cluster takes."""
    from vae_core.runs.launchers import chosen, cluster_of

    said, cluster = slots(), cluster_of(chosen())
    if said is not None or cluster is None:
        return said or 1
    return min(MOST_AT_ONCE, cluster.at_once(ask=False))


def queue() -> Queue:
    """The queue of this server's home, looked after from when it is first asked for. Raises UnknownLauncher."""
    from vae_core.runs.launchers import chosen
    from vae_core.runs.queue import Queue

    key = places(), slots(), chosen(), int(os.environ.get(RETRY_VARIABLE, "0"))
    with _lock:
        if key not in _queues:
            here, most, launcher, retry = key
            _queues[key] = Queue(here, most, launcher, retry=retry)
            _queues[key].start()
        return _queues[key]


def driver() -> Driver:
    """What drives the studies of this server's home, from when it is first asked for."""
    from vae_core.study.driver import Driver

    here = places()
    with _lock:
        if here not in _drivers:
            _drivers[here] = Driver(here)
            _drivers[here].start()
        return _drivers[here]


def stop_queue() -> None:
    """Leave queue and studies to the next server. Running runs go on."""
    with _lock:
        for driving in _drivers.values():
            driving.stop()
        _drivers.clear()
        for started in _queues.values():
            started.stop()
        _queues.clear()


def of_same_images(run: Run) -> list[Run]:
    """Runs with weights on a run's images, itself among them."""
    mine, found = run.record(), []
    for other in store().readable():
        theirs = other.record()
        same = theirs.effective.data.dataset == mine.effective.data.dataset and theirs.shape == mine.shape
        if same and other.has_weights():
            found.append(other)
    return found


def log_key(run: Run) -> tuple[Any, ...]:
    """Names what a run has said so far."""
    path = run.path / "events.jsonl"
    try:
        stat = path.stat()
    except OSError:
        return (path,)
    return path, stat.st_mtime_ns, stat.st_size
