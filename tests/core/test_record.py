import dataclasses
import json
import os
import shutil
from datetime import UTC, datetime

import pytest
from helpers import config_of

from vae_core.config import RunConfig
from vae_core.errors import BadRun, RunNotFound
from vae_core.options import to_json
from vae_core.runs import record as record_module
from vae_core.runs.gone import mark_if_gone
from vae_core.runs.launchers import Handle, is_alive
from vae_core.runs.launchers.local import own_handle
from vae_core.runs.record import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    STOPPED,
    Status,
    status_from_json,
    status_to_json,
)
from vae_core.runs.run import LONGEST_NOTE, Run
from vae_core.training.defaults import settled


def test_a_folder_without_a_status_counts_as_interrupted(store):
    run = store.create(config_of())
    (run.path / "status.json").unlink()
    assert run.status().state == INTERRUPTED
    assert Run(run.path, store.places, read_only=True).status().state == FINISHED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"state": "running", "colour": 1}',
        "null",
        "{}",
        '{"state": "flying"}',
        '{"state": []}',
    ],
)
def test_a_damaged_status_is_read_without_raising(store, text):
    run = store.create(config_of())
    (run.path / "status.json").write_text(text)
    status = run.status()
    if "colour" in text:
        assert status == Status(RUNNING)  # of a newer version
    else:
        assert status.state == FAILED
        assert "status.json cannot be read" in status.error


def test_what_is_no_number_or_text_in_a_status_counts_as_unknown(store):
    run = store.create(config_of())
    wrong = {"state": "queued", "step": "3", "steps_total": -1, "epoch": 2.5, "epochs": True, "eta": [], "heartbeat": "now",
             "images_per_second": 10**400, "control": None, "error": {}, "note": 7, "queued": "x", "born": None}  # fmt: skip
    (run.path / "status.json").write_text(json.dumps(wrong))
    assert run.status() == Status(QUEUED)


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
        *(_without(key) for key in ("format", "name", "config")),
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
        _with("name", "a" * 200),
        _with("config", {"data": {"dataset": "../x"}}),
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


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("created", "yesterday", None), ("created", 7, None), ("created", "0001-01-01", None),
        ("created", "2026-11-23T07:40:14+02:00", datetime(2026, 11, 23, 5, 40, 14, tzinfo=UTC)),
        ("created", "2026-11-23T07:40:14", datetime(2026, 11, 23, 7, 40, 14, tzinfo=UTC)),
        ("group", 3, ""), ("group", "a\ud800b", "a?b"), ("machine", [1], {}),
        ("machine", {"torch": "2", "odd": {"a": {"b": 1}}, "nan": 1}, {"torch": "2", "nan": 1}),
    ],
)  # fmt: skip
def test_what_a_run_says_beside_its_settings_is_of_its_type_or_unknown(store, key, value, kept):
    run = store.create(config_of(), "odd")
    raw = json.loads((run.path / "config.json").read_text())
    raw[key] = value
    (run.path / "config.json").write_text(json.dumps(raw))
    assert getattr(run.record(), key) == kept
    del raw[key]
    (run.path / "config.json").write_text(json.dumps(raw))
    assert getattr(run.record(), key) in (None, "", {})


def test_what_a_run_remembers_of_its_images_is_of_its_type_or_unknown(store):
    run = store.create(config_of(), "odd")
    raw = json.loads((run.path / "config.json").read_text())
    raw["data"] = {
        "shape": [1, 16, 16], "images": "many", "label_names": [1, 2], "factor_names": ["x", "y"], "title": None,
        "fingerprint": 7, "more": "x",
    }  # fmt: skip
    (run.path / "config.json").write_text(json.dumps(raw))
    assert run.record().data == {"shape": [1, 16, 16], "factor_names": ["x", "y"]}
    assert run.record().shape == (1, 16, 16)


