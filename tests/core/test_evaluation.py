import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of
from torch import distributions as td

from vae_core.errors import BadImages
from vae_core.evaluation import likelihood
from vae_core.evaluation.likelihood import evaluate, learned_log_sigma
from vae_core.inference import LoadedModel
from vae_core.runs.store import Record, data_of
from vae_core.training import make_model, resolve, splits_of

DATA = blob_set()


def fresh(**changes):
    """An untrained model with weights large enough that every term matters."""
    config = resolve(config_of(**changes), DATA)
    torch.manual_seed(2)
    weights = {k: 3 * v for k, v in make_model(config, DATA.shape).state_dict().items()}
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
    splits = splits_of(model.config, DATA)
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
    splits = splits_of(model.config, DATA)
    x = DATA.images[splits.train] / 255
    q = model.encode(DATA.images[splits.train])
    errors = [np.square(model.decode(q.sample(np.random.default_rng(s))) - x).mean() for s in range(30)]
    sigma = math.exp(learned_log_sigma(model, DATA))
    assert sigma**2 == pytest.approx(np.mean(errors), rel=0.05)
    found = evaluate(model, DATA, seed=3)
    sigma = math.exp(learned_log_sigma(model, DATA, 3))
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
        assert (changed == math.log(sigma)) == same


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
    from vae_core import inference

    monkeypatch.setattr(inference, "BATCH", 4)
    shares = []
    evaluate(fresh(), DATA, progress=lambda share, what: shares.append(share))
    assert shares == pytest.approx([4 / 9, 8 / 9, 1.0])
