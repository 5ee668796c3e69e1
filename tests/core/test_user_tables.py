"""Tables beside a person's images: joined by the files' names, whatever the order, encoding or layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases.folders import flat, numbered
from cases.tables import COUNT, LAYOUTS, beside, kind_of
from image_sources import noise, put, save, taken

from vae_core import tables
from vae_core.cli import main
from vae_core.data import ImageSet, open_images
from vae_core.data.joining import join
from vae_core.data.user import Budgets, accept, inspect
from vae_core.errors import BadConfig, BadTable
from vae_core.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", tmp_path / "data")


def numbers(images: ImageSet) -> np.ndarray:
    """Each image's planted number, read off its pixels."""
    return images.images[:, 0, 0, 0] // 4


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_joined_to_the_files_they_name(layout: str, tmp_path: Path, places: Places) -> None:
    plan, images = taken(beside(tmp_path / "set", layout), places)
    found = numbers(images)
    assert any(f"{COUNT} of {COUNT} images" in note for note in plan.notes)
    assert not any("Left out" in note for note in plan.notes)
    if layout == "celeba":
        assert images.factor_names == ("Odd", "Half")
        np.testing.assert_array_equal(
            images.factors, np.stack([found % 2 * 2 - 1.0, (found > 11) * 2 - 1.0], 1)
        )
        return
    assert [images.label_of(i) for i in range(COUNT)] == [kind_of(n) for n in found]
    if layout not in ("kaggle", "windows paths"):
        np.testing.assert_array_equal(images.factors, found[:, None] / 2)


