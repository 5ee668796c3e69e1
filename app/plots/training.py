"""Previews of what training will do, over its steps."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app.plots.figure import figure
from app.plots.palette import CATEGORICAL


def schedule_preview(title: str, y: str, steps: np.ndarray, values: np.ndarray) -> go.Figure:
    """A small preview of something over the planned steps: steps (S,), values (S,)."""
    found = figure(title, "step", y, height=170, legend=False)
    found.add_scatter(
        x=steps, y=values, mode="lines", line={"color": CATEGORICAL[0], "width": 2},
        hovertemplate="step %{x}: %{y:,.4~r}<extra></extra>",
    )  # fmt: skip
    found.update_yaxes(rangemode="tozero")
    return found
