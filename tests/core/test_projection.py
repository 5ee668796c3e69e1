import json
import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from helpers import until

from vae_core.errors import BadConfig, TooFewPoints
from vae_core.latent import projection
from vae_core.latent.projection import (
    JobState,
    UmapParams,
    cool,
    is_warm,
    job_state,
    main,
    pca,
    read_job,
    read_sample,
    start_job,
    stop_job,
    warm,
)

# ---------------------------------------------------------------- PCA


def planted(spreads, count=4000, seed=0):
    """Codes with given standard deviations along the columns of a random rotation; and that rotation."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((len(spreads), len(spreads))))
    codes = rng.standard_normal((count, len(spreads))) * spreads
    return codes @ rotation.T + rng.uniform(-5, 5, len(spreads)), rotation


def test_pca_finds_the_planted_axes_and_their_shares():
    codes, rotation = planted([5.0, 2.0, 0.5, 0.1])
    found = pca(codes)
    assert found.points.shape == (4000, 2)
    assert found.points.dtype == np.float32
    for axis, true in zip(found.axes, rotation.T[:2], strict=True):
        assert abs(axis @ true) > 0.999
        assert np.linalg.norm(axis) == pytest.approx(1.0, rel=1e-5)
        assert axis[np.abs(axis).argmax()] > 0
    total = 25 + 4 + 0.25 + 0.01
    np.testing.assert_allclose(found.explained, [25 / total, 4 / total], atol=0.01)
    np.testing.assert_allclose(found.mean, codes.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found.points.std(0), [5, 2], rtol=0.05)
    np.testing.assert_allclose(found.points, (codes - codes.mean(0)) @ found.axes.T, atol=1e-4)


def test_pca_agrees_with_scikit_learn():
    from sklearn.decomposition import PCA

    codes, _ = planted([3.0, 2.0, 1.0], count=50)
    found, theirs = pca(codes), PCA(2).fit(codes)
    np.testing.assert_allclose(found.explained, theirs.explained_variance_ratio_)
    np.testing.assert_allclose(np.abs(found.axes @ theirs.components_.T), np.eye(2), atol=1e-5)


def test_pca_does_not_flip_between_runs():
    codes, _ = planted([3.0, 2.0, 1.0])
    a, b = pca(codes), pca(codes[::-1] * 1.0001)
    np.testing.assert_allclose(a.axes, b.axes, atol=1e-3)


def test_pca_of_one_dimension_lies_on_a_line():
    codes = np.array([[1.0], [2.0], [4.0]])
    found = pca(codes)
    np.testing.assert_allclose(found.points, [[-4 / 3, 0], [-1 / 3, 0], [5 / 3, 0]], rtol=1e-5)
    assert found.explained.tolist() == [1.0, 0.0]
    assert found.axes.shape == (2, 1)


def test_pca_of_two_dimensions_turns_them():
    codes, _ = planted([2.0, 1.0])
    found = pca(codes)
    assert found.explained.sum() == pytest.approx(1.0)
    distances = [np.linalg.norm(x[:50, None] - x[None, :50], axis=2) for x in (found.points, codes)]
    np.testing.assert_allclose(*distances, rtol=1e-3, atol=1e-4)


def test_pca_with_a_collapsed_dimension():
    codes = np.zeros((10, 3))
    codes[:, 1] = np.arange(10)
    found = pca(codes)
    np.testing.assert_allclose(np.abs(found.axes[0]), [0, 1, 0], atol=1e-12)
    assert found.explained.tolist() == [1.0, 0.0]
    assert np.isfinite(found.points).all()


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.zeros((2, 3)), "at least 3 codes; there are 2"),
        (np.zeros((0, 3)), "there are 0"),
        (np.ones((9, 3)), "all codes are the same"),
        (np.full((9, 3), np.nan), "not finite"),
        (np.where(np.arange(27).reshape(9, 3) == 5, np.inf, 1.0), "not finite"),
    ],
)
def test_pca_of_too_little_is_refused(codes, says):
    with pytest.raises(TooFewPoints, match=says):
        pca(codes)


# ---------------------------------------------------------------- UMAP

PARAMS = UmapParams(neighbours=10, min_dist=0.1, seed=1)


def clusters(count=60, dims=6):
    """Three clouds far apart, and which cloud each code is of."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3
    return 0.3 * rng.standard_normal((count, dims)) + 10 * np.eye(dims)[labels], labels


