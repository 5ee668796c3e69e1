"""Codes to the plane by UMAP: a sample first, from which the whole then starts.

The graph of neighbours and the curve are ours, the optimisation umap-learn's (see umap_learn.py).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vae_core.errors import TooFewPoints
from vae_core.latent import umap_learn
from vae_core.latent.pca import Projection, check_codes
from vae_core.latent.placing import place
from vae_core.options import Options, option

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix

Array = npt.NDArray[Any]
Progress = Callable[[float, str], object]


@dataclass(frozen=True)
class UmapParams(Options):
    neighbours: int = option(
        15,
        help="size of the neighbourhood kept together; more shows coarser structure",
        minimum=2,
        maximum=200,
    )
    min_dist: float = option(
        0.1, help="how close points may lie on the map", minimum=0.0, maximum=0.99, title="minimum distance"
    )
    metric: str = option(
        "euclidean", help="distance between codes", values=("euclidean", "cosine", "manhattan")
    )
    seed: int = option(0, help="the same seed gives the same map", minimum=0, maximum=2**31 - 1)
    sample: int = option(
        0,
        help="codes to lay out, evenly spaced; the others are placed among their neighbours. 0: all",
        minimum=0,
        title="sample size",
    )

    @property
    def key(self) -> str:
        """Short text that names these settings in a file name."""
        return f"{self.neighbours}-{self.min_dist:g}-{self.metric}-{self.seed}-{self.sample or 'all'}"


SAMPLE = 2_000  # codes of the first map
# From a start that is nearly right, a gentle and shorter descent ends no worse than umap-learn's own 500 epochs
# from a spectral one, and keeps the picture where it was (tests/bench/umap.py).
EPOCHS, RATE = 500, 1.0
EPOCHS_ON, RATE_ON = 300, 0.25
NEAR = 4  # neighbours that place a code; more pull it towards the middle

Sampled = Callable[[Array, Array], object]


def umap(
    codes: Array,
    params: UmapParams,
    progress: Progress = lambda share, what: None,
    sampled: Sampled = lambda rows, points: None,
) -> Projection:
    """UMAP (McInnes, Healy & Melville 2018) of codes (N, D), laid out by umap-learn.

    More than SAMPLE codes: `sampled` gets the rows (SAMPLE,) and points (SAMPLE, 2) of a first map, from which
    the whole then starts. Fewer codes than neighbours lower the neighbours. The same seed gives the same map, so
    it runs on one core. Slow to import: call it in a process of its own. Raises TooFewPoints.
    """
    x = check_codes(codes, 4).astype(np.float32)
    progress(0.0, "loading UMAP")
    umap_learn.parts()
    rows = np.arange(len(x))
    if 0 < params.sample < len(x):
        rows = np.linspace(0, len(x) - 1, params.sample).astype(int)
    chosen = x[rows]
    check_codes(chosen, 4)
    if len(chosen) > SAMPLE:
        rng = np.random.default_rng(params.seed)
        some = np.sort(rng.choice(len(chosen), SAMPLE, replace=False))
        what = f"a sample of {SAMPLE:,} first"
        progress(0.05, what)
        first = _layout(chosen[some], params, None, lambda share: progress(0.05 + 0.2 * share, what))
        sampled(rows[some], first)
        progress(0.25, "finding neighbours")
        start = _place_rest(chosen, some, first, params)
        # umap's gradient is 0 between equal places
        start += rng.normal(scale=0.01, size=start.shape)
        points = _layout(chosen, params, start, lambda share: progress(0.25 + 0.7 * share, "laying out"))
    else:
        progress(0.1, "finding neighbours")
        points = _layout(chosen, params, None, lambda share: progress(0.1 + 0.85 * share, "laying out"))
    if len(rows) < len(x):
        progress(0.95, "placing the others")
        points = _place_rest(x, rows, points, params)
    return Projection(points.astype(np.float32))


def _place_rest(x: Array, rows: Array, points: Array, params: UmapParams) -> Array:
    """All of x (N, D) on a map of some `rows` (M,) at points (M, 2), which stay there: (N, 2)."""
    others = np.delete(np.arange(len(x)), rows)
    found = np.empty((len(x), 2))
    found[rows] = points
    found[others] = place_by(params.metric, x[others], x[rows], points, NEAR)
    return found


def place_by(metric: str, new: Array, codes: Array, points: Array, k: int = 15) -> Array:
    """As `placing.place`, on a UMAP made by `metric`: by cosine, codes count by their direction alone."""
    if metric == "cosine":
        new, codes = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (new, codes))
    return place(new, codes, points, k)


def _layout(x: Array, params: UmapParams, start: Array | None, tell: Callable[[float], object]) -> Array:
    """One layout of codes (N, D) -> (N, 2), from `start` (N, 2) or UMAP's own beginning."""
    parts = umap_learn.parts()
    neighbours = min(params.neighbours, len(x) - 1)
    epochs, rate = (EPOCHS, RATE) if start is None else (EPOCHS_ON, RATE_ON)
    if parts is None:
        points = umap_learn.fit(
            x, neighbours, params.min_dist, params.metric, params.seed, start, epochs, rate, tell
        )
    else:
        points = _optimised(x, params, neighbours, start, epochs, rate, parts, tell)
    if not np.isfinite(points).all():
        raise TooFewPoints("UMAP gave no finite map of these codes; try more neighbours, or PCA")
    return points


