"""Placing codes on a map that has no formula, and finding the code of a place: by weighted neighbours.

This is approximate and fast; umap-learn's own transform takes most of a minute on its first call.
"""

from __future__ import annotations

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.statistics import nearest

CHUNK_NUMBERS = 2_000_000  # distances at a time: 16 MB


def place(new: np.ndarray, codes: np.ndarray, points: np.ndarray, k: int = 15) -> np.ndarray:
    """Where codes `new` (Q, D) belong on a map of codes (N, D) at points (N, 2): (Q, 2).

    The weighted mean place of the k nearest known codes; a code equal to a known one lands exactly there, or in
    the middle of several. Distances are Euclidean: for a map made by cosine, hand over codes of length 1.
    Known rows that are not finite do not count. Raises BadCodes for what does not fit or is not finite,
    TooFewPoints when nothing is on the map.
    """
    return _between(new, codes, points, k, "codes")


def code_at(spots: np.ndarray, points: np.ndarray, codes: np.ndarray, k: int = 15) -> np.ndarray:
    """The code (Q, D) that a place on the map (Q, 2) stands for: the weighted mean code of the k nearest points
    (N, 2), whose codes are (N, D); on a point, exactly its code. Raises as `place` does.
    """
    return _between(spots, points, codes, k, "places on the map")


def _between(query: np.ndarray, known: np.ndarray, values: np.ndarray, k: int, what: str) -> np.ndarray:
    """Values (N, V) at known (N, U), interpolated at query (Q, U) -> (Q, V).

    Modified Shepard weights (Franke & Little, in Barnhill 1977): w = (1/d - 1/R)^2, R the distance of the first
    neighbour left out, so that the result does not jump where neighbours change.
    """
    query, known, values = (np.asarray(x, np.float64) for x in (query, known, values))
    if known.ndim != 2 or values.ndim != 2 or len(known) != len(values):
        raise BadCodes(
            f"codes and points of a map are expected row by row, got {known.shape} and {values.shape}"
        )
    if query.ndim != 2 or query.shape[1] != known.shape[1] or not np.isfinite(query).all():
        raise BadCodes(f"{what} are expected as finite numbers (Q, {known.shape[1]}), got {query.shape}")
    if k < 1:
        raise BadCodes(f"a place between neighbours needs at least one, got k = {k}")
    usable = np.isfinite(known).all(1) & np.isfinite(values).all(1)
    if not usable.all():
        known, values = known[usable], values[usable]
    if not len(known):
        raise TooFewPoints("there is nothing on the map to find neighbours among")
    found = np.empty((len(query), values.shape[1]))
    step = max(1, CHUNK_NUMBERS // len(known))
    for start in range(0, len(query), step):
        some = query[start : start + step]
        index, _ = nearest(some, known, k + 1)
        # anew, by differences: exactly 0 for equals
        distance = np.linalg.norm(known[index] - some[:, None], axis=2)
        weights = _weights(distance, k)
        found[start : start + step] = (weights[:, :, None] * values[index[:, : weights.shape[1]]]).sum(1)
    return found


def _weights(distance: np.ndarray, k: int) -> np.ndarray:
    """Distances of k + 1 neighbours, or of all there are (Q, <= k+1) -> weights of the nearest k, rows of sum 1."""
    near, reach = distance[:, :k], distance[:, k:].max(1, initial=0)[:, None]
    nearest_one = near.min(1, keepdims=True)
    # in units of the nearest distance, so that no square overflows: w = (d_1/d - d_1/R)^2
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = nearest_one / reach if distance.shape[1] > k else 0.0
        weights = np.maximum(0, nearest_one / near - beyond) ** 2
    weights = np.where(nearest_one == 0, near == 0, weights)
    # all at the same distance, that of the first left out: no weight is left, and none has more right
    weights = np.where(weights.sum(1, keepdims=True) > 0, weights, 1.0)
    shares: np.ndarray = weights / weights.sum(1, keepdims=True)
    return shares
