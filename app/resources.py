"""What is expensive and shared: places, store, launcher, loaded models, opened datasets.

Keys name content (a run's id and its weights stamp), never just a path, so that retrained weights are seen.
Both the pages and the /api routes come here; nothing in this file needs a script's context.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places

if TYPE_CHECKING:
    # torch takes seconds to import: the server answers before it is there
    import numpy as np

    from vae_core.browser import BrowserDecoder, BrowserDial
    from vae_core.config import RunConfig
    from vae_core.data import ImageSet
    from vae_core.inference import LoadedModel, StoredCodes
    from vae_core.latent.aggregate import Aggregate
    from vae_core.runs.jobs import Launcher
    from vae_core.runs.store import Run, Store

JOBS_VARIABLE = "LATENT_EXPLORER_JOBS"  # runs that train at a time

_lock = threading.RLock()
_cloud_lock = threading.Lock()


def places() -> Places:
    """Where this server keeps things; set by the command line through the environment."""
    return Places.find(os.environ.get(HOME_VARIABLE), os.environ.get(DATA_VARIABLE))


def store() -> Store:
    from vae_core.runs.store import Store

    return Store(places())


@cache
def _launcher(places: Places, slots: int) -> Launcher:
    from vae_core.runs.jobs import Launcher

    launcher = Launcher(places, slots)
    launcher.start()
    return launcher


def launcher() -> Launcher:
    """The queue of this server's home, started when first asked for."""
    with _lock:
        return _launcher(places(), int(os.environ.get(JOBS_VARIABLE, "1")))


def stop_launcher() -> None:
    """Leave the queue to the next server. Running runs go on; maps being laid out do not."""
    from vae_core.latent import projection

    closing.set()
    with _map_lock:
        projection.cool()
    with _lock:
        if _launcher.cache_info().currsize:
            launcher().stop()
            _launcher.cache_clear()


@lru_cache(maxsize=8)
def _model(path: Path, home: Path, stamp: str) -> LoadedModel:
    from vae_core.inference import load_run
    from vae_core.runs.store import Run

    return load_run(Run(path, Places.find(home)))


def model(run: Run) -> LoadedModel:
    """The run's network with the weights it has now. Raises BadRun when it has none."""
    with _lock:
        return _model(run.path, run.places.home, run.stamp())


@lru_cache(maxsize=16)
def _browser_decoder(path: Path, home: Path, stamp: str) -> BrowserDecoder:
    from vae_core.browser import browser_decoder
    from vae_core.runs.store import Run

    run = Run(path, Places.find(home))
    found = browser_decoder(run.record(), run.arrays())
    if run.stamp() != stamp:  # a checkpoint landed while they were read
        raise _WeightsChangedError
    return found


@lru_cache(maxsize=4)
def _browser_dial(path: Path, home: Path, stamp: str) -> BrowserDial:
    from vae_core.browser import browser_dial
    from vae_core.runs.store import Run

    run = Run(path, Places.find(home))
    found = browser_dial(run.record(), run.arrays())
    if run.stamp() != stamp:
        raise _WeightsChangedError
    return found


class _WeightsChangedError(Exception):
    pass


T = TypeVar("T")


def _of_one_stamp(run: Run, read: Callable[[Path, Path, str], T]) -> tuple[str, T]:
    while True:
        stamp = run.stamp()
        try:
            return stamp, read(run.path, run.places.home, stamp)
        except _WeightsChangedError:
            continue


def browser_decoder(run: Run) -> tuple[str, BrowserDecoder]:
    """The stamp of a run's weights, and the decoder of just those in the browser's form."""
    return _of_one_stamp(run, _browser_decoder)


def browser_dial(run: Run) -> tuple[str, BrowserDial]:
    """The same of both networks of a β dial. Raises BadConfig for a run without one."""
    return _of_one_stamp(run, _browser_dial)


# what the browser decodes itself: beyond, a picture takes longer than the way to the server and back (measured with
# tests/bench/deck.py: 2 million multiplications a millisecond here), and weights take long to come
BROWSER_PRODUCTS, BROWSER_FLOATS = 80_000_000, 8_000_000
DECODE_BATCH = 64  # codes that the server decodes in one request


