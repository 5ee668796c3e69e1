"""Arrays -> plotly figures. No streamlit, no torch: colours and fonts of the theme come from the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.plots.palette import CATEGORICAL, CLEAR, FADED, RULE, faint

PLAIN = {"displayModeBar": False}  # of plotly: no buttons over a figure


def figure(
    title: str, x: str, y: str, *, height: int = 300, legend: bool = True,
    xaxis: dict[str, Any] | None = None, yaxis: dict[str, Any] | None = None, **layout: Any,
) -> go.Figure:  # fmt: skip
    """The one template: same margins, grid and hover everywhere. `x`, `y` name the axes with their units.

    `xaxis`, `yaxis` and `layout` add to it: said at once, ten times as fast as by updates one after the other.
    """
    return go.Figure(
        layout={
            "title": {"text": title, "font": {"size": 14}, "x": 0, "xref": "paper"},
            "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
            "height": height,
            "showlegend": legend,
            "legend": {"orientation": "h", "y": -0.25, "x": 0},
            "hovermode": "closest",
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "uirevision": "keep",
            "xaxis": {"title": {"text": x, "standoff": 16}, "automargin": True, "zeroline": False}
            | (xaxis or {}),
            "yaxis": {"title": {"text": y, "standoff": 16}, "automargin": True, "zeroline": False}
            | (yaxis or {}),
            **layout,
        }
    )


def schedule(title: str, y: str, steps: np.ndarray, values: np.ndarray) -> go.Figure:
    """A small preview of something over the planned steps: steps (S,), values (S,)."""
    found = figure(title, "step", y, height=170, legend=False)
    found.add_scatter(
        x=steps, y=values, mode="lines", line={"color": CATEGORICAL[0], "width": 2},
        hovertemplate="step %{x}: %{y:.4~g}<extra></extra>",
    )  # fmt: skip
    found.update_yaxes(rangemode="tozero")
    return found


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


# ---------------------------------------------------------------- over β

Band = tuple[np.ndarray, np.ndarray, np.ndarray]  # mean, least and most over seeds, (B,) each


def rate_distortion(
    betas: Sequence[float], rate: Band, distortion: Band, *, tangent: tuple[float, float] | None = None,
    path: tuple[str, np.ndarray, np.ndarray, Sequence[tuple[int, str]]] | None = None, where: str = "",
) -> go.Figure:  # fmt: skip
    """The rate-distortion curve of a sweep, a point per β; the band spans its seeds.

    `tangent` (least −ELBO, its β) draws distortion + rate = that. `path` (name, rates (E,), distortions (E,), marks) is
    the way a run took, with marks (index, words) on it.
    """
    found = figure(
        f"Rate and distortion{where}", "rate (KL), nats per image", "distortion (reconstruction), nats per image",
        height=440, legend=tangent is not None or path is not None,
    )  # fmt: skip
    if (rate[1] < rate[2]).any() or (distortion[1] < distortion[2]).any():
        found.add_scatter(
            x=[*rate[1], *rate[2][::-1]], y=[*distortion[1], *distortion[2][::-1]], fill="toself", mode="none",
            fillcolor=faint(CATEGORICAL[0]), hoverinfo="skip", name="least to most over seeds", showlegend=False,
        )  # fmt: skip
    if tangent is not None and len(betas):
        span = float(np.ptp(rate[0])) or 1.0
        x = np.array([rate[0].min() - 0.05 * span, rate[0].max() + 0.05 * span])
        keep = np.linspace(x[0], x[1], 200)
        line = tangent[0] - keep
        inside = (line >= distortion[0].min() - 0.1 * np.ptp(distortion[0]) - 1) & (
            line <= distortion[0].max() + 1
        )
        found.add_scatter(
            x=keep[inside], y=line[inside], mode="lines", hoverinfo="skip", line={"color": CATEGORICAL[7], "width": 1.5, "dash": "dash"},
            name=f"−ELBO = {tangent[0]:.1f} nats: touches at β {tangent[1]:g}",
        )  # fmt: skip
    named = _apart(rate[0], distortion[0])
    found.add_scatter(
        x=rate[0], y=distortion[0], mode="lines+markers+text", customdata=[f"β {b:g}" for b in betas],
        text=[f"β {b:g}" if i in named else "" for i, b in enumerate(betas)],
        textposition=["top left" if r > (rate[0].min() + rate[0].max()) / 2 else "top right" for r in rate[0]],
        line={"color": CATEGORICAL[0], "width": 2}, marker={"size": 9}, name="the sweep", showlegend=False,
        hovertemplate="%{customdata}<br>rate %{x:.2f} nats<br>distortion %{y:.2f} nats<extra></extra>",
        cliponaxis=False,
    )  # fmt: skip
    if path is not None:
        name, rates, distortions, marks = path
        found.add_scatter(
            x=rates, y=distortions, mode="lines+markers", name=name, line={"color": CATEGORICAL[2], "width": 2}, marker={"size": 4},
            text=[f"epoch {i + 1}" for i in range(len(rates))], hovertemplate="%{text}<br>rate %{x:.2f}<br>distortion %{y:.2f}<extra></extra>",
        )  # fmt: skip
        if marks:
            at = [i for i, _ in marks]
            found.add_scatter(
                x=rates[at], y=distortions[at], mode="markers+text", text=[words for _, words in marks], textposition="bottom left",
                marker={"size": 11, "symbol": "diamond", "color": CATEGORICAL[1]}, name=f"{marks[0][1].split()[0]} changed", hoverinfo="text", cliponaxis=False,
            )  # fmt: skip
    return found


def _apart(x: np.ndarray, y: np.ndarray) -> set[int]:
    """Of points (N,) on a chart those that have room for a name: the ends, then whichever lies off all before."""
    room = 0.12 * (float(np.ptp(x)) or 1.0), 0.05 * (float(np.ptp(y)) or 1.0)
    kept: list[int] = []
    for i in [0, len(x) - 1, *range(1, len(x) - 1)] if len(x) > 1 else range(len(x)):
        if all(abs(x[i] - x[k]) > room[0] or abs(y[i] - y[k]) > room[1] for k in kept):
            kept.append(i)
    return set(kept)


def over_beta(
    betas: Sequence[float], lines: Sequence[tuple[str, Band]], title: str, unit: str, *, share: bool = False
) -> go.Figure:  # fmt: skip
    """Numbers over β, on a log axis (0 is drawn at the left end), each with the band of its seeds."""
    at = places_of(betas)
    found = figure(
        title, "β", unit, height=280 if len(lines) > 1 else 250, legend=len(lines) > 1,
        xaxis={"type": "log", "tickvals": at, "ticktext": [f"{b:g}" for b in betas]}, yaxis={"range": [0, 1.02]} if share else None,
    )  # fmt: skip
    for number, (name, (mean, low, high)) in enumerate(lines):
        colour = (
            CATEGORICAL[(number + 2) % len(CATEGORICAL)]
            if len(lines) == 1
            else CATEGORICAL[number % len(CATEGORICAL)]
        )
        known = [int(i) for i in np.flatnonzero(np.isfinite(mean))]
        if (low[known] < high[known]).any():
            found.add_scatter(
                x=[at[i] for i in known] + [at[i] for i in known[::-1]], y=[*low[known], *high[known][::-1]], fill="toself",
                mode="none", fillcolor=faint(colour), hoverinfo="skip", showlegend=False,
            )  # fmt: skip
        found.add_scatter(
            x=[at[i] for i in known], y=mean[known], mode="lines+markers", name=name, text=[f"{betas[i]:g}" for i in known],
            line={"color": colour, "width": 2}, hovertemplate=f"{name}, β %{{text}}: %{{y:.3~f}}<extra></extra>",
        )  # fmt: skip
    return found


def kl_over_beta(betas: Sequence[float], kl: np.ndarray) -> go.Figure:
    """KL per dimension, (B, D) nats, each β's dimensions sorted by use, as a heat map over β."""
    found = figure(
        "KL per dimension over β", "β", "dimension, most used first", height=280, legend=False,
        xaxis={"type": "category"}, yaxis={"type": "category", "autorange": "reversed"},
    )  # fmt: skip
    found.add_heatmap(
        z=np.log10(np.maximum(kl.T, 1e-3)), x=[f"{b:g}" for b in betas], y=[str(d + 1) for d in range(kl.shape[1])],
        colorscale="Viridis", zmin=-2, zmax=max(1.0, float(np.log10(kl.max(initial=1e-3)))), customdata=kl.T.tolist(),
        colorbar={"title": {"text": "nats"}, "tickvals": [-2, -1, 0, 1], "ticktext": ["≤ 0.01", "0.1", "1", "10"], "thickness": 10},
        hovertemplate="β %{x}, dimension %{y}: %{customdata:.3f} nats<extra></extra>",
    )  # fmt: skip
    return found


