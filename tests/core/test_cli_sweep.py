"""`vae-core sweep`."""

import dataclasses
import json
import signal
import subprocess
import sys
import threading
from functools import partial

import pytest
from helpers import config_of, until

from vae_core.data import open_images
from vae_core.errors import BadConfig
from vae_core.evaluation import run_metrics as run_metrics_module
from vae_core.evaluation.likelihood import evaluate
from vae_core.events import Controlled, EpochDone, Finished, StepDone
from vae_core.inference import load_run
from vae_core.options import replace_at
from vae_core.runs import worker as worker_module
from vae_core.runs.launchers import LOCAL, Handle
from vae_core.runs.record import FAILED, FINISHED, INTERRUPTED, QUEUED, RUNNING, STOPPED
from vae_core.runs.run import Run
from vae_core.sweep import create_sweep, go_on, members

TINY = [
    "--dataset", "tiny", "--model", "mlp", "--hidden", "12", "--latent-dim", "3", "--epochs", "1",
    "--batch-size", "16", "--precision", "float32", "--device", "cpu", "--threads", "1",
]  # fmt: skip


@pytest.fixture
def sweep(vae_core):
    """sweep("--betas", "1,2", ...) in the test's home -> (exit code, what it printed, what it complained of)."""
    return partial(vae_core, "sweep")


def test_a_sweep_is_trained_and_summed_up(sweep, store, places):
    code, out, err = sweep(
        *TINY, "--betas", "0.5,2", "--seeds", "2", "--seed", "4", "--name", "mine", "--json"
    )
    assert code == 0, err
    told = json.loads(out)
    assert (told["sweep"], told["split"]) == ("mine", "test")
    assert [(r["beta"], r["seed"]) for r in told["runs"]] == [(0.5, 4), (0.5, 5), (2.0, 4), (2.0, 5)]
    data = open_images("tiny", 16, places)
    for row, member in zip(told["runs"], members(store, "mine"), strict=True):
        direct = evaluate(load_run(member.run), data)
        assert row["id"] == member.run.id
        assert (row["distortion"], row["rate"]) == (direct.distortion, direct.rate)
        assert row["elbo"] == pytest.approx(direct.elbo)
        assert row["active_units"] == direct.active_units
        assert row["status"] == FINISHED
    assert "β" in told["text"]
    assert "training mine-beta2-seed5\n" in err


def test_the_table_is_for_people(sweep):
    code, out, _ = sweep(*TINY, "--log-range", "0.25", "4", "3")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "tiny-sweep on test images, nats per image"
    assert lines[1].split() == ["β", "seed", "distortion", "rate", "−ELBO", "active", "status", "name"]
    assert [line.split()[0] for line in lines[2:5]] == ["0.25", "1", "4"]
    for line in lines[2:5]:
        cells = line.split()
        assert float(cells[2]) + float(cells[3]) == pytest.approx(float(cells[4]), abs=0.011)
    assert "ELBO" in lines[5]


