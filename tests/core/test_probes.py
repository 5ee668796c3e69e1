import numpy as np
import pytest

from vae_core.errors import BadCodes, TooFewPoints
from vae_core.latent.probes import Probe, fit_probe, fit_probes_for_factors


def clusters(count=600, classes=3, size=4, apart=8.0, seed=0):
    """Codes of well separated classes in a skewed, shifted frame; and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    centres = apart * np.eye(classes, size)
    codes = centres[labels] + rng.standard_normal((count, size))
    return codes * np.array([0.01, 1.0, 50.0, 3.0])[:size] + 20, labels


NAMES = ("a", "b", "c")


def test_separable_classes_are_told_apart_and_so_the_codes_say():
    codes, labels = clusters()
    probe = fit_probe(codes, labels, NAMES)
    assert probe.accuracy > 0.98
    assert probe.chance == pytest.approx(1 / 3, abs=0.05)
    assert probe.weights.shape == (3, 4)
    assert (probe.names, probe.images, probe.dropped) == (NAMES, 600, ())
    p = probe.probabilities(codes)
    np.testing.assert_allclose(p.sum(1), 1.0)
    assert (p.argmax(1) == labels).mean() > 0.98


def test_noise_is_guessed_at_chance():
    rng = np.random.default_rng(0)
    codes, labels = rng.standard_normal((3000, 5)), (rng.random(3000) < 0.3).astype(int)
    probe = fit_probe(codes, labels, ("no", "yes"))
    assert probe.accuracy == pytest.approx(probe.chance, abs=0.03)
    assert probe.chance == pytest.approx(0.7, abs=0.03)
    np.testing.assert_allclose(probe.probabilities(codes)[:, 1].mean(), 0.3, atol=0.03)


def test_accuracy_is_of_images_the_probe_never_saw():
    """More dimensions than images: a probe fits noise perfectly, and only held-out images show that it is."""
    rng = np.random.default_rng(0)
    codes, labels = rng.standard_normal((120, 200)), rng.integers(0, 2, 120)
    probe = fit_probe(codes, labels, ("no", "yes"))
    assert (probe.probabilities(codes).argmax(1) == labels).mean() > 0.75  # the two thirds it was fitted to
    assert probe.accuracy < 0.7


def test_a_planted_logistic_is_found_on_raw_codes():
    rng = np.random.default_rng(1)
    codes = rng.standard_normal((5000, 3)) * [0.1, 2.0, 5.0] + [3.0, -1.0, 0.0]
    log_odds = 20 * (codes[:, 0] - 3) - 0.5 * codes[:, 1] + 0.3
    labels = (rng.random(5000) < 1 / (1 + np.exp(-log_odds))).astype(int)
    probe = fit_probe(codes, labels, ("no", "yes"))
    p = probe.probabilities(codes)[:, 1]
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-log_odds)), atol=0.06)
    assert (np.abs(probe.weights[1] - probe.weights[0] - [20, -0.5, 0]) < [1.5, 0.1, 0.05]).all()


def test_the_same_seed_fits_the_same_probe_to_at_most_5000_images():
    codes, labels = clusters(7000)
    one, two = fit_probe(codes, labels, NAMES, seed=1), fit_probe(codes, labels, NAMES, seed=1)
    np.testing.assert_array_equal(one.weights, two.weights)
    assert one.images == 5000
    assert (fit_probe(codes, labels, NAMES, seed=2).weights != one.weights).any()


def test_rare_classes_are_dropped_and_named():
    codes, labels = clusters()
    rare = np.flatnonzero(labels == 1)[4:]
    kept = np.setdiff1d(np.arange(600), rare)
    probe = fit_probe(codes[kept], labels[kept], (*NAMES, "never"))
    assert probe.names == ("a", "c")
    assert probe.dropped == ("b", "never")
    assert probe.probabilities(codes[:7]).shape == (7, 2)
    assert probe.accuracy > 0.98


def test_images_without_a_label_are_left_out():
    codes, labels = clusters()
    labels[:100] = -1
    assert fit_probe(codes, labels, NAMES).images == 500


def test_dimensions_that_say_nothing_get_no_weight_and_do_no_harm():
    codes, labels = clusters()
    dead = np.column_stack((codes, np.full(600, np.nan), np.full(600, 7.0)))
    dead[5, 0] = np.nan
    probe = fit_probe(dead, labels, NAMES)
    assert probe.images == 599
    assert probe.accuracy > 0.98
    np.testing.assert_array_equal(probe.weights[:, 4:], 0.0)
    dead[:, 5] = 1e9
    assert np.isfinite(probe.probabilities(dead[10:20])).all()


@pytest.mark.parametrize(
    "labels", [np.zeros(50, int), np.full(50, -1), np.r_[np.zeros(46, int), np.ones(4, int)]]
)
def test_one_class_is_no_question(labels):
    with pytest.raises(TooFewPoints, match="two classes with at least 5 images each"):
        fit_probe(np.random.default_rng(0).standard_normal((50, 2)), labels, ("no", "yes"))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(BadCodes, match="N labels"):
        fit_probe(np.zeros((5, 2)), np.zeros(4, int), NAMES)
    with pytest.raises(BadCodes, match=r"expected as \(S, 3\)"):
        Probe(np.ones((2, 3)), np.zeros(2), ("no", "yes"), 1.0, 0.5, 10).probabilities(np.zeros((4, 2)))
    with pytest.raises(BadCodes, match=r"expected as \(5, 1\)"):
        fit_probes_for_factors(np.zeros((4, 1)), ("x",), np.zeros((5, 2)))


def test_each_factor_that_varies_has_its_own_question():
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((1000, 3))
    factors = np.column_stack(
        (
            codes[:, 0] * 5 + 100,  # continuous
            np.where(codes[:, 1] > 0.5, 1.0, -1.0),  # two-valued
            np.full(1000, 3.0),  # constant
            np.where(rng.random(1000) < 0.7, 2.0, codes[:, 2].clip(-1, 1)),  # mostly its largest value
            np.r_[np.ones(3), np.zeros(997)],  # too rare
            np.full(1000, np.nan),
        )
    )
    probes = fit_probes_for_factors(factors, ("up", "flag", "still", "top", "rare", "lost"), codes)
    assert list(probes) == ["up", "flag", "top"]
    assert probes["up"].accuracy > 0.97
    assert probes["up"].chance == pytest.approx(0.5, abs=0.01)
    assert probes["flag"].accuracy > 0.97
    assert probes["flag"].names == ("no", "yes")
    assert probes["flag"].probabilities(np.array([[0.0, 3.0, 0.0]]))[0, 1] > 0.95
    assert probes["top"].chance == pytest.approx(0.7, abs=0.05)
