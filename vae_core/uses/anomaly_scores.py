"""How odd an image is: scores by a VAE, and the baselines that have none. Higher is odder, whatever the score.

Pixels x and reconstructions µ are floats in [0, 1], (N, C, H, W); codes are (N, D). Scores are (N,) float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vae_core.inference import LoadedModel
from vae_core.objectives.rate import log_normal

CHUNK = 500  # images compared with all others at a time
LEAST_INK = 0.05  # of the mean ink of the images learned from: an empty image has that much
SMOOTHED = 0.022  # of the side, the σ by which errors are smoothed: 0.7 pixels of 32
ROWS = 256  # codes decoded at a time
REGRET_RATE = 0.05  # of Adam


def squared_error(x: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Mean over pixel values of (x − µ)²."""
    found: np.ndarray = np.square(x - mu, dtype=np.float32).reshape(len(x), -1).mean(1, dtype=np.float64)
    return found


def ink(x: np.ndarray) -> np.ndarray:
    """Mean over pixel values of (x − ground)², the ground being the image's own median of each channel: how much is drawn."""
    flat = x.reshape(len(x), x.shape[1], -1)
    away = flat - np.median(flat, axis=2, keepdims=True)
    found: np.ndarray = np.square(away).reshape(len(x), -1).mean(1, dtype=np.float64)
    return found


def error_per_ink(x: np.ndarray, mu: np.ndarray, usual_ink: float) -> np.ndarray:
    """The squared error as a share of what there is to get wrong: that of x − µ, smoothed by SMOOTHED of the side, over `ink`.

    A few thin strokes can only be a little wrong in all, so that the error alone takes them for usual whatever they show.
    Smoothed, an edge that is drawn a little soft or beside its place counts less than a stroke that is missing. `usual_ink`
    is the mean ink of images learned from: LEAST_INK of it is the least an image is said to have.
    """
    from scipy.ndimage import gaussian_filter

    width = SMOOTHED * x.shape[-1]
    away = gaussian_filter(np.asarray(x - mu, np.float32), (0, 0, width, width))
    found: np.ndarray = squared_error(away, np.zeros_like(away)) / np.maximum(
        ink(x), max(LEAST_INK * usual_ink, 1e-9)
    )
    return found


def equal_ink(x: np.ndarray, usual_ink: float) -> np.ndarray:
    """Images less their ground, scaled to the same ink: what is drawn, however thick or bright. The least ink is as above."""
    flat = x.reshape(len(x), x.shape[1], -1)
    away = (flat - np.median(flat, axis=2, keepdims=True)).reshape(len(x), -1)
    scale = np.sqrt(np.maximum(np.square(away).mean(1), max(LEAST_INK * usual_ink, 1e-9)))
    found: np.ndarray = (away / scale[:, None]).astype(np.float32)
    return found


