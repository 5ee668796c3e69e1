"""Searches behind the page for the codes of images, where a network has no encoder to give them.

An image's code is kept by the weights it was found for, so that whatever shows the image again has it at once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.services.cache import LruCache
from app.services.tasks import Lane, Task

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel
    from vae_core.inference.project import Projection

LANE = Lane("projections", niceness=5, remembered=128)

Images = npt.NDArray[Any]

_found: LruCache[tuple[np.ndarray, float, bool]] = LruCache(
    4_096
)  # code, distance, whether the search was ended early
_first: LruCache[tuple[np.ndarray, float]] = LruCache(256)


def start(model: LoadedModel, images: Images) -> Task[Projection]:
    """The search for codes of images uint8 (N, C, H, W); a task that is stopped gives the best so far.

    What was found before, of these weights, is taken as it is.
    """

    def job(task: Task[Projection]) -> Projection:
        return _search(model, images, task)

    return LANE.submit(
        _key(model, images),
        job,
        name="a code that draws the image" if len(images) == 1 else "codes that draw the images",
        returns_best=True,
    )


def forget(model: LoadedModel, images: Images) -> None:
    """Let the search begin anew for those whose search was stopped."""
    LANE.forget(_key(model, images))
    for image in images:
        kept = _found.get((model.stamp, _digest(image)))
        if kept is not None and kept[2]:
            _found.discard((model.stamp, _digest(image)))


def first_guess(model: LoadedModel, image: Images) -> tuple[np.ndarray, float]:
    """Code (D,) and distance of the nearest of the codes that a search begins with: a moment's work."""
    from vae_core.inference.project import project

    def guess() -> tuple[np.ndarray, float]:
        found = project(model, image[None], control=lambda: True)
        return found.codes[0], float(found.distance[0])

    return _first.get_or_make((model.stamp, _digest(image)), guess)


def _search(model: LoadedModel, images: Images, task: Task[Projection]) -> Projection:
    from vae_core.inference.project import Projection, project
    from vae_core.runs.timing import about

    keys = [(model.stamp, _digest(image)) for image in images]
    told = {i: kept for i, key in enumerate(keys) if (kept := _found.get(key)) is not None}
    left = [i for i in range(len(keys)) if i not in told]
    began = time.monotonic()

    def progress(share: float, words: str) -> None:
        passed = time.monotonic() - began
        eta = f", about {about(passed * (1 - share) / share)} left" if share > 0.02 and passed > 0.5 else ""
        task.report(share, words + eta)

    if left:
        found = project(model, images[left], progress=progress, control=lambda: task.cancelled)
        for i, code, distance in zip(left, found.codes, found.distance, strict=True):
            told[i] = code, float(distance), found.stopped
            _found.put(keys[i], told[i])
    every = [told[i] for i in range(len(keys))]
    codes = np.stack([one[0] for one in every]) if every else np.zeros((0, model.latent_dim), np.float32)
    return Projection(codes, np.array([one[1] for one in every], np.float32), any(one[2] for one in every))


def _digest(image: Images) -> str:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def _key(model: LoadedModel, images: Images) -> Hashable:
    return model.stamp, images.shape, _digest(images)
