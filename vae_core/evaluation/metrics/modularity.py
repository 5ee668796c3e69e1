"""Modularity: does a dimension know one factor alone?"""

from __future__ import annotations

import numpy as np

from vae_core.errors import TooFewPoints
from vae_core.evaluation.metrics.factors import in_active_dimensions, unit
from vae_core.evaluation.metrics.information import BINS, ESTIMATE, mutual_information
from vae_core.evaluation.metrics.metric import LIBRARY, Metric, Value


def modularity(
    codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, *, bins: int = BINS
) -> float:
    """Modularity. Ridgeway & Mozer 2018, "Learning Deep Disentangled Embeddings with the F-Statistic Loss", sec. 3:

        mean_j 1 - sum_{k != k_j} I(z_j; v_k)^2 / ((K - 1) I(z_j; v_{k_j})^2),   k_j = argmax_k I(z_j; v_k)

    I in nats, as `mutual_information` estimates it; the mean is over dimensions that know any factor (0 where none
    does). Whether several dimensions share a factor, or none has it, plays no part. Raises TooFewPoints below two
    factors that vary.
    """
    information, most = mutual_information(codes, factors, rng, bins=bins)
    if len(most) < 2:
        raise TooFewPoints("modularity needs two factors that vary among these images; there is one")
    squares = np.square(information[information.any(1)])
    if not len(squares):
        return 0.0
    best = squares.max(1)
    return unit((1 - (squares.sum(1) - best) / (best * (squares.shape[1] - 1))).mean())


MODULARITY = Metric(
    "modularity",
    version=1,
    compute=in_active_dimensions(modularity),
    needs={"mean", "log_var", "factors"},
    values=(
        Value(
            "modularity",
            "modularity",
            "Modularity (Ridgeway & Mozer 2018): 1 − the squared information of a dimension about all factors "
            "but its best, over (K − 1) times that about its best squared, averaged over the dimensions that know any "
            f"factor; {ESTIMATE}.",
            estimator=f"own estimate: compare published figures with modularity ({LIBRARY})",
        ),
    ),
)
