"""Scores estimated as disentanglement_lib does: on planted codes they come to what its definitions give by hand."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from vae_core.errors import TooFewPoints
from vae_core.evaluation.metrics import METRICS, Inputs, compute_metrics
from vae_core.evaluation.metrics.dci_lib import _concentration, dci_lib
from vae_core.evaluation.metrics.metric import SCORED, Metric
from vae_core.evaluation.metrics.mig_lib import mig_lib
from vae_core.evaluation.metrics.modularity_lib import modularity_lib
from vae_core.evaluation.metrics.published import MOST, all_dimensions, counted_information


def rng_of(seed=0):
    return np.random.default_rng(seed)


def draw(sizes, count=2000, seed=0):
    rng = rng_of(seed)
    factors = np.stack([rng.integers(size, size=count) for size in sizes], 1)
    return factors, factors.astype(np.float64), rng


def silent(share, what):
    pass


# ---------------------------------------------------------------- information


def test_information_is_the_plain_count_in_twenty_equal_bins():
    factors, codes, rng = draw((3, 40), count=600)
    codes = np.hstack((codes + 0.3 * rng.standard_normal(codes.shape), rng.standard_normal((600, 1)) ** 3))
    information, most = counted_information(*all_dimensions(codes, factors))
    for j, z in enumerate(codes.T):
        low, high = z.min(), z.max()
        bins = np.minimum(((z - low) / (high - low) * 20).astype(int), 19)
        for k, v in enumerate(factors.T):
            assert information[j, k] == pytest.approx(mutual_info_score(v, bins), abs=1e-9)
    assert most == pytest.approx([entropy(np.bincount(v)) for v in factors.T])


def test_mig_of_a_perfect_code_is_one_up_to_twenty_values_and_the_bins_beyond():
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in (3, 6, 20)), indexing="ij"), -1).reshape(-1, 3)
    assert mig_lib(grid.astype(float), grid, rng_of()) == pytest.approx(1)
    # forty values in twenty bins: two a bin, log 20 of log 40
    grid = np.stack(np.meshgrid(np.arange(40), np.arange(5), indexing="ij"), -1).reshape(-1, 2)
    assert mig_lib(grid.astype(float), grid, rng_of()) == pytest.approx((1 + np.log(20) / np.log(40)) / 2)


def test_mig_of_an_entangled_code_is_low():
    factors, codes, _ = draw((5, 5))
    assert mig_lib(codes @ np.array([[1.0, 1.0], [1.0, -1.0]]), factors, rng_of()) < 0.02
    assert mig_lib(np.hstack((codes, codes)), factors, rng_of()) == pytest.approx(0)
    assert mig_lib(codes[:, :1], factors, rng_of()) == pytest.approx(0.5, abs=0.02)


def test_modularity_by_hand():
    factors, codes, _ = draw((6, 6, 6), count=20_000)
    assert modularity_lib(codes, factors, rng_of()) == pytest.approx(1, abs=1e-3)
    both = np.column_stack((codes[:, 0] + codes[:, 1], codes[:, 2]))  # knows two factors alike: 1 - 1 / 2
    assert modularity_lib(both, factors, rng_of()) == pytest.approx((0.5 + 1) / 2, abs=0.01)
    # one of no information counts 0 here, where ours leaves it out
    dead = np.column_stack((codes, np.zeros(len(codes))))
    assert modularity_lib(dead, factors, rng_of()) == pytest.approx(0.75, abs=1e-3)
    with pytest.raises(TooFewPoints, match="two factors"):
        modularity_lib(codes, factors[:, :1], rng_of())


# ---------------------------------------------------------------- trees


@pytest.fixture
def fewer_stages(monkeypatch):
    monkeypatch.setattr("vae_core.evaluation.metrics.dci_lib.STAGES", 20)


def test_dci_of_a_perfect_code_is_one(fewer_stages):
    factors, codes, rng = draw((3, 4, 5), count=900)
    found = dci_lib(codes + 0.01 * rng.standard_normal(codes.shape), factors, rng_of(), silent)
    assert list(found) == [value.name for value in METRICS["dci_lib"].values]
    assert min(found.values()) > 0.97


def test_dci_of_an_entangled_code_is_low_and_informed(fewer_stages):
    factors, codes, rng = draw((4, 4), count=1500)
    turned = codes @ np.array([[1.0, 1.0], [1.0, -1.0]])  # every cell can be told, by both dimensions alike
    found = dci_lib(turned + 0.01 * rng.standard_normal(turned.shape), factors, rng_of(), silent)
    assert found["dci_lib_disentanglement"] < 0.2
    assert found["dci_lib_completeness"] < 0.2
    assert found["dci_lib_informativeness"] > 0.8
    noise = dci_lib(rng.standard_normal((1500, 3)), factors, rng_of(), silent)
    assert noise["dci_lib_disentanglement"] < 0.1
    assert noise["dci_lib_informativeness"] == pytest.approx(1 / 4, abs=0.06)


def test_both_parts_are_the_librarys_formula():
    importance = rng_of().dirichlet(np.full(6, 0.3), 4).T  # (D, K), columns sum to 1
    by_dim = 1 - entropy(importance.T + 1e-11, base=4)
    by_factor = 1 - entropy(importance + 1e-11, base=6)
    weights = importance.sum(1) / importance.sum()
    assert _concentration(importance) == pytest.approx((by_dim * weights).sum())
    assert _concentration(importance.T) == pytest.approx(by_factor.mean())
    assert _concentration(np.zeros((3, 2))) == 0
    assert np.isnan(_concentration(np.ones((3, 1))))


def test_the_trees_say_how_far_they_are_and_can_be_stopped(fewer_stages):
    factors, codes, _ = draw((2, 6), count=300)
    seen = []
    dci_lib(codes, factors, rng_of(), lambda share, what: seen.append((share, what)))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.9 < shares[-1] < 1
    assert {what for _, what in seen} == {"trees for factor 1 of 2", "trees for factor 2 of 2"}
    assert shares[20] == pytest.approx(2 / 8), "a factor's share is that of its trees"

    class StopError(Exception):
        pass

    def stop(share, what):
        if share > 0.1:
            raise StopError

    entry = METRICS["dci_lib"]
    given = Inputs.of_arrays(mean=codes, factors=factors)
    with pytest.raises(StopError):
        compute_metrics(given, [entry], progress=stop)


def test_the_same_seed_gives_the_same(fewer_stages):
    factors, codes, rng = draw((3, 3), count=300)
    codes += rng.standard_normal(codes.shape)
    one, same, other = (dci_lib(codes, factors, rng_of(seed), silent) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_factor_that_fits_have_one_value_of_is_said():
    factors, codes, _ = draw((3, 2), count=150)
    factors[:, 1] = 0
    factors[rng_of().permutation(150)[0], 1] = 1  # among those that test
    with pytest.raises(TooFewPoints, match="one value alone"):
        dci_lib(codes, factors, rng_of(), silent)


# ---------------------------------------------------------------- entries


def test_they_have_the_librarys_sizes_and_only_the_trees_wait_to_be_asked():
    library = [METRICS[name] for name in ("mig_lib", "modularity_lib", "dci_lib")]
    assert {metric.most for metric in library} == {MOST} == {15_000}
    assert {metric.most for metric in METRICS.values() if metric not in library} == {SCORED} == {5_000}
    assert [metric.name for metric in METRICS.values() if metric.on_request] == ["dci_lib"]
    for metric in library:
        for value in metric.values:
            assert "disentanglement_lib" in value.title
            assert "estimated as in disentanglement_lib" in value.hint
            assert "higher is better" in value.hint


def test_our_own_say_which_published_figures_they_stand_beside():
    for name in ("mig", "aam", "dci", "sap", "factor_vae", "beta_vae", "modularity"):
        for value in METRICS[name].values:
            assert "published figures" in value.hint, value.name


def test_a_metric_asks_for_progress_by_its_argument():
    entry = Metric(
        "planted",
        1,
        lambda mean, rng, progress: progress(0.5, "half") or 1.0,
        {"mean"},
        METRICS["mig"].values,
    )
    seen = []
    given = Inputs.of_arrays(mean=np.zeros((3, 1)))
    found = compute_metrics(
        given, [entry, METRICS["mig"]], progress=lambda share, what: seen.append((share, what))
    )
    assert found["planted"].values == {"mig": 1.0}
    assert (0.25, "planted: half") in seen
