"""What a larger β buys and costs: the rate-distortion curve, and numbers over β."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app import words
from app.plots.figure import figure
from app.plots.palette import CATEGORICAL, faint

SeedBand = tuple[np.ndarray, np.ndarray, np.ndarray]  # mean, least and most over seeds, (B,) each


def rate_distortion_curve(
    betas: Sequence[float], rate: SeedBand, distortion: SeedBand, *, tangent: tuple[float, float] | None = None,
    path: tuple[str, np.ndarray, np.ndarray, Sequence[tuple[int, str]]] | None = None, where: str = "",
) -> go.Figure:  # fmt: skip
    """The rate-distortion curve of a sweep, a point per β; the band spans its seeds.

    `tangent` (least −ELBO, its β) draws distortion + rate = that. `path` (name, rates (E,), distortions (E,), marks) is
    the way a run took, with marks (index, words) on it.
    """
    found = figure(
        f"Rate and distortion{where}", "rate (KL), nats per image", "distortion (reconstruction), nats per image",
        height=None, legend=tangent is not None or path is not None,
    )  # fmt: skip
    # the curve falls, so that the corner above it is free
    found.update_layout(legend={"orientation": "v", "x": 1, "xanchor": "right", "y": 1, "yanchor": "top"})
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
            name=f"−ELBO = {tangent[0]:,.1f} nats: touches at β {tangent[1]:g}",
        )  # fmt: skip
    named = _apart(rate[0], distortion[0])
    found.add_scatter(
        x=rate[0], y=distortion[0], mode="lines+markers+text", customdata=[f"β {b:g}" for b in betas],
        text=[f"β {b:g}" if i in named else "" for i, b in enumerate(betas)],
        textposition=["top left" if r > (rate[0].min() + rate[0].max()) / 2 else "top right" for r in rate[0]],
        line={"color": CATEGORICAL[0], "width": 2}, marker={"size": 9}, name="the sweep", showlegend=False,
        hovertemplate="%{customdata}<br>rate %{x:,.2f} nats<br>distortion %{y:,.2f} nats<extra></extra>",
        cliponaxis=False,
    )  # fmt: skip
    if path is not None:
        name, rates, distortions, marks = path
        found.add_scatter(
            x=rates, y=distortions, mode="lines+markers", name=name, line={"color": CATEGORICAL[2], "width": 2}, marker={"size": 4},
            text=[f"epoch {i + 1}" for i in range(len(rates))], hovertemplate="%{text}<br>rate %{x:,.2f}<br>distortion %{y:,.2f}<extra></extra>",
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
    betas: Sequence[float], lines: Sequence[tuple[str, SeedBand]], title: str, unit: str, *, share: bool = False
) -> go.Figure:  # fmt: skip
    """Numbers over β, on a log axis (0 is drawn at the left end), each with the band of its seeds."""
    at = log_positions(betas)
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
            customdata=[words.number(float(v)) for v in mean[known]],
            line={"color": colour, "width": 2}, hovertemplate=f"{name}, β %{{text}}: %{{customdata}}<extra></extra>",
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


def log_positions(betas: Sequence[float]) -> list[float]:
    """Where βs stand on a log axis, which has no 0."""
    positive = [b for b in betas if b > 0]
    least = min(positive) / 3 if positive else 0.1
    return [b if b > 0 else least for b in betas]