def separation(points, labels):
    """The least distance between two clouds' centres over the widest cloud."""
    centres = np.stack([points[labels == k].mean(0) for k in range(3)])
    widths = [np.linalg.norm(points[labels == k] - centres[k], axis=1).max() for k in range(3)]
    apart = min(np.linalg.norm(centres[i] - centres[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    return apart / max(widths)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """One job run to its end, its states on the way, and its neighbours in awkward cases: umap loads once."""
    result = tmp_path_factory.mktemp("umap") / "map.npz"
    codes, labels = clusters()
    states = []
    start_job(codes, PARAMS, result)
    try:
        until(lambda: job_state(result).state != "running", "the map is done",
              meanwhile=lambda: states.append(job_state(result)))  # fmt: skip
        assert job_state(result).state == "done", result.with_suffix(".log").read_text()
        return result, labels, states
    finally:
        stop_job(result)


@pytest.mark.slow
def test_a_map_is_made_in_a_process_of_its_own_and_keeps_clusters_apart(mapped):
    result, labels, states = mapped
    points = read_job(result).points
    assert points.shape == (60, 2)
    assert np.isfinite(points).all()
    assert separation(points, labels) > 1.5
    assert states[0].state == "running"
    assert states[0].pid != os.getpid()
    assert {"loading UMAP", "laying out"} <= {state.what for state in states}
    shares = [state.share for state in states if state.state == "running"]
    assert shares == sorted(shares)
    assert max(shares) <= 1.0
    assert job_state(result) == JobState("done", 1.0)
    assert "umap" not in sys.modules


def test_a_finished_job_leaves_its_result_alone(mapped):
    result, *_ = mapped
    assert [p.name for p in result.parent.iterdir()] == ["map.npz"]


AWKWARD = """
import json
from pathlib import Path
import numpy as np
from vae_core.errors import TooFewPoints
from vae_core.latent import projection
from vae_core.latent.projection import UmapParams, umap

projection.EPOCHS, projection.EPOCHS_ON = 60, 20
rng = np.random.default_rng(0)
few = rng.standard_normal((7, 3))
far = np.repeat(1000 * rng.standard_normal((30, 3)), 8, 0) + rng.standard_normal((240, 3))
one_out = np.zeros((300, 4))
one_out[7] = 1
cases = {
    "few": (few, UmapParams(neighbours=15)),
    "four": (few[:4], UmapParams(neighbours=200)),
    "twins": (np.repeat(rng.standard_normal((30, 3)), 4, 0), UmapParams(neighbours=5)),
    "heaps": (np.repeat(rng.standard_normal((4, 3)), 50, 0), UmapParams(neighbours=10)),
    "one out": (one_out, UmapParams()),
    "islands": (far, UmapParams(neighbours=4)),
    "one dimension": (rng.standard_normal((60, 1)), UmapParams(neighbours=5, metric="manhattan")),
    "cosine": (rng.standard_normal((60, 3)), UmapParams(neighbours=5, metric="cosine")),
    "flat": (np.pad(rng.standard_normal((80, 2)), ((0, 0), (0, 6))), UmapParams(neighbours=5)),
    "sample": (rng.standard_normal((400, 3)), UmapParams(sample=60, metric="cosine")),
    "rare": (np.eye(1, 2500, 3).T * np.ones(4), UmapParams()),
}
report = {}
for name, (codes, params) in cases.items():
    told, samples = [], []
    points = umap(codes, params, lambda share, what: told.append(share), lambda *s: samples.append(s)).points
    again = umap(codes, params).points
    report[name] = [points.shape, bool(np.isfinite(points).all()), bool((points == again).all()), told, len(samples)]
other = umap(few, UmapParams(neighbours=15, seed=3)).points
report["seeded"] = bool((other == umap(few, UmapParams(neighbours=15)).points).all())
try:
    umap(rng.standard_normal((100, 2)), UmapParams(sample=3))
except TooFewPoints as error:
    report["refused"] = str(error)
# where nobody imported them before, what the layout needs not is not left half there; compiling it takes 20 s
import numba
report["kept"] = [path.name for path in Path(numba.config.CACHE_DIR).rglob("*.nbi")]
numba.config.DISABLE_JIT = True
import umap as whole
report["whole"] = hasattr(whole, "UMAP")
# umap-learn's own graph and curve, run as the Python they are written in, beside ours
from umap.umap_ import find_ab_params, fuzzy_simplicial_set
x = np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32)
x[200:230] = x[:30]
x[230:260] = x[0]
distances, indices = projection.exact_neighbours(x, 12, "euclidean")
theirs, *_ = fuzzy_simplicial_set(x, 13, None, "euclidean", knn_indices=indices, knn_dists=distances)
ours = projection.fuzzy_set(distances, indices)
report["graphs"] = [graph.toarray().tolist() for graph in (ours, theirs)]
least = (0.0, 0.1, 0.99)
report["curves"] = [[projection._curve(m) for m in least], [list(find_ab_params(1.0, m)) for m in least]]
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def awkward():
    """Maps of awkward codes, all made in one process: it loads once. Numba finds no folder to keep its work in."""
    done = subprocess.run(
        [sys.executable, "-c", AWKWARD], capture_output=True, text=True, check=False,
        env={**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "_UserProvidedCacheLocator", "NUMBA_CACHE_DIR": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_maps_of_awkward_codes_are_finite_and_repeat(awkward):
    """Fewer codes than neighbours, duplicates, islands, one dimension, a sample that sees nothing, other metrics."""
    counts = {
        "few": 7, "four": 4, "twins": 120, "heaps": 200, "one out": 300, "islands": 240, "one dimension": 60,
        "cosine": 60, "flat": 80, "sample": 400, "rare": 2500,
    }  # fmt: skip
    for name, count in counts.items():
        shape, finite, same, told, samples = awkward[name]
        assert shape == [count, 2]
        assert finite, name
        assert same, name
        assert told == sorted(told)
        assert told[0] == 0.0
        assert samples == (count > 2000)


def test_a_seed_makes_a_map_of_its_own(awkward):
    assert awkward["seeded"] is False


def test_a_sample_of_too_few_is_refused(awkward):
    assert awkward["refused"] == "a map needs at least 4 codes; there are 3"


def test_the_rest_of_umap_can_still_be_imported(awkward):
    assert awkward["whole"] is True


def test_what_was_compiled_is_kept_for_the_next_process(awkward):
    assert any("single_epoch" in name for name in awkward["kept"]), awkward["kept"]


def test_the_graph_and_the_curve_are_those_of_umap_learn(awkward):
    ours, theirs = awkward["graphs"]
    np.testing.assert_allclose(ours, theirs, atol=2e-5)
    ours, theirs = awkward["curves"]
    np.testing.assert_allclose(ours, theirs)


def test_memberships_of_neighbours_sum_as_planted():
    """One way, each row sums to log2 K; both ways agree; the nearest belongs fully."""
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((50, 3))
    distances, indices = projection.exact_neighbours(codes, 7, "euclidean")
    assert (indices[:, 0] == np.arange(50)).all()
    graph = projection.fuzzy_set(distances, indices).toarray()
    np.testing.assert_array_equal(graph, graph.T)
    assert graph.diagonal().max() == 0
    assert graph.max() <= 1 + 1e-6
    np.testing.assert_allclose(graph[np.arange(50), indices[:, 1]], 1.0, rtol=1e-6)
    # on a ring all neighbourhoods are alike: a + b - ab of the one-way memberships, which sum to log2 K
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    distances, indices = projection.exact_neighbours(np.c_[np.cos(angle), np.sin(angle)], 6, "euclidean")
    graph = projection.fuzzy_set(distances, indices).toarray()
    one_way = 1 - np.sqrt(1 - np.minimum(graph[0], 1))
    assert one_way.sum() == pytest.approx(np.log2(7), abs=1e-3)


@pytest.mark.slow
def test_a_first_map_of_a_sample_comes_before_the_whole(whole):
    _, samples, labels, points = whole
    rows, first = samples
    assert rows.shape == (2000,)
    assert first.shape == (2000, 2)
    assert (np.diff(rows) > 0).all()
    assert rows.max() < len(labels)
    assert separation(first, labels[rows]) > 1.5
    assert separation(points, labels) > 1.5


def test_the_picture_does_not_flip_between_the_sample_and_the_whole(whole):
    """Up to a shift and a scale, never a turn: the sample's points lie where they lay."""
    _, (rows, first), _, points = whole
    a, b = (p - p.mean(0) for p in (first, points[rows]))
    for axis in (0, 1):
        assert np.corrcoef(a[:, axis], b[:, axis])[0, 1] > 0.9


def test_codes_left_out_of_a_sample_are_placed_among_their_neighbours(whole):
    result, _, labels, _ = whole
    sampled = result.with_name("sampled.npz")
    codes = clusters(2600)[0]
    start_job(codes, UmapParams(neighbours=10, sample=300), sampled)
    try:
        until(lambda: job_state(sampled).state != "running", "the map is done")
        points = read_job(sampled).points
    finally:
        stop_job(sampled)
    assert points.shape == (2600, 2)
    assert separation(points, labels) > 1.5
    chosen = np.linspace(0, 2599, 300).astype(int)
    others = np.delete(np.arange(2600), chosen)
    near = ((codes[others[:50], None] - codes[chosen][None]) ** 2).sum(2).argsort(1)[:, :4]
    low, high = points[chosen][near].min(1), points[chosen][near].max(1)
    assert (points[others[:50]] >= low - 1e-4).all()
    assert (points[others[:50]] <= high + 1e-4).all()


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.eye(3), "at least 4 codes"),
        (np.ones((9, 3)), "all codes are the same"),
        (np.full((9, 2), np.nan), "finite"),
        (np.where(np.eye(9) == 1, np.inf, 0.0), "finite"),
    ],
)
def test_a_job_that_cannot_be_done_fails_with_a_sentence(tmp_path, monkeypatch, codes, says):
    """The job's own entry, in this process: it refuses before it loads anything heavy."""
    monkeypatch.setattr(psutil.Process, "nice", lambda self, value: None)
    result = tmp_path / "map.npz"
    np.save(result.with_suffix(".codes.npy"), codes)
    job = {"codes": str(result.with_suffix(".codes.npy")), "result": str(result), "params": {}}
    (tmp_path / "map.job.json").write_text(json.dumps(job))
    assert main([str(tmp_path / "map.job.json")]) == 1
    state = job_state(result)
    assert state.state == "failed"
    assert says in state.error
    assert not result.exists()


