import dataclasses
import json
import multiprocessing
import os
import shutil
import threading
import time

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, frozen, of, write_blobs
from PIL import Image

from vae_core.config import RunConfig
from vae_core.errors import BadConfig, BadName, BadRun, ReadOnlyRun, RunBusy, RunNotFound, UnknownDataset
from vae_core.events import (
    Checkpoint,
    Command,
    Controlled,
    Finished,
    Resumed,
    Snapshot,
    Started,
    StepDone,
    Terms,
)
from vae_core.options import to_json
from vae_core.places import Places, check_plain_name, write_atomically, write_json
from vae_core.runs import store as store_module
from vae_core.runs.store import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    STOPPED,
    Run,
    Status,
    Store,
    kept_before,
)
from vae_core.runs.worker import train_run
from vae_core.training import resolve, train

DATA = blob_set()


def step_done(step, loss=1.0):
    return StepDone(step, 1, Terms(loss, loss, {"distortion": loss, "rate": 0.0}), 1e-3, {"beta": 1.0})


def checkpoint(step=0, value=0.0, best=None):
    def weights(v):
        return {"w": torch.full((2,), v)}

    best_weights = {} if best is None else weights(best)
    return Checkpoint(step, 0, weights(value), best_weights, {"scalars": torch.zeros(8)}, best_epoch=1)


def finish(run, **changes):
    run.write_status(Status(FINISHED, **changes))


# ---------------------------------------------------------------- creating, finding, naming


def test_a_new_run_is_queued_and_found_by_id_and_by_name(store):
    before = time.time()
    run = store.create(config_of(), "first")
    assert run.status().state == QUEUED
    assert before <= run.status().queued <= time.time()
    assert run.id.startswith("tiny-")
    assert store.find("first").path == store.find(run.id).path == run.path
    assert run.path.parent == store.places.runs
    record = run.record()
    assert (record.name, record.config, record.resolved, record.shape) == ("first", config_of(), None, None)
    assert record.effective == config_of()
    assert not run.has_weights()
    assert run.history() == []
    assert run.resume_state() is None


def test_runs_are_listed_newest_first_and_nothing_else_is(store):
    assert store.own() == store.all() == []
    for number, name in enumerate(("one", "two", "three")):
        run = store.create(config_of(), name)
        os.utime(run.path / "config.json", (1000 + number, 1000 + number))
    (store.places.runs / "empty").mkdir()
    (store.places.runs / "file").write_text("x")
    for hidden in (".deleted-tiny-1", ".import-abc", ".tiny-2"):  # on their way in or out
        shutil.copytree(run.path, store.places.runs / hidden)
    assert [run.name for run in store.own()] == ["three", "two", "one"]
    assert [run.name for run in store.all()] == ["three", "two", "one"]


def test_a_run_that_goes_while_runs_are_listed_is_left_out(store, monkeypatch):
    runs = [store.create(config_of(), name) for name in ("stays", "goes")]
    gone = runs[1].path / "config.json"
    real = os.stat

    def stat(path, *args, **kwargs):
        found = real(path, *args, **kwargs)
        if os.fspath(path) == str(gone):
            shutil.rmtree(gone.parent, ignore_errors=True)  # as soon as it was seen to be there
        return found

    monkeypatch.setattr(os, "stat", stat)
    found = {run.id for run in store.own()}
    monkeypatch.undo()
    assert not gone.exists()
    assert runs[0].id in found
    assert [run.name for run in store.own()] == ["stays"]


def test_the_default_name_tells_dataset_model_and_objective_and_counts_up(store):
    names = [store.create(config_of(objective="beta_vae")).name for _ in range(3)]
    assert names == ["tiny-mlp-beta4", "tiny-mlp-beta4-2", "tiny-mlp-beta4-3"]
    assert store.create(config_of(objective="autoencoder", architecture="conv")).name == "tiny-conv-ae"
    assert store.create(config_of(objective="beta_tcvae")).name == "tiny-mlp-tcvae4"
    assert store.create(config_of(objective="multi_rate")).name == "tiny-mlp-dial"
    assert store.free_name("free") == "free"


def test_a_dataset_of_a_long_name_gets_a_run_of_a_plain_name(store):
    long = "x" * 78
    write_blobs(store.places.datasets, long)
    names = [store.create(config_of(dataset=long)).name for _ in range(2)]
    assert len(set(names)) == 2
    assert {run.name for run in store.own()} == set(names)


