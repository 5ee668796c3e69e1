"""The codes of one image, of a selection, and of all images against the prior."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.plots.figure import figure, typed
from app.plots.palette import CATEGORICAL, CLEAR, FADED, RULE, faint


def kl_bars(kl: np.ndarray, *, most: int = 32) -> go.Figure:
    """KL per dimension, largest first: kl (D,) nats. Dimensions in use are filled."""
    order = np.argsort(-kl, kind="stable")[:most]
    found = figure("KL per dimension", "", "nats per image", height=220, legend=False)
    found.add_bar(
        x=[f"z{d}" for d in order], y=kl[order],
        marker={"color": [CATEGORICAL[0] if kl[d] > 0.01 else FADED for d in order]},
        hovertemplate="%{x}: %{y:.3f} nats<extra></extra>",
    )  # fmt: skip
    return found


def posterior_intervals(dims: Sequence[int], mean: np.ndarray, std: np.ndarray) -> go.Figure:
    """Posterior mean ± σ of an image, mean and std (D,), for the dimensions named, over the prior's N(0, 1)."""
    found = figure("Posterior mean ± σ", "", "code", height=220, legend=False)
    names = [f"z{d}" for d in dims]
    found.add_hrect(y0=-1, y1=1, fillcolor=faint(RULE, 0.15), line_width=0, layer="below")
    found.add_scatter(
        x=names, y=mean[list(dims)], mode="markers", marker={"color": CATEGORICAL[0], "size": 7},
        error_y={"type": "data", "array": std[list(dims)], "thickness": 1.5, "width": 3},
        customdata=std[list(dims)].tolist(), hovertemplate="%{x}: %{y:.2f} ± %{customdata:.2f}<extra></extra>",
    )  # fmt: skip
    found.update_xaxes(type="category")
    return found


MOST_EFFECT = (
    10.0  # of Cohen's d: beyond, two groups do not overlap at all, and longer bars would hide the others
)


def effect_bars(names: Sequence[str], sizes: np.ndarray) -> go.Figure:
    """What sets a selection apart from the rest: Cohen's d (M,) per dimension, largest first; it may be infinite."""
    beyond = bool((np.abs(sizes) > MOST_EFFECT).any())
    unit = "Cohen's d, selection minus rest" + (f"; bars end at ±{MOST_EFFECT:g}" if beyond else "")
    found = figure("What sets it apart", unit, "", height=90 + 22 * max(3, len(names)), legend=False)
    found.add_bar(
        y=list(names), x=np.clip(sizes, -MOST_EFFECT, MOST_EFFECT), orientation="h", marker={"color": CATEGORICAL[0]},
        customdata=[f"{v:.2f}".replace("inf", "∞") for v in sizes], hovertemplate="%{y}: d = %{customdata}<extra></extra>",
    )  # fmt: skip
    found.add_vline(x=0, line={"color": faint(RULE, 0.8), "width": 1})
    found.update_yaxes(autorange="reversed")
    return found


def label_shares(names: Sequence[str], inside: np.ndarray, rest: np.ndarray) -> go.Figure:
    """Labels of a selection beside those of the rest: counts (K,) each, shown as shares of either."""
    found = figure("Labels", "", "share of images", height=240)
    for name, count, colour in (("selection", inside, CATEGORICAL[0]), ("the rest", rest, FADED)):
        found.add_bar(
            x=[*map(typed, names)], y=count / max(1, count.sum()), name=name, marker={"color": colour},
            customdata=[f"{n:,} image{'' if n == 1 else 's'}" for n in count.tolist()], hovertemplate=f"%{{x}}: %{{customdata}}, %{{y:.0%}} of {name}<extra></extra>",
        )  # fmt: skip
    found.update_xaxes(type="category")
    found.update_yaxes(tickformat=".0%", rangemode="tozero")
    return found


def prior_densities(edges: np.ndarray, density: np.ndarray, dims: Sequence[int]) -> go.Figure:
    """Histograms of samples z ~ q(z|x), density (D, B) over edges (B + 1,), each against N(0, 1): small multiples."""
    from plotly.subplots import make_subplots

    columns = min(6, len(dims))
    rows = -(-len(dims) // columns)
    found = make_subplots(rows, columns, subplot_titles=[f"z{d}" for d in dims], shared_yaxes=True, horizontal_spacing=0.02, vertical_spacing=0.22)  # fmt: skip
    middle = (edges[:-1] + edges[1:]) / 2
    bell = np.exp(-0.5 * middle**2) / np.sqrt(2 * np.pi)
    for k, d in enumerate(dims):
        place = {"row": k // columns + 1, "col": k % columns + 1}
        found.add_bar(
            x=middle, y=density[d], marker={"color": CATEGORICAL[4]}, name="samples of the posterior", showlegend=k == 0,
            hovertemplate=f"z{d} = %{{x:.2f}}: density %{{y:.2f}}<extra></extra>", **place,
        )  # fmt: skip
        found.add_scatter(
            x=middle, y=bell, mode="lines", line={"color": CATEGORICAL[5], "width": 2}, name="prior N(0, 1)",
            showlegend=k == 0, hoverinfo="skip", **place,
        )  # fmt: skip
    found.update_layout(
        template=None, bargap=0, height=120 + 150 * rows, margin={"l": 8, "r": 8, "t": 28, "b": 8},
        paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, legend={"orientation": "h", "y": -0.25 / rows, "x": 0},
    )  # fmt: skip
    found.update_yaxes(showticklabels=False, zeroline=False)
    return found
