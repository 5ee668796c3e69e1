"""Codes to the plane: PCA at once, UMAP in a process of its own.

`python -m vae_core.latent.projection JOB.json` lays out one UMAP; with `--serve` the process makes itself ready
and lays out what it is handed, one after the other. A job's progress lies beside its result and can be read at
any time.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import io
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from vae_core.errors import TooFewPoints
from vae_core.latent.placing import place
from vae_core.options import Options, option
from vae_core.places import write_atomically, write_json
from vae_core.processes import child_environment, still_runs

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix

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
    sample: int = option(
        0,
        help="codes to lay out, evenly spaced; the others are placed among their neighbours. 0: all",
        minimum=0,
        title="sample size",
    )

    @property
    def key(self) -> str:
        """Short text that names these settings in a file name."""
        return f"{self.neighbours}-{self.min_dist:g}-{self.metric}-{self.seed}-{self.sample or 'all'}"


SAMPLE = 2_000  # codes of the first map
# From a start that is nearly right, a gentle and shorter descent ends no worse than umap-learn's own 500 epochs
# from a spectral one, and keeps the picture where it was (tests/bench/umap.py).
EPOCHS, RATE = 500, 1.0
EPOCHS_ON, RATE_ON = 300, 0.25
NEAR = 4  # neighbours that place a code; more pull it towards the middle

Sampled = Callable[[np.ndarray, np.ndarray], object]


def umap(
    codes: np.ndarray,
    params: UmapParams,
    progress: Progress = lambda share, what: None,
    sampled: Sampled = lambda rows, points: None,
) -> Projection:
    """UMAP (McInnes, Healy & Melville 2018) of codes (N, D), laid out by umap-learn.

    More than SAMPLE codes: `sampled` gets the rows (SAMPLE,) and points (SAMPLE, 2) of a first map, from which
    the whole then starts. Fewer codes than neighbours lower the neighbours. The same seed gives the same map, so
    it runs on one core. Slow to import: call it in a process of its own. Raises TooFewPoints.
    """
    x = check_codes(codes, 4).astype(np.float32)
    progress(0.0, "loading UMAP")
    _engine()
    rows = np.arange(len(x))
    if 0 < params.sample < len(x):
        rows = np.linspace(0, len(x) - 1, params.sample).astype(int)
    chosen = x[rows]
    check_codes(chosen, 4)
    if len(chosen) > SAMPLE:
        rng = np.random.default_rng(params.seed)
        some = np.sort(rng.choice(len(chosen), SAMPLE, replace=False))
        what = f"a sample of {SAMPLE:,} first"
        progress(0.05, what)
        first = _laid_out(chosen[some], params, None, lambda share: progress(0.05 + 0.2 * share, what))
        sampled(rows[some], first)
        progress(0.25, "finding neighbours")
        start = _placed(chosen, some, first, params)
        # umap's gradient is 0 between equal places
        start += rng.normal(scale=0.01, size=start.shape)
        points = _laid_out(chosen, params, start, lambda share: progress(0.25 + 0.7 * share, "laying out"))
    else:
        progress(0.1, "finding neighbours")
        points = _laid_out(chosen, params, None, lambda share: progress(0.1 + 0.85 * share, "laying out"))
    if len(rows) < len(x):
        progress(0.95, "placing the others")
        points = _placed(x, rows, points, params)
    return Projection(points.astype(np.float32))


def _placed(x: np.ndarray, rows: np.ndarray, points: np.ndarray, params: UmapParams) -> np.ndarray:
    """All of x (N, D) on a map of some `rows` (M,) at points (M, 2), which stay there: (N, 2)."""
    others = np.delete(np.arange(len(x)), rows)
    found = np.empty((len(x), 2))
    found[rows] = points
    found[others] = place_by(params.metric, x[others], x[rows], points, NEAR)
    return found


def place_by(metric: str, new: np.ndarray, codes: np.ndarray, points: np.ndarray, k: int = 15) -> np.ndarray:
    """As `placing.place`, on a UMAP made by `metric`: by cosine, codes count by their direction alone."""
    if metric == "cosine":
        new, codes = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (new, codes))
    return place(new, codes, points, k)


def _laid_out(
    x: np.ndarray, params: UmapParams, start: np.ndarray | None, tell: Callable[[float], object]
) -> np.ndarray:
    """One layout of codes (N, D) -> (N, 2), from `start` (N, 2) or umap's own beginning."""
    optimise, spectral = _engine()
    graph = fuzzy_set(*exact_neighbours(x, min(params.neighbours, len(x) - 1), params.metric))
    random = np.random.RandomState(params.seed)
    epochs, rate = (EPOCHS, RATE) if start is None else (EPOCHS_ON, RATE_ON)
    if start is None and len(x) > 50:
        with warnings.catch_warnings():  # it says when it falls back to a random beginning
            warnings.simplefilter("ignore")
            start = spectral(x, graph, 2, random, metric=params.metric)
        start = 10 * start / max(np.abs(start).max(), 1e-12) + random.normal(scale=1e-4, size=start.shape)
        start = 10 * (start - start.min(0)) / np.maximum(np.ptp(start, axis=0), 1e-12)
    elif start is None:  # too few for a spectral beginning
        start = random.uniform(0, 10, (len(x), 2))
    # edges too weak to be drawn once are left out; the others are drawn in proportion to their weight
    strong = graph.data >= graph.data.max() / epochs
    weights = graph.data[strong]
    a, b = _curve(params.min_dist)
    points = np.array(start, np.float32, order="C")
    optimise(
        points, points, graph.row[strong], graph.col[strong], epochs, len(x),
        weights.max() / weights.astype(np.float64), a, b,
        random.randint(-(2**31) + 1, 2**31 - 2, 3).astype(np.int64),
        initial_alpha=rate, move_other=True, tqdm_kwds={"disable": False, "file": _Percent(tell), "mininterval": 0.2},
    )  # fmt: skip
    if not np.isfinite(points).all():
        raise TooFewPoints("UMAP gave no finite map of these codes; try more neighbours, or PCA")
    return points