def test_a_taken_name_is_refused_be_it_a_name_or_an_id(store):
    run = store.create(config_of(), "mine")
    for taken in ("mine", run.id):
        with pytest.raises(BadName, match="already is a run"):
            store.create(config_of(), taken)
    assert len(store.own()) == 1


@pytest.mark.parametrize(
    "name", ["", "a b", "../x", "a/b", ".hidden", "-dash", "ä", "x" * 81, "a\n", "<b>", "a\x00"]
)
def test_a_name_must_be_plain(name, store):
    with pytest.raises(BadName, match="letters, digits"):
        check_plain_name(name, "run")
    if name:  # an empty one asks for the default
        with pytest.raises(BadName):
            store.create(config_of(), name)
    assert store.own() == []


def test_plain_names_are_plain():
    for name in ("a", "A.b_c-9", "_x", "9", "x" * 80):
        assert check_plain_name(name, "run") == name


def test_a_run_on_an_unknown_dataset_is_not_begun(store):
    for dataset in ("nosuch", "../../outside"):
        with pytest.raises(UnknownDataset, match="there is no dataset"):
            store.create(config_of(dataset=dataset))
    assert not store.places.runs.exists() or list(store.places.runs.glob("[!.]*")) == []


def test_runs_created_at_once_get_different_names(store):
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(store.create(config_of()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.id for run in runs}) == len({run.name for run in runs}) == 8


def test_renaming(store):
    run, other = store.create(config_of(), "old"), store.create(config_of(), "other")
    store.rename(run, "new")
    assert store.find("new").id == run.id
    with pytest.raises(RunNotFound, match="there is no run 'old'"):
        store.find("old")
    with pytest.raises(BadName):
        store.rename(run, "other")
    with pytest.raises(BadName):
        store.rename(run, "not plain")
    store.rename(other, "other")  # to itself: nothing to do
    assert {r.name for r in store.own()} == {"new", "other"}


def test_deleting_takes_notes_and_derived_results_along(store):
    run, other = store.create(config_of(), "a"), store.create(config_of(), "b")
    for each, value in ((run, 1.0), (other, 2.0)):
        each.append(checkpoint(0, value))
        each.close()
        each.notes.mkdir(parents=True)
        (each.notes / "note.txt").write_text("x")
        (store.places.derived / each.stamp()).mkdir(parents=True)
        finish(each)
    stamp = run.stamp()
    store.delete(run)
    assert not run.path.exists()
    assert not run.notes.exists()
    assert not (store.places.derived / stamp).exists()
    assert [r.id for r in store.own()] == [other.id]
    assert other.notes.exists()
    assert (store.places.derived / other.stamp()).exists()
    for read in (run.record, run.status):
        with pytest.raises(RunNotFound, match="not there any more"):
            read()
    assert list(store.places.runs.glob(".deleted*")) == []


def test_a_live_run_is_not_deleted_and_not_reset(store):
    run = store.create(config_of())
    for state in (RUNNING, PAUSED):
        run.write_status(Status(state, pid=os.getpid(), heartbeat=time.time()))
        with pytest.raises(RunBusy, match="stop it first"):
            store.delete(run)
        with pytest.raises(RunBusy, match="stop it first"):
            run.reset()
    run.write_status(Status(RUNNING, heartbeat=time.time() - 3600))  # its process died long ago
    store.delete(run)
    assert store.own() == []


# ---------------------------------------------------------------- pretrained


@pytest.fixture
def shipped(copied, store, monkeypatch, tmp_path):
    """The trained run as a shipped one."""
    folder = tmp_path / "assets" / "pretrained" / "shipped-1"
    folder.parent.mkdir(parents=True)
    copied.path.rename(folder)
    (folder / "status.json").unlink()
    monkeypatch.setattr(store_module, "assets", lambda: tmp_path / "assets")
    return store.find("shipped-1")


