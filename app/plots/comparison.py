"""How several seeds of a model learned, and what they measure, a model beside the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.plots.figure import figure, typed
from app.plots.palette import CATEGORICAL, faint

Line = tuple[
    str, np.ndarray, np.ndarray, np.ndarray, np.ndarray
]  # name, epochs, mean, least, most: (E,) each


def courses(title: str, unit: str, lines: Sequence[Line], *, colour: int = 0) -> go.Figure:
    """Numbers over the epochs, each with the band from the least to the most of its seeds."""
    found = figure(title, "epoch", unit, height=None, legend=len(lines) > 1)
    found.update_layout(legend={"orientation": "v", "x": 1, "xanchor": "right", "y": 1, "yanchor": "top"})
    for number, (name, epochs, mean, low, high) in enumerate(lines):
        shade = CATEGORICAL[(colour + number) % len(CATEGORICAL)]
        if (low < high).any():
            found.add_scatter(
                x=[*epochs, *epochs[::-1]], y=[*low, *high[::-1]], fill="toself", mode="none", fillcolor=faint(shade, 0.25),
                hoverinfo="skip", showlegend=False,
            )  # fmt: skip
        found.add_scatter(
            x=epochs, y=mean, mode="lines", name=name, line={"color": shade, "width": 2},
            hovertemplate="epoch %{x}: %{y:,.4~r}<extra></extra>",
        )  # fmt: skip
    return found


def intervals(
    title: str, unit: str, names: Sequence[str], mean: np.ndarray, low: np.ndarray, high: np.ndarray, *,
    reference: tuple[str, float] | None = None,
) -> go.Figure:  # fmt: skip
    """A number of each model: mean (M,) with its interval low...high; `reference` (words, value) is a dashed level."""
    found = figure(title, "", unit, height=230, legend=False)
    known = np.isfinite(mean)
    spread = np.nan_to_num(np.stack((high - mean, mean - low)), nan=0.0)
    found.add_bar(
        x=[typed(name) for name, k in zip(names, known, strict=True) if k], y=mean[known],
        marker={"color": [CATEGORICAL[i % len(CATEGORICAL)] for i in np.flatnonzero(known)]},
        error_y={"type": "data", "symmetric": False, "array": spread[0][known], "arrayminus": spread[1][known], "thickness": 1.5, "width": 5},
        customdata=np.stack((low, high), 1)[known].tolist(),
        hovertemplate="%{x}: %{y:,.3~r} (%{customdata[0]:,.3~r} to %{customdata[1]:,.3~r})<extra></extra>",
    )  # fmt: skip
    if reference is not None:
        found.add_hline(
            y=reference[1], line={"color": CATEGORICAL[5], "width": 1.5, "dash": "dash"},
            annotation={"text": reference[0], "font": {"size": 11}}, annotation_position="top right",
        )  # fmt: skip
    found.update_xaxes(type="category")
    return found
