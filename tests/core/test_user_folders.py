"""What folders say of a person's images: splits, classes, order and names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cases.folders import flat, numbered, split_folders
from helpers import config_of, write_blobs
from image_sources import taken

from vae_core.cli import main
from vae_core.data import open_images
from vae_core.data.imageset import read_images
from vae_core.data.user import dataset_of_images
from vae_core.data.user.folders import natural, read_folders, split_of
from vae_core.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", tmp_path / "data")


@pytest.mark.parametrize(
    "names",
    [
        {"train": 20, "val": 5, "test": 6},
        {"training": 20, "valid": 5, "testing": 6},
        {"Train": 20, "validation": 5, "Test": 6},
        {"trainset": 20, "dev": 5, "testset": 6},
        {"training_set": 20, "validation-set": 5, "test set": 6},
        {"deep/down/train": 20, "deep/down/val": 5, "deep/down/test": 6},
    ],
    ids=lambda names: "-".join(names).replace("/", "."),
)
def test_split_folders_are_splits_and_the_folders_below_classes(
    names: dict[str, int], tmp_path: Path, places: Places
) -> None:
    plan, images = taken(split_folders(tmp_path / "set", names), places)
    train, validation, test = names
    of = np.array([name.split("/")[:-2] for name in images.names or ()]).tolist()
    said = ["/".join(parts) for parts in of]
    assert images.label_names == ("ring", "star")
    np.testing.assert_array_equal(images.labels, (images.images[:, 0, 0, 0] >= 128).astype(int))
    for seed in (0, 1):
        splits = config_of(dataset="mine", split_seed=seed).data.split(images)
        assert {said[i] for i in splits.train} == {train}
        assert {said[i] for i in splits.validation} == {validation}
        assert {said[i] for i in splits.test} == {test}
        assert [len(index) for index in (splits.train, splits.validation, splits.test)] == [40, 10, 12]
    assert any("are splits: 40 train, 10 validation, 12 test images." in note for note in plan.notes)
    assert plan.notes == images.notes[: len(plan.notes)], "then how many equal another"


def test_splits_below_the_classes_count_too(tmp_path: Path, places: Places) -> None:
    files = {
        f"{kind}/{split}/{i}.png": i for kind in ("a", "b") for split in ("train", "test") for i in range(4)
    }
    _, images = taken(flat(tmp_path / "set", files), places)
    assert images.label_names == ("a", "b")
    assert {(images.names or ())[i].split("/")[1] for i in images.test} == {"test"}
    assert len(images.test) == 8


def test_two_domains_in_two_splits(tmp_path: Path, places: Places) -> None:
    files = {f"{split}{kind}/{i}.png": i for kind in "AB" for split in ("train", "test") for i in range(4)}
    _, images = taken(flat(tmp_path / "set", files), places)
    assert images.label_names == ("A", "B")
    assert {(images.names or ())[i][:4] for i in images.test} == {"test"}


@pytest.mark.parametrize(
    ("splits", "labels", "test", "says"),
    [
        ("labels", ("test", "train"), None, "The folders train, test are taken as classes."),
        ("none", ("ring", "star"), None, "The folders train, test count for nothing."),
    ],
)
def test_it_is_a_choice(
    splits: str, labels: tuple[str, ...], test: None, says: str, tmp_path: Path, places: Places
) -> None:
    source = split_folders(tmp_path / "set", {"train": 20, "test": 5})
    plan, images = taken(source, places, splits=splits)
    assert plan.split_folders == ("train", "test")
    assert images.label_names == labels
    assert says in images.notes
    assert len(images.test) == 5  # a tenth, cut anew
    assert images.validation is None


def test_classes_that_are_called_so_stay_classes(tmp_path: Path, places: Places) -> None:
    files = {f"{kind}/{i}.png": i for kind in ("car", "plane", "train") for i in range(4)}
    plan, images = taken(flat(tmp_path / "set", files), places)
    assert (images.label_names, plan.split_folders) == (("car", "plane", "train"), ())


def test_without_a_test_folder_one_is_cut_from_training_alone(tmp_path: Path, places: Places) -> None:
    _, images = taken(split_folders(tmp_path / "set", {"train": 20, "val": 5}), places)
    assert len(images.test) == 5
    assert {(images.names or ())[i].split("/")[0] for i in images.test} == {"train"}
    splits = images.split(0)
    assert {(images.names or ())[i].split("/")[0] for i in splits.validation} == {"val"}
    assert len(splits.train) + len(splits.validation) + len(splits.test) == len(images)


def test_a_test_folder_without_classes_takes_no_labels_away(tmp_path: Path, places: Places) -> None:
    files = {f"train/{kind}/{i}.png": i for kind in ("cat", "dog") for i in range(3)}
    files |= {f"test/{i}.png": i for i in range(9)}
    _, images = taken(flat(tmp_path / "set", files), places)
    assert images.label_names == ("cat", "dog", "(no folder)")
    assert [images.label_of(i) for i in images.test] == ["(no folder)"] * 9


def test_a_few_loose_files_take_no_labels_away(tmp_path: Path, places: Places) -> None:
    files = {f"animals/{kind}/{i}.png": i for kind in ("cat", "dog") for i in range(3)} | {"cover.png": 9}
    _, images = taken(flat(tmp_path / "set", files), places)
    assert images.label_names == ("cat", "dog", "(no folder)")
    assert [images.label_of(i) for i in range(7)] == ["cat"] * 3 + ["dog"] * 3 + ["(no folder)"]
    assert "1 image beside the class folders has the label (no folder): cover.png." in images.notes


def test_files_come_in_natural_order_and_keep_their_names(tmp_path: Path, places: Places) -> None:
    _, images = taken(numbered(tmp_path / "set"), places)
    assert images.names == tuple(f"images/{i}.png" for i in range(60))
    np.testing.assert_array_equal(images.images[:, 0, 0, 0], 4 * np.arange(60))


def test_natural_order() -> None:
    names = ["10.png", "2.png", "b1", "A2", "a10", "1.png", "01.png", "x" * 300 + "9" * 6000]
    assert sorted(names, key=natural)[:7] == ["01.png", "1.png", "2.png", "10.png", "A2", "a10", "b1"]


def test_names_of_splits() -> None:
    assert [split_of(name) for name in ("trains", "testament", "contest", "set", "", "train test")] == [
        None
    ] * 6
    assert split_of("train2017") == ("train", "")


def test_a_selection_keeps_names_and_splits(tmp_path: Path, places: Places) -> None:
    _, images = taken(split_folders(tmp_path / "set", {"train": 20, "val": 5, "test": 5}), places)
    splits = images.split(0)
    wanted = np.r_[splits.train[:20], splits.validation[:4], splits.test[:3]]
    some = open_images(dataset_of_images(places, images, wanted, "some").name, 16, places)
    assert some.names == tuple((images.names or ())[i] for i in sorted(wanted))
    assert (len(some.test), len(some.validation if some.validation is not None else ())) == (3, 4)


def test_a_set_of_before_splits_as_it_did(places: Places) -> None:
    write_blobs(places.datasets, "old")
    old = read_images(places.datasets / "old" / "16")
    assert (old.names, old.validation) == (None, None)
    assert not list((places.datasets / "old" / "16").glob("names*"))
    splits = old.split(0)
    rest = np.setdiff1d(np.arange(90), old.test)
    order = np.random.default_rng(0).permutation(rest)
    np.testing.assert_array_equal(splits.validation, np.sort(order[: round(0.05 * len(rest))]))


def test_the_command_line_has_the_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = split_folders(tmp_path / "set", {"train": 8, "test": 4})
    home = ["--home", str(tmp_path / "home")]
    assert main(["data", "add", str(source), "--name", "auto", *home]) == 0
    assert "are splits: 16 train, 8 test images." in capsys.readouterr().err
    assert main(["data", "add", str(source), "--name", "classes", "--splits", "labels", *home]) == 0
    meta = json.loads((tmp_path / "home" / "datasets" / "classes" / "16" / "meta.json").read_text())
    assert meta["label_names"] == ["test", "train"]


def test_many_folders_are_read_quickly() -> None:
    paths = [("train" if i % 5 else "val", f"class {i % 300}", f"{i}.png") for i in range(50_000)]
    found = read_folders(paths)
    assert len(found.label_names) == 300
    assert len(found.validation if found.validation is not None else ()) == 10_000
