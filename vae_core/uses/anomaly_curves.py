"""How well a score tells odd images from usual ones: AUROC, average precision, curves and what a threshold does.

Scores are arrays (N,) of usual and (M,) of odd images; higher is odder. Intervals are a percentile bootstrap over images
(Efron 1979), usual and odd ones drawn apart, so that their shares stay. The same draws serve all scores of the same images:
differences of two scores are then paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.uses.intervals import LEVEL, Interval

GRID = 41  # points of a curve
BAND = 200  # of the draws, behind a curve's band


@dataclass(frozen=True, eq=False)
class Draws:
    """How often each image was drawn: usual (B + 1, N), odd (B + 1, M), float32. The first row is the images themselves."""

    usual: np.ndarray
    odd: np.ndarray


def draw(usual: int, odd: int, rng: np.random.Generator, draws: int = 1_000) -> Draws:
    """Bootstrap draws of `usual` and of `odd` images."""

    def counts(n: int) -> np.ndarray:
        found = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float32)
        return np.concatenate((np.ones((1, n), np.float32), found))

    return Draws(counts(usual), counts(odd))


@dataclass(frozen=True, eq=False)
class Ranked:
    """Weights of the images by distinct score, lowest first: usual and odd (B + 1, K), scores (K,)."""

    scores: np.ndarray
    usual: np.ndarray
    odd: np.ndarray

    def above(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight of usual and odd images at or above each distinct score, highest first: (B + 1, K) each."""
        return np.cumsum(self.usual[:, ::-1], axis=1), np.cumsum(self.odd[:, ::-1], axis=1)


def rank(usual: np.ndarray, odd: np.ndarray, draws: Draws) -> Ranked:
    """Put images of equal score together."""
    scores, place = np.unique(np.concatenate((usual, odd)), return_inverse=True)

    def gathered(weights: np.ndarray, at: np.ndarray) -> np.ndarray:
        order = np.argsort(at, kind="stable")
        levels, starts = np.unique(at[order], return_index=True)
        found = np.zeros((len(weights), len(scores)), np.float32)
        found[:, levels] = np.add.reduceat(weights[:, order], starts, axis=1)
        return found

    return Ranked(
        scores, gathered(draws.usual, place[: len(usual)]), gathered(draws.odd, place[len(usual) :])
    )


def aurocs(ranked: Ranked) -> np.ndarray:
    """P(an odd image scores above a usual one) + half of P(equal), of every draw: (B + 1,).

    The area under the ROC curve (Hanley & McNeil 1982).
    """
    below = np.cumsum(ranked.usual, axis=1, dtype=np.float64) - ranked.usual
    wins = (ranked.odd * (below + 0.5 * ranked.usual)).sum(1)
    found: np.ndarray = wins / (ranked.usual.sum(1, dtype=np.float64) * ranked.odd.sum(1, dtype=np.float64))
    return found


def average_precisions(ranked: Ranked) -> np.ndarray:
    """Σ (R_k − R_{k−1}) P_k over falling thresholds, of every draw: (B + 1,). Scores without skill have the share of odd."""
    usual, odd = ranked.above()
    caught = ranked.odd[:, ::-1].astype(np.float64)
    precision = odd / np.maximum(usual + odd, 1e-9)
    found: np.ndarray = (caught * precision).sum(1) / ranked.odd.sum(1, dtype=np.float64)
    return found


def interval(values: np.ndarray, count: int) -> Interval:
    """Of a statistic of every draw (B + 1,), the first of which is its value. `count` images are behind it."""
    if count < 4:
        return Interval(float(values[0]), None, None, count)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values[1:], (tail, 1 - tail))
    return Interval(float(values[0]), float(low), float(high), count)


def curves(ranked: Ranked) -> dict[str, list[float]]:
    """Both curves with 95 % bands, on GRID points of [0, 1].

    at; roc, roc_low, roc_high: true positive rate over false positive rate, straight between thresholds; pr, pr_low, pr_high:
    precision over recall, the precision of the first threshold that reaches that recall (not straight: Davis & Goadrich 2006).
    """
    grid = np.linspace(0, 1, GRID)
    some = Ranked(ranked.scores, ranked.usual[: BAND + 1], ranked.odd[: BAND + 1])
    usual, odd = some.above()
    false, true = usual / usual[:, -1:], odd / odd[:, -1:]
    precision = odd / np.maximum(usual + odd, 1e-9)
    roc, pr = np.empty((len(false), GRID)), np.empty((len(false), GRID))
    for i in range(len(false)):
        x, y = np.append(0, false[i]), np.append(0, true[i])
        last = np.append(np.diff(x) > 0, True)  # of steps straight up, where they end
        roc[i] = np.interp(grid, x[last], y[last])
        at = np.searchsorted(true[i], np.maximum(grid, 1e-6) - 1e-9)
        pr[i] = precision[i][np.minimum(at, len(some.scores) - 1)]
    found: dict[str, list[float]] = {"at": _rounded(grid)}
    for name, values in (("roc", roc), ("pr", pr)):
        low, high = np.quantile(values[1:], ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
        found |= {name: _rounded(values[0]), f"{name}_low": _rounded(low), f"{name}_high": _rounded(high)}
    return found


@dataclass(frozen=True)
class Confusion:
    """What a threshold does: images at or above it are called odd."""

    caught: int  # odd, called odd
    missed: int  # odd, called usual
    alarms: int  # usual, called odd
    passed: int  # usual, called usual

    @property
    def precision(self) -> float | None:
        """Share of odd ones among those called odd; None where none is."""
        called = self.caught + self.alarms
        return self.caught / called if called else None

    @property
    def recall(self) -> float | None:
        """Share of the odd ones that are called odd."""
        odd = self.caught + self.missed
        return self.caught / odd if odd else None

    @property
    def false_alarms(self) -> float | None:
        """Share of the usual ones that are called odd."""
        usual = self.alarms + self.passed
        return self.alarms / usual if usual else None


def confusion(usual: np.ndarray, odd: np.ndarray, threshold: float) -> Confusion:
    """The four counts at a threshold."""
    caught, alarms = int((odd >= threshold).sum()), int((usual >= threshold).sum())
    return Confusion(caught, len(odd) - caught, alarms, len(usual) - alarms)


def thresholds(usual: np.ndarray, odd: np.ndarray, count: int) -> np.ndarray:
    """`count` rising thresholds: quantiles of usual and odd scores, each weighing half."""
    share = np.linspace(0, 1, count)
    scores = np.concatenate((usual, odd))
    weights = np.concatenate((np.full(len(usual), 0.5 / len(usual)), np.full(len(odd), 0.5 / len(odd))))
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order])
    found: np.ndarray = scores[order][np.minimum(np.searchsorted(reached, share - 1e-9), len(scores) - 1)]
    return found


def histogram(
    usual: np.ndarray, odd: np.ndarray, bins: int = 40
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges (bins + 1,) and the share of usual and odd images in each (bins,). The ends hold whatever lies beyond the
    0.5th and 99.5th percentile, so that a single image does not press all others together."""
    low, high = np.quantile(np.concatenate((usual, odd)), (0.005, 0.995))
    if not high > low:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, bins + 1)
    heights = [np.histogram(np.clip(one, low, high), edges)[0] / max(1, len(one)) for one in (usual, odd)]
    return edges, heights[0], heights[1]


def mean_of(draws: Sequence[np.ndarray]) -> np.ndarray:
    """The mean over cases of a statistic of every draw, (B + 1,): cases are drawn apart."""
    found: np.ndarray = np.mean(np.stack(draws), axis=0)
    return found


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(v), 4) for v in values]
