import dataclasses
import json
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers import Script, blob_set, config_of, frozen, of, through

from vae_core.config import ObjectiveConfig
from vae_core.errors import BadConfig, BadRun
from vae_core.evaluation.likelihood import evaluate
from vae_core.events import Checkpoint, Controlled, EpochDone, Snapshot, StepDone
from vae_core.export.archive import archive, unarchive
from vae_core.export.browser import browser_decoder, browser_dial
from vae_core.inference import LoadedModel, codes_path, compute_codes, load_run
from vae_core.latent.statistics import kl_from_prior
from vae_core.models.build import make_model
from vae_core.models.layers import Gate
from vae_core.models.multi_rate import DEGREE, GAIN, Dial, folded
from vae_core.models.networks import ConvParams, MlpParams
from vae_core.models.vae import Vae
from vae_core.objectives.likelihoods import bernoulli
from vae_core.objectives.losses import MultiRateParams
from vae_core.objectives.rate import kl_per_dim
from vae_core.options import Choice, NoParams, from_json, to_json
from vae_core.places import Places
from vae_core.runs.record import Record, data_of
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.training import resolve, time_step, train

DATA = blob_set()  # 9 of 90 for testing, 16 for validation: 65 train, 4 steps of 16 an epoch
DIAL = Dial(0.1, 10.0)
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0)
NETWORKS = {
    "mlp": Choice("mlp", MlpParams((12, 9))),
    "no hidden layer": Choice("mlp", MlpParams(())),
    "conv": Choice("conv", ConvParams(4, 8)),
}


def vae(network="mlp", channels=1, dial=DIAL, latent_dim=3):
    torch.manual_seed(0)
    choice = NETWORKS[network]
    return Vae(choice.name, choice.params, (channels, 16, 16), latent_dim, dial=dial)


