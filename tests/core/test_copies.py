"""Copies of one image stay in one split; what pictures do not tell bounds a score."""

import dataclasses
import json

import numpy as np
import pytest
from helpers import blob_set, config_of

from vae_core.config import DataConfig
from vae_core.data import open_images
from vae_core.data.copies import FILE, Finder, copies_in, copies_of_keys
from vae_core.data.imageset import Chunk, Source, read_images, write_images
from vae_core.data.sets import shapes
from vae_core.data.splits import cut_splits
from vae_core.evaluation.ceiling import ceilings, has_ceiling
from vae_core.evaluation.metrics import METRICS
from vae_core.places import LOOK_VARIABLE, Places
from vae_core.runs.store import Store


def numbered(keys):
    """Images (N, 1, 8, 8) whose pixels are their key."""
    return np.broadcast_to(np.asarray(keys, np.uint8)[:, None, None, None], (len(keys), 1, 8, 8)).copy()


def written(tmp_path, keys, **more):
    images = numbered(keys)
    source = Source(len(images), 1, [Chunk(images[:3]), Chunk(images[3:])], **more)
    write_images(tmp_path / "8", "some", "Some", source)
    return read_images(tmp_path / "8")


def keys_of(images, splits):
    return [
        set(images.images[part, 0, 0, 0].tolist()) for part in (splits.train, splits.validation, splits.test)
    ]


def assert_apart(parts):
    train, validation, test = parts
    assert not train & validation
    assert not train & test
    assert not validation & test


def test_copies_are_found_across_chunks_and_by_keys():
    finder = Finder()
    finder.add(numbered([5, 6, 5]))
    finder.add(numbered([6, 7, 5]))
    expected = [[2, 0], [3, 1], [5, 0]]
    assert finder.found().tolist() == expected
    assert copies_of_keys(np.array([5, 6, 5, 6, 7, 5])).tolist() == expected
    assert copies_of_keys(np.arange(4)).shape == Finder().found().shape == (0, 2)


@pytest.mark.parametrize("seed", range(8))
def test_no_image_is_on_both_sides(tmp_path, seed):
    keys = np.random.default_rng(seed).integers(0, 120, 300)
    images = written(tmp_path, keys)
    splits = DataConfig(split_seed=seed, validation=0.2).split(images)
    assert_apart(keys_of(images, splits))
    together = np.concatenate([splits.train, splits.validation, splits.test])
    assert sorted(together.tolist()) == list(range(300)), "none is lost"
    assert len(splits.test) == pytest.approx(30, abs=20)
    assert len(splits.validation) == pytest.approx(54, abs=30)
    apart = DataConfig(split_seed=seed, validation=0.2, copies="apart").split(images)
    assert set.intersection(*keys_of(images, apart)), "the plain cut has copies on all sides"


def test_without_copies_both_cuts_are_the_same_and_as_before(tmp_path):
    images = written(tmp_path, range(200))
    assert images.copies.shape == (0, 2)
    one, other = (DataConfig(copies=copies, limit=90).split(images) for copies in ("together", "apart"))
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(one.named(name), other.named(name))
    rest = np.setdiff1d(np.arange(200), images.test)
    order = np.random.default_rng(0).permutation(rest)
    np.testing.assert_array_equal(one.validation, np.sort(order[:9]))
    np.testing.assert_array_equal(one.train, np.sort(order[9:99]))


def test_a_test_split_of_the_sources_own_stays_and_its_copies_do_not_train(tmp_path):
    images = written(tmp_path, [*range(20), 0, 1, 2, 18], test=np.array([18, 19, 20]))
    splits = DataConfig(validation=0.2).split(images)
    assert splits.test.tolist() == [18, 19, 20]
    assert_apart(keys_of(images, splits))
    used = np.concatenate([splits.train, splits.validation])
    assert not {0, 23} & set(used.tolist()), "equal to a test image"
    assert "4 images equal an earlier one" in images.notes[-1]
    assert "out of training" in images.notes[-1]


def test_a_validation_split_of_the_sources_own_stays_too():
    copies = np.array(
        [[8, 0], [9, 1], [7, 3]]
    )  # 8 tests and equals 0; 9 validates and equals 1; 3 trains and 7 validates
    cut = cut_splits(
        "some", 10, np.array([8]), 0, 0.1, 100, 0, np.array([7, 9]), copies=copies, own_test=True
    )
    assert cut.test.tolist() == [8]
    assert cut.validation.tolist() == [7, 9]
    assert cut.train.tolist() == [2, 4, 5, 6]
    # a validation image that equals a test image goes, too
    cut = cut_splits("some", 6, np.array([5]), 0, 0.1, 100, 0, np.array([3, 4]), copies=np.array([[5, 3]]), own_test=True)  # fmt: skip
    assert (cut.train.tolist(), cut.validation.tolist(), cut.test.tolist()) == ([0, 1, 2], [4], [5])


