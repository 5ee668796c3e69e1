"""Studies with real processes: a server's queue and driver, and what is killed on the way."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import psutil
import pytest
from helpers import config_of, until
from test_study_driving import BETA_VAE, drive, study_of

from vae_core.options import replace_at
from vae_core.processes import child_environment
from vae_core.runs.launchers import is_alive
from vae_core.runs.queue import Queue
from vae_core.runs.run import Run
from vae_core.runs.worker import train_run
from vae_core.study import driving as module
from vae_core.study.driver import Driver, driven, wanting
from vae_core.study.measuring import Apart, measure_run
from vae_core.study.record import studies
from vae_core.study.view import payload

LONG = config_of(objective=BETA_VAE, epochs=400, batch_size=1, log_every=50, checkpoint_every=100)


@pytest.fixture
def server(places):
    """A queue and a driver, as a server has them."""
    queue, driver = Queue(places), Driver(places)
    queue.start()
    driver.start()
    yield driver
    driver.stop()
    queue.stop()
    for study in studies(places):
        for run in study.runs():
            handle = run and run.status().handle
            if handle and is_alive(handle):
                psutil.Process(handle.job["pid"]).kill()


@pytest.mark.slow
def test_a_server_drives_a_study_to_its_end(places, server):
    assert wanting(places) == []
    assert server.child is None
    study = study_of(places, trials=1, sampler="random")
    server.wake()
    until(lambda: not study.wants(), "its trial is done")
    assert [t.end for t in study.ledger().trials] == ["complete"]
    for trial, run in zip(study.ledger().trials, study.runs(), strict=True):
        assert trial.numbers["elbo"] == measure_run(run).numbers["elbo"]
    assert server.child is not None
    server.stop()
    assert server.child is None
    assert not driven(study)


@pytest.mark.slow
def test_a_study_survives_the_kill_of_a_trial_and_of_its_driver(places, server):
    study = study_of(places, trials=2, sampler="random", base=LONG)
    server.wake()
    first = lambda: next(iter(study.runs()), None)  # noqa: E731
    until(lambda: first() and first().status().step >= 200, "the first has learned something")
    server.child.kill()  # the driver
    run = first()
    psutil.Process(run.status().handle.job["pid"]).kill()  # the trial
    until(
        lambda: any(line["event"] == "resumed" for line in run.lines()[0]),
        "another driver has taken the study up, and the trial has gone on from its checkpoint",
    )
    assert [(t.run, t.tries) for t in study.ledger().trials] == [(run.id, 1)]
    assert run.record().name == "s-t000"
    study.stop()
    until(lambda: first().status().state == "stopped", "it stops with the study")
    assert payload(study)["trials"][0]["state"] == "stopped"
    until(lambda: not driven(study), "the driver lets go of it")


@pytest.mark.slow
def test_a_command_that_is_killed_leaves_a_study_that_goes_on(places):
    study = study_of(places, trials=2, sampler="random", base=LONG)
    code = (
        "import sys; from vae_core.places import Places; from vae_core.study.record import open_study; "
        "from vae_core.study.foreground import run_here; run_here(open_study(Places.find(sys.argv[1]), 's'))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(places.home)], env=child_environment())
    until(lambda: study.runs() and study.runs()[0] and study.runs()[0].status().step >= 200, "the first has learned something")  # fmt: skip
    assert driven(study)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not driven(study)
    first = study.runs()[0]
    record = first.record()  # shortened, or it would train for a minute
    at = first.resume_state()
    assert at is not None
    epochs = first.weights_at().step // 72 + 2
    first.write_record(
        replace(
            record,
            config=replace_at(record.config, ("training", "epochs"), epochs),
            resolved=record.resolved and replace_at(record.resolved, ("training", "epochs"), epochs),
        )
    )

    def short(run, places, watch):
        if run.id != first.id:
            run.write_record(
                replace(run.record(), config=replace_at(run.record().config, ("training", "epochs"), 1))
            )
        return train_run(run, places, watch)

    assert drive(study, training=short).done
    assert [t.end for t in study.ledger().trials] == ["complete"] * 2
    assert any(line["event"] == "resumed" for line in first.lines()[0])


@pytest.mark.parametrize("calls", range(12))
def test_killed_between_any_two_writes(places, monkeypatch, calls):
    """The driver is gone at the nth thing it writes; the next goes on, and no run is made twice."""

    class Gone(BaseException):
        pass

    study = study_of(places, trials=2, sampler="random", base=config_of(objective=BETA_VAE, epochs=1))
    left = [calls]

    def counted(function):
        def call(*args, **kwargs):
            if left[0] == 0:
                raise Gone
            left[0] -= 1
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_ledger", counted(module.write_ledger))
        for name in ("ask", "tell", "add"):
            patch.setattr(module.Search, name, counted(getattr(module.Search, name)))
        patch.setattr(module.Store, "create", counted(module.Store.create))
        with contextlib.suppress(Gone):
            drive(study)
    left[0] = -1
    assert drive(study).done
    trials = study.ledger().trials
    assert [t.end for t in trials] == ["complete"] * 2
    assert len({t.run for t in trials}) == 2
    assert len(list(places.runs.glob("tiny-*"))) == 2


def test_a_measurement_whose_process_is_killed_fails_its_trial_alone(places, monkeypatch):
    study = study_of(places, trials=1, sampler="random")
    assert drive(study).done
    run = study.runs()[0]
    apart = Apart()
    assert apart.measured(run, ()) is None
    apart.children[run.id].kill()
    found = None
    done = threading.Event()
    while found is None and not done.wait(0.02):
        found = apart.measured(run, ())
    assert "the process that measured it ended (code -9)" in found.error
    assert apart.measured(run, ()) is None  # asked again, it begins anew
    apart.close()
    assert apart.children == {}


@pytest.mark.slow
def test_a_measurement_in_its_own_process_gives_the_same_numbers(places):
    study = study_of(places, trials=1, sampler="random")
    assert drive(study).done
    run, apart = study.runs()[0], Apart()
    found = []
    until(lambda: found or found.extend(filter(None, [apart.measured(run, ())])), "it was measured")
    assert found[0].numbers == study.ledger().trials[0].numbers
    assert found[0].stamp == study.ledger().trials[0].stamp
    gone = Run(places.runs / "nothing", places)
    until(lambda: len(found) == 2 or found.extend(filter(None, [apart.measured(gone, ())])), "it was not")
    assert found[1].error == "the run nothing is not there any more"


def test_a_measurement_ends_with_the_process_that_asked_for_it(places):
    """Here with one that is gone before it looks."""
    words = [
        sys.executable,
        "-m",
        "vae_core.study.measuring",
        str(places.home),
        str(places.data_dir),
        "r",
        "",
        "1",
    ]
    done = subprocess.run(words, env=child_environment(), capture_output=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_process_ends_when_the_one_that_started_it_is_killed(tmp_path):
    child = "import threading; from vae_core.processes import end_with_parent; end_with_parent(between=0.05); print(1, flush=True); threading.Event().wait()"
    code = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE); p.stdout.read(1); print(p.pid, flush=True); p.wait()"
    parent = subprocess.Popen([sys.executable, "-c", code], env=child_environment(), stdout=subprocess.PIPE)
    with parent:
        watched = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    gone, _ = psutil.wait_procs([watched], timeout=120)
    assert gone == [watched]


def test_no_more_measure_at_once_than_may(places, monkeypatch):
    class Child:
        """A process that works until it is told to be done."""

        def __init__(self, *args, **kwargs):
            self.code = None

        def poll(self):
            return self.code

        def kill(self):
            self.code = -9

        def wait(self):
            return self.code

        def __enter__(self):
            return self

        def __exit__(self, *fault):
            return None

    monkeypatch.setattr(subprocess, "Popen", Child)
    apart, runs = Apart(2), [Run(places.runs / f"r{i}", places) for i in range(5)]
    for run in runs:
        assert apart.measured(run, ()) is None
    assert list(apart.children) == ["r0", "r1"]
    apart.children["r0"].code = 0
    apart.measured(runs[4], ())
    assert list(apart.children) == ["r0", "r1", "r4"]
    apart.close()
    assert Apart().most >= 1
