"""What a study refuses before anything starts, and what its storage may not tell or hold up."""

import json
import os
import sqlite3
import time

import pytest
from helpers import config_of, write_blobs
from hypothesis import given
from hypothesis import strategies as st
from test_study_driving import BETA_VAE, drive, study_of

from vae_core.errors import BadConfig, BadName, BadRun, RunNotFound, StorageBusy
from vae_core.evaluation.metrics import rankable_values
from vae_core.study import record, search
from vae_core.study.driving import Driving
from vae_core.study.goals import GOALS, parse_goal, read_goals
from vae_core.study.measuring import Inside
from vae_core.study.settings import STORAGE_VARIABLE, storage_url, without_password
from vae_core.study.trials import read_ledger
from vae_core.study.view import payload
from vae_core.sweep import create_sweep

SECRET = "s3cr3t"


def refused(places, says, *, base=None, **changed):
    with pytest.raises(BadConfig, match=says):
        study_of(places, base=base, **changed)
    assert record.studies(places) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"goals": ()}, "a study has a goal; choose one or two of elbo"),
        ({"goals": ("elbow",)}, "there is no goal 'elbow'; did you mean elbo"),
        ({"goals": ("elbo:up",)}, "after its name stands :min or :max"),
        ({"goals": ("elbo", "elbo:max")}, "given twice"),
        ({"goals": ("elbo", "rate", "mse")}, "one goal or two"),
        ({"goals": ("elbo", "rate"), "pruner": "median"}, "with two goals no run is hopeless.*leave out --pruner"),
        ({"goals": ("mse",), "pruner": "median"}, "epochs do not tell MSE.*choose the pruner none"),
        ({"pruner": "median", "search": ("validation=0.1..0.2",)}, "validation is searched, so epochs tell of other images"),
        ({"goals": ("seconds",), "jobs": 2}, "slow each other down; choose --jobs 1"),
        ({"seeds": 2, "search": ("seed=0..4",)}, "the seed itself is searched"),
        ({"trials": 400, "seeds": 4}, "trials times seeds are at most"),
        ({"sampler": "grid", "search": ("beta=0..1:64", "latent_dim=2..100:64")}, "a grid of .* is too large"),
        ({"search": ("likelihood=bernoulli,gaussian",)}, "goal elbo: nats of different likelihoods cannot be compared.*goal mse"),
        ({"search": ("likelihood=bernoulli,gaussian",), "goals": ("rate", "mse")}, "goal rate: nats of different"),
        ({"search": ("objective=beta_vae,autoencoder",)}, "goal elbo: a autoencoder has no posterior|goal elbo: .*no posterior"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_with_a_remedy(places, changed, says):
    refused(places, says, **changed)


def test_likelihoods_can_be_searched_for_what_is_not_in_nats(places):
    study = study_of(places, search=("likelihood=bernoulli,gaussian",), goals=("mse", "sharpness"))
    assert [goal.name for goal in study.goals] == ["mse", "sharpness"]


def test_a_goal_that_the_objective_cannot_give(places):
    refused(places, "goal elbo: .*; choose one of vae", base=config_of(objective="autoencoder"), search=("latent_dim=2..4",))  # fmt: skip
    refused(places, "goal mse: a GAN reads no code", base=config_of(objective="gan"), search=("latent_dim=2..4",), goals=("mse",))  # fmt: skip
    refused(places, "goal elbo: .*choose another likelihood|goal elbo: .*Choose another likelihood", base=config_of(likelihood="ms_ssim"), search=("latent_dim=2..4",))  # fmt: skip
    refused(places, "goes on from a finished run", base=config_of(objective="vae_gan"), search=("latent_dim=2..4",), goals=("seconds",))  # fmt: skip


def test_a_goal_that_the_images_cannot_give(places, monkeypatch):
    from dataclasses import replace

    opened = record.open_images
    monkeypatch.setattr(
        record, "open_images", lambda *a: replace(opened(*a), factors=None, factor_names=(), labels=None, label_names=())
    )  # fmt: skip
    refused(places, "goal mig: the factors of tiny are not known", goals=("mig",))
    refused(places, "goal probe: the images of tiny have no labels", goals=("probe",))


def test_every_ranked_value_of_a_metric_is_a_goal():
    """One that is added tomorrow too."""
    assert set(rankable_values()) <= set(GOALS)
    assert {"elbo", "distortion", "rate", "active", "mse", "sharpness", "seconds", "probe"} <= set(GOALS)
    for name in GOALS:
        assert str(parse_goal(name)) == name
        other = "max" if GOALS[name].direction == "min" else "min"
        assert str(parse_goal(f"{name}:{other}")) == f"{name}:{other}"


def test_the_best_is_near_a_target_where_neither_end_is():
    (goal,) = read_goals(["sharpness"])
    assert goal.cost(0.5) == goal.cost(1.5) < goal.cost(3)
    (more,) = read_goals(["sharpness:max"])
    assert more == goal  # its usual direction


def test_names(places, store):
    study_of(places, name="mine")
    with pytest.raises(BadName, match="there already is a study 'mine'"):
        study_of(places, name="mine")
    create_sweep(store, config_of(objective=BETA_VAE), [1, 2], "swept")
    with pytest.raises(BadName, match="there already is a sweep 'swept'"):
        study_of(places, name="swept")
    with pytest.raises(BadName, match="there already is a study 'mine'"):
        create_sweep(store, config_of(objective=BETA_VAE), [1, 2], "mine")
    with pytest.raises(BadName, match="cannot name a study"):
        study_of(places, name="a b")
    with pytest.raises(RunNotFound, match="there is no study 'other'; there are: mine"):
        record.open_study(places, "other")
    with pytest.raises(RunNotFound, match="there is no study"):
        record.open_study(places, "../runs")
    with pytest.raises(BadRun, match="goes on; stop it first"):
        record.open_study(places, "mine").delete()
    record.open_study(places, "mine").stop()
    record.open_study(places, "mine").delete()
    assert record.studies(places) == []
    assert study_of(places, name="").name == "tiny-study"


def test_files_that_cannot_be_read_are_said_to_be_so(places):
    study = study_of(places)
    for content in ("{", "[]", '{"format": 99}', '{"format": 1, "settings": {"trials": -1}}'):
        (study.path / "study.json").write_text(content)
        with pytest.raises(BadRun, match="the study s cannot be read"):
            study.record()
    assert record.studies(places) == []
    fresh = study_of(places, name="t")
    (fresh.path / "trials.json").write_text('{"format": 1, "trials": [{"number": 4, "values": {}}]}')
    with pytest.raises(BadRun, match="not numbered from 0 on"):
        fresh.ledger()
    with pytest.raises(BadRun):
        Driving(fresh, Inside())
    assert not fresh.driver_lock().is_locked


# ---------------------------------------------------------------- storage


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3cr3t@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql+psycopg://me:s3cr3t@host/db?x=1", "postgresql+psycopg://me:***@host/db?x=1"),
        ("mysql://:s3cr3t@host/db", "mysql://:***@host/db"),
        ("postgresql://host/db?user=me&password=s3cr3t&x=1", "postgresql://host/db?user=me&password=***&x=1"),
        ("postgresql://me:s3cr3t/with@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("", ""),
    ],
)
def test_a_password_is_not_kept(url, shown):
    assert without_password(url) == shown
    assert without_password(shown) == shown


