"""What a config leaves to the images, chosen once when a run starts: likelihood, D, batches, epochs, augmentation.

The numbers were measured by tests/bench/first_run.py. `settle` is for whoever starts a run, so that the run, a resume
and an archive hold what was chosen and nothing is chosen twice.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from vae_core.config import AUTO, ENOUGH_STEPS, RunConfig
from vae_core.data.imageset import ImageSet
from vae_core.data.looks import Look, look_at
from vae_core.errors import BadConfig
from vae_core.objectives.likelihoods import LIKELIHOODS, GaussianParams
from vae_core.options import Choice
from vae_core.training.plan import Plan
from vae_core.words import counted

# Of a small set; beyond, it is learned by heart: unseen images gain nothing and nats are lost
MOST_PASSES = 200
NEARLY_BINARY = 0.5  # of Look.binary: MNIST has 0.84, digits 0.56, photographs 0.2 to 0.45
SMALLEST_SIGMA, LARGEST_SIGMA = 0.03, 0.3
DIMS = (10, 12, 16)  # what D is chosen from; more than is needed stay inactive and do no harm
# Fewer are learned by heart within 2,000 steps. Shifts help against that: on 51 drawings the error of unseen ones fell from
# 0.025 to 0.014, where the nearest other image has 0.032
FEW_IMAGES = 500

StepSeconds = Callable[[RunConfig], float]  # seconds that a step of such a run takes here


def settled(config: RunConfig) -> bool:
    """Whether nothing is left to the images."""
    training = config.training
    named = AUTO not in (config.objective.likelihood.name, config.data.augment, training.rate_schedule)
    chosen = min(config.model.latent_dim, training.epochs, training.batch_size, training.learning_rate) > 0
    return named and chosen


def settle(
    config: RunConfig,
    data: ImageSet,
    clock: StepSeconds | None = None,
    *,
    fixed_sigma: bool = False,
    look: Look | None = None,
) -> RunConfig:
    """Replace each 0 and auto that follows the images by what suits them; what was asked for stays as it is.

    Args:
        clock: tells how long a step takes, for `most_minutes`; without one automatic epochs know no such bound.
        fixed_sigma: the likelihood must not learn its σ, as where runs at several β are compared.
        look: of the images, where it is known already.

    Raises BadImages when too few images are left to train on, BadConfig where they lack what the objective learns from.
    """
    config = _named(config, data)
    if settled(config):
        return config
    images = len(config.data.split(data).train)
    if config.data.augment == AUTO:
        augment = "shifts" if images < FEW_IMAGES else "none"
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, augment=augment))
    if config.objective.likelihood.name == AUTO or config.model.latent_dim == 0:
        config = _of_the_look(config, look or look_at(data.images), fixed_sigma)
    training, entry = config.training, config.objective.entry
    batch = training.batch_size or entry.batch_size or choose_batch_size(images, training.epochs == 0)
    config = _with_training(
        config,
        batch_size=min(batch, images),
        learning_rate=training.learning_rate or entry.learning_rate,
        rate_schedule=entry.rate_schedule if training.rate_schedule == AUTO else training.rate_schedule,
    )
    if training.epochs == 0:
        config = _with_training(config, epochs=_choose_epochs(config, images, clock))
    return config


def _named(config: RunConfig, data: ImageSet) -> RunConfig:
    """With what the objective takes from the images named. Raises BadConfig where they, or D, do not allow it."""
    objective = config.objective
    if objective.entry.named is None:
        return config
    params = objective.entry.named(objective.objective.params, data)
    objective = dataclasses.replace(objective, objective=Choice(objective.entry.name, params))
    names, dims = objective.dimension_names, config.model.latent_dim
    if 0 < dims < len(names):
        raise BadConfig(
            f"latent_dim: {objective.entry.name} ties {len(names)} attributes to a dimension each, and D is {dims}; "
            f"choose D {len(names)} or more, or name fewer attributes"
        )
    return dataclasses.replace(config, objective=objective)


def _of_the_look(config: RunConfig, look: Look, fixed_sigma: bool) -> RunConfig:
    objective = config.objective
    dims = (
        config.model.latent_dim
        or objective.entry.latent_dim
        or max(choose_dims(look), len(objective.dimension_names))
    )
    if objective.likelihood.name == AUTO:
        fixed = fixed_sigma or objective.dial is not None
        objective = dataclasses.replace(objective, likelihood=choose_likelihood(look, dims, fixed=fixed))
    return dataclasses.replace(
        config, model=dataclasses.replace(config.model, latent_dim=dims), objective=objective
    )


def _with_training(config: RunConfig, **changes: Any) -> RunConfig:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))


def choose_likelihood(look: Look, dims: int, *, fixed: bool = False) -> Choice:
    """Bernoulli for grey images that are nearly black and white, else a Gaussian.

    Its σ is learned or, where it must be `fixed`, the error of the best linear code of `dims` numbers.
    """
    if look.channels == 1 and look.binary >= NEARLY_BINARY:
        return Choice("bernoulli", LIKELIHOODS["bernoulli"].params())
    if not fixed:
        return Choice("gaussian_optimal", LIKELIHOODS["gaussian_optimal"].params())
    sigma = min(LARGEST_SIGMA, max(SMALLEST_SIGMA, look.residual(dims)))
    return Choice("gaussian", GaussianParams(float(f"{sigma:.1g}")))


def choose_dims(look: Look) -> int:
    """The largest of DIMS that is no more than the principal components that explain 80 % of what images differ by."""
    return max((d for d in DIMS if d <= look.components(0.8)), default=DIMS[0])


def choose_batch_size(images: int, few_steps: bool = False) -> int:
    """A power of two that leaves about 200 steps an epoch, between 32 and 128; down to 16 for automatic epochs.

    `few_steps`: an epoch of a small set had too few of them.
    """
    least = 16 if few_steps else 32
    return int(min(128, max(least, 2 ** round(math.log2(max(1, images) / 200)))))


def _choose_epochs(config: RunConfig, images: int, clock: StepSeconds | None) -> int:
    """As many as reach the objective's `steps`, from its `least_passes` to MOST_PASSES; within the minutes, but never fewer than ENOUGH_STEPS."""
    one = _with_training(config, epochs=1)
    per_epoch = Plan(one, images).steps_per_epoch
    entry = config.objective.entry
    steps = max(min(entry.steps, MOST_PASSES * per_epoch), entry.least_passes * per_epoch, ENOUGH_STEPS)
    if clock is not None:
        affordable = 60 * config.training.most_minutes / max(1e-9, clock(one))
        steps = max(ENOUGH_STEPS, min(steps, int(affordable)))
    return math.ceil(steps / per_epoch)


