"""Runs trained as one model against the same runs trained apart."""

import numpy as np
import pytest
import torch
from helpers import Script, blob_set, config_of, of
from torch import nn

from vae_core.errors import BadConfig
from vae_core.events import (
    Checkpoint,
    Controlled,
    Encoded,
    EpochDone,
    Failed,
    Finished,
    Resumed,
    Snapshot,
    StepDone,
)
from vae_core.models.networks import ConvParams, MlpParams, ResnetParams
from vae_core.objectives.likelihoods import GaussianParams
from vae_core.objectives.losses import BetaParams, CapacityParams
from vae_core.objectives.schedules import WarmupParams
from vae_core.options import Choice
from vae_core.sweep import with_beta, with_seed
from vae_core.training import NoControl, resolve, train
from vae_core.training.loop import Loop
from vae_core.training.stacked import Stack, _layers, train_stacked, why_apart

BETAS = (0.3, 1.0, 8.0)
MLP = Choice("mlp", MlpParams((24, 12)))
CONV = Choice("conv", ConvParams(8, 16))
RESNET = Choice("resnet", ResnetParams(8, 16))


def configs(betas=BETAS, **changes):
    return [with_beta(config_of(**{"log_every": 1, **changes}), beta) for beta in betas]


def trainers(some, data):
    return [Loop(resolve(config, data), data, NoControl()) for config in some]


def split(pairs, count):
    """(number, event) -> events by run."""
    found = [[] for _ in range(count)]
    for number, event in pairs:
        found[number].append(event)
    return found


# ---------------------------------------------------------------- the same numbers


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": MLP},
        {"architecture": CONV},
        {"architecture": CONV, "channels": 3, "side": 32},
        {"architecture": RESNET, "channels": 3, "side": 32},
        {
            "architecture": MLP,
            "likelihood": "gaussian_optimal",
            "schedule": Choice("warmup", WarmupParams(0.5)),
        },
        {"architecture": MLP, "likelihood": Choice("gaussian", GaussianParams(0.3)), "free_bits": 0.2},
        {"architecture": MLP, "objective": Choice("beta_tcvae", BetaParams(1.0)), "likelihood": "laplace"},
    ],
    ids=lambda changes: "-".join(str(getattr(v, "name", v)) for v in changes.values()),
)
def test_the_first_twenty_steps_are_those_of_separate_runs(changes):
    shape = {"channels": changes.pop("channels", 1), "side": changes.pop("side", 16)}
    data = blob_set(count=240, **shape)
    apart = trainers(configs(epochs=3, **changes), data)
    together = trainers(configs(epochs=3, **changes), data)
    stack = Stack(together)
    for step in range(20):
        for t in apart:
            t.learn()
        stack.learn()
        for a, b in zip(apart, together, strict=True):
            assert torch.allclose(a.window, b.window, rtol=1e-4, atol=1e-4), f"step {step}"
    for a, b in zip(apart, together, strict=True):
        assert a.step == b.step == 20
        for p, q in zip(a.learner.parameters, b.learner.parameters, strict=True):
            assert torch.allclose(p, q, atol=1e-4)
        assert a.generator.get_state().equal(b.generator.get_state())
    # and they did learn, each its own
    assert not torch.allclose(
        together[0].learner.parameters[0], together[-1].learner.parameters[0], atol=1e-3
    )


def test_a_capacity_is_stacked_too():
    data = blob_set()
    some = [
        config_of(log_every=1, objective=Choice("capacity", CapacityParams(capacity=5.0, gamma=g)))
        for g in (1.0, 30.0)
    ]
    stacked = split(train_stacked(some, data), 2)
    for config, events in zip(some, stacked, strict=True):
        a, b = of(EpochDone, list(train(config, data)))[-1], of(EpochDone, events)[-1]
        assert b.validation.objective == pytest.approx(a.validation.objective, rel=1e-4)


