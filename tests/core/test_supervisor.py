"""The queue goes on whatever one run does to it, and hands a slot over only when all that trained in it is gone.

Its launcher is planted: what it starts lives until the test says otherwise.
"""

import itertools
import json
import logging
import os
import shutil
import subprocess
import sys
import threading

import psutil
import pytest
from helpers import config_of, until

from vae_core.processes import MARK, left_behind
from vae_core.runs import queue as queue_module
from vae_core.runs import worker as worker_module
from vae_core.runs.launchers import LAUNCHERS, LOCAL, Handle, is_alive, local
from vae_core.runs.launchers.local import foreground_handle, own_handle
from vae_core.runs.queue import LONGEST_WAIT, Queue
from vae_core.runs.record import FAILED, FINISHED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, Status
from vae_core.runs.run import Run
from vae_core.runs.worker import handle_from_queue, train_run


class Planted:
    """Starts nothing: `living` are the numbers of jobs that still run, `broken` the runs that cannot be started."""

    name = "planted"

    def __init__(self):
        self.started, self.living, self.broken, self.stopped = [], set(), set(), []
        self.lock = threading.Lock()
        self.most = 0  # that lived at a time

    def start(self, places, run_id):
        if run_id in self.broken:
            raise OSError(11, "Resource temporarily unavailable")
        with self.lock:
            number = len(self.started)
            self.started.append(run_id)
            self.living.add(number)
            self.most = max(self.most, len(self.living))
        return Handle(self.name, {"number": number})

    def alive(self, handle):
        return handle.job["number"] in self.living

    def stop(self, handle):
        self.stopped.append(handle.job["number"])
        self.living.discard(handle.job["number"])

    def log(self, places, run_id):
        return ""


@pytest.fixture
def planted(monkeypatch):
    launcher = Planted()
    monkeypatch.setitem(LAUNCHERS, launcher.name, launcher)
    return launcher


@pytest.fixture
def queue(places, planted):
    queue = Queue(places, launcher=planted.name)
    yield queue
    queue.stop()


def says(run, state, **changes):
    """As its worker would say."""
    run.update_status(state=state, **changes)


def damage(run, text):
    (run.path / "status.json").write_text(text)


# ---------------------------------------------------------------- one run's fault is its own

