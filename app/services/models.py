"""Loaded networks, and the same networks in the form that the browser runs.

A key holds the stamp of a run's weights, never just its path, so that retrained weights are seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from app.services.cache import LruCache

if TYPE_CHECKING:
    # torch takes seconds to import: the server answers before it is there
    from vae_core.export.browser import BrowserDecoder, BrowserDial
    from vae_core.inference import LoadedModel
    from vae_core.runs.run import Run

# the largest network that the browser decodes itself: beyond, a picture takes longer than the way to the server and
# back (measured with tests/bench/deck.py: 2 million multiplications a millisecond here), and weights take long to come
BROWSER_PRODUCTS, BROWSER_FLOATS = 80_000_000, 8_000_000
DECODE_BATCH = 64  # codes that the server decodes in one request

_models: LruCache[LoadedModel] = LruCache(8)
_decoders: LruCache[BrowserDecoder] = LruCache(16)
_dials: LruCache[BrowserDial] = LruCache(4)

T = TypeVar("T")


def model(run: Run) -> LoadedModel:
    """The run's network with the weights it has now. Raises BadRun when it has none."""
    from vae_core.inference import load_run

    return _models.get_or_make((run.path, run.places.home, run.stamp()), lambda: load_run(run))


def model_at(run: Run, beta: float) -> LoadedModel:
    """As `model`; of a β dial at a β, where that is not 0. Raises BadConfig for a run without a dial."""
    found = model(run)
    return found.at_beta(beta) if beta else found


class _WeightsChangedError(Exception):
    """A checkpoint landed while weights were read."""


def _of_one_stamp(run: Run, cache: LruCache[T], read: Callable[[Run], T]) -> tuple[str, T]:
    """The stamp of a run's weights, and what `read` makes of just those."""

    def make(stamp: str) -> T:
        found = read(run)
        if run.stamp() != stamp:
            raise _WeightsChangedError
        return found

    while True:
        stamp = run.stamp()
        try:
            return stamp, cache.get_or_make((run.path, run.places.home, stamp), partial(make, stamp))
        except _WeightsChangedError:
            continue


def browser_decoder(run: Run) -> tuple[str, BrowserDecoder]:
    """The stamp of a run's weights, and the decoder of just those in the browser's form. Raises UnknownToBrowser."""
    from vae_core.export import browser

    return _of_one_stamp(run, _decoders, lambda run: browser.browser_decoder(run.record(), run.arrays()))


def browser_dial(run: Run) -> tuple[str, BrowserDial]:
    """The same of both networks of a β dial. Raises BadConfig for a run without one."""
    from vae_core.export import browser

    return _of_one_stamp(run, _dials, lambda run: browser.browser_dial(run.record(), run.arrays()))


def decoder_header(run: Run) -> dict[str, Any]:
    """The decoder's layers, and the stamp under which its weights are to be fetched.

    No layers where the server is to decode, and `why`: the network is too large, or of a kind that the browser does not
    know.
    """
    from vae_core.export.browser import UnknownToBrowser

    common = {"stamp": run.stamp(), "batch": DECODE_BATCH, "why": ""}
    try:
        common["stamp"], found = browser_decoder(run)
    except UnknownToBrowser:
        record = run.record()
        channels, height, width = record.shape or (1, 1, 1)
        dims = record.effective.model.latent_dim
        return common | {
            "why": "this page does not know the kind of its network",
            "layers": [], "channels": channels, "height": height, "width": width, "latent_dim": dims, "floats": 0,
        }  # fmt: skip
    header: dict[str, Any] = found.header()
    if found.products > BROWSER_PRODUCTS or found.weights.size > BROWSER_FLOATS:
        header["layers"] = []
        common["why"] = (
            f"its network is too large for this page, with {found.products / 1e6:,.0f} million products a picture"
        )
    return header | common


def model_and_header(run: Run) -> tuple[LoadedModel, dict[str, Any]]:
    """The network, and `decoder_header` of the very same weights: a checkpoint may land between the two."""
    while True:
        network, header = model(run), decoder_header(run)
        if network.stamp == header["stamp"] == run.stamp():
            return network, header


def dial_header(run: Run) -> dict[str, Any]:
    """The dial's layers, its ends, and the stamp under which its weights are to be fetched.

    No layers where the networks are too large for the browser.
    """
    stamp, found = browser_dial(run)
    header: dict[str, Any] = found.header() | {"stamp": stamp}
    if found.products > 2 * BROWSER_PRODUCTS or found.weights.size > 2 * BROWSER_FLOATS:
        header |= {"encoder": [], "decoder": []}
    return header
