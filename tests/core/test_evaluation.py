import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of
from torch import distributions as td
from torch import nn

from vae_core.errors import BadConfig, BadImages
from vae_core.evaluation import likelihood
from vae_core.evaluation.likelihood import evaluate, importance_bound, learned_log_sigma
from vae_core.inference import LoadedModel
from vae_core.models.build import make_model
from vae_core.runs.record import Record, data_of
from vae_core.training import resolve

DATA = blob_set()


def fresh(**changes):
    """An untrained model with weights large enough that every term matters."""
    config = resolve(config_of(**changes), DATA)
    torch.manual_seed(2)
    weights = {k: 1.2 * v for k, v in make_model(config, DATA.shape).state_dict().items()}
    record = Record("tiny-1", "tiny", "now", config, config, {}, data_of(DATA))
    return LoadedModel(record, weights, "0" * 16)


def by_hand(model, index, seed, log_prob):
    """ELBO and its terms from the bare network and torch.distributions, images one batch."""
    x = torch.from_numpy(DATA.images[index]) / 255
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        q = model.model.encode(x)
        code = td.Normal(q.mean, (0.5 * q.log_var).exp())
        z = q.mean + code.stddev * torch.empty_like(q.mean).normal_(generator=generator)
        distortion = -log_prob(model.model.logits(z), x).flatten(1).sum(1)
        kl = td.kl_divergence(code, td.Normal(0.0, 1.0))
        mse = (model.model.decode(q.mean) - x).square().mean()
    return distortion.double(), kl.double(), mse.item(), q.mean


@pytest.mark.parametrize(
    ("name", "log_prob"),
    [
        ("bernoulli", lambda logits, x: td.ContinuousBernoulli(logits=logits)),
        ("gaussian", lambda logits, x: td.Normal(logits.sigmoid(), 0.1).log_prob(x)),
        ("laplace", lambda logits, x: td.Laplace(logits.sigmoid(), 0.1).log_prob(x)),
    ],
)
def test_every_term_is_what_a_hand_computation_gives(name, log_prob):
    if name == "bernoulli":  # a cross-entropy: torch has no distribution for it on grey values

        def log_prob(logits, x):
            p = logits.double().sigmoid()
            return x * p.log() + (1 - x) * (1 - p).log()

    model = fresh(likelihood=name)
    found = evaluate(model, DATA, seed=5)
    distortion, kl, mse, mean = by_hand(model, DATA.test, 5, log_prob)
    assert found.split == "test"
    assert found.images == len(DATA.test) == 9
    assert found.distortion == pytest.approx(distortion.mean().item(), rel=1e-5)
    assert found.rate == pytest.approx(kl.sum(1).mean().item(), rel=1e-5)
    assert found.elbo == pytest.approx(-(distortion + kl.sum(1)).mean().item(), rel=1e-5)
    assert found.kl_per_dim == pytest.approx(kl.mean(0).tolist(), rel=1e-4)
    assert found.mse == pytest.approx(mse, rel=1e-5)
    assert found.active_units == int((mean.double().var(0, unbiased=False) > 0.01).sum())
    per_image = distortion + kl.sum(1)
    assert found.standard_error == pytest.approx(per_image.std().item() / 3, rel=1e-4)
    assert found.sigma is None


def test_the_elbo_is_at_beta_one_whatever_was_minimised():
    plain, heavy = (evaluate(fresh(objective=name), DATA) for name in ("vae", "beta_vae"))
    assert plain == heavy


def test_the_noise_is_seeded():
    model = fresh()
    assert evaluate(model, DATA, seed=1) == evaluate(model, DATA, seed=1)
    assert evaluate(model, DATA, seed=1).distortion != evaluate(model, DATA, seed=2).distortion
    assert evaluate(model, DATA, seed=1).rate == evaluate(model, DATA, seed=2).rate


def test_only_the_images_of_the_split_count():
    model = fresh()
    splits = model.config.data.split(DATA)
    found = {name: evaluate(model, DATA, split=name) for name in ("train", "validation", "test")}
    assert {name: one.images for name, one in found.items()} == {"train": 65, "validation": 16, "test": 9}
    for name in found:
        others = np.setdiff1d(np.arange(90), splits.named(name))
        images = DATA.images.copy()
        images[others] = 255 - images[others]
        assert evaluate(model, dataclasses.replace(DATA, images=images), split=name) == found[name]


