"""The β dial: reconstructions, samples, traversals, curve and map of one network, at the β under the hand."""

from __future__ import annotations

from typing import Any

from app import words
from app.components import component

HTML = f"""
<div class="dial" data-frame="0">
  <div class="turn">
    <output><b></b><span></span></output>
    <input type="range" min="0" max="1" step="0.001" aria-label="β">
    <div class="ticks" aria-hidden="true"></div>
    <button type="button" class="play" aria-pressed="false">Play</button>
  </div>
  <div class="pictures">
    <figure class="originals"><figcaption>images</figcaption><div></div></figure>
    <figure class="rebuilt"><figcaption>{words.button("reconstruction", "dial", shown="reconstructions")}</figcaption><div></div></figure>
    <figure class="samples"><figcaption>samples from the {words.button("prior", "dial")}</figcaption><div></div></figure>
    <figure class="walks"><figcaption>{words.button("traversal", "dial", shown="traversals")}</figcaption><div></div></figure>
  </div>
  <div class="charts">
    <figure><figcaption>{words.button("rate", "dial")} and {words.button("distortion", "dial")}, test images, {words.button("nats", "dial")} per image</figcaption><svg class="curve" role="img" aria-label="rate-distortion curve"></svg></figure>
    <figure><figcaption>{words.button("KL", "dial")} per {words.button("dimension", "dial")}, nats</figcaption><svg class="bars" role="img" aria-label="KL per dimension"></svg></figure>
    <figure><figcaption class="mapped">latent map</figcaption><canvas class="map" role="img" aria-label="map of codes at this β"></canvas></figure>
  </div>
  <p class="say" role="status"></p>
</div>
"""

_mount = component("dial", HTML)


def dial(run_id: str, data: dict[str, Any], key: str) -> None:
    """Mount the dial of a run; nothing is rerun while it turns. When it rests, `st.session_state[key]["beta"]` is its β.

    data: `header` (models.dial_header), `beta` to begin with, `images` url of uint8 (N, H, W, C), `noise` url of
    float32 (S, D), `dims` to walk through and `values` along them, `stops` {"betas", "rate", "distortion", "kl": lists}
    or None, `points` url of float32 (stops, M, 2) and `colours` url of uint8 (M,) or None, and `others`, a list of
    {"beta", "rate", "distortion", "name"} of runs trained for one β each.
    """
    _mount(
        key=key, data=data | {"run": run_id},
        on_beta_change=lambda: None, on_outdated_change=lambda: None,
    )  # fmt: skip
