"""What the map says in other forms: colours from a CSV, selections to take away; and its page's own panels."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from conftest import shown
from helpers import until
from streamlit.testing.v1 import AppTest

from app.components.map import bits_of, images_of
from app.services import array_store, datasets, run_codes
from app.services import umap as umap_service
from app.services.cache import LruCache
from app.services.tasks import Task, TaskCancelled
from app.views.map import caches, colours, groups, image, prior, projections, quality, tables, umap_layout
from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.data.registry import factor_words
from vae_core.errors import BadCodes, BadTable
from vae_core.inference import StoredCodes, load_run
from vae_core.latent.pca import check_codes
from vae_core.latent.umap import UmapParams
from vae_core.places import Places
from vae_core.runs.groups import read_groups, write_group
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

Open = Callable[..., AppTest]
INDEX = np.array([4, 9, 2])


def kept(colour: dict) -> list:
    found = array_store.find(colour["values"].split("/")[-1].removesuffix(".bin"))
    assert found is not None
    return found.tolist()


def test_a_csv_joins_by_image_number_or_by_order() -> None:
    joined, how = tables.read_table(b"Image,mood\n2,glad\n4,sad\n77,glad\n", INDEX)
    assert (joined, how) == ({"mood": ["sad", "", "glad"]}, "by image number, column Image")
    joined, how = tables.read_table("mood,größe\na,1\nb,2\nc,3\n".encode(), INDEX)
    assert (joined["größe"], how) == (["1", "2", "3"], "by order, a row for each image of this split")


@pytest.mark.parametrize("cell", ["{}.png", "{}", "images/{}.png", "C:\\pictures\\images\\{}.PNG"])
@pytest.mark.parametrize("head", ["file_name", "image", "id"])
def test_a_csv_joins_by_file_name(head: str, cell: str) -> None:
    """The images lie in another order than the table, and some files are missing: no number of a row fits."""
    names = [f"images/{n}.png" for n in (30, 7, 12, 3, 40, 21, 9, 50, 2, 11)]
    rows = "".join(f"{cell.format(n)};{n}\n" for n in range(60))
    joined, how = tables.read_table(f"{head};number\n{rows}".encode("utf-16"), INDEX, names)
    assert joined == {"number": ["40", "11", "12"]}  # of the images 4, 9 and 2
    assert how == f"by file name, column {head}: 10 of 10 images"


def test_an_exported_selection_joins_again_by_its_file_names() -> None:
    names = [f"{n}.png" for n in reversed(range(10))]
    raw = b"image,file_name,mood\n" + b"".join(b"%d,%d.png,m%d\n" % (i, 9 - i, i) for i in range(10))
    joined, how = tables.read_table(raw, INDEX, names)
    assert joined["mood"] == ["m4", "m9", "m2"]
    assert "column file_name" in how


def test_a_csv_of_other_files_says_so() -> None:
    with pytest.raises(BadTable, match="none of them is of this split"):
        tables.read_table(b"file,a\n1.png,2\n", INDEX, [f"{n}.png" for n in range(10)])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "header"),
        (b"mood\n", "at least one row"),
        (b"mood\na\nb\n", "2 rows and this split 3"),
        (b"image,mood\nx,a\n", "no whole number"),
        (b"image,mood\n50,a\n", "none of the CSV's image numbers"),
        (b"image\n4\n", "no column besides"),
        (b"a,b\n1,2\n1\n1,2\n", "row 2 of the CSV and its header differ in length: 1 and 2"),
        (b"\x89PNG\0\0", "no text"),
    ],
)
def test_a_csv_that_does_not_fit_names_the_fault(raw: bytes, said: str) -> None:
    with pytest.raises(BadTable, match=said):
        tables.read_table(raw, INDEX)


def test_columns_become_classes_or_a_scale() -> None:
    words = colours.by_text(["b", "", "a"], "mood")
    assert (words["kind"], words["names"], kept(words)) == ("classes", ["a", "b"], [1, 255, 0])
    few = colours.by_text(["2", "1", "2"], "n")
    assert (few["kind"], few["names"], kept(few)) == ("classes", ["1", "2"], [1, 0, 1])
    many = colours.by_text([str(v / 7) for v in range(50)], "x")
    assert many["kind"] == "numbers"
    with pytest.raises(BadCodes, match="holds 41 different texts"):
        colours.by_text([f"t{i}" for i in range(41)], "x")


def test_values_of_a_factor_are_said_with_their_words() -> None:
    worn = colours.by_value(np.array([0.0, 1.0, 1.0]), "glasses", 2, factor_words("faces", "glasses"))
    assert (worn["names"], kept(worn)) == (["none", "worn"], [0, 1, 1])
    turned = colours.by_value(np.arange(40.0), "orientation", 2, factor_words("shapes", "orientation"))
    assert turned["words"]["each"][2] == "18°"
    smile = colours.by_value(np.linspace(0, 1, 50), "smile", 2, factor_words("faces", "smile"))
    assert (smile["digits"], smile["words"]) == (2, {"low": "sad", "high": "laughing", "top": 1.0})
    unnamed = colours.by_value(np.array([39_200.0, 0.25]), "size", 2)
    assert unnamed["names"] == ["0.25", "39,200"]


def codes() -> StoredCodes:
    rng = np.random.default_rng(0)
    return StoredCodes(
        rng.standard_normal((6, 3)).astype(np.float32), np.zeros((6, 3), np.float32), np.arange(10, 16),
        np.array([0, 1, 0, 1, 0, 1]), np.arange(12.0).reshape(6, 2), np.arange(6.0), ("even", "odd"), ("f", "g"), "test",
    )  # fmt: skip


def test_a_selection_is_taken_away_whole_and_nothing_else() -> None:
    found, rows = codes(), np.array([1, 4])
    table = list(csv.DictReader(io.StringIO(tables.selection_csv(found, rows).decode())))
    assert [row["image"] for row in table] == ["11", "14"]
    assert [row["label"] for row in table] == ["odd", "even"]
    assert [row["g"] for row in table] == ["3", "9"]
    np.testing.assert_allclose([float(row["z2"]) for row in table], found.mean[rows, 2], rtol=1e-5)
    with np.load(io.BytesIO(tables.selection_npz(found, rows)), allow_pickle=False) as npz:
        assert npz["image"].tolist() == [11, 14]
        np.testing.assert_array_equal(npz["mean"], found.mean[rows])
        assert npz["labels"].tolist() == [1, 0]


def test_heat_is_brightest_where_the_error_is_largest() -> None:
    picture = image.heat(np.array([[0.0, 0.5], [0.25, 0.1]]))
    assert picture[:, 0, 1].tolist() == [253, 231, 37]
    assert picture[:, 0, 0].tolist() == [68, 1, 84]
    assert not np.isnan(image.heat(np.zeros((2, 2)))).any()


def test_a_second_map_keeps_the_colours_of_the_first() -> None:
    from app.components.map import classes

    colour = classes(np.array([3, 1, 2]), list("abcd"), "x")
    assert kept(colours.colours_of_rows(colour, np.array([2, 0]))) == [2, 3]


def test_an_axis_leads_from_a_group_or_one_image_to_another() -> None:
    found = codes()
    groups = projections.axis_groups(found, {"mine": np.array([12, 13]), "elsewhere": np.array([99])})
    assert set(groups) == {"label even", "label odd", "group mine", "f, high", "f, low", "g, high", "g, low"}
    for start, end in (("image 12", "15"), ("group mine", "image 10")):
        seen = projections.by_axis(found, groups, start, end)
        assert seen.linear is not None
        assert seen.linear.axes is not None
        a = found.mean[[2, 3]].mean(0) if start == "group mine" else found.mean[2]
        b = found.mean[0] if end == "image 10" else found.mean[5]
        np.testing.assert_allclose(seen.linear.axes[0], (b - a) / np.linalg.norm(b - a), atol=1e-6)
        assert seen.x.startswith(f"{start} → {end}")
    for wrong, said in (
        ("image 99", "not among"),
        ("nobody", "neither a group"),
        ("image", "neither a group"),
    ):
        with pytest.raises(BadCodes, match=said):
            projections.by_axis(found, groups, wrong, "label odd")


def test_codes_of_equal_errors_still_have_two_halves() -> None:
    found = codes()
    equal = StoredCodes(found.mean, found.log_var, found.index, None, None, np.ones(6), (), (), "test")
    assert [int(m.sum()) for m in projections.axis_groups(equal, {}).values()] == [3, 3]


def test_codes_without_labels_and_factors_still_have_two_groups() -> None:
    bare = codes()
    bare = StoredCodes(bare.mean, bare.log_var, bare.index, None, None, bare.error, (), (), "test")
    assert {n: m.sum() for n, m in projections.axis_groups(bare, {}).items()} == {
        "badly rebuilt half": 3,
        "well rebuilt half": 3,
    }


@pytest.mark.parametrize("params", [UmapParams(), UmapParams(7, 0.3, "cosine", 5, 4000)])
def test_settings_of_umap_travel_in_the_address(params: UmapParams) -> None:
    assert umap_layout.umap_params(umap_layout.umap_text(params)) == params
    for nonsense in ("", "1,2", "x,0.1,euclidean,0,0", "15,0.1,chess,0,0", "15,7,euclidean,0,0"):
        assert umap_layout.umap_params(nonsense) == UmapParams()


def test_what_umap_had_too_few_of_or_twice_is_said() -> None:
    found = codes()
    xy = np.zeros((6, 2), np.float32)
    assert "5 neighbours (not 15: there are no more)" in projections.by_umap(found, xy, UmapParams()).words
    assert "equal another" not in projections.by_umap(found, xy, UmapParams()).words
    few = projections.by_umap(found, xy, UmapParams(4, sample=3)).words
    assert "2 neighbours (not 4: there are no more)" in few
    assert "3 were laid out" in few
    assert " 3 neighbours, minimum" in projections.by_umap(found, xy, UmapParams(3)).words
    twice = found.mean.copy()
    twice[3:] = twice[0]
    twice[4] = -0.0 * twice[4]
    twice[5] = 0.0 * twice[5]
    found = dataclasses.replace(found, mean=twice)
    assert projections.count_duplicates(twice) == 2, "one more of the first, one of two zeros of either sign"
    assert "2 codes equal another" in projections.by_umap(found, xy, UmapParams()).words


def test_what_is_not_seen_is_said_only_where_there_is_more() -> None:
    found = codes()
    assert "not shown" in projections.by_dimensions(found, 0, 1).words
    assert "not shown" in projections.by_pca(found).words
    flat = dataclasses.replace(found, mean=found.mean[:, :2], log_var=found.log_var[:, :2])
    assert "not shown" not in projections.by_dimensions(flat, 0, 1).words
    assert "not shown" not in projections.by_pca(flat).words


def test_a_selection_names_the_images_it_was_made_of() -> None:
    """The page may show others by the time it hears of it."""
    numbers = np.array([70, 3, 15, 8], np.int64)
    told = {"bits": bits_of(np.array([False, True, True, False])), "of": array_store.url(numbers, "<i4")}
    found = images_of(told)
    assert found is not None
    assert found.tolist() == [3, 15]
    cleared = images_of(told | {"bits": ""})
    assert cleared is not None
    assert not len(cleared)
    floats = array_store.url(np.ones(4))
    for nonsense in (
        None,
        7,
        {},
        {"bits": "x"},
        told | {"of": "/api/arrays/none.bin"},
        told | {"of": floats},
        told | {"of": 3},
    ):
        assert images_of(nonsense) is None


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize("kind", ["dimensions", "PCA", "axis"])
@pytest.mark.parametrize("colour", ["KL", "anomaly score", "reconstruction error", "nothing"])
def test_every_projection_and_colour(open_page: Open, copied: Run, kind: str, colour: str) -> None:
    at = open_page("map", run=copied.id, coordinates=kind, colour=colour, prior="true")
    assert not at.exception
    assert not at.error
    text = shown(at)
    assert "trustworthiness **" in text
    assert "Holes" in text
    told = drawn(at)["colour"]
    assert told["kind"] == ("none" if colour == "nothing" else "numbers")
    assert colour in told["title"] or colour == "nothing"


def drawn(at: AppTest, key: str = "latent map") -> dict:
    """What the page handed to its map."""
    (found,) = [c for c in at.get("bidi_component") if key in c.proto.id]
    data: dict = json.loads(
        found.proto.mixed.json if found.proto.WhichOneof("data") == "mixed" else found.proto.json
    )
    return data


@pytest.mark.parametrize("umap", [False, True])
def test_a_column_of_a_csv_colours_the_points(open_page: Open, copied: Run, umap: bool) -> None:
    """Also of a UMAP's first sample, which is of some of the images."""
    plant_umap(copied, np.arange(0, 180, 3))
    known = run_codes.codes(copied)
    assert known is not None
    at = open_page("map", run=copied.id, colour="CSV column", coordinates="UMAP" if umap else "PCA")
    assert drawn(at)["colour"]["kind"] == "none"
    mood = ["glad", "sad"]
    rows = "".join(f"{n},{mood[n % 2]}\n" for n in known.index[:100])
    at.file_uploader(key="map csv").set_value(("moods.csv", f"image,mood\n{rows}".encode(), "text/csv")).run()
    assert not at.exception
    assert not at.error
    colour = drawn(at)["colour"]
    assert (colour["kind"], colour["names"], colour["title"]) == ("classes", mood, "mood")
    wanted = np.where(np.arange(180) < 100, known.index % 2, 255)
    assert kept(colour) == (wanted[::3] if umap else wanted).tolist()
    at.file_uploader(key="map csv").set_value(("odd.csv", b"image,mood\nx,y\n", "text/csv")).run()
    assert "no whole number" in at.error[0].value


