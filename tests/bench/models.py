"""Models side by side: how good their samples are at equal images, D and network, over seeds.

    python tests/bench/models.py [--data-dir DIR] [--seeds 5] [--steps 2500] [--kinds autoencoder vae beta_vae gan]

Each learns the same number of images of MNIST at 32×32 (digits without --data-dir). Samples are measured in the features of a
small classifier of the same images, so the distance is no FID. Seconds are of the processor, on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.evaluation.samples import Sampled, measure_samples
from vae_core.objectives import OBJECTIVES
from vae_core.options import Choice, replace_at
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

BATCH, SIDE = 64, 32  # of the step that `--steps` counts; other batches take as many images
KINDS = ("autoencoder", "vae", "beta_vae", "gan")


def settings(kind: str, dataset: str, images: int, train: int, seed: int, dims: int) -> RunConfig:
    """A config that sees so many images, in whole epochs."""
    entry = OBJECTIVES[kind]
    config = RunConfig()
    for path, value in (
        (("data", "dataset"), dataset), (("data", "side"), SIDE), (("model", "latent_dim"), dims),
        (("objective", "objective"), Choice(kind, entry.params())), (("training", "seed"), seed),
        (("training", "threads"), 1), (("training", "epochs"), max(1, round(images / train))),
    ):  # fmt: skip
        config = replace_at(config, path, value)
    return config


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="torchvision's root with MNIST")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2_500, help=f"of {BATCH} images")
    parser.add_argument("--dims", type=int, default=32)
    parser.add_argument(
        "--kinds", nargs="+", default=list(KINDS), choices=[n for n, e in OBJECTIVES.items() if not e.goes_on]
    )
    args = parser.parse_args()
    dataset = "mnist" if args.data_dir else "digits"
    found: dict[str, list[Sampled]] = {kind: [] for kind in args.kinds}
    with tempfile.TemporaryDirectory(prefix="vae-models-") as home:
        places = Places(Path(home), args.data_dir or Path(home))
        data = open_images(dataset, SIDE, places)
        train = len(RunConfig().data.split(data).train)
        print(
            f"{'kind':12} {'seed':>4} {'CPU s':>6} {'distance':>8} {'precision':>9} {'recall':>7} {'least':>6} {'hit':>4} {'sharp':>6}"
        )
        for kind in args.kinds:
            for seed in range(args.seeds):
                run = Store(places).create(
                    settings(kind, dataset, BATCH * args.steps, train, seed, args.dims)
                )
                begin = time.process_time()
                if train_run(run, places).state != FINISHED:
                    raise SystemExit(run.status().error)
                spent = time.process_time() - begin
                sampled = measure_samples(run, data)
                found[kind].append(sampled)
                n = sampled.numbers["prior"]
                print(
                    f"{kind:12} {seed:4} {spent:6.0f} {n.frechet:8.2f} {n.precision:9.2f} {n.recall:7.2f} "
                    f"{n.least_share:6.2f} {n.hit:4} {n.sharpness:6.2f}",
                    flush=True,
                )
    one = next(iter(found.values()))[0]
    print(
        f"test images: distance {one.real.frechet:.2f}, precision {one.real.precision:.2f}, recall {one.real.recall:.2f}, in {one.features}"
    )
    means = {kind: float(np.mean([s.numbers["prior"].frechet for s in some])) for kind, some in found.items()}
    if {"gan", "vae"} <= means.keys():
        print(f"GAN / VAE distance: {means['gan'] / means['vae']:.2f} (goal 0.55)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
