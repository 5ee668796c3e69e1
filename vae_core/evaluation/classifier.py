"""A small classifier of a dataset's labels, which metrics may ask for to score images that have no label.

    <home>/derived/classifiers/<fingerprint>-<split>.safetensors
    <assets>/classifiers/<fingerprint>-<split>.safetensors, where one is shipped

It is trained once on the training images of a dataset and kept for all runs on the same images and splits. Its own
accuracy on validation images is kept with it, so that a metric can say how far it can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadImages, TooFewPoints
from vae_core.evaluation.small_network import (
    MOST_IMAGES,
    convolutions,
    evenly,
    file_name,
    fitted,
    kept_or_trained,
    loaded,
    outputs,
    write,
)
from vae_core.places import Places

KIND = "classifier"
VERSION = 2  # raise it whenever the same images would give another network
STEPS = 600
LEARNING_RATE, RISING = 4e-3, 50  # at its highest, and the steps until then; after that it falls to nothing


@dataclass(frozen=True)
class Classifier:
    """A trained network with K classes; label_names (K,).

    accuracy: the share of validation images that it names rightly; chance: the share of their commonest label.
    """

    network: nn.Module
    label_names: tuple[str, ...]
    accuracy: float
    chance: float

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Images (N, C, H, W), uint8 or floats in [0, 1] -> the probability of each label, (N, K) float32."""
        found: np.ndarray = outputs(self.network, images, len(self.label_names)).softmax(1).numpy()
        return found


def network_of(channels: int, side: int, classes: int) -> nn.Sequential:
    """Three convolutions of stride 2 and a linear layer: (N, C, side, side) -> logits (N, K)."""
    layers, features = convolutions(channels, side, normalised=True)
    return nn.Sequential(*layers, nn.Linear(features, classes))


def classifier_of(
    places: Places, config: RunConfig, data: ImageSet, *, progress: Progress = silent
) -> Classifier:
    """The classifier of a dataset's labels, trained on the first call and read after that. Seconds on a CPU.

    `config` says which images a run trains on; it gets no others. Raises BadImages for a dataset without labels,
    TooFewPoints where the training images have fewer than two of them.
    """

    def build(described: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Classifier:
        names = tuple(str(name) for name in described["label_names"])
        network = loaded(partial(network_of, data.shape[0], data.shape[1], len(names)), weights)
        return Classifier(network, names, float(described["accuracy"]), float(described["chance"]))

    return kept_or_trained(
        KIND, VERSION, places, config, data, build,
        lambda: train_classifier(config, data, progress=progress), _describe,
    )  # fmt: skip


def _describe(found: Classifier) -> tuple[nn.Module, dict[str, Any]]:
    said = {"label_names": found.label_names, "accuracy": found.accuracy, "chance": found.chance}
    return found.network, said


def ship_classifier(folder: Path, config: RunConfig, data: ImageSet, *, progress: Progress = silent) -> Path:
    """Train the classifier that runs of this `config` are measured with, and write it into `folder`; gives its file.

    Raises as `train_classifier`.
    """
    path = folder / file_name(config, data)
    write(path, KIND, VERSION, *_describe(train_classifier(config, data, progress=progress)))
    return path


def train_classifier(config: RunConfig, data: ImageSet, *, progress: Progress = silent) -> Classifier:
    """Train on the training images with Adam, 600 steps of 64 images; the same images give the same network."""
    if data.labels is None:
        raise BadImages(f"the images of {data.name} have no labels to train a classifier on")
    splits, labels = config.data.split(data), np.asarray(data.labels)
    index = splits.train[evenly(len(splits.train), MOST_IMAGES)]
    index = index[labels[index] >= 0]
    validation = splits.validation[labels[splits.validation] >= 0]
    if len(np.unique(labels[index])) < 2 or not len(validation):
        raise TooFewPoints(
            f"a classifier needs training images of two labels and validation images; {data.name} has not"
        )
    classes = max(int(labels.max()) + 1, len(data.label_names))
    images, targets = np.asarray(data.images[index]), torch.from_numpy(labels[index].astype(np.int64))
    network = fitted(
        partial(network_of, data.shape[0], data.shape[1], classes), images,
        lambda logits, rows: nn.functional.cross_entropy(logits, targets[rows]), STEPS,
        lambda step: LEARNING_RATE * min((step + 1) / RISING, 1 - step / STEPS),
        lambda share: progress(share, f"a classifier of {data.name}"),
    )  # fmt: skip
    names = tuple(data.label_names[k] if k < len(data.label_names) else str(k) for k in range(classes))
    untested = Classifier(network, names, 0.0, 0.0)
    guesses = untested.probabilities(np.asarray(data.images[validation])).argmax(1)
    return Classifier(
        network,
        names,
        accuracy=float((guesses == labels[validation]).mean()),
        chance=float(np.bincount(labels[validation]).max() / len(validation)),
    )