def test_the_events_are_those_of_separate_runs():
    data = blob_set()
    some = configs(epochs=3)
    stacked = split(train_stacked(some, data), len(some))
    for config, events in zip(some, stacked, strict=True):
        alone = list(train(config, data))
        assert [(type(e), e.step) for e in events] == [(type(e), e.step) for e in alone]
        for a, b in zip(of(StepDone, alone), of(StepDone, events), strict=True):
            assert (b.coefficients, b.learning_rate, b.epoch) == (a.coefficients, a.learning_rate, a.epoch)
            assert b.terms.loss == pytest.approx(a.terms.loss, rel=1e-4)
        for a, b in zip(of(Snapshot, alone), of(Snapshot, events), strict=True):
            assert np.array_equal(a.originals, b.originals)
            assert np.abs(a.samples.astype(int) - b.samples).max() <= 2
        for a, b in zip(of(Encoded, alone), of(Encoded, events), strict=True):
            assert np.allclose(a.codes.astype(float), b.codes.astype(float), atol=0.02)
        assert isinstance(events[-1], Finished)


@pytest.mark.slow
def test_the_final_objective_lies_within_the_spread_of_seeds():
    data = blob_set(count=200)
    some = configs(betas=(0.5, 4.0), epochs=12, log_every=5)
    stacked = split(train_stacked(some, data), 2)
    for config, events in zip(some, stacked, strict=True):
        finals = [
            of(EpochDone, list(train(with_seed(config, seed), data)))[-1].validation.objective
            for seed in (0, 1, 2)
        ]
        final = of(EpochDone, events)[-1].validation.objective
        assert abs(final - finals[0]) < max(finals) - min(finals)


# ---------------------------------------------------------------- requests


def listening(scripts, some, data):
    events = []
    for number, event in train_stacked(some, data, scripts):
        scripts[number].see(event)
        events.append((number, event))
    return split(events, len(some))


def test_one_that_is_stopped_leaves_and_the_others_go_on_as_if_alone():
    data = blob_set()
    some = configs(epochs=3)
    scripts = [Script({}), Script({4: ["stop"]}), Script({})]
    found = listening(scripts, some, data)
    assert (found[1][-1].step, found[1][-1].reason) == (4, "stopped")
    assert isinstance(found[1][-2], Checkpoint)
    for k in (0, 2):
        alone = list(train(some[k], data))
        assert found[k][-1].reason == "completed"
        last, right = of(StepDone, found[k])[-1], of(StepDone, alone)[-1]
        assert (last.step, last.terms.loss) == (right.step, pytest.approx(right.terms.loss, rel=1e-4))


def test_beta_and_learning_rate_change_for_one_alone():
    data = blob_set()
    some = configs(epochs=4, checkpoint_every=1000)
    asked = {3: [("beta", 20.0)], 6: [("learning_rate", 0.25)]}
    found = listening([Script({}), Script(dict(asked)), Script({})], some, data)
    for k, config in enumerate(some):
        script = Script(dict(asked) if k == 1 else {})
        alone = [script.see(e) for e in train(config, data, script)]
        for a, b in zip(of(StepDone, alone), of(StepDone, found[k]), strict=True):
            assert (b.coefficients, b.learning_rate) == (a.coefficients, a.learning_rate)
            assert b.terms.loss == pytest.approx(a.terms.loss, rel=1e-3)
        a, b = of(Checkpoint, alone)[-1], of(Checkpoint, found[k])[-1]
        assert b.resume["adam/step/0"] == a.resume["adam/step/0"]
    assert of(StepDone, found[1])[-1].coefficients == {"beta": 20.0}
    assert of(StepDone, found[0])[-1].coefficients == {"beta": 0.3}


def test_a_pause_holds_all_until_it_is_lifted():
    data = blob_set()
    some = configs(betas=(1.0, 2.0), epochs=2)
    scripts = [Script({3: ["pause"]}, [["resume"]]), Script({})]
    found = listening(scripts, some, data)
    assert [c.command for c in of(Controlled, found[0])] == ["pause", "resume"]
    assert [events[-1].reason for events in found] == ["completed", "completed"]