def test_pretrained_runs_are_listed_last_and_cannot_be_changed(shipped, store):
    own = store.create(config_of(), "own")
    assert [run.id for run in store.all()] == [own.id, "shipped-1"]
    assert shipped.read_only
    assert shipped.status().state == FINISHED
    before = sorted(p.name for p in shipped.path.rglob("*"))
    attempts = [
        lambda: store.rename(shipped, "x"),
        lambda: store.delete(shipped),
        lambda: shipped.request("pause"),
        lambda: shipped.reset(),
        lambda: shipped.go_on(3),
        lambda: shipped.append(step_done(1)),
        lambda: shipped.write_status(Status()),
    ]
    for attempt in attempts:
        with pytest.raises(ReadOnlyRun, match="pretrained"):
            attempt()
    assert sorted(p.name for p in shipped.path.rglob("*")) == before


def test_a_pretrained_runs_name_is_taken_and_its_notes_lie_in_the_home(shipped, store):
    with pytest.raises(BadName):
        store.create(config_of(), shipped.name)
    assert shipped.notes == store.places.notes / "shipped-1"


# ---------------------------------------------------------------- events on disk


def test_a_whole_run_is_read_back_as_it_was_said(store):
    config = resolve(config_of(), DATA)
    run = store.create(config)
    said = list(train(config, DATA))
    for event in said:
        run.append(event)
    run.close()
    back = run.history()
    assert [type(e) for e in back] == [type(e) for e in said]
    for was, found in zip(said, back, strict=True):
        if not isinstance(was, (Checkpoint, Snapshot)):
            np.testing.assert_allclose(_numbers(found), _numbers(was), rtol=1e-8)
    last = of(Checkpoint, said)[-1]
    assert frozen(run.weights()) == frozen(dict(last.last))
    assert frozen(run.weights("best")) == frozen(dict(last.best))
    assert frozen(run.resume_state()) == frozen(dict(last.resume))


def _numbers(event):
    flat = []
    for value in dataclasses.asdict(event).values():
        for inner in value.values() if isinstance(value, dict) else [value]:
            flat += [*inner] if isinstance(inner, tuple) else [inner]
    return [float(v) for v in flat if isinstance(v, (int, float))]


def test_pictures_are_written_as_they_were_drawn(store):
    run = store.create(config_of())
    rng = np.random.default_rng(0)

    def pictures(*shape):
        return rng.integers(0, 256, (*shape, 3, 4, 4), dtype=np.uint8)

    first = Snapshot(4, 1, pictures(8), pictures(8), pictures(16), pictures(2, 9), (1, 0))
    second = Snapshot(8, 2, first.originals, pictures(8), pictures(16), pictures(2, 9), (0, 1))
    for event in (first, second):
        run.append(event)
    run.close()
    lines, _ = run.lines()
    assert lines[0]["originals"] == lines[1]["originals"] == "snapshots/originals-00000004.png"
    for line, event in zip(lines, (first, second), strict=True):
        for name, rows in (
            ("reconstructions", event.reconstructions[None]),
            ("samples", event.samples.reshape(2, 8, 3, 4, 4)),
            ("traversal", event.traversal),
        ):
            picture = np.asarray(Image.open(run.path / line[name]))
            for row in range(rows.shape[0]):
                for column in range(rows.shape[1]):
                    tile = picture[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
                    assert np.array_equal(tile.transpose(2, 0, 1), rows[row, column])
    assert np.asarray(Image.open(run.path / "thumbnail.png")).shape == (8, 8, 3)


def test_grey_pictures_and_fewer_than_eight_images(store):
    run = store.create(config_of())
    grey = np.arange(16 * 16, dtype=np.uint8).reshape(16, 1, 4, 4)
    run.append(Snapshot(1, 1, grey[:3], grey[:3], grey, grey[:2][None], (0,)))
    picture = Image.open(run.path / "snapshots" / "00000001-reconstructions.png")
    assert (picture.mode, picture.size) == ("L", (12, 4))
    assert np.array_equal(np.asarray(picture)[:, 4:8], grey[1, 0])
    run.close()


def test_a_half_written_line_is_not_read_and_the_next_append_heals_it(store):
    run = store.create(config_of())
    run.append(step_done(1))
    run.append(step_done(2))
    run.close()
    path = run.path / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])  # killed while writing
    assert [e.step for e in run.history()] == [1]
    run.append(step_done(2, loss=5.0))
    run.close()
    assert [(e.step, e.terms.loss) for e in run.history()] == [(1, 1.0), (2, 5.0)]
    for line in path.read_bytes().splitlines():
        json.loads(line)


