"""How the space formed: the codes every epoch keeps, on disk and off it."""

import io
import json
import shutil
import zipfile

import numpy as np
import pytest
import torch
from helpers import Script, blob_set, config_of, frozen, of

from vae_core.data.imageset import Splits
from vae_core.errors import BadRun
from vae_core.events import Checkpoint, Encoded, EpochDone, Failed, Resumed, StepDone, from_line
from vae_core.export import archive as archive_module
from vae_core.export.archive import archive, unarchive
from vae_core.inference import load_run
from vae_core.models.build import make_model
from vae_core.models.networks import ConvParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs import array_files
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.training import resolve, snapshot, train
from vae_core.training.snapshot import MOST_CODES, codes_every, tracked_images

DATA = blob_set()  # 9 of 90 for testing, 16 for validation: 65 train, 4 steps of 16 an epoch


def run(config, data=DATA, **kwargs):
    return list(train(config, data, **kwargs))


def others(events):
    return [frozen(event) for event in events if not isinstance(event, Encoded)]


# ---------------------------------------------------------------- what an epoch says


@pytest.mark.parametrize(
    ("changes", "off"),
    [
        ({}, 1e-3),
        ({"architecture": Choice("conv", ConvParams(4, 8))}, 1e-3),
        ({"objective": "autoencoder", "likelihood": "gaussian_optimal"}, 1e-3),
        ({"precision": "bfloat16"}, 0.02),
    ],
    ids=str,
)
def test_codes_are_those_of_the_epochs_own_weights(changes, off):
    config = resolve(config_of(epochs=3, checkpoint_every=4, **changes), DATA)
    torch.manual_seed(0)
    spread = {k: 0.3 * torch.randn(v.shape) for k, v in make_model(config, DATA.shape).state_dict().items()}
    events = run(config, initial=spread)
    encoded = of(Encoded, events)
    weights = {c.step: c.last for c in of(Checkpoint, events)}
    assert [(e.epoch, e.step) for e in encoded] == [(1, 4), (2, 8), (3, 12)]
    for event in encoded:
        assert (event.codes.dtype, event.codes.shape) == (np.float16, (81, 3))
        model = make_model(config, DATA.shape)
        model.load_state_dict(weights[event.step])
        with torch.no_grad():
            mean = model.encode(torch.from_numpy(DATA.images[event.images]) / 255).mean.numpy()
        np.testing.assert_allclose(event.codes, mean, rtol=off, atol=off)
    assert encoded[0].codes.std(0).max() > 10 * off
    assert np.abs(encoded[0].codes - encoded[-1].codes).max() > 10 * off  # the space has formed meanwhile


def test_images_are_the_same_in_every_epoch_and_never_test_images():
    config = config_of(epochs=3)
    encoded, splits = of(Encoded, run(config)), config.data.split(DATA)
    assert encoded[0].images.dtype == np.int32
    for event in encoded:
        np.testing.assert_array_equal(event.images, np.concatenate((splits.validation, splits.train)))
    assert not set(encoded[0].images) & set(DATA.test)


def test_validation_comes_first_and_training_images_fill_up():
    def splits(train, validation):
        return Splits(np.arange(train) * 2, np.arange(validation) * 2 + 1, np.arange(0))

    held, extra = tracked_images(splits(60_000, 2_500))
    assert (len(held), len(extra)) == (MOST_CODES, 0)
    assert (held[0], held[-1]) == (1, 4_999)
    assert set(np.diff(held)) == {2, 4}  # evenly spaced
    held, extra = tracked_images(splits(60_000, 500))
    np.testing.assert_array_equal(held, np.arange(500) * 2 + 1)
    assert (len(extra), extra[0], extra[-1]) == (1_500, 0, 119_998)
    assert np.ptp(np.diff(extra)) <= 2
    held, extra = tracked_images(splits(30, 1))
    np.testing.assert_array_equal(extra, np.arange(30) * 2)
    assert len(held) == 1


