"""What the loop asks of a learner: one with two optimisers and no encoder fits, parts stay frozen, batches carry what is
asked for, and checkpoints of earlier versions go on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, frozen, of
from torch import nn
from torch.nn.functional import softplus

from vae_core.errors import BadConfig
from vae_core.events import Checkpoint, Encoded, EpochDone, Finished, Snapshot, StepDone
from vae_core.models.vae import Posterior
from vae_core.objectives import BETA_SCHEDULES, OBJECTIVES, Objective, Term
from vae_core.objectives.losses import BetaParams
from vae_core.options import Choice, NoParams
from vae_core.runs.record import FINISHED
from vae_core.runs.worker import train_run
from vae_core.training import Loop, NoControl, train
from vae_core.training.learners import GOLDEN, LEARNERS, make_learner
from vae_core.training.optimiser import Adam
from vae_core.training.resolve import resolve

DATA = blob_set()
PAIRED = blob_set(lattice=6)


def images_for(config):
    """The blobs, on a lattice where a run learns from pairs that differ in one place."""
    return PAIRED if "pair" in config.objective.entry.needs else DATA


def run(config, data=None, **kwargs):
    return list(train(config, images_for(config) if data is None else data, **kwargs))


# ---------------------------------------------------------------- two networks, two optimisers, no encoder


class TinyGan:
    """A generator against a discriminator (Goodfellow et al. 2014, the non-saturating loss), each with its Adam."""

    terms = (
        Term("generator", "generator loss", "generator", "−log D(G(z))"),
        Term(
            "discriminator",
            "discriminator loss",
            "discriminator",
            "−log D(x) − log(1 − D(G(z)))",
            weight=None,
        ),
    )
    dims = 0
    has_encoder = False
    only = None
    layout = torch.contiguous_format

    def __init__(self, config, shape, dataset_size, device):
        self.latent_dim = config.model.latent_dim
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.training.seed)
            pixels = int(np.prod(shape))
            self.nets = nn.ModuleDict(
                {
                    "generator": nn.Sequential(nn.Linear(self.latent_dim, pixels), nn.Unflatten(1, shape)),
                    "discriminator": nn.Sequential(nn.Flatten(), nn.Linear(pixels, 1)),
                }
            )
        self.parameters = list(self.nets.parameters())
        self.adams = {name: Adam(list(net.parameters())) for name, net in self.nets.items()}

    def losses(self, batch):
        fake = self.decode(batch.noise(len(batch.images), self.latent_dim))
        judge = self.nets["discriminator"]
        against = softplus(-judge(batch.images)).mean() + softplus(judge(fake.detach())).mean()
        return softplus(-judge(fake)).mean(), against

    def row(self, generator, against):
        return torch.stack((generator, generator, generator, against)).detach()

    def step(self, batch, moment, final, rate):
        generator, against = self.losses(batch)
        for name, loss in (("generator", generator), ("discriminator", against)):
            net = list(self.nets[name].parameters())
            for p, g in zip(net, torch.autograd.grad(loss, net), strict=True):
                p.grad = g
        for adam in self.adams.values():
            adam.step(rate)
        return self.row(generator, against)

    @torch.no_grad()
    def evaluate(self, batch, moment, final, first):
        return self.row(*self.losses(batch)), None

    def end_epoch(self, feed):
        pass

    def encode(self, images):
        raise AssertionError("there is no encoder to ask")

    def decode(self, codes):
        return self.nets["generator"](codes).sigmoid()

    def weights(self):
        return {k: v.detach().clone() for k, v in self.nets.state_dict().items()}

    def load_weights(self, weights):
        self.nets.load_state_dict(dict(weights))

    def optimiser_state(self):
        return {f"{name}/{k}": v for name, adam in self.adams.items() for k, v in adam.state().items()}

    def load_optimiser(self, state):
        for name, adam in self.adams.items():
            adam.load({k.removeprefix(f"{name}/"): v for k, v in state.items() if k.startswith(f"{name}/")})


@pytest.fixture
def gan(monkeypatch):
    entry = Objective(
        "tiny_gan", "Tiny GAN", "Two networks.", NoParams, "−log D(G(z))", TinyGan.terms, lambda *_: {},
        learner="tiny_gan", has_encoder=False, has_posterior=False, has_likelihood=False,
    )  # fmt: skip
    monkeypatch.setitem(OBJECTIVES, "tiny_gan", entry)
    monkeypatch.setitem(LEARNERS, "tiny_gan", TinyGan)
    return "tiny_gan"


def test_a_learner_with_two_optimisers_and_no_encoder_trains(gan):
    events = run(config_of(objective=gan, epochs=3))
    assert isinstance(events[-1], Finished)
    for step in of(StepDone, events):
        assert set(step.terms.values) == {"generator", "discriminator"}
        assert step.terms.loss == step.terms.parts["generator"]
        assert (step.terms.elbo, step.terms.kl_per_dim, step.coefficients) == (None, (), {})
    assert [e.active_units for e in of(EpochDone, events)] == [None] * 3
    assert of(Encoded, events) == []
    shot = of(Snapshot, events)[-1]
    assert len(shot.reconstructions) == 0
    assert (len(shot.originals), len(shot.samples), shot.traversal.shape[:2]) == (8, 16, (3, 9))
    moved = of(Checkpoint, events)[-1].last
    for name, was in of(Checkpoint, events)[0].last.items():
        assert not torch.equal(was, moved[name]), name


def test_its_interrupted_run_goes_on_bit_for_bit(gan):
    config = config_of(objective=gan, epochs=3)
    whole = run(config)
    middle = of(Checkpoint, whole)[2]
    assert 0 < middle.step < 12
    rest = run(config, resume=middle.resume)[1:]
    assert [frozen(e) for e in rest] == [frozen(e) for e in whole[-len(rest) :]]


def test_its_run_folder_is_written_and_read(gan, store, places):
    made = store.create(config_of(objective=gan))
    assert train_run(made, places).state == FINISHED
    assert of(EpochDone, made.history())[-1].active_units is None
    assert made.weights().keys() == of(Checkpoint, run(config_of(objective=gan)))[0].last.keys()


# ---------------------------------------------------------------- what a batch carries, and what stays as it is


def objective_with(monkeypatch, **changes):
    entry = dataclasses.replace(OBJECTIVES["beta_vae"], name="changed", **changes)
    monkeypatch.setitem(OBJECTIVES, "changed", entry)
    return Choice("changed", BetaParams(1.0))


def test_frozen_parts_keep_their_weights_and_the_rest_learns(monkeypatch):
    chosen = objective_with(monkeypatch, frozen=("encoder",))
    events = run(config_of(objective=chosen))
    first, last = of(Checkpoint, events)[0].last, of(Checkpoint, events)[-1].last
    for name, was in first.items():
        if name != "log_sigma":
            assert torch.equal(was, last[name]) is name.startswith("encoder."), name


def test_a_part_that_is_not_there_cannot_be_frozen(monkeypatch):
    chosen = objective_with(monkeypatch, frozen=("ear",))
    with pytest.raises(BadConfig, match="no part 'ear' to freeze; it has encoder, decoder"):
        run(config_of(objective=chosen))


def test_a_batch_carries_what_the_objective_needs(monkeypatch):
    seen = []

    def compute(forward, params, moment):
        seen.append(forward.batch)
        return OBJECTIVES["beta_vae"].compute(forward, params, moment)

    chosen = objective_with(monkeypatch, compute=compute, needs=frozenset({"labels", "factors", "second"}))
    config = resolve(config_of(objective=chosen, epochs=1), DATA)
    loop = Loop(config, DATA, NoControl())
    index = loop.next_index().clone()
    loop.learn()
    batch = seen[0]
    assert batch.labels.tolist() == DATA.labels[index].tolist()
    assert np.array_equal(batch.factors.numpy(), DATA.factors[index])
    train_images = torch.from_numpy(DATA.images[loop.splits.train]) / 255
    for one in batch.second:
        assert (train_images == one).flatten(1).all(1).any()
    assert not torch.equal(batch.second, batch.images)


@pytest.mark.parametrize("name", ["labels", "factors"])
def test_a_dataset_without_what_is_needed_is_refused(monkeypatch, name):
    chosen = objective_with(monkeypatch, needs=frozenset({name}))
    with pytest.raises(BadConfig, match=f"it learns from {name}, and tiny has none; choose another dataset"):
        run(config_of(objective=chosen), dataclasses.replace(DATA, **{name: None}))


def test_dropout_is_off_where_nothing_is_learned():
    learner = make_learner(resolve(config_of(), DATA), DATA.shape, 72, torch.device("cpu"))
    learner.model.decoder.append(nn.Dropout(0.5))
    codes = torch.randn(4, 3)
    assert torch.equal(learner.decode(codes), learner.decode(codes))
    assert learner.model.training


# ---------------------------------------------------------------- the optimiser


def test_without_torchs_private_kernel_the_public_one_moves_weights_alike(monkeypatch):
    def moved():
        torch.manual_seed(0)
        parameters = [nn.Parameter(torch.randn(7, 5)), nn.Parameter(torch.randn(3))]
        adam = Adam(parameters)
        for _ in range(5):
            for p in parameters:
                p.grad = torch.sin(p.detach() * 3)
            adam.step(0.01)
        return parameters, adam.state()

    private, remembered = moved()
    monkeypatch.delattr(torch, "_fused_adam_")
    public, also = moved()
    for a, b in zip(private, public, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)
    assert {k: v.shape for k, v in remembered.items()} == {k: v.shape for k, v in also.items()}
    assert remembered["step/0"] == also["step/0"] == 5


# ---------------------------------------------------------------- checkpoints of earlier versions


def as_earlier(resume):
    """A checkpoint's state with rows of loss, distortion, rate, objective, KL per dimension, and no format."""
    state = {k: v for k, v in resume.items() if k != "format"}
    for name in ("window", "epoch_sum"):
        rows = state[name]
        loss, objective, distortion, rate = rows[..., :4].unbind(-1)
        state[name] = torch.cat((torch.stack((loss, distortion, rate, objective), -1), rows[..., 5:]), -1)
    return state