@pytest.mark.parametrize(
    "damage", [b"\x00\xff\n", b"not json\n", b"7\n", b"[1]\n", b'{"event": "new"}\n', b"\n"]
)
def test_a_line_that_is_no_event_is_passed_over(store, damage):
    run = store.create(config_of())
    run.append(step_done(1))
    run.close()
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(damage)
    run.append(step_done(2))
    run.close()
    assert [e.step for e in run.history()] == [1, 2]


def test_lines_can_be_followed_by_their_offset(store):
    run = store.create(config_of())
    assert run.raw_lines() == (b"", 0)
    run.append(step_done(1))
    lines, offset = run.lines()
    assert [line["step"] for line in lines] == [1]
    assert run.lines(offset) == ([], offset)
    run.append(step_done(2))
    run.append(step_done(3))
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(b'{"event":"st')  # a line on its way
    lines, after = run.lines(offset)
    assert [line["step"] for line in lines] == [2, 3]
    text, end = run.raw_lines(offset)
    assert (text.count(b"\n"), end) == (2, after)
    run.close()


def test_lines_come_in_pieces_of_bounded_size_each_whole(store):
    run = store.create(config_of())
    for step in range(1, 51):
        run.append(step_done(step))
    run.close()
    steps, offset, pieces = [], 0, 0
    while True:
        text, following = run.raw_lines(offset, most=600)
        if following == offset:
            break
        assert len(text) <= 600
        steps += [json.loads(line)["step"] for line in text.splitlines()]
        offset, pieces = following, pieces + 1
    assert steps == list(range(1, 51))
    assert pieces > 5


def test_whoever_follows_a_run_that_is_reset_starts_over(store):
    run = store.create(config_of())
    for step in range(1, 6):
        run.append(step_done(step))
    run.close()
    _, offset = run.lines()
    finish(run)
    run.reset()
    assert run.raw_lines(offset) == (b"", 0)
    run.append(step_done(1))
    run.close()
    lines, _ = run.lines(offset)
    assert [line["step"] for line in lines] == [1]


def test_resumed_supersedes_what_came_after_the_checkpoint(store):
    run = store.create(config_of())
    events = [
        step_done(1), step_done(2), checkpoint(2), step_done(3), Controlled(3, 1, "beta", 2.0), step_done(4, 99.0),
        Resumed(2, 8, 2), step_done(4, 1.5), checkpoint(4), step_done(5, 88.0),
        Resumed(4, 8, 2), step_done(6), Finished(6, 1, "stopped", 1),
    ]  # fmt: skip
    for event in events:
        run.append(event)
    run.close()
    said = [(type(e).__name__, e.step) for e in run.history()]
    assert said == [
        ("StepDone", 1), ("StepDone", 2), ("Checkpoint", 2), ("Resumed", 2), ("StepDone", 4), ("Checkpoint", 4),
        ("Resumed", 4), ("StepDone", 6), ("Finished", 6),
    ]  # fmt: skip
    assert 99.0 not in [e.terms.loss for e in of(StepDone, run.history())]


def test_what_was_said_at_the_checkpoints_own_step_is_kept_only_before_it():
    before, after = step_done(4, 1.0), Controlled(4, 2, "beta", 3.0)
    events = [before, checkpoint(4), after]
    assert kept_before(events, 4) == events[:2]
    # killed between the checkpoint's files and its line: everything up to its step counts
    assert kept_before([before, step_done(6)], 4) == [before]


def test_a_run_can_be_read_while_it_is_written(store):
    """Readers in a second thread never raise and never see fewer events than before."""
    run = store.create(config_of())
    faults, counts, stop = [], [], threading.Event()

    def read():
        reader = Run(run.path, store.places)
        try:
            while not stop.is_set():
                counts.append(len(reader.history()))
                assert reader.status().state in (QUEUED, RUNNING)
                if reader.has_weights():
                    value = set(reader.weights()["w"].tolist())
                    assert len(value) == 1
                    assert len(reader.stamp()) == 16
        except Exception as fault:
            faults.append(fault)

    thread = threading.Thread(target=read)
    thread.start()
    for step in range(1, 60):
        run.append(step_done(step))
        run.append(checkpoint(step, float(step)))
        run.update_status(state=RUNNING, step=step)
    stop.set()
    thread.join()
    run.close()
    assert not faults
    assert counts == sorted(counts)
    assert len(run.history()) == 118


# ---------------------------------------------------------------- status and settings


