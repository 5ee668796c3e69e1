"""What the map says in other forms: colours from a CSV, selections to take away; and its page's own panels."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from conftest import shown
from streamlit.testing.v1 import AppTest

from app import blobs, maps, resources
from vae_core.errors import BadCodes
from vae_core.inference import StoredCodes
from vae_core.runs.groups import read_groups, write_group
from vae_core.runs.store import Run

Open = Callable[..., AppTest]
INDEX = np.array([4, 9, 2])


def kept(colour: dict) -> list:
    found = blobs.find(colour["values"].split("/")[-1].removesuffix(".bin"))
    assert found is not None
    return found.tolist()


def test_a_csv_joins_by_image_number_or_by_order() -> None:
    joined = maps.read_table(b"Image,mood\n2,glad\n4,sad\n77,glad\n", INDEX)
    assert joined == {"mood": ["sad", "", "glad"]}
    assert maps.read_table("mood,größe\na,1\nb,2\nc,3\n".encode(), INDEX)["größe"] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "header"),
        (b"mood\n", "at least one row"),
        (b"mood\na\nb\n", "2 rows and this split 3"),
        (b"image,mood\nx,a\n", "no whole number"),
        (b"image,mood\n50,a\n", "none of the CSV's image numbers"),
        (b"image\n4\n", "no column besides"),
        (b"a,b\n1,2\n1\n1,2\n", "line 3"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_csv_that_does_not_fit_names_the_fault(raw: bytes, said: str) -> None:
    with pytest.raises(BadCodes, match=said):
        maps.read_table(raw, INDEX)


def test_columns_become_classes_or_a_scale() -> None:
    words = maps.of_text(["b", "", "a"], "mood")
    assert (words["kind"], words["names"], kept(words)) == ("classes", ["a", "b"], [1, 255, 0])
    few = maps.of_text(["2", "1", "2"], "n")
    assert (few["kind"], few["names"], kept(few)) == ("classes", ["1", "2"], [1, 0, 1])
    many = maps.of_text([str(v / 7) for v in range(50)], "x")
    assert many["kind"] == "numbers"
    with pytest.raises(BadCodes, match="holds 41 different texts"):
        maps.of_text([f"t{i}" for i in range(41)], "x")


def codes() -> StoredCodes:
    rng = np.random.default_rng(0)
    return StoredCodes(
        rng.standard_normal((6, 3)).astype(np.float32), np.zeros((6, 3), np.float32), np.arange(10, 16),
        np.array([0, 1, 0, 1, 0, 1]), np.arange(12.0).reshape(6, 2), np.arange(6.0), ("even", "odd"), ("f", "g"), "test",
    )  # fmt: skip


def test_a_selection_is_taken_away_whole_and_nothing_else() -> None:
    found, rows = codes(), np.array([1, 4])
    table = list(csv.DictReader(io.StringIO(maps.table_of(found, rows).decode())))
    assert [row["image"] for row in table] == ["11", "14"]
    assert [row["label"] for row in table] == ["odd", "even"]
    assert [row["g"] for row in table] == ["3", "9"]
    np.testing.assert_allclose([float(row["z2"]) for row in table], found.mean[rows, 2], rtol=1e-5)
    with np.load(io.BytesIO(maps.arrays_of(found, rows)), allow_pickle=False) as npz:
        assert npz["image"].tolist() == [11, 14]
        np.testing.assert_array_equal(npz["mean"], found.mean[rows])
        assert npz["labels"].tolist() == [1, 0]


def test_heat_is_brightest_where_the_error_is_largest() -> None:
    picture = maps.heat(np.array([[0.0, 0.5], [0.25, 0.1]]))
    assert picture[:, 0, 1].tolist() == [253, 231, 37]
    assert picture[:, 0, 0].tolist() == [68, 1, 84]
    assert not np.isnan(maps.heat(np.zeros((2, 2)))).any()


def test_a_second_map_keeps_the_colours_of_the_first() -> None:
    from app.components.map import classes

    colour = classes(np.array([3, 1, 2]), list("abcd"), "x")
    assert kept(maps.blob_colour(colour, np.array([2, 0]))) == [2, 3]


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize("kind", ["dimensions", "PCA", "axis"])
@pytest.mark.parametrize("colour", ["anomaly score", "CSV column"])
def test_every_projection_and_colour(open_page: Open, copied: Run, kind: str, colour: str) -> None:
    at = open_page("latent_map", run=copied.id, coordinates=kind, colour=colour)
    assert not at.exception
    assert not at.error
    text = shown(at)
    assert "trustworthiness" in text
    assert "Holes" in text


def test_a_linked_selection_is_shown_kept_and_let_go(open_page: Open, copied: Run) -> None:
    open_page("latent_map", run=copied.id)  # computes the codes
    known = resources.codes(copied)
    assert known is not None
    images = known.index[[2, 5, 8]]
    at = open_page("latent_map", run=copied.id, sel=".".join(map(str, images)))
    assert f"Selected: 3 of {len(known)} images" in shown(at)
    at.text_input(key="group name").set_value("mine").run()
    at.button(key="save group").click().run()
    assert read_groups(copied)["mine"].tolist() == sorted(images)
    at.button(key="clear selection").click().run()
    assert "Selected" not in shown(at)
    at.button(key="select group").click().run()
    assert f"Selected: 3 of {len(known)} images" in shown(at)
    at.button(key="delete group").click().run()
    assert not read_groups(copied)
    assert not at.exception


def test_a_group_without_a_name_is_refused(open_page: Open, copied: Run) -> None:
    open_page("latent_map", run=copied.id)
    known = resources.codes(copied)
    assert known is not None
    at = open_page("latent_map", run=copied.id, sel=str(known.index[0]))
    at.button(key="save group").click().run()
    assert at.error
    assert not read_groups(copied)


def test_saved_groups_may_span_an_axis(open_page: Open, copied: Run) -> None:
    open_page("latent_map", run=copied.id)
    known = resources.codes(copied)
    assert known is not None
    write_group(copied, "first", known.index[:20])
    at = open_page("latent_map", run=copied.id, coordinates="axis")
    assert "group first" in at.selectbox(key="axis-from").options
    at.selectbox(key="axis-from").set_value("group first").run()
    assert not at.exception
    assert not at.error
    assert "from group first" in shown(at)


def test_an_image_is_found_by_its_number(open_page: Open, copied: Run) -> None:
    at = open_page("latent_map", run=copied.id)
    known = resources.codes(copied)
    assert known is not None
    at.number_input(key="find image").set_value(int(known.index[7])).run()
    at.button(key="find").click().run()
    assert any(f"Image {known.index[7]}" in s.value for s in at.subheader)
    at.button(key="clear image").click().run()
    assert not any(s.value.startswith("Image") for s in at.subheader)


def test_pixels_stand_beside_the_codes(open_page: Open, copied: Run) -> None:
    at = open_page("latent_map", run=copied.id)
    at.selectbox(key="beside").set_value("pixels").run()
    assert not at.exception
    assert "Procrustes" in shown(at)
