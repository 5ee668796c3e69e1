"""The β cursor of a sweep: a slider that moves a mark in each of the page's charts, and the matrix of pictures with it."""

from __future__ import annotations

from typing import Any

from app import words
from app.components import component

HTML = f"""
<div class="beta_cursor" data-moves="0">
  <output aria-live="off"><b></b><span></span></output>
  <input type="range" min="0" step="1" aria-label="β cursor">
  <div class="ticks" aria-hidden="true"></div>
  {words.meanings("cursor", "rate", "distortion", "nats", "active")}
</div>
"""

_mount = component("beta_cursor", HTML)


def beta_cursor(data: dict[str, Any], key: str) -> None:
    """Mount the cursor; nothing is rerun while it moves. Once it rests, `st.session_state[key]["at"]` is where: {"sweep",
    "beta" (its label), "move" (its number)}, from the browser: check it.

    data: `sweep` its name, `labels` (B,) of the βs in ascending order, `words` (B,) what to say of each, `at` the label
    to begin with and `link`, with which it is gone to once more when that changes, and `charts`, by the key of a plotly
    chart of the page where the marks stand in it: {"kind", "x": (B,), "y": (B,) or None}. A "point" is circled, a "line"
    goes up at x, a "column" of a category axis is framed. A click on a chart's point moves the cursor there, as does one
    on a column of the matrix.
    """
    _mount(key=key, data=data, on_at_change=lambda: None)
