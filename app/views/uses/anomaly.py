"""Anomalies: a threshold to move, the pictures nearest to it and where each is odd, and how every score does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import layout
from app.boundary import plain
from app.components.scrub import frame, scrub
from app.plots import palette
from app.plots.figure import PLAIN
from app.plots.uses_anomaly import Point, by_case, curve
from app.services.cache import LruCache
from app.state import address
from app.views.uses.shared import View, numbers, said
from vae_core.options import to_json
from vae_core.uses.anomaly_case import ELBO, MEANS, PIXELS
from vae_core.uses.anomaly_curves import confusion, histogram, thresholds
from vae_core.uses.anomaly_words import AUROC, PRECISION
from vae_core.uses.found import Row
from vae_core.words import percent

STOPS = 61
SIDE_BY_SIDE = 6  # pictures in a row
ALARMS = 0.05  # share of usual images above the threshold that the slider starts at
DIGITS = 3  # of a score

_scrubbed: LruCache[dict[str, Any]] = LruCache(16)


def draw(view: View) -> None:
    """The slider, then the sentences, the numbers and the curves."""
    found, key = view.found, address.USE_CHOICE.of("anomaly-score")
    default = found.more["default"]
    scores = [default, *(name for name in found.more["scores"] if name != default)]
    with layout.toolbar("anomaly-score"):
        score = st.selectbox(
            "Score", scores, key=key.name, bind=key.bind, label_visibility="collapsed", width=290,
            help="By which score images are called odd.",
        )  # fmt: skip
        st.caption(f"Odd: **{plain(found.more['case'])}**. {plain(MEANS.get(score, ''))}", width="stretch")
    name = f"{view.run.stamp()} {json.dumps(to_json(view.settings), sort_keys=True)} {score}"
    scrub(_scrubbed.get_or_make(name, lambda: _slider(view, score, name)), "anomaly threshold")
    said(view)
    _curves(view, score)
    numbers(view, metrics=(AUROC, PRECISION))
    with view.menu:
        st.download_button(
            "Scores of every image (CSV)", lambda: scores_of(view).to_csv(index=False).encode(), f"{view.run.name}-scores.csv",
            "text/csv", icon=":material/table_rows:", on_click="ignore",
        )  # fmt: skip


def scores_of(view: View) -> pd.DataFrame:
    """A line an image judged: whether it is odd, and every score."""
    pictures, names = view.found.pictures, view.found.more["scores"]
    table = pd.DataFrame(pictures["scores"].T, columns=names)
    table.insert(0, "odd", pictures["odd"].astype(bool))
    return table


# ---------------------------------------------------------------- the slider


def _slider(view: View, score: str, name: str) -> dict[str, Any]:
    """What the slider over thresholds shows at each of its stops."""
    found = view.found
    values = found.pictures["scores"][found.more["scores"].index(score)].astype(np.float64)
    odd = found.pictures["odd"].astype(bool)
    usual_scores, odd_scores = values[~odd], values[odd]
    stops = thresholds(usual_scores, odd_scores, STOPS)
    edges, usual_bars, odd_bars = histogram(usual_scores, odd_scores)
    above, below = _rows(view, values, stops)
    start = int(np.searchsorted(stops, np.quantile(usual_scores, 1 - ALARMS)))
    return {
        "name": name,
        "title": "threshold",
        "labels": [_number(t) for t in stops],
        "start": min(start, STOPS - 1),
        "rows": [above, below],
        "chart": {
            "title": "",
            "x": score,
            "y": "share of images",
            "at": np.clip(stops, edges[0], edges[-1]).tolist(),
            "lines": [],
            "bars": [
                {"name": "usual", "edges": edges.tolist(), "heights": usual_bars.tolist()},
                {"name": "odd", "edges": edges.tolist(), "heights": odd_bars.tolist()},
            ],
        },
        "table": {
            "columns": ["", "called odd", "called usual", ""],
            "rows": [_table(usual_scores, odd_scores, t) for t in stops],
        },
        "palette": palette.for_scripts(),
    }


def _table(usual: np.ndarray, odd: np.ndarray, threshold: float) -> list[list[str]]:
    told = confusion(usual, odd, threshold)

    def share(value: float | None) -> str:
        return "–" if value is None else percent(value)

    return [
        ["odd", f"{told.caught:,}", f"{told.missed:,}", f"recall {share(told.recall)}"],
        ["usual", f"{told.alarms:,}", f"{told.passed:,}", f"false alarms {share(told.false_alarms)}"],
        ["precision", share(told.precision), "", ""],
    ]


def _rows(view: View, values: np.ndarray, stops: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pictures nearest to each threshold from above and from below, each over where it is odd."""
    pictures = view.found.pictures
    shown = pictures["shown"]
    tiles = framed(pictures["images"], pictures["heat"], pictures["odd"][shown].astype(bool))
    mine = values[shown]
    order = np.argsort(mine, kind="stable")
    blank = np.empty_like(tiles[:1])
    blank[:] = np.array(palette.rgb(palette.FADED), np.uint8)[:, None, None]
    made: dict[tuple[int, ...], str] = {}

    def strip(rows: np.ndarray) -> str:
        if (key := tuple(map(int, rows))) not in made:
            made[key] = frame(np.concatenate((tiles[rows], np.repeat(blank, SIDE_BY_SIDE - len(rows), 0))))
        return made[key]

    found = []
    for called in (True, False):
        near = []
        for t in stops:
            at = int(np.searchsorted(mine[order], t))
            near.append(
                order[at : at + SIDE_BY_SIDE] if called else order[max(0, at - SIDE_BY_SIDE) : at][::-1]
            )
        found.append(
            {
                "name": "just above: called odd" if called else "just below: called usual",
                "ours": called,
                "frames": [strip(rows) for rows in near],
                "notes": [_span(mine[rows]) for rows in near],
                "count": SIDE_BY_SIDE,
                "side": tiles.shape[3],
            }
        )
    return found[0], found[1]


