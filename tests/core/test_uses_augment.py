"""Augment: what images are made of few labelled ones, whether they help, and the folder to take away."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import zipfile

import numpy as np
import pytest
import torch
from helpers import config_of

from vae_core.data.user.folders import read_folders
from vae_core.errors import BadConfig
from vae_core.evaluation import classifier
from vae_core.inference import Codes
from vae_core.places import Places
from vae_core.runs.run import Run
from vae_core.runs.worker import train_run
from vae_core.uses import augment, making
from vae_core.uses.augment import Augment, Labelled
from vae_core.uses.image_folder import folder_names, image_folder
from vae_core.uses.labelled import pool_of
from vae_core.uses.registry import USES
from vae_core.uses.side_by_side import side_by_side
from vae_core.uses.subject import NoLabels, Subject, open_subject

QUICK = {"steps": 10, "repeats": 2, "made": 6, "test": 30}


@pytest.fixture(autouse=True)
def _judge_of_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "STEPS", 8)


def silent(share: float, words: str) -> None:
    assert 0 <= share <= 1, (share, words)


@pytest.fixture(scope="module")
def subject(trained, tmp_path_factory) -> Subject:
    """The trained run in a home of its own: a judge of few steps kept in the shared home would misjudge for other tests."""
    home = tmp_path_factory.mktemp("augment")
    places = Places(home, home / "downloads")
    shutil.copytree(trained.path, places.runs / trained.id)
    places.datasets.mkdir(exist_ok=True)
    (places.datasets / "digits").symlink_to(trained.places.datasets / "digits")
    return open_subject(Run(places.runs / trained.id, places))


def two_groups() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (40, 2) around (0, 0) and (9, 0) that differ in y alone, log variances, labels."""
    rng = np.random.default_rng(0)
    mean = np.stack((np.repeat([0.0, 9.0], 20), 2 * rng.standard_normal(40)), 1)
    return mean, np.full((40, 2), 2 * np.log(0.1)), np.repeat([3, 8], 20)


def test_noise_is_that_of_the_posterior():
    mean, log_var, labels = two_groups()
    codes, made = making.noisy(
        mean[[0, 20]], log_var[[0, 20]], labels[[0, 20]], 4_000, np.random.default_rng(1)
    )
    assert codes.shape == (8_000, 2)
    np.testing.assert_array_equal(made, np.repeat([3, 8], 4_000))
    for k, at in ((3, mean[0]), (8, mean[20])):
        np.testing.assert_allclose(codes[made == k].mean(0), at, atol=0.01)
        np.testing.assert_allclose(codes[made == k].std(0), 0.1, atol=0.01)


