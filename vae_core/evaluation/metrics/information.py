"""Mutual information between dimensions and factors, which MIG, AAM and modularity are made of."""

from __future__ import annotations

import numpy as np

from vae_core.errors import BadCodes
from vae_core.evaluation.metrics.factors import checked

BINS = 20  # of a code, as in disentanglement_lib (Locatello et al. 2019)
TAILS = 0.5  # per cent of a code's images at either end that may not stretch its bins
# bins reach this share of the range further out: edges that fell on the values of an evenly spaced code would
# split the images of one value between two bins
MARGIN = 0.0137
SHUFFLES = 10
# standard deviations above a shuffled factor's information from which a dimension knows a factor
SIGNIFICANT = 5.0
ESTIMATE = (
    f"mutual information is the plug-in estimate in {BINS} equal bins between the {TAILS}th and {100 - TAILS}th "
    "percentile of a code, less what a shuffled factor gives"
)


def mutual_information(
    codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, *, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray]:
    """I(z_j; v_k) (D, K) in nats, and the most that could be, min(H(v_k), log bins) (K,); constants left out.

    Codes are cut into `bins` equal bins between their 0.5th and 99.5th percentile, what lies beyond falls into the
    outermost; I is the plug-in estimate of the table of counts. Its bias under independence E, the mean over ten
    shuffles of the factor, is taken out as in adjusted mutual information (Vinh, Epps & Bailey 2010), with C the most
    that could be: max(0, C (I - E) / (C - E)). A dimension, or a factor, none of whose I exceed E by 5 standard
    deviations, those of the chi-squared law of 2 N I, has none at all.
    """
    z, v = checked(codes, factors)
    if bins < 2:
        raise BadCodes(f"codes are cut into 2 bins or more, not {bins}")
    cut = cut_into_bins(z, bins)
    information, most = np.zeros((z.shape[1], v.shape[1])), np.zeros(v.shape[1])
    clear = np.zeros(information.shape, bool)
    for k, values in enumerate(v.T):
        share = np.bincount(values) / len(values)
        most[k] = min(entropy(share), np.log(bins))
        found, filled = plug_in(cut, values, bins)
        chance = np.mean([plug_in(cut, rng.permutation(values), bins)[0] for _ in range(SHUFFLES)], axis=0)
        # 2 N I is chi-squared with (rows - 1)(columns - 1) degrees of freedom, of variance twice as many
        spread = np.sqrt((filled - 1) * (len(share) - 1) / 2) / len(values)
        some = (found > chance) & (chance < most[k])
        clear[:, k] = some & (found > chance + SIGNIFICANT * spread)
        information[some, k] = most[k] * (found - chance)[some] / (most[k] - chance[some])
    information[~clear.any(1)] = 0
    information[:, ~clear.any(0)] = 0
    return np.minimum(information, most), most


def cut_into_bins(z: np.ndarray, bins: int) -> np.ndarray:
    """Codes (N, D) -> the number of their bin, int (N, D)."""
    low, high = np.percentile(z, (TAILS, 100 - TAILS), axis=0)
    flat = high - low <= 1e-6 * np.ptp(z, 0)  # all but a few images have one value
    low, high = np.where(flat, z.min(0), low), np.where(flat, z.max(0), high)
    place = (z - low) / (high - low)  # 0 to 1 between the tails
    number: np.ndarray = np.clip(np.floor(bins * (place + MARGIN) / (1 + 2 * MARGIN)), 0, bins - 1).astype(
        int
    )
    return number


def plug_in(cut: np.ndarray, values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """I of each dimension's bins (N, D) and factor values (N,), nats (D,), and how many bins are filled (D,)."""
    dims, count = cut.shape[1], int(values.max()) + 1
    cell = (np.arange(dims) * bins + cut) * count + values[:, None]
    joint = np.bincount(cell.ravel(), minlength=dims * bins * count).reshape(dims, bins, count) / len(cut)
    of_z, of_v = joint.sum(2), joint.sum(1)
    # I = H(z) + H(v) - H(z, v)
    return entropy(of_z) + entropy(of_v) - entropy(joint.reshape(dims, bins * count)), (of_z > 0).sum(1)


def entropy(p: np.ndarray) -> np.ndarray:
    """Entropy of probabilities along the last axis, nats."""
    nats: np.ndarray = -(p * np.log(np.where(p > 0, p, 1.0))).sum(-1)
    return nats
