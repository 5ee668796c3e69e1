"""The import form: what it tells, what it asks, and that names are shown as they were typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cases.folders import flat, split_folders
from cases.pixels import deep_files, drawings, masked, scraped, spots
from cases.tables import beside
from streamlit.testing.v1 import AppTest

from app.boundary import WORD_JOINER, plain
from vae_core.data import open_images
from vae_core.places import Places

Open = Callable[..., AppTest]


@pytest.fixture
def opened(open_page: Open, no_pretrained: None) -> Callable[[Path], AppTest]:
    """The Train page with a path given to the import form."""

    def at_path(path: Path) -> AppTest:
        at = open_page("train", open="import")
        given = next(w for w in at.text_input if w.label.startswith("or a folder"))
        return given.set_value(str(path)).run()

    return at_path


def asked(at: AppTest, label: str):
    """The widget of that label."""
    every = [*at.segmented_control, *at.selectbox, *at.multiselect, *at.toggle, *at.number_input, *at.button]
    return next(w for w in every if w.label.startswith(label))


def said(at: AppTest) -> str:
    return " ".join(one.value for one in [*at.caption, *at.markdown, *at.warning, *at.error, *at.success])


def imported(at: AppTest, places: Places, name: str, side: int):
    at = asked(at, "Import").click().run()
    assert not at.exception
    assert f"{name} is imported" in " ".join(one.value for one in at.success)
    assert next(w for w in at.selectbox if w.label == "Dataset").value == name
    return open_images(name, side, places)


def test_split_folders_are_told_asked_and_kept(opened, tmp_path: Path, places: Places) -> None:
    at = opened(split_folders(tmp_path / "set", {"train": 12, "val": 3, "test": 4}))
    assert "are splits\\: 24 train" not in said(at)
    assert "are splits: 24 train, 6 validation, 8 test images." in said(at)
    asked(at, "Folders train, val, test").set_value("labels").run()
    assert "are taken as classes" in said(at)
    asked(at, "Folders train, val, test").set_value("auto").run()
    images = imported(at, places, "set", 16)
    assert (len(images.test), images.label_names) == (8, ("ring", "star"))


def test_values_are_shown_and_can_be_changed(opened, tmp_path: Path, places: Places) -> None:
    at = opened(deep_files(tmp_path / "scans", spots(4, 16, 0, 4095)[0]))
    assert "0 becomes black, 4,095 white" in said(at)
    asked(at, "Values").set_value("own").run()
    assert asked(at, "White").value == 4095
    asked(at, "White").set_value(2000.0).run()
    assert "0 becomes black, 2,000 white" in said(at)
    images = imported(at, places, "scans", 16)
    values = spots(4, 16, 0, 4095)[0]
    assert abs(images.images[:, 0] - np.clip(values / 2000 * 255, 0, 255)).max() <= 1


def test_the_ground_is_told_and_can_be_changed(opened, tmp_path: Path, places: Places) -> None:
    at = opened(drawings(tmp_path / "icons", [(255, 255, 255)] * 4, 16))
    assert "laid on black" in said(at)
    asked(at, "Ground").set_value("grey").run()
    assert set(imported(at, places, "icons", 16).images[:, :, 0, 0].flat) == {128}


def test_broken_files_hold_the_import_up_until_they_are_left_out(
    opened, tmp_path: Path, places: Places
) -> None:
    source, broken = scraped(tmp_path / "web", 24)
    at = opened(source)
    assert "4 files cannot be read." in said(at)
    assert sorted(at.dataframe[-1].value["file"]) == sorted(broken)
    assert asked(at, "Import").disabled
    asked(at, "Leave out the broken").set_value(True).run()
    asked(at, "Side").set_value(16).run()
    assert len(imported(at, places, "web", 16)) == 22


def test_masks_are_told_and_can_be_left_out(opened, tmp_path: Path, places: Places) -> None:
    at = opened(masked(tmp_path / "seg"))
    assert "The folder masks became a class" in said(at)
    asked(at, "Leave out folders").set_value(["masks"]).run()
    assert len(imported(at, places, "seg", 32)) == 10


def test_labels_come_from_the_column_that_is_chosen(opened, tmp_path: Path, places: Places) -> None:
    at = opened(beside(tmp_path / "table", "hugging face csv"))
    assert asked(at, "Labels").options == ["auto", "folders", "none", "label", "age"]
    asked(at, "Labels").set_value("none").run()
    images = imported(at, places, "table", 16)
    assert (images.labels, images.factor_names) == (None, ("age",))


def test_a_refusal_is_shown_as_it_is(opened, tmp_path: Path) -> None:
    (tmp_path / "_x_ $a$.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50))
    at = opened(tmp_path / "_x_ $a$.h5")
    assert "\\_x\\_ \\$a\\$.h5: this is HDF5; convert it by \\`python -c" in at.error[0].value
    assert at.error[0].value.endswith("Nothing was imported.")


def test_names_are_shown_as_they_were_typed(opened, tmp_path: Path) -> None:
    names = ("*bold* [x](y.z)", "$x^2$ :smile:")
    at = opened(
        flat(
            tmp_path / "$a$ _b_", {f"{name}/{i}.png": i for name in names for i in range(2)} | {"_c_.png": 1}
        )
    )
    told = said(at).replace(WORD_JOINER, "")
    assert "**\\$a\\$ \\_b\\_**: 5 images in 3 classes" in told
    assert "\\_c\\_.png" in told


@pytest.mark.parametrize(
    ("typed", "marked"),
    [
        ("two words.png", "two words.png"),
        ("2 of 3 (a, b): c - d", "2 of 3 (a, b): c - d"),
        ("x_1_2.png", "x_1_2.png"),
        ("_a_ __b__ *c*", "\\_a\\_ \\_\\_b\\_\\_ \\*c\\*"),
        ("[a](b) <i> `c` ~d~ $e$ {f}", "\\[a\\](b) \\<i> \\`c\\` \\~d\\~ \\$e\\$ \\{f\\}"),
        ("&amp; a & b", "\\&amp; a & b"),
        ("# a", "\\# a"),
        ("1. a", "1\\. a"),
        ("12:30", "12\\:30"),
        (" a\nb ", "a b"),
    ],
)
def test_marks_of_markdown_are_masked_and_nothing_else(typed: str, marked: str) -> None:
    assert plain(typed) == marked


@pytest.mark.parametrize(
    "typed", ["http://a.b", "www.a.b", "a@b.c", ":smile:", "a--b", "a->b", ":material/home:"]
)
def test_what_is_found_after_the_marks_is_parted(typed: str) -> None:
    assert WORD_JOINER in plain(typed)
    assert plain(typed).replace(WORD_JOINER, "").replace("\\", "") == typed
