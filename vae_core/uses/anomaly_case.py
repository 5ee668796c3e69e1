"""All scores of the images of one case: usual and odd ones, judged by one network and by baselines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from vae_core.config import RunConfig
from vae_core.data.imageset import Progress
from vae_core.evaluation.small_network import spaced
from vae_core.inference import LoadedModel
from vae_core.latent.aggregate import aggregate
from vae_core.latent.statistics import kl_from_prior
from vae_core.options import replace_at
from vae_core.uses import anomaly_curves as curves
from vae_core.uses import anomaly_scores as by
from vae_core.uses.subject import Subject, learned, part_of
from vae_core.words import counted

BOTH = "error per ink and nearest code"
INK, ERROR, ELBO, KL = "error per ink", "reconstruction error", "−ELBO", "KL"
BOUND, REGRET = "importance-weighted bound", "likelihood regret"
CODES, MIDDLE = "k-th nearest code", "Mahalanobis distance of the code"
PIXELS, EQUAL = "k-th nearest pixels", "k-th nearest pixels, equal ink"
PCA, FOREST = "PCA error", "isolation forest on PCA codes"
BASELINES = (PIXELS, EQUAL, PCA, FOREST)
DEFAULT = BOTH
MEANS = {
    BOTH: "Mean of the logs of error per ink and of the distance to the k-th nearest code, each standardised on usual images "
    "kept aside.",
    INK: "Squared error of the reconstruction, lightly smoothed, over how much the image draws: the share of it that the network "
    "gets wrong.",
    ERROR: "Mean squared error of the reconstruction.",
    ELBO: "Nats by which the model is surprised; lower for images that are easy to draw, whatever they show.",
    KL: "Nats that the code takes beyond the prior.",
    BOUND: "As −ELBO, with several draws of the code: nearer to −log p(x).",
    REGRET: "Nats the ELBO gains once the code's posterior is fitted to this image alone (Xiao et al. 2020).",
    CODES: "Distance from the image's code to the k-th nearest code of an image learned from.",
    MIDDLE: "Distance of the code from the middle of all codes, by their covariance.",
    PIXELS: "Distance in pixels to the k-th nearest image learned from. No network.",
    EQUAL: "The same with every image less its ground and scaled to equal ink. No network.",
    PCA: "Squared error of as many principal components as the code has dimensions. No network.",
    FOREST: "How few random cuts single the image out among principal components. No network.",
}
ASIDE, LEAST_ASIDE = 500, 10  # usual images kept aside by which scores are standardised
SMALLEST = 3  # codes of images learned from that a covariance needs
POOL_VALUES = 40_000_000  # pixel values of all images compared with
PASSES = 60_000  # images a small network sees, of 32 × 32; of larger ones fewer, by their side
PLAIN = ("vae", "beta_vae", "autoencoder", "beta_tcvae", "capacity")


@dataclass(frozen=True, eq=False)
class Network:
    """A network and the images it learned from, (n,) numbers in the set, and `beside` (m,), which it did not learn from and
    which are neither usual nor odd ones to be judged. seconds: of its training here, 0 for the run's own."""

    model: LoadedModel
    train: np.ndarray
    beside: np.ndarray


def network_without(
    subject: Subject, rows: np.ndarray, most: int, epochs: int, seed: int, progress: Progress, name: str
) -> Network:
    """A small network of the run's own settings that learns from at most `most` of its images, none of `rows`."""
    kept = subject.train[~np.isin(subject.train, rows)]
    chosen = np.sort(np.random.default_rng(seed).permutation(kept)[:most])
    part = part_of(subject.data, chosen, chosen[:1])
    config = settings_of(subject, len(chosen), epochs, seed)
    model = learned(config, part, progress, name=name)
    splits = model.config.data.split(part)
    return Network(model, chosen[splits.train], chosen[splits.validation])


def settings_of(subject: Subject, count: int, epochs: int, seed: int) -> RunConfig:
    """The run's settings for `count` images, in float32: as many epochs as PASSES allow unless `epochs` are given, and a plain objective
    in place of one that needs another run, pairs, attributes or a β drawn for every image."""
    config = subject.model.config
    if not epochs:
        side = subject.data.shape[1]
        epochs = max(1, round(PASSES * min(1.0, 32 / side) / max(1, count)))
    if config.objective.dial is not None:
        config = replace_at(config, ("objective", "objective"), "beta_vae")
        config = replace_at(config, ("objective", "objective", "beta"), subject.model.beta or 1.0)
    elif config.objective.objective.name not in PLAIN:
        config = replace_at(config, ("objective", "objective"), "vae")
    training = replace(
        config.training, epochs=epochs, continued=(), continued_rates=(), init_from="", seed=seed, device="cpu",
        precision="float32", checkpoint_every=10**6
    )  # fmt: skip
    return replace(config, training=training, data=replace(config.data, limit=0))


