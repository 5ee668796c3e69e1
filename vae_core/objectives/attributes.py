"""Objectives that are told something of what images show: attributes by name, or pairs that differ in few factors.

Such a run shows what it was told, not what it discovered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vae_core.errors import BadConfig
from vae_core.objectives.terms import ForwardPass, Moment, Values
from vae_core.options import Options, option

if TYPE_CHECKING:
    from vae_core.data.imageset import ImageSet

LEAST_LABELLED = 2  # images that a normal score can be told from


@dataclass(frozen=True)
class GuidedParams(Options):
    beta: float = option(
        3.0, help="weight of the rate (KL) term; 1 is the ELBO", minimum=0.0, maximum=1000.0, title="β"
    )
    guidance: float = option(
        2000.0,
        help="weight γ with which code means are pulled to the attributes; 0 pulls at nothing",
        minimum=0.0,
        maximum=100_000.0,
        title="guidance γ",
    )
    attributes: tuple[str, ...] = option(
        (),
        help="attributes that dimensions are tied to, in the order of the sliders, with _ for a space; none named ties all",
        advanced=True,
    )
    labelled: int = option(
        0,
        help="training images whose attributes are used; 0 uses all that are known",
        unit="images",
        minimum=0,
        advanced=True,
    )


@dataclass(frozen=True)
class AdaGvaeParams(Options):
    beta: float = option(
        1.0, help="weight of the rate (KL) term; 1 is the ELBO", minimum=0.0, maximum=1000.0, title="β"
    )
    changed: int = option(
        1,
        help="factors in which the two images of a pair differ, at most",
        unit="factors",
        minimum=1,
        maximum=10,
        title="factors changed",
    )


def with_factors(params: AdaGvaeParams, data: ImageSet) -> AdaGvaeParams:
    """The same, for a set that may have pairs. Raises BadConfig for one without factors."""
    from vae_core.data.pairs import check_factors

    check_factors(data)
    return params


# ---------------------------------------------------------------- what a set tells of its images


@dataclass(frozen=True)
class Attributes:
    """Named numbers of N images: names (K,) in one spelling, values float64 (N, K), NaN where one is not known."""

    names: tuple[str, ...]
    values: np.ndarray


def spelt(name: str) -> str:
    """An attribute's name in the spelling of settings: small letters, _ for whatever parts words."""
    return "_".join(name.replace("_", " ").replace(",", " ").casefold().split())


def shown_name(name: str) -> str:
    """The same as a page shows it."""
    return name.replace("_", " ")


def attributes_of(data: ImageSet) -> Attributes | None:
    """A set's factors; without them its labels, one attribute a class, or one for two classes; None without either.

    The attribute of a class is 1 for its images and 0 for others, that of two classes 1 for the second. A label below
    0 is none.
    """
    if data.factors is not None:
        values = np.asarray(data.factors, np.float64)
        names = [*data.factor_names, *(f"factor_{k}" for k in range(len(data.factor_names), values.shape[1]))]
        return Attributes(_unlike(names[: values.shape[1]]), values)
    if data.labels is None:
        return None
    labels = np.asarray(data.labels)
    count = max(int(labels.max(initial=-1)) + 1, len(data.label_names))
    names = [data.label_names[k] if k < len(data.label_names) else str(k) for k in range(count)]
    values = (labels[:, None] == np.arange(count)).astype(np.float64)
    values[labels < 0] = np.nan
    return Attributes(_unlike(names[1:]), values[:, 1:]) if count == 2 else Attributes(_unlike(names), values)


def _unlike(names: Sequence[str]) -> tuple[str, ...]:
    """Spelt names, each another: of two that are spelt alike the later gets a number."""
    found: list[str] = []
    for name in map(spelt, names):
        tried, n = name or "attribute", 2
        while tried in found:
            tried, n = f"{name or 'attribute'}_{n}", n + 1
        found.append(tried)
    return tuple(found)


