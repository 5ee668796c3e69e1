"""UMAPs in processes of their own: followed, sampled first, stopped, crashed; the warm process and its end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from helpers import until

from app.services import umap
from app.services.tasks import CANCELLED, DONE, FAILED, RUNNING, Task
from vae_core import umap_process
from vae_core.latent.umap import UmapParams
from vae_core.processes import Message, receive, send

PARAMS = UmapParams(neighbours=10, min_dist=0.1, seed=1)


@pytest.fixture(autouse=True)
def _served_home() -> None:
    """No server ends after each of these tests: they share a warm process."""


@pytest.fixture(autouse=True, scope="module")
def _nothing_stays() -> Iterator[None]:
    yield
    umap.LANE.stop()
    umap.cool()


def clusters(count: int = 60, dims: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds far apart, and which cloud each code is of."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3
    return 0.3 * rng.standard_normal((count, dims)) + 10 * np.eye(dims)[labels], labels


def separation(points: np.ndarray, labels: np.ndarray) -> float:
    """The least distance between two clouds' centres over the widest cloud."""
    centres = np.stack([points[labels == k].mean(0) for k in range(3)])
    widths = [np.linalg.norm(points[labels == k] - centres[k], axis=1).max() for k in range(3)]
    apart = min(np.linalg.norm(centres[i] - centres[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    return float(apart / max(widths))


def ended(task: Task[Any]) -> Task[Any]:
    until(lambda: task.done, "the map is done")
    return task


def spare() -> umap.UmapProcess:
    assert umap._spare is not None
    return umap._spare


def is_warm() -> bool:
    """Whether the warm process is ready, and free."""
    found = umap._spare
    return found is not None and found.alive and found.warm and not found.busy


# ---------------------------------------------------------------- a process of its own


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, list[tuple[float, str]]]:
    """One job run to its end, and what it said on the way; no process was warm."""
    umap.cool()
    result = tmp_path_factory.mktemp("umap") / "new" / "map.npz"
    codes, labels = clusters()
    said: list[tuple[float, str]] = []
    task = umap.start(codes, PARAMS, result)
    assert umap.start(codes, PARAMS, result) is task, "two tabs share it"
    assert umap.find(result) is task
    until(lambda: task.done, "the map is done", meanwhile=lambda: said.append((task.share, task.words)))
    assert task.state == DONE, task.error
    return result, labels, said


def test_a_map_is_made_in_a_process_of_its_own_and_keeps_clusters_apart(
    mapped: tuple[Path, np.ndarray, list[tuple[float, str]]],
) -> None:
    result, labels, said = mapped
    points = umap.read(result)
    assert points.shape == (60, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    assert separation(points, labels) > 1.5
    assert {"loading UMAP", "laying out"} <= {words for _, words in said}
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert max(shares) <= 1.0
    assert umap.is_stored(result)
    assert "umap" not in sys.modules
    assert [p.name for p in result.parent.iterdir()] == ["map.npz"], "nothing else is left"


def test_a_result_that_was_removed_is_made_again(
    mapped: tuple[Path, np.ndarray, list[tuple[float, str]]], tmp_path: Path
) -> None:
    result = tmp_path / "map.npz"
    planted: Task[Any] = umap.LANE.submit(result, lambda task: None, name="planted")
    assert planted.wait(60)
    assert umap.find(result) is None
    assert umap.sample(result) is None


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.eye(3), "at least 4 codes"),
        (np.ones((9, 3)), "all codes are the same"),
        (np.full((9, 2), np.nan), "finite"),
        (np.where(np.eye(9) == 1, np.inf, 0.0), "finite"),
    ],
)
def test_a_job_that_cannot_be_done_is_answered_with_a_sentence(codes: np.ndarray, says: str) -> None:
    """The process's own entry, in this process: it refuses before it loads anything heavy."""
    out = io.BytesIO()
    umap_process.run(Message("umap", {}, {"codes": codes}), out)
    out.seek(0)
    answer = receive(out)
    assert answer is not None
    assert answer.say == "failed"
    assert says in answer.values["error"]
    assert receive(out) is None


