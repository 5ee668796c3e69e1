"""Anomalies: scores and curves on cases whose answer is known, what may be odd, and what is said where a VAE loses."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import blob_set, blobs, config_of
from PIL import Image

from vae_core.errors import BadImages
from vae_core.inference import LoadedModel
from vae_core.latent.statistics import kl_from_prior
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import anomaly_case as case
from vae_core.uses import anomaly_curves as curves
from vae_core.uses import anomaly_odd as odd
from vae_core.uses import anomaly_scores as by
from vae_core.uses.anomaly import SETTINGS, measure
from vae_core.uses.found import Found
from vae_core.uses.subject import NoLabels, Subject, open_subject

FAST = {"most": 24, "learn": 60, "epochs": 1, "samples": 4, "steps": 3, "k": 2}


# ---------------------------------------------------------------- curves


def ranked(usual: np.ndarray, strange: np.ndarray, draws: int = 200) -> curves.Ranked:
    rng = np.random.default_rng(0)
    return curves.rank(usual, strange, curves.draw(len(usual), len(strange), rng, draws))


def test_the_area_is_the_share_of_pairs_that_are_in_order_ties_counting_half():
    rng = np.random.default_rng(1)
    usual, strange = rng.integers(0, 6, 40).astype(float), rng.integers(2, 8, 30).astype(float)
    pairs = [(s > u) + 0.5 * (s == u) for u, s in itertools.product(usual, strange)]
    found = curves.aurocs(ranked(usual, strange))
    assert found[0] == pytest.approx(np.mean(pairs))
    told = curves.interval(found, 70)
    assert told.low < told.value < told.high
    assert curves.aurocs(ranked(np.zeros(9), np.zeros(5)))[0] == 0.5


def test_precision_is_averaged_over_what_is_caught():
    # from the top: odd, usual, odd, usual -> (1/1 + 2/3) / 2
    found = curves.average_precisions(ranked(np.array([3.0, 1.0]), np.array([4.0, 2.0])))
    assert found[0] == pytest.approx((1 + 2 / 3) / 2)
    assert curves.average_precisions(ranked(np.zeros(6), np.zeros(2)))[0] == pytest.approx(0.25)


def test_curves_go_through_what_their_thresholds_do():
    usual, strange = np.arange(10.0), np.arange(5.0, 15.0)
    found = curves.curves(ranked(usual, strange))
    at = {round(x, 3): i for i, x in enumerate(found["at"])}
    assert found["roc"][at[0.0]] == pytest.approx(0.5)  # five odd ones lie above every usual one
    assert found["roc"][at[0.5]] == pytest.approx(1.0)
    assert found["pr"][at[0.5]] == pytest.approx(1.0)
    assert found["pr"][at[1.0]] == pytest.approx(10 / 15, abs=1e-4)
    assert all(low <= high for low, high in zip(found["roc_low"], found["roc_high"], strict=True))


def test_a_threshold_tells_four_counts_and_thresholds_weigh_both_kinds_alike():
    told = curves.confusion(np.arange(10.0), np.array([2.0, 8.0, 9.0, 20.0]), 8.0)
    assert (told.caught, told.missed, told.alarms, told.passed) == (3, 1, 2, 8)
    assert (told.precision, told.recall, told.false_alarms) == (3 / 5, 3 / 4, 2 / 10)
    none = curves.confusion(np.arange(3.0), np.arange(2.0), 9.0)
    assert none.precision is None
    assert none.recall == 0
    stops = curves.thresholds(np.zeros(1000), np.linspace(1, 2, 11), 21)
    assert (stops == 0).sum() == pytest.approx(11, abs=1)
    assert (np.diff(stops) >= 0).all()


def test_a_histogram_holds_every_image():
    edges, usual, strange = curves.histogram(np.r_[np.zeros(50), 1e9], np.ones(20))
    assert len(edges) == len(usual) + 1
    assert usual.sum() == pytest.approx(1)
    assert strange.sum() == pytest.approx(1)


# ---------------------------------------------------------------- scores


def test_the_error_per_ink_is_the_same_for_fainter_drawings_and_counts_for_empty_ones():
    x = blobs(6)[0].astype(np.float32) / 255
    mu = x * 0.9
    full = by.error_per_ink(x, mu, float(by.ink(x).mean()))
    faint = by.error_per_ink(x / 2, mu / 2, float(by.ink(x).mean()))
    np.testing.assert_allclose(full, faint, rtol=1e-4)
    np.testing.assert_allclose(by.squared_error(x / 2, mu / 2), by.squared_error(x, mu) / 4, rtol=1e-4)
    empty = np.zeros_like(x)
    assert np.isfinite(by.error_per_ink(empty, mu, float(by.ink(x).mean()))).all()
    assert (by.error_per_ink(x, x, 1.0) == 0).all()


def test_equal_ink_takes_a_faint_drawing_for_a_bright_one():
    x = blobs(4)[0].astype(np.float32) / 255
    usual = float(by.ink(x).mean())
    np.testing.assert_allclose(by.equal_ink(x / 2, usual), by.equal_ink(x, usual), atol=1e-3)
    assert np.isfinite(by.equal_ink(np.zeros_like(x), usual)).all()


def test_scores_are_joined_by_how_unusual_each_is():
    rng = np.random.default_rng(0)
    usual = np.exp(rng.normal(0, 1, 500)), np.exp(rng.normal(5, 0.1, 500))
    odd_first = by.joined((np.array([np.e**3, 1.0]), np.exp([5.0, 5.3])), usual)
    np.testing.assert_allclose(odd_first, [1.5, 1.5], atol=0.25)
    assert np.isfinite(by.joined((np.zeros(2), np.zeros(2)), (np.zeros(3), np.zeros(3)))).all()


def test_the_kth_nearest_is_that_of_a_line_and_of_few_the_farthest():
    pool = np.arange(5.0)[:, None]
    query = np.array([[0.0], [10.0]])
    np.testing.assert_allclose(by.kth_nearest(query, pool, 2), [1.0, 7.0], atol=1e-5)
    np.testing.assert_allclose(by.kth_nearest(query, pool, 99), [4.0, 10.0], atol=1e-5)


def test_components_miss_what_lies_off_their_plane_and_the_forest_what_is_alone():
    rng = np.random.default_rng(0)
    pool = np.zeros((80, 6), np.float32)
    pool[:, :2] = rng.normal(size=(80, 2))
    fitted = by.components(pool, 2, 0)
    off = np.zeros((1, 6), np.float32)
    off[0, 5] = 3.0
    assert fitted.error(pool).max() < 1e-6
    assert fitted.error(off)[0] == pytest.approx(9 / 6, rel=0.05)
    assert by.components(pool[:1], 4, 0).axes.shape == (1, 6)
    scores = by.isolation(np.array([[0.0, 0.0], [9.0, 9.0]]), pool[:, :2], 0)
    assert scores[1] > scores[0]


def test_a_bound_of_several_samples_is_tighter_and_of_equal_weights_the_same():
    log_w = np.log(np.array([[1.0, 3.0], [2.0, 2.0]]))
    elbo, bound = by.bounds(log_w)
    np.testing.assert_allclose(bound, [-np.log(2), -np.log(2)])
    assert bound[0] < elbo[0]
    assert bound[1] == pytest.approx(elbo[1])


def test_log_weights_are_minus_distortion_and_rate(model: LoadedModel, trained: Run):
    images = open_subject(trained).images(np.arange(12))
    elbo = by.bounds(by.log_weights(model, images, 64, 0))[0]
    many = [model.terms(images, seed=seed) for seed in range(32)]
    rate = kl_from_prior(many[0][1].mean, many[0][1].log_var).sum(1)
    expected = np.mean([distortion for distortion, _ in many], 0) + rate
    np.testing.assert_allclose(elbo, expected, rtol=0.03)
    np.testing.assert_array_equal(by.log_weights(model, images, 4, 5), by.log_weights(model, images, 4, 5))


def test_regret_is_what_fitting_gains_and_more_steps_gain_no_less(model: LoadedModel, trained: Run):
    images = open_subject(trained).images(np.arange(6))
    none, few, many = (by.likelihood_regret(model, images, steps, 0) for steps in (0, 3, 12))
    assert (none == 0).all()
    assert (few >= 0).all()
    assert (many >= few - 1e-6).all()
    assert many.max() > 0


# ---------------------------------------------------------------- what is odd


@pytest.fixture
def subject(places: Places, store: Store) -> Subject:
    run = store.create(config_of(), "run")
    assert train_run(run, places).state == FINISHED
    return open_subject(run)


def test_odd_is_a_label_by_name_or_number_each_label_or_a_factors_value(subject: Subject):
    labels, x = np.asarray(subject.data.labels), np.asarray(subject.data.factors)[:, 0]
    (one,) = odd.find(subject, "RIGHT", 10)
    assert one.name == "label right"
    np.testing.assert_array_equal(one.rows, np.flatnonzero(labels == 1))
    np.testing.assert_array_equal(odd.find(subject, "1", 10)[0].rows, one.rows)
    assert [each.name for each in odd.find(subject, "each", 10)] == ["label left", "label right"]
    (high,) = odd.find(subject, "x > 0.6", 10)
    assert (high.name, len(high.rows)) == ("x > 0.6", (x > 0.6).sum())
    commonest = int(np.bincount(labels).argmax())
    assert odd.find(subject, "", 10)[0].name == f"label {subject.data.label_names[commonest]}"


def test_without_labels_a_factor_is_left_out_and_without_either_another_set(subject: Subject):
    bare = dataclasses.replace(subject, data=dataclasses.replace(subject.data, labels=None))
    assert odd.usual_choice(bare).startswith("x>")
    (one,) = odd.find(bare, "", 10)
    assert 0 < len(one.rows) < len(bare.data)
    assert (
        odd.usual_choice(
            dataclasses.replace(bare, data=dataclasses.replace(bare.data, factors=None, factor_names=()))
        )
        == "digits"
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("7", "has the label 7; there are left and right"),
        ("x=big", "big is no value of x"),
        ("x>2", "holds for no image of tiny; x goes from 0.2"),
        ("x>-1", "holds for every image"),
        ("tiny", "is what the run learned from"),
        ("nonsense", "name a label .left, right., a factor's value .x=1., a data set .digits"),
    ],
)
def test_what_names_nothing_odd_is_refused_with_what_there_is(subject: Subject, said: str, words: str):
    with pytest.raises(odd.NothingOdd, match=words):
        odd.find(subject, said, 10)


def test_labels_are_needed_for_every_label_in_turn(subject: Subject):
    one_class = dataclasses.replace(subject.data, labels=np.zeros(len(subject.data), np.int64))
    with pytest.raises(NoLabels, match="one label"):
        odd.find(dataclasses.replace(subject, data=one_class), "each", 10)
    assert odd.usual_choice(dataclasses.replace(subject, data=one_class)).startswith("x>")
    with pytest.raises(NoLabels, match="no labels"):
        odd.find(
            dataclasses.replace(subject, data=dataclasses.replace(subject.data, labels=None)), "each", 10
        )


def test_a_folder_of_odd_images_is_brought_to_the_runs_shape(subject: Subject, tmp_path: Path):
    folder = tmp_path / "strange"
    folder.mkdir()
    for i in range(5):
        Image.fromarray(np.full((20, 30, 3), 40 * i, np.uint8)).save(folder / f"{i}.png")
    (one,) = odd.find(subject, str(folder), 3)
    assert one.name == "images of strange"
    assert one.images.shape == (3, 1, 16, 16)
    (folder / "note.txt").write_text("nothing")
    with pytest.raises(BadImages):
        odd.find(subject, str(folder / "note.txt"), 3)


def test_an_empty_image_is_its_commonest_colour():
    images = np.zeros((2, 3, 4, 4), np.uint8)
    images[0, 1] = 7
    images[0, :, 0, 0] = 255
    found = odd.emptied(images)
    assert found.shape == images.shape
    assert (found[0, 1] == 7).all()
    assert (found[0, 0] == 0).all()


def test_odd_images_of_the_test_split_come_first(subject: Subject):
    (one,) = odd.find(subject, "left", 10)
    few = one.chosen(subject.data, subject.test, 2)
    mine = subject.images(subject.test[np.isin(subject.test, one.rows)])
    assert all((mine == image).all((1, 2, 3)).any() for image in few)
    assert len(one.chosen(subject.data, subject.test, 1000)) == len(one.rows)


# ---------------------------------------------------------------- as a whole


def area(found: Found, score: str, at: str) -> float:
    return next(row.value for row in found.of("AUROC", {"odd": at}) if row.method == score)


def test_a_label_is_left_out_of_what_the_network_learns_and_the_numbers_repeat(subject: Subject):
    settings = SETTINGS(left_out="left", **FAST)
    seen: list[float] = []
    found = measure(subject, settings, lambda share, words: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] <= 1
    assert {str(row.at["odd"]) for row in found.rows} == {"label left", "empty images"}
    assert {row.method for row in found.rows if not row.ours} == set(case.BASELINES)
    assert all(0 <= row.low <= row.value <= row.high <= 1 for row in found.rows)
    assert found.to_json() == measure(subject, settings).to_json()
    pictures = found.pictures
    assert pictures["images"].shape[1:] == (1, 16, 16)
    assert pictures["scores"].shape == (len(found.more["scores"]), len(pictures["odd"]))
    assert pictures["shown"].max() < len(pictures["odd"])
    assert found.sentences[0].startswith("Odd: label left. The default score")


def test_no_odd_image_trains_the_small_network(subject: Subject):
    rows = np.flatnonzero(np.asarray(subject.data.labels) == 0)
    network = case.network_without(subject, rows, 40, 1, 0, lambda share, words: None, "small")
    used = np.concatenate((network.train, network.beside))
    assert not np.isin(used, rows).any()
    assert np.isin(used, subject.train).all()
    assert len(used) == min(40, (~np.isin(subject.train, rows)).sum())


@pytest.mark.parametrize(
    ("objective", "name", "beta"),
    [("multi_rate", "beta_vae", 3.0), ("guided", "vae", 1.0), ("autoencoder", "autoencoder", None)],
)
def test_the_small_network_has_a_plain_objective(
    subject: Subject, objective: str, name: str, beta: float | None
):
    config = config_of(objective=objective)
    model = SimpleNamespace(config=config, beta=3.0 if objective == "multi_rate" else None)
    found = case.settings_of(SimpleNamespace(model=model, data=subject.data), 600, 0, 7)  # type: ignore[arg-type]
    assert (found.objective.objective.name, found.objective.beta) == (name, beta)
    assert found.training.epochs == 100
    assert found.training.seed == 7


def test_every_label_in_turn_has_a_mean_and_shows_the_hardest(subject: Subject):
    found = measure(subject, SETTINGS(left_out="each", simple="none", **FAST))
    names = ["label left", "label right"]
    for score in (case.DEFAULT, case.PIXELS):
        each = [area(found, score, name) for name in names]
        assert area(found, score, "mean of all labels") == pytest.approx(np.mean(each))
    hardest = min(names, key=lambda name: area(found, case.DEFAULT, name))
    assert found.more["case"] == hardest
    assert "each of 2 labels in turn" in found.sentences[0]


def test_images_of_noise_are_odd_to_the_runs_own_network(subject: Subject, tmp_path: Path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "noise.npy", rng.integers(0, 256, (30, 16, 16), dtype=np.uint8))
    found = measure(subject, SETTINGS(left_out=str(tmp_path / "noise.npy"), **FAST))
    assert area(found, case.PIXELS, "images of noise.npy") == 1


def test_an_autoencoder_says_which_scores_remain(places: Places, store: Store):
    run = store.create(config_of(objective="autoencoder"), "plain")
    assert train_run(run, places).state == FINISHED
    found = measure(open_subject(run), SETTINGS(left_out="left", **FAST))
    methods = {row.method for row in found.rows}
    assert case.INK in methods
    assert not methods & {case.ELBO, case.KL, case.BOUND, case.REGRET}
    assert any("An autoencoder has no posterior" in sentence for sentence in found.sentences)


def test_few_images_are_told_of(subject: Subject):
    found = measure(subject, SETTINGS(left_out="left", **{**FAST, "learn": 3, "k": 9}))
    told = " ".join(found.sentences)
    assert "fewer than k = 9" in told
    assert "components, not D = 3" in told


def test_a_label_that_all_others_come_with_leaves_nothing(subject: Subject):
    rows = np.arange(len(subject.data))
    with pytest.raises(odd.NothingOdd, match="are left to learn from"):
        measure(
            dataclasses.replace(subject, data=dataclasses.replace(blob_set(), factors=rows[:, None].astype(np.float32), factor_names=("at",))),
            SETTINGS(left_out="at>0", **FAST),
        )  # fmt: skip


def test_a_likelihood_that_prefers_simple_images_is_told_with_what_survives():
    rng = np.random.default_rng(0)
    usual, strange = rng.normal(0, 1, 60), rng.normal(-4, 1, 60)
    scores = {case.ELBO: (usual, strange), case.DEFAULT: (usual, -strange), case.PIXELS: (usual, usual)}
    told = " ".join(_told(scores))
    assert "the likelihood prefers the simple images" in told
    assert f"surviving, 0.99 or more: {case.DEFAULT};" in told
    assert "no better than a coin: k-th nearest pixels (0.50)" in told


def _told(scores: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[str]:
    from vae_core.uses.anomaly_words import sentences

    made = {name: ranked(*both) for name, both in scores.items()}
    judged = case.Judged(
        {name: np.concatenate(both) for name, both in scores.items()}, np.zeros((120, 4, 4), np.uint8), ()
    )
    areas = {name: curves.aurocs(one) for name, one in made.items()}
    precisions = {name: curves.average_precisions(one) for name, one in made.items()}
    one = case.Case("empty images", np.zeros((120, 1, 4, 4), np.uint8), 60, judged, made, areas, precisions)
    return sentences([one], one, True)
