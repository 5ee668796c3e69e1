"""Lesson 6 on planted images and numbers: each answer comes out where they make it right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from vae_core.evaluation.samples import PRIOR, Sampled, SampleNumbers
from vae_core.inference import Codes
from vae_core.lessons import blur
from vae_core.lessons.lesson import Step
from vae_core.lessons.material import gather, pair
from vae_core.lessons.registry import LESSONS
from vae_core.places import Places, assets
from vae_core.runs import store

SIDE = 8
BOARD = np.indices((SIDE, SIDE)).sum(0) % 2  # as sharp as can be


def planted(images: np.ndarray) -> Any:
    """Material of images (N, H, W) in [0, 1] whose codes are their numbers."""
    stored = np.rint(255 * images[:, None]).astype(np.uint8)
    mean = np.arange(len(images), dtype=np.float32)[:, None]
    chosen = np.arange(min(12, len(images)))
    return SimpleNamespace(
        images=stored, codes=Codes(mean, np.zeros_like(mean)), chosen=chosen, word=lambda i: f"image {i}"
    )


def asked(material: Any) -> Step:
    near = blur.neighbours(material)
    return blur.mean_of_plausible(material, near, blur.blend(material, near))


def test_the_mean_of_one_picture_again_and_again_is_as_sharp() -> None:
    assert asked(planted(np.stack([BOARD] * 20))).question.truth == "sharp"


def test_the_mean_of_a_board_and_its_negative_is_grey() -> None:
    material = planted(np.stack([BOARD, 1 - BOARD] * 10))
    assert asked(material).question.truth == "third"
    near = blur.neighbours(material)
    found = blur.mean_sharpness(material, near[0])
    assert found[0] == 1.0
    assert found[1] == pytest.approx(0, abs=1e-4)
    assert found[2] == pytest.approx(1 / 9, abs=1e-3)  # two against one: a third of the contrast


def test_the_mean_of_some_that_agree_in_part_lies_between() -> None:
    # of ten, eight alike and two of the negative: 0.6 of the contrast, 0.36 of its variance
    images = np.stack([BOARD] * 8 + [1 - BOARD] * 2)
    assert asked(planted(images)).question.truth == "middle"


def test_neighbours_begin_with_the_image_even_where_codes_are_the_same() -> None:
    material = planted(np.stack([BOARD] * 5))
    material.codes = Codes(np.zeros((5, 1), np.float32), np.zeros((5, 1), np.float32))
    near = blur.neighbours(material)
    assert near[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert all(sorted(rows) == [0, 1, 2, 3, 4] for rows in near.tolist())


def test_what_costs_least_is_the_mean_or_the_median() -> None:
    values = np.array([0, 0, 0, 255, 255, 204, 51], np.uint8)
    found = blur.cheapest(values[:, None, None, None])
    mean = values.mean() / 255
    assert found["gaussian"].item() == pytest.approx(mean, abs=0.006)
    assert found["bernoulli"].item() == pytest.approx(mean, abs=0.006)
    assert found["laplace"].item() == pytest.approx(51 / 255, abs=0.006)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_the_best_prediction_of_a_pixel_that_is_bright_at_times(share: float) -> None:
    found = blur.best_at(share)
    assert found["bernoulli"] == pytest.approx(share, abs=0.006)
    assert found["gaussian"] == pytest.approx(share, abs=0.006)
    assert found["laplace"] == (1.0 if share > 0.5 else 0.0)


def test_laplace_is_sharper_where_most_agree_and_alike_where_all_do() -> None:
    def truth(images: np.ndarray) -> str:
        material = planted(images)
        return blur.costs(blur.price(material, blur.neighbours(material))).question.truth

    assert truth(np.stack([BOARD] * 7 + [1 - BOARD] * 3)) == "sharper"
    assert truth(np.stack([BOARD] * 10)) == "alike"
    # a board of two in ten: the median leaves it out
    assert truth(np.stack([BOARD, BOARD] + [np.zeros((SIDE, SIDE))] * 8)) == "softer"


def test_the_pixel_on_which_images_agree_least() -> None:
    images = np.zeros((10, 1, 1, 4), np.uint8)
    images[:5, ..., 0] = images[:4, ..., 1] = images[:1, ..., 2] = 255
    assert blur.undecided(images) == pytest.approx(0.4)  # a half would leave Laplace undecided too
    assert blur.undecided(images[:1]) == 0.3


def measured(precision: float, recall: float, divergence: float, sharp: float) -> Sampled:
    one = SampleNumbers(1.0, precision, recall, 0.5, 10, divergence, sharp)
    return Sampled({PRIOR: one}, one, 100, 10, "features", True)


@pytest.mark.parametrize("best", ["ae", "vae", "gan"])
def test_who_draws_as_sharp_as_real_images_and_who_unevenly(best: str) -> None:
    runs: Any = {"gan": SimpleNamespace(record=lambda: _digits())}
    off = {"ae": 0.5, "vae": 0.4, "gan": 1.9} | {best: 1.05}
    numbers = {role: measured(0.5, 0.5, 0.2 if role == best else 0.1, off[role]) for role in blur.MAKERS}
    assert blur.sharpest(runs, numbers).question.truth == best
    assert blur.covered(runs, numbers).question.truth == best
    numbers[best] = measured(0.9, 0.2, 0.1, 1.0)
    material = planted(np.stack([BOARD, 1 - BOARD] * 5))
    near = blur.neighbours(material)
    shown, priced = blur.blend(material, near), blur.price(material, near)
    last = blur.read_off(material, near, shown, priced, runs, numbers)
    assert [step.question.truth for step in last] == ["2", "right", best]


def _digits() -> Any:
    return SimpleNamespace(effective=SimpleNamespace(data=SimpleNamespace(dataset="digits")))


def test_the_whole_lesson_on_a_shipped_run_and_on_one_image(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "assets", assets)
    two = pair(places)
    built = LESSONS[6].build(gather(None, places), two)
    assert len(built.steps) == LESSONS[6].screens
    assert set(built.runs) == {"own", "ae", "vae", "gan"}
    lone = cast(Any, planted(np.stack([BOARD])))
    lone.run, lone.remark = two[1].run, ""
    assert blur.build(lone, two).steps[0].question.truth == "sharp"
