"""What happens along a path through the latent space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app import words
from app.plots.figure import figure, typed
from app.plots.palette import CATEGORICAL, FADED, RULE, faint

TRACK_EDGE = 0.04  # share of the width left at either end, as under the film strip


def _upright(x0: float, x1: float, **look: Any) -> dict[str, Any]:
    """A shape from the bottom of the chart to its top, a line unless `look` says another type."""
    return {"type": "line", "x0": x0, "x1": x1, "y0": 0, "y1": 1, "yref": "y domain"} | look


def along_path(
    title: str, t: np.ndarray, lines: Sequence[tuple[str, np.ndarray]], *, low: float, high: float,
    waypoints: Sequence[float], position: float | None = None, unit: str = "", reference: tuple[str, float] | None = None,
    share: bool = False, height: int = 165,
) -> go.Figure:  # fmt: skip
    """A small chart over positions on a path, aligned with the film strip above it: no margins, axis inside.

    `lines` (name, values) over t (S,) or, for what lies between positions, over its S - 1 gaps; `unit` for the
    hover. `reference` (words, value) is a dashed level; `share` fixes the axis to 0...1. What lies beyond the
    first and last waypoint is shaded.
    """
    found = figure(title, "", "", height=height, legend=len(lines) > 1)
    many = len(lines) > 1
    for number, (name, values) in enumerate(lines):
        at = t if len(values) == len(t) else (t[:-1] + t[1:]) / 2
        found.add_scatter(
            x=at, y=values, mode="lines", name=name,
            line={"color": CATEGORICAL[number % len(CATEGORICAL)], "width": 2,
                  "dash": "solid" if number < len(CATEGORICAL) else "dot"},
            customdata=[words.number(float(v)) for v in values],
            hovertemplate=f"position %{{x:.2f}}: %{{customdata}} {unit}<extra>{name if many else ''}</extra>",
        )  # fmt: skip
    edge = TRACK_EDGE * (high - low) / (1 - 2 * TRACK_EDGE)
    # as one list: add_vline reads the whole figure through for each
    shapes = [
        _upright(x0, x1, fillcolor=faint(RULE, 0.12), line={"width": 0}, type="rect", layer="below")
        for x0, x1 in ((low - edge, waypoints[0]), (waypoints[-1], high + edge))
        if low < waypoints[0] and x1 > x0
    ]
    shapes += [_upright(s, s, line={"color": faint(RULE, 0.55), "width": 1}) for s in waypoints]
    if position is not None:
        shapes.append(_upright(position, position, line={"color": CATEGORICAL[5], "width": 2}))
    found.update_layout(shapes=shapes)
    if reference is not None:
        found.add_hline(
            y=reference[1], line={"color": CATEGORICAL[5], "width": 1.5, "dash": "dash"},
            annotation={"text": reference[0], "font": {"size": 11}}, annotation_position="top right",
        )  # fmt: skip
    tall = max((float(np.nanmax(v)) for _, v in lines if len(v)), default=1.0)
    tall = max(tall, reference[1] if reference is not None else 0.0, 1e-6)
    found.update_layout(
        margin={"l": 0, "r": 0, "t": 30, "b": 20},
        legend={"y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right", "font": {"size": 11}},
        hovermode="x unified" if many else "closest",
    )
    found.update_xaxes(range=[low - edge, high + edge], fixedrange=True, automargin=False, title=None)
    found.update_yaxes(
        range=[0, 1.04] if share else [0, 1.12 * tall], fixedrange=True, automargin=False, title=None, nticks=4,
        ticklabelposition="inside top", ticklabelstandoff=6, tickfont={"size": 10},
    )  # fmt: skip
    return found


def paths_on_map(
    points: np.ndarray,
    paths: Sequence[tuple[str, np.ndarray]],
    waypoints: np.ndarray,
    *,
    x: str,
    y: str,
    title: str,
) -> go.Figure:
    """Paths (name, (S, 2)) over the codes of images, points (N, 2), as grey dots; waypoints (K, 2) are numbered."""
    found = figure(title, x, y, height=420)
    found.add_scattergl(
        x=points[:, 0], y=points[:, 1], mode="markers", name="images", hoverinfo="skip",
        marker={"color": FADED, "size": 4, "opacity": 0.55},
    )  # fmt: skip
    for number, (name, path) in enumerate(paths):
        found.add_scatter(
            x=path[:, 0], y=path[:, 1], mode="lines", name=name, hovertemplate=f"{name}<extra></extra>",
            line={"color": CATEGORICAL[number], "width": 3, "dash": ("solid", "dash", "dot")[number % 3]},
        )  # fmt: skip
    found.add_scatter(
        x=waypoints[:, 0], y=waypoints[:, 1], mode="markers+text", name="waypoints", showlegend=False,
        text=[str(i + 1) for i in range(len(waypoints))], textposition="top center", textfont={"size": 14},
        marker={"size": 11, "color": CATEGORICAL[5], "line": {"width": 1, "color": "white"}},
        hovertemplate="waypoint %{text}<extra></extra>", cliponaxis=False,
    )  # fmt: skip
    return found


def leakage_bars(
    names: Sequence[str], change: np.ndarray, low: np.ndarray, high: np.ndarray, unit: str
) -> go.Figure:
    """What else changes along a direction: bars (M,) with their intervals low...high (M,), largest first."""
    found = figure("What changes along it", unit, "", height=110 + 34 * max(2, len(names)), legend=False)
    sure = (low > 0) | (high < 0)
    found.add_bar(
        y=[*map(typed, names)], x=change, orientation="h",
        marker={"color": [CATEGORICAL[0] if s else FADED for s in sure]},
        error_x={"type": "data", "symmetric": False, "array": high - change, "arrayminus": change - low,
                 "thickness": 1.5, "width": 5},
        customdata=np.stack((low, high), 1).tolist(),
        hovertemplate="%{y}: %{x:.3f} (95 % interval %{customdata[0]:.3f} to %{customdata[1]:.3f})<extra></extra>",
    )  # fmt: skip
    found.add_vline(x=0, line={"color": faint(RULE, 0.8), "width": 1})
    found.update_yaxes(autorange="reversed", tickfont={"size": 12})
    return found