def turned(model):
    """The model with gates that matter."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, Gate):
                for parameter in module.parameters():
                    parameter.normal_(0.0, 0.4 / GAIN, generator=generator)
    return model


def loaded(network="mlp", channels=1, **changes):
    """An untrained dial whose gates and biases are large enough to matter, as LoadedModel takes it."""
    config = config_of(**{"objective": "multi_rate", "architecture": NETWORKS[network], **changes})
    data = blob_set(20, channels=channels)
    torch.manual_seed(4)
    fresh = make_model(config, data.shape).state_dict()
    weights = {k: torch.randn(v.shape) * (0.3 / GAIN if "gate" in k else 0.3) for k, v in fresh.items()}
    return LoadedModel(Record("a-1", "a", "now", config, None, {}, data_of(data)), weights, "0" * 16)


def run(config, **kwargs):
    return list(train(config, DATA, **kwargs))


# ---------------------------------------------------------------- gates


def test_a_fresh_dial_computes_what_the_plain_network_does_at_every_beta():
    for network in NETWORKS:
        plain, gated = vae(network, dial=None), vae(network)
        state = gated.state_dict()
        for name, value in plain.state_dict().items():
            assert torch.equal(state[name], value)
        x, z = torch.rand(4, 1, 16, 16), torch.randn(4, 3)
        for log_beta in (None, torch.tensor([-3.0, 0.0, 0.7, 3.0])):
            torch.testing.assert_close(gated.encode(x, log_beta).mean, plain.encode(x).mean)
            torch.testing.assert_close(gated.encode(x, log_beta).log_var, plain.encode(x).log_var)
            torch.testing.assert_close(gated.logits(z, log_beta), plain.logits(z))


def test_a_gate_scales_and_shifts_by_polynomials():
    gate = Gate(2)
    with torch.no_grad():
        gate.scale[:, 1] = torch.tensor([1.0, 2.0, 3.0]) / GAIN
        gate.shift[:, 0] = torch.tensor([0.0, 0.0, 8.0]) / GAIN
    dial = Dial(0.1, 10.0)
    log_beta = torch.tensor([0.0, dial.reach / 2])  # t = 0 and 1/2
    powers = torch.stack(dial.powers(log_beta), 1)
    torch.testing.assert_close(powers, GAIN * torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.25, 0.125]]))
    x = torch.tensor([[10.0, 10.0], [10.0, 10.0]])
    # unit 0: + 8/8; unit 1: times 1 + 1/2 + 2/4 + 3/8
    torch.testing.assert_close(gate(x, powers), torch.tensor([[10.0, 10.0], [11.0, 23.75]]))
    pictures = x[:, :, None, None].expand(2, 2, 3, 3)
    torch.testing.assert_close(gate(pictures, powers)[..., 2, 1], gate(x, powers))


def test_the_code_and_every_layer_with_weights_have_a_gate_on_each_unit_or_channel():
    model = vae("conv", channels=3)
    assert [g.scale.shape for g in model.encoder_gates] == [(DEGREE, n) for n in (4, 8, 8, 6)]
    assert [g.shift.shape for g in model.decoder_gates] == [(DEGREE, n) for n in (8, 128, 4, 3)]
    assert model.code_gate.scale.shape == (DEGREE, 3)
    model = vae("mlp")
    assert [len(g.scale[0]) for g in model.encoder_gates] == [12, 9, 6]
    assert [len(g.scale[0]) for g in model.decoder_gates] == [9, 12, 256]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
def test_folding_the_gates_gives_the_plain_network_of_that_beta(network, channels):
    gated, plain = turned(vae(network, channels)), vae(network, channels, dial=None)
    x, z = torch.rand(5, channels, 16, 16), torch.randn(5, 3)
    seen = []
    for beta in (0.05, *BETAS, 20.0):
        plain.load_state_dict(folded(gated.state_dict(), DIAL, beta))
        log_beta = torch.full((5,), math.log(beta))
        with torch.no_grad():
            found, expected = plain.encode(x), gated.encode(x, log_beta)
            torch.testing.assert_close(found.mean, expected.mean, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(found.log_var, expected.log_var, rtol=1e-5, atol=1e-5)
            seen.append(plain.logits(z))
            torch.testing.assert_close(seen[-1], gated.logits(z, log_beta), rtol=1e-5, atol=1e-5)
    assert min((a - b).abs().max() for a, b in pairwise(seen)) > 0.05


@pytest.mark.parametrize("network", NETWORKS)
def test_each_image_goes_by_its_own_beta(network):
    model = turned(vae(network))
    x, z, log_beta = torch.rand(4, 1, 16, 16), torch.randn(4, 3), torch.tensor([-2.0, 0.0, 0.5, 2.9])
    with torch.no_grad():
        together, pictures = model.encode(x, log_beta).mean, model.decode(z, log_beta)
        for i in range(4):
            one = slice(i, i + 1)
            torch.testing.assert_close(model.encode(x[one], log_beta[one]).mean, together[one])
            torch.testing.assert_close(model.decode(z[one], log_beta[one]), pictures[one])
        same = model.encode(x[:1].expand(2, -1, -1, -1), log_beta[[0, 3]]).mean
    assert (same[0] - same[1]).abs().max() > 0.05


def test_without_a_beta_it_is_one_also_where_the_dial_is_not_centred_there():
    model = turned(vae(dial=Dial(0.5, 40.0)))
    x = torch.rand(3, 1, 16, 16)
    assert torch.equal(model.encode(x).mean, model.encode(x, torch.zeros(3)).mean)
    assert not torch.allclose(model.encode(x).mean, model.encode(x, torch.full((3,), 1.0)).mean)


def test_a_network_without_gates_takes_no_beta():
    with pytest.raises(ValueError, match="same at every β"):
        vae(dial=None).encode(torch.rand(1, 1, 16, 16), torch.zeros(1))


def test_gates_tell_betas_apart_also_in_bfloat16():
    """Powers of t rounded to 8 bits would move the gates of the image, not just round its numbers."""
    model = turned(vae())
    x = torch.rand(64, 1, 16, 16)
    log_beta = torch.linspace(-3, 3, 64)
    exact = model.encode(x, log_beta).mean
    with torch.autocast("cpu", torch.bfloat16):
        found = model.encode(x, log_beta)
    assert found.mean.dtype == torch.float32
    assert (found.mean - exact).abs().max() < 0.03 * exact.abs().max()


def test_the_dial_draws_from_somewhat_beyond_its_ends():
    dial = Dial(0.5, 8.0)
    assert dial.sampled == (0.25, 16.0)
    assert [math.exp(dial.at(s)) for s in (0.0, 0.5, 1.0)] == pytest.approx([0.25, 2.0, 16.0])
    assert [dial.powers(dial.at(s))[0] for s in (0.0, 0.5, 1.0)] == pytest.approx([-GAIN, 0.0, GAIN])
    assert dial.check(0.5) == 0.5
    for beta in (0.49, 8.1, math.nan, -1.0):
        with pytest.raises(BadConfig, match=r"not on this dial, which goes from 0\.5 to 8"):
            dial.check(beta)


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schedule": "warmup"}, "schedule: multi_rate draws a β for every image, so there is none that could come in by warmup"),
        ({"schedule": "cyclical"}, "choose constant"),
        ({"likelihood": "gaussian_optimal"}, "likelihood: gaussian_optimal learns one σ"),
        ({"free_bits": 0.5}, "free_bits: multi_rate has no single rate"),
        ({"objective": {"name": "multi_rate", "lowest_beta": 2.0}}, "lowest_beta: 2 is above the most allowed, 1"),
        ({"objective": {"name": "multi_rate", "highest_beta": 0.5}}, "highest_beta: 0.5 is below the least allowed, 1"),
        ({"objective": {"name": "multi_rate", "lowest_beta": 0.8, "highest_beta": 1.5}}, "a dial from 0.8 to 1.5 has nothing to turn"),
        ({"objective": {"name": "multi_rate", "beta": 3.0}}, "unknown setting; known here: lowest_beta, highest_beta"),
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_make_no_dial_are_refused(changes, says):
    with pytest.raises(BadConfig, match=says):
        ObjectiveConfig(**{"objective": "multi_rate"} | changes)


def test_a_dial_survives_json_and_other_objectives_have_none():
    config = ObjectiveConfig(objective=Choice("multi_rate", MultiRateParams(0.5, 4.0)))
    assert from_json(ObjectiveConfig, json.loads(json.dumps(to_json(config)))) == config
    assert config.dial == Dial(0.5, 4.0)
    assert ObjectiveConfig(objective="beta_vae").dial is None


# ---------------------------------------------------------------- training


def dial_config(**changes):
    return config_of(**{"objective": "multi_rate", "log_every": 1, **changes})


def test_the_loss_is_a_mean_over_betas_that_are_log_uniform():
    """Step 1 worked out by hand from the fresh model: drawn βs, distortion and rate of each image."""
    config = resolve(dial_config(), DATA)
    first = of(StepDone, run(config))[0]
    torch.manual_seed(config.training.seed)
    model = make_model(config, DATA.shape)
    order = np.random.default_rng((config.training.seed, 0)).permutation(config.data.split(DATA).train)
    x = torch.from_numpy(DATA.images[order[:16]]) / 255
    generator = torch.Generator().manual_seed(config.training.seed + 1)
    share = (torch.arange(16) + torch.rand((), generator=generator)) / 16
    beta = 0.05 * (20 / 0.05) ** share  # log-uniform from 0.05 to 20
    with torch.no_grad():
        q = model.encode(x, beta.log())
        distortion = bernoulli(model.logits(q.sample(generator), beta.log()), x, NoParams())
        rate = kl_per_dim(q).sum(1)
    assert first.terms.distortion == pytest.approx(distortion.mean().item(), rel=1e-5)
    assert first.terms.rate == pytest.approx(rate.mean().item(), rel=1e-5)
    loss = ((distortion + beta * rate) / (1 + beta) ** 0.25).mean().item()
    assert first.terms.loss == pytest.approx(loss, rel=1e-5)
    assert first.terms.loss == first.terms.objective
    assert first.coefficients == {}
    weighted = first.terms.values["weighted_distortion"] + first.terms.values["weighted_rate"]
    assert first.terms.loss == pytest.approx(weighted, rel=1e-6)


def test_validation_tells_the_terms_at_beta_one_and_the_loss_over_all():
    """By hand from the epoch's weights: the ELBO at β = 1, the loss with each image at a β of its own."""
    config = resolve(dial_config(epochs=3, checkpoint_every=4, learning_rate=0.05), DATA)
    events = run(config)
    weights = {event.step: event.last for event in of(Checkpoint, events)}
    for epoch in of(EpochDone, events):
        model = make_model(config, DATA.shape)
        model.load_state_dict(weights[epoch.step])
        x = torch.from_numpy(DATA.images[config.data.split(DATA).validation]) / 255
        generator = torch.Generator().manual_seed(config.training.seed + 2)
        log_beta = torch.tensor(
            [math.log(0.05) + (0.5 + i * 0.6180339887) % 1 * math.log(400) for i in range(16)]
        )
        terms = []
        with torch.no_grad():
            for at in (torch.zeros(16), log_beta):
                q = model.encode(x, at)
                distortion = bernoulli(model.logits(q.sample(generator), at), x, NoParams())
                terms.append((distortion, kl_per_dim(q).sum(1)))
        distortion, rate = (term.mean().item() for term in terms[0])
        elbo, beta = distortion + rate, log_beta.exp()
        loss = ((terms[1][0] + beta * terms[1][1]) / (1 + beta) ** 0.25).mean().item()
        found = epoch.validation
        assert found.distortion == pytest.approx(distortion, rel=1e-5)
        assert found.rate == pytest.approx(rate, rel=1e-4)
        assert -found.elbo == pytest.approx(elbo, rel=1e-5)
        assert found.loss == found.objective == pytest.approx(loss, rel=1e-4)
        assert abs(loss - elbo) > 0.01 * elbo
    best = [e.validation.objective for e in of(EpochDone, events)]
    assert [e.best for e in of(EpochDone, events)] == [v == min(best[: i + 1]) for i, v in enumerate(best)]


