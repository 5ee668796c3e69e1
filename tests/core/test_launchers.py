"""Another launcher is a file and an entry: here one that trains in threads of this process, registered in the test."""

import dataclasses
import subprocess
import sys
import threading
import time
import traceback

import psutil
import pytest
from helpers import config_of, of, until

from vae_core.errors import UnknownLauncher
from vae_core.events import Checkpoint, Finished, Started
from vae_core.runs.gone import mark_if_gone
from vae_core.runs.launchers import LAUNCHERS, LOCAL, Handle, find_launcher, is_alive
from vae_core.runs.launchers.local import FOREGROUND, handle_of
from vae_core.runs.queue import Queue
from vae_core.runs.record import FINISHED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, Status
from vae_core.runs.run import Run
from vae_core.runs.worker import handle_from_queue, train_from_queue
from vae_core.sweep import create_sweep

ENDLESS = {"epochs": 100_000, "checkpoint_every": 1_000, "log_every": 100}


class ThreadLauncher:
    """Trains each run in a thread; `lost` are jobs whose machine went away and took what they knew with it."""

    name = "threads"

    def __init__(self):
        self.threads, self.runs, self.lost, self.said = [], [], set(), {}

    def start(self, places, run_id):
        run = Run(places.runs / run_id, places)
        number = len(self.threads)
        self.runs.append(run)
        self.threads.append(threading.Thread(target=self._train, args=(run, places), daemon=True))
        self.threads[number].start()
        return Handle(self.name, {"number": number})

    def _train(self, run, places):
        try:
            status = train_from_queue(run, places, handle_from_queue(run))
            self.said[run.id] = f"{run.name} {status.state}"
        except Exception:
            self.said[run.id] = traceback.format_exc()

    def alive(self, handle):
        number = handle.job["number"]
        return number not in self.lost and number < len(self.threads) and self.threads[number].is_alive()

    def stop(self, handle):
        if self.alive(handle):
            self.runs[handle.job["number"]].request("stop")

    def log(self, places, run_id):
        return self.said.get(run_id, "")


@pytest.fixture
def threads(monkeypatch):
    launcher = ThreadLauncher()
    monkeypatch.setitem(LAUNCHERS, launcher.name, launcher)
    yield launcher
    for run, thread in zip(launcher.runs, launcher.threads, strict=True):
        if thread.is_alive():
            run.request("stop")
            thread.join(30)


@pytest.fixture
def queue(places, threads):
    queue = Queue(places, launcher=threads.name)
    yield queue
    queue.stop()


def test_a_run_is_started_by_the_launcher_of_the_queue_and_keeps_its_handle(queue, threads, store, places):
    run, second = store.create(config_of(**ENDLESS), "first"), store.create(config_of(), "second")
    queue.tick()
    handle = Handle("threads", {"number": 0})
    assert (run.status().state, run.status().handle) == (RUNNING, handle)
    until(lambda: run.status().step > 0, "it learns", runs=[run])
    assert run.status().handle == handle, "the worker reports under the handle it was given"
    assert is_alive(handle)
    assert not mark_if_gone(run)
    queue.tick()
    assert second.status().state == QUEUED, "the only slot is taken"
    threads.stop(handle)
    until(lambda: run.status().state == STOPPED, "it is stopped", runs=[run])
    threads.threads[0].join(30)
    assert threads.log(places, run.id) == "first stopped"
    assert (run.status().handle, is_alive(handle)) == (handle, False), "it holds its slot until it is gone"
    queue.tick()
    until(lambda: second.status().state == FINISHED, "the next one has the slot", runs=[second])


def test_a_run_of_another_launcher_is_adopted_by_the_queue_of_another_server(queue, threads, store, places):
    run, second = store.create(config_of(**ENDLESS), "first"), store.create(config_of(), "second")
    queue.tick()
    until(lambda: run.status().step > 0, "it learns", runs=[run])
    queue.stop()
    heir = Queue(places)  # its own launcher starts child processes
    heir.tick()
    assert (run.status().state, second.status().state) == (RUNNING, QUEUED)
    before = run.status().step
    until(lambda: run.status().step > before, "it goes on", runs=[run])
    assert len(of(Started, run.history())) == 1
    heir.stop()


