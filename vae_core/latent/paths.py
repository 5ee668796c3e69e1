"""Paths through latent space: straight lines, great arcs, traversals, grids. Pure functions of arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vae_core.errors import BadCodes

MOST_WAYPOINTS = 8
OVERSHOOT = 0.5  # how far t may leave [0, 1] on either side


def lerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Straight line. a, b (D,), t (S,) -> (S, D); t outside [0, 1] overshoots."""
    a, b, t = _pair(a, b, t)
    found: np.ndarray = (1 - t)[:, None] * a + t[:, None] * b
    return found


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Great arc between the directions of a and b, with the norm going linearly from |a| to |b|, beyond the
    shorter end geometrically.

    Shoemake 1985; for latent codes White 2016, "Sampling Generative Networks". a, b (D,), t (S,) -> (S, D).
    For equal or opposite directions, and where either code is the origin, no single arc exists: the straight line is
    taken.
    """
    a, b, t = _pair(a, b, t)
    norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
    if min(norm_a, norm_b) < 1e-8:
        return lerp(a, b, t)
    unit_a, unit_b = a / norm_a, b / norm_b
    # from chord and anti-chord: arccos of the dot product loses its digits near 0 and pi
    angle = 2 * np.arctan2(np.linalg.norm(unit_a - unit_b), np.linalg.norm(unit_a + unit_b))
    if np.sin(angle) < 1e-5:
        return lerp(a, b, t)
    direction = (np.sin((1 - t) * angle)[:, None] * unit_a + np.sin(t * angle)[:, None] * unit_b) / np.sin(
        angle
    )
    # beyond the shorter end a line would make the norm negative, which is the opposite direction
    norm = (1 - t) * norm_a + t * norm_b
    norm = np.where(norm < min(norm_a, norm_b), norm_a ** (1 - t) * norm_b**t, norm)
    path: np.ndarray = direction * norm[:, None]
    # the end points exactly, so that the end frames are the decodes of the codes themselves
    path[t == 0], path[t == 1] = a, b
    return path


PATHS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "linear": lerp,
    "spherical": slerp,
}


def through(waypoints: np.ndarray, t: np.ndarray, kind: str = "linear") -> np.ndarray:
    """A path that visits every waypoint in order. waypoints (K, D), t (S,) in [-0.5, 1.5] -> (S, D) float64.

    Over t in [0, 1] each of the K - 1 legs takes an equal share; waypoint k lies at t = k / (K - 1) and is met
    exactly. Before 0 and after 1 the first and the last leg go on past their ends, by as many leg lengths as
    t is outside: half a leg at most, whatever K. Raises BadCodes for a number of waypoints other than 2 to 8,
    codes that are not finite, t out of range, or a kind that is not in PATHS.
    """
    waypoints = check_waypoints(waypoints)
    t = np.asarray(t, np.float64)
    if t.ndim != 1 or not np.all((t >= -OVERSHOOT) & (t <= 1 + OVERSHOOT)):
        raise BadCodes("positions on a path are a list of numbers from -0.5 to 1.5")
    if kind not in PATHS:
        raise BadCodes(f"there is no path of the kind {kind!r}; there are {', '.join(PATHS)}")
    legs = len(waypoints) - 1
    at = np.clip(t, 0, 1) * legs  # in legs from the first waypoint
    met = np.rint(at)
    at = np.where(np.abs(at - met) < 1e-6, met, at)  # k / (K - 1) is seldom a float, least of all a float32
    leg = np.minimum(at.astype(int), legs - 1)
    within = at - leg + np.minimum(t, 0) + np.maximum(t - 1, 0)
    path = np.empty((len(t), waypoints.shape[1]))
    for k in np.unique(leg):
        path[leg == k] = PATHS[kind](waypoints[k], waypoints[k + 1], within[leg == k])
    return path


def check_waypoints(waypoints: np.ndarray) -> np.ndarray:
    """float64 (K, D), 2 <= K <= 8. Raises BadCodes."""
    waypoints = np.asarray(waypoints, np.float64)
    if waypoints.ndim != 2 or not 2 <= len(waypoints) <= MOST_WAYPOINTS or waypoints.shape[1] == 0:
        raise BadCodes(
            f"a path needs 2 to {MOST_WAYPOINTS} waypoints of one length, got an array of {waypoints.shape}"
        )
    if not np.isfinite(waypoints).all():
        raise BadCodes("a waypoint's code must be finite numbers")
    return waypoints


def traverse(z: np.ndarray, dim: int, values: np.ndarray) -> np.ndarray:
    """Vary one coordinate. z (D,), values (S,) -> (S, D)."""
    z = np.asarray(z, np.float32)
    if not 0 <= dim < len(z):
        raise BadCodes(f"there is no dimension {dim}: the code has {len(z)}")
    path = np.repeat(z[None], len(values), 0)
    path[:, dim] = values
    return path


def grid(z: np.ndarray, dims: tuple[int, int], xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Vary two coordinates. z (D,), xs (S,) for dims[0], ys (R,) for dims[1] -> (R, S, D)."""
    z = np.asarray(z, np.float32)
    for dim in dims:
        if not 0 <= dim < len(z):
            raise BadCodes(f"there is no dimension {dim}: the code has {len(z)}")
    plane = np.broadcast_to(z, (len(ys), len(xs), len(z))).copy()
    plane[:, :, dims[0]] = np.asarray(xs)[None]
    plane[:, :, dims[1]] = np.asarray(ys)[:, None]
    return plane


def _pair(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b, t = (np.asarray(v, np.float64) for v in (a, b, t))
    if a.shape != b.shape or a.ndim != 1 or t.ndim != 1:
        raise BadCodes(f"a path needs two codes of one length, got {a.shape} and {b.shape}")
    return a, b, t
