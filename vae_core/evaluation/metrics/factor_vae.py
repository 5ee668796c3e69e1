"""The FactorVAE score."""

from __future__ import annotations

import numpy as np

from vae_core.evaluation.metrics.factors import checked, in_active_dimensions, standardised
from vae_core.evaluation.metrics.fixed_factor import (
    DRAWN,
    GUESSING,
    RESCALED,
    VOTES,
    above_chance,
    halves,
    portions,
)
from vae_core.evaluation.metrics.metric import Metric, Value


def factor_vae(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
    """The FactorVAE score. Kim & Mnih 2018, "Disentangling by Factorising", sec. 4.

    A vote: hold one factor at the value of a random image, draw 64 images that share it, and take the dimension of
    least variance among them, over its variance in all images. 2,000 votes on one half of the images say which factor
    each dimension stands for (the majority's), 2,000 on the other half test it, evenly spread over the K factors. The
    paper's accuracy is 1/K + (1 - 1/K) times this score, so that guessing gives 0. A factor without 5 images of one
    value in either half is left out. Raises TooFewPoints below two factors to tell apart.
    """
    z, v = checked(codes, factors)
    both_halves = halves(v, rng)
    if not z.shape[1]:
        return 0.0
    z = standardised(z)
    count = len(both_halves[0])
    votes = np.zeros((2, z.shape[1], count), int)
    for half, groups in enumerate(both_halves):
        for k, group in enumerate(groups):
            for n in portions(VOTES // count, z.shape[1]):
                least = z[group.alike(n, rng)].var(1).argmin(1)
                votes[half, :, k] += np.bincount(least, minlength=z.shape[1])
    named = votes[0].argmax(1)
    right = votes[1][np.arange(len(named)), named].sum()
    return above_chance(right / votes[1].sum(), count)


FACTOR_VAE = Metric(
    "factor_vae",
    version=1,
    compute=in_active_dimensions(factor_vae),
    needs={"mean", "log_var", "factors"},
    values=(
        Value(
            "factor_vae",
            "FactorVAE score",
            f"FactorVAE score (Kim & Mnih 2018): of {DRAWN} images that share one factor's value, the dimension "
            f"of least variance (over its variance in all images) names the factor by majority vote; {GUESSING}.",
            estimator=RESCALED,
        ),
    ),
)
