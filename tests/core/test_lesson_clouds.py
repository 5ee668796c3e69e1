"""Lesson 2 on planted models: each answer comes out where the model makes it right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from vae_core.inference import Codes
from vae_core.lessons import clouds
from vae_core.lessons.lesson import READ, Step
from vae_core.lessons.material import Material


@dataclass
class Stripes:
    """Decodes a code to a picture of two grey stripes, as bright as its two numbers."""

    latent_dim: int = 2

    def decode(self, codes: np.ndarray) -> np.ndarray:
        halves = np.repeat(np.clip(np.asarray(codes)[:, :2], 0, 1), 8, axis=1)
        return halves.reshape(-1, 1, 4, 4).astype(np.float32)


def planted(mean: np.ndarray, std: float | np.ndarray, labels: list[int] | None = None) -> Material:
    model = Stripes()
    images = np.rint(model.decode(mean) * 255).astype(np.uint8)
    spread = np.broadcast_to(np.asarray(std, np.float32), mean.shape)
    codes = Codes(mean.astype(np.float32), 2 * np.log(spread))
    data = SimpleNamespace(label_names=("left", "right"))
    subject = SimpleNamespace(model=model, run=None, data=data)
    return Material(cast(Any, subject), images, codes, None if labels is None else np.array(labels))


GRID = np.stack(np.meshgrid(np.linspace(0.1, 0.9, 9), np.linspace(0.1, 0.9, 9)), -1).reshape(-1, 2)
TWO = np.concatenate([np.full((20, 2), 0.1), np.full((20, 2), 0.9)])
TWO_LABELS = [0] * 20 + [1] * 20


@pytest.mark.parametrize(("std", "truth"), [(0.001, "same"), (0.12, "near"), (0.6, "far")])
def test_how_alike_twenty_pictures_are(std: float, truth: str) -> None:
    assert clouds.alike(planted(GRID, std), 40).question.truth == truth


def test_two_draws_differ_as_two_images_where_a_cloud_is_as_wide_as_all() -> None:
    found = clouds.difference_of_draws(planted(GRID, float(GRID.std())), 40, 1.0)
    assert found == pytest.approx(1.0, abs=0.25)  # clipped at 0 and 1


def test_how_many_of_wide_draws_stay_in_their_class() -> None:
    assert clouds.wider(planted(TWO, 0.01, TWO_LABELS), 0).question.truth == "most"
    assert clouds.wider(planted(TWO, 20.0, TWO_LABELS), 0).question.truth == "half"  # two classes, a coin
    many = planted(GRID, 20.0, list(range(81)))
    assert clouds.wider(many, 40).question.truth == "few"
    assert clouds.share_of_its_own(planted(TWO, 0.0001, TWO_LABELS), 0, 5) == 1.0


def test_without_labels_the_ten_nearest_stand_for_the_class() -> None:
    material = planted(GRID, 0.001)
    assert clouds.share_of_its_own(material, 40, 1.0) == 1.0
    assert clouds.share_of_its_own(material, 40, 5000.0) < 0.3


def test_gaps_are_where_no_code_is() -> None:
    ends = planted(TWO, 0.01)
    found = clouds.gaps(ends)
    away = np.minimum(np.abs(found - 0.1).max(1), np.abs(found - 0.9).max(1))
    assert len(found) == clouds.GAPS
    assert away.min() > 0.2
    assert found.min() >= 0.1
    assert found.max() <= 0.9


def test_the_network_that_draws_images_in_its_gaps_wins() -> None:
    full, empty = planted(GRID, 0.01), planted(TWO, 0.01)
    assert clouds.to_points(empty, full).question.truth == "vae"
    assert clouds.to_points(full, empty).question.truth == "ae"
    assert clouds.to_points(full, full).question.truth == "alike"


@pytest.mark.parametrize(("scale", "truth"), [(0.3, "smaller"), (1.0, "like"), (2.0, "larger")])
def test_the_heap_of_clouds_against_the_prior(scale: float, truth: str) -> None:
    codes = scale * np.random.default_rng(0).standard_normal((2000, 2)) * np.sqrt(0.75)
    assert clouds.overlap(planted(codes, scale * 0.5)).question.truth == truth


def read_off(material: Material) -> tuple[Step, ...]:
    found = clouds.read_off(material, 0)
    assert [step.kind for step in found] == [READ] * 3
    return found


@pytest.mark.parametrize(("std", "truth"), [([0.3, 0.1], "z0"), ([0.1, 0.3], "z1"), ([0.1, 0.1], "Neither")])
def test_the_less_certain_dimension_is_read_off(std: list[float], truth: str) -> None:
    question = read_off(planted(GRID, np.array(std), [0] * 81))[0].question
    said = next(a.text for a in question.answers if a.key == question.truth)
    assert said.startswith(truth)


def test_the_price_is_the_closed_form() -> None:
    mean = np.tile([[1.0, 2.0]], (10, 1))
    material = planted(mean, 1.0)
    question = read_off(material)[1].question
    assert next(a.text for a in question.answers if a.key == question.truth) == "2.50 nats"  # (1 + 4) / 2


def test_a_space_of_one_dimension_is_no_fault() -> None:
    material = replace(planted(GRID, 0.1), codes=Codes(GRID[:, :1], np.full((81, 1), -4.0)))
    material.model.decode = lambda codes: Stripes().decode(np.repeat(codes, 2, 1))  # type: ignore[method-assign]
    assert material.dims == (0, 0)
    clouds.overlap(material)
    read_off(material)
