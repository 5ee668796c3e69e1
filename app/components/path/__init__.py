"""A picture that follows a handle along a path of codes, decoded as the hand moves; under it the film strip."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from app import words
from app.components import component

EDGE = 0.04  # share of the width left at either end, so that the strip's outer pictures have room

_mount = component(
    "path",
    f"""
<div class="path">
  <div class="screen"><canvas role="img" data-frame="0" width="64" height="64"></canvas></div>
  <div class="run"><input type="range" step="0.001"><div class="marks" aria-hidden="true"></div></div>
  <div class="strip" role="group" aria-label="film strip"></div>
  <div class="side">
    <output><b></b><span></span></output>
    <div class="controls">
      <button type="button" class="play" aria-pressed="false">Play</button>
      <label><input type="checkbox" class="bounce" checked> there and back</label>
      <label>speed <select aria-label="speed"><option value="0.25">¼×</option><option value="0.5">½×</option><option value="1" selected>1×</option><option value="2">2×</option><option value="4">4×</option></select></label>
    </div>
    <div class="written"><span class="name">{words.button("code", "path")}</span> <code tabindex="0"></code></div>
    <p class="where"></p>
    <p class="fault" role="alert"></p>
  </div>
</div>
""",
)


def path(
    run_id: str, header: dict[str, Any], t: np.ndarray, codes: np.ndarray, *, low: float, high: float,
    frames: Sequence[float], marks: Sequence[tuple[float, str]], inside: tuple[float, float], position: float,
    name: str = "position", picture: str = "decoded image", rest: float = 30.0, link: int = 0, key: str = "path", on_rest: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """Show the path of `codes` (M, D) float32 at rising `t` (M,), straight between; nothing is rerun while it moves.

    The handle, called `name`, goes from `low` to `high` and begins at `position`; playing goes over `inside`,
    beyond which the strip fades. `frames` are the strip's positions and `marks` (position, text) the waypoints,
    at which the code is the waypoint's exactly. `on_rest` is called when the handle came to rest; its position is
    then `st.session_state[key]["position"]`. `rest` is how much of the window's height, in rem, the picture leaves to
    what stands around it; the handle goes to `position` once more when `link` changes. `header` is models.decoder_header's; when the run has other weights by
    now than those, the script (of the fragment) is run, so that it can go on with the new ones.
    """
    _mount(
        key=key,
        data={
            "run": run_id, "header": header, "name": name, "picture": picture,
            "t": _packed(t, "<f8"), "codes": _packed(codes, "<f4"), "low": low, "high": high, "frames": list(frames),
            "marks": [list(m) for m in marks], "inside": list(inside), "position": position, "edge": EDGE, "rest": rest, "link": link,
            "reports": on_rest is not None,
        },
        on_position_change=on_rest or (lambda: None),
        on_outdated_change=lambda: None,
    )  # fmt: skip


def _packed(array: np.ndarray, kind: str) -> str:
    """The numbers themselves, bit for bit: JSON would be four times as long."""
    return base64.b64encode(np.ascontiguousarray(array).astype(kind).tobytes()).decode()
