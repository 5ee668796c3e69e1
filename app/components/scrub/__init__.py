"""A slider over results that are there already: pictures, a chart and a table follow it live, without the script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.components import component
from vae_core import pictures

HTML = """
<div class="scrub" data-stop="">
  <div class="handle"><label></label><input type="range" min="0" step="1" aria-label="stop"><output aria-live="off"></output></div>
  <div class="body"><div class="pictures"></div><div class="side"><svg role="img" aria-label="chart"></svg><div class="legend"></div><table></table></div></div>
</div>
"""

_mount = component("scrub", HTML)


def scrub(data: dict[str, Any], key: str) -> None:
    """Mount the slider; nothing is rerun while it moves, nor when it rests.

    data: `name` of the results, on whose change the slider goes to `start`; `title` what is moved, with its unit; `labels`
    (S,) of the stops; `rows` of pictures, each {"name", "ours": whether a VAE made it, "frames": (S,) addresses of `frames`,
    or one for all stops, "notes": (S,) texts, or none, "count": images side by side in a frame, "side": pixels of one}; `chart` or None: {"title", "x", "y"
    (names of the axes, with units), "at": (S,) where the stops lie on x, "ticks": (S,) texts under the stops where x is no
    measure of its own (a logarithm), or left out, "lines": [{"name", "ours", "x": (P,), "y": (P,),
    "low", "high": (P,) or None}], "bars": [{"name", "edges": (K + 1,), "heights": (K,)}]}; `table` or None: {"columns":
    texts, "rows": (S,) tables of texts}.
    """
    _mount(key=key, data=data)


def frame(images: np.ndarray) -> str:
    """Images (N, C, H, W), uint8 or floats in [0, 1], side by side at their own size, as an address."""
    shown = images if images.dtype == np.uint8 else np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return pictures.data_url(pictures.sheet(shown[None]))


def frames(images: Sequence[np.ndarray]) -> list[str]:
    """One frame for each of several strips (N, C, H, W)."""
    return [frame(one) for one in images]
