"""What the tabs of Uses share: what a tab is handed, its numbers as a table, and the words on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import words
from app.boundary import plain
from vae_core.runs.run import Run
from vae_core.uses.found import Found, Row
from vae_core.uses.registry import Use, UseSettings

MOST_LETTERS = 14  # of a class's name beside pictures


@dataclass(frozen=True)
class View:
    """What a tab draws: `found` of a run with these settings. menu: where its exports go."""

    run: Run
    use: Use
    settings: UseSettings
    found: Found
    menu: DeltaGenerator


def questions(use: Use) -> None:
    """What the numbers mean and what would change them, for who asks."""
    with st.popover("What it means", icon=":material/help:", type="tertiary", key=f"meaning of {use.name}"):
        for name, meaning in use.means.items():
            st.markdown(f"**{plain(name)}**: {plain(meaning)}{words.facts(name)}")
        st.markdown(f"**What would change it**: {plain(use.changes)}")


def said(view: View) -> None:
    """The computed sentences."""
    for words_ in view.found.sentences:
        st.markdown(plain(words_))


def short(name: str, most: int = MOST_LETTERS) -> str:
    """A class's name for where many stand side by side, cut where it is long."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def numbers(view: View, rows: Sequence[Row] | None = None, *, metrics: Sequence[str] | None = None) -> None:
    """A table of rows, all unless they are given: a line for each method and condition, a column for each metric, which says
    what it means when it is asked by hover. VAEs are marked with ●."""
    some = [
        row for row in (view.found.rows if rows is None else rows) if metrics is None or row.metric in metrics
    ]
    lines: dict[tuple[object, ...], dict[str, str]] = {}
    for row in some:
        key = (*row.at.items(), row.method)
        line = lines.setdefault(
            key,
            {"method": f"{'● ' if row.ours else ''}{row.method}"} | {k: _text(v) for k, v in row.at.items()},
        )
        line[_head(row)] = interval(row)
    columns = {_head(row): st.column_config.TextColumn(help=view.use.means.get(row.metric)) for row in some}
    st.dataframe(pd.DataFrame(list(lines.values())), hide_index=True, column_config=columns, height="content")
    st.caption("● a VAE has part in it. In brackets the 95 % interval.")


def interval(row: Row) -> str:
    """A row's value with its interval: 22.1 (21.9 to 22.3)."""
    if row.value is None:
        return "–"
    if row.low is None or row.high is None:
        return words.number(row.value)
    return f"{words.number(row.value)} ({words.number(row.low)} to {words.number(row.high)})"


def table_of(found: Found) -> pd.DataFrame:
    """Every row with its interval, for a file."""
    return pd.DataFrame(
        [
            {"method": r.method, "vae": r.ours, **r.at, "metric": r.metric, "unit": r.unit, "value": r.value, "low": r.low, "high": r.high, "count": r.count}
            for r in found.rows
        ]
    )  # fmt: skip


def _head(row: Row) -> str:
    return f"{row.metric} ({row.unit})" if row.unit else row.metric


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else words.number(float(value))
