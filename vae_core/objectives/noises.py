"""Noise that is put on images before they are encoded, while the target stays clean: what a denoiser learns from.

Vincent et al. 2008, "Extracting and Composing Robust Features with Denoising Autoencoders"; for a VAE Im et al. 2017,
"Denoising Criterion for Variational Auto-Encoding Framework". Noisy images are images: in [0, 1], for what goes beyond is
clipped, as a camera or a file does. To add a noise: a function, a parameter dataclass with its highest level, one entry below.
torch is imported inside functions: forms and help texts want the registry long before anything trains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vae_core.options import Entry, NoParams, Options, option

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

GREY = 0.5  # of a missing square: neither paper nor ink, so that it is seen to be missing
HELP = "highest level in training: each image's is drawn evenly between 0 and this"


@dataclass(frozen=True)
class GaussianNoise(Options):
    noise_level: float = option(
        0.5, help=HELP, unit="σ, of a pixel's range", minimum=0.01, maximum=2.0, title="highest noise level", advanced=True
    )  # fmt: skip


@dataclass(frozen=True)
class SaltPepper(Options):
    noise_level: float = option(
        0.5, help=HELP, unit="share of pixels", minimum=0.01, maximum=1.0, title="highest noise level", advanced=True
    )  # fmt: skip


@dataclass(frozen=True)
class MissingSquare(Options):
    noise_level: float = option(
        0.5, help=HELP, unit="share of the side", minimum=0.01, maximum=1.0, title="highest noise level", advanced=True
    )  # fmt: skip


@dataclass(frozen=True)
class Downscaling(Options):
    noise_level: float = option(
        0.75, help=HELP, unit="share of the side lost", minimum=0.01, maximum=0.95, title="highest noise level", advanced=True
    )  # fmt: skip


def nothing(images: Tensor, level: Tensor, rng: np.random.Generator) -> Tensor:
    """The images themselves."""
    return images


def gaussian(images: Tensor, level: Tensor, rng: np.random.Generator) -> Tensor:
    """x + σ n, n ~ N(0, I), clipped to [0, 1]. `level` (B,) is σ as a share of a pixel's range."""
    import torch

    normal = torch.from_numpy(rng.standard_normal(tuple(images.shape), dtype="float32")).to(images.device)
    return (images + level[:, None, None, None] * normal).clamp(0, 1)


def salt_pepper(images: Tensor, level: Tensor, rng: np.random.Generator) -> Tensor:
    """A share `level` (B,) of the pixels, all their colours, is black or white, either as likely."""
    import torch

    count, _, height, width = images.shape
    drawn = torch.from_numpy(rng.random((count, 1, height, width), dtype="float32")).to(images.device)
    share = level[:, None, None, None]
    return torch.where(drawn < share, (drawn < share / 2).to(images.dtype), images)


def square(images: Tensor, level: Tensor, rng: np.random.Generator) -> Tensor:
    """A grey square of `level` (B,) of the side, rounded to pixels, somewhere within each image."""
    import torch

    count, _, height, width = images.shape
    share = level.cpu().numpy().astype("float64")
    inside = []
    for length in (height, width):
        sides = (share * length).round().astype("int64")
        first = (rng.random(count) * (length - sides + 1)).astype("int64")
        places = torch.arange(length)
        begin, end = torch.from_numpy(first)[:, None], torch.from_numpy(first + sides)[:, None]
        inside.append((places >= begin) & (places < end))
    missing = (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(images.device)
    return torch.where(missing, torch.full((), GREY, dtype=images.dtype, device=images.device), images)


def downscale(images: Tensor, level: Tensor, rng: np.random.Generator) -> Tensor:
    """Each image shrunk to a side of (1 − `level` (B,)) of its own, each pixel the mean of what it covers, and enlarged again
    (bicubic, clipped to [0, 1])."""
    import torch
    from torch.nn.functional import adaptive_avg_pool2d, interpolate

    height, width = images.shape[2:]
    sides = ((1 - level.double()) * height).round().clamp(1, height).long().cpu()
    found = images.clone()
    for side in torch.unique(sides).tolist():
        if side == height:
            continue
        rows = torch.nonzero(sides == side).flatten().to(images.device)
        small = adaptive_avg_pool2d(images[rows], (side, max(1, round(side * width / height))))
        found[rows] = interpolate(small, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)
    return found


@dataclass(frozen=True)
class Noise(Entry):
    """A registry entry.

    Attributes:
        apply: (images (B, C, H, W) floats in [0, 1], level (B,), generator) -> noisy images of the same shape, in [0, 1]. What
            it gives depends on these alone; a level of 0 changes nothing.
        unit: of the level, with its symbol where it has one.
        symbol: of the level, as pages write it.
    """

    apply: Callable[[Tensor, Tensor, np.random.Generator], Tensor]
    unit: str = ""
    symbol: str = "level"

    @property
    def highest(self) -> float:
        """The usual highest level."""
        return float(getattr(self.params(), "noise_level", 0.0))


NONE = "none"
NOISES = {
    entry.name: entry
    for entry in (
        Noise(NONE, "No noise", "Images are encoded as they are.", NoParams, nothing),
        Noise(
            "gaussian", "Gaussian noise", "Each pixel is off by a normal number, and clipped.", GaussianNoise, gaussian,
            "of a pixel's range", "σ",
        ),
        Noise(
            "salt_pepper", "Salt and pepper", "Some pixels are black or white.", SaltPepper, salt_pepper,
            "share of pixels", "share",
        ),
        Noise(
            "square", "Missing square", "A grey square hides a part.", MissingSquare, square, "share of the side", "side"
        ),
        Noise(
            "downscale", "Downscaling", "The image was shrunk, and enlarged again.", Downscaling, downscale,
            "share of the side lost", "lost",
        ),
    )
}  # fmt: skip


def noisy(images: Tensor, entry: Noise, params: Any, rng: np.random.Generator) -> Tensor:
    """Images (B, C, H, W) as a step of training sees them: each at a level drawn evenly between 0 and the highest."""
    import torch

    level = torch.from_numpy((rng.random(len(images)) * params.noise_level).astype("float32"))
    return entry.apply(images, level.to(images.device), rng)
