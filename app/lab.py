"""What the β lab shows: pictures of a sweep's runs side by side, kept by what they were made from, the way a run took,
and what a dial is compared with."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

import numpy as np

from app import resources
from app.services.cache import LruCache
from vae_core import pictures
from vae_core.config import RunConfig
from vae_core.errors import BadConfig
from vae_core.evaluation.dimension_matching import Alignment
from vae_core.events import Controlled, EpochDone, Snapshot
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run

SHOWN = 8  # images, and samples, of a run
ROWS = 6  # traversals of a run
VALUES = np.linspace(-2.5, 2.5, 5)
COLLAPSED = 128  # grey of a place where nothing is matched

_drawn: LruCache[bytes] = LruCache(512)
_originals: LruCache[np.ndarray] = LruCache(16)
_kept: LruCache[dict[str, bytes]] = LruCache(128)


def numbers_of(text: str) -> list[float]:
    """Values of β as a person writes them, between spaces, commas or semicolons. Raises BadConfig."""
    try:
        return [float(word) for word in re.split(r"[\s,;]+", text.strip()) if word]
    except ValueError:
        raise BadConfig(f"values of β are numbers such as 0.5 1 2 4 8, not {text!r}") from None


@dataclass(frozen=True)
class Originals:
    """The same eight validation images for every run of a sweep, uint8 (8, C, H, W); `key` names them."""

    images: np.ndarray
    key: tuple


def originals(run: Run) -> Originals | None:
    """None where the run's images are not here, or others lie under their name."""

    record, data = run.record(), resources.images_of(run)
    if data is None or data.shape != record.shape:
        return None
    config = record.effective
    key = (data.fingerprint, config.data)
    found = _originals.get_or_make(
        key, lambda: np.asarray(data.images[config.data.split(data).validation[:SHOWN]])
    )
    return Originals(found, key)


def images(found: Originals) -> bytes:
    return _drawn.get_or_make((found.key, "images"), lambda: pictures.grid(_fours(found.images), 48))


def reconstructions(run: Run, found: Originals) -> bytes:
    def draw() -> bytes:
        model = resources.model(run)
        return pictures.grid(_fours(model.decode_uint8(model.encode(found.images).mean)), 48)

    return _drawn.get_or_make((run.stamp(), run.id, found.key, "reconstructions"), draw)


def kept(run: Run) -> dict[str, bytes]:
    """Pictures that the run's last epoch left, by what they show, for where its images are not on this machine."""
    return _kept.get_or_make(_log(run), lambda: _read_kept(run))


def _read_kept(run: Run) -> dict[str, bytes]:
    shot = next((e for e in reversed(run.history()) if isinstance(e, Snapshot)), None)
    shape = run.record().shape
    if shot is None or shape is None:
        return {}
    paths = {
        "images": run.path / str(shot.originals),
        "reconstructions": run.path / str(shot.reconstructions),
    }
    return {
        words: pictures.grid(_fours(pictures.cut_strip(path.read_bytes(), shape)), 48)
        for words, path in paths.items()
        if path.exists()
    }


def _log(run: Run) -> tuple:
    """Names what a run has said so far."""
    path = run.path / "events.jsonl"
    try:
        stat = path.stat()
    except OSError:
        return (path,)
    return path, stat.st_mtime_ns, stat.st_size


def samples(run: Run) -> bytes:
    """Of the same eight codes from the prior for every run."""

    def draw() -> bytes:
        model = resources.model(run)
        noise = (
            np.random.default_rng(0).standard_normal((SHOWN, 512)).astype(np.float32)[:, : model.latent_dim]
        )
        return pictures.grid(_fours(model.decode_uint8(noise)), 48)

    return _drawn.get_or_make((run.stamp(), run.id, "samples"), draw)


@dataclass(frozen=True)
class Walk:
    """Rows of traversals of one run: dimension, direction, and whether nothing is matched there."""

    dims: tuple[int, ...]
    signs: tuple[float, ...]
    empty: tuple[bool, ...]

    @property
    def words(self) -> str:
        return " · ".join(
            "–" if e else f"{'−' if s < 0 else ''}z{d}"
            for d, s, e in zip(self.dims, self.signs, self.empty, strict=True)
        )


def aligned_walk(alignment: Alignment, at: int) -> Walk:
    """The rows of the sweep's run number `at`, so that one row is one factor in every run."""
    rows = slice(0, max(1, min(ROWS, alignment.rows)))
    return Walk(
        tuple(int(d) for d in alignment.dims[at, rows]),
        tuple(float(s) for s in alignment.sign[at, rows]),
        tuple(bool(c) for c in alignment.collapsed[at, rows]),
    )


def own_walk(run: Run) -> Walk:
    """The most used dimensions, of a run that is matched with no other."""
    dims = tuple(int(d) for d in order_by_kl(np.array(resources.kl_per_dim(run)))[:4])
    return Walk(dims, (1.0,) * len(dims), (False,) * len(dims))


