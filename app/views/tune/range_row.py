"""The controls of one searched setting's range or values, in the form of a new study and where a study's ranges are changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.state import session
from app.state.address import Family
from vae_core.options import Leaf
from vae_core.study.fields import USUAL_COUNT, Field, parse, value_text


def range_row(leaf: Leaf, first: Field, family: Family[Any], *, counts: bool = True) -> Field:
    """The range or the values of one searched setting; `first` is what it begins with, and `family` has the controls' keys.

    `counts`: whether it is asked how many values a grid takes. Raises BadConfig for what is no range of the setting.
    """
    name = leaf.switch
    if not first.is_range:
        key = family.of(f"{name} values")
        options = [value_text(v) for v in first.values]
        held = [v for v in session.get(key) or [] if v]
        options += [v for v in held if v not in options]
        session.put(key, held or options)
        found = st.multiselect(leaf.label, options, key=key.name, accept_new_options=bool(not leaf.registry))
        return parse(f"{name}={','.join(found)}")
    low, high, log, count = st.columns([2, 2, 1.8, 1.6], vertical_alignment="bottom")
    kind: Any = int if first.whole else float
    ends = []
    for place, end, value in ((low, "low", first.low), (high, "high", first.high)):
        key = family.of(f"{name} {end}")
        if session.get(key) is None:
            session.put(key, kind(value or 0))
        label = leaf.label if end == "low" else "to"
        with place:
            ends.append(st.number_input(label, key=key.name, format="%d" if first.whole else "%g", step=1 if first.whole else None, help=leaf.spec.help if end == "low" else None))  # fmt: skip
    key = family.of(f"{name} log")
    if session.get(key) is None:
        session.put(key, first.log)
    with log:
        logged = st.toggle(
            "log", key=key.name, help="Steps of the same factor: 1, 10, 100, rather than 1, 2, 3."
        )
    number = first.count
    if counts:
        key = family.of(f"{name} count")
        if session.get(key) is None:
            session.put(key, first.count or USUAL_COUNT)
        with count:
            number = int(
                st.number_input(
                    "of a grid", 2, 64, key=key.name, help="How many values a grid takes of the range."
                )
            )
    text = "..".join(value_text(int(v)) if first.whole else f"{v:.6g}" for v in ends)
    return parse(f"{name}={text}{':log' if logged else ''}{f':{number}' if number else ''}")


def fill(field: Field, family: Family[Any]) -> None:
    """Let the controls of `range_row` show this range or these values."""
    name = field.name
    if field.is_range:
        kind: Any = int if field.whole else float
        for end, value in (("low", field.low), ("high", field.high)):
            session.put(family.of(f"{name} {end}"), kind(value or 0))
        session.put(family.of(f"{name} log"), field.log)
        if field.count:
            session.put(family.of(f"{name} count"), field.count)
        else:
            session.forget(family.of(f"{name} count"))
    else:
        session.put(family.of(f"{name} values"), [value_text(v) for v in field.values])
