"""What a run measures on its test images: the terms of its ELBO and every metric of the registry, kept for its weights.

    <home>/derived/<weights stamp>/measured.npz
    <run folder>/measured.npz, of a pretrained run

Each metric's result is kept with the metric's name and version. A metric that is added later, or gets a higher version,
is computed for runs that were measured before; nothing else of them is computed again.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from vae_core.config import DataConfig
from vae_core.data.imageset import ImageSet, Progress, silent
from vae_core.errors import BadRun, RunNotFound
from vae_core.evaluation.classifier import classifier_of
from vae_core.evaluation.likelihood import Evaluation, check_sizes, evaluate
from vae_core.evaluation.metrics import METRICS, Inputs, Metric, Result, compute_metrics
from vae_core.evaluation.rate_distortion import Numbers
from vae_core.evaluation.regressor import regressor_of
from vae_core.inference import LoadedModel, load_run
from vae_core.latent.statistics import active_units
from vae_core.options import to_json
from vae_core.places import write_atomically
from vae_core.runs.record import Record
from vae_core.runs.run import Run
from vae_core.sweep import Member
from vae_core.words import counted

FORMAT = 1
FILE = "measured.npz"
SPLIT = "test"
MATCHED = 1_000  # images whose codes tell which dimension is which
ENCODED = 1_024  # images at a time


@dataclass(frozen=True, eq=False)
class RunMetrics:
    """One run on its test split, with the weights of the last checkpoint.

    active (D,) bool; images (M,) numbers in the dataset; codes (M, D) float32 their posterior means; results by metric
    name. fingerprint: of the images; a set built on another machine may differ from that trained on by rounding.
    """

    evaluation: Evaluation
    active: np.ndarray
    images: np.ndarray
    codes: np.ndarray
    results: Mapping[str, Result]
    fingerprint: str

    @property
    def values(self) -> dict[str, float]:
        """Values by name, in the registry's order, of metrics as they are defined today."""
        found: dict[str, float] = {}
        for metric in METRICS.values():
            result = self.results.get(metric.name)
            if result is not None and result.version == metric.version:
                found |= {v.name: result.values[v.name] for v in metric.values if v.name in result.values}
        return found

    def lacks(self, metric: Metric) -> bool:
        """Whether it was not computed, or in another version."""
        return metric.name not in self.results or self.results[metric.name].version != metric.version

    @property
    def lacking(self) -> list[Metric]:
        """Metrics of the registry that are computed without being asked for, and were not."""
        return [metric for metric in METRICS.values() if not metric.on_request and self.lacks(metric)]

    def numbers(self, member: Member) -> Numbers | None:
        """As a point of the curve; None for a plain autoencoder, which has no rate."""
        e = self.evaluation
        if e.rate is None or e.kl_per_dim is None:
            return None
        kl = np.array(e.kl_per_dim)
        return Numbers(member.beta, member.seed, e.distortion, e.rate, kl, self.active, self.values)


def scored_on(metric: Metric) -> str:
    """A clause on what of a run's images a metric is computed of, or an empty one where it is not of its codes."""
    if "mean" not in metric.needs:
        return ""
    where = "the active dimensions" if "log_var" in metric.needs else "all dimensions"
    return f"of posterior means, not samples, in {where}, of up to {metric.most:,} {SPLIT} images"


def scored_images(config: DataConfig, data: ImageSet, metric: Metric) -> np.ndarray:
    """Numbers in the dataset (N,) of the test images that a metric is computed of."""
    index = config.split(data).named(SPLIT)
    return np.asarray(index[_evenly(len(index), metric.most)])


def measure(
    run: Run, data: ImageSet, *, also: Collection[str] = (), progress: Progress = silent
) -> RunMetrics:
    """Measure a run on the test images of `data`, and keep the result for these weights. `also` names metrics that are
    computed on request alone.

    What is kept of the same weights and images is taken over; only the metrics that it lacks are computed. The
    posterior is sampled once with seed 0, as `vae-core evaluate` does, so that the numbers are the same. What
    `progress` raises ends it; nothing new is kept then. Raises BadRun without weights, BadImages when `data` has other
    sizes than what the run was trained on, or no test images.
    """
    model = load_run(run)
    check_sizes(model.record, data)
    index = model.config.data.split(data).named(SPLIT)
    kept, codes = _stored(run, model.stamp, model.record), None
    if kept is None or kept.fingerprint != data.fingerprint:
        kept, codes = _without_metrics(model, data, index, _part(progress, 0, 0.6))
    by_size: dict[int, Inputs] = {}

    def inputs(metric: Metric) -> Inputs:
        rows = _evenly(len(index), metric.most)
        if len(rows) not in by_size:
            by_size[len(rows)] = Inputs.of_model(
                model,
                data,
                index[rows],
                codes=None if codes is None else (codes[0][rows], codes[1][rows]),
                classifier=lambda: classifier_of(run.places, model.config, data),
                regressor=lambda: regressor_of(run.places, model.config, data),
            )
        return by_size[len(rows)]

    wanted = [METRICS[name] for name in also if METRICS[name].on_request and kept.lacks(METRICS[name])]
    part = _part(progress, 0.6, 1) if codes is not None else progress
    found = compute_metrics(inputs, [*kept.lacking, *wanted], progress=part)
    results = {**kept.results, **found}
    measured = RunMetrics(kept.evaluation, kept.active, kept.images, kept.codes, results, kept.fingerprint)
    path = _path(run, model.stamp, write=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _bytes(measured, _key(model.record)), durable=False)
    progress(1.0, "measured")
    return measured


