"""DCI: disentanglement, completeness, informativeness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from vae_core.evaluation.metrics.factors import checked, in_active_dimensions, shares, unit
from vae_core.evaluation.metrics.information import entropy
from vae_core.evaluation.metrics.metric import LIBRARY, Metric, Value

TREES = 20
# standard errors of an importance that do not count: a code of noise has 40 chances to seem important
SURE = 4.0


@dataclass(frozen=True)
class Dci:
    """The three parts of DCI, each in [0, 1]."""

    disentanglement: float
    completeness: float
    informativeness: float


def dci(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> Dci:
    """Disentanglement, completeness, informativeness. Eastwood & Williams 2018, "A Framework for the Quantitative
    Evaluation of Disentangled Representations", sec. 2.

    R (D, K): importance of a dimension in predicting a factor:

        disentanglement = sum_j rho_j (1 - H_K(R_j / sum_k R_jk)),  rho_j = sum_k R_jk / sum R
        completeness    = sum_k rho_k (1 - H_D(R_k / sum_j R_jk)),  rho_k = sum_j R_jk / sum R

    A random forest, their second choice of predictor, as a regression on the factor's number: it finds any shape of
    dependence. Informativeness is its R^2 on a third of the images where they give a root mean squared error, so that
    1 is best. R is how far that R^2 falls when the dimension is shuffled (Breiman 2001, "Random Forests", sec. 10), less
    4 standard errors, not below 0. The usual decrease in variance within the trees says too much of dimensions
    that tell nothing: trees fit the noise with them, and codes that are their factors and as much noise get 0.5 for
    both parts, not 1. The paper's mean over factors lets one hardly known, its R mostly chance, weigh as the others.
    A lone dimension, or factor, has an entropy of 0.
    """
    from sklearn.ensemble import RandomForestRegressor

    z, v = checked(codes, factors)
    if not z.shape[1]:
        return Dci(0.0, 0.0, 0.0)
    order = rng.permutation(len(z))
    test, rest = order[: len(z) // 3], order[len(z) // 3 :]
    importance = np.zeros((z.shape[1], v.shape[1]))
    known = np.zeros(v.shape[1])
    for k, values in enumerate(v.T):
        forest = RandomForestRegressor(TREES, min_samples_leaf=3, random_state=int(rng.integers(2**31)))
        forest.fit(z[rest], values[rest])
        spread = np.square(values[test] - values[test].mean()).mean()
        if not spread:  # all images held out have one value
            continue
        errors = np.square(forest.predict(z[test]) - values[test])
        known[k] = 1 - errors.mean() / spread
        for dims, copies in _shuffled(z[test], rng):
            guesses = forest.predict(copies.reshape(-1, z.shape[1])).reshape(len(copies), -1)
            loss = np.square(guesses - values[test]) - errors
            fall = loss.mean(1) - SURE * loss.std(1) / np.sqrt(len(test))
            importance[dims, k] = fall / spread
    importance, known = np.maximum(importance, 0), np.maximum(known, 0)
    if not importance.any():
        return Dci(0.0, 0.0, unit(known.mean()))
    per_dim = 1 - entropy(shares(importance)) / np.log(max(2, v.shape[1]))
    per_factor = 1 - entropy(shares(importance.T)) / np.log(max(2, z.shape[1]))
    return Dci(
        unit((importance.sum(1) * per_dim).sum() / importance.sum()),
        unit((importance.sum(0) * per_factor).sum() / importance.sum()),
        unit(known.mean()),
    )


def _shuffled(z: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[slice, np.ndarray]]:
    """Codes (N, D), once for each dimension with that one shuffled: some dimensions and their copies (P, N, D), float32
    as trees take them. As many at a time as 32 MB hold: a call of a small forest takes longer than its trees do.
    """
    most = max(1, (32 << 20) // (4 * z.size))
    for first in range(0, z.shape[1], most):
        dims = np.arange(first, min(first + most, z.shape[1]))
        copies = np.repeat(z[None].astype(np.float32), len(dims), 0)
        for copy, j in zip(copies, dims, strict=True):
            copy[:, j] = rng.permutation(copy[:, j])
        yield slice(first, first + len(dims)), copies


def _by_name(codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    return {f"dci_{part}": value for part, value in asdict(dci(codes, factors, rng)).items()}


OWN = f"own estimate, by random forests: compare published figures with DCI ({LIBRARY})"
DCI = Metric(
    "dci",
    version=1,
    compute=in_active_dimensions(_by_name),
    needs={"mean", "log_var", "factors"},
    values=(
        Value(
            "dci_disentanglement",
            "DCI disentanglement",
            "DCI disentanglement (Eastwood & Williams 2018): 1 − the entropy, base K, of a dimension's "
            "importances for the K factors, averaged with the dimension's share of all importance as weight; an "
            f"importance is the R² that a random forest of {TREES} regression trees per factor loses on a third of the "
            f"images held out when the dimension is shuffled among them, less {SURE:g} standard errors.",
            estimator=OWN,
        ),
        Value(
            "dci_completeness",
            "DCI completeness",
            "DCI completeness (Eastwood & Williams 2018): 1 − the entropy, base D, of the importances of "
            "the D dimensions for a factor, averaged with the factor's share of all importance as weight; the same "
            "importances.",
            estimator=OWN,
        ),
        Value(
            "dci_informativeness",
            "DCI informativeness",
            "DCI informativeness (Eastwood & Williams 2018): R², not below 0, with which the same "
            "forests predict a factor's number on a third of the images held out, averaged over factors.",
            estimator=OWN,
        ),
    ),
)
