"""Drawing images: ways, copies, classes, and what is left out, each on a planted case."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers import config_of, write_blobs

from vae_core.data.factor_words import FactorWords
from vae_core.data.imageset import silent
from vae_core.errors import BadFactors, TooFewPoints
from vae_core.runs.record import FINISHED
from vae_core.runs.worker import train_run
from vae_core.uses import synthesize_unseen as unseen
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
    jackknife,
    neighbours,
    pca_codes,
    prior,
    rivals_line,
)

FEW = SynthesizeSettings(temperatures=(0.5, 1.0), drawn=60, unseen=False)


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
    found = pca_codes(images, 2)
    codes = found.encode(images)
    np.testing.assert_allclose(codes.std(0), 1, atol=0.02)
    np.testing.assert_allclose(found.decode(codes), images / 255, atol=0.01)
    with pytest.raises(TooFewPoints, match="three images"):
        pca_codes(images[:2], 2)


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


# ---------------------------------------------------------------- what it never saw


FACTORS = {
    "shape": (("square", "heart"), np.array([0, 0, 1, 1, 1, -1])),
    "x": (("left", "middle", "right"), np.array([0, 2, 0, 1, 2, 0])),
}


def test_a_pair_is_named_in_words_or_thirds() -> None:
    for text in ("shape=heart, x=left", " x = low ,shape=heart"):
        values = unseen.pair_of(text, FACTORS)
        both = values[0].holds & values[1].holds
        assert np.flatnonzero(both).tolist() == [2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shape=heart", "two values of two factors"),
        ("x=left, x=right", "two values of two factors"),
        ("size=1, x=left", "no factor 'size'; these images have shape, x"),
        ("shape=star, x=left", "shape has no 'star'; it has square, heart"),
    ],
)
def test_a_pair_that_is_not_there_is_told_with_what_there_is(text: str, says: str) -> None:
    with pytest.raises(BadFactors, match=says):
        unseen.pair_of(text, FACTORS)


def test_groups_are_few_values_or_thirds() -> None:
    names, groups = unseen.groups_of(np.array([0.0, 5.0, 5.0, np.nan]), None)
    assert names == ("0", "5")
    assert groups.tolist() == [0, 1, 1, -1]
    names, groups = unseen.groups_of(np.arange(30.0), FactorWords(low="left", high="right", top=29))
    assert names == ("left", "middle", "right")
    assert np.bincount(groups).tolist() == [10, 9, 11] or np.bincount(groups).tolist() == [10, 10, 10]


def test_the_usual_pair_is_what_shows_most() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 2, (3, 200))
    images = np.zeros((200, 1, 2, 2))
    images[:, 0, 0, 0], images[:, 0, 1, 1] = groups[2], 0.5 * groups[0]
    factors = {name: (("a", "b"), g) for name, g in zip("pqr", groups, strict=True)}
    assert unseen.usual_pair(factors, images, np.arange(200)) == "r=a, p=a"


def test_codes_are_moved_by_the_difference_of_means() -> None:
    seen = np.array([[0.0, 0], [0, 2], [4, 1]])
    found = unseen.moved(np.array([[10.0, 10], [1, 1]]), np.array([1, 0]), seen, np.array([0, 0, 1]), 0)
    np.testing.assert_allclose(found, [[6, 10], [1, 1]])
    np.testing.assert_allclose(unseen.moved(seen, np.zeros(3), seen, np.zeros(3), 7), seen)


def test_squares_of_pixels_become_their_mean() -> None:
    image = np.zeros((1, 1, 64, 64), np.uint8)
    image[..., :2, :2] = 200
    small = unseen.shrunk(image)
    assert small.shape == (1, 1, 32, 32)
    assert small[0, 0, 0, 0] == 200
    assert small.sum() == 200
    assert unseen.shrunk(image[..., :20, :20]).shape[-1] == 20


def test_a_left_out_combination_is_asked_of_both_networks(tmp_path, monkeypatch) -> None:
    """Blobs that never lie at the lower left: one network learns from none of them, the other from some."""
    monkeypatch.setattr(unseen, "EPOCHS", 1)
    monkeypatch.setattr(unseen, "HIDDEN", 32)
    monkeypatch.setattr(unseen, "LEARNED", 1_000)
    monkeypatch.setattr(unseen, "JUDGE_STEPS", 150)
    one = subject_of(tmp_path, {"count": 2_000}, epochs=1)
    learned, told = unseen.learned, []

    def watched(config, data, progress, **named):
        told.append(np.asarray(data.factors))
        return learned(config, data, progress, **named)

    monkeypatch.setattr(unseen, "learned", watched)
    found = unseen.ask(one, "x=low, y=high", 0, silent)
    never, saw = (factors[: -len(one.test)] for factors in told)
    corner = [((f[:, 0] < 0.39) & (f[:, 1] > 0.61)).sum() for f in (never[:1_000], saw[:1_000])]
    assert corner[0] == 0
    assert corner[1] > 50
    rows = {(row.method, row.metric): row for row in found.rows}
    assert rows[unseen.REAL, unseen.COMBINATION].value > 0.9
    # the judge is unsure where the value ends, and there the nearest seen images lie
    assert rows[unseen.NEAREST, unseen.COMBINATION].value < rows[unseen.REAL, unseen.COMBINATION].value - 0.3
    assert rows["PCA: drawn again", unseen.ERROR].value > 0
    assert all(row.low <= row.value <= row.high for row in found.rows)
    assert {row.metric for row in found.rows} <= set(USES["synthesize"].means)
    assert "x low and y high" in found.sentences[0]
    with pytest.raises(BadFactors, match="to ask for it takes 50"):
        unseen.ask(subject_of(tmp_path / "few", {"count": 60}, epochs=1), "x=low, y=high", 0, silent)


def test_images_without_factors_say_why_nothing_is_left_out(subject) -> None:
    bare = dataclasses.replace(subject, data=dataclasses.replace(subject.data, factors=None, factor_names=()))
    found = unseen.ask(bare, "", 0, silent)
    assert not found.rows
    assert "have no factors" in found.sentences[0]