def test_a_dimension_is_not_shown_against_itself(open_page: Open, copied: Run) -> None:
    at = open_page("map", run=copied.id, coordinates="dimensions", x="z1", y="z1")
    assert not at.exception
    across, up = at.selectbox(key="x"), at.selectbox(key="y")
    assert across.value == "z1"
    assert "z1" not in up.options
    assert drawn(at)["y"] == up.value
    across.set_value(up.value).run()
    assert not at.exception
    assert drawn(at)["x"] != drawn(at)["y"]


def test_an_address_may_ask_umap_for_more_than_there_is(open_page: Open, copied: Run) -> None:
    plant_umap(copied, params=UmapParams(sample=500_000))
    at = open_page("map", run=copied.id, coordinates="UMAP", umap="15,0.1,euclidean,0,500000")
    assert not at.exception
    assert at.number_input(key="umap sample").value == 100_000


def test_neighbours_in_pixels_are_of_the_images_on_the_map(open_page: Open, copied: Run) -> None:
    """The whole split first, then a UMAP's first sample of a third of it, then the whole again."""
    rows = np.arange(0, 180, 3)
    plant_umap(copied, rows)
    known = run_codes.codes(copied)
    data = datasets.images_of(copied)
    assert known is not None
    assert data is not None
    number = int(known.index[3])
    at = open_page("map", run=copied.id, image=str(number))

    def nearest_pixels() -> str:
        (words,) = [c for image in at.image for c in image.captions if c.startswith("nearest in pixel space")]
        return words

    def expected(index: np.ndarray) -> str:
        pixels = data.images[np.sort(index)].reshape(len(index), -1) / 255.0
        away = np.sort(np.linalg.norm(pixels - data.images[number].reshape(-1) / 255.0, axis=1))
        return f"distances {away[1]:.2f} to {away[10]:.2f}"

    assert expected(known.index) in nearest_pixels()
    at.segmented_control(key="coordinates").set_value("UMAP").run()
    assert not at.exception
    assert expected(known.index[rows]) in nearest_pixels()
    assert expected(known.index[rows]) != expected(known.index)
    at.segmented_control(key="coordinates").set_value("PCA").run()
    assert expected(known.index) in nearest_pixels()