def test_a_set_of_one_picture_is_cut_as_if_it_had_many(tmp_path):
    images = written(tmp_path, [7] * 30)
    splits = DataConfig().split(images)
    assert len(splits.train) > 20
    assert len(splits.validation) > 0
    assert len(splits.test) == 3


def test_what_a_set_of_before_lacks_or_a_damaged_file_is_looked_for(tmp_path):
    images = written(tmp_path, [1, 2, 3, 1, 2])
    path = tmp_path / "8" / FILE
    expected = [[3, 0], [4, 1]]
    for damage in (path.unlink, lambda: path.write_bytes(b"x"), lambda: np.save(path, np.array([[9, 0]])), lambda: np.save(path, np.zeros(3))):  # fmt: skip
        damage()
        assert copies_in(tmp_path / "8", images.images).tolist() == expected
    path.unlink(missing_ok=True)
    assert read_images(tmp_path / "8").copies.tolist() == expected


def test_where_one_may_only_look_nothing_is_written(tmp_path, monkeypatch):
    images = written(tmp_path, [1, 2, 3, 1, 2])
    path = tmp_path / "8" / FILE
    path.unlink()
    monkeypatch.setenv(LOOK_VARIABLE, "1")
    assert copies_in(tmp_path / "8", images.images).tolist() == [[3, 0], [4, 1]]
    assert not path.exists()


def test_runs_of_before_keep_the_images_they_were_trained_on(tmp_path):
    store = Store(Places(tmp_path / "home", tmp_path / "data"))
    run = store.create(config_of(dataset="digits"), "old")
    assert run.record().config.data.copies == "together"
    path = run.path / "config.json"
    raw = json.loads(path.read_text())
    del raw["config"]["data"]["copies"]
    path.write_text(json.dumps(raw))
    assert run.record().config.data.copies == "apart"
    assert run.record().warnings == ()


# ---------------------------------------------------------------- shapes


@pytest.fixture
def some_shapes(tmp_path, monkeypatch):
    monkeypatch.setattr(shapes, "COUNT", 6_000)
    return open_images("shapes", 64, Places(home=tmp_path, data_dir=tmp_path))


def test_pictures_that_show_the_same_are_the_same_but_for_rounding():
    factors = shapes.sample(np.random.default_rng(1), 400, {"scale": 3, "x": 5, "y": 9})
    shown, images = shapes.what_shows(factors), shapes.render(factors).astype(int)
    _, place = np.unique(shown, axis=0, return_inverse=True)
    for k in range(place.max() + 1):
        group = images[place.ravel() == k]
        assert np.abs(group - group[0]).max() <= 1
    # and those that do not differ by more
    _, first = np.unique(shown, axis=0, return_index=True)
    different = images[first].reshape(len(first), -1)
    away = np.abs(different[:, None] - different[None]).max(2)
    assert away[~np.eye(len(first), dtype=bool)].min() > 1
    np.testing.assert_array_equal(shapes.what_shows(shown), shown)


def test_no_picture_of_shapes_is_on_both_sides(some_shapes):
    assert len(some_shapes.copies) > 20
    shown = shapes.to_index(shapes.what_shows(some_shapes.factors.astype(int)))
    splits = DataConfig(dataset="shapes").split(some_shapes)
    assert_apart([set(shown[part].tolist()) for part in (splits.train, splits.validation, splits.test)])
    apart = DataConfig(dataset="shapes", copies="apart").split(some_shapes)
    assert set(shown[apart.test].tolist()) & set(shown[apart.train].tolist())


def test_the_ceiling_is_what_an_ideal_code_gets_and_told_only_where_there_is_one(some_shapes):
    index = DataConfig(dataset="shapes").split(some_shapes).test
    metrics = [METRICS["mig"], METRICS["mig_lib"], METRICS["sharpness"], METRICS["dci_lib"]]
    found = ceilings(some_shapes, index, metrics)
    assert set(found) == {"mig", "mig_lib"}
    factors = some_shapes.factors[index].astype(int)
    shown = shapes.what_shows(factors).astype(float)
    assert found["mig_lib"] == pytest.approx(
        METRICS["mig_lib"].compute(shown, factors, np.random.default_rng(0))
    )
    told = factors.astype(float)  # were orientation told in full
    assert found["mig_lib"] < METRICS["mig_lib"].compute(told, factors, np.random.default_rng(0)) - 0.03
    blobs = blob_set()
    assert not has_ceiling(METRICS["mig"], blobs)
    assert ceilings(blobs, np.arange(5), metrics) == {}
    assert not has_ceiling(METRICS["mig"], dataclasses.replace(some_shapes, own=True))
