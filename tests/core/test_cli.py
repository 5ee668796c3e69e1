import json
import os
import re
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from helpers import blobs, of, until
from PIL import Image

from vae_core.cli import main, make_parser
from vae_core.cli.bar import Bar
from vae_core.cli.switches import switches
from vae_core.config import RunConfig
from vae_core.evaluation.likelihood import evaluate
from vae_core.events import EpochDone, Finished, StepDone
from vae_core.inference import load_run
from vae_core.objectives import OBJECTIVES
from vae_core.options import to_json
from vae_core.runs.launchers import LOCAL, Handle
from vae_core.runs.record import FAILED, FINISHED, QUEUED, RUNNING, STOPPED, Status
from vae_core.runs.worker import train_run

TINY = [
    "--dataset", "tiny", "--model", "mlp", "--hidden", "12", "--latent-dim", "3", "--epochs", "2",
    "--batch-size", "16", "--precision", "float32", "--device", "cpu", "--threads", "1",
]  # fmt: skip


@pytest.fixture
def mine(store, places, vae_core):
    """A finished run named mine."""
    code, _, err = vae_core("train", *TINY, "--name", "mine")
    assert code == 0, err
    return store.find("mine")


def complains(result, code, *says):
    """One plain sentence on stderr, and nothing else."""
    found, out, err = result
    assert (found, out) == (code, "")
    assert err.startswith("vae-core: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    for word in says:
        assert word in err


# ---------------------------------------------------------------- train


def test_train_trains_in_the_foreground_and_says_how_it_goes(vae_core, store):
    code, out, err = vae_core("train", *TINY, "--name", "mine", "--objective", "beta_vae", "--beta", "2.5")
    assert (code, out) == (0, "")
    run = store.find("mine")
    assert run.status().state == FINISHED
    lines = err.splitlines()
    assert lines[0] == f"training mine ({run.id}); Ctrl-C stops it and keeps what it learned"
    assert [line.split(":")[0] for line in lines[1:-1]] == ["epoch 1", "epoch 2"]
    assert lines[-1] == "mine finished after 8 steps"
    last = of(EpochDone, run.history())[-1]
    assert f"distortion {last.validation.distortion:.2f}, rate {last.validation.rate:.2f}" in lines[2]
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
        "log-every": "5",
    }  # fmt: skip
    choices = {"dataset": "tiny", "model": "conv", "objective": "capacity", "likelihood": "laplace",
               "schedule": "cyclical"}  # fmt: skip
    parameters = {
        "width": "8", "units": "16", "capacity": "12.5", "gamma": "3", "growth": "0.5", "scale": "0.2",
        "cycles": "2", "rise": "0.25",
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
    unused = {"beta", "lowest-beta", "highest-beta", "sigma", "hidden", "warmup"}
    assert set(given) | unused == set(switches(RunConfig))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--beta", "4"], "--beta belongs to beta_vae or beta_tcvae, which was not chosen"),
        (["--objective", "capacity", "--beta", "4"], "--beta belongs to"),
        (["--model", "conv", "--hidden", "3"], "--hidden belongs to mlp"),
        (["--latent-dim", "0"], "latent_dim: 0 is below the least allowed, 1"),
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


# ---------------------------------------------------------------- runs


def test_runs_are_listed_as_a_table_and_as_json(vae_core, mine, store):
    vae_core("train", *TINY, "--objective", "beta_vae", "--name", "other", "--epochs", "1")
    code, out, err = vae_core("runs")
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["name", "id", "dataset", "model", "D", "objective", "β", "status", "created"]
    assert sorted(row.split()[0] for row in rows) == ["mine", "other"]
    code, out, _ = vae_core("runs", "--json")
    found = {row["name"]: row for row in json.loads(out)}
    assert (found["mine"]["β"], found["other"]["β"]) == (1.0, 4.0)
    assert found["mine"] == {
        "name": "mine", "id": mine.id, "dataset": "tiny", "model": "mlp", "D": 3, "objective": "vae", "β": 1.0,
        "status": FINISHED, "created": mine.record().created,
    }  # fmt: skip


def test_an_unreadable_run_is_listed_as_such(vae_core, mine):
    (mine.path / "config.json").write_text("{")
    code, out, _ = vae_core("runs")
    assert code == 0
    assert "unreadable" in out
    assert mine.id in out


def test_no_runs_make_an_empty_table(vae_core):
    assert vae_core("runs", "--json") == (0, "[]\n", "")


def test_show_tells_all(vae_core, mine):
    code, out, err = vae_core("runs", "show", mine.id)
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert (shown["name"], shown["status"], shown["step"], shown["epochs"]) == ("mine", FINISHED, 8, 2)
    assert shown["config"]["training"]["threads"] == 1
    assert shown["data"]["shape"] == [1, 16, 16]
    assert shown["path"] == str(mine.path)


def test_home_may_stand_before_the_action_too(places, mine, capsys):
    assert main(["runs", "--home", str(places.home), "show", "mine"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == mine.id


def test_rename_and_delete(vae_core, mine, store):
    assert vae_core("runs", "rename", "mine", "yours") == (0, "", "")
    assert store.find("yours").id == mine.id
    complains(vae_core("runs", "rename", "yours", "not plain"), 1, "cannot name a run")
    complains(vae_core("runs", "delete", "yours"), 2, "--yes")
    assert mine.path.exists()
    assert vae_core("runs", "delete", "yours", "--yes") == (0, "", "")
    assert store.own() == []


def test_deleting_can_be_thought_better_of(vae_core, mine, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    for answer, code in (("n", 0), ("", 0)):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        assert vae_core("runs", "delete", "mine") == (code, "kept\n", "")
        assert mine.path.exists()
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert vae_core("runs", "delete", "mine")[0] == 0
    assert not mine.path.exists()


def test_resuming_a_finished_run_says_so_and_more_epochs_go_on(vae_core, mine):
    code, out, err = vae_core("runs", "resume", "mine")
    assert (code, err) == (0, "")
    assert out == "mine has finished; `--epochs N` goes on for N more\n"
    code, _, err = vae_core("runs", "resume", "mine", "--epochs", "1")
    assert code == 0
    assert "mine finished after 12 steps" in err
    assert mine.status().epochs == 3
    complains(vae_core("runs", "resume", "mine", "--epochs", "-1"), 1, "continued")


def test_an_interrupted_run_goes_on(vae_core, mine, store, places):
    whole = [e.terms for e in of(StepDone, mine.history())]
    vae_core("train", *TINY, "--name", "broken")
    run = store.find("broken")
    # killed after its first checkpoint, and nobody has noticed yet
    run.reset()
    run.write_status(Status(RUNNING, handle=Handle(LOCAL, {"pid": 2**22 + 1, "started": 1.0})))
    code, _, err = vae_core("runs", "resume", "broken")
    assert code == 0, err
    assert [e.terms for e in of(StepDone, run.history())] == whole


def test_a_queued_run_is_trained_by_resume(vae_core, store, mine):
    run = store.create(mine.record().config, "waiting")
    assert run.status().state == QUEUED
    assert vae_core("runs", "resume", "waiting")[0] == 0
    assert run.status().state == FINISHED


# ---------------------------------------------------------------- evaluate


def test_evaluate_gives_the_numbers_of_the_evaluation(vae_core, mine, places):
    from vae_core.data import open_images

    code, out, err = vae_core("evaluate", "mine", "--json", "--seed", "3")
    assert (code, err) == (0, "")
    found = json.loads(out)
    expected = evaluate(load_run(mine), open_images("tiny", 16, places), seed=3)
    assert found == json.loads(json.dumps(expected.to_json())) | {
        "run": "mine", "id": mine.id, "weights": "last", "seed": 3,
    }  # fmt: skip
    assert {"elbo", "distortion", "rate", "kl_per_dim", "active_units", "mse"} <= set(found)
    code, out, _ = vae_core("evaluate", "mine", "--seed", "3")
    assert code == 0
    assert f"−ELBO        {-expected.elbo:10.3f}" in out
    assert "9 test images, nats per image" in out
    code, out, _ = vae_core("evaluate", "mine", "--json", "--split", "train", "--weights", "best")
    assert json.loads(out)["images"] == 77
    assert json.loads(out)["weights"] == "best"


def test_evaluate_gives_a_bound_and_scores_when_asked(vae_core, mine, places):
    from vae_core.data import open_images
    from vae_core.evaluation.likelihood import importance_bound

    code, out, _ = vae_core("evaluate", "mine", "--json", "--bound", "40", "--images", "5")
    assert code == 0
    expected = importance_bound(load_run(mine), open_images("tiny", 16, places), samples=40, most=5)
    assert json.loads(out)["bound"] == json.loads(json.dumps(expected.to_json()))
    code, out, _ = vae_core("evaluate", "mine", "--bound", "40", "--images", "5")
    assert f"{expected.bound:.3f} ± {expected.standard_error:.3f} with 40 draws, 5 images" in out
    code, out, err = vae_core("evaluate", "mine", "--scores", "--json")
    assert code == 0
    assert list(json.loads(out)["scores"]) == ["sharpness"], (
        "what asks for no factors is computed all the same"
    )
    assert err.count("\n") == 1
    assert (
        "note: no mig, aam, dci, sap, factor_vae, beta_vae, modularity: the factors of tiny are no whole"
        in err
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--scores", "--images", "-5"], "--images -5: expected 0 or more"),
        (["--scores", "--seed", "-1"], "--seed -1: expected 0 to 2,147,483,647"),
        (["--bound", "10", "--images", "-5"], "--images -5"),
        (["--bound", "10", "--seed", "-1"], "--seed -1"),
        (["--seed", str(2**70)], "--seed 1180591620717411303424"),
        (["--bound", "0"], "--bound 0: expected 1 to 5,000"),
        (["--bound", "5001"], "--bound 5001"),
    ],
)
def test_numbers_out_of_bounds_are_said_before_anything_is_computed(vae_core, mine, monkeypatch, words, says):
    def never(*args, **kwargs):
        raise AssertionError("computed")

    monkeypatch.setattr("vae_core.inference.load_run", never)
    complains(vae_core("evaluate", "mine", *words), 2, says)


def test_a_bound_on_grey_images_is_not_called_one_on_log_p(vae_core, mine, places):
    """Bernoulli on grey values is a cross-entropy; on binary ones, and for a Gaussian, it is a likelihood."""
    code, out, _ = vae_core("evaluate", "mine", "--bound", "5")
    assert code == 0
    assert "log p(x) ≥" not in out
    assert "cross-entropy for log p(x|z)" in out
    vae_core("train", *TINY, "--likelihood", "gaussian", "--name", "density")
    assert "log p(x) ≥" in vae_core("evaluate", "density", "--bound", "5")[1]
    path = places.datasets / "tiny" / "16" / "images.npy"
    np.save(path, np.where(np.load(path) > 127, 255, 0).astype(np.uint8))
    code, out, _ = vae_core("evaluate", "mine", "--bound", "5")
    assert code == 0
    assert "log p(x) ≥" in out
    assert "cross-entropy" not in out


def test_evaluate_scores_a_run_on_known_factors(vae_core):
    from vae_core.evaluation.metrics import all_values

    arguments = [
        "--dataset",
        "shapes",
        "--limit",
        "600",
        "--model",
        "mlp",
        "--hidden",
        "12",
        "--latent-dim",
        "4",
        "--epochs",
        "1",
        "--name",
        "scored",
    ]
    assert vae_core("train", *arguments)[0] == 0
    code, out, _ = vae_core("evaluate", "scored", "--scores", "--json")
    assert code == 0
    found = json.loads(out)["scores"]
    assert set(found) <= set(all_values())
    assert {"mig", "sap", "aam", "sharpness"} <= set(found)
    assert all(0 <= value <= (all_values()[name].high or np.inf) for name, value in found.items())
    assert "mig" in vae_core("evaluate", "scored", "--scores")[1]


def test_an_autoencoder_is_evaluated_without_an_elbo(vae_core):
    vae_core("train", *TINY, "--objective", "autoencoder", "--name", "plain")
    code, out, _ = vae_core("evaluate", "plain", "--json")
    assert code == 0
    assert json.loads(out)["elbo"] is None
    code, out, _ = vae_core("evaluate", "plain")
    assert code == 0
    assert "ELBO" not in out


def test_evaluating_what_never_trained_says_so(vae_core, store, mine):
    store.create(mine.record().config, "empty")
    complains(vae_core("evaluate", "empty"), 1, "no weights yet")


def test_a_dataset_that_has_changed_is_noted(vae_core, mine, places):
    meta = places.datasets / "tiny" / "16" / "meta.json"
    meta.write_text(meta.read_text().replace(json.loads(meta.read_text())["fingerprint"], "0" * 16))
    code, out, err = vae_core("evaluate", "mine", "--json")
    assert code == 0
    assert "differs from the one the run was trained on" in err
    json.loads(out)


# ---------------------------------------------------------------- export, import


def test_a_run_is_exported_and_brought_back(vae_core, mine, store, tmp_path, monkeypatch):
    target = tmp_path / "run.zip"
    assert vae_core("export", "mine", "--to", str(target)) == (0, f"{target}\n", "")
    code, out, _ = vae_core("import", str(target))
    assert code == 0
    assert re.fullmatch(r"mine-2 \(tiny-[0-9a-f]{6}\)\n", out)
    assert store.find("mine-2").stamp() == mine.stamp()
    assert vae_core("import", str(target), "--name", "third")[0] == 0
    complains(vae_core("import", str(target), "--name", "third"), 1, "already is a run")
    # just the ending names the file after the run, here
    monkeypatch.chdir(tmp_path)
    assert vae_core("export", "mine", "--to", "zip") == (0, "mine.zip\n", "")
    assert zipfile.is_zipfile(tmp_path / "mine.zip")
    (tmp_path / "bad.zip").write_bytes(b"x")
    complains(vae_core("import", "bad.zip"), 1, "not a whole .zip")


def test_a_gif_is_exported(vae_core, mine, tmp_path):
    assert vae_core("export", "mine", "--to", str(tmp_path / "walk.gif"))[0] == 0
    with Image.open(tmp_path / "walk.gif") as image:
        assert (image.format, image.n_frames) == ("GIF", 96)


def test_export_refuses_what_it_cannot_write(vae_core, mine, tmp_path):
    complains(vae_core("export", "mine", "--to", "run.tar"), 2, ".zip, .onnx or .gif")
    complains(vae_core("export", "mine", "--to", str(tmp_path / "no" / "run.zip")), 1, "is not there")


# ---------------------------------------------------------------- data


def test_datasets_are_listed(vae_core):
    code, out, _ = vae_core("data", "list", "--json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["tiny"] == {
        "name": "tiny", "kind": "own", "sides": "16", "channels": 1, "here": "yes", "what": "90 images of yours.",
    }  # fmt: skip
    assert {"digits", "shapes", "faces", "mnist"} <= set(rows)
    assert rows["mnist"]["here"] == "to download"
    code, out, _ = vae_core("data", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()][:2] == ["name", "digits"]


def test_images_of_ones_own_are_added_trained_on_and_removed(vae_core, tmp_path, store):
    images, _ = blobs(30)
    np.save(tmp_path / "my blobs.npy", images[:, 0])
    code, out, err = vae_core("data", "add", str(tmp_path / "my blobs.npy"))
    assert code == 0, err
    name = out.split(":")[0]
    assert "30 images, 16×16, grey" in out
    words = [word if word != "tiny" else name for word in TINY]
    assert vae_core("train", *words, "--name", "on-mine")[0] == 0
    assert vae_core("data", "remove", name)[0] == 0
    complains(vae_core("train", *words), 1, f"there is no dataset '{name}'")
    assert store.find("on-mine").status().state == FINISHED
    code, _, err = vae_core("data", "add", str(tmp_path / "nothing"))
    assert code == 1
    assert "Traceback" not in err


# ---------------------------------------------------------------- help


def test_help_tells_units_and_defaults(vae_core):
    code, out, _ = vae_core("train", "--help")
    assert code == 0
    text = " ".join(out.split())
    assert "number of latent dimensions D [dimensions]; default 10" in text
    assert "passes over the training images [epochs]; default 10" in text
    assert "default 0.004" in text
    assert "{mlp,conv}" in text
    assert "(for beta_vae, beta_tcvae); default 4.0" in text
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
    assert text.count("\n") == 3  # an epoch each, and the last word


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
