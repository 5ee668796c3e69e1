"""Files that are parsed once for as long as they stay the same: nothing another process did to them may go unseen."""

import json
import os
import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import config_of

from vae_core.errors import RunNotFound
from vae_core.places import Places, write_atomically
from vae_core.runs import record as record_module
from vae_core.runs import store as store_module
from vae_core.runs.record import FAILED, FINISHED, INTERRUPTED, QUEUED, RUNNING, Status
from vae_core.runs.run import Run
from vae_core.runs.seen import Seen
from vae_core.runs.store import Store

LONG_AGO = 1e9 + 0.25  # seconds since 1970; of a disk that counts parts of seconds


def aged(path, when=LONG_AGO):
    os.utime(path, (when, when))
    return path


@pytest.fixture
def parsed():
    return Counter()


@pytest.fixture
def seen(parsed):
    def parse(path):
        parsed[path] += 1
        return json.loads(Path(path).read_text())

    return Seen(parse, most=3)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("1")
    return aged(path)


def elsewhere(run):
    """The run as another process has it: nothing of it is kept here."""
    return Run(Path(str(run.path)), run.places)


# ---------------------------------------------------------------- one file


def test_a_file_that_stays_the_same_is_parsed_once(seen, parsed, file):
    assert [seen.read(str(file)) for _ in range(5)] == [1] * 5
    assert parsed[str(file)] == 1


def test_a_file_replaced_by_one_of_the_same_time_and_size_is_seen(seen, file):
    assert seen.read(str(file)) == 1
    write_atomically(file, b"2")
    aged(file)
    assert seen.read(str(file)) == 2


def test_a_file_written_anew_in_place_is_seen(seen, file):
    assert seen.read(str(file)) == 1
    file.write_text("3")
    assert seen.read(str(file)) == 3


@pytest.mark.parametrize(
    "tick", [0.0, 0.25]
)  # of a disk that counts whole seconds, and of one that counts parts
def test_what_comes_within_one_tick_of_the_disks_clock_with_the_same_inode_is_seen(
    seen, file, monkeypatch, tick
):
    """Nothing tells the second from the first: so the first was not kept."""
    when = 1_700_000_000 + tick
    monkeypatch.setattr("vae_core.runs.seen.time.time_ns", lambda: int((when + 0.01) * 1e9))
    aged(file, when)
    assert seen.read(str(file)) == 1
    file.write_text("2")
    aged(file, when)
    assert seen.read(str(file)) == 2
    later = int((when + 3) * 1e9)
    monkeypatch.setattr("vae_core.runs.seen.time.time_ns", lambda: later)
    assert [seen.read(str(file)), len(seen)] == [2, 1]


def test_a_file_of_the_future_is_read_each_time(seen, parsed, file):
    aged(file, 4e9)
    assert [seen.read(str(file)) for _ in range(2)] == [1, 1]
    assert parsed[str(file)] == 2


def test_a_file_that_is_gone_raises_and_is_forgotten(seen, file):
    seen.read(str(file))
    file.unlink()
    with pytest.raises(FileNotFoundError):
        seen.read(str(file))
    assert len(seen) == 0


def test_a_file_that_cannot_be_parsed_is_tried_again(seen, file):
    file.write_text("{")
    aged(file)
    for _ in range(2):
        with pytest.raises(ValueError):
            seen.read(str(file))
    file.write_text("5")
    assert seen.read(str(aged(file))) == 5


def test_no_more_files_are_kept_than_were_to_be_and_the_last_read_are(seen, parsed, tmp_path):
    files = [tmp_path / f"{i}.json" for i in range(5)]
    for i, path in enumerate(files):
        path.write_text(str(i))
        assert seen.read(str(aged(path))) == i
    assert len(seen) == 3
    assert [seen.read(str(path)) for path in files[2:]] == [2, 3, 4]
    assert all(parsed[str(path)] == 1 for path in files)
    assert seen.read(str(files[0])) == 0
    assert parsed[str(files[0])] == 2


def test_a_reader_never_gets_what_was_there_before_a_write_that_it_came_after(tmp_path):
    """Two threads read what one replaces sixty times: what a reader gets is never older than its question."""
    path, written, done = tmp_path / "n.json", [0], threading.Event()
    path.write_text("0")
    seen = Seen(lambda p: int(Path(p).read_text()))

    def read():
        while not done.is_set():
            least = written[0]
            assert seen.read(str(path)) >= least

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for number in range(1, 61):
                write_atomically(path, f"{number}".encode(), durable=False)
                written[0] = number
        finally:
            done.set()
        for reader in readers:
            reader.result()


# ---------------------------------------------------------------- runs of a home


@pytest.fixture
def three(store):
    """Three runs of a home, each looked at already, whose files are old enough to be kept."""
    runs = [store.create(config_of(seed=i), f"run-{i}") for i in range(3)]
    for i, run in enumerate(runs):
        aged(run.path / "config.json", LONG_AGO + i)
        aged(run.path / "status.json", LONG_AGO + i)
    look(store)
    return runs