def test_one_that_breaks_does_not_spoil_the_others():
    data = blob_set()
    some = configs(epochs=3)
    found = listening([Script({}), Script({2: [("learning_rate", 1e30)]}), Script({})], some, data)
    assert isinstance(found[1][-1], Failed)
    for k in (0, 2):
        right = of(StepDone, list(train(some[k], data)))[-1].terms.loss
        assert of(StepDone, found[k])[-1].terms.loss == pytest.approx(right, rel=1e-3)


# ---------------------------------------------------------------- checkpoints


def checkpoint_at(events, step):
    return next(e for e in of(Checkpoint, events) if e.step == step).resume


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [MLP, CONV], ids=["mlp", "conv"])
def test_a_checkpoint_of_a_stack_goes_on_alone_and_one_from_alone_in_a_stack(architecture):
    data = blob_set()
    some = configs(epochs=3, architecture=architecture, checkpoint_every=3)
    stacked = split(train_stacked(some, data), 3)
    apart = [list(train(config, data)) for config in some]
    resumes = [checkpoint_at(events, 6) for events in apart]
    again = split(train_stacked(some, data, resumes=resumes), 3)
    for k, config in enumerate(some):
        alone = list(train(config, data, resume=checkpoint_at(stacked[k], 6)))
        right = of(EpochDone, apart[k])[-1].validation.objective
        for events in (alone, again[k], stacked[k]):
            assert of(EpochDone, events)[-1].validation.objective == pytest.approx(right, rel=1e-3)
        assert isinstance(again[k][0], Resumed)
        last = of(Checkpoint, again[k])[-1].last
        assert {n: (t.shape, t.is_contiguous()) for n, t in last.items()} == {
            n: (t.shape, True) for n, t in of(Checkpoint, apart[k])[-1].last.items()
        }


def test_runs_that_stand_at_several_steps_are_no_stack():
    data = blob_set()
    some = configs(betas=(1.0, 2.0), epochs=3, checkpoint_every=3)
    events = list(train(some[0], data))
    with pytest.raises(BadConfig, match="several"):
        list(train_stacked(some, data, resumes=[checkpoint_at(events, 3), checkpoint_at(events, 6)]))


# ---------------------------------------------------------------- what can be stacked


def test_only_beta_may_differ():
    one, other, _ = configs()
    assert why_apart([one, other]) == ""
    assert "two runs" in why_apart([one])
    assert "more than β" in why_apart([one, with_seed(other, 1)])
    assert "more than β" in why_apart([one, with_beta(config_of(latent_dim=2), 2)])
    plain = config_of(objective="autoencoder")
    assert "objective" in why_apart([plain, plain])
    assert "objective" in why_apart([one, config_of(objective="beta_tcvae")])
    with pytest.raises(BadConfig, match="more than β"):
        list(train_stacked([one, with_seed(other, 1)], blob_set()))


def test_an_unknown_layer_is_refused():
    for network in (nn.Sequential(nn.Flatten(), nn.Tanh()), nn.Linear(3, 3)):
        with pytest.raises(BadConfig, match="cannot be stacked"):
            _layers(network, {}, 2, shared=True)


def test_mapped_terms_are_the_same(monkeypatch):
    """What a GPU would take: the terms of all runs by one mapped function."""
    data = blob_set()
    some = trainers(configs(), data)
    stack = Stack(some)
    x = some[0].feed.floats(torch.from_numpy(some[0].splits.train[:16]))
    states = [t.generator.get_state() for t in some]
    loss, rows = stack.losses(x)
    for t, state in zip(some, states, strict=True):
        t.generator.set_state(state)
    monkeypatch.setattr("vae_core.training.stacked.MAPPED", ("cpu",))
    mapped, mapped_rows = stack.losses(x)
    assert torch.allclose(loss, mapped, rtol=1e-6)
    assert torch.allclose(rows, mapped_rows, rtol=1e-5, atol=1e-6)
