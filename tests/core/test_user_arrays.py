"""Importing arrays: what comes in as expected, and every refusal with nothing left behind."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_sources import noise, npy, put, refused, save, some, taken, upload, zipped
from PIL import Image

from vae_core.data import open_images
from vae_core.data.user import Budgets, accept, inspect, preview
from vae_core.errors import BadImages
from vae_core.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


# -- arrays that come in


@pytest.mark.parametrize("ending", ["npy", "npz"])
@pytest.mark.parametrize("as_upload", [False, True], ids=["path", "upload"])
def test_an_array_comes_back(ending: str, as_upload: bool, tmp_path: Path, places: Places) -> None:
    pictures = noise(20, 16, 16)
    path = tmp_path / f"a.{ending}"
    if ending == "npy":
        np.save(path, pictures)
    else:
        save(path, images=pictures, labels=np.arange(20) % 3 + 5)
    plan, images = taken(upload(path.read_bytes(), path.name) if as_upload else path, places)
    np.testing.assert_array_equal(images.images[:, 0], pictures)
    assert (plan.title, plan.kind, plan.count, plan.colour) == (path.name, "array", 20, False)
    if ending == "npz":
        assert images.label_names == ("5", "6", "7")
        np.testing.assert_array_equal(images.labels, np.arange(20) % 3)
        assert plan.samples[-1].label == "6"
    else:
        assert images.labels is None
    assert len(images.test) == 2  # a tenth, as of any source without a split


def test_a_refusal_names_the_file_once(tmp_path: Path, places: Places) -> None:
    np.save(tmp_path / "odd.npy", np.zeros((20, 4, 4), np.uint8))
    assert refused(tmp_path / "odd.npy", places, "odd.npy has the shape (20, 4, 4)").count("odd.npy") == 1


@pytest.mark.parametrize("shape", [(5, 16, 16, 3), (5, 3, 16, 16), (5, 16, 16, 1), (5, 1, 16, 16), (5, 256)])
def test_shapes(shape: tuple[int, ...], tmp_path: Path, places: Places) -> None:
    pictures = noise(*shape)
    np.save(tmp_path / "a.npy", pictures)
    _, images = taken(tmp_path / "a.npy", places)
    expected = pictures.transpose(0, 3, 1, 2) if shape[-1] in (1, 3) else pictures.reshape(5, -1, 16, 16)
    np.testing.assert_array_equal(images.images, expected)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_an_array_stored_by_columns(ending: str, tmp_path: Path, places: Places) -> None:
    pictures = noise(5, 16, 16, 3)
    by_columns = np.asfortranarray(pictures)
    if ending == "npy":
        np.save(tmp_path / "a.npy", by_columns)
    else:
        save(tmp_path / "a.npz", x=by_columns)
    _, images = taken(tmp_path / f"a.{ending}", places)
    np.testing.assert_array_equal(images.images, pictures.transpose(0, 3, 1, 2))
    refused(
        tmp_path / f"a.{ending}",
        dataclasses.replace(places, home=tmp_path / "other"),
        "has to be held at once",
        budgets=Budgets(memory_bytes=100),
    )


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "?"])
def test_types(dtype: str, tmp_path: Path, places: Places) -> None:
    pictures = (noise(4, 16, 16) > 127) if dtype == "?" else (noise(4, 16, 16) / 255).astype(dtype)
    np.save(tmp_path / "a.npy", pictures)
    _, images = taken(tmp_path / "a.npy", places)
    np.testing.assert_array_equal(images.images[:, 0], np.rint(pictures.astype("f4") * 255))


def test_uint8_of_zeros_and_ones_is_black_and_white(tmp_path: Path, places: Places) -> None:
    pictures = noise(4, 16, 16) // 128
    np.save(tmp_path / "a.npy", pictures)
    plan, images = taken(tmp_path / "a.npy", places)
    np.testing.assert_array_equal(images.images[:, 0], pictures * 255)
    assert "The values are only 0 and 1; 1 was made white." in plan.notes


def test_four_channels_are_laid_on_white(tmp_path: Path, places: Places) -> None:
    pictures = np.zeros((3, 16, 16, 4), np.uint8)
    pictures[:, :8] = (10, 20, 30, 255)
    np.save(tmp_path / "a.npy", pictures)
    plan, images = taken(tmp_path / "a.npy", places)
    np.testing.assert_array_equal(images.images[0, :, 0, 0], [10, 20, 30])
    np.testing.assert_array_equal(images.images[0, :, 15, 0], [255, 255, 255])
    assert any("RGBA" in note for note in plan.notes)


def test_28_by_28_arrays_are_framed_and_others_resized(tmp_path: Path, places: Places) -> None:
    pictures = noise(4, 784)
    np.save(tmp_path / "a.npy", pictures)
    plan, framed = taken(tmp_path / "a.npy", places, 32, name="framed")
    assert plan.side == 32
    np.testing.assert_array_equal(framed.images[:, 0, 2:30, 2:30].reshape(4, 784), pictures)
    _, larger = taken(tmp_path / "a.npy", places, 64, name="larger")
    expected = Image.fromarray(pictures[0].reshape(28, 28)).resize((64, 64), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(larger.images[0, 0], expected)


@pytest.mark.parametrize("key", ["images", "imgs", "x", "X", "data", "arr_0", "Images", "faces"])
def test_keys_of_images(key: str, tmp_path: Path, places: Places) -> None:
    pictures = noise(4, 16, 16)
    save(tmp_path / "a.npz", **{key: pictures, "weights": np.ones(4), "y": np.array(["b", "a", "b", "a"])})
    plan, images = taken(tmp_path / "a.npz", places)
    np.testing.assert_array_equal(images.images[:, 0], pictures)
    assert images.label_names == ("a", "b")
    np.testing.assert_array_equal(images.labels, [1, 0, 1, 0])
    assert (key == "faces") == any("taken from the array faces" in note for note in plan.notes)


def test_label_names_of_an_npz(tmp_path: Path, places: Places) -> None:
    save(
        tmp_path / "a.npz",
        images=noise(4, 16, 16),
        labels=np.array([[2], [0], [0], [2]]),
        classes=["x", "y", "z"],
    )
    _, images = taken(tmp_path / "a.npz", places)
    assert images.label_names == ("x", "y", "z")
    assert [images.label_of(i) for i in range(4)] == ["z", "x", "x", "z"]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (("x_train", "x_test"), ("y_train", "y_test")),
        (("train_images", "test_images"), ("train_labels", "test_labels")),
    ],
)
def test_its_own_test_split_never_trains(x, y, tmp_path: Path, places: Places) -> None:
    train, test = noise(6, 28, 28), noise(3, 28, 28)
    save(tmp_path / "a.npz", **{x[1]: test, y[1]: [9, 8, 9], x[0]: train, y[0]: [7] * 6})
    plan, images = taken(tmp_path / "a.npz", places, 32)
    assert len(images) == 9
    np.testing.assert_array_equal(images.test, [6, 7, 8])
    np.testing.assert_array_equal(images.images[6:, 0, 2:30, 2:30], test)
    assert [images.label_of(i) for i in (0, 6, 7)] == ["7", "9", "8"]
    assert "Its own test split of 3 images is kept." in plan.notes
    accept(plan, "fewer", places, side=32, limit=5)
    fewer = open_images("fewer", 32, places)
    held = {fewer.images[i].tobytes() for i in fewer.test}
    assert held == {images.images[i].tobytes() for i in (6, 7, 8)} & {
        image.tobytes() for image in fewer.images
    }


def test_a_subset_is_seeded(tmp_path: Path, places: Places) -> None:
    pictures = noise(50, 16, 16)
    save(tmp_path / "a.npz", images=pictures, labels=np.arange(50))
    _, one = taken(tmp_path / "a.npz", places, name="one", limit=10)
    _, two = taken(tmp_path / "a.npz", places, name="two", limit=10)
    assert one.fingerprint == two.fingerprint
    assert len(one) == 10
    for i in range(10):
        np.testing.assert_array_equal(one.images[i, 0], pictures[int(one.label_of(i))])
    assert any(note.startswith("10 of 50 images, drawn by the seed") for note in one.notes)
    _, all_of_them = taken(tmp_path / "a.npz", places, name="all", limit=99)
    assert len(all_of_them) == 50


class Bomb:
    """Whoever unpickles this makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def dsprites(path: Path, count: int = 40, **changes: Any) -> tuple[np.ndarray, np.ndarray]:
    """A few images in the layout of dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz, the pickle included."""
    pictures = noise(count, 64, 64) // 128
    classes = np.stack([np.zeros(count, int), *(np.arange(count) % n for n in (3, 6, 40, 32, 31))], axis=1)
    arrays = {
        "metadata": np.array({"harm": Bomb(path.parent / "ran")}, dtype=object),
        "imgs": pictures,
        "latents_classes": classes,
        "latents_values": classes * 0.5,
        "latents_bases": np.ones(6, int),
    }
    np.savez_compressed(path, **{**arrays, **changes})
    return pictures, classes


