"""Charts of what the searched fields do to a goal: importance, slices and contours, in a fold of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import layout
from app.boundary import copyable
from app.plots import study as plots
from app.plots.figure import PLAIN
from app.state import address
from vae_core.study.fields import Field
from vae_core.study.surface import surface

if TYPE_CHECKING:
    from vae_core.study.record import Study


def what_else(study: Study, data: dict[str, Any], said: Sequence[str]) -> None:
    """A button that opens the sentences `said` and the charts; none where there is neither, as no trial is measured yet or no
    number is wanted."""
    measured = [t for t in data["trials"] if t["state"] == "finished" and t["numbers"]]
    drawn = bool(measured and data["goals"])
    if not said and not drawn:
        return
    with st.popover(
        "Charts",
        icon=":material/bar_chart:",
        key=address.STUDY_CHART.of("open").name,
        on_change="rerun",
    ) as fold:
        if not fold.open:  # nothing is drawn for a fold that is shut
            return
        for one in said:
            st.markdown(copyable(one))
        if not drawn:
            return
        goals = {goal["title"]: goal for goal in data["goals"]}
        title = next(iter(goals))
        if len(goals) > 1:
            title = st.segmented_control("Of", list(goals), default=title, key=address.STUDY_CHART.of(f"goal {study.name}").name, required=True, label_visibility="collapsed")  # fmt: skip
        goal = goals[str(title)]
        words = f"{goal['title']} ({goal['unit']})" if goal["unit"] else goal["title"]
        titles = {field["name"]: field["title"] for field in data["fields"]}
        if shares := data["importance"].get(goal["name"]):
            layout.chart(plots.importance(goal["title"], [(titles[n], s) for n, s in shares.items() if n in titles]), key="study importance", config=PLAIN)  # fmt: skip
        rows = [t for t in measured if goal["name"] in t["numbers"]]
        for field in data["fields"]:
            known = [t for t in rows if field["name"] in t["values"]]
            layout.chart(
                plots.sliced(
                    words, field["title"], log=bool(field["log"]), values=[t["values"][field["name"]] for t in known],
                    numbers=[t["numbers"][goal["name"]] for t in known], trials=[t["number"] for t in known], best=data["best"],
                ),
                key=f"study slice {field['name']}", config=PLAIN,
            )  # fmt: skip
        if len(data["fields"]) > 1:
            st.caption("Points of a slice differ in the other fields too.")
        _contours(study, goal, words, titles)


def _contours(study: Study, goal: dict[str, Any], words: str, titles: dict[str, str]) -> None:
    numeric = {field.name: field for field in study.fields if field.numeric}
    if len(numeric) < 2:
        return
    x, y = list(numeric)[:2]
    if len(numeric) > 2:
        left, right = st.columns(2)
        with left:
            x = _one("Across", list(numeric), f"x {study.name}", titles)
        with right:
            y = _one("Up", [name for name in numeric if name != x], f"y {study.name}", titles)
    trials = [t for t in study.ledger().trials if t.complete and goal["name"] in t.numbers]
    found = surface(trials, numeric[x], numeric[y], goal["name"])
    if found is None:
        st.caption("Contours need four trials or more that do not lie on one line.")
        return

    def axis(field: Field, values: list[Any]) -> tuple[str, bool, list[Any]]:
        return titles[field.name], field.log, values

    better = goal["direction"] == "min" and goal["target"] is None  # near a target neither end is the better
    layout.chart(
        plots.contours(
            words, axis(numeric[x], found[0]), axis(numeric[y], found[1]), found[2],
            [(t.values[x], t.values[y], t.number) for t in trials if x in t.values and y in t.values], low_is_better=better,
        ),
        key="study contours", config=PLAIN,
    )  # fmt: skip
    st.caption(
        "Linear between trials, whose mean over the other fields is taken; nothing is drawn where none lie around."
    )


def _one(label: str, names: list[str], part: str, titles: dict[str, str]) -> str:
    key = address.STUDY_CHART.of(part).name
    return str(st.selectbox(label, names, key=key, format_func=lambda name: titles.get(name, name)))
