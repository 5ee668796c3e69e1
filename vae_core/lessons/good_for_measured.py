"""What lesson 7 measures of a run: pictures without their noise, rows with one odd image, codes as files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.latent.statistics import kl_from_prior
from vae_core.lessons.material import Material
from vae_core.objectives.noises import NOISES
from vae_core.pictures import encode_png
from vae_core.uses.anomaly_scores import squared_error
from vae_core.uses.compress import NOISE, decoder_bytes, widths
from vae_core.uses.compress_file import make_table
from vae_core.uses.denoise import posterior_mean, with_noise
from vae_core.uses.denoise_filters import median
from vae_core.uses.likeness import psnr

LEVELS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75)  # σ of the noise
STEPS = (1.0, 2.0, NOISE, 6.0, 12.0)  # of the grid on which codes are rounded, in widths of a posterior
SHOWN, ROW = 5, 7  # images to choose from; usual images among which one is odd
ODD = ("two halves", "negative", "upside down", "speckled", "empty")
SPECKLED = 0.1  # share of its pixels that are black or white


@dataclass(frozen=True, eq=False)
class Denoised:
    """names (n,) of images; clean (n, C, H, W) uint8; by level: noisy, vae, median (L, n, C, H, W) in [0, 1], and their PSNR."""

    names: tuple[str, ...]
    clean: np.ndarray
    noisy: np.ndarray
    vae: np.ndarray
    median: np.ndarray

    def quality(self, which: str) -> np.ndarray:
        """(L, n) dB."""
        return np.stack([psnr(one, self.clean) for one in getattr(self, which)])

    @property
    def wins_from(self) -> int:
        """The number of the level from which on the VAE's mean PSNR is the higher; len(LEVELS) for none."""
        ahead = self.quality("vae").mean(1) > self.quality("median").mean(1)
        losing = np.flatnonzero(~ahead)
        return int(losing[-1]) + 1 if len(losing) else 0


def denoised(material: Material) -> Denoised:
    """The first images to choose from under Gaussian noise, drawn again by the run and by a 3 × 3 median."""
    chosen = material.chosen[:SHOWN]
    clean = material.images[chosen]
    floats = clean.astype(np.float32) / 255
    noisy, filter_ = [], median(3)
    for k, level in enumerate(LEVELS):
        noisy.append(with_noise(floats, NOISES["gaussian"], level, np.random.default_rng(k)))
    together = np.concatenate(noisy)
    made = posterior_mean(material.model, together)
    shape = (len(LEVELS), *clean.shape)
    return Denoised(
        tuple(material.word(int(i)) for i in chosen), clean, np.stack(noisy), made.reshape(shape),
        np.clip(filter_(together), 0, 1).reshape(shape),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class OddRow:
    """A row of images in which one is odd, by kind. images (K, n, C, H, W) uint8; places (K,): where the odd one stands;
    scores (K, 2, n): −ELBO (nats; `first` names it) and mean squared error."""

    images: np.ndarray
    places: np.ndarray
    scores: np.ndarray
    first: str

    def caught(self) -> np.ndarray:
        """Whether the odd one has the highest of each score, (K, 2)."""
        found: np.ndarray = self.scores.argmax(2) == self.places[:, None]
        return found


def odd_row(material: Material) -> OddRow:
    """Images of the run's set with one among them that is made odd, in each of the ways of ODD."""
    rng = np.random.default_rng(0)
    rows = material.chosen[: ROW + 1]
    usual, victim = rows[: max(1, len(rows) - 1)], int(rows[-1])
    x = material.images[victim]
    made = np.stack([odd(x, material.images[int(rows[0])], kind, rng) for kind in ODD])
    together = np.concatenate((material.images[usual], made))
    score, error = scores(material, together)
    count = len(usual)
    places = rng.integers(0, count + 1, len(ODD))

    def row(values: np.ndarray, k: int) -> np.ndarray:
        return np.insert(values[:count], places[k], values[count + k], axis=0)

    images = np.stack([row(together, k) for k in range(len(ODD))])
    both = np.stack([[row(score, k), row(error, k)] for k in range(len(ODD))])
    named = "−ELBO" if not material.model.config.objective.no_elbo else "distance + rate"
    return OddRow(images, places, both, named)


def odd(x: np.ndarray, other: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """An image (C, H, W) uint8, spoiled."""
    found = x.copy()
    if kind == "negative":
        found = 255 - x
    elif kind == "upside down":
        found = x[:, ::-1].copy()
    elif kind == "two halves":
        half = x.shape[2] // 2
        found[:, :, :half] = np.roll(other, x.shape[1] // 3, 1)[:, :, :half]
    elif kind == "speckled":
        drawn = rng.random(x.shape[1:])
        found[:, drawn < SPECKLED] = 255
        found[:, drawn < SPECKLED / 2] = 0
    else:
        found[:] = np.median(x.reshape(len(x), -1), 1).astype(np.uint8)[:, None, None]
    return found


def scores(material: Material, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """−ELBO of images (N, C, H, W) uint8 by one posterior sample, nats, and the mean squared error of what the mean decodes to."""
    distortion, codes = material.model.terms(images)
    rate = kl_from_prior(codes.mean, codes.log_var).sum(1)
    error = squared_error(images.astype(np.float32) / 255, material.model.decode(codes.mean))
    return distortion + rate, error


@dataclass(frozen=True, eq=False)
class Packed:
    """images (n, C, H, W) uint8 and opened (S, n, C, H, W) uint8 at each step; sizes (S, n) and files (n,): bytes of the codes
    and of PNG files; decoder: bytes of the network that both ends need."""

    names: tuple[str, ...]
    images: np.ndarray
    opened: np.ndarray
    sizes: np.ndarray
    files: np.ndarray
    decoder: int

    def share(self, step: int) -> float:
        """Bytes of the codes over those of the PNG files."""
        return float(self.sizes[step].mean() / self.files.mean())


def pack(material: Material) -> Packed:
    """The first images as codes on a grid, under the distribution of all others' codes on it."""
    chosen = material.chosen[:SHOWN]
    images, codes = material.images[chosen], material.codes
    rest = np.delete(codes.mean, chosen, 0)
    known, width = rest if len(rest) else codes.mean, widths(codes)
    sizes, wanted = [], []
    for step in STEPS:
        table = make_table(known, step * width)
        numbers = table.rounded(codes.mean[chosen])
        sizes.append(table.bits(numbers) / 8)
        wanted.append(table.codes(numbers))
    opened = material.model.decode_uint8(np.concatenate(wanted))
    files = np.array([len(encode_png(image)) for image in images])
    names = tuple(material.word(int(i)) for i in chosen)
    return Packed(
        names,
        images,
        opened.reshape(len(STEPS), *images.shape),
        np.stack(sizes),
        files,
        decoder_bytes(material.model),
    )
