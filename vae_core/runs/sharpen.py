"""Sharpen a finished VAE: the settings of the run in which its decoder goes on learning against a discriminator."""

from __future__ import annotations

import dataclasses

from vae_core.config import ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.errors import BadConfig
from vae_core.objectives import OBJECTIVES
from vae_core.options import Choice
from vae_core.runs.run import Run

SHARPENING = "vae_gan"  # the objective


def why_not(run: Run) -> str:
    """Why a run cannot be sharpened, in a sentence with the remedy, or an empty string."""
    if not run.has_weights():
        return f"{run.name} has learned nothing yet; wait for its first checkpoint"
    objective = run.record().effective.objective
    if objective.entry.goes_on:
        return f"{run.name} was sharpened already; Continue trains it for longer"
    if not objective.entry.has_encoder:
        return f"{run.name} has no encoder, so it rebuilds no image that could be sharpened; sharpen a VAE"
    if not objective.entry.has_posterior:
        return f"{run.name} is a plain autoencoder: its codes follow no prior that images could be drawn from; sharpen a VAE"
    if objective.dial is not None:
        return f"{run.name} has a decoder for every β of its dial, and one alone is sharpened; sharpen a VAE of one β"
    return ""


def check_start(config: RunConfig, start_from: Run | None) -> None:
    """Raises BadConfig where a run of these settings cannot go on from this run, or from none."""
    entry = config.objective.entry
    entry.check_start(start_from is not None)
    if entry.goes_on and start_from is not None and (why := why_not(start_from)):
        raise BadConfig(why)


def sharpened(run: Run) -> RunConfig:
    """Settings that sharpen a run: its images, networks and likelihood; the rest is left to be chosen when it starts.

    Raises BadConfig for a run that cannot be sharpened.
    """
    if why := why_not(run):
        raise BadConfig(why)
    record = run.record()
    before, asked = record.effective, record.config.training
    objective = ObjectiveConfig(
        objective=Choice(SHARPENING, OBJECTIVES[SHARPENING].params()), likelihood=before.objective.likelihood
    )
    training = TrainingConfig(
        seed=asked.seed, device=asked.device, precision=asked.precision, threads=asked.threads
    )
    return dataclasses.replace(before, objective=objective, training=training)


def sharp_name(run: Run) -> str:
    """E.g. digits-vae-sharp; the store makes it free."""
    return f"{run.name[:70]}-sharp"
