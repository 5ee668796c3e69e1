"""What scores of disentanglement could be at best, where pictures do not tell all of their factors."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.data.registry import DATASETS
from vae_core.evaluation.metrics import Inputs, Metric, compute_metrics


def hidden_of(data: ImageSet) -> str:
    """A clause on what of its factors a dataset's pictures do not tell, or an empty one."""
    spec = DATASETS.get(data.name)
    return "" if spec is None or data.own or data.factors is None else spec.hidden


def has_ceiling(metric: Metric, data: ImageSet) -> bool:
    """Whether a metric compares codes with factors that a picture does not tell in full. Those that take minutes are
    not computed once more for it.
    """
    asks = "factors" in metric.needs and metric.needs <= {"mean", "log_var", "factors"}
    return asks and not metric.on_request and bool(hidden_of(data))


def ceilings(
    data: ImageSet,
    index: np.ndarray,
    metrics: Iterable[Metric],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, float]:
    """Values by name that a code of exactly what the pictures tell gets, one dimension a factor; of images at index (N,).

    It is measured as any code is, on the same images, not derived: another code of the same may do a little better
    by chance. Metrics without a ceiling are left out.
    """
    chosen = [metric for metric in metrics if has_ceiling(metric, data)]
    spec = DATASETS.get(data.name)
    if not chosen or spec is None or spec.what_shows is None or data.factors is None:
        return {}
    factors = np.asarray(data.factors[index]).astype(np.int64)
    shown = spec.what_shows(factors).astype(np.float64)
    spread = shown.std(0)
    codes = (shown - shown.mean(0)) / np.where(spread > 0, spread, 1.0)
    inputs = Inputs.of_arrays(mean=codes, log_var=np.zeros_like(codes), factors=factors)
    found = compute_metrics(inputs, chosen, seed=seed, progress=progress)
    return {name: value for result in found.values() for name, value in result.values.items()}
