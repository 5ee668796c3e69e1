import os
import signal
import subprocess
import time

import numpy as np
import psutil
import pytest
from helpers import config_of, frozen, of, until

from vae_core.data import open_images
from vae_core.events import (
    Checkpoint,
    Controlled,
    EpochDone,
    Failed,
    Finished,
    Resumed,
    Started,
    StepDone,
    to_line,
)
from vae_core.runs.launchers import LOCAL, Handle, is_alive, local
from vae_core.runs.launchers.local import own_handle
from vae_core.runs.queue import TICK_SECONDS, Queue, pause_after
from vae_core.runs.record import FAILED, FINISHED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, Status
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep
from vae_core.training import train

pytestmark = pytest.mark.slow

ENDLESS = {"epochs": 100_000, "checkpoint_every": 1_000, "log_every": 100}


@pytest.fixture(autouse=True)
def children(monkeypatch):
    """The processes that were started, in order; none is left afterwards."""
    started, popen = [], subprocess.Popen

    def recorded(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(local.subprocess, "Popen", recorded)
    yield started
    for child in started:
        child.kill()
        child.wait()


@pytest.fixture
def queue(places):
    """A queue ticked by hand."""
    queue = Queue(places)
    yield queue
    queue.stop()


@pytest.mark.parametrize("took", [0.0, 0.001, 0.15, 3.0])
def test_looking_after_the_queue_costs_a_tenth_of_a_core_at_most(took):
    pause = pause_after(took)
    assert pause >= TICK_SECONDS
    assert took / (took + pause) <= 0.1 + 1e-9


def stepped(run, step):
    return lambda: run.status().step >= step


# ---------------------------------------------------------------- what is alive


def test_a_process_is_known_by_its_start_time_not_by_its_number_alone():
    me = psutil.Process()
    assert is_alive(own_handle())
    assert own_handle() == Handle(LOCAL, {"pid": me.pid, "started": me.create_time()})
    assert not is_alive(Handle(LOCAL, {"pid": me.pid, "started": me.create_time() - 100}))
    assert not is_alive(None)
    gone = psutil.Popen(["true"])
    handle = Handle(LOCAL, {"pid": gone.pid, "started": gone.create_time()})
    until(lambda: gone.status() == psutil.STATUS_ZOMBIE, "the process has ended")
    assert not is_alive(handle)  # ended, not yet reaped
    gone.wait()
    assert not is_alive(handle)


@pytest.mark.parametrize("state", [RUNNING, PAUSED])
def test_a_run_whose_process_number_went_to_another_is_marked_interrupted(queue, store, children, state):
    run = store.create(config_of())
    run.write_status(
        Status(
            state, Handle(LOCAL, {"pid": os.getpid(), "started": time.time() - 5_000}), step=3, steps_total=8
        )
    )
    queue.tick()
    status = run.status()
    assert (status.state, status.handle, status.step) == (INTERRUPTED, None, 3)
    assert "go on from the last checkpoint" in status.error
    queue.tick()
    assert run.status() == status
    assert children == []


def test_ended_runs_are_left_alone(queue, store):
    states = [FINISHED, STOPPED, FAILED, INTERRUPTED]
    runs = [store.create(config_of()) for _ in states]
    for run, state in zip(runs, states, strict=True):
        run.write_status(Status(state, error="as it was"))
    queue.tick()
    assert [run.status() for run in runs] == [Status(state, error="as it was") for state in states]


def test_a_run_stopped_while_queued_is_never_started(queue, store, children):
    run = store.create(config_of())
    run.request("stop")
    queue.tick()
    assert children == []
    assert run.status().state == STOPPED
    assert run.history() == []


def test_a_damaged_run_does_not_hold_up_the_queue(queue, store, monkeypatch):
    started = []
    monkeypatch.setattr(queue, "launch", lambda run: started.append(run.name))
    first, damaged, gone = (store.create(config_of(), name) for name in ("first", "damaged", "gone"))
    (damaged.path / "status.json").write_text("{")
    (gone.path / "config.json").unlink()
    queue.tick()
    assert started == [first.name]


def test_the_queue_is_first_in_first_out_and_busy_slots_count(places, store, monkeypatch):
    queue = Queue(places, slots=3)
    started = []
    monkeypatch.setattr(queue, "launch", lambda run: started.append(run.name))
    for number, name in enumerate(("c", "a", "d", "b")):
        store.create(config_of(), name).write_status(Status(QUEUED, queued=100.0 + number))
    busy = store.create(config_of(), "busy")
    busy.write_status(Status(PAUSED, own_handle()))
    queue.tick()
    assert started == ["c", "a"]  # the third slot is taken
    queue.stop()


def test_only_one_queue_of_a_home_is_active(places, store, monkeypatch):
    one, two = Queue(places), Queue(places)
    started = []
    for queue in (one, two):
        monkeypatch.setattr(queue, "launch", lambda run, who=queue: started.append(who))
    store.create(config_of())
    for _ in range(3):
        one.tick()
        two.tick()
    assert set(started) == {one}
    one.stop()
    two.tick()
    assert started[-1] is two
    two.stop()


# ---------------------------------------------------------------- real processes


def test_queued_runs_are_started_and_finish_no_more_at_a_time_than_slots(places, store, children):
    queue = Queue(places, slots=1)
    config = config_of(epochs=3)
    runs = [store.create(config, name) for name in ("one", "two")]
    most = 0

    def count():
        nonlocal most
        most = max(most, sum(run.status().live for run in runs))

    queue.start()
    try:
        queue.wake()
        done = [FINISHED] * 2
        until(
            lambda: [run.status().state for run in runs] == done,
            "both have finished",
            meanwhile=count,
            runs=runs,
        )
    finally:
        queue.stop()
        for child in children:
            child.wait(30)
    assert most == 1
    assert not queue.thread.is_alive()
    for run in runs:
        history = run.history()
        assert len(of(Started, history)) == 1
        assert not of(Resumed, history)
        assert (run.path / "log.txt").read_text() == ""
        # the child computed what this process would have
        said = list(train(run.record().resolved, open_images("tiny", 16, places)))
        np.testing.assert_array_equal(
            [e.terms.loss for e in of(StepDone, history)],
            [to_line(e)["terms"]["loss"] for e in of(StepDone, said)],
        )
    assert runs[0].status().heartbeat <= runs[1].status().heartbeat


def test_a_live_run_is_steered_adopted_and_stopped(places, store, queue, children):
    run, second = store.create(config_of(**ENDLESS), "live"), store.create(config_of(), "second")
    queue.tick()
    (child,) = children
    status = run.status()
    assert (status.state, status.handle.job["pid"], status.note) == (RUNNING, child.pid, "starting")
    assert is_alive(status.handle)
    until(stepped(run, 200), "it learns", runs=[run])

    # pause: it goes on living without a step
    run.request("pause")
    until(lambda: run.status().state == PAUSED, "it has paused")
    paused = run.status()
    until(lambda: run.status().heartbeat > paused.heartbeat + 0.1, "a paused run gives signs of life")
    assert run.status().step == paused.step
    assert of(Checkpoint, run.history())[-1].step == paused.step
    with pytest.raises(Exception, match="stop it first"):
        store.delete(run)

    # one step, by hand
    run.request("step")
    until(lambda: run.status().control == 2 and run.status().state == PAUSED, "the step is done")
    until(lambda: run.status().step == paused.step + 1, "it says so")

    # new settings, then on
    run.request("beta", 0.25)
    run.request("learning_rate", 0.5)
    run.request("resume")
    until(lambda: run.status().state == RUNNING, "it goes on")
    until(stepped(run, paused.step + 300), "it learns on")
    assert run.status().control == 5
    assert of(StepDone, run.history())[-1].coefficients == {"beta": 0.25}

    # another server comes, then the first goes: the run is adopted, not started again
    heir = Queue(places)
    heir.tick()
    assert children == [child]
    queue.lock.release(force=True)
    heir.tick()
    assert children == [child]
    assert run.status().state == RUNNING
    assert second.status().state == QUEUED  # the adopted run takes the only slot
    before = run.status().step
    until(stepped(run, before + 100), "it went on meanwhile")

    run.request("stop")
    until(lambda: run.status().state == STOPPED, "it has stopped")
    assert child.wait(30) == 0
    heir.tick()
    assert second.status().state == RUNNING
    assert second.status().handle.job["pid"] == children[1].pid
    heir.stop()
    history = run.history()
    assert len(of(Started, history)) == 1
    assert [(c.number, c.command, c.value) for c in of(Controlled, history)] == [
        (1, "pause", None), (2, "step", None), (2, "pause", None), (3, "beta", 0.25),
        (4, "learning_rate", 0.5), (5, "resume", None), (6, "stop", None),
    ]  # fmt: skip
    steps = [c.step for c in of(Controlled, history)]
    assert steps == sorted(steps)
    assert steps[:6] == [*[paused.step] * 2, *[paused.step + 1] * 4]


def effective(history):
    """What counts of a run, wall time aside; which checkpoints were resumed from does not."""
    kept = [e for e in history if not isinstance(e, (Checkpoint, Resumed))]
    return [frozen(e) for e in kept]


def told(run):
    """The last step of a run's events, which are written at once; its status is written twice a second."""
    return max((e.step for e in of(StepDone, run.history())), default=0)


def test_a_killed_run_is_interrupted_and_goes_on_as_if_it_had_never_been(places, store, queue, children):
    config = config_of(epochs=40, batch_size=1, checkpoint_every=150, log_every=7)
    run = store.create(config, "killed")
    killed_at = []
    for wanted in (200, 600):  # of 2,600: the end is seconds away
        queue.tick()
        until(lambda wanted=wanted: told(run) >= wanted, f"it reached step {wanted}", runs=[run])
        os.kill(run.status().handle.job["pid"], signal.SIGKILL)
        children[-1].wait()
        killed_at.append(told(run))
        queue.tick()
        assert run.status().state == INTERRUPTED
        run.go_on()
    assert train_run(run, places).state == FINISHED

    history = run.history()
    assert not of(Failed, history)
    resumed = [e.step for e in of(Resumed, history)]
    assert len(resumed) == 2
    for step, killed in zip(resumed, killed_at, strict=True):
        assert step % 150 == 0
        assert killed - 160 <= step <= killed + 7  # no more is lost than since the last checkpoint

    whole = store.create(config, "whole")
    assert train_run(whole, places).state == FINISHED
    assert effective(history) == effective(whole.history())
    assert run.stamp() == whole.stamp()
    assert frozen(run.resume_state()) == frozen(whole.resume_state())
    for picture in (whole.path / "snapshots").iterdir():
        assert (run.path / "snapshots" / picture.name).read_bytes() == picture.read_bytes()
    kept, expected = run.epoch_codes(), whole.epoch_codes()
    assert [e.epoch for e in kept] == [e.epoch for e in expected]
    for one, other in zip(kept, expected, strict=True):
        assert one.mean.tobytes() == other.mean.tobytes()


# ---------------------------------------------------------------- a sweep's runs as one


def test_a_sweeps_runs_leave_the_queue_together_where_that_is_faster(store, queue, children):
    """One process for five βs of one seed; what comes after them waits for it."""
    runs = create_sweep(store, config_of(), [0.5, 1, 2, 4, 8], "mine")
    after = store.create(config_of(), "after")
    queue.tick()
    assert [run.status().state for run in [*runs, after]] == [RUNNING] + [QUEUED] * 5
    assert len(children) == 1
    until(
        lambda: all(run.status().state == FINISHED for run in runs), "the sweep is trained",
        meanwhile=queue.tick, runs=[*runs, after],
    )  # fmt: skip
    assert [run.record().machine.get("stacked") for run in runs] == [5] * 5
    assert len({of(Started, run.history())[0].steps_total for run in runs}) == 1
    assert all(of(EpochDone, run.history())[-1].epoch == 2 for run in runs)
    until(
        lambda: after.status().state == FINISHED,
        "what waited is trained",
        meanwhile=queue.tick,
        runs=[after],
    )
    assert "stacked" not in after.record().machine


def test_one_of_a_stack_from_the_queue_is_stopped_alone_and_all_share_a_slot(store, queue):
    runs = create_sweep(store, config_of(**ENDLESS), [0.5, 1, 2, 4], "mine")
    others = [runs[0], runs[1], runs[3]]
    queue.tick()
    try:
        until(
            lambda: all(run.status().step > 0 for run in runs), "all have begun",
            meanwhile=queue.tick, runs=runs,
        )  # fmt: skip
        assert [run.status().handle for run in runs] == [runs[0].status().handle] * 4
        runs[2].request("stop")
        until(lambda: runs[2].status().state == STOPPED, "the one is stopped")
        assert isinstance(runs[2].history()[-1], Finished)
        before = [run.status().step for run in others]
        until(
            lambda: all(run.status().step > step for run, step in zip(others, before, strict=True)),
            "the others go on",
        )
        assert [c.command for c in of(Controlled, runs[2].history())] == ["stop"]
        assert not of(Controlled, runs[3].history())
        queue.slots = 2
        after = store.create(config_of(), "after")
        until(
            lambda: after.status().state == FINISHED, "another run has the second slot",
            meanwhile=queue.tick, runs=[after],
        )  # fmt: skip
    finally:
        for run in runs:
            if run.status().live:
                run.request("stop")
        until(lambda: not any(run.status().live for run in runs), "all are stopped")
