"""Named tensors as checkpoints hold them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def copies(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, copied to the CPU in plain layout: what learns on does not move them."""
    return {k: v.detach().cpu().contiguous().clone() for k, v in state.items()}


def below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, named without it."""
    return {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}
