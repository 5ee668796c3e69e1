"""What the scores have in common that are estimated as disentanglement_lib does (Locatello et al. 2019, "Challenging
Common Assumptions in the Unsupervised Learning of Disentangled Representations"), whose figures papers quote.

They differ from ours of the same names: all dimensions count, active or not; information is the plain count in 20 equal
bins from a code's least to its largest value, its bias left in; nothing is rescaled.
"""

from __future__ import annotations

import numpy as np

from vae_core.errors import TooFewPoints
from vae_core.evaluation.metrics.factors import checked_shapes
from vae_core.evaluation.metrics.information import entropy, plug_in
from vae_core.evaluation.metrics.metric import LIBRARY

BINS = 20
MOST = 15_000  # images: 10,000 to fit and 5,000 to test, as its configurations have
AS_LIBRARY = f"estimated as in {LIBRARY} (Locatello et al. 2019)"
INFORMATION = (
    f"mutual information is the plain count in {BINS} equal bins between a code's least and largest value, of all "
    "dimensions, its bias left in"
)


def all_dimensions(codes: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes float64 (N, D), constant dimensions among them, and the factors that vary, numbered from 0, int (N, K').

    The library's factors all vary; one that does not has no entropy to divide by. Raises BadCodes, TooFewPoints.
    """
    z, v = checked_shapes(codes, factors)
    v = np.stack([np.unique(column, return_inverse=True)[1] for column in v.T], 1)
    v = v[:, v.any(0)]
    if not v.shape[1]:
        raise TooFewPoints("no factor varies among these images; scores need one that does")
    return z, v


def counted_information(z: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """I(z_j; v_k) (D, K) and H(v_k) (K,), nats, of codes (N, D) and factors (N, K) from `all_dimensions`."""
    cut = np.stack([_histogram_bins(column) for column in z.T], 1)
    information = np.stack([plug_in(cut, values, BINS)[0] for values in v.T], 1)
    most = np.array([entropy(np.bincount(values) / len(values)) for values in v.T])
    return np.maximum(information, 0), most


def _histogram_bins(column: np.ndarray) -> np.ndarray:
    """The histogram's bin of each value (N,), from 0; the largest falls into the last."""
    edges = np.histogram_bin_edges(column, BINS)
    found: np.ndarray = np.digitize(column, edges[:-1]) - 1
    return found
