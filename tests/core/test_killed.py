"""A run that was killed at any moment goes on with nothing lost and nothing told twice.

The moments are planted: a copy of the folder as the disk held it then.
"""

import itertools
import os
import shutil

import pytest
import torch
from helpers import config_of, frozen, of

from vae_core.errors import BadRun
from vae_core.events import Checkpoint, Controlled, EpochDone, Resumed, StepDone, Terms
from vae_core.places import HALF_WRITTEN, write_atomically
from vae_core.runs import array_files
from vae_core.runs.array_files import RESUME, WEIGHTS, tensors_to_bytes
from vae_core.runs.event_log import tells_of
from vae_core.runs.record import FAILED, FINISHED, INTERRUPTED
from vae_core.runs.run import Run
from vae_core.runs.worker import train_run
from vae_core.training.checkpoint import position


@pytest.fixture
def killed(store, places, monkeypatch):
    """killed(config, watch) trains a run to its end and gives it, with a copy for each moment at a checkpoint."""

    def train(config, watch=None):
        run, copies = store.create(config, "whole"), []

        def copied(moment):
            target = places.runs / f"{run.id}-{len(copies)}"
            shutil.copytree(run.path, target)
            copies.append((moment, Run(target, places)))

        def written(path, data, **how):
            write_atomically(path, data, **how)
            if path.name in (RESUME, WEIGHTS):
                copied(f"after {path.name}")

        def see(event):
            if isinstance(event, Checkpoint):
                copied("after its line")
            if watch is not None:
                watch(run, event)

        with monkeypatch.context() as patched:
            patched.setattr(array_files, "write_atomically", written)
            assert train_run(run, places, see).state == FINISHED
        return run, copies

    return train


def told(run):
    """What a run tells, wall time aside, but for where it went on."""
    return [frozen(event) for event in run.history() if not isinstance(event, Resumed)]


def go_on(run, places):
    run.update_status(state=INTERRUPTED, handle=None)
    run.go_on()
    assert train_run(run, places).state == FINISHED, run.status().error


def test_a_kill_at_any_moment_of_a_checkpoint_loses_and_doubles_nothing(killed, places):
    run, copies = killed(config_of(checkpoint_every=3))
    assert [moment for moment, _ in copies[:3]] == [f"after {RESUME}", f"after {WEIGHTS}", "after its line"]
    assert len(copies) >= 12
    whole = told(run)
    some = [*copies[:3], *copies[6:9], *copies[-3:]]  # the first checkpoint, one between, the last
    for moment, copy in some:
        go_on(copy, places)
        assert told(copy) == whole, moment
        assert copy.stamp() == run.stamp(), moment
        assert frozen(copy.resume_state()) == frozen(run.resume_state()), moment
        steps = [event.step for event in of(StepDone, copy.history())]
        assert all(a < b for a, b in itertools.pairwise(steps)), moment


def test_a_torn_line_of_a_checkpoint_is_told_again(killed, places):
    run, copies = killed(config_of(checkpoint_every=3))
    moment, copy = copies[8]
    assert moment == "after its line"
    log = copy.path / "events.jsonl"
    os.truncate(log, log.stat().st_size - 10)
    go_on(copy, places)
    assert told(copy) == told(run)


def test_a_request_that_a_checkpoint_knows_of_is_told_once_whenever_the_kill_came(killed, places):
    """β is changed while the run is paused, which saves a second checkpoint at the same step."""

    def watch(run, event):
        if isinstance(event, StepDone) and event.step == 2:
            run.request("pause")
        if isinstance(event, Controlled) and event.command == "pause":
            run.request("beta", 7.0)
        if isinstance(event, Controlled) and event.command == "beta":
            run.request("resume")

    run, copies = killed(config_of(checkpoint_every=100, log_every=1), watch)
    assert [event.command for event in of(Controlled, run.history())] == ["pause", "beta", "resume"]
    at_pause = [
        (moment, copy)
        for moment, copy in copies
        if of(Controlled, copy.history()) and not of(EpochDone, copy.history())
    ]
    assert len(at_pause) >= 6
    for moment, copy in at_pause:
        before = [event.command for event in of(Controlled, copy.history())]
        go_on(copy, places)
        changes = [event for event in of(Controlled, copy.history()) if event.command == "beta"]
        assert [event.value for event in changes] == [7.0], (moment, before)
        later = [event for event in of(StepDone, copy.history()) if event.step > 2]
        assert later
        assert all(event.coefficients == {"beta": 7.0} for event in later), (moment, before)
        steps = [event.step for event in of(StepDone, copy.history())]
        assert all(a < b for a, b in itertools.pairwise(steps)), moment