def decoder_header(run: Run) -> dict[str, Any]:
    """The decoder's layers, and the stamp under which its weights are to be fetched.

    No layers where the server is to decode: the network is too large, or of a kind that the browser does not know.
    """
    from vae_core.browser import UnknownToBrowser

    common = {"stamp": run.stamp(), "batch": DECODE_BATCH}
    try:
        common["stamp"], found = browser_decoder(run)
    except UnknownToBrowser:
        record = run.record()
        channels, height, width = record.shape or (1, 1, 1)
        dims = record.effective.model.latent_dim
        return common | {
            "layers": [], "channels": channels, "height": height, "width": width, "latent_dim": dims, "floats": 0,
        }  # fmt: skip
    header = found.header()
    if found.products > BROWSER_PRODUCTS or found.weights.size > BROWSER_FLOATS:
        header["layers"] = []
    return header | common


def dial_header(run: Run) -> dict[str, Any]:
    """The dial's layers, its ends, and the stamp under which its weights are to be fetched.

    No layers where the networks are too large for the browser.
    """
    stamp, found = browser_dial(run)
    header = found.header() | {"stamp": stamp}
    if found.products > 2 * BROWSER_PRODUCTS or found.weights.size > 2 * BROWSER_FLOATS:
        header |= {"encoder": [], "decoder": []}
    return header


@lru_cache(maxsize=4)
def _images(name: str, side: int, places: Places, version: int) -> ImageSet:
    from vae_core.data import open_images

    return open_images(name, side, places)


def images(name: str, side: int) -> ImageSet:
    """A dataset that is already on this machine in its one form."""
    folder = places().datasets / name / str(side) / "meta.json"
    version = folder.stat().st_mtime_ns if folder.exists() else 0
    return _images(name, side, places(), version)


def images_ready(name: str, side: int) -> bool:
    """Whether `images` would only open files."""
    from vae_core.data.registry import is_built

    return is_built(name, side, places())


def images_of(run: Run) -> ImageSet | None:
    """The images a run was trained on, if they lie on this machine ready to read."""
    from vae_core.errors import VaeCoreError

    record = run.record()
    if record.shape is None:
        return None
    try:
        name, side = record.effective.data.dataset, record.shape[1]
        return images(name, side) if images_ready(name, side) else None
    except VaeCoreError:  # an imported dataset that was removed
        return None


@lru_cache(maxsize=64)
def _kl(path: Path, home: Path, stamp: str, size: int) -> tuple[float, ...]:
    from vae_core.events import EpochDone
    from vae_core.inference import stored_codes
    from vae_core.runs.store import Run

    run = Run(path, Places.find(home))
    codes = stored_codes(run)
    if codes is not None:
        return tuple(float(v) for v in codes.kl_per_dim)
    for event in reversed(run.history()):
        if isinstance(event, EpochDone) and event.validation.kl_per_dim:
            return event.validation.kl_per_dim
    return (0.0,) * run.record().effective.model.latent_dim


def kl_per_dim(run: Run) -> tuple[float, ...]:
    """KL per dimension of a run, (D,) nats: from its codes, else from the last epoch's validation."""
    log = run.path / "events.jsonl"
    return _kl(run.path, run.places.home, run.stamp(), log.stat().st_size if log.exists() else 0)


@lru_cache(maxsize=16)
def _codes(path: Path, home: Path, stamp: str, split: str, version: int) -> StoredCodes | None:
    from vae_core.inference import stored_codes
    from vae_core.runs.store import Run

    return stored_codes(Run(path, Places.find(home)), split)


def codes(run: Run, split: str = "test") -> StoredCodes | None:
    """Codes of a run's images, if they were computed for these very weights or shipped with it."""
    from vae_core.inference import codes_path

    computed = codes_path(run, split)
    version = computed.stat().st_mtime_ns if computed.exists() else 0
    return _codes(run.path, run.places.home, run.stamp(), split, version)


def of_same_images(run: Run) -> list[Run]:
    """Runs with weights on a run's images, itself among them."""
    mine, found = run.record(), []
    for other in store().readable():
        theirs = other.record()
        same = theirs.effective.data.dataset == mine.effective.data.dataset and theirs.shape == mine.shape
        if same and other.has_weights():
            found.append(other)
    return found


# ---------------------------------------------------------------- where the images lie

CLOUD = 5_000  # images whose codes a page gets to know


