"""Several runs that differ in β alone, trained as one model: their weights lie side by side in one tensor per layer.

Each run keeps a trainer of its own, whose weights and moments are views into the shared tensors, so that it validates,
logs and saves what it would have on its own, and goes on alone from any of its checkpoints. Only the step is shared:
one batch, one forward and backward pass of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.errors import BadConfig
from vae_core.events import Event
from vae_core.models.layers import Up
from vae_core.models.vae import Posterior
from vae_core.objectives import Batch, kl_per_dim
from vae_core.options import replace_at
from vae_core.training import Adam, Control, NoControl, _Trainer, resolve

OBJECTIVES = {"vae", "beta_vae", "beta_tcvae", "capacity"}  # whose loss is that of `_Trainer.losses`
MAPPED = ("cuda",)  # where few large kernels beat many small ones; on a CPU they were slower
MOST = 8  # runs in one stack: more would only need more memory


def why_apart(configs: Sequence[RunConfig]) -> str:
    """Why runs of these settings cannot be stacked, or an empty string: they must differ in β alone."""
    if len(configs) < 2:
        return "a stack takes two runs or more"
    names = {c.objective.objective.name for c in configs}
    if len(names) > 1 or not names <= OBJECTIVES:
        return f"a stack takes runs of one objective, {', '.join(sorted(OBJECTIVES))}"
    path = ("objective", "objective")
    alike = [replace_at(c, path, configs[0].objective.objective) for c in configs]
    return "" if all(c == alike[0] for c in alike) else "the runs differ in more than β"


def pays(config: RunConfig, device: str, count: int) -> bool:
    """Whether stacking `count` runs was measured to be faster (tests/bench/stacked.py).

    On a CPU it is for dense layers from four βs on, by a little: products are as fast apart, only what surrounds them
    is shared. Grouped convolutions are slower there than plain ones.
    """
    if device == "cuda":
        return count >= 2
    return device == "cpu" and config.model.architecture.name == "mlp" and count >= 4


def train_stacked(
    configs: Sequence[RunConfig],
    data: ImageSet,
    controls: Sequence[Control] | None = None,
    resumes: Sequence[Mapping[str, Tensor]] | None = None,
) -> Iterator[tuple[int, Event]]:
    """As `train` for each config, all at once: (number of the run, its event).

    A run that is stopped or fails leaves the stack, the others go on; one that is paused holds up all. Raises
    BadConfig when the configs differ in more than β, or `resumes` in their step.
    """
    resolved = [resolve(config, data) for config in configs]
    if reason := why_apart(resolved):
        raise BadConfig(reason)
    listen = controls or [NoControl() for _ in resolved]
    trainers = [_Trainer(config, data, control) for config, control in zip(resolved, listen, strict=True)]
    for trainer, state in zip(trainers, resumes or (), strict=bool(resumes)):
        trainer.restore(state)
    if len({trainer.step for trainer in trainers}) > 1:
        raise BadConfig("a stack goes on from one step; these runs were stopped at several")
    yield from _train(trainers, resumed=bool(resumes))


def _train(trainers: Sequence[_Trainer], *, resumed: bool) -> Iterator[tuple[int, Event]]:
    def events(number: int, some: Iterator[Event]) -> Iterator[tuple[int, Event]]:
        return ((number, event) for event in some)

    stack: Stack | None = Stack(list(trainers))
    live = dict(enumerate(trainers))
    for number, trainer in live.items():
        yield from events(number, trainer.begin(resumed=resumed))
    while live:
        for number, trainer in live.items():
            if not trainer.failed:
                yield from events(number, trainer.obey())
        done = {
            number: t for number, t in live.items() if t.stopping or t.failed or t.step >= t.plan.steps_total
        }
        for number, trainer in done.items():
            yield from events(number, trainer.end())
            del live[number]
            stack = None
        if not live:
            return
        stack = stack or Stack(list(live.values()))
        stack.learn()
        for number, trainer in live.items():
            yield from events(number, trainer.after_step())


class Stack:
    """n trainers of one architecture at one step. Their weights become views of `weights`, (n, ...) each."""

    def __init__(self, trainers: list[_Trainer]) -> None:
        self.trainers = trainers
        lead = trainers[0]
        self.weights = [
            torch.stack([t.parameters[i].detach().contiguous() for t in trainers]).requires_grad_()
            for i in range(len(lead.parameters))
        ]
        self.adam: Adam | None = Adam(self.weights)  # type: ignore[arg-type]
        with torch.no_grad():
            for k, t in enumerate(trainers):
                state = t.adam.state()
                for p, whole in zip(t.parameters, self.weights, strict=True):
                    p.data, p.grad = whole.detach()[k], None
                t.layout = torch.contiguous_format
                t.adam.means = [whole[k] for whole in self.adam.means]
                t.adam.squares = [whole[k] for whole in self.adam.squares]
                t.adam.load(state)
            self.adam.steps = [step.clone() for step in lead.adam.steps]
            for t in trainers:
                t.adam.steps = self.adam.steps
        by_parameter = {id(p): whole for p, whole in zip(lead.parameters, self.weights, strict=True)}
        self.encoder = _layers(lead.model.encoder, by_parameter, len(trainers), shared=True)
        self.decoder = _layers(lead.model.decoder, by_parameter, len(trainers), shared=False)

    def learn(self) -> None:
        """One step of all on the batch that is next."""
        lead, trainers = self.trainers[0], self.trainers
        position, size = lead.step % lead.plan.steps_per_epoch, lead.config.training.batch_size
        if position == 0 or not len(lead.order):
            order = lead.shuffled(lead.epoch)
            for t in trainers:
                t.order = order
        x = lead.batch(lead.order[position * size : (position + 1) * size])
        loss, rows = self.losses(x)
        loss.sum().backward()
        rates = [t.plan.learning_rate(t.step) * t.rate_factor for t in trainers]
        if self.adam is not None and len(set(rates)) == 1:
            self.adam.step(rates[0])
        else:
            self.step_apart(rates)
        for t, row in zip(trainers, rows, strict=True):
            t.window[t.in_window % len(t.window)] = row
            t.in_window += 1
            t.step += 1

    def step_apart(self, rates: list[float]) -> None:
        """A learning rate changed for some: from now on each has an Adam, and counts its steps, of its own."""
        if self.adam is not None:
            for t in self.trainers:
                t.adam.steps = [step.clone() for step in self.adam.steps]
            self.adam = None
        for k, (t, rate) in enumerate(zip(self.trainers, rates, strict=True)):
            for p, whole in zip(t.parameters, self.weights, strict=True):
                p.grad = None if whole.grad is None else whole.grad[k]
            t.adam.step(rate)
        for whole in self.weights:
            whole.grad = None

    def losses(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) -> losses (n,), rows of means (n, 4 + D) as a trainer's."""
        lead = self.trainers[0]
        settings, objective = lead.config.objective, lead.objective
        with lead.autocast():
            mean, log_var = _apply(self.encoder, x).float().chunk(2, dim=2)
        noise = torch.stack(
            [
                torch.empty(mean.shape[1:], device=x.device).normal_(generator=t.generator)
                for t in self.trainers
            ]
        )
        z = mean + (0.5 * log_var).exp() * noise
        with lead.autocast():
            logits = _apply(self.decoder, z).float()

        def parts(logits: Tensor, mean: Tensor, log_var: Tensor, z: Tensor) -> tuple[Tensor, ...]:
            distortion = lead.likelihood.distortion(logits, x, settings.likelihood.params, None)
            posterior = Posterior(mean, log_var)
            kl = kl_per_dim(posterior)
            batch = Batch(distortion, kl, z, posterior, len(lead.splits.train), settings.free_bits)
            return (*objective.parts(batch), kl.mean(0))

        everything = (logits, mean, log_var, z)
        if x.device.type in MAPPED:
            *terms, per_dim = torch.vmap(parts)(*everything)
        else:
            # unbind: its gradient is one stack, that of n indices n tensors of the whole size
            each = [parts(*one) for one in zip(*(t.unbind() for t in everything), strict=True)]
            *terms, per_dim = (torch.stack(column) for column in zip(*each, strict=True))
        loss = objective.loss(tuple(terms), *self.tensors([t.weights_at(t.step) for t in self.trainers]))
        with torch.no_grad():
            final = objective.loss(tuple(terms), *self.tensors([t.final_weights for t in self.trainers]))
            head = torch.stack((loss, terms[0], per_dim.sum(1), final), 1)
            return loss, torch.cat((head, per_dim), 1)

    def tensors(self, pairs: list[tuple[float, float]]) -> tuple[Any, Any]:
        """Weights and capacities, (n,) each."""
        both = torch.tensor(pairs, dtype=torch.float32, device=self.weights[0].device)
        return both[:, 0], both[:, 1]


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
        if type(layer) is nn.ReLU:
            found.append(torch.relu)
        elif type(layer) is nn.Flatten:
            found.append(_apart(n, flat=True) if convolved else lambda x: x.flatten(1))
            convolved = False
        elif type(layer) is nn.Unflatten:
            convolved = i + 1 < len(network)
            found.append(_unflatten(tuple(layer.unflattened_size), convolved))
        elif type(layer) in _WITH_WEIGHTS:
            weight, bias = weights[id(layer.weight)], weights[id(layer.bias)]
            found.append(_WITH_WEIGHTS[type(layer)](weight, bias, n, shared))
            convolved, shared = not isinstance(layer, nn.Linear), False
        else:
            raise BadConfig(f"a layer of kind {type(layer).__name__} cannot be stacked")
    return [*found, _apart(n, flat=False)] if convolved else found


