"""Pictures of a sweep's runs side by side: a column per β, the cursor's enlarged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app import words
from app.components import component

HTML = f"""
<div class="matrix" tabindex="0" role="region" aria-label="pictures side by side"><table><colgroup></colgroup><thead></thead><tbody></tbody></table>{words.meanings("matrix", "traversal", "reconstruction", "prior")}</div>
"""

_mount = component("matrix", HTML)


def matrix(data: dict[str, Any], key: str, *, only: bool = False, on_open: Callable[[], None]) -> None:
    """Mount the matrix; the β cursor (app.components.beta_cursor) says which column is enlarged, or with
    `only` which one is shown alone. `on_open` is called when a run
    is to be opened on the sliders' page: `st.session_state[key]["open"]` is its id then; from the browser: check it.

    data: `rows` names of rows, `columns` each {"beta" label, "run" id, "name", "reached" by the cursor, "figures" of its run
    or "", "walk" what its traversals go along, "pictures" {row: {"url", "width", "height"}}}.
    """
    _mount(key=key, data=data | {"only": only}, on_open_change=on_open)