def exact_neighbours(x: np.ndarray, k: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices (N, k + 1) of each of x (N, D), itself first, then its k nearest."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=k + 1, metric=metric, n_jobs=-1).fit(x)
    distances, indices = search.kneighbors(x)
    # each point must lead its own list, also among duplicates
    for row in np.flatnonzero(indices[:, 0] != np.arange(len(x))):
        at = np.flatnonzero(indices[row] == row)
        last = at[0] if len(at) else k
        indices[row, 1 : last + 1] = indices[row, :last]
        indices[row, 0], distances[row, 0] = row, 0.0
    return distances.astype(np.float32), indices


def fuzzy_set(distances: np.ndarray, indices: np.ndarray) -> coo_matrix:
    """UMAP's graph of neighbours (N, K), each itself first: symmetric weights in (0, 1], (N, N).

    Each neighbour's membership is exp(-(d - rho) / sigma), with rho the distance of the nearest that is not equal
    and sigma such that the memberships sum to log2 K; both directions are united, a + b - ab (UMAP paper,
    algorithms 2 and 3). As umap-learn's fuzzy_simplicial_set, whose compilation takes longer than this does.
    """
    from scipy.sparse import coo_matrix

    count, k = distances.shape
    rho = np.where(distances > 0, distances, np.inf).min(1)
    rho[np.isinf(rho)] = 0
    beyond = np.maximum(distances - rho[:, None], 0).astype(np.float64)
    # sigma by bisection, all rows at once; a row that has arrived is left alone
    low, sigma, high = np.zeros(count), np.ones(count), np.full(count, np.inf)
    rows = np.arange(count)
    for _ in range(64):
        over = np.exp(-beyond[rows, 1:] / sigma[rows, None]).sum(1) - np.log2(k)
        open_ = np.abs(over) >= 1e-5
        rows, over = rows[open_], over[open_]
        if not len(rows):
            break
        high[rows[over > 0]] = sigma[rows[over > 0]]
        low[rows[over <= 0]] = sigma[rows[over <= 0]]
        sigma[rows] = np.where(np.isinf(high[rows]), 2 * sigma[rows], (low[rows] + high[rows]) / 2)
    least = 1e-3 * np.where(rho > 0, distances.mean(1), distances.mean())
    member = np.exp(-beyond / np.maximum(np.maximum(sigma, least), 1e-300)[:, None]).astype(np.float32)
    member[indices == np.arange(count)[:, None]] = 0
    one_way = coo_matrix((member.ravel(), (np.repeat(np.arange(count), k), indices.ravel())), (count, count))
    there = one_way.tocsr()
    back = there.T.tocsr()
    both = (there + back - there.multiply(back)).tocsr()
    both.eliminate_zeros()
    return both.tocoo()


def _curve(min_dist: float) -> tuple[float, float]:
    """a and b of 1 / (1 + a d^2b), fitted to 1 up to `min_dist` and exp(min_dist - d) beyond (umap-learn's own)."""
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(min_dist - d))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted)
    return float(a), float(b)