def test_a_plain_autoencoder_has_no_elbo():
    model = fresh(objective="autoencoder")
    found = evaluate(model, DATA)
    assert (found.elbo, found.rate, found.kl_per_dim) == (None, None, None)
    shown = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert shown["elbo"] is None
    assert shown["rate"] is None
    x = torch.from_numpy(DATA.images[DATA.test]) / 255
    logits = torch.logit(torch.from_numpy(model.reconstruct(DATA.images[DATA.test])).double())
    exact = torch.nn.functional.binary_cross_entropy_with_logits(logits, x.double(), reduction="sum") / 9
    assert found.distortion == pytest.approx(exact.item(), rel=1e-4)
    assert found == evaluate(model, DATA, seed=9)  # nothing is drawn


def test_a_learned_sigma_is_taken_from_the_training_images():
    model = fresh(likelihood="gaussian_optimal")
    splits = model.config.data.split(DATA)
    x = DATA.images[splits.train] / 255
    q = model.encode(DATA.images[splits.train])
    errors = [np.square(model.decode(q.sample(np.random.default_rng(s))) - x).mean() for s in range(30)]
    sigma = math.exp(learned_log_sigma(model, DATA))
    assert sigma**2 == pytest.approx(np.mean(errors), rel=0.05)
    found = evaluate(model, DATA, seed=3)
    log_sigma = learned_log_sigma(model, DATA, 3)
    sigma = math.exp(log_sigma)
    assert found.sigma == pytest.approx(sigma)
    distortion, *_ = by_hand(
        model, DATA.test, 3, lambda logits, x: td.Normal(logits.sigmoid(), sigma).log_prob(x)
    )
    assert found.distortion == pytest.approx(distortion.mean().item(), rel=1e-5)
    # test images have no say in it, training images do
    for index, same in ((splits.test, True), (splits.train, False)):
        images = DATA.images.copy()
        images[index] = 255 - images[index]
        changed = learned_log_sigma(model, dataclasses.replace(DATA, images=images), 3)
        assert (changed == log_sigma) == same


def test_a_large_training_set_is_sampled_for_sigma(monkeypatch):
    model = fresh(likelihood="gaussian_optimal")
    whole = learned_log_sigma(model, DATA)
    monkeypatch.setattr(likelihood, "SIGMA_IMAGES", 20)
    part = learned_log_sigma(model, DATA)
    assert part != whole
    assert part == pytest.approx(whole, abs=0.2)


def test_evaluation_is_in_float32_however_the_run_was_trained():
    assert evaluate(fresh(precision="bfloat16"), DATA) == evaluate(fresh(precision="float32"), DATA)


def test_a_lone_image_has_no_standard_error():
    assert evaluate(fresh(), dataclasses.replace(DATA, test=DATA.test[:1])).standard_error == 0.0


def test_a_split_without_images_is_refused():
    with pytest.raises(BadImages, match="no test images"):
        evaluate(fresh(), dataclasses.replace(DATA, test=DATA.test[:0]))


def test_progress_is_told(monkeypatch):
    from vae_core.inference import model as model_module

    monkeypatch.setattr(model_module, "BATCH", 4)
    shares = []
    evaluate(fresh(), DATA, progress=lambda share, what: shares.append(share))
    assert shares == pytest.approx([4 / 9, 8 / 9, 1.0])


# ---------------------------------------------------------------- the importance-weighted bound

SIGMA = 0.1


class Line(nn.Module):
    """z -> logits whose sigmoid is W z + 1/2, so that p(x|z) = N(W z + 1/2, SIGMA^2)."""

    def __init__(self, weights):
        super().__init__()
        self.register_buffer("weights", weights)

    def forward(self, z):
        mean = 0.5 + z @ self.weights.T.to(z.dtype)
        assert 0 < mean.min() < mean.max() < 1
        return mean.logit().view(-1, *DATA.shape)


