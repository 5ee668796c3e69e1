"""How each model learned: the loss of its seeds as a band."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import layout
from app.plots.comparison import courses
from app.plots.figure import PLAIN
from app.services.cache import LruCache
from app.views.compare.choice import title_of
from vae_core.comparison import Course, courses_of
from vae_core.runs.run import Run
from vae_core.words import counted

UNDER = 6.4  # rem of what stands over the charts, and their caption

_courses: LruCache[list[Course]] = LruCache(64)


def curves(found: Sequence[Run], seeds: dict[str, list[Run]], more: float) -> None:
    """A chart a model: its loss over the epochs, each on an axis of its own. `more` rem stand over it."""
    for column, number, run in zip(st.columns(len(found)), range(len(found)), found, strict=True):
        lines, mine = _read(seeds[run.id]), seeds[run.id]
        alone = len(lines) == 1  # it takes the whole height
        with column, layout.panel(f"course-{number}{'-filled' if alone else ''}", under=UNDER + more):
            title = f"{title_of(run)} · {counted(len(mine), 'seed')}"
            if not lines:
                st.caption(f"**{title}**: no epoch has ended yet.")
            for place, line in enumerate(lines):
                drawn = [("", line.epochs, line.mean, line.low, line.high)]
                layout.chart(
                    courses(title if place == 0 else line.name, f"{line.name}, {line.unit}", drawn, colour=number),
                    key=f"course {run.id} {place}", config=PLAIN, height="stretch" if alone else 230,
                )  # fmt: skip
    st.caption(
        "Bands go from the least to the most of a model's seeds: a narrow one learns the same way each time. Losses of "
        "different models are different quantities, so each has its own axis; compare their shapes and widths alone."
    )


def _read(seeds: Sequence[Run]) -> list[Course]:
    stamps = tuple((run.id, _size(run)) for run in seeds)
    return _courses.get_or_make(stamps, lambda: courses_of(seeds))


def _size(run: Run) -> int:
    log = run.path / "events.jsonl"
    return log.stat().st_size if log.exists() else 0