@dataclass(frozen=True, eq=False)
class Judged:
    """scores: by name, (N,) float64, higher is odder; heat uint8 (N, H, W): the absolute error of every pixel, mean over
    channels; notes: sentences on what is missing."""

    scores: dict[str, np.ndarray]
    heat: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """One case, judged: `images` usual ones first, `usual` of them; `areas`, `precisions` (B + 1,) by score."""

    name: str
    images: np.ndarray
    usual: int
    judged: Judged
    ranked: dict[str, curves.Ranked]
    areas: dict[str, np.ndarray]
    precisions: dict[str, np.ndarray]


def judge(
    subject: Subject, network: Network, images: np.ndarray, *, k: int, samples: int, steps: int, seed: int, progress: Progress
) -> Judged:  # fmt: skip
    """Every score that the network allows, and the baselines, of images uint8 (N, C, H, W)."""
    model, notes = network.model, []
    most = max(2, POOL_VALUES // int(np.prod(subject.data.shape)))
    pool = np.asarray(subject.data.images[spaced(network.train, most)])
    x, learned_from = (one.astype(np.float32) / 255 for one in (images, pool))
    if len(pool) < k:
        notes.append(
            f"There are {counted(len(pool))} to compare with, fewer than k = {k}: the farthest of them counts."
        )
    done = 0.0

    def part(share: float, words: str) -> Callable[[float], object]:
        nonlocal done
        start, done = done, done + share
        return lambda at: progress(start + share * at, words)

    report = part(0.1, "coding images")
    codes = model.encode(images, lambda at, _: report(at / 2))
    pool_codes = model.encode(pool, lambda at, _: report(0.5 + at / 2))
    mu = model.decode(codes.mean)
    usual_ink = float(by.ink(learned_from[:2000]).mean())
    found = {
        BOTH: np.zeros(0),  # it comes first
        INK: by.error_per_ink(x, mu, usual_ink),
        CODES: by.kth_nearest(codes.mean, pool_codes.mean, k),
        ERROR: by.squared_error(x, mu),
    }
    found[BOTH] = by.joined(
        (found[INK], found[CODES]), _aside(subject, network, pool, pool_codes.mean, k, usual_ink)
    )
    if model.stochastic:
        found[KL] = kl_from_prior(codes.mean, codes.log_var).sum(1)
    if model.stochastic and not model.config.objective.no_elbo:
        log_w = by.log_weights(model, images, samples, seed, part(0.25, "weighing posterior samples"))
        found[ELBO], found[BOUND] = by.bounds(log_w)
        found[REGRET] = by.likelihood_regret(
            model, images, steps, seed, report=part(0.35, "fitting posteriors")
        )
    if len(pool) >= SMALLEST:
        found[MIDDLE] = aggregate(pool_codes.mean, pool_codes.log_var, seed=seed).distance(codes.mean)
    else:
        notes.append(f"There is no {MIDDLE}: it needs {SMALLEST} images learned from.")
    report = part(0.15, "comparing with every image")
    found[PIXELS] = by.kth_nearest(x, learned_from, k, report)
    found[EQUAL] = by.kth_nearest(by.equal_ink(x, usual_ink), by.equal_ink(learned_from, usual_ink), k)
    report = part(0.15, "principal components")
    report(0)
    axes = min(model.latent_dim, max(1, len(pool) - 1))
    if axes < model.latent_dim:
        notes.append(f"PCA has {axes} components, not D = {model.latent_dim}: there are no more images.")
    fitted = by.components(learned_from, axes, seed)
    found[PCA] = fitted.error(x)
    found[FOREST] = by.isolation(fitted.codes(x), fitted.codes(learned_from), seed)
    heat = np.rint(np.abs(x - mu).mean(1) * 255).astype(np.uint8)
    return Judged(found, heat, tuple(notes))


def _aside(
    subject: Subject, network: Network, pool: np.ndarray, pool_codes: np.ndarray, k: int, usual_ink: float
) -> tuple[np.ndarray, np.ndarray]:
    """Error per ink and distance to the k-th nearest code of usual images that the network did not learn from; where there
    are too few of them, of images that it did, whose nearest code is their own."""
    few = len(network.beside) < LEAST_ASIDE
    images = pool[:ASIDE] if few else np.asarray(subject.data.images[spaced(network.beside, ASIDE)])
    x, codes = images.astype(np.float32) / 255, network.model.encode(images).mean
    error = by.error_per_ink(x, network.model.decode(codes), usual_ink)
    return error, by.kth_nearest(codes, pool_codes, k + few)