@pytest.mark.parametrize("limit", [0, 12])
def test_dsprites(limit: int, tmp_path: Path, places: Places) -> None:
    pictures, classes = dsprites(tmp_path / "dsprites.npz")
    plan, images = taken(tmp_path / "dsprites.npz", places, 64, limit=limit)
    assert (plan.count, plan.side, plan.colour) == (40, 64, False)
    assert images.factor_names == ("shape", "scale", "orientation", "x", "y")
    assert images.label_names == ("square", "ellipse", "heart")
    assert len(images) == (limit or 40)
    rows = [int(np.flatnonzero((classes[:, 1:] == row).all(axis=1))[0]) for row in images.factors]
    np.testing.assert_array_equal(images.images[:, 0], pictures[rows] * 255)
    np.testing.assert_array_equal(images.labels, images.factors[:, 0])
    assert not (tmp_path / "ran").exists()


def test_damaged_dsprites(tmp_path: Path, places: Places) -> None:
    path = tmp_path / "d.npz"
    dsprites(path, latents_classes=np.zeros((39, 6), int))
    plan, images = taken(path, places, 64, name="short")
    assert "No factors: latents_classes is int64 (39, 6) for 40 images." in plan.notes
    assert (images.labels, images.factor_names[0]) == (None, "latents_values 0")
    dsprites(path, latents_classes=np.full((40, 6), 7))
    plan, images = taken(path, places, 64, name="other")
    assert images.labels is None
    assert images.factor_names == tuple(f"latents_classes {k}" for k in range(6))
    assert not any("dSprites" in note for note in plan.notes)