# ---------------------------------------------------------------- in words


def too_short(steps: int) -> str:
    """A sentence for a run of so few steps that it will not learn, else nothing."""
    if steps >= ENOUGH_STEPS:
        return ""
    return (
        f"{counted(steps, 'step')} in all are too few to learn: a model needs {ENOUGH_STEPS} or more. "
        "Epochs at 0 take enough."
    )


AUGMENTED = {
    "flips": "mirrored",
    "shifts": "shifted a little",
    "flips+shifts": "mirrored and shifted a little",
}


def chosen_words(asked: RunConfig, config: RunConfig, images: int | None = None) -> str:
    """What was chosen for the images, in one line: e.g. "D 10 · batches of 16 · 200 epochs, 800 steps".

    `images` train; where their number is not known, the steps are not told.
    """
    parts = []
    if asked.objective.likelihood.name == AUTO and config.objective.entry.has_likelihood:
        sigma = getattr(config.objective.likelihood.params, "sigma", None)
        fixed = "" if sigma is None else f", σ {sigma:g}"
        parts.append(f"{config.objective.likelihood_entry.title.split(' (')[0].split(',')[0]} likelihood")
        parts[-1] += ", σ learned" if config.objective.likelihood_entry.learns_sigma else fixed
    if asked.model.latent_dim == 0:
        parts.append(f"D {config.model.latent_dim}")
    if asked.training.batch_size == 0:
        parts.append(f"batches of {config.training.batch_size}")
    if asked.data.augment == AUTO and config.data.augment != "none":
        parts.append(f"images {AUGMENTED[config.data.augment]}")
    if asked.training.epochs == 0:
        steps = "" if images is None else f", {Plan(config, images).steps_total:,} steps"
        parts.append(f"{counted(config.training.epochs, 'epoch')}{steps}")
    return " · ".join(parts)
