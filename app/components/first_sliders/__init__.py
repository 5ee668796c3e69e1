"""Home's small deck: a picture and a few sliders of a shipped run, which is the first thing one does here."""

from __future__ import annotations

from typing import Any

from app import words
from app.components import component

_mount = component(
    "first_sliders",
    f"""
<div class="first_sliders">
  <div class="stage">
    <canvas role="img" aria-label="decoded image" data-frame="0" width="64" height="64"></canvas>
  </div>
  <div class="hands">
    <p class="lead">Drag one: it moves one number of the {words.button("code", "first")}, and the picture follows.</p>
    <div class="sliders"></div>
    <div class="row"><button type="button" data-do="other">Another one</button>
      <button type="button" data-do="reset">Back to the start</button></div>
    <p class="say" role="status"></p>
  </div>
</div>
""",
)


def first_sliders(
    run_id: str, header: dict[str, Any], sliders: list[dict[str, Any]], starts: list[list[float]]
) -> None:
    """Show the picture and its sliders. Everything happens in the page; nothing is rerun.

    header: models.decoder_header. sliders: {"dim", "name", "low", "high"} each. starts: codes (D,) of images, one or more,
    to begin at.
    """
    data = {"run": run_id, "header": header, "sliders": sliders, "starts": starts}
    _mount(key="first sliders", data=data)
