"""Speed of training against the textbook way and a bare loop, sides in turn, on real MNIST.

    python tests/bench/training.py [--data-dir DIR] [--rounds 3] [--only mlp|conv|processes|good]

Prints, per network: images/s of each side (medians) and the ratios; then the same of two processes with one thread
each that train one run together (`--gpus 2`) beside one process with two threads; then the seconds of training until
-ELBO on the test split is at or under 106.5 nats. `ours` is the whole of it: events appended to a run folder,
validation, pictures and checkpoints included.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from vae_core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from vae_core.data import ImageSet, open_images
from vae_core.data.torchvision_safe import torchvision
from vae_core.devices import core_count
from vae_core.evaluation.likelihood import evaluate
from vae_core.events import EpochDone, StepDone
from vae_core.inference import LoadedModel
from vae_core.models.build import make_model
from vae_core.models.vae import Vae
from vae_core.options import replace_at
from vae_core.places import Places
from vae_core.runs.record import FINISHED, data_of
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.training import machine_of, resolve, train

BATCH, THREADS, TARGET = 128, 2, 106.5


def config_of(network: str, epochs: int, precision: str = "float32", **training: object) -> RunConfig:
    latent = {"mlp": 20, "conv": 10}[network]
    return RunConfig(
        data=DataConfig(dataset="mnist"),
        model=ModelConfig(architecture=network, latent_dim=latent),  # type: ignore[arg-type]
        training=TrainingConfig(
            epochs=epochs, precision=precision, threads=THREADS, device="cpu", **training
        ),  # type: ignore[arg-type]
    )


def loss_of(model: Vae, x: torch.Tensor) -> torch.Tensor:
    """The loss as anyone writes it: summed cross-entropy plus KL, per batch."""
    mean, log_var = model.encoder(x).chunk(2, dim=1)
    z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
    cross = F.binary_cross_entropy_with_logits(model.decoder(z), x, reduction="sum")
    return cross - 0.5 * (1 + log_var - mean.pow(2) - log_var.exp()).sum()


def textbook(
    config: RunConfig, data: ImageSet, root: Path, epochs: int, after: Callable[[Vae], None] | None = None
) -> float:
    """DataLoader, ToTensor, Adam 1e-3: images per second of training alone."""
    transforms = torchvision().transforms
    steps = [transforms.Pad(2)] if data.shape[1] == 32 else []
    dataset = torchvision().datasets.MNIST(
        str(root), train=True, transform=transforms.Compose([*steps, transforms.ToTensor()])
    )
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True)
    torch.manual_seed(0)
    model = make_model(config, data.shape)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    seconds = 0.0
    for _ in range(epochs):
        begin = time.perf_counter()
        total = 0.0
        for x, _ in loader:
            optimizer.zero_grad()
            loss = loss_of(model, x)
            loss.backward()
            total += loss.item()
            optimizer.step()
        seconds += time.perf_counter() - begin
        if after is not None:
            after(model)
    return epochs * len(dataset) / seconds


def bare(config: RunConfig, data: ImageSet, epochs: int, *, channels_last: bool = False) -> float:
    """Floats in memory, indexed; nothing but forward, backward and a fused Adam."""
    images = torch.from_numpy(data.images[:60_000]).float() / 255
    layout = torch.channels_last if channels_last else torch.contiguous_format
    images = images.contiguous(memory_format=layout)
    torch.manual_seed(0)
    model = make_model(config, data.shape).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    begin = time.perf_counter()
    for _ in range(epochs):
        for index in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss_of(model, images[index]).backward()
            optimizer.step()
    return epochs * len(images) / (time.perf_counter() - begin)


def ours(config: RunConfig, data: ImageSet, places: Places) -> tuple[float, Run]:
    """The product's own training into a real run folder: images/s from start to end, everything included."""
    store = Store(places)
    run = store.create(config)
    resolved = resolve(config, data)
    run.write_record(
        dataclasses.replace(run.record(), resolved=resolved, machine=machine_of(resolved), data=data_of(data))
    )
    begin = time.perf_counter()
    images = 0
    for event in train(config, data):
        run.append(event)
        if isinstance(event, EpochDone):
            images = event.step * resolved.training.batch_size
    seconds = time.perf_counter() - begin
    run.close()
    return images / seconds, run


def throughput(network: str, data: ImageSet, places: Places, rounds: int, epochs: int) -> None:
    config = config_of(network, epochs, batch_size=BATCH)
    half = config_of(network, epochs, "bfloat16", batch_size=BATCH)
    sides: dict[str, Callable[[], float]] = {
        "textbook": lambda: textbook(config, data, places.data_dir, epochs),
        "bare": lambda: bare(config, data, epochs),
        "ours": lambda: ours(config, data, places)[0],
        "ours, bfloat16": lambda: ours(half, data, places)[0],
    }
    if network == "conv":
        sides["bare, channels-last"] = lambda: bare(config, data, epochs, channels_last=True)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(side())
    middle = {name: statistics.median(values) for name, values in found.items()}
    print(
        f"\n{network}, batch {BATCH}, {THREADS} threads, float32 unless said, {rounds} rounds of {epochs} epochs: images/s"
    )
    for name, value in middle.items():
        spread = f"{min(found[name]):,.0f} to {max(found[name]):,.0f}"
        print(f"  {name:20s} {value:10,.0f}   ({spread})")
    print(f"  ours / bare     = {middle['ours'] / middle['bare']:.2f}   (at least 0.95)")
    if network == "conv":
        print(f"  ours / bare, channels-last = {middle['ours'] / middle['bare, channels-last']:.2f}")
    least = {"mlp": 1.9, "conv": 1.3}[network]
    print(f"  ours / textbook = {middle['ours'] / middle['textbook']:.2f}   (at least {least})")
    print(f"  ours in bfloat16 / textbook = {middle['ours, bfloat16'] / middle['textbook']:.2f}", flush=True)


