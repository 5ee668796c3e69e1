"""What a study makes of faults, kills and changes on its way."""

import io
from dataclasses import replace

import pytest
from helpers import config_of
from test_study_driving import BETA_VAE, drive, study_of

from vae_core.errors import BadConfig, BadRun, MissingPackage, RunNotFound
from vae_core.events import EpochDone
from vae_core.runs.worker import train_run
from vae_core.study import record
from vae_core.study.driver import driven
from vae_core.study.driving import Driving
from vae_core.study.foreground import run_here
from vae_core.study.measuring import Inside, Measured
from vae_core.study.preference import take_back
from vae_core.study.process import Studies
from vae_core.study.search import Search
from vae_core.study.secrets import Masked, print_masked
from vae_core.study.settings import STORAGE_VARIABLE
from vae_core.study.trials import Trial, write_ledger
from vae_core.study.view import payload


class Failing(Inside):
    """Measures nothing, and counts what it was asked."""

    def __init__(self):
        self.asked = []

    def measured(self, run, also):
        self.asked.append(run.name)
        return Measured(error="memory ran out while it was measured")


def test_a_run_whose_measuring_failed_is_measured_once(places):
    study = study_of(places, trials=3, sampler="random", base=config_of(objective=BETA_VAE, epochs=1))
    failing = Failing()
    with Driving(study, failing) as driving:
        for _ in range(12):
            for run in driving.advance().waiting[:1]:
                train_run(run, places)
    assert failing.asked == ["s-t000", "s-t001", "s-t002"]
    assert [t.end for t in study.ledger().trials] == ["failed"] * 3


def test_a_study_that_is_stopped_while_the_search_thinks_makes_no_run(places, store, monkeypatch):
    study = study_of(places, trials=3, sampler="random")
    ask = Search.ask

    def slow(search, *args):
        study.stop()
        return ask(search, *args)

    with monkeypatch.context() as patch, Driving(study, Inside()) as driving:
        patch.setattr(Search, "ask", slow)
        assert driving.advance().done
    assert study.ledger().trials == ()
    assert store.own() == []
    study.go_on()
    assert drive(study).done
    assert [t.end for t in study.ledger().trials] == ["complete"] * 3


def planted(study, values, **more):
    """Trials that were tried and failed, without runs."""
    trials = [Trial(i, one, 0, end="failed", stamp="x") for i, one in enumerate(values)]
    write_ledger(study.path, replace(study.ledger(), trials=tuple(trials), **more))


def test_what_was_tried_in_other_ranges_takes_no_place_in_these(places):
    study = study_of(places, trials=3, sampler="random", search=("latent_dim=2..40",))
    planted(study, [{"latent-dim": d} for d in (30, 31, 32)])
    study.change_search(["latent_dim=2..3"])
    study.extend(9)
    assert study.total == 5
    assert drive(study).done
    assert sorted(t.values["latent-dim"] for t in study.ledger().trials if t.complete) == [2, 3]
    with pytest.raises(BadConfig, match=r"every setting of latent-dim=2\.\.3 was tried"):
        study.extend(1)
    with pytest.raises(BadConfig, match=r"every setting of latent-dim=30\.\.32 was tried"):
        study.change_search(["latent_dim=30..32"])


def test_a_grid_that_is_moved_is_tried_whole(places):
    study = study_of(places, sampler="grid", seeds=2, search=("latent_dim=2,3",))
    planted(study, [{"latent-dim": d} for d in (2, 2, 3)])
    assert study.total == 4
    study.change_search(["latent_dim=3,4,5"])
    assert study.total == 8


@pytest.mark.parametrize("where", ["before the trial is written", "after it"])
def test_a_proposal_outlives_a_kill(places, monkeypatch, where):
    class Gone(BaseException):
        pass

    def gone(*args, **kwargs):
        raise Gone

    study = study_of(places, trials=2, sampler="random", base=config_of(objective=BETA_VAE, epochs=1))
    study.propose([{"beta": 3.14159265}])
    with monkeypatch.context() as patch, Driving(study, Inside()) as driving:
        if where.startswith("before"):
            patch.setattr(Trial, "__init__", gone)
        else:
            patch.setattr(record.Study, "take_proposed", gone)
        with pytest.raises(Gone):
            driving.advance()
    assert drive(study).done
    assert [t.values["beta"] == 3.14159 for t in study.ledger().trials] == [True, False]
    assert study.proposed() == []


