"""The registry of metrics: the one place that names them. To add one, write its file and put it in `METRICS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from vae_core.data.imageset import Progress, silent
from vae_core.errors import TooFewPoints
from vae_core.evaluation.metrics.aam import AAM
from vae_core.evaluation.metrics.beta_vae import BETA_VAE
from vae_core.evaluation.metrics.dci import DCI
from vae_core.evaluation.metrics.dci_lib import DCI_LIB
from vae_core.evaluation.metrics.factor_vae import FACTOR_VAE
from vae_core.evaluation.metrics.inputs import Inputs
from vae_core.evaluation.metrics.metric import Metric, Value
from vae_core.evaluation.metrics.mig import MIG
from vae_core.evaluation.metrics.mig_lib import MIG_LIB
from vae_core.evaluation.metrics.modularity import MODULARITY
from vae_core.evaluation.metrics.modularity_lib import MODULARITY_LIB
from vae_core.evaluation.metrics.sap import SAP
from vae_core.evaluation.metrics.sharpness import SHARPNESS
from vae_core.evaluation.metrics.slider_share import SLIDER_SHARE
from vae_core.words import counted

METRICS = {
    metric.name: metric
    for metric in (
        MIG, AAM, DCI, SAP, FACTOR_VAE, BETA_VAE, MODULARITY, MIG_LIB, MODULARITY_LIB, DCI_LIB, SHARPNESS, SLIDER_SHARE,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What one metric gave: the metric's version, its values by name, and why there are none, if so."""

    version: int
    values: dict[str, float]
    why_not: str = ""


def versions() -> tuple[tuple[str, int], ...]:
    """(name, version) of every metric: what a kept result must have been computed with."""
    return tuple((metric.name, metric.version) for metric in METRICS.values())


def all_values() -> dict[str, Value]:
    """Every value of every metric by its name, in the registry's order."""
    return {value.name: value for metric in METRICS.values() for value in metric.values}


def values_by_group() -> dict[str, dict[str, Value]]:
    """Group -> its values by name: a group shares a chart."""
    groups: dict[str, dict[str, Value]] = {}
    for metric in METRICS.values():
        groups.setdefault(metric.group, {}).update({value.name: value for value in metric.values})
    return groups


def metric_of(value: str) -> Metric:
    """The metric that gives the value of that name. Raises KeyError for a name that none gives."""
    return {v.name: metric for metric in METRICS.values() for v in metric.values}[value]


def rankable_values() -> dict[str, Value]:
    """The values of which one run can be best, by name."""
    return {name: value for name, value in all_values().items() if value.higher_is_better is not None}


def compute_metrics(
    inputs: Inputs | Callable[[Metric], Inputs],
    metrics: Iterable[Metric],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Result]:
    """Results by metric name. A metric that cannot be computed of these inputs has no values and says why. `inputs` may
    be a function that gives a metric its own.

    Each metric draws from a generator of its own with that seed: what it gives does not depend on which others are
    computed. What `progress` raises ends it.
    """
    chosen = list(metrics)
    found: dict[str, Result] = {}
    for i, metric in enumerate(chosen):
        progress(i / len(chosen), metric.name)

        def inner(share: float, what: str, i: int = i, name: str = metric.name) -> None:
            progress((i + share) / len(chosen), f"{name}: {what}")

        given = inputs if isinstance(inputs, Inputs) else inputs(metric)
        if why_not := given.why_not(metric.needs):
            found[metric.name] = Result(metric.version, {}, why_not)
            continue
        try:
            values = metric.measure(given.give(metric.needs), np.random.default_rng(seed), inner)
            found[metric.name] = Result(metric.version, values)
        except TooFewPoints as error:
            found[metric.name] = Result(metric.version, {}, str(error))
    progress(1.0, counted(len(found), "metric"))
    return found