def test_messages_come_as_they_were_sent_and_a_cut_one_is_none() -> None:
    out = io.BytesIO()
    send(out, "sample", {"rows": np.arange(3)}, share=0.5, words="at\nonce")
    send(out, "done")
    out.seek(0)
    first, second = receive(out), receive(out)
    assert first is not None
    assert (first.say, first.values) == ("sample", {"share": 0.5, "words": "at\nonce"})
    np.testing.assert_array_equal(first.arrays["rows"], np.arange(3))
    assert second == Message("done", {}, {})
    assert receive(out) is None
    whole = out.getvalue()
    for length in (1, 20, len(whole) // 4):
        assert receive(io.BytesIO(whole[:length])) is None
    send(out, "sample", {"rows": np.array([{}])})
    out.seek(len(whole))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        receive(out)


def test_a_job_can_be_stopped_and_leaves_nothing(tmp_path: Path) -> None:
    umap.cool()
    result = tmp_path / "maps" / "map.npz"
    task = umap.start(clusters(9000)[0], PARAMS, result)
    until(lambda: task.words == "loading UMAP", "its process has begun")
    (process,) = [p for p in psutil.Process().children() if "vae_core.umap_process" in " ".join(p.cmdline())]
    umap.stop(result)
    assert umap.find(result) is None
    assert ended(task).state == CANCELLED
    assert not process.is_running()
    assert list(result.parent.iterdir()) == []
    umap.stop(result)  # once more does no harm


def test_a_process_that_crashes_is_said_and_the_next_job_works(
    mapped: tuple[Path, np.ndarray, list[tuple[float, str]]], tmp_path: Path
) -> None:
    umap.cool()
    result = tmp_path / "map.npz"
    task = umap.start(clusters(9000)[0], PARAMS, result)
    until(lambda: task.words == "loading UMAP", "its process has begun")
    (process,) = [p for p in psutil.Process().children() if "vae_core.umap_process" in " ".join(p.cmdline())]
    process.kill()
    assert ended(task).state == FAILED
    assert task.error == "its process ended early; try again"
    assert not result.exists()
    assert umap.find(result) is task, "it is not begun again by itself"
    umap.stop(result)
    again = umap.start(clusters()[0], PARAMS, result)
    assert ended(again).state == DONE
    np.testing.assert_array_equal(umap.read(result), umap.read(mapped[0]))


# ---------------------------------------------------------------- the warm process


@pytest.fixture
def worker() -> umap.UmapProcess:
    """The process that is warm, and free."""
    umap.warm()
    first = spare()
    umap.warm()  # there is one already
    assert spare() is first
    until(is_warm, "it is warm")
    return first


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray, Path]:
    """A map of more codes than a sample, made by the warm process; the sample seen on the way.

    It is busy then, and leaves the same map to another process.
    """
    umap.warm()
    until(is_warm, "it is warm")
    folder = tmp_path_factory.mktemp("warm")
    result, twin = folder / "map.npz", folder / "twin.npz"
    codes, labels = clusters(2600)
    samples: list[Any] = []
    task = umap.start(codes, PARAMS, result)
    until(lambda: spare().busy, "the warm process has it")
    assert not is_warm()
    other = umap.start(codes, PARAMS, twin)
    until(lambda: other.state == RUNNING, "a process of its own has the other")
    until(lambda: task.done, "the map is done", meanwhile=lambda: samples.append(umap.sample(result)))
    assert task.state == DONE, task.error
    until(is_warm, "it is free again")
    seen = [sample for sample in samples if sample is not None]
    assert seen, "the sample is there before the whole"
    assert samples[0] is None
    assert ended(other).state == DONE, other.error
    return result, seen[0], labels, umap.read(result), twin


Whole = tuple[Path, tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray, Path]


def test_a_first_map_of_a_sample_comes_before_the_whole(whole: Whole) -> None:
    _, (rows, first), labels, points, _ = whole
    assert rows.shape == (2000,)
    assert first.shape == (2000, 2)
    assert (np.diff(rows) > 0).all()
    assert rows.max() < len(labels)
    assert separation(first, labels[rows]) > 1.5
    assert separation(points, labels) > 1.5


def test_the_picture_does_not_flip_between_the_sample_and_the_whole(whole: Whole) -> None:
    """Up to a shift and a scale, never a turn: the sample's points lie where they lay."""
    _, (rows, first), _, points, _ = whole
    a, b = (p - p.mean(0) for p in (first, points[rows]))
    for axis in (0, 1):
        assert np.corrcoef(a[:, axis], b[:, axis])[0, 1] > 0.9


def test_codes_left_out_of_a_sample_are_placed_among_their_neighbours(whole: Whole, tmp_path: Path) -> None:
    _, _, labels, _, _ = whole
    sampled = tmp_path / "sampled.npz"
    codes = clusters(2600)[0]
    assert ended(umap.start(codes, UmapParams(neighbours=10, sample=300), sampled)).state == DONE
    points = umap.read(sampled)
    assert points.shape == (2600, 2)
    assert separation(points, labels) > 1.5
    chosen = np.linspace(0, 2599, 300).astype(int)
    others = np.delete(np.arange(2600), chosen)
    near = ((codes[others[:50], None] - codes[chosen][None]) ** 2).sum(2).argsort(1)[:, :4]
    low, high = points[chosen][near].min(1), points[chosen][near].max(1)
    assert (points[others[:50]] >= low - 1e-4).all()
    assert (points[others[:50]] <= high + 1e-4).all()


def test_a_map_repeats_in_a_process_of_its_own(
    whole: Whole,
    mapped: tuple[Path, np.ndarray, list[tuple[float, str]]],
    worker: umap.UmapProcess,
    tmp_path: Path,
) -> None:
    """Not only the first that the warm process made, either."""
    *_, points, twin = whole
    np.testing.assert_array_equal(umap.read(twin), points)
    result = tmp_path / "map.npz"
    task = umap.start(clusters()[0], PARAMS, result)
    until(lambda: worker.busy or task.done, "the warm process has it")
    assert ended(task).state == DONE
    np.testing.assert_array_equal(umap.read(result), umap.read(mapped[0]))


