"""What sharpening a finished VAE gains and costs: distance, sharpness and decibels before and after, over seeds.

    python tests/bench/sharpen.py [--data-dir DIR] [--seeds 3] [--epochs 12] [--dims 32] [--model conv]

A VAE learns MNIST at 32×32 (digits without --data-dir), then `Store.sharpen` goes on from it with the settings that a press
of Sharpen takes. Samples are measured as in tests/bench/models.py: the distance is no FID. dB are of reconstructions of test
images from their mean codes. Seconds are of the processor, on one thread. Goals: distance at most 0.62 of the VAE's, sharpness
0.75 or more, at most 0.7 dB lost.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from vae_core.config import RunConfig
from vae_core.data import open_images
from vae_core.data.imageset import ImageSet
from vae_core.evaluation.samples import measure_samples
from vae_core.inference import load_run
from vae_core.options import replace_at
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

REBUILT = 2_000  # test images


def trained(run: Run, places: Places) -> float:
    """Seconds of the processor that a run took."""
    begin = time.process_time()
    if train_run(run, places).state != FINISHED:
        raise SystemExit(run.status().error)
    return time.process_time() - begin


def measured(run: Run, data: ImageSet) -> tuple[float, float, float, float]:
    """(distance, sharpness, recall, decibels)."""
    numbers = measure_samples(run, data).numbers["prior"]
    images = np.asarray(data.images[data.test[:REBUILT]])
    off = load_run(run).reconstruct(images) - images / np.float32(255)
    return numbers.frechet, numbers.sharpness or 0.0, numbers.recall, -10 * math.log10(np.square(off).mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="torchvision's root with MNIST")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12, help="of the VAE")
    parser.add_argument("--dims", type=int, default=32)
    parser.add_argument("--model", default="conv")
    args = parser.parse_args()
    dataset = "mnist" if args.data_dir else "digits"
    ratios = []
    with tempfile.TemporaryDirectory(prefix="vae-sharpen-") as home:
        places = Places(Path(home), args.data_dir or Path(home))
        data, store = open_images(dataset, 32, places), Store(places)
        print(f"{'seed':>4} {'':12} {'CPU s':>6} {'distance':>8} {'sharp':>6} {'recall':>7} {'dB':>6}")
        for seed in range(args.seeds):
            config = RunConfig()
            for path, value in (
                (("data", "dataset"), dataset), (("data", "side"), 32), (("model", "latent_dim"), args.dims),
                (("model", "architecture"), args.model), (("training", "epochs"), args.epochs),
                (("training", "seed"), seed), (("training", "threads"), 1),
            ):  # fmt: skip
                config = replace_at(config, path, value)
            vae = store.create(config)
            rows = []
            for kind in ("VAE", "sharpened"):
                run = vae if kind == "VAE" else store.sharpen(vae)
                spent, found = trained(run, places), measured(run, data)
                rows.append(found)
                distance, sharp, recall, decibels = found
                print(
                    f"{seed:4} {kind:12} {spent:6.0f} {distance:8.3f} {sharp:6.2f} {recall:7.2f} {decibels:6.2f}", flush=True
                )  # fmt: skip
            before, after = rows
            ratios.append((after[0] / before[0], after[1], before[3] - after[3]))
    distance, sharp, lost = (statistics.fmean(column) for column in zip(*ratios, strict=True))
    print(
        f"means: distance {distance:.2f} of the VAE's (goal 0.62), sharpness {sharp:.2f} (0.75), {lost:.2f} dB lost (0.7)"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