@given(
    st.text("abcXYZ019-_.~%!@/?#:", min_size=4, max_size=20),
    st.sampled_from(["", "me"]),
    st.sampled_from(["", "?a=b", "/", "/db"]),
)
def test_whatever_a_password_is_made_of(secret, user, tail):
    assert f"{secret}@" not in without_password(f"postgresql://{user}:{secret}@host{tail}")


def test_no_file_holds_the_password_and_the_study_waits_for_its_storage(places, monkeypatch):
    """Nobody listens at that port."""
    url = f"postgresql://me:{SECRET}@127.0.0.1:9/db"
    monkeypatch.setenv(STORAGE_VARIABLE, url)
    study = study_of(places, storage=url, trials=1)
    assert study.settings.storage == "postgresql://me:***@127.0.0.1:9/db"
    assert storage_url(study.settings.storage) == url
    with Driving(study, Inside()) as driving:
        look = driving.advance()
        assert not look.done
        assert look.note.startswith(
            "waits: its storage postgresql://me:***@127.0.0.1:9/db cannot be used now: "
        )
    assert payload(study)["note"] == look.note
    for path in places.home.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    monkeypatch.delenv(STORAGE_VARIABLE)
    with pytest.raises(StorageBusy, match=rf"needs a password; .*{STORAGE_VARIABLE}"):
        storage_url(study.settings.storage)
    with Driving(study, Inside()) as driving:
        assert "needs a password" in driving.advance().note


