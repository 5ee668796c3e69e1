"""The latent map: many points on a canvas, with the images behind them, that moves without a script rerun."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from app import words
from app.components import component
from app.services import array_store
from app.services.array_store import TILE

if TYPE_CHECKING:
    from vae_core.data.factor_words import FactorWords

WORDS = (
    "posterior",
    "prior",
    "KL",
    "nats",
    "ELBO",
    "reconstruction error",
    "anomaly score",
    "1st to 99th percentile",
)
HTML = f"""
<div class="map">
  <div class="head"><b class="title"></b>
    <div class="tools">
      <span role="radiogroup" aria-label="what dragging does">
        <label><input type="radio" name="mode" value="pan" checked><span>Pan</span></label>
        <label><input type="radio" name="mode" value="lasso"><span>Lasso</span></label>
        <label><input type="radio" name="mode" value="box"><span>Box</span></label>
      </span>
      <button type="button" data-do="in" aria-label="zoom in">+</button>
      <button type="button" data-do="out" aria-label="zoom out">−</button>
      <button type="button" data-do="fit">Fit</button>
      <button type="button" data-do="images" aria-pressed="false" title="Images instead of dots, where there is room for them">Images</button>
      <details class="look"><summary>View</summary><div>
        <label>size <input type="range" min="1" max="14" step="1" aria-label="size of points"></label>
        <label>opacity <input type="range" min="0.05" max="1" step="0.05" aria-label="opacity of points"></label>
        <label class="names"><input type="checkbox"> names on the map</label>
        <label class="ellipses"><input type="checkbox"> {words.apart("posterior", "map")[0]} σ-ellipses</label>
        <label class="contours"><input type="checkbox"> the {words.apart("prior", "map", shown="prior's")[0]} contours</label>
        <label class="plane"><input type="checkbox"> decoded pictures behind</label>
      </div></details>
    </div>
  </div>
  <div class="plot">
    <canvas class="back" aria-hidden="true"></canvas>
    <canvas class="surface" role="img" aria-label="latent map" tabindex="0" data-frame="0"></canvas>
    <canvas class="over" aria-hidden="true"></canvas>
    <div class="tip" hidden><img alt=""><div></div></div>
    <p class="say" role="status"></p>
    <div class="legend"></div>
  </div>
  {words.meanings("map", *WORDS)}
  <div class="replay" hidden><button type="button" data-do="play" aria-pressed="false">Play</button>
    <input type="range" min="0" step="0.01" aria-label="epoch"><output></output></div>
