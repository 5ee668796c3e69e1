"""Arrays -> plotly figures. No streamlit, no torch: colours and fonts of the theme come from the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

# Okabe & Ito's colours, which people with any colour deficiency tell apart, then two more for ten classes
CATEGORICAL = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C", "#5D3A9B", "#7A5C2E",
)  # fmt: skip
SYMBOLS = (
    "circle", "square", "diamond", "cross", "x", "triangle-up", "triangle-down", "pentagon", "star", "hexagon",
)  # fmt: skip
CONTINUOUS = "Viridis"
FADED = "#B8C0C8"


def figure(title: str, x: str, y: str, *, height: int = 300, legend: bool = True) -> go.Figure:
    """The one template: same margins, grid and hover everywhere. `x`, `y` name the axes with their units."""
    found = go.Figure()
    found.update_layout(
        title={"text": title, "font": {"size": 14}, "x": 0, "xref": "paper"},
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        height=height,
        showlegend=legend,
        legend={"orientation": "h", "y": -0.25, "x": 0},
        hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        uirevision="keep",
    )
    found.update_xaxes(title={"text": x, "standoff": 16}, automargin=True, zeroline=False)
    found.update_yaxes(title={"text": y, "standoff": 16}, automargin=True, zeroline=False)
    return found


def schedule(title: str, y: str, steps: np.ndarray, values: np.ndarray) -> go.Figure:
    """A small preview of something over the planned steps: steps (S,), values (S,)."""
    found = figure(title, "step", y, height=170, legend=False)
    found.add_scatter(
        x=steps, y=values, mode="lines", line={"color": CATEGORICAL[0], "width": 2},
        hovertemplate="step %{x}: %{y:.4~g}<extra></extra>",
    )  # fmt: skip
    found.update_yaxes(rangemode="tozero")
    return found


def codes(
    points: np.ndarray, index: np.ndarray, colour: np.ndarray | None, names: Sequence[str], *, title: str, x: str,
    y: str, colour_title: str = "", chosen: int | None = None, backdrop: tuple[str, list[float]] | None = None,
) -> go.Figure:  # fmt: skip
    """The map: points (N, 2), their image indices (N,), and what colours them.

    `colour` (N,) with `names` is categorical (class numbers), without names continuous. `backdrop` is a data URL of
    a picture and the box [x0, x1, y0, y1] it fills. Custom data is [image index, row].
    """
    found = figure(title, x, y, height=620)
    found.update_layout(legend={"itemsizing": "constant"}, dragmode="pan", clickmode="event+select")
    rows = np.arange(len(points))
    size = float(np.clip(9 - np.log10(max(10, len(points))) * 1.5, 3, 8))
    if colour is None:
        _dots(found, points, index, rows, "images", {"color": CATEGORICAL[0], "size": size, "opacity": 0.7})
    elif names:
        for number, name in enumerate(names):
            here = rows[colour == number]
            if len(here):
                # a hair of an outline, without which yellow is lost on white
                marker = {
                    "line": {"width": 0.5, "color": "rgba(60,60,60,0.45)"},
                    "color": CATEGORICAL[number % len(CATEGORICAL)], "size": size, "opacity": 0.75,
                    "symbol": SYMBOLS[number // len(CATEGORICAL) % len(SYMBOLS)],
                }  # fmt: skip
                _dots(found, points[here], index[here], here, name, marker)
    else:
        marker = {
            "color": colour, "colorscale": CONTINUOUS, "size": size, "opacity": 0.8, "showscale": True,
            "colorbar": {"title": {"text": colour_title, "side": "right"}, "thickness": 12},
        }  # fmt: skip
        _dots(found, points, index, rows, colour_title, marker, values=colour)
        found.update_layout(showlegend=False)
    if chosen is not None:
        found.add_scattergl(
            x=[points[chosen, 0]], y=[points[chosen, 1]], mode="markers", showlegend=False, hoverinfo="skip",
            marker={"size": 18, "symbol": "circle-open", "color": CATEGORICAL[5], "line": {"width": 3}},
        )  # fmt: skip
    if backdrop is not None:
        source, (x0, x1, y0, y1) = backdrop
        found.add_layout_image(
            source=source, xref="x", yref="y", x=x0, y=y1, sizex=x1 - x0, sizey=y1 - y0, sizing="stretch",
            layer="below", opacity=0.9,
        )  # fmt: skip
    found.update_yaxes(scaleanchor="x", scaleratio=1)
    return found


def _dots(
    found: go.Figure, points: np.ndarray, index: np.ndarray, rows: np.ndarray, name: str, marker: dict,
    values: np.ndarray | None = None,
) -> None:  # fmt: skip
    # lists, since a typed array comes back from a click as an object
    text = "image %{customdata[0]}" + ("<br>%{text:.3~g}" if values is not None else "")
    found.add_scattergl(
        x=points[:, 0], y=points[:, 1], mode="markers", name=name, marker=marker, text=values,
        customdata=np.stack((index, rows), 1).tolist(), hovertemplate=f"{text}<extra>{name}</extra>",
        selected={"marker": {"opacity": marker["opacity"]}}, unselected={"marker": {"opacity": marker["opacity"]}},
    )  # fmt: skip


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


def rate_distortion(
    betas: Sequence[float], rates: Sequence[float], distortions: Sequence[float], cursor: int
) -> go.Figure:
    """The rate-distortion curve of a sweep, one point per beta, joined in order of beta; `cursor` is marked."""
    found = figure(
        "Rate and distortion", "rate (KL), nats per image", "distortion (reconstruction), nats per image",
        height=420, legend=False,
    )  # fmt: skip
    text = [f"β {b:g}" for b in betas]
    found.add_scatter(
        x=rates, y=distortions, mode="lines+markers+text", text=text, textposition="top right",
        line={"color": CATEGORICAL[0], "width": 2}, marker={"size": 9},
        hovertemplate="%{text}<br>rate %{x:.2f} nats<br>distortion %{y:.2f} nats<extra></extra>",
        cliponaxis=False,
    )  # fmt: skip
    if 0 <= cursor < len(betas):
        found.add_scatter(
            x=[rates[cursor]], y=[distortions[cursor]], mode="markers", hoverinfo="skip",
            marker={"size": 18, "symbol": "circle-open", "color": CATEGORICAL[5], "line": {"width": 3}},
        )  # fmt: skip
    return found


def over_beta(betas: Sequence[float], values: Sequence[float], title: str, unit: str) -> go.Figure:
    """One number over beta, beta on a log axis (0 is drawn at the left end)."""
    positive = [b for b in betas if b > 0]
    least = min(positive) / 3 if positive else 0.1
    found = figure(title, "β", unit, height=260, legend=False)
    found.add_scatter(
        x=[b if b > 0 else least for b in betas], y=values, mode="lines+markers", text=[f"{b:g}" for b in betas],
        line={"color": CATEGORICAL[2], "width": 2}, hovertemplate="β %{text}: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    found.update_xaxes(
        type="log", tickvals=[b if b > 0 else least for b in betas], ticktext=[f"{b:g}" for b in betas]
    )
    return found


# ---------------------------------------------------------------- along a path

TRACK_EDGE = 0.04  # share of the width left at either end, as under the film strip


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
    for x0, x1 in ((low - edge, stations[0]), (stations[-1], high + edge)):
        if low < stations[0] and x1 > x0:
            found.add_vrect(x0=x0, x1=x1, fillcolor="rgba(128,136,144,0.12)", line_width=0, layer="below")
    for station in stations:
        found.add_vline(x=station, line={"color": "rgba(128,136,144,0.55)", "width": 1})
    if reference is not None:
        found.add_hline(
            y=reference[1], line={"color": CATEGORICAL[5], "width": 1.5, "dash": "dash"},
            annotation={"text": reference[0], "font": {"size": 11}}, annotation_position="top right",
        )  # fmt: skip
    if position is not None:
        found.add_vline(x=position, line={"color": CATEGORICAL[5], "width": 2})
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
    found.add_vline(x=0, line={"color": "rgba(128,136,144,0.8)", "width": 1})
    found.update_yaxes(autorange="reversed", tickfont={"size": 12})
    return found
