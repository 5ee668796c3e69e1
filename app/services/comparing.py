"""What the Compare page has worked out behind it: where a model's codes lie, how sharp its pictures are, and which real
images its samples are nearest to.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.services.cache import LruCache
from app.services.tasks import Lane, Task
from vae_core.latent.nearest import nearest_images, nearest_rows
from vae_core.latent.sampling import Mixture, mixture_if_enough

if TYPE_CHECKING:
    from vae_core.data.imageset import ImageSet
    from vae_core.evaluation.samples import Eye
    from vae_core.runs.run import Run

LANE = Lane("comparing", niceness=10, remembered=96)
MOST_CODES = 4_000  # training images whose codes are searched
DRAWN = 256  # test images whose reconstructions are measured
AT_ONCE = 256

_seen: LruCache[tuple[Eye, np.ndarray]] = LruCache(
    4
)  # what looks at a set's images, and their features (N, F)


@dataclass(frozen=True, eq=False)
class Averages:
    """Of one run: sharpness of its reconstructions, over that of the images (None where those are flat); and of M training
    images their numbers (M,), the means and log variances of their codes, (M, D) each, and the mixture fitted to codes drawn
    from those, None where there are too few."""

    sharpness: float | None
    images: np.ndarray
    mean: np.ndarray
    log_var: np.ndarray
    mixture: Mixture | None


def averages_of(run: Run, data: ImageSet) -> Task[Averages]:
    """The task for a run's weights as they are now; the run has an encoder."""
    key = (run.id, run.stamp(), data.fingerprint)
    return LANE.submit(key, lambda task: _work(run, data, task.report), name=run.name)


def _work(run: Run, data: ImageSet, report: Callable[[float, str], object]) -> Averages:
    from app.services import models
    from vae_core.evaluation.metrics.sharpness import sharpness
    from vae_core.evaluation.small_network import evenly
    from vae_core.inference import Codes

    report(0.0, "reading the weights")
    model = models.model(run)
    test = np.asarray(data.test)
    some = np.asarray(data.images[test[evenly(len(test), DRAWN)]])
    sharp = sharpness(model.decode(model.encode(some).mean), some / np.float32(255))
    train = model.config.data.split(data).train
    index = train[evenly(len(train), MOST_CODES)]
    means, log_vars = [], []
    for start in range(0, len(index), AT_ONCE):
        report(0.1 + 0.85 * start / len(index), f"codes of {start:,} of {len(index):,} images")
        codes = model.encode(np.asarray(data.images[index[start : start + AT_ONCE]]))
        means.append(codes.mean)
        log_vars.append(codes.log_var)
    mean, log_var = np.concatenate(means), np.concatenate(log_vars)
    report(0.95, "a mixture of Gaussians")
    drawn = Codes(mean, log_var).sample(np.random.default_rng(0))
    return Averages(sharp, index, mean, log_var, mixture_if_enough(drawn))


@dataclass(frozen=True, eq=False)
class Nearest:
    """Made images uint8 (N, C, H, W), the training images nearest to each, and how far those are (N,): by pixels the root mean
    square difference, as a share of the range of a pixel; else the distance in `features`, which says what they are."""

    made: np.ndarray
    real: np.ndarray
    far: np.ndarray
    features: str = ""


def nearest_of(
    run: Run, data: ImageSet, key: Hashable, draw: Callable[[], np.ndarray], *, by_features: bool = False
) -> Task[Nearest]:  # fmt: skip
    """The task that compares what `draw` gives with all training images of `run`; `key` names what is drawn.

    By pixels, or by the features in which samples are measured (`vae_core.evaluation.samples`).
    """

    def job(task: Task[Nearest]) -> Nearest:
        made = draw()
        train = run.record().effective.data.split(data).train
        if by_features:
            return _in_features(run, data, train, made, task.report)
        which, far = nearest_images(
            made, data.images, train, lambda share: task.report(share, "comparing with training images")
        )
        return Nearest(made, np.asarray(data.images[which]), far)

    return LANE.submit(
        ("nearest", by_features, run.id, run.stamp(), data.fingerprint, key), job, name=run.name
    )


def _in_features(
    run: Run, data: ImageSet, train: np.ndarray, made: np.ndarray, report: Callable[[float, str], object]
) -> Nearest:  # fmt: skip
    from vae_core.evaluation.samples import eye_of

    def look() -> tuple[Eye, np.ndarray]:
        eye = eye_of(run, data, lambda share, words: report(0.5 * share, words))
        parts = []
        for start in range(0, len(train), AT_ONCE):
            report(0.5 + 0.5 * start / len(train), f"features of {start:,} of {len(train):,} training images")
            parts.append(eye.features(np.asarray(data.images[train[start : start + AT_ONCE]])))
        return eye, np.concatenate(parts)

    eye, seen = _seen.get_or_make((data.fingerprint, run.record().effective.data), look)
    rows, far = nearest_rows(eye.features(made), seen)
    return Nearest(made, np.asarray(data.images[train[rows]]), far, eye.words)
