"""The β page: a sweep made, followed, measured and read; the trajectory of a live run; KL weights of other projects."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import shown, worked_out
from helpers import config_of, places_in, write_blobs
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.services import array_store, datasets, models, runs
from app.views.tune.beta import run_pictures, score_ceiling, side_by_side, trajectory
from vae_core import pictures
from vae_core.config import ObjectiveConfig
from vae_core.data.imageset import Progress
from vae_core.evaluation import ceiling
from vae_core.evaluation import run_metrics as run_metrics_module
from vae_core.evaluation import sweep_report as sweep_report_module
from vae_core.evaluation.dial_curve import stored as dial_curve
from vae_core.evaluation.dimension_matching import align
from vae_core.evaluation.metrics import METRICS, Metric, Value
from vae_core.evaluation.run_metrics import stored
from vae_core.evaluation.sweep_report import measure_all
from vae_core.events import Controlled, EpochDone, to_line
from vae_core.inference import load_run
from vae_core.objectives.likelihoods import GaussianParams
from vae_core.objectives.losses import MultiRateParams
from vae_core.options import Choice, replace_at
from vae_core.places import Places
from vae_core.runs import record as record_module
from vae_core.runs.record import ENDED, FAILED, FINISHED, STOPPED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.sweep import Member, add_beta, create_sweep, log_range, members, with_seed

Open = Callable[..., AppTest]
ROWS = ["images", "reconstructions", "samples", "traversals"]


def fine(at: AppTest) -> None:
    assert not at.exception
    assert not at.error


def handed(at: AppTest, field: str) -> dict[str, Any]:
    """What the page handed to the component that is given this: "labels" to the cursor, "columns" to the matrix."""
    for element in at.get("bidi_component"):
        data: dict[str, Any] = json.loads(element.proto.json)
        if field in data and not data.get("only"):
            return data
    raise AssertionError(f"no component was given {field}")


def columns(at: AppTest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = handed(at, "columns")["columns"]
    return found


@pytest.fixture(scope="module")
def trained_sweep(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Three βs, two of them done and one that waits; to be copied."""
    places = places_in(tmp_path_factory.mktemp("swept"))
    runs = create_sweep(Store(places), config_of(dataset="tiny", latent_dim=3, epochs=3), [0.5, 2, 8], "mine")
    for run in runs[:2]:
        assert train_run(run, places).state == FINISHED
    return runs


@pytest.fixture
def swept(store: Store, places: Places, trained_sweep: list[Run]) -> list[Run]:
    """The same three in the test's own home."""
    for run in trained_sweep:
        shutil.copytree(run.path, places.runs / run.id)
    return [store.find(run.id) for run in trained_sweep]


def test_a_range_of_betas_and_seeds_is_queued(open_page: Open, store: Store) -> None:
    at = open_page(
        "tune", **{"tuning": "β", "sweep-dataset": "tiny", "sweep-model": "mlp", "sweep-ranged": "true"}
    )
    at.number_input(key="sweep-low").set_value(0.5).run()
    at.number_input(key="sweep-high").set_value(8.0).run()
    at.number_input(key="sweep-count").set_value(3).run()
    at.number_input(key="sweep-seeds").set_value(2).run()
    assert "6 runs, at β 0.5, 2, 8" in shown(at)
    at.text_input(key="sweep-name").set_value("wide").run()
    at.button(key="start sweep").click().run()
    fine(at)
    assert [(m.beta, m.seed) for m in members(store, "wide")] == [
        (0.5, 0),
        (0.5, 1),
        (2, 0),
        (2, 1),
        (8, 0),
        (8, 1),
    ]
    at.button(key="start sweep").click().run()
    assert "already is a sweep" in at.error[0].value, "one press too many starts nothing"
    assert len(members(store, "wide")) == 6


def test_a_started_sweep_folds_its_form_away_and_is_shown(open_page: Open, store: Store) -> None:
    at = open_page("tune", **{"tuning": "β", "sweep-dataset": "tiny", "sweep-model": "mlp"})
    at.session_state["new-sweep"] = True
    at.run()
    at.text_input(key="sweep-name").set_value("once").run()
    at.button(key="start sweep").click().run()
    fine(at)
    assert at.session_state["new-sweep"] is False
    assert at.selectbox(key="sweep").value == "once"
    assert "of 5 runs done" in "".join(b.proto.text for b in at.get("progress"))


