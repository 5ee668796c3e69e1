"""The page Tune: its states, the form of a new study, and what a trial's card asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from conftest import shown
from helpers import config_of
from streamlit.testing.v1 import AppTest

from app.services import runs
from app.state import address
from app.views.tune import command, ranges
from vae_core.cli.parser import make_parser
from vae_core.cli.switches import config_from
from vae_core.config import RunConfig
from vae_core.objectives.losses import BetaParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.study.fields import parse, with_values
from vae_core.study.record import Study, create, studies
from vae_core.study.settings import StudySettings
from vae_core.study.trials import Ledger, Trial, write_ledger

Open = Callable[..., AppTest]
BASE = config_of(dataset="tiny", objective=Choice("beta_vae", BetaParams(2.0)))


@pytest.fixture(autouse=True)
def _nobody_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    class Still:
        def wake(self) -> None: ...

    monkeypatch.setattr(runs, "driver", Still)
    monkeypatch.setattr(runs, "queue", Still)


def fine(at: AppTest) -> None:
    assert not at.exception
    assert not at.error, [e.value for e in at.error]


def planted(places: Places, ends: list[str], name: str = "mine", **settings: Any) -> Study:
    """A study whose trials ended so, by what is written down of them; they have no runs."""
    asked: dict[str, Any] = {"search": ("latent_dim=2..8:log", "beta=0.5..2:log"), "trials": len(ends)}
    study = create(places, StudySettings(base=BASE, **asked | settings), name)
    found = [
        Trial(
            i, {"latent-dim": 2 + i, "beta": 0.5 + 0.25 * i}, 0, end=end, why="the loss is not a number" if end == "failed" else "",
            numbers={"elbo": 90.0 - i, "seconds": 3.0} if end == "complete" else {},
        )
        for i, end in enumerate(ends)
    ]  # fmt: skip
    write_ledger(study.path, Ledger(tuple(found)))
    return study


def given(at: AppTest) -> dict[str, Any]:
    """What the trials' component was handed."""
    for found in at.get("bidi_component"):
        data = json.loads(found.proto.json)
        if "trials" in data:
            return dict(data)
    raise AssertionError("no component was given trials")


def ask(at: AppTest, what: str, trial: int) -> None:
    """As the card's buttons do."""
    at.session_state[address.STUDY_ASKED.name] = {"what": what, "trial": trial, "run": ""}
    at.run()


def test_with_no_study_the_page_says_what_one_is_and_leads_to_the_form(open_page: Open) -> None:
    at = open_page("tune")
    fine(at)
    assert "No study yet" in shown(at)
    next(b for b in at.button if b.label == "Make one").click().run()
    fine(at)
    assert "What is searched" in shown(at)


def test_start_without_a_change_gives_a_filled_grid_of_pictures(open_page: Open, places: Places) -> None:
    at = open_page("tune", tuning="New study", **{"study-dataset": "tiny", "study-model": "mlp"})
    fine(at)
    assert "12 settings, all combinations" in shown(at)
    shared = {w.key for w in at.number_input if w.key and w.key.startswith("study-")}
    assert "study-epochs" in shared
    assert not shared & {"study-latent-dim", "study-beta"}, "what is searched has no one value"
    assert "vae-core tune --dataset tiny" in shown(at)
    at.button(key="start study").click().run()
    fine(at)
    (study,) = studies(places)
    assert [str(f) for f in study.fields] == ["latent-dim=2..32:log:4", "beta=0.25..4:log:3"]
    assert study.total == 12
    assert study.settings.base.training.most_minutes == 0.5
    assert at.selectbox(key="study").value == study.name
    assert "0 of 12 trials done" in "".join(b.proto.text for b in at.get("progress"))
    assert "Its first trial is being chosen" in shown(at)


def test_the_form_refuses_a_range_beyond_its_bounds_and_says_what_it_takes(
    open_page: Open, places: Places
) -> None:
    at = open_page("tune", tuning="New study", **{"study-dataset": "tiny", "study-model": "mlp"})
    at.number_input(key="study range latent-dim high").set_value(1).run()
    assert "is empty" in at.error[0].value
    at.number_input(key="study range latent-dim high").set_value(100_000).run()
    at.button(key="start study").click().run()
    assert "Latent-dim: 100000 is outside of what it takes" in at.error[0].value
    assert not studies(places)