# -- arrays that are refused


@pytest.mark.parametrize(
    ("array", "parts"),
    [
        (noise(0, 16, 16), ("no image",)),
        (noise(1, 16, 16), ("one image", "at least 2")),
        (noise(16, 16, 3), ("(16, 16, 3)", "one colour image")),
        (noise(16), ("the shape (16,)",)),
        (noise(4, 4, 4), ("the shape (4, 4, 4)", "at least 8")),
        (noise(4, 16, 16, 5), ("the shape (4, 16, 16, 5)", "C 1, 3 or 4")),
        (noise(4, 200), ("the shape (4, 200)", "a square")),
        (noise(2, 2, 16, 16, 3), ("the shape (2, 2, 16, 16, 3)",)),
        (np.array(3.0), ("the shape ()",)),
        (noise(4, 16, 16).astype(np.complex64), ("complex64",)),
        (np.full((4, 16, 16), "x"), ("<U1",)),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else "",
)
def test_wrong_arrays(array: np.ndarray, parts: tuple[str, ...], tmp_path: Path, places: Places) -> None:
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", places, "a.npy", *parts)
    save(tmp_path / "a.npz", images=array)
    refused(tmp_path / "a.npz", places, "a.npz: the array images", *parts)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity(wrong: float, tmp_path: Path, places: Places) -> None:
    array = np.zeros((2000, 16, 16), np.float32)
    array[1717, 3, 5] = wrong
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", places, "holds NaN or infinity, first in image 1717")


def test_images_of_unequal_sizes_and_pickles_in_arrays(tmp_path: Path, places: Places) -> None:
    ragged = np.empty(2, object)
    ragged[:] = [noise(16, 16), Bomb(tmp_path / "ran")]
    np.save(tmp_path / "a.npy", ragged, allow_pickle=True)
    refused(
        tmp_path / "a.npy", places, "a.npy holds Python objects, perhaps images of unequal sizes", "one size"
    )
    np.savez(tmp_path / "a.npz", images=ragged)
    refused(tmp_path / "a.npz", places, "the array images holds Python objects")
    np.savez(tmp_path / "b.npz", images=noise(2, 16, 16), labels=ragged)
    plan, images = taken(tmp_path / "b.npz", places)
    assert images.labels is None
    assert "No labels: the array labels holds Python objects." in plan.notes
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros(5, int), "No labels: the array labels holds 5 of them for 4 images."),
        (np.array(1), "No labels: the array labels holds 0 of them for 4 images."),
        (np.array([np.nan, 1, 2, 3]), "No labels: the array labels holds NaN or infinity."),
        (
            np.zeros(4, "datetime64[s]"),
            "No labels: the array labels is datetime64[s] (4,); labels are whole numbers or words.",
        ),
        (
            np.zeros((4, 2, 2)),
            "No labels: the array labels is float64 (4, 2, 2); labels are whole numbers or words.",
        ),
        (np.full((4, 2), "a"), "No labels: the array labels holds 2 words an image; labels are one."),
    ],
    ids=lambda value: str(value.shape) if isinstance(value, np.ndarray) else "",
)
def test_labels_that_are_none_are_named_and_the_images_come_in(
    labels: np.ndarray, says: str, tmp_path: Path, places: Places
) -> None:
    save(tmp_path / "a.npz", images=noise(4, 16, 16), labels=labels)
    plan, images = taken(tmp_path / "a.npz", places)
    assert (images.labels, images.factors) == (None, None)
    assert says in plan.notes


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        (np.eye(3)[[0, 2, 1, 2]], {}, ("0", "2", "1", "2")),
        (np.eye(3)[[0, 2, 1, 2]], {"class_names": ["x", "y", "z"]}, ("x", "z", "y", "z")),
        (np.array(["b", "a", "b", "c"]), {}, ("b", "a", "b", "c")),
        (np.array([True, False, True, True]), {}, ("True", "False", "True", "True")),
        (np.array([[3.0], [7], [3], [3]]), {}, ("3", "7", "3", "3")),
    ],
    ids=["one-hot", "one-hot with names", "words", "bool", "whole floats"],
)
def test_labels_in_every_spelling(labels, names, expected, tmp_path: Path, places: Places) -> None:
    _, images = taken(save(tmp_path / "a.npz", images=noise(4, 16, 16), labels=labels, **names), places)
    assert tuple(images.label_of(i) for i in range(4)) == expected


