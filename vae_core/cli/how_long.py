"""How long runs that wait will take, for a person at a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from vae_core.places import Places
from vae_core.runs.run import Run

FRESH = 180.0  # seconds; what was found out longer ago is timed anew


def seconds_left(waiting: Sequence[Run], places: Places, *, may_time: bool = False) -> float | None:
    """Of all runs together, one after the other; None while that is not known.

    may_time: have some steps timed where it is not known and the images lie ready. Raises what resolving settings does.
    """
    from vae_core.data import find_spec, open_images
    from vae_core.data.registry import is_built
    from vae_core.models.build import choose_side
    from vae_core.runs.timing import Timings, key_of, time_costs
    from vae_core.training import Plan, resolve

    timings, total = Timings(places), 0.0
    for run in waiting:
        config = run.record().config
        spec = find_spec(config.data.dataset, places)
        side = choose_side(config, spec.sides)
        if not is_built(spec.name, side, places):
            return None
        data = open_images(spec.name, side, places)
        resolved = resolve(config, data)
        key = key_of(resolved, data.fingerprint)
        costs = timings.known(key)
        if may_time and (costs is None or time.time() - costs.at > FRESH):
            costs, _ = time_costs(resolved, data)
            timings.keep(key, costs)
        if costs is None:
            return None
        total += costs.seconds(Plan(resolved, len(resolved.data.split(data).train)))
    return total
