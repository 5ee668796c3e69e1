import os
import signal
import subprocess
import sys

import pytest
from command_line import TINY, complains
from helpers import of, until

from vae_core.cli import make_parser
from vae_core.cli.bar import Bar
from vae_core.cli.switches import switches
from vae_core.config import RunConfig
from vae_core.events import EpochDone, Finished, StepDone
from vae_core.inference import load_run
from vae_core.objectives import OBJECTIVES
from vae_core.options import to_json
from vae_core.runs.record import FAILED, FINISHED, STOPPED
from vae_core.runs.worker import train_run

# ---------------------------------------------------------------- train


def test_train_trains_in_the_foreground_and_says_how_it_goes(vae_core, store):
    code, out, err = vae_core("train", *TINY, "--name", "mine", "--objective", "beta_vae", "--beta", "2.5")
    assert (code, out) == (0, "")
    run = store.find("mine")
    assert run.status().state == FINISHED
    lines = err.splitlines()
    assert lines[0] == f"training mine ({run.id}); Ctrl-C stops it and keeps what it learned"
    assert (
        lines[1]
        == "note: 8 steps in all are too few to learn: a model needs 600 or more. Epochs at 0 take enough."
    )
    assert [line.split(":")[0] for line in lines[2:-1]] == ["epoch 1", "epoch 2"]
    assert lines[-1] == "mine finished after 8 steps"
    last = of(EpochDone, run.history())[-1]
    assert f"distortion {last.validation.distortion:.2f}, rate {last.validation.rate:.2f}" in lines[3]
    config = run.record().config
    assert config.objective.objective.params.beta == 2.5
    assert (config.model.latent_dim, config.model.architecture.params.hidden) == (3, (12,))


def test_every_setting_has_a_switch_and_every_switch_reaches_its_setting(vae_core, store, monkeypatch):
    import vae_core.runs.worker as worker_module

    monkeypatch.setattr(
        worker_module, "train_run", lambda run, places, watch: run.update_status(state=STOPPED)
    )
    values = {
        "side": "16", "limit": "40", "validation": "0.25", "split-seed": "5", "latent-dim": "6", "free-bits": "0.5",
        "epochs": "3", "batch-size": "9", "learning-rate": "0.002", "rate-schedule": "constant",
        "precision": "bfloat16", "device": "cpu", "threads": "1", "seed": "4", "checkpoint-every": "7",
        "log-every": "5", "most-minutes": "2.5", "gpus": "2",
    }  # fmt: skip
    choices = {"dataset": "tiny", "model": "conv", "objective": "capacity", "likelihood": "laplace",
               "schedule": "cyclical", "input-noise": "salt_pepper", "augment": "flips", "copies": "apart"}  # fmt: skip
    parameters = {
        "width": "8", "units": "16", "capacity": "12.5", "gamma": "3", "growth": "0.5", "scale": "0.2",
        "cycles": "2", "rise": "0.25", "noise-level": "0.3",
    }  # fmt: skip
    given = {**values, **choices, **parameters}
    code, _, err = vae_core("train", *(word for k, v in given.items() for word in (f"--{k}", v)))
    assert code == 0, err
    config = to_json(store.own()[0].record().config)
    flat = {}
    for group in config.values():
        for key, value in group.items():
            flat |= {**value, key: value["name"]} if isinstance(value, dict) else {key: value}
    flat["model"] = flat["architecture"]
    for switch, value in given.items():
        found = flat[switch.replace("-", "_")]
        assert found == value if isinstance(found, str) else found == float(value), switch
    unused = {
        "beta", "lowest-beta", "highest-beta", "sigma", "hidden", "warmup", "attributes", "changed", "guidance", "labelled",
        "blocks", "structure", "strength",
        "game", "r1", "r1-every", "noise", "average", "beta1", "beta2", "perception",
        "realism",
    }  # fmt: skip
    assert set(given) | unused == set(switches(RunConfig))


