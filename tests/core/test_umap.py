"""UMAP's maths: awkward codes, the same seed, the graph and the curve of umap-learn, and its public call instead."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from vae_core.errors import BadConfig
from vae_core.latent.umap import UmapParams, exact_neighbours, fuzzy_set, place_by


def separation(points, labels):
    """The least distance between two clouds' centres over the widest cloud."""
    centres = np.stack([points[labels == k].mean(0) for k in range(3)])
    widths = [np.linalg.norm(points[labels == k] - centres[k], axis=1).max() for k in range(3)]
    apart = min(np.linalg.norm(centres[i] - centres[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    return apart / max(widths)


AWKWARD = """
import json
from pathlib import Path
import numpy as np
from vae_core.errors import TooFewPoints
from vae_core.latent import umap as umap_module, umap_learn
from vae_core.latent.umap import UmapParams, exact_neighbours, fit_curve, fuzzy_set, umap

umap_module.EPOCHS, umap_module.EPOCHS_ON = 60, 20
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
distances, indices = exact_neighbours(x, 12, "euclidean")
theirs, *_ = fuzzy_simplicial_set(x, 13, None, "euclidean", knn_indices=indices, knn_dists=distances)
ours = fuzzy_set(distances, indices)
report["graphs"] = [graph.toarray().tolist() for graph in (ours, theirs)]
least = (0.0, 0.1, 0.99)
report["curves"] = [[fit_curve(m) for m in least], [list(find_ab_params(1.0, m)) for m in least]]
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


PUBLIC = """
import json
import numpy as np
import umap as package
from umap import layouts
from vae_core.latent import umap as umap_module, umap_learn
from vae_core.latent.umap import UmapParams, umap

umap_module.EPOCHS, umap_module.EPOCHS_ON = 60, 20
report = {"parts": umap_learn.parts() is not None}
layouts.optimize_layout_euclidean = lambda points, graph: points
umap_learn.parts.cache_clear()
report["parameters"] = umap_learn.parts() is None
del layouts.optimize_layout_euclidean
umap_learn.parts.cache_clear()
report["name"] = umap_learn.parts() is None
rng = np.random.default_rng(0)
labels = np.arange(75) % 3
codes = 0.3 * rng.standard_normal((75, 6)) + 10 * np.eye(6)[labels]
told = []
points = umap(codes, UmapParams(neighbours=10), lambda share, what: told.append(share)).points
start = np.c_[labels, rng.standard_normal(75)]
begun = umap_module._layout(codes.astype(np.float32), UmapParams(neighbours=10), start, lambda share: None)
tiny = umap(codes[:4], UmapParams()).points
report["maps"] = [points.tolist(), told, begun.tolist(), tiny.tolist()]
print(json.dumps(report))
"""


def test_another_version_of_umap_learn_is_used_by_its_public_call():
    """Its parts are missed by name and by their parameters; the map it makes itself keeps clusters apart too.

    Run as Python: compiling all that the public call needs takes most of a minute.
    """
    done = subprocess.run(
        [sys.executable, "-c", PUBLIC], capture_output=True, text=True, check=False,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["parts"], "this version has them"
    assert report["parameters"]
    assert report["name"]
    points, told, begun, tiny = report["maps"]
    labels = np.arange(75) % 3
    assert separation(np.array(points), labels) > 1
    assert np.isfinite(begun).all()
    assert np.shape(begun) == (75, 2)
    assert np.isfinite(tiny).all()
    assert np.shape(tiny) == (4, 2)
    assert told == sorted(told)
    assert 0.2 < max(told) <= 1


def test_memberships_of_neighbours_sum_as_planted():
    """One way, each row sums to log2 K; both ways agree; the nearest belongs fully."""
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((50, 3))
    distances, indices = exact_neighbours(codes, 7, "euclidean")
    assert (indices[:, 0] == np.arange(50)).all()
    graph = fuzzy_set(distances, indices).toarray()
    np.testing.assert_array_equal(graph, graph.T)
    assert graph.diagonal().max() == 0
    assert graph.max() <= 1 + 1e-6
    np.testing.assert_allclose(graph[np.arange(50), indices[:, 1]], 1.0, rtol=1e-6)
    # on a ring all neighbourhoods are alike: a + b - ab of the one-way memberships, which sum to log2 K
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    distances, indices = exact_neighbours(np.c_[np.cos(angle), np.sin(angle)], 6, "euclidean")
    graph = fuzzy_set(distances, indices).toarray()
    one_way = 1 - np.sqrt(1 - np.minimum(graph[0], 1))
    assert one_way.sum() == pytest.approx(np.log2(7), abs=1e-3)


@pytest.mark.slow
# ---------------------------------------------------------------- one more code


def test_a_code_is_placed_by_the_distance_that_made_the_map():
    codes = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [5, 5, 0]])
    points = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    new = np.array([[20.0, 0, 0]])  # the first one's direction, nearest to the last one
    np.testing.assert_allclose(place_by("cosine", new, codes, points, 1), points[:1])
    np.testing.assert_allclose(place_by("euclidean", new, codes, points, 1), points[3:])


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
