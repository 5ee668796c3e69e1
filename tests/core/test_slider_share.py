"""The share of a slider's effect that is its top attribute: planted decoders of known structure, and what is kept."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from helpers import blob_set, config_of, write_blobs

from vae_core.errors import BadCodes, BadImages, TooFewPoints
from vae_core.evaluation import regressor as regressor_module
from vae_core.evaluation.metrics import METRICS, Inputs, compute_metrics
from vae_core.evaluation.metrics.slider_share import slider_effects
from vae_core.evaluation.regressor import regressor_of, train_regressor
from vae_core.evaluation.sliders import (
    FILE,
    Slider,
    measure_sliders,
    sliders,
    stored_sliders,
    to_json,
)
from vae_core.inference import load_run
from vae_core.runs.record import FINISHED
from vae_core.runs.worker import train_run


class Planted:
    """A decoder whose "pictures" (N, 1, 1, K) are K attributes, a linear map of the code; its regressor reads them off."""

    def __init__(self, weights, explained=None):
        self.weights = np.asarray(weights, np.float32)  # (D, K)
        self.latent_dim, self.stochastic = len(self.weights), True
        self.names = tuple("abcdef"[: self.weights.shape[1]])
        self.explained = np.ones(len(self.names)) if explained is None else np.asarray(explained)

    def encode(self, images):
        raise AssertionError("the codes are given")

    def decode(self, codes):
        return (np.asarray(codes) @ self.weights)[:, None, None, :]

    def scores(self, images):
        return np.asarray(images)[:, 0, 0, :]


def codes(dims, count=400):
    return np.random.default_rng(0).standard_normal((count, dims)).astype(np.float32)


def effects(weights, explained=None, z=None):
    planted = Planted(weights, explained)
    return slider_effects(codes(planted.latent_dim) if z is None else z, planted, planted)


def test_a_slider_that_moves_one_attribute_has_a_share_of_1():
    found = effects(np.eye(4)[[2, 0, 3, 1]])
    assert found.share == pytest.approx(np.ones(4))
    assert found.top == ("c", "a", "d", "b")
    assert found.best == {"a": (1, pytest.approx(1.0)), "b": (3, pytest.approx(1.0)),
                          "c": (0, pytest.approx(1.0)), "d": (2, pytest.approx(1.0))}  # fmt: skip
    assert (found.mean_share, found.own) == (pytest.approx(1.0), 1.0)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_one_that_moves_k_alike_has_a_share_of_1_over_k(k):
    found = effects(np.ones((2, k)))
    assert found.share == pytest.approx(np.full(2, 1 / k))
    assert found.mean_share == pytest.approx(1 / k)
    assert found.own == (1 / 2 if k == 2 else 0.0)  # of two that move half each, one has it


def test_an_effect_is_what_changes_between_the_5th_and_the_95th_percentile():
    z = codes(2)
    found = effects([[2.0, -0.5], [0.0, 1.0]], z=z)
    low, high = np.percentile(z, (5, 95), axis=0)
    assert found.effects == pytest.approx(np.abs([[2.0, 0.5], [0.0, 1.0]]) * (high - low)[:, None], rel=1e-4)
    assert found.share == pytest.approx([0.8, 1.0], rel=1e-4)


def test_opposite_changes_in_different_images_do_not_cancel():
    class Turned(Planted):
        def decode(self, z):
            return (np.sign(z[:, 1:2]) * z[:, :1] * [[1.0, 0.0]])[:, None, None, :]

    planted = Turned(np.eye(2))
    assert slider_effects(codes(2), planted, planted).share[0] == pytest.approx(1.0)


def test_sliders_without_effect_have_no_name_and_do_not_count():
    z = codes(3)
    z[:, 2] *= 0.01  # not active
    found = effects([[1.0, 0.0], [0.01, 0.02], [0.0, 50.0]], z=z)
    assert found.top == ("a", "", "")
    assert found.share.tolist() == [pytest.approx(1.0), 0.0, 0.0]
    assert found.active.tolist() == [True, True, False]
    assert found.mean_share == pytest.approx(1.0)
    assert found.own == 0.5
    assert sliders(found)[1] == Slider(1, "", 0.0)
    assert sliders(found)[0] == Slider(0, "a", pytest.approx(1.0))
    assert found.best == {"a": (0, pytest.approx(1.0))}


def test_attributes_that_the_regressor_does_not_tell_are_left_out():
    found = effects([[1.0, 3.0], [0.5, 0.0]], explained=[0.9, 0.1])
    assert found.names == ("a",)
    assert found.share == pytest.approx([1.0, 1.0])
    with pytest.raises(TooFewPoints, match="reads none"):
        effects(np.eye(2), explained=[0.1, 0.0])


def test_codes_of_another_shape_are_refused():
    with pytest.raises(BadCodes, match=r"codes \(N, 2\)"):
        effects(np.eye(2), z=codes(3))


def test_the_metric_gives_its_values_by_name():
    planted = Planted([[1.0, 1.0], [0.0, 1.0]])
    inputs = Inputs.of_arrays(mean=codes(2), model=planted, regressor=planted)
    found = compute_metrics(inputs, [METRICS["slider_share"]])["slider_share"].values
    assert found == {"slider_share": pytest.approx(0.75), "own_sliders": pytest.approx(1.0)}


# ---------------------------------------------------------------- the regressor, and what is kept of a run


@pytest.fixture
def many(places, monkeypatch):
    """A home whose tiny set has images enough for a regressor that is fitted in a moment."""
    monkeypatch.setattr(regressor_module, "STEPS", 200)
    write_blobs(places.datasets, count=400)
    return places


@pytest.fixture
def run(many, store):
    run = store.create(config_of(epochs=8))
    assert train_run(run, many).state == FINISHED
    return run


def test_a_regressor_reads_the_planted_places_and_is_kept(places, monkeypatch):
    monkeypatch.setattr(regressor_module, "STEPS", 200)
    data = blob_set(count=400)
    found = regressor_of(places, config_of(), data)
    assert found.names == ("x", "y")
    assert found.explained.min() > 0.8
    test = data.factors[data.test]
    guesses = found.scores(data.images[data.test])
    assert np.corrcoef(guesses[:, 0], test[:, 0])[0, 1] > 0.9
    monkeypatch.setattr(regressor_module, "train_regressor", None)
    again = regressor_of(places, config_of(), data)
    assert again.scores(data.images[:5]) == pytest.approx(found.scores(data.images[:5]))
    (path,) = (places.derived / "regressors").iterdir()
    path.write_bytes(b"damaged")
    monkeypatch.setattr(regressor_module, "train_regressor", train_regressor)
    assert regressor_of(places, config_of(), data).names == ("x", "y")


def test_a_regressor_needs_attributes_that_vary():
    data = blob_set(count=400)
    with pytest.raises(BadImages, match="neither factors nor labels"):
        train_regressor(config_of(), dataclasses.replace(data, factors=None, labels=None))
    with pytest.raises(TooFewPoints, match="varies among 100"):
        train_regressor(config_of(), dataclasses.replace(data, factors=np.zeros((400, 2), np.float32)))
    with pytest.raises(TooFewPoints, match="varies among 100"):
        train_regressor(config_of(), blob_set())


def test_what_sliders_change_is_computed_once_for_the_weights(run, many, monkeypatch):
    assert stored_sliders(run) is None
    data = blob_set(count=400)
    found = measure_sliders(run, data)
    assert found.names == ("x", "y")
    assert found.effects.shape == (3, 2)
    kept = stored_sliders(run)
    assert kept is not None
    assert kept.effects == pytest.approx(found.effects, abs=1e-4)
    assert kept.top == found.top
    monkeypatch.setattr("vae_core.evaluation.sliders.slider_effects", None)
    assert measure_sliders(run, data).top == found.top


def test_what_lies_in_the_runs_folder_is_read_when_it_is_of_these_weights(run):
    planted = effects(np.eye(3))
    stamp = load_run(run).stamp
    (run.path / FILE).write_text(json.dumps(to_json(planted, stamp)))
    assert stored_sliders(run).top == ("a", "b", "c")
    for damaged in (
        to_json(planted, "other"), to_json(planted, stamp) | {"version": 0}, {"version": 1}, [],
        to_json(planted, stamp) | {"effects": [[1.0, "x", -2.0]] * 3}, to_json(planted, stamp) | {"active": [True]},
    ):  # fmt: skip
        (run.path / FILE).write_text(json.dumps(damaged))
        assert stored_sliders(run) is None