def test_a_job_can_be_stopped_and_leaves_nothing(tmp_path):
    result = tmp_path / "maps" / "map.npz"
    start_job(clusters(900)[0], PARAMS, result)
    state = job_state(result)
    assert state.state == "running"
    process = psutil.Process(state.pid)
    stop_job(result)
    assert not process.is_running()
    assert job_state(result) == JobState("absent")
    assert list(result.parent.iterdir()) == []
    stop_job(result)  # once more does no harm


# ---------------------------------------------------------------- the warm process


@pytest.fixture(scope="module")
def worker():
    """A process that is warm, and gone after these tests."""
    warm()
    try:
        first = projection._worker
        warm()  # there is one already
        assert projection._worker is first
        until(is_warm, "it is warm")
        yield
    finally:
        cool()
    assert projection._worker is None


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """Where the map of `whole` is made once more, at the same time."""
    result = tmp_path_factory.mktemp("own") / "map.npz"
    yield result
    stop_job(result)


@pytest.fixture(scope="module")
def whole(worker, twin, tmp_path_factory):
    """A map of more codes than a sample, made by the warm process; the sample seen on the way.

    It is busy then, and leaves the same map to another process.
    """
    result = tmp_path_factory.mktemp("warm") / "map.npz"
    codes, labels = clusters(2600)
    samples = []
    start_job(codes, PARAMS, result)
    assert job_state(result).pid == projection._worker.process.pid
    assert not is_warm()
    start_job(codes, PARAMS, twin)
    assert job_state(twin).pid not in (projection._worker.process.pid, os.getpid(), 0)
    until(lambda: job_state(result).state != "running", "the map is done",
          meanwhile=lambda: samples.append(read_sample(result)))  # fmt: skip
    assert job_state(result).state == "done", job_state(result)
    until(is_warm, "it has tidied up too")
    seen = [sample for sample in samples if sample is not None]
    assert seen, "the sample is there before the whole"
    assert samples[0] is None
    assert read_sample(result) is None
    assert [p.name for p in result.parent.iterdir()] == ["map.npz"]
    return result, seen[0], labels, read_job(result).points