@pytest.mark.slow
def test_what_is_left_to_the_images_is_said_before_the_first_step_and_stored(vae_core, store):
    words = ["--dataset", "tiny", "--model", "mlp", "--hidden", "12", "--threads", "1", "--device", "cpu"]
    code, _, err = vae_core("train", *words, "--most-minutes", "0.1", "--name", "mine")
    assert code == 0, err
    chosen, first = err.splitlines()[1:3]
    assert chosen.startswith("chosen by the images: ")
    for word in ("likelihood", "D 10", "batches of 16", "shifted a little", "steps"):
        assert word in chosen
    assert first.startswith("epoch 1:"), "600 steps and more are not too few"
    record = store.find("mine").record()
    for part in ("model", "objective"):
        assert getattr(record.config, part) == getattr(record.resolved, part)
    assert record.config.data.augment == "shifts"
    epochs = record.resolved.training.epochs
    assert record.config.training.epochs == epochs > 0
    run = store.find("mine")
    run.reset()
    assert run.record().config.training.epochs == epochs, "chosen once"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--beta", "4"],
            "--beta belongs to beta_vae or beta_tcvae or ada_gvae or guided, which was not chosen",
        ),
        (["--objective", "capacity", "--beta", "4"], "--beta belongs to"),
        (["--model", "conv", "--hidden", "3"], "--hidden belongs to mlp"),
        (["--latent-dim", "-1"], "latent_dim: -1 is below the least allowed, 0"),
        (["--learning-rate", "nan"], "finite number"),
        (["--epochs", "9" * 400], "finite number"),
        (["--model", "mlp", "--hidden", "0"], "hidden: 0 is below"),
    ],
)
def test_settings_that_do_not_go_together_are_a_usage_error(vae_core, store, words, says):
    complains(vae_core("train", *words), 2, says)
    assert store.own() == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["train", "--epochs", "many"],
        ["train", "--model", "transformer"],
        ["train", "--nonsense", "3"],
        ["runs", "show"],
        ["runs", "dance", "x"],
        ["export", "x"],
        ["evaluate", "x", "--split", "all"],
        ["data"],
    ],
)
def test_a_wrong_command_line_is_a_usage_error(vae_core, words):
    code, out, err = vae_core(*words)
    assert (code, out) == (2, "")
    assert "usage:" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "--dataset", "nosuch"], "there is no dataset 'nosuch'"),
        (["train", *TINY, "--name", "not plain"], "cannot name a run"),
        (["train", *TINY, "--from-run", "nobody"], "there is no run 'nobody'"),
        (["runs", "show", "nobody"], "there is no run 'nobody'"),
        (["runs", "resume", "nobody"], "there is no run 'nobody'"),
        (["evaluate", "nobody"], "there is no run 'nobody'"),
        (["export", "nobody", "--to", "zip"], "there is no run 'nobody'"),
        (["import", "nothing.zip"], "there is no file nothing.zip"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(vae_core, store, words, says):
    complains(vae_core(*words), 1, says)
    assert store.own() == []


def test_a_taken_name_is_refused(vae_core, mine, store):
    complains(vae_core("train", *TINY, "--name", "mine"), 1, "there already is a run 'mine'")
    assert len(store.own()) == 1


def test_a_run_that_fails_says_why(vae_core, store):
    code, out, err = vae_core("train", *TINY, "--side", "32", "--name", "wide")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "vae-core: wide failed: tiny comes at side 16, not 32"
    assert "Traceback" not in err
    assert store.find("wide").status().state == FAILED


def test_a_fine_tune_starts_from_another_run(vae_core, mine, store):
    code, _, err = vae_core("train", *TINY, "--from-run", "mine", "--name", "tuned", "--epochs", "1")
    assert code == 0, err
    assert store.find("tuned").record().config.training.init_from == mine.id
    complains_last = vae_core("train", *TINY, "--from-run", "mine", "--name", "wide", "--latent-dim", "9")
    assert complains_last[0] == 1
    assert "other shapes" in complains_last[2].splitlines()[-1]


def test_a_vae_is_sharpened_by_one_switch(vae_core, mine, store):
    code, _, err = vae_core("train", "--sharpen", "mine", "--epochs", "1")
    assert code == 0, err
    record = store.find("mine-sharp").record()
    assert (record.config.objective.objective.name, record.config.training.init_from) == ("vae_gan", mine.id)
    assert record.config.model == mine.record().effective.model
    _, _, complaint = vae_core("train", "--sharpen", "mine-sharp")
    assert "was sharpened already" in complaint


# ---------------------------------------------------------------- help


def test_help_tells_units_and_defaults(vae_core):
    code, out, _ = vae_core("train", "--help")
    assert code == 0
    text = " ".join(out.split())
    assert "number of latent dimensions D; 0 takes what suits the images [dimensions]; default 0" in text
    assert "passes over the training images; 0 takes as many as it takes to learn [epochs]; default 0" in text
    assert "0 takes what suits the objective; default 0" in text
    assert "{mlp,conv,resnet}" in text
    assert (
        "(for beta_vae, beta_tcvae); default 4.0, (for ada_gvae); default 1.0, (for guided); default 3.0"
        in text
    )
    assert "[units] (for mlp); default 400" in text
    for switch in switches(RunConfig):
        assert f"--{switch}" in text
    for words in (["--help"], ["runs", "--help"], ["runs", "resume", "--help"], ["evaluate", "--help"],
                  ["export", "--help"], ["import", "--help"], ["data", "add", "--help"]):  # fmt: skip
        code, out, _ = vae_core(*words)
        assert code == 0
        assert "usage: vae-core" in out
    assert "nats per image" in vae_core("--help")[1]


def test_every_objective_can_be_chosen_by_its_name():
    parser = make_parser()
    for name in OBJECTIVES:
        assert vars(parser.parse_args(["train", "--objective", name]))["set:objective"] == name


def test_the_bar_is_one_line_on_a_terminal(mine, monkeypatch):
    written = []

    class Terminal:
        def isatty(self):
            return True

        def fileno(self):
            return 2

        def write(self, text):
            written.append(text)

        def flush(self):
            pass

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((60, 20)))
    bar = Bar()
    see = bar.watch(mine)
    for event in mine.history():
        bar.drawn = 0.0
        see(event)
    bar.line("done")
    text = "".join(written)
    bars = [piece for line in text.split("\n") for piece in line.split("\r") if "█" in piece]
    assert len(bars) == len(of(StepDone, mine.history())) == 2
    assert "100%" in bars[-1]
    assert {len(piece) for piece in bars} == {59}
    assert text.count("\n") == 4  # that it is short, an epoch each, and the last word


