"""The curve of a β dial: rate and distortion at nine βs, and where the codes of the same images lie at each.

    <home>/derived/<weights stamp>/turned.npz

Bae et al. 2023, "Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve", draw the curve likewise.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadConfig, BadImages
from vae_core.evaluation.likelihood import check_sizes, log_sigma_of
from vae_core.inference import Rows, load_run
from vae_core.latent.pca import pca
from vae_core.latent.statistics import active_units, kl_from_prior
from vae_core.places import write_atomically
from vae_core.runs.run import Run

FORMAT = 2
STOPS = 9  # βs, evenly spaced in log β from end to end of the dial
MOST = 10_000  # test images behind the numbers, evenly taken
MAPPED = 2_000  # of them, on the map


@dataclass(frozen=True)
class DialCurve:
    """betas (S,) ascending; distortion, rate (S,) nats per image; kl (S, D) nats; active (S,) dimensions in use.

    count: test images behind those. images (M,) numbers in the dataset, some of them; points (S, M, 2): their posterior
    means on the two directions of most variance of all S together, so that one map serves all βs. fingerprint: of the
    dataset, whose image numbers mean nothing in another.
    """

    betas: np.ndarray
    distortion: np.ndarray
    rate: np.ndarray
    kl: np.ndarray
    active: np.ndarray
    count: int
    images: np.ndarray
    points: np.ndarray
    fingerprint: str

    def at(self, beta: float) -> tuple[float, float]:
        """Distortion and rate at a β between the stops, on the straight line over log β between its neighbours."""
        x, to = np.log(self.betas), np.log(beta)
        return float(np.interp(to, x, self.distortion)), float(np.interp(to, x, self.rate))


def measure_dial(run: Run, data: ImageSet, *, progress: Progress = silent) -> DialCurve:
    """Evaluate a run with a β dial at its nine stops, on test images of `data`, and keep the result for its weights.

    The posterior is sampled once per image and stop, with seed 0. What `progress` raises ends it; nothing is kept then.
    Raises BadConfig for a run without a dial, BadImages when `data` has other sizes than what the run was trained on, or
    no test images.
    """
    model = load_run(run)
    dial = model.config.objective.dial
    if dial is None:
        raise BadConfig(f"the run {run.name} has no β dial: its objective is not multi_rate")
    check_sizes(model.record, data)
    index = model.config.data.split(data).named("test")
    if not len(index):
        raise BadImages(f"{data.name} has no test images to read the dial on")
    index = index[np.linspace(0, len(index) - 1, min(MOST, len(index))).astype(np.int64)]
    mapped = np.linspace(0, len(index) - 1, min(MAPPED, len(index))).astype(np.int64)
    betas = np.geomspace(dial.lowest, dial.highest, STOPS)
    betas[0], betas[-1] = dial.lowest, dial.highest  # which rounding may have left
    distortion, kl, active, means = [], [], [], []
    for number, beta in enumerate(betas):
        at = model.at_beta(float(beta))

        def part(share: float, what: str, number: int = number, beta: float = beta) -> None:
            progress((number + share) / STOPS, f"β {beta:.3g}: {what}")

        error, codes = at.terms(
            Rows(data.images, index), seed=0, log_sigma=log_sigma_of(at, data, 0), progress=part
        )
        distortion.append(float(error.astype(np.float64).mean()))
        kl.append(kl_from_prior(codes.mean, codes.log_var).mean(0))
        active.append(int(active_units(codes.mean).sum()))
        means.append(codes.mean[mapped])
    pooled = np.concatenate(means)
    points = (
        np.zeros((len(pooled), 2), np.float32) if np.ptp(pooled, axis=0).max() < 1e-6 else pca(pooled).points
    )
    found = DialCurve(
        betas, np.array(distortion), np.array([k.sum() for k in kl], np.float64), np.array(kl, np.float64), np.array(active),
        len(index), index[mapped].astype(np.int64), points.reshape(STOPS, len(mapped), 2).astype(np.float32),
        data.fingerprint,
    )  # fmt: skip
    path = run.places.derived_file(model.stamp, "turned.npz", write=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, format=np.array(FORMAT), **found.__dict__)
    write_atomically(path, buffer.getvalue(), durable=False)
    return found


def stored(run: Run) -> DialCurve | None:
    """What was read of these very weights, on whatever images (see `fingerprint`); None when it was not."""
    path = run.places.derived_file(run.stamp(), "turned.npz")
    try:
        stat = path.stat()
    except OSError:
        return None
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _read(path: Path, mtime: int, size: int) -> DialCurve | None:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            if int(npz["format"]) != FORMAT:
                return None
            arrays = {name: npz[name] for name in DialCurve.__dataclass_fields__}
            scalars = {"count": int(arrays["count"]), "fingerprint": str(arrays["fingerprint"])}
            return DialCurve(**arrays | scalars)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # missing or damaged: it can be read again
