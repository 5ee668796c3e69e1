"""Measurements behind the page, one after the other: a run on its test images, a dial at its nine βs.

What they find is kept with the run by vae_core.evaluation; a task has no result of its own.
"""

from __future__ import annotations

from app.services.tasks import CANCELLED, DONE, Lane, Task
from vae_core.data.imageset import ImageSet
from vae_core.evaluation.metrics import Metric
from vae_core.runs.run import Run

LANE = Lane("measuring", niceness=10, remembered=512, writes=True)  # as training: somebody waits for it


def measure_run(run: Run, data: ImageSet, also: tuple[str, ...] = ()) -> Task[None]:
    """Measure a run on its test images: rate, distortion, active units, scores, and those that take long of `also`."""
    from vae_core.evaluation.run_metrics import measure

    def job(task: Task[None]) -> None:
        measure(run, data, also=also, progress=task.report)

    return LANE.submit(_key(run, data, also), job, name=f"measuring {run.name}")


def measure_samples_of(run: Run, data: ImageSet) -> Task[None]:
    """Measure what a run draws from random codes: distance to real images, precision, recall, coverage, sharpness."""
    from vae_core.evaluation.samples import VERSION, measure_samples

    def job(task: Task[None]) -> None:
        measure_samples(run, data, task.report)

    key = ("samples", run.id, run.stamp(), data.fingerprint, VERSION)
    return LANE.submit(key, job, name=f"measuring samples of {run.name}")


def going(run: Run, data: ImageSet, also: tuple[str, ...]) -> Task[None] | None:
    """The task of `measure_run` while it waits or runs, or once it has failed."""
    task = LANE.find(_key(run, data, also))
    return None if task is None or task.state in (DONE, CANCELLED) else task


def _key(run: Run, data: ImageSet, also: tuple[str, ...]) -> tuple[object, ...]:
    from vae_core.evaluation.metrics import versions

    return ("run", run.id, run.stamp(), data.fingerprint, also, *versions())


def ceiling_of(run: Run, data: ImageSet, metric: Metric) -> Task[dict[str, float]]:
    """Work out what a metric could be at best of a run's test images; see `vae_core.evaluation.ceiling`."""
    from vae_core.evaluation.ceiling import ceilings
    from vae_core.evaluation.run_metrics import scored_images

    config = run.record().effective.data

    def job(task: Task[dict[str, float]]) -> dict[str, float]:
        return ceilings(data, scored_images(config, data, metric), [metric], progress=task.report)

    key = ("ceiling", data.fingerprint, config, metric.name, metric.version)
    return LANE.submit(key, job, name=f"the best {metric.name}")


def read_dial(run: Run, data: ImageSet) -> Task[None]:
    """Measure a run with a β dial at its nine βs."""
    from vae_core.evaluation.dial_curve import measure_dial

    def job(task: Task[None]) -> None:
        measure_dial(run, data, progress=task.report)

    return LANE.submit(("dial", run.id, run.stamp(), data.fingerprint), job, name=f"reading {run.name}")