def test_points_between_lie_on_lines_within_a_class():
    mean, _, labels = two_groups()
    codes, made = making.between(mean, labels, 500, np.random.default_rng(2))
    np.testing.assert_allclose(codes[made == 3][:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(codes[made == 8][:, 0], 9, atol=1e-6)
    low, high = mean[:20, 1].min(), mean[:20, 1].max()
    assert ((codes[made == 3][:, 1] >= low) & (codes[made == 3][:, 1] <= high)).all()
    two = making.between(np.array([[0.0], [1.0]]), np.array([5, 5]), 400, np.random.default_rng(3))[0]
    assert ((two > 0.01) & (two < 0.99)).mean() > 0.9, "between two, not on them"
    with pytest.raises(ValueError, match="takes two"):
        making.between(mean[:1], labels[:1], 5, np.random.default_rng(0))


def test_the_gaussian_of_a_class_has_its_mean_and_its_spread():
    rng = np.random.default_rng(4)
    mean = np.concatenate(
        (rng.standard_normal((500, 2)) * [3, 0.5] + [10, 0], rng.standard_normal((500, 2)) * [0.5, 3])
    )
    labels = np.repeat([0, 1], 500)
    codes, made = making.gaussian(mean, np.full((1000, 2), -np.inf), labels, 4_000, rng)
    np.testing.assert_allclose(codes[made == 0].mean(0), [10, 0], atol=0.4)
    np.testing.assert_allclose(codes[made == 0].std(0), [3, 0.5], rtol=0.12)
    np.testing.assert_allclose(codes[made == 1].std(0), [0.5, 3], rtol=0.12)
    few, _ = making.gaussian(mean[[0, 1, 500, 501]], np.zeros((4, 2)), labels[[0, 1, 500, 501]], 4_000, rng)
    assert (few.std(0) > 0.9).all(), "with the posteriors' own variance"


def test_flips_mirror_and_crops_move():
    image = np.zeros((1, 1, 16, 16), np.uint8)
    image[0, 0, 4:12, 4:8] = 255
    image[0, 0, 8:12, 8:10] = 255  # no mirror image of itself
    labels = np.array([2])
    rng = np.random.default_rng(5)
    moved, made = making.transformed(image, labels, 60, rng, flips=False)
    assert moved.shape == (60, 1, 16, 16)
    assert set(made) == {2}
    shifts = [np.roll(image[0], (dy, dx), (1, 2)) for dy in range(-2, 3) for dx in range(-2, 3)]
    assert all(any((one == shift).all() for shift in shifts) for one in moved)
    both, _ = making.transformed(image, labels, 60, rng, flips=True)
    mirrored = [shift[:, :, ::-1] for shift in shifts]
    share = np.mean([any((one == shift).all() for shift in mirrored) for one in both])
    assert 0.2 < share < 0.8


def test_a_classifier_learns_and_made_images_teach_it_what_real_ones_lack():
    """Planted: each real image of class 1 is dark; made ones are as bright as the test images of it."""
    rng = np.random.default_rng(6)

    def images(level: int, count: int) -> np.ndarray:
        return np.clip(level + rng.integers(-9, 10, (count, 1, 16, 16)), 0, 255).astype(np.uint8)

    real = Labelled(
        np.concatenate((images(60, 4), images(90, 4))),
        np.repeat([0, 1], 4),
        Codes(np.zeros((8, 1)), np.zeros((8, 1))),
        2,
        4,
    )
    test = np.concatenate((images(60, 20), images(20, 20)))
    wanted = np.repeat([0, 1], 20)

    def right(made: augment.Made) -> float:
        from vae_core.evaluation.small_network import outputs

        network = augment.trained(augment.started(real, 0), real, made, 80, 0)
        return float((outputs(network, test, 2).argmax(1).numpy() == wanted).mean())

    assert right((real.images[:0], real.labels[:0])) < 0.6
    assert right((images(20, 30), np.ones(30, np.int64))) > 0.9


def test_classifiers_beside_each_other_are_those_trained_one_by_one():
    """Planted: four sets of labelled images, whose classifiers are told apart by what they learned."""
    rng = np.random.default_rng(3)
    threads = torch.get_num_threads()
    sets = []
    for seed in range(4):
        images = rng.integers(0, 256, (20, 1, 16, 16)).astype(np.uint8)
        labels = np.arange(20) % 3
        real = Labelled(images, labels, Codes(np.zeros((20, 1)), np.zeros((20, 1))), 3, 6)
        sets.append((real, (images[::-1].copy(), labels[::-1].copy()), 20, seed))

    def weights(one: tuple) -> dict[str, torch.Tensor]:
        return augment.trained(augment.started(one[0], one[-1]), *one).state_dict()

    with side_by_side() as beside:
        started = [augment.started(one[0], one[-1]) for one in sets]
        waited = [
            beside.submit(augment.trained, network, *one) for network, one in zip(started, sets, strict=True)
        ]
        found = [one.result().state_dict() for one in waited]
        assert beside.submit(torch.get_num_threads).result() == 1
    assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    try:
        apart = [weights(one) for one in sets]
    finally:
        torch.set_num_threads(threads)
    for together, alone in zip(found, apart, strict=True):
        torch.testing.assert_close(together, alone, rtol=0, atol=0)
    assert not torch.equal(found[0]["0.weight"], found[1]["0.weight"])


def test_what_progress_raises_ends_the_measuring(subject):
    def stop(share: float, words: str) -> None:
        if "a class" in words:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        augment.measure(subject, Augment(per_class=(4,), **QUICK), stop)


def test_a_run_is_measured_the_same_for_the_same_seed(subject):
    settings = Augment(per_class=(1, 4), **QUICK)
    found = USES["augment"].measure(subject, settings, silent)
    json.dumps(found.to_json(), allow_nan=False)
    again = augment.measure(subject, settings, silent)
    assert found.rows == again.rows
    assert {row.method for row in found.of("accuracy", {"per class": 4.0})} == set(making.METHODS)
    alone = {row.method for row in found.of("accuracy", {"per class": 1.0})}
    assert alone == set(making.METHODS) - {making.BETWEEN, making.GAUSSIAN}
    assert any("Interpolation is left out at 1 a class" in one for one in found.sentences)
    assert any("learned from" in one and "without their labels" in one for one in found.sentences)
    assert {row.method for row in found.rows if row.ours} == set(making.OURS)
    assert all(0 <= row.low <= row.value <= row.high <= 1 for row in found.of("accuracy"))
    gain = {(row.method, row.at["per class"]): row.value for row in found.of("gain")}
    value = {(row.method, row.at["per class"]): row.value for row in found.of("accuracy")}
    for (method, n), gained in gain.items():
        assert gained == pytest.approx(value[method, n] - value[making.NOTHING, n])
    stops, methods, count = found.pictures["some"].shape[:3]
    assert (stops, methods) == (2, len(making.METHODS) - 1)
    assert not found.pictures["some"][0, found.more["methods"].index(making.BETWEEN)].any()
    assert found.pictures["worst"][1].any(axis=(1, 2, 3, 4)).all()
    assert all(row.count == 2 * 60 for row in found.of("kept class"))
    assert all(len(found.more["worst"][1][m]) == count for m in range(methods))


def test_more_than_a_class_has_is_said_and_more_than_any_has_is_refused(subject):
    labels = np.full(len(subject.data), -1)
    for k, count in ((0, 5), (1, 9)):
        labels[subject.train[10 * k : 10 * k + count]] = k
    labels[subject.test[:40]] = np.arange(40) % 2
    few = dataclasses.replace(subject, data=dataclasses.replace(subject.data, labels=labels))
    pool = pool_of(few, 0, 60_000, 100)
    stops, notes = augment.stops_of(Augment(per_class=(3, 7, 30)), pool, few)
    assert stops == [3, 7]
    assert any("30 a class are left out: the largest class has 9 images" in one for one in notes)
    assert any("smallest class has 5 images: at 7 a class" in one for one in notes)
    with pytest.raises(BadConfig, match=r"no class of .* has 20 labelled training images; the largest has 9"):
        augment.measure(few, Augment(per_class=(20,)), silent)


def test_images_without_labels_are_refused(subject):
    bare = dataclasses.replace(subject, data=dataclasses.replace(subject.data, labels=None))
    with pytest.raises(NoLabels, match="have no labels"):
        augment.measure(bare, Augment(), silent)


def test_an_autoencoder_makes_no_posterior_noise(store, places):
    train_run(store.create(config_of(epochs=1, objective="autoencoder"), "plain"), places)
    subject = open_subject(store.find("plain"))
    found = augment.measure(subject, Augment(per_class=(3,), **QUICK), silent)
    assert {row.method for row in found.of("accuracy", ours=True)} == {making.BETWEEN, making.GAUSSIAN}
    assert any("no posterior noise" in one for one in found.sentences)
    with pytest.raises(BadConfig, match="no posterior"):
        augment.folder_of(subject, Augment(), making.NOISE, 3)


def test_a_folder_is_read_back_with_its_classes(subject):
    body = augment.folder_of(subject, Augment(**QUICK), making.GAUSSIAN, 4)
    assert body == augment.folder_of(subject, Augment(**QUICK), making.GAUSSIAN, 4)
    with zipfile.ZipFile(io.BytesIO(body)) as zipped:
        names = zipped.namelist()
    assert len(names) == 60
    assert "0/0001.png" in names
    read = read_folders([tuple(name.split("/")) for name in names])
    assert read.label_names == subject.data.label_names
    assert read.labels is not None
    assert np.bincount(read.labels).tolist() == [6] * 10


def test_pixels_of_a_folder_are_those_that_were_made():
    from PIL import Image

    images = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 8), np.uint8)
    body = image_folder(images, np.array([1, 0, 1, 1]), ["a/b", "c"])
    with zipfile.ZipFile(io.BytesIO(body)) as zipped:
        assert zipped.namelist() == ["a_b/0001.png", "c/0001.png", "c/0002.png", "c/0003.png"]
        with zipped.open("c/0002.png") as file:
            np.testing.assert_array_equal(np.asarray(Image.open(file)), images[2].transpose(1, 2, 0))


def test_folders_have_names_that_every_system_takes():
    names = folder_names(["train", "../x", "con", "A", "a", "", "größe 1", "test"])
    assert names == ["class train", "x", "class con", "A", "a 2", "class", "größe 1", "class test"]
    read = read_folders([(name, f"{i}.png") for name in names for i in range(2)])
    assert sorted(read.label_names) == sorted(names), "none is taken for a split"