def test_the_gates_learn():
    last = of(Checkpoint, run(dial_config()))[-1].last
    moved = [name for name, value in last.items() if "gate" in name and value.abs().max() > 0]
    assert len(moved) == 10  # two layers on each side and the code, scale and shift


def test_a_live_beta_is_ignored_and_said_to_be():
    config = dial_config()
    script = Script({2: [("beta", 7.0)]})
    events = [script.see(event) for event in train(config, DATA, script)]
    assert of(Controlled, events) == [Controlled(2, 1, "beta ignored", 7.0)]
    assert all(s.coefficients == {} for s in of(StepDone, events))
    plain = run(config)
    for kind in (StepDone, EpochDone):
        assert [frozen(e) for e in of(kind, events)] == [frozen(e) for e in of(kind, plain)]


def test_it_trains_a_conv_model_in_bfloat16_and_time_can_be_told():
    config = dial_config(architecture=NETWORKS["conv"], precision="bfloat16", epochs=1)
    events = run(config)
    assert of(Snapshot, events)
    assert np.isfinite(of(EpochDone, events)[0].validation.loss)
    assert time_step(config, DATA) > 0


def test_weights_of_a_run_without_a_dial_do_not_start_one():
    plain = of(Checkpoint, run(config_of()))[-1].last
    with pytest.raises(BadConfig, match="a β dial on both sides or on neither"):
        run(dial_config(), initial=plain)


