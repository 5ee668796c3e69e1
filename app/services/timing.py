"""How fast this machine trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.services import datasets, runs
from app.services.cache import LruCache

if TYPE_CHECKING:
    from vae_core.config import RunConfig

_step_seconds: LruCache[float] = LruCache(64, lasting=True)


def step_seconds(config: RunConfig, fingerprint: str) -> float:
    """Seconds per training step here, timed on three real ones; once per network and dataset.

    `fingerprint` is that of the dataset, which lies ready on this machine.
    """

    def measure() -> float:
        from vae_core.data import find_spec
        from vae_core.models.build import choose_side
        from vae_core.training import time_step

        side = choose_side(config, find_spec(config.data.dataset, runs.places()).sides)
        return time_step(config, datasets.images(config.data.dataset, side))

    return _step_seconds.get_or_make((config, fingerprint), measure)
