"""DCI as disentanglement_lib estimates it, by gradient-boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from vae_core.data.imageset import Progress
from vae_core.errors import TooFewPoints
from vae_core.evaluation.metrics.information import entropy
from vae_core.evaluation.metrics.metric import LIBRARY, Metric, Value
from vae_core.evaluation.metrics.published import AS_LIBRARY, MOST, all_dimensions

STAGES = 100  # of boosting, scikit-learn's default, with one tree of depth 3 for each value of a factor
NEVER_ZERO = 1e-11  # added to importances, as there


def dci_lib(
    mean: np.ndarray, factors: np.ndarray, rng: np.random.Generator, progress: Progress
) -> dict[str, float]:
    """Disentanglement, completeness and informativeness of Eastwood & Williams 2018, sec. 2, from R (D, K): the
    importance of dimension j in a classifier of factor k, its mean decrease in impurity, which sums to 1 over j.

        disentanglement = sum_j rho_j (1 - H_K(R_j / sum_k R_jk)),  rho_j = sum_k R_jk / sum R
        completeness    = sum_k rho_k (1 - H_D(R_k / sum_j R_jk)),  rho_k = sum_j R_jk / sum R

    Informativeness is the classifiers' accuracy on images held out. Two thirds of the images fit, a third tests: 10,000
    and 5,000 of the 15,000 that the library draws, fewer where there are fewer. What `progress` raises ends it.
    A tree is built for each value of a factor in each stage: of five factors with 113 values together, ten dimensions
    and 2,000 images to fit, a minute on one core, and eight of 10,000. Raises TooFewPoints when the images
    to fit show one value of a factor alone.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    z, v = all_dimensions(mean, factors)
    order = rng.permutation(len(z))
    test, fit = order[: len(z) // 3], order[len(z) // 3 :]
    if (v[fit].min(0) == v[fit].max(0)).any():
        raise TooFewPoints("a factor has one value alone among the images to fit to; DCI needs two")
    importance, right = np.zeros((z.shape[1], v.shape[1])), np.zeros(v.shape[1])
    trees = v.max(0) + 1
    for k, values in enumerate(v.T):
        before, share = trees[:k].sum() / trees.sum(), trees[k] / trees.sum()

        def stage(
            i: int, model: Any, local: Any, k: int = k, before: float = before, share: float = share
        ) -> bool:
            progress(before + share * i / STAGES, f"trees for factor {k + 1} of {v.shape[1]}")
            return False

        model = GradientBoostingClassifier(n_estimators=STAGES, random_state=int(rng.integers(2**31)))
        model.fit(z[fit], values[fit], monitor=stage)
        importance[:, k] = np.abs(model.feature_importances_)
        right[k] = (model.predict(z[test]) == values[test]).mean()
    return {
        "dci_lib_disentanglement": _concentration(importance),
        "dci_lib_completeness": _concentration(importance.T),
        "dci_lib_informativeness": float(right.mean()),
    }


def _concentration(importance: np.ndarray) -> float:
    """1 - the entropy of each row of (A, B), base B, averaged with the row's share of the whole as weight."""
    if importance.shape[1] < 2:
        return float("nan")  # nothing to be shared with: log 1 is 0
    never = importance + NEVER_ZERO
    alone = 1 - entropy(never / never.sum(1, keepdims=True)) / np.log(importance.shape[1])
    whole = importance.sum()
    # where nothing matters all rows weigh alike, and each is spread evenly
    return float((alone * importance.sum(1)).sum() / whole) if whole else 0.0


SPLIT = "a third of the images held out"
TREES = (
    f"an importance is the mean decrease in impurity in gradient-boosted trees ({STAGES} stages, depth 3) that classify a "
    "factor from all dimensions"
)
DCI_LIB = Metric(
    "dci_lib",
    version=1,
    compute=dci_lib,
    needs={"mean", "factors"},
    most=MOST,
    on_request=True,
    values=(
        Value(
            "dci_lib_disentanglement",
            f"DCI disentanglement ({LIBRARY})",
            "DCI disentanglement (Eastwood & Williams 2018): 1 − the entropy, base K, of a dimension's importances for "
            f"the K factors, averaged with the dimension's share of all importance as weight; {TREES}.",
            estimator=AS_LIBRARY,
        ),
        Value(
            "dci_lib_completeness",
            f"DCI completeness ({LIBRARY})",
            "DCI completeness (Eastwood & Williams 2018): 1 − the entropy, base D, of the importances of the D "
            f"dimensions for a factor, averaged over factors; {TREES}.",
            estimator=AS_LIBRARY,
        ),
        Value(
            "dci_lib_informativeness",
            f"DCI informativeness ({LIBRARY})",
            f"DCI informativeness (Eastwood & Williams 2018): the share of {SPLIT} whose factor the same trees name "
            "right, averaged over factors; chance is 1 over the number of values, not 0.",
            unit="accuracy, 0 to 1",
            estimator=AS_LIBRARY,
        ),
    ),
)