def test_a_run_whose_launcher_has_lost_it_is_interrupted_and_can_go_on(queue, threads, store):
    run = store.create(config_of(epochs=3), "lost")
    run.write_status(Status(RUNNING, Handle("threads", {"number": 7}), step=3, heartbeat=time.time()))
    queue.tick()
    assert (run.status().state, run.status().handle, run.status().step) == (INTERRUPTED, None, 3)
    assert "go on from the last checkpoint" in run.status().error
    run.go_on()
    queue.tick()
    until(lambda: run.status().state == FINISHED, "it is trained", runs=[run])
    assert isinstance(run.history()[-1], Finished)


def test_a_run_is_interrupted_once_its_launcher_and_its_lock_say_that_it_is_gone(queue, threads, store):
    run = store.create(config_of(**ENDLESS), "cut-off")
    queue.tick()
    until(lambda: run.status().step > 0, "it learns", runs=[run])
    assert not mark_if_gone(run)
    run.request("pause")
    until(lambda: run.status().state == "paused", "it has paused", runs=[run])
    assert not mark_if_gone(run), "a paused run lives"
    threads.lost.add(0)
    assert not mark_if_gone(run), "its lock is held: it lives, whatever its launcher says"
    run.request("stop")
    threads.threads[0].join(30)
    says = run.status()
    run.write_status(dataclasses.replace(says, state=PAUSED))  # as one that could not say how it ended
    assert mark_if_gone(run)


def test_runs_that_a_worker_takes_along_have_its_handle_and_share_its_slot(queue, threads, store):
    runs = create_sweep(store, config_of(**ENDLESS), [0.5, 1, 2, 4], "mine")
    after = store.create(config_of(), "after")
    queue.tick()
    until(lambda: all(run.status().step > 0 for run in runs), "all have begun", runs=runs)
    assert [run.status().handle for run in runs] == [Handle("threads", {"number": 0})] * 4
    queue.tick()
    assert after.status().state == QUEUED
    for run in runs:
        run.request("stop")
    until(lambda: all(run.status().state == STOPPED for run in runs), "all are stopped", runs=runs)
    assert len(threads.threads) == 1


def test_a_launcher_that_is_not_known_here_is_named_and_its_runs_are_left_alone(
    queue, threads, store, places
):
    with pytest.raises(
        UnknownLauncher, match=r"no launcher 'cluster' here; choose one of local, ray, threads"
    ):
        Queue(places, launcher="cluster")
    elsewhere, run = store.create(config_of(), "elsewhere"), store.create(config_of(), "here")
    status = Status(RUNNING, Handle("cluster", {"id": "a-7"}), step=3)
    elsewhere.write_status(status)
    with pytest.raises(UnknownLauncher):
        mark_if_gone(elsewhere)
    queue.tick()
    assert elsewhere.status() == status
    until(lambda: run.status().state == FINISHED, "the others go on", runs=[run])


@pytest.mark.slow
def test_a_worker_that_no_queue_started_reports_under_its_own_process(store, places):
    """Also where a killed worker left its handle: under that one it would be marked interrupted while it trains."""
    run = store.create(config_of(**ENDLESS))
    run.update_status(state=RUNNING, handle=Handle(LOCAL, {"pid": 2**22 + 1, "started": 1.0}))
    words = ["--home", str(places.home), "--data-dir", str(places.data_dir), run.id]
    worker = subprocess.Popen([sys.executable, "-m", "vae_core.runs.worker", *words])
    try:
        until(lambda: run.status().step > 0, "it learns", runs=[run])
        own = handle_of(psutil.Process(worker.pid))
        assert run.status().handle == Handle(LOCAL, {**own.job, FOREGROUND: True})
        run.request("stop")
        assert worker.wait(60) == 0
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.slow
def test_a_local_worker_is_asked_to_end_and_keeps_what_it_learned(queue, store, places):
    local = find_launcher(LOCAL)
    run = store.create(config_of(**ENDLESS), "local")
    assert local.log(places, run.id) == ""
    with run.control_lock():  # as the queue does
        handle = local.start(places, run.id)
        run.update_status(state=RUNNING, handle=handle)
    assert handle.launcher == LOCAL
    try:
        until(lambda: run.status().step > 0, "it learns", runs=[run])
        assert local.alive(handle)
        local.stop(handle)
        until(lambda: run.status().state == STOPPED, "it has stopped", runs=[run])
        until(lambda: not local.alive(handle), "its process has ended")
    finally:
        local.stop(handle)
    local.stop(handle)  # once more does nothing
    assert of(Checkpoint, run.history())
    assert local.log(places, run.id) == ""
    (run.path / "log.txt").write_text("Traceback …")
    assert local.log(places, run.id) == "Traceback …"