def together(network: str, batch: int, processes: int, places: Places) -> list[float]:
    """Images/s of pairs of steps of a run folder's training, by so many processes with THREADS threads in all."""
    config = config_of(network, 1, batch_size=batch, gpus=processes, log_every=2)
    config = replace_at(config, ("data", "limit"), {"mlp": 20_000, "conv": 6_000}[network])
    run = Store(places).create(config)
    status = train_run(run, places)
    if status.state != FINISHED:
        raise SystemExit(f"{status.state}: {status.error}")
    return [event.images_per_second for event in run.history() if isinstance(event, StepDone)][2:]


def processes(places: Places, rounds: int) -> None:
    print(
        f"\nOne run by several processes ({platform.processor() or platform.machine()}, {core_count()} cores, "
        f"torch {torch.__version__}, gloo), {THREADS} threads in all, {rounds} rounds: images/s of pairs of steps, the median "
        "and what the fastest tenth reach, which tells more where the machine does other things too"
    )
    for network, batch in (("mlp", 128), ("mlp", 1024), ("conv", 128)):
        found: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(rounds):
            for count, rates in found.items():
                rates += together(network, batch, count, places)
        for share, what in ((0.5, "median"), (0.9, "fastest tenth")):
            one, two = (float(np.quantile(rates, share)) for rates in found.values())
            print(
                f"  {network:4s} batch {batch:4d}, {what:13s}   1 process {one:8,.0f}   2 processes {two:8,.0f}   ratio {two / one:.2f}",
                flush=True,
            )


def test_loss(model: Vae, config: RunConfig, data: ImageSet, places: Places) -> float:
    """-ELBO on the test split, posterior sampled once, float32, by the product's own evaluation."""
    run = Store(places).create(config)
    run.write_record(dataclasses.replace(run.record(), resolved=resolve(config, data), data=data_of(data)))
    loaded = LoadedModel(run.record(), dict(model.state_dict()), "bench", "cpu")
    found = evaluate(loaded, data)
    assert found.elbo is not None
    return -found.elbo


def time_to_good(data: ImageSet, places: Places) -> None:
    """Seconds of training to TARGET: the textbook's at the end of an epoch, ours at the end of a planned run."""
    config = config_of("mlp", 5, "auto")
    seconds: list[float] = []
    losses: list[float] = []
    begin = time.perf_counter()
    spent = 0.0

    def after(model: Vae) -> None:
        nonlocal begin, spent
        spent += time.perf_counter() - begin
        losses.append(test_loss(model, config, data, places))
        seconds.append(spent)
        begin = time.perf_counter()
        print(f"  textbook epoch {len(losses)}: {losses[-1]:.2f} nats after {spent:.1f} s", flush=True)
        if losses[-1] <= TARGET:
            raise StopIteration

    print(f"\nTime until -ELBO on the test split is at or under {TARGET} nats, MLP 784-400-20, Bernoulli")
    with contextlib.suppress(StopIteration):
        textbook(config, data, places.data_dir, 20, after)
    reached = seconds[-1]
    for epochs in (4, 5):
        planned = config_of("mlp", epochs, "auto")
        begin = time.perf_counter()
        _, run = ours(planned, data, places)
        took = time.perf_counter() - begin
        model = make_model(planned, data.shape)
        model.load_state_dict(run.weights())
        loss = test_loss(model, planned, data, places)
        good = "good" if loss <= TARGET else "not yet good"
        print(
            f"  ours, {epochs} epochs, defaults: {loss:.2f} nats after {took:.1f} s ({good}); ratio {took / reached:.3f} (at most 0.200)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found = os.environ.get("LATENT_EXPLORER_DATA") or Path(__file__).parents[3] / "shared" / "data"
    parser.add_argument("--data-dir", default=found, help="torchvision's root, with MNIST in it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("mlp", "conv", "processes", "good"))
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as home:
        places = Places(Path(home), Path(args.data_dir))
        if args.only in (None, "mlp"):
            throughput("mlp", open_images("mnist", 28, places), places, args.rounds, 2)
        if args.only in (None, "conv"):
            throughput("conv", open_images("mnist", 32, places), places, args.rounds, 1)
        if args.only in (None, "processes"):
            processes(places, args.rounds)
        if args.only in (None, "good"):
            time_to_good(open_images("mnist", 28, places), places)


if __name__ == "__main__":
    main()
