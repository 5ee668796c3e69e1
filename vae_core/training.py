"""Training as a generator: `for event in train(config, data, control): ...`. No printing, no paths, no UI.

Images stay uint8 and resident (or memory-mapped); a batch is gathered by index and converted to float once.
Nothing is read back from the device more often than events need it. On a CPU the same resolved config gives
the same events bit for bit, wall-time fields aside, whether or not a run was interrupted and resumed.
"""

from __future__ import annotations

import dataclasses
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet, Splits
from vae_core.errors import BadConfig, BadRun
from vae_core.events import (
    Checkpoint,
    Command,
    Controlled,
    Encoded,
    EpochDone,
    Event,
    Failed,
    Finished,
    Resumed,
    Snapshot,
    Started,
    StepDone,
    Terms,
)
from vae_core.latent.statistics import active_units, order_by_kl
from vae_core.models.dial import Dial
from vae_core.models.networks import ARCHITECTURES
from vae_core.models.vae import Vae
from vae_core.objectives import BETA_SCHEDULES, LIKELIHOODS, OBJECTIVES, Batch, kl_per_dim

WARMUP_SHARE = 0.1  # of a one-cycle schedule; then a cosine down to zero
START_SHARE = 1 / 25  # of the peak, where one-cycle starts
CONTINUE_SHARE = 0.1  # of the peak: the height of the cycle that Continue adds
MOST_CODES = 2_000  # images whose codes are kept for every epoch
DENSE_EPOCHS, DENSE_BYTES = 200, 32 << 20  # the first so many epochs, or bytes of them, are all kept
GOLDEN = (math.sqrt(5) - 1) / 2
NOMINAL_FLOPS = {"cpu": 50e9, "cuda": 5e12, "mps": 1e12}  # to turn a network's cost into "about" seconds


# ---------------------------------------------------------------- control


class Control(Protocol):
    """Where requests come from. `poll` never blocks; `wait` blocks until `poll` may have something."""

    def poll(self) -> list[Command]: ...

    def wait(self) -> None: ...


class NoControl:
    """Nobody asks for anything."""

    def poll(self) -> list[Command]:
        return []

    def wait(self) -> None:
        raise RuntimeError("paused with nobody to resume")


# ---------------------------------------------------------------- resolving what was left to the program


def choose_side(config: RunConfig, sides: tuple[int, ...]) -> int:
    """The image side to train at: the asked one, or the dataset's first that the architecture accepts."""
    entry = ARCHITECTURES[config.model.architecture.name]
    if config.data.side:
        return config.data.side
    fitting = [side for side in sides if entry.accepts(side)]
    if not fitting:
        raise BadConfig(f"{entry.name} takes none of this dataset's sides ({', '.join(map(str, sides))})")
    return fitting[0]


def choose_device(asked: str) -> str:
    """cuda, mps or cpu. Raises BadConfig when the one asked for is not there."""
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if asked == "auto":
        return next(d for d in ("cuda", "mps", "cpu") if present[d])
    if not present[asked]:
        raise BadConfig(f"device: this machine has no {asked}; choose auto or cpu")
    return asked


def choose_precision(asked: str, device: str) -> str:
    """bfloat16 where the hardware multiplies in it, else float32."""
    if asked != "auto":
        return asked
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device == "cpu":
        has = torch.cpu.get_capabilities()
        return "bfloat16" if has.get("avx512_bf16") or has.get("amx_bf16") or has.get("bf16") else "float32"
    return "float32"


def choose_batch_size(images: int) -> int:
    """A power of two that leaves about 200 steps an epoch, between 32 and 128."""
    return int(min(128, max(32, 2 ** round(math.log2(max(1, images) / 200)))))