def traversals(run: Run, walk: Walk, found: Originals | None) -> bytes:
    """A row per dimension from −2.5 to 2.5, all others those of the first image shown, or 0 where that is not here;
    grey where nothing is matched."""

    def draw() -> bytes:
        model = resources.model(run)
        codes = np.zeros((len(walk.dims), len(VALUES), model.latent_dim), np.float32)
        if found is not None:
            codes[:] = model.encode(found.images[:1]).mean[0]
        for row, (dim, sign) in enumerate(zip(walk.dims, walk.signs, strict=True)):
            codes[row, :, dim] = sign * VALUES
        shape = (len(walk.dims), len(VALUES), *model.shape)
        decoded = model.decode_uint8(codes.reshape(-1, model.latent_dim)).reshape(shape)
        decoded[np.array(walk.empty)] = COLLAPSED
        return pictures.grid(decoded, 32)

    return _drawn.get_or_make((run.stamp(), run.id, walk, found and found.key), draw)


def _fours(found: np.ndarray) -> np.ndarray:
    """(N, C, H, W), at most eight -> two rows; an odd one out is left out."""
    half = min(SHOWN, len(found)) // 2
    return found[: 2 * half].reshape(2, half, *found.shape[1:])


# ---------------------------------------------------------------- β while it learns


@dataclass(frozen=True)
class Way:
    """A run's way through the plane: rates and distortions (E,) of its validation images, an epoch each, nats per image.

    marks: (index of the first epoch after it, words) where β, or the γ of a capacity, was changed by hand.
    """

    rates: np.ndarray
    distortions: np.ndarray
    marks: tuple[tuple[int, str], ...]


_ways: LruCache[Way | None] = LruCache(64)


def ways_beside(run: Run) -> dict[str, Run]:
    """By name, the runs whose way can be drawn over the curve of `run`: same images, nats of the same likelihood, a rate."""
    mine = run.record().effective.objective.likelihood
    found = {}
    for other in resources.of_same_images(run):
        theirs = other.record().effective.objective
        if theirs.likelihood == mine and theirs.entry.has_elbo:
            found[other.name] = other
    return found


def way_of(run: Run) -> Way | None:
    """None before two epochs, or for a run without a rate."""
    return _ways.get_or_make(_log(run), lambda: _read_way(run))


def _read_way(run: Run) -> Way | None:
    history = run.history()
    live = run.record().effective.objective.entry.live
    name = live.symbol if live is not None else "β"
    epochs = [e for e in history if isinstance(e, EpochDone) and e.validation.elbo is not None]
    if len(epochs) < 2:
        return None
    steps = [e.step for e in epochs]
    marks = [
        (int(np.searchsorted(steps, e.step)), f"{name} {e.value:g}")
        for e in history
        if isinstance(e, Controlled) and e.command == "beta" and e.value is not None
    ]
    return Way(
        np.array([e.validation.rate for e in epochs], float),
        np.array([e.validation.distortion for e in epochs]),
        tuple((min(i, len(epochs) - 1), words) for i, words in marks),
    )


# ---------------------------------------------------------------- beside a dial


@dataclass(frozen=True)
class Alone:
    """Runs with a dial's network and budget that were trained for one β: means over their seeds, nats per image."""

    beta: float
    rate: float
    distortion: float
    names: tuple[str, ...]


@dataclass(frozen=True)
class Beside:
    """What a dial is compared with: the runs as they were measured, those yet to be, and how many had another budget."""

    alone: tuple[Alone, ...]
    unmeasured: tuple[Run, ...]
    otherwise: int


def beside(run: Run, fingerprint: str) -> Beside:
    """Finished runs of one β within the dial, measured on the images of that fingerprint, by ascending β.

    Their settings are the dial's but for the objective and the seed: what it gives away must not be what less or more
    training would have.
    """
    from vae_core.evaluation.run_metrics import stored
    from vae_core.sweep import turned_by_hand

    mine = run.record().effective
    dial = mine.objective.dial
    assert dial is not None
    found: dict[float, list[tuple[str, float, float]]] = {}
    unmeasured, otherwise = [], 0
    for other in resources.store().readable():
        theirs = other.record().effective
        same = (theirs.data, theirs.model, theirs.objective.likelihood) == (mine.data, mine.model, mine.objective.likelihood)  # fmt: skip
        beta = theirs.objective.beta
        if not same or not theirs.objective.entry.beta_vae or beta is None:
            continue
        if (
            not dial.lowest <= beta <= dial.highest
            or other.status().state != FINISHED
            or turned_by_hand(other)
        ):
            continue
        if _budget(theirs) != _budget(mine):
            otherwise += 1
            continue
        measured = stored(other)
        if measured is None or measured.fingerprint != fingerprint:
            unmeasured.append(other)
        elif measured.evaluation.rate is not None:
            e = measured.evaluation
            found.setdefault(beta, []).append((other.name, measured.evaluation.rate, e.distortion))
    alone = (
        Alone(beta, float(np.mean([r for _, r, _ in runs])), float(np.mean([d for _, _, d in runs])), tuple(n for n, _, _ in runs))
        for beta, runs in sorted(found.items())
    )  # fmt: skip
    return Beside(tuple(alone), tuple(unmeasured), otherwise)


def _budget(config: RunConfig) -> tuple:
    """What decides how far a network is trained, besides its objective: not the seed, nor where or how it ran."""
    training = dataclasses.replace(
        config.training, seed=0, device="auto", threads=0, precision="auto", checkpoint_every=0, log_every=0
    )
    return training, config.objective.schedule, config.objective.free_bits
