"""A small network whose features tell how alike two pictures look. Imported where networks are built."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = (16, 32, 64)  # of its 3×3 convolutions, each of stride 2


class Features(nn.Module):
    """Pictures (B, C, H, W) in [0, 1] -> a map of features per layer: (B, 16, H/2, W/2), then 32 and 64 channels.

    Its weights are buffers: they are kept with a run, and nothing that learns with it moves them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        for i, (before, after) in enumerate(zip((channels, *CHANNELS), CHANNELS, strict=False)):
            self.register_buffer(f"kernel{i}", torch.randn(after, before, 3, 3) * math.sqrt(2 / (9 * before)))
            self.register_buffer(f"bias{i}", torch.zeros(after))

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for i in range(len(CHANNELS)):
            kernel, bias = self.get_buffer(f"kernel{i}"), self.get_buffer(f"bias{i}")
            x = F.relu(F.conv2d(x, kernel, bias, stride=2, padding=1))
            found.append(x)
        return found


def feature_distance(a: Tensor, b: Tensor, features: Features) -> Tensor:
    """Squared distance of features of unit length, the mean over places and layers: (B,), from 0 to 2.

    Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", eq. 1, without weights
    learned from people's judgements.
    """
    both = features(torch.cat((a, b)))
    found = torch.zeros(len(a), dtype=a.dtype, device=a.device)
    for layer in both:
        # the length's floor keeps places without features from counting by their rounding
        one, other = (layer / (layer.square().sum(1, keepdim=True) + 1e-3).sqrt()).chunk(2)
        found = found + (one - other).square().sum(1).mean((1, 2))
    return found / len(both)