def small_run(places: Places, objective: str, dims: int) -> Run:
    config = RunConfig(
        DataConfig("digits", side=16, limit=200), ModelConfig("mlp", dims), ObjectiveConfig(objective),
        TrainingConfig(epochs=1),
    )  # fmt: skip
    run = Store(places).create(config, f"{objective}-{dims}")
    assert train_run(run, places).state == FINISHED
    return run


def test_one_dimension_has_a_map_too(open_page: Open, places: Places) -> None:
    at = open_page("map", run=small_run(places, "vae", 1).id)
    assert not at.exception
    assert "100 % of their variance" in shown(at)


def test_an_autoencoder_is_offered_no_posterior(open_page: Open, places: Places) -> None:
    run = small_run(places, "autoencoder", 3)
    at = open_page("map", run=run.id, prior="true")
    assert not at.exception
    assert not {"KL", "anomaly score"} & set(at.selectbox(key="colour").options)
    assert "pulled to no prior" in shown(at)
    assert "Holes" not in shown(at)


def test_pages_name_no_nats_where_the_likelihood_is_none(open_page: Open, places: Places) -> None:
    config = RunConfig(
        DataConfig("digits", side=16, limit=200), ModelConfig("mlp", 3), ObjectiveConfig(likelihood="ms_ssim"),
        TrainingConfig(epochs=1),
    )  # fmt: skip
    run = Store(places).create(config, "alike")
    assert train_run(run, places).state == FINISHED
    says = "MS-SSIM is no likelihood: its distance is in no nats, so there is no ELBO."
    at = open_page("map", run=run.id, colour="reconstruction error", point="2")
    assert not at.exception
    assert "anomaly score" not in at.selectbox(key="colour").options
    assert drawn(at)["colour"]["title"] == "distance of pictures, no nats"
    assert says in at.selectbox(key="colour").help
    at = open_page("train", run=run.id)
    assert not at.exception
    assert says in shown(at)
    found = run_codes.codes(run)
    rows = np.arange(3)
    for nats, name in ((True, "error_nats"), (False, "error_distance")):
        assert name in tables.selection_csv(found, rows, nats=nats).decode().splitlines()[0].split(",")