def test_goals_are_those_that_the_runs_can_give(open_page: Open) -> None:
    at = open_page("tune", tuning="New study", **{"study-dataset": "tiny", "study-model": "mlp"})
    at.multiselect(key="study fields").set_value(["latent-dim", "likelihood"]).run()
    fine(at)
    offered = at.multiselect(key="study way goals")
    assert offered.value == ["mse"], "nats of different likelihoods are never compared"
    assert not [o for o in offered.options if "ELBO" in o]
    offered.set_value(["mse", "seconds"]).run()
    fine(at)
    assert "No run is stopped early: with two goals" in shown(at)


def test_a_finished_study_is_shown_with_its_numbers_and_a_sentence(open_page: Open, places: Places) -> None:
    planted(places, ["complete", "complete", "failed"])
    at = open_page("tune")
    fine(at)
    data = given(at)
    assert data["best"] == 1
    assert [t["state"] for t in data["trials"]] == ["finished", "finished", "failed"]
    assert data["trials"][2]["why"] == "the loss is not a number"
    assert set(data["trials"][0]["pictures"]) == {"originals", "reconstruction", "sample", "traversal"}
    assert "Best −ELBO: 89.0 nats" in shown(at)
    assert not at.get("progress")


def test_a_study_of_failures_alone_says_why(open_page: Open, places: Places) -> None:
    planted(places, ["failed", "failed"])
    at = open_page("tune")
    fine(at)
    assert "All trials failed; the first: the loss is not a number" in at.warning[0].value


def test_a_study_goes_on_is_stopped_and_taken_up_again(open_page: Open, places: Places) -> None:
    study = planted(places, ["complete", ""], trials=6)
    at = open_page("tune")
    fine(at)
    assert "1 of 6 trials done · about" in "".join(b.proto.text for b in at.get("progress"))
    at.button(key="stop study").click().run()
    fine(at)
    assert not study.record().going
    assert "it was stopped" in shown(at)
    at.button(key="study on").click().run()
    assert study.record().going
    at.number_input(key="study more mine").set_value(5).run()
    at.button(key="study extend mine").click().run()
    fine(at)
    assert study.settings.trials == 11


def test_a_grid_of_which_every_run_was_stopped_can_go_on(
    open_page: Open, places: Places, store: Store
) -> None:
    study = planted(places, ["", ""], trials=2)
    runs = [store.create(study.settings.base) for _ in range(2)]
    write_ledger(
        study.path,
        Ledger(tuple(replace(t, run=r.id) for t, r in zip(study.ledger().trials, runs, strict=True))),
    )
    study.stop()
    assert [run.status().state for run in runs] == ["stopped", "stopped"]
    at = open_page("tune")
    fine(at)
    assert "0 of 2 trials done; it was stopped" in shown(at)
    at.button(key="study on").click().run()
    fine(at)
    assert study.record().going


def test_continue_around_here_fills_the_form_with_narrower_ranges(open_page: Open, places: Places) -> None:
    planted(places, ["complete", "complete", "complete"])
    at = open_page("tune")
    ask(at, "around", 1)
    fine(at)
    assert "What is searched" in shown(at)
    assert at.multiselect(key="study fields").value == ["latent-dim", "beta"]
    assert at.number_input(key="study range latent-dim low").value == 2
    assert at.number_input(key="study range latent-dim high").value < 8
    assert at.selectbox(key="study way sampler").value == "tpe"


