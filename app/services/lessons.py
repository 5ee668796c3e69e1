"""Lessons as the page shows them: built once for a run's weights, their arrays published for the component to fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from app.services import array_store, datasets, models, runs
from app.services.cache import LruCache
from vae_core.errors import VaeCoreError

if TYPE_CHECKING:
    from vae_core.lessons.lesson import Lesson
    from vae_core.lessons.material import Material
    from vae_core.runs.run import Run

KINDS = {"f": "<f4", "i": "<i4", "u": "u1"}  # of numpy's kinds, what a component reads

_materials: LruCache[Material] = LruCache(6)
_pairs: LruCache[tuple[Material, Material]] = LruCache(1)
_lessons: LruCache[Lesson] = LruCache(24)


def lesson(run: Run | None, number: int) -> Lesson:
    """A lesson on a run, or on the shipped one where that cannot be used yet. Raises VaeCoreError where neither can."""
    from vae_core.lessons.registry import LESSONS

    key = _key(run)
    return _lessons.get_or_make((key, number), lambda: LESSONS[number].build(_material(run, key), _pair()))


def is_built(run: Run | None, number: int) -> bool:
    """Whether `lesson` only looks it up."""
    return _lessons.get((_key(run), number)) is not None


def _material(run: Run | None, key: tuple[Any, ...]) -> Material:
    from vae_core.lessons.material import NO_RUN, gather

    ready = run is not None and datasets.images_of(run) is not None
    why = (
        NO_RUN
        if run is None
        else f"Until the images of {run.record().name} are here, this lesson shows the shipped run on digits."
    )
    return _materials.get_or_make(key, lambda: gather(run if ready else None, runs.places(), why))


def _pair() -> tuple[Material, Material]:
    from vae_core.lessons.material import pair

    places = runs.places()
    return _pairs.get_or_make(places, lambda: pair(places))


def _key(run: Run | None) -> tuple[Any, ...]:
    """What a lesson depends on: the weights, and whether the images are here."""
    if run is None:
        return (runs.places(),)
    try:
        stamp = run.stamp()
    except VaeCoreError:
        stamp = ""  # no weights yet
    return runs.places(), run.path, stamp, datasets.images_of(run) is not None


def for_component(built: Lesson) -> dict[str, Any]:
    """What the component is handed of a lesson: JSON, with arrays under their addresses."""
    return {
        "steps": [
            {
                "title": step.title, "text": list(step.text), "figure": step.figure, "data": published(step.data),
                "do": step.do, "kind": step.kind,
                "question": {
                    "text": step.question.text, "truth": step.question.truth, "said": step.question.said,
                    "answers": [{"key": a.key, "text": a.text} for a in step.question.answers],
                },
            }
            for step in built.steps
        ],
        "sources": [{"text": source.text, "url": source.url} for source in built.sources],
        "exercise": built.exercise, "remark": built.remark,
        "runs": {role: {"run": run.id, "header": models.decoder_header(run)} for role, run in built.runs.items()},
    }  # fmt: skip


def published(value: Any) -> Any:
    """The same with each array as {"url", "shape", "kind"}."""
    if isinstance(value, np.ndarray):
        kind = KINDS[value.dtype.kind]
        return {"url": array_store.url(value, kind), "shape": list(value.shape), "kind": kind}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: published(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [published(one) for one in value]
    return value