def linear(shift=0.0, spread=1.0):
    """A linear-Gaussian VAE, images drawn from it and log p(x) of the test images, (9,) nats.

    The columns of W are orthogonal, so the true posterior N(m, diag(v)) is within the encoder's reach; the encoder
    says N(m + shift sqrt(v), spread v). Returns the KL of the two as well, nats.
    """
    rng = np.random.default_rng(4)
    pixels = math.prod(DATA.shape)
    columns = np.linalg.qr(rng.standard_normal((pixels, 3)))[0]
    weights = columns * [0.35, 0.25, 0.15]
    variance = 1 / (1 + np.square([0.35, 0.25, 0.15]) / SIGMA**2)
    x = 0.5 + rng.standard_normal((90, 3)) @ weights.T + SIGMA * rng.standard_normal((90, pixels))
    data = dataclasses.replace(
        DATA, images=np.rint(255 * x.clip(0, 1)).astype(np.uint8).reshape(90, *DATA.shape)
    )

    model = fresh(likelihood="gaussian")
    flat = nn.Linear(pixels, 6)
    to_mean = variance[:, None] * weights.T / SIGMA**2
    with torch.no_grad():
        flat.weight.copy_(torch.from_numpy(np.vstack((to_mean, np.zeros((3, pixels))))))
        bias = np.append(shift * np.sqrt(variance) - to_mean.sum(1) / 2, np.log(spread * variance))
        flat.bias.copy_(torch.from_numpy(bias))
    model.model.encoder = nn.Sequential(nn.Flatten(), flat).requires_grad_(False)
    model.model.decoder = Line(torch.from_numpy(weights))

    seen = data.images[data.test].reshape(9, pixels) / 255
    marginal = td.MultivariateNormal(
        torch.full((pixels,), 0.5, dtype=torch.float64),
        torch.from_numpy(weights @ weights.T + SIGMA**2 * np.eye(pixels)),
    )
    kl = 3 * 0.5 * (spread + shift**2 - math.log(spread) - 1)
    return model, data, marginal.log_prob(torch.from_numpy(seen)).numpy(), kl


@pytest.mark.parametrize("samples", [1, 30, 5000])
def test_with_the_true_posterior_every_draw_weighs_log_p(samples):
    model, data, exact, _ = linear()
    found = importance_bound(model, data, samples=samples)
    assert found.per_image == pytest.approx(exact, abs=5e-3)
    assert found.bound == pytest.approx(exact.mean(), abs=2e-3)
    assert found.elbo == pytest.approx(exact.mean(), abs=2e-3)
    assert found.effective == pytest.approx(samples, rel=1e-3)
    assert found.standard_error == pytest.approx(exact.std(ddof=1) / 3, rel=1e-3)


@pytest.mark.parametrize(("shift", "spread"), [(0.5, 2.0), (1.0, 1.0), (0.0, 0.6)])
def test_with_a_wrong_posterior_the_bound_rises_from_the_elbo_to_log_p(shift, spread):
    model, data, exact, kl = linear(shift, spread)
    found = importance_bound(model, data, samples=5000)
    assert [k for k, _ in found.rises] == [1, 10, 100, 1000, 5000]
    assert found.elbo == pytest.approx(exact.mean() - kl, abs=0.05)
    assert found.bound == found.rises[-1][1] == pytest.approx(exact.mean(), abs=0.05)
    assert found.bound > found.elbo + 0.7 * kl
    # one run's L_2 is noisy, the mean of many is not: of L_1, L_2, L_3 ... each lies above the last
    few = [
        np.mean([importance_bound(model, data, samples=k, seed=s).bound for s in range(60)]) for k in (2, 8)
    ]
    assert found.elbo + 0.1 * kl < few[0] < few[1] - 0.1 * kl < found.bound
    assert found.per_image == pytest.approx(exact, abs=0.3)
    assert 1 < found.effective < 5000


@pytest.mark.parametrize("name", ["gaussian", "gaussian_optimal", "laplace", "bernoulli"])
def test_one_draw_is_what_a_hand_computation_gives(name):
    model = fresh(likelihood=name)
    found = importance_bound(model, DATA, samples=1, seed=5)
    x = torch.from_numpy(DATA.images[DATA.test]) / 255
    with torch.no_grad():
        q = model.model.encode(x)
        code = td.Normal(q.mean, (0.5 * q.log_var).exp())
        noise = torch.empty_like(q.mean).normal_(generator=torch.Generator().manual_seed(5))
        z = q.mean + code.stddev * noise
        p = model.model.logits(z).double().sigmoid()
    log_p = {
        "gaussian": lambda: td.Normal(p, 0.1).log_prob(x),
        "gaussian_optimal": lambda: td.Normal(p, found.sigma).log_prob(x),
        "laplace": lambda: td.Laplace(p, 0.1).log_prob(x),
        "bernoulli": lambda: x * p.log() + (1 - x) * (1 - p).log(),
    }[name]()
    exact = log_p.flatten(1).sum(1) + (td.Normal(0.0, 1.0).log_prob(z) - code.log_prob(z)).sum(1)
    assert found.per_image == pytest.approx(exact.numpy(), rel=1e-4)
    assert found.rises == ((1, pytest.approx(exact.mean().item(), rel=1e-4)),)
    assert found.elbo == pytest.approx(found.bound, rel=1e-12)
    if name == "gaussian_optimal":
        assert found.sigma == pytest.approx(math.exp(learned_log_sigma(model, DATA, 5)))


