"""MIG as disentanglement_lib estimates it."""

from __future__ import annotations

import numpy as np

from vae_core.evaluation.metrics.factors import largest_first
from vae_core.evaluation.metrics.metric import LIBRARY, Metric, Value
from vae_core.evaluation.metrics.published import (
    AS_LIBRARY,
    INFORMATION,
    MOST,
    all_dimensions,
    counted_information,
)


def mig_lib(mean: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
    """mean_k (I(z_1; v_k) - I(z_2; v_k)) / H(v_k), z_1 and z_2 the two dimensions that tell most about v_k.

    Codes that equal their factors get 1 only for factors of at most 20 values: no more fit into the bins.
    """
    information, most = counted_information(*all_dimensions(mean, factors))
    ranked = largest_first(information)
    return float(((ranked[0] - ranked[1]) / most).mean())


MIG_LIB = Metric(
    "mig_lib",
    version=1,
    compute=mig_lib,
    needs={"mean", "factors"},
    most=MOST,
    values=(
        Value(
            "mig_lib",
            f"MIG ({LIBRARY})",
            "Mutual information gap (Chen et al. 2018): the information of the most telling dimension about a factor less "
            f"that of the second, over the factor's entropy, averaged over factors; {INFORMATION}.",
            estimator=AS_LIBRARY,
        ),
    ),
)
