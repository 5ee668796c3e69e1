import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vae_core import evaluation
from vae_core.errors import BadCodes, TooFewPoints
from vae_core.evaluation import aam, beta_vae, dci, factor_vae, mig, modularity, sap
from vae_core.evaluation.metrics import METRICS, Inputs, all_values, compute_metrics, metric_of
from vae_core.evaluation.metrics.fixed_factor import group_by_value, halves
from vae_core.evaluation.metrics.information import cut_into_bins, mutual_information, plug_in

SIZES = (3, 6, 40, 32, 32)  # as in shapes
_PARTS = {}


def dci_once(z, v, rng):
    """DCI of the very same arrays and random state is computed once: each test looks at one of its three parts."""
    arrays = [np.asarray(x) for x in (z, v)]
    key = (*((x.tobytes(), x.shape, x.dtype.str) for x in arrays), str(rng.bit_generator.state))
    if key not in _PARTS:
        _PARTS[key] = dci(z, v, rng)
    return _PARTS[key]


SINGLE = {
    "mig": mig, "aam": aam, "sap": sap, "factor_vae": factor_vae, "beta_vae": beta_vae, "modularity": modularity,
}  # fmt: skip
TELL_APART = ("factor_vae", "beta_vae", "modularity")
OWN = [metric for metric in METRICS.values() if metric.group == "scores" and "log_var" in metric.needs]
SCORES = {value.name: value for metric in OWN for value in metric.values}
ALL = {
    **SINGLE,
    "dci_disentanglement": lambda z, v, rng: dci_once(z, v, rng).disentanglement,
    "dci_completeness": lambda z, v, rng: dci_once(z, v, rng).completeness,
    "dci_informativeness": lambda z, v, rng: dci_once(z, v, rng).informativeness,
}
ALIGNED = ("mig", "aam", "sap", "dci_disentanglement", "dci_completeness")
ROOMY = ("factor_vae", "beta_vae", "modularity")  # two dimensions may share a factor


def scores(codes, factors, seed=0, **more):
    """Every score of the registry by name, as a run with these posterior means gets them."""
    given = Inputs.of_arrays(mean=codes, log_var=np.zeros_like(codes), factors=factors)
    return {
        n: v for r in compute_metrics(given, OWN, seed=seed, **more).values() for n, v in r.values.items()
    }


