"""The process that measures a use, so that minutes of computing stand beside a server and not in it.

    python -m vae_core.uses.process HOME DATA_DIR RUN USE SETTINGS

It answers through its standard output as vae_core.processes.send writes: "progress" with `share` and `words`, then "done"
with what `found.Found.to_json` gives, its pictures as arrays and the `stamp` of the weights, or "failed" with `error`.
Whoever started it ends it by killing it.
"""

from __future__ import annotations

import json
import os
import sys
import time

import psutil

from vae_core.errors import VaeCoreError
from vae_core.options import from_json
from vae_core.places import Places
from vae_core.processes import end_with_parent, send
from vae_core.runs.store import Store
from vae_core.uses.registry import USES

BETWEEN = 0.3  # seconds between two reports of the same step


def main(argv: list[str] | None = None) -> int:
    """Measure and answer."""
    home, data_dir, run_id, name, settings = sys.argv[1:] if argv is None else argv
    if os.name == "posix":
        psutil.Process().nice(10)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    end_with_parent()
    told, doing = 0.0, ""

    def progress(share: float, words: str) -> None:
        nonlocal told, doing
        if words != doing or time.monotonic() - told > BETWEEN:
            told, doing = time.monotonic(), words
            send(out, "progress", share=float(share), words=words)

    try:
        from vae_core.uses.measuring import measure

        use = USES[name]
        run = Store(Places.find(home, data_dir)).find(run_id)
        stamp, found = measure(run, use, from_json(use.settings, json.loads(settings)), progress)
    except VaeCoreError as error:
        send(out, "failed", error=str(error))
        return 1
    except BrokenPipeError:
        return 1
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        send(out, "failed", error=f"{type(error).__name__}: {error}")
        raise
    send(out, "done", found.pictures, stamp=stamp, found=found.to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
