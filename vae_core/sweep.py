"""Many runs from one config: a group that differs in a single setting."""

from __future__ import annotations

import dataclasses

from vae_core.config import RunConfig
from vae_core.errors import BadConfig, BadName
from vae_core.objectives import BetaParams
from vae_core.options import Choice
from vae_core.runs.store import Run, Store


def with_beta(config: RunConfig, beta: float) -> RunConfig:
    """The config as a beta-VAE (or, where it already is one, a beta-TCVAE) of that beta."""
    name = config.objective.objective.name
    name = name if name == "beta_tcvae" else "beta_vae"
    objective = dataclasses.replace(config.objective, objective=Choice(name, BetaParams(beta)))
    return dataclasses.replace(config, objective=objective)


def create_beta_sweep(store: Store, config: RunConfig, betas: list[float], name: str) -> list[Run]:
    """One queued run per beta, ascending, with one seed, one data order and one group.

    Raises BadConfig without two different betas, BadName when `name` is taken.
    """
    values = sorted(set(betas))
    if len(values) < 2:
        raise BadConfig("a sweep needs at least two different values of β")
    if name in groups(store):
        raise BadName(f"there already is a sweep {name!r}; choose another name")
    configs = [with_beta(config, beta) for beta in values]  # all are checked before any is written
    names = [store.check_name(f"{name}-beta{beta:g}") for beta in values]
    if len(set(names)) < len(names):
        raise BadConfig("two values of β are too close to be told apart by name")
    return [store.create(c, n, group=name) for c, n in zip(configs, names, strict=True)]


def beta_of(run: Run) -> float:
    """The final weight of a run's rate term."""
    from vae_core.objectives import OBJECTIVES

    choice = run.record().effective.objective.objective
    return OBJECTIVES[choice.name].weight_of(choice.params)


def groups(store: Store) -> dict[str, list[Run]]:
    """All sweeps: group name -> its runs by ascending beta."""
    found: dict[str, list[Run]] = {}
    for run in store.readable():
        group = run.record().group
        if group:
            found.setdefault(group, []).append(run)
    return {name: sorted(runs, key=beta_of) for name, runs in found.items()}