def named(params: GuidedParams, data: ImageSet) -> GuidedParams:
    """The same with the attributes named that it ties, in the order of the dimensions.

    Those that do not vary are left out where none were named. Raises BadConfig where the set has no attributes, not
    one of that name, or one is named twice.
    """
    found = attributes_of(data)
    if found is None:
        raise BadConfig(
            f"objective: guided learns from factors or labels, and {data.name} has neither; choose another dataset, or an "
            "objective that needs none"
        )
    asked = tuple(spelt(name) for name in params.attributes)
    for i, name in enumerate(asked):
        if name not in found.names:
            raise BadConfig(
                f"attributes: {data.name} has no {name!r}; it has {', '.join(found.names) or 'none that vary'}"
            )
        if name in asked[:i]:
            raise BadConfig(f"attributes: {name} is named twice, and is tied to one dimension")
    varies = [name for name, column in zip(found.names, found.values.T, strict=True) if _varies(column)]
    if not (asked or varies):
        raise BadConfig(
            f"objective: no factor or label of {data.name} varies, so there is nothing to guide by"
        )
    return replace(params, attributes=asked or tuple(varies))


def _varies(column: np.ndarray) -> bool:
    known = column[np.isfinite(column)]
    return len(known) >= LEAST_LABELLED and bool(np.ptp(known) > 0)


def targets(params: GuidedParams, data: ImageSet, train: np.ndarray, seed: int) -> np.ndarray:
    """Where the code means of images are pulled to: normal scores float32 (N, T), NaN where nothing pulls.

    `params` names its attributes (see `named`). Ranks are among the training images `train` (M,) whose attributes are
    used; other images have the score of their value, those of training beyond `labelled` have none.
    """
    found = attributes_of(data)
    assert found is not None  # `named` has seen to it
    values = found.values[:, [found.names.index(name) for name in params.attributes]]
    used = train
    if 0 < params.labelled < len(train):
        used = np.random.default_rng((seed, len(train))).choice(train, params.labelled, replace=False)
    scores = np.stack([normal_scores(column, column[used]) for column in values.T], 1)
    scores[np.setdiff1d(train, used)] = np.nan
    return scores.astype(np.float32)


def normal_scores(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Φ⁻¹ of the mid-rank of each value (N,) among others (M,); NaN for NaN, and for all where those do not vary.

    Van der Waerden 1952, "Order tests for the two-sample problem": scores as a standard normal variable's, so that an
    attribute fits the prior of its dimension whatever its own scale. Between two of the others a value lies in proportion.
    """
    from scipy.special import ndtri

    known = among[np.isfinite(among)]
    if not _varies(known):
        return np.full(len(values), np.nan)
    distinct, counts = np.unique(known, return_counts=True)
    middle = (counts.cumsum() - counts / 2) / len(known)
    found: np.ndarray = np.where(np.isfinite(values), ndtri(np.interp(values, distinct, middle)), np.nan)
    return found


# ---------------------------------------------------------------- terms


def guided_terms(forward: ForwardPass, params: GuidedParams, moment: Moment) -> Values:
    """Distortion, rate, and −log N(s; μ, 1) less its constant, of the images whose attributes are known.

    Locatello et al. 2020, "Disentangling Factors of Variation Using Few Labels", eq. 2 with R_s = ½ ‖μ − s‖²; here s is
    the normal score. The mean is over the labelled images of the batch, for each attribute, so that few labels pull as
    strongly as many.
    """
    sought = forward.batch.targets
    assert sought is not None  # the entry needs it
    known = sought.isfinite()
    gap = 0.5 * (forward.posterior.mean[:, : sought.shape[1]] - sought.nan_to_num()).square() * known
    return {
        "distortion": forward.distortion.mean(),
        "rate": forward.kl.mean(0).sum(),
        "guidance": (gap.sum(0) / known.sum(0).clamp_min(1)).sum(),
    }


def ada_gvae_terms(forward: ForwardPass, params: AdaGvaeParams, moment: Moment) -> Values:
    """Distortion and rate of both images of each pair, their common dimensions averaged, and how many are not.

    The batch holds first images, then second ones. Locatello et al. 2020, "Weakly-Supervised Disentanglement Without
    Compromises", sec. 4.
    """
    first, second = forward.posterior.mean.detach().chunk(2)
    return {
        "distortion": forward.distortion.mean(),
        "rate": forward.kl.mean(0).sum(),
        "differing": (first != second).float().sum(1).mean(),
    }
