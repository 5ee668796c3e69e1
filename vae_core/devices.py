"""The processor or accelerator that computes, and in which precision."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from vae_core.errors import BadConfig
from vae_core.processes import CORES_VARIABLE


def choose_device(asked: str) -> str:
    """cuda, mps or cpu; "auto" takes the first that is there. Raises BadConfig when the one asked for is not."""
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if asked == "auto":
        return next(d for d in ("cuda", "mps", "cpu") if present[d])
    if not present[asked]:
        raise BadConfig(f"device: this machine has no {asked}; choose auto or cpu")
    return asked


def choose_precision(asked: str, device: str) -> str:
    """float32 or bfloat16; "auto" takes bfloat16 where the hardware multiplies in it."""
    if asked != "auto":
        return asked
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device == "cpu":
        has = torch.cpu.get_capabilities()
        return "bfloat16" if has.get("avx512_bf16") or has.get("amx_bf16") or has.get("bf16") else "float32"
    return "float32"


def in_precision(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """A context in which networks compute in a precision as `choose_precision` gives it."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def core_count() -> int:
    """Processor cores this process may use; fewer than there are where a cluster has lent it fewer."""
    if (lent := os.environ.get(CORES_VARIABLE, "")).isdecimal():
        return max(1, int(lent))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
