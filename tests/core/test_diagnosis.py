"""Warnings on planted curves: each cause is named with its remedy, and healthy runs are left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from vae_core.config import (
    ENOUGH_STEPS,
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
)
from vae_core.diagnosis import diagnose, noise_of
from vae_core.events import Controlled, EpochDone, Failed, Started, StepDone, Terms
from vae_core.objectives.likelihoods import GaussianParams, LaplaceParams
from vae_core.objectives.losses import BetaParams
from vae_core.objectives.schedules import WarmupParams
from vae_core.options import Choice

COLOUR = {"shape": [3, 64, 64], "spread": 0.2}
CONV, MLP = ModelConfig("conv", 10), ModelConfig("mlp", 10)


def terms(loss, rate):
    return Terms(loss, loss, {"distortion": loss - rate, "rate": rate})


def epochs(train, validation, rates=None, active=5, steps=1000):
    """A run whose epochs ended like that; `steps` in all."""
    rates = rates or [10.0] * len(train)
    each = steps // len(train)
    return [
        EpochDone(
            step=each * (i + 1), epoch=i + 1, train=terms(t, r), validation=terms(v, r),
            active_units=active if r > 0.1 else 0, best=False,
        )
        for i, (t, v, r) in enumerate(zip(train, validation, rates, strict=True))
    ]  # fmt: skip


def started(steps, per_epoch, images=1000):
    return Started(0, steps, per_epoch, steps // per_epoch, 1, images, 50, 32, 1, 100)


def kinds(events, config=RunConfig(model=CONV), data=None):  # noqa: B008
    return [advice.kind for advice in diagnose(events, config, data)]


EMPTY = epochs([200, 199, 199], [201, 200, 200], rates=[1.0, 0.05, 0.01])


def collapse(events=EMPTY, config=RunConfig(model=CONV), data=None):  # noqa: B008
    """The one piece of advice on a run whose code is empty."""
    found = diagnose(events, config, data)
    assert [a.kind for a in found] == ["collapse"]
    assert "0 of 10 dimensions are active" in found[0].fault
    return found[0]


def test_a_healthy_run_is_left_in_peace():
    assert kinds(epochs([120, 110, 105, 103, 102], [121, 112, 107, 106, 105.5])) == []
    assert kinds([]) == []


# ---------------------------------------------------------------- divergence, by its size and by the curve's noise


@pytest.mark.parametrize("data", [None, {"shape": [1, 28, 28]}, COLOUR])
@pytest.mark.parametrize("losses", [[600, 100, 250, 300], [500, -3000, -100]])
def test_a_loss_that_climbs_diverges_wherever_its_zero_lies(losses, data):
    for shift in (0, -300, 5000, -20_000):
        moved = [loss + shift for loss in losses]
        assert kinds(epochs(moved, moved), data=data) == ["divergence"]


@pytest.mark.parametrize("data", [None, {"shape": [1, 16, 16]}, COLOUR])
@pytest.mark.parametrize("shift", [0, -300, 5000])
def test_a_loss_that_swings_by_a_few_nats_does_not(shift, data):
    swings = [loss + shift for loss in (10, 5, -1, 1, 11)]
    assert kinds(epochs(swings, swings), data=data) == []


def test_the_swings_of_a_density_are_measured_by_what_it_fell():
    # 12,288 pixel values; it fell by 12,000 nats and one epoch lies 900 above the best
    losses = [4000, -3000, -7000, -8000, -7100]
    assert kinds(epochs(losses, losses), data=COLOUR) == []


def test_divergence_is_named_when_the_loss_breaks():
    assert kinds(epochs([120, 110, 300], [120, 110, 300])) == ["divergence"]
    broken = [*epochs([120], [121]), Failed(15, 1, "the distortion is not a finite number at step 15")]
    found = diagnose(broken, RunConfig())
    assert [a.kind for a in found] == ["divergence"]
    assert "step 15" in found[0].fault
    assert "learning rate" in found[0].remedy


def test_a_loss_that_rises_with_a_beta_set_by_hand_is_no_fault_of_the_learning_rate():
    events = epochs([120, 110, 300], [120, 110, 300])
    steps = [
        StepDone(e.step, e.epoch, e.train, 1e-3, {"beta": b}) for e, b in zip(events, (1, 1, 50), strict=True)
    ]
    found = diagnose([*events, *steps, Controlled(400, 1, "beta", 50.0)], RunConfig(model=CONV))
    assert [a.kind for a in found] == ["divergence"]
    assert "β was set to 50 by hand" in found[0].fault
    assert "learning rate" not in found[0].remedy


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_epochs_are_too_few_to_judge(count):
    assert kinds(epochs([100, 500][:count], [100, 500][:count])) == []


def test_the_noise_of_a_curve_is_that_of_the_noise_in_it():
    rng = np.random.default_rng(0)
    line = np.linspace(500, -300, 2000)
    assert noise_of(line + rng.normal(0, 3.0, 2000)) == pytest.approx(3.0, rel=0.1)
    assert noise_of(line) == pytest.approx(0.0, abs=1e-9)


# ---------------------------------------------------------------- collapse, by cause


def test_collapse_is_named_with_a_remedy_for_the_objective():
    for objective, word in (("vae", "warm up"), ("capacity", "capacity"), ("beta_vae", "Lower β")):
        assert word in collapse(config=RunConfig(model=CONV, objective=ObjectiveConfig(objective))).remedy


def test_a_conv_run_is_never_sent_to_the_conv_model():
    assert "conv" not in collapse().remedy
    assert "conv model" in collapse(config=RunConfig(model=MLP)).remedy


def test_an_autoencoder_cannot_collapse():
    events = epochs([200, 199, 199], [201, 200, 200], rates=[0.0, 0.0, 0.0])
    assert kinds(events, RunConfig(model=CONV, objective=ObjectiveConfig("autoencoder"))) == []


def test_too_few_steps_are_named_with_the_epochs_that_are_missing():
    short = epochs([200, 199, 199], [201, 200, 200], rates=[1.0, 0.05, 0.01], steps=9)
    found = collapse([started(9, 3), *short])
    assert "9 steps" in found.fault
    assert f"{(ENOUGH_STEPS - 9 + 2) // 3:,} epochs" in found.remedy


def test_a_run_that_has_only_begun_is_left_in_peace():
    begun = epochs([200, 199, 199], [201, 200, 200], rates=[1.0, 0.05, 0.01], steps=9)
    assert kinds([started(3000, 3), *begun]) == []


def test_a_beta_set_by_hand_is_named():
    config = RunConfig(model=CONV, objective=ObjectiveConfig(Choice("beta_vae", BetaParams(4.0))))
    found = collapse([*EMPTY, Controlled(400, 1, "beta", 40.0)], config)
    assert "β was set to 40 by hand" in found.fault
    assert found.remedy == "Set β back to 4."
    lower = collapse([*EMPTY, Controlled(400, 1, "beta", 0.5)], config)
    assert "by hand" not in lower.fault


def test_a_schedule_under_which_dimensions_went_is_named():
    config = RunConfig(
        model=CONV,
        objective=ObjectiveConfig(
            Choice("beta_vae", BetaParams(20.0)), schedule=Choice("warmup", WarmupParams(0.9))
        ),
    )
    events = epochs([200, 199, 199], [201, 200, 200], rates=[8.0, 5.0, 0.01])
    steps = [
        StepDone(e.step, e.epoch, e.train, 1e-3, {"beta": b})
        for e, b in zip(events, (4, 11, 20), strict=True)
    ]
    found = collapse([*events, *steps], config)
    assert "5 were active in epoch 2, at β 11" in found.fault
    assert "raised it to 20" in found.fault


@pytest.mark.parametrize(("rate", "word"), [(0.1, "units die"), (1e-5, "little has been learned")])
def test_a_learning_rate_beyond_use_is_named(rate, word):
    config = RunConfig(model=CONV, training=TrainingConfig(learning_rate=rate))
    assert word in collapse(config=config).fault
    live = [*EMPTY, Controlled(1, 1, "learning_rate", 10.0)]
    assert "reaches 0.04" in collapse(live).fault


def test_a_sigma_larger_than_the_images_differ_is_named():
    objective = ObjectiveConfig(likelihood=Choice("gaussian", GaussianParams(0.5)))
    found = collapse(config=RunConfig(model=CONV, objective=objective), data=COLOUR)
    assert "σ is fixed at 0.5" in found.fault
    assert "0.07" in found.remedy
    fine = ObjectiveConfig(likelihood=Choice("gaussian", GaussianParams(0.1)))
    assert "σ" not in collapse(config=RunConfig(model=CONV, objective=fine), data=COLOUR).fault


def test_images_that_are_all_the_same_are_named():
    found = collapse(data={"shape": [1, 64, 64], "spread": 0.001})
    assert "all but the same" in found.fault
    assert "Check the images" in found.remedy


# ---------------------------------------------------------------- σ too small


@pytest.mark.parametrize(
    ("likelihood", "nats"),
    [
        # an error of 0.12 in each of 12,288 pixel values, which both count as distortion
        (
            Choice("gaussian", GaussianParams(0.02)),
            0.12**2 / (2 * 0.02**2) + 0.5 * np.log(2 * np.pi * 0.02**2),
        ),
        (Choice("laplace", LaplaceParams(0.02)), 0.12 / 0.02 + np.log(2 * 0.02)),
    ],
)
def test_a_sigma_that_denies_the_errors_is_named_with_their_size(likelihood, nats):
    loss = 12_288 * float(nats) + 10
    events = epochs([loss] * 3, [loss] * 3)
    found = diagnose(events, RunConfig(model=CONV, objective=ObjectiveConfig(likelihood=likelihood)), COLOUR)
    assert [a.kind for a in found] == ["sigma"]
    assert "fixed at 0.02, and pictures are off by 0.12" in found[0].fault
    assert "0.1" in found[0].remedy


def test_a_sigma_that_fits_the_errors_is_left_in_peace():
    loss = 12_288 * (0.5 + 0.5 * np.log(2 * np.pi * 0.1**2)) + 10
    objective = ObjectiveConfig(likelihood=Choice("gaussian", GaussianParams(0.1)))
    assert kinds(epochs([loss] * 3, [loss] * 3), RunConfig(model=CONV, objective=objective), COLOUR) == []


# ---------------------------------------------------------------- overfitting

FALLING = [120, 110, 100, 95, 90, 85]


def test_overfitting_needs_patience_a_real_rise_and_falling_training():
    assert kinds(epochs(FALLING, [121, 112, 108, 110, 112, 115])) == ["overfitting"]
    found = diagnose(epochs(FALLING, [121, 112, 108, 110, 112, 115]), RunConfig(model=CONV))
    assert "epoch 3" in found[0].fault
    assert kinds(epochs(FALLING, [121, 112, 108, 108.2, 108.1, 108.3])) == []
    assert kinds(epochs(FALLING[:5], [121, 112, 108, 110, 112])) == []  # not long enough
    assert kinds(epochs([120, 110, 100, 101, 102, 103], [121, 112, 108, 110, 112, 115])) == []


@pytest.mark.parametrize("data", [None, COLOUR])
def test_a_density_that_rises_by_forty_nats_overfits(data):
    validation = [-4000, -4800, -5000, -4990, -4975, -4960]
    assert kinds(epochs([-40 * f for f in range(60, 120, 10)], validation), data=data) == ["overfitting"]


@pytest.mark.parametrize("best", [2.0, 108.0, -5000.0])
def test_a_rise_of_a_fifth_of_a_nat_is_nothing(best):
    validation = [best + rise for rise in (20, 8, 0, 0.1, 0.15, 0.2)]
    assert kinds(epochs(FALLING, validation), data={"shape": [1, 16, 16]}) == []


def test_a_wander_that_is_small_beside_the_fall_or_young_beside_the_plan_is_nothing():
    # as measured on tiles of photographs: 190 of 11,700 nats, lost and found again at a high learning rate
    falling = [4550, -6041, -7561, -8758, -9316, -9831, -10315]
    wander = [3317, -6025, -6434, -8415, -8330, -8224, -8225]
    assert kinds(epochs(falling, wander), data=COLOUR) == []
    lost = [3317, -6025, -6434, -8415, -7900, -7500, -7300]
    assert kinds(epochs(falling, lost), data=COLOUR) == ["overfitting"]
    assert kinds([started(900, 3), *epochs(falling, lost)], data=COLOUR) == [], "3 of 300 epochs are a moment"


def test_a_rise_within_the_curves_own_noise_is_nothing():
    rng = np.random.default_rng(1)
    noisy = np.concatenate(([300, 200, 100], 100 + rng.normal(6, 4, 40)))
    assert kinds(epochs(list(np.linspace(300, 50, 43)), list(noisy))) == []


def test_few_images_are_named_as_the_cause():
    events = epochs(FALLING, [121, 112, 108, 110, 112, 115])
    few = diagnose([started(30, 3, images=51), *events], RunConfig(model=CONV))[0]
    assert "51 images are few" in few.fault
    assert "augmentation" in few.remedy
    many = diagnose([started(30, 3, images=5000), *events], RunConfig(model=CONV))[0]
    assert "few" not in many.fault


def test_a_schedule_that_still_moves_is_no_overfitting():
    schedule = ObjectiveConfig(
        Choice("beta_vae", BetaParams(4.0)), schedule=Choice("warmup", WarmupParams(0.9))
    )
    config = RunConfig(DataConfig(), CONV, schedule, TrainingConfig(epochs=10))
    assert kinds(epochs(FALLING, [121, 112, 108, 110, 112, 115]), config) == []
