"""How near drawn images lie to training images, beside images that no one learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from app.plots.figure import figure, typed
from app.plots.palette import CATEGORICAL, MARK, NONE


def distances(
    edges: Sequence[float], counts: Mapping[str, Sequence[int]], real: Sequence[str], line: float | None
) -> go.Figure:
    """Shares of images in each bin, (B + 1,) edges and (B,) counts by name; names in `real` are filled, others are lines.
    `line`: below it an image counts as a copy."""
    found = figure(
        "Distance to the nearest training image", "share of a pixel's range", "share of images", height=270
    )
    at = np.asarray(edges)
    colours = iter(CATEGORICAL)
    for name, some in counts.items():
        share = np.asarray(some, float) / max(1, sum(some))
        colour = NONE if name in real else next(colours)
        found.add_scatter(
            x=at, y=[*share, 0], name=typed(name), mode="lines", line={"shape": "hv", "color": colour, "width": 2},
            fill="tozeroy" if name in real else "none", hovertemplate=f"{typed(name)}: %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    if line is not None:
        found.add_vline(
            x=line, line={"color": MARK, "width": 1.5, "dash": "dash"},
            annotation={"text": "nearer: a copy", "font": {"size": 11}}, annotation_position="top left",
        )  # fmt: skip
    found.update_yaxes(tickformat=".0%")
    return found
