"""The plan of a run: how many steps, and what learning rate and coefficients they take. Pure functions of the config."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vae_core.config import OLD_SHARE, RunConfig
from vae_core.objectives import Moment

WARMUP_SHARE = 0.1  # of a one-cycle schedule; then a cosine down to zero
START_SHARE = 1 / 25  # of the peak, where one-cycle starts


@dataclass(frozen=True)
class Plan:
    """A resolved config and the number of training images decide every step."""

    config: RunConfig
    train_images: int

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.train_images // self.config.training.batch_size)

    @property
    def epochs(self) -> int:
        """Of all cycles: the first and those that Continue added."""
        return self.config.training.epochs + sum(self.config.training.continued)

    @property
    def steps_total(self) -> int:
        return self.epochs * self.steps_per_epoch

    def learning_rate(self, step: int) -> float:
        """One-cycle: cosine up over the first tenth, cosine down to zero (Smith & Topin 2018). Late fall: linear to zero over
        the second half of each cycle.
        """
        training = self.config.training
        if training.rate_schedule == "constant":
            return training.learning_rate
        start, length, peak = 0, training.epochs * self.steps_per_epoch, training.learning_rate
        shares = dict(enumerate(training.continued_rates))
        for i, epochs in enumerate(training.continued):
            if step < start + length:
                break
            start, length = start + length, epochs * self.steps_per_epoch
            peak = training.learning_rate * shares.get(i, OLD_SHARE)
        progress = min(1.0, (step - start + 0.5) / length)  # mid-step, so that none has a rate of 0
        if training.rate_schedule == "late_fall":
            return peak * min(1.0, 2 * (1 - progress))
        if progress < WARMUP_SHARE:
            low, rise = peak * START_SHARE, 0.5 - 0.5 * math.cos(math.pi * progress / WARMUP_SHARE)
            return low + (peak - low) * rise
        return peak * (0.5 + 0.5 * math.cos(math.pi * (progress - WARMUP_SHARE) / (1 - WARMUP_SHARE)))

    def progress(self, step: int) -> float:
        """Share of the first cycle done; every schedule of a coefficient ends with it."""
        return min(1.0, step / (self.config.training.epochs * self.steps_per_epoch))

    def moment(self, step: int, live: float | None = None) -> Moment:
        """The objective's coefficients at a step. `live` is what a person set one of them to."""
        objective, progress = self.config.objective, self.progress(step)
        factor = objective.schedule_entry.factor(progress, objective.schedule.params)
        return objective.entry.moment(objective.objective.params, step, progress, factor, live)

    def final(self, live: float | None = None) -> Moment:
        """The coefficients with every schedule at its end."""
        objective = self.config.objective
        return objective.entry.final(objective.objective.params, live)
