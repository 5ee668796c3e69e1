"""Several runs that differ in β alone, trained as one model: their weights lie side by side in one tensor per layer.

Each run keeps a loop of its own, whose weights and moments are views into the shared tensors, so that it validates,
logs and saves what it would have on its own, and goes on alone from any of its checkpoints. Only the step is shared:
one batch, one forward and backward pass of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.errors import BadConfig
from vae_core.events import Event
from vae_core.models.layers import Up
from vae_core.models.residual import NearestUp, ResidualBlock, spread
from vae_core.models.vae import Posterior
from vae_core.objectives.terms import Batch, Moment
from vae_core.options import replace_at
from vae_core.training.clock import Clock
from vae_core.training.control import Control, NoControl
from vae_core.training.learners import VaeLearner
from vae_core.training.loop import Loop
from vae_core.training.optimiser import Adam
from vae_core.training.resolve import resolve

MAPPED = ("cuda",)  # where few large kernels beat many small ones; on a CPU they were slower
MOST = 8  # runs in one stack: more would only need more memory


def why_apart(configs: Sequence[RunConfig]) -> str:
    """Why runs of these settings cannot be stacked, or an empty string: they must differ in β alone."""
    if len(configs) < 2:
        return "a stack takes two runs or more"
    first = configs[0]
    if len({c.objective.objective.name for c in configs}) > 1:
        return "a stack takes runs of one objective"
    if not first.objective.entry.stackable or first.objective.entry.needs:
        return f"runs of the objective {first.objective.entry.title} cannot be stacked"
    if first.training.gpus > 1:
        return "a stack is trained by one process, and these runs by several each"
    if not first.model.entry.stackable:
        return f"networks of the model {first.model.entry.title} cannot be stacked"
    path = ("objective", "objective")
    alike = [replace_at(c, path, first.objective.objective) for c in configs]
    return "" if all(c == alike[0] for c in alike) else "the runs differ in more than β"


def pays(config: RunConfig, device: str, count: int) -> bool:
    """Whether stacking `count` runs was measured to be faster (tests/bench/stacked.py).

    On a CPU it is for dense layers from four βs on, by a little: products are as fast apart, only what surrounds them
    is shared. Grouped convolutions are slower there than plain ones.
    """
    if device == "cuda":
        return count >= 2
    return device == "cpu" and config.model.entry.stacks_on_cpu and count >= 4


def train_stacked(
    configs: Sequence[RunConfig],
    data: ImageSet,
    controls: Sequence[Control] | None = None,
    resumes: Sequence[Mapping[str, Tensor]] | None = None,
    clocks: Sequence[Clock] | None = None,
) -> Iterator[tuple[int, Event]]:
    """As `train` for each config, all at once: (number of the run, its event).

    A run that is stopped or fails leaves the stack, the others go on; one that is paused holds up all. Raises
    BadConfig when the configs differ in more than β, or `resumes` in their step.
    """
    resolved = [resolve(config, data) for config in configs]
    if reason := why_apart(resolved):
        raise BadConfig(reason)
    listen = controls or [NoControl() for _ in resolved]
    told: Sequence[Clock | None] = clocks or [None for _ in resolved]
    loops = [Loop(*each) for each in zip(resolved, [data] * len(resolved), listen, told, strict=True)]
    for loop, state in zip(loops, resumes or (), strict=bool(resumes)):
        loop.restore(state)
    if len({loop.step for loop in loops}) > 1:
        raise BadConfig("a stack goes on from one step; these runs were stopped at several")
    yield from _train(loops, resumed=bool(resumes))


def _train(loops: Sequence[Loop], *, resumed: bool) -> Iterator[tuple[int, Event]]:
    def events(number: int, some: Iterator[Event]) -> Iterator[tuple[int, Event]]:
        return ((number, event) for event in some)

    stack: Stack | None = Stack(list(loops))
    live = dict(enumerate(loops))
    for number, loop in live.items():
        yield from events(number, loop.begin(resumed=resumed))
    while live:
        for number, loop in live.items():
            if not loop.failed:
                yield from events(number, loop.obey())
        done = {number: loop for number, loop in live.items() if loop.done}
        for number, loop in done.items():
            yield from events(number, loop.end())
            del live[number]
            stack = None
        if not live:
            return
        stack = stack or Stack(list(live.values()))
        stack.learn()
        for number, loop in live.items():
            yield from events(number, loop.after_step())


class Stack:
    """n loops of one architecture at one step. Their weights become views of `weights`, (n, ...) each."""

    def __init__(self, loops: list[Loop]) -> None:
        self.loops = loops
        self.learners = [_stackable(loop) for loop in loops]
        lead = self.learners[0]
        self.trained = [i for i, p in enumerate(lead.parameters) if p.requires_grad]
        self.weights = [
            torch.stack([learner.parameters[i].detach().contiguous() for learner in self.learners])
            for i in range(len(lead.parameters))
        ]
        self.moving = [self.weights[i].requires_grad_() for i in self.trained]
        self.adam: Adam | None = Adam(self.moving)
        with torch.no_grad():
            for k, (loop, learner) in enumerate(zip(loops, self.learners, strict=True)):
                state = learner.adam.state()
                for p, whole in zip(learner.parameters, self.weights, strict=True):
                    p.data, p.grad = whole.detach()[k], None
                learner.layout = loop.feed.layout = torch.contiguous_format
                learner.adam.means = [whole[k] for whole in self.adam.means]
                learner.adam.squares = [whole[k] for whole in self.adam.squares]
                learner.adam.load(state)
            self.adam.steps = [step.clone() for step in lead.adam.steps]
            for learner in self.learners:
                learner.adam.steps = self.adam.steps
        by_parameter = {id(p): whole for p, whole in zip(lead.parameters, self.weights, strict=True)}
        self.encoder = _layers(lead.model.encoder, by_parameter, len(loops), shared=True)
        self.decoder = _layers(lead.model.decoder, by_parameter, len(loops), shared=False)

    def learn(self) -> None:
        """One step of all on the batch that is next."""
        lead = self.loops[0]
        index = lead.next_index()
        for loop in self.loops:
            loop.order = lead.order
        images = lead.feed.floats(index, lead.step)
        loss, rows = self.losses(images, lead.feed.noisy(images, index, lead.step))
        torch.autograd.backward(loss.sum())
        rates = [loop.learning_rate for loop in self.loops]
        if self.adam is not None and len(set(rates)) == 1:
            self.adam.step(rates[0])
        else:
            self.step_apart(rates)
        for loop, row in zip(self.loops, rows, strict=True):
            loop.stepped(row)

    def step_apart(self, rates: list[float]) -> None:
        """A learning rate changed for some: from now on each has an Adam, and counts its steps, of its own."""
        if self.adam is not None:
            for learner in self.learners:
                learner.adam.steps = [step.clone() for step in self.adam.steps]
            self.adam = None
        for k, (learner, rate) in enumerate(zip(self.learners, rates, strict=True)):
            for p, whole in zip(learner.adam.parameters, self.moving, strict=True):
                p.grad = None if whole.grad is None else whole.grad[k]
            learner.adam.step(rate)
        for whole in self.moving:
            whole.grad = None

    def losses(self, x: Tensor, noisy: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W), and what is encoded in its stead -> losses (n,), rows (n, ...) as a learner's, by that learner's own
        `measure`."""
        lead = self.learners[0]
        with lead.autocast():
            mean, log_var = _apply(self.encoder, x if noisy is None else noisy).float().chunk(2, dim=2)
        batches = [Batch(x, loop.generator) for loop in self.loops]
        noise = torch.stack([batch.noise(*mean.shape[1:]) for batch in batches])
        z = mean + (0.5 * log_var).exp() * noise
        with lead.autocast():
            logits = _apply(self.decoder, z).float()
        everything = (logits, mean, log_var, z)
        moments = [loop.moments(loop.step) for loop in self.loops]
        if x.device.type in MAPPED:
            return self.mapped(batches[0], everything, moments)
        # unbind: its gradient is one stack, that of n indices n tensors of the whole size
        measured = [
            learner.measure(batch, (one, Posterior(m, v), c), now, final)
            for learner, batch, (now, final), one, m, v, c in zip(
                self.learners, batches, moments, *(t.unbind() for t in everything), strict=True
            )
        ]
        losses, rows = zip(*measured, strict=True)
        return torch.stack(losses), torch.stack(rows)

    def mapped(
        self, batch: Batch, everything: tuple[Tensor, ...], moments: list[tuple[Moment, Moment]]
    ) -> tuple[Tensor, Tensor]:
        """As `losses`, all runs by the same kernels."""
        lead = self.learners[0]

        def one(parts: tuple[Tensor, ...], now: dict[str, Tensor], final: dict[str, Tensor]) -> Any:
            logits, mean, log_var, z = parts
            first = moments[0][0]
            return lead.measure(
                batch,
                (logits, Posterior(mean, log_var), z),
                replace(first, values=now),
                replace(first, values=final),
            )

        both = [
            {
                name: torch.tensor([m[i][name] for m in moments], device=self.weights[0].device)
                for name in moments[0][i].values
            }
            for i in (0, 1)
        ]
        losses, rows = torch.vmap(one)(everything, *both)
        return losses, rows