def test_a_checkpoint_of_an_earlier_version_goes_on_as_if_never_stopped():
    config = config_of(epochs=3, log_every=2, checkpoint_every=3)
    whole = run(config)
    middle = of(Checkpoint, whole)[1]
    assert middle.step % 4  # in the middle of an epoch
    rest = run(config, resume=as_earlier(middle.resume))[1:]
    tail = whole[-len(rest) :]
    assert [type(e) for e in rest] == [type(e) for e in tail]
    for now, was in zip(of(EpochDone, rest), of(EpochDone, tail), strict=True):
        assert now.validation == was.validation
        assert now.train.values == was.train.values
        assert now.train.parts == pytest.approx(was.train.parts, rel=1e-4)
    assert frozen(of(Checkpoint, rest)[-1].last) == frozen(of(Checkpoint, tail)[-1].last)


def test_where_it_lacks_a_term_the_running_epoch_is_told_of_its_rest():
    config = config_of(objective="beta_tcvae", epochs=2, log_every=1, checkpoint_every=3)
    whole = run(config)
    middle = of(Checkpoint, whole)[1]
    assert middle.step == 3
    earlier = as_earlier(middle.resume)
    earlier["window"], earlier["epoch_sum"] = earlier["window"][:, :7], earlier["epoch_sum"][:7]
    rest = run(config, resume=earlier)[1:]
    last_step = of(StepDone, rest)[0]
    assert of(EpochDone, rest)[0].train.values == pytest.approx(last_step.terms.values)
    assert of(EpochDone, rest)[0].validation == of(EpochDone, whole)[0].validation


