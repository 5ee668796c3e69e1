"""AAM, the axis alignment metric."""

from __future__ import annotations

import numpy as np

from vae_core.evaluation.metrics.factors import in_active_dimensions, largest_first, unit
from vae_core.evaluation.metrics.information import BINS, ESTIMATE, mutual_information
from vae_core.evaluation.metrics.metric import Metric, Value


def aam(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, *, bins: int = BINS) -> float:
    """Axis alignment metric. Dubois, Kastanos, Lines & Melman 2019, "Disentangling VAE" (YannDubs/disentangling-vae):

        mean_k max(0, I(z_1; v_k) - sum_{j > 1} I(z_j; v_k)) / I(z_1; v_k)

    dimensions ranked by information about v_k, as `mutual_information` estimates it; a factor no dimension knows
    counts 0. There I is of samples from q(z|x); here of the codes given.
    """
    information, _ = mutual_information(codes, factors, rng, bins=bins)
    if not len(information):
        return 0.0
    ranked = largest_first(information)
    gap = np.maximum(0, ranked[0] - ranked[1:].sum(0))
    return unit(np.divide(gap, ranked[0], out=np.zeros(len(gap)), where=ranked[0] > 0).mean())


AAM = Metric(
    "aam",
    version=1,
    compute=in_active_dimensions(aam),
    needs={"mean", "log_var", "factors"},
    values=(
        Value(
            "aam",
            "AAM",
            "Axis alignment metric (Dubois et al. 2019): the information of the most telling dimension about a factor "
            "less that of all others together, not below 0, over that of the most telling, averaged over factors; "
            f"{ESTIMATE}.",
            estimator="own estimate: published figures (disentangling-vae) are estimated from samples of q(z|x) and cannot be compared",
        ),
    ),
)
