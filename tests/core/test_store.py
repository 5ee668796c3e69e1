import os
import shutil
import threading
import time

import pytest
import torch
from helpers import config_of, write_blobs

from vae_core.errors import BadName, ReadOnlyRun, RunBusy, RunNotFound, UnknownDataset
from vae_core.events import (
    Checkpoint,
    StepDone,
    Terms,
)
from vae_core.places import Places, check_plain_name
from vae_core.runs import store as store_module
from vae_core.runs.launchers.local import own_handle
from vae_core.runs.record import FINISHED, PAUSED, QUEUED, RUNNING, Status
from vae_core.runs.store import Store


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


def test_what_a_killed_server_left_is_swept_unless_somebody_may_work_on_it(store):
    run = store.create(config_of(), "mine")
    old = time.time() - 2 * store_module.LEFT_SECONDS
    names = (".import-old", ".import-busy", ".import-new", ".deleted-tiny-1", ".other")
    for name in names:
        (store.places.runs / name / "snapshots").mkdir(parents=True)
        (store.places.runs / name / "snapshots" / "a.png").write_text("x")
    (store.places.runs / ".import-file").write_text("x")
    (store.places.runs / ".import-link").symlink_to(run.path, target_is_directory=True)
    for path in [*store.places.runs.rglob("*"), *run.path.rglob("*")]:
        if ".import-new" not in path.parts:
            os.utime(path, (old, old), follow_symlinks=False)
    now = time.time()
    os.utime(store.places.runs / ".import-busy" / "snapshots" / "a.png", (now, now))  # it is still unpacked
    assert store.sweep_leftovers() == [".deleted-tiny-1", ".import-old"]
    left = {path.name for path in store.places.runs.iterdir()} - {".names.lock"}
    assert left == {run.id, ".import-busy", ".import-new", ".other", ".import-file", ".import-link"}
    assert store.find("mine").record().config == config_of()
    assert store.sweep_leftovers() == []


def test_a_home_without_runs_has_nothing_to_sweep(store):
    assert store.sweep_leftovers() == []


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
        run.write_status(Status(state, handle=own_handle(), heartbeat=time.time()))
        with pytest.raises(RunBusy, match="stop it first"):
            store.delete(run)
        with pytest.raises(RunBusy, match="stop it first"):
            run.reset()
    run.write_status(Status(RUNNING, heartbeat=time.time() - 3600))  # its process died long ago
    store.delete(run)
    assert store.own() == []


def test_store_finds_runs_of_its_own_home_only(store, tmp_path):
    run = store.create(config_of(), "here")
    elsewhere = Store(Places(tmp_path / "elsewhere", tmp_path))
    assert elsewhere.all() == []
    with pytest.raises(RunNotFound):
        elsewhere.find(run.id)


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
