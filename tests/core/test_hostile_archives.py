"""An archive may come from anyone: it is imported whole, or refused in one sentence that leaves nothing behind."""

import bz2
import io
import json
import lzma
import os
import stat
import struct
import zipfile
import zlib

import numpy as np
import pytest

from vae_core.errors import BadName, BadRun, VaeCoreError
from vae_core.export import archive as archive_module
from vae_core.export import unpacking
from vae_core.export.archive import archive, unarchive
from vae_core.inference import compute_codes, load_run, stored_codes
from vae_core.places import Places
from vae_core.runs.marks import read_marks
from vae_core.runs.record import FAILED, FINISHED
from vae_core.runs.store import Store

MEMBERS = (
    "config.json",
    "status.json",
    "events.jsonl",
    "model.safetensors",
    "thumbnail.png",
    "notes/note.txt",
)


@pytest.fixture
def other(tmp_path):
    """Another home, to bring archives to."""
    return Store(Places(tmp_path / "other", tmp_path / "other"))


@pytest.fixture
def whole(copied, tmp_path):
    """What a good archive holds, by name."""
    copied.write_note("words")
    archive(copied, tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as zf:
        return {name: zf.read(name) for name in MEMBERS} | {
            "resume.safetensors": zf.read("resume.safetensors")
        }


def packed(members, more=()):
    """Members by name, then `more` as (name or ZipInfo, content): names may come twice."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zf:
        for name, content in [*members.items(), *more]:
            if content is not None:
                zf.writestr(name, content)
    return buffer.getvalue()


def with_(**members):
    """The archive with some members replaced or added; None leaves one out."""
    return lambda whole: packed(whole | members)


def and_(*more):
    return lambda whole: packed(whole, more)


def says(**values):
    """The archive with values of config.json changed, by dotted names; ... takes a key away."""

    def make(whole):
        raw = json.loads(whole["config.json"])
        for dotted, value in values.items():
            *heads, last = dotted.split("__")
            holder = raw
            for head in heads:
                holder = holder[head]
            if value is ...:
                del holder[last]
            else:
                holder[last] = value
        return packed(whole | {"config.json": json.dumps(raw)})

    return make


def info(name, mode=stat.S_IFREG | 0o644, method=zipfile.ZIP_DEFLATED):
    made = zipfile.ZipInfo(name)
    made.external_attr, made.compress_type = mode << 16, method
    return made


def by_method(method):
    return lambda whole: packed({n: c for n, c in whole.items() if n != "notes/note.txt"}, [(info("notes/note.txt", method=method), b"x" * 99)])  # fmt: skip


def places_of(raw, name):
    """Where the local and the central header of a member begin."""
    with zipfile.ZipFile(io.BytesIO(raw)) as zf:
        local, central = zf.getinfo(name).header_offset, zf.start_dir
    while raw[central + 46 : central + 46 + len(name)] != name.encode():
        central = raw.index(b"PK\x01\x02", central + 4)
    return local, central


def header(name, local, central, content):
    """The archive with bytes at offsets of a member's two headers replaced."""

    def make(whole):
        raw = bytearray(packed(whole))
        at = places_of(bytes(raw), name)
        for start, offset in zip(at, (local, central), strict=True):
            raw[start + offset : start + offset + len(content)] = content
        return bytes(raw)

    return make


def flipped(name):
    """The archive with bytes in the middle of a member's compressed data turned over."""

    def make(whole):
        raw = bytearray(packed(whole))
        with zipfile.ZipFile(io.BytesIO(raw)) as zf:
            member = zf.getinfo(name)
        start = member.header_offset + 30 + len(name) + member.compress_size // 2
        raw[start : start + 8] = bytes(b ^ 0xFF for b in raw[start : start + 8])
        return bytes(raw)

    return make


def raw_method(method, squeeze):
    """A member said to be packed by a method that nobody writes here."""

    def make(whole):
        raw = packed(
            {n: c for n, c in whole.items() if n != "notes/note.txt"},
            [("notes/note.txt", squeeze(b"x" * 99))],
        )
        changed = bytearray(raw)
        for start, offset in zip(places_of(raw, "notes/note.txt"), (8, 10), strict=True):
            changed[start + offset : start + offset + 2] = struct.pack("<H", method)
        return bytes(changed)

    return make


def renamed_in_directory(whole):
    raw = bytearray(packed(whole))
    _, central = places_of(bytes(raw), "notes/note.txt")
    raw[central + 46 : central + 60] = b"notes/last.txt"
    return bytes(raw)


def tensors(head):
    """The archive with weights whose header is that text."""
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return with_(**{"model.safetensors": struct.pack("<Q", len(text)) + text})


BIG = 10**5_000
BAD = {
    # no whole .zip
    "empty": (lambda w: b"", "no whole .zip"),
    "no zip": (lambda w: b"hello" * 100, "no whole .zip"),
    "cut at the end": (lambda w: packed(w)[:-200], "no whole .zip"),
    "cut in the middle": (lambda w: packed(w)[: len(packed(w)) // 2], "no whole .zip"),
    "a directory that begins nowhere": (lambda w: packed(w)[:-6] + b"\xff\xff\xff\x7f\x00\x00", "cannot be imported"),
    "a gzip": (lambda w: zlib.compress(packed(w)), "no whole .zip"),
    "flipped bytes in the weights": (flipped("model.safetensors"), r"model.safetensors cannot be unpacked"),
    "flipped bytes in the settings": (flipped("config.json"), r"config.json cannot be unpacked"),
    "a wrong CRC": (header("config.json", 14, 16, b"abcd"), "Bad CRC"),
    "a name that is no UTF-8": (header("notes/note.txt", 30, 46, b"notes/\xff\xfe"), "part of a run|UTF-8"),
    "another name in the directory than before the file": (renamed_in_directory, "differ"),
    # members as no run has them
    "lzma": (by_method(zipfile.ZIP_LZMA), "packed by lzma"),
    "bzip2": (by_method(zipfile.ZIP_BZIP2), "packed by bzip2"),
    "broken lzma": (raw_method(14, lambda c: b"\x09\x04\x05\x00" + lzma.compress(c)[:20]), "packed by lzma"),
    "broken bzip2": (raw_method(12, lambda c: bz2.compress(c)[:10]), "packed by bzip2"),
    "deflate64": (raw_method(9, lambda c: c), "packed by deflate64"),
    "an unknown method": (raw_method(77, lambda c: c), "packed by method 77"),
    "encrypted": (header("notes/note.txt", 6, 8, b"\x01\x00"), "encrypted"),
    "a link": (and_((info("notes/link", stat.S_IFLNK | 0o777), "/etc/passwd")), "holds a link"),
    "a link in place of the settings": (
        lambda w: packed({n: c for n, c in w.items() if n != "config.json"}, [(info("config.json", stat.S_IFLNK), "/etc/passwd")]),
        "holds a link",
    ),
    "a device": (and_((info("notes/null", stat.S_IFCHR | 0o666), "")), "no plain file"),
    "a pipe": (and_((info("notes/pipe", stat.S_IFIFO | 0o666), "")), "no plain file"),
    # names
    "a path upwards": (and_(("../evil.txt", "x")), "leads outside"),
    "a path upwards inside": (and_(("notes/../../evil.txt", "x")), "leads outside"),
    "an absolute path": (and_(("/tmp/evil.txt", "x")), "absolute path"),
    "a drive": (and_(("C:/evil.txt", "x")), "absolute path"),
    "a backslash": (and_((info("notes\\evil.txt"), "x")), "no part of a run"),
    "a stranger": (and_(("setup.py", "x")), "no part of a run"),
    "a stranger among the pictures": (and_(("snapshots/run.sh", "x")), "no part of a run"),
    "a folder among the pictures": (and_(("snapshots/a/b.png", "x")), "no part of a run"),
    "a folder of its own": (and_(("lib/", "")), "no part of a run"),
    "requests": (and_(("control.jsonl", "{}")), "no part of a run"),
    "a name that is nothing": (and_((".", "x")), "no part of a run"),
    "a name of nothing but slashes": (and_(("notes//x", "x")), "no part of a run"),
    "a name of control characters": (and_(("notes/a\nb\x1b[31m", "x")), "no part of a run"),
    "a name too long for a disk": (and_(("notes/" + "a" * 300, "x")), "no part of a run"),
    "folders without end": (and_(("notes/" + "a/" * 900 + "b", "x")), "no part of a run"),
    "a name that Windows reads as a device": (and_(("notes/NUL.txt", "x")), "no part of a run"),
    "a stream of another file": (and_(("notes/note.txt:evil", "x")), "no part of a run"),
    "a file twice": (and_(("config.json", "{}")), "twice"),
    "a note twice": (and_(("notes/note.txt", "others")), "twice"),
    "names that differ in case": (and_(("notes/Note.TXT", "x")), "differs in case"),
    "names that differ in how an accent is written": (and_(("notes/\u00e9", "x"), ("notes/e\u0301", "x")), "differs"),
    "notes that are a file": (lambda w: packed(w | {"notes/note.txt": None}, [("notes", "x")]), "no part of a run"),
    "pictures that are a file": (and_(("snapshots", "x")), "no part of a run"),
    "a file where a folder is": (and_(("notes/a/b", "x"), ("notes/a", "x")), "as a file and as a folder"),
    "a folder where a file is": (and_(("notes/a", "x"), ("notes/a/", "")), "as a file and as a folder"),
    "a folder named as the settings": (with_(**{"config.json": None, "config.json/": ""}), "no part of a run"),
    "settings that are a folder of files": (with_(**{"config.json": None, "config.json/x": "x"}), "no part of a run"),
    # settings
    "nothing": (lambda w: packed({}), "no config.json"),
    "without settings": (with_(**{"config.json": None}), "no config.json"),
    "settings that are none": (with_(**{"config.json": "[]"}), "no settings"),
    "settings that are no JSON": (with_(**{"config.json": "{"}), "config.json"),
    "settings nested without end": (with_(**{"config.json": "[" * 200_000}), "nested too deep"),
    "objects nested without end": (with_(**{"config.json": '{"a":' * 100_000}), "nested too deep"),
    "a number without end": (with_(**{"config.json": f'{{"format": {"9" * 5_000}}}'}), "config.json"),
    "NaN": (with_(**{"config.json": '{"format": NaN}'}), "NaN is no JSON"),
    "bytes that are no text": (with_(**{"config.json": b"\xff\xfe\x00"}), "config.json"),
    "settings of the future": (says(format=99), "newer"),
    "a format that is a huge number": (says(format=10**400), "newer"),
    "a format that is none": (says(format="1"), "newer"),
    "settings out of bounds": (says(config__model__latent_dim=10_000), "latent_dim"),
    "a setting that is a huge number": (says(config__training__epochs=10**400), "finite"),
    "a setting of another type": (says(config__training=7), "training"),
    "a choice that is a list": (says(config__model__architecture=[]), "architecture"),
    "a choice whose name is a list": (says(config__model__architecture={"name": []}), "architecture"),
    "an unknown model": (says(config__model__architecture={"name": "transformer"}), "transformer"),
    "a resolved that is text": (says(resolved="x"), "RunConfig"),
    "a dataset that is a path": (says(config__data__dataset="../../evil"), "evil"),
    "a dataset with a NUL": (says(resolved__data__dataset="a\0b"), "cannot name a dataset"),
    "a name that is a path": (says(name="../evil"), "evil"),
    "a name that is a number": (says(name=7), "cannot name a run"),
    "a name without end": (says(name="a" * 100_000), "cannot name a run"),
    "no name": (says(name=...), "cannot name a run"),
    "images that are text": (says(data="abc"), "shape"),
    "images of no run": (says(data={"shape": [9, 9]}), "shape"),
    "images whose shape holds lists": (says(data={"shape": [[], {}, []]}), "shape"),
    "images of a huge side": (says(data={"shape": [1, 10**9, 10**9]}), "shape"),
    # weights
    "weights that do not fit": (says(resolved__model__latent_dim=9), "do not fit"),
    "weights that are none": (with_(**{"model.safetensors": b"\x00" * 99}), "damaged"),
    "weights of nothing": (with_(**{"model.safetensors": b""}), "damaged"),
    "weights that claim a huge header": (with_(**{"model.safetensors": b"\xff" * 16}), "damaged"),
    "weights whose header is nested without end": (tensors(b'{"a":' * 50_000), "damaged"),
    "weights beyond the file": (
        tensors({"last/a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}}), "damaged",
    ),
    "weights of negative shape": (
        tensors({"last/a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}), "damaged",
    ),
    "weights with no tensor": (tensors({}), "fit"),
    "a damaged checkpoint to go on from": (with_(**{"resume.safetensors": b"\x00" * 99}), "damaged"),
    "weights, but no word of the images": (says(data={}), None),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_there_are_many_and_each_differs(whole):
    made = {name: make(whole) for name, (make, _) in BAD.items()}
    assert len(set(made.values())) == len(made) >= 40


@pytest.mark.parametrize(("make", "words"), BAD.values(), ids=BAD.keys())
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_bad_archive_is_refused_in_a_sentence_and_leaves_nothing(whole, other, make, words, tmp_path):
    content = make(whole)
    before = sorted(str(p) for p in tmp_path.rglob("*"))
    with pytest.raises(BadRun, match=words) as caught:
        unarchive(io.BytesIO(content), other)
    said = str(caught.value)
    assert said.startswith("this archive cannot be imported: ")
    assert len(said) < 700
    assert said.isprintable()
    assert ".import-" not in said
    assert list(other.places.runs.iterdir()) == []
    assert not other.places.notes.exists()
    assert sorted(str(p) for p in tmp_path.rglob("*") if other.places.home not in (p, *p.parents)) == before


def test_a_name_that_was_asked_for_is_refused_as_such(whole, other):
    with pytest.raises(BadName, match="cannot name a run"):
        unarchive(io.BytesIO(packed(whole)), other, "../x")
    assert [p for p in other.places.runs.iterdir() if p.is_dir()] == []
    assert not other.places.notes.exists() or not list(other.places.notes.iterdir())


# ---------------------------------------------------------------- bombs


def written(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_bomb_is_stopped_while_it_unpacks(whole, other, monkeypatch):
    bomb = packed(whole | {"events.jsonl": b"\x00" * 9_000_000})
    assert len(bomb) < len(packed(whole)) + 20_000
    monkeypatch.setattr(unpacking, "MOST_BYTES", 2_500_000)
    most, real = [], unpacking._next_block

    def counted(stream, name):
        most.append(written(other.places.runs))
        return real(stream, name)

    monkeypatch.setattr(unpacking, "_next_block", counted)
    with pytest.raises(BadRun, match="unpacks to more than"):
        unarchive(io.BytesIO(bomb), other)
    assert max(most) <= 2_500_000
    assert list(other.places.runs.iterdir()) == []


def test_too_many_files_are_refused_before_one_is_written(whole, other, monkeypatch):
    monkeypatch.setattr(unpacking, "MOST_FILES", 5)
    monkeypatch.setattr(unpacking, "_next_block", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(BadRun, match="more than 5 files"):
        unarchive(io.BytesIO(packed(whole)), other)


@pytest.mark.parametrize("claimed", [0, 10, 2**31 - 1])
def test_the_size_an_archive_claims_is_not_believed(whole, other, monkeypatch, claimed):
    """A member whose header says another size than it has."""
    make = header("events.jsonl", 22, 24, struct.pack("<I", claimed))
    monkeypatch.setattr(unpacking, "MOST_BYTES", 900_000)
    with pytest.raises(BadRun, match="cannot be imported"):
        unarchive(io.BytesIO(make(whole | {"events.jsonl": b"\x00" * 1_000_000})), other)
    assert list(other.places.runs.iterdir()) == []


def test_members_that_overlap_are_counted_each(whole, other, monkeypatch):
    """A second entry of the directory that points at the same bytes: refused, or counted twice."""
    raw = bytearray(packed(whole | {"events.jsonl": b"\x00" * 600_000}, [("notes/more.txt", "x")]))
    events, _ = places_of(bytes(raw), "events.jsonl")
    _, central = places_of(bytes(raw), "notes/more.txt")
    _, model = places_of(bytes(raw), "events.jsonl")
    raw[central + 16 : central + 28] = raw[model + 16 : model + 28]
    raw[central + 42 : central + 46] = struct.pack("<I", events)
    monkeypatch.setattr(unpacking, "MOST_BYTES", 1_000_000)
    with pytest.raises(BadRun, match="cannot be imported"):
        unarchive(io.BytesIO(bytes(raw)), other)


def test_settings_of_many_megabytes_are_not_parsed(whole, other, monkeypatch):
    monkeypatch.setattr(unpacking, "MOST_JSON_BYTES", 1_000_000)
    with pytest.raises(BadRun, match=r"status.json is larger than 1 MB"):
        unarchive(io.BytesIO(packed(whole | {"status.json": b" " * 3_000_000})), other)


def test_a_full_disk_is_no_fault_of_the_archive(whole, other, monkeypatch):
    def full(work, store, name):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(archive_module, "_take_in", full)
    with pytest.raises(
        VaeCoreError, match=r"No space left on device\. Nothing was imported; make room"
    ) as caught:
        unarchive(io.BytesIO(packed(whole)), other)
    assert not isinstance(caught.value, BadRun)
    assert list(other.places.runs.iterdir()) == []


def test_any_fault_at_all_is_a_sentence(whole, other, monkeypatch):
    for fault in (
        RecursionError("deep"),
        MemoryError(),
        TypeError("x"),
        lzma.LZMAError("y"),
        FileExistsError("z"),
    ):
        monkeypatch.setattr(archive_module, "load_run", lambda run, fault=fault: (_ for _ in ()).throw(fault))
        with pytest.raises(BadRun, match="this archive cannot be imported"):
            unarchive(io.BytesIO(packed(whole)), other)
    assert list(other.places.runs.iterdir()) == []


# ---------------------------------------------------------------- odd, but a run

ODD = {
    "a date that is none": says(created="yesterday"),
    "a date without end": says(created="9" * 5_000),
    "no date": says(created=...),
    "a group that is a list": says(group=[1]),
    "a machine that is text": says(machine="mine"),
    "labels that are numbers": says(data__label_names=[1, 2, 3]),
    "a count that is text": says(data__images="many"),
    "a note that is no UTF-8": with_(**{"notes/note.txt": b"caf\xe9 \xff\x00"}),
    "marks that are none": with_(**{"notes/deck.json": b"[" * 9_000, "notes/groups.json": b'{"groups": 7}'}),
    "a status of wrong types": with_(
        **{"status.json": '{"state": "finished", "step": "x", "eta": [], "queued": {}, "error": 5}'}
    ),
    "a thumbnail that is none": with_(**{"thumbnail.png": b"GIF89a" + b"\x00" * 50}),
    "events of wrong types": with_(
        **{"events.jsonl": b'{"event": "epoch", "step": "x"}\n{"event": []}\n{"event": "step", "step": 1e999}\n[[[\n\xff\n'}
    ),
    "codes that are none": with_(**{"codes.npz": b"PK\x03\x04 no arrays"}),
    "folders on their own": and_(("snapshots/", ""), ("notes/", ""), ("codes/", "")),
    "a note in a folder, in another script": and_(("notes/\u0444/\u03b2.txt", "x")),
}  # fmt: skip


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
def test_an_odd_archive_comes_in_and_all_that_a_page_reads_is_of_its_type(whole, other, make):
    run = unarchive(io.BytesIO(make(whole)), other)
    record, status = run.record(), run.status()
    assert record.created is None or record.created.year == 2026 or record.created.year > 2000
    assert status.state in (FINISHED, FAILED)
    assert isinstance(status.step, int)
    assert isinstance(run.note(), str)
    assert "\x00" not in run.note()
    assert run.picture() is None or run.picture().startswith(b"\x89PNG")
    run.history()
    read_marks(run)
    assert stored_codes(run) is None
    assert load_run(run).latent_dim == 4
    assert json.loads((run.path / "status.json").read_text())["state"] == status.state
    assert [r.id for r in other.readable()] == [run.id]


def test_a_status_that_says_nothing_is_marked_when_it_comes_in(whole, other):
    run = unarchive(io.BytesIO(packed(whole | {"status.json": '{"state": 7}'})), other)
    assert run.read_status().state == FAILED
    assert "status.json cannot be read" in run.status().error


# ---------------------------------------------------------------- what is written can be read


def test_what_cannot_travel_is_left_out_in_words_and_the_rest_comes_in(copied, digits, other, tmp_path):
    compute_codes(copied, load_run(copied), digits)
    (copied.notes / "a" / "b" / "c" / "d").mkdir(parents=True)
    (copied.notes / "a" / "b" / "c" / "d" / "deep.txt").write_text("x")
    (copied.notes / "what?.txt").write_text("x")
    (copied.notes / "\u03b2.txt").write_text("x")
    (copied.path / "snapshots" / "my picture.png").write_bytes(b"x")
    os.utime(copied.path / "events.jsonl", (0, 0))  # as files of an image of a container are
    told = archive(copied, tmp_path / "run.zip")
    assert [line.split(" is left out")[0] for line in told] == [
        "The note a/b/c/d/deep.txt",
        "The note what?.txt",
    ]
    run = unarchive(tmp_path / "run.zip", other)
    assert [p.name for p in run.notes.rglob("*") if p.is_file()] == ["\u03b2.txt"]
    np.testing.assert_array_equal(stored_codes(run).mean, stored_codes(copied).mean)
