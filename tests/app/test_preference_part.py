"""Tune, by preference: nothing there, a round of choosing, waiting, taking back, and what the choices favour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pytest
from conftest import shown
from helpers import config_of
from streamlit.testing.v1 import AppTest

from app.services import runs
from app.state import address
from vae_core.objectives.losses import BetaParams
from vae_core.options import Choice
from vae_core.places import Places, write_json
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.study import settings
from vae_core.study.choosing import FILE, Liked
from vae_core.study.preference import Judgement, add_judgement, as_json, judgements_of
from vae_core.study.record import Study, create
from vae_core.study.settings import StudySettings
from vae_core.study.trials import Ledger, Trial, write_ledger

Open = Callable[..., AppTest]
BASE = config_of(dataset="tiny", objective=Choice("beta_vae", BetaParams(2.0)), epochs=1)
PART = {address.TUNE_PART.name: "By preference"}


@pytest.fixture(autouse=True)
def _nobody_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    class Still:
        def wake(self) -> None: ...

    monkeypatch.setattr(runs, "driver", Still)
    monkeypatch.setattr(runs, "queue", Still)
    monkeypatch.setattr(settings, "find_spec", lambda name: name)  # nothing here needs the extra itself


@pytest.fixture
def study(places: Places, store: Store) -> Study:
    """Three trials, whose one run was trained: each shows its pictures."""
    run = store.create(BASE, "one")
    train_run(run, places)
    made = create(
        places,
        StudySettings(base=BASE, search=("beta=0.5..2:log",), sampler="preference", goals=(), trials=5),
        "mine",
    )
    found = [
        Trial(i, {"beta": 0.5 + 0.5 * i}, 0, run=run.id, end="complete", numbers={"mse": 0.125 + i})
        for i in range(3)
    ]
    write_ledger(made.path, Ledger(tuple(found)))
    return made


def test_without_a_study_the_form_is_offered(open_page: Open) -> None:
    at = open_page("tune", **PART)
    assert not at.exception
    assert "No study by preference yet" in shown(at)
    at.button(key="preference make").click().run()
    assert not at.exception
    assert at.session_state[address.STUDY_WAY.of("sampler").name] == "preference"
    assert not any("What is wanted" in box.label for box in at.multiselect), "no number is wanted"


def test_a_round_hides_names_and_numbers_and_a_mark_is_kept(open_page: Open, study: Study) -> None:
    at = open_page("tune", **PART)
    assert not at.exception
    assert not at.error
    told = shown(at)
    assert "Round 1" in told
    assert len(at.get("image")) == 4, "the images themselves, and three reconstructions"
    assert "0.125" not in told
    assert "1.5" not in told
    at.button(key="best 0 B").click().run()
    assert not at.exception
    (said,) = judgements_of(study.path)
    assert said.best == said.shown[1]
    assert sorted(said.shown) == [0, 1, 2]
    assert "what to try next is being worked out" in " ".join(bar.proto.text for bar in at.get("progress"))


def test_worst_and_no_choice_are_kept_and_taken_back(open_page: Open, study: Study) -> None:
    at = open_page("tune", **PART)
    at.button(key="worst 0 A").click().run()
    (said,) = judgements_of(study.path)
    assert (said.best, said.worst) == (None, said.shown[0])
    at.button(key="preference back").click().run()
    assert judgements_of(study.path) == []
    at.button(key="no choice 0").click().run()
    (said,) = judgements_of(study.path)
    assert said.pairs == []
    assert "No choice tells an order yet" in shown(at)


def test_what_the_choices_favour_is_said_with_the_numbers(open_page: Open, study: Study) -> None:
    add_judgement(study.path, Judgement((0, 1, 2), best=2))
    told = Liked({0: 0.1, 1: 0.2, 2: 0.7}, ("Trial 2 is liked best with 70% probability.",))
    write_json(study.path / FILE, asdict(told) | {"choices": as_json(judgements_of(study.path))})
    study.stop()
    at = open_page("tune", **PART)
    assert not at.exception
    assert "Trial 2 is liked best" in shown(at)
    table = at.dataframe[0].value
    assert list(table["trial"]) == [2, 1, 0]
    assert list(table["liked best"]) == ["70%", "20%", "10%"]
    assert 2.125 in table.to_numpy().tolist()[0]
    at.button(key="preference on").click().run()
    assert study.record().going
