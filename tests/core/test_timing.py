"""How long runs take: what is timed, what is remembered, and what a run corrects."""

import dataclasses
import io
import json
import sys

import pytest
from helpers import blob_set, config_of, of

from vae_core import training
from vae_core.config import ENOUGH_STEPS, RunConfig
from vae_core.data import open_images
from vae_core.events import (
    Checkpoint,
    ClockCheckpoint,
    Controlled,
    Encoded,
    EpochDone,
    Live,
    Snapshot,
    Started,
    StepDone,
    Terms,
)
from vae_core.objectives.losses import BetaParams
from vae_core.options import Choice, from_json, to_json
from vae_core.runs import timing, timing_process
from vae_core.runs.record import FINISHED, STOPPED
from vae_core.runs.timing import Costs, Stopwatch, Timings, about, key_of, time_costs
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep, with_beta
from vae_core.training import resolve, settle, train

DATA = blob_set()


def plan_of(**changes):
    return training.plan_of(config_of(**changes), DATA)


# ---------------------------------------------------------------- a whole run of its parts


@pytest.mark.parametrize(
    "changes",
    [{}, {"epochs": 250}, {"epochs": 3, "checkpoint_every": 5}, {"objective": "autoencoder", "epochs": 5}],
    ids=str,
)
def test_a_run_costs_what_its_events_cost(changes):
    """Each part at a power of ten of its own, counted in the events of a real run; none of them by the clock."""
    plan = plan_of(**{"limit": 16, **changes})
    events = list(train(plan.config, DATA))
    costs = Costs(step=1e-9, validation=1e-6, codes=1e-3, pictures=1.0, save=1e4)
    counts = [len(of(kind, events)) for kind in (EpochDone, Encoded, Snapshot)]
    expected = plan.steps_total * 1e-9 + counts[0] * 1e-6 + counts[1] * 1e-3 + counts[2]
    saved = costs.seconds(plan) - expected
    # besides the record's, a checkpoint for every 30 s
    by_the_clock = int(expected / 30)
    first = 1  # which comes with the start
    steps = {e.step for e in of(Checkpoint, events)} - {0}
    assert saved == pytest.approx(1e4 * (len(steps) + by_the_clock), abs=1e4 * first)


def test_start_up_is_no_part_of_it_and_a_longer_run_costs_more():
    costs = Costs(0.1, 1.0, 0.5, 0.5, 0.2)
    short, long = (costs.seconds(plan_of(epochs=epochs)) for epochs in (2, 20))
    assert 9 * short < long < 11 * short


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (7.4, "7 s"), (12, "10 s"), (44, "45 s"), (57, "55 s"), (58, "1 min"), (171, "3 min"),
     (5399, "90 min"), (5400, "1.5 h")],
)  # fmt: skip
def test_seconds_in_words(seconds, words):
    assert about(seconds) == words


# ---------------------------------------------------------------- what is remembered


def key(**changes):
    return key_of(resolve(config_of(**changes), DATA), "planted")


@pytest.mark.parametrize(
    "changes",
    [{"epochs": 9}, {"seed": 3}, {"learning_rate": 0.5}, {"rate_schedule": "constant"}, {"log_every": 7},
     {"schedule": "warmup"}, {"objective": Choice("beta_vae", BetaParams(8.0))}],
    ids=str,
)  # fmt: skip
def test_runs_that_cost_the_same_share_what_is_remembered(changes):
    one = {"objective": Choice("beta_vae", BetaParams(1.0))}
    assert key(**{**one, **changes}) == key(**one)


@pytest.mark.parametrize(
    "changes", [{"latent_dim": 4}, {"batch_size": 8}, {"objective": "beta_tcvae"}, {"threads": 2},
                {"precision": "bfloat16"}, {"limit": 40}, {"validation": 0.3}], ids=str,
)  # fmt: skip
def test_runs_that_may_not_do_not(changes):
    assert key(**changes) != key()


def test_another_dataset_or_machine_is_timed_anew(monkeypatch):
    config = resolve(config_of(), DATA)
    assert key_of(config, "other") != key_of(config, "planted")
    here = key_of(config, "planted")
    monkeypatch.setattr(timing, "machine", lambda: "elsewhere")
    assert key_of(config, "planted") != here


