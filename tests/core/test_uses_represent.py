"""Represent: what few labels tell of codes, components and pixels, and what a start from another set is worth."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from helpers import config_of

from vae_core.errors import BadConfig, TooFewPoints
from vae_core.inference import load_run
from vae_core.latent.nearest import squares
from vae_core.runs.worker import train_run
from vae_core.uses import data_need, readouts, represent
from vae_core.uses.components import components
from vae_core.uses.registry import USES
from vae_core.uses.represent import ALL, Represent
from vae_core.uses.subject import NoLabels, Subject, open_subject

QUIET = {"images": 60, "test": 40, "repeats": 2}


def silent(share: float, words: str) -> None:
    assert 0 <= share <= 1, (share, words)


@pytest.fixture(scope="module")
def subject(trained) -> Subject:
    return open_subject(trained)


def three_groups(rng, each=20, noise=0.1):
    """Points around three far corners: (60, 2), labels (60,)."""
    corners = np.array([[0, 0], [4, 0], [0, 4]], np.float32)
    labels = np.repeat([2, 5, 7], each)
    return np.repeat(corners, each, 0) + noise * rng.standard_normal((3 * each, 2)).astype(np.float32), labels


def test_separate_groups_are_read_without_a_fault_from_one_label_each():
    rng = np.random.default_rng(0)
    x, labels = three_groups(rng)
    some = readouts.some_of_each(labels, 1, rng)
    assert sorted(labels[some]) == [2, 5, 7]
    far = squares(x, x)
    np.testing.assert_array_equal(readouts.vote(far[:, some], labels[some], 1), labels)
    np.testing.assert_array_equal(readouts.probe(x[some], labels[some], x, 10.0), labels)


def test_features_without_a_label_in_them_are_read_at_chance():
    rng = np.random.default_rng(1)
    x, labels = rng.standard_normal((400, 5)), rng.integers(0, 4, 400)
    named = readouts.probe(
        x[:200], labels[:200], x[200:], readouts.chosen_strength(x[:200], labels[:200], rng)
    )
    assert 0.1 < (named == labels[200:]).mean() < 0.4


def test_a_tie_of_neighbours_goes_to_the_nearer_ones():
    assert readouts.vote(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([8, 3, 3, 8]), 4) == [8]
    assert readouts.vote(np.array([[4.0, 2.0, 3.0, 5.0]]), np.array([8, 3, 3, 8]), 4) == [3]
    assert readouts.vote(np.array([[1.0, 2.0, 3.0]]), np.array([8, 3, 3]), 3) == [3], "the commonest"


def test_more_values_than_images_give_the_same_probe():
    """Coordinates within the images' span: padding with rotated zeros changes no answer."""
    rng = np.random.default_rng(2)
    x, labels = three_groups(rng, each=8, noise=1.5)
    turn = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    wide = np.pad(x, ((0, 0), (0, 58))) @ turn
    test, _ = three_groups(rng, each=30, noise=1.5)
    a = readouts.probe(x, labels, test, 1.0)
    b = readouts.probe(wide, labels, np.pad(test, ((0, 0), (0, 58))) @ turn, 1.0)
    assert (a == b).mean() > 0.98


def test_components_are_those_of_most_variance():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((200, 6)) * [1, 9, 1, 5, 1, 1]
    axes = components(x, 2).axes
    assert abs(axes[0, 1]) > 0.98
    assert abs(axes[1, 3]) > 0.98
    assert len(components(x[:3], 5).axes) == 2, "no more than images allow"
    with pytest.raises(TooFewPoints):
        components(x[:1], 1)


def test_numbers_of_labels_go_up_to_half_of_the_classes():
    assert readouts.counts_per_class(np.array([100, 120, 90])) == [1, 3, 10, 30, 100]
    assert readouts.counts_per_class(np.array([2, 2])) == [1]


def test_a_run_is_measured_the_same_for_the_same_seed(subject):
    settings = Represent(**QUIET)
    found = USES["represent"].measure(subject, settings, silent)
    json.dumps(found.to_json(), allow_nan=False)
    again = represent.measure(subject, settings, silent)
    assert found.rows == again.rows
    assert found.more == again.more
    methods = {row.method for row in found.rows}
    assert methods == {
        f"{how} on {what}" for how in ("probe", "neighbours") for what in ("codes", "PCA", "pixels")
    }
    assert {row.method for row in found.rows if row.ours} == {"probe on codes", "neighbours on codes"}
    last = found.of("accuracy", {"per class": ALL})
    assert len(last) == 6
    assert all(row.at["labels"] == 60 and row.low <= row.value <= row.high for row in last)
    assert found.more["labels"] == sorted(found.more["labels"])
    near = found.more["near"]
    shown = len(found.pictures["test"])
    assert shown == len(near["test_labels"])
    assert len(found.pictures["near"]) == len(near["near_labels"])
    assert all(len(stop) == shown for name in near["rows"] for stop in near["rows"][name])
    assert represent.measure(subject, Represent(**QUIET, seed=1), silent).rows != found.rows


