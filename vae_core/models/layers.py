"""Layers that compute what torch's own do, faster on a processor. Imported where networks are built: torch is slow
to import.
"""

from __future__ import annotations

import math
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


def start_alive(network: nn.Sequential) -> nn.Sequential:
    """Fresh weights under which a signal passes ReLU layers undiminished; the last layer keeps torch's own.

    N(0, 2 / inputs) and no bias, He et al. 2015, "Delving Deep into Rectifiers", eq. 10. torch's own start has a sixth
    of that variance, so each layer shrinks what differs between images to 0.4 of it: through the twelve layers at 64×64
    a code moves no pixel at first, and hundreds of steps, or all of a short run, go by before it is used.
    """
    layers = [layer for layer in network.children() if getattr(layer, "weight", None) is not None]
    for layer in layers[:-1]:
        weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
        inputs = weight[0].numel()
        if isinstance(layer, nn.ConvTranspose2d):  # of its 4×4 weights, stride 2 lets 2×2 meet in one pixel
            inputs = weight.shape[0] * 4
        with torch.no_grad():
            weight.normal_(0, math.sqrt(2 / inputs))
            bias.zero_()
    return network


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
