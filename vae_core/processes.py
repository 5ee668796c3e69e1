"""Child processes of this package: what they inherit, and whether one still runs."""

from __future__ import annotations

import os
from pathlib import Path

import psutil


def child_environment() -> dict[str, str]:
    """This environment, with the package importable from wherever it was imported here."""
    root = str(Path(__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def still_runs(pid: int, started: float) -> bool:
    """Whether the process of that id still runs and is the one that started then (ids are used again)."""
    try:
        process = psutil.Process(pid) if pid else None
        if process is None or abs(process.create_time() - started) >= 1.0:
            return False
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
