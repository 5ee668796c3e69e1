"""Modularity as disentanglement_lib estimates it."""

from __future__ import annotations

import numpy as np

from vae_core.errors import TooFewPoints
from vae_core.evaluation.metrics.metric import LIBRARY, Metric, Value
from vae_core.evaluation.metrics.published import (
    AS_LIBRARY,
    INFORMATION,
    MOST,
    all_dimensions,
    counted_information,
)


def modularity_lib(mean: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
    """mean_j 1 - sum_{k != k_j} I(z_j; v_k)^2 / ((K - 1) I(z_j; v_{k_j})^2),  k_j = argmax_k I(z_j; v_k).

    The mean is over all dimensions; one of no information at all counts 0. One of noise has what bias gives it.
    Raises TooFewPoints below two factors that vary.
    """
    information, most = counted_information(*all_dimensions(mean, factors))
    if len(most) < 2:
        raise TooFewPoints("modularity needs two factors that vary among these images; there is one")
    squares = np.square(information)
    best = squares.max(1)
    others = np.divide(squares.sum(1) - best, best * (len(most) - 1), out=np.ones(len(best)), where=best > 0)
    return float((1 - others).mean())


MODULARITY_LIB = Metric(
    "modularity_lib",
    version=1,
    compute=modularity_lib,
    needs={"mean", "factors"},
    most=MOST,
    values=(
        Value(
            "modularity_lib",
            f"modularity ({LIBRARY})",
            "Modularity (Ridgeway & Mozer 2018): 1 − the squared information of a dimension about all factors but its "
            "best, over (K − 1) times that about its best squared, averaged over all dimensions, 0 for one that tells "
            f"nothing; {INFORMATION}.",
            estimator=AS_LIBRARY,
        ),
    ),
)
