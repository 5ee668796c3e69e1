"""The ELBO and its terms over a split: float32, seeded, independent of how the run was trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadImages
from vae_core.inference import LoadedModel, Rows
from vae_core.latent.statistics import active_units, kl_from_prior
from vae_core.objectives import LIKELIHOODS
from vae_core.training import splits_of

SIGMA_IMAGES = 10_000  # training images from which a learned sigma is taken


@dataclass(frozen=True)
class Evaluation:
    """Nats per image, the posterior sampled once per image; `mse` per pixel and channel, from mean codes.

    elbo, rate and kl_per_dim are None for a plain autoencoder. `standard_error` is of the ELBO's (or, without
    one, the distortion's) mean over images.
    """

    split: str
    images: int
    elbo: float | None
    distortion: float
    rate: float | None
    kl_per_dim: list[float] | None
    active_units: int
    mse: float
    standard_error: float
    sigma: float | None

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


def evaluate(
    model: LoadedModel, data: ImageSet, *, split: str = "test", seed: int = 0, progress: Progress = silent
) -> Evaluation:
    """All terms on a split. A Gaussian's learned sigma is taken from the training images first.

    Raises BadImages for a split without images.
    """
    index = splits_of(model.config, data).named(split)
    if not len(index):
        raise BadImages(f"{data.name} has no {split} images")
    images = Rows(data.images, index)  # a split may be larger than memory
    learns = LIKELIHOODS[model.config.objective.likelihood.name].learns_sigma
    log_sigma = learned_log_sigma(model, data, seed) if learns else None
    distortion, codes = model.terms(images, seed=seed, log_sigma=log_sigma, progress=progress)
    squares = 0.0
    for start in range(0, len(images), 256):
        part = images[start : start + 256]
        difference = model.decode(codes.mean[start : start + 256]) - part / np.float32(255)
        squares += float(np.square(difference, dtype=np.float64).sum())
    per_image = distortion.astype(np.float64)
    rate: float | None = None
    kl: list[float] | None = None
    if model.stochastic:
        all_kl = kl_from_prior(codes.mean, codes.log_var)
        kl = [float(v) for v in all_kl.mean(0)]
        rate = float(all_kl.sum(1).mean())
        per_image = per_image + all_kl.sum(1)
    mean = float(distortion.astype(np.float64).mean())
    return Evaluation(
        split=split,
        images=len(images),
        elbo=None if rate is None else -(mean + rate),
        distortion=mean,
        rate=rate,
        kl_per_dim=kl,
        active_units=int(active_units(codes.mean).sum()),
        mse=squares / images.size,
        standard_error=float(per_image.std(ddof=1) / math.sqrt(len(per_image)))
        if len(per_image) > 1
        else 0.0,
        sigma=None if log_sigma is None else math.exp(log_sigma),
    )


def learned_log_sigma(model: LoadedModel, data: ImageSet, seed: int = 0) -> float:
    """log of the root mean squared error over training images, codes sampled: a learned sigma's optimum."""
    index = splits_of(model.config, data).train
    index = index[np.linspace(0, len(index) - 1, min(len(index), SIGMA_IMAGES)).astype(int)]
    rng = np.random.default_rng(seed)
    squares = count = 0.0
    for start in range(0, len(index), 256):
        images = data.images[index[start : start + 256]]
        codes = model.encode(images)
        z = codes.sample(rng) if model.stochastic else codes.mean
        squares += float(np.square(model.decode(z) - images / np.float32(255), dtype=np.float64).sum())
        count += images.size
    return 0.5 * math.log(max(squares / count, (0.5 / 255) ** 2))