@cache
def _engine() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """umap-learn's optimiser of a layout and its spectral beginning.

    Without what only its UMAP class needs: pynndescent compiles for 10 s when it is first imported on a machine,
    and pandas, which scikit-learn takes in where it finds it, is 65 MB. What it compiles anew in every process, an
    epoch of a layout, is kept for the next: 1 s of each.
    """
    absent = [name for name in ("umap", "pandas") if name not in sys.modules]
    try:
        if "umap" in absent:
            spec = importlib.util.find_spec("umap")
            assert spec is not None
            sys.modules["umap"] = importlib.util.module_from_spec(spec)  # the package's place, not run
        if "pandas" in absent:
            sys.modules["pandas"] = None  # type: ignore[assignment]  # not to be found
        try:
            from umap.layouts import optimize_layout_euclidean
        except RuntimeError:  # numba finds no folder it may write to for what umap wants compiled once
            import numba

            folder = tempfile.mkdtemp(prefix="numba-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            settings: Any = numba.config
            settings.CACHE_DIR, settings.CACHE_LOCATOR_CLASSES = folder, ""
            from umap.layouts import optimize_layout_euclidean
        from umap.spectral import spectral_layout

        epoch = getattr(sys.modules["umap.layouts"], "_nb_optimize_layout_euclidean_single_epoch", None)
        if epoch is not None:  # no name umap-learn promises to keep
            epoch.enable_caching()
    finally:
        for name in absent:
            sys.modules.pop(name, None)
    return optimize_layout_euclidean, spectral_layout


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


_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}  # jobs of this process, until they are seen to have ended