def test_the_best_is_opened_trained_longer_or_searched_around_from_the_studys_head(
    open_page: Open, places: Places, copied: Run
) -> None:
    study = planted(places, ["complete", "complete", "complete"])
    trials = [*study.ledger().trials[:2], replace(study.ledger().trials[2], run=copied.id)]
    write_ledger(study.path, Ledger(tuple(trials)))
    at = open_page("tune")
    assert [b.label for b in at.button if b.key.startswith("study best")] == [
        "Open the best", "Train the best longer", "Continue around the best",
    ]  # fmt: skip
    at.button(key="study best around").click().run()
    fine(at)
    assert "What is searched" in shown(at)
    assert at.number_input(key="study range beta high").value == pytest.approx(2**0.5, abs=1e-4)
    before = copied.record().effective.training.epochs
    open_page("tune").button(key="study best longer").click().run()
    assert copied.record().config.training.continued == (before,)
    at = open_page("tune").button(key="study best open").click().run()
    assert at.session_state[address.RUN.name] == copied.id


def test_ranges_of_a_study_are_changed_and_what_cannot_be_is_named(open_page: Open, places: Places) -> None:
    study = planted(places, ["complete", "complete"], trials=9, sampler="random")
    at = open_page("tune")
    at.button(key="study ranges mine").click().run()
    fine(at)
    assert at.number_input(key="study change latent-dim high").value == 8

    def window() -> None:  # as the browser does, which runs the window's own function again
        from app.services import runs
        from app.views.tune.changed_ranges import window
        from vae_core.study.record import open_study

        window(open_study(runs.places(), "mine"))

    at = AppTest.from_function(window, default_timeout=120).run()
    assert at.button(key="study change").disabled, "nothing is changed yet"
    at.number_input(key="study change latent-dim high").set_value(100_000).run()
    at.button(key="study change").click().run()
    assert "Latent-dim: 100000 is outside of what it takes" in at.error[0].value
    at.number_input(key="study change latent-dim high").set_value(1).run()
    assert "is empty" in at.error[0].value
    assert [str(f) for f in study.fields] == ["latent-dim=2..8:log", "beta=0.5..2:log"]
    at.number_input(key="study change latent-dim high").set_value(16).run()
    at.button(key="study change").click().run()
    fine(at)
    assert [str(f) for f in study.fields] == ["latent-dim=2..16:log", "beta=0.5..2:log"]


def test_trials_that_cannot_be_read_are_said_with_what_to_do(open_page: Open, places: Places) -> None:
    study = planted(places, ["complete"])
    (study.path / "trials.json").write_text("{")
    at = open_page("tune")
    assert not at.exception
    assert "cannot be read" in at.error[0].value
    assert "delete that file" in at.error[0].value
    assert at.selectbox(key="study").value == "mine", "other studies can still be chosen"


def test_words_of_the_form_are_explained(open_page: Open) -> None:
    at = open_page("tune", tuning="New study", **{"study-dataset": "tiny", "study-model": "mlp"})
    said = at.selectbox(key="study way sampler").help + at.selectbox(key="study way pruner").help
    for word in ("Grid", "TPE", "Gaussian process", "NSGA-II", "Random", "Preference", "Median", "Halving"):
        assert f"**{word}**" in said


@pytest.mark.parametrize(
    "told", [{"what": "open", "trial": 99}, {"what": "nothing", "trial": 0}, "x", {"trial": []}]
)
def test_what_a_browser_makes_up_is_asked_of_no_trial(open_page: Open, places: Places, told: Any) -> None:
    planted(places, ["complete"])
    at = open_page("tune")
    at.session_state[address.STUDY_ASKED.name] = told
    at.run()
    fine(at)
    assert given(at)["trials"]


def test_a_trial_whose_run_is_gone_opens_nothing(open_page: Open, places: Places) -> None:
    planted(places, ["complete"])
    at = open_page("tune")
    ask(at, "open", 0)
    fine(at)
    assert "not there any more" in at.toast[0].value


def test_a_long_name_and_marks_in_it_are_shown_as_they_are(open_page: Open, places: Places) -> None:
    name = "a_very-long.name_" * 5
    planted(places, ["complete"], name=name[:80])
    at = open_page("tune", study=name[:80])
    fine(at)
    assert at.selectbox(key="study").value == name[:80]


def test_links_to_beta_lead_to_the_part_that_has_it_with_all_they_say(open_page: Open) -> None:
    at = open_page("beta", look="KL weights elsewhere", **{"their-weight": "0.5"})
    at.run()
    fine(at)
    assert at.title[0].value == "Tune"
    assert at.number_input(key="their-weight").value == 0.5


