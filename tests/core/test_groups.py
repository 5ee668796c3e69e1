"""Groups of images are kept with the notes; nothing of them is lost to a second writer or a damaged neighbour."""

import json
import subprocess
import sys

import numpy as np
import pytest

from vae_core.errors import BadCodes, BadName, BadRun, TooFewPoints
from vae_core.runs import groups
from vae_core.runs.groups import delete_group, read_groups, write_group
from vae_core.runs.run import Run
from vae_core.runs.store import Store


def lists(run):
    return {name: images.tolist() for name, images in read_groups(run).items()}


def tell(run, text):
    run.notes.mkdir(parents=True, exist_ok=True)
    (run.notes / "groups.json").write_text(text, encoding="utf-8")


def test_they_come_back_sorted_and_each_image_once(copied):
    assert read_groups(copied) == {}
    write_group(copied, "  smiles ", np.array([7, 3, 3, 0], np.uint16))
    write_group(copied, "Brillen 👓", [1])
    found = read_groups(copied)
    assert list(found) == ["smiles", "Brillen 👓"]
    assert found["smiles"].tolist() == [0, 3, 7]
    assert found["smiles"].dtype == np.int64
    assert not (copied.path / "groups.json").exists()  # a run's own folder may be read-only
    assert json.loads((copied.notes / "groups.json").read_text())["format"] == 1


def test_a_shipped_run_has_groups_too(copied):
    run = Run(copied.path, copied.places, read_only=True)
    write_group(run, "mine", [1, 2])
    assert lists(run) == {"mine": [1, 2]}


def test_a_group_is_replaced_and_deleted_alone(copied):
    write_group(copied, "a", [1])
    write_group(copied, "b", [2])
    write_group(copied, "a ", [3, 4])
    assert lists(copied) == {"a": [3, 4], "b": [2]}
    delete_group(copied, " a")
    delete_group(copied, "never there")
    assert lists(copied) == {"b": [2]}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "needs a name"),
        (" \t\n", "needs a name"),
        ("n" * 61, "at most 60 characters, this one has 61"),
        ("two\nlines", r"one line.*'\\n'"),
        ("nul\x00", r"'\\x00'"),
        ("half \ud83d", r"'\\ud83d'"),
    ],
)
def test_a_name_that_will_not_do_is_named(copied, name, says):
    with pytest.raises(BadName, match=says):
        write_group(copied, name, [1])
    assert read_groups(copied) == {}


def test_the_longest_name_does(copied):
    write_group(copied, "ü" * 60, [1])
    assert lists(copied) == {"ü" * 60: [1]}


def test_images_that_are_none_are_refused(copied):
    last = copied.record().data["images"] - 1
    write_group(copied, "ends", [0, last])
    for images, says in (([last + 1], f"no image {last + 1}"), ([-1, 4], "no image -1")):
        with pytest.raises(BadCodes, match=says):
            write_group(copied, "bad", images)
    for images in (np.array([0.5]), np.array([True]), np.zeros((2, 2), int), np.array(3)):
        with pytest.raises(BadCodes, match="image numbers"):
            write_group(copied, "bad", images)
    with pytest.raises(TooFewPoints, match="no image"):
        write_group(copied, "bad", np.zeros(0, int))
    assert lists(copied) == {"ends": [0, last]}


def test_there_is_an_end_to_groups_and_to_their_images(copied, monkeypatch):
    monkeypatch.setattr(groups, "MOST_GROUPS", 2)
    monkeypatch.setattr(groups, "MOST_IMAGES", 3)
    write_group(copied, "a", [1])
    write_group(copied, "b", [1])
    with pytest.raises(BadName, match="2 groups are kept already"):
        write_group(copied, "c", [1])
    write_group(copied, "b", [1, 2, 3, 3])
    with pytest.raises(BadCodes, match="at most 3 images, got 4"):
        write_group(copied, "b", [1, 2, 3, 4])
    assert lists(copied) == {"a": [1], "b": [1, 2, 3]}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"groups": 3}', '{"groups": [1]}', "[" * 100_000, "\x00\xff", "NaN"]
)
def test_a_damaged_file_holds_no_groups_and_can_be_written_again(copied, text):
    tell(copied, text)
    assert read_groups(copied) == {}
    write_group(copied, "a", [1])
    assert lists(copied) == {"a": [1]}


def test_what_can_be_read_of_a_damaged_file_is_read(copied):
    count = copied.record().data["images"]
    told = {
        "whole": [3, 1, 3], " spaced ": [2], "spaced": [9], "partly": [1, -1, 2.5, "3", None, True, count, 4, 10**30],
        "none of them": [count], "empty": [], "no list": {"1": 2}, "": [1], "x" * 61: [1], "two\nlines": [1],
    }  # fmt: skip
    tell(copied, json.dumps({"format": 1, "groups": told}))
    assert lists(copied) == {"whole": [1, 3], "spaced": [2], "partly": [1, 4]}


def test_groups_of_a_newer_version_are_read_but_never_overwritten(copied):
    text = json.dumps({"format": 2, "groups": {"a": [1], "b": {"images": [2], "colour": "red"}}})
    tell(copied, text)
    assert lists(copied) == {"a": [1]}
    for change in (lambda: write_group(copied, "c", [1]), lambda: delete_group(copied, "a")):
        with pytest.raises(BadRun, match="format 2, newer"):
            change()
    assert (copied.notes / "groups.json").read_text() == text


WRITER = """
import sys
from pathlib import Path
from vae_core.places import Places
from vae_core.runs.groups import write_group
from vae_core.runs.run import Run
home, path, who = sys.argv[1:]
run = Run(Path(path), Places(Path(home), Path(home)))
print("ready", flush=True)
sys.stdin.readline()
for i in range(12):
    write_group(run, f"{who}-{i}", [i])
"""


def test_two_writers_at_once_lose_nothing(copied):
    command = [sys.executable, "-c", WRITER, str(copied.places.home), str(copied.path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([*command, who], **pipes) for who in "ab"]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert lists(copied) == {f"{who}-{i}": [i] for who in "ab" for i in range(12)}


def test_they_travel_with_the_run_and_leave_with_it(copied, tmp_path):
    from vae_core.export.archive import archive, unarchive

    write_group(copied, "a", [1, 5])
    archive(copied, tmp_path / "run.zip")
    store = Store(copied.places)
    back = unarchive(tmp_path / "run.zip", store)
    assert lists(back) == {"a": [1, 5]}
    assert [path.name for path in copied.notes.iterdir()] == ["groups.json"]  # the lock lies elsewhere
    store.delete(back)
    assert not back.notes.exists()


@pytest.mark.slow
def test_a_million_images_are_no_burden(copied, monkeypatch):
    monkeypatch.setattr(Run, "record", lambda run: type("R", (), {"data": {}}))
    write_group(copied, "many", np.arange(1_000_000))
    assert (copied.notes / "groups.json").stat().st_size < 8_000_000
    found = read_groups(copied)["many"]
    assert (found == np.arange(1_000_000)).all()
