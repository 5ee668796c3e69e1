"""What a metric is: a function of what it asks for, and what a reader is told of its values."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.data.imageset import Progress, silent

LIBRARY = "disentanglement_lib"  # whose estimates of these scores most papers quote
SCORED = 5_000  # images behind a metric, unless it says otherwise
# What a metric may ask for, by the name of its function's argument. See `inputs.Inputs` for shapes.
NEEDS = frozenset({"mean", "log_var", "factors", "labels", "images", "model", "classifier", "regressor"})


@dataclass(frozen=True)
class Value:
    """One number that a metric gives.

    name: its key in files, JSON and on the command line. definition: a sentence that says what is computed, with its
    source. unit: the axis label. low, high: bounds, None where there is none. higher_is_better: None where neither end
    is the best. estimator: a clause on how it is estimated and which published figures it may stand beside.
    """

    name: str
    title: str
    definition: str
    unit: str = "score, 0 to 1"
    low: float | None = 0.0
    high: float | None = 1.0
    higher_is_better: bool | None = True
    estimator: str = ""

    @property
    def hint(self) -> str:
        """Its unit, direction and estimator in one line."""
        way = {True: "higher is better", False: "lower is better", None: "neither end is best"}
        return " · ".join(part for part in (self.unit, way[self.higher_is_better], self.estimator) if part)

    @property
    def is_share(self) -> bool:
        """Whether it lies between 0 and 1."""
        return (self.low, self.high) == (0.0, 1.0)


@dataclass(frozen=True)
class Metric:
    """An entry of the registry.

    compute: a function whose arguments are named as its `needs`, `rng`, and `progress` (share of the work, words) if it
    takes long; what that raises ends it. It gives a number, None where there is
    none to give, or a mapping of them by the names of its `values`. TooFewPoints says that the images do not allow it.
    version: a higher one makes every run be measured anew, so raise it whenever the same run would get another number.
    group: metrics of one group share a chart. most: images it is computed of. on_request: it takes minutes, so it is
    computed when a person asks for it, not by itself.
    """

    name: str
    version: int
    compute: Callable[..., float | Mapping[str, float | None] | None]
    needs: Set[str]
    values: tuple[Value, ...]
    group: str = "scores"
    most: int = SCORED
    on_request: bool = False

    def __post_init__(self) -> None:
        if unknown := set(self.needs) - NEEDS:
            raise ValueError(
                f"the metric {self.name} needs {', '.join(sorted(unknown))}, which nothing gives; a metric may ask for "
                f"{', '.join(sorted(NEEDS))}"
            )
        arguments = set(inspect.signature(self.compute).parameters)
        if arguments - {"progress"} != {*self.needs, "rng"}:
            raise ValueError(
                f"the metric {self.name} needs {', '.join(sorted(self.needs))}, but its function takes "
                f"{', '.join(sorted(arguments))}: its arguments are its needs and rng"
            )

    def measure(
        self, asked: Mapping[str, Any], rng: np.random.Generator, progress: Progress = silent
    ) -> dict[str, float]:
        """Its values by name for what it asks for; those that are not finite are left out."""
        more = {"progress": progress} if "progress" in inspect.signature(self.compute).parameters else {}
        found = self.compute(**asked, rng=rng, **more)
        if not isinstance(found, Mapping):
            found = {self.values[0].name: found}
        known = {value.name for value in self.values}
        if not set(found) <= known:
            raise ValueError(
                f"the metric {self.name} gave {', '.join(found)}, but declares {', '.join(sorted(known))}"
            )
        return {name: float(v) for name, v in found.items() if v is not None and math.isfinite(v)}
