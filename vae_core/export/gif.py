"""A model's pictures along a walk through its prior, as an endless GIF."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vae_core.animation import gif
from vae_core.inference import LoadedModel
from vae_core.latent.paths import slerp
from vae_core.pictures import enlarge
from vae_core.places import write_atomically

GIF_SIZE = 256  # at least, pixels wide


def prior_walk(latent_dim: int, rng: np.random.Generator, waypoints: int = 6, steps: int = 16) -> np.ndarray:
    """A closed walk through the prior along great arcs: (waypoints * steps, D) float32."""
    points = rng.standard_normal((waypoints, latent_dim))
    t = np.arange(steps) / steps
    legs = [slerp(points[i], points[(i + 1) % waypoints], t) for i in range(waypoints)]
    return np.concatenate(legs).astype(np.float32)


def export_gif(model: LoadedModel, target: Path, seed: int = 0) -> None:
    """A walk through the prior as an endless GIF."""
    frames = model.decode_uint8(prior_walk(model.latent_dim, np.random.default_rng(seed)))
    size = enlarge(frames[:1], GIF_SIZE).shape[3]  # every pixel equally often
    write_atomically(target, gif(frames, size=size))