def _stackable(loop: Loop) -> VaeLearner:
    """The learner of a loop. Raises BadConfig for one whose step is not the plain one."""
    if type(loop.learner) is not VaeLearner:
        raise BadConfig(f"a learner of kind {type(loop.learner).__name__} cannot be stacked")
    return loop.learner


# ---------------------------------------------------------------- layers of n networks

Layer = Callable[[Tensor], Tensor]


def _layers(network: nn.Module, weights: Mapping[int, Tensor], n: int, *, shared: bool) -> list[Layer]:
    """The layers of a sequential network, for n of it; dense values lie as (n, B, F), convolved ones as (B, n C, H, W).

    `shared`: all are given one batch (B, ...). What comes out is (n, B, ...). Raises BadConfig for a layer that is
    not known here.
    """
    if not isinstance(network, nn.Sequential):
        raise BadConfig(f"a network of kind {type(network).__name__} cannot be stacked")
    found: list[Layer] = []
    convolved = False
    for i, layer in enumerate(network):
        if type(layer) in _PLAIN:
            found.append(_PLAIN[type(layer)])
        elif type(layer) is nn.Flatten:
            found.append(_apart(n, flat=True) if convolved else lambda x: x.flatten(1))
            convolved = False
        elif type(layer) is nn.Unflatten:
            convolved = i + 1 < len(network)
            found.append(_unflatten(tuple(layer.unflattened_size), convolved))
        elif type(layer) in _WITH_WEIGHTS:
            weight, bias = weights[id(layer.weight)], weights[id(layer.bias)]
            found.append(_WITH_WEIGHTS[type(layer)](layer, weight, bias, n, shared))
            convolved, shared = not isinstance(layer, nn.Linear), False
        elif type(layer) is ResidualBlock and convolved:
            found.append(_residual(layer, weights, n))
        else:
            raise BadConfig(f"a layer of kind {type(layer).__name__} cannot be stacked")
    return [*found, _apart(n, flat=False)] if convolved else found


