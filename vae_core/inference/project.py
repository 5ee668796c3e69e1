"""Codes for images by search, for networks that only decode: the code whose picture is nearest.

After Zhu et al. 2016, "Generative Visual Manipulation on the Natural Image Manifold", sec. 3.1, without their encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_core.data.imageset import Progress, silent
from vae_core.inference.model import LoadedModel

TRIED, STARTS, STEPS = 256, 6, 120  # codes drawn from the prior, those of them that begin, and Adam's steps
RATE = 0.05
TYPICAL = 0.002  # weight of ‖z‖² / D beside the mean squared error over the images' own variance
TOGETHER = 8  # images searched for at a time


@dataclass(frozen=True, eq=False)
class Projection:
    """codes (N, D); distance (N,): root mean square difference between image and picture, pixel values in [0, 1].

    stopped: the search was ended early, and these are the best codes so far.
    """

    codes: np.ndarray
    distance: np.ndarray
    stopped: bool = False


def project(
    model: LoadedModel, images: Any, *, seed: int = 0, progress: Progress = silent, control: Callable[[], bool] | None = None
) -> Projection:  # fmt: skip
    """The code of each image (N, C, H, W), found by optimisation from several starts; the same for the same seed.

    Minimises the squared error, with a small charge that keeps codes where the prior has its mass. Takes about a second
    an image. `control()` returning True ends the search with the best so far. Raises BadCodes, BadImages for images of
    another shape.
    """
    prepared = model.prepare(images)
    if not len(prepared):
        return Projection(np.zeros((0, model.latent_dim), np.float32), np.zeros(0, np.float32))
    with torch.inference_mode(False), torch.enable_grad():
        search = _Search(model, seed)
        codes, distances, count, stopped = [], [], len(prepared), False
        for start in range(0, count, TOGETHER):
            part = prepared[start : start + TOGETHER]

            def told(step: int, start: int = start, width: int = len(part)) -> bool:
                words = f"step {step} of {STEPS}"
                if count > 1:
                    words = f"{start} of {count} images projected, {words} of the next"
                progress((start + width * step / STEPS) / count, words)
                return control is not None and control()

            found, distance, ended = search.of(part, told)
            stopped = stopped or ended
            codes.append(found)
            distances.append(distance)
    progress(1.0, f"{count} of {count} images projected")
    return Projection(np.concatenate(codes), np.concatenate(distances), stopped)


class _Search:
    """The codes drawn at first, the same for all images, and their pictures."""

    def __init__(self, model: LoadedModel, seed: int) -> None:
        self.model = model
        generator = torch.Generator().manual_seed(seed)
        self.drawn = torch.randn(TRIED, model.latent_dim, generator=generator).to(model.device)
        with torch.no_grad():
            self.pictures = self.decode(self.drawn)

    def decode(self, z: Tensor) -> Tensor:
        found: Tensor = self.model.model.decode(z)
        return found

    def of(self, images: np.ndarray, told: Callable[[int], bool]) -> tuple[np.ndarray, np.ndarray, bool]:
        """Codes (B, D) of images (B, C, H, W) uint8, their distances (B,), and whether `told(step)` ended it early."""
        target = torch.from_numpy(images.astype(np.float32)).to(self.model.device) / 255
        spread = target.flatten(1).var(1).clamp_min(1e-4)
        with torch.no_grad():
            far = torch.stack(
                [(self.pictures - one).square().flatten(1).mean(1) for one in target]
            )  # (B, TRIED)
        first = far.argsort(1)[:, :STARTS]
        z = self.drawn[first].clone()  # (B, STARTS, D)
        before = far.gather(1, first)

        def error_of(codes: Tensor) -> Tensor:
            """(B, S, D) -> (B, S)."""
            drawn = self.decode(codes.flatten(0, 1)).view(*codes.shape[:2], *target.shape[1:])
            squares: Tensor = (drawn - target[:, None]).square().flatten(2).mean(2)
            return squares

        z.requires_grad_(True)
        adam, ended = torch.optim.Adam([z], lr=RATE), False
        for step in range(STEPS):
            if ended := told(step):
                break
            adam.param_groups[0]["lr"] = RATE * min(1.0, 2 * (1 - step / STEPS))
            adam.zero_grad()
            loss = error_of(z) / spread[:, None] + TYPICAL * z.square().mean(2)
            loss.sum().backward()  # type: ignore[no-untyped-call]
            adam.step()
        with torch.no_grad():
            both = torch.cat(
                (z, self.drawn[first]), 1
            )  # where it was ended early, what it began with may be nearer
            error = torch.cat((error_of(z), before), 1)
            least, best = error.min(1)
            found = both[torch.arange(len(both)), best]
        return found.cpu().numpy(), least.sqrt().cpu().numpy(), ended