def test_help_tells_of_betas_and_of_every_setting(sweep):
    code, out, _ = sweep("--help")
    text = " ".join(out.split())
    assert code == 0
    for word in (
        "--betas",
        "--log-range LOW HIGH COUNT",
        "--resume NAME",
        "--apart",
        "--latent-dim",
        "--json",
    ):
        assert word in text


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "needs --betas"),
        (["--betas", "1,two"], 2, "not '1 two'"),
        (["--betas", "1,2", "--log-range", "1", "2", "3"], 2, "not both"),
        (["--log-range", "1", "2", "2.5"], 2, "no count"),
        (["--log-range", "1", "2", "inf"], 2, "no count"),
        (["--log-range", "1", "2"], 2, "expected 3"),
        (["--betas", "1"], 1, "at least two"),
        (["--betas", "1,-2"], 1, "0 or below"),
        (["--betas", "1,1"], 1, "given twice"),
        (["--betas", "1,nan"], 1, "nan"),
        (["--betas", "1,2", "--seeds", "0"], 1, "1 or more"),
        (["--betas", "1,2", "--seeds", "40"], 1, "at most 64"),
        (["--betas", "1,2", "--name", "a b"], 1, "cannot name"),
        (["--betas", "1,2", "--objective", "beta_vae", "--beta", "3"], 2, "takes --betas"),
        (["--betas", "1,2", "--objective", "autoencoder"], 2, "no β to sweep"),
        (["--betas", "1,2", "--width", "8"], 2, "belongs to conv"),
        (["--resume", "nothing"], 2, "leave out --dataset"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_created(sweep, store, words, code, says):
    found, out, err = sweep(*TINY, *words)
    assert (found, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert store.own() == []


def test_resuming_what_is_not_there_says_so(sweep):
    code, out, err = sweep("--resume", "nothing")
    assert (code, out) == (1, "")
    assert "there is no sweep 'nothing'" in err


def test_a_beta_is_added_and_the_interrupted_goes_on(sweep, store):
    assert sweep(*TINY, "--betas", "1,4", "--name", "mine")[0] == 0
    first = members(store, "mine")[0].run
    first.update_status(
        state=RUNNING, handle=Handle(LOCAL, {"pid": 2**22 + 1, "started": 1.0})
    )  # its process died
    code, out, err = sweep("--resume", "mine", "--betas", "2", "--json")
    assert code == 0, err
    assert [(r["beta"], r["status"]) for r in json.loads(out)["runs"]] == [
        (1.0, FINISHED), (2.0, FINISHED), (4.0, FINISHED),
    ]  # fmt: skip
    assert "mine-beta4" not in err


def test_one_that_fails_does_not_stop_the_others(sweep, monkeypatch):
    train_run = worker_module.train_run

    def spoils_the_first(run, places, watch):
        if run.name == "mine-beta1":
            (run.path / "resume.safetensors").write_bytes(b"spoilt")
        return train_run(run, places, watch)

    monkeypatch.setattr(worker_module, "train_run", spoils_the_first)
    code, out, err = sweep(*TINY, "--betas", "1,2", "--name", "mine", "--json")
    assert code == 1
    assert [r["status"] for r in json.loads(out)["runs"]] == [FAILED, FINISHED]
    assert "mine-beta1 failed: " in err
    assert "is damaged" in err


def test_a_run_whose_beta_was_changed_on_the_way_is_named_and_no_point(sweep, store, monkeypatch):
    train_run = worker_module.train_run

    def turns_the_second(run, places, watch):
        if run.name == "mine-beta2":
            run.request("beta", 9.0)
        return train_run(run, places, watch)

    monkeypatch.setattr(worker_module, "train_run", turns_the_second)
    code, out, err = sweep(*TINY, "--betas", "1,2,4", "--name", "mine")
    assert code == 0, err
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["1", "2,", "4"]
    assert lines[3].startswith("2, 9 ")
    assert "mine-beta2 is not in the curve: its β was changed while it learnt, 2 to 9." in lines[5]
    told = json.loads(sweep("--resume", "mine", "--json")[1])
    assert [r["turned"] for r in told["runs"]] == [[], [9.0], []]


def test_the_sentence_names_the_beta_of_the_best_score(sweep, monkeypatch, places, store):
    """The score asked for, else the first that is known, as on the page."""
    code, out, _ = sweep(*TINY, "--betas", "1,2", "--name", "mine")
    assert code == 0
    assert "is best at" not in out
    assert "SAP is not known for these runs" in sweep("--resume", "mine", "--score", "sap")[1]
    numbers = run_metrics_module.RunMetrics.numbers

    def scored(self, member):
        found = numbers(self, member)
        return dataclasses.replace(found, scores={"mig": member.beta / 10, "sap": 1 / member.beta})

    monkeypatch.setattr(run_metrics_module.RunMetrics, "numbers", scored)
    assert "MIG is best at β 2 (0.200)." in sweep("--resume", "mine")[1]
    assert "SAP is best at β 1 (1.000)." in sweep("--resume", "mine", "--score", "sap")[1]
    assert sweep("--resume", "mine", "--score", "none")[0] == 2


def test_one_stopped_by_name_does_not_stop_the_sweep(sweep, store, monkeypatch):
    train_run = worker_module.train_run

    def stops_the_first(run, places, watch):
        def see(event):
            watch(event)
            if run.name == "mine-beta1" and not run.requests():
                run.request("stop")

        return train_run(run, places, see)

    monkeypatch.setattr(worker_module, "train_run", stops_the_first)
    code, out, _ = sweep(*TINY, "--epochs", "5", "--betas", "1,2", "--name", "mine", "--json")
    assert code == 0
    assert [r["status"] for r in json.loads(out)["runs"]] == [STOPPED, FINISHED]


@pytest.mark.slow
def test_ctrl_c_stops_all_and_the_sweep_can_be_taken_up_again(places, store, sweep):
    words = [
        *TINY,
        "--epochs",
        "400",
        "--apart",
        "--batch-size",
        "1",
        "--log-every",
        "20",
        "--checkpoint-every",
        "400",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "vae_core.cli", "sweep", *words, "--betas", "1,4", "--name", "mine", "--json",
         "--home", str(places.home)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(
        lambda: [m for m in _members(store) if m.run.status().step >= 100], "the first has learned something"
    )
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "the sweep mine stopped; `vae-core sweep --resume mine` goes on"
    assert [m.state for m in members(store, "mine")] == [STOPPED, STOPPED]
    assert [r["status"] for r in json.loads(out)["runs"]] == [STOPPED, STOPPED]
    at = [m.run.status().step for m in members(store, "mine")]
    assert at[0] >= 100
    assert at[1] == 0
    # taken up again, it goes on from there: shortened here, or it would train for a minute
    for m in members(store, "mine"):
        assert m.run.resume_state() is not None or m.beta == 4
        record = m.run.record()
        epochs = -(-at[0] // 68) + 1
        config = replace_at(record.config, ("training", "epochs"), epochs)
        resolved = record.resolved and replace_at(record.resolved, ("training", "epochs"), epochs)
        m.run.write_record(dataclasses.replace(record, config=config, resolved=resolved))
    code, out, err = sweep("--resume", "mine", "--json")
    assert code == 0, err
    assert [r["status"] for r in json.loads(out)["runs"]] == [FINISHED, FINISHED]


def _members(store):
    return members(store, "mine") if store.own() else []


def test_a_run_that_another_process_trains_is_waited_for(sweep, store, places, monkeypatch):
    """A server on the same home takes queued runs too."""
    train_run = worker_module.train_run

    def busy(run, places, watch):
        if run.name == "mine-beta1":
            monkeypatch.setattr(worker_module, "train_run", train_run)
            with run.lock(), pytest.raises(worker_module.RunBusy):
                train_run(run, places, watch)
            train_run(run, places)  # by whoever had it
            raise worker_module.RunBusy("elsewhere")
        return train_run(run, places, watch)

    monkeypatch.setattr(worker_module, "train_run", busy)
    code, out, _ = sweep(*TINY, "--betas", "1,2", "--name", "mine", "--json")
    assert code == 0
    assert [r["status"] for r in json.loads(out)["runs"]] == [FINISHED, FINISHED]


def test_a_run_whose_process_died_elsewhere_is_not_waited_for(sweep, store, monkeypatch):
    train_run = worker_module.train_run

    def the_other_dies(run, places, watch):
        other = next(m.run for m in members(store, "mine") if m.beta == 2)
        other.update_status(state=RUNNING, handle=Handle(LOCAL, {"pid": 2**22 + 1, "started": 1.0}))
        return train_run(run, places, watch)

    monkeypatch.setattr(worker_module, "train_run", the_other_dies)
    code, out, err = sweep(*TINY, "--betas", "1,2", "--name", "mine", "--json")
    assert code == 1
    assert [r["status"] for r in json.loads(out)["runs"]] == [FINISHED, INTERRUPTED]
    assert "mine-beta2: the process that trained it ended; `vae-core sweep --resume mine` goes on" in err
    monkeypatch.undo()
    code, out, _ = sweep("--resume", "mine", "--json")
    assert code == 0
    assert [r["status"] for r in json.loads(out)["runs"]] == [FINISHED, FINISHED]


def test_the_rest_of_a_stack_is_trained_when_one_of_it_was_taken(sweep, store, places, monkeypatch):
    """By a server on the same home, which trains it to its end."""
    train_stack, sizes = worker_module.train_stack, []

    def taken(runs, places, watches):
        sizes.append(len(runs))
        if len(sizes) > 1:
            return train_stack(runs, places, watches)
        with runs[1].lock(), pytest.raises(worker_module.RunBusy):
            train_stack(runs, places, watches)
        worker_module.train_run(runs[1], places)
        raise worker_module.RunBusy("elsewhere")

    monkeypatch.setattr(worker_module, "train_stack", taken)
    code, out, err = sweep(*TINY, "--betas", "1,2,3,4,5", "--name", "mine", "--json")
    assert code == 0, err
    assert sizes == [5, 4]
    assert [r["status"] for r in json.loads(out)["runs"]] == [FINISHED] * 5
    assert err.count(" as one\n") == 2


# ---------------------------------------------------------------- several as one


def test_four_betas_of_dense_layers_are_trained_as_one_and_learn_what_they_would_apart(sweep, store):
    words = [*TINY, "--epochs", "3", "--betas", "0.5,1,2,4,8", "--seeds", "2", "--json"]
    code, out, err = sweep(*words, "--name", "one")
    assert code == 0, err
    assert err.count(" as one\n") == 2  # a stack per seed
    together = json.loads(out)["runs"]
    assert {m.run.record().machine["stacked"] for m in members(store, "one")} == {5}
    code, out, err = sweep(*words, "--name", "apart", "--apart")
    assert code == 0, err
    assert " as one" not in err
    assert not any("stacked" in m.run.record().machine for m in members(store, "apart"))
    for a, b in zip(together, json.loads(out)["runs"], strict=True):
        assert (a["beta"], a["seed"], a["active_units"]) == (b["beta"], b["seed"], b["active_units"])
        assert a["distortion"] == pytest.approx(b["distortion"], rel=1e-4)
        assert a["rate"] == pytest.approx(b["rate"], rel=1e-3)
    for m in members(store, "one"):
        assert isinstance(m.run.history()[-1], Finished)
        assert (m.state, m.progress) == (FINISHED, 1.0)


def test_too_few_or_convolved_runs_are_trained_apart(sweep):
    assert " as one" not in sweep(*TINY, "--betas", "1,2,3", "--name", "few")[2]
    words = [w for w in TINY if w not in ("--hidden", "12")]
    words[words.index("mlp")] = "conv"
    assert " as one" not in sweep(*words, "--width", "4", "--betas", "1,2,3,4", "--name", "conv")[2]


@pytest.mark.slow
def test_ctrl_c_stops_a_stack_and_each_goes_on_alone(places, store, sweep):
    words = [*TINY, "--epochs", "400", "--batch-size", "1", "--log-every", "20", "--checkpoint-every", "400"]
    process = subprocess.Popen(
        [sys.executable, "-m", "vae_core.cli", "sweep", *words, "--betas", "1,2,3,4", "--name", "mine",
         "--home", str(places.home)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: [m for m in _members(store) if m.run.status().step >= 100], "they have learned something")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    found = members(store, "mine")
    assert [m.state for m in found] == [STOPPED] * 4
    assert len({m.run.status().step for m in found}) == 1
    go_on(found)
    (first, *_) = found
    stopped_at = first.run.status().step

    def stop_soon(event):
        if isinstance(event, StepDone) and event.step > stopped_at + 40 and first.run.requests() == []:
            first.run.request("stop")

    assert worker_module.train_run(first.run, places, stop_soon).state == STOPPED
    assert first.run.status().step > stopped_at + 40


def test_one_of_a_stack_stopped_by_name_leaves_it(sweep, store, monkeypatch):
    train_stack = worker_module.train_stack
    seen = []

    def stops_the_second(runs, places, watches):
        def see(event):
            watches[0](event)
            if isinstance(event, EpochDone) and not runs[1].requests():
                runs[1].request("stop")
            seen.append(runs[1].status().state)

        return train_stack(runs, places, [see, *watches[1:]])

    monkeypatch.setattr(worker_module, "train_stack", stops_the_second)
    code, out, _ = sweep(*TINY, "--epochs", "6", "--betas", "1,2,3,4", "--name", "mine", "--json")
    assert code == 0
    assert [r["status"] for r in json.loads(out)["runs"]] == [FINISHED, STOPPED, FINISHED, FINISHED]
    assert seen[-1] == STOPPED  # said so while the others went on


def test_a_fault_that_is_no_runs_own_ends_the_stack(store, places, monkeypatch):
    runs = create_sweep(store, config_of(), [1, 2, 3], "mine")
    append = Run.append

    def full(self, event):
        if isinstance(event, EpochDone):
            raise OSError(28, "No space left on device")
        append(self, event)

    monkeypatch.setattr(Run, "append", full)
    statuses = worker_module.train_stack(runs, places, [lambda event: None] * 3)
    assert [s.state for s in statuses] == [FAILED] * 3
    assert all("disk is full" in s.error for s in statuses)
    assert [run.status().state for run in runs] == [FAILED] * 3
    monkeypatch.undo()
    with pytest.raises(BadConfig, match="began before"):
        worker_module.train_stack(runs, places, [lambda event: None] * 3)
    runs[0].go_on()
    assert worker_module.train_run(runs[0], places).state == FINISHED


def test_a_stop_before_the_first_step_queues_the_others_again(store, places, monkeypatch):
    runs = create_sweep(store, config_of(), [1, 2, 3], "mine")
    open_images = worker_module.open_images

    def slow(name, side, places, progress):
        runs[0].request("stop")
        progress(0.5, "half")
        return open_images(name, side, places, progress)

    monkeypatch.setattr(worker_module, "open_images", slow)
    statuses = worker_module.train_stack(runs, places, [lambda event: None] * 3)
    assert [s.state for s in statuses] == [STOPPED, QUEUED, QUEUED]


def test_a_stack_takes_only_what_differs_in_beta_and_nobody_trains(store, places):
    runs = create_sweep(store, config_of(), [1, 2], "mine", seeds=2)
    watches = [lambda event: None] * 4
    with pytest.raises(BadConfig, match="more than β"):
        worker_module.train_stack(runs, places, watches)
    pair = [runs[0], runs[2]]
    with runs[2].lock(), pytest.raises(worker_module.RunBusy):
        worker_module.train_stack(pair, places, watches[:2])
    assert [run.status().state for run in pair] == [QUEUED, QUEUED]
    assert [s.state for s in worker_module.train_stack(pair, places, watches[:2])] == [FINISHED, FINISHED]


# ---------------------------------------------------------------- from the queue


def test_what_waits_of_the_same_seed_is_taken_from_the_queue(store, places):
    runs = create_sweep(store, config_of(), [1, 2, 3, 4, 5], "mine", seeds=2)
    other = create_sweep(store, config_of(), [1, 2], "other")
    mine = runs[::2]
    mine[4].request("stop")
    mine[0].update_status(state=RUNNING)  # as the queue leaves it
    assert worker_module.train_from_queue(mine[0], places).state == FINISHED
    assert [run.status().state for run in mine] == [FINISHED] * 4 + [STOPPED]
    assert {run.record().machine["stacked"] for run in mine[:4]} == {4}
    assert {run.status().state for run in [*runs[1::2], *other]} == {QUEUED}


def test_too_few_or_a_busy_one_are_trained_apart_and_the_rest_waits_on(store, places):
    runs = create_sweep(store, config_of(), [1, 2, 3, 4], "mine")
    runs[3].request("stop")
    assert worker_module.train_from_queue(runs[0], places).state == FINISHED
    assert [run.status().state for run in runs] == [FINISHED, QUEUED, QUEUED, STOPPED]
    runs = create_sweep(store, config_of(), [1, 2, 3, 4], "again")
    with runs[2].lock():  # another process has it, and did not say so yet
        assert worker_module.train_from_queue(runs[0], places).state == FINISHED
    assert "stacked" not in runs[0].record().machine
    assert [run.status().state for run in runs] == [FINISHED, QUEUED, QUEUED, QUEUED]
    assert {run.status().handle for run in runs} == {None}


def test_a_pause_of_one_holds_up_the_stack_and_says_so(store, places):
    runs, told = create_sweep(store, config_of(), [1, 2, 3], "mine"), []

    def pauses(event):
        if isinstance(event, EpochDone) and not runs[1].requests():
            runs[1].request("pause")

    def sees(event):
        if isinstance(event, Controlled) and event.command == "pause":
            threading.Timer(1.5, lambda: (told.append(runs[0].status()), runs[1].request("resume"))).start()

    quiet = [lambda event: None]
    statuses = worker_module.train_stack(runs, places, [pauses, sees, *quiet])
    assert [s.state for s in statuses] == [FINISHED] * 3
    assert told[0].note == "held up while mine-beta2 is paused"
    assert runs[0].status().note == ""
