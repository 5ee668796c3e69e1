"""Where runs are trained: every launcher by its name. To add one, write a file here and enter it into LAUNCHERS."""

from __future__ import annotations

import os

from vae_core.errors import UnknownLauncher
from vae_core.runs.launchers.base import Cluster, Ending, Handle, Launcher
from vae_core.runs.launchers.local import LOCAL, LocalLauncher
from vae_core.runs.launchers.ray_jobs import RayLauncher

__all__ = [
    "LAUNCHERS",
    "LAUNCHER_VARIABLE",
    "LOCAL",
    "Cluster",
    "Ending",
    "Handle",
    "Launcher",
    "chosen",
    "cluster_of",
    "find_launcher",
    "how_it_ended",
    "is_alive",
]

LAUNCHER_VARIABLE = "LATENT_EXPLORER_LAUNCHER"  # a name in LAUNCHERS; local where it is not set
LAUNCHERS: dict[str, Launcher] = {launcher.name: launcher for launcher in (LocalLauncher(), RayLauncher())}


def chosen() -> str:
    """The name of the launcher that this process was told to start runs by."""
    return os.environ.get(LAUNCHER_VARIABLE) or LOCAL


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


def cluster_of(name: str) -> Cluster | None:
    """The launcher of that name where it is one of many machines, else None. Raises UnknownLauncher."""
    launcher = find_launcher(name)
    return launcher if isinstance(launcher, Cluster) else None


def how_it_ended(handle: Handle | None) -> Ending:
    """What is known of how a job ended that is not alive; nothing where its launcher cannot say."""
    cluster = None if handle is None else cluster_of(handle.launcher)
    try:
        return Ending() if cluster is None or handle is None else cluster.how_it_ended(handle)
    except (OSError, LookupError, TypeError, ValueError, AttributeError):
        return Ending()
