import json
import os
import subprocess
import sys

import numpy as np
import psutil
import pytest
from helpers import until

from vae_core.errors import BadConfig, TooFewPoints
from vae_core.latent import projection
from vae_core.latent.projection import (
    JobState,
    UmapParams,
    job_state,
    main,
    pca,
    read_job,
    start_job,
    stop_job,
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


def test_a_map_is_made_in_a_process_of_its_own_and_keeps_clusters_apart(mapped):
    result, labels, states = mapped
    points = read_job(result).points
    assert points.shape == (60, 2)
    assert np.isfinite(points).all()
    assert separation(points, labels) > 1.5
    assert states[0].state == "running"
    assert states[0].pid != os.getpid()
    shares = [state.share for state in states if state.state == "running"]
    assert shares == sorted(shares)
    assert max(shares) <= 1.0
    assert job_state(result) == JobState("done", 1.0)
    assert "umap" not in sys.modules


def test_a_finished_job_leaves_its_result_alone(mapped):
    result, *_ = mapped
    assert [p.name for p in result.parent.iterdir()] == ["map.npz"]


AWKWARD = """
import json, sys
import numpy as np
from vae_core.errors import TooFewPoints
from vae_core.latent.projection import UmapParams, umap
rng = np.random.default_rng(0)
few = rng.standard_normal((7, 3))
twins = np.repeat(rng.standard_normal((30, 3)), 4, 0)
report = {}
for name, codes, params in (
    ("few", few, UmapParams(neighbours=15)),
    ("twins", twins, UmapParams(neighbours=5)),
    ("one dimension", rng.standard_normal((60, 1)), UmapParams(neighbours=5, metric="manhattan")),
    ("cosine", rng.standard_normal((60, 3)), UmapParams(neighbours=5, metric="cosine")),
):
    told = []
    points = umap(codes, params, lambda share, what: told.append(share)).points
    again = umap(codes, params).points
    report[name] = [points.shape, bool(np.isfinite(points).all()), bool((points == again).all()), told]
other = umap(few, UmapParams(neighbours=15, seed=3)).points
report["seeded"] = bool((other == umap(few, UmapParams(neighbours=15)).points).all())
print(json.dumps(report))
"""


def test_maps_of_awkward_codes_are_finite_and_repeat():
    """Fewer codes than neighbours, duplicates, one dimension, other metrics."""
    done = subprocess.run([sys.executable, "-c", AWKWARD], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report.pop("seeded") is False
    for name, (shape, finite, same, told) in report.items():
        assert shape == [{"few": 7, "twins": 120}.get(name, 60), 2]
        assert finite, name
        # equal points have degenerate eigenvectors: umap's layout of those is not settled by its seed
        assert same or name == "twins"
        assert told == sorted(told)
        assert told[0] == 0.0


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (np.eye(3), "at least 4 codes"),
        (np.ones((9, 3)), "all codes are the same"),
        (np.full((9, 2), np.nan), "finite"),
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
        )
    }
    assert len(keys) == 5
    assert all("/" not in key for key in keys)
