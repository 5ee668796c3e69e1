"""Several processes that train one run: each takes a part of every batch, and all take the same step.

The loss is that of the whole batch, so any objective keeps its meaning, be it a mean over images or not: what it is made of
(distortion, codes, posteriors: some numbers an image) is brought together, and each process sends gradients back through its
own images alone. Their sum is the gradient of the whole batch. Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating
Data Parallel Training", averages means instead, which is the same where the loss is a mean.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from vae_core.devices import core_count
from vae_core.errors import BadConfig
from vae_core.events import Command
from vae_core.objectives.terms import Part
from vae_core.training.control import Control
from vae_core.words import counted

PATIENCE = timedelta(minutes=30)  # for what another process does alone, such as writing a checkpoint


def why_no_team(size: int, device: str, batch_size: int) -> str:
    """Why so many processes cannot train a run of that device and batch here, in a sentence; empty where they can."""
    if size == 1:
        return ""
    if device not in ("cuda", "cpu"):
        return f"gpus: several processes train on NVIDIA GPUs or on the processor, not on {device}; choose 1, or device cpu"
    there = torch.cuda.device_count() if device == "cuda" else core_count()
    if size > there:
        what = "GPU" if device == "cuda" else "processor core"
        return (
            f"gpus: {size} processes need a {what} each, and this machine has {counted(there, what)}; "
            f"choose at most {there}"
        )
    if size > batch_size:
        return f"gpus: a batch of {batch_size} cannot be shared by {size} processes; choose a larger batch, or fewer of them"
    return ""


@dataclass(frozen=True)
class Team:
    """The processes that train a run, as one of them sees it; by itself, a process that trains alone.

    rank: the number of this one, 0 for the one that is asked, saves and tells. size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that tells."""
        return self.rank == 0

    def threads(self, asked: int) -> int:
        """Processor threads of this process, where all have `asked`."""
        return max(1, asked // self.size)

    def device(self, name: str) -> torch.device:
        """The device of this process."""
        return torch.device(name, self.rank) if self.size > 1 and name == "cuda" else torch.device(name)

    def part(self, count: int) -> Part | None:
        """What this process takes of `count` images: equal parts, but for one image.

        None where all take all of them, since there are fewer images than processes.
        """
        if self.size == 1 or count < self.size:
            return None
        first, end = (count * rank // self.size for rank in (self.rank, self.rank + 1))
        return Part(first, end, count)

    def joint(self, part: Part | None, *own: Tensor) -> list[Tensor]:
        """Rows of the whole batch (k whole, ...) of what each process has of its part (k own, ...), float32.

        Gradients reach this process's own rows alone.
        """
        if part is None:
            return list(own)
        flat = [t.flatten(1) if t.dim() > 1 else t[:, None] for t in own]
        mine = torch.unflatten(torch.cat(flat, 1), 0, (-1, part.end - part.first))
        sizes = [part.whole * (r + 1) // self.size - part.whole * r // self.size for r in range(self.size)]
        k, _, width = mine.shape
        # gloo wants equal shapes
        sent = mine.new_zeros(k, max(sizes), width)
        sent[:, : mine.shape[1]] = mine.detach()
        got = [torch.empty_like(sent) for _ in sizes]
        torch.distributed.all_gather(got, sent)
        parts = [mine if r == self.rank else got[r][:, :size] for r, size in enumerate(sizes)]
        whole = torch.cat(parts, 1).flatten(0, 1)
        split = torch.split(whole, [t.shape[1] for t in flat], 1)
        return [t.reshape(-1, *one.shape[1:]) for t, one in zip(split, own, strict=True)]

    def add_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace each gradient by the sum of what all processes have."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        torch.distributed.all_reduce(flat)
        sums = torch.split(flat, [g.numel() for g in gradients])
        torch._foreach_copy_(gradients, [s.view(g.shape) for s, g in zip(sums, gradients, strict=True)])

    def same(self, tensors: Sequence[Tensor]) -> None:
        """Give all processes the values that the first one has."""
        if self.size > 1:
            with torch.no_grad():
                for tensor in tensors:
                    plain = tensor.detach().contiguous()
                    torch.distributed.broadcast(plain, 0)
                    tensor.copy_(plain)

    def control(self, control: Control) -> Control:
        """A control by which all processes take up the same requests before the same step."""
        return control if self.size == 1 else _Heard(self, control)


ALONE = Team()


@runtime_checkable
class Shared(Protocol):
    """A learner whose steps several processes can share: it brings together what its loss is made of, by its `team`."""

    team: Team


@dataclass(frozen=True)
class _Heard:
    """The first process polls, and tells the others what it heard."""

    team: Team
    asked: Control

    def poll(self) -> list[Command]:
        heard = self.asked.poll() if self.team.leads else []
        text = json.dumps([[c.number, c.name, c.value] for c in heard]).encode() if heard else b""
        size = torch.tensor(len(text))
        torch.distributed.broadcast(size, 0)
        if not int(size):
            return []
        letters = torch.zeros(int(size), dtype=torch.uint8)
        if self.team.leads:
            letters = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        torch.distributed.broadcast(letters, 0)
        return [Command(*fields) for fields in json.loads(bytes(letters.tolist()))]

    def wait(self) -> None:
        """The first process waits for a request; the others for the first, in `poll`."""
        if self.team.leads:
            self.asked.wait()


@contextlib.contextmanager
def assembled(rank: int, size: int, device: str, folder: Path) -> Iterator[Team]:
    """The team of `size` processes of this machine that meet in an empty folder; on CUDA each has the GPU of its rank.

    The folder is not needed any more once all are there. Raises BadConfig where this process is one of a group already.
    """
    from torch import distributed

    if distributed.is_initialized():
        raise BadConfig("gpus: this process belongs to a torch.distributed group already; choose 1")
    backend = "gloo"
    if device == "cuda":
        torch.cuda.set_device(rank)
        backend = "cpu:gloo,cuda:nccl"
    with _over_loopback():
        distributed.init_process_group(
            backend, init_method=(folder / "meet").as_uri(), rank=rank, world_size=size, timeout=PATIENCE
        )
    try:
        team = Team(rank, size)
        # NCCL meets when it is first used
        torch.distributed.all_reduce(torch.zeros(1, device=team.device(device)))
        yield team
    finally:
        distributed.destroy_process_group()


@contextlib.contextmanager
def _over_loopback() -> Iterator[None]:
    """Have gloo listen to this machine alone, and where the machine's name leads nowhere too."""
    import psutil

    name, given = "GLOO_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME" in os.environ
    found = [
        n for n, all_of in psutil.net_if_addrs().items() if any(a.address == "127.0.0.1" for a in all_of)
    ]
    if given or not found or os.name != "posix":
        yield
        return
    os.environ[name] = found[0]
    try:
        yield
    finally:
        del os.environ[name]
