"""Represent: which labelled image is nearest by codes, by components and by pixels, and how many labels each needs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from app import layout
from app.boundary import plain
from app.components.scrub import frame, frames, scrub
from app.plots.figure import PLAIN
from app.plots.uses_labels import Line, over_images
from app.state import address
from app.views.uses.shared import View, interval, numbers, said, short
from vae_core.uses.found import Row

CODES, PCA, PIXELS = "codes", "PCA", "pixels"
NAMES = {CODES: "nearest by code", PCA: "nearest by PCA", PIXELS: "nearest by pixels"}
READINGS = ("probe", "neighbours")


def draw(view: View) -> None:
    """The slider over labels with its pictures, then what the numbers say, and the data need where it was measured."""
    found = view.found
    if "labels" in found.more:
        _over_labels(view)
    need = found.more.get("need")
    if need:
        _data_need(view, need)
    said(view)
    numbers(view)
    if not need:
        st.caption(
            "How many images such a network needs, and what a start from another set is worth, is measured with the setting "
            "*data need and transfer*."
        )


def _over_labels(view: View) -> None:
    found = view.found
    labels: list[int] = found.more["labels"]
    per_class = found.more["per_class"]
    near = found.more["near"]
    count, side = len(found.pictures["test"]), found.pictures["test"].shape[3]
    rows = [
        _row(
            "test images",
            [frame(found.pictures["test"])],
            [_listed(near["test_labels"])] * len(labels),
            count,
            side,
        )
    ]
    for name, shown in NAMES.items():
        at = near["rows"][name]
        strips = frames([found.pictures["near"][stop] for stop in at])
        notes = [right_words(near["test_labels"], [near["near_labels"][i] for i in stop]) for stop in at]
        rows.append(_row(shown, strips, notes, count, side, ours=name == CODES))
    texts = [
        f"{f'{most:,} a class' if most != 'all' else 'all'}, {total:,} labels"
        for most, total in zip(per_class, labels, strict=True)
    ]
    data = {
        "name": f"{view.run.id} labels {len(labels)}", "title": "labels", "labels": texts, "start": min(2, len(labels) - 1),
        "rows": rows, "chart": _chart(view, labels), "table": _table(view, labels),
    }  # fmt: skip
    scrub(data, address.USE_TOLD.of("represent").name)


def _row(
    name: str, strips: list[str], notes: list[str], count: int, side: int, *, ours: bool = False
) -> dict[str, object]:
    return {"name": name, "ours": ours, "frames": strips, "notes": notes, "count": count, "side": side}


def right_words(wanted: Sequence[str], found: Sequence[str]) -> str:
    """How many labels are right, and which are wrong, in words: "2 of 3 right; wrong: 4 as 9"."""
    wrong = [f"{short(a)} as {short(b)}" for a, b in zip(wanted, found, strict=True) if a != b]
    told = f"{len(wanted) - len(wrong)} of {len(wanted)} right"
    return f"{told}; wrong: {', '.join(wrong)}" if wrong else told


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(map(short, labels))


def _at(view: View, method: str) -> list[Row]:
    return [row for row in view.found.of("accuracy") if row.method == method and "per class" in row.at]


def _methods(view: View) -> list[str]:
    names = [f"{reading} on {features}" for reading in READINGS for features in (CODES, PCA, PIXELS)]
    return [name for name in names if _at(view, name)]


def _chart(view: View, labels: list[int]) -> dict[str, object]:
    place = [math.log10(max(1, n)) for n in labels]
    lines = []
    for name in _methods(view):
        rows = _at(view, name)
        lines.append(
            {
                "name": name, "ours": name.endswith(CODES), "x": place, "y": [row.value for row in rows],
                "low": [row.low for row in rows], "high": [row.high for row in rows],
            }
        )  # fmt: skip
    return {
        "title": "Accuracy on test images", "x": "labelled images (logarithmic)", "y": "share right", "at": place,
        "ticks": [_short(n) for n in labels], "lines": lines, "bars": [],
    }  # fmt: skip


def _short(count: int) -> str:
    return f"{count / 1000:g}k" if count >= 1000 and count % 100 == 0 else f"{count}"


def _table(view: View, labels: list[int]) -> dict[str, object]:
    methods = {name: _at(view, name) for name in _methods(view)}
    return {
        "columns": ["", "accuracy (95 %)"],
        "rows": [
            [[name, interval(rows[stop])] for name, rows in methods.items()] for stop in range(len(labels))
        ],
    }


def _data_need(view: View, need: dict[str, object]) -> None:
    metrics = [str(need["metric"])] + (["accuracy"] if need["labels"] else [])
    places = st.columns(len(metrics))
    for place, metric in zip(places, metrics, strict=True):
        rows = [row for row in view.found.of(metric) if "images" in row.at]
        lines: list[Line] = []
        for name in dict.fromkeys(row.method for row in rows):
            some = [row for row in rows if row.method == name]
            lines.append((name, [(float(row.at["images"]), row.value, row.low, row.high) for row in some]))
        unit = rows[0].unit if rows else ""
        title = (
            f"{metric} on test images"
            if metric != "accuracy"
            else f"probe with {need['labels']} labels a class"
        )
        layout.chart(
            over_images(title, f"{metric}, {unit}" if unit else metric, lines),
            place=place,
            key=f"need {metric}",
            config=PLAIN,
        )
    st.caption(plain(f"Each point is a network that learned for {need['steps']} steps."))