# ---------------------------------------------------------------- a trained dial on digits


@pytest.fixture(scope="module")
def dial_run(tmp_path_factory, digits_places):
    """A dial on digits, trained for some epochs."""
    home = tmp_path_factory.mktemp("dial")
    places = Places(home, home / "downloads")
    places.datasets.mkdir(parents=True)
    (places.datasets / "digits").symlink_to(digits_places.datasets / "digits")
    config = config_of(
        dataset="digits", side=16, objective="multi_rate", architecture=Choice("mlp", MlpParams((64,))), latent_dim=4,
        epochs=8, validation=0.05, batch_size=32, log_every=20, checkpoint_every=1000,
    )  # fmt: skip
    made = Store(places).create(config, "turns")
    status = train_run(made, places)
    assert status.error == ""
    return made


def test_the_rate_falls_with_beta_and_the_distortion_rises(dial_run, digits):
    model = load_run(dial_run)
    curve = [evaluate(model.at_beta(beta), digits) for beta in BETAS]
    rates, distortions = [p.rate for p in curve], [p.distortion for p in curve]
    assert rates == sorted(rates, reverse=True)
    assert distortions == sorted(distortions)
    assert rates[0] > 3 * rates[-1]
    # each point is best, or nearly so, at its own β
    for i, beta in enumerate(BETAS):
        losses = [p.distortion + beta * p.rate for p in curve]
        assert losses[i] <= 1.01 * min(losses), beta


