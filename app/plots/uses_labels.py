"""What a few images or labels are enough for: numbers over how many there are, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.plots.figure import figure, typed
from app.plots.palette import CATEGORICAL

Point = tuple[float, float | None, float | None, float | None]  # how many, value, low, high
Line = tuple[str, Sequence[Point]]


def over_images(title: str, y: str, lines: Sequence[Line], x: str = "training images") -> go.Figure:
    """Lines over the number of images, logarithmic, with bars of their intervals; a point at 0 images is a dashed level."""
    found = figure(title, x, y, height=280, xaxis={"type": "log"})
    found.update_layout(legend={"y": 1.0, "x": 1, "xanchor": "right", "yanchor": "bottom"})
    for number, (name, points) in enumerate(lines):
        colour = CATEGORICAL[number % len(CATEGORICAL)]
        known = [
            (at, value, value if low is None else low, value if high is None else high)
            for at, value, low, high in points
            if value is not None
        ]
        if [at for at, *_ in known] == [0]:
            found.add_hline(
                y=known[0][1], line={"color": colour, "width": 1.5, "dash": "dash"},
                annotation={"text": typed(name), "font": {"size": 11}}, annotation_position="bottom right",
            )  # fmt: skip
            continue
        above = [high - value for _, value, _, high in known]
        below = [value - low for _, value, low, _ in known]
        found.add_scatter(
            x=[at for at, *_ in known], y=[value for _, value, *_ in known], mode="lines+markers", name=typed(name),
            line={"color": colour, "width": 2}, marker={"symbol": number, "size": 8},
            error_y={"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.2, "width": 4},
            hovertemplate="%{x:,}: %{y:,.4~r}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    return found
