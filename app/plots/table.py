"""What a figure draws, as rows of a table: for whoever reads numbers rather than marks."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import pandas as pd
import plotly.graph_objects as go

MOST = 5000  # rows: what is drawn of more is a cloud, whose numbers nobody reads


def table_of(figure: go.Figure) -> pd.DataFrame:
    """A row a point, bar or cell: the series' name where there are several, then what stands along either axis, and the value of a cell.

    Columns are named by the axes' titles. No more than MOST rows.
    """
    rows: list[dict[str, Any]] = []
    several = len(figure.data) > 1
    for trace in figure.data:
        across, up = _title(figure, "xaxis", "across"), _title(figure, "yaxis", "up")
        up = f"{up} (up)" if up == across else up
        for row in _points(trace, across, up):
            rows.append(({"series": html.unescape(trace.name or "")} if several else {}) | row)
            if len(rows) == MOST:
                return pd.DataFrame(rows)
    return pd.DataFrame(rows)


def heading(figure: go.Figure) -> str:
    """The figure's title, else what stands along its axes."""
    title = (figure.layout.title.text or "") if figure.layout.title else ""
    axes = [_title(figure, axis, "") for axis in ("yaxis", "xaxis")]
    return html.unescape(title) or " over ".join(filter(None, axes)) or "Chart"


def _points(trace: Any, across: str, up: str) -> Iterator[dict[str, Any]]:
    xs, ys = _values(trace.x), _values(trace.y)
    if trace.type in ("heatmap", "contour"):
        for i, line in enumerate(trace.z if trace.z is not None else ()):
            for j, value in enumerate(line):
                yield {across: xs[j] if xs else j, up: ys[i] if ys else i, "value": value}
        return
    errors = _values(trace.error_y.array) if "error_y" in trace and trace.error_y else []
    for i in range(max(len(xs), len(ys))):
        x, y = (xs[i] if i < len(xs) else i), (ys[i] if i < len(ys) else i)
        if x is None or y is None:  # where a line is interrupted
            continue
        yield {across: x, up: y} | ({"±": errors[i]} if i < len(errors) else {})


def _values(values: Any) -> list[Any]:
    return [] if values is None else [html.unescape(v) if isinstance(v, str) else v for v in values]


def _title(figure: go.Figure, axis: str, otherwise: str) -> str:
    return html.unescape(figure.layout[axis].title.text or "") or otherwise
