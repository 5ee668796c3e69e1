"""Codes of a run's images as they are kept on disk, read once for everybody."""

from __future__ import annotations

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
_shipped: LruCache[tuple[np.ndarray, np.ndarray] | None] = LruCache(1)


def codes(run: Run, split: str = "test") -> StoredCodes | None:
    """Codes of a run's images, if they were computed for these very weights or shipped with it."""
    from vae_core.inference import codes_path, stored_codes

    computed = codes_path(run, split)
    version = computed.stat().st_mtime_ns if computed.exists() else 0
    key = run.path, run.places.home, run.stamp(), split, version
    return _codes.get_or_make(key, lambda: stored_codes(run, split))


def shipped_codes(run: Run) -> tuple[np.ndarray, np.ndarray] | None:
    """The codes that a run was shipped with, mean and log variance (N, D) each, read without torch; None where it was not."""
    from vae_core.runs.array_files import read_shipped_codes

    return _shipped.get_or_make((run.path, run.stamp()), lambda: read_shipped_codes(run.path))


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


def _log_size(run: Run) -> int:
    log = run.path / "events.jsonl"
    return log.stat().st_size if log.exists() else 0