def stored(run: Run) -> RunMetrics | None:
    """What was measured of these very weights; None when it was not, or the run has none."""
    try:
        return _stored(run, run.stamp(), run.record())
    except (BadRun, RunNotFound, OSError):
        return None


def _stored(run: Run, stamp: str, record: Record) -> RunMetrics | None:
    """What was measured here, or came with the weights of that `stamp`; None where neither was."""
    for path, key in ((_path(run, stamp), _key(record)), (run.path / FILE, _key(record, stamp))):
        try:
            stat = path.stat()
        except OSError:
            continue
        if (found := _read(path, key, stat.st_mtime_ns, stat.st_size)) is not None:
            return found
    return None


def _without_metrics(
    model: LoadedModel, data: ImageSet, index: np.ndarray, progress: Progress
) -> tuple[RunMetrics, tuple[np.ndarray, np.ndarray]]:
    """The terms and codes of the images at index (N,), before any metric; and their mean and log_var, (N, D) each."""
    evaluation = evaluate(model, data, split=SPLIT, progress=_part(progress, 0, 0.7))
    means, log_vars = [], []  # of images that may be more than memory holds
    for start in range(0, len(index), ENCODED):
        progress(0.7 + 0.3 * start / len(index), counted(start, "code"))
        posterior = model.encode(data.images[index[start : start + ENCODED]])
        means.append(posterior.mean)
        log_vars.append(posterior.log_var)
    mean, log_var = np.concatenate(means), np.concatenate(log_vars)
    matched = _evenly(len(index), MATCHED)
    found = RunMetrics(
        evaluation, active_units(mean), index[matched].astype(np.int64), mean[matched], {}, data.fingerprint
    )
    return found, (mean, log_var)


def _evenly(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _part(progress: Progress, start: float, end: float) -> Progress:
    return lambda share, what: progress(start + share * (end - start), what)


# ---------------------------------------------------------------- the file


def _path(run: Run, stamp: str, *, write: bool = False) -> Path:
    return run.places.derived_file(stamp, FILE, write=write)


def shipped_bytes(measured: RunMetrics, record: Record, stamp: str) -> bytes:
    """The file that a pretrained run of these weights brings along."""
    return _bytes(measured, _key(record, stamp))


def _key(record: Record, stamp: str = "") -> str:
    """What, besides the weights, decides the numbers: before the first step all runs of a seed share a stamp.

    `stamp`: of the weights, where the file's place does not say it.
    """
    objective = record.effective.objective
    return json.dumps(
        [
            FORMAT,
            record.data.get("fingerprint"),
            to_json(objective.likelihood),
            not objective.entry.has_posterior,
            *([stamp] if stamp else []),
        ]
    )


def _bytes(measured: RunMetrics, key: str) -> bytes:
    described = {
        "evaluation": measured.evaluation.to_json(),
        "metrics": {name: asdict(result) for name, result in measured.results.items()},
        "fingerprint": measured.fingerprint,
        "numbered": True,  # factors that are no whole numbers were cut into bins
    }
    buffer = io.BytesIO()
    np.savez(
        buffer, key=np.array(key), told=np.array(json.dumps(described)), active=measured.active,
        images=measured.images.astype(np.int32), codes=measured.codes.astype(np.float32),
    )  # fmt: skip
    return buffer.getvalue()


@lru_cache(maxsize=256)
def _read(path: Path, key: str, mtime: int, size: int) -> RunMetrics | None:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            if str(npz["key"]) != key:
                return None
            described = json.loads(str(npz["told"]))
            codes, active = npz["codes"].astype(np.float32), npz["active"].astype(bool)
            images = npz["images"].astype(np.int64)
        if codes.shape != (len(images), len(active)) or not np.isfinite(codes).all():
            return None
        return RunMetrics(
            Evaluation(**described["evaluation"]), active, images, codes, _results(described),
            str(described["fingerprint"]),
        )  # fmt: skip
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        return None  # missing or damaged: it can be measured again


def _results(described: Mapping[str, Any]) -> dict[str, Result]:
    """Results by metric name. Files from before metrics had versions hold values alone: those are of version 1."""
    if "metrics" in described:
        kept = {
            str(name): Result(
                int(one["version"]), {str(k): float(v) for k, v in one["values"].items()}, str(one["why_not"])
            )
            for name, one in described["metrics"].items()
        }
        # what was refused for factors that are cut into bins by now is computed
        return {n: r for n, r in kept.items() if "numbered" in described or "whole numbers" not in r.why_not}
    values = {str(k): float(v) for k, v in described["scores"].items()}
    if described["sharpness"] is not None:
        values["sharpness"] = float(described["sharpness"])
    found: dict[str, Result] = {}
    for metric in METRICS.values():
        own = {v.name: values[v.name] for v in metric.values if v.name in values}
        if own:
            found[metric.name] = Result(1, own)
    return found
