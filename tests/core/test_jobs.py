import os
import signal
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
from vae_core.runs.jobs import Launcher, is_alive
from vae_core.runs.record import FAILED, FINISHED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, Status
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep
from vae_core.training import train

pytestmark = pytest.mark.slow

ENDLESS = {"epochs": 100_000, "checkpoint_every": 1_000, "log_every": 100}


@pytest.fixture
def launcher(places):
    """A launcher ticked by hand; whatever it started is gone afterwards."""
    launcher = Launcher(places)
    yield launcher
    for child in launcher.children.values():
        child.kill()
        child.wait()
    launcher.stop()


def stepped(run, step):
    return lambda: run.status().step >= step


# ---------------------------------------------------------------- what is alive


def test_a_process_is_known_by_its_start_time_not_by_its_number_alone():
    me = psutil.Process()
    assert is_alive(Status(RUNNING, pid=me.pid, process_started=me.create_time()))
    assert not is_alive(Status(RUNNING, pid=me.pid, process_started=me.create_time() - 100))
    assert not is_alive(Status(RUNNING, pid=0))
    gone = psutil.Popen(["true"])
    started = gone.create_time()
    until(lambda: gone.status() == psutil.STATUS_ZOMBIE, "the process has ended")
    assert not is_alive(Status(RUNNING, pid=gone.pid, process_started=started))  # ended, not yet reaped
    gone.wait()
    assert not is_alive(Status(RUNNING, pid=gone.pid, process_started=started))


@pytest.mark.parametrize("state", [RUNNING, PAUSED])
def test_a_run_whose_process_number_went_to_another_is_marked_interrupted(launcher, store, state):
    run = store.create(config_of())
    run.write_status(
        Status(state, pid=os.getpid(), process_started=time.time() - 5_000, step=3, steps_total=8)
    )
    launcher.tick()
    status = run.status()
    assert (status.state, status.pid, status.step) == (INTERRUPTED, 0, 3)
    assert "go on from the last checkpoint" in status.error
    launcher.tick()
    assert run.status() == status
    assert launcher.children == {}


def test_ended_runs_are_left_alone(launcher, store):
    states = [FINISHED, STOPPED, FAILED, INTERRUPTED]
    runs = [store.create(config_of()) for _ in states]
    for run, state in zip(runs, states, strict=True):
        run.write_status(Status(state, error="as it was"))
    launcher.tick()
    assert [run.status() for run in runs] == [Status(state, error="as it was") for state in states]


def test_a_run_stopped_while_queued_is_never_started(launcher, store):
    run = store.create(config_of())
    run.request("stop")
    launcher.tick()
    assert launcher.children == {}
    assert run.status().state == STOPPED
    assert run.history() == []


def test_a_damaged_run_does_not_hold_up_the_queue(launcher, store, monkeypatch):
    started = []
    monkeypatch.setattr(launcher, "launch", lambda run: started.append(run.name))
    first, damaged, gone = (store.create(config_of(), name) for name in ("first", "damaged", "gone"))
    (damaged.path / "status.json").write_text("{")
    (gone.path / "config.json").unlink()
    launcher.tick()
    assert started == [first.name]


def test_the_queue_is_first_in_first_out_and_busy_slots_count(places, store, monkeypatch):
    launcher = Launcher(places, slots=3)
    started = []
    monkeypatch.setattr(launcher, "launch", lambda run: started.append(run.name))
    for number, name in enumerate(("c", "a", "d", "b")):
        store.create(config_of(), name).write_status(Status(QUEUED, queued=100.0 + number))
    busy = store.create(config_of(), "busy")
    me = psutil.Process()
    busy.write_status(Status(PAUSED, pid=me.pid, process_started=me.create_time()))
    launcher.tick()
    assert started == ["c", "a"]  # the third slot is taken
    launcher.stop()


def test_only_one_launcher_of_a_home_is_active(places, store, monkeypatch):
    one, two = Launcher(places), Launcher(places)
    started = []
    for launcher in (one, two):
        monkeypatch.setattr(launcher, "launch", lambda run, who=launcher: started.append(who))
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


