"""How good an image is over the bytes it takes: codes, principal components and picture files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.plots.figure import figure
from app.plots.palette import CATEGORICAL

Curves = Mapping[str, Sequence[Mapping[str, Any]]]


def quality_over_bytes(curves: Curves, metric: str = "PSNR", ours: str = "VAE") -> go.Figure:
    """`metric` (PSNR or SSIM) over bytes per image, a line for each method of {"setting", "bytes", "PSNR", "SSIM"}; on a sheet
    the headers are shared, which is dotted. What keeps every pixel has no point; the line of `ours` is thick."""
    unit = "PSNR, dB" if metric == "PSNR" else "SSIM"
    found = figure(
        f"{metric} over bytes", "bytes per image (each line ten times the one before)", unit, height=360,
        xaxis={"type": "log", "dtick": 1},
    )  # fmt: skip
    colours = {
        name: CATEGORICAL[i] for i, name in enumerate(dict.fromkeys(name.split(",")[0] for name in curves))
    }
    for name, points in curves.items():
        some = sorted((p for p in points if p[metric] is not None), key=lambda p: p["bytes"])
        if not some:
            continue
        kind = name.split(",")[0]
        found.add_scatter(
            x=[p["bytes"] for p in some], y=[p[metric] for p in some], name=name, mode="lines+markers",
            text=[p["setting"] for p in some], marker={"size": 6},
            line={"color": colours[kind], "width": 3 if kind == ours else 1.5, "dash": "dot" if kind != name else "solid"},
            hovertemplate=f"{name}, %{{text}}<br>%{{x:,.3~g}} bytes per image<br>{metric} %{{y:.3~g}}<extra></extra>",
        )  # fmt: skip
    return found
