import dataclasses
import json
import threading

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, frozen, of
from PIL import Image

from vae_core.events import (
    Checkpoint,
    Controlled,
    Finished,
    Resumed,
    Snapshot,
    StepDone,
    Terms,
)
from vae_core.runs.event_log import not_superseded
from vae_core.runs.record import FINISHED, QUEUED, RUNNING, Status
from vae_core.runs.run import Run
from vae_core.training import resolve, train

DATA = blob_set()


def step_done(step, loss=1.0):
    return StepDone(step, 1, Terms(loss, loss, {"distortion": loss, "rate": 0.0}), 1e-3, {"beta": 1.0})


def checkpoint(step=0, value=0.0, best=None):
    def weights(v):
        return {"w": torch.full((2,), v)}

    best_weights = {} if best is None else weights(best)
    return Checkpoint(step, 0, weights(value), best_weights, {"scalars": torch.zeros(8)}, best_epoch=1)


def finish(run, **changes):
    run.write_status(Status(FINISHED, **changes))


def test_a_whole_run_is_read_back_as_it_was_said(store):
    config = resolve(config_of(), DATA)
    run = store.create(config)
    said = list(train(config, DATA))
    for event in said:
        run.append(event)
    run.close()
    back = run.history()
    assert [type(e) for e in back] == [type(e) for e in said]
    for was, found in zip(said, back, strict=True):
        if not isinstance(was, (Checkpoint, Snapshot)):
            np.testing.assert_allclose(_numbers(found), _numbers(was), rtol=1e-8)
    last = of(Checkpoint, said)[-1]
    assert frozen(run.weights()) == frozen(dict(last.last))
    assert frozen(run.weights("best")) == frozen(dict(last.best))
    assert frozen(run.resume_state()) == frozen(dict(last.resume))


def _numbers(event):
    flat = []
    for value in dataclasses.asdict(event).values():
        for inner in value.values() if isinstance(value, dict) else [value]:
            flat += [*inner] if isinstance(inner, tuple) else [inner]
    return [float(v) for v in flat if isinstance(v, (int, float))]


def test_pictures_are_written_as_they_were_drawn(store):
    run = store.create(config_of())
    rng = np.random.default_rng(0)

    def pictures(*shape):
        return rng.integers(0, 256, (*shape, 3, 4, 4), dtype=np.uint8)

    first = Snapshot(4, 1, pictures(8), pictures(8), pictures(16), pictures(2, 9), (1, 0))
    second = Snapshot(8, 2, first.originals, pictures(8), pictures(16), pictures(2, 9), (0, 1))
    for event in (first, second):
        run.append(event)
    run.close()
    lines, _ = run.lines()
    assert lines[0]["originals"] == lines[1]["originals"] == "snapshots/originals-00000004.png"
    for line, event in zip(lines, (first, second), strict=True):
        for name, rows in (
            ("reconstructions", event.reconstructions[None]),
            ("samples", event.samples.reshape(2, 8, 3, 4, 4)),
            ("traversal", event.traversal),
        ):
            picture = np.asarray(Image.open(run.path / line[name]))
            for row in range(rows.shape[0]):
                for column in range(rows.shape[1]):
                    tile = picture[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
                    assert np.array_equal(tile.transpose(2, 0, 1), rows[row, column])
    assert np.asarray(Image.open(run.path / "thumbnail.png")).shape == (8, 8, 3)


def test_grey_pictures_and_fewer_than_eight_images(store):
    run = store.create(config_of())
    grey = np.arange(16 * 16, dtype=np.uint8).reshape(16, 1, 4, 4)
    run.append(Snapshot(1, 1, grey[:3], grey[:3], grey, grey[:2][None], (0,)))
    picture = Image.open(run.path / "snapshots" / "00000001-reconstructions.png")
    assert (picture.mode, picture.size) == ("L", (12, 4))
    assert np.array_equal(np.asarray(picture)[:, 4:8], grey[1, 0])
    run.close()


def test_a_half_written_line_is_not_read_and_the_next_append_heals_it(store):
    run = store.create(config_of())
    run.append(step_done(1))
    run.append(step_done(2))
    run.close()
    path = run.path / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])  # killed while writing
    assert [e.step for e in run.history()] == [1]
    run.append(step_done(2, loss=5.0))
    run.close()
    assert [(e.step, e.terms.loss) for e in run.history()] == [(1, 1.0), (2, 5.0)]
    for line in path.read_bytes().splitlines():
        json.loads(line)


