"""A study driven to its end in this process."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import config_of, frozen, write_blobs

from vae_core.data import open_images
from vae_core.errors import BadConfig, RunBusy
from vae_core.evaluation.likelihood import evaluate
from vae_core.evaluation.sweep_report import gather
from vae_core.events import EpochDone
from vae_core.inference import load_run
from vae_core.objectives import OBJECTIVES
from vae_core.objectives.losses import BetaParams
from vae_core.options import Choice
from vae_core.runs.record import FINISHED, STOPPED
from vae_core.runs.worker import train_run
from vae_core.study import record
from vae_core.study.driving import Driving
from vae_core.study.measuring import Inside
from vae_core.study.search import Search
from vae_core.study.settings import StudySettings
from vae_core.study.trials import read_ledger, write_ledger
from vae_core.study.view import payload
from vae_core.sweep import create_sweep, members, sweeps

BETA_VAE = Choice("beta_vae", BetaParams(1.0))


def study_of(places, *, name="s", base=None, **settings):
    base = base or config_of(objective=BETA_VAE)
    return record.create(
        places, StudySettings(base=base, **{"search": ("beta=0.1..10:log",), **settings}), name
    )


def drive(study, *, steps=200, training=train_run):
    """As the command line does: step by step, training what waits; the last look."""
    with Driving(study, Inside()) as driving:
        for _ in range(steps):
            look = driving.advance()
            if look.done or look.note:
                break
            for run in look.waiting[:1]:
                training(run, study.places, lambda e: driving.advance() if isinstance(e, EpochDone) else None)
    return look


def test_trials_are_ordinary_runs_of_one_group(places, store):
    study = study_of(places, trials=3, sampler="random", search=("beta=0.1..10:log", "latent_dim=2..4"))
    assert drive(study).done
    trials = study.ledger().trials
    assert [(t.number, t.end) for t in trials] == [(0, "complete"), (1, "complete"), (2, "complete")]
    for trial, run in zip(trials, study.runs(), strict=True):
        kept = run.record()
        assert (kept.group, kept.name) == ("s", f"s-t{trial.number:03d}")
        assert kept.config.model.latent_dim == trial.values["latent-dim"]
        assert kept.config.objective.beta == trial.values["beta"]
        assert run.status().state == FINISHED
    assert {run.id for run in store.own()} == {trial.run for trial in trials}
    shown = json.loads(json.dumps(payload(study)))
    assert [t["state"] for t in shown["trials"]] == ["finished"] * 3
    assert shown["trials"][shown["best"]]["numbers"]["elbo"] == min(
        t["numbers"]["elbo"] for t in shown["trials"]
    )
    assert [n["name"] for n in shown["numbers"]][:2] == ["elbo", "distortion"]
    assert shown["trials"][0]["curve"]["epoch"] == [1, 2]


def test_a_grid_of_betas_is_that_sweep_bit_for_bit(places, store):
    base = config_of(objective=BETA_VAE)
    study = study_of(places, sampler="grid", search=("beta=0.25,0.5,1,2,4",), base=base)
    assert drive(study).done
    swept = create_sweep(store, base, [0.25, 0.5, 1, 2, 4], "w")
    for run in swept:
        train_run(run, places)
    for trial, mine, theirs in zip(study.ledger().trials, study.runs(), swept, strict=True):
        assert mine.record().config == theirs.record().config
        assert frozen(mine.arrays()) == frozen(theirs.arrays())
        assert trial.values["beta"] == theirs.record().config.objective.beta


@pytest.mark.parametrize("sampler", ["tpe", "gp", "qmc", "nsga2"])
@pytest.mark.parametrize("goals", [("elbo",), ("rate", "distortion")])
def test_every_sampler_finds_its_way_and_asks_the_same_after_a_restart(places, sampler, goals):
    """Of planted numbers: no run is trained."""
    study = study_of(
        places, trials=14, sampler=sampler, goals=goals, search=("beta=0.1..10:log", "latent_dim=2..9")
    )
    settings, fields = study.settings, study.fields

    def asked(name, *, anew):
        found, search = [], Search(study.path, settings, fields, study.goals, name)
        for i in range(14):
            if anew:
                search = Search(study.path, settings, fields, study.goals, name)
            one = search.ask(i)
            found.append(one.values)
            assert all(f.holds(one.values[f.name]) for f in fields)
            off = (np.log10(one.values["beta"]) - 0.5) ** 2
            search.tell(
                one.number, "complete", {"elbo": off, "rate": off, "distortion": one.values["latent-dim"]}
            )
        return found

    assert asked("kept", anew=False) == asked("opened anew", anew=True)


def test_halving_stops_some(places):
    base = config_of(objective=BETA_VAE, epochs=4)
    study = study_of(
        places,
        trials=6,
        pruner="halving",
        sampler="random",
        search=("learning_rate=1e-6..1e-1:log",),
        base=base,
    )
    assert drive(study).done
    assert {t.end for t in study.ledger().trials} == {"complete", "pruned"}


def test_a_study_over_beta_alone_is_a_sweep_and_no_other_is(places, store):
    assert drive(study_of(places, name="betas", trials=2, sampler="random")).done
    assert drive(study_of(places, name="wide", trials=2, sampler="random", search=("latent_dim=2..4",))).done
    assert list(sweeps(store)) == ["betas"]
    assert len(gather(members(store, "betas")).rows) == 2


def test_a_hopeless_run_is_stopped_and_says_why(places):
    bad = Choice("beta_vae", BetaParams(1.0))
    study = study_of(
        places, trials=6, pruner="median", sampler="random", search=("learning_rate=1e-6..1e-1:log",),
        base=config_of(objective=bad, epochs=6),
    )  # fmt: skip
    assert drive(study).done
    ends = [t.end for t in study.ledger().trials]
    assert ends[:4] == ["complete"] * 4
    assert "pruned" in ends
    for trial, run in zip(study.ledger().trials, study.runs(), strict=True):
        if trial.end == "pruned":
            assert run.status().state == STOPPED
            assert trial.why.startswith("stopped by the search after epoch ")
            assert not trial.numbers
    assert any("stopped early" in s for s in payload(study)["sentences"])


def test_only_one_process_drives(places):
    study = study_of(places)
    with Driving(study, Inside()), pytest.raises(RunBusy, match="another process drives"):
        Driving(study, Inside())
    Driving(study, Inside()).close()


def test_trials_can_be_added_and_ranges_changed(places):
    study = study_of(places, trials=2, sampler="random")
    assert drive(study).done
    assert not study.wants()
    with pytest.raises(BadConfig, match=r"latent-dim was not searched before.*make a new study of it"):
        study.change_search(["beta=20..40", "latent_dim=2..5"])
    write_ledger(study.path, replace(study.ledger(), importance={"elbo": {"beta": 1.0}}))
    study.change_search(["beta=20..40"])
    assert payload(study)["importance"] == {}
    study.extend(2)
    assert drive(study).done
    trials = study.ledger().trials
    assert [t.end for t in trials] == ["complete"] * 4
    assert all(0.1 <= t.values["beta"] <= 10 for t in trials[:2])
    assert all(20 <= t.values["beta"] <= 40 for t in trials[2:])
    assert study.ledger().importance == read_ledger(study.path).importance == {}
    with pytest.raises(BadConfig, match="beta was searched before"):
        study.change_search(["latent_dim=2..5"])
    assert [t["state"] for t in payload(study)["trials"]] == ["finished"] * 4


def test_what_is_stopped_goes_on_from_where_it_was(places):
    study = study_of(places, trials=2, sampler="random", base=config_of(objective=BETA_VAE, epochs=3))

    def stops_the_study(run, places, watch):
        def see(event):
            if isinstance(event, EpochDone) and event.epoch == 1:
                study.stop()
            watch(event)

        return train_run(run, places, see)

    with Driving(study, Inside()) as driving:
        stops_the_study(driving.advance().waiting[0], places, lambda e: driving.advance())
        assert driving.advance().done
    assert [t.end for t in study.ledger().trials] == [""]
    assert not study.wants()
    study.go_on()
    assert drive(study).done
    assert [t.end for t in study.ledger().trials] == ["complete"] * 2
    assert study.runs()[0].status().epoch == 3


def test_one_stopped_by_hand_ends_its_trial_alone(places):
    study = study_of(places, trials=2, sampler="random", base=config_of(objective=BETA_VAE, epochs=3))

    def stops_the_first(run, places, watch):
        def see(event):
            if isinstance(event, EpochDone) and run.name == "s-t000" and not run.requests():
                run.request("stop")
            watch(event)

        return train_run(run, places, see)

    assert drive(study, training=stops_the_first).done
    first, second = study.ledger().trials
    assert (first.end, first.why, second.end) == ("stopped", "it was stopped by hand", "complete")
    # a person lets it finish: then it counts, when the study is driven next
    run = study.runs()[0]
    run.go_on()
    assert payload(study)["trials"][0]["state"] == "waiting"
    train_run(run, places)
    study.extend(1)
    assert drive(study).done
    assert [t.end for t in study.ledger().trials] == ["complete"] * 3


def test_one_that_fails_is_told_with_its_reason_and_the_rest_goes_on(places):
    study = study_of(places, trials=3, sampler="tpe")

    def spoils_the_second(run, places, watch):
        if run.name == "s-t001":
            (run.path / "resume.safetensors").write_bytes(b"spoilt")
        return train_run(run, places, watch)

    assert drive(study, training=spoils_the_second).done
    trials = study.ledger().trials
    assert [t.end for t in trials] == ["complete", "failed", "complete"]
    assert "is damaged" in trials[1].why
    assert payload(study)["trials"][1]["state"] == "failed"


def test_seeds_are_trials_of_one_setting(places):
    study = study_of(places, trials=2, seeds=2, sampler="random", base=config_of(objective=BETA_VAE, seed=7))
    assert drive(study).done
    trials = study.ledger().trials
    assert [t.seed for t in trials] == [7, 8, 7, 8]
    assert trials[0].values == trials[1].values != trials[2].values
    assert [run.record().config.training.seed for run in study.runs()] == [7, 8, 7, 8]


def test_proposed_settings_come_first(places):
    study = study_of(places, trials=2, sampler="random")
    study.propose([{"beta": 3.0}])
    assert drive(study).done
    assert study.ledger().trials[0].values == {"beta": 3.0}
    assert study.proposed() == []
    with pytest.raises(BadConfig, match="beta: 99 is not in"):
        study.propose([{"beta": 99}])


def test_a_search_of_few_values_tries_each_once(places):
    study = study_of(places, trials=9, sampler="tpe", search=("latent_dim=2..4",))
    assert drive(study).done
    assert sorted(t.values["latent-dim"] for t in study.ledger().trials) == [2, 3, 4]
    assert not study.wants()


def test_a_run_whose_rate_was_changed_by_hand_answers_for_no_setting(places):
    study = study_of(places, trials=1, sampler="random")

    def turned(run, places, watch):
        run.request("beta", 3.0)
        return train_run(run, places, watch)

    assert drive(study, training=turned).done
    assert "changed by hand" in study.ledger().trials[0].why
    assert study.ledger().trials[0].end == "failed"


OBJECTIVES_HERE = [o.name for o in OBJECTIVES.values() if not o.goes_on]


@pytest.mark.parametrize("objective", OBJECTIVES_HERE)
def test_trials_of_every_objective_have_the_numbers_it_gives(places, objective):
    """Those of `vae-core evaluate`, and no others."""
    entry = OBJECTIVES[objective]
    write_blobs(places.datasets, "lattice", lattice=5)  # images that differ in one factor alone are there
    base = config_of(dataset="lattice", objective=objective, epochs=1, likelihood="gaussian")
    study = study_of(
        places, base=base, trials=1, sampler="random", search=("latent_dim=2..4",), goals=("seconds",)
    )
    assert drive(study).done
    (trial,), (run,) = study.ledger().trials, study.runs()
    assert (trial.end, trial.why) == ("complete", "")
    assert {"elbo", "rate"} <= set(trial.numbers) if entry.has_elbo else "elbo" not in trial.numbers
    assert ("mse" in trial.numbers) == entry.has_encoder
    assert {"seconds", "sharpness"} <= set(trial.numbers)
    if entry.has_encoder:
        told = evaluate(load_run(run), open_images("lattice", 16, places))
        assert trial.numbers["mse"] == told.mse
        assert trial.numbers["active"] == told.active_units
        assert trial.numbers.get("elbo") == (None if told.elbo is None else -told.elbo)
        assert trial.numbers.get("rate") == told.rate
    assert payload(study)["trials"][0]["numbers"] == trial.numbers


def test_a_goal_that_turns_out_not_to_be_there_fails_its_trial_with_the_reason(places):
    """Nine test images are too few for a probe; with more there is one."""
    study = study_of(places, trials=1, sampler="random", goals=("probe",))
    assert drive(study).done
    assert study.ledger().trials[0].end == "failed"
    assert study.ledger().trials[0].why.startswith("no Probe accuracy: a probe needs two classes")
    write_blobs(places.datasets, "more", count=300)
    base = config_of(objective=BETA_VAE, dataset="more", epochs=1)
    study = study_of(places, name="more", base=base, trials=1, sampler="random", goals=("probe",))
    assert drive(study).done
    assert 0 <= study.ledger().trials[0].numbers["probe"] <= 1


def test_a_likelihood_that_is_none_gives_no_elbo(places):
    base = config_of(objective=BETA_VAE, likelihood="ms_ssim", epochs=1)
    study = study_of(
        places, base=base, trials=1, sampler="random", search=("latent_dim=2..4",), goals=("mse",)
    )
    assert drive(study).done
    numbers = study.ledger().trials[0].numbers
    assert "elbo" not in numbers
    assert "mse" in numbers


def test_two_goals_give_a_front(places):
    study = study_of(places, trials=4, sampler="random", goals=("rate", "distortion"))
    assert drive(study).done
    shown = payload(study)
    assert shown["best"] is None
    on = [t for t in shown["trials"] if t["front"]]
    assert on
    for one in on:
        for other in shown["trials"]:
            assert not (
                other["numbers"]["rate"] < one["numbers"]["rate"]
                and other["numbers"]["distortion"] < one["numbers"]["distortion"]
            )


def test_a_journal_that_is_lost_is_made_anew(places):
    study = study_of(places, trials=2, sampler="tpe")
    assert drive(study).done
    (study.path / "journal.log").unlink()
    study.extend(1)
    assert drive(study).done
    assert [t.end for t in study.ledger().trials] == ["complete"] * 3
    assert study.settings.trials == 3
