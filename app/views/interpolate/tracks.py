"""The path between waypoints, and what is computed along it once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.services.cache import LruCache
from vae_core import pictures
from vae_core.data.imageset import Progress, silent
from vae_core.inference import LoadedModel
from vae_core.latent.paths import through

PER_UNIT = 96  # codes of a line or an arc over t in [0, 1], at least


OVER = 0.5  # how far the handle goes past either end of a line or an arc


FRAMES_AT_ONCE = 32  # decoded for a file between two words on how far it is


KINDS = ("linear", "spherical", "geodesic")


@dataclass(frozen=True)
class Track:
    """A path as the browser runs along it: codes (M, D) float32 at rising t (M,), straight between.

    The handle reaches from low to high; the waypoints (K,) lie at t = k / (K - 1), exactly among the codes.
    """

    kind: str
    t: np.ndarray
    codes: np.ndarray
    low: float
    high: float
    waypoints: np.ndarray

    def at(self, t: np.ndarray) -> np.ndarray:
        """Codes (S, D) float32 at positions t (S,); at a waypoint its code exactly."""
        t = np.asarray(t, np.float64)
        near = self.waypoints[np.abs(t[:, None] - self.waypoints).argmin(1)]
        t = np.where(np.abs(t - near) < 1e-9, near, t)
        columns = [np.interp(t, self.t, column) for column in self.codes.T.astype(np.float64)]
        return np.stack(columns, 1).astype(np.float32)

    def frames(self, steps: int) -> np.ndarray:
        """Positions of a strip with `steps` equal pictures over [0, 1], gone on with to the handle's ends."""
        first, last = np.ceil(self.low * (steps - 1) - 1e-9), np.floor(self.high * (steps - 1) + 1e-9)
        return np.arange(int(first), int(last) + 1) / (steps - 1)


def track(kind: str, waypoints: np.ndarray, geodesic: np.ndarray | None = None) -> Track:
    """The line, the arc, or with its codes (1 + (K - 1) n, D) the geodesic through waypoints (K, D)."""
    legs = len(waypoints) - 1
    met = np.arange(legs + 1) / legs
    if geodesic is not None:
        t = np.linspace(0, 1, len(geodesic))
        t[:: (len(geodesic) - 1) // legs] = met
        return Track(kind, t, np.asarray(geodesic, np.float32), 0.0, 1.0, met)
    per_leg = -(-PER_UNIT // legs)
    inside = np.linspace(0, 1, legs * per_leg + 1)
    inside[::per_leg] = met
    outside = np.linspace(0, OVER, PER_UNIT // 2 + 1)[1:]
    t = np.concatenate((-outside[::-1], inside, 1 + outside))
    path = through(waypoints, t, kind).astype(np.float32)
    # the codes themselves: rounding twice must not move what the end frames are compared with
    path[np.searchsorted(t, met)] = waypoints
    return Track(kind, t, path, -OVER, 1 + OVER, met)


@dataclass(frozen=True)
class PathMeasures:
    """What a path does: at positions t (S,) its support (S,), and image change (S - 1,) between them.

    length of the images over [0, 1], pixels; far, the largest support there, and mean its mean; both None, as
    support is, where no real codes are known.
    """

    t: np.ndarray
    change: np.ndarray
    support: np.ndarray | None
    length: float
    far: float | None
    mean: float | None


_measured: LruCache[PathMeasures] = LruCache(48)


def measured(model: LoadedModel, path: Track, real: np.ndarray | None) -> PathMeasures:
    """Decode a path finely and measure it; `real` (N, D) are the codes of real images."""
    key = (model.stamp, path.codes.tobytes(), 0 if real is None else len(real))
    return _measured.get_or_make(key, lambda: measure_path(model, path, real))


def measure_path(model: LoadedModel, path: Track, real: np.ndarray | None) -> PathMeasures:
    from vae_core.latent.measures import image_change, image_length, support

    legs = len(path.waypoints) - 1
    steps = 1 + legs * -(-48 // legs)  # so that the waypoints are among the positions
    t = path.frames(steps)
    places = path.at(t)
    images = model.decode(places)
    inside = (t >= -1e-9) & (t <= 1 + 1e-9)
    away = None if real is None else support(places, real)
    return PathMeasures(
        t, image_change(images, t), away, image_length(images[inside]),
        None if away is None else float(away[inside].max()),
        None if away is None else float(away[inside].mean()),
    )  # fmt: skip


def strip(model: LoadedModel, path: Track, t: np.ndarray) -> bytes:
    """PNG of the pictures at positions t (S,), side by side."""
    key = (model.stamp, path.codes.tobytes(), t.tobytes())
    return _strips.get_or_make(key, lambda: pictures.strip(model.decode_uint8(path.at(t)), 64))


_strips: LruCache[bytes] = LruCache(48)


def decoded(model: LoadedModel, path: np.ndarray, progress: Progress = silent) -> np.ndarray:
    """Codes (S, D) -> uint8 (S, C, H, W), a batch at a time."""
    parts = []
    for start in range(0, len(path), FRAMES_AT_ONCE):
        parts.append(model.decode_uint8(path[start : start + FRAMES_AT_ONCE]))
        done = min(start + FRAMES_AT_ONCE, len(path))
        progress(done / len(path), f"decoded {done:,} of {len(path):,} frames")
    return np.concatenate(parts)


def usual_distance(stamp: str, real: np.ndarray) -> float:
    """Median distance from a real code to its nearest other one: what "near" means for this run."""
    return _usual_distances.get_or_make((stamp, len(real)), lambda: _median(real))


_usual_distances: LruCache[float] = LruCache(16)


def _median(real: np.ndarray) -> float:
    from vae_core.latent.statistics import nearest

    if len(real) < 2:
        return 0.0
    some = real[np.linspace(0, len(real) - 1, min(1000, len(real))).astype(int)]
    return float(np.median(nearest(some, real, 2)[1][:, 1]))
