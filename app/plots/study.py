"""What a study's fields do to its goal: how much each mattered, a slice along each, contours over two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.plots.figure import figure, typed
from app.plots.palette import CATEGORICAL, MARK, VIRIDIS

SCALE = [[i / (len(VIRIDIS) - 1), colour] for i, colour in enumerate(VIRIDIS)]


def importance(goal: str, shares: Sequence[tuple[str, float]]) -> go.Figure:
    """Bars of what each field explains of a goal's differences, 0 to 1, the largest on top."""
    rows = sorted(shares, key=lambda row: row[1])
    found = figure(f"What {typed(goal)} varies by", "share of its variance over the ranges", "", height=90 + 28 * len(rows), legend=False, xaxis={"range": [0, 1], "tickformat": ".0%"})  # fmt: skip
    found.add_bar(
        x=[share for _, share in rows], y=[typed(name) for name, _ in rows], orientation="h", marker_color=CATEGORICAL[0],
        text=[f"{share:.0%}" for _, share in rows], textposition="outside", hovertemplate="%{y}: %{x:.0%}<extra></extra>",
    )  # fmt: skip
    return found


def sliced(goal: str, field: str, *, log: bool, values: Sequence[Any], numbers: Sequence[float], trials: Sequence[int], best: int | None) -> go.Figure:  # fmt: skip
    """A goal over one field, a point per trial; the best is marked. Other fields differ from point to point."""
    kind = "log" if log else "-" if all(isinstance(v, (int, float)) for v in values) else "category"
    found = figure("", typed(field), typed(goal), height=230, legend=False, xaxis={"type": kind})
    for name, colour, symbol, rows in (
        ("trials", CATEGORICAL[0], "circle", [i for i, n in enumerate(trials) if n != best]),
        ("the best", MARK, "star", [i for i, n in enumerate(trials) if n == best]),
    ):
        found.add_scatter(
            x=[values[i] for i in rows], y=[numbers[i] for i in rows], mode="markers", name=name, customdata=[trials[i] for i in rows],
            marker={"color": colour, "symbol": symbol, "size": 12 if symbol == "star" else 8, "opacity": 0.85},
            hovertemplate="trial %{customdata}: %{x:.4~g}, %{y:.4~g}<extra></extra>",
        )  # fmt: skip
    return found


def contours(
    goal: str, x: tuple[str, bool, Sequence[Any]], y: tuple[str, bool, Sequence[Any]], over: np.ndarray,
    trials: Sequence[tuple[Any, Any, int]], *, low_is_better: bool,
) -> go.Figure:  # fmt: skip
    """A number over two fields (title, logarithmic, values (n,) and (m,)): `over` (m, n), NaN where nothing is known.

    trials: each one's two values and its number, drawn as points. `low_is_better` makes the low end of the scale the brighter.
    """
    found = figure(
        typed(goal), typed(x[0]), typed(y[0]), height=330, legend=False,
        xaxis={"type": "log" if x[1] else "-"}, yaxis={"type": "log" if y[1] else "-"},
    )  # fmt: skip
    found.add_contour(
        x=list(x[2]), y=list(y[2]), z=[[None if np.isnan(value) else float(value) for value in row] for row in over], colorscale=SCALE, reversescale=low_is_better,
        connectgaps=False, contours={"coloring": "heatmap"}, line={"width": 0.5},
        hovertemplate="%{x:.4~g}, %{y:.4~g}: %{z:.4~g}<extra></extra>",
    )  # fmt: skip
    found.add_scatter(
        x=[a for a, _, _ in trials], y=[b for _, b, _ in trials], mode="markers", customdata=[n for _, _, n in trials],
        marker={"color": "white", "size": 7, "line": {"color": "black", "width": 1}}, hovertemplate="trial %{customdata}<extra></extra>",
    )  # fmt: skip
    return found
