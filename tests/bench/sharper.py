"""Whether `resnet` draws sharper pictures than `conv` of as many weights, and what it costs: one thread, short runs.

    python tests/bench/sharper.py [--data-dir DIR] [--only mnist faces] [--steps N] [--seeds N] [--likelihoods]

Both learn the same images in the same order with the settings of a new run (D 10). Printed are weights, seconds of
processor time of the training, -ELBO on the test images, and sharpness (variance of the Laplacian against the data's) of
reconstructions of 500 test images and of 500 samples of the prior; then resnet against conv: ratios, and of -ELBO the
difference. The aim: sharpness above 1, weights near 1, time at most 2. With `--likelihoods` it is
`conv` under each likelihood and under each distance that stands in the place of one, whose -ELBO is told as nan.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.data import ImageSet, open_images
from vae_core.evaluation.likelihood import evaluate
from vae_core.evaluation.metrics.sharpness import sharpness
from vae_core.events import Checkpoint, Started
from vae_core.inference import LoadedModel
from vae_core.objectives import LIKELIHOODS
from vae_core.places import Places
from vae_core.runs.record import Record, data_of
from vae_core.training import resolve, train

SETS = {"mnist": (32, 2_000, 20_000), "faces": (64, 500, 0)}  # side, steps, images of the set (0: all)
BATCH, LOOKED_AT = 64, 500
NUMBERS = ("weights", "seconds", "-ELBO", "sharpness, reconstructions", "sharpness, samples")


def trained(
    data: ImageSet, name: str, model: str, steps: int, seed: int, likelihood: str = "auto"
) -> tuple[float, ...]:
    """What NUMBERS names, of one run."""
    side, _, limit = SETS[name]
    images = len(DataConfig(name, side=side, limit=limit).split(data).train)
    config = RunConfig(
        data=DataConfig(name, side=side, limit=limit, augment="none"),
        model=ModelConfig(architecture=model, latent_dim=10),  # type: ignore[arg-type]
        objective=ObjectiveConfig(likelihood=likelihood),  # type: ignore[arg-type]
        training=TrainingConfig(
            epochs=max(1, round(steps * BATCH / images)), batch_size=BATCH, device="cpu", threads=1, seed=seed,
            precision="float32",
        ),
    )  # fmt: skip
    resolved = resolve(config, data)
    weights, parameters, spent, begin = {}, 0, 0.0, time.process_time()
    for event in train(resolved, data):
        spent = time.process_time() - begin
        if isinstance(event, Started):
            parameters = event.parameters
        if isinstance(event, Checkpoint):
            weights = event.last
    run = LoadedModel(
        Record("bench", model, "now", config, resolved, {}, data_of(data)), weights, "bench", "cpu"
    )
    rows = config.data.split(data).test[:LOOKED_AT]
    real = np.asarray(data.images[rows])
    noise = np.random.default_rng(seed).standard_normal((LOOKED_AT, 10))
    found = evaluate(run, data)
    bound = math.nan if found.elbo is None else -found.elbo
    of_real = real / np.float32(255)
    sharp = [sharpness(pictures, of_real) for pictures in (run.reconstruct(real), run.decode(noise))]
    return float(parameters), spent, bound, *(s or 0.0 for s in sharp)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--steps", type=int, default=0, help="instead of 2,000 (mnist) and 500 (faces)")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--likelihoods", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sharper-") as folder:
        for name in asked.only:
            side, steps, _ = SETS[name]
            data = open_images(name, side, Places.find(folder, asked.data_dir))
            print(f"{name}, {side}×{side}, {asked.steps or steps:,} steps of {BATCH} images", flush=True)
            if asked.likelihoods:
                for likelihood in LIKELIHOODS:
                    found = trained(data, name, "conv", asked.steps or steps, 0, likelihood)
                    row = (f"{what} {value:,.3f}" for what, value in zip(NUMBERS, found, strict=True))
                    print(f"  {likelihood:16}", *row, sep="  ", flush=True)
                continue
            means = {}
            for model in ("conv", "resnet"):
                runs = [trained(data, name, model, asked.steps or steps, seed) for seed in range(asked.seeds)]
                means[model] = [statistics.mean(column) for column in zip(*runs, strict=True)]
                row = (f"{what} {value:,.3f}" for what, value in zip(NUMBERS, means[model], strict=True))
                print(f"  {model:7}", *row, sep="  ", flush=True)
            pairs = zip(NUMBERS, means["resnet"], means["conv"], strict=True)
            # nats of a density may be of either sign: of them a difference means something
            row = (
                f"{what} {r - c:+.1f} nats" if what == "-ELBO" else f"{what} ×{r / c:.2f}"
                for what, r, c in pairs
            )
            print("  resnet against conv", *row, sep="  ", flush=True)


if __name__ == "__main__":
    main()
