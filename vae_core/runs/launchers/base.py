"""What a launcher is: it starts the training of a run somewhere and tells later whether that is still alive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

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
