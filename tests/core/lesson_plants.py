"""Material of lessons with planted truths: linear networks whose codes are coordinates along orthonormal pictures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from vae_core.inference import Codes
from vae_core.lessons.material import Material
from vae_core.models.networks import MlpParams
from vae_core.models.vae import Vae

SHAPE = (1, 8, 8)
GREY, STEP = 0.5, 0.12  # picture of the code 0; change of the length of a picture with one unit of the code


class Linear:
    """x = 0.5 + STEP · gain_d z_d b_d: `gains` (D,) say how far each dimension moves the picture, 0 for not at all.

    The encoder reads z_d exactly where the gain is 1; `std` is its spread.
    """

    def __init__(self, gains: Any, std: Any = 0.1, seed: int = 0) -> None:
        self.gains = np.asarray(gains, np.float64)
        self.latent_dim = len(self.gains)
        self.shape, self.stochastic = SHAPE, True
        noise = np.random.default_rng(seed).standard_normal((64, self.latent_dim))
        self.basis = np.linalg.qr(noise)[0].T
        self.std = np.broadcast_to(std, (self.latent_dim,))
        self.vae = Vae("mlp", MlpParams((12,)), SHAPE, self.latent_dim)
        self.config = SimpleNamespace(training=SimpleNamespace(epochs=3))

    def decode(self, codes: Any) -> np.ndarray:
        flat = GREY + STEP * (np.atleast_2d(codes) * self.gains) @ self.basis
        found: np.ndarray = np.clip(flat, 0, 1).reshape(-1, *SHAPE).astype(np.float32)
        return found

    def encode(self, images: np.ndarray) -> Codes:
        flat = images.reshape(len(images), -1) / 255
        mean = ((flat - GREY) @ self.basis.T / STEP).astype(np.float32)
        return Codes(mean, np.broadcast_to(2 * np.log(self.std), mean.shape).astype(np.float32))

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        return self.decode(self.encode(images).mean)


def planted(
    model: Linear, codes: Any, *, labels: Any = None, names: tuple[str, ...] = (), factors: Any = None,
    factor_names: tuple[str, ...] = (), images: np.ndarray | None = None,
) -> Material:  # fmt: skip
    """The material of a network whose images are what `codes` (N, D) give with every gain 1, or `images`."""
    codes = np.asarray(codes, np.float64)
    if images is None:
        flat = np.clip(GREY + STEP * codes @ model.basis, 0, 1)
        images = np.rint(255 * flat).astype(np.uint8).reshape(-1, *SHAPE)
    rows = np.arange(len(images))
    data = SimpleNamespace(label_names=names, factors=factors, factor_names=factor_names, labels=labels)
    kept = images
    subject = SimpleNamespace(
        model=model, run=SimpleNamespace(id="planted"), data=data, train=rows, test=rows, images=lambda index: kept[index]
    )  # fmt: skip
    marked = None if labels is None else np.asarray(labels, np.int64)
    return Material(cast(Any, subject), images, model.encode(images), marked, rows=rows)
