import pytest
import torch
from helpers import config_of, frozen

from vae_core.errors import BadConfig, BadRun, RunBusy, RunNotFound
from vae_core.events import (
    Checkpoint,
    Finished,
    Started,
)
from vae_core.runs.record import FAILED, FINISHED, QUEUED, RUNNING, STOPPED, Status
from vae_core.runs.run import Run
from vae_core.runs.worker import train_run


def checkpoint(step=0, value=0.0, best=None):
    def weights(v):
        return {"w": torch.full((2,), v)}

    best_weights = {} if best is None else weights(best)
    return Checkpoint(step, 0, weights(value), best_weights, {"scalars": torch.zeros(8)}, best_epoch=1)


# ---------------------------------------------------------------- weights


def test_the_stamp_changes_whenever_the_weights_do(store):
    run = store.create(config_of())
    with pytest.raises(BadRun, match="no weights yet"):
        run.stamp()
    with pytest.raises(BadRun, match="no weights yet"):
        run.weights()
    stamps = []
    for value in (1.0, 2.0, 1.0):
        run.append(checkpoint(0, value))
        stamps.append(run.stamp())
    run.close()
    assert len(set(stamps)) == 2
    assert stamps[0] == stamps[2]  # named by content
    assert all(len(stamp) == 16 for stamp in stamps)


def test_best_weights_fall_back_on_the_last(store):
    run = store.create(config_of())
    run.append(checkpoint(0, 1.0))
    assert run.weights("best")["w"].tolist() == [1.0, 1.0]
    run.append(checkpoint(1, 2.0, best=3.0))
    assert run.weights("best")["w"].tolist() == [3.0, 3.0]
    assert run.weights("last")["w"].tolist() == run.weights()["w"].tolist() == [2.0, 2.0]
    run.close()


@pytest.mark.parametrize("name", ["model.safetensors", "resume.safetensors"])
@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_damaged_weights_are_said_to_be(store, name, damage):
    run = store.create(config_of())
    run.append(checkpoint())
    run.close()
    path = run.path / name
    path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)
    with pytest.raises(BadRun, match="damaged"):
        run.weights() if name.startswith("model") else run.resume_state()


def test_a_fine_tune_takes_the_weights_along(copied, store):
    run = store.create(config_of(dataset="digits"), "tuned", start_from=copied)
    assert frozen(run.initial_weights()) == frozen(copied.weights())
    assert run.record().config.training.init_from == copied.id
    store.delete(copied)
    assert run.initial_weights() is not None
    assert store.create(config_of()).initial_weights() is None


def test_a_fine_tune_cuts_copies_of_images_as_the_run_it_starts_from(store):
    """Cut anew, what its parent was trained on could be tested on; on other images there is nothing to agree on."""
    parent = store.create(config_of(dataset="digits", copies="apart"), "parent")
    parent.append(checkpoint())
    parent.close()
    for dataset, copies in (("digits", "apart"), ("shapes", "together")):
        run = store.create(config_of(dataset=dataset), f"tuned-{dataset}", start_from=parent)
        assert run.record().config.data.copies == copies


def test_a_fine_tune_from_a_run_without_weights_leaves_nothing(store):
    empty = store.create(config_of(), "empty")
    with pytest.raises(BadRun, match="no weights yet"):
        store.create(config_of(), "tuned", start_from=empty)
    assert [p.name for p in store.places.runs.iterdir() if p.is_dir()] == [empty.id]


# ---------------------------------------------------------------- again, further


def test_reset_forgets_what_was_learned_and_keeps_what_was_asked(copied):
    asked, name = copied.record().config, copied.name
    copied.request("pause")
    copied.reset()
    status = copied.status()
    assert status == Status(QUEUED, queued=status.queued, born=status.born)
    assert copied.record().config == asked
    assert copied.record().resolved is None
    assert copied.name == name
    assert not copied.has_weights()
    assert copied.resume_state() is None
    assert copied.history() == []
    assert copied.requests() == []
    assert not (copied.path / "snapshots").exists()
    assert not (copied.path / "thumbnail.png").exists()


def test_going_on_queues_the_run_and_more_epochs_are_noted(copied):
    with pytest.raises(BadConfig, match="has finished; say for how many more"):
        copied.go_on()
    copied.go_on(2)
    assert copied.status().state == QUEUED
    record = copied.record()
    assert record.config.training.continued == record.resolved.training.continued == (2,)
    assert record.config.training.continued_rates == record.resolved.training.continued_rates == (0.5,)
    with pytest.raises(RunBusy, match="already queued"):
        copied.go_on(2)
    copied.update_status(state=RUNNING)
    with pytest.raises(RunBusy, match="already running"):
        copied.go_on(2)
    copied.update_status(state=STOPPED)
    copied.go_on()  # to where it was planned to end
    assert copied.record().config.training.continued == (2,)
    copied.update_status(state=FINISHED)
    copied.go_on(3)
    assert copied.record().config.training.continued == (2, 3)


def test_weights_alone_are_nothing_to_go_on_from(copied):
    """As an archive of half size leaves it: going on would silently start from nothing."""
    (copied.path / "resume.safetensors").unlink()
    with pytest.raises(BadConfig, match="fine-tune"):
        copied.go_on(2)
    assert copied.status().state == FINISHED


def test_going_on_forgets_the_error(store):
    run = store.create(config_of())
    run.write_status(Status(FAILED, error="the disk is full", step=7, steps_total=9))
    run.go_on()
    assert (run.status().state, run.status().error, run.status().step) == (QUEUED, "", 7)


# ---------------------------------------------------------------- what a worker leaves


def test_a_run_left_by_the_worker_holds_everything_the_next_reader_needs(copied):
    record = copied.record()
    assert record.data["images"] == 1797
    assert record.shape == (1, 16, 16)
    assert record.resolved.training.threads == 1
    assert set(record.machine) >= {"torch", "processor", "threads", "precision", "device"}
    assert len(record.data["fingerprint"]) == 16
    history = copied.history()
    assert isinstance(history[0], Started)
    assert isinstance(history[-1], Finished)
    assert record.config.training.epochs == 8
    with pytest.raises(RunNotFound):
        train_run(Run(copied.places.runs / "gone", copied.places), copied.places)
    assert not (copied.places.runs / "gone").exists()