def step_done(step):
    return StepDone(step, 1, Terms(1.0, 1.0), 1e-3)


def checkpoint(step):
    return Checkpoint(step, 1, None, None, None)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], False),
        ([step_done(4)], False),
        ([step_done(4), checkpoint(4)], True),
        ([step_done(4), checkpoint(4), step_done(6)], True),
        ([checkpoint(2), step_done(4)], False),
        (
            [step_done(4), checkpoint(4), Controlled(4, 2, "beta", 3.0)],
            False,
        ),  # known to the checkpoint: a second one
        ([step_done(4), checkpoint(4), Controlled(4, 3, "resume")], True),  # not known: it came after
        ([step_done(4), checkpoint(4), Controlled(4, 2, "beta", 3.0), checkpoint(4)], True),
        ([checkpoint(4), Controlled(5, 2, "beta", 3.0)], True),
    ],
)
def test_whether_a_log_tells_of_a_checkpoint(events, expected):
    assert tells_of(events, 4, 2) is expected


# ---------------------------------------------------------------- what is damaged, what is left over


@pytest.mark.parametrize("scalars", [None, torch.zeros(3), torch.full((8,), torch.nan), torch.tensor(1.0)])
def test_a_checkpoint_that_says_nothing_is_refused_in_a_sentence(store, places, scalars):
    state = {"x": torch.zeros(1)} if scalars is None else {"scalars": scalars}
    with pytest.raises(BadRun, match="fine-tune a new run"):
        position(state)
    run = store.create(config_of())
    write_atomically(run.path / RESUME, tensors_to_bytes(state))
    status = train_run(run, places)
    assert status.state == FAILED
    assert "what training would go on from is damaged" in status.error


def test_half_written_files_of_a_killed_process_are_swept_and_those_of_others_left(store, places):
    run = store.create(config_of(epochs=1))
    for folder in ("snapshots", "codes"):
        (run.path / folder).mkdir()
    own = [
        ".resume.safetensors.0a1b2c3d",
        "snapshots/.00000004-samples.png.ffffffff",
        "codes/.00000004.npz.01234567",
    ]
    old, new = ".status.json.0a1b2c3d", ".config.json.0a1b2c3d"
    kept = [".train.lock", ".control.lock", "snapshots/.keep", "log.txt", ".model.safetensors.0a1b2c3d.mine"]
    for name in [*own, old, new, *kept]:
        (run.path / name).write_bytes(b"half")
    os.utime(run.path / old, (1e9, 1e9))
    assert train_run(run, places).state == FINISHED
    left = {name for name in [*own, old, new, *kept] if (run.path / name).exists()}
    assert left == {new, *kept}


def test_a_write_that_is_killed_leaves_a_file_that_is_known_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr("pathlib.Path.unlink", lambda *_, **__: None)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / WEIGHTS, b"x")
    (left,) = tmp_path.iterdir()
    assert HALF_WRITTEN.fullmatch(left.name)[1] == WEIGHTS


def test_lines_are_on_the_disk_before_a_checkpoint_is(store, monkeypatch):
    run, order = store.create(config_of()), []
    real = os.fsync
    monkeypatch.setattr(
        "os.fsync", lambda fd: (order.append(os.readlink(f"/proc/self/fd/{fd}").rsplit("/", 1)[-1]), real(fd))
    )
    run.append(step_done(1))
    run.append(Checkpoint(1, 0, {"w": torch.zeros(2)}, {}, {"scalars": torch.zeros(8)}))
    run.close()
    assert order[0] == "events.jsonl"
    assert [name.split(".")[1] for name in order[1:]] == ["resume", "model"]
