"""Live curves and pictures of training: fetches new events by itself, so that no rerun disturbs zoom or scroll."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from app import words
from app.components import component, plotly_url
from vae_core import glossary
from vae_core.config import ObjectiveConfig

ASKED = {
    name: words.apart(name, "live") for name in ("epoch", "step", "images/s", "time left", "loss", "active")
}
MEANINGS = "".join(meaning for _, meaning in ASKED.values())

BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="  # a picture of nothing, until there is one

_mount = component(
    "live",
    f"""
<section class="live" aria-label="training" data-tab="now">
  <header>
    <strong class="name"></strong><span class="state" role="status"></span>
    <div class="bar" role="progressbar" aria-label="progress" aria-valuemin="0" aria-valuemax="100"><i></i></div>
    <dl class="numbers">
      <div><dt>{ASKED["epoch"][0]}</dt><dd data-n="epoch">–</dd></div>
      <div><dt>{ASKED["step"][0]}</dt><dd data-n="step">–</dd></div>
      <div><dt>{ASKED["images/s"][0]}</dt><dd data-n="speed">–</dd></div>
      <div><dt>{ASKED["time left"][0]}</dt><dd data-n="eta">–</dd></div>
      <div><dt>{ASKED["loss"][0]}</dt><dd data-n="loss">–</dd></div>
      <div><dt>{ASKED["active"][0]}</dt><dd data-n="active">–</dd></div>
    </dl>
    <div class="meanings">{MEANINGS}</div>
  </header>
  <div class="advice" role="alert"></div>
  <div class="charts">
    <div data-chart="loss"></div><div data-chart="terms"></div><div data-chart="kl"></div><div data-chart="shown" hidden></div><div data-chart="schedule"></div>
  </div>
  <div class="tools">
    <div class="scrub" hidden><label>Epoch <output></output> <input type="range" min="0" max="0" value="0" step="1" aria-label="epoch of the pictures"></label>
      <button type="button" class="newest" hidden>Newest</button></div>
    <span class="rest"></span>
    <label>Smoothing <input type="range" min="0" max="0.98" step="0.02" value="0.6" aria-label="smoothing"></label>
    <label><input type="checkbox" aria-label="log axis"> Log axis</label>
    <button type="button" class="csv" title="every point of the curves">CSV</button>
    <button type="button" class="zoom" title="show everything again">Reset zoom</button>
    <span class="tabs" role="tablist"><button type="button" role="tab" data-show="now" aria-selected="true">Learning</button><button
      type="button" role="tab" data-show="more" aria-selected="false">More curves</button></span>
  </div>
  <div class="pictures" hidden>
    <div class="strips">
      <figure data-strip="originals"><figcaption>validation images</figcaption><img alt="validation images" src="{BLANK}"></figure>
      <figure data-strip="reconstructions"><figcaption>their reconstructions</figcaption><img alt="reconstructions" src="{BLANK}"></figure>
      <figure data-strip="samples"><figcaption>samples from the prior</figcaption><img alt="samples from the prior" src="{BLANK}"></figure>
      <figure data-strip="traversal"><figcaption>traversals</figcaption><img alt="traversals" src="{BLANK}"></figure>
    </div>
  </div>
</section>
""",
    isolate=False,
)


def described(run_id: str, name: str, objective: ObjectiveConfig) -> dict[str, Any]:
    """A run as the script takes it: with the terms and coefficients that its objective declares."""
    dial = objective.dial
    return {
        "id": run_id,
        "name": name,
        "dial": "" if dial is None else f"{dial.lowest:g}–{dial.highest:g}",
        "encoder": objective.entry.has_encoder,
        "terms": [
            asdict(term) | {"help": _asked(term.help, term.title, term.formula)} for term in objective.terms
        ],
        "coefficients": [
            {
                "name": c.name,
                "symbol": c.symbol,
                "unit": c.unit,
                "help": _asked(c.help, c.symbol),
                "live": c.live,
            }
            for c in objective.entry.coefficients
        ],
    }


def _asked(help: str, label: str, formula: str = "") -> str:
    """What a tile says when it is asked: the objective's own words and formula, and who defined it."""
    entry = glossary.find(label)
    source = entry.source if entry is not None else ""
    return " · ".join(part for part in (help, formula, source) if part)


def live(runs: list[dict[str, Any]], state: str, on_changed: Callable[[], None], key: str = "live") -> None:
    """Curves and pictures of `runs`, each as `described`; the first is the main one, others are overlaid.

    `state` is the main run's state as the page knows it; when it has become another, `on_changed` is called
    and the script reruns once, so that the page's buttons follow.
    """
    _mount(
        key=key,
        data={"runs": runs, "state": state, "plotly": plotly_url()},
        on_changed_change=on_changed,
    )