def places_of(betas: Sequence[float]) -> list[float]:
    """Where βs stand on a log axis, which has no 0."""
    positive = [b for b in betas if b > 0]
    least = min(positive) / 3 if positive else 0.1
    return [b if b > 0 else least for b in betas]


# ---------------------------------------------------------------- along a path

TRACK_EDGE = 0.04  # share of the width left at either end, as under the film strip


def _upright(x0: float, x1: float, **look: Any) -> dict[str, Any]:
    """A shape from the bottom of the chart to its top, a line unless `look` says another type."""
    return {"type": "line", "x0": x0, "x1": x1, "y0": 0, "y1": 1, "yref": "y domain"} | look


def along(
    title: str, t: np.ndarray, lines: Sequence[tuple[str, np.ndarray]], *, low: float, high: float,
    stations: Sequence[float], position: float | None = None, unit: str = "", reference: tuple[str, float] | None = None,
    share: bool = False,
) -> go.Figure:  # fmt: skip
    """A small chart over positions on a path, aligned with the film strip above it: no margins, axis inside.

    `lines` (name, values) over t (S,) or, for what lies between positions, over its S - 1 gaps; `unit` for the
    hover. `reference` (words, value) is a dashed level; `share` fixes the axis to 0...1. What lies beyond the
    first and last station is shaded.
    """
    found = figure(title, "", "", height=200 if len(lines) > 1 else 165, legend=len(lines) > 1)
    many = len(lines) > 1
    for number, (name, values) in enumerate(lines):
        at = t if len(values) == len(t) else (t[:-1] + t[1:]) / 2
        found.add_scatter(
            x=at, y=values, mode="lines", name=name,
            line={"color": CATEGORICAL[number % len(CATEGORICAL)], "width": 2,
                  "dash": "solid" if number < len(CATEGORICAL) else "dot"},
            hovertemplate=f"position %{{x:.2f}}: %{{y:.3~g}} {unit}<extra>{name if many else ''}</extra>",
        )  # fmt: skip
    edge = TRACK_EDGE * (high - low) / (1 - 2 * TRACK_EDGE)
    # as one list: add_vline reads the whole figure through for each
    shapes = [
        _upright(x0, x1, fillcolor=faint(RULE, 0.12), line={"width": 0}, type="rect", layer="below")
        for x0, x1 in ((low - edge, stations[0]), (stations[-1], high + edge))
        if low < stations[0] and x1 > x0
    ]
    shapes += [_upright(s, s, line={"color": faint(RULE, 0.55), "width": 1}) for s in stations]
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
        margin={"l": 0, "r": 0, "t": 30, "b": 20 if not many else 48},
        legend={"y": -0.16, "font": {"size": 11}},
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
    stations: np.ndarray,
    *,
    x: str,
    y: str,
    title: str,
) -> go.Figure:
    """Paths (name, (S, 2)) over the codes of images, points (N, 2), as grey dots; stations (K, 2) are numbered."""
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
        x=stations[:, 0], y=stations[:, 1], mode="markers+text", name="stations", showlegend=False,
        text=[str(i + 1) for i in range(len(stations))], textposition="top center", textfont={"size": 14},
        marker={"size": 11, "color": CATEGORICAL[5], "line": {"width": 1, "color": "white"}},
        hovertemplate="station %{text}<extra></extra>", cliponaxis=False,
    )  # fmt: skip
    return found


