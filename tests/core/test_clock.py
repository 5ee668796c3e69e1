"""What comes by the clock, beside a record that must not know of it."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from helpers import Script, blob_set, config_of, frozen, of

from vae_core.events import (
    WALL_FIELDS,
    Checkpoint,
    ClockCheckpoint,
    Controlled,
    Failed,
    Finished,
    Live,
    Resumed,
    StepDone,
)
from vae_core.models.networks import ConvParams
from vae_core.objectives.losses import CapacityParams
from vae_core.options import Choice
from vae_core.runs import worker as worker_module
from vae_core.runs.live import LIVE, read_live
from vae_core.runs.record import FINISHED, INTERRUPTED, RUNNING
from vae_core.runs.run import Run
from vae_core.runs.worker import train_run
from vae_core.training import Clock, resolve, train
from vae_core.training.clock import MOST_POINTS
from vae_core.training.stacked import train_stacked

DATA = blob_set()  # 65 train: 4 steps of 16 an epoch
ALWAYS = partial(Clock, live=0.0, save=0.0)  # everything is due after every step
SPARSE = {"log_every": 100, "checkpoint_every": 100}
VARIETIES = [
    {},
    {**SPARSE, "epochs": 3},
    {"architecture": Choice("conv", ConvParams(4, 8)), "likelihood": "gaussian_optimal", "log_every": 3},
    {"objective": Choice("capacity", CapacityParams(3.0)), "schedule": "warmup", **SPARSE},
    {"objective": "multi_rate", "precision": "bfloat16", **SPARSE},
]


def run(config, *, clock=None, resume=None, control=None):
    events = train(config, DATA, control, resume, clock=clock)
    return [event if control is None else control.see(event) for event in events]


def recorded(events):
    return [frozen(e) for e in events if not isinstance(e, (Live, ClockCheckpoint))]


def recorded_lines(run):
    lines, _ = run.lines()
    return [{k: v for k, v in line.items() if k not in WALL_FIELDS} for line in lines]


@pytest.mark.parametrize("changes", VARIETIES, ids=str)
def test_the_record_is_the_same_whatever_the_clock_says(changes):
    config = resolve(config_of(**changes), DATA)
    plain = run(config)
    assert not of(Live, plain)
    assert not of(ClockCheckpoint, plain)
    slow = run(config, clock=ALWAYS())
    assert recorded(slow) == recorded(plain)
    # a checkpoint after every step but the last, whose own is in the record
    total = plain[0].steps_total
    assert [c.step for c in of(ClockCheckpoint, slow)] == list(range(1, total))


@pytest.mark.parametrize("changes", VARIETIES, ids=str)
def test_going_on_from_a_checkpoint_by_the_clock_equals_never_having_stopped(changes):
    config = resolve(config_of(**changes), DATA)
    whole = run(config)
    for saved in of(ClockCheckpoint, run(config, clock=ALWAYS())):
        torch.manual_seed(saved.step)
        first, *rest = run(config, resume=saved.resume)
        assert first == Resumed(saved.step, whole[0].steps_total, whole[0].epochs, 0)
        left = [e for e in whole if e.step > saved.step]
        assert [frozen(e) for e in rest] == [frozen(e) for e in left]


def test_live_values_are_the_means_since_the_last_that_were_told():
    singly = of(StepDone, run(config_of(log_every=1, checkpoint_every=100)))
    slow = run(config_of(**SPARSE), clock=ALWAYS())
    shown = of(Live, slow)
    assert [e.step for e in shown] == [1, 2, 3, 5, 6, 7]  # steps 4 and 8 end an epoch and are in the record
    for live in shown:
        since = 4 if live.step > 4 else 0
        assert [p.step for p in live.points] == list(range(since + 1, live.step + 1))
        for point in live.points:
            assert point.terms.loss == singly[point.step - 1].terms.loss
            assert point.terms.values == singly[point.step - 1].terms.values
            assert point.coefficients == singly[point.step - 1].coefficients
        assert live.newest.terms.kl_per_dim == singly[live.step - 1].terms.kl_per_dim
        assert {p.terms.kl_per_dim for p in live.points[:-1]} <= {()}


def test_several_steps_between_two_looks_are_averaged():
    """A clock that moves a second a step: every third step is due."""
    seconds = [0.0]

    class Ticking(Script):
        def poll(self):
            seconds[0] += 1
            return []

    clock = Clock(live=3.0, save=1e9, now=lambda: seconds[0])
    config = config_of(**SPARSE, batch_size=8, epochs=1)
    shown = of(Live, run(config, clock=clock, control=Ticking({})))
    assert [e.step for e in shown] == [3, 6]
    singly = of(StepDone, run(config_of(log_every=1, checkpoint_every=100, batch_size=8, epochs=1)))
    for live in shown:
        mean = np.mean([s.terms.loss for s in singly[live.step - 3 : live.step]])
        assert live.newest.terms.loss == pytest.approx(mean, rel=1e-6)


def test_nothing_is_due_before_its_time_and_the_record_puts_it_off():
    now = [0.0]
    clock = Clock(live=0.5, save=30.0, now=lambda: now[0])
    assert not clock.live_due()
    assert not clock.save_due()
    now[0] = 0.5
    assert clock.live_due()
    clock.recorded()
    assert not clock.live_due()
    now[0] = 30.0
    assert clock.live_due()
    assert clock.save_due()
    clock.saved()
    assert not clock.save_due()
    now[0] = 59.9
    assert not clock.save_due()


def test_points_are_thinned_out_and_the_newest_stays():
    clock = ALWAYS()
    point = of(StepDone, run(config_of(epochs=1)))[0]
    for step in range(1000):
        shown = clock.show(type(point)(step, 1, point.terms, 0.1))
        assert len(shown.points) <= MOST_POINTS
        assert shown.step == step
    steps = [p.step for p in shown.points]
    assert steps == sorted(set(steps))
    assert steps[0] < 300, "the older are thinned, not forgotten"


def test_weights_that_are_no_numbers_are_not_kept_and_the_record_says_so_in_its_own_time():
    class Absurd(Script):
        def poll(self):
            self.step += 1
            return super().poll()

    script = {3: [("learning_rate", 1e45)]}
    config = config_of(log_every=4, checkpoint_every=100, epochs=3)
    plain = run(config, control=Absurd(dict(script)))
    slow = run(config, control=Absurd(dict(script)), clock=ALWAYS())
    assert isinstance(plain[-1], Failed)
    assert recorded(slow) == recorded(plain)
    for saved in of(ClockCheckpoint, slow):
        assert all(bool(v.isfinite().all()) for v in saved.last.values())


def test_runs_that_are_stacked_have_clocks_of_their_own():
    some = [config_of(**SPARSE, objective="beta_vae", seed=0)] * 2
    plain = [[], []]
    slow = [[], []]
    for number, event in train_stacked(some, DATA):
        plain[number].append(event)
    for number, event in train_stacked(some, DATA, clocks=[ALWAYS(), ALWAYS()]):
        slow[number].append(event)
    assert [recorded(e) for e in slow] == [recorded(e) for e in plain]
    assert [len(of(Live, e)) for e in slow] == [6, 6]
    saved = of(ClockCheckpoint, slow[1])[4]
    rest = run(resolve(some[1], DATA), resume=saved.resume)
    assert isinstance(rest[-1], Finished)


# ---------------------------------------------------------------- the run folder


class Killed(BaseException):
    """What a process that is killed does not catch."""


@pytest.fixture
def killed_while(monkeypatch):
    """Train a run until Killed, which ends the thread that writes its status too, and queue it again."""
    reporters = []

    class Tracked(worker_module.Reporter):
        def __init__(self, *args):
            super().__init__(*args)
            reporters.append(self)

    monkeypatch.setattr(worker_module, "Reporter", Tracked)

    def killed(run, places):
        try:
            return train_run(run, places)
        except Killed:
            reporters[-1].done.set()
            reporters[-1].thread.join()
            run.update_status(state=INTERRUPTED, handle=None)
            run.go_on()
            return None

    return killed


def test_the_events_on_disk_are_the_same_on_a_slow_machine_and_after_kills(
    store, places, monkeypatch, killed_while
):
    """Killed behind each of its checkpoints by the clock, gone on with every time, and steered meanwhile."""
    config = config_of(**SPARSE, epochs=3)
    plain = store.create(config)
    plain.request("beta", 3.0)
    assert train_run(plain, places).state == FINISHED
    whole = [frozen(e) for e in plain.history()]

    monkeypatch.setattr(worker_module, "Clock", ALWAYS)
    slow = store.create(config)
    slow.request("beta", 3.0)
    assert train_run(slow, places).state == FINISHED
    assert recorded_lines(slow) == recorded_lines(plain)
    assert slow.stamp() == plain.stamp()
    assert not (slow.path / LIVE).exists()

    killed = store.create(config)
    killed.request("beta", 3.0)
    done, real = [0], Run.append

    def append(self, event):
        real(self, event)
        if isinstance(event, ClockCheckpoint) and event.step > done[0]:
            done[0] = event.step
            raise Killed

    monkeypatch.setattr(Run, "append", append)
    for _ in range(30):
        status = killed_while(killed, places)
        if status is not None:
            break
    assert status.state == FINISHED
    assert done == [11]
    history = killed.history()
    assert [frozen(e) for e in history if not isinstance(e, Resumed)] == whole
    assert killed.stamp() == plain.stamp()


def test_a_request_taken_up_behind_a_checkpoint_by_the_clock_is_told_once(
    store, places, monkeypatch, killed_while
):
    """Killed right behind the request, which the checkpoint does not know of."""
    monkeypatch.setattr(worker_module, "Clock", ALWAYS)
    run = store.create(config_of(**SPARSE, epochs=3))
    real, killed = Run.append, [False]

    def append(self, event):
        real(self, event)
        if isinstance(event, ClockCheckpoint) and event.step == 5 and not killed[0]:
            self.request("learning_rate", 0.5)
        if isinstance(event, Controlled) and not killed[0]:
            killed[0] = True
            raise Killed

    monkeypatch.setattr(Run, "append", append)
    run.update_status(state=RUNNING)
    assert killed_while(run, places) is None
    assert train_run(run, places).state == FINISHED
    assert [(e.step, e.number) for e in of(Controlled, run.history())] == [(5, 1)]


def test_a_run_folder_shows_live_points_while_it_learns_and_weights_by_the_clock(store, places, monkeypatch):
    monkeypatch.setattr(worker_module, "Clock", ALWAYS)
    run = store.create(config_of(**SPARSE))
    (run.path / LIVE).write_text('{"points": [{"event": "step", "step": 99}]}')  # left by a kill
    seen, stamps, steps = [], set(), []

    def watch(event):
        seen.append([p["step"] for p in run.live_points()])
        if isinstance(event, Checkpoint):
            stamps.add(run.stamp())
        if isinstance(event, Live):
            steps.append(run.status().step)

    assert train_run(run, places, watch).state == FINISHED
    assert seen[0] == []
    assert [1, 2, 3] in seen
    assert len(stamps) > 5, "the weights are new after every checkpoint"
    assert run.live_points() == []
    kinds = {line["event"] for line in run.lines()[0]}
    assert kinds == {"started", "step", "epoch", "codes", "snapshot", "checkpoint", "finished"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"points": 3}', '{"points": [1, null, {"event": "epoch"}]}', "[" * 100_000],
)
def test_a_live_file_that_is_none_shows_nothing(tmp_path, text):
    (tmp_path / LIVE).write_text(text)
    assert read_live(tmp_path) == []
    assert read_live(tmp_path / "nowhere") == []


def test_a_live_file_is_json_whatever_the_numbers_are(store):
    run = store.create(config_of())
    point = StepDone(
        1, 1, of(StepDone, train(config_of(epochs=1), DATA))[0].terms, 0.1, {"beta": float("nan")}
    )
    run.append(Live((point,)))
    assert json.loads((run.path / LIVE).read_text())["points"][0]["coefficients"] == {"beta": None}
    run.reset()
    assert not (run.path / LIVE).exists()