@pytest.mark.parametrize(
    "damage", [b"\x00\xff\n", b"not json\n", b"7\n", b"[1]\n", b'{"event": "new"}\n', b"\n"]
)
def test_a_line_that_is_no_event_is_passed_over(store, damage):
    run = store.create(config_of())
    run.append(step_done(1))
    run.close()
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(damage)
    run.append(step_done(2))
    run.close()
    assert [e.step for e in run.history()] == [1, 2]


def test_lines_can_be_followed_by_their_offset(store):
    run = store.create(config_of())
    assert run.raw_lines() == (b"", 0)
    run.append(step_done(1))
    lines, offset = run.lines()
    assert [line["step"] for line in lines] == [1]
    assert run.lines(offset) == ([], offset)
    run.append(step_done(2))
    run.append(step_done(3))
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(b'{"event":"st')  # a line on its way
    lines, after = run.lines(offset)
    assert [line["step"] for line in lines] == [2, 3]
    text, end = run.raw_lines(offset)
    assert (text.count(b"\n"), end) == (2, after)
    run.close()


def test_lines_come_in_pieces_of_bounded_size_each_whole(store):
    run = store.create(config_of())
    for step in range(1, 51):
        run.append(step_done(step))
    run.close()
    steps, offset, pieces = [], 0, 0
    while True:
        text, following = run.raw_lines(offset, most=600)
        if following == offset:
            break
        assert len(text) <= 600
        steps += [json.loads(line)["step"] for line in text.splitlines()]
        offset, pieces = following, pieces + 1
    assert steps == list(range(1, 51))
    assert pieces > 5


def test_whoever_follows_a_run_that_is_reset_starts_over(store):
    run = store.create(config_of())
    for step in range(1, 6):
        run.append(step_done(step))
    run.close()
    _, offset = run.lines()
    finish(run)
    run.reset()
    assert run.raw_lines(offset) == (b"", 0)
    run.append(step_done(1))
    run.close()
    lines, _ = run.lines(offset)
    assert [line["step"] for line in lines] == [1]


def test_resumed_supersedes_what_came_after_the_checkpoint(store):
    run = store.create(config_of())
    events = [
        step_done(1), step_done(2), checkpoint(2), step_done(3), Controlled(3, 1, "beta", 2.0), step_done(4, 99.0),
        Resumed(2, 8, 2), step_done(4, 1.5), checkpoint(4), step_done(5, 88.0),
        Resumed(4, 8, 2), step_done(6), Finished(6, 1, "stopped", 1),
    ]  # fmt: skip
    for event in events:
        run.append(event)
    run.close()
    said = [(type(e).__name__, e.step) for e in run.history()]
    assert said == [
        ("StepDone", 1), ("StepDone", 2), ("Checkpoint", 2), ("Resumed", 2), ("StepDone", 4), ("Checkpoint", 4),
        ("Resumed", 4), ("StepDone", 6), ("Finished", 6),
    ]  # fmt: skip
    assert 99.0 not in [e.terms.loss for e in of(StepDone, run.history())]


def test_what_was_said_at_the_checkpoints_own_step_is_kept_only_before_it():
    before, after = step_done(4, 1.0), Controlled(4, 2, "beta", 3.0)
    events = [before, checkpoint(4), after]
    assert not_superseded(events, Resumed(4, 8, 2)) == events[:2]
    # killed between the checkpoint's files and its line: everything up to its step counts
    assert not_superseded([before, step_done(6)], Resumed(4, 8, 2)) == [before]


def test_a_run_can_be_read_while_it_is_written(store):
    """Readers in a second thread never raise and never see fewer events than before."""
    run = store.create(config_of())
    faults, counts, stop = [], [], threading.Event()

    def read():
        reader = Run(run.path, store.places)
        try:
            while not stop.is_set():
                counts.append(len(reader.history()))
                assert reader.status().state in (QUEUED, RUNNING)
                if reader.has_weights():
                    value = set(reader.weights()["w"].tolist())
                    assert len(value) == 1
                    assert len(reader.stamp()) == 16
        except Exception as fault:
            faults.append(fault)

    thread = threading.Thread(target=read)
    thread.start()
    for step in range(1, 60):
        run.append(step_done(step))
        run.append(checkpoint(step, float(step)))
        run.update_status(state=RUNNING, step=step)
    stop.set()
    thread.join()
    run.close()
    assert not faults
    assert counts == sorted(counts)
    assert len(run.history()) == 118
