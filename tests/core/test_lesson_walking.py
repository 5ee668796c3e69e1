"""Lesson 5 says what the run at hand makes true: every answer is planted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lesson_plants import Linear, planted

from vae_core.latent.paths import lerp, slerp
from vae_core.lessons import walking
from vae_core.lessons.lesson import Step
from vae_core.lessons.material import widened
from vae_core.lessons.walking import Ground


def normal(count: int = 60, dims: int = 4, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dims))


def ground(codes: np.ndarray, model: Linear | None = None, **more: Any) -> Ground:
    return Ground(planted(model or Linear(np.ones(codes.shape[1])), codes, **more))


def truth(step: Step) -> str:
    return step.question.truth


@pytest.mark.parametrize(
    ("gains", "expected"), [((3, 1, 1, 1), "same"), ((1, 2, 1, 1), "near"), ((0.5, 1, 1, 1), "other")]
)
def test_whether_the_dearest_dimension_changes_most(gains: tuple[float, ...], expected: str) -> None:
    """The first number costs most, as its spread is least; the decoder's gains say what moves the picture."""
    assert truth(walking.one_at_a_time(ground(normal(), Linear(gains, (0.01, 0.1, 0.1, 0.1))))) == expected


def test_a_single_dimension_is_its_own_first() -> None:
    assert truth(walking.one_at_a_time(ground(normal(dims=1)))) == "same"


@pytest.mark.parametrize(("place", "expected"), [(0.0, "shorter"), (20.0, "like")])
def test_the_length_of_the_middle(place: float, expected: str) -> None:
    """Codes all around the origin, and a cloud far from it."""
    assert truth(walking.line_or_arc(ground(normal() + place))) == expected


def test_a_middle_that_is_longer_than_its_ends() -> None:
    """No line does this: the mean of two is never longer than the mean of their lengths."""
    found = ground(normal())
    ends = np.linalg.norm(found.material.codes.mean[found.pairs], axis=2).mean(1)
    assert (np.linalg.norm(found.middles(lerp), axis=1) <= ends + 1e-6).all()
    assert np.linalg.norm(found.middles(slerp), axis=1) == pytest.approx(ends, rel=1e-4)


class Squashing(Linear):
    """Codes longer than `reach` are drawn as if they ended there."""

    reach = 1.0

    def decode(self, codes: Any) -> np.ndarray:
        codes = np.atleast_2d(codes)
        length = np.linalg.norm(codes, axis=1, keepdims=True)
        return super().decode(codes * np.minimum(1, self.reach / np.maximum(length, 1e-9)))


@pytest.mark.parametrize(("reach", "expected"), [(1.0, "like"), (2.4, "odd"), (99.0, "far")])
def test_what_codes_far_out_look_like(reach: float, expected: str) -> None:
    model = Squashing(np.ones(4))
    model.reach = reach
    assert truth(walking.far_out(ground(normal(200), model))) == expected


def two_groups(gap: float, spread: float) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(60) % 2
    codes = normal() * spread
    codes[:, 0] += gap * labels
    return codes, labels


def test_an_arrow_between_two_clouds() -> None:
    codes, labels = two_groups(4, 0.3)
    step = walking.arrow(ground(codes, labels=labels, names=("plain", "hat")))
    assert truth(step) == "most"
    assert "labelled hat" in step.question.text


def test_an_arrow_that_leads_nowhere() -> None:
    """The classes lie on a ring and in its middle: their means agree, and the arrow is next to nothing."""
    angles = np.linspace(0, 2 * np.pi, 31)[:-1]
    ring = 3 * np.stack((np.cos(angles), np.sin(angles)), 1)
    codes, labels = np.concatenate((ring, 0.2 * normal(30, 2))), np.repeat([0, 1], 30)
    assert truth(walking.arrow(ground(codes, labels=labels))) == "few"


def test_an_arrow_that_serves_half() -> None:
    """The first class lies in two places; from one of them the arrow leads to a third class instead."""
    spots = np.array([(0, 0), (0, 9), (4, 0), (4, 0), (4, 4.5), (4, 4.5)])
    codes = spots.repeat(5, 0) + 0.01 * normal(30, 2)
    assert truth(walking.arrow(ground(codes, labels=np.repeat([0, 1, 2], 10)))) == "some"


