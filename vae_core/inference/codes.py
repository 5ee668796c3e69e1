"""Codes: what a model says of images, and the view of a few images of a large file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.latent.statistics import kl_from_prior


@dataclass(frozen=True)
class Codes:
    """Posteriors of N images. mean, log_var (N, D) float32; log_var is -inf for a plain autoencoder."""

    mean: np.ndarray
    log_var: np.ndarray

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def std(self) -> np.ndarray:
        """(N, D)."""
        found: np.ndarray = np.exp(0.5 * self.log_var)
        return found

    def sample(self, rng: np.random.Generator) -> np.ndarray:
        """z ~ q(z|x), (N, D)."""
        found: np.ndarray = self.mean + self.std * rng.standard_normal(self.mean.shape).astype(np.float32)
        return found

    @property
    def kl_per_dim(self) -> np.ndarray:
        """KL[q(z_d|x) || N(0, 1)] averaged over the images, (D,) nats; NaN for a plain autoencoder."""
        if np.isneginf(self.log_var).all():
            return np.full(self.mean.shape[1], np.nan, np.float32)
        found: np.ndarray = kl_from_prior(self.mean, self.log_var).mean(0)
        return found


class Rows:
    """A view of some rows of a memory-mapped array that gathers only what is sliced."""

    def __init__(self, array: np.ndarray, index: np.ndarray) -> None:
        self.array, self.index = array, index

    def __len__(self) -> int:
        return len(self.index)

    @property
    def size(self) -> int:
        """Number of values in all rows."""
        return len(self.index) * int(np.prod(self.array.shape[1:]))

    def __getitem__(self, part: slice) -> np.ndarray:
        found: np.ndarray = self.array[self.index[part]]
        return found