@pytest.mark.parametrize(
    ("arrays", "names"),
    [
        ({"labels": np.array([0.5, 1, 2, 3])}, ("labels",)),
        ({"labels": np.array([[1, 0], [1, 1], [0, 0], [0, 1]])}, ("labels 0", "labels 1")),
        ({"attributes": np.arange(8).reshape(4, 2), "attribute_names": ["age", "hat"]}, ("age", "hat")),
        ({"factors": np.arange(8.0).reshape(4, 2), "labels": [1, 2, 1, 2]}, ("factors 0", "factors 1")),
        ({"train_images": noise(2, 16, 16), "train_labels": np.eye(2) + 1}, ("labels 0", "labels 1")),
    ],
    ids=["floats", "several labels", "attributes", "beside labels", "in parts"],
)
def test_what_cannot_be_a_label_becomes_a_factor(arrays, names, tmp_path: Path, places: Places) -> None:
    if "train_images" not in arrays:
        arrays = {"images": noise(4, 16, 16), **arrays}
    plan, images = taken(save(tmp_path / "a.npz", **arrays), places)
    assert images.factor_names == names
    key = next(k for k in ("train_labels", "factors", "attributes", "labels") if k in arrays)
    np.testing.assert_array_equal(images.factors, np.reshape(arrays[key], (len(images), -1)))
    assert (images.labels is None) == ("factors" not in arrays)
    assert any("factor" in note for note in plan.notes)


