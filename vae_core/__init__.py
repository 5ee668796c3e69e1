"""The science of Latent Explorer: data, models, training, runs, latent maths. Knows no user interface.

import vae_core as vc
run = vc.load("faces")           # by name or id
q = run.encode(images)           # q.mean, q.log_var (N, D)
x = run.decode(q.mean)           # (N, C, H, W) float32 in [0, 1]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae_core.config import RunConfig
    from vae_core.data import open_images
    from vae_core.inference import LoadedModel, load
    from vae_core.places import Places
    from vae_core.runs.store import Store
    from vae_core.study.foreground import tune
    from vae_core.training import train

__version__ = "0.1.0"
__all__ = ["LoadedModel", "Places", "RunConfig", "Store", "load", "open_images", "train", "tune"]

_HOMES = {
    "LoadedModel": "vae_core.inference",
    "Places": "vae_core.places",
    "RunConfig": "vae_core.config",
    "Store": "vae_core.runs.store",
    "load": "vae_core.inference",
    "open_images": "vae_core.data",
    "train": "vae_core.training",
    "tune": "vae_core.study.foreground",
}


def __getattr__(name: str) -> Any:
    # looked up when first asked for: importing a submodule should not import torch with it
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'vae_core' has no attribute {name!r}")