# ---------------------------------------------------------------- as a program


def program(*words, home, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "vae_core.cli", *words, "--home", str(home)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs,
    )  # fmt: skip


@pytest.mark.slow
def test_ctrl_c_stops_cleanly_and_keeps_the_run_which_then_goes_on(places, store, vae_core):
    words = [*TINY, "--name", "mine", "--batch-size", "1", "--log-every", "20", "--checkpoint-every", "400"]
    words[words.index("--epochs") + 1] = "400"
    process = program("train", *words, home=places.home)
    until(lambda: store.own() and store.own()[0].status().step >= 200, "the run has learned something")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    run = store.find("mine")
    status = run.status()
    assert err.splitlines()[-1] == f"mine stopped after {status.step:,} steps"
    assert status.state == STOPPED
    assert isinstance(run.history()[-1], Finished)
    assert load_run(run).latent_dim == 3
    # and it can be gone on with
    run.go_on()
    stopped_at = status.step
    watched = []

    def stop_soon(event):
        watched.append(event)
        if isinstance(event, StepDone) and event.step > stopped_at + 40 and run.requests() == []:
            run.request("stop")

    assert train_run(run, places, stop_soon).state == STOPPED
    assert run.status().step > stopped_at + 40


def test_whoever_reads_only_the_first_line_is_no_error(places, store):
    process = program("data", "list", home=places.home)
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(60) == 0