def _residual(block: ResidualBlock, weights: Mapping[int, Tensor], n: int) -> Layer:
    """(B, n C, H, W) -> the same shape."""
    inner: list[Layer] = []
    for layer in block:
        if type(layer) in _PLAIN:
            inner.append(_PLAIN[type(layer)])
        else:
            weight, bias = weights[id(layer.weight)], weights[id(layer.bias)]
            inner.append(_WITH_WEIGHTS[type(layer)](layer, weight, bias, n, False))
    return lambda x: x + _apply(inner, x)


def _linear(layer: Any, weight: Tensor, bias: Tensor, n: int, shared: bool) -> Layer:
    """weight (n, O, I)."""
    if not shared:
        return lambda x: torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))

    def wide(x: Tensor) -> Tensor:
        # one product of n O outputs is faster than n of O
        return F.linear(x, weight.flatten(0, 1), bias.flatten()).view(len(x), n, -1).transpose(0, 1)

    return wide


def _conv(layer: Any, weight: Tensor, bias: Tensor, n: int, shared: bool) -> Layer:
    """weight (n, O, I, K, K)."""
    groups = 1 if shared else n
    stride, padding = layer.stride, layer.padding
    return lambda x: F.conv2d(x, weight.flatten(0, 1), bias.flatten(), stride, padding, groups=groups)


def _up(layer: Any, weight: Tensor, bias: Tensor, n: int, shared: bool) -> Layer:
    """weight (n, I, O, 4, 4)."""
    return lambda x: F.conv_transpose2d(
        x, weight.flatten(0, 1), bias.flatten(), stride=2, padding=1, groups=n
    )


def _nearest(layer: Any, weight: Tensor, bias: Tensor, n: int, shared: bool) -> Layer:
    """weight (n, I, O, 3, 3)."""
    return lambda x: F.conv_transpose2d(
        x, spread(weight).flatten(0, 1), bias.flatten(), stride=2, padding=1, groups=n
    )


def _norm(layer: Any, weight: Tensor, bias: Tensor, n: int, shared: bool) -> Layer:
    """weight (n, C): a group never reaches from one network into the next."""
    return lambda x: F.group_norm(x, n * layer.num_groups, weight.flatten(), bias.flatten(), layer.eps)


def _apart(n: int, *, flat: bool) -> Layer:
    """(B, n C, H, W) -> (n, B, C, H, W), or (n, B, C H W)."""

    def apart(x: Tensor) -> Tensor:
        each = torch.unflatten(x, 1, (n, -1)).transpose(0, 1)
        return each.flatten(2) if flat else each

    return apart


def _unflatten(size: tuple[int, ...], convolved: bool) -> Layer:
    """(n, B, F) -> (n, B, C, H, W), or, on the way into convolutions, (B, n C, H, W)."""
    if not convolved:
        return lambda x: torch.unflatten(x, 2, size)
    return lambda x: torch.unflatten(x, 2, size).transpose(0, 1).flatten(1, 2)


_PLAIN: dict[type, Layer] = {nn.ReLU: torch.relu, nn.SiLU: F.silu}
_WITH_WEIGHTS: dict[type, Callable[[Any, Tensor, Tensor, int, bool], Layer]] = {
    nn.Linear: _linear, nn.Conv2d: _conv, Up: _up, NearestUp: _nearest, nn.GroupNorm: _norm,
}  # fmt: skip


def _apply(layers: list[Layer], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x