def test_the_elbo_agrees_with_the_evaluation():
    model = fresh(likelihood="gaussian")
    seeds = [evaluate(model, DATA, seed=s).elbo for s in range(40)]
    found = importance_bound(model, DATA, samples=2000)
    assert found.elbo == pytest.approx(np.mean(seeds), abs=5 * np.std(seeds) / math.sqrt(40))
    assert found.bound > found.elbo


def test_no_more_is_decoded_at_a_time_than_said(monkeypatch):
    model, data, exact, _ = linear(0.5, 2.0)
    sizes = []
    logits = model.model.logits
    monkeypatch.setattr(model.model, "logits", lambda z: (sizes.append(len(z)), logits(z))[1])
    for rows in (256, 7):
        monkeypatch.setattr(likelihood, "ROWS", rows)
        for samples in (3, 400):
            sizes.clear()
            found = importance_bound(model, data, samples=samples)
            assert max(sizes) <= rows
            assert sum(sizes) == 9 * samples
            assert found.bound == pytest.approx(exact.mean(), abs=0.05 if samples == 400 else 1.0)


def test_sums_as_they_come_are_those_of_all_at_once():
    rng = np.random.default_rng(0)
    log_w = rng.normal([[-9000.0], [0.0], [5000.0]], [[30.0], [1.0], [300.0]], (3, 1000))
    sums = likelihood._Sums(3)
    for part in np.array_split(log_w, [1, 4, 300, 301], axis=1):
        sums.add(part)
    top = log_w.max(1, keepdims=True)
    w = np.exp(log_w - top)
    assert sums.log_mean() == pytest.approx(top[:, 0] + np.log(w.mean(1)), rel=1e-12)
    assert sums.mean() == pytest.approx(log_w.mean(1), rel=1e-12)
    assert sums.effective() == pytest.approx(w.sum(1) ** 2 / np.square(w).sum(1), rel=1e-9)


def test_a_bound_is_seeded_and_may_take_some_of_the_images():
    model = fresh()
    one, same, other = (importance_bound(model, DATA, samples=20, seed=s) for s in (1, 1, 2))
    assert one.to_json() == same.to_json()
    assert one.bound != other.bound
    shown = json.loads(json.dumps(one.to_json(), allow_nan=False))
    assert shown["rises"][0][0] == 1
    assert shown["images"] == 9
    assert "per_image" not in shown
    shares = []
    few = importance_bound(
        model, DATA, samples=600, most=4, split="train", progress=lambda share, what: shares.append(share)
    )
    assert few.images == len(few.per_image) == 4
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert importance_bound(model, DATA, samples=5, most=1).standard_error == 0.0


@pytest.mark.parametrize("samples", [0, 5001])
def test_a_number_of_draws_out_of_bounds_is_refused(samples):
    with pytest.raises(BadConfig, match="1 to 5,000"):
        importance_bound(fresh(), DATA, samples=samples)


@pytest.mark.parametrize("wrong", [{"most": -5}, {"seed": -1}, {"seed": 2**70}])
def test_a_negative_number_of_images_or_seed_is_refused(wrong):
    with pytest.raises(BadConfig, match="expected 0"):
        importance_bound(fresh(), DATA, samples=2, **wrong)
    if "seed" in wrong:
        with pytest.raises(BadConfig, match="expected 0"):
            evaluate(fresh(), DATA, **wrong)


def test_a_plain_autoencoder_or_no_images_have_no_bound():
    with pytest.raises(BadConfig, match="plain autoencoder"):
        importance_bound(fresh(objective="autoencoder"), DATA)
    with pytest.raises(BadImages, match="no test images"):
        importance_bound(fresh(), dataclasses.replace(DATA, test=DATA.test[:0]))