@pytest.mark.slow
def test_a_map_repeats_in_a_process_of_its_own(whole, twin, mapped, tmp_path):
    """Not only the first that the warm process made, either."""
    *_, points = whole
    until(lambda: job_state(twin).state != "running", "the other is done")
    np.testing.assert_array_equal(read_job(twin).points, points)
    until(is_warm, "it is free")
    result, others = tmp_path / "map.npz", dict(projection._CHILDREN)
    try:
        start_job(clusters()[0], PARAMS, result)
        assert others == projection._CHILDREN, "no process was started for it"
        until(lambda: job_state(result).state != "running", "the map is done")
        np.testing.assert_array_equal(read_job(result).points, read_job(mapped[0]).points)
    finally:
        stop_job(result)


def test_a_job_that_fails_leaves_the_worker_warm(worker, tmp_path):
    until(is_warm, "it is free")
    before = projection._worker
    result = tmp_path / "map.npz"
    start_job(np.ones((9, 3)), PARAMS, result)
    until(lambda: job_state(result).state == "failed", "it fails")
    assert "all codes are the same" in job_state(result).error
    until(is_warm, "it is free again")
    assert projection._worker is before
    stop_job(result)
    assert list(tmp_path.iterdir()) == []
    assert projection._worker is before, "that job was over"


