"""Datasets that lie on this machine, each opened once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.services import runs
from app.services.cache import LruCache
from app.services.tasks import Lane, Task

if TYPE_CHECKING:
    from vae_core.data import ImageSet
    from vae_core.data.looks import Look
    from vae_core.runs.run import Run

_opened: LruCache[ImageSet] = LruCache(4)
_looks: LruCache[Look] = LruCache(64)


def images(name: str, side: int) -> ImageSet:
    """A dataset that is already on this machine in its one form."""
    from vae_core.data import open_images

    places = runs.places()
    meta = places.datasets / name / str(side) / "meta.json"
    version = meta.stat().st_mtime_ns if meta.exists() else 0
    return _opened.get_or_make((name, side, places, version), lambda: open_images(name, side, places))


def look(name: str, side: int) -> Look:
    """What the images look like, by which defaults are chosen."""
    from vae_core.data.looks import look_at

    data = images(name, side)
    return _looks.get_or_make(data.fingerprint, lambda: look_at(data.images))


LANE = Lane("images")


def preparing(name: str, side: int) -> Task[None]:
    """The task that builds a dataset at a side in pixels, behind the pages; it begins unless it is under way."""
    from vae_core.data import open_images

    places = runs.places()
    key = places, name, side
    found = LANE.find(key)
    if found is not None and found.done and not found.error and not images_ready(name, side):
        LANE.forget(key)  # removed since

    def build(task: Task[None]) -> None:
        open_images(name, side, places, task.report)

    return LANE.submit(key, build, name=f"images of {name}")


def images_ready(name: str, side: int) -> bool:
    """Whether `images` would only open files."""
    from vae_core.data.registry import is_built

    return is_built(name, side, runs.places())


def names_of(run: Run) -> tuple[str, ...] | None:
    """The files that a run's images came from, where they lie on this machine and came from files."""
    data = images_of(run)
    return None if data is None else data.names


def images_of(run: Run) -> ImageSet | None:
    """The images a run was trained on, if they lie on this machine ready to read."""
    from vae_core.errors import VaeCoreError

    record = run.record()
    if record.shape is None:
        return None
    try:
        name, side = record.effective.data.dataset, record.shape[1]
        return images(name, side) if images_ready(name, side) else None
    except VaeCoreError:  # an imported dataset that was removed
        return None
