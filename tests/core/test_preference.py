"""Preference: what marks tell, a taste that is learned from them, what is proposed, and choices kept in a folder."""

import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from vae_core.errors import BadConfig, MissingPackage
from vae_core.study.preference import (
    Judgement,
    Taste,
    add_judgement,
    favourite,
    judgements_of,
    pairs_of,
    propose,
    spread_points,
    take_back,
)

LINE = np.linspace(0, 1, 9)[:, None]


@pytest.fixture(scope="module")
def taste() -> Taste:
    """Of one who likes 0.25 best, told of every pair of nine points."""
    pytest.importorskip("botorch")
    worth = -np.abs(LINE[:, 0] - 0.25)
    pairs = [(i, j) for i in range(9) for j in range(9) if worth[i] > worth[j] + 1e-9]
    return Taste(LINE, pairs)


def test_marks_tell_an_order_of_pairs():
    assert Judgement((4, 7, 9), best=7).pairs == [(7, 4), (7, 9)]
    assert Judgement((4, 7, 9), worst=7).pairs == [(4, 7), (9, 7)]
    assert Judgement((4, 7, 9)).pairs == [], "can't tell"
    assert Judgement((4, 7, 9), best=4, worst=9).pairs == [(4, 7), (4, 9), (7, 9)]
    both = [Judgement((1, 2), best=1), Judgement((1, 2)), Judgement((2, 1), best=1)]
    assert pairs_of(both) == [(1, 2), (1, 2)], "said twice counts twice"


@given(some.lists(some.integers(0, 30), min_size=2, max_size=6, unique=True), some.data())
def test_marks_never_contradict_each_other(shown, data):
    best = data.draw(some.sampled_from([None, *shown]))
    worst = data.draw(some.sampled_from([None, *(one for one in shown if one != best)]))
    pairs = Judgement(tuple(shown), best, worst).pairs
    assert len(set(pairs)) == len(pairs)
    assert not {(b, a) for a, b in pairs} & set(pairs)


@pytest.mark.parametrize(
    ("shown", "marks", "fault"),
    [
        ((3,), {}, "two or more"),
        ((3, 3), {}, "two or more"),
        ((3, 4), {"best": 5}, "5 was not among"),
        ((3, 4), {"worst": 5}, "5 was not among"),
        ((3, 4), {"best": 4, "worst": 4}, "both"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(shown, marks, fault):
    with pytest.raises(BadConfig, match=fault):
        Judgement(shown, **marks)


def test_a_taste_is_learned_from_pairs(taste):
    found = taste.samples(LINE, np.random.default_rng(0)).mean(0)
    assert found.argmax() == 2
    assert found[2] > found[0] > found[5] > found[8]
    sure = favourite(taste, LINE, np.random.default_rng(1))
    assert sure.sum() == pytest.approx(1)
    assert sure.argmax() == 2


def test_samples_are_joint_and_repeat_with_their_generator(taste):
    twice = np.concatenate((LINE[:2], LINE[:2]))
    found = taste.samples(twice, np.random.default_rng(3))
    np.testing.assert_allclose(found[:, :2], found[:, 2:], atol=0.3)
    assert found[:, 0].std() > 1, "which is far more than they differ by"
    np.testing.assert_array_equal(found, taste.samples(twice, np.random.default_rng(3)))


def test_what_is_proposed_is_near_the_favourite_and_never_twice(taste):
    candidates = spread_points(1, 64, seed=0)
    rows = propose(taste, candidates, 3, np.random.default_rng(0))
    assert len(set(rows)) == 3
    assert (np.abs(candidates[rows, 0] - 0.25) < 0.2).all()
    assert len(propose(taste, candidates[:2], 5, np.random.default_rng(0))) == 2


def test_without_an_order_there_is_no_taste():
    with pytest.raises(BadConfig, match="mark the best"):
        Taste(LINE, [])


def test_the_missing_extra_is_named(monkeypatch):
    there = builtins.__import__

    def absent(name, *rest, **more):
        if name.startswith("botorch"):
            raise ImportError(name)
        return there(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingPackage, match=r"latent-explorer\[preference\]"):
        Taste(LINE, [(0, 1)])


@settings(deadline=None)
@given(some.integers(1, 5), some.integers(1, 40), some.integers(0, 3))
def test_points_are_spread_over_the_cube(dimensions, count, seed):
    found = spread_points(dimensions, count, seed)
    assert found.shape == (count, dimensions)
    assert ((found >= 0) & (found <= 1)).all()


def test_choices_are_kept_and_taken_back(tmp_path):
    assert judgements_of(tmp_path) == []
    said = [Judgement((0, 1, 2), best=1), Judgement((1, 3)), Judgement((1, 4), worst=4)]
    for one in said:
        add_judgement(tmp_path, one)
    assert judgements_of(tmp_path) == said
    with pytest.raises(BadConfig, match="in between"):
        add_judgement(tmp_path, Judgement((5, 6), best=5), rounds=2)
    assert judgements_of(tmp_path) == said
    take_back(tmp_path)
    assert judgements_of(tmp_path) == said[:2]
    (tmp_path / "choices.json").write_text(
        '[{"shown": [0, 1], "best": 9, "worst": null}, 7, {"shown": [0, 1], "best": 0, "worst": null}]'
    )
    assert judgements_of(tmp_path) == [Judgement((0, 1), best=0)], (
        "a mark on what was not shown counts for nothing"
    )
    (tmp_path / "choices.json").write_text("{half")
    assert judgements_of(tmp_path) == []
