"""Layers that compute what torch's own do, faster on a processor. Imported where networks are built: torch is slow
to import.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae_core.models.multi_rate import DEGREE


class _GreyUp(torch.autograd.Function):
    """4×4 transposed convolution of stride 2 to one channel: one matrix product, then overlapping patches summed.

    oneDNN pads the single output channel to a whole vector, which costs it 3-4 times this. Its backward pass has
    no such weakness and is used as it is.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        n, c, h, w = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(n, h * w, c)
        patches = torch.matmul(weight.reshape(c, 16).t(), pixels.transpose(1, 2))
        return F.fold(patches, (2 * h, 2 * w), 4, stride=2, padding=1) + bias

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        x, weight, _ = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
            grads[0], x, weight, [1], [2, 2], [1, 1], [1, 1], True, [0, 0], 1, [True, True, True]
        )
        return found


class Up(nn.ConvTranspose2d):
    """nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1): (B, C, H, W) -> (B, C', 2 H, 2 W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=1)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        plain = self.out_channels > 1 or input.device.type != "cpu" or torch.is_autocast_enabled("cpu")
        if plain or not torch.is_grad_enabled() or self.bias is None:
            return super().forward(input, output_size)
        found: Tensor = _GreyUp.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return found


class Gate(nn.Module):
    """Scales and shifts each unit or channel by polynomials in log β: x (B, units, ...) -> the same shape.

    s = 1 + sum_k scale_k p_k and b = sum_k shift_k p_k, p_k = GAIN t^k, k from 1 to DEGREE (see Dial.powers). A fresh gate changes
    nothing.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(DEGREE, units))
        self.shift = nn.Parameter(torch.zeros(DEGREE, units))

    def forward(self, x: Tensor, powers: Tensor) -> Tensor:
        """powers (B, DEGREE)."""
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 would tell few βs apart
            scale = torch.addmm(powers.new_ones(1), powers, self.scale).to(x.dtype)
            shift = (powers @ self.shift).to(x.dtype)
        places = (*scale.shape, *(1,) * (x.ndim - 2))
        return torch.addcmul(shift.view(places), x, scale.view(places))
