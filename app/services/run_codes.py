"""Codes of a run's images as they are kept on disk, read once for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.services.cache import LruCache

if TYPE_CHECKING:
    import numpy as np

    from vae_core.inference import StoredCodes
    from vae_core.runs.array_files import EpochCodes
    from vae_core.runs.run import Run

_codes: LruCache[StoredCodes | None] = LruCache(16)
_epoch_codes: LruCache[tuple[EpochCodes, ...]] = LruCache(4)
_kl: LruCache[tuple[float, ...]] = LruCache(64)
_shipped: LruCache[ShippedCodes | None] = LruCache(1)
_ends: LruCache[tuple[np.ndarray, np.ndarray] | None] = LruCache(16)


@dataclass(frozen=True)
class ShippedCodes:
    """Posterior means (N, D) of images, their dimensions' KL (D,) in nats, and the 2nd and 98th percentiles (D,) of each."""

    mean: np.ndarray
    kl: np.ndarray
    low: np.ndarray
    high: np.ndarray


def codes(run: Run, split: str = "test") -> StoredCodes | None:
    """Codes of a run's images, if they were computed for these very weights or shipped with it."""
    from vae_core.inference import codes_path, stored_codes

    computed = codes_path(run, split)
    version = computed.stat().st_mtime_ns if computed.exists() else 0
    key = run.path, run.places.home, run.stamp(), split, version
    return _codes.get_or_make(key, lambda: stored_codes(run, split))


def shipped_codes(run: Run) -> ShippedCodes | None:
    """What Home shows of the codes that a run was shipped with, read without torch; None where there are none."""
    return _shipped.get_or_make((run.path, run.stamp()), lambda: _read_shipped(run))


def _read_shipped(run: Run) -> ShippedCodes | None:
    import numpy as np

    from vae_core.latent.statistics import kl_from_prior
    from vae_core.runs.kept_codes import SHIPPED_CODES, read_kept_codes

    kept = read_kept_codes(run.path / SHIPPED_CODES, run.stamp(), run.record().effective.model.latent_dim)
    if kept is None or not len(kept.mean):
        return None
    low, high = np.quantile(kept.mean, (0.02, 0.98), axis=0)
    return ShippedCodes(kept.mean, kl_from_prior(kept.mean, kept.log_var).mean(0), low, high)


def epoch_codes(run: Run) -> tuple[EpochCodes, ...]:
    """As run.epoch_codes(), read again when its log has grown."""
    key = run.path, run.places.home, _log_size(run)
    return _epoch_codes.get_or_make(key, lambda: tuple(run.epoch_codes()))


def kl_per_dim(run: Run) -> tuple[float, ...]:
    """KL per dimension of a run, (D,) nats: from its codes, else from the last epoch's validation."""
    return _kl.get_or_make((run.path, run.places.home, run.stamp(), _log_size(run)), lambda: _read_kl(run))


def _read_kl(run: Run) -> tuple[float, ...]:
    from vae_core.events import EpochDone
    from vae_core.inference import stored_codes

    found = stored_codes(run)
    if found is not None:
        return tuple(float(v) for v in found.kl_per_dim)
    for event in reversed(run.history()):
        if isinstance(event, EpochDone) and event.validation.kl_per_dim:
            return event.validation.kl_per_dim
    return (0.0,) * run.record().effective.model.latent_dim


def ends(run: Run) -> tuple[np.ndarray, np.ndarray] | None:
    """The 1st and 99th percentile (D,) of each coordinate of the images' codes, as `Aggregate.low` and `.high`.

    From what is kept anyway: the last epoch's means, else the codes of the test images; None where there are neither.
    """
    key = run.path, run.places.home, run.stamp(), _log_size(run)
    return _ends.get_or_make(key, lambda: _read_ends(run))


def _read_ends(run: Run) -> tuple[np.ndarray, np.ndarray] | None:
    import numpy as np

    from vae_core.errors import TooFewPoints
    from vae_core.latent.aggregate import aggregate

    if epochs := epoch_codes(run):  # first, since the others may come while the page is open
        mean, log_var = epochs[-1].mean, np.full(epochs[-1].mean.shape, -np.inf)
    elif (kept := codes(run)) is not None:
        mean, log_var = kept.mean, kept.log_var
    else:
        return None
    try:
        found = aggregate(mean, log_var)
    except TooFewPoints:
        return None
    return found.low, found.high


def _log_size(run: Run) -> int:
    log = run.path / "events.jsonl"
    return log.stat().st_size if log.exists() else 0