def test_a_loaded_dial_is_the_network_at_one_beta_and_turns(dial_run, digits):
    model = load_run(dial_run)
    assert model.beta == 1.0
    gated = make_model(model.config, model.shape)
    gated.load_state_dict(dial_run.weights())
    images = np.array(digits.images[:6])
    x = torch.from_numpy(images) / 255
    for beta in BETAS:
        one = model.at_beta(beta)
        assert (one.beta, one.latent_dim, one.record) == (beta, 4, model.record)
        log_beta = torch.full((6,), math.log(beta))
        with torch.no_grad():
            q = gated.encode(x, log_beta)
            pictures = gated.decode(q.mean, log_beta)
        np.testing.assert_allclose(one.encode(images).mean, q.mean, atol=1e-5)
        np.testing.assert_allclose(one.encode(images).log_var, q.log_var, atol=1e-5)
        np.testing.assert_allclose(one.decode(q.mean.numpy()), pictures, atol=1e-5)
    assert model.at_beta(3).at_beta(1).stamp == model.stamp == dial_run.stamp()
    assert len({model.at_beta(beta).stamp for beta in BETAS}) == len(BETAS)
    moved = model.at_beta(3.0).on("cpu")
    assert (moved.beta, moved.stamp) == (3.0, model.at_beta(3.0).stamp)
    np.testing.assert_array_equal(moved.encode(images).mean, model.at_beta(3.0).encode(images).mean)


def test_only_the_codes_of_beta_one_are_kept_for_the_run(dial_run, digits):
    model = load_run(dial_run)
    turned_codes = compute_codes(dial_run, model.at_beta(10.0), digits)
    assert not codes_path(dial_run, "test").exists()
    kept = compute_codes(dial_run, model, digits)
    assert codes_path(dial_run, "test").exists()
    rates = [kl_from_prior(c.mean, c.log_var).sum(1).mean() for c in (turned_codes, kept)]
    assert rates[0] < rates[1]


def test_beyond_its_ends_or_without_a_dial_it_does_not_turn(dial_run, model, trained):
    with pytest.raises(BadConfig, match=r"50 is not on this dial, which goes from 0\.1 to 10"):
        load_run(dial_run).at_beta(50.0)
    with pytest.raises(BadConfig, match=r"the run trained has no β dial: it was trained at β = 1 alone"):
        model.at_beta(3.0)
    for name, says in (("autoencoder", "without a weighed rate"), ("capacity", "at γ = 30 and C = 25 alone"),
                       ("beta_vae", "at β = 4 alone")):  # fmt: skip
        record = trained.record()
        config = dataclasses.replace(record.effective, objective=ObjectiveConfig(objective=name))
        other = dataclasses.replace(record, config=config, resolved=config)
        with pytest.raises(BadConfig, match=says):
            LoadedModel(other, trained.weights(), "0" * 16).at_beta(1.0)


def test_weights_that_are_no_dials_are_refused(dial_run, trained):
    record = dial_run.record()
    weights = dial_run.weights()
    damaged = {k: v for k, v in weights.items() if k != "decoder_gates.0.shift"}
    narrow = weights | {"decoder_gates.0.shift": weights["decoder_gates.0.shift"][:, :1]}
    for bad in (damaged, narrow, trained.weights()):
        with pytest.raises(BadRun, match="do not fit its settings"):
            LoadedModel(record, bad, "0" * 16)


