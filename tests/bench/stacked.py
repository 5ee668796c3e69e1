"""n βs as one stacked model against the same runs one after the other: images/s·β, sides in turn.

    python tests/bench/stacked.py [--rounds 3] [--steps 60] [--device cpu|cuda] [--counts 4 8] [--only NETWORK]
                                  [--threads N] [--precision float32|bfloat16] [--processor-time]

`--processor-time` counts what this process computed and not what it waited for: where others compute beside it, and
then with `--threads 1`, since threads that wait for each other seem busy.

Both sides are the product's own steps (batches gathered, losses, Adam, the rows of the curves) on random images
of MNIST's shape: what they show does not change a step's cost. Prints medians and the ratio.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from vae_core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from vae_core.data.imageset import ImageSet
from vae_core.devices import core_count
from vae_core.models.networks import ConvParams, MlpParams
from vae_core.options import Choice
from vae_core.sweep import with_beta
from vae_core.training import NoControl, resolve
from vae_core.training.loop import Loop
from vae_core.training.stacked import Stack, pays

BATCH = 128
NETWORKS = {
    "mlp": ("mlp 784-400-20", 28, Choice("mlp", MlpParams((400,))), 20),
    "conv": ("conv of width 8, 32×32, 10 dimensions", 32, Choice("conv", ConvParams(8, 64)), 10),
    "conv-wide": ("conv of the usual width 32, 32×32, 10 dimensions", 32, Choice("conv", ConvParams()), 10),
}


def images(side: int, count: int = 6_000) -> ImageSet:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 1, side, side), np.uint8)
    return ImageSet("noise", "Noise", pixels, None, (), None, (), np.arange(0, count, 50), "noise")


def trainers(network: str, data: ImageSet, device: str, count: int, args: argparse.Namespace) -> list[Loop]:
    _, _, choice, dims = NETWORKS[network]
    config = RunConfig(
        data=DataConfig(dataset="noise"),
        model=ModelConfig(architecture=choice, latent_dim=dims),
        training=TrainingConfig(
            epochs=100, batch_size=BATCH, precision=args.precision, device=device, threads=args.threads
        ),
    )
    betas = [0.5 * 2**i for i in range(count)]
    return [Loop(resolve(with_beta(config, beta), data), data, NoControl()) for beta in betas]


clock = time.perf_counter


def timed(step: Callable[[], None], steps: int, device: str) -> float:
    """Seconds per call."""
    for _ in range(3):
        step()
    wait(device)
    begin = clock()
    for _ in range(steps):
        step()
    wait(device)
    return (clock() - begin) / steps


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def separate(some: list[Loop], steps: int, device: str) -> float:
    """Seconds for a step of every run, one run after the other as a queue trains them."""
    return sum(timed(lambda t=t: t.learn(), steps, device) for t in some)  # type: ignore[misc]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--counts", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--only", choices=tuple(NETWORKS))
    parser.add_argument("--threads", type=int, default=core_count())
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--processor-time", action="store_true")
    args = parser.parse_args()
    if args.processor_time:
        global clock
        clock = time.process_time
    where = (
        torch.cuda.get_device_name() if args.device == "cuda" else f"{args.threads} of {core_count()} cores"
    )
    print(
        f"images/s·β, batch {BATCH}, {args.precision}, {where}, torch {torch.__version__}, {clock.__name__}"
    )
    for network, (shape, side, _, _) in NETWORKS.items():
        if args.only not in (None, network):
            continue
        data = images(side)
        for count in args.counts:
            apart, together = [], []
            for _ in range(args.rounds):
                some = trainers(network, data, args.device, count, args)
                apart.append(separate(some, args.steps, args.device))
                stack = Stack(trainers(network, data, args.device, count, args))
                together.append(timed(stack.learn, args.steps, args.device))
            a, b = (count * BATCH / statistics.median(times) for times in (apart, together))
            rule = "stacked by vae-core sweep" if pays(some[0].config, args.device, count) else "not stacked"
            print(
                f"{shape}, {count} βs: {a:,.0f} apart, {b:,.0f} stacked, ratio {b / a:.2f} ({rule})",
                flush=True,
            )


if __name__ == "__main__":
    main()
