"""Denoise: filters on planted images, what is said of planted numbers, and a run measured from end to end."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from helpers import blob_set, blobs

from vae_core.config import ObjectiveConfig
from vae_core.errors import BadConfig, BadImages
from vae_core.objectives import NOISES
from vae_core.uses import denoise, denoiser
from vae_core.uses import denoise_filters as filters
from vae_core.uses.denoise_words import of_method
from vae_core.uses.found import Found, Row
from vae_core.uses.likeness import psnr
from vae_core.uses.registry import USES
from vae_core.uses.subject import open_subject

FEW = {"images": 6, "latent_dim": 4, "samples": 4, "steps": 30, "levels": (0.1, 0.4)}
GAUSSIAN = NOISES["gaussian"]


@pytest.fixture(autouse=True)
def _few_tuning_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoise, "TUNING", 2)


def spots(count: int = 12, channels: int = 1) -> np.ndarray:
    return blobs(count, 16, channels)[0].astype(np.float32) / 255


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# ---------------------------------------------------------------- intervals


def test_an_interval_holds_its_mean_and_is_that_of_the_mean() -> None:
    values = rng().normal(20, 2, 400)
    found = denoise.mean_interval(values, rng(1).integers(400, size=(2000, 400)))
    assert found.value == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert (found.low, found.high) == (
        pytest.approx(found.value - half, abs=0.03),
        pytest.approx(found.value + half, abs=0.03),
    )


# ---------------------------------------------------------------- filters


@pytest.mark.parametrize("channels", [1, 3])
def test_each_filter_brings_a_noisy_image_nearer_and_keeps_its_form(channels: int) -> None:
    clean = spots(channels=channels)
    noisy = denoise.with_noise(clean, GAUSSIAN, 0.2, rng())
    parts = filters.in_use(spots(60, channels), 6)
    for name, options in filters.candidates(parts).items():
        plain, line = filters.tuned(options, noisy, clean)
        found = plain.apply(noisy)
        assert found.shape == clean.shape, name
        assert psnr(found, clean).mean() > psnr(noisy, clean).mean() + 2, name
        assert line.value >= plain.value - 1e-6, name


def test_components_keep_what_lies_in_them_and_are_as_many_as_images_differ_in() -> None:
    axes = np.linalg.qr(rng().standard_normal((64, 3)))[0].T
    images = (0.5 + rng(1).standard_normal((40, 3)) @ (axes * 0.1)).reshape(40, 1, 8, 8)
    for some in (images, images[:9]):
        found = filters.in_use(some, 10)
        assert found.axes.shape == (3, 64)
        np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(3), atol=1e-5)
        np.testing.assert_allclose(filters.project(found, 0.0)(images.astype(np.float32)), images, atol=1e-5)
    assert len(filters.in_use(images, 2).axes) == 2
    shrunk = filters.project(found, 1e9)(images.astype(np.float32))
    np.testing.assert_allclose(
        shrunk, np.broadcast_to(found.mean.reshape(1, 1, 8, 8), shrunk.shape), atol=1e-5
    )


def test_a_brightness_line_undoes_a_line_and_leaves_flat_images() -> None:
    clean = spots()
    scale, shift = filters.brightness_line(0.5 * clean + 0.2, clean)
    assert (scale, shift) == (pytest.approx(2, rel=1e-4), pytest.approx(-0.4, rel=1e-4))
    assert filters.brightness_line(np.full_like(clean, 0.3), clean) == (1, 0)


def test_tuning_takes_the_settings_that_are_best_on_the_images() -> None:
    clean = spots()
    options = [(f"{k}", lambda x, k=k: (1 - k) * x) for k in (0.3, -0.1, 0.05)]
    plain, _ = filters.tuned(options, clean, clean)
    assert plain.said == "0.05"


# ---------------------------------------------------------------- words


def gains(*values: tuple[float, float, float]) -> list[Row]:
    rows = [Row("ours", True, "gain", "dB", v, a, b, 9, {"σ": k + 1.0}) for k, (v, a, b) in enumerate(values)]
    return rows + [
        Row("median", False, "PSNR", "dB", 20, 19, 21, 9, {"σ": k + 1.0}) for k in range(len(values))
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([(1, 0.5, 1.5), (2, 1, 3)], "It beats the best baseline at every level, by 1.0 to 2.0 dB."),
        ([(-1, -2, -0.5)], "It loses to median at every level, by 1.0 dB."),
        (
            [(-1, -2, -0.5), (-3, -4, -2), (0.1, -1, 1), (2, 1, 3), (3, 2, 4)],
            "It beats the best baseline from σ 4 on, by 2.0 to 3.0 dB, and loses to median up to σ 2, by 1.0 to 3.0 dB, and is "
            "level with it at σ 3.",
        ),
    ],
)
def test_wins_losses_and_ties_are_said_with_their_levels(values, said) -> None:
    levels = [k + 1.0 for k in range(len(values))]
    assert of_method(gains(*values), GAUSSIAN, levels, "ours", "It") == said


# ---------------------------------------------------------------- a run


def test_a_measured_run_has_every_method_at_every_level_and_leaves_its_denoiser(
    mine, vae_core, places
) -> None:
    words = [f"--{k.replace('_', '-')}" for k in ("images", "latent_dim", "samples", "steps")]
    given = [
        w
        for k, word in zip(("images", "latent_dim", "samples", "steps"), words, strict=True)
        for w in (word, str(FEW[k]))
    ]
    code, out, err = vae_core("uses", "denoise", "mine", "--json", "--levels", "0.1", "0.4", *given)
    assert code == 0, err
    found = json.loads(out)
    at = {row["at"]["σ"] for row in found["rows"]}
    assert at == {0.1, 0.4}
    by_method = {(row["method"], row["at"]["σ"]): row for row in found["rows"] if row["metric"] == "PSNR"}
    assert len(by_method) == 2 * len(found["more"]["methods"])
    assert {m for m, _ in by_method} >= {
        "noisy image",
        "posterior mean",
        denoise.SAMPLES,
        denoise.TRAINED,
        "median",
    }
    for row in by_method.values():
        assert row["low"] <= row["value"] <= row["high"]
        assert row["count"] == 6
    assert by_method["noisy image", 0.1]["value"] > by_method["noisy image", 0.4]["value"]
    assert {row["method"] for row in found["rows"] if row["metric"] == "gain"} >= {
        "posterior mean",
        denoise.TRAINED,
    }
    kept = denoiser.find(places, found["more"]["denoiser"])
    assert kept is not None
    assert kept.latent_dim == 4
    assert kept.config.objective.input_noise.name == "gaussian"


def measured(run, **changes) -> Found:
    settings = denoise.DenoiseSettings(**{**FEW, **changes})
    return USES["denoise"].measure(open_subject(run), settings, lambda *_: None)


def test_the_same_seed_gives_the_same_numbers_whether_the_denoiser_is_new_or_kept(mine) -> None:
    first, again = measured(mine), measured(mine)
    assert first.to_json() == again.to_json()
    for name, value in first.pictures.items():
        np.testing.assert_array_equal(value, again.pictures[name])
    assert measured(mine, seed=1).rows[0].value != first.rows[0].value
    middle = first.pictures["0"]
    assert middle.shape == (2, 6, 1, 16, 16)
    assert len(first.pictures) == len(first.more["methods"]), (
        "clean images, and all but the brightened filter"
    )


@pytest.mark.parametrize("noise", ["salt_pepper", "square", "downscale"])
def test_every_noise_is_measured(mine, noise) -> None:
    found = measured(mine, noise=noise, levels=denoise.LEVELS[noise][::3], steps=10)
    symbol = NOISES[noise].symbol
    assert {row.at[symbol] for row in found.rows} == set(denoise.LEVELS[noise][::3])
    assert found.more["denoiser"].split("-")[2] == noise


def test_an_autoencoder_says_that_it_has_no_samples(store, places, vae_core) -> None:
    from command_line import TINY

    words = [w for w in TINY if w != "bernoulli"]
    words.remove("--likelihood")
    code, _, err = vae_core("train", *words, "--objective", "autoencoder", "--name", "points")
    assert code == 0, err
    found = measured(store.find("points"))
    assert denoise.SAMPLES not in found.more["methods"]
    assert any("no posterior" in s for s in found.sentences)


def test_a_run_that_was_trained_with_noise_is_called_so(mine, monkeypatch) -> None:
    subject = open_subject(mine)
    noisy = ObjectiveConfig(input_noise="gaussian")
    subject.model.config = dataclasses.replace(subject.model.config, objective=noisy)
    found = denoise.measure(subject, denoise.DenoiseSettings(**FEW), lambda *_: None)
    assert any("as it was trained on" in s for s in found.sentences)


def test_few_images_have_few_components_and_too_few_are_refused(mine) -> None:
    subject = open_subject(mine)
    one = dataclasses.replace(subject, splits=dataclasses.replace(subject.splits, test=subject.test[:1]))
    with pytest.raises(BadImages, match="fewer than two test images"):
        denoise.measure(one, denoise.DenoiseSettings(**FEW), lambda *_: None)
    found = measured(mine, latent_dim=200)
    assert any(s.startswith("PCA has") for s in found.sentences)


def test_a_share_beyond_1_is_no_level() -> None:
    with pytest.raises(BadConfig, match="levels: of salt and pepper a level is a share below 1"):
        denoise.DenoiseSettings(noise="salt_pepper", levels=(0.2, 1.0))


def test_the_network_never_sees_a_test_image(mine) -> None:
    """Its settings hold the run's own splits."""
    subject = open_subject(mine)
    chosen = denoiser.settings(subject.model.config, subject.data, "gaussian", 0.5, 4, 30)
    data = blob_set()
    assert chosen.data == subject.model.config.data
    np.testing.assert_array_equal(chosen.data.split(data).test, subject.model.config.data.split(data).test)
    assert chosen.objective.input_noise.params.noise_level == 0.5


def test_filters_are_tuned_on_validation_images_topped_up_by_training_images(mine, monkeypatch) -> None:
    splits = open_subject(mine).splits
    monkeypatch.setattr(denoise, "TUNING", len(splits.validation) + 3)
    found = denoise.tuning_images(splits)
    assert set(splits.validation) < set(found)
    assert len(set(found) & set(splits.train)) == 3
    assert not set(found) & set(splits.test)
