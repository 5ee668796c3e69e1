"""Child processes of this machine. The only module of the runs that knows process numbers."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import psutil

from vae_core.places import Places
from vae_core.processes import MARK, child_environment, left_behind, still_runs
from vae_core.runs.launchers.base import Handle

LOCAL = "local"
FOREGROUND = "foreground"  # in a handle's job: its process, e.g. a notebook, does more than train


class LocalLauncher:
    """One child process per worker, in a session of its own, so that it outlives the server that started it."""

    name = LOCAL

    def start(self, places: Places, run_id: str) -> Handle:
        mark = secrets.token_hex(8)
        with open(places.runs / run_id / "log.txt", "ab") as log:
            child = subprocess.Popen(
                [
                    sys.executable, "-m", "vae_core.runs.worker", "--queued", "--home", str(places.home),
                    "--data-dir", str(places.data_dir), run_id,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=places.home, env={**child_environment(), MARK: mark},
            )  # fmt: skip
        try:
            started = psutil.Process(child.pid).create_time()
        except psutil.Error:  # ended already
            started = time.time()
        # its exit status is collected when it ends, so that no zombie stays
        threading.Thread(target=_collect, args=(child,), name=f"end of {child.pid}", daemon=True).start()
        return Handle(LOCAL, {"pid": child.pid, "started": started, "mark": mark})

    def alive(self, handle: Handle) -> bool:
        pid, started = handle.job.get("pid"), handle.job.get("started")
        # a status may be edited by hand, and one run that cannot be asked must not hold up the queue
        if not isinstance(pid, int) or pid < 1 or not isinstance(started, (int, float)):
            return False
        return still_runs(pid, started) or left_behind(pid, str(handle.job.get("mark", "")))

    def stop(self, handle: Handle) -> None:
        if self.alive(handle):
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(handle.job["pid"]).terminate()

    def log(self, places: Places, run_id: str) -> str:
        try:
            return (places.runs / run_id / "log.txt").read_text(errors="replace")
        except FileNotFoundError:
            return ""


def handle_of(process: psutil.Process) -> Handle:
    """The handle of a process: its number and when it started, since numbers are used again."""
    return Handle(LOCAL, {"pid": process.pid, "started": process.create_time()})


def is_mine(handle: Handle) -> bool:
    """Whether a handle may name this process, or the one it was started through (as Python does in Windows' venvs)."""
    return handle.launcher != LOCAL or handle.job.get("pid") in (os.getpid(), os.getppid())


def _collect(child: subprocess.Popen[bytes]) -> None:
    """Wait for a worker's end, and end what it may have left behind: that has nobody to work for."""
    if hasattr(os, "waitid"):
        with contextlib.suppress(OSError):  # somebody else has collected it
            # not yet collected, so that its number names nobody else
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            if os.getpgid(child.pid) == child.pid:
                os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def own_handle() -> Handle:
    """The handle of this very process."""
    return handle_of(psutil.Process())


def foreground_handle() -> Handle:
    """The handle of this very process where no queue started it: it may go on to live when the run has ended."""
    return Handle(LOCAL, {**own_handle().job, FOREGROUND: True})


def handle_of_earlier_version(raw: Mapping[str, Any]) -> Handle | None:
    """The handle in a status.json written before there were launchers, which named a process by two fields."""
    return (
        Handle(LOCAL, {"pid": raw["pid"], "started": raw.get("process_started", 0.0)})
        if raw.get("pid")
        else None
    )
