"""Parts of the `resnet` architecture: residual blocks, and nearest upsampling with a convolution in one step.

Imported where networks are built: torch is slow to import.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae_core.models.norms import NORM_EPSILON, SPREAD, groups_of


def spread(weight: Tensor) -> Tensor:
    """Kernels (..., 3, 3) for a picture enlarged twice -> the same as transposed convolution of stride 2, (..., 4, 4).

    That takes 16 products a pixel instead of 36.
    """
    taps = weight.new_tensor(SPREAD)
    both = torch.einsum("ak,bl->klab", taps, taps).reshape(9, 16)  # one large product instead of many of 3×3
    return (weight.flatten(-2) @ both).reshape(*weight.shape[:-2], 4, 4)


class NearestUp(nn.Module):
    """Each pixel becomes 2×2, then a 3×3 convolution with padding 1: (B, C, H, W) -> (B, C', 2 H, 2 W).

    No checkerboard can arise, as it does where the taps of neighbouring outputs differ in number (Odena et al. 2016).
    weight (C, C', 3, 3), bias (C',).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # after normalisation and SiLU, whose mean square is 0.36: He et al. 2015 for 3×3 taps
        self.weight = nn.Parameter(torch.randn(inputs, outputs, 3, 3) * math.sqrt(1 / (9 * inputs)))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        weight = spread(self.weight)
        # as its own weights lie, and pictures with them; else those would be turned around for it
        if self.weight.is_contiguous(memory_format=torch.channels_last):
            weight = weight.contiguous(memory_format=torch.channels_last)
        return F.conv_transpose2d(x, weight, self.bias, stride=2, padding=1)


def norm(channels: int) -> nn.GroupNorm:
    """Group normalisation, eight channels a group. Wu & He 2018."""
    return nn.GroupNorm(groups_of(channels), channels, NORM_EPSILON)


def halving(inputs: int, outputs: int) -> nn.Conv2d:
    """4×4 convolution of stride 2 and padding 1 from whose fresh weights a signal comes out undiminished."""
    layer = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
    with torch.no_grad():
        layer.weight.normal_(0, math.sqrt(2 / (16 * inputs)))
        layer.bias.zero_()  # type: ignore[union-attr]
    return layer


class ResidualBlock(nn.Sequential):
    """x + its layers' result, (B, C, H, W): normalisation, SiLU, 3×3 convolution to C / 2, SiLU, 1×1 back to C.

    He et al. 2016, "Identity Mappings in Deep Residual Networks": what lies on the way of x is the identity. Half the
    channels within it, as in their bottlenecks, cost 5 C² products a pixel instead of 9 C².
    """

    def __init__(self, channels: int) -> None:
        inner = channels // 2
        super().__init__(
            norm(channels),
            nn.SiLU(),
            nn.Conv2d(channels, inner, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(inner, channels, 1),
        )

    def forward(self, input: Tensor) -> Tensor:
        x = input
        for layer in self:
            x = layer(x)
        return x + input  # in the layout of the convolution's result