# ---------------------------------------------------------------- the command, and ranges


def test_a_study_as_a_command_is_read_as_the_same_study() -> None:
    base = config_of(dataset="digits", latent_dim=6, objective=Choice("beta_vae", BetaParams(2.0)))
    settings = StudySettings(
        base=base, search=("latent-dim=2..32:log", "likelihood=bernoulli,gaussian"), goals=("mse", "seconds"), sampler="random", trials=7,
    )  # fmt: skip
    line = command.command_of(settings, "mine").split()
    assert line[:2] == ["vae-core", "tune"]
    args = make_parser().parse_args(line[1:])
    assert (args.search, args.goal, args.sampler, args.trials, args.name) == (
        list(settings.search), ["mse", "seconds"], "random", 7, "mine",
    )  # fmt: skip
    # what is searched stands in --search alone
    assert with_values(config_from(args, RunConfig()), {"latent-dim": 6, "likelihood": "bernoulli"}) == base


def test_every_usual_range_lies_within_its_setting() -> None:
    found = ranges.offered(BASE)
    assert {"latent-dim", "beta", "likelihood", "learning-rate", "model", "epochs", "seed"} <= set(found)
    assert "dataset" not in found, "other images give other numbers"
    for leaf in found.values():
        field = ranges.usual(leaf)
        assert field is not None
        low, high = leaf.spec.minimum, leaf.spec.maximum
        assert not field.is_range or low is None or float(field.low or 0) >= low, leaf.switch
        assert not field.is_range or high is None or float(field.high or 0) <= high, leaf.switch


def test_a_narrower_range_is_half_as_wide_and_keeps_within_its_ends() -> None:
    field = parse("beta=0.1..10:log")
    near = ranges.narrowed(field, 1.0)
    assert (near.low, near.high) == (pytest.approx(0.316228), pytest.approx(3.16228))
    edge = ranges.narrowed(field, 0.1)
    assert (edge.low, edge.high) == (pytest.approx(0.1), pytest.approx(0.316228))
    same = parse("likelihood=bernoulli,gaussian")
    assert ranges.narrowed(same, "bernoulli") is same
    assert ranges.narrowed(parse("latent-dim=2..3"), 2) == parse("latent-dim=2..3")


def charts_open(open_page: Open) -> AppTest:
    at = open_page("tune")
    fine(at)
    assert not at.get("plotly_chart"), "nothing is drawn for a fold that is shut"
    at.session_state[address.STUDY_CHART.of("open").name] = True
    at.run()
    fine(at)
    return at


def test_charts_show_importance_a_slice_of_each_field_and_contours(open_page: Open, places: Places) -> None:
    asked: dict[str, Any] = {"search": ("latent_dim=2..8:log", "beta=0.5..2:log"), "trials": 4}
    study = create(places, StudySettings(base=BASE, **asked), "mine")
    at_corners = [(2, 0.5), (8, 0.5), (2, 2.0), (8, 2.0)]
    found = [
        Trial(i, {"latent-dim": d, "beta": b}, 0, end="complete", numbers={"elbo": 90.0 + d})
        for i, (d, b) in enumerate(at_corners)
    ]
    write_ledger(study.path, Ledger(tuple(found), importance={"elbo": {"latent-dim": 0.9, "beta": 0.1}}))
    at = charts_open(open_page)
    charts = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    assert len(charts) == 4
    assert charts[0]["data"][0]["y"] == ["β", "latent dimensions D"]
    assert charts[1]["data"][1]["x"] == [2], "the best is marked"
    surface = charts[3]["data"][0]
    assert surface["type"] == "contour"
    assert surface["z"][0][0] == pytest.approx(92)
    assert surface["z"][-1][-1] == pytest.approx(98)


def test_without_a_surface_the_charts_say_what_it_takes(open_page: Open, places: Places) -> None:
    planted(places, ["complete", "complete", "failed"])
    at = charts_open(open_page)
    assert len(at.get("plotly_chart")) == 2
    assert "Contours need four trials" in shown(at)
