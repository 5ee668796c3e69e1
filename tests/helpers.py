"""What several tests plant: tiny images, settings that train in moments, a control that follows a script."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.config import RunConfig
from vae_core.data.imageset import Chunk, ImageSet, Source, write_images
from vae_core.events import WALL_FIELDS, Command, Event, StepDone
from vae_core.models.build import make_model
from vae_core.models.networks import MlpParams
from vae_core.options import Choice, leaves, replace_at
from vae_core.places import Places
from vae_core.runs.record import FAILED, INTERRUPTED
from vae_core.runs.run import Run

PATHS = {leaf.name: leaf.path for leaf in leaves(RunConfig) if not leaf.owner}
PATHS["continued"] = ("training", "continued")
TINY = {
    "dataset": "tiny", "validation": 0.2, "architecture": Choice("mlp", MlpParams((12,))), "latent_dim": 3,
    "epochs": 2, "batch_size": 16, "learning_rate": 1e-2, "precision": "float32", "device": "cpu", "threads": 1,
    "log_every": 2, "checkpoint_every": 3, "likelihood": "bernoulli", "augment": "none", "rate_schedule": "one_cycle",
}  # fmt: skip


def config_of(**changes: Any) -> RunConfig:
    """Settings that train on the tiny dataset in a blink, with some changed by their plain names."""
    config = RunConfig()
    for name, value in {**TINY, **changes}.items():
        config = replace_at(config, PATHS[name], value)
    return config


def to_go_on_from(config: RunConfig, shape: tuple[int, int, int] = (1, 16, 16)) -> dict[str, Tensor] | None:
    """Weights for an objective that goes on from a run's: a fresh model's; None for one that begins by itself."""
    if not config.objective.entry.goes_on:
        return None
    return {name: value.clone() for name, value in make_model(config, shape).state_dict().items()}


def blobs(
    count: int = 90, side: int = 16, channels: int = 1, seed: int = 0, *, lattice: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Soft round spots: uint8 (N, C, S, S), and where they lie, (N, 2) in [0, 1]."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0.2, 0.8, (count, 2))
    if lattice:
        places = 0.2 + 0.6 * rng.integers(0, lattice, (count, 2)) / max(1, lattice - 1)
    axis = (np.arange(side) + 0.5) / side
    squares = (axis[None, :, None] - places[:, 1, None, None]) ** 2
    squares = squares + (axis[None, None, :] - places[:, 0, None, None]) ** 2
    grey = np.exp(-squares / 0.02)
    tints = np.linspace(1.0, 0.4, channels)
    return np.rint(255 * grey[:, None] * tints[:, None, None]).astype(np.uint8), places


def blob_set(
    count: int = 90, side: int = 16, channels: int = 1, seed: int = 0, *, lattice: int = 0
) -> ImageSet:
    """The blobs as a dataset in memory; every tenth image is for testing.

    On a `lattice` of so many places each way, blobs differ from others in x or y alone.
    """
    images, places = blobs(count, side, channels, seed, lattice=lattice)
    return ImageSet(
        "tiny", "Tiny", images, (places[:, 0] > 0.5).astype(np.int64), ("left", "right"),
        places.astype(np.float32), ("x", "y"), np.arange(0, count, 10), "planted",
    )  # fmt: skip


def places_in(folder: Path) -> Places:
    """An empty home in a folder, which knows one dataset, `tiny`."""
    places = Places(folder / "home", folder / "downloads")
    write_blobs(places.datasets)
    return places


def write_blobs(folder: Path, name: str = "tiny", **kwargs: Any) -> None:
    """The blobs as a dataset on disk, as an import of one's own images leaves it."""
    data = blob_set(**kwargs)
    chunk = Chunk(data.images, data.labels, data.factors)
    source = Source(len(data), data.shape[0], [chunk], data.label_names, data.factor_names, data.test)
    write_images(folder / name / str(data.shape[1]), name, data.title, source, own=True)


class Script:
    """A control: requests by the step after which they are due, and those that come while it is paused.

    Needs `log_every=1` and must `see` every event, to know the step.
    """

    def __init__(self, at: dict[int, list[Any]], paused: list[list[Any]] | None = None) -> None:
        self.at, self.paused = {k: list(v) for k, v in at.items()}, list(paused or [])
        self.step = self.number = 0
        self.ready: list[Any] = []

    def see(self, event: Event) -> Event:
        if isinstance(event, StepDone):
            self.step = event.step
        return event

    def poll(self) -> list[Command]:
        due = [*self.at.pop(self.step, []), *self.ready]
        self.ready = []
        commands = []
        for one in due:
            self.number += 1
            name, value = one if isinstance(one, tuple) else (one, None)
            commands.append(Command(self.number, name, value))
        return commands

    def wait(self) -> None:
        assert self.paused, "the run waits for a request that never comes"
        self.ready = self.paused.pop(0)