def test_the_page_fills_in_measures_and_says_what_it_shows(open_page: Open, swept: list[Run]) -> None:
    at = open_page("tune", tuning="β", sweep="mine")
    fine(at)
    fine(worked_out(at))
    assert all(stored(run) is not None for run in swept[:2]), "what is done is measured by itself"
    text = shown(at)
    assert "All numbers are of the test images" in text
    assert "1 run" in text
    assert "best ELBO" in text
    assert handed(at, "labels")["labels"] == ["0.5", "2"]
    assert [b for b in at.button if b.label.startswith("β 8")], "what waits can be stopped alone"
    at.button(key=f"stop {swept[2].id}").click().run()
    assert swept[2].status().state == "stopped"
    at.run()
    assert [b for b in at.button if b.label == "Go on with 1 stopped"]
    at.button(key="sweep on").click().run()
    assert swept[2].status().state not in ENDED


def test_a_run_that_broke_off_shows_its_fault_and_nothing_waits(open_page: Open, swept: list[Run]) -> None:
    swept[2].update_status(state=FAILED, error="the loss is not a finite number at step 3; lower the rate")
    at = open_page("tune", tuning="β", sweep="mine")
    fine(at)
    text = shown(at)
    assert "mine-beta8 failed: the loss is not a finite number at step 3; lower the rate" in text
    assert "1 run broke off and is not in the curve." in text
    assert "to finish" not in text
    assert [b for b in at.button if b.label == "Go on with 1 unfinished"]


def test_a_run_turned_by_hand_is_left_out_of_curve_and_columns(open_page: Open, swept: list[Run]) -> None:
    with open(swept[1].path / "events.jsonl", "a") as file:
        file.write(json.dumps(to_line(Controlled(4, 1, "beta", 10.0)), separators=(",", ":")) + "\n")
    at = open_page("tune", tuning="β", sweep="mine", way="mine-beta2")
    fine(at)
    text = shown(at)
    assert "mine-beta2 is not in the curve: its β was changed while it learnt, 2 to 10." in text
    assert [c["beta"] for c in columns(at)] == ["0.5"]
    with pytest.raises(AssertionError, match="labels"):
        handed(at, "labels")  # a single β leaves nothing to move between
    assert not columns(at)[0]["reached"]
    assert at.selectbox(key="way").value == "mine-beta2", "its way can be drawn"


def test_another_beta_joins_and_a_wrong_one_is_said(open_page: Open, store: Store, swept: list[Run]) -> None:
    at = open_page("tune", tuning="β", sweep="mine")
    at.number_input(key="sweep-another").set_value(2.0).run()
    at.button(key="add beta").click().run()
    assert "already has β = 2" in at.error[0].value
    at.number_input(key="sweep-another").set_value(4.0).run()
    at.button(key="add beta").click().run()
    fine(at)
    assert [m.beta for m in members(store, "mine")] == [0.5, 2, 4, 8]
    assert members(store, "mine")[2].run.record().config.training == swept[0].record().config.training


