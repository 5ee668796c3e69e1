"""Distances of pictures in a likelihood's place: what they measure, and that nothing of theirs is called nats."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, of

from vae_core.cli import main
from vae_core.errors import BadConfig
from vae_core.evaluation.likelihood import evaluate, importance_bound
from vae_core.events import Checkpoint, EpochDone, Started
from vae_core.inference import LoadedModel
from vae_core.models.features import Features, feature_distance
from vae_core.objectives.likelihoods import LIKELIHOODS, MsSsimParams, ms_ssim_distance
from vae_core.objectives.similarity import C1, C2, WEIGHTS, ms_ssim, scales_of, window_of
from vae_core.runs.record import Record, data_of
from vae_core.runs.store import Store
from vae_core.sweep import create_sweep
from vae_core.training import resolve, train
from vae_core.training.feed import Feed
from vae_core.training.turns import learn_turns, turned

NONE = [entry.name for entry in LIKELIHOODS.values() if not entry.is_likelihood]


@pytest.mark.parametrize(
    ("side", "window", "scales"), [(8, 3, 2), (16, 3, 3), (28, 7, 3), (32, 7, 3), (64, 11, 3), (128, 11, 4)]
)
def test_window_and_scales_fit_the_side(side, window, scales):
    assert (window_of(side), scales_of(side)) == (window, scales)
    x = torch.rand(2, 3, side, side)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(2))


def plain(a, b, side):
    """The same by loops over places, one picture of one channel."""
    window, count = window_of(side), scales_of(side)
    offsets = np.arange(window) - (window - 1) / 2
    taps = np.exp(-0.5 * (offsets / (1.5 * window / 11)) ** 2)
    weight = np.outer(taps, taps) / taps.sum() ** 2
    found = 1.0
    for scale in range(count):
        similar = []
        for r in range(len(a) - window + 1):
            for c in range(len(a) - window + 1):
                x, y = a[r : r + window, c : c + window], b[r : r + window, c : c + window]
                mx, my = (weight * x).sum(), (weight * y).sum()
                vx, vy = (weight * (x - mx) ** 2).sum(), (weight * (y - my) ** 2).sum()
                value = (2 * (weight * (x - mx) * (y - my)).sum() + C2) / (vx + vy + C2)
                if scale == count - 1:
                    value *= (2 * mx * my + C1) / (mx**2 + my**2 + C1)
                similar.append(value)
        found *= max(1e-3, np.mean(similar)) ** (WEIGHTS[scale] / sum(WEIGHTS[:count]))
        half = len(a) // 2
        a, b = (p[: 2 * half, : 2 * half].reshape(half, 2, half, 2).mean((1, 3)) for p in (a, b))
    return found


@pytest.mark.parametrize("side", [16, 28])
def test_ms_ssim_is_what_its_definition_says(side):
    rng = np.random.default_rng(0)
    a = rng.random((2, 3, side, side))
    b = 0.6 * a + 0.4 * rng.random(a.shape)
    wanted = [np.mean([plain(a[n, c], b[n, c], side) for c in range(3)]) for n in range(2)]
    found = ms_ssim(torch.from_numpy(a), torch.from_numpy(b))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)
    assert 0.1 < found.min() < found.max() < 0.95


def test_blurring_costs_more_than_a_change_of_brightness():
    x = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
    blurred = torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    brighter = x + (blurred - x).square().mean().sqrt()  # by as much squared error
    assert ms_ssim(x, blurred).max() < ms_ssim(x, brighter).min() - 0.2


def test_the_rest_is_the_absolute_error():
    logits, x = torch.randn(3, 1, 16, 16), torch.rand(3, 1, 16, 16)
    absolute = (logits.sigmoid() - x).abs().flatten(1).mean(1)
    structure = 1 - ms_ssim(logits.sigmoid(), x)
    found = ms_ssim_distance(logits, x, MsSsimParams(structure=0.25, strength=3.0))
    torch.testing.assert_close(found, 3 * 256 * (0.25 * structure + 0.75 * absolute))


# ---------------------------------------------------------------- features


def pinwheels(count=160):
    """Pictures with a bright upper left corner: which way one was turned is plain."""
    images = np.random.default_rng(0).integers(0, 60, (count, 1, 16, 16)).astype(np.uint8)
    images[:, :, :6, :6] = 255
    images[:, :, 2:10, 12:] = 160
    return images


def feed_of(images):
    data = dataclasses.replace(blob_set(len(images), 16), images=images)
    return Feed(data, np.arange(len(images)), 0, torch.device("cpu"), torch.contiguous_format)


def test_a_picture_is_turned_by_its_number_of_quarters():
    x = torch.arange(4.0).reshape(1, 1, 2, 2).repeat(3, 1, 1, 1)
    found = turned(x, torch.tensor([0, 1, 2]))
    assert found[:, 0].tolist() == [[[0, 1], [2, 3]], [[1, 3], [0, 2]], [[3, 2], [1, 0]]]


@pytest.mark.usefixtures("networks_that_learn")
def test_features_learn_to_tell_turns_and_the_same_images_give_the_same_features():
    feed, found = feed_of(pinwheels()), []
    for _ in range(2):
        torch.manual_seed(0)
        features = Features(1)
        assert learn_turns(features, feed, 3, torch.device("cpu")) > 0.9
        assert not any(weight.requires_grad for weight in features.buffers())
        found.append(features)
    for a, b in zip(*(f.buffers() for f in found), strict=True):
        assert torch.equal(a, b)
    x = torch.rand(3, 1, 16, 16)
    assert feature_distance(x, x, found[0]).tolist() == [0.0] * 3
    near, far = (
        feature_distance(x, x + 0.02 * torch.randn_like(x), found[0]),
        feature_distance(x, x.flip(3), found[0]),
    )
    assert (near < far).all()
    assert far.max() < 2


def test_features_are_kept_with_a_run_and_stay_as_they_are():
    data = blob_set(120, 16)
    config = resolve(config_of(likelihood="feature_distance", epochs=2, checkpoint_every=3), data)
    whole = list(train(config, data))
    saved = of(Checkpoint, whole)
    kept = [{k: v for k, v in c.last.items() if k.startswith("features.")} for c in saved]
    assert len(kept[0]) == 6
    assert all(torch.equal(first, other[k]) for other in kept[1:] for k, first in kept[0].items())
    # they are no weights that are learned
    assert (
        of(Started, whole)[0].parameters
        == of(Started, list(train(resolve(config_of(epochs=1), data), data)))[0].parameters
    )
    # and a run that was interrupted goes on bit for bit
    resumed = of(Checkpoint, list(train(config, data, resume=saved[1].resume)))[-1]
    assert all(torch.equal(v, resumed.last[k]) for k, v in saved[-1].last.items())


def test_a_fine_tune_may_change_between_likelihoods_and_distances():
    data = blob_set(120, 16)
    by_features = resolve(config_of(likelihood="feature_distance", epochs=1), data)
    plain = resolve(config_of(epochs=1), data)
    for first, then in ((by_features, plain), (plain, by_features)):
        weights = of(Checkpoint, list(train(first, data)))[-1].last
        begun = of(Checkpoint, list(train(then, data, initial=weights)))[0].last
        assert torch.equal(begun["encoder.1.weight"], weights["encoder.1.weight"])
        assert ("features.kernel0" in begun) == (then is by_features)


# ---------------------------------------------------------------- no nats, no ELBO


@pytest.fixture(scope="module", params=NONE)
def learned(request):
    """(model, images, events) of a short run with a distance for a likelihood."""
    data = blob_set(200, 16)
    config = resolve(config_of(likelihood=request.param, epochs=6), data)
    events = list(train(config, data))
    weights = of(Checkpoint, events)[-1].last
    record = Record("a-1", "a", "now", config, config, {}, data_of(data))
    return LoadedModel(record, weights, "0" * 16), data, events


def test_it_learns_and_its_terms_are_in_no_nats(learned):
    model, _, events = learned
    epochs = of(EpochDone, events)
    assert epochs[-1].validation.distortion < 0.8 * epochs[0].validation.distortion
    assert epochs[-1].active_units > 0
    units = {term.name: term.unit for term in model.config.objective.terms}
    assert units == {"distortion": "no unit, no nats", "rate": "nats per image"}
    assert model.config.objective.loss_unit == "no unit, no nats"
    assert not model.config.objective.has_elbo


def test_evaluated_it_has_a_rate_and_no_elbo(learned):
    model, data, _ = learned
    found = evaluate(model, data)
    assert found.elbo is None
    assert found.rate > 0
    assert found.no_elbo.endswith("is no likelihood: its distance is in no nats, so there is no ELBO.")
    assert found.to_json()["no_elbo"] == found.no_elbo
    with pytest.raises(BadConfig, match=r"no likelihood.*no bound on log p"):
        importance_bound(model, data, samples=2)


@pytest.mark.parametrize("name", NONE)
def test_neither_a_sweep_nor_a_dial_compares_it_in_nats(name, store: Store):
    with pytest.raises(BadConfig, match=r"is no likelihood.*A sweep over β compares runs in nats"):
        create_sweep(store, config_of(likelihood=name), [1.0, 4.0], "two")
    assert not store.all()
    with pytest.raises(BadConfig, match=r"is no likelihood.*every β of its dial; choose a likelihood"):
        config_of(likelihood=name, objective="multi_rate")


def test_likelihoods_say_nothing_of_the_kind():
    objective = config_of(likelihood="laplace").objective
    assert (objective.no_elbo, objective.loss_unit, objective.has_elbo) == ("", "nats per image", True)
    assert "no_elbo" not in evaluate_json(objective)


def evaluate_json(objective):
    from vae_core.evaluation.likelihood import Evaluation

    return Evaluation(
        "test", 1, -1.0, 1.0, 0.0, [0.0], 0, 0.0, 0.0, None, no_elbo=objective.no_elbo
    ).to_json()


def test_the_command_line_says_so(places, monkeypatch, capsys):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(places.home))
    monkeypatch.setenv("LATENT_EXPLORER_DATA", str(places.data_dir))
    words = "--dataset tiny --model mlp --hidden 12 --latent-dim 3 --epochs 1 --batch-size 16 --threads 1 --device cpu"
    assert main(["train", *words.split(), "--likelihood", "ms_ssim", "--name", "mine"]) == 0
    said = capsys.readouterr().err
    assert "nats" not in said
    assert main(["evaluate", "mine"]) == 0
    said = capsys.readouterr().out
    assert "no unit, no nats" in said
    assert "MS-SSIM is no likelihood: its distance is in no nats, so there is no ELBO." in said
    assert "−ELBO" not in said
    assert main(["evaluate", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["elbo"] is None
