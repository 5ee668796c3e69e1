"""`vae-core tune`, and tune() in Python."""

import json
import signal
import subprocess
import sys
from functools import partial

import pytest
from command_line import TINY, complains
from helpers import config_of, frozen, until
from test_study_driving import BETA_VAE

import vae_core as vc
from vae_core.runs import worker as worker_module
from vae_core.study import record
from vae_core.study import settings as settings_module
from vae_core.study.driving import Driving
from vae_core.study.measuring import Inside
from vae_core.study.preference import judgements_of
from vae_core.study.settings import STORAGE_VARIABLE
from vae_core.sweep import members

TINY_BETA = [*TINY, "--objective", "beta_vae", "--search", "beta=0.1..10:log"]


@pytest.fixture
def tune(vae_core):
    """tune("--search", ...) in the test's home -> (exit code, what it printed, what it complained of)."""
    return partial(vae_core, "tune")


def test_a_study_is_searched_and_summed_up(tune, places):
    code, out, err = tune(*TINY_BETA, "--goal", "elbo", "--trials", "3", "--name", "mine")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "mine on test images, −ELBO in nats per image; * the best"
    assert lines[1].split() == ["trial", "beta", "−ELBO", "status", "name"]
    assert [line.split()[0] for line in lines[2:5]] == ["0", "1", "2"]
    assert sum("finished *" in line for line in lines[2:5]) == 1
    assert lines[5].startswith("Best −ELBO: ")
    told = err.splitlines()
    assert told[0] == "the study mine has 3 runs; Ctrl-C stops it and keeps what was learned"
    assert told[1].split() == ["trial", "beta", "−ELBO"]
    assert [line.split()[0] for line in told[2:]] == ["0", "1", "2"]
    assert told[2].endswith("best so far")
    # shown as it stands, and as JSON
    shown = json.loads(tune("mine", "--json")[1])
    assert shown["study"] == "mine"
    assert [t["state"] for t in shown["trials"]] == ["finished"] * 3
    assert tune("mine")[1] == out


def test_a_second_call_goes_on(tune, places):
    first = tune(*TINY_BETA, "--trials", "1", "--name", "mine", "--json")
    assert first[0] == 0
    again = tune(*TINY_BETA, "--trials", "2", "--name", "mine", "--json")
    assert again[0] == 0, again[2]
    assert again[2].startswith("going on with the study mine: 1 of 2 runs tried\n")
    before, after = json.loads(first[1])["trials"], json.loads(again[1])["trials"]
    assert (len(before), len(after)) == (1, 2)
    assert after[0] == before[0]
    # its name is enough, and other ranges are taken up
    code, out, _ = tune("--name", "mine", "--search", "beta=20..30", "--trials", "3", "--json")
    assert code == 0
    assert 20 <= json.loads(out)["trials"][2]["values"]["beta"] <= 30
    complains(tune("--name", "mine", "--epochs", "9"), 2, "the settings of the study mine stand", "--epochs")
    complains(tune("--name", "mine", "--goal", "mse"), 2, "leave out --goal")


def test_a_grid_of_five_betas_equals_a_sweep_bit_for_bit(tune, vae_core, store, places):
    assert vae_core("sweep", *TINY, "--betas", "0.25,0.5,1,2,4", "--name", "swept")[0] == 0
    code, _, err = tune(*TINY, "--objective", "beta_vae", "--sampler", "grid", "--search", "beta=0.25..4:log:5", "--name", "grid")  # fmt: skip
    assert code == 0, err
    study = record.open_study(places, "grid")
    for trial, run, member in zip(study.ledger().trials, study.runs(), members(store, "swept"), strict=True):
        assert trial.values["beta"] == member.beta
        assert frozen(run.arrays()) == frozen(member.run.arrays())
        assert run.record().machine.get("stacked") == member.run.record().machine.get("stacked")