def test_a_row_of_traversals_follows_one_dimension(swept: list[Run]) -> None:
    """Codes whose dimensions are exchanged and turned are walked through in the same order and direction."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((200, 3)) * [3, 2, 1]
    second = np.stack((first[:, 1], -first[:, 0], rng.standard_normal(200)), 1)
    matched = align(
        [first, second], [np.array([True, True, True]), np.array([True, True, False])], reference=0
    )
    a, b = run_pictures.aligned_walk(matched, 0), run_pictures.aligned_walk(matched, 1)
    assert a.words == "z0 · z1 · z2"
    assert b.words == "−z1 · z0 · –"
    from vae_core.pictures import grid

    model = load_run(swept[0])
    found = run_pictures.originals(swept[0])
    assert found is not None
    codes = np.tile(model.encode(found.images[:1]).mean[0], (3, len(run_pictures.VALUES), 1))
    codes[0, :, 1], codes[1, :, 0] = -run_pictures.VALUES, run_pictures.VALUES
    wanted = model.decode_uint8(codes.reshape(-1, 3)).reshape(3, len(run_pictures.VALUES), *model.shape)
    wanted[2] = run_pictures.COLLAPSED
    assert run_pictures.traversals(swept[0], b, found) == grid(wanted, 32)


def test_the_way_of_a_run_goes_through_its_epochs_and_marks_where_beta_changed(swept: list[Run]) -> None:
    run = swept[0]
    epochs = [e for e in run.history() if isinstance(e, EpochDone)]
    way = trajectory.trajectory_of(run)
    assert way is not None
    np.testing.assert_allclose(way.rates, [e.validation.rate for e in epochs])
    np.testing.assert_allclose(way.distortions, [e.validation.distortion for e in epochs])
    assert way.marks == ()
    with open(run.path / "events.jsonl", "a") as file:
        changed = Controlled(epochs[0].step + 1, 1, "beta", 6.0)
        file.write(json.dumps(to_line(changed)) + "\n")
    way = trajectory.trajectory_of(run)
    assert way is not None
    assert way.marks == ((1, "β 6"),), "the first epoch that ended after it"
    assert trajectory.trajectory_of(swept[2]) is None


def test_only_ways_in_nats_of_the_same_likelihood_are_offered(
    open_page: Open, store: Store, places: Places, swept: list[Run]
) -> None:
    """A Gaussian's nats are a density's: they share no axis with a Bernoulli's. An autoencoder has no rate at all."""
    made = {
        "grey": {"likelihood": "gaussian"},
        "plain": {"objective": "autoencoder"},
        "held": {"objective": "capacity"},
    }
    for name, changes in made.items():
        assert (
            train_run(store.create(config_of(dataset="tiny", latent_dim=3, **changes), name), places).state
            == FINISHED
        )
    assert set(trajectory.runs_to_compare(swept[0])) == {"mine-beta0.5", "mine-beta2", "held"}
    assert set(trajectory.runs_to_compare(store.find("grey"))) == {"grey"}
    add_beta(store, "mine", 0.1)  # it comes first, and has seen no images yet
    at = open_page("tune", tuning="β", sweep="mine", way="grey")
    fine(at)
    assert {"mine-beta0.5", "mine-beta2", "held"} < set(at.selectbox(key="way").options)
    assert at.selectbox(key="way").value == "no run"


def test_a_change_of_a_capacitys_weight_is_marked_as_gamma(store: Store, places: Places) -> None:
    run = store.create(config_of(dataset="tiny", objective="capacity", epochs=2), "held")
    run.request("beta", 12.0)
    assert train_run(run, places).state == FINISHED
    way = trajectory.trajectory_of(run)
    assert way is not None
    assert way.marks == ((0, "γ 12"),)


