"""Home's picture: a decoder that runs in the browser and walks slowly through its prior."""

from __future__ import annotations

from typing import Any

from app.components import component

_mount = component(
    "prior_walk",
    """
<div class="prior_walk">
  <canvas role="img" aria-label="decoded image" data-frame="0" width="64" height="64"></canvas>
  <div class="caption"><button type="button" aria-pressed="false">Pause</button><span></span></div>
</div>
""",
)


def prior_walk(run_id: str, header: dict[str, Any], caption: str, key: str = "walk") -> None:
    """Show the walk of a run. The picture is decoded by the page itself; nothing is rerun.

    `header` is the decoder's (BrowserDecoder.header) with the stamp of its weights.
    """
    data = {"run": run_id, "header": header, "caption": caption}
    _mount(key=key, data=data)
