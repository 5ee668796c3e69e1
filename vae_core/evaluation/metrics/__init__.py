"""Metrics of a model: numbers that say how good it is, each a file, all of them in the registry."""

from vae_core.evaluation.metrics.inputs import Inputs
from vae_core.evaluation.metrics.metric import NEEDS, Metric, Value
from vae_core.evaluation.metrics.registry import (
    METRICS,
    Result,
    all_values,
    compute_metrics,
    metric_of,
    rankable_values,
    values_by_group,
    versions,
)

__all__ = [
    "METRICS", "NEEDS", "Inputs", "Metric", "Result", "Value", "all_values", "compute_metrics", "metric_of", "rankable_values",
    "values_by_group", "versions",
]  # fmt: skip
