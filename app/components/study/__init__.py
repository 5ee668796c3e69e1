"""A study in the browser: a picture matrix, charts and a table of its trials, linked by one cursor and one selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.components import component

_TABS = {"parallel": "Axes", "scatter": "Scatter", "curves": "Curves", "table": "Table"}
_PICTURES = {"reconstruction": "Reconstructions", "sample": "Samples", "traversal": "Traversals"}


def _tabs() -> str:
    return "".join(
        f'<button type="button" role="tab" id="study-tab-{name}" aria-controls="study-pane-{name}" data-opens="{name}" aria-selected="{str(not k).lower()}" tabindex="{-1 if k else 0}" title="{title} (key {k + 1})">{title}</button>'
        for k, (name, title) in enumerate(_TABS.items())
    )


def _pictures() -> str:
    return "".join(
        f'<button type="button" data-picture="{name}" aria-pressed="false" title="{title} (key {name[0].upper()})">{title}</button>'
        for name, title in _PICTURES.items()
    )


HTML = f"""
<div class="study" data-open="parallel" data-moves="0" data-marks="0" role="region" aria-label="trials of a study">
  <div class="left">
    <div class="bar">
      <span class="group" role="group" aria-label="picture of each cell">{_pictures()}</span>
      <label>columns <select name="columns"></select></label><label class="rows">rows <select name="rows"></select></label>
      <span class="group" role="group" aria-label="zoom"><button type="button" class="farther" disabled title="Smaller (key −)" aria-label="smaller">−</button><button type="button" class="nearer" title="More of each trial, larger (key +)" aria-label="larger">+</button></span>
    </div>
    <div class="pane"><div class="grid" role="grid" tabindex="0"></div></div>
  </div>
  <div class="right">
    <div class="bar"><span class="tabs" role="tablist" aria-label="charts of all trials">{_tabs()}</span><span class="kept" aria-live="polite"></span><button type="button" class="clear" hidden title="Keep all trials, choose none (Esc)">Clear</button></div>
    <div class="charts">
      <div data-tab="parallel" role="tabpanel" id="study-pane-parallel" aria-labelledby="study-tab-parallel"><svg role="img" tabindex="0" aria-label="A line for each trial across its fields and numbers. A drag along an axis keeps the trials that pass there; arrow keys move from trial to trial."></svg></div>
      <div data-tab="scatter" role="tabpanel" id="study-pane-scatter" aria-labelledby="study-tab-scatter" hidden><div class="axes"><label>across <select name="x"></select></label><label>up <select name="y"></select></label></div><svg role="img" tabindex="0" aria-label="A dot for each trial; diamonds are on the Pareto front. A drag keeps the trials in a box."></svg></div>
      <div data-tab="curves" role="tabpanel" id="study-pane-curves" aria-labelledby="study-tab-curves" hidden><svg role="img" tabindex="0" aria-label="Learning curves of all trials; those that were pruned are faint."></svg></div>
      <div data-tab="table" role="tabpanel" id="study-pane-table" aria-labelledby="study-tab-table" tabindex="0" hidden><table></table></div>
    </div>
    <output class="said" aria-live="off"></output>
    <section class="card" aria-label="one trial" tabindex="0"></section>
  </div>
</div>
"""

_mount = component("study", HTML)


def study(data: dict[str, Any], key: str, *, on_ask: Callable[[], None]) -> None:
    """Mount the study; nothing is rerun while a hand looks through it. `on_ask` is called when a button of the card is
    pressed: `st.session_state[key]["asked"]` is {"what": a key of `asks`, "trial" number, "run" id} then; from the browser:
    check it.

    data: what vae_core.study.view.payload gives, with "pictures" in each trial: {"reconstruction" | "sample" | "traversal" |
    "originals": {"url", "width", "height" of a sheet, "across", "down" how many pictures it has, "one": (across, down) of
    them that stand for the whole before one zooms} or None}; `asks` what one may ask of a trial, name -> label of its button;
    `height` of the component where it has the page's width, a CSS length.
    """
    _mount(key=key, data=data, on_asked_change=on_ask)
