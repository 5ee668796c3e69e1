"""A small regressor of a dataset's attributes, which metrics may ask for to say what of an image has changed.

    <home>/derived/regressors/<fingerprint>-<split>.safetensors

It is trained once on the training images of a dataset and kept for all runs on the same images and splits, with how much
of each attribute it explains on validation images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
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
    fitted,
    kept_or_trained,
    loaded,
    outputs,
)
from vae_core.objectives.attributes import attributes_of
from vae_core.places import Places

VERSION = 1  # raise it whenever the same images would give another network
STEPS = 1_200
LEARNING_RATE = 3e-3  # peak of a cosine
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

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Images (N, C, H, W), uint8 or floats in [0, 1] -> each attribute in standard deviations of the training
        images, from their mean: (N, K) float32."""
        found: np.ndarray = outputs(self.network, images, len(self.names)).numpy()
        return found


def network_of(channels: int, side: int, attributes: int) -> nn.Sequential:
    """Three convolutions of stride 2 and two dense layers: (N, C, side, side) -> (N, K)."""
    layers, features = convolutions(channels, side)
    return nn.Sequential(*layers, nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, attributes))


def regressor_of(
    places: Places, config: RunConfig, data: ImageSet, *, progress: Progress = silent
) -> Regressor:
    """The regressor of a dataset's attributes, trained on the first call and read after that. A minute or so on a CPU.

    `config` says which images a run trains on; it gets no others. Raises BadImages for a dataset without factors or
    labels, TooFewPoints where too few training images have them or none varies.
    """

    def build(described: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Regressor:
        names = tuple(str(name) for name in described["names"])
        explained = np.array([float(v) for v in described["explained"]])
        if explained.shape != (len(names),):
            raise ValueError("as many shares as names are expected")
        network = loaded(partial(network_of, data.shape[0], data.shape[1], len(names)), weights)
        return Regressor(network, names, explained)

    def describe(found: Regressor) -> tuple[nn.Module, dict[str, Any]]:
        return found.network, {"names": found.names, "explained": found.explained.tolist()}

    return kept_or_trained(
        "regressor", VERSION, places, config, data, build,
        lambda: train_regressor(config, data, progress=progress), describe,
    )  # fmt: skip


def train_regressor(config: RunConfig, data: ImageSet, *, progress: Progress = silent) -> Regressor:
    """Train on the training images with Adam, 1,200 steps of 64 images, least squares; the same images give the same
    network. Attributes that do not vary among them are left out; what is not known of an image is not learned from it.
    """
    attributes = attributes_of(data)
    if attributes is None:
        raise BadImages(f"the images of {data.name} have neither factors nor labels to train a regressor on")
    splits = config.data.split(data)
    index = splits.train[evenly(len(splits.train), MOST_IMAGES)]
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

    def loss(guesses: Tensor, rows: Tensor) -> Tensor:
        sought = targets[rows]
        there = sought.isfinite()
        gap = (guesses - sought.nan_to_num()) * there
        return gap.square().sum() / there.sum().clamp_min(1)

    return fitted(
        partial(network_of, data.shape[0], data.shape[1], standard.shape[1]), images, loss, STEPS,
        lambda step: LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS)),
        lambda share: progress(share, f"a regressor of {data.name}"),
    )  # fmt: skip


def _explained(sought: np.ndarray, guesses: np.ndarray) -> np.ndarray:
    """R² of each attribute (K,), NaN where unknown in `sought` (N, K); at least 0."""
    found = np.zeros(sought.shape[1])
    for k, (column, guess) in enumerate(zip(sought.T, guesses.T, strict=True)):
        known = np.isfinite(column)
        if known.sum() > 1 and column[known].var() > 0:
            found[k] = max(0.0, 1 - ((guess - column)[known] ** 2).mean() / column[known].var())
    return found
