"""What the β lab shows: pictures of a sweep's runs side by side, each made once, and the way a run took."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from app import pictures, resources, stations
from vae_core.errors import BadConfig
from vae_core.evaluation.sweeps import Alignment
from vae_core.events import Controlled, EpochDone, Snapshot
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.store import Run

SHOWN = 8  # images, and samples, of a run
ROWS = 6  # traversals of a run
VALUES = np.linspace(-2.5, 2.5, 5)
COLLAPSED = 128  # grey of a place where nothing is matched

_drawn: stations.Kept[bytes] = stations.Kept(512)
_originals: stations.Kept[np.ndarray] = stations.Kept(16)


def numbers_of(text: str) -> list[float]:
    """Values of β as a person writes them, between spaces, commas or semicolons. Raises BadConfig."""
    try:
        return [float(word) for word in re.split(r"[\s,;]+", text.strip()) if word]
    except ValueError:
        raise BadConfig(f"values of β are numbers such as 0.5 1 2 4 8, not {text!r}") from None


def originals(run: Run) -> np.ndarray | None:
    """The same eight validation images for every run of a sweep, uint8 (8, C, H, W); None where they are not here."""
    from vae_core.training import splits_of

    data = resources.images_of(run)
    if data is None:
        return None
    config = run.record().effective

    def read() -> np.ndarray:
        return np.asarray(data.images[splits_of(config, data).validation[:SHOWN]])

    return _originals.get((data.fingerprint, config.data), read)


def images(run: Run) -> bytes | None:
    found = originals(run)
    return None if found is None else pictures.grid(_fours(found), 48)


def reconstructions(run: Run) -> bytes | None:
    stamp = run.stamp()

    def draw() -> bytes:
        found = originals(run)
        assert found is not None
        model = resources.model(run)
        return pictures.grid(_fours(model.decode_uint8(model.encode(found).mean)), 48)

    if (kept := _drawn.find((stamp, run.id, "reconstructions"))) is not None:
        return kept
    return None if originals(run) is None else _drawn.get((stamp, run.id, "reconstructions"), draw)


def kept(run: Run) -> list[tuple[bytes, str]]:
    """Pictures that the run's last epoch left, with words, for where its images are not on this machine."""
    shot = next((e for e in reversed(run.history()) if isinstance(e, Snapshot)), None)
    shape = run.record().shape
    if shot is None or shape is None:
        return []
    paths = [
        (run.path / str(n), w)
        for n, w in ((shot.originals, "images"), (shot.reconstructions, "reconstructions"))
    ]
    return [
        (pictures.grid(_fours(pictures.cut(path.read_bytes(), shape)), 48), words)
        for path, words in paths
        if path.exists()
    ]


def samples(run: Run) -> bytes:
    """Of the same eight codes from the prior for every run."""

    def draw() -> bytes:
        model = resources.model(run)
        noise = (
            np.random.default_rng(0).standard_normal((SHOWN, 512)).astype(np.float32)[:, : model.latent_dim]
        )
        return pictures.grid(_fours(model.decode_uint8(noise)), 48)

    return _drawn.get((run.stamp(), run.id, "samples"), draw)


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
    """The most used dimensions, where no alignment is known."""
    dims = tuple(int(d) for d in order_by_kl(np.array(resources.kl_per_dim(run)))[:4])
    return Walk(dims, (1.0,) * len(dims), (False,) * len(dims))


def traversals(run: Run, walk: Walk) -> bytes:
    """A row per dimension from −2.5 to 2.5, all others those of the first image shown, or 0 where that is not here;
    grey where nothing is matched."""
    shown = originals(run)

    def draw() -> bytes:
        model = resources.model(run)
        codes = np.zeros((len(walk.dims), len(VALUES), model.latent_dim), np.float32)
        if shown is not None:
            codes[:] = model.encode(shown[:1]).mean[0]
        for row, (dim, sign) in enumerate(zip(walk.dims, walk.signs, strict=True)):
            codes[row, :, dim] = sign * VALUES
        shape = (len(walk.dims), len(VALUES), *model.shape)
        found = model.decode_uint8(codes.reshape(-1, model.latent_dim)).reshape(shape)
        found[np.array(walk.empty)] = COLLAPSED
        return pictures.grid(found, 32)

    return _drawn.get((run.stamp(), run.id, walk, shown is None), draw)


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


def ways_beside(run: Run) -> dict[str, Run]:
    """By name, the runs whose way can be drawn over the curve of `run`: same images, nats of the same likelihood, a rate."""
    mine = run.record().effective.objective.likelihood
    found = {}
    for other in resources.of_same_images(run):
        theirs = other.record().effective.objective
        if theirs.likelihood == mine and theirs.objective.name != "autoencoder":
            found[other.name] = other
    return found


def way_of(run: Run) -> Way | None:
    """None before two epochs, or for a run without a rate."""
    history, name = (
        run.history(),
        "γ" if run.record().effective.objective.objective.name == "capacity" else "β",
    )
    epochs = [e for e in history if isinstance(e, EpochDone) and e.validation.rate is not None]
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
    """A run with a dial's network that was trained for one β, measured on the test images, nats per image."""

    name: str
    beta: float
    rate: float
    distortion: float
    epochs: int


def alone(run: Run) -> list[Alone]:
    """Those that were measured, by ascending β within the dial; of several of one β the best."""
    from vae_core.evaluation.measured import stored
    from vae_core.sweep import beta_of, turned_by_hand

    mine = run.record().effective
    dial = mine.objective.dial
    assert dial is not None
    found: dict[float, Alone] = {}
    for other in resources.store().readable():
        theirs = other.record().effective
        same = (theirs.data, theirs.model, theirs.objective.likelihood) == (mine.data, mine.model, mine.objective.likelihood)  # fmt: skip
        if (
            not same
            or theirs.objective.dial is not None
            or theirs.objective.objective.name not in ("vae", "beta_vae")
            or turned_by_hand(other)
        ):
            continue
        beta, measured = beta_of(other), stored(other) if other.has_weights() else None
        if measured is None or measured.evaluation.rate is None or not dial.lowest <= beta <= dial.highest:
            continue
        e = measured.evaluation
        one = Alone(other.name, beta, measured.evaluation.rate, e.distortion, theirs.training.epochs)
        if (
            beta not in found
            or one.distortion + beta * one.rate < found[beta].distortion + beta * found[beta].rate
        ):
            found[beta] = one
    return [found[beta] for beta in sorted(found)]
