"""Whoever reads a file of a home gets a value of the type it says, or a sentence: whatever the file holds.

The files are those of a trained run, each in turn replaced by JSON of wrong types, by damaged bytes or by a folder.
"""

import dataclasses
import json
import random
import shutil
from datetime import datetime

import numpy as np
import pytest
from helpers import config_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vae_core.config import RunConfig
from vae_core.data.imageset import ImageSet, read_images, read_meta
from vae_core.data.registry import list_specs
from vae_core.errors import VaeCoreError
from vae_core.evaluation.last_epoch import last_epoch
from vae_core.events import KINDS, EpochDone, StepDone, Terms, from_line
from vae_core.export.browser import browser_decoder
from vae_core.inference import codes_bytes, compute_codes, load_run, stored_codes
from vae_core.reading import DEEPEST, moment, number, parse_json, plain, text, texts, whole
from vae_core.runs.groups import read_groups, write_group
from vae_core.runs.marks import Marks, read_marks, write_marks
from vae_core.runs.record import STATES, Record, Status
from vae_core.runs.store import Store
from vae_core.sweep import sweeps

# few examples, and the same ones every time: what the suite finds on one machine it finds on all
fuzz = settings(
    max_examples=60, derandomize=True, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from([10**400, -1, 2**63, "", "0", "../x", "\x00", "\ud800", "NaN", 1e308, "a" * 5_000]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
WHOLE = st.sampled_from(
    [b"", b"{", b"[]", b"null", b"7", b"\x00" * 50, b"\xff\xfe{\x00}\x00", b"[" * 100_000, b"9" * 9_000]
)


def changed(raw, value, where):
    """`raw` with the value at one place, chosen by `where`, replaced; None takes it away."""
    choose = random.Random(where)
    raw = json.loads(json.dumps(raw))
    holder, key = [raw], 0
    while (
        isinstance(holder[key], (dict, list))
        and holder[key]
        and (holder[key] is raw or choose.random() < 0.8)
    ):
        holder = holder[key]
        key = choose.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
    if value is None and isinstance(holder, dict) and choose.random() < 0.5:
        del holder[key]
    else:
        holder[key] = value
    return raw


def as_bytes(raw):
    return json.dumps(raw).encode("utf-8", "surrogatepass")


def damaged(content, where):
    """Bytes with some turned over, or cut."""
    choose, content = random.Random(where), bytearray(content)
    if choose.random() < 0.3:
        return bytes(content[: choose.randrange(len(content) + 1)])
    for _ in range(choose.randint(1, 4)):
        content[choose.randrange(len(content))] = choose.randrange(256)
    return bytes(content)


def either(call):
    """What `call` gives; None where it refuses in a sentence."""
    refusal = "said"
    try:
        return call()
    except VaeCoreError as error:
        refusal = str(error)
        return None
    finally:
        assert 0 < len(refusal) < 2_000


def shown(value):
    """A text that pages, terminals and JSON can carry."""
    assert isinstance(value, str)
    assert "\x00" not in value
    return value.encode()


def check_status(status):
    assert type(status) is Status
    assert status.state in STATES
    for name in ("heartbeat", "images_per_second", "queued", "born"):
        assert type(getattr(status, name)) is float
        assert np.isfinite(getattr(status, name))
    for name in ("step", "steps_total", "epoch", "epochs", "control"):
        assert type(getattr(status, name)) is int
    assert status.eta is None or (type(status.eta) is float and 0 <= status.eta < np.inf)
    shown(status.error)
    shown(status.note)
    json.dumps(dataclasses.asdict(status), allow_nan=False, indent=1)
    assert status.progress >= 0


def check_record(record):
    assert type(record) is Record
    assert isinstance(record.config, RunConfig)
    assert isinstance(record.effective, RunConfig)
    assert record.created is None or isinstance(record.created, datetime)
    assert record.shape is None or len(record.shape) == 3
    for said in (record.name, record.group, *record.warnings):
        shown(said)
    json.dumps([record.machine, record.data], allow_nan=False, indent=1)


# ---------------------------------------------------------------- values


@fuzz
@given(VALUES)
def test_a_value_is_of_its_type_or_unknown(value):
    assert type(whole(value)) is int
    assert 0 <= whole(value) <= 2**53
    assert type(number(value)) is float
    assert np.isfinite(number(value))
    shown(text(value))
    for one in texts(value):
        shown(one)
    found = moment(value)
    assert found is None or 1970 <= found.year < 2200
    if plain(value):
        json.dumps(value, allow_nan=False, indent=1).encode()


def test_json_is_strict_and_of_bounded_depth():
    assert parse_json(b'\xef\xbb\xbf{"a": [1, "[[[", "\\"]"]}') == {"a": [1, "[[[", '"]']}
    assert parse_json("[" * DEEPEST + "]" * DEEPEST)
    for bad in ("[NaN]", "[-Infinity]", "[" * 51 + "]" * 51, '{"a":' * 1_000, b"\xff", "", "9" * 5_000):
        with pytest.raises(ValueError):
            parse_json(bad)


# ---------------------------------------------------------------- a run's own files


@pytest.fixture
def run(store):
    return store.create(config_of(), "one", group="sweep")


@fuzz
@given(VALUES, st.integers(), st.booleans())
def test_any_status_is_read_and_any_list_of_runs_goes_on(run, value, where, alone):
    path = run.path / "status.json"
    raw = dataclasses.asdict(Status()) | {"handle": {"launcher": "local", "job": {"pid": 1, "started": 1.5}}}
    path.write_bytes(as_bytes(value if alone else changed(raw, value, where)))
    check_status(run.status())
    either(run.read_status)
    run.update_status(state="queued", handle=None)  # it can be put right
    assert run.read_status().state == "queued"


@fuzz
@given(VALUES, st.integers())
def test_any_settings_are_read_or_refused(run, value, where):
    path = run.path / "config.json"
    whole_record = dataclasses.replace(
        run.record(),
        machine={"torch": "2"},
        data={"shape": [1, 16, 16], "images": 90, "label_names": ["a", "b"]},
    )
    run.write_record(whole_record)
    before = path.read_bytes()
    path.write_bytes(as_bytes(changed(json.loads(before), value, where)))
    record = either(run.record)
    if record is not None:
        check_record(record)
        run.write_record(record)
        assert run.record() == dataclasses.replace(record, warnings=())
    assert [r.id for r in run.places and Store(run.places).own()] == [run.id]
    sweeps(Store(run.places))
    path.write_bytes(before)


@pytest.fixture
def logged(copied):
    """A run with a real log, and that log's lines."""
    return copied, (copied.path / "events.jsonl").read_bytes().splitlines()


@fuzz
@given(VALUES, st.integers())
def test_any_log_is_read_and_its_events_are_of_their_types(logged, value, where):
    run, lines = logged
    choose = random.Random(where)
    some = choose.sample(lines, min(len(lines), 30))
    odd = [as_bytes(changed(json.loads(line), value, where + i)) for i, line in enumerate(some[:15])]
    (run.path / "events.jsonl").write_bytes(b"\n".join([*some, *odd, damaged(some[0], where)]) + b"\n")
    history = run.history()
    assert history
    for event in history:
        assert type(event) in KINDS.values()
        assert type(event.step) is int
        if isinstance(event, StepDone):
            assert all(
                type(v) is float
                for v in (event.terms.loss, event.learning_rate, *event.terms.values.values())
            )
        if isinstance(event, EpochDone):
            assert type(event.validation) is Terms
            assert all(type(v) is float for v in event.validation.kl_per_dim)
    assert last_epoch(run) is None or isinstance(last_epoch(run), EpochDone)
    run.epoch_codes()


@fuzz
@given(VALUES, st.integers())
def test_any_requests_and_notes_are_read(run, value, where):
    run.notes.mkdir(parents=True, exist_ok=True)
    one = {"number": 1, "name": "beta", "value": 2.0}
    (run.path / "control.jsonl").write_bytes(
        as_bytes(changed(one, value, where)) + b"\n" + as_bytes(value) + b"\n"
    )
    for command in run.requests():
        assert type(command.number) is int
        assert isinstance(command.name, str)
    write_marks(run, Marks({0: "tilt"}, ((0.0, 1.0, 2.0),)))
    marks = json.loads((run.notes / "deck.json").read_text())
    (run.notes / "deck.json").write_bytes(as_bytes(changed(marks, value, where)))
    found = read_marks(run)
    for name in found.names.values():
        shown(name)
    assert all(len(code) == 3 for code in found.bookmarks)
    groups = {"format": 1, "groups": {"a": [1, 2, 3]}}
    (run.notes / "groups.json").write_bytes(as_bytes(changed(groups, value, where)))
    for name, images in read_groups(run).items():
        shown(name)
        assert images.dtype == np.int64
    (run.notes / "note.txt").write_bytes(as_bytes(value))
    shown(run.note())


# ---------------------------------------------------------------- every file, as bytes or as a folder


def read_everything(run):
    """Every reader of a run; each gives its type or a sentence."""
    check_status(run.status())
    if (record := either(run.record)) is not None:
        check_record(record)
    shown(run.note())
    for event in run.history():
        assert type(event) in KINDS.values()
    run.requests()
    for point in run.live_points():
        assert isinstance(from_line(point), StepDone)
    run.epoch_codes()
    assert run.picture() is None or run.picture().startswith(b"\x89PNG")
    last_epoch(run)
    for call in (run.arrays, run.stamp, run.resume_state, run.initial_weights, lambda: load_run(run)):
        either(call)
    if record is not None:
        either(lambda: read_marks(run))
        either(lambda: read_groups(run))
        either(lambda: stored_codes(run))
        either(lambda: browser_decoder(record, run.arrays()))
    store = Store(run.places)
    store.readable()
    store.names()
    sweeps(store)


@pytest.fixture
def full(copied, digits):
    """A run with every file that a run may have, and what each holds."""
    codes = compute_codes(copied, load_run(copied), digits)
    (copied.path / "codes.npz").write_bytes(codes_bytes(codes, copied.stamp()))
    copied.write_note("words")
    write_marks(copied, Marks({0: "tilt"}))
    write_group(copied, "some", np.arange(5))
    (copied.path / "control.jsonl").write_text('{"number": 1, "name": "pause", "value": null}\n')
    lines = (copied.path / "events.jsonl").read_bytes().splitlines()
    step = next(line for line in lines if b'"event":"step"' in line)
    (copied.path / "live.json").write_bytes(b'{"points": [' + step + b"]}")
    shutil.copyfile(copied.path / "model.safetensors", copied.path / "initial.safetensors")
    files = [
        p
        for p in [*copied.path.iterdir(), *copied.notes.iterdir()]
        if p.is_file() and not p.name.startswith(".")
    ]
    files.append(max((copied.path / "codes").iterdir()))
    files.append(max(copied.places.derived.rglob("codes-test.npz")))
    return copied, {path: path.read_bytes() for path in files}


def test_every_file_is_named_here(full):
    """A new kind of file of a run joins this file's readers."""
    run, files = full
    assert {path.name for path in files if path.parent == run.path} == {
        "config.json", "status.json", "events.jsonl", "control.jsonl", "model.safetensors", "resume.safetensors",
        "initial.safetensors", "thumbnail.png", "codes.npz", "live.json",
    }  # fmt: skip


def test_any_file_may_be_anything(full):
    run, files = full
    for path, content in files.items():
        for seed in range(6):
            path.write_bytes(damaged(content, seed))
            read_everything(run)
        for odd in (b"", b"\x00" * 64, b"[" * 20_000, b"null"):
            path.write_bytes(odd)
            read_everything(run)
        path.unlink()
        path.mkdir()
        read_everything(run)
        path.rmdir()
        read_everything(run)
        path.write_bytes(content)
    read_everything(run)


@fuzz
@given(st.integers(), WHOLE)
def test_damaged_tensors_and_arrays_are_refused_in_a_sentence(full, where, odd):
    run, files = full
    choose = random.Random(where)
    path = choose.choice([p for p in files if p.suffix in (".safetensors", ".npz")])
    path.write_bytes(damaged(files[path], where) if choose.random() < 0.9 else odd)
    for call in (run.arrays, run.resume_state, run.initial_weights, lambda: load_run(run)):
        either(call)
    codes = either(lambda: stored_codes(run))
    assert codes is None or codes.mean.shape == (len(codes.index), 4)
    run.epoch_codes()
    path.write_bytes(files[path])


# ---------------------------------------------------------------- a home's datasets


@fuzz
@given(VALUES, st.integers(), st.booleans())
def test_any_dataset_of_ones_own_is_read_or_refused_and_hides_no_other(places, value, where, description):
    folder = places.datasets / "tiny" / "16"
    path = folder / "meta.json" if description else random.Random(where).choice(sorted(folder.glob("*.npy")))
    before = path.read_bytes()
    path.write_bytes(
        as_bytes(changed(json.loads(before), value, where)) if description else damaged(before, where)
    )
    assert read_meta(folder) is None or isinstance(read_meta(folder), dict)
    data = either(lambda: read_images(folder))
    if data is not None:
        assert isinstance(data, ImageSet)
        for said in (
            data.name,
            data.title,
            data.fingerprint,
            *data.label_names,
            *data.factor_names,
            *data.notes,
        ):
            shown(said)
        shown(data.label_of(len(data) - 1))
    assert "digits" in [spec.name for spec in list_specs(places)]
    path.write_bytes(before)