def test_what_was_found_last_is_kept_for_each_network(places):
    timings = Timings(places)
    assert timings.known("a") is None
    assert timings.startup is None
    timings.keep("a", Costs(1.0), 2.5)
    timings.keep("b", Costs(2.0))
    timings.keep("a", Costs(3.0, 0.5))
    assert (timings.known("a").step, timings.known("a").validation) == (3.0, 0.5)
    assert timings.known("b").step == 2.0
    assert timings.known("a").at > 0
    assert timings.startup == 2.5


def test_the_oldest_are_forgotten(places, monkeypatch):
    monkeypatch.setattr(timing, "MOST", 3)
    clock = iter(range(100))
    monkeypatch.setattr(timing.time, "time", lambda: next(clock))
    timings = Timings(places)
    for name in "abcd":
        timings.keep(name, Costs(1.0))
    assert [timings.known(name) is not None for name in "abcd"] == [False, True, True, True]


GOOD = {"startup": {}, "costs": {"a": dataclasses.asdict(Costs(1.0))}}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"startup": 3, "costs": {}}', "[" * 100_000,
     json.dumps(GOOD | {"costs": {"a": {"step": "fast"}}}), json.dumps(GOOD | {"costs": {"a": {"step": -1}}}),
     json.dumps(GOOD | {"costs": {"a": {"pace": 1}}}), '{"startup": {}, "costs": {"a": {"step": NaN}}}'],
)  # fmt: skip
def test_a_file_that_cannot_be_read_counts_as_empty_and_is_written_anew(places, text):
    (places.home / timing.FILE).write_text(text)
    timings = Timings(places)
    assert timings.known("a") is None
    timings.keep("b", Costs(1.0))
    assert timings.known("b").step == 1.0


# ---------------------------------------------------------------- what a run tells