def leakage(
    names: Sequence[str], change: np.ndarray, low: np.ndarray, high: np.ndarray, unit: str
) -> go.Figure:
    """What else changes along a direction: bars (M,) with their intervals low...high (M,), largest first."""
    found = figure("What changes along it", unit, "", height=110 + 34 * max(2, len(names)), legend=False)
    sure = (low > 0) | (high < 0)
    found.add_bar(
        y=list(names), x=change, orientation="h",
        marker={"color": [CATEGORICAL[0] if s else FADED for s in sure]},
        error_x={"type": "data", "symmetric": False, "array": high - change, "arrayminus": change - low,
                 "thickness": 1.5, "width": 5},
        customdata=np.stack((low, high), 1).tolist(),
        hovertemplate="%{y}: %{x:.3f} (95 % interval %{customdata[0]:.3f} to %{customdata[1]:.3f})<extra></extra>",
    )  # fmt: skip
    found.add_vline(x=0, line={"color": faint(RULE, 0.8), "width": 1})
    found.update_yaxes(autorange="reversed", tickfont={"size": 12})
    return found


# ---------------------------------------------------------------- beside the map


def posterior(dims: Sequence[int], mean: np.ndarray, std: np.ndarray) -> go.Figure:
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


def effects(names: Sequence[str], sizes: np.ndarray) -> go.Figure:
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


def shares(names: Sequence[str], inside: np.ndarray, rest: np.ndarray) -> go.Figure:
    """Labels of a selection beside those of the rest: counts (K,) each, shown as shares of either."""
    found = figure("Labels", "", "share of images", height=240)
    for name, count, colour in (("selection", inside, CATEGORICAL[0]), ("the rest", rest, FADED)):
        found.add_bar(
            x=list(names), y=count / max(1, count.sum()), name=name, marker={"color": colour},
            customdata=count.tolist(), hovertemplate=f"%{{x}}: %{{customdata:,}} images, %{{y:.0%}} of {name}<extra></extra>",
        )  # fmt: skip
    found.update_xaxes(type="category")
    found.update_yaxes(tickformat=".0%", rangemode="tozero")
    return found


def against_prior(edges: np.ndarray, density: np.ndarray, dims: Sequence[int]) -> go.Figure:
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