def test_a_folder_without_a_status_counts_as_interrupted(store):
    run = store.create(config_of())
    (run.path / "status.json").unlink()
    assert run.status().state == INTERRUPTED
    assert Run(run.path, store.places, read_only=True).status().state == FINISHED


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"state": "running", "colour": 1}', "null"])
def test_a_damaged_status_is_read_without_raising(store, text):
    run = store.create(config_of())
    (run.path / "status.json").write_text(text)
    status = run.status()
    if "colour" in text:
        assert status == Status(RUNNING)  # of a newer version
    else:
        assert status.state == FAILED
        assert "status.json cannot be read" in status.error


def test_status_says_what_is_live_and_how_far():
    assert [Status(s).live for s in (QUEUED, RUNNING, PAUSED, FINISHED, STOPPED)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert Status(step=5, steps_total=20).progress == 0.25
    assert Status().progress == 0.0


def test_a_newer_format_is_refused_and_newer_settings_are_left_out_with_a_warning(store):
    run = store.create(config_of(), "mine")
    path = run.path / "config.json"
    raw = json.loads(path.read_text())
    raw["config"]["training"]["momentum"] = 0.9
    raw["config"]["model"]["architecture"]["dropout"] = 0.1
    raw["colour"] = "red"
    path.write_text(json.dumps(raw))
    record = run.record()
    assert record.config == config_of()
    assert len(record.warnings) == 2
    assert any(w.startswith("training.momentum is not known") for w in record.warnings)
    raw["format"] = 2
    path.write_text(json.dumps(raw))
    with pytest.raises(BadRun, match="newer than this version"):
        run.record()
    with pytest.raises(RunNotFound):
        store.find("mine")
    assert store.find(run.id).id == run.id


def _without(key):
    def change(raw):
        del raw[key]

    return change


def _with(key, value):
    def change(raw):
        raw[key] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        *(_without(key) for key in ("format", "name", "config", "created")),
        _with("config", 3),
        _with("config", {"training": {"epochs": -1}}),
        _with("config", {"model": {"architecture": {"name": "transformer"}}}),
        _with("resolved", []),
        _with("resolved", 3),
        _with("name", 5),
        _with("name", "../x"),
        _with("data", "abc"),
        _with("data", {"shape": 3}),
        _with("data", {"fingerprint": "x"}),
        _with("data", {"shape": [1, 16]}),
        _with("data", {"shape": [1, 100_000, 100_000]}),
        _with("data", {"shape": [2, 16, 16]}),
        _with("machine", [1]),
        _with("group", 3),
    ],
)
def test_a_damaged_config_is_a_bad_run_and_breaks_no_list(store, change):
    run, other = store.create(config_of(), "bad"), store.create(config_of(), "good")
    raw = json.loads((run.path / "config.json").read_text())
    change(raw)
    (run.path / "config.json").write_text(json.dumps(raw))
    if raw.get("resolved") == []:
        assert run.record().resolved is None  # empty: as if it had never started
        return
    with pytest.raises(BadRun):
        run.record()
    assert len(store.own()) == 2
    assert store.find("good").id == other.id
    assert "good" in store.names()


@pytest.mark.parametrize("text", ["", "[]", "3", '"x"', "{", "null", "\x00"])
def test_a_config_that_is_no_object_is_a_bad_run(store, text):
    run = store.create(config_of())
    (run.path / "config.json").write_text(text)
    with pytest.raises(BadRun, match=r"config\.json|format"):
        run.record()


def test_a_record_keeps_what_it_is_given(store):
    run = store.create(config_of(), "x", group="sweep")
    record = dataclasses.replace(
        run.record(), resolved=RunConfig(), machine={"torch": "1"}, data={"shape": [3, 16, 16]}
    )
    run.write_record(record)
    assert run.record() == record
    assert record.shape == (3, 16, 16)
    assert record.effective == RunConfig()
    assert to_json(record.config) == json.loads((run.path / "config.json").read_text())["config"]


def test_settings_are_parsed_once_and_again_when_the_file_has_changed(store, monkeypatch):
    run, parsed = store.create(config_of(), "first"), []
    migrate = store_module.migrate
    monkeypatch.setattr(store_module, "migrate", lambda raw: parsed.append(1) or migrate(raw))
    assert {Run(run.path, run.places).name for _ in range(5)} == {"first"}
    assert len(parsed) == 1
    store.rename(run, "other")
    assert run.name == "other"
    assert len(parsed) == 2
    shutil.rmtree(run.path)
    with pytest.raises(RunNotFound):
        run.record()