def test_the_command_line_gives_a_point_of_the_curve(dial_run, capsys):
    from vae_core.cli import main

    def call(*words):
        code = main([*words, "--home", str(dial_run.places.home)])
        return (code, *capsys.readouterr())

    code, out, err = call("evaluate", "turns", "--beta", "3", "--json")
    assert (code, err) == (0, "")
    point = json.loads(out)
    assert point["beta"] == 3.0
    assert point["loss"] == pytest.approx(point["distortion"] + 3 * point["rate"])
    assert point["elbo"] == pytest.approx(-(point["distortion"] + point["rate"]))
    usual = json.loads(call("evaluate", "turns", "--json")[1])
    assert (usual["beta"], usual["loss"]) == (1.0, pytest.approx(-usual["elbo"]))
    assert point["rate"] < usual["rate"]
    assert f"distortion + 3 · rate {point['loss']:.3f}" in call("evaluate", "turns", "--beta", "3")[1]
    code, out, err = call("evaluate", "turns", "--beta", "300")
    assert (code, out) == (1, "")
    assert "beta: 300 is not on this dial, which goes from 0.1 to 10" in err
    (row,) = json.loads(call("runs", "--json")[1])
    assert (row["objective"], row["β"]) == ("multi_rate", "0.1–10")


def test_a_dial_goes_through_an_archive_whole(dial_run, digits, tmp_path):
    archive(dial_run, tmp_path / "turns.zip")
    back = unarchive(tmp_path / "turns.zip", Store(Places(tmp_path / "home", tmp_path / "downloads")))
    images = np.array(digits.images[:4])
    for beta in (0.1, 3.0):
        np.testing.assert_array_equal(
            load_run(back).at_beta(beta).encode(images).mean,
            load_run(dial_run).at_beta(beta).encode(images).mean,
        )


# ---------------------------------------------------------------- in the browser's form


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_browsers_dial_computes_what_the_network_does(network, channels):
    changes = {"objective": Choice("multi_rate", MultiRateParams(0.2, 30.0))}
    model = loaded(network, channels, **changes)
    weights = {k: v.numpy() for k, v in model.gated.items()}
    dial = browser_dial(model.record, weights)
    header = json.loads(json.dumps(dial.header()))
    parameters = sum(v.size for k, v in weights.items() if k != "log_sigma")
    assert header["floats"] == dial.weights.size == parameters
    assert (header["lowest"], header["highest"], header["channels"]) == (0.2, 30.0, channels)
    floats = dial.weights.astype(np.float64)
    images = blob_set(3, channels=channels).images
    codes = np.random.default_rng(0).standard_normal((3, 3))
    for beta in (0.2, 1.0, 2.5, 30.0):
        one = model.at_beta(beta)
        q, pictures = one.encode(images), one.decode(codes)
        t = (math.log(beta) - header["middle"]) / header["reach"]
        for i in range(3):
            found = through(header["encoder"], floats, images[i].transpose(1, 2, 0) / 255, t)
            np.testing.assert_allclose(found, np.concatenate((q.mean[i], q.log_var[i])), rtol=1e-4, atol=1e-4)
            found = through(header["decoder"], floats, codes[i], t).reshape(16, 16, channels)
            np.testing.assert_allclose(found.transpose(2, 0, 1), pictures[i], atol=1e-5)
    # without gates: the decoder of β = 1, as every page shows it
    plain = browser_decoder(model.record, weights)
    assert {layer["kind"] for layer in plain.layers} <= {"linear", "up", "relu", "sigmoid"}
    found = through(plain.layers, plain.weights.astype(np.float64), codes[0], 0.0)
    np.testing.assert_allclose(
        found.reshape(16, 16, channels).transpose(2, 0, 1), model.decode(codes[0])[0], atol=1e-5
    )


def test_the_browsers_dial_counts_its_multiplications():
    mlp, conv = (
        browser_dial(m.record, {k: v.numpy() for k, v in m.gated.items()}) for m in (loaded(), loaded("conv"))
    )
    assert mlp.products == 256 * 12 + 12 * 9 + 9 * 6 + 3 * 9 + 9 * 12 + 12 * 256
    down = 8 * 8 * 16 * 4 + 4 * 4 * 16 * 4 * 8  # output pixels, taps, channels
    up = 8 * 8 * 4 * 8 * 4 + 16 * 16 * 4 * 4
    assert conv.products == down + 128 * 8 + 8 * 6 + 3 * 8 + 8 * 128 + up


def test_a_run_without_a_dial_has_none_in_the_browser(trained):
    with pytest.raises(BadConfig, match="the run trained has no β dial"):
        browser_dial(trained.record(), trained.arrays())