def test_a_table_in_each_split_folder_is_of_the_files_below_it(tmp_path: Path, places: Places) -> None:
    """Hugging Face's imagefolder: the same names in train and test."""
    source = flat(
        tmp_path / "set",
        {f"{split}/{i}.png": 4 * i + k for k, split in enumerate(("train", "test")) for i in range(9)},
    )
    for k, split in enumerate(("train", "test")):
        rows = "".join(f"{i}.png,{i * 2 + k}.5\n" for i in reversed(range(9)))
        (source / split / "metadata.csv").write_text("file_name,value\n" + rows)
    _, images = taken(source, places)
    shades = images.images[:, 0, 0, 0]
    np.testing.assert_array_equal(images.factors, (shades // 4 * 2 + shades % 4 + 0.5)[:, None])
    assert set(shades[images.test] % 4) == {1}


def test_class_folders_count_before_a_table_unless_it_is_chosen(tmp_path: Path, places: Places) -> None:
    source = flat(tmp_path / "set", {f"{kind}/{i}.png": i for kind in ("a", "b") for i in range(6)})
    rows = "".join(f"{kind}/{i}.png,{'up' if i % 2 else 'down'}\n" for kind in ("a", "b") for i in range(6))
    (source / "t.csv").write_text("file,way\n" + rows)
    plan, images = taken(source, places)
    assert images.label_names == ("a", "b")
    assert "Columns of words, which can be chosen for the labels: way." in plan.notes
    _, images = taken(source, places, name="way", labels="way")
    assert images.label_names == ("down", "up")
    np.testing.assert_array_equal(images.labels, images.images[:, 0, 0, 0] % 2)
    _, images = taken(source, places, name="none", labels="none")
    assert images.labels is None
    with pytest.raises(
        BadConfig, match="there is no column 'west' in a table of these images; there are way"
    ):
        accept(plan, "no", places, labels="west")


def test_a_column_of_splits(tmp_path: Path, places: Places) -> None:
    source = numbered(tmp_path / "set", 20)
    splits = ["train"] * 12 + ["valid"] * 4 + ["test"] * 4
    (source / "meta.csv").write_text("image,split\n" + "".join(f"{i},{s}\n" for i, s in enumerate(splits)))
    _, images = taken(source, places)
    np.testing.assert_array_equal(numbers(images)[images.test], [16, 17, 18, 19])
    np.testing.assert_array_equal(numbers(images)[images.validation], [12, 13, 14, 15])
    assert not set(images.split(0).train) & {*images.test, *images.validation}


def test_images_without_a_row_have_a_label_of_their_own(tmp_path: Path, places: Places) -> None:
    source = numbered(tmp_path / "set", 20)
    (source / "t.csv").write_text("file,label,x\n" + "".join(f"{i}.png,{kind_of(i)},1\n" for i in range(15)))
    plan, images = taken(source, places)
    assert images.label_names == ("cat", "dog", "(no row)")
    assert [images.label_of(i) for i in range(15, 20)] == ["(no row)"] * 5
    assert "No factors, for some images have no number there: x." in plan.notes


def test_a_table_of_something_else_is_left_out(tmp_path: Path, places: Places) -> None:
    source = numbered(tmp_path / "set", 20)
    (source / "log.csv").write_text(",epoch,loss\n" + "".join(f"x{i},{i},0.5\n" for i in range(20)))
    (source / "readme.txt").write_text("20\nwords and words\nand more\n")
    plan, images = taken(source, places)
    assert (images.labels, images.factors) == (None, None)
    assert "Left out (no image): log.csv, readme.txt." in plan.notes


def test_tables_that_are_too_large_or_too_many_refuse_nothing(tmp_path: Path) -> None:
    source = beside(tmp_path / "set", "kaggle")
    (source / "big.txt").write_bytes(b"x " * 100_000)
    for i in range(30):
        (source / f"{i}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    plan = inspect(source, Budgets(file_bytes=50_000))
    assert plan.label_names == ("cat", "dog")
    assert any("big.txt" in note or "0.txt" in note for note in plan.notes)


def test_a_table_of_one_s_own_on_the_command_line(tmp_path: Path, places: Places, capsys) -> None:
    source = numbered(tmp_path / "set", 20)
    table = tmp_path / "mine.csv"
    table.write_bytes(
        ("Bild;Größe;Art\n" + "".join(f"{i}.png;{i};{kind_of(i)}\n" for i in range(20))).encode("latin-1")
    )
    home = ["--home", str(places.home)]
    assert main(["data", "add", str(source), "--name", "a", "--labels", f"{table}:Art", *home]) == 0, (
        capsys.readouterr().err
    )
    images = open_images("a", 16, places)
    assert [images.label_of(i) for i in range(20)] == [kind_of(n) for n in numbers(images)]
    assert images.factor_names == ("Größe",)
    assert main(["data", "add", str(source), "--name", "b", "--labels", str(tmp_path / "no.csv"), *home]) == 1
    assert "there is no column" in capsys.readouterr().err


def test_a_table_for_an_array_is_joined_by_number_or_order(tmp_path: Path, places: Places) -> None:
    plan = inspect(save(tmp_path / "a.npz", images=noise(6, 16, 16)))
    plan.images.add_table(
        "t.csv",
        b"index,label\n" + b"".join(b"%d,%s\n" % (i, b"ab"[i % 2 : i % 2 + 1]) for i in (5, 4, 3, 2, 1, 0)),
    )
    accept(plan, "one", places, side=16)
    assert open_images("one", 16, places).labels.tolist() == [0, 1, 0, 1, 0, 1]
    plan.images.add_table("t.csv", b"label\na\na\na\nb\nb\nb\n")
    accept(plan, "two", places, side=16)
    assert open_images("two", 16, places).labels.tolist() == [0, 0, 0, 1, 1, 1]
    with pytest.raises(BadTable, match=r"t\.csv names none of the images"):
        plan.images.add_table("t.csv", b"label\na\nb\n")


def test_broken_files_take_no_rows_of_others(tmp_path: Path, places: Places) -> None:
    source = beside(tmp_path / "set", "semicolons")
    put(source, {"images/3.png": b"broken"})
    _, images = taken(source, places, skip_broken=True)
    assert len(images) == COUNT - 1
    np.testing.assert_array_equal(images.factors, numbers(images)[:, None] / 2)


def test_names_that_two_images_share_join_nothing() -> None:
    frame = tables.read_csv(b"file,v\n1.png,a\n2.png,b\n")
    found = join(frame, ["x/1.png", "y/1.png", "y/2.png"], 3)
    assert found is not None
    assert found.rows.tolist() == [-1, -1, 1]


def test_decomposed_letters_are_the_same_letters() -> None:
    found = join(tables.read_csv("file,v\ncafe\u0301.png,a\n".encode()), ["caf\u00e9.png", "b.png"], 2)
    assert found is not None
    assert found.rows.tolist() == [0, -1]


def test_an_index_is_a_number_and_else_a_name() -> None:
    names = [f"{i}.png" for i in (1, 2, 3)]
    by_number = join(tables.read_csv(b"index,v\n0,a\n1,b\n2,c\n"), names, 3)
    by_name = join(tables.read_csv(b"index,v\n1,a\n2,b\n3,c\n"), names, 3)
    assert by_number is not None
    assert by_name is not None
    assert by_number.rows.tolist() == by_name.rows.tolist() == [0, 1, 2]
    assert ("number" in by_number.words, "name" in by_name.words) == (True, True)


@pytest.mark.parametrize("raw", [b"{", b"[1]\n", b"{}\nx\n", b'{"a":' * 9000])
def test_lines_that_are_no_json_are_named(raw: bytes) -> None:
    with pytest.raises(BadTable):
        tables.read_table(raw, "t.jsonl")


def test_many_names_join() -> None:
    names = [f"img/{i:06}.jpg" for i in range(50_000)]
    raw = "image_id;a;b\n" + "".join(f"{i:06}.jpg;1;2\n" for i in reversed(range(50_000)))
    found = join(tables.read_csv(raw.encode()), names, len(names))
    assert found is not None
    np.testing.assert_array_equal(found.rows, np.arange(50_000)[::-1])
