"""Effect sizes: in which dimensions a selection of images differs from the rest."""

from __future__ import annotations

import numpy as np

from vae_core.errors import BadCodes, TooFewPoints


def effect_sizes(codes: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Cohen's d of each dimension (Cohen 1988): (mean inside - mean of the rest) / pooled standard deviation.

    codes (N, D), inside bool (N,) -> (D,). A constant dimension has 0; one that differs and varies on neither side
    is infinite. Raises BadCodes for what does not fit or is not finite, TooFewPoints when either side is empty or
    each has but one image, which tells no spread.
    """
    codes, inside = np.asarray(codes, np.float64), np.asarray(inside)
    if codes.ndim != 2 or not np.isfinite(codes).all():
        raise BadCodes(f"codes are expected as finite numbers (N, D), got {codes.shape}")
    if inside.shape != codes.shape[:1] or inside.dtype != bool:
        raise BadCodes(
            f"a selection is expected as {len(codes)} truth values, got {inside.dtype} {inside.shape}"
        )
    count = int(inside.sum())
    if count == 0:
        raise TooFewPoints("nothing is selected, so there is nothing to compare")
    if count == len(codes):
        raise TooFewPoints("everything is selected, so there is no rest to compare with")
    if len(codes) == 2:
        raise TooFewPoints("two images tell no spread; an effect size needs a third")
    a, b = codes[inside], codes[~inside]
    apart = a.mean(0) - b.mean(0)
    # s^2 = (sum_a (z - mean_a)^2 + sum_b (z - mean_b)^2) / (n_a + n_b - 2)
    pooled = np.sqrt((((a - a.mean(0)) ** 2).sum(0) + ((b - b.mean(0)) ** 2).sum(0)) / (len(codes) - 2))
    varies = np.ptp(codes, axis=0) > 0
    spread = pooled > 1e-12 * np.abs(codes).max(0)  # less is rounding
    sizes = np.where(spread, apart / np.where(spread, pooled, 1), np.copysign(np.inf, apart))
    return np.where(varies, sizes, 0.0)