@pytest.mark.parametrize("images", [noise(40, 64, 64, 3), noise(40, 64, 64), noise(40, 32, 32) // 128])
def test_an_npz_that_only_shares_keys_with_dsprites_is_none(images, tmp_path: Path, places: Places) -> None:
    classes = np.stack([np.zeros(40, int), *(np.arange(40) % n for n in (3, 6, 40, 32, 31))], axis=1)
    save(tmp_path / "a.npz", imgs=images, latents_classes=classes, latents_values=classes * 0.5)
    plan, found = taken(tmp_path / "a.npz", places, 32)
    assert found.labels is None
    np.testing.assert_array_equal(found.factors, classes)
    assert not any("dSprites" in note for note in plan.notes)


def smooth(count: int, height: int = 28, width: int = 28) -> np.ndarray:
    """Images whose neighbouring pixels are alike and which are unlike each other: uint8 (N, H, W)."""
    rng = np.random.default_rng(0)
    slopes, starts = rng.normal(size=(2, count, 1, 1)), rng.uniform(0, 6, (count, 1, 1))
    y, x = np.mgrid[:height, :width] / 28
    return np.rint(127 + 120 * np.sin(slopes[0] * y * 3 + slopes[1] * x * 3 + starts)).astype(np.uint8)


@pytest.mark.parametrize("ending", ["npy", "npz"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("count", [20, 200, 5])
def test_images_along_the_last_axis(
    count: int, order: str, ending: str, tmp_path: Path, places: Places
) -> None:
    pictures = smooth(count)
    last = np.asarray(np.moveaxis(pictures, 0, -1), order=order)
    if ending == "npy":
        np.save(tmp_path / "a.npy", last)
    else:
        save(tmp_path / "a.npz", images=last)
    plan, images = taken(tmp_path / f"a.{ending}", places, 32)
    np.testing.assert_array_equal(images.images[:, 0, 2:30, 2:30], pictures)
    assert any(f"(28, 28, {count}) was read as" in note and "(H, W, N)" in note for note in plan.notes)


def test_images_of_svhn_s_order(tmp_path: Path, places: Places) -> None:
    pictures = noise(9, 32, 32, 3)
    save(tmp_path / "a.npz", X=np.moveaxis(pictures, 0, -1), y=np.arange(9)[:, None])
    plan, images = taken(tmp_path / "a.npz", places, 32)
    np.testing.assert_array_equal(images.images, pictures.transpose(0, 3, 1, 2))
    assert "The shape (32, 32, 3, 9) was read as (H, W, C, N): 9 images." in plan.notes


def test_first_axes_that_are_equal_by_chance(tmp_path: Path, places: Places) -> None:
    pictures = smooth(28, 28, 40)
    np.save(tmp_path / "a.npy", pictures)
    plan, images = taken(tmp_path / "a.npy", places, 32, fit="stretch")
    assert (len(images), plan.sizes, plan.notes) == (28, (((40, 28), 28),), ())


def test_axes_that_cannot_be_told_are_said(tmp_path: Path, places: Places) -> None:
    np.save(tmp_path / "a.npy", noise(28, 28, 20))
    plan, _ = taken(tmp_path / "a.npy", places)
    assert any("If it holds 20 images of 28×28, (H, W, N), import what" in note for note in plan.notes)


def test_images_along_the_last_axis_are_held_within_bounds(tmp_path: Path, places: Places) -> None:
    np.save(tmp_path / "a.npy", np.moveaxis(smooth(200), 0, -1))
    refused(tmp_path / "a.npy", places, "has to be held at once", budgets=Budgets(memory_bytes=1000))


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (noise(20, 785), "images=a[:, 1:].reshape(-1, 28, 28), labels=a[:, 0]"),
        (noise(20, 3072), "images=a.reshape(-1, 3, 32, 32)"),
        (noise(1, 20, 1, 28, 28), "images=a.squeeze()"),
        (noise(20, 28, 28, 28), "images=a[:, 14]"),
    ],
    ids=["label column", "rows of colour", "axes of length 1", "volumes"],
)
def test_the_line_that_mends_an_array_does(array, line: str, tmp_path: Path, places: Places) -> None:
    np.save(tmp_path / "a.npy", array)
    text = refused(tmp_path / "a.npy", places, line)
    saved = (
        text[text.index("numpy.savez(") :]
        .split(", as CIFAR")[0]
        .replace("images.npz", str(tmp_path / "b.npz"))
    )
    exec(saved, {"numpy": np, "a": array})
    _, images = taken(tmp_path / "b.npz", places, 32)
    assert len(images) == 20


def test_too_many_different_labels_are_left_out(tmp_path: Path, places: Places) -> None:
    save(tmp_path / "a.npz", images=noise(1100, 8, 8), labels=np.arange(1100))
    plan, images = taken(tmp_path / "a.npz", places)
    assert images.labels is None
    assert any("1,100 different values" in note for note in plan.notes)


def test_an_npz_that_does_not_say_which(tmp_path: Path, places: Places) -> None:
    save(tmp_path / "a.npz", left=noise(4, 16, 16), right=noise(4, 16, 16))
    refused(
        tmp_path / "a.npz",
        places,
        "not plain which array holds the images",
        "left, right",
        "name that one 'images'",
    )
    save(tmp_path / "b.npz", weights=np.ones(3))
    refused(tmp_path / "b.npz", places, "it has weights")
    save(tmp_path / "c.npz", x_train=noise(4, 16, 16), x_test=noise(4, 20, 20))
    refused(tmp_path / "c.npz", places, "x_train and the array x_test hold images of different shapes")


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_arrays_that_end_early(ending: str, tmp_path: Path, places: Places) -> None:
    short = npy(noise(50, 16, 16))[:-300]
    if ending == "npz":
        short = zipped({"images.npy": short})
    (tmp_path / f"a.{ending}").write_bytes(short)
    refused(tmp_path / f"a.{ending}", places, "ends early: its header announces (50, 16, 16)")


@pytest.mark.parametrize("header", [
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000, 16, 16), }",
    "{'descr': '|u1', 'fortran_order': True, 'shape': (1000000000000000, 16, 16), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 300000, 300000), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 16, 16), }",
    "{'descr': '|U0', 'fortran_order': False, 'shape': (2, 16, 16), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2, 16, 16), }",
    "__import__('os').system('true')",
    "{", "(" * 500, "",
])  # fmt: skip
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_headers_that_lie(header: str, ending: str, tmp_path: Path, places: Places) -> None:
    text = header.encode() + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(100)
    (tmp_path / f"a.{ending}").write_bytes(data if ending == "npy" else zipped({"images.npy": data}))
    refused(tmp_path / f"a.{ending}", places, f"a.{ending}")


