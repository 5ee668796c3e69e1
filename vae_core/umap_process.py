"""The process that lays out UMAPs, so that numba compiles and computes beside a server and not in it.

    python -m vae_core.umap_process [--warm]

It is given jobs through its standard input, one after the other, and answers through its standard output, both as
vae_core.processes.send writes. A job is "umap" with the values of UmapParams and the array `codes` (N, D). Answers:
"progress" with `share` and `words`, "sample" with arrays `rows` (M,) and `points` (M, 2), and last either "done" with
`points` (N, 2) or "failed" with `error`, a sentence. With --warm it first makes itself ready, at the lowest priority,
and says "warm". It ends when its input ends, also in the middle of a job.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from typing import IO

import psutil

from vae_core.errors import TooFewPoints
from vae_core.latent.umap import Array, UmapParams, umap
from vae_core.processes import Message, receive, send

BETWEEN = 0.2  # seconds between two reports of the same step


def run(job: Message, out: IO[bytes]) -> None:
    """Lay out one job and answer."""
    told, doing = 0.0, ""

    def progress(share: float, words: str) -> None:
        nonlocal told, doing
        if words != doing or time.monotonic() - told > BETWEEN:
            told, doing = time.monotonic(), words
            send(out, "progress", share=float(share), words=words)

    def sampled(rows: Array, points: Array) -> None:
        send(out, "sample", {"rows": rows, "points": points})

    try:
        found = umap(job.arrays["codes"], UmapParams(**job.values), progress, sampled)
    except Exception as error:
        sentence = str(error) if isinstance(error, TooFewPoints) else f"{type(error).__name__}: {error}"
        send(out, "failed", error=sentence)
    else:
        send(out, "done", {"points": found.points})


def warm_up() -> None:
    """Import and compile all that a layout needs."""
    import numpy as np

    def ready() -> None:
        if sys.platform == "linux":  # where priority is a thread's own, and can be left behind with it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        umap(np.random.default_rng(0).standard_normal((60, 3)), UmapParams())

    warming = threading.Thread(target=ready)
    warming.start()
    warming.join()


def main(argv: list[str] | None = None) -> int:
    """Work off the jobs that are handed over."""
    arguments = sys.argv[1:] if argv is None else argv
    if os.name == "posix":
        psutil.Process().nice(10)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    jobs: queue.Queue[Message] = queue.Queue()

    def take() -> None:
        while (job := receive(sys.stdin.buffer)) is not None:
            jobs.put(job)
        os._exit(0)  # whoever asked is gone

    parent = os.getppid()
    threading.Thread(target=take, daemon=True).start()
    if "--warm" in arguments:
        warm_up()
        send(out, "warm")
    while True:
        try:
            run(jobs.get(timeout=5), out)
        except queue.Empty:
            if os.getppid() != parent:  # the pipe was inherited by another process that still holds it
                return 0
        except BrokenPipeError:
            return 0


if __name__ == "__main__":
    sys.exit(main())
