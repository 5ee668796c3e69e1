"""Search by preference: a person marks the best or the worst of some pictures, and a model of taste proposes what to train next.

Taste is a function over the searched settings with a Gaussian-process prior. That one run is preferred to another is
likely by Φ((f(winner) − f(loser)) / √2), as in Chu & Ghahramani, "Preference learning with Gaussian processes" (2005),
with Laplace's approximation of the posterior. The next settings are those that raise the expected taste of the best among
all that were shown most (Lin et al., "Preference exploration", 2022, and Astudillo et al., "qEUBO", 2023), from joint
samples of the posterior at candidates.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.errors import BadConfig, MissingPackage
from vae_core.places import check_not_look_only, write_json
from vae_core.reading import read_json
from vae_core.study.locks import FolderLock

FILE = "choices.json"  # in a study's folder
LENGTH, LENGTH_SPREAD = (
    0.4,
    0.7,
)  # of the range of a setting over which taste changes: median, and spread of its logarithm
NO_BOTORCH = "choosing by preference needs botorch: pip install 'latent-explorer[preference]'"
SAMPLES = 256  # joint samples of taste
CANDIDATES = 512  # points of a quasi-random set that are weighed
SURE = 2 / 3  # share of the likely favourites that a region holds


@dataclass(frozen=True)
class Judgement:
    """What a person said of some trials shown together, by their numbers: the best, the worst, or neither ("can't tell").

    Raises BadConfig for fewer than two trials, one shown twice, or a mark on a trial that was not shown.
    """

    shown: tuple[int, ...]
    best: int | None = None
    worst: int | None = None

    def __post_init__(self) -> None:
        if len(set(self.shown)) < 2 or len(set(self.shown)) != len(self.shown):
            raise BadConfig(f"a choice is between two or more different trials; got {list(self.shown)}")
        for mark in (self.best, self.worst):
            if mark is not None and mark not in self.shown:
                raise BadConfig(f"trial {mark} was not among those shown ({list(self.shown)})")
        if self.best is not None and self.best == self.worst:
            raise BadConfig(f"trial {self.best} cannot be both the best and the worst")

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(preferred, other) for every pair of which the marks tell an order."""
        found = [(self.best, one) for one in self.shown if one != self.best] if self.best is not None else []
        if self.worst is not None:
            found += [(one, self.worst) for one in self.shown if one not in (self.worst, self.best)]
        return found


def pairs_of(judgements: Iterable[Judgement]) -> list[tuple[int, int]]:
    """(preferred, other) of all judgements, in their order; one that was said twice counts twice."""
    return [pair for judgement in judgements for pair in judgement.pairs]