</div>
"""

_mount = component("map", HTML)

OVERVIEW = (8, 32)  # tiles of images from all over the map, before those of neighbours


def latent_map(
    data: dict[str, Any], key: str, *, on_point: Callable[[], None], on_selection: Callable[[], None],
    on_spot: Callable[[], None],
) -> Any:  # fmt: skip
    """Mount the map. Nothing is reported while it is panned, zoomed or hovered over.

    `result.point` is the number of the image that was clicked (trigger), `result.selection` what lies inside a lasso or
    box, see `images_of` (trigger), `result.spot` [x, y] of a click on empty space (trigger).
    data: see `points`, whose result it extends by `title`, `x`, `y` (axes), `colour`, `chosen` (row or -1), and
    where wanted `selected` (see `bits_of`), `spot` [x, y], `labels` (as of `classes`) for the hover, `decoded` where
    pictures are decoded from codes, `marks` [{"x", "y", "words"}], `ellipses` url of (N, 2) standard
    deviations, `prior` bool, `plane` {"key", "header", "mean", "axes", "whole": whether it is the whole space}, `frames` {"points": url of (E, N, 2), "words": [E]},
    `link`, a word that maps share whose selections follow each other.
    """
    return _mount(
        key=key,
        data=data | {"tile": TILE},
        on_point_change=on_point,
        on_selection_change=on_selection,
        on_spot_change=on_spot,
        on_lost_change=lambda: None,  # the rerun alone publishes anew what was forgotten
    )


def points(run_id: str, stamp: str, split: str, xy: np.ndarray, numbers: np.ndarray) -> dict[str, Any]:
    """What the map needs of its points xy (N, 2), images `numbers` (N,) of a run's dataset.

    `split` names the stored codes that hold them, for pictures where the images are not on this machine.
    """
    order = along_tiles(xy)
    atlas = array_store.publish(numbers[order], "<i4")
    return {
        "run": run_id, "count": len(xy), "points": array_store.url(xy), "numbers": array_store.url(numbers, "<i4"),
        "order": array_store.url(order, "<i4"), "atlas": f"/api/runs/{run_id}/atlas/{stamp}/{split}/{atlas}",
        "pair": f"/api/runs/{run_id}/pair/{stamp}/{split}",
    }  # fmt: skip


def classes(values: np.ndarray, names: list[str], title: str) -> dict[str, Any]:
    """Colour by class: values (N,) index `names`; others have no class."""
    values = np.asarray(values, np.int64)
    values = np.where((values >= 0) & (values < min(len(names), 255)), values, 255)
    return {"kind": "classes", "values": array_store.url(values, "u1"), "names": names[:255], "title": title}


def numbers(
    values: np.ndarray, title: str, digits: int = 3, words: FactorWords | None = None
) -> dict[str, Any]:
    """Colour by number: the scale ends at the 1st and 99th percentile; what is not finite has no colour.

    A value is said with so many `digits`, and with its word where the ends of its scale have `words`.
    """
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    low, high = (float(q) for q in np.quantile(finite, (0.01, 0.99))) if len(finite) else (0.0, 1.0)
    colour = {
        "kind": "numbers", "values": array_store.url(values), "low": low, "high": high, "title": title, "digits": digits,
    }  # fmt: skip
    if words is not None:
        ends = {"low": words.low, "high": words.high, "top": words.top}
        colour["words"] = {"each": list(words.each)} if words.each else ends
    return colour


def along_tiles(xy: np.ndarray) -> np.ndarray:
    """Rows (N,) int32 in the order of their tiles: first some from everywhere, then more of them, then the rest.

    So that the whole map shows pictures from few tiles; what is left lies together tile by tile, see `morton`.
    """
    rest, parts = morton(xy), []
    for tiles in OVERVIEW:
        if len(rest) <= tiles * TILE:
            break
        some = np.linspace(0, len(rest) - 1, tiles * TILE).astype(int)
        parts.append(rest[some])
        rest = np.delete(rest, some)
    return np.concatenate([*parts, rest]).astype(np.int32)


def morton(xy: np.ndarray) -> np.ndarray:
    """Rows (N,) int32 along a Z-curve (Morton 1966), so that what lies together on the map lies in one tile."""
    low, span = xy.min(0), np.maximum(np.ptp(xy, axis=0), 1e-12)
    cells = np.nan_to_num((xy - low) / span * 65535).astype(np.uint64)

    def spread(v: np.ndarray) -> np.ndarray:
        for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            v = (v | (v << np.uint64(shift))) & np.uint64(mask)
        return v

    key = spread(cells[:, 0]) | (spread(cells[:, 1]) << np.uint64(1))
    return np.argsort(key, kind="stable").astype(np.int32)


def bits_of(inside: np.ndarray) -> str:
    """bool (N,) -> text, one bit a row; empty where nothing is inside."""
    return base64.b64encode(np.packbits(inside, bitorder="little").tobytes()).decode() if inside.any() else ""


def images_of(selection: Any) -> np.ndarray | None:
    """Numbers of the images that the map reports as selected, none of them where "bits" is empty; None for nonsense.

    `selection` comes from the browser. Its "of" names the numbers (N,) that the map was given, for they may not be those
    of the newest run of the script.
    """
    if not isinstance(selection, dict) or not isinstance(selection.get("of"), str):
        return None
    known = array_store.at(selection["of"])
    if known is None or known.dtype != np.dtype("<i4") or known.ndim != 1:
        return None
    chosen: np.ndarray = known[rows_of(str(selection.get("bits", "")), len(known))].astype(np.int64)
    return chosen


def rows_of(bits: str, count: int) -> np.ndarray:
    """The text of `bits_of` -> bool (count,); nothing is inside where it is none."""
    try:
        raw = np.frombuffer(base64.b64decode(bits, validate=True), np.uint8)
    except ValueError:
        raw = np.zeros(0, np.uint8)
    if len(raw) != -(-count // 8):
        return np.zeros(count, bool)
    return np.unpackbits(raw, count=count, bitorder="little").astype(bool)