def test_queued_runs_are_started_and_finish_no_more_at_a_time_than_slots(places, store):
    launcher = Launcher(places, slots=1)
    config = config_of(epochs=3)
    runs = [store.create(config, name) for name in ("one", "two")]
    most = 0

    def count():
        nonlocal most
        most = max(most, sum(run.status().live for run in runs))

    launcher.start()
    try:
        launcher.wake()
        done = [FINISHED] * 2
        until(
            lambda: [run.status().state for run in runs] == done,
            "both have finished",
            meanwhile=count,
            runs=runs,
        )
    finally:
        launcher.stop()
        for child in launcher.children.values():
            child.wait(30)
    assert most == 1
    assert not launcher.thread.is_alive()
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


def test_a_live_run_is_steered_adopted_and_stopped(places, store, launcher):
    run, second = store.create(config_of(**ENDLESS), "live"), store.create(config_of(), "second")
    launcher.tick()
    child = launcher.children[run.id]
    status = run.status()
    assert (status.state, status.pid, status.note) == (RUNNING, child.pid, "starting")
    assert is_alive(status)
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
    heir = Launcher(places)
    heir.tick()
    assert heir.children == {}
    launcher.lock.release(force=True)
    heir.tick()
    assert heir.children == {}
    assert run.status().state == RUNNING
    assert second.status().state == QUEUED  # the adopted run takes the only slot
    before = run.status().step
    until(stepped(run, before + 100), "it went on meanwhile")

    run.request("stop")
    until(lambda: run.status().state == STOPPED, "it has stopped")
    assert child.wait(30) == 0
    heir.tick()
    assert set(heir.children) == {second.id}
    heir.children[second.id].kill()
    heir.children[second.id].wait()
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


def test_a_killed_run_is_interrupted_and_goes_on_as_if_it_had_never_been(places, store, launcher):
    config = config_of(epochs=40, batch_size=1, checkpoint_every=150, log_every=7)
    run = store.create(config, "killed")
    killed_at = []
    for wanted in (200, 600):  # of 2,600: the end is seconds away
        launcher.tick()
        until(lambda wanted=wanted: told(run) >= wanted, f"it reached step {wanted}", runs=[run])
        os.kill(run.status().pid, signal.SIGKILL)
        launcher.children[run.id].wait()
        killed_at.append(told(run))
        launcher.tick()
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


def test_a_sweeps_runs_leave_the_queue_together_where_that_is_faster(store, launcher):
    """One process for five βs of one seed; what comes after them waits for it."""
    runs = create_sweep(store, config_of(), [0.5, 1, 2, 4, 8], "mine")
    after = store.create(config_of(), "after")
    launcher.tick()
    assert list(launcher.children) == [runs[0].id]
    until(
        lambda: all(run.status().state == FINISHED for run in runs), "the sweep is trained",
        meanwhile=launcher.tick, runs=[*runs, after],
    )  # fmt: skip
    assert [run.record().machine.get("stacked") for run in runs] == [5] * 5
    assert len({of(Started, run.history())[0].steps_total for run in runs}) == 1
    assert all(of(EpochDone, run.history())[-1].epoch == 2 for run in runs)
    until(
        lambda: after.status().state == FINISHED,
        "what waited is trained",
        meanwhile=launcher.tick,
        runs=[after],
    )
    assert "stacked" not in after.record().machine


def test_one_of_a_stack_from_the_queue_is_stopped_alone_and_all_share_a_slot(store, launcher):
    runs = create_sweep(store, config_of(**ENDLESS), [0.5, 1, 2, 4], "mine")
    others = [runs[0], runs[1], runs[3]]
    launcher.tick()
    try:
        until(
            lambda: all(run.status().step > 0 for run in runs), "all have begun",
            meanwhile=launcher.tick, runs=runs,
        )  # fmt: skip
        assert len({run.status().pid for run in runs}) == 1
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
        launcher.slots = 2
        after = store.create(config_of(), "after")
        until(
            lambda: after.status().state == FINISHED, "another run has the second slot",
            meanwhile=launcher.tick, runs=[after],
        )  # fmt: skip
    finally:
        for run in runs:
            if run.status().live:
                run.request("stop")
        until(lambda: not any(run.status().live for run in runs), "all are stopped")
