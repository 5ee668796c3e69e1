"""A small regressor of a dataset's attributes, which metrics may ask for to say what of an image has changed.

    <home>/derived/regressors/<fingerprint>-<split>.safetensors

It is trained once on the training images of a dataset and kept for all runs on the same images and splits, with how much
of each attribute it explains on validation images.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadImages, TooFewPoints
from vae_core.objectives.attributes import attributes_of
from vae_core.options import to_json
from vae_core.places import Places, write_atomically

VERSION = 1  # raise it whenever the same images would give another network
MOST_IMAGES = 10_000  # of the training split, evenly taken
STEPS = 1_200
BATCH = 64
LEARNING_RATE = 3e-3  # peak of a cosine
SEED = 0
LEAST_IMAGES = 100


@dataclass(frozen=True)
class Regressor:
    """A trained network for K attributes; names (K,), spelt as settings do.

    explained (K,): share of each attribute's variance that it explains on validation images, R²; 0 where it does no
    better than their mean.
    """

    network: nn.Module
    names: tuple[str, ...]
    explained: np.ndarray

    @torch.inference_mode()
    def scores(self, images: np.ndarray) -> np.ndarray:
        """Images (N, C, H, W), uint8 or floats in [0, 1] -> each attribute in standard deviations of the training
        images, from their mean: (N, K) float32."""
        x = np.asarray(images)
        parts = [self.network(_floats(x[i : i + 256])).numpy() for i in range(0, len(x), 256)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.names)), np.float32)


def network_of(channels: int, side: int, attributes: int) -> nn.Sequential:
    """Three convolutions of stride 2 and two dense layers: (N, C, side, side) -> (N, K)."""
    layers: list[nn.Module] = []
    for before, after in ((channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        side = -(-side // 2)
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(64 * side * side, 64), nn.ReLU(), nn.Linear(64, attributes)
    )


def regressor_of(
    places: Places, config: RunConfig, data: ImageSet, *, progress: Progress = silent
) -> Regressor:
    """The regressor of a dataset's attributes, trained on the first call and read after that. A minute or so on a CPU.

    `config` says which images a run trains on; it gets no others. Raises BadImages for a dataset without factors or
    labels, TooFewPoints where too few training images have them or none varies.
    """
    path = _path(places, config, data)
    if (found := _read(path, data)) is not None:
        return found
    found = train_regressor(config, data, progress=progress)
    described = {"version": VERSION, "names": found.names, "explained": found.explained.tolist()}
    path = _path(places, config, data, write=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in found.network.state_dict().items()}
    write_atomically(
        path, safetensors.torch.save(weights, {"regressor": json.dumps(described)}), durable=False
    )
    return found


def train_regressor(config: RunConfig, data: ImageSet, *, progress: Progress = silent) -> Regressor:
    """Train on the training images with Adam, 1,200 steps of 64 images, least squares; the same images give the same
    network. Attributes that do not vary among them are left out; what is not known of an image is not learned from it.
    """
    attributes = attributes_of(data)
    if attributes is None:
        raise BadImages(f"the images of {data.name} have neither factors nor labels to train a regressor on")
    splits = config.data.split(data)
    index = splits.train[_evenly(len(splits.train), MOST_IMAGES)]
    values = attributes.values
    known = np.isfinite(values[index])
    count = known.sum(0).clip(1)
    mean = np.where(known, values[index], 0).sum(0) / count
    spread = np.sqrt(np.where(known, (values[index] - mean) ** 2, 0).sum(0) / count)
    used = np.flatnonzero((spread > 1e-9 * (1 + np.abs(mean))) & (known.sum(0) >= LEAST_IMAGES))
    if not len(used):
        raise TooFewPoints(
            f"a regressor needs an attribute that varies among {LEAST_IMAGES} training images; {data.name} has none"
        )
    standard = (values[:, used] - mean[used]) / spread[used]
    network = _fitted(np.asarray(data.images[index]), standard[index], progress, data)
    names = tuple(attributes.names[k] for k in used)
    untested = Regressor(network, names, np.zeros(len(names)))
    guesses = untested.scores(np.asarray(data.images[splits.validation]))
    return Regressor(network, names, _explained(standard[splits.validation], guesses))


def _fitted(images: np.ndarray, standard: np.ndarray, progress: Progress, data: ImageSet) -> nn.Module:
    """The network that gives the standardised attributes (N, K), NaN where unknown, of images (N, C, H, W)."""
    targets = torch.from_numpy(standard.astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = network_of(data.shape[0], data.shape[1], standard.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    rng = np.random.default_rng(SEED)
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        rows = rng.integers(len(images), size=min(BATCH, len(images)))
        sought = targets[torch.from_numpy(rows)]
        there = sought.isfinite()
        gap = (network(_floats(images[rows])) - sought.nan_to_num()) * there
        optimiser.zero_grad()
        torch.autograd.backward(gap.square().sum() / there.sum().clamp_min(1))
        optimiser.step()
        if step % 20 == 0:
            progress(step / STEPS, f"a regressor of {data.name}")
    return network.eval().requires_grad_(False)


def _explained(sought: np.ndarray, guesses: np.ndarray) -> np.ndarray:
    """R² of each attribute (K,), NaN where unknown in `sought` (N, K); at least 0."""
    found = np.zeros(sought.shape[1])
    for k, (column, guess) in enumerate(zip(sought.T, guesses.T, strict=True)):
        known = np.isfinite(column)
        if known.sum() > 1 and column[known].var() > 0:
            found[k] = max(0.0, 1 - ((guess - column)[known] ** 2).mean() / column[known].var())
    return found


def _path(places: Places, config: RunConfig, data: ImageSet, *, write: bool = False) -> Path:
    """Which images are for training is part of its name: a regressor must not have seen another run's test images."""
    split = hashlib.sha256(json.dumps(to_json(config.data), sort_keys=True).encode()).hexdigest()[:8]
    return places.derived_file("regressors", f"{data.fingerprint}-{split}.safetensors", write=write)


def _read(path: Path, data: ImageSet) -> Regressor | None:
    """What was kept; None where it is missing, damaged or of another version: it can be trained again."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            described: dict[str, Any] = json.loads((file.metadata() or {})["regressor"])
            weights: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if described["version"] != VERSION:
            return None
        names = tuple(str(name) for name in described["names"])
        explained = np.array([float(v) for v in described["explained"]])
        with torch.random.fork_rng(devices=[]):
            network = network_of(data.shape[0], data.shape[1], len(names))
        network.load_state_dict(weights)
        network.eval().requires_grad_(False)
        return Regressor(network, names, explained) if explained.shape == (len(names),) else None
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError):
        return None


def _floats(images: np.ndarray) -> Tensor:
    x = torch.from_numpy(np.array(images))  # a copy: rows of a memory-mapped file cannot be written to
    return x.float() / 255 if x.dtype == torch.uint8 else x.float()


def _evenly(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)