def draw(seed=0, sizes=SIZES, count=2000):
    """Factors (N, K) drawn uniformly, and the codes that equal them, standardised, (N, K)."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(size, size=count) for size in sizes], 1)
    return factors, (factors - factors.mean(0)) / factors.std(0), rng


def tiny(codes, rng, size=0.01):
    return codes + size * rng.standard_normal(codes.shape)


def rotation(dims, rng):
    return np.linalg.qr(rng.standard_normal((dims, dims)))[0]


def rng_of(seed=0):
    return np.random.default_rng(seed)


# ---------------------------------------------------------------- planted codes


@pytest.mark.parametrize("sizes", [SIZES, (2, 4), (10, 10, 10), (21, 39, 25, 30)])
@pytest.mark.parametrize("name", ALL)
def test_codes_that_are_the_factors_are_best(name, sizes):
    factors, same, rng = draw(sizes=sizes)
    found = ALL[name](tiny(same, rng), factors, rng_of())
    # 21 to 39 values in 20 bins: some edges fall within the images of one value
    assert found >= (0.92 if name == "mig" and max(sizes) > 20 else 0.98)


@pytest.mark.parametrize("count", [2000, 20_000])
def test_whatever_its_number_of_values_a_factor_is_known_by_its_copy(count):
    for size in range(2, 65):
        factors, same, rng = draw(size, sizes=(size,), count=count)
        assert mig(tiny(same, rng), factors, rng_of()) >= 0.91, size


@pytest.mark.parametrize("name", ALL)
def test_their_order_signs_scale_and_dead_dimensions_play_no_part(name):
    factors, same, rng = draw()
    codes = tiny(same, rng)[:, ::-1] * [-1.0, 3.0, 1e-3, -40.0, 1.0] + 7
    codes = np.hstack((codes, np.full((len(codes), 1), 0.3), rng.standard_normal((len(codes), 2))))
    assert ALL[name](codes, factors, rng_of()) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("dims", [1, 2, 12])
@pytest.mark.parametrize("name", [name for name in ALL if name != "modularity"])
def test_noise_is_chance(name, dims):
    factors, _, rng = draw()
    for seed in range(3):
        noise = rng.standard_normal((len(factors), dims))
        assert ALL[name](noise, factors, rng_of(seed)) <= 0.05


@pytest.mark.parametrize("count", [100, 300])
def test_noise_is_chance_for_few_images(count):
    """Also for parts of DCI, where a single factor predicted by luck would look like perfect disentanglement."""
    found = []
    for seed in range(12):
        factors, _, rng = draw(seed, sizes=(3, 6, 4, 8), count=count)
        noise = rng.standard_normal((count, (1, 8)[seed % 2]))
        single = [score(noise, factors, rng) for name, score in SINGLE.items() if name != "modularity"]
        found.append([*single, *vars(dci(noise, factors, rng)).values()])
    assert np.max(found) <= 0.2
    assert np.mean(found, 0).max() <= 0.05


@pytest.mark.parametrize("name", ALL)
def test_every_factor_in_two_dimensions(name):
    factors, same, rng = draw()
    found = ALL[name](tiny(np.hstack((same, same)), rng), factors, rng_of())
    if name in ("mig", "aam", "sap"):
        assert found <= 0.02
    if name in (*ROOMY, "dci_disentanglement", "dci_informativeness"):
        assert found >= 0.95
    if name == "dci_completeness":  # two of ten dimensions: 1 - log 2 / log 10
        assert found == pytest.approx(1 - np.log(2) / np.log(10), abs=0.03)


@pytest.mark.parametrize("name", ALIGNED)
def test_turning_the_axes_lowers_what_looks_at_axes(name):
    factors, same, rng = draw(sizes=(5, 8, 12, 6))
    straight = ALL[name](tiny(same, rng), factors, rng_of())
    for seed in range(6):  # some come near to an exchange of axes
        turned = tiny(same, rng) @ rotation(4, rng_of(seed))
        assert ALL[name](turned, factors, rng_of()) < straight - 0.2
    even = (
        np.kron([[1, 1], [1, -1]], [[1, 1], [1, -1]]) / 2
    )  # every dimension has the same share of every factor
    assert ALL[name](tiny(same, rng) @ even, factors, rng_of()) < straight - 0.7


def test_turning_the_axes_by_45_degrees_leaves_two_dimensions_equal():
    factors, same, rng = draw(sizes=(12, 12))
    codes = tiny(same, rng) @ np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    for score in (mig, aam, sap):
        assert score(codes, factors, rng_of()) <= 0.1
    assert dci(codes, factors, rng_of()).disentanglement <= 0.1
    assert dci(codes, factors, rng_of()).informativeness >= 0.95
    assert beta_vae(codes, factors, rng_of()) <= 0.1  # either factor held fixed changes both alike


def test_one_dimension_for_two_factors():
    """Modularity and disentanglement mind; completeness, which asks for one dimension per factor, does not."""
    factors, _, rng = draw(sizes=(6, 6, 6))
    codes = tiny(np.stack((factors[:, 0] + factors[:, 1], factors[:, 2]), 1), rng)
    assert modularity(codes, factors, rng_of()) == pytest.approx((1 + 0.5) / 2, abs=0.05)
    parts = dci(codes, factors, rng_of())
    assert parts.completeness >= 0.95
    # a shuffled dimension costs the forest E[p²] + E[v²] - E[(v - p)²] = 2 cov(v, p): twice the R² of 0.5, 0.5 and 1
    assert parts.disentanglement == pytest.approx(1 - 1 / 2 * np.log(2) / np.log(3), abs=0.05)
    assert parts.informativeness == pytest.approx((0.5 + 0.5 + 1) / 3, abs=0.1)


def test_aam_minds_sharing_and_not_how_much_is_known():
    factors, same, rng = draw(sizes=(10, 10, 10), count=5000)
    vague = tiny(same, rng, 0.5)
    assert aam(vague, factors, rng_of()) >= 0.95
    assert mig(vague, factors, rng_of()) <= 0.6
    shared = np.hstack((same, tiny(same, rng, 0.5)))
    information, _ = mutual_information(tiny(shared, rng), factors, rng_of())
    by_hand = np.mean(1 - np.diag(information[3:]) / np.diag(information[:3]))
    assert aam(tiny(shared, rng), factors, rng_of()) == pytest.approx(by_hand, abs=0.05)
    assert 0.3 < by_hand < 0.9


def test_dci_minds_sharing_and_not_how_much_is_known():
    """Trees that fit the noise do so with every dimension; that must not count as sharing."""
    factors, same, rng = draw(sizes=(5, 8, 12, 6))
    parts = dci(tiny(same, rng, 1.0), factors, rng_of())
    assert parts.disentanglement >= 0.95
    assert parts.completeness >= 0.95
    assert parts.informativeness == pytest.approx(0.5, abs=0.1)


def test_a_factor_hardly_known_does_not_sway_dci():
    """A trace of a third factor is found in some halves of the images and not in others."""
    factors, same, rng = draw(sizes=(6, 6, 6))
    mixed = same[:, :2] @ np.array([[1, -1], [1, 1]])
    codes = np.column_stack((mixed, 0.2 * same[:, 2] + rng.standard_normal(len(same))))
    found = [dci(codes, factors, rng_of(seed)) for seed in range(8)]
    assert np.ptp([parts.disentanglement for parts in found]) < 0.1
    assert np.ptp([parts.completeness for parts in found]) < 0.1


@pytest.mark.parametrize("name", ALL)
def test_the_clearly_better_code_wins_whatever_the_seed(name):
    for seed in range(10):
        factors, same, rng = draw(seed, sizes=(4, 6, 10, 8), count=800)
        better = tiny(same, rng, 0.2)
        mixed = 0.8 * same + 0.6 * same[:, [1, 2, 3, 0]]
        worse = tiny(mixed, rng, 0.6)
        assert ALL[name](better, factors, rng_of(seed)) > ALL[name](worse, factors, rng_of(seed + 100))


# ---------------------------------------------------------------- information


@pytest.mark.parametrize("score", [mig, aam, modularity])
def test_more_bins_change_little(score):
    factors, same, rng = draw(count=5000)
    codes = {
        "identity": tiny(same, rng),
        "vague": tiny(same, rng, 0.3),
        "turned": tiny(same, rng, 0.3) @ rotation(5, rng_of(3)),
        "warped": np.tanh(tiny(same, rng, 0.1)),
        "noise": rng.standard_normal((5000, 8)),
    }
    for name, z in codes.items():
        twenty, forty = (score(z, factors, rng_of(), bins=bins) for bins in (20, 40))
        assert twenty == pytest.approx(forty, abs=0.08), name


def test_information_is_that_of_a_known_channel():
    """A coin handed on rightly nine times in ten: I = log 2 - H(0.1)."""
    rng = rng_of()
    factors = rng.integers(2, size=(20_000, 2))
    wrong = rng.random(20_000) < 0.1
    codes = np.where(wrong, 1 - factors[:, 0], factors[:, 0])[:, None] + 0.01 * rng.standard_normal(
        (20_000, 1)
    )
    information, most = mutual_information(codes, factors, rng_of())
    exact = np.log(2) + 0.1 * np.log(0.1) + 0.9 * np.log(0.9)
    assert information == pytest.approx(np.array([[exact, 0.0]]), abs=0.01)
    assert most == pytest.approx(np.log([2, 2]), abs=1e-3)


def test_a_code_in_bins_can_tell_no_more_than_they_hold():
    factors, same, _ = draw(sizes=(40, 4), count=5000)
    _, most = mutual_information(same, factors, rng_of())
    assert most == pytest.approx([np.log(20), np.log(4)], abs=0.01)


def test_information_of_few_images_is_not_made_of_chance():
    factors, _, rng = draw(sizes=(40, 3), count=300)
    noise = rng.standard_normal((300, 6))
    of_chance, _ = plug_in(cut_into_bins(noise, 20), factors[:, 0], 20)
    assert of_chance.min() > 0.8  # nats, all of it bias
    assert not mutual_information(noise, factors, rng_of())[0].any()


def test_far_off_images_do_not_stretch_the_bins():
    factors, same, rng = draw(sizes=(8, 8))
    codes = tiny(same, rng)
    codes[:8] *= 1000
    assert mig(codes, factors, rng_of()) >= 0.95
    rare = np.zeros((2000, 2))
    rare[:5] = 1  # between the tails there is nothing to see
    assert 0 <= mig(rare, factors, rng_of()) <= 0.05


# ---------------------------------------------------------------- images that share a value


def test_images_drawn_share_the_value_that_is_held():
    rng = rng_of()
    values = rng.permutation(np.r_[np.zeros(50, int), np.ones(7, int), np.full(3, 2), np.full(40, 3)])
    rows = np.sort(rng.permutation(100)[:90])
    group = group_by_value(values, rows)
    assert set(group.rows) <= set(rows)
    assert 2 not in values[group.rows]  # too few images of that value
    alike = group.alike(200, rng)
    assert (values[alike] == values[alike[:, :1]]).all()
    one, other = group.pairs(200, rng)
    assert (values[one] == values[other]).all()
    assert (one != other).all()
    assert set(other.ravel()) == set(group.rows)
    assert not len(group_by_value(np.arange(100), rows).rows)


def test_the_images_that_vote_are_not_those_that_test():
    factors, _, rng = draw(sizes=(4, 30))
    train, test = halves(factors, rng)
    for a, b in zip(train, test, strict=True):
        assert not set(a.rows) & set(b.rows)
        assert len(a.rows) + len(b.rows) == len(factors)


# ---------------------------------------------------------------- edges


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10_000))
def test_scores_stay_within_bounds_and_repeat(seed):
    rng = rng_of(seed)
    count, dims, kinds = rng.integers(100, 250), rng.integers(1, 7), rng.integers(2, 5)
    factors = np.stack([rng.integers(rng.integers(2, 9), size=count) for _ in range(kinds)], 1)
    mix = rng.standard_normal((kinds, dims)) * (rng.random((kinds, dims)) < 0.5)
    codes = factors @ mix + rng.choice([0.0, 0.1, 2.0]) * rng.standard_normal((count, dims))
    codes = np.where(rng.random(dims) < 0.2, np.exp(np.clip(codes, -9, 9)), codes)
    found = scores(codes, factors, seed)
    if not found:
        assert (factors == factors[0]).all()
        return
    assert set(found) <= set(SCORES)
    assert all(0 <= value <= 1 for value in found.values())
    assert found == scores(codes, factors, seed)


@pytest.mark.parametrize("name", ALL)
def test_constant_factors_are_skipped(name):
    factors, same, rng = draw(sizes=(5, 7, 6), count=1000)
    codes = tiny(same, rng)
    more = np.insert(factors, 1, 3, axis=1)
    assert ALL[name](codes, more, rng_of()) == ALL[name](codes, factors, rng_of())


@pytest.mark.parametrize("name", ALL)
def test_codes_that_do_not_vary_know_nothing(name):
    factors, _, _ = draw()
    assert ALL[name](np.full((len(factors), 3), 0.1, np.float32), factors, rng_of()) == 0.0


@pytest.mark.parametrize("name", ALL)
def test_factors_may_be_floats_that_are_whole_and_count_from_anywhere(name):
    factors, same, rng = draw(sizes=(5, 7), count=500)
    codes = tiny(same, rng).astype(np.float32)
    moved = (factors - 3).astype(np.float32)
    assert ALL[name](codes, moved, rng_of()) == ALL[name](codes, factors, rng_of())


@pytest.mark.parametrize("name", ALL)
def test_arrays_that_are_no_codes_and_factors_are_refused(name):
    factors, same, _ = draw(count=200)
    score = ALL[name]
    bad = same.copy()
    bad[3, 1] = np.nan
    for codes, values, why in (
        (same[:, 0], factors, r"\(N, D\)"),
        (same, factors[:-1], r"\(200, 5\) and \(199, 5\)"),
        (same[:, :0], factors, r"\(200, 0\)"),
        (same.astype(str), factors, "as numbers"),
        (bad, factors, "finite"),
        (same, factors + 0.5, "whole numbers"),
        (same, np.where(factors == 1, np.nan, factors), "whole numbers"),
    ):
        with pytest.raises(BadCodes, match=why):
            score(codes, values, rng_of())
    with pytest.raises(TooFewPoints, match="100 images with known factors; there are 99"):
        score(same[:99], factors[:99], rng_of())
    with pytest.raises(TooFewPoints, match="no factor varies"):
        score(same, np.ones_like(factors), rng_of())
    if name in TELL_APART:
        with pytest.raises(TooFewPoints, match="two"):
            score(same, factors[:, :1], rng_of())


def test_a_lone_factor_in_a_lone_dimension():
    factors, same, rng = draw(sizes=(8,))
    found = scores(tiny(same, rng), factors, 0)
    assert not set(found) & set(TELL_APART)
    assert set(found) | set(TELL_APART) == set(SCORES)
    assert min(found.values()) >= 0.95


@pytest.mark.parametrize("name", ["mig", "aam", "dci", "sap", "factor_vae", "beta_vae", "modularity"])
def test_a_score_is_found_by_its_name(name):
    assert getattr(evaluation, name).__module__ == f"vae_core.evaluation.metrics.{name}"
    assert name in evaluation.__all__


def test_all_scores_at_once():
    factors, same, rng = draw(sizes=(4, 6, 5), count=1500)
    codes = tiny(same, rng)
    seen = []
    found = scores(codes, factors, 1, progress=lambda share, what: seen.append(share))
    assert list(found) == list(SCORES)
    assert min(found.values()) >= 0.95
    assert json.loads(json.dumps(found)) == found
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    for name, words in ((value.name, value.definition) for value in all_values().values()):
        assert words.endswith("."), name
        if metric_of(name).group == "sliders":  # our own measure
            continue
        assert any(year in words for year in ("2000", "2017", "2018", "2019")), name


def test_some_of_the_images_give_nearly_the_score_of_all():
    factors, same, rng = draw(sizes=(4, 6, 5), count=1500)
    codes = tiny(same, rng, 0.4)
    some = scores(codes[:500], factors[:500], 1)
    assert some == scores(codes[:500], factors[:500], 1)
    assert some != scores(codes[:500], factors[:500], 2)
    whole = scores(codes, factors, 1)
    assert some == pytest.approx(whole, abs=0.15)


def test_inactive_dimensions_are_left_out_of_all_scores_at_once():
    """A collapsed dimension's mean may copy a factor, faintly: no sample of it would show that."""
    factors, same, rng = draw(sizes=(4, 6, 5), count=1500)
    codes = tiny(same, rng)
    faint = np.hstack((codes, 0.05 * codes))
    assert mig(faint, factors, rng_of()) <= 0.05
    assert scores(faint, factors, 1) == scores(codes, factors, 1)
    collapsed = scores(0.05 * codes, factors, 1)
    assert set(collapsed.values()) == {0.0}
