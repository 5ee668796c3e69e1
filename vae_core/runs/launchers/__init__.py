"""Where runs are trained: every launcher by its name. To add one, write a file here and enter it into LAUNCHERS."""

from __future__ import annotations

from vae_core.errors import UnknownLauncher
from vae_core.runs.launchers.base import Handle, Launcher
from vae_core.runs.launchers.local import LOCAL, LocalLauncher

__all__ = ["LAUNCHERS", "LOCAL", "Handle", "Launcher", "find_launcher", "is_alive"]

LAUNCHERS: dict[str, Launcher] = {launcher.name: launcher for launcher in (LocalLauncher(),)}


def find_launcher(name: str) -> Launcher:
    """The launcher of that name. Raises UnknownLauncher."""
    if name not in LAUNCHERS:
        raise UnknownLauncher(f"there is no launcher {name!r} here; choose one of {', '.join(LAUNCHERS)}")
    return LAUNCHERS[name]


def is_alive(handle: Handle | None) -> bool:
    """Whether what trains a run still runs; a handle that its launcher cannot read names nothing that does.

    Raises UnknownLauncher when its launcher is not known here, OSError when that cannot be asked just now.
    """
    if handle is None:
        return False
    try:
        return find_launcher(handle.launcher).alive(handle)
    except (LookupError, TypeError, ValueError, AttributeError):
        return False