# ---------------------------------------------------------------- weights


def test_the_stamp_changes_whenever_the_weights_do(store):
    run = store.create(config_of())
    with pytest.raises(BadRun, match="no weights yet"):
        run.stamp()
    with pytest.raises(BadRun, match="no weights yet"):
        run.weights()
    stamps = []
    for value in (1.0, 2.0, 1.0):
        run.append(checkpoint(0, value))
        stamps.append(run.stamp())
    run.close()
    assert len(set(stamps)) == 2
    assert stamps[0] == stamps[2]  # named by content
    assert all(len(stamp) == 16 for stamp in stamps)


def test_best_weights_fall_back_on_the_last(store):
    run = store.create(config_of())
    run.append(checkpoint(0, 1.0))
    assert run.weights("best")["w"].tolist() == [1.0, 1.0]
    run.append(checkpoint(1, 2.0, best=3.0))
    assert run.weights("best")["w"].tolist() == [3.0, 3.0]
    assert run.weights("last")["w"].tolist() == run.weights()["w"].tolist() == [2.0, 2.0]
    run.close()


@pytest.mark.parametrize("name", ["model.safetensors", "resume.safetensors"])
@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_damaged_weights_are_said_to_be(store, name, damage):
    run = store.create(config_of())
    run.append(checkpoint())
    run.close()
    path = run.path / name
    path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)
    with pytest.raises(BadRun, match="damaged"):
        run.weights() if name.startswith("model") else run.resume_state()


def test_a_fine_tune_takes_the_weights_along(copied, store):
    run = store.create(config_of(dataset="digits"), "tuned", start_from=copied)
    assert frozen(run.initial_weights()) == frozen(copied.weights())
    assert run.record().config.training.init_from == copied.id
    store.delete(copied)
    assert run.initial_weights() is not None
    assert store.create(config_of()).initial_weights() is None


def test_a_fine_tune_from_a_run_without_weights_leaves_nothing(store):
    empty = store.create(config_of(), "empty")
    with pytest.raises(BadRun, match="no weights yet"):
        store.create(config_of(), "tuned", start_from=empty)
    assert [p.name for p in store.places.runs.iterdir() if p.is_dir()] == [empty.id]


# ---------------------------------------------------------------- again, further


def test_reset_forgets_what_was_learned_and_keeps_what_was_asked(copied):
    asked, name = copied.record().config, copied.name
    copied.request("pause")
    copied.reset()
    status = copied.status()
    assert status == Status(QUEUED, queued=status.queued, born=status.born)
    assert copied.record().config == asked
    assert copied.record().resolved is None
    assert copied.name == name
    assert not copied.has_weights()
    assert copied.resume_state() is None
    assert copied.history() == []
    assert copied.requests() == []
    assert not (copied.path / "snapshots").exists()
    assert not (copied.path / "thumbnail.png").exists()


def test_going_on_queues_the_run_and_more_epochs_are_noted(copied):
    with pytest.raises(BadConfig, match="has finished; say for how many more"):
        copied.go_on()
    copied.go_on(2)
    assert copied.status().state == QUEUED
    record = copied.record()
    assert record.config.training.continued == record.resolved.training.continued == (2,)
    with pytest.raises(RunBusy, match="already queued"):
        copied.go_on(2)
    copied.update_status(state=RUNNING)
    with pytest.raises(RunBusy, match="already running"):
        copied.go_on(2)
    copied.update_status(state=STOPPED)
    copied.go_on()  # to where it was planned to end
    assert copied.record().config.training.continued == (2,)
    copied.update_status(state=FINISHED)
    copied.go_on(3)
    assert copied.record().config.training.continued == (2, 3)


def test_weights_alone_are_nothing_to_go_on_from(copied):
    """As an archive of half size leaves it: going on would silently start from nothing."""
    (copied.path / "resume.safetensors").unlink()
    with pytest.raises(BadConfig, match="fine-tune"):
        copied.go_on(2)
    assert copied.status().state == FINISHED


def test_going_on_forgets_the_error(store):
    run = store.create(config_of())
    run.write_status(Status(FAILED, error="the disk is full", step=7, steps_total=9))
    run.go_on()
    assert (run.status().state, run.status().error, run.status().step) == (QUEUED, "", 7)