@pytest.mark.parametrize("changes", [{}, {"precision": "bfloat16"}, {"objective": "beta_tcvae"}], ids=str)
def test_keeping_codes_changes_nothing_else(monkeypatch, changes):
    """Fewer images, hence other batches to encode or none: all other events stay bit for bit."""
    whole = run(config_of(**changes))
    splits = config_of().data.split(DATA)
    for most, validation in ((10, 10), (20, 16)):
        monkeypatch.setattr(snapshot, "MOST_CODES", most)
        events = run(config_of(**changes))
        assert others(events) == others(whole)
        images = of(Encoded, events)[0].images
        assert len(images) == most
        assert set(images[:validation]) <= set(splits.validation)
        assert set(images[validation:]) <= set(splits.train)
        rows = {image: row for row, image in enumerate(of(Encoded, whole)[-1].images)}
        np.testing.assert_allclose(
            of(Encoded, events)[-1].codes, of(Encoded, whole)[-1].codes[[rows[i] for i in images]], atol=0.05
        )


def test_codes_beyond_float16_are_clipped():
    config = config_of(epochs=1)
    weights = dict(of(Checkpoint, run(config))[0].last)
    weights["encoder.3.bias"] = weights["encoder.3.bias"].clone()
    weights["encoder.3.bias"][:3] = torch.tensor([1e6, -1e6, 1.0])
    (event,) = of(Encoded, run(config, initial=weights))
    assert (event.codes[:, 0] == 65504).all()
    assert (event.codes[:, 1] == -65504).all()
    assert np.abs(event.codes[:, 2]).max() < 100


def test_codes_that_are_no_numbers_are_not_said():
    script = Script({3: [("learning_rate", 1e45)]})
    config = config_of(log_every=1, checkpoint_every=100)
    events = [script.see(event) for event in train(config, DATA, script)]
    assert of(EpochDone, events)
    assert of(Encoded, events) == []
    assert isinstance(events[-1], Failed)


def test_later_epochs_thin_out():
    dense = [e for e in range(1, 1_001) if e % codes_every(e, 10) == 0]
    assert dense[:200] == list(range(1, 201))
    assert dense[200:300] == list(range(202, 401, 2))
    assert dense[300:400] == list(range(404, 801, 4))
    assert sum(e % codes_every(e, 10) == 0 for e in range(1, 100_001)) < 1_200
    for dim in (1, 10, 128, 512):
        kept = sum(e % codes_every(e, dim) == 0 for e in range(1, 1_001))
        assert kept * 2 * MOST_CODES * dim < 160e6, "bytes of 1,000 epochs"
        assert codes_every(1, dim) == 1


def test_the_last_epoch_is_kept_whatever_its_number(monkeypatch):
    monkeypatch.setattr(snapshot, "DENSE_EPOCHS", 2)
    events = run(config_of(epochs=11, checkpoint_every=100))
    assert [e.epoch for e in of(Encoded, events)] == [1, 2, 4, 8, 11]


# ---------------------------------------------------------------- in the run folder


@pytest.fixture
def codes_of(trained):
    return trained.epoch_codes()


def test_a_trained_run_replays_how_its_space_formed(trained, codes_of, digits, model):
    assert [c.epoch for c in codes_of] == list(range(1, 9))
    assert [c.step for c in codes_of] == [e.step for e in of(EpochDone, trained.history())]
    splits = model.config.data.split(digits)
    for codes in codes_of:
        assert (codes.mean.dtype, codes.images.dtype) == (np.float32, np.int64)
        np.testing.assert_array_equal(codes.images, np.concatenate((splits.validation, splits.train)))
        assert codes.mean.shape == (len(codes.images), 4)
    last = load_run(trained).encode(digits.images[codes_of[-1].images]).mean
    np.testing.assert_allclose(codes_of[-1].mean, last, rtol=0.02, atol=0.02)
    assert np.abs(codes_of[0].mean - last).max() > 0.5


def test_lines_name_the_files(trained):
    lines = [line for line in trained.lines()[0] if line["event"] == "codes"]
    assert len(lines) == 8
    assert lines[0]["codes"] == lines[0]["images"] == f"codes/{lines[0]['step']:08d}.npz"
    assert sorted(p.name for p in (trained.path / "codes").iterdir()) == [x["codes"][6:] for x in lines]
    assert isinstance(from_line(lines[0]), Encoded)


