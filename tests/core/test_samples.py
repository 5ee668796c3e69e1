"""Numbers of samples against planted truths, and the sentences that follow from them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers import blob_set, config_of

from vae_core.data import open_images
from vae_core.errors import BadRun, TooFewPoints
from vae_core.evaluation import samples
from vae_core.evaluation.claims import Claim, Measured, claims
from vae_core.evaluation.samples import (
    COOL,
    MIXTURE,
    PRIOR,
    coverage,
    eye_of,
    frechet_distance,
    inside,
    measure_samples,
    stored_samples,
)
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run


def test_the_frechet_distance_of_gaussians_is_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((200_000, 2)) * (1.0, 3.0)
    b = rng.standard_normal((200_000, 2)) * (2.0, 1.0) + (3.0, 0.0)
    wanted = 9 + (1 - 2) ** 2 + (3 - 1) ** 2  # |difference of means|² + Σ (σ_a − σ_b)²
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=0.01)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(frechet_distance(a, b), rel=1e-6)


def test_precision_and_recall_see_what_is_made_up_and_what_is_left_out() -> None:
    rng = np.random.default_rng(0)
    real = np.concatenate((rng.normal(0, 0.1, (200, 2)), rng.normal(5, 0.1, (200, 2))))
    half = rng.normal(0, 0.1, (400, 2))
    assert inside(half, real) > 0.9, "what is made lies among real ones"
    assert inside(real, half) == pytest.approx(0.5, abs=0.06), "one of two heaps is left out"
    strange = rng.normal(20, 0.1, (400, 2))
    assert inside(strange, real) == 0
    with pytest.raises(TooFewPoints):
        inside(real, real[:3])


def test_coverage_counts_classes_against_the_datas_own() -> None:
    real = np.repeat([0, 1, 3], [50, 30, 20])
    assert coverage(real, real, 4) == (1.0, 3, 0.0)
    least, hit, divergence = coverage(np.repeat([0, 1], [50, 50]), real, 4)
    assert (least, hit) == (0.0, 2)
    assert divergence == pytest.approx(0.5 * np.log(0.5 / 0.5) + 0.5 * np.log(0.5 / 0.3))


@pytest.mark.slow
def test_a_runs_samples_are_measured_once_for_its_weights(store: Store, places: Places) -> None:
    data = open_images("tiny", 16, places)
    run = store.create(config_of(dataset="tiny"), "mine")
    with pytest.raises(BadRun):
        measure_samples(run, data)
    assert stored_samples(run) is None
    assert train_run(run, places).state == FINISHED
    shares: list[float] = []
    found = measure_samples(run, data, lambda share, words: shares.append(share), drawn=300)
    assert shares == sorted(shares)
    assert set(found.numbers) == {PRIOR, COOL, MIXTURE}
    assert found.numbers[COOL] != found.numbers[PRIOR]
    assert found.tested == 9
    assert found.real.sharpness == pytest.approx(1, abs=0.1), "real images are the yardstick of each number"
    assert found.real.recall > found.numbers[PRIOR].recall
    with pytest.raises(TooFewPoints, match="10 samples tell nothing"):
        measure_samples(run, data, drawn=10)
    assert stored_samples(run) == found
    assert (found.classes, found.labelled) == (2, True)
    one = found.numbers[PRIOR]
    assert 0 <= one.precision <= 1
    assert 0 <= one.recall <= 1
    assert one.frechet > found.real.frechet, "a run of two epochs is further off than unseen images"
    again = measure_samples(run, data, drawn=300)
    assert again == found, "the same weights give the same numbers"


def test_without_labels_clusters_stand_for_classes_and_it_is_said(store: Store, places: Places) -> None:
    run = store.create(config_of(dataset="tiny"), "mine")
    for labels in (None, np.zeros(400, np.int64)):
        data = dataclasses.replace(blob_set(400), labels=labels)
        eye = eye_of(run, data)
        assert not eye.labelled
        assert "no labels to tell apart" in eye.words
        found = eye.classes(data.images)
        assert set(found) == set(range(eye.count))
        assert len(eye.features(data.images)) == 400
    blank = blob_set(400)
    assert eye_of(run, blank).labelled
    assert samples.CLUSTERS == 10


VAE = Measured("VAE", (60.0, 62.0), (0.4, 0.42), (0.85, 0.86), (0.7, 0.8))
GAN = Measured("GAN", (20.0, 35.0), (0.95, 1.0), (0.6, 0.7), (0.2, 0.3))


def by_name(found: list[Claim]) -> dict[str, Claim]:
    return {claim.name: claim for claim in found}


def test_claims_that_hold_and_that_do_not() -> None:
    found = by_name(claims({"vae": VAE, "gan": GAN}))
    assert [found[name].holds for name in ("Stability", "Sharpness", "Coverage")] == [True, True, True]
    assert "2 % for VAE" in found["Stability"].sentence.replace("%", " %")
    turned = by_name(
        claims({"vae": dataclasses.replace(GAN, title="VAE"), "gan": dataclasses.replace(VAE, title="GAN")})
    )
    assert [turned[name].holds for name in ("Stability", "Sharpness", "Coverage")] == [False, False, False]
    assert all("does not hold" in turned[name].sentence for name in ("Stability", "Sharpness", "Coverage"))


def test_seeds_that_overlap_decide_nothing() -> None:
    found = by_name(claims({"vae": VAE, "gan": dataclasses.replace(GAN, sharpness=(0.41, 1.0))}))
    assert found["Sharpness"].holds is None
    assert "do not decide" in found["Sharpness"].sentence


def test_what_is_missing_is_named() -> None:
    alone = by_name(claims({"vae": VAE}))
    assert "No GAN is among these models" in alone["Coverage"].sentence
    assert alone["Sharpness"].holds, "against the images themselves"
    assert "No β-VAE" in alone["Interpretability"].sentence
    one = by_name(claims({"vae": dataclasses.replace(VAE, frechet=(60.0,)), "gan": GAN}))
    assert "Two seeds of each" in one["Stability"].sentence
    unmeasured = by_name(claims({"vae": Measured("VAE"), "gan": GAN}))
    assert "not measured yet" in unmeasured["Coverage"].sentence
    bare = {"beta-vae": Measured("β-VAE"), "autoencoder": Measured("Autoencoder")}
    assert "factors are known" in by_name(claims(bare))["Interpretability"].sentence
    scored = {
        "beta-vae": Measured("β-VAE", score=(0.3, 0.4)),
        "autoencoder": Measured("Autoencoder", score=(0.1, 0.2)),
    }
    assert by_name(claims(scored))["Interpretability"].holds
    one_each = {kind: dataclasses.replace(m, score=m.score[:1]) for kind, m in scored.items()}
    found = by_name(claims(one_each))["Interpretability"]
    assert found.holds is None
    assert "0.3 for β-VAE, 0.1 for Autoencoder. Two seeds" in found.sentence


def test_two_spreads_that_hardly_differ_decide_nothing() -> None:
    near = dataclasses.replace(GAN, frechet=(20.0, 20.7))
    assert by_name(claims({"vae": VAE, "gan": near}))["Stability"].holds is None


def test_too_few_images_are_refused_with_how_many_it_takes(store: Store, places: Places) -> None:
    run = store.create(config_of(dataset="tiny"), "few")
    assert train_run(run, places).state == FINISHED
    with pytest.raises(TooFewPoints, match="compared with 50 training and 5 test images or more"):
        measure_samples(run, blob_set(40))


def test_noise_is_not_called_sharp() -> None:
    found = by_name(claims({"vae": VAE, "gan": dataclasses.replace(GAN, sharpness=(3.9, 3.7))}))["Sharpness"]
    assert found.holds is None
    assert "noise rather than detail" in found.sentence