def look(store):
    """What a page would list: name and state of each run, newest first."""
    return [(run.name, run.status().state) for run in store.readable()]


def test_a_listing_of_runs_that_stay_the_same_opens_none_of_their_files(store, three, monkeypatch):
    expected = look(store)

    def opened(path, *_):
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(record_module, "read_json", opened)
    assert look(store) == expected == [(f"run-{i}", QUEUED) for i in (2, 1, 0)]


def test_a_status_another_process_wrote_is_seen_at_once(store, three):
    for state in (RUNNING, FINISHED, RUNNING, FAILED):
        elsewhere(three[1]).write_status(Status(state))
        aged(three[1].path / "status.json")  # the very same time, and of two the same size
        assert look(store)[1] == ("run-1", state)
    (three[1].path / "status.json").unlink()
    assert look(store)[1] == ("run-1", INTERRUPTED)


def test_a_new_name_is_seen_at_once_and_makes_a_run_the_newest(store, three):
    Store(Places(store.places.home, store.places.data_dir)).rename(elsewhere(three[0]), "newer")
    assert look(store) == [("newer", QUEUED), ("run-2", QUEUED), ("run-1", QUEUED)]
    assert store.find("newer").id == three[0].id
    with pytest.raises(RunNotFound):
        store.find("run-0")
    assert "run-0" not in store.names()


def test_new_and_deleted_runs_are_seen_at_once(store, three):
    store.delete(three[2])
    assert [name for name, _ in look(store)] == ["run-1", "run-0"]
    for gone in (three[2].id, "run-2"):
        with pytest.raises(RunNotFound):
            store.find(gone)
    with pytest.raises(RunNotFound):
        three[2].record()
    store.create(config_of(), "fourth")
    assert [name for name, _ in look(store)] == ["fourth", "run-1", "run-0"]


def test_a_run_damaged_meanwhile_is_no_more_readable_and_is_again_once_mended(store, three):
    path = three[1].path / "config.json"
    whole = path.read_text()
    path.write_text(whole.replace("{", "[", 1))
    aged(path)
    assert [name for name, _ in look(store)] == ["run-2", "run-0"]
    assert three[1].id in [run.id for run in store.own()]
    path.write_text(whole)
    assert "run-1" in [name for name, _ in look(store)]


def test_a_home_that_vanishes_is_empty_and_one_that_comes_back_is_seen(store, three, tmp_path):
    before = look(store)
    store.places.home.rename(tmp_path / "away")
    assert look(store) == []
    with pytest.raises(RunNotFound):
        store.find(three[0].id)
    with pytest.raises(RunNotFound):
        three[0].status()
    (tmp_path / "away").rename(store.places.home)
    assert look(store) == before
    shutil.rmtree(store.places.runs)
    assert look(store) == []


@pytest.mark.parametrize("ref", ["..", ".", "../runs", "", "/etc", ".names.lock", "a/b", "x" * 300])
def test_no_folder_but_a_runs_own_is_found(store, three, ref):
    (store.places.runs / "config.json").write_text("{}")
    (store.places.home / "config.json").write_text("{}")
    with pytest.raises(RunNotFound):
        store.find(ref)


def test_runs_that_share_settings_keep_what_differs_and_what_is_unknown(store):
    one, other = (store.create(config_of(latent_dim=d, seed=d), f"d{d}") for d in (4, 5))
    raw = json.loads((other.path / "config.json").read_text())
    for name in ("data", "training"):
        raw["config"][name]["colour"] = 1
    raw["config"]["whim"] = {}
    (other.path / "config.json").write_text(json.dumps(raw))
    assert (one.record().config.model.latent_dim, other.record().config.model.latent_dim) == (4, 5)
    for _ in range(2):
        assert [warning.split()[0] for warning in other.record().warnings] == [
            "data.colour",
            "training.colour",
            "whim",
        ]
    assert one.record().warnings == ()
    assert one.record().config == config_of(latent_dim=4, seed=4)
    raw["config"]["training"]["epochs"] = -3
    (other.path / "config.json").write_text(json.dumps(raw))
    with pytest.raises(store_module.BadRun, match=r"training\.epochs"):
        other.record()


def test_many_threads_list_while_runs_come_and_go(store, three):
    done = threading.Event()

    def read():
        while not done.is_set():
            names = [name for name, _ in listed()]
            assert len(names) == len(set(names))
            assert {"run-0", "run-1", "run-2"} <= set(names)

    def listed():
        found = []
        for run in store.own():
            try:
                found.append((run.name, run.status().state))
            except RunNotFound:  # deleted since it was listed
                continue
        return found

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for i in range(5):
                run = store.create(config_of(), f"passing-{i}")
                run.write_status(Status(FINISHED))
                store.delete(run)
        finally:
            done.set()
        for reader in readers:
            reader.result()
