import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import psutil
import pytest
import torch
from helpers import blobs, config_of, frozen, of, until

from vae_core.data import open_images
from vae_core.data import registry as registry_module
from vae_core.data.imageset import Chunk, Source
from vae_core.errors import RunBusy, RunNotFound
from vae_core.events import Checkpoint, Controlled, EpochDone, Finished, Resumed, Started, StepDone
from vae_core.inference import load_run
from vae_core.models.networks import MlpParams
from vae_core.options import Choice
from vae_core.places import write_json
from vae_core.runs import worker as worker_module
from vae_core.runs.control import FileControl
from vae_core.runs.record import FAILED, FINISHED, INTERRUPTED, QUEUED, RUNNING, STOPPED, Status
from vae_core.runs.run import Run
from vae_core.runs.worker import main, train_run
from vae_core.training import resolve, train

LONG = {"epochs": 1_000, "batch_size": 1, "checkpoint_every": 400, "log_every": 20}  # until it is stopped


def worker(run, *, before=""):
    """Train in a process of its own, as a launcher does; `before` is Python to run there first."""
    code = f"{before}\nimport sys\nfrom vae_core.runs.worker import main\nsys.exit(main(sys.argv[1:]))"
    arguments = ["--home", str(run.places.home), "--data-dir", str(run.places.data_dir), run.id]
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def output(process):
    text, _ = process.communicate(timeout=60)
    return process.returncode, text