def encoded(step, epoch, value, images=4):
    return Encoded(step, epoch, np.full((images, 2), value, np.float16), np.arange(images, dtype=np.int32))


def said(run, *events):
    for event in events:
        run.append(event)
    run.close()


def test_what_is_appended_comes_back(store):
    run = store.create(config_of())
    rng = np.random.default_rng(0)
    planted = rng.normal(size=(7, 5)).astype(np.float16)
    images = rng.permutation(1000)[:7].astype(np.int32)
    said(run, Encoded(4, 1, planted, images), Encoded(8, 2, planted * 2, images))
    found = run.epoch_codes()
    assert [(c.epoch, c.step) for c in found] == [(1, 4), (2, 8)]
    np.testing.assert_array_equal(found[0].images, images)
    np.testing.assert_array_equal(found[0].mean, planted.astype(np.float32))
    np.testing.assert_array_equal(found[1].mean, 2 * planted.astype(np.float32))


def test_a_run_from_before_codes_were_kept_has_none(copied):
    path = copied.path / "events.jsonl"
    old = [line for line in path.read_bytes().splitlines(True) if b'"event":"codes"' not in line]
    path.write_bytes(b"".join(old))
    shutil.rmtree(copied.path / "codes")
    assert copied.epoch_codes() == []
    assert len(of(EpochDone, copied.history())) == 8
    copied.go_on(2)
    train_run(copied, copied.places)
    assert [c.epoch for c in copied.epoch_codes()] == [9, 10]


def test_after_a_resume_the_last_line_counts(store):
    run = store.create(config_of())
    checkpoint = Checkpoint(4, 1, {"w": torch.zeros(1)}, {}, {"scalars": torch.zeros(1)})
    said(run, encoded(4, 1, 1.0), checkpoint, encoded(8, 2, 2.0), encoded(12, 3, 3.0), Resumed(4, 12, 3))
    assert [c.epoch for c in run.epoch_codes()] == [1]
    said(run, encoded(8, 2, 5.0))
    assert [(c.epoch, c.mean[0, 0]) for c in run.epoch_codes()] == [(1, 1.0), (2, 5.0)]
    said(run, encoded(9, 2, 6.0))  # never said twice by training, yet a file can say anything
    assert [(c.epoch, c.mean[0, 0]) for c in run.epoch_codes()] == [(1, 1.0), (2, 6.0)]


def test_an_interrupted_run_keeps_the_codes_of_one_never_interrupted(store, places):
    whole, torn = store.create(config_of(epochs=4)), store.create(config_of(epochs=4))
    train_run(whole, places)
    try:
        train_run(torn, places, lambda event: 1 / 0 if event.step == 10 else None)
    finally:
        torn.close()
    assert torn.resume_state()["scalars"][0] < 10
    torn.go_on()
    train_run(torn, places)
    assert of(Resumed, torn.history())
    a, b = whole.epoch_codes(), torn.epoch_codes()
    assert [c.epoch for c in a] == [1, 2, 3, 4]
    assert [frozen(c) for c in a] == [frozen(c) for c in b]


def damaged(codes=None, images=None, **more):
    buffer = io.BytesIO()
    codes = np.ones((4, 2), np.float16) if codes is None else codes
    np.savez(buffer, codes=codes, images=np.arange(4) if images is None else images, **more)
    return buffer.getvalue()


def without(name):
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.arange(4)})
    return buffer.getvalue()