def test_labels_of_no_width_are_named(places: Places) -> None:
    text = b"{'descr': '<U0', 'fortran_order': False, 'shape': (4,), }\n"
    labels = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    data = zipped({"images.npy": npy(noise(4, 16, 16)), "labels.npy": labels})
    plan, _ = taken(upload(data, "a.npz"), places)
    assert "No labels: the array labels announces <U0 (4." in plan.notes


def test_an_array_is_counted_while_it_unpacks(tmp_path: Path, places: Places) -> None:
    save(tmp_path / "a.npz", images=np.zeros((2000, 32, 32), np.uint8))
    refused(
        tmp_path / "a.npz",
        places,
        "2.0 MB",
        "the most one import may",
        budgets=Budgets(total_bytes=1_000_000),
    )
    save(tmp_path / "b.npz", images=noise(3, 16, 16), labels=np.array(["x" * 1000, "y", "z"]))
    plan = inspect(tmp_path / "b.npz", Budgets(memory_bytes=5_000))
    assert any("labels takes 12.0 kB" in note for note in plan.notes)


def test_a_source_that_changed_is_refused(tmp_path: Path, folder: Path, places: Places) -> None:
    path = save(tmp_path / "a.npz", images=noise(4, 16, 16))
    plan = inspect(path)
    save(path, images=np.full((4, 16, 16), np.nan))
    for act in (lambda: accept(plan, "mine", places, side=16), lambda: preview(plan, 16)):
        with pytest.raises(BadImages, match="has changed since it was looked at"):
            act()
    path.unlink()
    with pytest.raises(BadImages, match="has changed since it was looked at"):
        accept(plan, "mine", places, side=16)
    plan = inspect(put(folder, some()))
    (folder / "1.png").unlink()
    with pytest.raises(BadImages, match=r"1\.png cannot be opened"):
        accept(plan, "mine", places, side=16)
    assert not places.datasets.exists() or list(places.datasets.iterdir()) == []