def gone(folder):
    """Try to delete a folder in which a process still writes; whether it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def stepped(run, step):
    return lambda: any(e.step >= step for e in of(StepDone, run.history()))


# ---------------------------------------------------------------- to the end


def test_a_run_is_trained_to_its_end_and_says_so(store, places):
    run = store.create(config_of(), "mine")
    watched = []
    status = train_run(run, places, watched.append)
    assert status == dataclasses.replace(run.status(), heartbeat=status.heartbeat)
    assert (status.state, status.step, status.steps_total, status.epoch, status.epochs) == (
        FINISHED,
        8,
        8,
        2,
        2,
    )
    assert (status.handle, status.error, status.note, status.eta) == (None, "", "", None)
    assert status.progress == 1.0
    said = list(train(run.record().resolved, open_images("tiny", 16, places)))
    assert [frozen(e) for e in watched] == [frozen(e) for e in said]
    assert [type(e) for e in run.history()] == [type(e) for e in said]
    assert run.record().resolved == resolve(config_of(), open_images("tiny", 16, places))
    assert run.record().shape == (1, 16, 16)
    assert run.record().config == config_of()


def test_training_a_finished_run_again_changes_nothing(store, places):
    run = store.create(config_of())
    train_run(run, places)
    stamp, events = run.stamp(), [frozen(e) for e in run.history()]
    assert train_run(run, places).state == FINISHED
    assert run.stamp() == stamp
    again = run.history()
    assert [frozen(e) for e in again if not isinstance(e, Resumed)] == events


def test_continue_adds_a_cycle(store, places):
    run = store.create(config_of())
    train_run(run, places)
    run.go_on(3)
    status = train_run(run, places)
    assert (status.state, status.step, status.steps_total, status.epochs) == (FINISHED, 20, 20, 5)
    history = run.history()
    assert [e.epoch for e in of(EpochDone, history)] == [1, 2, 3, 4, 5]
    assert (
        max(s.learning_rate for s in of(StepDone, history)[-6:]) > 5e-3
    )  # as long as the first cycle, as high
    assert of(StepDone, history)[-1].learning_rate < 1e-3
    assert len(of(Started, history)) == len(of(Finished, history)) == 1


def test_reset_and_train_gives_the_same_again(store, places):
    run = store.create(config_of())
    train_run(run, places)
    first = [frozen(e) for e in run.history()]
    run.reset()
    assert train_run(run, places).state == FINISHED
    assert [frozen(e) for e in run.history()] == first


def test_a_fine_tune_starts_where_the_other_ended(store, places):
    run = store.create(config_of(epochs=4))
    train_run(run, places)
    tuned = store.create(config_of(epochs=1, seed=3), start_from=run)
    train_run(tuned, places)
    was = of(EpochDone, run.history())
    now = of(EpochDone, tuned.history())
    assert now[0].train.loss < was[1].train.loss


def test_two_runs_of_one_config_have_equal_weights_and_equal_stamps(store, places):
    runs = [store.create(config_of()) for _ in range(2)]
    for run in runs:
        train_run(run, places)
    assert runs[0].stamp() == runs[1].stamp()


# ---------------------------------------------------------------- faults end in a sentence


def test_a_run_that_is_gone_is_not_brought_back(places):
    with pytest.raises(RunNotFound, match="not there any more"):
        train_run(Run(places.runs / "tiny-000000", places), places)
    assert not places.runs.exists() or list(places.runs.iterdir()) == []


def test_only_one_process_trains_a_run(store, places):
    run = store.create(config_of(), "mine")
    with run.lock(), pytest.raises(RunBusy, match="mine is being trained by another process"):
        train_run(run, places)
    assert run.status().state == QUEUED
    assert train_run(run, places).state == FINISHED


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"side": 32}, "tiny comes at side 16, not 32"),
        ({"device": "mps"}, "this machine has no mps"),
    ],
)
def test_settings_that_cannot_be_met_end_in_failed(store, places, changes, says):
    if torch.backends.mps.is_available():
        changes = {"side": 32}
    run = store.create(config_of(**changes))
    status = train_run(run, places)
    assert status.state == FAILED
    assert says in status.error


def test_a_dataset_that_has_changed_is_not_gone_on_with(store, places):
    run = store.create(config_of())
    train_run(run, places)
    run.go_on(1)
    meta = json.loads((places.datasets / "tiny" / "16" / "meta.json").read_text())
    meta["fingerprint"] = "another"
    write_json(places.datasets / "tiny" / "16" / "meta.json", meta)
    status = train_run(run, places)
    assert status.state == FAILED
    assert "is not the one this run began with" in status.error
    assert run.has_weights()


def test_a_dataset_that_is_gone_ends_in_failed(store, places):
    run = store.create(config_of())
    shutil.rmtree(places.datasets)
    status = train_run(run, places)
    assert status.state == FAILED
    assert "there is no dataset 'tiny'" in status.error


def test_damaged_state_to_resume_from_ends_in_failed(store, places):
    run = store.create(config_of())
    train_run(run, places)
    (run.path / "resume.safetensors").write_bytes(b"x")
    run.go_on(1)
    status = train_run(run, places)
    assert status.state == FAILED
    assert "resume.safetensors is damaged" in status.error


def test_a_loss_that_is_no_number_ends_in_failed_with_the_last_good_weights(store, places):
    run = store.create(config_of(epochs=40, checkpoint_every=4))
    run.request("learning_rate", 10_000)

    class Hot(FileControl):
        """A learning rate beyond what may be asked for."""

        def poll(self):
            return [dataclasses.replace(c, value=1e30) for c in super().poll()]

    worker_module.FileControl, kept = Hot, worker_module.FileControl
    try:
        status = train_run(run, places)
    finally:
        worker_module.FileControl = kept
    assert status.state == FAILED
    assert "is not a finite number at step" in status.error
    model = load_run(run)
    assert np.isfinite(model.decode(np.zeros((1, 3), np.float32))).all()


def test_a_rename_while_images_are_prepared_is_kept(store, places, monkeypatch):
    run = store.create(config_of(), "before")

    def open_slowly(*args):
        store.rename(run, "after")
        return open_images(*args)

    monkeypatch.setattr(worker_module, "open_images", open_slowly)
    assert train_run(run, places).state == FINISHED
    assert run.name == "after"
    assert run.record().resolved is not None


def test_a_stop_is_heard_while_images_are_prepared(store, places, monkeypatch):
    """A dataset of a million chunks, of which only a few are ever made."""
    made = []

    def build(side, places, progress):
        images, _ = blobs(10)

        def chunks():
            for i in range(1_000_000):
                made.append(i)
                if i == 3:
                    run.request("stop")
                yield Chunk(images)

        return Source(10_000_000, 1, chunks(), test=np.arange(5))

    endless = dataclasses.replace(registry_module.DIGITS, name="endless", sides=(16,), build=build)
    monkeypatch.setitem(registry_module.DATASETS, "endless", endless)
    run = store.create(config_of(dataset="endless"))
    run.update_status(state=RUNNING)
    status = train_run(run, places)
    assert (status.state, status.error) == (STOPPED, "")
    assert len(made) < 10
    assert not (places.datasets / "endless" / "16").exists()
    run.go_on()  # and the stop is not met again
    control = FileControl(run.path)
    control.start(0, run.status().control)
    assert not control.stop_pending()


# ---------------------------------------------------------------- requests


def test_requests_of_before_the_run_was_queued_again_are_void_but_for_settings(store, places):
    """A stop, a pause and a new beta that nobody took up: the process had just been killed."""
    run = store.create(config_of(), "mine")
    run.update_status(state=RUNNING)
    for name, value in (("beta", 3.0), ("pause", None), ("stop", None)):
        run.request(name, value)
    run.update_status(state=INTERRUPTED)
    run.go_on()
    assert train_run(run, places).state == FINISHED
    assert [(c.number, c.command, c.value) for c in of(Controlled, run.history())] == [(1, "beta", 3.0)]


def test_a_run_stopped_at_a_checkpoint_can_go_on(store, places):
    """The stop was taken up right behind a checkpoint, which does not know of it."""
    run = store.create(config_of())
    run.update_status(state=RUNNING)
    run.request("stop")
    run.write_status(Status(RUNNING))
    assert train_run(run, places).state == STOPPED
    assert run.status().step == 0
    run.go_on()
    assert train_run(run, places).state == FINISHED
    assert len(of(Controlled, run.history())) == 1


def test_a_request_made_while_queued_is_taken_up_at_the_start(store, places):
    run = store.create(config_of())
    run.request("beta", 5.0)
    train_run(run, places)
    assert {s.coefficients["beta"] for s in of(StepDone, run.history())} == {5.0}
    assert run.status().control == 1


# ---------------------------------------------------------------- real processes


@pytest.mark.slow
def test_a_worker_process_trains_politely_and_exits_with_zero(store):
    run = store.create(config_of())
    before = os.getpriority(os.PRIO_PROCESS, 0)
    code, text = output(worker(run, before="import atexit, os; atexit.register(lambda: print(os.nice(0)))"))
    assert code == 0
    assert int(text) == max(10, before)  # the tests may run politely themselves
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    assert run.status().state == FINISHED


def test_a_worker_says_in_its_exit_code_and_a_line_how_it_went(store, places, monkeypatch, capsys):
    monkeypatch.setattr(psutil.Process, "nice", lambda self, value: None)  # the tests themselves stay quick
    run, other = store.create(config_of(), "mine"), store.create(config_of(side=32))
    where = ["--home", str(places.home), "--data-dir", str(places.data_dir)]
    with run.lock():
        assert main([*where, run.id]) == 1
    assert capsys.readouterr().err == "mine is being trained by another process\n"
    assert main([*where, "gone-1"]) == 1
    assert capsys.readouterr().err == "the run gone-1 is not there any more\n"
    assert main([*where, other.id]) == 1
    assert other.status().state == FAILED
    assert main([*where, run.id]) == 0
    assert run.status().state == FINISHED


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_signal_stops_cleanly_and_keeps_what_was_learned(store, places, number):
    run = store.create(config_of(**LONG))
    process = worker(run)
    until(stepped(run, 100), "the run has learned something")
    process.send_signal(number)
    code, text = output(process)
    assert (code, text) == (0, "")
    status = run.status()
    assert (status.state, status.handle, status.error) == (STOPPED, None, "")
    assert 100 <= status.step < status.steps_total
    history = run.history()
    assert isinstance(history[-1], Finished)
    assert history[-1].reason == "stopped"
    assert of(Checkpoint, history)[-1].step == status.step
    assert load_run(run).latent_dim == 3


@pytest.mark.slow
def test_a_run_folder_deleted_while_it_trains_ends_the_process_and_stays_deleted(store, places):
    run = store.create(config_of(**LONG))
    process = worker(run)
    until(stepped(run, 100), "the run has learned something")
    until(partial(gone, run.path), "the folder is deleted")
    code, text = output(process)
    assert code == 1
    assert text == f"the run {run.id} was deleted while it trained\n"
    assert not run.path.exists()
    assert store.own() == []


@pytest.mark.slow
def test_a_full_disk_ends_in_failed_and_the_weights_stay_good(store, places):
    """No file may grow beyond 40 kB: checkpoints fit, the growing list of events does not."""
    config = config_of(
        architecture=Choice("mlp", MlpParams((2,))), latent_dim=2, epochs=6, batch_size=1, log_every=1,
        checkpoint_every=100,
    )  # fmt: skip
    run = store.create(config)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))"
    code, text = output(worker(run, before=limit))
    assert code == 1, text
    status = run.status()
    assert status.state == FAILED
    assert status.error.startswith("the disk is full or a size limit is reached")
    assert status.error.endswith("What was saved is kept; free some space, then resume")
    assert "Traceback" not in text
    assert (run.path / "events.jsonl").stat().st_size <= 40_000
    assert load_run(run).decode(np.zeros((1, 2), np.float32)).shape == (1, 1, 16, 16)
    # once there is room, it goes on as if nothing had been
    run.go_on()
    assert train_run(run, places).state == FINISHED
    said = train(run.record().resolved, open_images("tiny", 16, places))
    expected = [e.terms for e in said if isinstance(e, StepDone)]
    found = [e.terms for e in of(StepDone, run.history())]
    assert len(found) == len(expected) == 6 * 65
    np.testing.assert_allclose([t.loss for t in found], [t.loss for t in expected], rtol=1e-8)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES])
def test_a_fault_of_the_disk_is_told_in_a_sentence(store, places, monkeypatch, number):
    run = store.create(config_of())
    real = Run.append

    def append(self, event):
        if isinstance(event, EpochDone):
            raise OSError(number, os.strerror(number), "events.jsonl")
        real(self, event)

    monkeypatch.setattr(Run, "append", append)
    status = train_run(run, places)
    assert status.state == FAILED
    assert os.strerror(number) in status.error
    assert ("disk is full" in status.error) == (number != errno.EACCES)
    with run.lock():  # let go, so that it can be resumed
        pass


def test_signal_handlers_are_put_back(store, places):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train_run(store.create(config_of()), places)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_thread_may_train_too(store, places):
    run = store.create(config_of())
    thread = threading.Thread(target=train_run, args=(run, places))
    thread.start()
    thread.join(60)
    assert run.status().state == FINISHED
