"""Ways to draw images: codes at a temperature and who decodes them. Functions of arrays and a generator.

The same noise serves all temperatures, so that a slider over them moves the same images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vae_core.errors import TooFewPoints
from vae_core.uses.components import Components, components, flat

FEWEST_EACH = 5  # codes a dimension that a class needs for a covariance of its own
FLOOR = 1e-4  # added to every variance: codes of a dimension that is not in use lie on a point
GROUPS = 20  # of the jackknife

Labels = np.ndarray | None
Codes = Callable[[np.ndarray, np.random.Generator, float], tuple[np.ndarray, Labels]]
Decode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Way:
    """A way to draw. codes: (noise (N, D) standard normal, generator, temperature) -> codes (N, D) and the labels (N,) they are
    drawn for, or None; decode: (N, D) -> images (N, C, H, W) in [0, 1]; ours: whether a VAE or an autoencoder decodes."""

    name: str
    ours: bool
    codes: Codes
    decode: Decode

    def draw(self, count: int, dims: int, temperature: float, seed: int) -> tuple[np.ndarray, Labels]:
        """uint8 (count, C, H, W), and the labels they were drawn for or None; the same seed takes the same noise, components and images at every temperature."""
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((count, dims)).astype(np.float32)
        codes, labels = self.codes(noise, rng, temperature)
        return as_bytes(self.decode(codes)), labels


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Floats in [0, 1], or beyond, as uint8."""
    found: np.ndarray = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return found


def prior(noise: np.ndarray, rng: np.random.Generator, temperature: float) -> tuple[np.ndarray, Labels]:
    """T ε: codes of N(0, T² I)."""
    return (temperature * noise).astype(np.float32), None


def neighbours(mean: np.ndarray, std: np.ndarray) -> Codes:
    """Codes beside those of real images: μ_i + T σ_i ε, with posteriors mean and std (M, D) and i drawn evenly."""

    def codes(noise: np.ndarray, rng: np.random.Generator, temperature: float) -> tuple[np.ndarray, Labels]:
        rows = rng.integers(len(mean), size=len(noise))
        return (mean[rows] + temperature * std[rows] * noise).astype(np.float32), None

    return codes


@dataclass(frozen=True, eq=False)
class ClassGaussians:
    """A Gaussian for each class: labels (K,), shares (K,) that add up to 1, means (K, D), and roots (K, D, D), lower
    triangular, of the covariances."""

    labels: np.ndarray
    shares: np.ndarray
    means: np.ndarray
    roots: np.ndarray

    def of(self, chosen: np.ndarray, noise: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """μ_k + T L_k ε for a place k among the labels, for each row of noise: (N,) and (N, D) -> (N, D) float32."""
        steps = np.einsum("nij,nj->ni", self.roots[chosen], temperature * noise)
        found: np.ndarray = (self.means[chosen] + steps).astype(np.float32)
        return found

    def codes(
        self, noise: np.ndarray, rng: np.random.Generator, temperature: float
    ) -> tuple[np.ndarray, Labels]:
        """The same with classes drawn by their shares, and their labels."""
        chosen = rng.choice(len(self.labels), len(noise), p=self.shares)
        return self.of(chosen, noise, temperature), self.labels[chosen]


def class_gaussians(codes: np.ndarray, labels: np.ndarray) -> ClassGaussians:
    """A Gaussian a class of codes (N, D), labels (N,); labels below 0 are none.

    Classes with fewer than 5 codes a dimension take the covariance pooled within all classes, the model of linear
    discriminant analysis (Fisher 1936). Raises TooFewPoints for fewer than two classes of two codes.
    """
    known, counts = np.unique(labels[labels >= 0], return_counts=True)
    known, counts = known[counts >= 2], counts[counts >= 2]
    if len(known) < 2:
        raise TooFewPoints("drawing by class needs two classes with two images each")
    z = np.asarray(codes, np.float64)
    dims = z.shape[1]
    means = np.stack([z[labels == k].mean(0) for k in known])
    centred = [z[labels == k] - m for k, m in zip(known, means, strict=True)]
    floor = FLOOR * np.eye(dims)
    pooled = sum(c.T @ c for c in centred) / max(1, counts.sum() - len(known)) + floor
    roots = np.stack(
        [
            np.linalg.cholesky(pooled if len(c) < FEWEST_EACH * dims else c.T @ c / (len(c) - 1) + floor)
            for c in centred
        ]
    )
    return ClassGaussians(known, counts / counts.sum(), means, roots)


@dataclass(frozen=True, eq=False)
class PcaCodes:
    """Codes of images by principal components, in standard deviations: the parts, and shape (C, H, W) of an image."""

    parts: Components
    shape: tuple[int, ...]

    @property
    def std(self) -> np.ndarray:
        """(D,)."""
        found: np.ndarray = np.sqrt(np.maximum(self.parts.variances, 1e-12))
        return found

    def encode(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, C, H, W) -> (N, D) float32."""
        found: np.ndarray = self.parts.of(flat(images)) / self.std
        return found

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Codes (N, D) -> images (N, C, H, W) in [0, 1]."""
        found: np.ndarray = np.clip(self.parts.back(codes * self.std), 0, 1).reshape(len(codes), *self.shape)
        return found


def pca_codes(images: np.ndarray, dims: int, seed: int = 0) -> PcaCodes:
    """At most `dims` principal components of uint8 (N, C, H, W). Raises TooFewPoints for fewer than three images."""
    if len(images) < 3:
        raise TooFewPoints(f"principal components need three images or more; there are {len(images)}")
    return PcaCodes(components(flat(images), dims, seed), images.shape[1:])


# ---------------------------------------------------------------- numbers


def jackknife(
    statistic: Callable[[np.ndarray], float], count: int, groups: int = GROUPS
) -> tuple[float, float, float]:
    """(value, low, high) of `statistic(rows)` over the numbers below `count`: 95 % by the delete-a-group jackknife.

    With values θ_g that leave out every G-th image from g on, the variance is (G − 1)/G Σ (θ_g − mean)², and the interval
    θ ± t s with G − 1 degrees of freedom (Efron 1982, "The Jackknife, the Bootstrap and Other Resampling Plans", ch. 3;
    Kott 2001). A bootstrap would not do for a Fréchet distance: images drawn twice narrow the covariance, and the distance
    grows with every draw. Raises TooFewPoints for fewer than two images a group.
    """
    from scipy.special import stdtrit

    if count < 2 * groups:
        raise TooFewPoints(f"an interval of {groups} groups needs {2 * groups} images; there are {count}")
    every = np.arange(count)
    value = statistic(every)
    without = np.array([statistic(every[every % groups != g]) for g in range(groups)])
    spread = np.sqrt((groups - 1) / groups * np.square(without - without.mean()).sum())
    half = float(stdtrit(groups - 1, 0.975)) * float(spread)
    return float(value), float(value) - half, float(value) + half


def rivals_line(distances: np.ndarray, tail: float = 0.05) -> float | None:
    """The distance below which only the nearest `tail` of images that no one learned from lie: nearer is a copy. None for
    fewer than 20, of which that share is less than one."""
    return float(np.quantile(distances, tail)) if len(distances) >= round(1 / tail) else None