def start_job(codes: np.ndarray, params: UmapParams, result: Path) -> None:
    """Project in another process: the warm one if it is free, else one of its own.

    `result` (an .npz) appears when it is done; see `read_sample` for what there is before.
    """
    result.parent.mkdir(parents=True, exist_ok=True)
    source = result.with_suffix(".codes.npy")
    np.save(source, np.asarray(codes, np.float32))
    path = result.with_suffix(".job.json")
    job = {"codes": str(source), "result": str(result), "params": asdict(params)}
    write_json(path, job, durable=False)
    if _handed_over(path, result):
        return
    with open(result.with_suffix(".log"), "wb") as log:
        child = subprocess.Popen(
            [*COMMAND, str(path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, env=child_environment(),
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
    """End a running job; nothing of it stays. If the warm process had it, another one warms up."""
    state = job_state(result)
    if state.state == "running":
        worker = _worker
        if worker is not None and worker.process.pid == state.pid:
            cool()
            warm()
        else:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(state.pid)
                process.terminate()
                process.wait(5)
    _tidy(result)


def read_job(result: Path) -> Projection:
    with np.load(result, allow_pickle=False) as npz:
        return Projection(npz["points"])


def read_sample(result: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """A job's first map while the whole is computed: rows (M,) of its codes and their points (M, 2)."""
    try:
        with np.load(result.with_suffix(".sample.npz"), allow_pickle=False) as npz:
            return npz["rows"], npz["points"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _tidy(result: Path) -> None:
    """Remove what a job leaves beside its result."""
    for suffix in (".progress.json", ".codes.npy", ".job.json", ".sample.npz", ".log"):
        result.with_suffix(suffix).unlink(missing_ok=True)


def _tell(result: Path, state: JobState) -> None:
    write_json(result.with_suffix(".progress.json"), asdict(state), durable=False)


def _save(path: Path, **arrays: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue(), durable=False)


# ---------------------------------------------------------------- a warm process

COMMAND = [sys.executable, "-m", "vae_core.latent.projection"]


@dataclass
class _Worker:
    """The warm process as its parent knows it. `job` is the result it works on."""

    process: subprocess.Popen[bytes]
    started: float
    warm: bool = False
    job: Path | None = None
    listener: threading.Thread | None = None


_worker: _Worker | None = None
_lock = threading.RLock()


def warm() -> None:
    """Have a process make itself ready for UMAP in the background, at low priority. Returns at once.

    There is one at a time; it ends with this process, however this ends, or by `cool`.
    """
    global _worker
    with _lock:
        if _worker is not None and _worker.process.poll() is None:
            return
        process = subprocess.Popen(
            [*COMMAND, "--serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=child_environment(),
        )  # fmt: skip
        worker = _Worker(process, psutil.Process(process.pid).create_time())
        worker.listener = threading.Thread(target=_listen, args=(worker,), name="warm-umap", daemon=True)
        _worker = worker
        worker.listener.start()


def cool() -> None:
    """End the warm process, and with it what it works on."""
    global _worker
    with _lock:
        worker, _worker = _worker, None
    if worker is None:
        return
    worker.process.kill()
    assert worker.listener is not None
    worker.listener.join()
    if worker.job is not None:
        _tidy(worker.job)


def is_warm() -> bool:
    """Whether the warm process is ready, and free."""
    with _lock:
        return _worker is not None and _worker.warm and _worker.job is None


def _listen(worker: _Worker) -> None:
    """Take note of what the warm process says, until it ends."""
    global _worker
    assert worker.process.stdout is not None
    assert worker.process.stdin is not None
    with worker.process.stdout as said:
        for line in said:
            with _lock:
                if line == b"warm\n":
                    worker.warm = True
                elif line == b"done\n":
                    worker.job = None
    worker.process.wait()
    with _lock:
        with contextlib.suppress(OSError):  # a line may be left in it
            worker.process.stdin.close()
        if _worker is worker:
            _worker = None


def _handed_over(path: Path, result: Path) -> bool:
    """Give a job to the warm process, if it is free and ready or soon will be."""
    with _lock:
        worker = _worker
        if worker is None or worker.job is not None or worker.process.poll() is not None:
            return False
        if not worker.warm and not _gets_on(worker):
            return False
        assert worker.process.stdin is not None
        pid = worker.process.pid
        _tell(result, JobState("running", what="starting", pid=pid, started=worker.started))
        try:
            worker.process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            worker.process.stdin.flush()
        except OSError:  # it just ended
            return False
        worker.job = result
        return True


def _gets_on(worker: _Worker) -> bool:
    """Whether the process that warms up gets most of a core: beside a training run, low priority gets little."""
    try:
        times = psutil.Process(worker.process.pid).cpu_times()
    except psutil.Error:
        return False
    return bool(times.user + times.system > 0.5 * (time.time() - worker.started))


def _serve() -> int:
    """Become warm, then work off the job files named on standard input, one JSON string a line."""
    jobs: queue.Queue[Path] = queue.Queue()

    def take() -> None:
        for line in sys.stdin:
            jobs.put(Path(json.loads(line)))
        os._exit(0)  # the pipe is closed: whoever asked is gone, also in the middle of a job

    def ready() -> None:
        if sys.platform == "linux":  # where priority is a thread's own, and can be left behind with it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        umap(np.random.default_rng(0).standard_normal((60, 3)), UmapParams())

    parent = os.getppid()
    threading.Thread(target=take, daemon=True).start()
    warming = threading.Thread(target=ready)
    warming.start()
    warming.join()
    print("warm", flush=True)  # noqa: T201
    while True:
        try:
            path = jobs.get(timeout=5)
        except queue.Empty:
            if os.getppid() != parent:  # the pipe was inherited by another process that still holds it
                return 0
            continue
        with contextlib.suppress(OSError):  # its folder was removed meanwhile
            with open(path.with_suffix("").with_suffix(".log"), "wb") as log:
                os.dup2(log.fileno(), 2)
            run_job(path)
        print("done", flush=True)  # noqa: T201


def run_job(path: Path) -> int:
    """Run the job of one JSON file, in this process. 0 when it is done, 1 when it failed."""
    job: dict[str, Any] = json.loads(path.read_text())
    result = Path(job["result"])
    process = psutil.Process()
    me: dict[str, Any] = {"pid": process.pid, "started": process.create_time()}
    told, doing = 0.0, ""

    def progress(share: float, what: str) -> None:
        nonlocal told, doing
        if what != doing or time.monotonic() - told > 0.2:
            told, doing = time.monotonic(), what
            _tell(result, JobState("running", share, what, **me))

    def sampled(rows: np.ndarray, points: np.ndarray) -> None:
        _save(result.with_suffix(".sample.npz"), rows=rows, points=points)

    try:
        codes = np.load(job["codes"], allow_pickle=False)
        found = umap(codes, UmapParams(**job["params"]), progress, sampled)
    except Exception as error:
        sentence = str(error) if isinstance(error, TooFewPoints) else f"{type(error).__name__}: {error}"
        _tell(result, JobState("failed", error=sentence, **me))
        return 1
    _save(result, points=found.points)
    _tidy(result)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the job of one JSON file, or with --serve what is handed over."""
    (what,) = argv or sys.argv[1:]
    if os.name == "posix":
        psutil.Process().nice(10)
    return _serve() if what == "--serve" else run_job(Path(what))


if __name__ == "__main__":
    sys.exit(main())
