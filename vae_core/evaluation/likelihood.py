"""The ELBO and its terms over a split, and tighter bounds on log p(x).

Computed in float32 with a seed, however the run was trained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadConfig, BadImages, NoEncoder
from vae_core.inference import LoadedModel, Rows
from vae_core.latent.statistics import active_units, kl_from_prior
from vae_core.objectives import LIKELIHOODS
from vae_core.objectives.rate import log_normal
from vae_core.runs.record import Record

SIGMA_IMAGES = 10_000  # training images from which a learned sigma is taken
MOST_SAMPLES = 5_000  # per image, of an importance-weighted bound
MOST_SEED = 2**31 - 1  # as of training
ROWS = 256  # codes decoded at a time for one


@dataclass(frozen=True)
class Evaluation:
    """Nats per image, the posterior sampled once per image; `mse` per pixel and channel, from mean codes.

    elbo, rate and kl_per_dim are None for a plain autoencoder. Where the likelihood is none, `no_elbo` says so, distortion
    is in no nats and elbo is None. `standard_error` is of the ELBO's (or, without
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
    no_elbo: str = ""

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if value != ""}


def evaluate(
    model: LoadedModel, data: ImageSet, *, split: str = "test", seed: int = 0, progress: Progress = silent
) -> Evaluation:
    """All terms on a split. A Gaussian's learned sigma is taken from the training images first.

    Raises NoEncoder where images have no codes, BadImages for a split without images, BadConfig for a negative seed.
    """
    _check_seed(seed)
    if not model.has_encoder:
        raise NoEncoder(no_bound(model))
    images = Rows(data.images, _index(model, data, split))  # a split may be larger than memory
    log_sigma = log_sigma_of(model, data, seed)
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
    mean, why = float(distortion.astype(np.float64).mean()), model.config.objective.no_elbo
    return Evaluation(
        split=split,
        images=len(images),
        elbo=None if rate is None or why else -(mean + rate),
        distortion=mean,
        rate=rate,
        kl_per_dim=kl,
        active_units=int(active_units(codes.mean).sum()),
        mse=squares / images.size,
        standard_error=_standard_error(per_image),
        sigma=None if log_sigma is None else math.exp(log_sigma),
        no_elbo=why,
    )


def no_bound(model: LoadedModel) -> str:
    """A sentence on why a run without an encoder has neither an ELBO nor a rate, and what is measured of it instead."""
    what = model.config.objective.entry.short or model.config.objective.entry.title
    return (
        f"a {what} has no ELBO, no distortion and no rate: it reads no code off an image, so there is no posterior to take them "
        "of. Its samples are measured instead, against real images"
    )


@dataclass(frozen=True)
class ImportanceBound:
    """Nats per image. `bound` is L_k of `samples` = k draws per image, at most log p(x) in expectation.

    `elbo` is L_1, from all the draws; `rises` holds (k, L_k) of the first 1, 10, 100 ... draws and of all.
    `standard_error` is of the bound's mean over images, the draws' own noise with it. `effective` says how many draws
    carried the weight, (sum w)^2 / sum w^2, the median over images: near 1 the bound is still loose. `per_image` (N,)
    float64. `cross_entropy`: the images are grey and the pixel model is Bernoulli, whose cross-entropy then stands where
    -log p(x|z) should, so that nothing bounds a log p(x).
    """

    split: str
    images: int
    samples: int
    bound: float
    standard_error: float
    elbo: float
    rises: tuple[tuple[int, float], ...]
    effective: float
    sigma: float | None
    cross_entropy: bool
    per_image: np.ndarray

    def to_json(self) -> dict[str, Any]:
        found = {name: value for name, value in self.__dict__.items() if name != "per_image"}
        return found | {"rises": [list(pair) for pair in self.rises]}