def test_what_a_kill_left_enqueued_is_given_to_nobody(places):
    study = study_of(places, trials=2, sampler="random")

    def search():
        return Search(study.path, study.settings, study.fields, study.goals, "name")

    search().study.enqueue_trial({"beta": 5.0})
    assert search().ask(0).values["beta"] != 5.0
    assert search().ask(1, {"beta": 2.0}).values == {"beta": 2.0}


def test_a_package_that_is_missing_is_raised_in_the_foreground_and_waited_for_elsewhere(places, monkeypatch):
    study = study_of(places, trials=1, sampler="random")
    asked = []

    def missing(*args):
        asked.append(1)
        raise MissingPackage("botorch is not installed")

    monkeypatch.setattr(Search, "ask", missing)
    with Driving(study, Inside()) as driving:
        first, second = driving.advance(), driving.advance()
        assert (
            (first.done, first.note)
            == (second.done, second.note)
            == (False, "waits: botorch is not installed")
        )
        assert len(asked) == 1
        study.stop()
        assert driving.advance().done
    with pytest.raises(MissingPackage, match="botorch"):
        run_here(study)


def test_any_fault_of_a_study_is_said_where_a_page_finds_it(places, monkeypatch, capsys):
    url = "postgresql://me:s3cr3t@host/db"
    study = study_of(places, trials=1, sampler="random")
    monkeypatch.setenv(STORAGE_VARIABLE, url)

    def faulty(*args):
        raise KeyError(f"at {url}")

    at_work = Studies(places)
    with monkeypatch.context() as patch:
        patch.setattr(Search, "ask", faulty)
        at_work.tick()
    note = payload(study)["note"]
    assert note.startswith("waits: KeyError: ")
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "postgresql://me:***@host/db" in printed
    assert "s3cr3t" not in note + printed
    at_work.until.clear()
    at_work.tick()
    assert payload(study)["note"] == ""
    at_work.close()


def test_a_run_that_cannot_go_on_ends_its_trial_with_the_reason(places):
    study = study_of(places, trials=1, sampler="random")
    with Driving(study, Inside()) as driving:
        run = driving.advance().waiting[0]
        train_run(
            run, places, lambda e: study.stop() if isinstance(e, EpochDone) and not run.requests() else None
        )
        (run.path / "resume.safetensors").unlink()
        study.go_on()
        driving.advance()
    (trial,) = study.ledger().trials
    assert trial.end == "failed"
    assert "holds its weights alone" in trial.why


def test_nothing_a_driver_or_the_command_line_prints_holds_the_password(monkeypatch, capsys):
    monkeypatch.setenv(STORAGE_VARIABLE, "postgresql://me:s3cr%2F3t@host/db")
    said = "no password s3cr/3t at postgresql://me:s3cr%2F3t@host/db"
    stream = Masked(io.StringIO())
    print(said, file=stream)
    fault = KeyError(said)
    print_masked(KeyError, fault, None)
    for printed in (stream.getvalue(), capsys.readouterr().err):
        assert "no password *** at postgresql://me:***@host/db" in printed


def test_a_study_that_was_deleted_stays_deleted(places):
    study = study_of(places)
    study.stop()
    study.delete()
    for what in (study.stop, study.go_on, lambda: Driving(study, Inside()), lambda: take_back(study.path)):
        with pytest.raises(RunNotFound, match="the study s is not there any more"):
            what()
    assert not driven(study)
    assert not study.path.exists()


def test_trials_that_cannot_be_read_are_told_with_what_to_do_and_that_helps(places):
    study = study_of(places, sampler="grid", search=("latent_dim=2,3",))
    assert drive(study).done
    (study.path / "trials.json").write_text("{")
    with pytest.raises(
        BadRun, match=r"Put a copy of studies/s/trials.json back into the home folder, or delete that file"
    ):
        study.ledger()
    before = sorted(path.name for path in places.runs.iterdir())
    (study.path / "trials.json").unlink()
    assert drive(study).done
    assert [t.end for t in study.ledger().trials] == ["complete"] * 2
    assert sorted(path.name for path in places.runs.iterdir()) == before, "its runs are taken up again"
    (study.path / "trials.json").write_text("{")
    study.delete()


def test_a_run_of_other_settings_is_never_taken_for_a_trials(places, store):
    study = study_of(places, sampler="grid", search=("latent_dim=2,3",))
    other = store.create(config_of(objective=BETA_VAE, latent_dim=7), "s-t000", group="s")
    assert drive(study).done
    trials = study.ledger().trials
    assert [trial.end for trial in trials] == ["complete"] * 2
    assert other.id not in [trial.run for trial in trials]
