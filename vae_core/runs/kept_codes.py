"""Codes of a run's images as a file keeps them, read without torch: a first page shows some before that is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

CODES_FORMAT = 1
SHIPPED_CODES = "codes.npz"  # in the folder of a pretrained run, or of one that came with an archive


@dataclass(frozen=True)
class KeptCodes:
    """Codes of N images, with what is known of those.

    mean, log_var (N, D) float32; index (N,) into the dataset; labels (N,) or None; factors (N, K) or None; error (N,)
    distortion in nats.
    """

    mean: np.ndarray
    log_var: np.ndarray
    index: np.ndarray
    labels: np.ndarray | None
    factors: np.ndarray | None
    error: np.ndarray
    label_names: tuple[str, ...]
    factor_names: tuple[str, ...]
    split: str


def read_kept_codes(path: Path, stamp: str, dims: int) -> KeptCodes | None:
    """Codes of `dims` numbers by the weights of that `stamp`; None where the file is missing, damaged or of others."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            if int(npz["format"]) != CODES_FORMAT or str(npz["stamp"]) != stamp:
                return None
            codes = KeptCodes(
                npz["mean"].astype(np.float32),
                npz["log_var"].astype(np.float32),
                npz["index"].astype(np.int64),
                npz["labels"].astype(np.int64) if "labels" in npz else None,
                npz["factors"].astype(np.float32) if "factors" in npz else None,
                npz["error"].astype(np.float32),
                tuple(str(n) for n in npz["label_names"]),
                tuple(str(n) for n in npz["factor_names"]),
                str(npz["split"]),
            )
        return codes if _whole(codes, dims) else None
    except Exception:  # an array's header is a Python literal, and a parser fails in many ways
        return None  # missing or damaged: it can be computed again


def _whole(codes: KeptCodes, dims: int) -> bool:
    """Whether the arrays fit each other: a file may come with an archive."""
    count = len(codes.index)
    rows = [codes.index, codes.error, *(a for a in (codes.labels,) if a is not None)]
    tables = [codes.mean, codes.log_var, *(a for a in (codes.factors,) if a is not None)]
    fits = all(a.shape == (count,) for a in rows) and all(a.ndim == 2 and len(a) == count for a in tables)
    same = codes.mean.shape == codes.log_var.shape == (count, dims)
    return fits and same and bool(np.isfinite(codes.mean).all())
