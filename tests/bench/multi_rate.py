"""One β dial against five separately trained β-VAEs: same network, images, learning rate and epochs, real MNIST.

    python tests/bench/multi_rate.py [--data-dir DIR] [--epochs 5] [--network mlp|conv] [--latent 10] [--seed 0] [--power P]

Prints, per β, distortion + β · rate on the test split of the separate model and of the dial turned there, and by how
much the dial's is larger (wanted: at most 3 %); then what either side cost in steps and seconds. `--power` weighs each
image by (1 + β)^P instead of the usual power, `--dial-epochs` trains the dial alone for longer. `--keep FILE` holds
the separate models' numbers, to be read again by the next call with the same settings.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.data import ImageSet, open_images
from vae_core.evaluation.likelihood import evaluate
from vae_core.events import Checkpoint, Finished
from vae_core.inference import LoadedModel
from vae_core.objectives import losses
from vae_core.objectives.losses import BetaParams, MultiRateParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.record import Record, data_of
from vae_core.training import resolve, train

BETAS = (0.1, 0.3, 1.0, 3.0, 10.0)
MOST = 0.03


def config_of(args: argparse.Namespace, objective: Choice) -> RunConfig:
    return RunConfig(
        DataConfig("mnist", side={"mlp": 28, "conv": 32}[args.network]),
        ModelConfig(args.network, args.latent),
        ObjectiveConfig(objective),
        TrainingConfig(
            epochs=args.epochs, learning_rate=args.rate, seed=args.seed, threads=args.threads,
            precision="float32", device="cpu", batch_size=128,
        ),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Trained:
    model: LoadedModel
    steps: int
    seconds: float
    processor: float


def trained(config: RunConfig, data: ImageSet) -> Trained:
    """Seconds are of everything that training does, validation and pictures with it; `processor` is of all cores."""
    config = resolve(config, data)
    weights, steps, begin, cpu = {}, 0, time.perf_counter(), time.process_time()
    for event in train(config, data):
        if isinstance(event, Checkpoint):
            weights = event.last
        elif isinstance(event, Finished):
            steps = event.step
    seconds, processor = time.perf_counter() - begin, time.process_time() - cpu
    record = Record("bench-1", "bench", "now", config, config, {}, data_of(data))
    return Trained(LoadedModel(record, weights, "0" * 16, "cpu"), steps, seconds, processor)


def point(model: LoadedModel, data: ImageSet) -> tuple[float, float]:
    """(distortion, rate) on the test split, nats per image."""
    found = evaluate(model, data)
    assert found.rate is not None
    return found.distortion, found.rate


def separate(args: argparse.Namespace, data: ImageSet) -> dict[str, Any]:
    """β -> (distortion, rate), and what the five cost; kept where that was asked for."""
    settings = {name: getattr(args, name) for name in ("network", "latent", "epochs", "rate", "seed")}
    if args.keep and args.keep.exists():
        kept: dict[str, Any] = json.loads(args.keep.read_text())
        if kept["settings"] == settings:
            return kept
    points, steps, seconds, processor = [], 0, 0.0, 0.0
    for beta in BETAS:
        found = trained(config_of(args, Choice("beta_vae", BetaParams(beta))), data)
        points.append(point(found.model, data))
        steps, seconds, processor = (
            steps + found.steps,
            seconds + found.seconds,
            processor + found.processor,
        )
        print(f"  separate, β = {beta:g}: {found.seconds:.0f} s", flush=True)
    kept = {
        "settings": settings, "points": points, "steps": steps, "seconds": seconds, "processor": processor,
    }  # fmt: skip
    if args.keep:
        args.keep.write_text(json.dumps(kept))
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found = os.environ.get("LATENT_EXPLORER_DATA") or Path(__file__).parents[3] / "shared" / "data"
    parser.add_argument("--data-dir", default=found, help="torchvision's root, with MNIST in it")
    parser.add_argument("--network", choices=("mlp", "conv"), default="mlp")
    parser.add_argument("--latent", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=4e-3, help="peak learning rate, of either side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--power", type=float, default=losses.DIAL_POWER, help="of each image's weight in the dial"
    )
    parser.add_argument("--dial-epochs", type=int, default=0, help="of the dial; 0: as many as the others")
    parser.add_argument("--keep", type=Path, help="file for the separate models' numbers")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        data = open_images(
            "mnist", {"mlp": 28, "conv": 32}[args.network], Places(Path(home), Path(args.data_dir))
        )
        losses.DIAL_POWER = args.power
        longer = argparse.Namespace(**vars(args) | {"epochs": args.dial_epochs or args.epochs})
        dial = trained(config_of(longer, Choice("multi_rate", MultiRateParams(BETAS[0], BETAS[-1]))), data)
        turned = [point(dial.model.at_beta(beta), data) for beta in BETAS]
        alone = separate(args, data)
    print(
        f"\n{args.network}, D = {args.latent}, {args.epochs} epochs (dial {longer.epochs}, power {args.power:g}), peak rate {args.rate:g}, seed {args.seed}"
    )
    print(f"{'':8s}{'separate':>28s}{'dial':>28s}")
    print(f"{'β':>8s}" + 2 * f"{'distortion':>11s}{'rate':>7s}{'D + βR':>10s}" + f"{'more':>9s}")
    worst = 0.0
    for beta, (d0, r0), (d1, r1) in zip(BETAS, alone["points"], turned, strict=True):
        more = (d1 + beta * r1) / (d0 + beta * r0) - 1
        worst = max(worst, more)
        print(
            f"{beta:8g}{d0:11.2f}{r0:7.2f}{d0 + beta * r0:10.2f}{d1:11.2f}{r1:7.2f}{d1 + beta * r1:10.2f}{more:+9.2%}"
        )
    print(f"  worst {worst:+.2%} (at most {MOST:+.0%})")
    print(
        f"  steps {dial.steps:,} against {alone['steps']:,}: {dial.steps / alone['steps']:.2f}; "
        f"seconds {dial.seconds:.0f} against {alone['seconds']:.0f}: {dial.seconds / alone['seconds']:.2f}; "
        f"processor seconds {dial.processor:.0f} against {alone['processor']:.0f}: "
        f"{dial.processor / alone['processor']:.2f}"
    )


if __name__ == "__main__":
    main()