class Taste:
    """A person's taste over points of the unit cube, learned from which of two points was preferred.

    points (N, d) in [0, 1]; pairs of row numbers (preferred, other). Raises BadConfig without a pair, MissingPackage
    where botorch is not installed.
    """

    def __init__(self, points: np.ndarray, pairs: Sequence[tuple[int, int]]) -> None:
        if not pairs:
            raise BadConfig("no choice tells an order yet: mark the best or the worst of some pictures first")
        try:
            from botorch.exceptions.errors import ModelFittingError
            from botorch.fit import fit_gpytorch_mll
            from botorch.models.pairwise_gp import PairwiseGP, PairwiseLaplaceMarginalLogLikelihood
        except ImportError:
            raise MissingPackage(NO_BOTORCH) from None
        import torch

        self.points = np.asarray(points, np.float64)
        told = torch.from_numpy(self.points), torch.tensor(pairs, dtype=torch.long)
        with _quietly(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # the fit may start again from drawn values
            self.model: Any = PairwiseGP(*told, covar_module=_covariance(self.points.shape[1]))
            try:
                fit_gpytorch_mll(PairwiseLaplaceMarginalLogLikelihood(self.model.likelihood, self.model))
            except (
                ModelFittingError
            ):  # few choices leave its scales open: those thought likely before any stay
                self.model = PairwiseGP(*told, covar_module=_covariance(self.points.shape[1]))
            self.model.eval()

    def samples(self, points: np.ndarray, rng: np.random.Generator, count: int = SAMPLES) -> np.ndarray:
        """Joint samples of taste at `points` (C, d) -> (count, C); only differences mean anything."""
        import torch

        with _quietly(), torch.no_grad():
            posterior = self.model.posterior(torch.from_numpy(np.asarray(points, np.float64)))
        mean = posterior.mean.squeeze(-1).numpy()
        covariance = posterior.distribution.covariance_matrix.numpy()
        # of the eigenvalues: a covariance of near points has some that are 0, or below by rounding
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        root = vectors * np.sqrt(np.maximum(values, 0))
        drawn: np.ndarray = mean + rng.standard_normal((count, len(mean))) @ root.T
        return drawn


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings of its numerics (a fit that fails raises), and on one thread: on matrices of a few rows several wait
    for each other longer than they work."""
    import torch

    threads = torch.get_num_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _covariance(dimensions: int) -> Any:
    """A smooth taste: that it turns within a tenth of a range is unlikely before it is said, as few choices are had."""
    from gpytorch.kernels import RBFKernel, ScaleKernel
    from gpytorch.priors import GammaPrior, LogNormalPrior

    scale = LogNormalPrior(math.log(LENGTH), LENGTH_SPREAD)
    inner = RBFKernel(ard_num_dims=dimensions, lengthscale_prior=scale)
    inner.lengthscale = LENGTH
    outer = ScaleKernel(inner, outputscale_prior=GammaPrior(2.0, 0.15))
    outer.outputscale = 10.0
    return outer


def propose(
    taste: Taste, candidates: np.ndarray, count: int, rng: np.random.Generator, *, against: np.ndarray | None = None
) -> list[int]:  # fmt: skip
    """Rows of `candidates` (C, d) to try next, `count` of them or all: each raises E[max f] over those before it most.

    against: points (N, d) that are known already; those the taste was learned from unless given.
    """
    known = taste.points if against is None else against
    drawn = taste.samples(np.concatenate((known, candidates)), rng)
    best, found = drawn[:, : len(known)].max(1), drawn[:, len(known) :]
    chosen: list[int] = []
    for _ in range(min(count, len(candidates))):
        worth = np.maximum(found - best[:, None], 0).mean(0)
        worth[chosen] = -1.0
        row = int(worth.argmax())
        chosen.append(row)
        best = np.maximum(best, found[:, row])
    return chosen


def favourite(taste: Taste, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How probable it is of each of `points` (N, d) that it is liked best of them, (N,); they add up to 1."""
    drawn = taste.samples(points, rng, 4 * SAMPLES)
    return np.bincount(drawn.argmax(1), minlength=len(points)) / len(drawn)


def spread_points(dimensions: int, count: int, seed: int) -> np.ndarray:
    """Quasi-random points of the unit cube (count, dimensions), Sobol's, scrambled by `seed`."""
    from scipy.stats import qmc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a count which is no power of 2 is less even
        found: np.ndarray = qmc.Sobol(dimensions, seed=seed).random(count)
    return found


# ---------------------------------------------------------------- what was said, kept


def as_json(said: Iterable[Judgement]) -> list[dict[str, Any]]:
    """What was said as it is kept."""
    return [{"shown": list(one.shown), "best": one.best, "worst": one.worst} for one in said]


def add_judgement(folder: Path, judgement: Judgement, *, rounds: int | None = None) -> None:
    """Keep what was said in a study's folder, after what was said before.

    rounds: how many choices there were when the trials were shown. Raises BadConfig where another was made in between.
    """
    with _alone(folder):
        before = judgements_of(folder)
        if rounds is not None and len(before) != rounds:
            raise BadConfig("another choice was made in between, from another window; look again")
        _write(folder, [*before, judgement])


def judgements_of(folder: Path) -> list[Judgement]:
    """What was said in a study, in order; what cannot be read, or was never said of shown trials, is left out."""
    try:
        said = read_json(folder / FILE)
    except (OSError, ValueError):
        return []
    found = []
    for one in said if isinstance(said, list) else []:
        with contextlib.suppress(TypeError, KeyError, BadConfig):
            found.append(Judgement(tuple(one["shown"]), one["best"], one["worst"]))
    return found


def take_back(folder: Path) -> None:
    """Forget the last that was said, where there is any."""
    with _alone(folder):
        _write(folder, judgements_of(folder)[:-1])


def _alone(folder: Path) -> FolderLock:
    """Held while choices are changed: the page and the command line may both do so."""
    check_not_look_only()
    return FolderLock(folder / ".choices.lock")


def _write(folder: Path, found: Iterable[Judgement]) -> None:
    write_json(folder / FILE, as_json(found))
