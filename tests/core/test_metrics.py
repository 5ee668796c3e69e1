"""What a metric may ask for, what it may give, and the classifier that some ask for."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of

from vae_core.errors import BadImages, TooFewPoints
from vae_core.evaluation import classifier as classifier_module
from vae_core.evaluation import small_network
from vae_core.evaluation.classifier import classifier_of, ship_classifier, train_classifier
from vae_core.evaluation.metrics import (
    METRICS,
    NEEDS,
    Inputs,
    Metric,
    Result,
    Value,
    all_values,
    compute_metrics,
    metric_of,
    rankable_values,
)
from vae_core.evaluation.run_metrics import measure
from vae_core.inference import load_run
from vae_core.runs.record import FINISHED
from vae_core.runs.worker import train_run

VALUE = Value("planted", "Planted", "A planted number.")


def metric(compute, needs=("mean",), values=(VALUE,)):
    return Metric("planted", 1, compute, frozenset(needs), values)


@pytest.fixture
def labelled():
    return blob_set(count=400)


# ---------------------------------------------------------------- the registry


def test_every_entry_is_declared_in_full():
    for name, entry in METRICS.items():
        assert entry.name == name
        assert entry.version >= 1
        assert entry.needs <= NEEDS
        for value in entry.values:
            assert metric_of(value.name) is entry
            assert value.title
            assert value.unit
            assert value.definition.endswith(".")
    assert len(all_values()) == sum(len(entry.values) for entry in METRICS.values()), "names are told apart"
    assert set(rankable_values()) == set(all_values()) - {"sharpness"}


def test_a_metric_that_asks_for_what_nothing_gives_is_refused():
    with pytest.raises(ValueError, match="needs weights, which nothing gives"):
        metric(lambda weights, rng: 1.0, ["weights"])
    with pytest.raises(ValueError, match="needs mean, but its function takes factors, rng"):
        metric(lambda factors, rng: 1.0)


def test_a_metric_gives_what_it_declares():
    with pytest.raises(ValueError, match="gave other, but declares planted"):
        metric(lambda mean, rng: {"other": 1.0}).measure({"mean": 0}, np.random.default_rng(0))
    answers = iter([None, float("nan"), {"planted": None}, {}, 0.5, {"planted": 0.5}])
    planted = metric(lambda mean, rng: next(answers))
    found = [planted.measure({"mean": 0}, np.random.default_rng(0)) for _ in range(6)]
    assert found == [{}] * 4 + [{"planted": 0.5}] * 2


def test_only_what_is_asked_for_is_worked_out():
    asked = []

    def offer(name):
        return lambda: asked.append(name) or name

    inputs = Inputs({name: offer(name) for name in ("mean", "labels", "classifier")}, {})
    planted = metric(lambda mean, rng: len(mean))
    assert compute_metrics(inputs, [planted, planted])["planted"].values == {"planted": 4.0}
    assert asked == ["mean"], "once"


def test_a_metric_without_what_it_needs_says_so_and_the_others_go_on():
    def too_few(mean, rng):
        raise TooFewPoints("three images are needed")

    inputs = Inputs({"mean": lambda: np.zeros(3)}, {"labels": "the images of x have no labels"})
    entries = [
        dataclasses.replace(metric(lambda labels, rng: 1.0, ["labels"]), name="unlabelled"),
        dataclasses.replace(metric(lambda images, rng: 1.0, ["images"]), name="unseen"),
        dataclasses.replace(metric(too_few), name="small"),
        metric(lambda mean, rng: 1.0),
    ]
    assert compute_metrics(inputs, entries) == {
        "unlabelled": Result(1, {}, "the images of x have no labels"),
        "unseen": Result(1, {}, "no images were given"),
        "small": Result(1, {}, "three images are needed"),
        "planted": Result(1, {"planted": 1.0}),
    }


def test_a_metric_draws_the_same_whatever_else_is_computed():
    draws = metric(lambda mean, rng: rng.random())
    inputs = Inputs.of_arrays(mean=np.zeros(3))
    alone = compute_metrics(inputs, [draws])["planted"]
    other = dataclasses.replace(draws, name="first")
    assert compute_metrics(inputs, [other, draws])["planted"] == alone
    assert compute_metrics(inputs, [draws], seed=1)["planted"] != alone


# ---------------------------------------------------------------- the classifier


@pytest.mark.usefixtures("networks_that_learn")
def test_a_classifier_learns_the_labels_and_is_kept(labelled, places, monkeypatch):
    config = config_of()
    found = classifier_of(places, config, labelled)
    assert found.label_names == ("left", "right")
    assert found.chance < 0.7
    assert found.accuracy >= 0.95
    held = labelled.test
    probabilities = found.probabilities(labelled.images[held])
    assert probabilities.shape == (len(held), 2)
    assert probabilities.sum(1) == pytest.approx(1)
    assert (probabilities.argmax(1) == labelled.labels[held]).mean() >= 0.95
    as_floats = found.probabilities(labelled.images[held] / np.float32(255))
    assert as_floats == pytest.approx(probabilities, abs=1e-5)
    assert found.probabilities(labelled.images[:0]).shape == (0, 2)

    def never(*args, **kwargs):
        raise AssertionError("trained again")

    state = torch.random.get_rng_state()
    with monkeypatch.context() as patch:
        patch.setattr(classifier_module, "train_classifier", never)
        again = classifier_of(places, config, labelled)
        with pytest.raises(AssertionError, match="trained again"):
            classifier_of(places, config, dataclasses.replace(labelled, fingerprint="others"))
        with pytest.raises(AssertionError, match="trained again"):  # it may have seen this run's test images
            classifier_of(places, config_of(validation=0.3), labelled)
    assert (torch.random.get_rng_state() == state).all()
    assert (again.probabilities(labelled.images[held]) == probabilities).all()
    assert (again.accuracy, again.chance) == (found.accuracy, found.chance)


def test_a_shipped_classifier_serves_the_runs_it_was_trained_for(labelled, places, monkeypatch, tmp_path):
    folder = tmp_path / "shipped"
    monkeypatch.setattr(small_network, "assets", lambda: folder)
    kept = classifier_of(places, config_of(), labelled)  # of before: what is shipped goes first
    monkeypatch.setattr(classifier_module, "STEPS", 30)
    path = ship_classifier(folder / "classifiers", config_of(), labelled)
    assert path.parent == folder / "classifiers"
    shipped, again = train_classifier(config_of(), labelled), classifier_of(places, config_of(), labelled)
    some = labelled.images[:20]
    assert (again.probabilities(some) == shipped.probabilities(some)).all()
    assert not np.allclose(again.probabilities(some), kept.probabilities(some))
    monkeypatch.undo()
    other = classifier_of(places, config_of(), labelled)
    assert (other.probabilities(some) == kept.probabilities(some)).all(), "its own where none is shipped"


def test_a_damaged_classifier_is_trained_again(labelled, places):
    found = classifier_of(places, config_of(), labelled)
    (path,) = (places.derived / "classifiers").iterdir()
    path.write_bytes(path.read_bytes()[:-50])
    again = classifier_of(places, config_of(), labelled)
    some = labelled.images[:20]
    assert again.probabilities(some) == pytest.approx(found.probabilities(some), abs=1e-4)


def test_images_without_labels_or_with_one_have_no_classifier(labelled, places):
    with pytest.raises(BadImages, match="have no labels"):
        classifier_of(places, config_of(), dataclasses.replace(labelled, labels=None))
    alike = dataclasses.replace(labelled, labels=np.zeros(len(labelled), np.int64))
    with pytest.raises(TooFewPoints, match="two labels"):
        classifier_of(places, config_of(), alike)


def test_a_metric_may_ask_for_all_there_is_of_a_run(store, places, monkeypatch):
    """The share of decoded posterior means that the classifier names as the image was labelled."""
    run = store.create(config_of(epochs=30))
    assert train_run(run, places).state == FINISHED
    seen = {}

    def named_rightly(mean, log_var, factors, labels, images, model, classifier, rng):
        seen.update(
            shapes=[a.shape for a in (mean, log_var, factors, labels, images)], accuracy=classifier.accuracy
        )
        return float((classifier.probabilities(model.decode(mean)).argmax(1) == labels).mean())

    monkeypatch.setitem(METRICS, "planted", metric(named_rightly, NEEDS - {"regressor"}))
    data = dataclasses.replace(blob_set(), fingerprint="planted")
    whole = dataclasses.replace(data, factors=np.rint(data.factors * 3))
    found = measure(run, whole)
    assert seen["shapes"] == [(9, 3), (9, 3), (9, 2), (9,), (9, 1, 16, 16)]
    classifier = classifier_of(places, load_run(run).config, whole)
    means = load_run(run).encode(whole.images[whole.test]).mean
    guesses = classifier.probabilities(load_run(run).decode(means)).argmax(1)
    assert found.values["planted"] == pytest.approx((guesses == whole.labels[whole.test]).mean())