def test_two_goals_give_the_front(tune):
    code, out, err = tune(
        *TINY_BETA, "--goal", "rate", "--goal", "distortion", "--trials", "2", "--sampler", "random"
    )
    assert code == 0, err
    assert "* on the front" in out
    assert "on the front" in out.splitlines()[4] or "is best in both goals" in out.splitlines()[4]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "needs --search FIELD"),
        (["--search", "latent_dim=2..4"], 2, "--latent-dim is a single value, and latent-dim is searched"),
        (["--search", "epochs_=2..4"], 1, "did you mean epochs"),
        (["--search", "beta=1..2"], 1, "belongs to beta_vae"),
        (["--search", "free_bits=0..99"], 1, "free-bits: 99 is outside of what it takes: numbers from 0 to 10"),
        (["--search", "free_bits=0..1", "--goal", "elbo", "--goal", "mse", "--pruner", "median"], 1, "no run is hopeless"),
        (["--search", "free_bits=0..1", "--sampler", "magic"], 2, "invalid choice"),
        (["--search", "free_bits=0..1", "--trials", "0"], 1, "trials: 0 is below"),
        (["--search", "free_bits=0..1", "--name", "a b"], 1, "cannot name"),
        (["--search", "free_bits=0..1", "--stop"], 2, "--stop takes the name"),
        (["nothing"], 2, "leave out --dataset"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_created(tune, places, store, words, code, says):
    found, out, err = tune(*TINY, *words)
    assert (found, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert store.own() == []
    assert record.studies(places) == []


def test_what_is_not_there_is_named(tune):
    complains(tune("nothing"), 1, "there is no study 'nothing'")


def test_a_failed_trial_does_not_stop_the_others(tune, monkeypatch):
    train_run = worker_module.train_run

    def spoils_the_first(run, places, watch):
        if run.name == "mine-t000":
            (run.path / "resume.safetensors").write_bytes(b"spoilt")
        return train_run(run, places, watch)

    monkeypatch.setattr(worker_module, "train_run", spoils_the_first)
    code, out, err = tune(*TINY_BETA, "--trials", "2", "--name", "mine", "--json")
    assert code == 0
    assert [t["state"] for t in json.loads(out)["trials"]] == ["failed", "finished"]
    assert "is damaged" in json.loads(out)["trials"][0]["why"]
    assert "is damaged" in err


def test_a_password_is_in_nothing_that_is_printed(tune, monkeypatch):
    monkeypatch.setenv(STORAGE_VARIABLE, "")
    url = "postgresql://me:s3cr3t@127.0.0.1:9/db"
    looks = []

    def interrupted(self):
        looks.append(advance(self))
        if len(looks) == 2:
            raise KeyboardInterrupt
        return looks[-1]

    advance = Driving.advance
    monkeypatch.setattr(Driving, "advance", interrupted)
    code, out, err = tune(*TINY_BETA, "--storage", url, "--name", "mine")
    assert code == 0
    assert "the study waits: its storage postgresql://me:***@127.0.0.1:9/db cannot be used now" in err
    assert err.splitlines()[-1] == "the study mine stopped; vae-core tune --name mine goes on"
    assert "s3cr3t" not in out + err


def test_a_study_that_a_server_drives_is_followed(tune, places, monkeypatch):
    assert tune(*TINY_BETA, "--trials", "1", "--name", "mine")[0] == 0
    study = record.open_study(places, "mine")
    with Driving(study, Inside()):
        code, _, err = tune("--name", "mine")
    assert code == 0
    assert "another process drives mine; Ctrl-C leaves it" in err
    assert tune("mine", "--stop")[0] == 0
    assert not study.record().going


def test_tune_in_python_returns_the_study(places):
    looks = []
    study = vc.tune(
        "beta=0.1..10:log", trials=2, sampler="random", config=config_of(objective=BETA_VAE), epochs=1, places=places,
        name="py", see=looks.append,
    )  # fmt: skip
    assert [t.end for t in study.ledger().trials] == ["complete"] * 2
    assert looks[-1].done
    assert study.best().record().effective.training.epochs == 1
    again = vc.tune("beta=0.1..10:log", name="py", places=places)
    assert len(again.ledger().trials) == 2


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly_and_a_second_call_goes_on(places, store):
    words = [
        *TINY_BETA,
        "--batch-size",
        "1",
        "--log-every",
        "20",
        "--epochs",
        "400",
        "--trials",
        "2",
        "--name",
        "mine",
        "--json",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "vae_core.cli", "tune", *words, "--home", str(places.home)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: [r for r in store.own() if r.status().step >= 100], "the first has learned something")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "the study mine stopped; vae-core tune --name mine goes on"
    assert [t["state"] for t in json.loads(out)["trials"]] == ["stopped"]
    study = record.open_study(places, "mine")
    assert not study.wants()
    assert study.record().held == (study.runs()[0].id,)
    study.go_on()
    with Driving(study, Inside()) as driving:
        look = driving.advance()
    assert [run.name for run in look.waiting] == ["mine-t000"]


def test_by_preference_it_trains_some_and_waits_for_marks(tune, places, monkeypatch):
    monkeypatch.setattr(
        settings_module, "find_spec", lambda name: name
    )  # no mark here needs the extra itself
    code, out, err = tune(*TINY_BETA, "--sampler", "preference", "--trials", "5", "--name", "p")
    assert code == 0, err
    assert "trials 0, 1, 2, 3 wait for your choice" in err
    assert "--name p --best N" in err
    study = record.open_study(places, "p")
    assert study.goals == ()
    assert "trial" in out
    code, _, err = tune("--name", "p", "--best", "7")
    assert code == 1
    assert "7 was not among those shown" in err
    assert tune("--name", "p", "--no-choice")[0] == 0
    assert [one.pairs for one in judgements_of(study.path)] == [[]]
    assert len(study.ledger().trials) == 5, "one more, as none could be told apart"
    complains(tune("p", "--best", "1"), 2, "leave out --best")