def framed(images: np.ndarray, heat: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) over the colours of their errors (N, H, W), framed by what they are: uint8 (N, 3, 2 H + ..., W + ...).

    The frame's colours are those of the bars beside it. The scale of colours is one for all: its end is the 99.5th percentile.
    """
    n, c, h, w = images.shape
    edge = 2 if w >= 32 else 1
    ramp = np.array([palette.rgb(colour) for colour in palette.VIRIDIS], np.float64)
    top = max(float(np.quantile(heat, 0.995)), 1.0)
    at = np.clip(heat / top, 0, 1) * (len(ramp) - 1)
    coloured = np.stack([np.interp(at, np.arange(len(ramp)), ramp[:, i]) for i in range(3)], 1)
    out = np.empty((n, 3, 2 * h + 3 * edge, w + 2 * edge), np.uint8)
    for of, colour in ((~odd, palette.CATEGORICAL[0]), (odd, palette.CATEGORICAL[1])):
        out[of] = np.array(palette.rgb(colour), np.uint8)[:, None, None]
    inner = slice(edge, edge + w)
    out[:, :, edge : edge + h, inner] = images if c == 3 else np.repeat(images, 3, 1)
    out[:, :, 2 * edge + h : 2 * (edge + h), inner] = np.rint(coloured)
    return out


def _span(scores: np.ndarray) -> str:
    if not len(scores):
        return "none of those shown"
    low, high = _number(scores.min()), _number(scores.max())
    return low if low == high else f"{low} to {high}"


def _number(value: float) -> str:
    return f"{value:.{DIGITS}g}".replace("-", "−")


# ---------------------------------------------------------------- curves


def _curves(view: View, score: str) -> None:
    """ROC and precision over recall of the score looked at, of −ELBO and of the nearest pixels; with several cases each of
    them."""
    kept = view.found.more["curves"]
    compared = [
        name for name in dict.fromkeys((score, view.found.more["default"], ELBO, PIXELS)) if name in kept
    ]
    scores = [(name, kept[name]) for name in compared]
    odd = view.found.pictures["odd"]
    share = float(odd.mean())
    left, right = st.columns(2)
    layout.chart(
        curve("ROC", "false alarms, share of usual images", "caught, share of odd images", "roc", scores, (0, 1)),
        place=left, key="anomaly roc", config=PLAIN,
    )  # fmt: skip
    layout.chart(
        curve("Precision and recall", "recall", "precision", "pr", scores, (share, share)), place=right, key="anomaly pr", config=PLAIN
    )  # fmt: skip
    rows = [row for row in view.found.rows if row.metric == AUROC and row.method in compared]
    cases = list(dict.fromkeys(str(row.at["odd"]) for row in rows))
    if len(cases) < 3:
        return
    points = [(name, [_point(row) for row in rows if row.method == name]) for name in compared]
    layout.chart(by_case("AUROC, whatever is odd", "AUROC", points, 0.5), key="anomaly cases", config=PLAIN)


def _point(row: Row) -> Point:
    value = float(row.value or 0.0)
    low, high = (value if end is None else float(end) for end in (row.low, row.high))
    return str(row.at["odd"]), value, low, high