@pytest.mark.slow
def test_a_choice_over_sixteen_runs_repeats_nothing_expensive(
    open_page: Open, store: Store, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: no network, picture, settings or numbers are made or read anew, and images opened once. A
    moving cursor runs nothing at all (tests/browser/test_looking.py)."""
    for run in create_sweep(store, config_of(dataset="tiny", epochs=2), log_range(0.1, 30, 16), "wide"):
        assert train_run(run, places).state == FINISHED
    found = members(store, "wide")
    assert measure_all(found, datasets.images_of) == []
    at = open_page("tune", tuning="β", sweep="wide")
    fine(at)
    assert [list(c["pictures"]) for c in columns(at)] == [ROWS] * 16
    before = handed(at, "columns")
    calls: Counter[str] = Counter()

    def counted(owner: object, name: str) -> None:
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, **k: calls.update([name]) or real(*a, **k))

    counted(pictures, "encode_png")  # a PNG drawn
    counted(record_module, "migrate")  # settings parsed
    counted(sweep_report_module, "align")
    counted(datasets, "images_of")
    misses = models._models.made, run_metrics_module._read.cache_info().misses
    for run in (found[0], found[9], found[15]):
        at.selectbox(key="way").set_value(run.run.name).run()
        fine(at)
        assert at.selectbox(key="way").value == run.run.name
        assert handed(at, "columns") == before, "the same addresses: the browser fetches no picture twice"
    assert (models._models.made, run_metrics_module._read.cache_info().misses) == misses
    assert calls == {"images_of": 6}, "twice a choice: for the pictures, and for what a score could be"


@pytest.mark.parametrize(
    ("link", "at_first"), [("2", "2"), ("0.5", "0.5"), ("", "2"), ("3", "2"), ("<b>", "2")]
)
def test_the_cursor_begins_where_the_address_says(
    open_page: Open, swept: list[Run], link: str, at_first: str
) -> None:
    at = worked_out(open_page("tune", tuning="β", sweep="mine", **({"focus": link} if link else {})))
    fine(at)
    data = handed(at, "labels")
    assert data["at"] == at_first
    assert data["sweep"] == "mine"
    assert at.query_params.get("focus") == (link if link == at_first else None), "named is what was chosen"
    found = [stored(run) for run in swept[:2]]
    assert data["words"] == [
        f"rate {m.evaluation.rate:.1f}, distortion {m.evaluation.distortion:.1f} nats, {int(m.numbers(member).active.sum())} active"
        for m, member in zip(found, members(runs.store(), "mine"), strict=False)
    ]
    assert data["charts"]["rate-distortion"]["x"] == [m.evaluation.rate for m in found]
    assert data["charts"]["rate-distortion"]["y"] == [m.evaluation.distortion for m in found]
    assert data["charts"]["elbo"]["x"] == [0.5, 2]


@pytest.mark.slow
def test_a_link_is_gone_to_once(open_page: Open, swept: list[Run]) -> None:
    at = worked_out(open_page("tune", tuning="β", sweep="mine", focus="0.5"))
    first = handed(at, "labels")
    assert first["at"] == "0.5"
    assert handed(at.run(), "labels") == first, "a link is gone to once"
    at.query_params["focus"] = "2"
    at.run()
    again = handed(at, "labels")
    assert again["at"] == "2"
    assert again["link"] == first["link"] + 1
    assert handed(at.run(), "labels") == again


def test_pictures_are_fetched_at_their_own_size(open_page: Open, swept: list[Run]) -> None:
    at = worked_out(open_page("tune", tuning="β", sweep="mine"))
    assert [c["beta"] for c in columns(at)] == ["0.5", "2"]
    for column, run in zip(columns(at), swept, strict=False):  # the third waits
        for row in ROWS:
            found = column["pictures"][row]
            png = array_store.find(found["url"].removeprefix("/api/arrays/").removesuffix(".png"))
            with Image.open(io.BytesIO(png.tobytes())) as image:
                assert image.size == (found["width"], found["height"])
        assert array_store.find(
            column["pictures"]["samples"]["url"].split("/")[-1].split(".")[0]
        ).tobytes() == run_pictures.samples(run)


@pytest.mark.slow
def test_columns_that_are_not_matched_say_so_and_rows_left_out_are_told(
    open_page: Open, store: Store, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = create_sweep(store, config_of(dataset="tiny", latent_dim=3, epochs=25), [0.02, 0.05, 8], "mine")
    for run in runs[:2]:
        assert train_run(run, places).state == FINISHED
    at = worked_out(open_page("tune", tuning="β", sweep="mine"))
    fine(at)
    text = shown(at)
    assert "One row is one factor" in text
    assert "apart" not in text
    assert not [c for c in columns(at) if "own order" in c["walk"]]

    def stop_soon(event: object) -> None:
        if not runs[2].requests():
            runs[2].request("stop")

    assert train_run(runs[2], places, stop_soon).state == STOPPED
    monkeypatch.setattr(run_pictures, "ROWS", 2)
    monkeypatch.setattr(side_by_side, "ROWS", 2)
    at = open_page("tune", tuning="β", sweep="mine")
    fine(at)
    text = shown(at)
    assert "In the columns β 0.02 and 0.05 one row is one factor" in text
    assert "β 8 stands apart" in text
    assert "Of 3 such rows 2 are shown" in text
    assert [c["beta"] for c in columns(at)] == ["0.02", "0.05", "8"]
    assert [c["walk"].endswith("(own order)") for c in columns(at)] == [False, False, True]
    assert [c["reached"] for c in columns(at)] == [True, True, False], "the cursor goes along the curve"
    alone = [json.loads(e.proto.json) for e in at.get("bidi_component")]
    (alone,) = [data["columns"] for data in alone if data.get("only")]
    assert [c["beta"] for c in alone] == ["0.02", "0.05"], "so it stands at no other"


@pytest.mark.slow
def test_a_metric_added_to_the_registry_is_measured_and_gets_a_chart(
    open_page: Open, swept: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    worked_out(open_page("tune", tuning="β", sweep="mine"))
    value = Value("spread", "Spread of codes", "Standard deviation of all codes.", unit="1", high=None)

    def spread(mean: np.ndarray, rng: np.random.Generator) -> float:
        return float(mean.std())

    entry = Metric("spread", 1, spread, {"mean"}, (value,), group="codes")
    monkeypatch.setitem(METRICS, "spread", entry)
    at = worked_out(open_page("tune", tuning="β", sweep="mine"))
    fine(at)
    assert "Standard deviation of all codes. Here of posterior means" in shown(at)
    assert all("spread" in stored(run).values for run in swept[:2])
    assert "codes" in handed(at, "labels")["charts"], "the cursor moves through it too"


def test_a_score_that_takes_minutes_waits_to_be_asked_for(
    open_page: Open, swept: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(mean: np.ndarray, rng: np.random.Generator) -> float:
        return float(mean.std())

    stops: list[bool] = []

    def slow(mean: np.ndarray, rng: np.random.Generator, progress: Progress) -> float:
        while not stops:  # until somebody stops it
            progress(0.5, "counting")
        return 0.25

    spread = Value("spread", "Spread of codes", "Standard deviation of all codes.", "1", high=None)
    counted = Value("counted", "Counted codes", "A count.", "codes", high=None, estimator="counted by hand")
    monkeypatch.setitem(METRICS, "spread", Metric("spread", 1, quick, {"mean"}, (spread,), group="codes"))
    monkeypatch.setitem(METRICS, "counted", Metric("counted", 1, slow, {"mean"}, (counted,), group="codes", on_request=True))  # fmt: skip
    worked_out(open_page("tune", tuning="β", sweep="mine"))
    at = worked_out(open_page("tune", tuning="β", sweep="mine", **{"codes-score": "Counted codes"}))
    fine(at)
    assert "**Counted codes** · codes · higher is better · counted by hand" in shown(at)
    assert "2 runs may have it" in shown(at)
    assert all(stored(run).lacks(METRICS["counted"]) for run in swept[:2])
    at.button(key="compute counted").click().run()
    fine(at)
    at.button(key="stop computing").click().run()
    fine(at)
    assert at.button(key="compute counted"), "it can be asked for again"
    stops.append(True)
    at = worked_out(at.button(key="compute counted").click().run())
    fine(at)
    assert all(stored(run).values["counted"] == 0.25 for run in swept[:2])
    assert not [button for button in at.button if button.key == "compute counted"]


def test_the_score_is_in_the_address_and_says_of_which_codes_it_is(
    open_page: Open, swept: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    worked_out(open_page("tune", tuning="β", sweep="mine"))
    numbers = run_metrics_module.RunMetrics.numbers

    def scored(self: run_metrics_module.RunMetrics, member: Member) -> object:
        return dataclasses.replace(
            numbers(self, member), scores={"mig": member.beta / 10, "sap": 1 / member.beta}
        )  # type: ignore[type-var]

    monkeypatch.setattr(run_metrics_module.RunMetrics, "numbers", scored)
    at = open_page("tune", tuning="β", sweep="mine")
    fine(at)
    assert "MIG is best at β 2 (0.200)." in shown(at)
    assert "Mutual information gap" in shown(at)
    assert at.selectbox(key="score").proto.query_param_key == "score"
    assert "Here of posterior means, not samples" in shown(at)
    assert "score, 0 to 1 · higher is better · own estimate" in shown(at)
    assert "At best" not in shown(at), "these pictures tell all of their factors"
    at.selectbox(key="score").set_value("sap").run()
    assert "SAP is best at β 0.5 (2.000)." in shown(at)
    monkeypatch.setattr(score_ceiling, "has_ceiling", lambda metric, data: True)
    monkeypatch.setattr(score_ceiling, "hidden_of", lambda data: "half of it is hidden")
    monkeypatch.setattr(ceiling, "ceilings", lambda *_, **__: {"mig": 0.9, "sap": 0.625})
    at = worked_out(at.run())
    fine(at)
    assert "**At best about 0.625 here**" in shown(at)
    assert "half of it is hidden" in shown(at)
    at = open_page("tune", tuning="β", sweep="mine", score="SAP")
    fine(at)
    assert at.selectbox(key="score").value == "sap"
    assert "SAP is best at β 0.5 (2.000)." in shown(at)


def test_runs_that_differ_in_more_are_no_sweep(open_page: Open, store: Store, swept: list[Run]) -> None:
    config = dataclasses.replace(
        swept[0].record().config, model=dataclasses.replace(swept[0].record().config.model, latent_dim=5)
    )
    store.create(config, "odd-one", group="mine")
    at = open_page("tune", tuning="β", sweep="mine")
    at.number_input(key="sweep-another").set_value(4.0).run()
    at.button(key="add beta").click().run()
    assert "differs from" in at.error[0].value


def test_a_kl_weight_of_another_project_is_converted_and_back(open_page: Open) -> None:
    query = {"look": "KL weights elsewhere", "their-error": "squared error", "their-weight": "0.00025",
             "their-side": "28", "their-dims": "20", "our-scale": "1"}  # fmt: skip
    at = open_page("tune", tuning="β", **query)
    fine(at)
    # mean squared error over 784 pixels plus w KL: (w 784 / 2) KL beside the Gaussian's half squared error
    assert at.metric[0].value == f"{0.00025 * 784 / 2:.4g}"
    at.number_input(key="our-beta").set_value(4.0).run()
    assert at.metric[1].value == f"{4 * 2 / 784:.4g}"
    # sums of squared bytes over 2 σ², σ = 10 bytes, and our σ of 0.1
    query |= {"their-error": "half squared error", "their-error-over": "sum", "their-span": "255", "their-scale": "10",
              "their-weight": "4", "our-scale": "0.1"}  # fmt: skip
    bytes_ = open_page("tune", tuning="β", **query)
    fine(bytes_)
    assert bytes_.metric[0].value == f"{4 * (10 / 25.5) ** 2:.4g}"
    assert "c = their σ² / (σ² span²) = 10² / (0.1² · 255²)" in shown(bytes_)
    at.selectbox(key="their-error").set_value("cross-entropy").run()
    assert at.number_input(key="our-scale").disabled
    assert at.number_input(key="their-scale").disabled
    assert at.metric[0].value == f"{0.00025 * 784:.4g}"


# ---------------------------------------------------------------- the dial


@pytest.fixture(scope="module")
def trained_dial(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of every β; to be copied."""
    places = places_in(tmp_path_factory.mktemp("dialled"))
    config = config_of(dataset="tiny", latent_dim=3, epochs=3)
    config = dataclasses.replace(
        config, objective=ObjectiveConfig(Choice("multi_rate", MultiRateParams()), "bernoulli")
    )
    run = Store(places).create(config, "turnable")
    assert train_run(run, places).state == FINISHED
    return run


@pytest.fixture
def dialled(store: Store, places: Places, trained_dial: Run) -> Run:
    """The same in the test's own home."""
    shutil.copytree(trained_dial.path, places.runs / trained_dial.id)
    return store.find(trained_dial.id)


def test_without_a_dial_the_page_says_how_to_get_one(open_page: Open, no_pretrained: None) -> None:
    at = open_page("tune", tuning="β", look="dial")
    fine(at)
    assert "No β dial yet" in shown(at)


@pytest.mark.slow
def test_a_dial_is_read_once_and_stands_against_runs_of_one_beta(
    open_page: Open, swept: list[Run], dialled: Run, store: Store, places: Places
) -> None:
    """Of the same budget, means over seeds; what differs in more than β and seed is not compared."""
    config = swept[1].record().config
    again = store.create(with_seed(config, 7), "another-seed")
    short = store.create(replace_at(config, ("training", "epochs"), 1), "short")
    for run in (again, short):
        assert train_run(run, places).state == FINISHED
    at = open_page("tune", tuning="β", look="dial", beta="2.5")
    fine(at)
    assert "Pictures are encoded" not in shown(at), "the dial is there before it is read"
    assert at.get("bidi_component"), "the dial is there before it is read"
    assert "Train the same network" not in shown(worked_out(at))
    fine(at)
    found = dial_curve(dialled)
    assert found is not None
    assert f"{found.count} test images at nine βs from 0.1 to 10" in shown(at)
    assert at.query_params["beta"] == "2.5"
    table = at.dataframe[0].value
    assert table["β"].tolist() == [0.5, 2.0]
    assert table["runs"].tolist() == ["mine-beta0.5", "another-seed, mine-beta2"]
    alone = [stored(run).evaluation for run in (swept[1], again)]
    assert table["alone, nats"][1] == pytest.approx(np.mean([e.distortion + 2 * e.rate for e in alone]))
    distortion, rate = found.at(2.0)
    assert table["dial, nats"][1] == pytest.approx(distortion + 2 * rate)
    assert table["dial − alone"][1].endswith(" %")
    assert stored(short) is None
    text = shown(at)
    assert "epochs (3 each)" in text
    assert "1 of this network trained otherwise" in text


@pytest.mark.slow
def test_a_dial_without_a_match_says_what_to_train(
    open_page: Open, dialled: Run, no_pretrained: None
) -> None:
    at = worked_out(open_page("tune", tuning="β", look="dial"))
    assert "Train the same network at single βs (a sweep, 3 epochs)" in shown(at)
    assert not at.dataframe


@pytest.mark.slow
def test_nats_of_a_density_are_told_apart_by_their_difference(
    open_page: Open, store: Store, places: Places, no_pretrained: None
) -> None:
    """Below 0, a share of them has the wrong sign."""
    config = config_of(
        dataset="tiny", latent_dim=3, likelihood=Choice("gaussian", GaussianParams(0.3)), epochs=12
    )
    dial = dataclasses.replace(config.objective, objective=Choice("multi_rate", MultiRateParams()))
    runs = [
        store.create(dataclasses.replace(config, objective=dial), "turnable"),
        store.create(config, "alone"),
    ]
    for run in runs:
        assert train_run(run, places).state == FINISHED
    table = worked_out(open_page("tune", tuning="β", look="dial")).dataframe[0].value
    mine, alone = table["dial, nats"][0], table["alone, nats"][0]
    assert alone < 0, "the planted density is above 1"
    assert table["dial − alone"][0] == f"{mine - alone:+.2f} nats"


@pytest.mark.slow
def test_a_dial_read_on_images_that_others_replaced_is_read_anew_or_said_to_be_theirs(
    open_page: Open, dialled: Run, places: Places, no_pretrained: None
) -> None:
    at = worked_out(open_page("tune", tuning="β", look="dial"))
    first = dial_curve(dialled)
    assert first is not None
    assert at.get("bidi_component")
    shutil.rmtree(places.datasets / "tiny")
    write_blobs(places.datasets, seed=5)  # as many of the same size
    fine(worked_out(open_page("tune", tuning="β", look="dial")))
    second = dial_curve(dialled)
    assert second is not None
    assert second.fingerprint != first.fingerprint
    assert not np.array_equal(second.points, first.points)
    shutil.rmtree(places.datasets / "tiny")
    write_blobs(places.datasets, count=40)  # fewer: its numbers would lie outside, or name others
    at = worked_out(open_page("tune", tuning="β", look="dial"))
    fine(at)
    assert "has 40 images of shape (1, 16, 16); turnable was trained on 90" in at.warning[0].value
    assert f"{second.count} test images at nine βs" in shown(at), "what was read before stands"


@pytest.mark.parametrize("nonsense", ["x", "-3", "nan", "1e99"])
def test_a_beta_that_is_none_opens_the_dial_all_the_same(
    open_page: Open, dialled: Run, nonsense: str
) -> None:
    fine(open_page("tune", tuning="β", look="dial", beta=nonsense))
