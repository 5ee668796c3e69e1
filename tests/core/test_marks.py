"""Names and bookmarks are kept with the notes; what is damaged or foreign is left out, never an error."""

import json

import pytest

from vae_core.runs.marks import LONGEST_NAME, MOST_BOOKMARKS, Marks, clean, read_marks, write_marks


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