def _linear(weight: Tensor, bias: Tensor, n: int, shared: bool) -> Layer:
    """weight (n, O, I)."""
    if not shared:
        return lambda x: torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))

    def wide(x: Tensor) -> Tensor:
        # one product of n O outputs is faster than n of O
        return F.linear(x, weight.flatten(0, 1), bias.flatten()).view(len(x), n, -1).transpose(0, 1)

    return wide


def _conv(weight: Tensor, bias: Tensor, n: int, shared: bool) -> Layer:
    """weight (n, O, I, 4, 4)."""
    groups = 1 if shared else n
    return lambda x: F.conv2d(x, weight.flatten(0, 1), bias.flatten(), stride=2, padding=1, groups=groups)


def _up(weight: Tensor, bias: Tensor, n: int, shared: bool) -> Layer:
    """weight (n, I, O, 4, 4)."""
    return lambda x: F.conv_transpose2d(
        x, weight.flatten(0, 1), bias.flatten(), stride=2, padding=1, groups=n
    )


def _apart(n: int, *, flat: bool) -> Layer:
    """(B, n C, H, W) -> (n, B, C, H, W), or (n, B, C H W)."""

    def apart(x: Tensor) -> Tensor:
        each = x.unflatten(1, (n, -1)).transpose(0, 1)
        return each.flatten(2) if flat else each

    return apart


def _unflatten(size: tuple[int, ...], convolved: bool) -> Layer:
    """(n, B, F) -> (n, B, C, H, W), or, on the way into convolutions, (B, n C, H, W)."""
    if not convolved:
        return lambda x: x.unflatten(2, size)
    return lambda x: x.unflatten(2, size).transpose(0, 1).flatten(1, 2)


_WITH_WEIGHTS = {nn.Linear: _linear, nn.Conv2d: _conv, Up: _up}


def _apply(layers: list[Layer], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x
