"""The GAN: losses as published, normalisation in and out of weights, one step, resume, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import onnxruntime
import pytest
import torch
from helpers import blob_set, config_of, frozen, of, parts_that_learn
from torch import nn

from vae_core.diagnosis import diagnose
from vae_core.errors import BadConfig, NoEncoder
from vae_core.events import (
    Checkpoint,
    Command,
    Controlled,
    Encoded,
    EpochDone,
    Failed,
    Finished,
    Snapshot,
    StepDone,
    Terms,
)
from vae_core.export.onnx import export_onnx
from vae_core.inference import load_run
from vae_core.models.gan import Gan, fold, normalised, unfold
from vae_core.models.layers import Up
from vae_core.models.networks import ARCHITECTURES, MlpParams
from vae_core.objectives.adversarial import (
    DISCRIMINATOR,
    GENERATOR,
    GanParams,
    discriminator_loss,
    generator_loss,
)
from vae_core.options import Choice
from vae_core.runs.control import check_request
from vae_core.runs.record import FINISHED
from vae_core.runs.worker import train_run
from vae_core.training import Loop, NoControl, resolve, train

DATA = blob_set()


def gan_config(params=None, **changes):
    return config_of(objective=Choice("gan", params or GanParams()), **changes)


def loop_of(config):
    return Loop(resolve(config, DATA), DATA, NoControl())


# ---------------------------------------------------------------- losses


def test_losses_are_those_published():
    real, made = torch.tensor([2.0, 0.5]), torch.tensor([-1.0, 3.0])

    def log_loss(outputs):
        return sum(math.log(1 + math.exp(-o)) for o in outputs) / len(outputs)

    plain = GanParams()
    assert float(generator_loss(made, plain)) == pytest.approx(log_loss([-1.0, 3.0]))
    assert float(discriminator_loss(real, made, plain)) == pytest.approx(
        log_loss([2.0, 0.5]) + log_loss([1.0, -3.0])
    )
    hinge = GanParams(game="hinge")
    assert float(generator_loss(made, hinge)) == -1.0
    assert float(discriminator_loss(real, made, hinge)) == pytest.approx((0 + 0.5) / 2 + (0 + 4) / 2)


def test_r1_is_half_gamma_times_the_squared_slope():
    """Of a linear discriminator the slope is its weights, whatever the images."""
    learner = loop_of(gan_config(GanParams(r1=3.0))).learner
    linear = nn.Linear(256, 1)
    learner.discriminator = nn.Sequential(nn.Flatten(), linear)
    images = torch.rand(5, 1, 16, 16)
    assert float(learner.penalty(images).detach()) == pytest.approx(
        1.5 * float(linear.weight.square().sum()), rel=1e-5
    )


# ---------------------------------------------------------------- normalisation, folded into weights


@pytest.fixture(params=["mlp", "conv"])  # the others normalise themselves
def decoder(request):
    torch.manual_seed(3)
    entry = ARCHITECTURES[request.param]
    return entry.decoder(entry.params(), (1, 16, 16), 3)


def test_a_folded_generator_computes_what_the_normalised_one_does(decoder):
    network, codes = normalised(decoder), torch.randn(64, 3)
    norms = [m for m in network.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    weighted = [m for m in decoder.modules() if isinstance(m, (nn.Linear, Up))]
    assert len(norms) == len(weighted) - 1
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.5, 2)
            norm.bias.normal_()
        wanted = network(codes)
        assert not torch.allclose(decoder(codes), wanted, atol=0.1)
        fold(network, decoder, codes)
        torch.testing.assert_close(decoder(codes), wanted, rtol=1e-4, atol=1e-4)
        assert torch.equal(network(codes), wanted), "it is left as it was"


def test_a_generator_that_is_taken_up_again_begins_as_it_was_shown(decoder):
    network, codes = normalised(decoder), torch.randn(64, 3)
    with torch.no_grad():
        unfold(decoder, network, codes)
        torch.testing.assert_close(network(codes), decoder(codes), rtol=1e-4, atol=1e-4)


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
@pytest.mark.parametrize("game", ["non_saturating", "hinge"])
def test_it_trains_and_tells_of_both_networks(architecture, game):
    events = list(train(gan_config(GanParams(game), architecture=architecture, epochs=2), DATA))
    assert isinstance(events[-1], Finished)
    for event in of(StepDone, events):
        values = event.terms.values
        assert event.terms.loss == event.terms.parts["generator"] == values["generator"]
        assert 0 < values["real_output"] < 1
        assert 0 < values["made_output"] < 1
        assert min(values["generator_norm"], values["discriminator_norm"]) > 0
        assert (event.terms.elbo, event.terms.kl_per_dim) == (None, ())
    assert of(Encoded, events) == []
    assert [e.best for e in of(EpochDone, events)] == [False, False], "no epoch is the best of a game"
    shot = of(Snapshot, events)[-1]
    assert (len(shot.reconstructions), len(shot.samples)) == (0, 16)
    first, last = of(Checkpoint, events)[0].last, of(Checkpoint, events)[-1].last
    assert {name.split(".")[0] for name in last} == {"decoder", "discriminator"}
    for name, was in first.items():
        if name.split(".")[-1] not in ("_u", "_v"):
            assert not torch.equal(was, last[name]), name


@pytest.mark.parametrize("game", ["non_saturating", "hinge"])
def test_an_interrupted_run_goes_on_bit_for_bit(game):
    config = gan_config(GanParams(game, noise=0.1, r1_every=2), epochs=3, checkpoint_every=5)
    whole = list(train(config, DATA))
    middle = of(Checkpoint, whole)[1]
    assert 0 < middle.step < 12
    rest = list(train(config, DATA, resume=middle.resume))[1:]
    assert [frozen(e) for e in rest] == [frozen(e) for e in whole[-len(rest) :]]


def test_what_is_shown_is_the_average_and_what_learns_goes_on_from_itself():
    loop = loop_of(gan_config(GanParams(average=0.9)))
    for _ in range(6):
        loop.learn()
    learner, codes = loop.learner, loop.learner.codes
    with torch.no_grad():
        shown = learner.decode(codes)
        torch.testing.assert_close(shown, learner.average(codes).sigmoid(), rtol=1e-4, atol=1e-4)
        assert not torch.allclose(shown, learner.live(codes).sigmoid(), atol=1e-3)


def test_a_step_and_a_validation_of_the_same_images_tell_the_same():
    loop = loop_of(gan_config(GanParams(r1_every=1)))
    for _ in range(3):
        loop.learn()
    moments, index = loop.moments(loop.step), loop.next_index()

    def batch():
        return loop.feed.batch(index, torch.Generator().manual_seed(4))

    evaluated, _ = loop.learner.evaluate(batch(), *moments, 0)
    learned = loop.learner.step(batch(), *moments, 0.0)  # a rate of 0 leaves the weights as they are
    torch.testing.assert_close(learned, evaluated, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("part", [GENERATOR, DISCRIMINATOR])
def test_one_part_can_learn_alone(part):
    assert parts_that_learn(loop_of(gan_config()), part) == [part == GENERATOR, part == DISCRIMINATOR]


def test_a_run_folder_is_written_and_its_codes_are_decoded(store, places):
    run = store.create(gan_config(architecture=Choice("mlp", MlpParams((16,)))))
    assert train_run(run, places).state == FINISHED
    model = load_run(run)
    images = model.decode(np.zeros((2, model.latent_dim), np.float32))
    assert images.shape == (2, 1, 16, 16)
    assert 0 <= images.min() <= images.max() <= 1
    with pytest.raises(NoEncoder, match="a GAN has no encoder"):
        model.encode(DATA.images[:2])
    with pytest.raises(NoEncoder, match="a GAN has no encoder"):
        model.terms(DATA.images[:2])
    files = export_onnx(model, places.home / "gan.onnx")
    assert [file.name for file in files] == ["gan-decoder.onnx"]
    session = onnxruntime.InferenceSession(files[0])
    (drawn,) = session.run(None, {"codes": np.zeros((2, model.latent_dim), np.float32)})
    np.testing.assert_allclose(drawn, images, atol=1e-5)


# ---------------------------------------------------------------- what it refuses, and how it ends


def test_a_batch_of_one_is_refused():
    with pytest.raises(BadConfig, match="batch_size: a GAN normalises over the images of a step"):
        loop_of(gan_config(batch_size=1))


def test_a_number_that_is_none_ends_the_run_with_a_remedy_for_a_game():
    loop = loop_of(gan_config(epochs=2))
    with torch.no_grad():
        loop.learner.judged_by[-1].fill_(math.inf)
    failed = next(e for e in loop.run(resumed=True) if isinstance(e, Failed))
    assert "R1 weight" in failed.reason
    assert "is not a finite number at step" in failed.reason
    assert "β" not in failed.reason


def test_its_defaults_are_its_own():
    config = resolve(gan_config(learning_rate=0.0, rate_schedule="auto", batch_size=0), DATA)
    training = config.training
    assert (training.learning_rate, training.rate_schedule, training.batch_size) == (1e-3, "late_fall", 64)
    assert isinstance(loop_of(gan_config()).learner.model, Gan)


# ---------------------------------------------------------------- by hand, and what the curves warn of


class Hand(NoControl):
    """Asks for one thing at the first look, then waits; a second look stops."""

    def __init__(self, *names):
        self.waiting = [[Command(i + 1, name)] for i, name in enumerate(names)]

    def poll(self):
        return self.waiting.pop(0) if self.waiting else []

    def wait(self):
        self.waiting = self.waiting or [[Command(9, "stop")]]


@pytest.mark.parametrize("part", [GENERATOR, DISCRIMINATOR])
def test_a_step_of_one_part_is_taken_by_hand_and_pauses(part):
    config = resolve(gan_config(epochs=5), DATA)
    loop = Loop(config, DATA, Hand(f"step-{part}"))
    before = [w.clone() for w in loop.learner.made_by], [w.clone() for w in loop.learner.judged_by]
    events = list(loop.run(resumed=False))
    assert [e.command for e in of(Controlled, events)] == [f"step-{part}", "pause", "stop"]
    assert events[-1].step == 1
    moved = [any(not torch.equal(a, b) for a, b in zip(old, new, strict=True))
             for old, new in zip(before, (loop.learner.made_by, loop.learner.judged_by), strict=True)]  # fmt: skip
    assert moved == [part == GENERATOR, part == DISCRIMINATOR]
    assert loop.learner.only is None


def test_a_part_that_is_not_there_is_refused():
    check_request("step-generator", None, gan_config())
    with pytest.raises(BadConfig, match="has generator and discriminator; ask for a step of what it has"):
        check_request("step-judge", None, gan_config())
    with pytest.raises(BadConfig, match="VAE learns as a whole"):
        check_request("step-generator", None, config_of())


def epochs_of(*rows):
    found = []
    for i, (real, made, spread) in enumerate(rows):
        values = {"generator": 1.0, "real_output": real, "made_output": made, "spread": spread}
        terms = Terms(loss=1.0, objective=1.0, values=values, parts={"generator": 1.0}, kl_per_dim=())
        found.append(EpochDone(100 * (i + 1), i + 1, terms, terms, None, False, 1.0))
    return found


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        ([(0.55, 0.45, 0.25)] * 8, []),
        ([(0.6, 0.4, 0.25)] * 4 + [(0.6, 0.4, 0.05)] * 3, ["collapse"]),
        ([(0.6, 0.4, 0.25)] * 4 + [(0.6, 0.4, 0.05)] * 2, []),
        ([(0.99, 0.01, 0.25)] * 3, ["won"]),
        ([(0.99, 0.4, 0.25)] * 3, []),
        ([(0.5, 0.1, 0.25), (0.5, 0.9, 0.25)] * 3, ["oscillation"]),
    ],
)
def test_what_the_curves_of_a_game_warn_of(rows, kinds):
    found = diagnose(epochs_of(*rows), gan_config(epochs=20), {"shape": [1, 16, 16], "spread": 0.25})
    assert [advice.kind for advice in found] == kinds
    assert all(advice.remedy for advice in found)
