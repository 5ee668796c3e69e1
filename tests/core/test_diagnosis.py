"""Warnings on planted curves: each fault is named with its remedy, and healthy runs are left in peace."""

from __future__ import annotations

import pytest

from vae_core.config import ObjectiveConfig, RunConfig
from vae_core.diagnosis import diagnose
from vae_core.events import EpochDone, Failed, Terms
from vae_core.objectives.losses import BetaParams
from vae_core.objectives.schedules import WarmupParams
from vae_core.options import Choice


def terms(loss, rate):
    return Terms(loss, loss, {"distortion": loss - rate, "rate": rate})


def epochs(train, validation, rates=None, active=5):
    rates = rates or [10.0] * len(train)
    return [
        EpochDone(
            step=10 * (i + 1), epoch=i + 1, train=terms(t, r), validation=terms(v, r),
            active_units=active if r > 0.1 else 0, best=False,
        )
        for i, (t, v, r) in enumerate(zip(train, validation, rates, strict=True))
    ]  # fmt: skip


def kinds(events, config=RunConfig()):  # noqa: B008
    return [advice.kind for advice in diagnose(events, config)]


def test_a_healthy_run_is_left_in_peace():
    assert kinds(epochs([120, 110, 105, 103, 102], [121, 112, 107, 106, 105.5])) == []
    assert kinds([]) == []


def test_collapse_is_named_with_a_remedy_for_the_objective():
    events = epochs([200, 199, 199], [201, 200, 200], rates=[1.0, 0.05, 0.01])
    for objective, word in (("vae", "warm up"), ("capacity", "capacity"), ("beta_vae", "Lower β")):
        found = diagnose(events, RunConfig(objective=ObjectiveConfig(objective)))
        assert [a.kind for a in found] == ["collapse"]
        assert word in found[0].remedy
        assert "0 of 10 dimensions are active" in found[0].fault


def test_an_autoencoder_cannot_collapse():
    events = epochs([200, 199, 199], [201, 200, 200], rates=[0.0, 0.0, 0.0])
    assert kinds(events, RunConfig(objective=ObjectiveConfig("autoencoder"))) == []


def test_overfitting_needs_patience_a_real_rise_and_falling_training():
    falling = [120, 110, 100, 95, 90, 85]
    assert kinds(epochs(falling, [121, 112, 108, 110, 112, 115])) == ["overfitting"]
    assert "epoch 3" in diagnose(epochs(falling, [121, 112, 108, 110, 112, 115]), RunConfig())[0].fault
    assert kinds(epochs(falling, [121, 112, 108, 108.2, 108.1, 108.3])) == []  # within a hundredth
    assert kinds(epochs(falling[:5], [121, 112, 108, 110, 112])) == []  # not long enough
    assert kinds(epochs([120, 110, 100, 101, 102, 103], [121, 112, 108, 110, 112, 115])) == []


def test_a_schedule_that_still_moves_is_no_overfitting():
    schedule = ObjectiveConfig(
        Choice("beta_vae", BetaParams(4.0)), schedule=Choice("warmup", WarmupParams(0.9))
    )
    events = epochs([120, 110, 100, 95, 90, 85], [121, 112, 108, 110, 112, 115])
    assert kinds(events, RunConfig(objective=schedule)) == []


def test_divergence_is_named_when_the_loss_climbs_or_breaks():
    assert kinds(epochs([120, 110, 300], [120, 110, 300])) == ["divergence"]
    broken = [*epochs([120], [121]), Failed(15, 1, "the distortion is not a finite number at step 15")]
    found = diagnose(broken, RunConfig())
    assert [a.kind for a in found] == ["divergence"]
    assert "step 15" in found[0].fault
    assert "learning rate" in found[0].remedy


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_epochs_are_too_few_to_judge(count):
    assert kinds(epochs([100, 500][:count], [100, 500][:count])) == []