def joined(scores: Sequence[np.ndarray], aside: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of the logs of several scores (N,), each standardised by the same score of usual images kept aside (M,)."""
    parts = []
    for score, usual in zip(scores, aside, strict=True):
        logs, known = (np.log(np.maximum(one, 1e-9)) for one in (score, usual))
        parts.append((logs - known.mean()) / max(float(known.std()), 1e-3))
    found: np.ndarray = np.mean(parts, axis=0)
    return found


def kth_nearest(
    query: np.ndarray, pool: np.ndarray, k: int, report: Callable[[float], object] = lambda share: None
) -> np.ndarray:
    """Euclidean distance to the k-th nearest of `pool` (M, F), for each of `query` (N, F) (Ramaswamy et al. 2000). Of fewer
    than k points, to the farthest."""
    a, b = (np.asarray(one, np.float32).reshape(len(one), -1) for one in (query, pool))
    middle = b.mean(0)  # distances are differences of large numbers otherwise
    a, b = a - middle, b - middle
    k = min(k, len(b))
    lengths = np.square(b).sum(1)
    found = np.empty(len(a))
    for start in range(0, len(a), CHUNK):
        part = a[start : start + CHUNK]
        squares = np.square(part).sum(1)[:, None] - 2 * part @ b.T + lengths
        found[start : start + CHUNK] = np.sqrt(np.maximum(0, np.partition(squares, k - 1, axis=1)[:, k - 1]))
        report(min(1.0, (start + CHUNK) / len(a)))
    return found


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of images: mean (F,), axes (D, F)."""

    mean: np.ndarray
    axes: np.ndarray

    def codes(self, x: np.ndarray) -> np.ndarray:
        """(N, ...) -> (N, D)."""
        found: np.ndarray = (x.reshape(len(x), -1) - self.mean) @ self.axes.T
        return found

    def error(self, x: np.ndarray) -> np.ndarray:
        """Mean squared error of what the components give back."""
        flat = x.reshape(len(x), -1)
        back = self.codes(x) @ self.axes + self.mean
        found: np.ndarray = np.square(flat - back).mean(1, dtype=np.float64)
        return found


def components(x: np.ndarray, count: int, seed: int) -> Components:
    """The first `count` principal components (Pearson 1901) of images (N, ...), at most N − 1."""
    from sklearn.decomposition import PCA

    flat = np.asarray(x, np.float32).reshape(len(x), -1)
    count = max(1, min(count, len(flat) - 1, flat.shape[1]))
    if len(flat) < 2:
        return Components(flat.mean(0), np.zeros((1, flat.shape[1]), np.float32))
    fitted = PCA(n_components=count, svd_solver="randomized", random_state=seed).fit(flat)
    return Components(fitted.mean_.astype(np.float32), fitted.components_.astype(np.float32))


def isolation(query: np.ndarray, pool: np.ndarray, seed: int) -> np.ndarray:
    """Isolation forest (Liu, Ting & Zhou 2008) grown on `pool` (M, D): 2^(−mean depth / usual depth) of `query` (N, D)."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=100, random_state=seed).fit(pool)
    return np.asarray(-forest.score_samples(query), np.float64)


# ---------------------------------------------------------------- of the network


def log_weights(
    model: LoadedModel, images: np.ndarray, samples: int, seed: int, report: Callable[[float], object] = lambda share: None
) -> np.ndarray:  # fmt: skip
    """log w = log p(x|z) + log p(z) − log q(z|x) of `samples` draws z ~ q(z|x): images uint8 (N, C, H, W) -> (N, S) nats."""
    network, distortion = model.vae, _distortion(model)
    generator = torch.Generator(model.device).manual_seed(seed)
    step = max(1, ROWS // samples)
    found = np.empty((len(images), samples))
    with torch.inference_mode():
        for start in range(0, len(images), step):
            x = _floats(model, images[start : start + step])
            posterior = network.encode(x)
            mean, log_var = (one.repeat_interleave(samples, 0) for one in (posterior.mean, posterior.log_var))
            noise = torch.empty_like(mean).normal_(generator=generator)
            z = mean + (0.5 * log_var).exp() * noise
            log_w = -distortion(network.logits(z), x.repeat_interleave(samples, 0))
            log_w += (
                log_normal(z, torch.zeros_like(z), torch.zeros_like(z)) - log_normal(z, mean, log_var)
            ).sum(1)
            found[start : start + step] = log_w.double().cpu().numpy().reshape(-1, samples)
            report(min(1.0, (start + step) / len(images)))
    return found


def bounds(log_w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """−ELBO and −L_S of log weights (N, S), nats: minus their mean, and minus log of the mean weight (Burda et al. 2016, eq. 8)."""
    top = log_w.max(1, keepdims=True)
    return -log_w.mean(1), -(top[:, 0] + np.log(np.exp(log_w - top).mean(1)))


def likelihood_regret(
    model: LoadedModel, images: np.ndarray, steps: int, seed: int, samples: int = 4, report: Callable[[float], object] = lambda share: None
) -> np.ndarray:  # fmt: skip
    """How many nats the ELBO of an image gains once its posterior is fitted to that image alone, (N,).

    Xiao, Yan & Amit 2020, "Likelihood Regret", eq. 3: max over q of ELBO(x; q) − ELBO(x; the encoder's q). The search here is
    over the posterior's mean and log variance, `steps` of Adam from what the encoder says, with the same noise at every step,
    `samples` draws of it; the paper's is over the encoder's weights, which costs a network an image.
    """
    network, distortion = model.vae, _distortion(model)
    generator = torch.Generator(model.device).manual_seed(seed)
    found = np.empty(len(images))
    step = max(1, ROWS // samples)
    for start in range(0, len(images), step):
        x = _floats(model, images[start : start + step])
        with torch.no_grad():
            posterior = network.encode(x)
        mean, log_var = (one.clone().requires_grad_() for one in (posterior.mean, posterior.log_var))
        noise = torch.empty(len(x), samples, mean.shape[1], device=model.device).normal_(generator=generator)
        many = x.repeat_interleave(samples, 0)
        optimiser = torch.optim.Adam([mean, log_var], lr=REGRET_RATE)
        first = best = None
        for at in range(steps + 1):
            z = (mean[:, None] + (0.5 * log_var).exp()[:, None] * noise).flatten(0, 1)
            rate = 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(1)
            loss = distortion(network.logits(z), many).reshape(-1, samples).mean(1) + rate
            now = loss.detach()
            first = now if first is None else first
            best = now if best is None else torch.minimum(best, now)
            if at < steps:
                optimiser.zero_grad()
                loss.sum().backward()
                optimiser.step()
        assert first is not None
        assert best is not None
        found[start : start + step] = (first - best).double().cpu().numpy()
        report(min(1.0, (start + step) / len(images)))
    return found


def _distortion(model: LoadedModel) -> Callable[[Any, Any], Any]:
    """(logits, x) -> nats of each image."""
    chosen, network = model.config.objective.likelihood, model.vae
    entry = model.config.objective.likelihood_entry
    sigma = network.log_sigma if entry.learns_sigma else None
    return lambda logits, x: entry.of(logits, x, chosen.params, sigma, network.features)


def _floats(model: LoadedModel, images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.require(images, requirements=["C", "W"])).to(model.device) / 255
