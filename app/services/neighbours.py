"""Where a run's images lie in code space, for pages that look for the real images nearest to a code.

A page first gets a sample of the codes with their statistics, then in the background the codes of all images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.services import datasets, models
from app.services.tasks import FAILED, Lane, Task

if TYPE_CHECKING:
    import numpy.typing as npt

    from vae_core.inference import StoredCodes
    from vae_core.latent.aggregate import Aggregate
    from vae_core.runs.run import Run

    Array = npt.NDArray[Any]

SAMPLE = 5_000  # images whose codes a page gets at first
SEARCHED = 4_000_000  # numbers that a page looks through for the nearest image, some milliseconds' worth
BATCH = 512  # images encoded between two looks at whether they are still wanted

_samples = Lane("code samples", niceness=0, remembered=4)
_searches = Lane("codes of all images", niceness=19, remembered=4)


@dataclass(frozen=True)
class CodeSample:
    """Codes of up to SAMPLE images, what they say of other codes, and their first two principal axes.

    axes (2, D): rows of unit length; the first two dimensions themselves where there are no more. known: images that
    `searched_codes` knows of. images: whether the images themselves are on this machine.
    """

    version: str
    codes: StoredCodes
    known: int
    aggregate: Aggregate
    axes: Array
    images: bool

    def header(self) -> dict[str, Any]:
        """All but the points, as JSON."""
        import numpy as np

        def short(array: Array) -> Any:
            return np.round(array, 6).tolist()

        found, usual = self.codes, self.aggregate
        what = "training images" if found.split == "train" else "images that came with this run"
        return {
            "version": self.version, "count": len(found), "known": self.known, "latent_dim": found.mean.shape[1], "what": what,
            "images": self.images, "names": list(found.label_names), "mean": short(usual.mean),
            "whiten": short(usual.whiten), "quantiles": short(usual.quantiles), "low": short(usual.low),
            "high": short(usual.high), "axes": short(self.axes),
        }  # fmt: skip

    def points(self) -> bytes:
        """float32 means (N, D), int32 image numbers (N,), int32 classes (N,; -1 where there are none)."""
        return _packed(self.codes.mean, self.codes.index, self.codes.labels)


def code_sample(run: Run) -> CodeSample | None:
    """Where a run's images lie: training images where those are read here, else the codes that came with it.

    Encoded once, one run at a time. Who asks first waits for it; None to everybody else meanwhile, who would only
    keep a thread of the server from other work. Raises TooFewPoints when there are neither images nor codes.
    """
    key = run.path, run.places.home, run.stamp(), datasets.images_of(run) is not None
    task: Task[CodeSample] | None = _samples.find(key)
    if task is None:
        alone = all(other.done for other in _samples.tasks())
        task = _samples.submit(key, lambda task: _sample(run, task), name=f"encoding images of {run.name}")
        if alone:
            task.wait()
    if task.state == FAILED:
        _samples.forget(key)  # images may come
        assert task.fault is not None
        raise task.fault
    return task.result


def _sample(run: Run, task: Task[CodeSample]) -> CodeSample:
    import numpy as np

    from vae_core.errors import TooFewPoints
    from vae_core.inference import encode_images, stored_codes
    from vae_core.latent.aggregate import aggregate

    stamp, data = run.stamp(), datasets.images_of(run)
    if data is None:
        codes = stored_codes(run)
        if codes is None:
            raise TooFewPoints(
                f"the images of {run.name} are not read here and no codes came with it, so nothing is known of where they lie"
            )
        known = len(codes)
        codes = codes.take(_evenly(known, SAMPLE))
    else:
        index = run.record().effective.data.split(data).train
        known = len(index)
        codes = encode_images(
            models.model(run), data, index[_evenly(known, SAMPLE)], "train", progress=task.report
        )
    means = codes.mean.astype(np.float64)
    dims = means.shape[1]
    axes = np.eye(2, dims)
    if dims > 2:
        _, directions = np.linalg.eigh(np.cov(means.T, ddof=0))
        axes = directions[:, [-1, -2]].T
    usual = aggregate(codes.mean, codes.log_var)
    return CodeSample(f"{stamp}-{codes.split}-{len(codes)}", codes, known, usual, axes, data is not None)


def searched_codes(run: Run, version: str) -> bytes | None:
    """Means of all the images of `code_sample` (of SEARCHED / D where there are more), packed as its points are.

    None as long as they are being encoded, which this begins: in the background, one run at a time, at the lowest
    priority; cancelled when the run has another `version` by then. Empty where they could not be encoded.
    """
    key = run.path, version
    _searches.forget_where(lambda other: other[0] == run.path and other != key)
    task = _searches.submit(
        key, lambda task: _encode_all(run, task), name=f"encoding all images of {run.name}"
    )
    return b"" if task.state == FAILED else task.result  # not tried again, or every page would have it tried


def _encode_all(run: Run, task: Task[bytes]) -> bytes:
    import numpy as np

    from vae_core.errors import TooFewPoints
    from vae_core.inference import stored_codes

    data, network = datasets.images_of(run), models.model(run)
    most = SEARCHED // network.latent_dim
    if data is None:
        codes = stored_codes(run)
        if codes is None:
            raise TooFewPoints(
                f"the images of {run.name} are not read here any more, and no codes came with it"
            )
        codes = codes.take(_evenly(len(codes), most))
        return _packed(codes.mean, codes.index, codes.labels)
    index = run.record().effective.data.split(data).train
    index = index[_evenly(len(index), most)]
    means = []
    for start in range(0, len(index), BATCH):
        task.report(start / len(index), f"encoded {start:,} of {len(index):,} images")
        means.append(network.encode(data.images[index[start : start + BATCH]]).mean)
    return _packed(np.concatenate(means), index, None if data.labels is None else data.labels[index])


def _packed(means: Array, index: Array, labels: Array | None) -> bytes:
    import numpy as np

    classes = np.full(len(index), -1) if labels is None else labels
    return means.astype("<f4").tobytes() + index.astype("<i4").tobytes() + classes.astype("<i4").tobytes()


def _evenly(count: int, most: int) -> Array:
    """At most `most` of `count` places, evenly spaced."""
    import numpy as np

    return np.linspace(0, count - 1, min(most, count)).astype(int)
