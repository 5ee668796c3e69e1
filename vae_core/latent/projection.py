"""Codes to the plane: PCA at once, UMAP in a process of its own.

`python -m vae_core.latent.projection JOB.json` runs one UMAP: importing umap compiles for seconds, so only
that process does. The job's progress lies beside its result and can be read at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from vae_core.errors import TooFewPoints
from vae_core.options import Options, option
from vae_core.places import write_atomically, write_json
from vae_core.processes import child_environment, still_runs

Progress = Callable[[float, str], object]


@dataclass(frozen=True)
class Projection:
    """points (N, 2) float32. PCA also gives mean (D,), axes (2, D) and explained (2,), shares of variance."""

    points: np.ndarray
    mean: np.ndarray | None = None
    axes: np.ndarray | None = None
    explained: np.ndarray | None = None


def check_codes(codes: np.ndarray, least: int) -> np.ndarray:
    """float64 (N, D). Raises TooFewPoints for too few rows, NaN, or codes that are all the same."""
    codes = np.asarray(codes, np.float64)
    if len(codes) < least:
        raise TooFewPoints(f"a map needs at least {least} codes; there are {len(codes)}")
    if not np.isfinite(codes).all():
        raise TooFewPoints(
            "some codes are not finite numbers: the model diverged, so there is nothing to map"
        )
    if np.ptp(codes, axis=0).max() < 1e-9:
        raise TooFewPoints(
            "all codes are the same: every dimension has collapsed, so there is nothing to map"
        )
    return codes


def pca(codes: np.ndarray) -> Projection:
    """Principal components (Pearson 1901): codes (N, D) onto the two directions of most variance.

    Signs are chosen so that each axis's largest entry is positive, which keeps maps from flipping between
    runs. For D = 1 the second axis is zero. Raises TooFewPoints.
    """
    x = check_codes(codes, 3)
    mean = x.mean(0)
    centred = x - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    order = np.argsort(values)[::-1][:2]
    axes = vectors[:, order].T
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    if len(axes) == 1:
        axes = np.vstack((axes, np.zeros_like(axes)))
        values = np.append(values, 0.0)
        order = np.array([0, 1])
    explained = np.maximum(0, values[order]) / max(values.sum(), 1e-12)
    points = (centred @ axes.T).astype(np.float32)
    return Projection(points, mean.astype(np.float32), axes.astype(np.float32), explained)


@dataclass(frozen=True)
class UmapParams(Options):
    neighbours: int = option(
        15,
        help="size of the neighbourhood kept together; more shows coarser structure",
        minimum=2,
        maximum=200,
    )
    min_dist: float = option(
        0.1, help="how close points may lie on the map", minimum=0.0, maximum=0.99, title="minimum distance"
    )
    metric: str = option(
        "euclidean", help="distance between codes", values=("euclidean", "cosine", "manhattan")
    )
    seed: int = option(0, help="the same seed gives the same map", minimum=0, maximum=2**31 - 1)

    @property
    def key(self) -> str:
        """Short text that names these settings in a file name."""
        return f"{self.neighbours}-{self.min_dist:g}-{self.metric}-{self.seed}"


def umap(codes: np.ndarray, params: UmapParams, progress: Progress = lambda share, what: None) -> Projection:
    """UMAP (McInnes, Healy & Melville 2018) of codes (N, D). Slow to import: call it in a process of its own.

    Neighbours are exact, from scikit-learn, and handed over: umap's own search compiles for half a minute
    first. With a seed it runs on one core and repeats. Fewer codes than neighbours lower the neighbours.
    Raises TooFewPoints.
    """
    x = check_codes(codes, 4).astype(np.float32)
    k = min(params.neighbours, len(x) - 1)
    progress(0.0, "loading UMAP")
    import umap as umap_learn
    from sklearn.neighbors import NearestNeighbors

    progress(0.1, "finding neighbours")
    search = NearestNeighbors(n_neighbors=k + 1, metric=params.metric, n_jobs=-1).fit(x)
    distances, indices = search.kneighbors(x)
    # each point must lead its own list, also among duplicates
    own = np.arange(len(x))
    for row in np.flatnonzero(indices[:, 0] != own):
        at = np.flatnonzero(indices[row] == row)
        last = at[0] if len(at) else k
        indices[row, 1 : last + 1] = indices[row, :last]
        indices[row, 0], distances[row, 0] = row, 0.0
    progress(0.2, "laying out")
    mapper = umap_learn.UMAP(
        n_neighbors=k + 1,
        min_dist=params.min_dist,
        metric=params.metric,
        random_state=params.seed,
        n_jobs=1,
        # spectral initialisation needs more points than this
        init="spectral" if len(x) > 50 else "random",
        precomputed_knn=(indices, distances, None),
        verbose=True,
        tqdm_kwds={
            "file": _Percent(lambda share: progress(0.2 + 0.8 * share, "laying out")),
            "mininterval": 0.2,
        },
    )
    points = np.asarray(mapper.fit_transform(x), np.float32)
    if not np.isfinite(points).all():
        raise TooFewPoints("UMAP gave no finite map of these codes; try more neighbours, or PCA")
    return Projection(points)


class _Percent:
    """A file for a progress bar to write to: finds the percentage in what it is told."""

    def __init__(self, tell: Callable[[float], object]) -> None:
        self.tell = tell

    def write(self, text: str) -> int:
        found = re.search(r"(\d+)%", text)
        if found:
            self.tell(int(found.group(1)) / 100)
        return len(text)

    def flush(self) -> None:
        pass


# ---------------------------------------------------------------- as a job


@dataclass(frozen=True)
class JobState:
    """state: running, done, failed or absent. `share` of the work, `what` it does, `error` in a sentence."""

    state: str
    share: float = 0.0
    what: str = ""
    error: str = ""
    pid: int = 0
    started: float = 0.0


_CHILDREN: dict[int, subprocess.Popen] = {}  # jobs of this process, until they are seen to have ended


def start_job(codes: np.ndarray, params: UmapParams, result: Path) -> None:
    """Project in a process of its own; `result` (an .npz) appears when it is done."""
    result.parent.mkdir(parents=True, exist_ok=True)
    source = result.with_suffix(".codes.npy")
    np.save(source, np.asarray(codes, np.float32))
    job = {"codes": str(source), "result": str(result), "params": asdict(params)}
    write_json(result.with_suffix(".job.json"), job, durable=False)
    with open(result.with_suffix(".log"), "wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "vae_core.latent.projection", str(result.with_suffix(".job.json"))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            env=child_environment(),
        )  # fmt: skip
    _CHILDREN[child.pid] = child
    started = psutil.Process(child.pid).create_time()
    _tell(result, JobState("running", what="starting", pid=child.pid, started=started))


def job_state(result: Path) -> JobState:
    """What became of a job, from its files and its process."""
    for pid, child in list(_CHILDREN.items()):
        if child.poll() is not None:
            del _CHILDREN[pid]
    if result.exists():
        return JobState("done", 1.0)
    try:
        state = JobState(**json.loads(result.with_suffix(".progress.json").read_text()))
    except (OSError, ValueError, TypeError):
        return JobState("absent")
    if state.state == "running" and not still_runs(state.pid, state.started):
        return job_state(result) if result.exists() else JobState("failed", error="its process ended early")
    return state


def stop_job(result: Path) -> None:
    """End a running job; nothing of it stays."""
    state = job_state(result)
    if state.state == "running":
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(state.pid)
            process.terminate()
            process.wait(5)
    _tidy(result)


def read_job(result: Path) -> Projection:
    with np.load(result, allow_pickle=False) as npz:
        return Projection(npz["points"])


def _tidy(result: Path) -> None:
    """Remove what a job leaves beside its result."""
    for suffix in (".progress.json", ".codes.npy", ".job.json", ".log"):
        result.with_suffix(suffix).unlink(missing_ok=True)


def _tell(result: Path, state: JobState) -> None:
    write_json(result.with_suffix(".progress.json"), asdict(state), durable=False)


def main(argv: list[str] | None = None) -> int:
    """Run the job of one JSON file."""
    import io

    path = Path((argv or sys.argv[1:])[0])
    job: dict[str, Any] = json.loads(path.read_text())
    result = Path(job["result"])
    process = psutil.Process()
    if os.name == "posix":
        process.nice(10)
    me: dict[str, Any] = {"pid": process.pid, "started": process.create_time()}
    told = 0.0

    def progress(share: float, what: str) -> None:
        nonlocal told
        if time.monotonic() - told > 0.2:
            told = time.monotonic()
            _tell(result, JobState("running", share, what, **me))

    try:
        found = umap(np.load(job["codes"], allow_pickle=False), UmapParams(**job["params"]), progress)
    except Exception as error:
        sentence = str(error) if isinstance(error, TooFewPoints) else f"{type(error).__name__}: {error}"
        _tell(result, JobState("failed", error=sentence, **me))
        return 1
    buffer = io.BytesIO()
    np.savez_compressed(buffer, points=found.points)
    write_atomically(result, buffer.getvalue(), durable=False)
    _tidy(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
