"""Lesson 7 on planted numbers: each answer comes out where they make it right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from vae_core.errors import TooFewPoints
from vae_core.inference import Codes
from vae_core.lessons import good_for, good_for_measured
from vae_core.lessons.good_for_measured import LEVELS, ODD, STEPS, Denoised, OddRow, Packed
from vae_core.lessons.material import Material, gather, pair
from vae_core.lessons.probe_plane import Plane, changes, plane_of, pooled
from vae_core.lessons.registry import LESSONS
from vae_core.places import Places, assets
from vae_core.runs import store

CLEAN = np.full((2, 1, 8, 8), 128, np.uint8)


def off_by(errors: list[float]) -> np.ndarray:
    """Pictures (levels, 2, 1, 8, 8), each level off by an error."""
    return np.stack([CLEAN / 255 + error for error in errors])


@pytest.mark.parametrize(
    ("vae", "truth"),
    [
        ([0.01] * 6, "all"),
        ([0.3, 0.01, 0.01, 0.01, 0.01, 0.01], "some"),
        ([0.01, 0.3, 0.3, 0.01, 0.01, 0.01], "much"),  # ahead once, then not: it counts from where it stays
        ([0.3] * 6, "none"),
    ],
)
def test_from_which_noise_on_the_vae_wins(vae: list[float], truth: str) -> None:
    found = Denoised(("a", "b"), CLEAN, off_by([0.2] * 6), off_by(vae), off_by([0.1] * 6))
    assert good_for.denoise(found).question.truth == truth


def test_when_the_vae_beats_doing_nothing_is_read_off_the_first_image() -> None:
    found = Denoised(
        ("a", "b"), CLEAN, off_by([0.05, 0.1, 0.2, 0.3, 0.4, 0.4]), off_by([0.15] * 6), off_by([0.1] * 6)
    )
    steps = good_for.read_off(found, odd_rows(()), cast(Any, SUBJECT), plane(np.array([[0, 0], [0, 1]])), "")
    assert steps[0].question.truth == "low"
    assert steps[1].question.truth == "few"
    assert steps[2].question.truth == "0"


def odd_rows(caught: tuple[int, ...], first: bool = True) -> OddRow:
    """The odd one stands last; the error, and with `first` the −ELBO, finds the kinds of these numbers."""
    count, row = len(ODD), 4
    scores = np.ones((count, 2, row))
    scores[:, :, 0] = 2
    for k in caught:
        scores[k, 1 - int(first) :, -1] = 3
    return OddRow(np.zeros((count, row, 1, 4, 4), np.uint8), np.full(count, row - 1), scores, "−ELBO")


def test_which_score_finds_the_odd_one() -> None:
    assert good_for.odd_one(odd_rows((0,))).question.truth == "both"
    assert good_for.odd_one(odd_rows((0,), first=False)).question.truth == "error"
    assert good_for.odd_one(odd_rows((1, 2, 3, 4))).question.truth == "none"


@pytest.mark.parametrize("kind", ODD)
def test_an_image_is_spoiled(kind: str) -> None:
    rng = np.random.default_rng(0)
    x, other = rng.integers(0, 256, (2, 3, 8, 8), np.uint8)
    found = good_for_measured.odd(x, other, kind, rng)
    assert found.shape == x.shape
    assert found.dtype == np.uint8
    assert not np.array_equal(found, x)


@pytest.mark.parametrize(("size", "truth"), [(0.5, "tiny"), (2.0, "small"), (20.0, "some"), (90.0, "much")])
def test_bytes_of_a_code_against_those_of_a_file(size: float, truth: str) -> None:
    opened = np.broadcast_to(CLEAN, (len(STEPS), *CLEAN.shape))
    found = Packed(("a", "b"), CLEAN, opened, np.full((len(STEPS), 2), size), np.array([100, 100]), 1024)
    assert good_for.compress(found).question.truth == truth


SUBJECT = SimpleNamespace(
    codes=Codes(np.array([[-0.9, 0.0], [0.9, 0.0]], np.float32), np.zeros((2, 2), np.float32)),
    dims=(0, 1), chosen=np.array([0, 1]), word=lambda i: "ab"[i],
)  # fmt: skip


def plane(classes: np.ndarray, far: np.ndarray | None = None) -> Plane:
    empty = np.zeros(classes.shape, bool) if far is None else far
    sure = np.full(classes.shape, 0.9)
    return Plane(
        (0, 1),
        (-1, 1, -1, 1),
        classes,
        sure,
        empty,
        ("a", "b", "c"),
        "a planted one",
        np.array([0, 1], np.int32),
    )


@pytest.mark.parametrize(
    ("row", "truth"),
    [([0, 0, 0, 0], "never"), ([0, 0, 1, 1], "once"), ([0, 1, 1, 0], "twice"), ([0, 1, 0, 2], "more")],
)
def test_how_often_the_classifier_changes_its_mind(row: list[int], truth: str) -> None:
    found = plane(np.tile(row, (4, 1)))
    assert good_for.path(cast(Any, SUBJECT), found, "").question.truth == truth
    assert changes(np.array(row)) == ["never", "once", "twice", "more"].index(truth)


@pytest.mark.parametrize(("hatched", "truth"), [(0, "little"), (2, "half"), (4, "most")])
def test_how_much_of_the_plane_is_unknown(hatched: int, truth: str) -> None:
    far = np.zeros(4, bool)
    far[:hatched] = True
    found = plane(np.zeros((2, 2), int), far.reshape(2, 2))
    assert good_for.unknown(cast(Any, SUBJECT), found, "").question.truth == truth


class Halves:
    """Draws a code as a bright left half where its first number is below 0, else a bright right one."""

    latent_dim = 1

    def __init__(self, dims: int = 1) -> None:
        self.latent_dim = dims
        self.config = SimpleNamespace()

    def decode(self, codes: np.ndarray) -> np.ndarray:
        found = np.zeros((len(codes), 1, 8, 8), np.float32)
        found[codes[:, 0] < 0, ..., :4] = 1
        found[codes[:, 0] >= 0, ..., 4:] = 1
        return found


@pytest.mark.parametrize("dims", [1, 3])
def test_a_plane_is_seen_as_its_pictures_are(
    dims: int, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae_core.lessons.probe_plane.file_name", lambda config, data: "none")
    codes = np.zeros((40, dims), np.float32)
    codes[:, 0] = np.linspace(-1, 1, 40)
    model = Halves(dims)
    labels = (codes[:, 0] >= 0).astype(np.int64)
    noise = np.random.default_rng(0).random((40, 1, 8, 8)) * 40
    images = (200 * model.decode(codes) + noise).astype(np.uint8)
    data = SimpleNamespace(label_names=("left", "right"))
    subject = SimpleNamespace(model=model, run=SimpleNamespace(places=places), data=data)
    material = Material(cast(Any, subject), images, Codes(codes, np.zeros_like(codes)), labels)
    found = plane_of(material)
    half = len(found.classes) // 2
    across = found.dims.index(0)  # the first dimension lies across, or upwards
    lower = found.classes[:, :half] if across == 0 else found.classes[:half]
    upper = found.classes[:, half:] if across == 0 else found.classes[half:]
    assert set(lower.ravel()) == {0}
    assert set(upper.ravel()) == {1}
    assert found.far.any() == (dims == 3) or dims == 1
    unlabelled = Material(cast(Any, subject), images, Codes(codes, np.zeros_like(codes)), None)
    with pytest.raises(TooFewPoints):
        plane_of(unlabelled)


def test_pixels_are_averaged_in_blocks() -> None:
    found = pooled(np.ones((2, 3, 40, 40), np.float32))
    assert found.shape == (2, 3 * 13 * 13)
    assert pooled(np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)).tolist() == [[0, 1, 2, 3]]


def test_the_whole_lesson_on_a_shipped_run_and_without_labels(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "assets", assets)
    two, own = pair(places), gather(None, places)
    built = LESSONS[7].build(own, two)
    assert len(built.steps) == LESSONS[7].screens
    few = slice(0, 5)
    codes = Codes(own.codes.mean[few], own.codes.log_var[few])
    lone = Material(own.subject, own.images[few], codes, None)
    built = LESSONS[7].build(lone, two)
    assert built.runs["seen"] is two[1].run
    assert "shipped run on digits" in built.steps[3].text[0]
    assert len(built.steps[0].data["lines"]) == 5 * len(LEVELS) * 4
