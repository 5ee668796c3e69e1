"""Images made of a few labelled ones: by a VAE, from their codes, and by flips and crops. Functions of arrays and a generator.

Codes are made by three rules: noise of the posterior around a real code; a point between two codes of one class (DeVries &
Taylor 2017, "Dataset Augmentation in Feature Space"); a draw from a Gaussian fitted to a class's codes (as class-conditional
sampling of a generative classifier; its covariance shrunk as in Friedman 1989, "Regularized Discriminant Analysis").
"""

from __future__ import annotations

from typing import Any

import numpy as np

NOISE, BETWEEN, GAUSSIAN = "posterior noise", "interpolation", "class Gaussian"
CROPS, FLIPS = "crops", "flips and crops"
NOTHING = "nothing"
OURS = (NOISE, BETWEEN, GAUSSIAN)
CLASSIC = (CROPS, FLIPS)
METHODS = (NOTHING, *CLASSIC, *OURS)
BORDER = 8  # a crop is moved by up to this part of the side
FURTHEST = 0.5  # a point between two codes lies at most half of the way to the second


def why_not(method: str, least: int, *, stochastic: bool) -> str:
    """Why a method makes nothing where the smallest class has `least` labelled images; empty where it does."""
    if method == NOISE and not stochastic:
        return "an autoencoder gives a point and no posterior, so there is no posterior noise"
    if method == BETWEEN and least < 2:
        return "interpolation within a class takes two images of it"
    if method == GAUSSIAN and least < 2:
        return "a Gaussian of a class takes two images of it"
    return ""


def noisy(mean: np.ndarray, log_var: np.ndarray, labels: np.ndarray, each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Draws from the posteriors of real images: z ~ N(μ_i, σ_i²), i a random image of the class.

    mean, log_var (N, D), labels (N,) -> codes (K · each, D) float32 and their labels, class by class.
    """
    rows = _rows(labels, each, rng)
    steps = np.exp(0.5 * log_var[rows]) * rng.standard_normal((len(rows), mean.shape[1]))
    return (mean[rows] + steps).astype(np.float32), labels[rows]


def between(mean: np.ndarray, labels: np.ndarray, each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Points between two codes of one class: (1 − t) μ_i + t μ_j, t uniform up to FURTHEST, i ≠ j. As `noisy`.

    Raises ValueError for a class of one image.
    """
    first, second = [], []
    for k in np.unique(labels):
        rows = np.flatnonzero(labels == k)
        if len(rows) < 2:
            raise ValueError(f"class {k} has one code, and between takes two")
        i = rng.integers(len(rows), size=each)
        j = (i + rng.integers(1, len(rows), size=each)) % len(rows)
        first.append(rows[i])
        second.append(rows[j])
    a, b = np.concatenate(first), np.concatenate(second)
    t = rng.uniform(0, FURTHEST, (len(a), 1))
    return ((1 - t) * mean[a] + t * mean[b]).astype(np.float32), labels[a]


def gaussian(mean: np.ndarray, log_var: np.ndarray, labels: np.ndarray, each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Draws from a Gaussian for each class, fitted to the aggregate posterior of its n images. As `noisy`.

    Its covariance is (n S_k + D W) / (n + D) + V, with S_k that of the class's means, W the same pooled over classes and V
    diagonal, the posteriors' mean variance: with few images all classes share their shape.
    """
    dims = mean.shape[1]
    classes = np.unique(labels)
    own = {k: np.cov(mean[labels == k].T, bias=True).reshape(dims, dims) for k in classes}
    pooled = sum(own[k] * (labels == k).mean() for k in classes)
    codes = []
    for k in classes:
        rows = labels == k
        n = int(rows.sum())
        cover = (n * own[k] + dims * pooled) / (n + dims) + np.diag(np.exp(log_var[rows]).mean(0))
        values, vectors = np.linalg.eigh(cover)
        steps = rng.standard_normal((each, dims)) * np.sqrt(np.maximum(values, 0))
        codes.append(mean[rows].mean(0) + steps @ vectors.T)
    return np.concatenate(codes).astype(np.float32), np.repeat(classes, each)


def transformed(
    images: np.ndarray, labels: np.ndarray, each: int, rng: np.random.Generator, *, flips: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Real images moved by up to a BORDERth of their side, the border repeated, and mirrored by a coin where `flips`.

    uint8 (N, C, H, W), labels (N,) -> uint8 (K · each, C, H, W) and their labels, by torchvision.transforms.v2.
    """
    import torch

    transforms: Any = _transforms()
    rows = _rows(labels, each, rng)
    side = images.shape[2]
    steps = [transforms.RandomHorizontalFlip()] if flips else []
    steps.append(transforms.RandomCrop(side, padding=max(1, side // BORDER), padding_mode="edge"))
    apply = transforms.Compose(steps)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        found = [apply(torch.from_numpy(np.array(images[row]))).numpy() for row in rows]
    return np.stack(found), labels[rows]


def _transforms() -> Any:
    """torchvision.transforms.v2."""
    from importlib import import_module

    from vae_core.data.torchvision_safe import torchvision

    torchvision()  # first, for it makes the import safe
    return import_module("torchvision.transforms.v2")


def _rows(labels: np.ndarray, each: int, rng: np.random.Generator) -> np.ndarray:
    """`each` random rows of every class, class by class."""
    return np.concatenate([rng.choice(np.flatnonzero(labels == k), size=each) for k in np.unique(labels)])