@pytest.mark.slow
def test_stopping_a_job_of_the_worker_warms_another(worker, tmp_path):
    until(is_warm, "it is free")
    before = projection._worker
    result = tmp_path / "map.npz"
    start_job(clusters(9000)[0], PARAMS, result)
    assert job_state(result).pid == before.process.pid
    stop_job(result)
    assert before.process.returncode is not None
    assert not psutil.pid_exists(before.process.pid)
    assert job_state(result) == JobState("absent")
    assert list(tmp_path.iterdir()) == []
    assert projection._worker is not before
    until(is_warm, "another one is warm")


def test_cooling_takes_the_job_along(worker, tmp_path):
    until(is_warm, "it is free")
    result = tmp_path / "map.npz"
    start_job(clusters(9000)[0], PARAMS, result)
    process = projection._worker.process
    cool()
    assert not psutil.pid_exists(process.pid)
    assert job_state(result) == JobState("absent")
    assert list(tmp_path.iterdir()) == []
    cool()  # once more does no harm


@pytest.mark.slow
def test_a_worker_that_died_is_not_counted_on(worker, tmp_path):
    warm()
    until(is_warm, "it is free")
    dead = projection._worker.process
    dead.kill()
    until(lambda: projection._worker is None, "its end is noticed")
    result = tmp_path / "map.npz"
    start_job(clusters()[0], PARAMS, result)
    try:
        assert job_state(result).pid not in (dead.pid, 0)
    finally:
        stop_job(result)


