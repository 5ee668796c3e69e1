"""Lesson 1 says what the network at hand makes true: every answer is planted once."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from lesson_plants import Linear, planted

from vae_core.lessons import squeeze
from vae_core.lessons.material import Material
from vae_core.models.networks import ConvParams, MlpParams
from vae_core.models.sizes import layer_sizes
from vae_core.models.vae import Vae


def material(
    gains: Any = (1, 1, 1, 1), spreads: Any = (1, 1, 1, 1), count: int = 40, **more: Any
) -> Material:
    codes = np.random.default_rng(1).standard_normal((count, len(gains))) * np.asarray(spreads)
    return planted(Linear(gains), codes, **more)


def counts(model: Vae) -> list[tuple[str, int]]:
    return [(size.part, size.count) for size in layer_sizes(model)]


def test_sizes_of_dense_layers() -> None:
    found = counts(Vae("mlp", MlpParams((20, 10)), (1, 8, 8), 3))
    assert found == [
        ("image", 64), ("encoder", 20), ("encoder", 10), ("encoder", 6), ("code", 3), ("decoder", 10), ("decoder", 20),
        ("picture", 64),
    ]  # fmt: skip


def test_sizes_of_convolutions() -> None:
    sizes = layer_sizes(Vae("conv", ConvParams(width=4, units=8), (3, 16, 16), 2))
    assert [size.shape for size in sizes] == [
        (3, 16, 16), (4, 8, 8), (8, 4, 4), (8,), (4,), (2,), (8,), (128,), (4, 8, 8), (3, 16, 16),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("hidden", "dims", "truth"), [((12,), 4, "image"), ((300,), 4, "inner"), ((12,), 200, "code")]
)
def test_where_the_network_is_widest(hidden: tuple[int, ...], dims: int, truth: str) -> None:
    one = material()
    one.model.vae = Vae("mlp", MlpParams(hidden), (1, 8, 8), dims)  # type: ignore[misc]
    one.model.latent_dim = dims  # type: ignore[misc]
    assert squeeze.through(one).question.truth == truth


def test_a_copy_loses_nothing_and_the_average_all() -> None:
    images = np.random.default_rng(0).random((5, 64))
    mean = images.mean(0)
    assert squeeze.lost(images, images, mean) == pytest.approx(np.zeros(5))
    assert squeeze.lost(images, np.broadcast_to(mean, images.shape), mean) == pytest.approx(np.ones(5))


@pytest.mark.parametrize(("rest", "truth"), [(1.0, "well"), (0.6, "worse"), (0.0, "own")])
def test_what_comes_back_of_strange_pictures(rest: float, truth: str) -> None:
    """The images differ in three of 64 directions; in the others `rest` of what is sent comes back."""
    gains = np.full(64, rest)
    gains[:3] = 1
    spreads = np.zeros(64)
    spreads[:3] = 2
    assert squeeze.strange(material(gains, spreads)).question.truth == truth


@pytest.mark.parametrize(
    ("spreads", "truth"),
    [((3, 0.1, 0.1, 0.1, 0.3), "few"), ((2, 2, 0.05, 0.05, 0.3), "some"), ((1, 1, 1, 1), "all")],
)
def test_how_many_numbers_are_needed(spreads: tuple[float, ...], truth: str) -> None:
    """A dimension that never moves the picture keeps something lost at every length, so that shares can be told."""
    one = material((1, 1, 1, 1, 0)[: len(spreads)], spreads)
    assert squeeze.shorter(one, 0).question.truth == truth


def test_of_one_number_all_are_needed() -> None:
    assert squeeze.shorter(material((1,), (2,)), 0).question.truth == "all"


@pytest.mark.parametrize(("own", "longer", "truth"), [(1, 0.1, "trained"), (1, 1, "alike"), (0.1, 1, "cut")])
def test_which_short_code_redraws_better(own: float, longer: float, truth: str) -> None:
    """Of equal images; each network moves the picture by its own share of what it reads."""
    spreads = (3, 2, 0.2, 0.2)
    vae = material((own, own), spreads[:2])
    vae.model.basis = Linear((1, 1, 1, 1)).basis[:2]  # type: ignore[attr-defined]
    codes = np.random.default_rng(1).standard_normal((40, 4)) * spreads
    step = squeeze.trained_for_it(_same(vae, codes, own), cast(Any, Linear((longer, longer, 1, 1))))
    assert step.question.truth == truth


def _same(vae: Material, codes: np.ndarray, own: float) -> Material:
    images = planted(Linear((1, 1, 1, 1)), codes).images
    model = Linear((own, own))
    model.basis = Linear((1, 1, 1, 1)).basis[:2]
    return planted(model, codes[:, :2], images=images)


def test_the_image_that_loses_most() -> None:
    codes = np.zeros((4, 2))
    codes[:, 0], codes[2, 1] = 1, 3
    one = planted(Linear((1, 0)), codes, labels=[0, 1, 2, 3], names=("a", "b", "c", "d"))
    found = squeeze.read_off(one, 0)[1].question
    assert (found.truth, len(found.answers)) == ("2", 4)


@pytest.mark.parametrize(("gain", "truth"), [(1, "0"), (0, "1")])
def test_of_a_single_image_whether_it_loses_much(gain: float, truth: str) -> None:
    codes = np.array([[2.0, 0], [0, 2]])
    one = planted(Linear((gain, gain)), codes)
    losses = squeeze.lost(one.floats[:1], one.model.decode(codes[:1]).reshape(1, -1), one.average)
    assert squeeze.worst(one, np.array([0]), losses).question.truth == truth


@pytest.mark.parametrize(("gains", "truth"), [((1, 1, 1), "2"), ((0, 0, 0), "never")])
def test_how_many_one_image_takes(gains: tuple[float, ...], truth: str) -> None:
    codes = np.zeros((21, 3))
    codes[1::2], codes[2::2] = (
        (3, 2, 1),
        (-3, -2, -1),
    )  # use falls with the number; the mean is the first image
    codes[0] = (1, 1.5, 0.2)
    found = squeeze.enough(planted(Linear(gains), codes), 0).question
    assert found.truth == truth
    assert 2 <= len(found.answers) <= 4


def test_gaps_of_the_map() -> None:
    """A network that draws nothing at all where no image is, and one that draws the same everywhere."""

    class Blank(Linear):
        def decode(self, codes: Any) -> np.ndarray:
            near = np.linalg.norm(np.atleast_2d(codes), axis=1) < 3.5
            return np.where(near[:, None, None, None], super().decode(codes), np.float32(0.5))

    ring = np.array([[3 * np.cos(a), 3 * np.sin(a)] for a in np.linspace(0, 6.28, 40)])
    ring = np.concatenate((ring, np.array([[30.0, 30], [-30, -30]])))
    alike = planted(Linear((1, 1)), ring)
    assert squeeze.between(planted(Blank((1, 1)), ring), alike).question.truth == "blank"
    spots = np.random.default_rng(0).uniform(-2, 2, (400, 2))
    assert squeeze.between(planted(Linear((1, 1)), spots), alike).question.truth in ("like", "far")


def test_every_length_of_a_long_code_is_between_none_and_all() -> None:
    assert squeeze.lengths(3) == (0, 1, 2, 3)
    assert (squeeze.lengths(128)[0], squeeze.lengths(128)[-1]) == (0, 128)
    assert len(squeeze.lengths(128)) <= squeeze.STEPS


@pytest.mark.parametrize("dims", [1, 40])
def test_any_length_of_the_code_can_be_asked_about(dims: int) -> None:
    one = material(np.ones(dims), np.ones(dims))
    steps = (squeeze.through(one), squeeze.strange(one), squeeze.shorter(one, 0), *squeeze.read_off(one, 0))
    assert all(2 <= len(step.question.answers) <= 4 for step in steps)
