"""Runs whose process is gone without having said how they ended."""

from __future__ import annotations

from dataclasses import replace

from vae_core.reading import text
from vae_core.runs.array_files import RESUME
from vae_core.runs.control import last_number
from vae_core.runs.launchers import Ending, how_it_ended, is_alive
from vae_core.runs.record import INTERRUPTED, QUEUED, Status
from vae_core.runs.run import Run

LOCK_SECONDS = 5.0  # for whoever starts the run, or asks something of it
UNKNOWN = "its process ended before it was done; resume it to go on from the last checkpoint"


def mark_if_gone(run: Run, retry: int = 0) -> bool:
    """Mark a run when what trained it is gone without having said how it ended; whether it was so.

    It is interrupted then; or it waits again, where it never began for a reason that can be mended, or where it was lost fewer
    than `retry` times. What cannot be asked is gone once it has shown no life for a minute and holds no lock. Raises
    UnknownLauncher when its launcher is not known here, OSError when that cannot be asked and nothing else tells.
    """
    found = run.status()
    if not found.live:
        return False
    end = Ending()
    try:
        if is_alive(found.handle):
            return False
    except OSError as fault:
        if not found.silent:
            raise
        end = Ending(
            f"{text(str(fault), most=300)}; the run has shown no life for a minute: resume it to go on from the last checkpoint"
        )
    # the lock tells of a process whose number is not known: it is held for as long as the process lives
    if run.is_trained():
        return False
    end = end if end.why else how_it_ended(found.handle)
    with run.control_lock().acquire(timeout=LOCK_SECONDS):
        status = run.status()  # it may have said so, and gone, in between; or it was started anew
        if not status.live or status.handle != found.handle:
            return False
        run.write_status(_marked(run, status, end, retry))
    return True


def _marked(run: Run, status: Status, end: Ending, retry: int) -> Status:
    gone = replace(status, state=INTERRUPTED, handle=None, eta=None, note="", error=end.why or UNKNOWN)
    if any(command.name == "stop" for command in run.requests(status.control)):
        return gone  # nobody wants it any more
    # a pause that was asked of the process before must not meet the next one
    again = replace(gone, state=QUEUED, error="", control=last_number(run.path, status.control))
    if end.waits:
        return replace(again, note=f"waits: {end.why}. It is tried again")
    if status.tries < retry and ((run.path / RESUME).exists() or not run.has_weights()):
        tries, why = status.tries + 1, gone.error.partition(";")[0]
        return replace(again, tries=tries, note=f"retry {tries} of {retry}, from the last checkpoint: {why}")
    return gone