# ---------------------------------------------------------------- requests


def test_requests_are_numbered_and_read_in_order(store):
    run = store.create(config_of())
    run.update_status(state=RUNNING)
    assert [run.request("pause"), run.request("beta", 2.5), run.request("resume")] == [1, 2, 3]
    assert run.requests() == [Command(1, "pause"), Command(2, "beta", 2.5), Command(3, "resume")]
    assert run.requests(after=2) == [Command(3, "resume")]
    assert run.requests(after=3) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dance", None),
        ("beta", None),
        ("beta", -1.0),
        ("beta", float("nan")),
        ("beta", 1e9),
        ("learning_rate", None),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(store, name, value):
    run = store.create(config_of())
    with pytest.raises(BadConfig):
        run.request(name, value)
    assert run.requests() == []


def test_an_autoencoder_has_no_beta_to_change(store):
    run = store.create(config_of(objective="autoencoder"))
    with pytest.raises(BadConfig, match="no coefficient such as β"):
        run.request("beta", 2.0)
    assert run.request("learning_rate", 0.5) == 1


def test_a_queued_run_is_stopped_at_once(store):
    run = store.create(config_of())
    assert run.request("stop") == 0
    assert run.status().state == STOPPED
    assert run.requests() == []


def test_a_request_line_on_its_way_is_not_read(store):
    run = store.create(config_of())
    run.request("pause")
    with open(run.path / "control.jsonl", "ab") as file:
        file.write(b'{"number": 2, "na')
    assert run.requests() == [Command(1, "pause")]


def _ask(path, home, count):
    run = Run(path, Places(home, home))
    for _ in range(count):
        run.request("learning_rate", 0.5)


def test_requests_from_several_threads_and_processes_get_numbers_of_their_own(store):
    run = store.create(config_of())
    context = multiprocessing.get_context("fork")
    askers = [
        *(threading.Thread(target=_ask, args=(run.path, store.places.home, 10)) for _ in range(3)),
        *(context.Process(target=_ask, args=(run.path, store.places.home, 10)) for _ in range(2)),
    ]
    for asker in askers[::-1]:  # processes first: forking beside running threads is asking for trouble
        asker.start()
    for asker in askers:
        asker.join()
    assert [command.number for command in run.requests()] == list(range(1, 51))


# ---------------------------------------------------------------- writing whole or not at all


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path):
    path = tmp_path / "f.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["f.json"]


def test_places_prefer_arguments_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "env"))
    monkeypatch.delenv("LATENT_EXPLORER_DATA", raising=False)
    assert Places.find().home == tmp_path / "env"
    assert Places.find().data_dir == tmp_path / "env" / "downloads"
    assert Places.find(tmp_path / "arg").home == tmp_path / "arg"
    monkeypatch.setenv("LATENT_EXPLORER_DATA", str(tmp_path / "data"))
    assert Places.find().data_dir == tmp_path / "data"
    assert Places.find(None, tmp_path / "d").data_dir == tmp_path / "d"
    monkeypatch.delenv("LATENT_EXPLORER_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Places.find().home == tmp_path / ".latent-explorer"
    monkeypatch.chdir(tmp_path)
    assert Places.find("relative").home == tmp_path / "relative"


def test_store_finds_runs_of_its_own_home_only(store, tmp_path):
    run = store.create(config_of(), "here")
    elsewhere = Store(Places(tmp_path / "elsewhere", tmp_path))
    assert elsewhere.all() == []
    with pytest.raises(RunNotFound):
        elsewhere.find(run.id)


def test_a_run_left_by_the_worker_holds_everything_the_next_reader_needs(copied):
    record = copied.record()
    assert record.data["images"] == 1797
    assert record.shape == (1, 16, 16)
    assert record.resolved.training.threads == 1
    assert set(record.machine) >= {"torch", "processor", "threads", "precision", "device"}
    assert len(record.data["fingerprint"]) == 16
    history = copied.history()
    assert isinstance(history[0], Started)
    assert isinstance(history[-1], Finished)
    assert record.config.training.epochs == 8
    with pytest.raises(RunNotFound):
        train_run(Run(copied.places.runs / "gone", copied.places), copied.places)
    assert not (copied.places.runs / "gone").exists()
