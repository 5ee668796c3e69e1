"""How the aggregate posterior q(z) = mean over images of q(z|x) matches the prior N(0, I).

Samples are drawn from the prior, but the decoder was trained on codes from q(z): where they differ, samples are poor.
Hoffman & Johnson 2016, "ELBO surgery".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.projection_quality import Score
from vae_core.latent.statistics import active_units, kl_from_prior, nearest

LEAST_IMAGES = 3
MOST_NEAR = 4000  # samples z ~ q(z|x) among which distances are taken: O(n^2)
LEAST_COUNTED = 20_000  # samples in a histogram
USUAL = 99  # per cent of codes that are in a neighbourhood of another
CHUNK = 500


@dataclass(frozen=True)
class Match:
    """edges (B+1,) of bins; density (D, B) of samples z ~ q(z|x), each row integrating to 1; kl (D,) mean nats per
    image and their sum total_kl; active bool (D,); holes: share of prior samples in places no image leads to; perfect:
    the share that a perfect match of as many images has on average.
    """

    edges: np.ndarray
    density: np.ndarray
    kl: np.ndarray
    total_kl: float
    active: np.ndarray
    holes: Score
    perfect: float
    images: int


def against_prior(
    mean: np.ndarray, log_var: np.ndarray, *, samples: int = 2000, bins: int = 40, seed: int = 0
) -> Match:
    """Posteriors (N, D) of N images -> how their aggregate matches the prior. Images not finite are left out.

    Bins are equal and cover -4 ... 4, or as far as 99 % of the widest dimension reaches; what lies farther out is
    counted into the outermost. A hole is a prior sample, of `samples`, farther from the nearest z ~ q(z|x), one
    for each of at most 4,000 images, than 99 % of those are from the nearest other: a perfect match has 1 % of many
    images, and more of few (see `perfect_holes`). Measured on samples, not on means, among which every collapsed dimension would make a hole. Their interval is
    Wilson's (1927), 95 %, for the draw of prior samples; the draw of images is not in, which matters for few.

    A plain autoencoder (log_var -inf) has no posterior: kl and total_kl are NaN, and histograms and holes are those
    of its codes, which nothing has drawn towards the prior. Raises BadCodes for shapes that do not fit and
    TooFewPoints below three finite images.
    """
    mean, log_var = np.asarray(mean, np.float64), np.asarray(log_var, np.float64)
    if mean.ndim != 2 or log_var.shape != mean.shape:
        raise BadCodes(
            f"means and log-variances are expected as (N, D) both, got {mean.shape} and {log_var.shape}"
        )
    if samples < 1 or bins < 2:
        raise BadCodes(f"a match needs one prior sample and two bins or more, got {samples} and {bins}")
    # -inf is a posterior without width; beyond e^600 a squared distance overflows
    usable = (np.abs(mean) < 1e130).all(1) & (log_var < 600).all(1)
    mean, log_var = mean[usable], log_var[usable]
    n = len(mean)
    if n < LEAST_IMAGES:
        raise TooFewPoints(f"an aggregate posterior needs {LEAST_IMAGES} finite images or more, got {n}")
    rng = np.random.default_rng(seed)
    kl = kl_from_prior(mean, log_var).mean(0)
    kl[~np.isfinite(kl)] = np.nan
    edges, density = _histograms(mean, log_var, bins, rng)
    return Match(
        edges, density, kl, float(kl.sum()), active_units(mean), _holes(mean, log_var, samples, rng),
        perfect_holes(n), n,
    )  # fmt: skip


def perfect_holes(images: int) -> float:
    """The share of holes, on average, where q(z) is the prior, in any number of dimensions: near 1 % from 99 images on.

    Then a prior sample is one more draw among the n: its distance from the nearest other is as likely to take any of
    the n + 1 ranks among theirs, and holes lie above rank k: (n + 1 - k) / (n + 1). Nearly so: the n have n - 1 others to
    be near to, the sample has n, which makes holes a little rarer where n is small.
    """
    n = min(images, MOST_NEAR)
    return (n + 1 - _rank(n)) / (n + 1)


def _rank(n: int) -> int:
    """Which of n distances in order, from 1, bounds a neighbourhood, so that 1 % of n + 1 lie above where n allows."""
    return min(n, round(USUAL * (n + 1) / 100))


def wilson(hits: int, trials: int) -> Score:
    """A share with Wilson's 95 % interval (1927), which neither ends nor 0 hits break."""
    z, share = 1.96, hits / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    # rounding must not leave the share outside its own interval
    return Score(share, float(max(0, min(share, middle - half))), float(min(1, max(share, middle + half))))


def _drawn(mean: np.ndarray, log_var: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return mean + np.exp(0.5 * log_var) * rng.standard_normal(mean.shape)


def _histograms(
    mean: np.ndarray, log_var: np.ndarray, bins: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    n, d = mean.shape
    some = rng.choice(n, min(n, LEAST_COUNTED), replace=False)
    reach = np.quantile(np.abs(_drawn(mean[some], log_var[some], rng)), 0.99, axis=0)
    edges = np.linspace(-1, 1, bins + 1) * max(4.0, float(reach.max(initial=0)))
    width = edges[1] - edges[0]
    density = np.empty((d, bins))
    each = -(-LEAST_COUNTED // n)  # samples per image: few images are sampled more than once
    for dim in range(d):  # a dimension at a time, for memory
        z = _drawn(np.repeat(mean[:, dim], each), np.repeat(log_var[:, dim], each), rng)
        at = np.clip((z - edges[0]) / width, 0, bins - 1).astype(int)
        density[dim] = np.bincount(at, minlength=bins) / (len(z) * width)
    return edges, density


def _holes(mean: np.ndarray, log_var: np.ndarray, samples: int, rng: np.random.Generator) -> Score:
    # one sample per image: two of the same narrow posterior would be nearer than any other image
    rows = rng.choice(len(mean), min(len(mean), MOST_NEAR), replace=False)
    known = _drawn(mean[rows], log_var[rows], rng)
    others = []
    for start in range(0, len(known), CHUNK):
        index, distance = nearest(known[start : start + CHUNK], known, 2)
        itself = index[:, 0] == np.arange(start, start + len(index))
        others.append(np.where(itself, distance[:, 1], distance[:, 0]))
    usual = np.sort(np.concatenate(others))[_rank(len(known)) - 1]
    prior = rng.standard_normal((samples, mean.shape[1]))
    away = [nearest(prior[i : i + CHUNK], known, 1)[1][:, 0] for i in range(0, samples, CHUNK)]
    return wilson(int((np.concatenate(away) > usual).sum()), samples)