def of(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def frozen(value: Any) -> Any:
    """A value without its wall-time fields, comparable bit for bit."""
    if isinstance(value, Tensor):
        value = value.numpy()
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    if isinstance(value, dict):
        return {key: frozen(inner) for key, inner in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: frozen(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return type(value).__name__, {k: v for k, v in fields.items() if k not in WALL_FIELDS}
    if isinstance(value, list):
        return [frozen(inner) for inner in value]
    return value


def until(
    done: Callable[[], Any],
    what: str,
    *,
    meanwhile: Callable[[], Any] = lambda: None,
    runs: Sequence[Run] = (),
) -> None:
    """Wait for another process: minutes, since training gives way to whatever else the machine computes.

    A run of `runs` that ends by a fault ends the wait.
    """
    end = time.monotonic() + 180
    while time.monotonic() < end:
        meanwhile()
        if done():
            return
        if any(run.status().state in (FAILED, INTERRUPTED) for run in runs):
            break
        time.sleep(0.05)  # each look takes time from the process that is waited for
    told = [(run.status(), *(log.read_text() for log in run.path.glob("log.txt"))) for run in runs]
    raise AssertionError(f"waited in vain until {what}: {told}")


def through(layers: list[dict[str, Any]], floats: np.ndarray, x: Any, t: float = 0.0) -> np.ndarray:
    """What the documented lists compute for one code or picture (channels last, flat), in numpy."""
    x = np.asarray(x, np.float64).ravel()
    for layer in layers:
        kind = layer["kind"]
        if kind == "linear":
            n, m = layer["inputs"], layer["outputs"]
            x = floats[layer["weight"] :][: n * m].reshape(m, n) @ x + floats[layer["bias"] :][:m]
        elif kind in ("up", "down"):
            n, m, side = layer["inputs"], layer["outputs"], layer["side"]
            weight = floats[layer["weight"] :][: 16 * n * m].reshape(4, 4, n, m)
            x = x.reshape(side, side, n)
            if kind == "down":
                framed = np.pad(x, ((1, 1), (1, 1), (0, 0)))
                out = sum(
                    framed[r : r + side : 2, c : c + side : 2] @ weight[r, c]
                    for r in range(4)
                    for c in range(4)
                )
            else:
                wide = np.zeros((2 * side + 2, 2 * side + 2, m))
                for r in range(4):
                    for c in range(4):
                        wide[r : r + 2 * side : 2, c : c + 2 * side : 2] += x @ weight[r, c]
                out = wide[1:-1, 1:-1]
            x = (out + floats[layer["bias"] :][:m]).ravel()
        elif kind == "conv":
            n, m, side = layer["inputs"], layer["outputs"], layer["side"]
            size, frame = layer["size"], layer["size"] // 2
            weight = floats[layer["weight"] :][: size**2 * n * m].reshape(size, size, n, m)
            framed = np.pad(x.reshape(side, side, n), ((frame, frame), (frame, frame), (0, 0)))
            taps = [(r, c) for r in range(size) for c in range(size)]
            out = sum(framed[r : r + side, c : c + side] @ weight[r, c] for r, c in taps)
            x = (out + floats[layer["bias"] :][:m]).ravel()
        elif kind == "norm":
            n, groups = layer["channels"], layer["groups"]
            grouped = x.reshape(-1, groups, n // groups)
            spread = np.sqrt(grouped.var((0, 2), keepdims=True) + layer["epsilon"])
            flat = ((grouped - grouped.mean((0, 2), keepdims=True)) / spread).reshape(-1, n)
            x = (flat * floats[layer["weight"] :][:n] + floats[layer["bias"] :][:n]).ravel()
        elif kind == "residual":
            x = x + through(layer["layers"], floats, x, t)
        elif kind == "silu":
            x = x / (1 + np.exp(-x))
        elif kind == "gate":
            n, k = layer["units"], layer["degree"]
            powers = t ** np.arange(1, k + 1)
            scale = 1 + powers @ floats[layer["scale"] :][: k * n].reshape(k, n)
            shift = powers @ floats[layer["shift"] :][: k * n].reshape(k, n)
            x = (x.reshape(-1, n) * scale + shift).ravel()
        elif kind == "relu":
            x = np.maximum(x, 0)
        elif kind == "sigmoid":
            x = 1 / (1 + np.exp(-x))
        else:
            raise AssertionError(f"the list has an undocumented layer {kind}")
    return x


def parts_that_learn(loop, only):
    """Whether generator and discriminator move in a step in which one part `only` is to learn."""
    learner = loop.learner
    before = [w.clone() for w in learner.made_by], [w.clone() for w in learner.judged_by]
    learner.only = only
    loop.learn()
    return [any(not torch.equal(a, b) for a, b in zip(old, new, strict=True))
            for old, new in zip(before, (learner.made_by, learner.judged_by), strict=True)]  # fmt: skip
