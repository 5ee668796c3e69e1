"""Rounds of choosing until a search by preference shows one of the best tenth, against proposals drawn at random.

    python tests/bench/preference.py [--dataset NAME] [--data-dir DIR] [--limit N] [--epochs N] [--seeds N] [--table FILE]

A grid of 60 runs, six D by ten β, is trained once (its sharpness is kept in FILE, and read from there again). A scripted
judge then sees four runs, marks the one with the sharper reconstructions (variance of the Laplacian against that of
the images themselves), and is shown the best so far beside two new ones, round after round, as the page does it. Printed are, of each
seed, the rounds and the pictures until a run of the sharpest six was shown, by preference and by random choice from the
same first four, which are drawn from the other 54; then the means and their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.data import ImageSet, open_images
from vae_core.evaluation.metrics.sharpness import sharpness
from vae_core.events import Checkpoint
from vae_core.inference import LoadedModel
from vae_core.places import Places
from vae_core.runs.record import Record, data_of
from vae_core.study.preference import Judgement, Taste, pairs_of, propose
from vae_core.sweep import with_beta
from vae_core.training import resolve, train

DIMENSIONS = (2, 4, 6, 10, 18, 32)
BETAS = tuple(float(f"{beta:.3g}") for beta in np.geomspace(0.1, 10, 10))
FIRST, NEW, BEST, LOOKED_AT = 4, 2, 6, 300
Chooser = Callable[[list[int], list[Judgement], list[int], int], list[int]]


def sharpness_of(data: ImageSet, limit: int, epochs: int, latent_dim: int, beta: float) -> float:
    """Of the reconstructions of test images by a run of these two settings, against that of the images: 1 is as sharp."""
    config = RunConfig(
        data=DataConfig(data.name, side=data.shape[1], limit=limit),
        model=ModelConfig(architecture="mlp", latent_dim=latent_dim),  # type: ignore[arg-type]
        objective=ObjectiveConfig(),
        training=TrainingConfig(epochs=epochs, batch_size=64, device="cpu", threads=1, precision="float32"),
    )
    resolved, weights = resolve(with_beta(config, beta), data), {}
    for event in train(resolved, data):
        if isinstance(event, Checkpoint):
            weights = event.last
    run = LoadedModel(
        Record("bench", "mlp", None, config, resolved, {}, data_of(data)), weights, "bench", "cpu"
    )
    real = np.asarray(data.images[config.data.split(data).test[:LOOKED_AT]])
    return sharpness(run.reconstruct(real), real / np.float32(255)) or 0.0


def rounds(worth: np.ndarray, first: list[int], choose: Chooser) -> tuple[int, int]:
    """Rounds of choosing, and pictures shown, until one of the best tenth is among them."""
    best = set(map(int, np.argsort(-worth)[:BEST]))
    seen, shown, said = list(first), list(first), []
    while not best & set(seen):
        said.append(Judgement(tuple(shown), best=max(shown, key=lambda row: worth[row])))
        rest = [row for row in range(len(worth)) if row not in seen]
        new = choose(seen, said, rest, NEW)
        leader = said[-1].best
        assert leader is not None
        shown, seen = [leader, *new], [*seen, *new]
    return len(said) + 1, len(seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="images of the set; 0 takes all")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table", type=Path, help="where the sharpness of the 60 runs is kept")
    asked = parser.parse_args()
    settings = [(d, beta) for d in DIMENSIONS for beta in BETAS]
    if asked.table and asked.table.exists():
        worth = np.array(json.loads(asked.table.read_text()))
    else:
        with tempfile.TemporaryDirectory(prefix="preference-") as folder:
            data = open_images(
                asked.dataset, 16 if asked.dataset == "digits" else 32, Places.find(folder, asked.data_dir)
            )
            worth = np.array([sharpness_of(data, asked.limit, asked.epochs, d, beta) for d, beta in settings])
        if asked.table:
            asked.table.write_text(json.dumps(worth.tolist()))
    order = np.argsort(-worth)
    print(
        f"sharpness of the 60 from {worth.min():.2f} to {worth.max():.2f}; the best six (D, β):",
        *(settings[i] for i in order[:BEST]),
    )
    points = np.array([(i // len(BETAS) / 5, i % len(BETAS) / 9) for i in range(len(settings))])
    counts: dict[str, list[tuple[int, int]]] = {"preference": [], "random": []}
    for seed in range(asked.seeds):
        rng = np.random.default_rng(seed)
        first = [int(row) for row in rng.choice(order[BEST:], FIRST, replace=False)]

        def by_taste(
            seen: list[int],
            said: list[Judgement],
            rest: list[int],
            count: int,
            rng: np.random.Generator = rng,
        ) -> list[int]:
            at = {row: place for place, row in enumerate(seen)}
            taste = Taste(points[seen], [(at[a], at[b]) for a, b in pairs_of(said)])
            return [rest[row] for row in propose(taste, points[rest], count, rng)]

        def by_chance(
            seen: list[int],
            said: list[Judgement],
            rest: list[int],
            count: int,
            rng: np.random.Generator = rng,
        ) -> list[int]:
            return [int(row) for row in rng.choice(rest, count, replace=False)]

        for name, choose in (("preference", by_taste), ("random", by_chance)):
            counts[name].append(rounds(worth, first, choose))
        told = ", ".join(
            f"{name} {r} rounds, {n} pictures"
            for name, ((r, n),) in zip(counts, ([c[-1]] for c in counts.values()), strict=True)
        )
        print(f"seed {seed}: {told}", flush=True)
    mean = {name: statistics.mean(r for r, _ in found) for name, found in counts.items()}
    print(
        f"mean rounds: preference {mean['preference']:.1f}, random {mean['random']:.1f}; ratio {mean['preference'] / mean['random']:.2f}"
    )


if __name__ == "__main__":
    main()