def test_a_note_that_is_no_text_is_read_all_the_same(store):
    run = store.create(config_of())
    assert run.note() == ""
    run.write_note("a β-VAE, \ud800")
    assert run.note() == "a β-VAE, ?"
    (run.notes / "note.txt").write_bytes(b"caf\xe9\x00")
    assert run.note() == "caf\ufffd\ufffd"
    (run.notes / "note.txt").write_bytes(b"x" * 1_000_000)
    assert len(run.note()) == LONGEST_NOTE
    (run.notes / "note.txt").unlink()
    (run.notes / "note.txt").mkdir()
    assert run.note() == ""


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '"x"', "{", "null", "\x00", '{"format": NaN}', "[" * 100_000]
)
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


def test_a_run_of_before_images_were_augmented_goes_on_without(store):
    run = store.create(config_of(dataset="tiny"))
    path = run.path / "config.json"
    raw = json.loads(path.read_text())
    raw["resolved"] = raw["config"]
    for settings in (raw["config"], raw["resolved"]):
        for group, name in (
            ("data", "augment"),
            ("training", "most_minutes"),
            ("training", "continued_rates"),
        ):
            settings[group].pop(name, None)
    path.write_text(json.dumps(raw))
    record = run.record()
    assert record.warnings == ()
    assert settled(record.effective)
    assert (record.effective.data.augment, record.config.data.augment) == ("none", "none")
    assert record.effective.training.continued_rates == ()


def test_settings_are_parsed_once_and_again_when_the_file_has_changed(store, monkeypatch):
    run, parsed = store.create(config_of(), "first"), []
    os.utime(
        run.path / "config.json", (1e9 + 0.5,) * 2
    )  # one that was written just now might be replaced unnoticed
    migrate = record_module.migrate
    monkeypatch.setattr(record_module, "migrate", lambda raw: parsed.append(1) or migrate(raw))
    assert {Run(run.path, run.places).name for _ in range(5)} == {"first"}
    assert len(parsed) == 1
    store.rename(run, "other")
    assert run.name == "other"
    assert len(parsed) == 2
    shutil.rmtree(run.path)
    with pytest.raises(RunNotFound):
        run.record()


def test_a_status_is_read_back_as_it_was_written(store):
    run = store.create(config_of())
    status = Status(RUNNING, Handle("somewhere", {"id": "a-7", "node": 3}), heartbeat=1.5, step=3, eta=2.5)
    run.write_status(status)
    assert run.status() == status
    assert status_from_json(status_to_json(status)) == status


def test_a_status_of_before_there_were_launchers_names_a_process_of_this_machine(store):
    run = store.create(config_of())
    me = own_handle()
    earlier = {"state": "running", "pid": me.job["pid"], "process_started": me.job["started"], "step": 3}
    (run.path / "status.json").write_text(json.dumps(earlier))
    assert run.status() == Status(RUNNING, me, step=3)
    assert not mark_if_gone(run)
    (run.path / "status.json").write_text(json.dumps(earlier | {"process_started": 1.0}))
    assert mark_if_gone(run)
    ended = {"state": "finished", "pid": 0, "process_started": 0.0}
    (run.path / "status.json").write_text(json.dumps(ended))
    assert run.status() == Status(FINISHED)


@pytest.mark.parametrize(
    "handle", [7, "local", ["local"], {"launcher": "local"}, {"launcher": "local", "job": 3}]
)
def test_a_damaged_handle_is_a_status_that_cannot_be_read(store, handle):
    run = store.create(config_of())
    (run.path / "status.json").write_text(json.dumps({"state": "running", "handle": handle}))
    status = run.status()
    assert status.state == FAILED
    assert "status.json cannot be read" in status.error


@pytest.mark.parametrize("job", [{}, {"pid": "7", "started": 1.0}, {"pid": -1, "started": 1.0}, {"pid": 7}])
def test_a_local_handle_that_names_no_process_is_not_alive(job):
    assert not is_alive(Handle("local", job))
