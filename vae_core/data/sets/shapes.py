"""Sprites with known factors, after dSprites (Matthey, Higgins, Hassabis & Lerchner 2017).

One white sprite on black, 64×64, drawn from a full grid of five factors (737,280 cells):

    shape        3   square, ellipse, heart
    scale        6   0.5 to 1
    orientation 40   i · 2π/40, counterclockwise. Unlike dSprites' grid it leaves out 2π, which repeats 0
    x           32   0 (left) to 1 (right)
    y           32   0 (top) to 1 (bottom)

A square looks the same after a quarter turn and an ellipse after half a turn, so a picture does not tell their orientation
in full: `what_shows` gives what it tells. The subset has 815 pictures that are there twice, though all cells differ.

A factor vector holds the five indices, not the values. A step in x or y is exactly one pixel and a sprite
never leaves the image. So a picture is one of 3·6·40 drawings put in its place: those are drawn once, and the
grid itself is never stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np

from vae_core.data.factor_words import FactorWords
from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.errors import BadConfig, BadFactors
from vae_core.places import Places

SIDE = 64
FACTOR_NAMES = ("shape", "scale", "orientation", "x", "y")
FACTOR_SIZES = (3, 6, 40, 32, 32)
SHAPE_NAMES = ("square", "ellipse", "heart")
WORDS = {
    "shape": FactorWords(SHAPE_NAMES),
    "scale": FactorWords(tuple(f"{0.5 + k / 10:g}" for k in range(FACTOR_SIZES[1]))),
    "orientation": FactorWords(tuple(f"{9 * k}°" for k in range(FACTOR_SIZES[2]))),
    "x": FactorWords(low="left", high="right", top=FACTOR_SIZES[3] - 1),
    "y": FactorWords(low="top", high="bottom", top=FACTOR_SIZES[4] - 1),
}
GRID = math.prod(FACTOR_SIZES)  # 737,280

COUNT = 30_000  # images of the training subset
CHUNK = 1_000
SUBSET_SEED = 20170516

# A sprite at scale 1 reaches 14.5 px from its centre; a patch leaves room for that and the soft edge.
PATCH = 33
SQUARE_HALF = 10.0  # half the side, px
ELLIPSE_AXES = (14.4, 8.8)  # half axes, px
HEART_SIZE = 22.0  # px per unit of the heart's own coordinates
HEART_CENTRE = 0.6568  # its centroid lies there above the tip, in the same units


def render(factors: np.ndarray) -> np.ndarray:
    """Draw factor vectors (N, 5), integers within FACTOR_SIZES, as uint8 (N, 1, 64, 64).

    Raises BadFactors.
    """
    shape, scale, orientation, x, y = _checked(factors).T
    patches = _sprites()[shape, scale, orientation]
    images = np.zeros((len(shape), 1, SIDE, SIDE), np.uint8)
    span = np.arange(PATCH)
    rows = (y[:, None] + span)[:, :, None]
    columns = (x[:, None] + span)[:, None, :]
    images[np.arange(len(shape))[:, None, None], 0, rows, columns] = patches
    return images


# orientations that look different, by shape: the square's repeat after a quarter turn, the ellipse's after half a turn
TURNS = np.array([10, 20, 40])


def what_shows(factors: np.ndarray) -> np.ndarray:
    """Factor vectors (N, 5) -> what their pictures tell of them, int64 (N, 5): equal rows look the same. Raises BadFactors."""
    shown = _checked(factors)
    shown[:, 2] %= TURNS[shown[:, 0]]
    return shown


def to_factors(index: np.ndarray) -> np.ndarray:
    """Grid cells (N,), 0 to GRID - 1, as factor vectors int64 (N, 5); y runs fastest. Raises BadFactors."""
    index = np.asarray(index)
    if index.ndim != 1 or (index.size and not np.issubdtype(index.dtype, np.integer)):
        raise BadFactors(f"grid cells are integers (N,), not {index.dtype} {index.shape}")
    if index.size and (index.min() < 0 or index.max() >= GRID):
        raise BadFactors(f"grid cells run from 0 to {GRID - 1}; got {index.min()} to {index.max()}")
    return np.stack(np.unravel_index(index.astype(np.int64), FACTOR_SIZES), axis=1)


def to_index(factors: np.ndarray) -> np.ndarray:
    """Factor vectors (N, 5) as grid cells int64 (N,): the inverse of `to_factors`. Raises BadFactors."""
    cells: np.ndarray = np.ravel_multi_index(tuple(_checked(factors).T), FACTOR_SIZES)
    return cells


def sample(rng: np.random.Generator, n: int, fixed: Mapping[str, int] | None = None) -> np.ndarray:
    """Draw n factor vectors int64 (n, 5): those named in `fixed` as given, the others uniformly.

    Raises BadFactors.
    """
    factors = np.stack([rng.integers(size, size=n) for size in FACTOR_SIZES], axis=1)
    for name, value in (fixed or {}).items():
        if name not in FACTOR_NAMES:
            raise BadFactors(f"shapes have no factor {name!r}; they have {', '.join(FACTOR_NAMES)}")
        factors[:, FACTOR_NAMES.index(name)] = _checked_value(name, value)
    return factors


def default_subset() -> np.ndarray:
    """The COUNT factor vectors to train on, int64 (30,000, 5): always the same cells, none twice."""
    return to_factors(np.random.default_rng(SUBSET_SEED).choice(GRID, COUNT, replace=False))


def build(side: int, places: Places, progress: Progress) -> Source:
    """The subset as a Source: labels are the shape, factors the five indices.

    Raises BadConfig for any side but 64.
    """
    if side != SIDE:
        raise BadConfig(f"shapes comes at side {SIDE}, not {side}")
    subset = default_subset()

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(subset), CHUNK):
            factors = subset[start : start + CHUNK]
            yield Chunk(render(factors), factors[:, 0], factors.astype(np.float32))

    alike = to_index(what_shows(subset))  # turned squares differ by a grey level of rounding
    return Source(len(subset), 1, chunks(), label_names=SHAPE_NAMES, factor_names=FACTOR_NAMES, alike=alike)


def _checked(factors: np.ndarray) -> np.ndarray:
    factors = np.asarray(factors)
    if factors.ndim != 2 or factors.shape[1] != len(FACTOR_SIZES):
        raise BadFactors(f"factors have shape (N, {len(FACTOR_SIZES)}), not {factors.shape}")
    if not np.issubdtype(factors.dtype, np.integer):
        raise BadFactors(f"factors are integers, not {factors.dtype}")
    for column, name, size in zip(factors.T, FACTOR_NAMES, FACTOR_SIZES, strict=True):
        if column.size and (column.min() < 0 or column.max() >= size):
            raise BadFactors(f"{name} runs from 0 to {size - 1}; got {column.min()} to {column.max()}")
    return factors.astype(np.int64)


def _checked_value(name: str, value: int) -> int:
    size = FACTOR_SIZES[FACTOR_NAMES.index(name)]
    if not isinstance(value, (int, np.integer)) or not 0 <= value < size:
        raise BadFactors(f"{name} runs from 0 to {size - 1} in whole steps; got {value!r}")
    return int(value)


@cache
def _sprites() -> np.ndarray:
    """Every shape, scale and orientation in the middle of a patch: uint8 (3, 6, 40, PATCH, PATCH)."""
    scale = np.linspace(0.5, 1, FACTOR_SIZES[1])[:, None, None, None]
    angle = (np.arange(FACTOR_SIZES[2]) * (2 * math.pi / FACTOR_SIZES[2]))[:, None, None]
    across = np.arange(PATCH) - PATCH // 2  # px from the centre, rightwards
    up = -across[:, None]
    # the point turned back by the angle and brought to scale 1
    u = (across * np.cos(angle) + up * np.sin(angle)) / scale
    v = (up * np.cos(angle) - across * np.sin(angle)) / scale
    distance = np.stack([_square(u, v), _ellipse(u, v), _heart(u, v)]) * scale
    # how much of a pixel lies inside a straight edge at that distance from the pixel's centre
    return np.rint(255 * np.clip(0.5 - distance, 0, 1)).astype(np.uint8)


# Signed distances in px, negative inside, after I. Quilez, "2D distance functions".


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    a, b = np.abs(u) - SQUARE_HALF, np.abs(v) - SQUARE_HALF
    distance: np.ndarray = np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0)
    return distance


def _ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    # first order, (f - 1) / |∇f| with f = |(u/a, v/b)|: right at the edge, the only place where it shows
    a, b = ELLIPSE_AXES
    f = np.hypot(u / a, v / b)
    slope = np.hypot(u / a**2, v / b**2) / np.maximum(f, 1e-9)
    return (f - 1) / np.maximum(slope, 1 / a)


def _heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    # in its own coordinates: the tip at (0, 0), a square standing on it, a half disc on each upper edge
    x, y = np.abs(u) / HEART_SIZE, v / HEART_SIZE + HEART_CENTRE
    lobe = np.hypot(x - 0.25, y - 0.75) - math.sqrt(2) / 4
    edge = 0.5 * np.maximum(x + y, 0)
    wedge = np.minimum(np.hypot(x, y - 1), np.hypot(x - edge, y - edge)) * np.sign(x - y)
    distance: np.ndarray = np.where(x + y > 1, lobe, wedge) * HEART_SIZE
    return distance
