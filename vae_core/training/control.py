"""Where a run that learns hears what is asked of it."""

from __future__ import annotations

from typing import Protocol

from vae_core.events import Command


class Control(Protocol):
    """Where requests come from. `poll` never blocks; `wait` blocks until `poll` may have something."""

    def poll(self) -> list[Command]: ...

    def wait(self) -> None: ...


class NoControl:
    """Nobody asks for anything."""

    def poll(self) -> list[Command]:
        return []

    def wait(self) -> None:
        raise RuntimeError("paused with nobody to resume")
