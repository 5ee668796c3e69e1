"""SAP, separated attribute predictability."""

from __future__ import annotations

import numpy as np

from vae_core.evaluation.metrics.factors import (
    checked,
    in_active_dimensions,
    largest_first,
    standardised,
    unit,
)
from vae_core.evaluation.metrics.metric import LIBRARY, Metric, Value


def sap(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> float:
    """Separated attribute predictability. Kumar, Sattigeri & Balakrishnan 2018, "Variational Inference of
    Disentangled Latent Concepts from Unlabeled Observations", sec. 3, in the form for ordered factors:

        mean_k S_1k - S_2k,   S_jk = cov(z_j, v_k)^2 / (var z_j var v_k),   ranked over j

    Every factor counts as evenly spaced in its order: kinds and angles correlate little with any dimension. Nothing
    is drawn.
    """
    z, v = checked(codes, factors)
    if not z.shape[1]:
        return 0.0
    ranked = largest_first(np.square(standardised(z).T @ standardised(v.astype(np.float64)) / len(z)))
    return unit((ranked[0] - ranked[1]).mean())


SAP = Metric(
    "sap",
    version=1,
    compute=in_active_dimensions(sap),
    needs={"mean", "log_var", "factors"},
    values=(
        Value(
            "sap",
            "SAP",
            "Separated attribute predictability (Kumar et al. 2018), for ordered factors: the squared correlation of a "
            "factor's number with its best dimension less that with its second best, averaged over factors.",
            estimator=f"own estimate, by correlation: published figures ({LIBRARY}) are of linear classifiers and cannot be compared",
        ),
    ),
)
