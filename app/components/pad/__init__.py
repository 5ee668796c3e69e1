"""A pad on which a digit is drawn: encoded while it is drawn, told to the page when the pen is lifted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.components import component

_mount = component(
    "pad",
    """
<div class="pad">
  <span class="name">Draw it</span>
  <div class="row">
    <canvas class="sheet" width="196" height="196" role="img" aria-label="drawing pad"></canvas>
    <div class="made">
      <figure><canvas class="seen" width="32" height="32" role="img" aria-label="what is encoded"></canvas>
        <figcaption>encoded</figcaption></figure>
      <figure><canvas class="back" width="32" height="32" role="img" aria-label="the drawing decoded"></canvas>
        <figcaption>decoded</figcaption></figure>
    </div>
  </div>
  <div class="foot"><button type="button">Clear</button>
    <small>Scaled and centred as MNIST's digits are.</small></div>
  <p class="say" role="status"></p>
</div>
""",
)


def pad(run_id: str, header: dict[str, Any], place: int, *, key: str, on_drawn: Callable[[], None]) -> None:
    """Mount the pad. What was drawn stays on it while the page reruns.

    `on_drawn` is called when the pen is lifted and the newest answer is there; it is then, until the next run,
    `st.session_state[key]["drawn"]`: {"run", "stamp", "place", "code" [D], "width", "height", "channels", "picture"},
    the last base64 of uint8 (H, W, C), `place` the one given here when the pen was put down. All of it comes from
    the browser: check it. `header` is models.decoder_header's; when the run has other weights by now than those,
    the script is run, so that it can go on with the new ones.
    """
    _mount(
        key=key,
        data={
            "run": run_id, "header": header, "place": place,
        },
        on_drawn_change=on_drawn,
        on_outdated_change=lambda: None,
    )  # fmt: skip