@torch.inference_mode()
def importance_bound(
    model: LoadedModel,
    data: ImageSet,
    *,
    samples: int = MOST_SAMPLES,
    split: str = "test",
    most: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> ImportanceBound:
    """The importance-weighted bound on log p(x), averaged over a split or `most` of its images, evenly spaced.

    Burda, Grosse & Salakhutdinov 2016, "Importance Weighted Autoencoders", eq. 8, k = `samples`:

        L_k = E_{z_1 ... z_k ~ q(z|x)} log 1/k sum_i w_i,   w_i = p(x|z_i) p(z_i) / q(z_i|x)

    L_1 is the ELBO; L_k rises with k to log p(x). At most ROWS codes are decoded at a time and their weights summed
    as they come, so that memory does not grow with k. On grey values a Bernoulli is a cross-entropy and this no bound
    on a likelihood (`cross_entropy`). Raises NoEncoder where images have no codes, BadConfig for a plain autoencoder, a
    likelihood that is none, `samples` outside 1 ... 5,000, a negative `most` or `seed`, BadImages for a split without images.
    """
    if not model.has_encoder:
        raise NoEncoder(no_bound(model))
    if not model.stochastic:
        raise BadConfig("a plain autoencoder has no posterior, so no bound on log p(x)")
    if why := model.config.objective.no_elbo:
        raise BadConfig(f"{why} It has no bound on log p(x) either")
    if not 1 <= samples <= MOST_SAMPLES:
        raise BadConfig(f"samples: expected 1 to {MOST_SAMPLES:,} per image, got {samples}")
    if most < 0:
        raise BadConfig(f"images: expected 0, which takes all, or more, got {most}")
    _check_seed(seed)
    index = _index(model, data, split)
    if most and len(index) > most:
        index = index[np.linspace(0, len(index) - 1, most).astype(int)]
    log_sigma = log_sigma_of(model, data, seed)
    draw = _Weights(model, log_sigma, torch.Generator(model.device).manual_seed(seed))
    marks = _marks(samples)
    at_marks = np.zeros((len(index), len(marks)))
    mean, effective = np.zeros(len(index)), np.zeros(len(index))
    step = max(1, ROWS // samples)  # images at a time
    grey = False
    for start in range(0, len(index), step):
        part = slice(start, start + step)
        pixels = np.ascontiguousarray(data.images[index[part]])
        grey = grey or bool(((pixels > 0) & (pixels < 255)).any())
        at_marks[part], sums = draw.until(marks, torch.from_numpy(pixels).to(model.device) / 255)
        mean[part], effective[part] = sums.mean(), sums.effective()
        done = min(start + step, len(index))
        progress(done / len(index), f"{done:,} of {len(index):,} images")
    bound, rises = at_marks[:, -1], at_marks.mean(0).tolist()
    return ImportanceBound(
        split=split, images=len(index), samples=samples, bound=rises[-1], standard_error=_standard_error(bound),
        elbo=float(mean.mean()), rises=tuple(zip(marks, rises, strict=True)), effective=float(np.median(effective)),
        sigma=None if log_sigma is None else math.exp(log_sigma),
        cross_entropy=grey and not model.config.objective.likelihood_entry.density, per_image=bound,
    )  # fmt: skip


class _Weights:
    """Draws log w = log p(x|z) + log p(z) - log q(z|x), z ~ q(z|x)."""

    def __init__(self, model: LoadedModel, log_sigma: float | None, generator: torch.Generator) -> None:
        self.model, self.generator = model.model, generator
        chosen = model.config.objective.likelihood
        self.distortion, self.params = LIKELIHOODS[chosen.name].distortion, chosen.params
        self.log_sigma = None if log_sigma is None else torch.tensor(log_sigma, device=model.device)

    def __call__(self, x: Tensor, n: int) -> np.ndarray:
        """n draws for each image x (B, C, H, W) -> (B, n) float64, nats."""
        posterior = self.model.encode(x)
        mean, log_var = posterior.mean[:, None], posterior.log_var[:, None]
        noise = torch.empty(len(x), n, mean.shape[2], device=x.device).normal_(generator=self.generator)
        z = mean + (0.5 * log_var).exp() * noise
        logits = self.model.logits(z.flatten(0, 1))
        errors = self.distortion(logits, x.repeat_interleave(n, 0), self.params, self.log_sigma)
        zero = z.new_zeros(())
        # log p(z) - log q(z|x)
        ratio = (log_normal(z, zero, zero) - log_normal(z, mean, log_var)).sum(2)
        found: np.ndarray = ratio.cpu().double().numpy() - errors.view(len(x), n).cpu().double().numpy()
        return found

    def until(self, marks: list[int], x: Tensor) -> tuple[np.ndarray, _Sums]:
        """Draw marks[-1] times for each image x (B, C, H, W): L_k at each mark k, (B, M), and the sums at the end."""
        sums, at_marks = _Sums(len(x)), np.zeros((len(x), len(marks)))
        for column, mark in enumerate(marks):
            while sums.count < mark:
                sums.add(self(x, min(mark - sums.count, max(1, ROWS // len(x)))))
            at_marks[:, column] = sums.log_mean()
        return at_marks, sums


class _Sums:
    """Running sums over the draws of B images; log weights of any size stay finite."""

    def __init__(self, images: int) -> None:
        self.count = 0
        self.first = np.zeros(images)  # sum of log w
        self.log_sum = np.full(images, -np.inf)  # log sum of w
        self.log_squares = np.full(images, -np.inf)  # log sum of w^2

    def add(self, log_w: np.ndarray) -> None:
        """log w (B, n)."""
        self.count += log_w.shape[1]
        self.first += log_w.sum(1)
        self.log_sum = np.logaddexp(self.log_sum, np.logaddexp.reduce(log_w, 1))
        self.log_squares = np.logaddexp(self.log_squares, np.logaddexp.reduce(2 * log_w, 1))

    def mean(self) -> np.ndarray:
        """1/k sum log w, (B,)."""
        found: np.ndarray = self.first / self.count
        return found

    def log_mean(self) -> np.ndarray:
        """log 1/k sum w, (B,)."""
        return self.log_sum - math.log(self.count)

    def effective(self) -> np.ndarray:
        """(sum w)^2 / sum w^2, 1 to k, (B,)."""
        found: np.ndarray = np.exp(2 * self.log_sum - self.log_squares)
        return found


def _marks(samples: int) -> list[int]:
    """1, 10, 100 ... and `samples` itself."""
    tens = [10**i for i in range(len(str(samples)))]
    return sorted({*tens, samples})


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= MOST_SEED:
        raise BadConfig(f"seed: expected 0 to {MOST_SEED:,}, got {seed}")


def _index(model: LoadedModel, data: ImageSet, split: str) -> np.ndarray:
    index = model.config.data.split(data).named(split)
    if not len(index):
        raise BadImages(f"{data.name} has no {split} images")
    return index


def check_sizes(record: Record, data: ImageSet) -> None:
    """Raises BadImages when `data` has another number or shape of images than what the run was trained on.

    Its fingerprint may differ: a set that is built anew on another machine differs by rounding.
    """
    if (len(data), data.shape) != (record.data.get("images"), record.shape):
        raise BadImages(
            f"{data.name} has {len(data):,} images of shape {data.shape}; {record.name} was trained on "
            f"{record.data.get('images', 0):,} of shape {record.shape}"
        )


def log_sigma_of(model: LoadedModel, data: ImageSet, seed: int) -> float | None:
    """log of a learned sigma, taken from the training images; None for a likelihood that learns none."""
    learns = model.config.objective.likelihood_entry.learns_sigma
    return learned_log_sigma(model, data, seed) if learns else None


def _standard_error(per_image: np.ndarray) -> float:
    """Of the mean over images, (N,)."""
    return float(per_image.std(ddof=1) / math.sqrt(len(per_image))) if len(per_image) > 1 else 0.0


def learned_log_sigma(model: LoadedModel, data: ImageSet, seed: int = 0) -> float:
    """log of the root mean squared error over training images, codes sampled: a learned sigma's optimum."""
    index = model.config.data.split(data).train
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
