"""What is expensive and shared: places, store, launcher, loaded models, opened datasets.

Keys name content (a run's id and its weights stamp), never just a path, so that retrained weights are seen.
Both the pages and the /api routes come here; nothing in this file needs a script's context.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.services import tasks
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places

if TYPE_CHECKING:
    # torch takes seconds to import: the server answers before it is there
    import numpy as np

    from vae_core.config import RunConfig
    from vae_core.data import ImageSet
    from vae_core.export.browser import BrowserDecoder, BrowserDial
    from vae_core.inference import LoadedModel, StoredCodes
    from vae_core.latent.aggregate import Aggregate
    from vae_core.runs.array_files import EpochCodes
    from vae_core.runs.jobs import Launcher
    from vae_core.runs.run import Run
    from vae_core.runs.store import Store

log = logging.getLogger("latent_explorer")

JOBS_VARIABLE = "LATENT_EXPLORER_JOBS"  # processes that train at a time

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
    tasks.stop_all()
    with _crowd_lock:
        _crowds.clear()  # those under way are given up
    with _map_lock:
        projection.cool()
    with _lock:
        if _launcher.cache_info().currsize:
            launcher().stop()
            _launcher.cache_clear()


@lru_cache(maxsize=8)
def _model(path: Path, home: Path, stamp: str) -> LoadedModel:
    from vae_core.inference import load_run
    from vae_core.runs.run import Run

    return load_run(Run(path, Places.find(home)))


def model(run: Run) -> LoadedModel:
    """The run's network with the weights it has now. Raises BadRun when it has none."""
    with _lock:
        return _model(run.path, run.places.home, run.stamp())


@lru_cache(maxsize=16)
def _browser_decoder(path: Path, home: Path, stamp: str) -> BrowserDecoder:
    from vae_core.export.browser import browser_decoder
    from vae_core.runs.run import Run

    run = Run(path, Places.find(home))
    found = browser_decoder(run.record(), run.arrays())
    if run.stamp() != stamp:  # a checkpoint landed while they were read
        raise _WeightsChangedError
    return found


@lru_cache(maxsize=4)
def _browser_dial(path: Path, home: Path, stamp: str) -> BrowserDial:
    from vae_core.export.browser import browser_dial
    from vae_core.runs.run import Run

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
    from vae_core.export.browser import UnknownToBrowser

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


def opened(run: Run) -> tuple[LoadedModel, dict[str, Any]]:
    """The network, and the browser's decoder of the very same weights: a checkpoint may land between the two."""
    while True:
        network, header = model(run), decoder_header(run)
        if network.stamp == header["stamp"] == run.stamp():
            return network, header


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
    from vae_core.runs.run import Run

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
    from vae_core.runs.run import Run

    return stored_codes(Run(path, Places.find(home)), split)


def codes(run: Run, split: str = "test") -> StoredCodes | None:
    """Codes of a run's images, if they were computed for these very weights or shipped with it."""
    from vae_core.inference import codes_path

    computed = codes_path(run, split)
    version = computed.stat().st_mtime_ns if computed.exists() else 0
    return _codes(run.path, run.places.home, run.stamp(), split, version)


@lru_cache(maxsize=4)
def _epoch_codes(path: Path, home: Path, size: int) -> tuple[EpochCodes, ...]:
    from vae_core.runs.run import Run

    return tuple(Run(path, Places.find(home)).epoch_codes())


def epoch_codes(run: Run) -> tuple[EpochCodes, ...]:
    """As run.epoch_codes(), read again when its log has grown."""
    log = run.path / "events.jsonl"
    return _epoch_codes(run.path, run.places.home, log.stat().st_size if log.exists() else 0)


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
    known: int  # images that crowd() knows of
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
            "version": self.version, "count": len(found), "known": self.known, "latent_dim": found.mean.shape[1], "what": what,
            "images": self.images, "names": list(found.label_names), "mean": short(usual.mean),
            "whiten": short(usual.whiten), "quantiles": short(usual.quantiles), "low": short(usual.low),
            "high": short(usual.high), "axes": short(self.axes),
        }  # fmt: skip

    def points(self) -> bytes:
        """float32 means (N, D), int32 image numbers (N,), int32 classes (N,; -1 where there are none)."""
        return _pack(self.codes)


def _pack(codes: StoredCodes) -> bytes:
    return _packed(codes.mean, codes.index, codes.labels)


def _packed(means: np.ndarray, index: np.ndarray, labels: np.ndarray | None) -> bytes:
    import numpy as np

    classes = np.full(len(index), -1) if labels is None else labels
    return means.astype("<f4").tobytes() + index.astype("<i4").tobytes() + classes.astype("<i4").tobytes()


def _spread(count: int, most: int) -> np.ndarray:
    """At most `most` of `count` places, evenly spaced."""
    import numpy as np

    return np.linspace(0, count - 1, min(most, count)).astype(int)


