"""How well a map keeps neighbourhoods: which neighbours it invents and which it tears apart.

Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints

LEAST_POINTS = 5
NEIGHBOURS = 15  # of each image, that are compared


@dataclass(frozen=True)
class Score:
    """An estimate and its 95 % interval, low ... high."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ProjectionQuality:
    """Three scores from 0 to 1, of `images` codes with `k` neighbours each.

    trustworthiness: 1 when none of the k neighbours on the map is far away among the codes; continuity: 1 when
    none of the k neighbours among the codes is far away on the map; overlap: share of the k neighbours among the
    codes that are neighbours on the map as well. `chance` says what a map of shuffled points scores.
    """

    trustworthiness: Score
    continuity: Score
    overlap: Score
    images: int
    k: int


def projection_quality(
    codes: np.ndarray, points: np.ndarray, *, k: int = NEIGHBOURS, most: int = 2000, seed: int = 0
) -> ProjectionQuality:
    """How well a map, points (N, 2), keeps the neighbourhoods of codes (N, D), on a sample of at most `most` images.

    The sample is the same for the same seed, N and finite rows; rows that are not finite are left out. k falls to
    less than half of the images where there are few. Distances are Euclidean in both spaces; among equal ones the
    order is drawn once for both, so that duplicates cost an identical map nothing and a constant map is a guess.

    The intervals are value ± 1.96 standard errors of a delete-one jackknife (Efron & Stein 1981: rather too wide
    than too narrow): how the scores vary with the images that were drawn, each of which is also a neighbour and a
    rank of others. Not in: that neighbourhoods in a sample are wider than among all N, and what another seed or
    other settings of the map would give.

    O(most^2 D) time, about 100 MB. Raises BadCodes for shapes that do not fit, TooFewPoints below 5 finite rows.
    """
    codes, points = np.asarray(codes), np.asarray(points)
    if codes.ndim != 2 or points.ndim != 2 or len(codes) != len(points):
        raise BadCodes(f"codes (N, D) and points (N, 2) are expected, got {codes.shape} and {points.shape}")
    if k < 1:
        raise BadCodes(f"a neighbourhood has at least one neighbour, got k = {k}")
    rows = sample(np.isfinite(codes).all(1) & np.isfinite(points).all(1), most, seed)
    n = len(rows)
    if n < LEAST_POINTS:
        raise TooFewPoints(f"the quality of a map shows from {LEAST_POINTS} finite points on; there are {n}")
    k = min(k, (n - 1) // 2)
    rows = np.random.default_rng(seed).permutation(rows)  # ties go by position
    near_code, rank_code = _neighbours(codes[rows], k + 1)
    near_point, rank_point = _neighbours(points[rows], k + 1)
    return ProjectionQuality(
        _trustworthiness(near_point, rank_code),
        _trustworthiness(near_code, rank_point),
        _overlap(near_code, near_point),
        n,
        k,
    )


def chance(images: int, k: int) -> tuple[float, float]:
    """What shuffled points score on average: trustworthiness, which is continuity's too, and overlap.

    A random neighbour's rank r is uniform on 1 ... n-1, so E[max(0, r - k)] = (n-k-1)(n-k) / 2(n-1).
    """
    n = images
    if n < LEAST_POINTS or not 1 <= k < n / 2:
        raise TooFewPoints(
            f"{k} neighbours need more than {max(2 * k, LEAST_POINTS - 1)} images, there are {n}"
        )
    return 1 - (n - k - 1) * (n - k) / ((n - 1) * (2 * n - 3 * k - 1)), k / (n - 1)


def sample(usable: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """bool (N,) -> at most `most` numbers of usable rows, sorted; the same for the same seed."""
    rows = np.flatnonzero(usable)
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _neighbours(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """x (n, D) -> the k nearest others of each, (n, k), and the rank of each as seen from each, (n, n) from 1 on."""
    # distances between distinct rows only: rounding must not tell duplicates apart
    numbers: dict[bytes, int] = {}
    x = np.ascontiguousarray(x, np.float64) + 0.0  # -0.0 becomes 0.0
    which = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in x])
    distinct = x[np.unique(which, return_index=True)[1]]
    distinct = distinct - distinct.mean(0)
    lengths = (distinct**2).sum(1)
    squares = lengths[:, None] - 2 * distinct @ distinct.T + lengths
    np.fill_diagonal(squares, -np.inf)
    if len(distinct) < len(x):
        squares = squares[which][:, which]
    np.fill_diagonal(squares, np.inf)
    order = squares.argsort(1, kind="stable")
    del squares
    ranks = np.empty(order.shape, np.int32)
    np.put_along_axis(ranks, order, np.arange(1, len(x) + 1, dtype=np.int32)[None], 1)
    return order[:, :k].copy(), ranks


def _trustworthiness(near: np.ndarray, ranks: np.ndarray) -> Score:
    """Trustworthiness from k + 1 neighbours in one space (n, k+1) and ranks in the other (n, n)."""
    n, k = len(near), near.shape[1] - 1
    near_ranks = np.take_along_axis(ranks, near, 1)
    excess = np.maximum(0, near_ranks[:, :k] - k)

    def score(total: np.ndarray, n: int) -> np.ndarray:
        # T(k) = 1 - 2 / (n k (2n - 3k - 1)) sum_i sum_{j near i} max(0, r(i, j) - k)
        found: np.ndarray = 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * total
        return found

    # without one: its own part is gone, what ranks behind it moves up by one, and where it was near, the next is
    without = excess.sum() - excess.sum(1)
    for column in range(k):
        without -= (ranks < np.where(excess[:, column] > 0, near_ranks[:, column], 0)[:, None]).sum(0)
    following = near_ranks[:, k:]
    instead = np.maximum(0, following - (near_ranks[:, :k] < following) - k) - excess
    without = without + np.bincount(near[:, :k].ravel(), instead.ravel(), n)
    return _jackknife(float(score(excess.sum(), n)), score(without, n - 1))


def _overlap(a: np.ndarray, b: np.ndarray) -> Score:
    """Mean share of the first k of neighbours a (n, k+1) that are among the first k of b (n, k+1)."""
    n, k = len(a), a.shape[1] - 1
    same = a[:, :, None] == b[:, None, :]
    in_b, in_a = same[:, :k, :k].any(2), same[:, :k, :k].any(1)
    common = in_b.sum(1)
    # without one: where only a or only b held it, that one's next may be common; where both did, both nexts may
    next_in_b, next_in_a, nexts = same[:, k, :k].any(1), same[:, :k, k].any(1), same[:, k, k]
    of_a = np.where(in_b, (next_in_b.astype(int) + next_in_a + nexts - 1)[:, None], next_in_b[:, None])
    of_b = np.where(in_a, 0, next_in_a[:, None])
    without = common.sum() - common
    for near, more in ((a, of_a), (b, of_b)):
        without = without + np.bincount(near[:, :k].ravel(), more.ravel(), n)
    return _jackknife(float(common.mean() / k), without / ((n - 1) * k))


def _jackknife(value: float, without: np.ndarray) -> Score:
    """A score of n points and what it is without each of them (n,)."""
    n = len(without)
    error = 1.96 * float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))
    return Score(value, max(0.0, value - error), min(1.0, value + error))