@dataclass(frozen=True)
class Cloud:
    """Codes of up to CLOUD images, what they say of other codes, and their first two principal axes."""

    version: str
    codes: StoredCodes
    aggregate: Aggregate
    axes: (
        np.ndarray
    )  # (2, D) rows of unit length; the first two dimensions themselves where there are no more
    images: bool

    def header(self) -> dict[str, Any]:
        """All but the points, as JSON."""
        import numpy as np

        def short(array: np.ndarray) -> Any:
            return np.round(array, 6).tolist()

        found, usual = self.codes, self.aggregate
        what = "training images" if found.split == "train" else "images that came with this run"
        return {
            "version": self.version, "count": len(found), "latent_dim": found.mean.shape[1], "what": what,
            "images": self.images, "names": list(found.label_names), "mean": short(usual.mean),
            "whiten": short(usual.whiten), "quantiles": short(usual.quantiles), "low": short(usual.low),
            "high": short(usual.high), "axes": short(self.axes),
        }  # fmt: skip

    def points(self) -> bytes:
        """float32 means (N, D), int32 image numbers (N,), int32 classes (N,; -1 where there are none)."""
        import numpy as np

        found = self.codes
        labels = np.full(len(found), -1) if found.labels is None else found.labels
        return b"".join(
            (
                found.mean.astype("<f4").tobytes(),
                found.index.astype("<i4").tobytes(),
                labels.astype("<i4").tobytes(),
            )
        )


@lru_cache(maxsize=4)
def _cloud(path: Path, home: Path, stamp: str, ready: bool) -> Cloud:
    import numpy as np

    from vae_core.errors import TooFewPoints
    from vae_core.inference import encode_images, stored_codes
    from vae_core.latent.aggregate import aggregate
    from vae_core.runs.store import Run
    from vae_core.training import splits_of

    run = Run(path, Places.find(home, places().data_dir))
    data = images_of(run) if ready else None
    if data is None:
        codes = stored_codes(run)
        if codes is None:
            raise TooFewPoints(
                f"the images of {run.name} are not read here and no codes came with it, so nothing is known of where they lie"
            )
        chosen = np.linspace(0, len(codes) - 1, min(CLOUD, len(codes))).astype(int)
        codes = codes.take(chosen)
    else:
        index = splits_of(run.record().effective, data).train
        chosen = index[np.linspace(0, len(index) - 1, min(CLOUD, len(index))).astype(int)]
        codes = encode_images(model(run), data, chosen, "train")
    means = codes.mean.astype(np.float64)
    dims = means.shape[1]
    axes = np.eye(2, dims)
    if dims > 2:
        _, directions = np.linalg.eigh(np.cov(means.T, ddof=0))
        axes = directions[:, [-1, -2]].T
    return Cloud(
        f"{stamp}-{codes.split}-{len(codes)}",
        codes,
        aggregate(codes.mean, codes.log_var),
        axes,
        data is not None,
    )


def cloud(run: Run) -> Cloud:
    """Where a run's images lie: training images where those are read here, else the codes that came with it.

    Raises TooFewPoints when neither is there.
    """
    with _cloud_lock:  # two tabs that ask for the same encode it once
        return _cloud(run.path, run.places.home, run.stamp(), images_of(run) is not None)


@lru_cache(maxsize=64)
def step_seconds(config: RunConfig, fingerprint: str) -> float:
    """Seconds per training step here, timed on three real ones; once per network and dataset."""
    from vae_core.data import find_spec
    from vae_core.training import choose_side, time_step

    side = choose_side(config, find_spec(config.data.dataset, places()).sides)
    return time_step(config, images(config.data.dataset, side))


first_page = threading.Event()  # set when a page was drawn
closing = threading.Event()  # set when the server ends
_map_lock = threading.Lock()


def spare_the_collector() -> None:
    """Collect garbage by Python's own schedule, and not among what stays for good.

    Streamlit collects all of it after every run of a script or fragment. With torch there that is 300,000 objects
    and 0.16 s, through which no other thread runs: pages that follow something held up each other and every
    computation of the server, for minutes where three of them were open.
    """
    from streamlit import config

    config.set_option("runner.postScriptGC", False)
    gc.collect()
    gc.freeze()


def warm_up() -> None:
    """Start the queue at once; import torch when the first page is there, or nobody came for one; then warm UMAP.

    Importing takes seconds of processor time, which that page should not have to share.
    """
    closing.clear()
    launcher()
    first_page.wait(10)
    time.sleep(1.5)
    import vae_core.inference  # noqa: F401
    from vae_core.latent import projection

    spare_the_collector()
    closing.wait(2)
    with _map_lock:  # not after the server has ended it
        if not closing.is_set():
            projection.warm()