def test_codes_that_hold_the_label_win_and_codes_without_it_lose(subject):
    """Planted: codes are the label, then noise."""

    class Planted:
        latent_dim = 4

        def __init__(self, useful: bool) -> None:
            self.useful = useful

        def encode(self, images):
            rng = np.random.default_rng(len(images))
            labels = by_image[len(images)]
            mean = 5 * np.eye(10)[labels] if self.useful else rng.standard_normal((len(images), 4))
            return type("Codes", (), {"mean": mean.astype(np.float32)})()

    pool = represent.pool_of(subject, 0, 300, 150)
    by_image = {len(pool.train): pool.train_labels, len(pool.test): pool.test_labels}
    for useful, words in ((True, "codes win"), (False, "codes lose to")):
        other = dataclasses.replace(subject, model=Planted(useful))  # type: ignore[arg-type]
        found = represent.labels_needed(other, Represent(repeats=4), pool, silent)
        said = [one for one in found.sentences if "10 labels a class" in one]
        assert len(said) == 2
        assert all(words in one for one in said), said


def test_without_labels_it_says_so_and_the_data_need_is_still_there(subject):
    bare = dataclasses.replace(subject, data=dataclasses.replace(subject.data, labels=None))
    with pytest.raises(NoLabels, match="have no labels"):
        represent.measure(bare, Represent(), silent)
    found = represent.measure(
        bare, Represent(transfer=True, steps=10, most_images=100, trainings=2, test=20), silent
    )
    assert {row.metric for row in found.rows} == {"−ELBO"}


def test_too_few_images_are_refused(subject):
    labels = np.full(len(subject.data), -1)
    labels[subject.train[:5]] = 0
    labels[subject.test[:5]] = 1
    few = dataclasses.replace(subject, data=dataclasses.replace(subject.data, labels=labels))
    with pytest.raises(TooFewPoints, match="two classes"):
        represent.measure(few, Represent(), silent)


def test_data_need_tells_of_both_starts_at_each_number(store, places):
    run = store.create(config_of(epochs=1), "mine")
    train_run(run, places)
    other = store.create(config_of(epochs=20, seed=3), "other")
    train_run(other, places)
    subject = open_subject(run)
    settings = Represent(transfer=True, steps=12, most_images=100, trainings=2, repeats=2, start_from="other")
    found = represent.measure(subject, settings, silent)
    json.dumps(found.to_json(), allow_nan=False)
    sizes = found.more["need"]["sizes"]
    assert sizes == [len(subject.train)]
    for metric in ("−ELBO", "accuracy"):
        rows = [row for row in found.of(metric) if "images" in row.at]
        assert {row.method for row in rows} == {
            "from scratch",
            "pretrained on other",
            "pretrained on other alone",
        }
    need = {row.method: row.value for row in found.of("−ELBO")}
    assert need["pretrained on other"] < need["from scratch"], "it learned these very images before"
    assert any("when it starts from other" in one for one in found.sentences)
    alone = [row for row in found.of("−ELBO") if row.at["images"] == 0]
    model = load_run(other)
    distortion, codes = model.terms(
        subject.images(represent.pool_of(subject, 0, settings.images, settings.test).test), seed=0
    )
    rate = 0.5 * (codes.mean**2 + np.exp(codes.log_var) - codes.log_var - 1).sum(1)
    assert alone[0].value == pytest.approx(float((distortion + rate).mean()), rel=1e-4)


def test_a_start_of_another_network_is_refused_with_what_differs(store, places):
    for name, changes in (("mine", {}), ("wider", {"latent_dim": 5})):
        train_run(store.create(config_of(epochs=1, **changes), name), places)
    subject = open_subject(store.find("mine"))
    with pytest.raises(BadConfig, match=r"wider cannot be a start for mine, for it has another D"):
        represent.measure(subject, Represent(transfer=True, start_from="wider", steps=10), silent)


def test_an_autoencoder_has_its_distortion_told_and_starts_from_a_set_of_its_shape(
    store, places, monkeypatch
):
    train_run(store.create(config_of(epochs=1, objective="autoencoder"), "plain"), places)
    subject = open_subject(store.find("plain"))
    settings = Represent(transfer=True, steps=10, trainings=1, repeats=2)
    found = represent.measure(subject, settings, silent)
    assert {row.metric for row in found.rows} == {"accuracy", "distortion"}
    assert {row.method for row in found.of("distortion")} == {
        "from scratch",
        "pretrained on Digits",
        "pretrained on Digits alone",
    }
    assert any("no ELBO" in one for one in found.sentences)
    monkeypatch.setattr(data_need, "PREFERRED", ("shapes", "faces"))
    alone = represent.measure(subject, settings, silent)
    assert {row.method for row in alone.of("distortion")} == {"from scratch"}
    assert any("Nothing to start from" in one for one in alone.sentences)


def test_sizes_grow_to_all_images():
    assert data_need.sizes_of(50, 3_000) == [50]
    assert data_need.sizes_of(1_536, 3_000) == [100, 300, 1_000, 1_536]
    assert data_need.sizes_of(57_000, 3_000) == [100, 300, 1_000, 3_000]
