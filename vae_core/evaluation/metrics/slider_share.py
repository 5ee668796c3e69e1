"""Share of a slider's effect that is its top attribute: does one slider mean one thing?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.evaluation.metrics.inputs import Decoder
from vae_core.evaluation.metrics.metric import Metric, Value
from vae_core.latent.statistics import active_units

LOW, HIGH = 5, 95  # percentiles between which a slider goes
ANCHORS = 128  # images whose codes a slider is moved from
TOLD = 0.2  # R² below which a regressor does not tell an attribute
MOVES = 0.25  # standard deviations: a slider that changes its top attribute by less has none


class Scores(Protocol):
    """What reads attributes off images: `evaluation.regressor.Regressor` is one."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def explained(self) -> np.ndarray: ...

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Images (N, C, H, W) -> (N, K), in standard deviations of each attribute."""


@dataclass(frozen=True, eq=False)
class SliderEffects:
    """What of K attributes changes while each of D sliders goes from its 5th to its 95th percentile.

    names (K,) of the attributes that the regressor tells; effects (D, K): mean |change|, standard deviations of the
    attribute, 0 in a dimension that is not active. active (D,) bool.
    """

    names: tuple[str, ...]
    effects: np.ndarray
    active: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Each slider's effects as shares of their sum, (D, K); 0 for one without effect."""
        whole = self.effects.sum(1, keepdims=True)
        moves = self.effects.max(1, keepdims=True, initial=0) >= MOVES
        found: np.ndarray = np.divide(
            self.effects, whole, out=np.zeros_like(self.effects), where=(whole > 0) & moves
        )
        return found

    @property
    def top(self) -> tuple[str, ...]:
        """The attribute that each slider changes most, "" for one without effect, (D,)."""
        shares = self.shares
        return tuple(self.names[int(row.argmax())] if row.any() else "" for row in shares)

    @property
    def share(self) -> np.ndarray:
        """Share of each slider's effect that is its top attribute, (D,); 0 for one without effect."""
        found: np.ndarray = self.shares.max(1, initial=0)
        return found

    @property
    def best(self) -> dict[str, tuple[int, float]]:
        """Attribute -> (its best slider, that slider's share); without a slider whose top attribute it is it has none."""
        found: dict[str, tuple[int, float]] = {}
        for dim, (name, share) in enumerate(zip(self.top, self.share, strict=True)):
            if name and share > found.get(name, (0, 0.0))[1]:
                found[name] = (dim, float(share))
        return {name: found[name] for name in self.names if name in found}

    @property
    def mean_share(self) -> float:
        """Mean over the sliders that have an effect."""
        moves = self.share > 0
        return float(self.share[moves].mean()) if moves.any() else 0.0

    @property
    def own(self) -> float:
        """Share of the attributes that have a slider whose effect is theirs by half or more."""
        return sum(share >= 0.5 for _, share in self.best.values()) / max(1, len(self.names))


def slider_effects(mean: np.ndarray, model: Decoder, regressor: Scores) -> SliderEffects:
    """What each slider changes, of codes (N, D) of held-out images, as a regressor on the attributes sees it.

    From up to 128 of the codes each dimension by itself is set to its 5th and its 95th percentile over all of them;
    both are decoded and read. Attributes of which the regressor explains less than a fifth are left out. Raises
    BadCodes for codes of another shape, TooFewPoints when no attribute is left.
    """
    codes = np.asarray(mean, np.float32)
    if codes.ndim != 2 or codes.shape[1] != model.latent_dim or not len(codes):
        raise BadCodes(f"codes (N, {model.latent_dim}) are expected, got {codes.shape}")
    told = np.flatnonzero(regressor.explained >= TOLD)
    if not len(told):
        raise TooFewPoints("a regressor reads none of the attributes off these images")
    active = active_units(codes)
    low, high = np.percentile(codes, (LOW, HIGH), axis=0)
    anchors = codes[np.linspace(0, len(codes) - 1, min(ANCHORS, len(codes))).astype(np.int64)]
    effects = np.zeros((codes.shape[1], len(told)))
    for dim in np.flatnonzero(active):
        ends = []
        for value in (low[dim], high[dim]):
            moved = anchors.copy()
            moved[:, dim] = value
            ends.append(regressor.scores(model.decode(moved))[:, told])
        effects[dim] = np.abs(ends[1] - ends[0]).mean(0)
    return SliderEffects(tuple(regressor.names[k] for k in told), effects, active)


def _of_run(
    mean: np.ndarray, model: Decoder, regressor: Scores, rng: np.random.Generator
) -> dict[str, float]:
    found = slider_effects(mean, model, regressor)
    return {"slider_share": found.mean_share, "own_sliders": found.own}


SLIDER_SHARE = Metric(
    "slider_share",
    version=1,
    compute=_of_run,
    needs={"mean", "model", "regressor"},
    values=(
        Value(
            "slider_share",
            "One thing a slider",
            "While one slider goes from its 5th to its 95th percentile a regressor on the attributes reads what changes, in "
            "standard deviations of each attribute: the share of its most changed attribute, mean over sliders with an "
            "effect. 1 is a slider that means one thing.",
            estimator="of a small regressor of its own, not comparable with published scores",
        ),
        Value(
            "own_sliders",
            "Attributes with a slider of their own",
            "The share of the attributes that make up half or more of what one slider changes.",
            estimator="of the same regressor",
        ),
    ),
    group="sliders",
)
