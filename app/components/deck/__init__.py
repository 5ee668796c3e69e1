"""The deck: sliders over latent dimensions whose picture is decoded as the hand moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app import words
from app.components import component


def word(name: str, shown: str = "", more: str = "") -> str:
    """What is `shown` (HTML), which opens what a word of the field means, and `more` (HTML) under it."""
    return words.button(name, "deck", shown=shown, more=more)


_, SHARE_MEANS = words.apart("share", "deck")  # its words are made with the sliders

HTML = f"""
<div class="deck">
  <div class="row bar" role="toolbar" aria-label="moves">
    <button type="button" data-do="random" title="A code from the prior N(0, I)">Random</button>
    <button type="button" data-do="image" title="The code of a random image">From data</button>
    <button type="button" data-do="play" aria-pressed="false" title="A smooth walk through the prior">Play</button>
    <label class="speed">speed <input type="range" min="0.1" max="3" step="0.1" value="1" aria-label="speed"></label>
    <button type="button" data-do="undo" title="Ctrl+Z; greyed while nothing has moved">Undo</button>
    <button type="button" data-do="redo" title="Ctrl+Shift+Z; greyed while nothing is undone">Redo</button>
    <button type="button" data-do="reset" title="Back to the encoded image">Reset</button>
    <button type="button" data-do="zero" title="The prior's mean">Zero</button>
    <button type="button" data-do="mark" title="Keep this code with the run's notes">Bookmark</button>
    <button type="button" data-do="pin" title="Keep this picture here, and move it along with the sliders">Pin</button>
    <button type="button" data-do="waypoint" title="The code on the picture, as a waypoint of a path">Send to interpolation</button>
    <button type="button" popovertarget="deck-code" title="This code as numbers, Python lines or a link">Export</button>
  </div>
  <div class="menu" id="deck-code" popover aria-label="export the code">
    <output class="code" aria-label="code"></output>
    <div class="row">
      <button type="button" data-do="json">Copy JSON</button>
      <button type="button" data-do="python">Copy Python</button>
      <button type="button" data-do="link">Copy link</button>
    </div>
    <textarea class="copy" aria-label="to copy" readonly hidden></textarea>
  </div>
  <section class="left">
    <div class="stage">
      <canvas class="picture" role="img" aria-label="decoded image" aria-describedby="deck-trust" data-frame="0" width="64" height="64"></canvas>
      <canvas class="overlay" aria-hidden="true" hidden></canvas>
    </div>
    <p class="say" role="status"></p>
    <div class="trust" id="deck-trust">
      <div class="near"><canvas width="64" height="64" role="img" aria-label="nearest image"></canvas>
        <div class="facts">
          <div class="usual">{word("percentile", '<b data-n="percentile">–</b>')}</div>
          {word("nearest", '<span data-n="near">–</span>', '<small data-n="near-what"></small>')}
        </div></div>
      <div class="encoded"><canvas width="64" height="64" role="img" aria-label="encoded"></canvas>
        <span data-n="encoded"></span></div>
      <div class="place">{
    word(
        "latent space",
        '<canvas width="160" height="160" role="img" aria-label="place among the images"></canvas>',
        '<small data-n="axes"></small>',
    )
}</div>
    </div>
    <div class="row hands">
      <button type="button" data-do="compare" title="Hold to see the encoded image">Compare</button>
      <button type="button" data-do="sigma" aria-pressed="false">Uncertainty</button>
      <span class="drag">drag ↔ <select data-pick="0" aria-label="dimension across"></select>
        ↕ <select data-pick="1" aria-label="dimension up"></select></span>
      <span class="where"></span>
    </div>
  </section>
  <section class="right" tabindex="-1">
    <div class="row ranges" role="radiogroup" aria-label="range">
      <span>Range</span>
      <label><input type="radio" name="range" value="prior"> prior ±3</label>
      <label><input type="radio" name="range" value="data"> data, 1–99 %</label>
      <label><input type="radio" name="range" value="free"> free</label>
      <small data-n="range"></small>
      <span data-told="guided" hidden>{word("guided")}</span><span data-told="pairs" hidden>{
    word("pairs")
}</span>
    </div>
    <div class="shelf pins" hidden><small>Pinned: the sliders move them by the same steps; Reset takes back those since the
      newest was set</small><div></div></div>
    <div class="shelf marks" hidden><small>Bookmarks</small><div></div></div>
    <div class="sliders"></div>
    {SHARE_MEANS}
    <details class="more" hidden><summary></summary><div></div></details>
    <details class="collapsed" hidden><summary></summary>
      <small>Their posterior is the prior (KL below 0.01 nats), so they hardly change the picture.</small><div></div></details>
    <details class="gallery"><summary>Samples from the prior</summary>
      <div class="row">
        <label>pictures <select aria-label="pictures"><option>16</option><option>36</option><option>64</option></select></label>
        <label>temperature <input type="range" min="0" max="1.5" step="0.05" value="1" aria-label="temperature">
          <output>1.00</output></label>
        <button type="button" data-do="samples">New samples</button>
        <button type="button" data-do="sheet">Download PNG</button>
      </div>
      <small>z ~ N(0, temperature² I). A click takes the code.</small>
      <canvas role="img" aria-label="samples" width="64" height="64"></canvas></details>
    <details class="drawing"><summary>Draw</summary>
      <div class="row">
        <canvas class="pad" width="196" height="196" role="img" aria-label="drawing pad"></canvas>
        <canvas class="seen" width="32" height="32" role="img" aria-label="what is encoded"></canvas>
        <button type="button" data-do="clear">Clear</button></div>
      <small>Scaled and centred as MNIST's digits are, then encoded while you draw; the large picture is its
      reconstruction.</small></details>
  </section>
</div>
"""

_mount = component("deck", HTML)


def deck(
    data: dict[str, Any],
    key: str,
    *,
    on_code: Callable[[], None],
    on_marks: Callable[[], None],
    on_waypoint: Callable[[], None],
) -> Any:
    """Mount the deck. `result.code` is where it came to rest, {"run", "z"} (`z` as app.state.code_format.pack writes it),
    `result.waypoint` likewise a code for interpolation, `result.marks` what was changed in names and bookmarks, {"run",
    "page", "changes"}, each change with its number "n" (vae_core.runs.marks.change_marks).

    data: `run`, `name`, `home` ("" where Python looks anyway), `header` (models.decoder_header), `kl` (D,) nats or empty, `order` (D,) dimensions from most
    to least used, `collapsed` dimensions, `effects` per dimension [the attribute that its slider changes most, its share of
    all that changes, 0 to 1], empty where that is not known, `told` "guided" or "pairs" where the run was told more than its
    images, else "", `range` to begin with, "prior" or "data", `span` {"low", "high"} (D,) each, where the images' codes end, where the sliders
    open at them and they are known, else None, `encoded` {"key", "stamp" of the weights that encoded it, "code", "std" or None, "words", "note" on new weights,
    "picture" data URL or None},
    `open` {"key", "code"}: a code to go to when its key changes, `marks` {"names", "bookmarks", "kept"}, the last {"page", "n"}: up to
    which of a page's changes they hold, `refuses`: why none is kept, empty where they are, `grey`: may be drawn.
    Nothing is reported while a slider moves, so that nothing is rerun. When the run has other weights by now than the
    header's, the script (of the fragment) is run, so that it can go on with the new ones.
    """
    return _mount(
        key=key,
        data=data,
        default={"code": None},
        on_code_change=on_code,
        on_marks_change=on_marks,
        on_waypoint_change=on_waypoint,
        on_outdated_change=lambda: None,
    )
