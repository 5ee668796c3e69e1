"""Guided runs: what a set tells of its images, normal scores, few labels, and dimensions that bear names."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers import blob_set, config_of, frozen, of
from scipy.stats import norm

from vae_core.errors import BadConfig
from vae_core.events import Checkpoint, EpochDone
from vae_core.objectives.attributes import (
    GuidedParams,
    attributes_of,
    named,
    normal_scores,
    shown_name,
    targets,
)
from vae_core.options import Choice
from vae_core.runs.marks import Marks, change_marks, read_marks, slider_order
from vae_core.runs.record import FINISHED
from vae_core.runs.worker import train_run
from vae_core.sweep import with_beta
from vae_core.training import resolve, settle, train

DATA = blob_set()


def guided(**params) -> Choice:
    return Choice("guided", GuidedParams(**params))


# ---------------------------------------------------------------- what a set tells


def test_factors_come_before_labels_and_are_spelt_alike():
    data = dataclasses.replace(DATA, factor_names=("Hair colour", "hair, colour"))
    found = attributes_of(data)
    assert found.names == ("hair_colour", "hair_colour_2")
    assert np.allclose(found.values, data.factors)
    assert shown_name("hair_colour") == "hair colour"


def test_two_labels_are_one_attribute_and_more_are_one_each():
    bare = dataclasses.replace(DATA, factors=None, factor_names=())
    found = attributes_of(bare)
    assert found.names == ("right",)
    assert (found.values[:, 0] == DATA.labels).all()
    three = dataclasses.replace(bare, labels=np.array([0, 1, 2, -1] * 20), label_names=("a", "b"))
    found = attributes_of(three)
    assert found.names == ("a", "b", "2")
    assert found.values[:3].tolist() == np.eye(3).tolist()
    assert np.isnan(found.values[3]).all()
    assert attributes_of(dataclasses.replace(bare, labels=None)) is None


def test_normal_scores_are_quantiles_of_mid_ranks():
    scores = normal_scores(np.array([1.0, 2.0, 3.0, 9.0]), np.array([1.0, 2.0, 3.0, 9.0]))
    assert scores == pytest.approx(norm.ppf([0.125, 0.375, 0.625, 0.875]))
    two = normal_scores(np.array([0.0, 1.0, 0.5]), np.array([0.0, 0.0, 0.0, 1.0]))
    assert two[:2] == pytest.approx(norm.ppf([0.375, 0.875]))
    assert two[0] < two[2] < two[1]  # between two that are known a value lies between


def test_normal_scores_of_any_scale_are_standard_normal():
    values = np.exp(np.random.default_rng(0).standard_normal(5_000) * 3)
    scores = normal_scores(values, values)
    assert abs(scores.mean()) < 0.01
    assert scores.std() == pytest.approx(1, abs=0.01)


def test_what_is_not_known_or_does_not_vary_has_no_score():
    assert np.isnan(normal_scores(np.array([np.nan, 1.0, 2.0]), np.array([1.0, 2.0]))).tolist() == [
        True, False, False,
    ]  # fmt: skip
    assert np.isnan(normal_scores(np.ones(3), np.ones(3))).all()


# ---------------------------------------------------------------- what is tied


def test_all_that_varies_is_tied_unless_some_are_named():
    data = dataclasses.replace(
        DATA, factors=np.column_stack((DATA.factors, np.ones(90))).astype(np.float32), factor_names=("x", "y", "z")
    )  # fmt: skip
    assert named(GuidedParams(), data).attributes == ("x", "y")
    assert named(GuidedParams(attributes=("Y",)), data).attributes == ("y",)


@pytest.mark.parametrize(
    ("params", "changes", "words"),
    [
        ({}, {"factors": None, "labels": None}, "has neither"),
        ({"attributes": ("smile",)}, {}, r"tiny has no 'smile'; it has x, y"),
        ({"attributes": ("x", "X")}, {}, "named twice"),
        ({}, {"factors": np.zeros((90, 2), np.float32)}, "no factor or label of tiny varies"),
    ],
)
def test_what_cannot_be_guided_by_is_refused_in_words(params, changes, words):
    with pytest.raises(BadConfig, match=words):
        settle(config_of(objective=guided(**params)), dataclasses.replace(DATA, **changes))


def test_each_attribute_needs_a_dimension():
    with pytest.raises(BadConfig, match="ties 2 attributes to a dimension each, and D is 1"):
        settle(config_of(objective="guided", latent_dim=1), DATA)
    ten = dataclasses.replace(
        DATA, factors=np.random.default_rng(0).random((90, 14), np.float32), factor_names=()
    )
    found = settle(config_of(objective="guided", latent_dim=0), ten)
    assert found.model.latent_dim >= 14
    assert found.objective.dimension_names[13] == "factor 13"


def test_only_so_many_training_images_are_labelled_and_no_other_set_loses_its_scores():
    split = config_of().data.split(DATA)
    params = named(GuidedParams(labelled=20), DATA)
    found = targets(params, DATA, split.train, 0)
    assert found.shape == (90, 2)
    known = np.isfinite(found).all(1)
    assert known[split.train].sum() == 20
    assert known[split.validation].all()
    assert (np.isfinite(targets(params, DATA, split.train, 0)) == np.isfinite(found)).all()
    assert (np.isfinite(targets(params, DATA, split.train, 1)) != np.isfinite(found)).any()
    whole = targets(named(GuidedParams(), DATA), DATA, split.train, 0)
    assert np.isfinite(whole).all()
    order = np.argsort(DATA.factors[split.train, 1])
    assert (np.diff(whole[split.train, 1][order]) >= 0).all()


# ---------------------------------------------------------------- runs


@pytest.mark.parametrize("labelled", [0, 25])
def test_a_guided_run_puts_each_attribute_into_its_own_dimension(labelled):
    data = blob_set(count=400)
    chosen = guided(attributes=("y", "x"), guidance=200.0, labelled=labelled)
    config = resolve(config_of(objective=chosen, epochs=15), data)
    assert config.objective.dimension_names == ("y", "x")
    events = list(train(config, data))
    epochs = of(EpochDone, events)
    assert epochs[-1].validation.values["guidance"] < 0.5 * epochs[0].validation.values["guidance"]
    codes = [e for e in events if type(e).__name__ == "Encoded"][-1]
    places = data.factors[codes.images]
    r = np.abs(np.corrcoef(codes.codes.astype(float).T, places.T)[:3, 3:])
    assert r[0].argmax() == 1
    assert r[1].argmax() == 0
    assert min(r[0, 1], r[1, 0]) > 0.8


def test_a_run_with_few_labels_goes_on_as_if_it_had_never_stopped():
    config = resolve(config_of(objective=guided(labelled=20)), DATA)
    whole = list(train(config, DATA))
    middle = next(i for i, e in enumerate(whole) if isinstance(e, Checkpoint) and e.step == 3)
    rest = list(train(config, DATA, resume=whole[middle].resume))
    assert [frozen(e) for e in rest[1:]] == [frozen(e) for e in whole[middle + 1 :]]


def test_no_label_in_a_batch_pulls_at_nothing():
    config = resolve(config_of(objective=guided(labelled=1), batch_size=16), DATA)
    epochs = of(EpochDone, list(train(config, DATA)))
    assert all(np.isfinite(e.train.loss) for e in epochs)


def test_a_sweep_keeps_what_it_is_guided_by():
    found = with_beta(config_of(objective=guided(guidance=7.0, attributes=("x",))), 2.5)
    assert found.objective.objective == guided(guidance=7.0, attributes=("x",), beta=2.5)


def test_the_sliders_of_a_guided_run_bear_its_names_until_a_person_gives_others(store, places):
    run = store.create(config_of(objective=guided(attributes=("y", "x"))))
    assert train_run(run, places).state == FINISHED
    assert read_marks(run) == Marks({0: "y", 1: "x"}, (), (0, 1))
    assert slider_order(read_marks(run), [2, 1, 0]) == [0, 1, 2]
    change_marks(run, [{"do": "name", "dim": 1, "name": "across"}, {"do": "name", "dim": 2, "name": "size"}])
    assert read_marks(run).names == {0: "y", 1: "across", 2: "size"}
    change_marks(run, [{"do": "name", "dim": 1, "name": ""}])
    assert read_marks(run).names == {0: "y", 1: "x", 2: "size"}
    assert "y" not in (run.notes / "deck.json").read_text().replace("names", "")


def test_a_run_that_is_not_guided_names_nothing(store):
    run = store.create(config_of())
    assert read_marks(run) == Marks({})
    assert slider_order(read_marks(run), [2, 0, 1]) == [2, 0, 1]
