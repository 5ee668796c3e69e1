"""How long runs that wait will take, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from vae_core.places import Places
from vae_core.runs.run import Run


def seconds_left(waiting: Sequence[Run], places: Places, *, may_time: bool = False) -> float | None:
    """Of all runs together, one after the other; None while that is not known.

    may_time: have some steps timed where it is not known and the images lie ready. Raises what resolving settings does.
    """
    from vae_core.data import open_images
    from vae_core.data.registry import is_built
    from vae_core.runs.timing import Timings, key_of, time_costs
    from vae_core.training import plan_of, side_of

    timings, total = Timings(places), 0.0
    for run in waiting:
        config = run.record().config
        name, side = config.data.dataset, side_of(config, places)
        if not is_built(name, side, places):
            return None
        data = open_images(name, side, places)
        plan = plan_of(config, data)
        key = key_of(plan.config, data.fingerprint)
        costs = timings.known(key)
        if may_time and (costs is None or not costs.fresh):
            costs, _ = time_costs(plan.config, data)
            timings.keep(key, costs)
        if costs is None:
            return None
        total += costs.seconds(plan)
    return total
