"""A study on a Ray cluster of two nodes against the same study on one, each node with one processor of this machine.

    python tests/bench/cluster.py [--trials 12] [--epochs 60] [--rounds 1] [--data-dir DIR]

The study is the command line's (`vae-core tune`, random search over the latent dimension, one thread a run), from the first ask
to the last measured number; both nodes, the driver and Ray's own processes share this machine, so a quiet one with more than two
cores comes closer to what two machines do. A cluster is started anew for each side and is not counted. Prints for each side the
seconds in all, the seconds in which runs trained side by side on average, and the ratio of the sides.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from ray_nodes import nodes_of

from vae_core.cli import main as vae_core
from vae_core.data import open_images
from vae_core.events import Finished
from vae_core.places import Places
from vae_core.study.record import open_study


def study_on(nodes: int, args: argparse.Namespace) -> tuple[float, float, int]:
    """Seconds of a study on so many nodes, the share of runs that trained side by side, and its complete trials."""
    with tempfile.TemporaryDirectory() as home, nodes_of(nodes) as cluster:
        places = Places.find(home, args.data_dir)
        open_images("digits", 16, places)  # made ready by whoever comes first, and no part of the study
        words = [
            "tune", "--dataset", "digits", "--search", "latent_dim=2..16", "--trials", str(args.trials), "--sampler", "random",
            "--epochs", str(args.epochs), "--threads", "1", "--name", "bench", "--home", home,
            "--launcher", "ray", "--ray-address", cluster.address,
        ]  # fmt: skip
        began = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            code = vae_core(words)
        seconds = time.perf_counter() - began
        study = open_study(places, "bench")
        assert code == 0, "the study failed"
        ended = [event for run in study.runs() for event in run.history() if isinstance(event, Finished)]
        return (
            seconds,
            sum(event.seconds for event in ended) / seconds,
            sum(trial.complete for trial in study.ledger().trials),
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    took: dict[int, list[float]] = {1: [], 2: []}
    for number in range(args.rounds):
        for nodes in (1, 2) if number % 2 == 0 else (2, 1):
            seconds, busy, done = study_on(nodes, args)
            took[nodes].append(seconds)
            print(
                f"{nodes} nodes: {seconds:.1f} s for {done} trials, {busy:.2f} training at a time", flush=True
            )
    one, two = statistics.median(took[1]), statistics.median(took[2])
    print(f"a study of {args.trials} runs on two nodes takes {two / one:.2f} of the time on one: {one:.1f} s against {two:.1f} s, {one / two:.2f} times as fast")  # fmt: skip


if __name__ == "__main__":
    main()
