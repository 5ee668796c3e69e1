"""Time a run's parts in a process of its own: in a server's, every other thread would be timed with them.

python -m vae_core.runs.timing_process --home HOME --data-dir DIR DATASET SIDE < settings
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import psutil

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.options import from_json
from vae_core.places import Places
from vae_core.runs import worker  # with what a run imports before it learns
from vae_core.runs.timing import time_costs
from vae_core.training import resolve


def main(argv: list[str] | None = None) -> int:
    """Time the settings on standard input and print what they cost as JSON."""
    parser = argparse.ArgumentParser(prog="python -m vae_core.runs.timing_process", description=main.__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("dataset")
    parser.add_argument("side", type=int)
    args = parser.parse_args(argv)
    worker.be_polite()
    config = from_json(RunConfig, json.loads(sys.stdin.read()))
    data = open_images(args.dataset, args.side, Places(Path(args.home), Path(args.data_dir)))
    resolved = resolve(config, data)
    startup = time.time() - psutil.Process().create_time()
    costs, ready = time_costs(resolved, data)
    sys.stdout.write(json.dumps({"startup": startup + ready, "costs": dataclasses.asdict(costs)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