def test_a_stopwatch_tells_parts_apart_and_leaves_pauses_out(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    watch = Stopwatch()
    terms = Terms(1.0, 1.0)

    def happens(event, before, after=0.0):
        now[0] += before
        watch.came(event)
        now[0] += after
        watch.handled()

    happens(Started(0, 40, 20, 2, 1, 1, 1, 1, 1, 1), 5.0)
    happens(Checkpoint(0, 0, {}, {}, {}), 1.0, 0.5)
    assert watch.costs() is None, "nothing was learned yet"
    happens(StepDone(15, 1, terms, 0.1), 1.5)
    happens(Live((StepDone(18, 1, terms, 0.1),)), 0.25, 0.05)
    happens(Controlled(18, 1, "pause"), 0.0)
    happens(Controlled(18, 2, "resume"), 3600.0)
    happens(StepDone(20, 1, terms, 0.1), 0.2)
    happens(EpochDone(20, 1, terms, terms, 1, True), 0.7, 0.1)
    happens(Encoded(20, 1, None, None), 0.2, 0.1)
    happens(Snapshot(20, 1, None, None, None, None), 0.3, 0.2)
    happens(ClockCheckpoint(20, 1, {}, {}, {}), 0.5, 0.0)
    found = watch.costs()
    assert found.step == pytest.approx(2.0 / 20)
    assert (found.validation, found.codes, found.pictures) == pytest.approx((0.8, 0.3, 0.5))
    assert found.save == pytest.approx((1.5 + 0.5) / 2)


def test_a_run_that_ended_corrects_what_is_remembered(store, places):
    config = config_of(epochs=10)
    resolved = resolve(config, open_images("tiny", 16, places))
    fingerprint = open_images("tiny", 16, places).fingerprint
    timings, name = Timings(places), key_of(resolved, fingerprint)
    timings.keep(name, Costs(step=3600.0), 4.0)
    assert train_run(store.create(config), places).state == FINISHED
    mended = timings.known(name)
    assert 0 < mended.step < 60
    assert min(mended.validation, mended.pictures, mended.codes, mended.save) > 0
    assert timings.startup == 4.0


def test_a_run_of_few_steps_says_nothing(store, places):
    assert train_run(store.create(config_of(epochs=1)), places).state == FINISHED
    assert not (places.home / timing.FILE).exists()


def test_a_home_that_cannot_be_written_fails_no_run(store, places):
    (places.home / timing.FILE).mkdir()
    assert train_run(store.create(config_of(epochs=10)), places).state == FINISHED


# ---------------------------------------------------------------- automatic epochs


def test_automatic_epochs_are_chosen_by_what_is_remembered_as_the_form_shows_them(store, places, monkeypatch):
    data = open_images("tiny", 16, places)
    asked = config_of(epochs=0, most_minutes=1.0)
    of = {"a run": asked, "a sweep": with_beta(asked, 1.0)}
    step = 60.0 / (ENOUGH_STEPS + 100)  # seconds, of which a minute has fewer than all images would be given
    for config in of.values():
        key = key_of(resolve(settle(config, data), data), data.fingerprint)
        Timings(places).keep(key, Costs(step=step))
    monkeypatch.setattr(training, "time_step", lambda *_: pytest.fail("it is known how long a step takes"))
    shown = settle(asked, data, lambda _: step).training.epochs
    assert training.plan_of(settle(asked, data, lambda _: step), data).steps_total >= ENOUGH_STEPS
    assert shown < settle(asked, data).training.epochs
    run = store.create(asked)
    stop = {Started: lambda: run.request("stop")}
    assert train_run(run, places, lambda event: stop.get(type(event), lambda: None)()).state == STOPPED
    assert run.record().config.training.epochs == shown
    for member in create_sweep(store, asked, [0.5, 2], "mine"):
        assert member.record().config.training.epochs == shown


def test_where_nothing_is_remembered_steps_are_timed_for_automatic_epochs(store, places, monkeypatch):
    monkeypatch.setattr(training, "time_step", lambda *_: 1e9)
    asked = config_of(epochs=0)
    least = settle(asked, open_images("tiny", 16, places), lambda _: 1e9).training.epochs
    (first, _) = create_sweep(store, asked, [0.5, 2], "mine")
    assert first.record().config.training.epochs == least


# ---------------------------------------------------------------- timing


@pytest.mark.parametrize("changes", [{}, {"objective": "autoencoder"}, {"epochs": 1, "limit": 16}], ids=str)
def test_timing_finds_a_cost_for_every_part_and_leaves_nothing(changes, monkeypatch, tmp_path):
    monkeypatch.setattr(timing, "SHORT_SECONDS", 0.05)
    monkeypatch.setattr(timing.tempfile, "tempdir", str(tmp_path))
    costs, ready = time_costs(resolve(config_of(**changes), DATA), DATA)
    assert min(costs.step, costs.validation, costs.codes, costs.pictures, costs.save, ready) > 0
    assert list(tmp_path.iterdir()) == []


def test_many_validation_images_are_timed_in_part(monkeypatch):
    monkeypatch.setattr(timing, "SHORT_SECONDS", 0.01)
    config = resolve(config_of(validation=0.5), DATA)
    monkeypatch.setattr(timing, "MOST_VALIDATED", 4)
    real, seen = timing._end_epoch, []

    def counted(loop, run):
        seen.append(len(loop.splits.validation))
        return real(loop, run) | {"validation": 1.0}

    monkeypatch.setattr(timing, "_end_epoch", counted)
    costs, _ = time_costs(config, DATA)
    assert seen == [4, 4]
    assert costs.validation == pytest.approx(len(config.data.split(DATA).validation) / 4)


def test_the_process_that_times_reads_settings_and_prints_seconds(places, monkeypatch, capsys):
    monkeypatch.setattr(timing, "SHORT_SECONDS", 0.05)
    monkeypatch.setattr("vae_core.runs.worker.be_polite", lambda: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(to_json(config_of()))))
    where = ["--home", str(places.home), "--data-dir", str(places.data_dir)]
    assert timing_process.main([*where, "tiny", "16"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert Costs(**said["costs"]).step > 0
    assert said["startup"] > 0
    assert from_json(RunConfig, to_json(config_of())) == config_of()
