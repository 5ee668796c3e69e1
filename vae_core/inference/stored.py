"""Codes of a dataset's images, kept by the stamp of the weights that made them.

    <home>/derived/<weights stamp>/codes-<split>.npz

A pretrained run brings those of its test images along, as codes.npz in its folder.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadImages
from vae_core.inference.codes import Codes, Rows
from vae_core.inference.model import LoadedModel
from vae_core.places import write_atomically
from vae_core.runs.kept_codes import CODES_FORMAT, SHIPPED_CODES, read_kept_codes
from vae_core.runs.run import Run


@dataclass(frozen=True)
class StoredCodes(Codes):
    """Codes of some of a dataset's images, with what is known of those.

    index (N,) into the dataset; labels (N,) or None; factors (N, K) or None; error (N,) distortion in nats.
    """

    index: np.ndarray
    labels: np.ndarray | None
    factors: np.ndarray | None
    error: np.ndarray
    label_names: tuple[str, ...]
    factor_names: tuple[str, ...]
    split: str

    def take(self, rows: np.ndarray) -> StoredCodes:
        """The codes at rows (M,)."""
        return StoredCodes(
            self.mean[rows], self.log_var[rows], self.index[rows],
            None if self.labels is None else self.labels[rows],
            None if self.factors is None else self.factors[rows],
            self.error[rows], self.label_names, self.factor_names, self.split,
        )  # fmt: skip


def codes_path(run: Run, split: str, stamp: str = "", *, write: bool = False) -> Path:
    """The file of a split's codes, by the run's own weights or by those with another `stamp`; to `write` or to read."""
    return run.places.derived_file(stamp or run.stamp(), f"codes-{split}.npz", write=write)


def stored_codes(run: Run, split: str = "test") -> StoredCodes | None:
    """Codes computed before for these very weights, or shipped with a pretrained run; else None."""
    stamp, dims = run.stamp(), run.record().effective.model.latent_dim
    for path in (codes_path(run, split), run.path / SHIPPED_CODES):
        if (kept := read_kept_codes(path, stamp, dims)) is not None:
            return StoredCodes(**vars(kept))
    return None


def compute_codes(
    run: Run,
    model: LoadedModel,
    data: ImageSet,
    split: str = "test",
    *,
    most: int = 0,
    progress: Progress = silent,
) -> StoredCodes:
    """Encode a split (at most `most` of its images, evenly spaced) and keep the result for these weights.

    Raises BadImages for a split without images.
    """
    index = model.config.data.split(data).named(split)
    if not len(index):
        raise BadImages(f"{data.name} has no {split} images")
    if most and len(index) > most:
        index = index[np.linspace(0, len(index) - 1, most).astype(int)]
    stored = encode_images(model, data, index, split, progress=progress)
    if model.beta in (None, 1.0):  # at another β of a dial they are not what the run's pages show
        # by the weights that made them: the run's may be others by now
        path = codes_path(run, split, model.stamp, write=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, codes_bytes(stored, model.stamp), durable=False)
    return stored


def encode_images(
    model: LoadedModel, data: ImageSet, index: np.ndarray, split: str, *, progress: Progress = silent
) -> StoredCodes:
    """Codes of the images at `index` (N,), with their labels, factors and reconstruction errors."""
    error, codes = model.terms(Rows(data.images, index), progress=progress)
    return StoredCodes(
        codes.mean,
        codes.log_var,
        index,
        None if data.labels is None else np.asarray(data.labels[index]),
        None if data.factors is None else np.asarray(data.factors[index]),
        error,
        data.label_names,
        data.factor_names,
        split,
    )


def codes_bytes(codes: StoredCodes, stamp: str, dtype: type = np.float32) -> bytes:
    """Codes as an .npz that holds no pickles. `dtype` is that of mean, log_var and factors; float16 halves the size."""
    arrays: dict[str, Any] = {
        "format": np.array(CODES_FORMAT),
        "stamp": np.array(stamp),
        "split": np.array(codes.split),
        "index": codes.index.astype(np.int32),
        "mean": codes.mean.astype(dtype),
        "log_var": codes.log_var.astype(dtype),
        "error": codes.error.astype(np.float32),
        "label_names": np.array(codes.label_names, dtype=str),
        "factor_names": np.array(codes.factor_names, dtype=str),
    }
    if codes.labels is not None:
        arrays["labels"] = codes.labels.astype(np.int16)
    if codes.factors is not None:
        arrays["factors"] = codes.factors.astype(dtype)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
