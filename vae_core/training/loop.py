"""The training loop: data, order, events, control, checkpoints and pictures. What learns is a `Learner`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.errors import BadConfig
from vae_core.events import (
    ALONE,
    Checkpoint,
    ClockCheckpoint,
    Command,
    Controlled,
    EpochDone,
    Event,
    Failed,
    Finished,
    Resumed,
    Started,
    StepDone,
    Terms,
)
from vae_core.latent.statistics import active_units
from vae_core.memory import keep_freed_memory
from vae_core.objectives import Moment
from vae_core.training import checkpoint, snapshot
from vae_core.training.clock import Clock
from vae_core.training.control import Control
from vae_core.training.feed import Feed
from vae_core.training.learners import PART, Prepared, finite, make_learner, row_names
from vae_core.training.plan import Plan
from vae_core.training.team import ALONE as BY_ITSELF
from vae_core.training.team import Shared, Team

MOST_LOGGED_DIMS = 64  # a step's line tells the KL of each dimension up to so many


class Loop:
    """One run while it trains, or one process's share of it, where a `team` trains it. `config` is resolved.

    Sets torch's thread count, and what the C library keeps of freed memory, for the whole process.
    """

    def __init__(
        self,
        config: RunConfig,
        data: ImageSet,
        control: Control,
        clock: Clock | None = None,
        team: Team = BY_ITSELF,
    ) -> None:
        training = config.training
        torch.set_num_threads(team.threads(training.threads))
        if training.device == "cpu":
            keep_freed_memory()
        self.config, self.control, self.clock, self.team = config, team.control(control), clock, team
        self.device = team.device(training.device)
        self.splits = config.data.split(data)
        self.plan = Plan(config, len(self.splits.train))
        self.learner = make_learner(config, data.shape, len(self.splits.train), self.device)
        if isinstance(self.learner, Shared):
            self.learner.team = team
        elif team.size > 1:
            raise BadConfig(f"gpus: {config.objective.entry.title} is trained by one process; choose 1")
        objective = config.objective.entry
        params = config.objective.objective.params
        targets = objective.targets
        self.feed = Feed(
            data,
            self.splits.train,
            training.seed,
            self.device,
            self.learner.layout,
            objective.needs,
            config.data.augment,
            None if targets is None else targets(params, data, self.splits.train, training.seed),
            objective.changed(params),
            config.objective.input_noise,
            team,
        )
        self.generator = torch.Generator(self.device).manual_seed(training.seed + 1)
        self.order = torch.empty(0, dtype=torch.int64)
        self.names = row_names(self.learner.terms)
        self.window = torch.zeros(training.log_every, len(self.names) + self.learner.dims, device=self.device)
        self.epoch_sum = np.zeros(self.window.shape[1])
        self.step = self.in_window = self.in_epoch = 0
        self.shown = 0  # rows of the window that were shown by the clock
        self.best: dict[str, Tensor] | None = None
        self.best_value, self.best_epoch = math.inf, 0
        self.live: float | None = None  # what a person set the live coefficient to
        self.rate_factor = 1.0
        self.last_control = 0
        self.saved = (-1, -1)  # step and request number of the last checkpoint
        self.paused = self.stopping = self.failed = False
        self.pause_at: int | None = None  # a step at which to pause again
        self.began = self.logged_at = self.shown_at = time.perf_counter()

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.plan.steps_per_epoch

    @property
    def done(self) -> bool:
        return self.stopping or self.failed or self.step >= self.plan.steps_total

    @property
    def learning_rate(self) -> float:
        return self.plan.learning_rate(self.step) * self.rate_factor

    # ------------------------------------------------ steps

    def run(self, *, resumed: bool) -> Iterator[Event]:
        """Every event from the first to Finished or Failed."""
        yield from self.begin(resumed=resumed)
        while self.step < self.plan.steps_total and not self.failed:
            yield from self.obey()
            if self.stopping or self.failed:
                break
            self.learn()
            yield from self.after_step()
        yield from self.end()

    def next_index(self) -> Tensor:
        """Numbers of the images of the next step; a new order where an epoch begins."""
        size = self.config.training.batch_size
        position = self.step % self.plan.steps_per_epoch
        if position == 0 or not len(self.order):
            self.order = self.feed.shuffled(self.epoch)
        return self.order[position * size : (position + 1) * size]

    def moments(self, step: int) -> tuple[Moment, Moment]:
        """The coefficients at a step and at the end; one object where they are equal."""
        now, final = self.plan.moment(step, self.live), self.plan.final(self.live)
        return now, now if now.values == final.values else final

    def learn(self) -> None:
        """One step; its row goes into the window."""
        batch = self.feed.batch(self.next_index(), self.generator, self.step)
        now, final = self.moments(self.step)
        self.stepped(self.learner.step(batch, now, final, self.learning_rate))

    def stepped(self, row: Tensor) -> None:
        self.window[self.in_window % len(self.window)] = row
        self.in_window += 1
        self.step += 1

    def begin(self, *, resumed: bool) -> Iterator[Event]:
        training = self.config.training
        if resumed:
            yield Resumed(self.step, self.plan.steps_total, self.plan.epochs, self.last_control)
        else:
            yield Started(
                step=0,
                steps_total=self.plan.steps_total,
                steps_per_epoch=self.plan.steps_per_epoch,
                epochs=self.plan.epochs,
                parameters=sum(p.numel() for p in self.learner.parameters),
                train_images=len(self.splits.train),
                validation_images=len(self.splits.validation),
                batch_size=training.batch_size,
                log_every=training.log_every,
                checkpoint_every=training.checkpoint_every,
            )
            if isinstance(self.learner, Prepared):
                self.learner.prepare(self.feed)
        self.team.same(self.learner.parameters)
        self.began = self.logged_at = self.shown_at = time.perf_counter()
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
        if self.clock is not None and not self.failed:
            yield from self.by_clock(self.clock)

    def by_clock(self, clock: Clock) -> Iterator[Event]:
        """What is due by wall time. It changes nothing of what the record says."""
        if self.in_window > self.shown and clock.live_due():
            rows = self.window[self.shown : self.in_window].double().cpu().numpy()
            if np.isfinite(rows).all():  # else the record will say which term is not
                yield clock.show(self.point(rows, self.shown_at))
            self.shown, self.shown_at = self.in_window, time.perf_counter()
        # the last step's checkpoint is part of the record
        if clock.save_due() and self.step < self.plan.steps_total and finite(self.learner):
            clock.saved()
            yield self.checkpoint(ClockCheckpoint)

    def end(self) -> Iterator[Event]:
        if self.in_window and not self.failed:
            yield self.log()
        # also where only a request is new: one taken up before a checkpoint must not be taken up again after it
        if self.saved != (self.step, self.last_control) and not self.failed:
            yield self.save()
        if not self.failed:
            reason = "stopped" if self.stopping else "completed"
            yield Finished(self.step, self.epoch, reason, self.best_epoch, time.perf_counter() - self.began)

    # ------------------------------------------------ requests

    def obey(self) -> Iterator[Event]:
        """Take up requests; while paused, wait for them."""
        if self.pause_at is not None and self.step >= self.pause_at:
            self.paused, self.pause_at, self.learner.only = True, None, None
            if self.in_window:
                yield self.log()
            if self.failed:
                return
            yield Controlled(self.step, self.last_control, "pause")
            yield self.save()
        commands = self.control.poll()
        while commands or (self.paused and not self.stopping and not self.failed):
            for command in commands:
                if command.name.startswith("step") and self.in_window:
                    yield self.log()  # so that what is said of the step is that step's alone
                    if self.failed:
                        return
                self.last_control = command.number
                taken = self.take(command)
                name = command.name if taken else f"{command.name} ignored"
                yield Controlled(self.step, command.number, name, command.value)
            if commands and self.paused:
                yield self.save()
            if self.paused and not self.stopping:
                begin = time.perf_counter()
                self.control.wait()
                waited = time.perf_counter() - begin  # which is not training time
                self.began += waited
                self.logged_at += waited
                self.shown_at += waited
            commands = self.control.poll()

    def take(self, command: Command) -> bool:
        """Do as asked. False for a β, or a part, that the objective does not have."""
        if command.name in ("pause", "resume", "step", "epoch"):
            self.learner.only = None
        spe = self.plan.steps_per_epoch
        if command.name == "pause":
            self.paused, self.pause_at = True, None
        elif command.name == "resume":
            self.paused, self.pause_at = False, None
        elif command.name == "step":
            self.paused, self.pause_at = False, self.step + 1
        elif command.name.startswith(ALONE):
            part = command.name.removeprefix(ALONE)
            if part not in self.config.objective.entry.parts:
                return False
            self.learner.only = part
            self.paused, self.pause_at = False, self.step + 1
        elif command.name == "epoch":
            self.paused, self.pause_at = False, (self.step // spe + 1) * spe
        elif command.name == "stop":
            self.stopping = True
        elif command.name == "beta" and command.value is not None:
            if self.config.objective.entry.live is None:
                return False
            self.live = command.value
            # the best so far was best at another weight
            self.best, self.best_value, self.best_epoch = None, math.inf, 0
        elif command.name == "learning_rate" and command.value is not None:
            self.rate_factor = command.value
        return True

    # ------------------------------------------------ numbers

    def log(self) -> StepDone | Failed:
        """Means over the window; a row that is not finite ends the run."""
        rows = self.window[: self.in_window].double().cpu().numpy()
        bad = ~np.isfinite(rows).all(1)
        if bad.any():
            self.failed = True
            first = int(np.argmax(bad))
            step = self.step - len(rows) + first + 1
            return Failed(
                step, self.epoch,
                f"the {self.first_bad(rows[first])} is not a finite number at step {step}; the weights of the last "
                f"checkpoint are kept. {self.config.objective.entry.overflow_remedy}",
            )  # fmt: skip
        self.epoch_sum += rows.sum(0)
        self.in_epoch += len(rows)
        event = self.point(rows, self.logged_at)
        self.logged_at = self.shown_at = time.perf_counter()
        self.in_window = self.shown = 0
        if self.clock is not None:
            self.clock.recorded()
        return event

    def point(self, rows: np.ndarray, since: float) -> StepDone:
        """A point of the curves: means over the rows of the last steps, which began at the time `since`."""
        now = time.perf_counter()
        return StepDone(
            step=self.step,
            epoch=(self.step - 1) // self.plan.steps_per_epoch + 1,
            terms=self.terms(rows.mean(0), every=self.learner.dims <= MOST_LOGGED_DIMS),
            learning_rate=self.plan.learning_rate(self.step - 1) * self.rate_factor,
            coefficients=self.moments(self.step - 1)[0].values,
            seconds=now - self.began,
            images_per_second=len(rows) * self.config.training.batch_size / max(1e-9, now - since),
        )

    def first_bad(self, row: np.ndarray) -> str:
        """The title of the first term that is not finite; the loss where every term is."""
        named = dict(zip(self.names, row, strict=False))
        for term in self.learner.terms:
            if not np.isfinite(named[term.name]):
                return term.title.split(" (")[0]
        return "loss"

    def terms(self, row: np.ndarray, *, every: bool = True) -> Terms:
        n = len(self.names)
        named = {name: float(v) for name, v in zip(self.names, row[:n], strict=True)}
        terms = self.learner.terms
        return Terms(
            loss=named["loss"],
            objective=named["objective"],
            values={t.name: named[t.name] for t in terms},
            parts={t.name: named[f"{PART}{t.name}" if t.weight else t.name] for t in terms if t.minimised},
            kl_per_dim=tuple(float(v) for v in row[n:]) if every else (),
        )

    # ------------------------------------------------ ends of epochs

    def end_epoch(self) -> Iterator[Event]:
        train_terms = self.terms(self.epoch_sum / max(1, self.in_epoch))
        self.epoch_sum[:] = 0
        self.in_epoch = 0
        self.learner.end_epoch(self.feed)
        row, means = self.validate()
        validation = self.terms(row)
        better = self.config.objective.entry.ranks_epochs and validation.objective < self.best_value
        best = better and finite(self.learner)
        if best:
            self.best_value, self.best_epoch = validation.objective, self.epoch
            self.best = self.learner.weights()
        yield EpochDone(
            step=self.step,
            epoch=self.epoch,
            train=train_terms,
            validation=validation,
            active_units=None if means is None else int(active_units(means).sum()),
            best=best,
            seconds=time.perf_counter() - self.began,
        )
        if self.team.leads:
            yield from self.looks(means, validation)

    def looks(self, means: np.ndarray | None, validation: Terms) -> Iterator[Event]:
        """Codes and pictures of an epoch, where they are due."""
        latent_dim = self.config.model.latent_dim
        if means is not None and snapshot.codes_due(self.epoch, self.plan.epochs, latent_dim):
            codes = snapshot.encoded(self.learner, self.feed, self.splits, means, self.step, self.epoch)
            if codes is not None:
                yield codes
        if snapshot.snapshot_due(self.epoch, self.plan.epochs):
            yield snapshot.snapshot(
                self.learner, self.feed, self.splits, latent_dim=latent_dim, seed=self.config.training.seed + 4,
                kl=validation.kl_per_dim, step=self.step, epoch=self.epoch,
            )  # fmt: skip

    def validate(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The row of the validation images, noise fixed, and their codes (N, D) where there is an encoder."""
        generator = torch.Generator(self.device).manual_seed(self.config.training.seed + 2)
        now, final = self.moments(self.step - 1)
        total: Tensor | None = None
        means, count = [], 0
        # the batch of training, since estimates of total correlation depend on it
        for part in torch.split(torch.from_numpy(self.splits.validation), self.config.training.batch_size):
            row, codes = self.learner.evaluate(self.feed.batch(part, generator), now, final, count)
            weighted = row.double() * len(part)
            total = weighted if total is None else total + weighted
            if codes is not None:
                means.append(codes)
            count += len(part)
        assert total is not None  # a split has at least one validation image
        return (total / count).cpu().numpy(), torch.cat(means).float().cpu().numpy() if means else None

    # ------------------------------------------------ weights in and out

    def save(self) -> Checkpoint | Failed:
        """A checkpoint, or, when the weights are no numbers any more, the end."""
        if not finite(self.learner):
            self.failed = True
            return Failed(
                self.step, self.epoch,
                f"a weight is not a finite number after step {self.step}; the weights of the last checkpoint "
                "are kept. A lower learning rate usually helps",
            )  # fmt: skip
        self.saved = (self.step, self.last_control)
        if self.clock is not None:
            self.clock.saved()
        return self.checkpoint(Checkpoint)

    def checkpoint(self, kind: type[Checkpoint]) -> Checkpoint:
        last = self.learner.weights()
        resume = checkpoint.pack(self, last, by_clock=kind is ClockCheckpoint)
        return kind(self.step, self.epoch, last, self.best or {}, resume, self.best_epoch)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint's `resume`. Raises BadRun when it does not belong to this config."""
        checkpoint.unpack(self, state)
        if self.step % self.plan.steps_per_epoch:
            self.order = self.feed.shuffled(self.epoch)
        self.shown = self.in_window
        if checkpoint.CLOCK not in state:  # else the record knows of no checkpoint here
            self.saved = (self.step, self.last_control)

    def start_from(self, initial: Mapping[str, Tensor]) -> None:
        """Begin with given weights. Raises BadConfig when they do not fit."""
        try:
            self.learner.load_weights(initial)
        except RuntimeError:
            raise BadConfig(
                "the weights to start from have other shapes: fine-tuning needs the same model, latent "
                "dimensions, image side and channels, and a β dial on both sides or on neither"
            ) from None
