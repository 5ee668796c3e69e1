"""A study by preference, driven: it waits for choices, and goes on with each."""

import json

import pytest
from helpers import config_of

from vae_core.errors import BadConfig, MissingPackage
from vae_core.objectives.losses import BetaParams
from vae_core.options import Choice
from vae_core.runs.worker import train_run
from vae_core.study import record, settings
from vae_core.study.choosing import FIRST, NEXT, shown_now, stored_liking
from vae_core.study.driving import Driving
from vae_core.study.measuring import Inside
from vae_core.study.preference import Judgement, add_judgement, as_json, judgements_of
from vae_core.study.settings import StudySettings
from vae_core.study.view import payload


def asked(**more):
    usual = {"search": ("beta=0.1..10:log",), "sampler": "preference", "goals": (), "trials": 8}
    return StudySettings(
        base=config_of(objective=Choice("beta_vae", BetaParams(1.0)), epochs=1), **usual | more
    )


def drive(study, *, fails=()):
    with Driving(study, Inside()) as driving:
        for _ in range(60):
            look = driving.advance()
            if look.done or look.note:
                return look
            for run in look.waiting[:1]:
                if int(run.name[-3:]) in fails:
                    (study.places.datasets / "tiny").rename(study.places.datasets / "gone")
                train_run(run, study.places)
                if int(run.name[-3:]) in fails:
                    (study.places.datasets / "gone").rename(study.places.datasets / "tiny")
    raise AssertionError("it does not come to an end")


def test_it_waits_for_a_choice_and_goes_on_with_it(places):
    pytest.importorskip("botorch")
    study = record.create(places, asked(), "s")
    assert study.wants()
    assert drive(study).done
    assert len(study.ledger().trials) == FIRST
    assert shown_now(study) == [0, 1, 2, 3]
    assert not study.wants(), "a choice is waited for"
    add_judgement(study.path, Judgement((0, 1, 2, 3), best=2))
    assert study.wants()
    assert shown_now(study) == []
    assert drive(study).done
    assert shown_now(study) == [2, FIRST, FIRST + 1], "the new ones beside the one liked best"
    add_judgement(study.path, Judgement((2, 4, 5)))
    drive(study)
    assert len(study.ledger().trials) == 8 == FIRST + 2 * NEXT
    assert shown_now(study) == [2, 6, 7]
    add_judgement(study.path, Judgement((2, 6, 7), best=6))
    assert study.wants(), "what the choices favour is to be said"
    drive(study)
    assert not study.wants(), "as many as were asked for"
    told = stored_liking(study.path, judgements_of(study.path))
    assert told is not None
    values = [trial.values["beta"] for trial in study.ledger().trials]
    assert len(set(values)) == 8
    assert set(told.chances) == set(range(8))
    assert sum(told.chances.values()) == pytest.approx(1)
    assert told.sentences[0].startswith("Of 8 trained runs, trial ")
    assert payload(study)["best"] is None, "no number ranks them"


def test_a_failed_run_is_never_shown(places):
    study = record.create(places, asked(), "s")
    drive(study, fails=(1,))
    trials = study.ledger().trials
    assert trials[1].end == "failed"
    assert shown_now(study) == [0, 2, 3]
    assert judgements_of(study.path) == []


def test_what_other_choices_favoured_is_never_told_of_these(tmp_path):
    first, other = Judgement((0, 1), best=0), Judgement((0, 1), best=1)
    told = {
        "judgements": 1,
        "chances": {"0": 1.0},
        "sentences": ["0 is liked best."],
        "choices": as_json([first]),
    }
    (tmp_path / "liked.json").write_text(json.dumps(told))
    assert stored_liking(tmp_path, [first]).chances == {0: 1.0}
    assert stored_liking(tmp_path, [other]) is None, "as many choices, and others"


def test_a_space_of_few_settings_is_tried_whole_and_no_more(places):
    study = record.create(places, asked(search=("latent_dim=2..4",), trials=9), "s")
    drive(study)
    assert sorted(t.values["latent-dim"] for t in study.ledger().trials) == [2, 3, 4]
    add_judgement(study.path, Judgement(tuple(shown_now(study))))
    assert not study.wants(), "nothing is left to try"


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"seeds": 2}, "seeds: by preference"),
        ({"pruner": "median", "goals": ("elbo",)}, "pruner: a study by"),
    ],
)
def test_what_makes_no_sense_by_preference_is_refused(places, more, fault):
    with pytest.raises(BadConfig, match=fault):
        record.create(places, asked(**more), "s")
    assert not (places.home / "studies" / "s").exists()


def test_without_the_extra_it_is_refused_before_anything_starts(places, monkeypatch):
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"\[preference\]"):
        record.create(places, asked(), "s")
