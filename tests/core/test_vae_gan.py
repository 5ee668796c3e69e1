"""The VAE-GAN: a finished VAE's decoder learns on against a discriminator, its encoder stays, and what is stored is a VAE."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnxruntime
import pytest
import torch
from helpers import blob_set, config_of, frozen, of, parts_that_learn, to_go_on_from
from torch import nn

from vae_core.diagnosis import diagnose
from vae_core.errors import BadConfig
from vae_core.evaluation.likelihood import evaluate, importance_bound
from vae_core.evaluation.metrics.sharpness import laplacian_variance
from vae_core.events import Checkpoint, EpochDone, Finished, Snapshot, StepDone
from vae_core.export.browser import browser_decoder
from vae_core.export.onnx import export_onnx
from vae_core.inference import load_run
from vae_core.models.gan import discriminator_like, inner_layer
from vae_core.models.networks import ARCHITECTURES, MlpParams, build
from vae_core.objectives.adversarial import DISCRIMINATOR, GENERATOR
from vae_core.objectives.sharpening import VaeGanParams
from vae_core.options import Choice
from vae_core.runs.record import FINISHED
from vae_core.runs.sharpen import sharpened, why_not
from vae_core.runs.worker import train_run
from vae_core.training import Loop, NoControl, resolve, train
from vae_core.training.sharpening import detail

DATA = blob_set()


def sharp(params=None, **changes):
    return config_of(objective=Choice("vae_gan", params or VaeGanParams()), **changes)


def run(config, data=DATA, **kwargs):
    kwargs.setdefault("initial", to_go_on_from(config, data.shape))
    return list(train(config, data, **kwargs))


def loop_of(config):
    loop = Loop(resolve(config, DATA), DATA, NoControl())
    loop.start_from(to_go_on_from(config))
    loop.learner.prepare(loop.feed)
    return loop


# ---------------------------------------------------------------- what stays, what learns, what is stored


@pytest.mark.parametrize("architecture", list(ARCHITECTURES))
@pytest.mark.parametrize("game", ["non_saturating", "hinge"])
def test_the_encoder_stays_to_the_bit_and_the_decoder_learns(architecture, game):
    config = sharp(VaeGanParams(game=game), architecture=architecture)
    begin = to_go_on_from(config)
    events = run(config, initial=begin)
    assert isinstance(events[-1], Finished)
    last = of(Checkpoint, events)[-1].last
    assert last.keys() == begin.keys(), "a VAE's weights and no discriminator"
    for name, was in begin.items():
        assert torch.equal(was, last[name]) is not name.startswith("decoder."), name
    for event in of(StepDone, events):
        values = event.terms.values
        assert 0 < values["real_output"] < 1
        assert min(values["generator_norm"], values["discriminator_norm"]) > 0
        assert (event.terms.elbo, event.terms.distortion) == (None, None), "no likelihood is claimed"
    done = of(EpochDone, events)
    assert [e.best for e in done] == [False, False]
    assert done[0].validation.rate == done[1].validation.rate, "codes are what they were"
    shot = of(Snapshot, events)[-1]
    assert (len(shot.reconstructions), len(shot.samples)) == (8, 16)


def test_an_interrupted_run_goes_on_bit_for_bit():
    config = sharp(VaeGanParams(noise=0.1, r1_every=2), epochs=3, checkpoint_every=5)
    whole = run(config)
    middle = of(Checkpoint, whole)[1]
    assert 0 < middle.step < 12
    rest = run(config, initial=None, resume=middle.resume)[1:]
    assert [frozen(e) for e in rest] == [frozen(e) for e in whole[-len(rest) :]]


@pytest.mark.parametrize("part", [GENERATOR, DISCRIMINATOR])
def test_one_part_can_learn_alone(part):
    assert parts_that_learn(loop_of(sharp()), part) == [part == GENERATOR, part == DISCRIMINATOR]


def test_a_validation_learns_nothing():
    loop = loop_of(sharp())
    loop.learn()
    before = loop.learner.optimiser_state() | loop.learner.weights()
    loop.validate()
    after = loop.learner.optimiser_state() | loop.learner.weights()
    assert all(torch.equal(was, after[name]) for name, was in before.items())


@pytest.mark.parametrize(("count", "channels"), [(4, 1), (40, 3)])
def test_few_images_and_colours_are_sharpened(count, channels):
    data = blob_set(count, channels=channels)
    config = sharp(epochs=1, architecture=Choice("mlp", MlpParams((8,))))
    assert isinstance(run(config, data)[-1], Finished)


# ---------------------------------------------------------------- what it is measured by


def test_features_are_those_of_a_layer_in_the_middle():
    layers = {}
    for name, entry in ARCHITECTURES.items():
        encoder, _ = build(name, entry.params(), (1, 32, 32), 4)
        judge = discriminator_like(encoder, 4)
        inner = inner_layer(judge)
        layers[name] = tuple(judge[:inner](torch.zeros(2, 1, 32, 32)).shape[1:])
        assert not isinstance(judge[inner - 1], (nn.Linear, nn.Conv2d, nn.Flatten)), "an activation's"
    assert layers["mlp"] == (400,)
    assert layers["conv"] == layers["resnet"]


def test_detail_is_the_sharpness_of_the_metric():
    images = torch.rand(5, 3, 9, 9)
    assert float(detail(images)) == pytest.approx(laplacian_variance(images.numpy()), rel=1e-4)


def test_the_pixels_error_is_told_in_shares_of_the_vaes_own():
    """Before the first step the decoder is the VAE's, so its error is 1 of its own."""
    config = resolve(sharp(epochs=1), DATA)
    loop = Loop(config, DATA, NoControl())
    loop.start_from(of(Checkpoint, list(train(config_of(epochs=9), DATA)))[-1].last)
    loop.learner.prepare(loop.feed)
    same = torch.Generator().manual_seed(config.training.seed + 3)  # noise as that was measured with
    batch = loop.feed.batch(torch.from_numpy(loop.splits.train), same)
    row, _ = loop.learner.evaluate(batch, *loop.moments(0), 0)
    told = dict(zip(loop.names, row.tolist(), strict=False))
    assert told["pixels"] == pytest.approx(1, rel=1e-4)
    assert 0 < float(loop.learner.own_error) < 0.1


