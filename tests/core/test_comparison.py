"""Runs to be compared: chosen by what their objectives declare, made in one group, and read with their seeds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers import blob_set, config_of, of

from vae_core import comparison
from vae_core.comparison import (
    AUTOENCODER,
    PLAIN_VAE,
    SHARPENED,
    WEIGHED_VAE,
    cost_of,
    courses_of,
    create,
    default_name,
    kind_of,
    nearest_codes,
    of_each_kind,
    of_each_likelihood,
    one_seed_each,
    same_noise,
    seeds_of,
    shown_images,
    trainable,
    usual_of,
    usual_runs,
    why_apart,
)
from vae_core.config import ObjectiveConfig
from vae_core.errors import BadConfig, BadName
from vae_core.events import EpochDone, StepDone
from vae_core.objectives import LIKELIHOODS, OBJECTIVES
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.queue import stack_mates
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep, sweeps


@pytest.mark.parametrize(
    ("objective", "kind"),
    [
        ("autoencoder", AUTOENCODER),
        ("vae", PLAIN_VAE),
        ("beta_vae", WEIGHED_VAE),
        ("beta_tcvae", WEIGHED_VAE),
        ("vae_gan", SHARPENED),
    ],
)
def test_a_kind_is_what_an_entry_declares(objective: str, kind: comparison.Kind) -> None:
    assert kind_of(ObjectiveConfig(objective=Choice(objective, OBJECTIVES[objective].params()))) == kind


def test_a_beta_of_one_is_a_vae() -> None:
    entry = OBJECTIVES["beta_vae"]
    assert entry.with_beta is not None
    assert kind_of(ObjectiveConfig(objective=entry.with_beta(entry.params(), 1.0))) == PLAIN_VAE


def test_one_of_each_is_equal_but_for_the_objective(store: Store) -> None:
    config = config_of(dataset="tiny", objective="beta_tcvae", seed=3)
    variants = of_each_kind(config, trainable())
    assert list(variants) == [kind.name for kind in trainable()]
    assert {"autoencoder", "vae", "beta-vae"} <= set(variants)
    for variant in variants.values():
        assert (variant.data, variant.model, variant.training.epochs) == (
            config.data,
            config.model,
            config.training.epochs,
        )
        assert variant.objective.likelihood == config.objective.likelihood
    made = create(store, variants, "four", seeds=2)
    assert [run.record().config.training.seed for run in made] == [3, 4] * len(variants)
    assert made[0].name == "four-autoencoder-seed3"
    assert {run.record().group for run in made} == {"comparison four"}
    assert list(comparison.groups(store)) == ["four"]
    with pytest.raises(BadName, match="already is a comparison"):
        create(store, variants, "four")
    assert default_name(config, store) == "tiny-models"


def test_nothing_is_created_where_one_run_cannot_be(store: Store) -> None:
    variants = of_each_kind(config_of(dataset="tiny"), trainable())
    store.create(config_of(dataset="tiny"), "mine-vae")
    with pytest.raises(BadName, match="mine-vae"):
        create(store, variants, "mine")
    for wrong in ({"seeds": 0}, {"seeds": 6}):
        with pytest.raises(BadConfig, match="seeds"):
            create(store, variants, "other", **wrong)
    with pytest.raises(BadConfig, match="something to train"):
        create(store, {}, "other")
    assert len(store.own()) == 1


def test_a_comparison_is_no_sweep_and_is_trained_one_by_one(store: Store) -> None:
    config = config_of(dataset="tiny")
    made = create(store, of_each_kind(config, [PLAIN_VAE, WEIGHED_VAE]), "mine")
    swept = create_sweep(store, config, [1, 4], "swept")
    assert list(sweeps(store)) == ["swept"]
    assert stack_mates(made[0], store.places) == []
    assert [run.id for run in stack_mates(swept[0], store.places)] in ([], [swept[1].id])


def test_likelihoods_of_one_model() -> None:
    config = config_of(dataset="tiny", objective="beta_vae")
    found = of_each_likelihood(config, ["bernoulli", "gaussian_optimal"])
    assert [c.objective.likelihood.name for c in found.values()] == ["bernoulli", "gaussian_optimal"]
    assert all(kind_of(c.objective) == PLAIN_VAE and c.model == config.model for c in found.values())
    with pytest.raises(BadConfig, match="there is no coin"):
        of_each_likelihood(config, ["coin"])
    assert len(LIKELIHOODS) >= 4


def test_runs_of_different_images_are_refused_with_a_remedy(store: Store) -> None:
    tiny = store.create(config_of(dataset="tiny"), "a")
    other = store.create(config_of(dataset="digits"), "b")
    assert why_apart([tiny, tiny]) == ""
    assert "digits and tiny" in why_apart([tiny, other])
    for run, shape in ((tiny, (1, 16, 16)), (other, (1, 32, 32))):
        data = dataclasses.replace(run.record().config.data, dataset="tiny")
        config = dataclasses.replace(run.record().config, data=data)
        run.write_record(dataclasses.replace(run.record(), config=config, data={"shape": list(shape)}))
    assert "16×16×1 and 32×32×1" in why_apart([tiny, other])


def test_by_default_there_is_one_of_each_kind_most_like_the_run(store: Store) -> None:
    run = store.create(config_of(dataset="tiny", latent_dim=3), "mine")
    wider = store.create(config_of(dataset="tiny", latent_dim=5, objective="beta_vae"), "wider")
    near = store.create(config_of(dataset="tiny", latent_dim=3, objective="beta_vae"), "near")
    plain = store.create(config_of(dataset="tiny", latent_dim=3, objective="autoencoder"), "plain")
    assert [one.name for one in usual_runs(run, [run, wider, near, plain])] == ["plain", "mine", "near"]
    twin = store.create(config_of(dataset="tiny", latent_dim=3, seed=1), "twin")
    assert [one.name for one in usual_runs(run, [twin])] == ["mine", "twin"], "of one kind, two"
    assert usual_runs(run, []) == [run]


def test_a_shipped_run_stands_beside_those_shipped_to_be_compared(store: Store) -> None:
    def shipped(name: str, objective: str, group: str = "") -> Run:
        config = config_of(dataset="tiny", objective=objective)
        return Run(store.create(config, name, group=group).path, store.places, read_only=True)

    four = [shipped(f"four-{o}", o, "comparison four") for o in ("gan", "vae", "autoencoder")]
    pair = [shipped(f"pair-{o}", o, "comparison pair") for o in ("autoencoder", "vae")]
    alone, swept = shipped("alone", "beta_vae"), shipped("swept", "beta_vae", "betas")
    every = [alone, swept, *four, *pair]
    for run in (alone, swept, four[1]):
        assert [one.name for one in usual_runs(run, every)] == ["four-autoencoder", "four-vae", "four-gan"]
    assert [one.name for one in usual_runs(pair[0], every)] == ["pair-autoencoder", "pair-vae"]
    mine = store.create(config_of(dataset="tiny", objective="beta_vae"), "mine")
    assert "mine" in [one.name for one in usual_runs(mine, every)], "one's own is always there"
    assert [one.name for one in usual_runs(alone, [alone, swept])] == ["alone", "swept"]


@pytest.mark.slow
def test_seeds_are_told_with_their_spread(store: Store, places: Places) -> None:
    made = create(store, of_each_kind(config_of(dataset="tiny", epochs=3), [AUTOENCODER]), "mine", seeds=2)
    other = store.create(config_of(dataset="tiny", epochs=3, objective="autoencoder"), "apart")
    for run in (*made, other):
        assert train_run(run, places).state == FINISHED
    assert [one.id for one in seeds_of(made[0], store.readable())] == [run.id for run in made]
    assert one_seed_each([made[1], made[0], other]) == [made[0], other]
    told = [[e.validation.loss for e in of(EpochDone, run.history())] for run in made]
    course = courses_of(made)[0]
    assert course.epochs.tolist() == [1, 2, 3]
    np.testing.assert_allclose(course.mean, np.mean(told, 0))
    np.testing.assert_allclose(course.low, np.min(told, 0))
    np.testing.assert_allclose(course.high, np.max(told, 0))
    found = cost_of(made[0])
    speeds = [e.images_per_second for e in of(StepDone, made[0].history())]
    assert (found.epochs, found.images_per_second) == (3, float(np.median(speeds)))
    assert found.seconds is not None
    assert found.seconds > 0


def test_a_run_that_has_not_begun_has_no_cost_and_no_course(store: Store) -> None:
    run = store.create(config_of(dataset="tiny"), "mine")
    assert cost_of(run) == comparison.Cost(None, 0, None)
    assert courses_of([run]) == []


def test_the_same_images_by_turns_of_each_label() -> None:
    data = blob_set(200)
    first = shown_images(data, 6)
    assert data.labels is not None
    assert data.labels[first].tolist() == [0, 1, 0, 1, 0, 1]
    assert set(first) <= set(data.test.tolist())
    assert first.tolist() == shown_images(data, 6).tolist()
    assert first.tolist() != shown_images(data, 6, 1).tolist()
    assert len(shown_images(data, 500)) == len(data.test)
    one = dataclasses.replace(data, labels=np.zeros(200, np.int64))
    assert len(set(shown_images(one, 6))) == 6, "one class is shown like any"
    bare = dataclasses.replace(data, labels=None)
    assert len(set(shown_images(bare, 6))) == 6


def test_codes_of_fewer_dimensions_are_the_beginnings_of_those_of_more() -> None:
    np.testing.assert_array_equal(same_noise(5, 3), same_noise(5, 8)[:, :3])
    assert not np.array_equal(same_noise(5, 3), same_noise(5, 3, 1))


def test_the_nearest_are_told_in_units_of_the_posterior() -> None:
    codes = np.array([[0.0, 1.0], [0.4, 0.0], [0.0, 0.1]])
    assert nearest_codes(np.zeros(2), np.array([1.0, 1.0]), codes, 2).tolist() == [2, 1]
    assert nearest_codes(np.zeros(2), np.array([0.1, 100.0]), codes, 3).tolist() == [2, 0, 1]


def test_every_kind_has_an_objective_or_says_none() -> None:
    for kind in trainable():
        choice = usual_of(kind)
        assert choice is not None
        assert kind_of(ObjectiveConfig(objective=choice)) == kind
