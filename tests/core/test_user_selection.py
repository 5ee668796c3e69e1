"""A dataset of one's own made of some images of another: what comes along, and every refusal."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from helpers import blob_set, config_of, frozen, of

from vae_core.cli import main
from vae_core.data import ImageSet, find_spec, list_specs, open_images
from vae_core.data.user import dataset_of_images, importing, remove, selection
from vae_core.errors import BadImages, BadName, UnknownDataset
from vae_core.events import Checkpoint, EpochDone, StepDone
from vae_core.models.networks import MlpParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.record import FAILED, FINISHED
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

DATA = blob_set()  # 90 images, every tenth for testing


def made(places: Places, images: Any, data: ImageSet = DATA, **how: Any) -> ImageSet:
    spec = dataset_of_images(places, data, images, "some", **how)
    assert (spec.name, spec.kind, spec.sides, spec.channels) == (
        "some",
        "own",
        (data.shape[1],),
        data.shape[0],
    )
    return open_images("some", data.shape[1], places)


def refused(places: Places, error: type[Exception], says: str, images: Any, name: str = "some") -> None:
    before = sorted(str(p) for p in places.home.rglob("*"))
    with pytest.raises(error) as caught:
        dataset_of_images(places, DATA, images, name)
    assert says in str(caught.value), str(caught.value)
    assert sorted(str(p) for p in places.home.rglob("*")) == before


# -- what comes along


@pytest.mark.parametrize("channels", [1, 3])
def test_images_labels_and_factors_are_those_of_the_numbers(places: Places, channels: int) -> None:
    data = blob_set(channels=channels, side=32)
    chosen = np.array([71, 3, 40, 8, 88, 3, 17])  # in any order, one twice
    some = made(places, chosen, data)
    numbers = [3, 8, 17, 40, 71, 88]
    assert some.labels is not None
    assert some.factors is not None
    np.testing.assert_array_equal(some.images, data.images[numbers])
    np.testing.assert_array_equal(some.labels, data.labels[numbers])  # type: ignore[index]
    np.testing.assert_array_equal(some.factors, data.factors[numbers])  # type: ignore[index]
    assert (some.label_names, some.factor_names) == (("left", "right"), ("x", "y"))
    assert (some.images.dtype, some.labels.dtype, some.factors.dtype) == (np.uint8, np.int64, np.float32)
    assert some.own


def test_a_label_keeps_its_number_where_others_are_gone(places: Places) -> None:
    assert DATA.labels is not None
    some = made(places, np.flatnonzero(DATA.labels == 1))
    assert {some.label_of(i) for i in range(len(some))} == {"right"}


def test_what_the_source_lacks_is_lacking(places: Places) -> None:
    bare = dataclasses.replace(DATA, labels=None, label_names=(), factors=None, factor_names=())
    some = made(places, range(20), bare)
    assert (some.labels, some.factors, some.label_names, some.factor_names) == (None, None, (), ())


def test_images_come_in_blocks_of_bounded_size(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "CHUNK_BYTES", 7 * 256)
    told: list[tuple[float, str]] = []
    some = made(places, np.arange(5, 85), progress=lambda share, what: told.append((share, what)))
    np.testing.assert_array_equal(some.images, DATA.images[5:85])
    np.testing.assert_array_equal(some.labels, DATA.labels[5:85])  # type: ignore[index, arg-type]
    assert len(told) == 12
    assert told[-1] == (1.0, "80 of 80 images")


def test_it_is_listed_named_and_removed_like_an_import(places: Places) -> None:
    dataset_of_images(places, DATA, range(30), "some", title="Thirty")
    spec = find_spec("some", places)
    assert (spec.title, spec.blurb) == ("Thirty", "30 images of yours.")
    assert [s.name for s in list_specs(places) if s.kind == "own"] == ["some", "tiny"]
    assert open_images("some", 16, places).notes[0] == "30 of the 90 images of Tiny (tiny)."
    remove("some", places)
    with pytest.raises(UnknownDataset):
        find_spec("some", places)
    assert dataset_of_images(places, DATA, range(30), "some").title == "some"


def test_some_of_some_and_the_same_again(places: Places) -> None:
    some = made(places, np.arange(10, 60))
    fewer = dataset_of_images(places, some, np.arange(5, 25), "fewer")
    found = open_images(fewer.name, 16, places)
    np.testing.assert_array_equal(found.images, DATA.images[15:35])
    dataset_of_images(places, DATA, np.arange(15, 35), "again")
    assert open_images("again", 16, places).fingerprint == found.fingerprint != some.fingerprint


def test_a_built_in_dataset_can_be_the_source(digits: ImageSet, places: Places) -> None:
    assert digits.labels is not None
    sevens = np.flatnonzero(digits.labels == 7)
    some = made(places, sevens, digits)
    np.testing.assert_array_equal(some.images, digits.images[sevens])
    assert some.label_of(0) == digits.label_of(int(sevens[0]))
    assert some.label_names == digits.label_names


# -- what is tested on


def test_test_images_stay_test_images(places: Places) -> None:
    some = made(places, np.arange(5, 45))  # 10, 20, 30 and 40 were for testing
    np.testing.assert_array_equal(some.test, [5, 15, 25, 35])
    assert some.notes[1] == "For testing: 4 of them, from the test split of Tiny."
    splits = some.split(0)
    assert not set(np.arange(5, 45)[splits.train]) & set(DATA.test)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (DATA.test, "9 of them come from the test split of Tiny; a new one is cut."),
        (
            [0, 10, 20, 30, 40, 1, 2],
            "5 of them come from the test split of Tiny; a new one is cut. Runs on Tiny may have trained on some of it.",
        ),
        (
            [1, 2, 3, 4, 5, 6, 7],
            "0 of them come from the test split of Tiny; a new one is cut. Runs on Tiny may have trained on some of it.",
        ),
    ],
    ids=["all", "most", "none"],
)
def test_a_selection_among_test_images_can_be_trained_on(places: Places, images: Any, says: str) -> None:
    some = made(places, images)
    assert len(some.test) == 1
    assert len(some.split(0).train) == len(images) - 2
    assert some.notes[1] == says


@pytest.mark.parametrize("images", [[1, 2], [10, 20], [10, 2], [10, 2, 3], [1, 2, 3]], ids=str)
def test_the_fewest_images_train(places: Places, images: list[int]) -> None:
    some = made(places, images)
    assert len(some.split(0).train) == len(some.split(0).validation) == 1
    assert (some.notes[1] == "None is left for testing.") == (len(some.test) == 0) == (len(images) == 2)
    run = Store(places).create(config_of(dataset="some", epochs=2))
    assert train_run(run, places).state == FINISHED


# -- refused, and nothing left behind


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([], "no image is selected; training needs at least 2, one of them to validate on"),
        ([5], "one image is selected; training needs at least 2"),
        ([5, 5, 5], "one image is selected"),
        ([3, 90], "Tiny has the images 0 to 89; not among them: 90"),
        ([-1, 3, 4], "not among them: -1"),
        (range(88, 100), "not among them: 90, 91, 92, 93, 94 and 5 more"),
        ([0.0, 1.0], "images are chosen by whole numbers (M,), not by float64 (2,)"),
        (np.ones(90, bool), "not by bool (90,)"),
        ([[1, 2], [3, 4]], "not by int64 (2, 2)"),
        (["1", "2"], "not by <U1 (2,)"),
    ],
    ids=str,
)
def test_numbers_that_choose_no_dataset_are_refused(places: Places, images: Any, says: str) -> None:
    refused(places, BadImages, says, images)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mnist", "mnist is a built-in dataset; choose another name"),
        ("tiny", "there is already a dataset tiny; choose another name, or remove it first"),
        ("two words", "'two words' cannot name a dataset: use letters, digits"),
        ("../evil", "cannot name a dataset"),
        (".hidden", "cannot name a dataset"),
        ("", "cannot name a dataset"),
    ],
)
def test_names_that_name_no_new_dataset_are_refused(places: Places, name: str, says: str) -> None:
    refused(places, BadName, says, [1, 2, 3], name)


def test_what_breaks_midway_leaves_nothing(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(share: float, what: str) -> None:
        raise KeyboardInterrupt

    before = sorted(places.datasets.rglob("*"))
    with pytest.raises(KeyboardInterrupt):
        dataset_of_images(places, DATA, range(30), "some", progress=stop)
    assert sorted(places.datasets.rglob("*")) == before
    monkeypatch.setattr(importing, "check_room", lambda *_: (_ for _ in ()).throw(BadImages("no room")))
    refused(places, BadImages, "no room", range(30))


# -- training on it


def test_a_run_on_the_selection_starts_from_the_old_runs_weights(places: Places, store: Store) -> None:
    old = store.create(config_of(epochs=6), "old")
    train_run(old, places)
    source = open_images("tiny", 16, places)
    assert source.labels is not None
    dataset_of_images(places, source, np.flatnonzero(source.labels == 1), "right")
    tuned = store.create(config_of(dataset="right", epochs=1, batch_size=8), "tuned", start_from=old)
    assert train_run(tuned, places).state == FINISHED
    fresh = store.create(config_of(dataset="right", epochs=1, batch_size=8), "fresh")
    train_run(fresh, places)
    assert tuned.record().config.training.init_from == old.id
    assert tuned.record().data["title"] == "right"
    first = of(Checkpoint, tuned.history())[0]
    assert first.step == 0
    assert frozen(tuned.initial_weights()) == frozen(old.weights())
    losses = [of(StepDone, run.history())[0].terms.loss for run in (tuned, fresh)]
    assert losses[0] < 0.8 * losses[1]
    assert (
        of(EpochDone, tuned.history())[0].validation.loss < of(EpochDone, fresh.history())[0].validation.loss
    )


def test_the_command_line_trains_and_fine_tunes_on_it(
    places: Places, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    old = store.create(config_of(), "old")
    train_run(old, places)
    dataset_of_images(places, open_images("tiny", 16, places), range(40), "some")
    words = [
        "train", "--home", str(places.home), "--dataset", "some", "--model", "mlp", "--hidden", "12",
        "--latent-dim", "3", "--batch-size", "16", "--epochs", "1", "--device", "cpu", "--threads", "1",
    ]  # fmt: skip
    assert main([*words, "--name", "plain"]) == 0, capsys.readouterr().err
    assert main([*words, "--name", "tuned", "--from-run", "old"]) == 0, capsys.readouterr().err
    for name, started in (("plain", ""), ("tuned", old.id)):
        run = store.find(name)
        assert run.status().state == FINISHED
        assert run.record().config.training.init_from == started
        assert run.record().data["images"] == 40


def test_weights_of_another_side_are_refused(places: Places, store: Store) -> None:
    old = store.create(config_of(), "old")
    train_run(old, places)
    dataset_of_images(places, blob_set(side=32), range(40), "large")
    mlp = Choice("mlp", MlpParams((12,)))
    run = store.create(config_of(dataset="large", architecture=mlp), "tuned", start_from=old)
    status = train_run(run, places)
    assert status.state == FAILED
    assert "fine-tuning needs the same model, latent dimensions, image side and channels" in status.error
