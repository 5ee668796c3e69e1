"""Codes for images by search, for networks that only decode: the code whose picture is nearest.

After Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold", sec. 3.1, without their encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vae_core.data.imageset import Progress, silent
from vae_core.inference.model import LoadedModel

TRIED, STARTS, STEPS = 256, 6, 120  # codes drawn from the prior, those of them that begin, and Adam's steps
RATE = 0.05
TYPICAL = 0.002  # weight of ‖z‖² / D beside the mean squared error over the images' own variance


@dataclass(frozen=True)
class Projection:
    """codes (N, D); distance (N,): root mean square difference between image and picture, pixel values in [0, 1]."""

    codes: np.ndarray
    distance: np.ndarray


def project(model: LoadedModel, images: Any, *, seed: int = 0, progress: Progress = silent) -> Projection:
    """The code of each image (N, C, H, W), found by optimisation from several starts; the same for the same seed.

    Minimises the squared error, with a small charge that keeps codes where the prior has its mass. Takes about a second
    an image. Raises BadCodes for images of another shape.
    """
    found = []
    prepared = model.prepare(images)
    for i, image in enumerate(prepared):
        found.append(_one(model, image, seed))
        progress((i + 1) / len(prepared), f"{i + 1} of {len(prepared)} images projected")
    if not found:
        return Projection(np.zeros((0, model.latent_dim), np.float32), np.zeros(0, np.float32))
    return Projection(np.stack([code for code, _ in found]), np.array([d for _, d in found], np.float32))


def _one(model: LoadedModel, image: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.from_numpy(image.astype(np.float32)).to(model.device) / 255
    spread = target.var().clamp_min(1e-4)
    drawn = torch.randn(TRIED, model.latent_dim, generator=generator).to(model.device)

    def error_of(codes: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = (model.model.decode(codes) - target).square().flatten(1).mean(1)
        return found

    with torch.no_grad():
        z = drawn[error_of(drawn).argsort()[:STARTS]].clone()
    z.requires_grad_(True)
    adam = torch.optim.Adam([z], lr=RATE)
    for step in range(STEPS):
        adam.param_groups[0]["lr"] = RATE * min(1.0, 2 * (1 - step / STEPS))
        adam.zero_grad()
        (error_of(z) / spread + TYPICAL * z.square().mean(1)).sum().backward()  # type: ignore[no-untyped-call]
        adam.step()
    with torch.no_grad():
        error = error_of(z)
    best = int(error.argmin())
    return z[best].detach().cpu().numpy(), float(error[best].sqrt())
