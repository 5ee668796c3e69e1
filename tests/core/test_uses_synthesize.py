"""Drawing images: ways, copies, classes, and what is left out, each on a planted case."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers import config_of, write_blobs

from vae_core.data.imageset import silent
from vae_core.errors import TooFewPoints
from vae_core.runs.record import FINISHED
from vae_core.runs.worker import train_run
from vae_core.uses.registry import USES
from vae_core.uses.subject import open_subject
from vae_core.uses.synthesize import (
    BESIDE,
    BY_CLASS,
    COPIES,
    MIXTURE,
    PCA,
    PCA_CLASS,
    PRIOR,
    SynthesizeSettings,
    measure,
)
from vae_core.uses.synthesize_ways import (
    Way,
    class_gaussians,
    components,
    jackknife,
    neighbours,
    prior,
    rivals_line,
)

FEW = SynthesizeSettings(temperatures=(0.5, 1.0), drawn=60)


# ---------------------------------------------------------------- formulas


def test_temperature_stretches_the_same_codes() -> None:
    way = Way("w", True, prior, lambda codes: codes.reshape(-1, 1, 1, 2))
    noise = np.random.default_rng(3).standard_normal((4, 2)).astype(np.float32)
    cold, _ = prior(noise, np.random.default_rng(0), 0.5)
    np.testing.assert_allclose(cold, 0.5 * noise)
    a, b = way.draw(4, 2, 0.0, seed=1)[0], way.draw(4, 2, 1.0, seed=1)[0]
    assert (a == 0).all()
    assert (b > 0).any()
    np.testing.assert_array_equal(b, way.draw(4, 2, 1.0, seed=1)[0])


def test_neighbours_without_warmth_are_the_codes_themselves() -> None:
    mean, std = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
    codes, labels = neighbours(mean, std)(np.ones((50, 2)), np.random.default_rng(0), 0.0)
    assert labels is None
    assert {tuple(row) for row in codes} == {tuple(row) for row in mean}


def test_class_gaussians_find_planted_means_and_covariances() -> None:
    rng = np.random.default_rng(0)
    root = np.array([[1.0, 0.0], [0.8, 0.3]])
    codes = rng.standard_normal((6_000, 2)) @ root.T
    labels = np.repeat([0, 2, -1], 2_000)
    codes[labels == 2] += (5, -3)
    found = class_gaussians(codes, labels)
    assert found.labels.tolist() == [0, 2]
    np.testing.assert_allclose(found.shares, 0.5)
    np.testing.assert_allclose(found.means, [[0, 0], [5, -3]], atol=0.1)
    np.testing.assert_allclose(found.roots[1] @ found.roots[1].T, root @ root.T, atol=0.08)
    drawn, asked = found.codes(rng.standard_normal((4_000, 2)), rng, 1.0)
    assert asked is not None
    np.testing.assert_allclose(drawn[asked == 2].mean(0), (5, -3), atol=0.1)


def test_a_small_class_takes_the_covariance_of_all() -> None:
    rng = np.random.default_rng(0)
    codes = np.concatenate((3 * rng.standard_normal((2_000, 2)), [[0, 0], [0.1, 0.1]]))
    found = class_gaussians(codes, np.repeat([0, 1], (2_000, 2)))
    np.testing.assert_allclose(found.roots[1] @ found.roots[1].T, 9 * np.eye(2), atol=0.7)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 0, 0, 1], [-1, -1, 0, 0]])
def test_one_class_is_none_to_ask_for(labels: list[int]) -> None:
    with pytest.raises(TooFewPoints, match="two classes"):
        class_gaussians(np.eye(4), np.array(labels))


def test_components_give_back_what_lies_in_them() -> None:
    rng = np.random.default_rng(0)
    flat = 0.5 + 0.1 * rng.standard_normal((200, 2)) @ rng.standard_normal((2, 64)) / 3
    images = np.rint(255 * np.clip(flat, 0, 1)).astype(np.uint8).reshape(-1, 1, 8, 8)
    found = components(images, 2)
    codes = found.encode(images)
    np.testing.assert_allclose(codes.std(0), 1, atol=0.02)
    np.testing.assert_allclose(found.decode(codes), images / 255, atol=0.01)
    with pytest.raises(TooFewPoints, match="three images"):
        components(images[:2], 2)


def test_the_jackknife_of_a_mean_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        values = rng.exponential(size=200)
        value, low, high = jackknife(lambda rows, values=values: float(values[rows].mean()), 200)
        assert value == values.mean()
        hits += low <= 1 <= high
    assert 0.91 < hits / 400 < 0.98
    with pytest.raises(TooFewPoints, match="40 images"):
        jackknife(lambda rows: 0.0, 39)


def test_the_line_of_copies_needs_twenty_images() -> None:
    assert rivals_line(np.linspace(0, 1, 101)) == pytest.approx(0.05)
    assert rivals_line(np.ones(19)) is None


# ---------------------------------------------------------------- a run


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    return subject_of(tmp_path_factory.mktemp("home"))


def subject_of(home, data=None, **changes):

    from vae_core.places import Places
    from vae_core.runs.store import Store

    places = Places(home / "home", home / "downloads")
    write_blobs(places.datasets, **({"count": 600} | (data or {})))
    run = Store(places).create(config_of(**({"epochs": 4} | changes)), "mine")
    assert train_run(run, places).state == FINISHED
    return open_subject(run)


def test_a_run_draws_every_way_and_says_how_near(subject) -> None:
    found = measure(subject, FEW, silent)
    assert [w["name"] for w in found.more["ways"]] == [PRIOR, MIXTURE, BESIDE, BY_CLASS, PCA, PCA_CLASS]
    assert {row.metric for row in found.rows} <= set(USES["synthesize"].means)
    for row in found.rows:
        assert row.low is not None
        assert row.low <= row.value <= row.high
    assert found.pictures["drawn prior"].shape == found.pictures["nearest prior"].shape == (2, 8, 1, 16, 16)
    numbers = found.more["drawn"][PRIOR]["numbers"][1]
    assert set(numbers) <= set(subject.train.tolist())
    drawn, near = found.pictures["drawn prior"][1] / 255, subject.images(np.array(numbers)) / 255
    far = np.sqrt(np.square(drawn - near).mean((1, 2, 3)))
    np.testing.assert_allclose(found.more["drawn"][PRIOR]["distances"][1], far, atol=1e-3)
    assert found.pictures["classes"].shape[:2] == (2, 8)
    again = measure(subject, FEW, silent)
    assert again.rows == found.rows
    assert again.sentences == found.sentences


def test_a_decoder_that_gives_back_training_images_is_found_out(subject) -> None:
    """Posteriors without noise around training codes, decoded as the training images: all are copies."""
    images = subject.images(subject.train)
    codes = subject.model.encode(images).mean

    class Parrot:
        def __getattr__(self, name):
            return getattr(subject.model, name)

        def decode(self, z):
            from vae_core.latent.nearest import nearest_rows

            return images[nearest_rows(np.asarray(z), codes)[0]] / 255

    found = measure(dataclasses.replace(subject, model=Parrot()), FEW, silent)
    for row in found.of(COPIES, {"temperature": 1.0}, ours=True):
        assert row.value > 0.9, row
    assert any("by heart" not in s and "drawn again" in s for s in found.sentences)


def test_an_autoencoder_has_no_prior_and_says_which_ways_remain(tmp_path) -> None:
    found = measure(subject_of(tmp_path, objective="autoencoder"), FEW, silent)
    names = [w["name"] for w in found.more["ways"]]
    assert PRIOR not in names
    assert BESIDE not in names
    assert MIXTURE in names
    assert any("has no prior" in s for s in found.sentences)


def test_three_images_draw_what_they_can(tmp_path) -> None:
    found = measure(subject_of(tmp_path, {"count": 3}, batch_size=2, epochs=1), FEW, silent)
    assert [w["name"] for w in found.more["ways"]] == [PRIOR, BESIDE]
    assert not found.of(COPIES)
    assert any("Fewer than 20 test images" in s for s in found.sentences)
    assert any("needs 50 training" in s for s in found.sentences)


def test_images_without_labels_are_drawn_without_classes(tmp_path) -> None:
    one = subject_of(tmp_path)
    bare = dataclasses.replace(one, data=dataclasses.replace(one.data, labels=None, label_names=()))
    found = measure(bare, FEW, silent)
    assert BY_CLASS not in [w["name"] for w in found.more["ways"]]
    assert "classes" not in found.pictures
    assert any("no labels" in s for s in found.sentences)
