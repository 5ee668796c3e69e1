"""The rate-distortion curve of a sweep over β, and the ELBO's tangent to it.

Pure functions of the runs' numbers. A β may have several runs, one per seed: their mean is the curve's point, their
least and most are its band.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints

ALIKE = 0.05  # nats: less than what is printed


@dataclass(frozen=True)
class Numbers:
    """One run of a sweep, evaluated. distortion, rate in nats per image, kl (D,) nats, active (D,) bool.

    scores: the values of metrics by name, those that are known.
    """

    beta: float
    seed: int
    distortion: float
    rate: float
    kl: np.ndarray
    active: np.ndarray
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """-ELBO, nats per image: distortion + rate, whatever β weighed it."""
        return self.distortion + self.rate


@dataclass(frozen=True)
class Band:
    """A number per β, over its seeds: mean, low (least) and high (most), (B,); NaN where none is known. count (B,)."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """(B,) bool."""
        return self.count > 0


@dataclass(frozen=True)
class Curve:
    """A sweep by ascending β, (B,) each. total: -ELBO; active: number of active dimensions.

    odd (B,): points that break what an optimum cannot break, see `out_of_order`.
    """

    betas: np.ndarray
    distortion: Band
    rate: Band
    total: Band
    active: Band
    scores: dict[str, Band]
    odd: np.ndarray

    def __len__(self) -> int:
        return len(self.betas)


def curve_of(numbers: Iterable[Numbers]) -> Curve:
    """The curve of evaluated runs, in any order; none make an empty one. Raises BadCodes for a number that is none."""
    runs = sorted(numbers, key=lambda n: (n.beta, n.seed))
    for run in runs:
        if not all(map(math.isfinite, (run.beta, run.distortion, run.rate))):
            raise BadCodes(f"β {run.beta:g}, seed {run.seed}: distortion and rate must be finite numbers")
    betas = np.unique(np.array([run.beta for run in runs], np.float64))
    names = dict.fromkeys(name for run in runs for name in run.scores)

    def band(number: Callable[[Numbers], float | None]) -> Band:
        return _band(betas, [(run.beta, number(run)) for run in runs])

    distortion, rate = band(lambda n: n.distortion), band(lambda n: n.rate)
    return Curve(
        betas=betas,
        distortion=distortion,
        rate=rate,
        total=band(lambda n: n.total),
        active=band(lambda n: float(n.active.sum())),
        scores={name: band(partial(_score, name)) for name in names},
        odd=out_of_order(distortion, rate),
    )


def _score(name: str, run: Numbers) -> float | None:
    return run.scores.get(name)


def _band(betas: np.ndarray, pairs: Sequence[tuple[float, float | None]]) -> Band:
    rows = [[v for b, v in pairs if b == beta and v is not None and math.isfinite(v)] for beta in betas]

    def each(f: Callable[[list[float]], float]) -> np.ndarray:
        return np.array([f(row) if row else math.nan for row in rows], np.float64)

    return Band(
        each(lambda r: sum(r) / len(r)), each(min), each(max), np.array([len(r) for r in rows], np.int64)
    )


def out_of_order(distortion: Band, rate: Band) -> np.ndarray:
    """Points (B,) bool that no optimum explains: with β, rate must not rise and distortion must not fall.

    Of min D + β R: for a < b, D_a + a R_a <= D_b + a R_b and D_b + b R_b <= D_a + b R_a add up to R_a >= R_b, whence
    D_a <= D_b. So a point off that order was not trained to its optimum. The fewest points are named whose removal
    leaves the rest in order; bands of seeds that overlap, or differ by under 0.05 nats, are in order.
    """
    count = len(distortion.mean)

    def follows(a: int, b: int) -> bool:
        return bool(rate.low[b] <= rate.high[a] + ALIKE and distortion.high[b] >= distortion.low[a] - ALIKE)

    # the longest chain in which each follows every one before it; overlap is not transitive, so all are asked
    chains: list[list[int]] = []
    for b in range(count):
        before = [c for c in chains if all(follows(a, b) for a in c)]
        partial = [[a for a in c if follows(a, b)] for c in chains if c not in before]
        chains.append([*max([*before, *partial, []], key=len), b])
    kept = max(chains, key=len, default=[])
    odd = np.ones(count, bool)
    odd[kept] = False
    return odd


@dataclass(frozen=True)
class Tangent:
    """The line distortion + rate = total that touches the curve: total is the least -ELBO, at `beta`'s point."""

    total: float
    beta: float
    rate: float
    distortion: float

    def line(self, rates: np.ndarray) -> np.ndarray:
        """Distortions on the line at rates (R,), (R,) nats."""
        return self.total - np.asarray(rates, np.float64)


def tangent(curve: Curve) -> Tangent:
    """The ELBO's tangent: slope -1, as at β = 1. Alemi et al. 2018, "Fixing a Broken ELBO", fig. 1.

    Raises TooFewPoints for a curve without points.
    """
    if not len(curve):
        raise TooFewPoints("a tangent needs a curve; no run of this sweep has been evaluated")
    i = int(np.argmin(curve.total.mean))
    return Tangent(
        float(curve.total.mean[i]),
        float(curve.betas[i]),
        float(curve.rate.mean[i]),
        float(curve.distortion.mean[i]),
    )


def kl_over_beta(numbers: Iterable[Numbers]) -> tuple[np.ndarray, np.ndarray]:
    """(βs ascending (B,), KL per dimension (B, D) nats): a row sorted from most to least used, mean over its seeds.

    Sorted, since the dimensions of two runs are not the same ones (see `align`). Raises BadCodes when runs have
    different numbers of dimensions.
    """
    runs = list(numbers)
    if len({run.kl.shape for run in runs}) > 1:
        raise BadCodes("the runs of one sweep have one number of latent dimensions; these have several")
    betas = sorted({run.beta for run in runs})
    rows = [np.mean([np.sort(run.kl)[::-1] for run in runs if run.beta == beta], 0) for beta in betas]
    return np.array(betas), np.array(rows, np.float64) if rows else np.zeros((0, 0))
