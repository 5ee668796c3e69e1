"""Adam on torch's fused kernel. The one module that calls torch's private optimiser kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vae_core.training.tensors import copies

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """Adam (Kingma & Ba 2015; beta 0.9 and 0.999 unless others are given, eps 1e-8).

    The fused kernel is called without torch.optim.Adam around it: constructing that imports the compiler, more than
    a second before the first step. A torch without the private kernel is served by torch.optim's public function.
    """

    def __init__(self, parameters: Sequence[Tensor], betas: tuple[float, float] = BETAS) -> None:
        self.parameters, self.betas = list(parameters), betas
        self.means = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.squares = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.steps = [torch.zeros((), device=p.device) for p in parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the parameters by their gradients and forget those."""
        used = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        if used:
            update(
                [self.parameters[i] for i in used],
                [g for i in used if (g := self.parameters[i].grad) is not None],
                [self.means[i] for i in used],
                [self.squares[i] for i in used],
                [self.steps[i] for i in used],
                rate,
                self.betas,
            )
        for p in self.parameters:
            p.grad = None

    def state(self) -> dict[str, Tensor]:
        """Copies of the moments on the CPU, named mean/0, square/0, step/0, ..."""
        named = {"mean": self.means, "square": self.squares, "step": self.steps}
        return copies({f"{k}/{i}": t for k, ts in named.items() for i, t in enumerate(ts)})

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy moments back, into the layout of their weights. Raises KeyError when one is missing."""
        for k, tensors in {"mean": self.means, "square": self.squares, "step": self.steps}.items():
            for i, tensor in enumerate(tensors):
                tensor.copy_(state[f"{k}/{i}"])


Tensors = list[Tensor]


def update(
    parameters: Tensors, gradients: Tensors, means: Tensors, squares: Tensors, steps: Tensors, rate: float,
    betas: tuple[float, float] = BETAS,
) -> None:  # fmt: skip
    """One step of Adam, in place."""
    if not (hasattr(torch, "_fused_adam_") and hasattr(torch, "_foreach_add_")):
        return update_by_torch_optim(parameters, gradients, means, squares, steps, rate, betas)
    torch._foreach_add_(steps, 1)
    torch._fused_adam_(
        parameters, gradients, means, squares, [], steps, lr=rate, beta1=betas[0], beta2=betas[1],
        weight_decay=0.0, eps=EPSILON, amsgrad=False, maximize=False,
    )  # fmt: skip


def update_by_torch_optim(
    parameters: Tensors, gradients: Tensors, means: Tensors, squares: Tensors, steps: Tensors, rate: float,
    betas: tuple[float, float] = BETAS,
) -> None:  # fmt: skip
    """As `update`, by torch's public function."""
    from torch.optim.adam import adam

    adam(
        parameters, gradients, means, squares, [], steps, foreach=False, fused=False, amsgrad=False,
        beta1=betas[0], beta2=betas[1], lr=rate, weight_decay=0.0, eps=EPSILON, maximize=False,
    )  # fmt: skip
