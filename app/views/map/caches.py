"""What the page has computed and would compute again, kept for every visitor."""

from __future__ import annotations

import hashlib

import numpy as np

from app.services.cache import LruCache
from vae_core.inference import StoredCodes
from vae_core.latent.prior_match import Match
from vae_core.latent.projection_quality import ProjectionQuality

umap_points: LruCache[np.ndarray] = LruCache(8)
qualities: LruCache[ProjectionQuality] = LruCache(32)
prior_matches: LruCache[Match] = LruCache(16)
pixel_neighbours: LruCache[tuple[np.ndarray, np.ndarray]] = LruCache(64)
other_runs_codes: LruCache[StoredCodes] = LruCache(4)
pixel_maps: LruCache[tuple[np.ndarray, np.ndarray]] = LruCache(2)
duplicate_counts: LruCache[int] = LruCache(16)


def digest(*arrays: np.ndarray) -> str:
    """What tells arrays from others."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