WRONG = [
    "", "[]", "null", '"running"', "{", "[" * 100_000, '{"state": 7}', '{"state": ["queued"]}', '{"state": "queued", "queued": NaN}',
    '{"state": "running", "handle": [1]}', '{"state": "running", "handle": {"launcher": [], "job": 3}}',
    '{"state": "running", "handle": {"launcher": "planted", "job": {}}}',
    '{"state": "running", "handle": {"launcher": "local", "job": {"pid": 1e400, "started": "x"}}}',
    '{"state": "running", "handle": {"launcher": "local", "job": {"pid": 99999999999999999999, "started": 1}}}',
    '{"state": "running", "pid": "x", "process_started": []}', '{"state": "paused", "pid": {"a": 1}}',
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_status_of_wrong_types_does_not_stop_the_queue(queue, planted, store, text):
    damaged = store.create(config_of(), "damaged")
    damage(damaged, text)
    good = store.create(config_of(), "good")
    queue.start()
    queue.wake()
    until(lambda: good.id in planted.started, "the other run is started")
    assert queue.thread.is_alive()
    assert planted.started == [good.id]


def test_orders_of_all_types_are_sorted(queue, planted, store):
    """Text beside numbers once ended the thread."""
    runs = [store.create(config_of(), name) for name in ("a", "b", "c", "d")]
    for run, queued in zip(runs, ("x", 5.0, None, [1]), strict=True):
        damage(run, json.dumps({"state": QUEUED, "queued": queued}))
    queue.slots = 4
    queue.tick()
    assert set(planted.started) == {run.id for run in runs}


def test_a_status_that_cannot_be_read_is_marked_and_logged_once(queue, store, caplog):
    run = store.create(config_of(), "damaged")
    damage(run, '{"state": 7}')
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            queue.tick()
    status = run.read_status()
    assert status.state == FAILED
    assert "status.json cannot be read: its state is '7'" in status.error
    assert "Resume it" in status.error
    assert [record.getMessage() for record in caplog.records if run.id in record.getMessage()] == [
        f"the run {run.id}: BadRun: status.json cannot be read: its state is '7', not one of failed, finished, "
        "interrupted, paused, queued, running, stopped"
    ]
    run.go_on()
    assert run.status().state == QUEUED


def test_a_launcher_that_cannot_be_asked_just_now_keeps_the_slot(queue, planted, store, monkeypatch):
    first, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    queue.tick()

    def away(handle):
        raise ConnectionError("the cluster does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(planted, "alive", away)
        for _ in range(3):
            queue.tick()
        assert (planted.started, first.status().state) == ([first.id], RUNNING)
    planted.living.clear()
    queue.tick()
    assert (first.status().state, planted.started) == (INTERRUPTED, [first.id, second.id])


def test_an_unforeseen_fault_of_one_run_is_logged_with_its_place_and_the_others_go_on(
    queue, planted, store, monkeypatch, caplog
):
    odd, good = store.create(config_of(), "odd"), store.create(config_of(), "good")
    real = Run.read_status

    def read_status(run):
        if run.id == odd.id:
            raise ZeroDivisionError("planted")
        return real(run)

    monkeypatch.setattr(Run, "read_status", read_status)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            queue.tick()
    assert planted.started == [good.id]
    (record,) = caplog.records
    assert "ZeroDivisionError: planted" in record.getMessage()
    assert record.exc_info


def test_the_thread_outlives_faults_of_every_kind(queue, planted, store, monkeypatch):
    faults = [
        OSError(5, "Input/output error"),
        RuntimeError("x"),
        RecursionError(),
        MemoryError(),
        KeyError("y"),
    ]
    real = queue.store.own

    def own():
        if faults:
            raise faults.pop()
        return real()

    monkeypatch.setattr(queue.store, "own", own)
    run = store.create(config_of())
    queue.start()
    until(lambda: planted.started == [run.id], "the queue went on", meanwhile=queue.wake)
    assert not faults
    assert queue.thread.is_alive()


def test_a_run_whose_settings_cannot_be_read_gets_no_worker(queue, planted, store):
    bad, good = store.create(config_of(), "bad"), store.create(config_of(), "good")
    (bad.path / "config.json").write_text('{"format": 1, "config": []}')
    queue.tick()
    queue.tick()
    assert planted.started == [good.id]
    assert "cannot be started" in bad.status().note
    assert "config.json" in bad.status().note


# ---------------------------------------------------------------- a worker that cannot be started


def test_what_cannot_be_started_is_tried_less_and_less_often_and_holds_nobody_up(places, planted, store):
    now = [0.0]
    queue = Queue(places, launcher=planted.name, now=lambda: now[0])
    bad, good = store.create(config_of(), "bad"), store.create(config_of(), "good")
    says(bad, QUEUED, queued=1.0)
    planted.broken.add(bad.id)
    tries, real = [], planted.start

    def start(places, run_id):
        tries.append((run_id, now[0]))
        return real(places, run_id)

    planted.start = start
    while now[0] < 500:
        queue.tick()
        now[0] += 0.25
    at = [when for run_id, when in tries if run_id == bad.id]
    assert planted.started == [good.id]
    assert next(when for run_id, when in tries if run_id == good.id) <= 0.5
    planted.living.clear()
    says(good, FINISHED)
    while now[0] < 1_500:
        queue.tick()
        now[0] += 1.0
    at = [when for run_id, when in tries if run_id == bad.id]
    assert len(at) < 14  # 3,000 looks
    gaps = [after - before for before, after in itertools.pairwise(at)]
    assert max(gaps[-2:]) >= LONGEST_WAIT
    assert bad.status().state == QUEUED
    assert bad.status().note.startswith(
        "its worker cannot be started: [Errno 11] Resource temporarily unavailable; it is tried again every"
    )
    planted.broken.clear()
    now[0] += LONGEST_WAIT
    queue.tick()
    assert planted.started == [good.id, bad.id]
    assert (bad.status().state, bad.status().note) == (RUNNING, "starting")
    assert not queue.waits
    queue.stop()


def test_a_worker_that_nobody_can_tell_of_is_stopped_again(queue, planted, store, monkeypatch):
    run = store.create(config_of())

    def full(run, handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(queue_module, "_set_running", full)
    queue.tick()
    assert planted.stopped == [0]
    assert run.status().state == QUEUED


def test_a_request_that_is_never_done_does_not_hang_the_queue(queue, planted, store, monkeypatch):
    monkeypatch.setattr(queue_module, "LOCK_SECONDS", 0.01)
    stuck, good = store.create(config_of(), "stuck"), store.create(config_of(), "good")
    with stuck.control_lock():
        queue.tick()
        queue.tick()
    assert planted.started == [good.id]


# ---------------------------------------------------------------- a slot is free when what held it is gone


@pytest.mark.parametrize("state", [FINISHED, STOPPED, FAILED])
def test_a_run_that_has_ended_keeps_its_slot_until_its_process_is_gone(queue, planted, store, state):
    first, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    queue.tick()
    assert planted.started == [first.id]
    says(first, state)  # and is on its way out
    for _ in range(3):
        queue.tick()
    assert planted.started == [first.id]
    planted.living.clear()
    queue.tick()
    assert planted.started == [first.id, second.id]
    assert planted.most == 1


@pytest.mark.parametrize("what", ["reset", "go_on", "delete"])
def test_whatever_becomes_of_the_run_its_process_keeps_the_slot(queue, planted, store, what):
    first, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    queue.tick()
    says(first, STOPPED)
    queue.tick()
    store.delete(first) if what == "delete" else getattr(first, what)()
    for _ in range(3):
        queue.tick()
    assert planted.started == [first.id]
    assert second.status().state == QUEUED
    planted.living.clear()
    queue.tick()
    assert len(planted.started) == 2
    assert planted.most == 1


@pytest.mark.parametrize("what", ["reset", "go_on", None])
def test_another_server_knows_of_a_process_on_its_way_out(queue, planted, store, places, what):
    first = store.create(config_of(), "first")
    store.create(config_of(), "second")
    queue.tick()
    says(first, STOPPED)
    if what:
        getattr(first, what)()
    queue.stop()
    heir = Queue(places, launcher=planted.name)
    heir.tick()
    assert planted.started == [first.id]
    planted.living.clear()
    heir.tick()
    assert len(planted.started) == 2
    assert planted.most == 1
    heir.stop()


@pytest.mark.parametrize("state", [RUNNING, PAUSED])
def test_who_holds_a_runs_lock_trains_it_whatever_is_known_of_its_process(queue, planted, store, state):
    """The machine's clock was set, or the process number was lost: the handle says that it is gone, the lock that not."""
    first, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    gone = Handle(LOCAL, {"pid": os.getpid(), "started": 5.0})
    says(first, state, handle=gone)
    assert not is_alive(gone)
    with first.lock():
        for _ in range(3):
            queue.tick()
        assert first.status().state == state
        assert planted.started == []
    queue.tick()
    assert first.status().state == INTERRUPTED
    assert planted.started == [second.id]


def test_a_status_that_cannot_be_read_holds_a_slot_while_the_run_is_trained(queue, planted, store):
    """As on a full disk, where a status is written in place."""
    first, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    damage(first, '{"state": "runn')
    with first.lock():
        queue.tick()
        assert planted.started == []
        assert (first.path / "status.json").read_text() == '{"state": "runn'
    queue.tick()
    assert first.read_status().state == FAILED
    queue.tick()
    assert planted.started == [second.id]


def test_a_number_that_another_process_has_by_now_holds_no_slot(queue, planted, store):
    first, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    again = Handle(LOCAL, {"pid": os.getpid(), "started": 5.0, "mark": "x"})
    says(first, FINISHED, handle=again)
    queue.tick()
    assert planted.started == [second.id]


# ---------------------------------------------------------------- real processes

WAITS = "import sys; sys.stdin.read()"
# starts a child in its own group that waits as well, says so, and ends at the first line
LEAVES = (
    "import subprocess, sys\n"
    f"child = subprocess.Popen([sys.executable, '-c', {WAITS!r}])\n"
    "print(child.pid, flush=True)\n"
)


@pytest.fixture
def spawn():
    started = []

    def make(script, mark="planted"):
        environment = {**os.environ, MARK: mark}
        started.append(subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            env=environment,
        ))  # fmt: skip
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_process_that_is_slow_to_die_keeps_the_slot(queue, planted, store, spawn):
    process = spawn(WAITS)
    handle = Handle(LOCAL, {"pid": process.pid, "started": psutil.Process(process.pid).create_time()})
    first, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    says(first, FINISHED, handle=handle)
    queue.tick()
    queue.tick()
    assert planted.started == []
    process.stdin.close()
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, "it has ended")
    queue.tick()  # ended, and not yet collected
    assert planted.started == [second.id]


def test_what_a_dead_worker_left_behind_keeps_the_slot(queue, planted, store, spawn):
    leader = spawn(LEAVES)
    started = psutil.Process(leader.pid).create_time()
    child = int(leader.stdout.readline())
    leader.wait()
    handle = Handle(LOCAL, {"pid": leader.pid, "started": started, "mark": "planted"})
    assert left_behind(leader.pid, "planted")
    assert not left_behind(leader.pid, "of another worker of that number")
    assert not left_behind(leader.pid, "")
    first, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    says(first, RUNNING, handle=handle)
    queue.tick()
    assert (planted.started, first.status().state) == ([], RUNNING)
    leader.stdin.close()
    until(lambda: not left_behind(leader.pid, "planted"), f"the child {child} has ended")
    queue.tick()
    assert planted.started == [second.id]
    assert first.status().state == INTERRUPTED


def test_what_a_worker_leaves_behind_is_ended_with_it(spawn):
    leader = spawn(LEAVES)
    leader.stdout.readline()
    local._collect(leader)  # as the thread that waits for each worker does
    assert leader.returncode == 0
    until(lambda: not left_behind(leader.pid, "planted"), "its child is gone")


def test_a_worker_knows_whether_a_run_was_given_to_it(store, monkeypatch, places, capsys):
    """A server that dies between starting a worker and saying so leaves the run to the next one."""
    run = store.create(config_of())
    assert handle_from_queue(run) is None
    says(run, RUNNING, handle=Handle(LOCAL, {"pid": 1, "started": 5.0}))
    assert handle_from_queue(run) is None
    says(run, RUNNING, handle=own_handle())
    assert handle_from_queue(run) == own_handle()
    says(run, QUEUED)
    monkeypatch.setattr(worker_module, "train_from_queue", lambda *_: pytest.fail("it trains"))
    monkeypatch.setattr(psutil.Process, "nice", lambda *_: None)
    words = ["--queued", "--home", str(places.home), "--data-dir", str(places.data_dir), run.id]
    assert worker_module.main(words) == 1
    assert "was not given to this worker" in capsys.readouterr().err
    assert run.status().state == QUEUED


def test_a_worker_of_the_queue_says_to_the_end_who_it_is_and_one_in_the_foreground_does_not(store, places):
    for handle in (own_handle(), None):
        run = store.create(config_of(epochs=1))
        assert train_run(run, places, handle=handle).state == FINISHED
        assert run.status().handle == handle


def test_a_notebook_holds_a_slot_for_as_long_as_it_trains_and_no_longer(planted, store, places):
    """Its process lives on: what was seen of it while it trained must not take the slot for good."""
    run, waiting = store.create(config_of(), "notebook"), store.create(config_of(), "waits")
    queue = Queue(places, launcher=planted.name)
    seen = []

    def looks(event):
        assert run.status().handle == foreground_handle()
        queue.tick()
        seen.append(list(planted.started))

    assert train_run(run, places, looks).state == FINISHED
    assert seen
    assert not any(seen)
    queue.tick()
    queue.stop()
    assert planted.started == [waiting.id]


# ---------------------------------------------------------------- two queues


def test_of_two_servers_that_race_one_hands_out_the_slot(places, planted, store):
    """Each looks again and again from threads of its own while runs end and others come; one dies meanwhile."""
    queues = [Queue(places, launcher=planted.name) for _ in range(2)]
    runs = [store.create(config_of(), f"run-{number}") for number in range(8)]
    ended = []

    def end_one():
        for number in sorted(planted.living):
            run = next(r for r in runs if r.id == planted.started[number])
            if run.status().state == RUNNING:
                says(run, FINISHED)  # the slot is not free yet
            else:
                planted.living.discard(number)
                ended.append(number)
        if len(ended) == 4:
            queues[0].stop()
        for queue in queues:
            queue.wake()

    for queue in queues:
        queue.start()
    until(lambda: len(ended) == len(runs), "all had their turn", meanwhile=end_one)
    queues[1].stop()
    assert planted.most == 1
    assert sorted(planted.started) == sorted(run.id for run in runs)


def test_a_queue_whose_lock_was_removed_makes_way(places, planted, store):
    one, two = (Queue(places, launcher=planted.name) for _ in range(2))
    one.tick()
    os.unlink(places.home / ".launcher.lock")
    two.tick()
    assert (two.lock.is_locked, one._active(), two._active()) == (True, False, True)
    two.stop()
    assert one._active()
    one.stop()


def test_runs_that_have_ended_are_not_read_again_until_they_change(queue, planted, store, monkeypatch):
    ended = [store.create(config_of(), f"run-{number}") for number in range(3)]
    for run in ended:
        says(run, FINISHED, handle=Handle(planted.name, {"number": -1}))
    queue.tick()  # they hold nothing any more
    queue.tick()
    reads, real = [], Run.read_status
    monkeypatch.setattr(Run, "read_status", lambda run: reads.append(run.id) or real(run))
    queue.tick()
    assert reads == []
    ended[1].go_on(1)
    reads.clear()
    queue.tick()
    assert set(reads) == {ended[1].id}
    assert planted.started == [ended[1].id]


def test_a_home_that_went_away_stops_nothing(queue, planted, store, places):
    store.create(config_of())
    queue.tick()
    shutil.rmtree(places.runs)
    queue.tick()
    assert planted.most == 1


def test_the_status_of_an_earlier_version_still_names_its_process(planted, store, places):
    run, second = store.create(config_of(), "first"), store.create(config_of(), "second")
    me = own_handle()
    early = {
        "state": "running",
        "pid": me.job["pid"],
        "process_started": me.job["started"],
        "step": 3,
        "queued": 1.0,
    }
    damage(run, json.dumps(early))
    queue = Queue(places, launcher=planted.name)
    queue.tick()
    queue.stop()
    assert (planted.started, run.status()) == ([], Status(RUNNING, me, step=3, queued=1.0))
    damage(run, json.dumps(early | {"process_started": 1.0}))
    queue = Queue(places, launcher=planted.name)
    queue.tick()
    queue.stop()
    assert run.status().state == INTERRUPTED
    assert planted.started == [second.id]
