"""Likelihoods, objectives and β schedules: pure functions and their registries. Everything in nats per image."""

from vae_core.objectives.likelihoods import LIKELIHOODS, Likelihood
from vae_core.objectives.losses import OBJECTIVES, Objective
from vae_core.objectives.noises import NOISES, Noise
from vae_core.objectives.schedules import BETA_SCHEDULES, Schedule
from vae_core.objectives.terms import Batch, Coefficient, ForwardPass, Moment, Term

__all__ = [
    "BETA_SCHEDULES",
    "LIKELIHOODS",
    "NOISES",
    "OBJECTIVES",
    "Batch",
    "Coefficient",
    "ForwardPass",
    "Likelihood",
    "Moment",
    "Noise",
    "Objective",
    "Schedule",
    "Term",
]
