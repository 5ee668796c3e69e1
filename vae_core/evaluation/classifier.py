"""A small classifier of a dataset's labels, which metrics may ask for to score images that have no label.

    <home>/derived/classifiers/<fingerprint>-<split>.safetensors

It is trained once on the training images of a dataset and kept for all runs on the same images and splits. Its own
accuracy on validation images is kept with it, so that a metric can say how far it can be trusted.
"""

from __future__ import annotations

import hashlib
import json
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
from vae_core.options import to_json
from vae_core.places import Places, write_atomically

VERSION = 1  # raise it whenever the same images would give another network
MOST_IMAGES = 10_000  # of the training split, evenly taken
STEPS = 600
BATCH = 64
LEARNING_RATE = 2e-3
SEED = 0


@dataclass(frozen=True)
class Classifier:
    """A trained network with K classes; label_names (K,).

    accuracy: the share of validation images that it names rightly; chance: the share of their commonest label.
    """

    network: nn.Module
    label_names: tuple[str, ...]
    accuracy: float
    chance: float

    @torch.inference_mode()
    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Images (N, C, H, W), uint8 or floats in [0, 1] -> the probability of each label, (N, K) float32."""
        x = np.asarray(images)
        parts = [self.network(_floats(x[i : i + 256])).softmax(1).numpy() for i in range(0, len(x), 256)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.label_names)), np.float32)


def network_of(channels: int, side: int, classes: int) -> nn.Sequential:
    """Three convolutions of stride 2 and a linear layer: (N, C, side, side) -> logits (N, K)."""
    layers: list[nn.Module] = []
    for before, after in ((channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        side = -(-side // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * side * side, classes))


def classifier_of(
    places: Places, config: RunConfig, data: ImageSet, *, progress: Progress = silent
) -> Classifier:
    """The classifier of a dataset's labels, trained on the first call and read after that. Seconds on a CPU.

    `config` says which images a run trains on; it gets no others. Raises BadImages for a dataset without labels,
    TooFewPoints where the training images have fewer than two of them.
    """
    path = _path(places, config, data)
    if (found := _read(path, data)) is not None:
        return found
    found = train_classifier(config, data, progress=progress)
    described = {
        "version": VERSION, "label_names": found.label_names, "accuracy": found.accuracy, "chance": found.chance,
    }  # fmt: skip
    path = _path(places, config, data, write=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in found.network.state_dict().items()}
    write_atomically(
        path, safetensors.torch.save(weights, {"classifier": json.dumps(described)}), durable=False
    )
    return found


def train_classifier(config: RunConfig, data: ImageSet, *, progress: Progress = silent) -> Classifier:
    """Train on the training images with Adam, 600 steps of 64 images; the same images give the same network."""
    if data.labels is None:
        raise BadImages(f"the images of {data.name} have no labels to train a classifier on")
    splits, labels = config.data.split(data), np.asarray(data.labels)
    index = splits.train[_evenly(len(splits.train), MOST_IMAGES)]
    index = index[labels[index] >= 0]
    validation = splits.validation[labels[splits.validation] >= 0]
    if len(np.unique(labels[index])) < 2 or not len(validation):
        raise TooFewPoints(
            f"a classifier needs training images of two labels and validation images; {data.name} has not"
        )
    classes = max(int(labels.max()) + 1, len(data.label_names))
    images, targets = np.asarray(data.images[index]), torch.from_numpy(labels[index].astype(np.int64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = network_of(data.shape[0], data.shape[1], classes)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    rng = np.random.default_rng(SEED)
    for step in range(STEPS):
        rows = rng.integers(len(index), size=min(BATCH, len(index)))
        loss = nn.functional.cross_entropy(network(_floats(images[rows])), targets[torch.from_numpy(rows)])
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        if step % 20 == 0:
            progress(step / STEPS, f"a classifier of {data.name}")
    network.eval().requires_grad_(False)
    names = tuple(data.label_names[k] if k < len(data.label_names) else str(k) for k in range(classes))
    untested = Classifier(network, names, 0.0, 0.0)
    guesses = untested.probabilities(np.asarray(data.images[validation])).argmax(1)
    return Classifier(
        network,
        names,
        accuracy=float((guesses == labels[validation]).mean()),
        chance=float(np.bincount(labels[validation]).max() / len(validation)),
    )


def _path(places: Places, config: RunConfig, data: ImageSet, *, write: bool = False) -> Path:
    """Which images are for training is part of its name: a classifier must not have seen another run's test images."""
    split = hashlib.sha256(json.dumps(to_json(config.data), sort_keys=True).encode()).hexdigest()[:8]
    return places.derived_file("classifiers", f"{data.fingerprint}-{split}.safetensors", write=write)


def _read(path: Path, data: ImageSet) -> Classifier | None:
    """What was kept; None where it is missing, damaged or of another version: it can be trained again."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            described: dict[str, Any] = json.loads((file.metadata() or {})["classifier"])
            weights: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if described["version"] != VERSION:
            return None
        names = tuple(str(name) for name in described["label_names"])
        with torch.random.fork_rng(devices=[]):
            network = network_of(data.shape[0], data.shape[1], len(names))
        network.load_state_dict(weights)
        network.eval().requires_grad_(False)
        return Classifier(network, names, float(described["accuracy"]), float(described["chance"]))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError):
        return None


def _floats(images: np.ndarray) -> Tensor:
    x = torch.from_numpy(np.array(images))  # a copy: rows of a memory-mapped file cannot be written to
    return x.float() / 255 if x.dtype == torch.uint8 else x.float()


def _evenly(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)