DAMAGES = {
    "missing": None,
    "empty": b"",
    "no file of arrays": b"\x80\x04hello",
    "cut": damaged()[:-30],
    "half": damaged()[:200],
    "flipped": damaged()[:150] + b"\xff" * 60 + damaged()[210:],
    "a single array": (lambda b: (np.save(b, np.ones((4, 2))), b.getvalue())[1])(io.BytesIO()),
    "pickled": damaged(images=np.array([1, "x", None, 2], object)),
    "without codes": without("images"),
    "without images": without("codes"),
    "one axis": damaged(np.ones(4, np.float16)),
    "other lengths": damaged(images=np.arange(3)),
    "no images": damaged(np.ones((0, 2), np.float16), np.arange(0)),
    "not finite": damaged(np.full((4, 2), np.nan, np.float16)),
    "words": damaged(np.full((4, 2), "a")),
    "other images": damaged(images=np.arange(1, 5)),
    "other dimensions": damaged(np.ones((4, 3), np.float16)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_an_epoch_that_cannot_be_read_is_left_out(store, damage):
    run = store.create(config_of())
    said(run, encoded(4, 1, 1.0), encoded(8, 2, 2.0), encoded(12, 3, 3.0))
    path = run.path / "codes" / "00000008.npz"
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert [c.epoch for c in run.epoch_codes()] == [1, 3]


def test_codes_that_unpack_to_too_much_are_not_unpacked(store, monkeypatch):
    run = store.create(config_of())
    said(run, encoded(4, 1, 1.0), encoded(8, 2, 2.0, images=4_000))
    monkeypatch.setattr(array_files, "CODES_BYTES", 10_000)
    assert [c.epoch for c in run.epoch_codes()] == [1]


@pytest.mark.parametrize(
    "changes",
    [
        {"codes": "../other/codes/00000008.npz"},
        {"codes": "codes/../../x.npz"},
        {"codes": "/etc/passwd"},
        {"codes": None},
        {"codes": ["codes/00000008.npz"]},
        {"epoch": None},
        {"epoch": [2]},
        {"step": {}},
        {"images": 7, "codes": 7},
    ],
    ids=str,
)
def test_a_line_that_names_no_codes_is_passed_over(store, changes):
    run = store.create(config_of())
    said(run, encoded(4, 1, 1.0), encoded(8, 2, 2.0))
    planted = run.places.runs / "other" / "codes"
    planted.mkdir(parents=True)
    shutil.copyfile(run.path / "codes" / "00000008.npz", planted / "00000008.npz")
    path = run.path / "events.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(first + "\n" + json.dumps(json.loads(second) | changes) + "\n")
    assert [c.epoch for c in run.epoch_codes()] == [1]


def test_a_half_written_file_is_never_seen_under_its_name(store, monkeypatch):
    run = store.create(config_of())
    said(run, encoded(4, 1, 1.0))

    def break_off(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", break_off)
        with pytest.raises(OSError, match="No space"):
            run.append(encoded(8, 2, 2.0))
    assert [p.name for p in (run.path / "codes").iterdir()] == ["00000004.npz"]
    assert [c.epoch for c in run.epoch_codes()] == [1]
    run.close()


def test_reset_forgets_the_codes(copied):
    assert copied.epoch_codes()
    copied.reset()
    assert copied.epoch_codes() == []
    assert not (copied.path / "codes").exists()


# ---------------------------------------------------------------- taken away


@pytest.fixture
def other(tmp_path):
    return Store(Places(tmp_path / "other", tmp_path / "other"))


def test_codes_travel_in_the_archive(copied, other, tmp_path):
    assert archive(copied, tmp_path / "run.zip") == []
    found = unarchive(tmp_path / "run.zip", other).epoch_codes()
    assert [frozen(c) for c in found] == [frozen(c) for c in copied.epoch_codes()]
    assert len(found) == 8


def test_codes_that_are_large_stay_and_it_is_said(copied, other, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_module, "MOST_EPOCH_CODES", 50_000)
    (said,) = archive(copied, tmp_path / "run.zip")
    size = sum(p.stat().st_size for p in (copied.path / "codes").iterdir())
    assert said.startswith("The codes of 8 epochs")
    assert f"{size / 1e6:.1f} MB, more than 0.05 MB" in said
    found = unarchive(tmp_path / "run.zip", other)
    assert found.epoch_codes() == []
    assert not (found.path / "codes").exists()
    assert len(of(StepDone, found.history())) == len(of(StepDone, copied.history()))


@pytest.mark.parametrize("name", ["codes/evil.txt", "codes/x/00000001.npz", "codes/1.npz", "codes"])
def test_nothing_else_travels_beside_the_codes(copied, other, tmp_path, name):
    archive(copied, tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip", "a") as zf:
        zf.writestr(name, b"x")
    with pytest.raises(BadRun, match="no part of a run"):
        unarchive(tmp_path / "run.zip", other)
