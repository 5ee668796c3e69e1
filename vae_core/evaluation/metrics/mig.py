"""MIG, the mutual information gap."""

from __future__ import annotations

import numpy as np

from vae_core.evaluation.metrics.factors import in_active_dimensions, largest_first, unit
from vae_core.evaluation.metrics.information import BINS, ESTIMATE, mutual_information
from vae_core.evaluation.metrics.metric import LIBRARY, Metric, Value


def mig(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, *, bins: int = BINS) -> float:
    """Mutual information gap. Chen, Li, Grosse & Duvenaud 2018, "Isolating Sources of Disentanglement", eq. 6:

        mean_k (I(z_1; v_k) - I(z_2; v_k)) / min(H(v_k), log bins)

    z_1, z_2 the dimensions of most information about v_k, as `mutual_information` estimates it. The paper divides by
    H(v_k), the same for factors of up to `bins` values; a code cut into bins cannot tell more than log bins. There
    I is of samples from q(z|x); here of the codes given. Where a factor's values are no fewer than the bins, or nearly
    so, some edges fall within the images of one value: of 2 to 64 values, a code that equals its factor gets 0.92 at
    worst (30 values: every other edge halves one), at any number of images.
    """
    information, most = mutual_information(codes, factors, rng, bins=bins)
    if not len(information):
        return 0.0
    ranked = largest_first(information)
    return unit(((ranked[0] - ranked[1]) / most).mean())


MIG = Metric(
    "mig",
    version=1,
    compute=in_active_dimensions(mig),
    needs={"mean", "log_var", "factors"},
    values=(
        Value(
            "mig",
            "MIG",
            "Mutual information gap (Chen et al. 2018): the information of the most telling dimension about a factor "
            f"less that of the second, over min(H(factor), log {BINS}), averaged over factors; {ESTIMATE}.",
            estimator=f"own estimate: compare published figures with MIG ({LIBRARY})",
        ),
    ),
)
