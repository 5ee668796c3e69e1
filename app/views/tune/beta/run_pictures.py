"""Pictures of a sweep's runs: originals, reconstructions, samples and traversals, kept by what they were made from."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.services import datasets, models, run_codes, runs
from app.services.cache import LruCache
from vae_core import pictures
from vae_core.evaluation.dimension_matching import Alignment
from vae_core.events import Snapshot
from vae_core.latent.statistics import order_by_kl
from vae_core.runs.run import Run

SHOWN = 8  # images, and samples, of a run


ROWS = 6  # traversals of a run


VALUES = np.linspace(-2.5, 2.5, 5)


COLLAPSED = 128  # grey of a place where nothing is matched


_drawn: LruCache[bytes] = LruCache(512)


_originals: LruCache[np.ndarray] = LruCache(16)


_last_pictures: LruCache[dict[str, bytes]] = LruCache(128)


@dataclass(frozen=True)
class Originals:
    """The same eight validation images for every run of a sweep, uint8 (8, C, H, W); `key` names them."""

    images: np.ndarray
    key: tuple[Any, ...]


def originals(run: Run) -> Originals | None:
    """None where the run's images are not here, or others lie under their name."""

    record, data = run.record(), datasets.images_of(run)
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
        model = models.model(run)
        return pictures.grid(_fours(model.decode_uint8(model.encode(found.images).mean)), 48)

    return _drawn.get_or_make((run.stamp(), run.id, found.key, "reconstructions"), draw)


def kept(run: Run) -> dict[str, bytes]:
    """Pictures that the run's last epoch left, by what they show, for where its images are not on this machine."""
    return _last_pictures.get_or_make(runs.log_key(run), lambda: _read_last_pictures(run))


def _read_last_pictures(run: Run) -> dict[str, bytes]:
    shot = next((e for e in reversed(run.history()) if isinstance(e, Snapshot)), None)
    shape = run.record().shape
    if shot is None or shape is None:
        return {}
    found = {}
    for words, name in (("images", shot.originals), ("reconstructions", shot.reconstructions)):
        png = run.picture(str(name))
        with contextlib.suppress(ValueError):  # a picture that is no row of the run's images
            if png is not None:
                found[words] = pictures.grid(_fours(pictures.cut_strip(png, shape)), 48)
    return found


def samples(run: Run) -> bytes:
    """Of the same eight codes from the prior for every run."""

    def draw() -> bytes:
        model = models.model(run)
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
    dims = tuple(int(d) for d in order_by_kl(np.array(run_codes.kl_per_dim(run)))[:4])
    return Walk(dims, (1.0,) * len(dims), (False,) * len(dims))


def traversals(run: Run, walk: Walk, found: Originals | None) -> bytes:
    """A row per dimension from −2.5 to 2.5, all others those of the first image shown, or 0 where that is not here;
    grey where nothing is matched."""

    def draw() -> bytes:
        model = models.model(run)
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
