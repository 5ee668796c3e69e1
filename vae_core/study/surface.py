"""A number over two searched fields, between the trials that were measured: a surface to draw contours of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_core.study.fields import Field
from vae_core.study.trials import Trial, key_of

STEPS = 41  # points along each field
FEWEST = 4  # settings that span a surface


def surface(
    trials: Sequence[Trial], x: Field, y: Field, number: str, steps: int = STEPS
) -> tuple[list[Any], list[Any], np.ndarray] | None:  # fmt: skip
    """Values of `x` (n,), of `y` (m,) and the number over them (m, n), NaN where no trials lie around.

    It is linear between trials (Delaunay's triangles, in shares of the ranges, so in the logarithm where that is searched);
    of trials that differ in other fields or seeds alone it takes the mean. None where fewer than four different places are
    known, or all lie on one line: they span nothing.
    """
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import QhullError

    places: dict[tuple[float, float], list[float]] = {}
    for trial in trials:
        value = trial.numbers.get(number)
        if trial.complete and value is not None and x.name in trial.values and y.name in trial.values:
            at = x.share(trial.values[x.name]), y.share(trial.values[y.name])
            places.setdefault(at, []).append(float(value))
    if len(places) < FEWEST:
        return None
    points, values = np.array(list(places)), np.array([np.mean(found) for found in places.values()])
    try:
        between = LinearNDInterpolator(points, values)
    except QhullError:
        return None
    shares = np.linspace(0, 1, steps)
    across, up = _distinct(x, shares), _distinct(y, shares)
    grid = np.stack(np.meshgrid([share for share, _ in across], [share for share, _ in up]), -1)
    found: np.ndarray = between(grid)
    return [value for _, value in across], [value for _, value in up], found


def _distinct(field: Field, shares: np.ndarray) -> list[tuple[float, Any]]:
    """Values along a field with their shares; whole numbers and listed values once."""
    values = {key_of({field.name: value}): value for value in map(field.at, shares.tolist())}
    return [(field.share(value), value) for value in values.values()]