def test_a_group_of_images_elsewhere_says_so(open_page: Open, copied: Run) -> None:
    open_page("map", run=copied.id)
    known = run_codes.codes(copied)
    assert known is not None
    elsewhere = np.setdiff1d(np.arange(500), known.index)[:4]
    write_group(copied, "strangers", np.concatenate((known.index[:2], elsewhere)))
    at = open_page("map", run=copied.id)
    assert "2 of its 6 images are among these test images" in shown(at)


def test_a_selection_is_written_out_only_when_it_is_asked_for(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_page("map", run=copied.id)
    known = run_codes.codes(copied)
    assert known is not None
    written: list[int] = []
    for name in ("selection_csv", "selection_npz"):
        monkeypatch.setattr(groups, name, lambda codes, rows: written.append(len(rows)) or b"")
    at = open_page("map", run=copied.id, sel=".".join(map(str, known.index[:3])))
    assert "Selected: 3" in shown(at)
    assert not at.exception
    assert not written


def test_a_dataset_of_a_selection_is_fine_tuned_on_by_one_click(open_page: Open, copied: Run) -> None:
    open_page("map", run=copied.id)
    open_page("map", run=copied.id)
    known = run_codes.codes(copied)
    assert known is not None
    at = open_page("map", run=copied.id, sel=".".join(map(str, known.index[:30])))
    at.text_input(key="group name").set_value("thirty").run()
    at.button(key="dataset of selection").click().run()
    assert not at.exception
    (link,) = [e.proto for e in at.get("page_link") if e.proto.label == "Fine-tune this run on it"]
    there = open_page("train", **{k: v[0] for k, v in parse_qs(link.query_string).items()})
    assert not there.exception
    assert there.selectbox(key="dataset").value == parse_qs(link.query_string)["dataset"][0]
    toggle = there.toggle(key="fine-tune")
    assert not toggle.disabled
    assert toggle.value
    made = len(Store(copied.places).own())
    there.button(key="start").click().run()
    assert not there.exception
    newest = max(Store(copied.places).own(), key=lambda run: run.record().created)
    assert len(Store(copied.places).own()) == made + 1
    assert newest.record().config.objective == copied.record().config.objective


def test_a_linked_selection_is_shown_kept_and_let_go(open_page: Open, copied: Run) -> None:
    open_page("map", run=copied.id)  # computes the codes
    known = run_codes.codes(copied)
    assert known is not None
    images = known.index[[2, 5, 8]]
    at = open_page("map", run=copied.id, sel=".".join(map(str, images)))
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
    open_page("map", run=copied.id)
    open_page("map", run=copied.id)
    known = run_codes.codes(copied)
    assert known is not None
    at = open_page("map", run=copied.id, sel=str(known.index[0]))
    at.button(key="save group").click().run()
    assert at.error
    assert not read_groups(copied)


def test_saved_groups_may_span_an_axis(open_page: Open, copied: Run) -> None:
    open_page("map", run=copied.id)
    known = run_codes.codes(copied)
    assert known is not None
    write_group(copied, "first", known.index[:20])
    at = open_page("map", run=copied.id, coordinates="axis")
    assert "group first" in at.selectbox(key="axis-from").options
    at.selectbox(key="axis-from").set_value("group first").run()
    assert not at.exception
    assert not at.error
    assert "from group first" in shown(at)


def test_an_image_is_found_by_its_number(open_page: Open, copied: Run) -> None:
    at = open_page("map", run=copied.id)
    known = run_codes.codes(copied)
    assert known is not None
    at.number_input(key="find image").set_value(int(known.index[7])).run()
    at.button(key="find").click().run()
    assert any(f"Image {known.index[7]}" in s.value for s in at.subheader)
    at.button(key="clear image").click().run()
    assert not any(s.value.startswith("Image") for s in at.subheader)


def test_pixels_stand_beside_the_codes(open_page: Open, copied: Run) -> None:
    at = open_page("map", run=copied.id)
    assert shown(at).count("trustworthiness **") == 1
    at.selectbox(key="beside").set_value("pixels").run()
    assert not at.exception
    assert "Procrustes" in shown(at)
    assert shown(at).count("trustworthiness **") == 2, "either map says how true it is"


def test_an_epoch_stands_beside_the_codes_of_now(open_page: Open, copied: Run) -> None:
    first = copied.epoch_codes()[0]
    at = open_page("map", run=copied.id, beside=f"epoch {first.epoch}")
    assert "switch on Replay epochs" in shown(at)
    at = open_page("map", run=copied.id, formed="true", beside=f"epoch {first.epoch}")
    assert not at.exception
    assert f"{len(first.images):,} images in both" in shown(at)
    assert at.selectbox(key="split").disabled
    assert "images encoded at every epoch" not in shown(open_page("map", run=copied.id))


def other_run(of: Run, name: str) -> Run:
    config = dataclasses.replace(of.record().config, model=ModelConfig("mlp", 2))
    run = Store(of.places).create(config, name)
    assert train_run(run, of.places).state == FINISHED
    return run


@pytest.mark.parametrize("kind", ["PCA", "UMAP"])
def test_another_run_stands_beside(open_page: Open, copied: Run, kind: str) -> None:
    other_run(copied, "the-other")
    if kind == "UMAP":
        plant_umap(copied)
    at = open_page("map", run=copied.id, beside="the-other", coordinates=kind)
    assert not at.exception
    assert "180 images in both" in shown(at)


def plant_umap(run: Run, rows: np.ndarray | None = None, params: UmapParams = UmapParams()) -> None:  # noqa: B008
    """A finished UMAP of the run's test codes, or with `rows` a first sample of one that this process works on."""
    from vae_core.data import open_images
    from vae_core.inference import compute_codes

    model = load_run(run)
    found = compute_codes(run, model, open_images("digits", 16, run.places))
    file = umap_layout.umap_file(run.places, model.stamp, found, params)
    xy = check_codes(found.mean, 4)[:, :2].astype(np.float32)
    if rows is None:
        np.savez(file, points=xy)
        return

    def half_done(task: Task[np.ndarray]) -> np.ndarray:
        task.show((rows, xy[rows]))
        task.report(0.4, "laying out")
        cancelled = threading.Event()
        task.on_cancel(cancelled.set)
        cancelled.wait()
        raise TaskCancelled

    task = umap_service.LANE.submit(file, half_done, name="UMAP")
    until(lambda: task.share == 0.4, "the sample is there")


def test_a_first_sample_of_a_umap_is_shown_while_the_whole_is_computed(open_page: Open, copied: Run) -> None:
    plant_umap(copied, np.arange(0, 180, 3))
    at = open_page("map", run=copied.id, coordinates="UMAP", colour="KL")
    assert not at.exception
    text = shown(at)
    assert "A first sample of 60" in text
    assert "60 images" in text
    assert [b for b in at.button if b.label == "Stop UMAP"]


def test_weights_that_changed_are_said_and_one_click_takes_them_up(open_page: Open, copied: Run) -> None:
    at = open_page("map", run=copied.id)
    assert "trained further" not in shown(at)
    before = run_codes.codes(copied)
    assert before is not None
    old = copied.stamp()
    copied.go_on(1)
    assert train_run(copied, copied.places).state == FINISHED
    assert copied.stamp() != old
    at.run()
    assert "trained further" in shown(at)
    assert at.session_state["map model"].model.stamp == old
    at.selectbox(key="split").set_value("validation").run()
    assert not at.exception
    on_map = at.session_state["map model"]
    assert on_map.splits["validation"].split == "validation", "another split by the same weights"
    row = int(before.index[3])
    at.selectbox(key="split").set_value("test").run()
    np.testing.assert_array_equal(on_map.splits["test"].mean, before.mean)
    at.query_params["image"] = str(row)
    at.run()
    assert f"Image {row}" in shown(at)
    at.button(key="update map").click().run()
    assert "trained further" not in shown(at)
    now = at.session_state["map model"]
    assert now.model.stamp == copied.stamp()
    assert np.abs(now.splits["test"].mean - before.mean).max() > 0
    assert not at.exception


def test_a_split_kept_in_part_can_be_encoded_whole(open_page: Open, copied: Run) -> None:
    from vae_core.data import open_images
    from vae_core.inference import compute_codes

    compute_codes(copied, load_run(copied), open_images("digits", 16, copied.places), most=50)
    at = open_page("map", run=copied.id)
    assert "50 of 180 images are on the map" in shown(at)
    at.button(key=f"encode all of {copied.id}").click().run()
    at.run()
    assert "are on the map" not in shown(at)
    assert "180 images" in shown(at)


def test_two_images_span_an_axis_and_a_wrong_one_is_said(open_page: Open, copied: Run) -> None:
    open_page("map", run=copied.id)
    known = run_codes.codes(copied)
    assert known is not None
    a, b = (int(v) for v in known.index[[3, 8]])
    ends = {"axis-from": f"image {a}", "axis-to": str(b)}
    at = open_page("map", run=copied.id, coordinates="axis", **ends)
    assert not at.exception
    assert f"from image {a} to {b}" in shown(at)
    at = open_page("map", run=copied.id, image=str(b))
    at.button(key="axis to here").click().run()
    assert not at.exception
    assert f"to image {b}" in shown(at)
    elsewhere = next(n for n in range(1000) if n not in known.index)
    at = open_page("map", run=copied.id, coordinates="axis", **{"axis-from": f"image {elsewhere}"})
    assert "is not among these test images" in at.warning[0].value


def test_another_visit_measures_nothing_anew(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def counted(module: Any, name: str) -> None:
        real = getattr(module, name)

        def count(*given: Any) -> Any:
            calls.append(name)
            return real(*given)

        monkeypatch.setattr(module, name, count)

    counted(quality, "projection_quality")
    counted(prior, "against_prior")
    for name in ("qualities", "prior_matches"):  # as in a server that just began
        monkeypatch.setattr(caches, name, LruCache(4))
    assert "rustworthiness" in shown(open_page("map", run=copied.id))
    assert calls == ["projection_quality"], "what is folded away is not measured"
    assert "Holes" in shown(open_page("map", run=copied.id, prior="true"))
    assert calls == ["projection_quality", "against_prior"]
    open_page("map", run=copied.id, prior="true")
    assert len(calls) == 2, "for another person neither"
    open_page("map", run=copied.id, prior="true", coordinates="dimensions")
    assert sorted(calls) == ["against_prior", "projection_quality", "projection_quality"], (
        "of another map its own"
    )


def own_set(copied: Run, count: int) -> Run:
    """A run on `count` images of one's own."""
    from vae_core.data.user import dataset_of_images

    data = datasets.images_of(copied)
    assert data is not None
    spec = dataset_of_images(copied.places, data, np.arange(count), f"mine-{count}")
    run = Store(copied.places).create(
        RunConfig(DataConfig(spec.name), ModelConfig("mlp", 3), training=TrainingConfig(epochs=1)), "own"
    )
    assert train_run(run, copied.places).state == FINISHED
    return run


def test_a_small_set_is_mapped_whole_and_a_link_opens_its_split(open_page: Open, copied: Run) -> None:
    run = own_set(copied, 63)
    at = open_page("map", run=run.id)
    assert not at.exception
    assert at.selectbox(key="split").value == "all"
    assert "63 images" in shown(at)
    assert "trustworthiness **" in shown(at)
    at = open_page("map", run=run.id, split="test")
    few = len(run.record().effective.data.split(datasets.images_of(run)).test)  # type: ignore[arg-type]
    assert few < quality.ENOUGH
    assert f"{few} images" in shown(at)
    assert "trustworthiness **" not in shown(at)
    assert f"measured from {quality.ENOUGH} images on" in shown(at)


def test_a_set_with_a_test_split_opens_with_it(open_page: Open, copied: Run) -> None:
    assert open_page("map", run=copied.id).selectbox(key="split").value == "test"


def test_the_panel_of_a_selection_stands_first_beside_the_map(open_page: Open, copied: Run) -> None:
    open_page("map", run=copied.id)
    known = run_codes.codes(copied)
    assert known is not None
    at = open_page("map", run=copied.id, sel=".".join(map(str, known.index[:40])))
    assert not at.exception
    assert at.subheader[0].value.startswith("Selected: 40 of")