def _cloud(path: Path, home: Path, stamp: str, ready: bool) -> Cloud:
    import numpy as np

    from vae_core.errors import TooFewPoints
    from vae_core.inference import encode_images, stored_codes
    from vae_core.latent.aggregate import aggregate
    from vae_core.runs.run import Run

    run = Run(path, Places.find(home, places().data_dir))
    data = images_of(run) if ready else None
    if data is None:
        codes = stored_codes(run)
        if codes is None:
            raise TooFewPoints(
                f"the images of {run.name} are not read here and no codes came with it, so nothing is known of where they lie"
            )
        known = len(codes)
        codes = codes.take(_spread(known, CLOUD))
    else:
        index = run.record().effective.data.split(data).train
        known = len(index)
        codes = encode_images(model(run), data, index[_spread(known, CLOUD)], "train")
    means = codes.mean.astype(np.float64)
    dims = means.shape[1]
    axes = np.eye(2, dims)
    if dims > 2:
        _, directions = np.linalg.eigh(np.cov(means.T, ddof=0))
        axes = directions[:, [-1, -2]].T
    return Cloud(
        f"{stamp}-{codes.split}-{len(codes)}",
        codes,
        known,
        aggregate(codes.mean, codes.log_var),
        axes,
        data is not None,
    )


# by what it is of; None while it is encoded
_clouds: dict[tuple[Path, Path, str, bool], Cloud | None] = {}
MOST_CLOUDS = 4


def cloud(run: Run, turn: Callable[[], AbstractContextManager[None]] = nullcontext) -> Cloud | None:
    """Where a run's images lie: training images where those are read here, else the codes that came with it.

    Encoded once, one run at a time, within `turn`; None to everybody else meanwhile, who would only wait and keep a
    thread of the server from other work. Raises TooFewPoints when there are neither images nor codes.
    """
    key = run.path, run.places.home, run.stamp(), images_of(run) is not None
    with _cloud_lock:
        if (known := _clouds.get(key)) is not None:
            _clouds[key] = _clouds.pop(key)  # the one not asked for longest goes first
            return known
        if None in _clouds.values():
            return None
        for old in list(_clouds)[: max(0, len(_clouds) - MOST_CLOUDS + 1)]:
            del _clouds[old]
        _clouds[key] = None
    found = None
    try:
        with turn():
            found = _cloud(*key)
    finally:
        with _cloud_lock:
            if found is None:
                del _clouds[key]
            else:
                _clouds[key] = found
    return found


CROWD = 4_000_000  # numbers that a page looks through for the nearest image, some milliseconds' worth
# by run and version of its cloud; None while it is encoded
_crowds: dict[tuple[Path, str], bytes | None] = {}
_crowd_lock, _crowd_turn = threading.Lock(), threading.Lock()
MOST_CROWDS = 4


def crowd(run: Run, version: str) -> bytes | None:
    """Means of all the images of cloud(run) (of CROWD / D where there are more), packed as Cloud.points() does.

    None as long as they are being encoded, which this begins: in the background, one run at a time, at the lowest
    priority; given up when the run has another `version` by then. Empty where they could not be encoded.
    """
    key = run.path, version
    with _crowd_lock:
        if key in _crowds:
            return _crowds[key]
        done = [k for k, found in _crowds.items() if found is not None]
        older = [k for k in _crowds if k[0] == run.path]
        for other in older + done[: max(0, len(done) - MOST_CROWDS + 1)]:
            _crowds.pop(other, None)
        _crowds[key] = None
    threading.Thread(target=_gather, args=(run, key), name="crowd", daemon=True).start()
    return None


def _gather(run: Run, key: tuple[Path, str]) -> None:
    with suppress(AttributeError, OSError):  # a thread of its own priority, where the system knows such
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    try:
        with _crowd_turn:
            found = _encoded_crowd(run, key)
    except Exception:  # kept as nothing, or every page would have it tried again
        found = b""
        log.exception("not all images of %s could be encoded", run.name)
    with _crowd_lock:
        if found is None:
            _crowds.pop(key, None)
        elif key in _crowds:
            _crowds[key] = found


def _encoded_crowd(run: Run, key: tuple[Path, str]) -> bytes | None:
    """None when it is no longer wanted."""
    import numpy as np

    from vae_core.inference import stored_codes

    data, network = images_of(run), model(run)
    most = CROWD // network.latent_dim
    if data is None:
        codes = stored_codes(run)
        return None if codes is None else _pack(codes.take(_spread(len(codes), most)))
    index = run.record().effective.data.split(data).train
    index = index[_spread(len(index), most)]
    means = []
    for start in range(0, len(index), 512):
        if key not in _crowds:
            return None
        means.append(network.encode(data.images[index[start : start + 512]]).mean)
    return _packed(np.concatenate(means), index, None if data.labels is None else data.labels[index])


@lru_cache(maxsize=64)
def step_seconds(config: RunConfig, fingerprint: str) -> float:
    """Seconds per training step here, timed on three real ones; once per network and dataset."""
    from vae_core.data import find_spec
    from vae_core.models.build import choose_side
    from vae_core.training import time_step

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