# ---------------------------------------------------------------- a run, from its press to its files


@pytest.fixture
def made(store, places):
    """A VAE of the tiny set, and what sharpens it."""
    vae = store.create(config_of(architecture=Choice("mlp", MlpParams((16,)))), "mine")
    assert train_run(vae, places).state == FINISHED
    before = vae.stamp()
    found = store.sharpen(vae)
    config = found.record().config
    training = dataclasses.replace(config.training, epochs=2)
    found.write_record(
        dataclasses.replace(found.record(), config=dataclasses.replace(config, training=training))
    )
    assert train_run(found, places).state == FINISHED
    assert vae.stamp() == before, "the run it starts from is untouched"
    return vae, found


def test_a_sharpened_run_is_used_as_any_vae(made, places):
    vae, found = made
    assert found.name == "mine-sharp"
    model, old = load_run(found), load_run(vae)
    np.testing.assert_array_equal(model.encode(DATA.images).mean, old.encode(DATA.images).mean)
    assert model.stochastic
    codes = np.zeros((2, model.latent_dim), np.float32)
    assert not np.array_equal(model.decode(codes), old.decode(codes))
    assert browser_decoder(found.record(), found.arrays()).header
    files = export_onnx(model, places.home / "sharp.onnx")
    session = onnxruntime.InferenceSession(next(file for file in files if "decoder" in file.name))
    (drawn,) = session.run(None, {"codes": codes})
    np.testing.assert_allclose(drawn, model.decode(codes), atol=1e-5)


def test_no_elbo_is_told_of_it(made):
    _, found = made
    model = load_run(found)
    told = evaluate(model, DATA)
    assert told.elbo is None
    assert "no ELBO" in told.no_elbo
    assert told.rate == pytest.approx(evaluate(load_run(made[0]), DATA).rate, rel=1e-5)
    with pytest.raises(BadConfig, match="no bound on log p"):
        importance_bound(model, DATA, samples=2)


def test_it_needs_a_run_to_start_from(store):
    remedy = "no run to start from; press Sharpen at one, or use vae-core train --sharpen RUN"
    with pytest.raises(BadConfig, match=remedy):
        next(iter(train(sharp(), DATA)))
    with pytest.raises(BadConfig, match=remedy):
        store.create(sharp())


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        ("autoencoder", "its codes follow no prior"),
        ("gan", "has no encoder"),
        ("multi_rate", "a decoder for every β of its dial"),
    ],
)
def test_what_is_no_vae_is_refused_with_a_sentence(store, places, objective, why):
    other = store.create(config_of(objective=objective, epochs=1), "other")
    assert "has learned nothing yet" in why_not(other)
    assert train_run(other, places).state == FINISHED
    with pytest.raises(BadConfig, match=why):
        store.sharpen(other)


def test_sharpening_twice_is_refused(made):
    with pytest.raises(BadConfig, match="was sharpened already; Continue"):
        sharpened(made[1])


def test_steps_and_rate_are_chosen_by_itself(made):
    config = resolve(sharpened(made[0]), DATA)
    training = config.training
    assert training.learning_rate == config.objective.entry.learning_rate
    assert training.epochs * (65 // training.batch_size) >= 600
    told = diagnose(made[1].history(), made[1].record().effective)
    assert {advice.kind for advice in told} <= {"noise"}, "smooth blobs have hardly any detail to reach"


def test_more_detail_than_real_images_have_is_told(made):
    *before, last = made[1].history()
    epoch = max(i for i, event in enumerate(before) if isinstance(event, EpochDone))
    values = dict(before[epoch].validation.values) | {"drawn_sharpness": 1.5}
    told = dataclasses.replace(
        before[epoch], validation=dataclasses.replace(before[epoch].validation, values=values)
    )
    found = diagnose([*before[:epoch], told, *before[epoch + 1 :], last], made[1].record().effective)
    assert [advice.kind for advice in found] == ["noise"]
    assert "1.50 times as sharp as real ones" in found[0].fault
