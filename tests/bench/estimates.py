"""How right the time is that a page shows before Start: estimate over truth, of twelve kinds of run.

    python tests/bench/estimates.py [--only WORD]

Each is timed as the server has it timed, by a process of its own, then trained by the queue as a press of Start does,
from the press to the end. The third number is what is remembered once that run has corrected it. What else the machine
does changes both, so its load is printed beside.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.options import replace_at
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places
from vae_core.runs.queue import Queue
from vae_core.runs.record import ENDED, FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.timing import Timings, key_of
from vae_core.training import plan_of, side_of

LOW, HIGH, GOAL = 0.7, 1.4, 10
MNIST = Path(__file__).parents[3] / "shared" / "data"
KINDS: list[dict[str, Any]] = [
    {"dataset": "digits", "architecture": "conv", "epochs": 10},
    {"dataset": "digits", "architecture": "mlp", "epochs": 30},
    {"dataset": "digits", "architecture": "conv", "epochs": 6, "objective": "beta_tcvae"},
    {"dataset": "digits", "architecture": "conv", "epochs": 6, "objective": "multi_rate"},
    {"dataset": "digits", "architecture": "mlp", "epochs": 20, "objective": "autoencoder"},
    {"dataset": "digits", "architecture": "mlp", "epochs": 4, "batch_size": 8, "precision": "float32"},
    {"dataset": "faces", "architecture": "conv", "epochs": 2},
    {"dataset": "faces", "architecture": "mlp", "epochs": 2, "limit": 2000},
    {"dataset": "shapes", "architecture": "conv", "epochs": 2, "limit": 4000},
    {"dataset": "shapes", "architecture": "mlp", "epochs": 1, "likelihood": "gaussian_optimal"},
    {"dataset": "mnist", "architecture": "conv", "epochs": 1, "limit": 20000},
    {"dataset": "mnist", "architecture": "mlp", "epochs": 2, "validation": 0.2},
]
PLACES = {
    "dataset": ("data", "dataset"), "limit": ("data", "limit"), "validation": ("data", "validation"),
    "architecture": ("model", "architecture"), "objective": ("objective", "objective"),
    "likelihood": ("objective", "likelihood"), "epochs": ("training", "epochs"),
    "batch_size": ("training", "batch_size"), "precision": ("training", "precision"),
}  # fmt: skip


def settings(kind: dict[str, Any]) -> RunConfig:
    """A config with what differs from the defaults; a registry's entry by its name."""
    config = RunConfig()
    for name, value in kind.items():
        config = replace_at(config, PLACES[name], value)
    return config


def truth(places: Places, queue: Queue, config: RunConfig) -> tuple[Run, float]:
    """Seconds from the press of Start to the end."""
    begin = time.monotonic()
    run = Store(places).create(config)
    queue.wake()
    while run.status().state not in ENDED:
        time.sleep(0.05)
    status = run.status()
    if status.state != FINISHED:
        raise SystemExit(f"{run.id}: {status.state}: {status.error}")
    return run, time.monotonic() - begin


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="kinds with this word")
    args = parser.parse_args()
    folder = tempfile.TemporaryDirectory(prefix="vae-estimates-")
    places = Places(Path(folder.name), MNIST)
    os.environ[HOME_VARIABLE], os.environ[DATA_VARIABLE] = str(places.home), str(places.data_dir)
    from app.services import timing

    queue = Queue(places)
    queue.start()
    right, ratios = 0, []
    print(f"{'kind':58} {'steps':>6} {'estimate':>9} {'truth':>7} {'ratio':>6} {'mended':>7} {'load':>5}")
    try:
        for kind in KINDS:
            words = " ".join(map(str, kind.values()))
            if args.only not in words:
                continue
            if kind["dataset"] == "mnist" and not MNIST.is_dir():
                print(f"{words:58} no MNIST here")
                continue
            config = settings(kind)
            side = side_of(config, places)
            data = open_images(config.data.dataset, side, places)
            plan = plan_of(config, data)
            task = timing.estimate(plan.config, side).task
            assert task is not None
            task.wait()
            told = timing.known(plan.config, side)
            estimate = told.seconds(plan)
            assert estimate is not None, task.error
            _, took = truth(places, queue, config)
            known = Timings(places).known(key_of(plan.config, data.fingerprint))
            mended = dataclasses.replace(told, costs=known).seconds(plan)
            assert mended is not None
            ratio = estimate / took
            ratios.append(ratio)
            right += LOW <= ratio <= HIGH
            print(
                f"{words:58} {plan.steps_total:6} {estimate:8.1f}s {took:6.1f}s {ratio:6.2f} {mended / took:7.2f} "
                f"{os.getloadavg()[0]:5.1f}",
                flush=True,
            )
    finally:
        queue.stop()
        folder.cleanup()
    print(f"{right} of {len(ratios)} between {LOW} and {HIGH}; goal {GOAL} of {len(KINDS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