# ---------------------------------------------------------------- training and validation, computed alike

LOSSES = [
    {"objective": name, "schedule": schedule, "free_bits": free_bits}
    for name, entry in OBJECTIVES.items()
    for schedule in BETA_SCHEDULES
    for free_bits in ((0.0, 0.3) if entry.takes_free_bits else (0.0,))
    if entry.has_likelihood and not (name == "multi_rate" and schedule != "constant")
]


@pytest.mark.parametrize("changes", LOSSES, ids=lambda c: "-".join(map(str, c.values())))
def test_a_step_and_a_validation_of_the_same_images_tell_the_same(changes, monkeypatch):
    """At the same weights, moment and noise, in the midst of every objective's schedule."""
    config = config_of(**changes, epochs=3)
    data = images_for(config)
    loop = Loop(resolve(config, data), data, NoControl())
    for _ in range(3):
        loop.learn()
    noise = torch.randn(32, 3, generator=torch.Generator().manual_seed(8))
    monkeypatch.setattr(
        Posterior, "sample", lambda self, _: self.mean + (0.5 * self.log_var).exp() * noise[: len(self.mean)]
    )
    if changes["objective"] == "multi_rate":  # which image is at which β
        dial = loop.learner.dial
        monkeypatch.setattr(
            loop.learner, "draw", lambda count, _: dial.at((0.5 + GOLDEN * torch.arange(count)) % 1)
        )
    moments = loop.moments(loop.step)
    batch = loop.feed.batch(loop.next_index(), loop.generator)
    learned = loop.learner.step(batch, *moments, 0.0)  # a rate of 0 leaves the weights as they are
    evaluated, _ = loop.learner.evaluate(batch, *moments, 0)
    rows = [dict(zip(loop.names, row.tolist(), strict=False)) for row in (learned, evaluated)]
    # of a dial, what is only shown is at β = 1 in validation, and says so
    shown = {t.name for t in loop.learner.terms if not t.minimised and changes["objective"] == "multi_rate"}
    for name in rows[0].keys() - shown:
        assert rows[1][name] == pytest.approx(rows[0][name], rel=1e-5), name