ORPHAN = """
import sys
from pathlib import Path
import numpy as np
from vae_core.latent import projection as p
p.warm()
if sys.argv[1] == "busy":
    for _ in sys.stdin:
        print(p.is_warm(), flush=True)
        if p.is_warm():
            break
    codes = np.random.default_rng(0).standard_normal((9000, 5))
    p.start_job(codes, p.UmapParams(), Path(sys.argv[2]))
print(p._worker.process.pid, flush=True)
sys.stdin.read()  # until it is killed
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["warming", "busy"])
def test_no_worker_outlives_its_parent(tmp_path, when):
    """Killed without a chance to say anything, as by kill -9."""
    result = tmp_path / "map.npz"
    command = [sys.executable, "-c", ORPHAN, when, str(result)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:

        def is_free():
            print("is it?", file=parent.stdin, flush=True)
            return parent.stdout.readline() == "True\n"

        try:
            if when == "busy":
                until(is_free, "its worker is free")
            pid = int(parent.stdout.readline())
            child = psutil.Process(pid)
            assert child.is_running()
        finally:
            parent.kill()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "it ended too")
    if when == "busy":
        assert job_state(result).state == "failed"


@pytest.mark.skipif(sys.platform != "linux", reason="priorities are a process's own elsewhere")
def test_it_warms_up_at_the_lowest_priority():
    cool()
    warm()
    try:
        process = psutil.Process(projection._worker.process.pid)

        def lowest():
            return 19 in [os.getpriority(os.PRIO_PROCESS, thread.id) for thread in process.threads()]

        until(lowest, "a thread of it gives way to all others")
    finally:
        cool()


def test_a_worker_that_hardly_gets_on_is_not_waited_for(monkeypatch, tmp_path):
    monkeypatch.setattr(projection, "_gets_on", lambda worker: False)
    result = tmp_path / "map.npz"
    warm()
    try:
        start_job(clusters()[0], PARAMS, result)
        assert job_state(result).pid != projection._worker.process.pid
        stop_job(result)
        monkeypatch.setattr(projection, "_gets_on", lambda worker: True)
        start_job(clusters()[0], PARAMS, result)
        assert job_state(result).pid == projection._worker.process.pid
    finally:
        cool()
    assert job_state(result) == JobState("absent")


def test_getting_on_is_having_most_of_a_core():
    this = psutil.Process()
    used = sum(this.cpu_times()[:2])

    class Me:
        pid = os.getpid()

    for age, expected in ((used, True), (10 * used, False)):
        worker = projection._Worker(Me(), time.time() - age)
        assert projection._gets_on(worker) is expected


# ---------------------------------------------------------------- one more code


def test_a_code_is_placed_by_the_distance_that_made_the_map():
    codes = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [5, 5, 0]])
    points = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    new = np.array([[20.0, 0, 0]])  # the first one's direction, nearest to the last one
    np.testing.assert_allclose(projection.place_by("cosine", new, codes, points, 1), points[:1])
    np.testing.assert_allclose(projection.place_by("euclidean", new, codes, points, 1), points[3:])


# ---------------------------------------------------------------- what is left behind


def test_a_job_whose_process_is_gone_has_failed(tmp_path):
    result = tmp_path / "map.npz"
    for state in (
        JobState("running", pid=os.getpid(), started=1.0),  # the number went to another process
        JobState("running", pid=2**22 + 1, started=1.0),
    ):
        projection._tell(result, state)
        assert job_state(result) == JobState("failed", error="its process ended early")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"colour": 1}'])
def test_a_damaged_progress_file_is_no_job(tmp_path, text):
    result = tmp_path / "map.npz"
    result.with_suffix(".progress.json").write_text(text)
    assert job_state(result) == JobState("absent")


def test_settings_of_a_map_are_checked_and_name_its_file():
    with pytest.raises(BadConfig, match="neighbours: 1 is below"):
        UmapParams(neighbours=1)
    with pytest.raises(BadConfig, match="metric"):
        UmapParams(metric="taxi")
    keys = {
        UmapParams(**change).key
        for change in (
            {},
            {"neighbours": 5},
            {"min_dist": 0.2},
            {"metric": "cosine"},
            {"seed": 1},
            {"sample": 500},
        )
    }
    assert len(keys) == 6
    assert all("/" not in key for key in keys)
