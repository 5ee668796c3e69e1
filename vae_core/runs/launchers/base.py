"""What a launcher is: it starts the training of a run somewhere and tells later whether that is still alive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from vae_core.places import Places


@dataclass(frozen=True)
class Handle:
    """What trains a run, kept in its status.json for whoever looks later, such as another server.

    Attributes:
        launcher: the name of the launcher that started it.
        job: what that launcher needs to find it again, in plain JSON values.
    """

    launcher: str
    job: Mapping[str, Any]


class Launcher(Protocol):
    """Starts `python -m vae_core.runs.worker --queued` for a run and looks after it; training itself knows no launcher.

    What is started outlives this process and reports through the run folder alone. Runs are asked to pause or stop
    through their folder too (Run.request); `stop` is for what no longer listens.
    """

    @property
    def name(self) -> str:
        """The name in LAUNCHERS and in handles."""

    def start(self, places: Places, run_id: str) -> Handle:
        """Start a worker for a run of `places` and return at once.

        The caller holds the run's control lock until it has written the handle into the run's status, and the worker
        waits for that lock. Raises OSError or a VaeCoreError when nothing could be started.
        """

    def alive(self, handle: Handle) -> bool:
        """Whether what the handle names still runs. It is asked four times a second for every live run."""

    def stop(self, handle: Handle) -> None:
        """Ask what the handle names to end, as Ctrl-C would; nothing happens when it has ended already."""

    def log(self, places: Places, run_id: str) -> str:
        """What the run's worker printed, such as a traceback; empty when there is nothing."""


@dataclass(frozen=True)
class Ending:
    """What a launcher knows of how a job ended that did not say so itself.

    Attributes:
        why: a sentence with the remedy; empty where nothing is known.
        waits: the run never began, and may do so once the remedy has been taken: it belongs back into the queue.
    """

    why: str = ""
    waits: bool = False


@runtime_checkable
class Cluster(Launcher, Protocol):
    """A launcher of many machines: it tells for how much there is room, and how its jobs ended.

    Its methods raise OSError where the cluster cannot be asked just now.
    """

    def has_room(self, places: Places, run_id: str) -> bool:
        """Whether a run that waits would begin now."""

    def at_once(self, threads: int = 0, *, ask: bool = True) -> int:
        """How many runs of so many threads have room side by side where nothing else runs, 1 where that is not known.

        ask: the cluster itself, which takes a moment; else what it said last counts.
        """

    def how_it_ended(self, handle: Handle) -> Ending:
        """Of a job that is not alive."""