def core_count() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def forward_flops(config: RunConfig, shape: tuple[int, int, int]) -> int:
    """Floating-point operations of one image through encoder and decoder, biases left out.

    Counted by hooks: torch's own counter takes a second to import.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = getattr(layer, "weight", None)
        if weight is not None:
            places = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
            total += 2 * weight.numel() * math.prod(places.shape[2:])

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        model = make_model(config, shape)
        for layer in model.modules():
            layer.register_forward_hook(count)
        model.decode(model.encode(torch.zeros(1, *shape)).mean)
    return total


def make_model(config: RunConfig, shape: tuple[int, int, int], *, gated: bool = True) -> Vae:
    """The model of a config with fresh weights from torch's global generator; without a dial's gates if not `gated`."""
    objective = OBJECTIVES[config.objective.objective.name]
    choice = config.model.architecture
    return Vae(
        choice.name,
        choice.params,
        shape,
        config.model.latent_dim,
        stochastic=objective.stochastic,
        dial=config.objective.dial if gated else None,
    )


def count_parameters(config: RunConfig, shape: tuple[int, int, int]) -> int:
    """Number of weights."""
    with torch.random.fork_rng(devices=[]):
        return sum(p.numel() for p in make_model(config, shape).parameters())


def splits_of(config: RunConfig, data: ImageSet) -> Splits:
    """The images a run trains on, validates on and never sees."""
    return data.split(config.data.split_seed, config.data.validation, limit=config.data.limit)


def replayed(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    """The up to 2,000 images whose codes every epoch keeps: some of validation, then of train, indices each.

    Evenly spaced. Validation comes first, since its codes are worked out anyway.
    """
    held = splits.validation[_evenly(len(splits.validation), MOST_CODES)]
    return held, splits.train[_evenly(len(splits.train), MOST_CODES - len(held))]


def _evenly(count: int, most: int) -> np.ndarray:
    """Up to `most` places from 0 to count - 1."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def codes_every(epoch: int, latent_dim: int) -> int:
    """Codes are kept of every epoch at first, of every 2nd once that many are there, then of every 4th, ...

    With E dense epochs (200, fewer where 2,000 codes of D dimensions would take more than 32 MB): 1 up to epoch E,
    2 up to 2 E, 4 up to 4 E. So a run's codes grow with the logarithm of its length, the early epochs, in which the
    space forms, stay whole, and what is kept does not depend on how many epochs are planned.
    """
    dense = max(1, min(DENSE_EPOCHS, DENSE_BYTES // (2 * MOST_CODES * latent_dim)))
    return 1 << ((epoch - 1) // dense).bit_length()


def resolve(config: RunConfig, data: ImageSet) -> RunConfig:
    """Replace every "0 or auto chooses" by what it is on this machine and dataset.

    The result is what a run stores and what makes it repeatable. Raises BadConfig.
    """
    shape = data.shape
    device = choose_device(config.training.device)
    images = len(splits_of(config, data).train)
    batch = min(config.training.batch_size or choose_batch_size(images), images)
    flops = 3 * forward_flops(config, shape) * batch  # backward costs about two forwards
    step_seconds = flops / NOMINAL_FLOPS[device]
    total = (images // batch) * (config.training.epochs + sum(config.training.continued))
    log_every = max(1, min(20, round(0.2 / step_seconds)), math.ceil(total / 5_000))
    training = dataclasses.replace(
        config.training,
        device=device,
        batch_size=batch,
        precision=choose_precision(config.training.precision, device),
        threads=config.training.threads or core_count(),
        log_every=config.training.log_every or log_every,
        checkpoint_every=config.training.checkpoint_every or max(10, round(30 / step_seconds)),
    )
    return dataclasses.replace(
        config, data=dataclasses.replace(config.data, side=shape[1]), training=training
    )


def machine_of(config: RunConfig) -> dict[str, Any]:
    """What, besides the config, decides whether a run repeats bit for bit."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "device": config.training.device,
        "threads": config.training.threads,
        "precision": config.training.precision,
    }


# ---------------------------------------------------------------- the plan of a run


@dataclass(frozen=True)
class Plan:
    """Steps, and what learning rate, weight and capacity they take. Pure functions of the config."""

    config: RunConfig
    train_images: int

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.train_images // self.config.training.batch_size)

    @property
    def epochs(self) -> int:
        return self.config.training.epochs + sum(self.config.training.continued)

    @property
    def steps_total(self) -> int:
        return self.epochs * self.steps_per_epoch

    def learning_rate(self, step: int) -> float:
        """One-cycle: cosine up over the first tenth, cosine down to zero (Smith & Topin 2018)."""
        training = self.config.training
        if training.rate_schedule == "constant":
            return training.learning_rate
        start, length, peak = 0, training.epochs * self.steps_per_epoch, training.learning_rate
        for epochs in training.continued:
            if step < start + length:
                break
            start, length = start + length, epochs * self.steps_per_epoch
            peak = training.learning_rate * CONTINUE_SHARE
        progress = min(1.0, (step - start + 0.5) / length)  # mid-step, so that none has a rate of 0
        if progress < WARMUP_SHARE:
            low, rise = peak * START_SHARE, 0.5 - 0.5 * math.cos(math.pi * progress / WARMUP_SHARE)
            return low + (peak - low) * rise
        return peak * (0.5 + 0.5 * math.cos(math.pi * (progress - WARMUP_SHARE) / (1 - WARMUP_SHARE)))

    def progress(self, step: int) -> float:
        """Share of the first cycle done; schedules of beta and capacity end with it."""
        return min(1.0, step / (self.config.training.epochs * self.steps_per_epoch))

    @property
    def final_weight(self) -> float:
        objective = self.config.objective.objective
        return OBJECTIVES[objective.name].weight_of(objective.params)

    def weight(self, step: int) -> float:
        """beta (gamma for `capacity`) at a step: the final weight times the schedule's factor."""
        schedule = self.config.objective.schedule
        factor = BETA_SCHEDULES[schedule.name].factor(self.progress(step), schedule.params)
        return self.final_weight * factor

    @property
    def final_capacity(self) -> float | None:
        return getattr(self.config.objective.objective.params, "capacity", None)

    def capacity(self, step: int) -> float | None:
        """C at a step, nats; None for objectives without one."""
        if self.final_capacity is None:
            return None
        growth = self.config.objective.objective.params.growth
        share = 1.0 if growth == 0 else min(1.0, self.progress(step) / growth)
        return self.final_capacity * share


# ---------------------------------------------------------------- training


def train(
    config: RunConfig,
    data: ImageSet,
    control: Control | None = None,
    resume: Mapping[str, Tensor] | None = None,
    initial: Mapping[str, Tensor] | None = None,
) -> Iterator[Event]:
    """Train and say so. The generator ends after Finished or Failed.

    Args:
        config: settings; what it leaves open is resolved for this machine (see `resolve`).
        data: images; the config's split seed decides which of them train.
        control: where live requests come from; None for nobody.
        resume: a Checkpoint's `resume` arrays, to go on from there.
        initial: weights to start from (fine-tuning); shapes must be equal.

    Raises BadConfig, BadImages or BadRun before the first event; afterwards a fault is a Failed event.
    Sets torch's thread count for the whole process.
    """
    trainer = _Trainer(resolve(config, data), data, control or NoControl())
    if resume is not None:
        trainer.restore(resume)
    elif initial is not None:
        trainer.start_from(initial)
    yield from trainer.run(resumed=resume is not None)


def time_step(config: RunConfig, data: ImageSet, steps: int = 3) -> float:
    """Seconds per training step on this machine: the median of `steps` real ones after one to warm up."""
    trainer = _Trainer(resolve(config, data), data, NoControl())
    times = []
    for step in range(steps + 1):
        begin = time.perf_counter()
        trainer.learn(step % trainer.plan.steps_per_epoch)
        trainer.window.sum().item()  # waits for the device
        times.append(time.perf_counter() - begin)
    return float(np.median(times[1:]))


class Adam:
    """Adam (Kingma & Ba 2015; beta 0.9 and 0.999, eps 1e-8) on torch's fused kernel.

    The kernel torch.optim.Adam(fused=True) calls, without that class: constructing it imports the compiler,
    more than a second before the first step.
    """

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters
        self.means = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.squares = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.steps = [torch.zeros((), device=p.device) for p in parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the parameters by their gradients and forget those."""
        used = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        torch._foreach_add_([self.steps[i] for i in used], 1)
        torch._fused_adam_(
            [self.parameters[i] for i in used],
            [self.parameters[i].grad for i in used],  # type: ignore[misc]
            [self.means[i] for i in used],
            [self.squares[i] for i in used],
            [],
            [self.steps[i] for i in used],
            lr=rate, beta1=0.9, beta2=0.999, weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False,
        )  # fmt: skip
        for p in self.parameters:
            p.grad = None

    def state(self) -> dict[str, Tensor]:
        """Copies of the moments on the CPU, named mean/0, square/0, step/0, ..."""
        named = {"mean": self.means, "square": self.squares, "step": self.steps}
        return {
            f"{k}/{i}": t.detach().cpu().contiguous().clone()
            for k, ts in named.items()
            for i, t in enumerate(ts)
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy moments back, into the layout of their weights."""
        for k, tensors in {"mean": self.means, "square": self.squares, "step": self.steps}.items():
            for i, tensor in enumerate(tensors):
                tensor.copy_(state[f"{k}/{i}"])


SCALARS = (
    "step", "in_window", "in_epoch", "best_value", "best_epoch", "live_weight", "rate_factor", "control",
)  # fmt: skip


class _Trainer:
    """The state of one training process and the pieces of its loop."""

    def __init__(self, config: RunConfig, data: ImageSet, control: Control) -> None:
        training = config.training
        torch.set_num_threads(training.threads)
        self.config, self.data, self.control = config, data, control
        self.device = torch.device(training.device)
        self.splits = splits_of(config, data)
        self.held, self.topped_up = replayed(self.splits)
        self.plan = Plan(config, len(self.splits.train))
        self.objective = OBJECTIVES[config.objective.objective.name]
        self.likelihood = LIKELIHOODS[config.objective.likelihood.name]
        self.dial = config.objective.dial
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            self.model = make_model(config, data.shape)
        self.layout = (
            torch.channels_last if config.model.architecture.name == "conv" else torch.contiguous_format
        )
        self.model.to(self.device, memory_format=self.layout)  # type: ignore[call-overload]
        self.parameters = list(self.model.parameters())
        self.adam = Adam(self.parameters)
        self.generator = torch.Generator(self.device).manual_seed(training.seed + 1)
        self.images = torch.from_numpy(data.images)
        if self.device.type == "cuda" and self.images.numel() < torch.cuda.mem_get_info()[0] // 4:
            self.images = self.images.to(self.device)
        self.order = torch.empty(0, dtype=torch.int64)
        # a row per step: loss, distortion, rate, final objective, then KL per dimension
        self.window = torch.zeros(training.log_every, 4 + config.model.latent_dim, device=self.device)
        self.epoch_sum = np.zeros(self.window.shape[1])
        self.step = self.in_window = self.in_epoch = 0
        self.best: dict[str, Tensor] | None = None
        self.best_value, self.best_epoch = math.inf, 0
        self.live_weight: float | None = None
        self.rate_factor = 1.0
        self.last_control = 0
        self.saved = (-1, -1)  # step and request number of the last checkpoint
        self.paused = self.stopping = self.failed = False
        self.go_on_until: int | None = None  # a step at which to pause again
        self.began = self.logged_at = time.perf_counter()

    # ------------------------------------------------ one step

    def autocast(self) -> Any:
        if self.config.training.precision == "bfloat16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def batch(self, index: Tensor) -> Tensor:
        """uint8 images by index -> float (B, C, H, W) in [0, 1] on the device."""
        x = self.images.index_select(0, index.to(self.images.device)).to(self.device)
        return (x / 255).contiguous(memory_format=self.layout)

    def shuffled(self, epoch: int) -> Tensor:
        """The training images' indices in the order of an epoch, where the images are."""
        rng = np.random.default_rng((self.config.training.seed, epoch))
        return torch.from_numpy(rng.permutation(self.splits.train)).to(self.images.device)

    def weights_at(self, step: int) -> tuple[float, float]:
        weight = self.plan.weight(step) if self.live_weight is None else self.live_weight
        return weight, self.plan.capacity(step) or 0.0

    @property
    def final_weights(self) -> tuple[float, float]:
        weight = self.plan.final_weight if self.live_weight is None else self.live_weight
        return weight, self.plan.final_capacity or 0.0

    def losses(
        self,
        x: Tensor,
        weights: tuple[float, float],
        generator: torch.Generator,
        log_sigma: Tensor | None,
        log_beta: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(loss (), row of means (4 + D,), distortion (B,), posterior means (B, D)) of one batch.

        `log_beta` (B,) is each image's place on a dial; None is β = 1.
        """
        with self.autocast():
            posterior = self.model.encode(x, log_beta)
            z = posterior.sample(generator) if self.objective.stochastic else posterior.mean
            logits = self.model.logits(z, log_beta)
        # outside autocast: likelihood and KL are computed in float32
        settings = self.config.objective
        distortion = self.likelihood.distortion(logits, x, settings.likelihood.params, log_sigma)
        if self.objective.stochastic:
            kl = kl_per_dim(posterior)
        else:
            kl = torch.zeros_like(posterior.mean)
        beta = None if log_beta is None else log_beta.exp()
        batch = Batch(distortion, kl, z, posterior, len(self.splits.train), settings.free_bits, beta)
        parts = self.objective.parts(batch)
        loss = self.objective.loss(parts, *weights)
        with torch.no_grad():
            same = weights == self.final_weights
            final = loss if same else self.objective.loss(parts, *self.final_weights)
            per_dim = kl.mean(0)
            head = torch.stack((loss, distortion.mean(), per_dim.sum(), final))
            row = torch.cat((head, per_dim))
        return loss, row, distortion, posterior.mean

    def draw(self, dial: Dial, count: int) -> Tensor:
        """log β (count,), each uniform over what is sampled: evenly spaced from a common random start.

        The images are in random order already. Drawn one by one, the βs would add their own spread to the gradient's.
        """
        start = torch.rand((), generator=self.generator, device=self.device)
        return dial.at((torch.arange(count, device=self.device) + start) / count)

    def learn(self, position: int) -> None:
        """One step on the batch at `position` of the epoch; its row goes into the window."""
        size = self.config.training.batch_size
        if position == 0 or not len(self.order):
            self.order = self.shuffled(self.step // self.plan.steps_per_epoch)
        x = self.batch(self.order[position * size : (position + 1) * size])
        log_beta = None if self.dial is None else self.draw(self.dial, len(x))
        loss, row, _, _ = self.losses(x, self.weights_at(self.step), self.generator, None, log_beta)
        loss.backward()
        self.adam.step(self.plan.learning_rate(self.step) * self.rate_factor)
        self.window[self.in_window % len(self.window)] = row
        self.in_window += 1
        self.step += 1

    # ------------------------------------------------ the loop

    def run(self, *, resumed: bool) -> Iterator[Event]:
        yield from self.begin(resumed=resumed)
        while self.step < self.plan.steps_total and not self.failed:
            yield from self.obey()
            if self.stopping or self.failed:
                break
            self.learn(self.step % self.plan.steps_per_epoch)
            yield from self.after_step()
        yield from self.end()

    def begin(self, *, resumed: bool) -> Iterator[Event]:
        training = self.config.training
        if resumed:
            yield Resumed(self.step, self.plan.steps_total, self.plan.epochs)
        else:
            yield Started(
                step=0,
                steps_total=self.plan.steps_total,
                steps_per_epoch=self.plan.steps_per_epoch,
                epochs=self.plan.epochs,
                parameters=sum(p.numel() for p in self.parameters),
                train_images=len(self.splits.train),
                validation_images=len(self.splits.validation),
                batch_size=training.batch_size,
                log_every=training.log_every,
                checkpoint_every=training.checkpoint_every,
            )
        self.began = self.logged_at = time.perf_counter()
        if not resumed:
            yield self.save()

    def after_step(self) -> Iterator[Event]:
        """What is due once a step is done: a point of the curves, the end of an epoch, a checkpoint."""
        training = self.config.training
        epoch_ends = self.step % self.plan.steps_per_epoch == 0
        saves = self.step % training.checkpoint_every == 0
        if self.step % training.log_every == 0 or epoch_ends or saves:
            yield self.log()
        if epoch_ends and not self.failed:
            yield from self.end_epoch()
        if saves and not self.failed:
            yield self.save()

    def end(self) -> Iterator[Event]:
        if self.in_window and not self.failed:
            yield self.log()
        # also where only a request is new: one taken up before a checkpoint must not be taken up again after it
        if self.saved != (self.step, self.last_control) and not self.failed:
            yield self.save()
        if not self.failed:
            reason = "stopped" if self.stopping else "completed"
            yield Finished(self.step, self.epoch, reason, self.best_epoch, time.perf_counter() - self.began)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.plan.steps_per_epoch

    def obey(self) -> Iterator[Event]:
        """Take up requests; while paused, wait for them."""
        if self.go_on_until is not None and self.step >= self.go_on_until:
            self.paused, self.go_on_until = True, None
            if self.in_window:
                yield self.log()
            if self.failed:
                return
            yield Controlled(self.step, self.last_control, "pause")
            yield self.save()
        commands = self.control.poll()
        while commands or (self.paused and not self.stopping and not self.failed):
            for command in commands:
                self.last_control = command.number
                self.take(command)
                ignored = command.name == "beta" and self.dial is not None  # every β is learned all the time
                name = "beta ignored" if ignored else command.name
                yield Controlled(self.step, command.number, name, command.value)
            if commands and self.paused:
                yield self.save()
            if self.paused and not self.stopping:
                begin = time.perf_counter()
                self.control.wait()
                waited = time.perf_counter() - begin  # which is not training time
                self.began += waited
                self.logged_at += waited
            commands = self.control.poll()

    def take(self, command: Command) -> None:
        spe = self.plan.steps_per_epoch
        if command.name == "pause":
            self.paused, self.go_on_until = True, None
        elif command.name == "resume":
            self.paused, self.go_on_until = False, None
        elif command.name == "step":
            self.paused, self.go_on_until = False, self.step + 1
        elif command.name == "epoch":
            self.paused, self.go_on_until = False, (self.step // spe + 1) * spe
        elif command.name == "stop":
            self.stopping = True
        elif command.name == "beta" and command.value is not None and self.dial is None:
            self.live_weight = command.value
            # the best so far was best at another weight
            self.best, self.best_value, self.best_epoch = None, math.inf, 0
        elif command.name == "learning_rate" and command.value is not None:
            self.rate_factor = command.value

    def log(self) -> StepDone | Failed:
        """Means over the window; a row that is not finite ends the run."""
        rows = self.window[: self.in_window].double().cpu().numpy()
        bad = ~np.isfinite(rows).all(1)
        if bad.any():
            self.failed = True
            first = int(np.argmax(bad))
            step = self.step - len(rows) + first + 1
            head = dict(zip(("loss", "distortion", "rate"), rows[first], strict=False))
            term = next((n for n in ("distortion", "rate", "loss") if not np.isfinite(head[n])), "loss")
            return Failed(
                step, self.epoch,
                f"the {term} is not a finite number at step {step}; the weights of the last checkpoint are "
                "kept. A lower learning rate, a smaller β or a larger σ usually helps",
            )  # fmt: skip
        self.epoch_sum += rows.sum(0)
        self.in_epoch += len(rows)
        now = time.perf_counter()
        images = len(rows) * self.config.training.batch_size
        event = StepDone(
            step=self.step,
            epoch=(self.step - 1) // self.plan.steps_per_epoch + 1,
            terms=self.terms(rows.mean(0), every=len(rows[0]) - 4 <= 64),
            beta=self.weights_at(self.step - 1)[0],
            learning_rate=self.plan.learning_rate(self.step - 1) * self.rate_factor,
            capacity=self.plan.capacity(self.step - 1),
            seconds=now - self.began,
            images_per_second=images / max(1e-9, now - self.logged_at),
        )
        self.logged_at = now
        self.in_window = 0
        return event

    def terms(self, row: np.ndarray, *, every: bool = True) -> Terms:
        stochastic = self.objective.stochastic
        return Terms(
            loss=float(row[0]),
            distortion=float(row[1]),
            rate=float(row[2]) if stochastic else None,
            objective=float(row[3]),
            kl_per_dim=tuple(float(v) for v in row[4:]) if stochastic and every else (),
        )

    # ------------------------------------------------ ends of epochs

    def end_epoch(self) -> Iterator[Event]:
        train_terms = self.terms(self.epoch_sum / max(1, self.in_epoch))
        self.epoch_sum[:] = 0
        self.in_epoch = 0
        if self.likelihood.learns_sigma:
            self.learn_sigma()
        row, means = self.validate()
        validation = self.terms(row)
        best = validation.objective < self.best_value and self.finite_weights()
        if best:
            self.best_value, self.best_epoch = validation.objective, self.epoch
            self.best = self.weights()
        yield EpochDone(
            step=self.step,
            epoch=self.epoch,
            train=train_terms,
            validation=validation,
            active_units=int(active_units(means).sum()),
            best=best,
            seconds=time.perf_counter() - self.began,
        )
        # not of numbers that are none: the run is about to fail
        if self.keeps_codes() and not np.isnan(codes := self.codes(means)).any():
            images = np.concatenate((self.held, self.topped_up)).astype(np.int32)
            yield Encoded(self.step, self.epoch, codes, images)
        every = math.ceil(self.plan.epochs / 100)
        if self.epoch % every == 0 or self.step == self.plan.steps_total:
            yield self.snapshot(validation.kl_per_dim)

    @torch.no_grad()
    def learn_sigma(self) -> None:
        """Set log_sigma to its optimum on up to 1,000 training images, decoded from sampled codes."""
        index = torch.from_numpy(self.splits.train[:: max(1, len(self.splits.train) // 1000)][:1000])
        generator = torch.Generator(self.device).manual_seed(self.config.training.seed + 3)
        total = 0.0
        for part in index.split(250):
            x = self.batch(part)
            with self.autocast():
                posterior = self.model.encode(x)
                z = posterior.sample(generator) if self.objective.stochastic else posterior.mean
                logits = self.model.logits(z)
            total += float((logits.sigmoid() - x).square().mean()) * len(part)
        self.model.log_sigma.fill_(0.5 * math.log(max(total / len(index), (0.5 / 255) ** 2)))

    @torch.no_grad()
    def validate(self) -> tuple[np.ndarray, np.ndarray]:
        """Row of means (4 + D,) and posterior means (N, D) on the validation images, noise fixed.

        Of a dial: distortion, rate and means are those at β = 1. Loss and objective are over the βs it learns, as in
        training, each image always at the same β: an even sequence over log β, whichever images lie together.
        """
        generator = torch.Generator(self.device).manual_seed(self.config.training.seed + 2)
        sums, means, count = None, [], 0
        log_sigma = self.model.log_sigma if self.likelihood.learns_sigma else None
        # the batch of training, since estimates of total correlation depend on it
        for part in torch.from_numpy(self.splits.validation).split(self.config.training.batch_size):
            x = self.batch(part)
            _, row, _, mean = self.losses(x, self.final_weights, generator, log_sigma)
            if self.dial is not None:
                # multiples of the golden ratio, modulo 1: any stretch of them is spread evenly
                places = (0.5 + GOLDEN * torch.arange(count, count + len(x), device=self.device)) % 1
                log_beta = self.dial.at(places)
                _, over, _, _ = self.losses(x, self.final_weights, generator, log_sigma, log_beta)
                row[0], row[3] = over[0], over[3]
            sums = row.double() * len(part) if sums is None else sums + row.double() * len(part)
            means.append(mean)
            count += len(part)
        assert sums is not None
        return (sums / count).cpu().numpy(), torch.cat(means).float().cpu().numpy()

    def keeps_codes(self) -> bool:
        every = codes_every(self.epoch, self.config.model.latent_dim)
        return self.epoch % every == 0 or self.step == self.plan.steps_total

    @torch.no_grad()
    def codes(self, validation: np.ndarray) -> np.ndarray:
        """Posterior means of the replayed images, (M, D) float16; of `validation` (N, D) they are there already."""
        parts = [validation[np.searchsorted(self.splits.validation, self.held)]]
        was_training = self.model.training
        self.model.eval()
        for start in range(0, len(self.topped_up), 250):
            x = self.batch(torch.from_numpy(self.topped_up[start : start + 250]))
            with self.autocast():
                parts.append(self.model.encode(x).mean.cpu().numpy())
        self.model.train(was_training)
        most = np.finfo(np.float16).max
        return np.concatenate(parts).clip(-most, most).astype(np.float16)

    @torch.no_grad()
    def snapshot(self, kl: tuple[float, ...]) -> Snapshot:
        """Eight validation images and their reconstructions, sixteen prior samples, four traversals."""
        was_training, dim = self.model.training, self.config.model.latent_dim
        x = self.batch(torch.from_numpy(self.splits.validation[:8]))
        generator = torch.Generator(self.device).manual_seed(self.config.training.seed + 4)
        noise = torch.empty(16, dim, device=self.device).normal_(generator=generator)
        with self.autocast():
            mean = self.model.encode(x).mean
            dims = tuple(int(d) for d in order_by_kl(np.asarray(kl or np.zeros(dim)))[:4])
            values = torch.linspace(-3, 3, 9, device=self.device)
            walks = mean[0].repeat(len(dims), len(values), 1)
            for row, d in enumerate(dims):
                walks[row, :, d] = values
            everything = torch.cat((mean, noise, walks.flatten(0, 1)))
            decoded = to_uint8(self.model.decode(everything))
        self.model.train(was_training)
        n = len(x)
        shape = decoded.shape[1:]
        return Snapshot(
            self.step, self.epoch, to_uint8(x), decoded[:n], decoded[n : n + 16],
            decoded[n + 16 :].reshape(len(dims), len(values), *shape), dims,
        )  # fmt: skip

    # ------------------------------------------------ weights in and out

    def weights(self) -> dict[str, Tensor]:
        return {k: v.detach().cpu().contiguous().clone() for k, v in self.model.state_dict().items()}

    def finite_weights(self) -> bool:
        return all(bool(p.isfinite().all()) for p in self.parameters)

    def save(self) -> Checkpoint | Failed:
        """A checkpoint, or, when the weights are no numbers any more, the end."""
        if not self.finite_weights():
            self.failed = True
            return Failed(
                self.step, self.epoch,
                f"a weight is not a finite number after step {self.step}; the weights of the last checkpoint "
                "are kept. A lower learning rate usually helps",
            )  # fmt: skip
        self.saved = (self.step, self.last_control)
        last = self.weights()
        return Checkpoint(
            self.step, self.epoch, last, self.best or {}, self.state(last), best_epoch=self.best_epoch
        )

    def state(self, last: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """All that `restore` needs, as named tensors."""
        values = {
            "step": self.step,
            "in_window": self.in_window,
            "in_epoch": self.in_epoch,
            "best_value": self.best_value,
            "best_epoch": self.best_epoch,
            "live_weight": math.nan if self.live_weight is None else self.live_weight,
            "rate_factor": self.rate_factor,
            "control": self.last_control,
        }
        state = {
            "scalars": torch.tensor([float(values[name]) for name in SCALARS], dtype=torch.float64),
            "generator": self.generator.get_state().clone(),
            "window": self.window.cpu().clone(),
            "epoch_sum": torch.from_numpy(self.epoch_sum.copy()),
        }
        state |= {f"last/{k}": v for k, v in last.items()}
        state |= {f"best/{k}": v for k, v in (self.best or {}).items()}
        state |= {f"adam/{k}": v for k, v in self.adam.state().items()}
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state`. Raises BadRun when it does not belong to this config."""
        try:
            values = dict(zip(SCALARS, state["scalars"].tolist(), strict=True))
            self.model.load_state_dict(_below(state, "last/"))
            self.adam.load(_below(state, "adam/"))
            self.generator.set_state(state["generator"])
            self.window.copy_(state["window"])
            self.epoch_sum[:] = state["epoch_sum"].numpy()
        except (KeyError, RuntimeError, ValueError) as error:
            raise BadRun(f"the checkpoint does not fit this run's settings: {error}") from None
        self.step, self.in_window = int(values["step"]), int(values["in_window"])
        self.in_epoch = int(values["in_epoch"])
        self.best_value, self.best_epoch = values["best_value"], int(values["best_epoch"])
        self.best = _below(state, "best/") or None
        self.live_weight = None if math.isnan(values["live_weight"]) else values["live_weight"]
        self.rate_factor, self.last_control = values["rate_factor"], int(values["control"])
        if self.step % self.plan.steps_per_epoch:
            self.order = self.shuffled(self.epoch)
        self.saved = (self.step, self.last_control)

    def start_from(self, initial: Mapping[str, Tensor]) -> None:
        try:
            self.model.load_state_dict(dict(initial))
        except RuntimeError:
            raise BadConfig(
                "the weights to start from have other shapes: fine-tuning needs the same model, latent "
                "dimensions, image side and channels, and a β dial on both sides or on neither"
            ) from None


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in state.items() if k.startswith(prefix)}


def to_uint8(x: Tensor) -> np.ndarray:
    """Images in [0, 1], any shape -> uint8, rounded."""
    return (x.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
