"""Why a model's pictures are blurred, worked out behind the page: how sharp they are, and where its images' codes lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.services.tasks import Lane, Task

if TYPE_CHECKING:
    from vae_core.data.imageset import ImageSet
    from vae_core.runs.run import Run

LANE = Lane("averaging", niceness=10, remembered=32)
MOST_CODES = 4_000  # training images whose codes are searched
DRAWN = 256  # test images whose reconstructions are measured
AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Averages:
    """Of one run: sharpness of its reconstructions, over that of the images (None where those are flat); and of M training
    images their numbers (M,), the means and log variances of their codes, (M, D) each."""

    sharpness: float | None
    images: np.ndarray
    mean: np.ndarray
    log_var: np.ndarray


def averages_of(run: Run, data: ImageSet) -> Task[Averages]:
    """The task for a run's weights as they are now; the run has an encoder."""
    key = (run.id, run.stamp(), data.fingerprint)
    return LANE.submit(key, lambda task: _work(run, data, task.report), name=run.name)


def _work(run: Run, data: ImageSet, report: Callable[[float, str], object]) -> Averages:
    from app.services import models
    from vae_core.evaluation.metrics.sharpness import sharpness

    report(0.0, "reading the weights")
    model = models.model(run)
    test = np.asarray(data.test)
    some = np.asarray(data.images[test[np.linspace(0, len(test) - 1, min(DRAWN, len(test))).astype(int)]])
    sharp = sharpness(model.decode(model.encode(some).mean), some / np.float32(255))
    train = model.config.data.split(data).train
    index = train[np.linspace(0, len(train) - 1, min(MOST_CODES, len(train))).astype(int)]
    means, log_vars = [], []
    for start in range(0, len(index), AT_ONCE):
        report(0.1 + 0.9 * start / len(index), f"codes of {start:,} of {len(index):,} images")
        codes = model.encode(np.asarray(data.images[index[start : start + AT_ONCE]]))
        means.append(codes.mean)
        log_vars.append(codes.log_var)
    return Averages(sharp, index, np.concatenate(means), np.concatenate(log_vars))