def test_a_job_that_fails_leaves_the_worker_warm(worker: umap.UmapProcess, tmp_path: Path) -> None:
    result = tmp_path / "map.npz"
    task = ended(umap.start(np.ones((9, 3)), PARAMS, result))
    assert task.state == FAILED
    assert "all codes are the same" in task.error
    until(is_warm, "it is free again")
    assert spare() is worker
    umap.stop(result)
    assert list(tmp_path.iterdir()) == []
    assert spare() is worker, "that job was over"


def test_stopping_a_job_of_the_worker_warms_another(worker: umap.UmapProcess, tmp_path: Path) -> None:
    result = tmp_path / "map.npz"
    task = umap.start(clusters(9000)[0], PARAMS, result)
    until(lambda: worker.busy, "the warm process has it")
    umap.stop(result)
    assert ended(task).state == CANCELLED
    assert worker.process.returncode is not None
    assert not psutil.pid_exists(worker.pid)
    assert umap.find(result) is None
    assert list(tmp_path.iterdir()) == []
    until(is_warm, "another one is warm")
    assert spare() is not worker


def test_cooling_takes_the_job_along(worker: umap.UmapProcess, tmp_path: Path) -> None:
    result = tmp_path / "map.npz"
    task = umap.start(clusters(9000)[0], PARAMS, result)
    until(lambda: worker.busy, "the warm process has it")
    umap.stop(result)
    umap.cool()
    assert not psutil.pid_exists(worker.pid)
    assert ended(task).state == CANCELLED
    assert umap._spare is None, "no other one is warmed"
    assert list(tmp_path.iterdir()) == []
    umap.cool()  # once more does no harm


def test_a_worker_that_died_is_not_counted_on(worker: umap.UmapProcess, tmp_path: Path) -> None:
    worker.kill()
    until(lambda: not worker.alive, "it ended")
    result = tmp_path / "map.npz"
    task = ended(umap.start(clusters()[0], PARAMS, result))
    assert task.state == DONE, task.error
    assert spare() is not worker, "another one is warmed"


ORPHAN = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[3])
from helpers import until
from app.services import umap
from vae_core.latent.umap import UmapParams
umap.warm()
if sys.argv[1] == "busy":
    until(lambda: umap._spare.warm, "it is warm")
    codes = np.random.default_rng(0).standard_normal((9000, 5))
    umap.start(codes, UmapParams(), Path(sys.argv[2]))
    until(lambda: umap._spare.busy, "it has the job")
print(umap._spare.pid, flush=True)
sys.stdin.read()  # until it is killed
"""


@pytest.mark.parametrize("when", ["warming", "busy"])
def test_no_worker_outlives_its_parent(tmp_path: Path, when: str) -> None:
    """Killed without a chance to say anything, as by kill -9."""
    result = tmp_path / "map.npz"
    command = [sys.executable, "-c", ORPHAN, when, str(result), str(Path(__file__).parents[1])]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            child = psutil.Process(pid)
            assert child.is_running()
        finally:
            parent.kill()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "it ended too")
    assert not umap.is_stored(result)


@pytest.mark.skipif(sys.platform != "linux", reason="priorities are a process's own elsewhere")
def test_it_warms_up_at_the_lowest_priority() -> None:
    umap.cool()
    umap.warm()
    process = psutil.Process(spare().pid)

    def lowest() -> bool:
        return 19 in [os.getpriority(os.PRIO_PROCESS, thread.id) for thread in process.threads()]

    until(lowest, "a thread of it gives way to all others")
    umap.cool()


def test_a_worker_that_hardly_gets_on_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    umap.cool()
    umap.warm()
    worker = spare()
    monkeypatch.setattr(worker, "gets_on", lambda: False)
    result = tmp_path / "map.npz"
    task = umap.start(clusters(9000)[0], PARAMS, result)
    until(lambda: task.words == "loading UMAP" or task.done, "a process has it")
    assert not worker.busy
    umap.stop(result)
    assert ended(task).state == CANCELLED
    assert worker.alive
    monkeypatch.setattr(worker, "gets_on", lambda: True)
    task = umap.start(clusters()[0], PARAMS, result)
    until(lambda: worker.busy or task.done, "it is waited for")
    assert worker.busy
    umap.stop(result)
    umap.cool()
    assert ended(task).state == CANCELLED


def test_getting_on_is_having_most_of_a_core() -> None:
    used = sum(psutil.Process().cpu_times()[:2])
    for age, expected in ((used, True), (10 * used, False)):
        process = umap.UmapProcess.__new__(umap.UmapProcess)
        process.process, process.started = psutil.Process(), time.time() - age  # type: ignore[assignment]
        assert process.gets_on() is expected
