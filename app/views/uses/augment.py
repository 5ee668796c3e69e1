"""Augment: the images that each method makes of a few labelled ones, the worst of them, and whether they help."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from app.components.scrub import frame, frames, scrub
from app.services.making import made_folder
from app.state import address
from app.views.uses.shared import View, interval, numbers, said, short
from vae_core.uses.augment import Augment
from vae_core.uses.found import Row
from vae_core.uses.making import METHODS, OURS

SOME, WORST = "Some", "Worst"


def draw(view: View) -> None:
    """The slider over real images a class, with pictures of what is made; then what the numbers say."""
    look = address.USE_CHOICE.of("augment-look")
    shown = st.segmented_control(
        "Made images", [SOME, WORST], default=SOME, key=look.name, bind=look.bind, required=True, label_visibility="collapsed",
        help="Worst: those whose own class a classifier of all training labels finds least likely.",
    )  # fmt: skip
    stops: list[int] = view.found.more["per_class"]
    data = {
        "name": f"{view.run.id} augment {shown} {len(stops)}", "title": "real images a class", "labels": [f"{n:,}" for n in stops],
        "start": min(2, len(stops) - 1), "rows": _pictures(view, str(shown)), "chart": _chart(view, stops), "table": _table(view, stops),
    }  # fmt: skip
    scrub(data, address.USE_TOLD.of("augment").name)
    said(view)
    numbers(view)
    _exports(view, stops)


def _pictures(view: View, shown: str) -> list[dict[str, object]]:
    found = view.found
    real, made = found.pictures["real"], found.pictures["some" if shown == SOME else "worst"]
    count, side = real.shape[1], real.shape[4]
    rows = [_row("real images", frames(list(real)), [], count, side)]
    for place, method in enumerate(found.more["methods"]):
        notes = [_note(view, n, method, stop, place, shown) for stop, n in enumerate(found.more["per_class"])]
        ours = method in OURS
        rows.append(_row(method, [frame(one) for one in made[:, place]], notes, count, side, ours=ours))
    return rows


def _row(
    name: str, strips: list[str], notes: list[str], count: int, side: int, *, ours: bool = False
) -> dict[str, object]:
    return {"name": name, "ours": ours, "frames": strips, "notes": notes, "count": count, "side": side}


def _note(view: View, n: int, method: str, stop: int, place: int, shown: str) -> str:
    """What is said beside the images of a method: how many keep their class, or as what the worst are read."""
    if not view.found.pictures["some"][stop, place].any():
        return "makes none here"
    if shown == WORST:
        return worst_words(view.found.more["worst"][stop][place])
    row = next((r for r in view.found.of("kept class", {"per class": float(n)}) if r.method == method), None)
    return "" if row is None or row.value is None else f"{100 * row.value:.0f} % keep their class"


def worst_words(told: list[str]) -> str:
    """The first of the worst in words, and how many are read as another class: "9 of 10 read as another: 4 as 9, …"."""
    pairs = [one.split(" read as ", 1) for one in told if " read as " in one]
    lost = [" as ".join(map(short, pair)) for pair in pairs]
    if not told or not lost:
        return "all read as their class" if told else ""
    return (
        f"{len(lost)} of {len(told)} read as another: {', '.join(lost[:3])}{', …' if len(lost) > 3 else ''}"
    )


def _at(view: View, method: str) -> dict[int, Row]:
    return {int(row.at["per class"]): row for row in view.found.of("accuracy") if row.method == method}


def _chart(view: View, stops: list[int]) -> dict[str, object]:
    lines = []
    for name in METHODS:
        rows = _at(view, name)
        some = [rows[n] for n in stops if n in rows]
        if some:
            lines.append(
                {
                    "name": name, "ours": name in OURS, "x": [math.log10(n) for n in stops if n in rows],
                    "y": [row.value for row in some], "low": [row.low for row in some], "high": [row.high for row in some],
                }
            )  # fmt: skip
    return {
        "title": "Accuracy on test images", "x": "real images a class (logarithmic)", "y": "share right",
        "at": [math.log10(n) for n in stops], "ticks": [str(n) for n in stops], "lines": lines, "bars": [],
    }  # fmt: skip


def _table(view: View, stops: list[int]) -> dict[str, object]:
    methods = {name: _at(view, name) for name in METHODS}
    return {
        "columns": ["added", "accuracy (95 %)"],
        "rows": [
            [[name, interval(rows[n]) if n in rows else "–"] for name, rows in methods.items()] for n in stops
        ],
    }


def _exports(view: View, stops: list[int]) -> None:
    settings = view.settings
    if not isinstance(settings, Augment):
        return
    made = view.found.pictures["some"]
    choices = {
        f"{method}, {n:,} a class": (method, n)
        for stop, n in reversed(list(enumerate(stops)))
        for place, method in enumerate(view.found.more["methods"])
        if np.any(made[stop, place])
    }
    key = address.USE_CHOICE.of("augment-method")
    with view.menu:
        usual = next((i for i, (method, _) in enumerate(choices.values()) if method in OURS), 0)
        chosen = st.selectbox("Made images", list(choices), index=usual, key=key.name, bind=key.bind)
        method, n = choices[chosen]
        st.download_button(
            "Images in class folders (.zip)", lambda: made_folder(view.run, settings, method, n),
            f"{view.run.name}-{method.replace(' ', '-')}-{n}.zip", "application/zip", icon=":material/folder_zip:", on_click="ignore",
            help=f"An ImageFolder of {settings.made} images a class, which can be imported here again.",
        )  # fmt: skip
