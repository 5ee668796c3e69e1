"""The form of lessons: what is refused, and which answer a measured value makes right."""

from __future__ import annotations

import pytest

from vae_core.lessons.lesson import PREDICT, READ, Answer, Lesson, Question, Step, choose
from vae_core.lessons.registry import LESSONS

THREE = (Answer("low", "little"), Answer("mid", "some"), Answer("high", "much"))


def test_a_value_on_a_cut_belongs_to_the_range_above_it() -> None:
    found = [choose(v, (1.0, 2.0), THREE) for v in (-5.0, 0.999, 1.0, 1.5, 2.0, 99.0)]
    assert found == ["low", "low", "mid", "mid", "high", "high"]


def test_as_many_cuts_as_part_the_answers() -> None:
    with pytest.raises(ValueError, match="3 answers take 2 cuts, not 1"):
        choose(1.0, (1.0,), THREE)


@pytest.mark.parametrize(
    ("answers", "truth", "said", "match"),
    [
        (THREE[:1], "low", "so", "two to four different answers"),
        ((THREE[0], THREE[0]), "low", "so", "two to four different answers"),
        (THREE, "other", "so", "'other' is not among the answers"),
        (THREE, "low", "", "come together"),
        (THREE, "", "so", "come together"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    answers: tuple[Answer, ...], truth: str, said: str, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        Question("What?", answers, truth, said)


def step(kind: str) -> Step:
    return Step("s", (), "cloud", {}, Question("What?", THREE, "low", "so"), kind=kind)


@pytest.mark.parametrize(
    ("kinds", "match"),
    [
        ((PREDICT, READ, READ), "ends with three questions"),
        ((PREDICT, READ, READ, READ, READ), "has no other"),
        ((PREDICT, READ, PREDICT, READ), "ends with three questions"),
    ],
)
def test_a_lesson_predicts_first_and_ends_with_three_questions_read_off(
    kinds: tuple[str, ...], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        Lesson(tuple(step(k) for k in kinds), (), "", ("map", {}, "open"), ("",) * len(kinds))


def test_a_screen_has_its_note() -> None:
    with pytest.raises(ValueError, match="4 screens take as many notes, not 1"):
        Lesson(tuple(step(k) for k in (PREDICT, READ, READ, READ)), (), "", ("map", {}, "open"), ("",))


def test_lessons_are_short_enough_and_numbered_from_one_or_more() -> None:
    assert all(5 <= entry.minutes <= 10 for entry in LESSONS.values())
    assert list(LESSONS) == sorted(LESSONS)
