"""The β-VAE score."""

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


def beta_vae(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
    """The β-VAE score. Higgins et al. 2017, "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
    Framework", sec. 3.

    A point: choose a factor, draw 64 pairs of images that share its value (each pair its own), average |z_1 - z_2|
    over them, dimensions standardised. A linear classifier (logistic regression) names the factor; it is fitted to
    2,000 points of one half of the images and tested on 2,000 of the other, evenly spread over the K factors. The
    paper's accuracy is 1/K + (1 - 1/K) times this score, so that guessing gives 0. A factor without 5 images of one
    value in either half is left out. Raises TooFewPoints below two factors to tell apart.
    """
    from sklearn.linear_model import LogisticRegression

    z, v = checked(codes, factors)
    both_halves = halves(v, rng)
    if not z.shape[1]:
        return 0.0
    z = standardised(z)
    count = len(both_halves[0])
    points = []
    for groups in both_halves:
        drawn = []
        for group in groups:
            for n in portions(VOTES // count, z.shape[1]):
                one, other = group.pairs(n, rng)
                drawn.append(np.abs(z[one] - z[other]).mean(1))
        points.append(np.concatenate(drawn))
    names = np.repeat(np.arange(count), VOTES // count)
    mean, spread = points[0].mean(0), points[0].std(0)
    scale = np.where(spread > 0, spread, 1.0)
    model = LogisticRegression(max_iter=1000).fit((points[0] - mean) / scale, names)
    return above_chance(model.score((points[1] - mean) / scale, names), count)


BETA_VAE = Metric(
    "beta_vae",
    version=1,
    compute=in_active_dimensions(beta_vae),
    needs={"mean", "log_var", "factors"},
    values=(
        Value(
            "beta_vae",
            "β-VAE score",
            f"β-VAE score (Higgins et al. 2017): from |z₁ − z₂| averaged over {DRAWN} pairs of images that share "
            f"one factor's value, a logistic regression names the factor; {GUESSING}.",
            estimator=RESCALED,
        ),
    ),
)