def test_the_address_of_another_storage_is_not_taken_for_this_one(monkeypatch):
    monkeypatch.setenv(STORAGE_VARIABLE, "postgresql://me:x@elsewhere/db")
    assert storage_url("") == ""
    assert storage_url("sqlite:///a.db") == "sqlite:///a.db"
    with pytest.raises(StorageBusy):
        storage_url("postgresql://me:***@host/db")


def test_a_database_that_is_locked_is_waited_for(places, tmp_path, monkeypatch):
    monkeypatch.setattr(search, "LOCK_SECONDS", 0.2)
    path = tmp_path / "optuna.db"
    study = study_of(places, storage=f"sqlite:///{path}", trials=1, sampler="random")
    with Driving(study, Inside()) as driving:
        driving.advance()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin exclusive")
    with Driving(study, Inside()) as driving:
        look = driving.advance()
    assert "it is locked by another process" in look.note
    other.execute("rollback")
    other.close()
    assert drive(study).done
    assert study.ledger().trials[0].end == "complete"
    assert study.ledger().note == ""
    assert not (study.path / "journal.log").exists()


def test_a_journal_that_is_locked_is_waited_for(places, monkeypatch):
    monkeypatch.setattr(search, "LOCK_SECONDS", 0.1)
    study = study_of(places, trials=1, sampler="random")
    lock = study.path / "journal.log.lock"
    os.symlink("somebody", lock)
    with Driving(study, Inside()) as driving:
        look = driving.advance()
        assert "its storage its journal.log cannot be used now: it is locked" in look.note
        # whoever held it was killed long ago
        os.utime(lock, (time.time() - 99, time.time() - 99), follow_symlinks=False)
        driving.again = 0.0
        assert driving.advance().note == ""
    assert not lock.is_symlink()


def test_half_a_line_that_a_kill_left_in_the_journal_is_cut_off(places):
    study = study_of(places, trials=2, sampler="random")
    with Driving(study, Inside()) as driving:
        driving.advance()
    with open(study.path / "journal.log", "ab") as file:
        file.write(b'{"op_code": 4, "worker_')
    assert drive(study).done
    assert [t.end for t in study.ledger().trials] == ["complete"] * 2
    for line in (study.path / "journal.log").read_text().splitlines():
        json.loads(line)


def test_studies_of_one_name_in_one_storage_do_not_mix(places, tmp_path):
    from dataclasses import replace

    storage = f"sqlite:///{tmp_path / 'both.db'}"
    elsewhere = replace(places, home=tmp_path / "elsewhere")
    write_blobs(elsewhere.datasets)
    for where in (places, elsewhere):
        study = study_of(where, storage=storage, trials=1, sampler="random")
        assert drive(study).done
        assert len(read_ledger(study.path).trials) == 1


def test_an_address_with_no_port_is_said_to_be_so(places, monkeypatch):
    url = f"postgresql://me:{SECRET}@host:port/db"
    monkeypatch.setenv(STORAGE_VARIABLE, url)
    study = study_of(places, storage=url, trials=1)
    with Driving(study, Inside()) as driving:
        note = driving.advance().note
    assert note.startswith("waits: its storage postgresql://me:***@host:port/db cannot be used")
    assert SECRET not in note
