"""Likelihoods, objectives and β schedules: pure functions and their registries. Everything in nats per image."""

from vae_core.objectives.likelihoods import LIKELIHOODS, Likelihood
from vae_core.objectives.losses import OBJECTIVES, Objective
from vae_core.objectives.schedules import BETA_SCHEDULES, Schedule
from vae_core.objectives.terms import Batch, Coefficient, ForwardPass, Moment, Term

__all__ = [
    "BETA_SCHEDULES",
    "LIKELIHOODS",
    "OBJECTIVES",
    "Batch",
    "Coefficient",
    "ForwardPass",
    "Likelihood",
    "Moment",
    "Objective",
    "Schedule",
    "Term",
]