def test_groups_by_factor_before_label_before_brightness() -> None:
    codes = normal()
    labels, factors = np.arange(60) % 3, np.stack((np.zeros(60), codes[:, 0]), 1)
    by_factor = walking.groups(
        planted(
            Linear(np.ones(4)), codes, labels=labels, factors=factors, factor_names=("still", "hair_length")
        )
    )
    assert by_factor.names == ("low in “hair length”", "high in “hair length”")
    assert codes[by_factor.without, 0].max() < codes[by_factor.having, 0].min()
    by_label = walking.groups(planted(Linear(np.ones(4)), codes, labels=labels, names=("a", "b", "c")))
    assert (by_label.names, int(by_label.having.sum())) == (("labelled a", "labelled b"), 20)
    by_light = walking.groups(planted(Linear(np.ones(4)), codes))
    assert by_light.names == ("dark", "bright")


@pytest.mark.parametrize(("blurred", "expected"), [(True, "walk"), (False, "alike")])
def test_decoded_middle_against_blended_pixels(blurred: bool, expected: str) -> None:
    """Images on a ring: a decoder that stays on it beats the blend, a linear one draws the blend itself."""
    angles = np.linspace(0, 2 * np.pi, 61)[:-1]
    codes = 3 * np.stack((np.cos(angles), np.sin(angles)), 1)

    class OnRing(Linear):
        def decode(self, codes: Any) -> np.ndarray:
            codes = np.atleast_2d(codes)
            return super().decode(3 * codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-9))

    assert truth(walking.between(ground(codes, OnRing((1, 1)) if blurred else Linear((1, 1))))) == expected


def test_blended_pixels_win_over_a_decoder_that_knows_nothing() -> None:
    codes = normal()
    images = planted(Linear(np.ones(4)), codes).images
    assert truth(walking.between(ground(codes, Linear(5 * np.ones(4)), images=images))) == "fade"


@pytest.mark.parametrize("busy", [0, 1, 2])
def test_the_dimension_that_changes_one_picture_most(busy: int) -> None:
    gains = np.ones(3)
    gains[busy] = 3
    assert truth(walking.busiest(ground(normal(dims=3), Linear(gains)))) == str(busy)


@pytest.mark.parametrize(("gain", "expected"), [(1, "yes"), (0.1, "no")])
def test_of_one_dimension_whether_it_changes_the_picture(gain: float, expected: str) -> None:
    assert truth(walking.busiest(ground(normal(dims=1), Linear((gain,))))) == expected


@pytest.mark.parametrize(("second", "expected"), [((0.0, 3.0), "arc"), ((3.0, 0.2), "same")])
def test_which_middle_is_longer(second: tuple[float, float], expected: str) -> None:
    codes = np.concatenate(([[3.0, 0.0], second], normal(20, 2)))
    assert truth(walking.longer_middle(ground(codes))) == expected


@pytest.mark.parametrize(("out", "expected"), [(0.1, "low"), (1.2, "middle"), (4.0, "high")])
def test_how_usual_an_image_is(out: float, expected: str) -> None:
    """Of a round cloud in two dimensions, half of which lies within 1.18 spreads."""
    codes = np.concatenate(([[out, 0.0]], normal(400, 2)))
    assert truth(walking.how_usual(ground(codes))) == expected


def test_few_images_bring_those_it_was_trained_on() -> None:
    one = planted(Linear(np.ones(3)), normal(5, 3))
    subject = one.subject
    subject.test = subject.test[:1]  # type: ignore[misc]
    small = planted(Linear(np.ones(3)), normal(1, 3))
    object.__setattr__(small, "subject", subject)
    found = widened(small)
    assert len(found.images) == 5
    assert "trained on" in found.remark


@pytest.mark.parametrize(("count", "dims"), [(1, 2), (30, 1), (30, 40)])
def test_any_number_of_images_and_dimensions_makes_a_lesson(count: int, dims: int) -> None:
    one = planted(Linear(np.ones(dims)), normal(count, dims))
    assert len(walking.build(one, (one, one)).steps) == 8
