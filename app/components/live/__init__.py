"""Live curves and pictures of training: fetches new events by itself, so that no rerun disturbs zoom or scroll."""

from __future__ import annotations

from collections.abc import Callable

from app.components import component, plotly_url

_mount = component(
    "live",
    """
<section class="live" aria-label="training">
  <header>
    <strong class="name"></strong><span class="state" role="status"></span>
    <div class="bar" role="progressbar" aria-label="progress" aria-valuemin="0" aria-valuemax="100"><i></i></div>
    <dl class="numbers">
      <div><dt>epoch</dt><dd data-n="epoch">–</dd></div>
      <div><dt>images/s</dt><dd data-n="speed">–</dd></div>
      <div><dt>time left</dt><dd data-n="eta">–</dd></div>
      <div><dt title="what is minimised, nats per image">loss</dt><dd data-n="loss">–</dd></div>
      <div><dt title="reconstruction, nats per image">distortion</dt><dd data-n="distortion">–</dd></div>
      <div><dt title="KL from posterior to prior, nats per image">rate</dt><dd data-n="rate">–</dd></div>
      <div><dt title="dimensions whose posterior means vary over images (variance above 0.01)">active</dt><dd data-n="active">–</dd></div>
      <div><dt>β</dt><dd data-n="beta">–</dd></div>
    </dl>
  </header>
  <div class="advice" role="alert"></div>
  <div class="tools">
    <label>Smoothing <input type="range" min="0" max="0.98" step="0.02" value="0.6" aria-label="smoothing"></label>
    <label><input type="checkbox" aria-label="log axis"> Log axis</label>
    <button type="button" class="csv">CSV</button>
    <button type="button" class="zoom" title="show everything again">Reset zoom</button>
  </div>
  <div class="charts">
    <div data-chart="loss"></div><div data-chart="terms"></div><div data-chart="kl"></div><div data-chart="beta"></div>
  </div>
  <div class="pictures" hidden>
    <div class="scrub"><label>Epoch <output></output> <input type="range" min="0" max="0" value="0" step="1" aria-label="epoch of the pictures"></label>
      <button type="button" class="newest" hidden>Newest</button></div>
    <div class="strips">
      <figure data-strip="originals"><figcaption>validation images</figcaption><img alt="validation images"></figure>
      <figure data-strip="reconstructions"><figcaption>their reconstructions</figcaption><img alt="reconstructions"></figure>
      <figure data-strip="samples"><figcaption>samples from the prior</figcaption><img alt="samples from the prior"></figure>
      <figure data-strip="traversal"><figcaption>traversals</figcaption><img alt="traversals"></figure>
    </div>
  </div>
</section>
""",
    isolate=False,
)


def live(
    runs: list[tuple[str, str, str]], state: str, on_changed: Callable[[], None], key: str = "live"
) -> None:
    """Curves and pictures of `runs` [(id, name, a dial's span of β or "")]; the first is the main one, others are overlaid.

    `state` is the main run's state as the page knows it; when it has become another, `on_changed` is called
    and the script reruns once, so that the page's buttons follow.
    """
    _mount(
        key=key,
        data={
            "runs": [{"id": i, "name": n, "dial": d} for i, n, d in runs],
            "state": state,
            "plotly": plotly_url(),
        },
        on_changed_change=on_changed,
    )
