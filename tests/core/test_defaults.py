"""What is chosen for the images: on planted looks, once, and nothing that was asked for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers import blob_set, config_of

from vae_core.config import AUTO, ENOUGH_STEPS, ObjectiveConfig, RunConfig
from vae_core.data.looks import Look
from vae_core.errors import BadConfig
from vae_core.objectives import OBJECTIVES
from vae_core.objectives.likelihoods import GaussianParams
from vae_core.options import from_json, to_json
from vae_core.training import Plan, resolve, settle, train
from vae_core.training.defaults import (
    MOST_PASSES,
    choose_dims,
    choose_likelihood,
    chosen_words,
    settled,
    too_short,
)

DATA = blob_set()  # 65 images train


def look(channels=1, binary=0.2, spread=0.2, explained=(0.5, 0.9, 1.0)):
    return Look(channels, binary, spread, explained)


def auto(**changes):
    return config_of(likelihood=AUTO, latent_dim=0, epochs=0, batch_size=0, augment=AUTO, **changes)


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        (look(1, 0.84), "bernoulli"),  # MNIST
        (look(1, 0.56), "bernoulli"),  # digits
        (look(1, 0.3), "gaussian_optimal"),  # grey photographs, scans
        (look(3, 0.28), "gaussian_optimal"),
        (look(3, 0.9), "gaussian_optimal"),  # colour, however hard its edges
    ],
)
def test_the_likelihood_follows_the_values(seen, name):
    assert choose_likelihood(seen, 10).name == name
    assert choose_likelihood(seen, 10, fixed=True).name == ("gaussian" if name != "bernoulli" else name)


def test_a_fixed_sigma_is_the_error_of_a_linear_code_within_bounds():
    half = look(spread=0.2, explained=(0.5, 0.75, 1.0))
    assert choose_likelihood(half, 2, fixed=True).params == GaussianParams(0.1)
    assert choose_likelihood(half, 3, fixed=True).params == GaussianParams(0.03)
    assert choose_likelihood(look(spread=0.9, explained=()), 3, fixed=True).params.sigma >= 0.03


def test_dimensions_follow_the_components():
    rising = tuple(np.arange(1, 101) / 100)  # 80 components explain 80 %
    assert choose_dims(look(explained=rising)) == 16
    assert choose_dims(look(explained=tuple(np.arange(1, 15) / 14))) == 12
    assert choose_dims(look(explained=(0.5, 0.9, 1.0))) == 10
    assert choose_dims(look(explained=())) == 10


# ---------------------------------------------------------------- settling


def test_everything_that_follows_the_images_is_chosen_and_then_stays():
    chosen = settle(auto(), DATA)
    assert settled(chosen)
    assert chosen.objective.likelihood.name in ("bernoulli", "gaussian_optimal")
    assert (chosen.model.latent_dim, chosen.training.batch_size, chosen.data.augment) == (10, 16, "shifts")
    assert settle(chosen, DATA, lambda config: 1e9) is chosen, "chosen once"
    assert from_json(RunConfig, to_json(chosen)) == chosen, "and stored as it is"
    assert resolve(chosen, DATA).training.epochs == chosen.training.epochs


def test_what_was_asked_for_is_kept():
    named = {"epochs": 3, "rate_schedule": "constant"}
    asked = config_of(likelihood="laplace", latent_dim=7, batch_size=9, **named)
    assert settle(asked, DATA) == asked
    only_dims = settle(config_of(latent_dim=0, **named), DATA)
    assert only_dims == dataclasses.replace(
        config_of(**named), model=dataclasses.replace(config_of().model, latent_dim=10)
    )


def test_the_learning_rate_follows_the_objective():
    training = settle(config_of(learning_rate=0.0), DATA).training
    assert (training.learning_rate, training.rate_schedule) == (4e-3, "one_cycle")


def test_typed_epochs_take_the_batches_they_always_took():
    assert settle(config_of(epochs=5, batch_size=0), DATA).training.batch_size == 32
    assert settle(config_of(epochs=0, batch_size=0), DATA).training.batch_size == 16


def test_few_images_are_shifted_and_never_flipped_unasked():
    assert settle(config_of(augment=AUTO), DATA).data.augment == "shifts"
    assert settle(config_of(augment="none"), DATA).data.augment == "none"
    assert settle(config_of(augment=AUTO), blob_set(count=700)).data.augment == "none"


def test_automatic_epochs_reach_the_steps_and_no_fewer_passes_of_a_large_set():
    some = blob_set(count=700)
    plan = Plan(settle(auto(), some), len(auto().data.split(some).train))
    assert OBJECTIVES["vae"].steps <= plan.steps_total < OBJECTIVES["vae"].steps + plan.steps_per_epoch
    assert settle(auto(), DATA).training.epochs == MOST_PASSES, "few images are learned by heart"
    large = blob_set(count=2_000)
    asked = config_of(epochs=0, batch_size=1)
    assert settle(asked, large).training.epochs == max(
        OBJECTIVES["vae"].least_passes, -(-OBJECTIVES["vae"].steps // len(asked.data.split(large).train))
    )
    huge = dataclasses.replace(DATA, images=np.repeat(DATA.images, 60, 0), labels=None, factors=None)
    assert settle(asked, huge).training.epochs == OBJECTIVES["vae"].least_passes


def test_minutes_cap_the_steps_and_the_floor_holds():
    def steps(seconds, minutes):
        return Plan(settle(auto(most_minutes=minutes), DATA, lambda config: seconds), 65).steps_total

    assert steps(0.08, 1.0) == pytest.approx(750, abs=4)
    assert steps(1e-6, 1.0) == MOST_PASSES * 4
    assert steps(10.0, 1.0) == pytest.approx(ENOUGH_STEPS, abs=4), "a run that cannot learn is no help"


def test_the_clock_is_given_settings_that_can_be_timed():
    seen = []
    settle(auto(), DATA, lambda config: seen.append(config) or 0.01)
    assert [settled(config) for config in seen] == [True]


def test_a_dial_and_a_sweep_take_a_fixed_sigma():
    photos = look(3)
    dial = RunConfig(objective=ObjectiveConfig("multi_rate"))
    assert settle(dial, DATA, look=photos).objective.likelihood.name == "gaussian"
    assert settle(RunConfig(), DATA, look=photos).objective.likelihood.name == "gaussian_optimal"
    assert settle(RunConfig(), DATA, look=photos, fixed_sigma=True).objective.likelihood.name == "gaussian"


def test_a_likelihood_that_is_still_to_be_chosen_says_so():
    with pytest.raises(BadConfig, match="chosen by the images"):
        _ = RunConfig().objective.likelihood_entry


@pytest.mark.slow
def test_the_library_trains_what_it_is_given():
    config = dataclasses.replace(auto(), training=dataclasses.replace(auto().training, epochs=1))
    *_, last = train(config, DATA)
    assert last.reason == "completed"


# ---------------------------------------------------------------- words


def test_a_run_too_short_to_learn_is_said():
    assert too_short(ENOUGH_STEPS) == ""
    assert "10 steps in all are too few" in too_short(10)
    assert too_short(1).startswith("1 step in all")


def test_what_was_chosen_is_said_and_nothing_else():
    chosen = settle(RunConfig(), DATA, look=look(3))
    words = chosen_words(RunConfig(), chosen, 65)
    assert words == (
        "Gaussian likelihood, σ learned · D 10 · batches of 16 · images shifted a little · 200 epochs, 800 steps"
    )
    assert chosen_words(chosen, chosen, 65) == ""
    fixed = settle(RunConfig(), DATA, look=look(3), fixed_sigma=True)
    assert "Gaussian likelihood, σ 0.03" in chosen_words(RunConfig(), fixed, 65)
    mine = RunConfig(objective=ObjectiveConfig(likelihood="laplace"))
    assert "likelihood" not in chosen_words(mine, settle(mine, DATA, look=look(3)), 65)
