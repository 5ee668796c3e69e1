"""Names and bookmarks are kept with the notes; what is damaged or foreign is left out, never an error."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from vae_core.places import write_json
from vae_core.runs.marks import (
    LONGEST_NAME,
    MOST_BOOKMARKS,
    Marks,
    change_marks,
    clean,
    read_marks,
    write_marks,
)
from vae_core.runs.run import Run


def test_they_come_back(copied):
    kept = Marks({1: "smile"}, ((0.0,) * copied.record().effective.model.latent_dim,))
    write_marks(copied, kept)
    assert read_marks(copied) == kept
    assert not (copied.path / "deck.json").exists()  # a run's own folder may be read-only


def test_none_are_kept_yet(copied):
    (copied.notes / "deck.json").unlink(missing_ok=True)
    assert read_marks(copied) == Marks({})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"names": 3, "bookmarks": "x"}', "null"])
def test_damaged_notes_are_empty(copied, text):
    copied.notes.mkdir(parents=True, exist_ok=True)
    (copied.notes / "deck.json").write_text(text)
    assert read_marks(copied) == Marks({})


def test_only_what_fits_is_taken():
    told = {
        "names": {"0": " a ", "1": "", "7": "no such", "x": "y", "-1": "z", "2": 5, "3": "n" * 99},
        "bookmarks": [[1, 2, 3, 4], [1, 2], "abcd", [1, 2, 3, float("nan")], [True, 0, 0, 0], [0, 0, 0, 0.5]],
    }
    found = clean(json.loads(json.dumps(told)), 4)
    assert found.names == {0: "a", 3: "n" * LONGEST_NAME}
    assert found.bookmarks == ((1.0, 2.0, 3.0, 4.0), (0.0, 0.0, 0.0, 0.5))


def test_the_newest_bookmarks_are_kept():
    found = clean({"bookmarks": [[float(i)] for i in range(MOST_BOOKMARKS + 5)]}, 1)
    assert len(found.bookmarks) == MOST_BOOKMARKS
    assert found.bookmarks[-1] == (MOST_BOOKMARKS + 4.0,)


def test_changes_are_made_to_what_is_kept_by_then(copied):
    one, two = [1.0, 0, 0, 0], [0, 0, 0, 2.5]
    change_marks(copied, [{"do": "name", "dim": 1, "name": " smile "}, {"do": "add", "code": one}])
    change_marks(copied, [{"do": "add", "code": two}, {"do": "name", "dim": 3, "name": "hat"}])
    change_marks(copied, [{"do": "add", "code": one}, {"do": "name", "dim": 1, "name": ""}])
    assert read_marks(copied) == Marks({3: "hat"}, (tuple(one), tuple(two), tuple(one)))
    change_marks(copied, [{"do": "remove", "code": one}])
    assert read_marks(copied).bookmarks == (tuple(two), tuple(one)), "one of two that are equal"
    change_marks(copied, [{"do": "remove", "code": two}, {"do": "remove", "code": two}])
    assert read_marks(copied).bookmarks == (tuple(one),), "gone already"
    assert sorted(path.name for path in copied.notes.iterdir()) == ["deck.json"]


def test_changes_that_fit_nothing_change_nothing(copied):
    kept = Marks({1: "smile"}, ((1.0, 0.0, 0.0, 0.0),))
    write_marks(copied, kept)
    wrong = [
        None, 3, {}, {"do": "drop"}, {"do": "name", "dim": "1", "name": "x"}, {"do": "name", "dim": 7, "name": "x"},
        {"do": "name", "dim": 1, "name": 5}, {"do": "add", "code": [1, 2]}, {"do": "add", "code": "abcd"},
        {"do": "add", "code": [1, 2, 3, "x"]}, {"do": "add"}, {"do": "remove", "code": [9, 9, 9, 9]},
    ]  # fmt: skip
    change_marks(copied, wrong)
    assert read_marks(copied) == kept


def test_many_pages_at_once_lose_nothing(copied):
    with ThreadPoolExecutor(8) as pages:
        list(pages.map(lambda k: change_marks(copied, [{"do": "add", "code": [k, 0, 0, 0]}]), range(40)))
    assert sorted(code[0] for code in read_marks(copied).bookmarks) == list(range(40))


def shipped_anew(run: Run, created: str) -> Run:
    """As a newer version ships it: the same id, trained at another time."""
    write_json(
        run.path / "config.json", json.loads((run.path / "config.json").read_text()) | {"created": created}
    )
    return Run(run.path, run.places, read_only=True)


def test_marks_of_other_weights_under_the_same_id_are_not_shown_and_not_lost(copied):
    first, second = "2026-01-01T00:00:00+00:00", "2026-02-02T00:00:00+00:00"
    mine = Marks({1: "smile"}, ((1.0, 0.0, 0.0, 0.0),))
    write_marks(shipped_anew(copied, first), mine)
    change_marks(copied, [{"do": "name", "dim": 2, "name": "hat"}])
    newer = shipped_anew(copied, second)
    assert read_marks(newer) == Marks({})
    change_marks(newer, [{"do": "name", "dim": 0, "name": "beard"}])
    assert read_marks(newer) == Marks({0: "beard"})
    change_marks(newer, [{"do": "name", "dim": 0, "name": "chin"}])
    assert read_marks(newer) == Marks({0: "chin"})
    assert read_marks(shipped_anew(copied, first)) == Marks({1: "smile", 2: "hat"}, mine.bookmarks)


def test_marks_of_before_are_those_of_a_shipped_run_unless_they_are_older(copied):
    kept = copied.notes / "deck.json"
    kept.parent.mkdir(parents=True)
    write_json(kept, {"format": 1, "names": {"1": "smile"}, "bookmarks": []})
    older, newer = "2020-01-01T00:00:00+00:00", "2021-01-01T00:00:00+00:00"
    os.utime(kept, (1_600_000_000,) * 2)  # September 2020
    assert read_marks(shipped_anew(copied, older)).names == {1: "smile"}
    assert read_marks(shipped_anew(copied, newer)).names == {}
    assert read_marks(copied).names == {1: "smile"}, "a run of one's own never becomes another"
    assert json.loads(kept.read_text())["names"] == {"1": "smile"}


def test_marks_outlast_further_training(copied):
    write_marks(copied, Marks({1: "smile"}))
    with (copied.path / "model.safetensors").open("ab") as weights:
        weights.write(b" ")
    assert read_marks(copied).names == {1: "smile"}
