"""How a score tells odd images from usual ones, over all thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.plots.figure import figure, typed
from app.plots.palette import CATEGORICAL, RULE, faint

Curves = Mapping[str, Sequence[float]]  # at, and value, low, high by the curve's name


def curve(title: str, x: str, y: str, of: str, scores: Sequence[tuple[str, Curves]], chance: tuple[float, float]) -> go.Figure:  # fmt: skip
    """`of` (roc or pr) of each score with its 95 % band; `chance`: what no skill gives at 0 and at 1."""
    found = figure(title, x, y, height=300, xaxis={"range": [0, 1]}, yaxis={"range": [0, 1.02]})
    found.update_layout(
        legend={"orientation": "v", "x": 0.98, "xanchor": "right", "y": 0.04, "yanchor": "bottom"}
    )
    found.add_scatter(
        x=[0, 1], y=list(chance), mode="lines", line={"color": RULE, "width": 1, "dash": "dot"}, hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip
    for number, (name, curves) in enumerate(scores):
        colour, at = CATEGORICAL[number % len(CATEGORICAL)], list(curves["at"])
        found.add_scatter(
            x=[*at, *at[::-1]], y=[*curves[f"{of}_low"], *list(curves[f"{of}_high"])[::-1]], fill="toself", mode="none",
            fillcolor=faint(colour), hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        found.add_scatter(
            x=at, y=list(curves[of]), mode="lines", name=typed(name),
            line={"color": colour, "width": 2.5 if number == 0 else 1.5, "dash": "solid" if number == 0 else "dash"},
            hovertemplate=f"{typed(name)}<br>{x} %{{x:.2f}}: {y} %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
    return found


Point = tuple[str, float, float, float]  # case, value, low, high


def by_case(title: str, y: str, scores: Sequence[tuple[str, Sequence[Point]]], chance: float) -> go.Figure:
    """A number of each score for each case, with its interval; `chance` is a dotted level."""
    found = figure(title, "", y, height=300, yaxis={"range": [0, 1.02]}, hovermode="x")
    for number, (name, points) in enumerate(scores):
        cases, values, low, high = zip(*points, strict=True)
        found.add_scatter(
            x=[typed(case) for case in cases], y=values, mode="markers", name=typed(name),
            marker={"color": CATEGORICAL[number % len(CATEGORICAL)], "symbol": number, "size": 9},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.2, "width": 3,
                "array": [h - v for v, h in zip(values, high, strict=True)],
                "arrayminus": [v - w for v, w in zip(values, low, strict=True)],
            },
            hovertemplate=f"{typed(name)}: %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
    found.add_hline(y=chance, line={"color": RULE, "width": 1, "dash": "dot"})
    found.update_xaxes(type="category")
    return found