def _optimised(
    x: Array, params: UmapParams, neighbours: int, start: Array | None, epochs: int, rate: float,
    parts: umap_learn.Parts, tell: Callable[[float], object],
) -> Array:  # fmt: skip
    """As `_layout`, by umap-learn's optimiser on our own graph."""
    graph = fuzzy_set(*exact_neighbours(x, neighbours, params.metric))
    random = np.random.RandomState(params.seed)
    if start is None and len(x) > 50:
        with warnings.catch_warnings():  # it says when it falls back to a random beginning
            warnings.simplefilter("ignore")
            start = parts.spectral(x, graph, 2, random, metric=params.metric)
        start = 10 * start / max(np.abs(start).max(), 1e-12) + random.normal(scale=1e-4, size=start.shape)
        start = 10 * (start - start.min(0)) / np.maximum(np.ptp(start, axis=0), 1e-12)
    elif start is None:  # too few for a spectral beginning
        start = random.uniform(0, 10, (len(x), 2))
    # edges too weak to be drawn once are left out; the others are drawn in proportion to their weight
    strong = graph.data >= graph.data.max() / epochs
    weights = graph.data[strong]
    a, b = fit_curve(params.min_dist)
    points = np.array(start, np.float32, order="C")
    parts.optimise(
        points, points, graph.row[strong], graph.col[strong], epochs, len(x),
        weights.max() / weights.astype(np.float64), a, b,
        random.randint(-(2**31) + 1, 2**31 - 2, 3).astype(np.int64),
        initial_alpha=rate, move_other=True, tqdm_kwds=umap_learn.progress_bar(tell),
    )  # fmt: skip
    return points


def exact_neighbours(x: Array, k: int, metric: str) -> tuple[Array, Array]:
    """Distances and indices (N, k + 1) of each of x (N, D), itself first, then its k nearest."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k + 1, metric=metric, n_jobs=-1).fit(x)
    distances, indices = search.kneighbors(x)
    # each point must lead its own list, also among duplicates
    for row in np.flatnonzero(indices[:, 0] != np.arange(len(x))):
        at = np.flatnonzero(indices[row] == row)
        last = at[0] if len(at) else k
        indices[row, 1 : last + 1] = indices[row, :last]
        indices[row, 0], distances[row, 0] = row, 0.0
    return distances.astype(np.float32), indices


def fuzzy_set(distances: Array, indices: Array) -> coo_matrix:
    """UMAP's graph of neighbours (N, K), each itself first: symmetric weights in (0, 1], (N, N).

    Each neighbour's membership is exp(-(d - rho) / sigma), with rho the distance of the nearest that is not equal
    and sigma such that the memberships sum to log2 K; both directions are united, a + b - ab (UMAP paper,
    algorithms 2 and 3). As umap-learn's fuzzy_simplicial_set, whose compilation takes longer than this does.
    """
    from scipy.sparse import coo_matrix

    count, k = distances.shape
    rho = np.where(distances > 0, distances, np.inf).min(1)
    rho[np.isinf(rho)] = 0
    beyond = np.maximum(distances - rho[:, None], 0).astype(np.float64)
    # sigma by bisection, all rows at once; a row that has arrived is left alone
    low, sigma, high = np.zeros(count), np.ones(count), np.full(count, np.inf)
    rows = np.arange(count)
    for _ in range(64):
        over = np.exp(-beyond[rows, 1:] / sigma[rows, None]).sum(1) - np.log2(k)
        open_ = np.abs(over) >= 1e-5
        rows, over = rows[open_], over[open_]
        if not len(rows):
            break
        high[rows[over > 0]] = sigma[rows[over > 0]]
        low[rows[over <= 0]] = sigma[rows[over <= 0]]
        sigma[rows] = np.where(np.isinf(high[rows]), 2 * sigma[rows], (low[rows] + high[rows]) / 2)
    least = 1e-3 * np.where(rho > 0, distances.mean(1), distances.mean())
    member = np.exp(-beyond / np.maximum(np.maximum(sigma, least), 1e-300)[:, None]).astype(np.float32)
    member[indices == np.arange(count)[:, None]] = 0
    one_way = coo_matrix((member.ravel(), (np.repeat(np.arange(count), k), indices.ravel())), (count, count))
    there = one_way.tocsr()
    back = there.T.tocsr()
    both = (there + back - there.multiply(back)).tocsr()
    both.eliminate_zeros()
    return both.tocoo()


def fit_curve(min_dist: float) -> tuple[float, float]:
    """a and b of 1 / (1 + a d^2b), fitted to 1 up to `min_dist` and exp(min_dist - d) beyond (umap-learn's own)."""
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(min_dist - d))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted)
    return float(a), float(b)
