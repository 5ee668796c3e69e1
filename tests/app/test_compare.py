"""The Compare page: what stands side by side, what it says where something is missing, and what it trains."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from html import unescape
from typing import Any

import numpy as np
import pytest
from conftest import shown, worked_out
from helpers import blob_set, config_of, places_in
from streamlit.testing.v1 import AppTest

from app.services import comparing
from app.views.compare import blurry, choice, matrix, numbers
from app.words import number
from vae_core import comparison
from vae_core.comparison import create, of_each_kind, of_each_likelihood, trainable
from vae_core.evaluation.samples import stored_samples
from vae_core.inference import load_run
from vae_core.objectives import LIKELIHOODS
from vae_core.places import Places
from vae_core.runs.record import COMPARED, FINISHED, QUEUED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

Open = Callable[..., AppTest]
pytestmark = pytest.mark.usefixtures("no_pretrained")


def fine(at: AppTest) -> None:
    assert not at.exception
    assert not at.error, [e.value for e in at.error]


def grid(at: AppTest) -> str:
    """The table of pictures as HTML; empty where there is none."""
    return "".join(e.proto.body for e in at.get("html") if 'class="compare"' in e.proto.body)


def pictures(at: AppTest) -> list[str]:
    """What the pictures say they are."""
    return [unescape(alt) for alt in re.findall(r'alt="([^"]*)"', grid(at))]


def trained(store: Store, places: Places, name: str, **changes: Any) -> Run:
    run = store.create(config_of(dataset="tiny", latent_dim=3, **changes), name)
    assert train_run(run, places).state == FINISHED
    return run


@pytest.fixture(scope="module")
def trained_both(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """An autoencoder and a VAE of the same images; to be copied."""
    places = places_in(tmp_path_factory.mktemp("both"))
    store = Store(places)
    return [trained(store, places, "plain", objective="autoencoder"), trained(store, places, "mine")]


@pytest.fixture
def both(store: Store, places: Places, trained_both: list[Run]) -> list[Run]:
    """The same two in the test's own home."""
    for run in trained_both:
        shutil.copytree(run.path, places.runs / run.id)
    return [store.find(run.id) for run in trained_both]


def test_one_of_each_stands_side_by_side_and_a_link_opens_the_same(open_page: Open, both: list[Run]) -> None:
    plain, mine = both
    at = worked_out(open_page("compare", run=mine.id))
    fine(at)
    assert at.query_params["models"] == f"{plain.id},{mine.id}"
    assert "without an encoder" not in shown(at)
    assert pictures(at) == [
        "images", "reconstructions by plain", "reconstructions by mine",
        "images faded into each other", "interpolations by plain", "interpolations by mine",
        "other images", "samples of plain", "samples of mine",
        *(f"{what} over the training images nearest to them" for what in ("other images", "samples of plain", "samples of mine")),
    ]  # fmt: skip
    first = grid(at)
    at.button(key="other images").click().run()
    fine(at)
    assert at.query_params["pick"] == "1"
    assert grid(at) != first
    again = open_page("compare", run=mine.id, models=f"{mine.id},{plain.id}", rows="Random codes", pick="1")
    fine(again)
    assert pictures(again) == ["other images", "samples of mine", "samples of plain"], "in the link's order"


def test_a_picture_is_what_the_model_draws(open_page: Open, both: list[Run]) -> None:
    import io

    from PIL import Image

    from app.services import array_store

    at = open_page("compare", run=both[1].id, rows="Random codes")
    address = re.findall(r"/api/arrays/(\w+)\.png", grid(at))[-1]
    found = array_store.find(address)
    assert found is not None
    drawn = np.asarray(Image.open(io.BytesIO(found.tobytes())))
    model = load_run(both[1])
    wanted = model.decode_uint8(comparison.same_noise(1, model.latent_dim))[0, 0]
    enlarged = drawn.shape[1] // (26 // 3)
    size = (enlarged - 2) // 16
    np.testing.assert_array_equal(drawn[: 16 * size : size, : 16 * size : size], wanted)


def test_random_codes_come_from_the_prior_or_a_mixture_at_a_temperature(
    open_page: Open, both: list[Run]
) -> None:
    link = {"run": both[1].id, "rows": "Random codes"}
    seen = [
        grid(worked_out(open_page("compare", **link, **more)))
        for more in (
            {},
            {"temperature": "0.5"},
            {"codes": "mixture"},
            {"codes": "mixture", "temperature": "0.5"},
        )
    ]
    assert len({tuple(re.findall(r"/api/arrays/\w+", one)[1:]) for one in seen}) == 4, (
        "each draws other pictures"
    )
    assert len({re.findall(r"/api/arrays/\w+", one)[0] for one in seen}) == 1, "beside the same images"


def test_the_nearest_image_is_that_in_pixels_or_in_features(open_page: Open, both: list[Run]) -> None:
    link = {"run": both[1].id, "rows": "Nearest image"}
    seen = [
        unescape(grid(worked_out(open_page("compare", **link, **more))))
        for more in ({}, {"nearest": "features"})
    ]
    assert "nearest in pixels" in seen[0]
    assert "of a pixel's range" in seen[0]
    assert "nearest in mean features of a small classifier of these labels" in seen[1]
    assert seen[1].count("in features") >= 3


def test_a_run_without_weights_says_so_and_one_that_is_gone_is_left_out(
    open_page: Open, store: Store, both: list[Run]
) -> None:
    waits = store.create(config_of(dataset="tiny", latent_dim=3, objective="beta_vae"), "waits")
    at = open_page("compare", run=both[1].id, models=f"{both[1].id},{waits.id},gone")
    fine(at)
    assert grid(at).count("it waits in the queue") == 4
    assert "samples of mine" in pictures(at)
    assert any("gone" in toast.value for toast in at.toast)
    for part in ("Curves", "Numbers", "Why blurry"):
        fine(open_page("compare", run=both[1].id, models=f"{both[1].id},{waits.id}", part=part))


def test_runs_of_different_images_are_refused(open_page: Open, both: list[Run], copied: Run) -> None:
    at = open_page("compare", run=both[1].id, models=f"{both[1].id},{copied.id}")
    assert "different images (digits and tiny)" in at.error[0].value
    assert not grid(at)


def test_one_run_alone_offers_to_train_the_others(open_page: Open, store: Store, places: Places) -> None:
    mine = trained(store, places, "mine")
    at = open_page("compare", run=mine.id)
    fine(at)
    assert "One run alone is nothing to compare" in shown(at)
    assert "samples of mine" in pictures(at)


def test_no_run_at_all(open_page: Open) -> None:
    at = open_page("compare")
    fine(at)
    assert "No run yet" in shown(at)


def test_the_run_looked_at_decides_until_a_hand_chooses(
    open_page: Open, both: list[Run], copied: Run
) -> None:
    at = open_page("compare", run=both[1].id)
    at.multiselect(key="model choice").set_value([both[0].id]).run()
    assert at.query_params["models"] == both[0].id
    assert "One run alone" in shown(at)
    at.query_params["run"] = copied.id
    at.run()
    assert at.query_params["models"] == copied.id, "other images, another choice"


def test_long_and_odd_names_are_shown_as_they_are(open_page: Open, store: Store, places: Places) -> None:
    name = "x" * 60 + "_b_-<i>"[:3]
    long = trained(store, places, name)
    other = trained(store, places, "other", objective="autoencoder")
    at = open_page("compare", run=long.id, models=f"{long.id},{other.id}")
    fine(at)
    assert name in unescape(grid(at))


def test_html_of_a_name_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(matrix.st, "html", said.append)
    cell = matrix.Cell(None, "", "<script>")
    matrix.table([matrix.Head("<b>", '"')], [matrix.Row("a & b", "", (cell,))], under=10)
    assert "<script>" not in said[1]
    assert "&lt;script&gt;" in said[1]
    assert "a &amp; b" in said[1]


# ---------------------------------------------------------------- train


def test_one_of_each_is_trained_in_one_group_by_one_press(
    open_page: Open, store: Store, places: Places
) -> None:
    mine = trained(store, places, "mine")
    at = open_page("compare", run=mine.id)
    at.session_state["compare form"] = True
    at.run()
    fine(at)
    at.number_input(key="seeds to train").set_value(2).run()
    at.button(key="start models").click().run()
    fine(at)
    made = comparison.groups(store)["tiny-models"]
    kinds = trainable()
    assert len(made) == 2 * len(kinds)
    configs = [run.record().config for run in made]
    assert len({(c.data, c.model, c.training.epochs, c.training.batch_size) for c in configs}) == 1
    assert all(c.model == mine.record().effective.model for c in configs)
    assert {c.training.seed for c in configs} == {0, 1}
    ids = at.query_params["models"].split(",")
    assert len(ids) == len(kinds)
    assert all(store.find(i).record().config.training.seed == 0 for i in ids)
    at.run()
    assert len(comparison.groups(store)) == 1, "a press is taken up once"
    at.session_state["compare form"] = True
    at.run()
    assert at.button(key="start models").disabled, "its runs are these"
    at.button(key="stop comparison").click().run()
    assert not [run for run in made if run.status().state == QUEUED]


# ---------------------------------------------------------------- curves and numbers


def test_numbers_are_measured_behind_the_page_and_told_with_their_seeds(
    open_page: Open, store: Store, places: Places
) -> None:
    made = create(store, of_each_kind(config_of(dataset="tiny"), trainable()[:2]), "mine", seeds=2)
    for run in made:
        assert train_run(run, places).state == FINISHED
    at = open_page("compare", run=made[0].id, models=f"{made[0].id},{made[2].id}", part="Numbers")
    worked_out(at)
    fine(at)
    frame = at.dataframe[0].value.set_index("")
    assert list(frame.columns) == ["unit", "Real images", "Autoencoder", "VAE"]
    assert frame.loc["Rate", "Autoencoder"] == "–", "an autoencoder has no rate"
    assert re.fullmatch(r"\S+ \(\S+ and \S+\)", frame.loc["Rate", "VAE"]), "two seeds: both values"
    kept = stored_samples(made[0])
    assert kept is not None
    for what, title in (
        ("frechet", "Fréchet distance of samples"),
        ("recall", "Recall of samples"),
        ("sharpness", "Sharpness of samples"),
    ):
        assert frame.loc[title, "Real images"] == number(getattr(kept.real, what)), (
            "each number has its yardstick"
        )
        for way in ("temperature 0.7", "mixture"):
            assert frame.loc[f"{title}, {way}", "VAE"] != "–"
    assert frame.loc["Rate", "Real images"] == "–"
    assert "9 test images, which no model has learned from, score in the same way" in shown(at)
    assert "too few for an interval" in shown(at)
    assert frame.loc["Speed", "unit"] == "images a second"
    assert "Sharpness of samples" in frame.index
    assert 0 <= float(frame.loc["Recall of samples", "VAE"].split(" ")[0]) <= 1
    said = [text.value for text in at.markdown]
    for claim in ("Stability", "Sharpness", "Interpretability", "Coverage"):
        assert sum(f"**{claim}.**" in text for text in said) == 1, claim
    assert any("No GAN is among these models" in text for text in said)
    fine(open_page("compare", run=made[0].id, models=f"{made[0].id},{made[2].id}", part="Curves"))


def test_measuring_can_be_stopped_and_taken_up_again(
    open_page: Open, both: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services import measuring

    monkeypatch.setattr(measuring.LANE, "workers", 0)  # nothing begins
    at = open_page("compare", run=both[1].id, part="Numbers")
    at.button(key="stop measuring").click().run()
    fine(at)
    monkeypatch.setattr(measuring.LANE, "workers", 1)
    assert all(task.done for task in measuring.LANE.tasks())
    at.button(key="measure now").click().run()
    worked_out(at)
    fine(at)
    assert "Sharpness of samples" in at.dataframe[0].value[""].tolist()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "–"),
        ([None, float("nan")], "–"),
        ([1.5, None], "1.5"),
        ([1.0, 3.0], "2 (1 and 3)"),
        ([1.0, 2.0, 3.0], "2 ± 2.5 (n = 3)"),
    ],
)
def test_a_spread_says_how_many_told_it(values: list[float | None], words: str) -> None:
    assert str(numbers.spread(values)) == words


# ---------------------------------------------------------------- why blurry


def test_one_image_under_each_likelihood_that_was_trained(
    open_page: Open, store: Store, places: Places
) -> None:
    config = config_of(dataset="tiny")
    made = create(store, of_each_likelihood(config, ["bernoulli", "laplace", "ms_ssim"]), "tiny-blurry")
    for run in made:
        assert train_run(run, places).state == FINISHED
    at = open_page("compare", run=made[0].id, part="Why blurry")
    worked_out(at)
    fine(at)
    names = [run.name for run in made]
    assert pictures(at) == [
        "the image", *(f"drawn by {n}" for n in names), *(f"mean of the images nearest for {n}" for n in names),
        *(f"images nearest for {n}" for n in names),
    ]  # fmt: skip
    assert "cross-entropy + rate" in grid(at)
    assert "−ELBO" in grid(at)
    assert "no likelihood, no nats" in grid(at)
    assert "draws sharpest here" in shown(at)
    at.button(key="another image").click().run()
    assert at.query_params["blurred"] == "1"
    at.session_state["blurry form"] = True
    at.run()
    assert f"{len(LIKELIHOODS) - 3} runs" in at.button(key="start blurry").label
    at.button(key="start blurry").click().run()
    fine(at)
    added = comparison.groups(store)["tiny-blurry-2"]
    there = {run.record().config.objective.likelihood.name for run in (*made, *added)}
    assert there == set(LIKELIHOODS)


def test_a_likelihood_without_any_run_is_offered(open_page: Open, both: list[Run]) -> None:
    at = open_page("compare", run=both[0].id, models=f"{both[0].id}", part="Why blurry")
    worked_out(at)
    fine(at)
    assert "drawn by mine" in pictures(at), "the VAE, not the autoencoder"
    assert "drawn by plain" not in pictures(at)


def test_averages_are_of_the_training_images(store: Store, places: Places) -> None:
    run = trained(store, places, "mine")
    data = dataclasses.replace(blob_set(), fingerprint=run.record().data["fingerprint"])
    task = comparing.averages_of(run, data)
    assert task.wait(60)
    assert task.result is not None
    splits = run.record().effective.data.split(data)
    assert task.result.images.tolist() == splits.train.tolist()
    model = load_run(run)
    np.testing.assert_allclose(task.result.mean, model.encode(data.images[splits.train]).mean, rtol=1e-5)


@pytest.mark.parametrize(
    ("sharpness", "words"),
    [
        ({}, ""), ({"laplace": 0.5}, ""), ({"laplace": 0.5, "bernoulli": None}, ""),
        ({"laplace": 0.5, "bernoulli": 0.5}, "All draw equally sharp here. "),
        ({"laplace": 0.5, "bernoulli": 0.4}, "Laplace draws sharpest here (0.5"),
    ],
)  # fmt: skip
def test_a_sentence_follows_the_numbers(sharpness: dict[str, float | None], words: str) -> None:
    assert words in blurry.in_words(sharpness)
    assert bool(words) == bool(blurry.in_words(sharpness))


def test_a_column_is_headed_by_what_the_model_is(store: Store) -> None:
    made = {name: store.create(config_of(dataset="tiny", objective=name), name.replace("_", "-")) for name in ("vae", "beta_tcvae", "autoencoder")}  # fmt: skip
    assert [choice.title_of(run) for run in made.values()] == ["VAE", "β-TCVAE, β 4", "Autoencoder"]


def test_a_press_on_why_blurry_sharpens_the_run_that_is_looked_at(
    open_page: Open, copied: Run, store: Store
) -> None:
    at = open_page("compare", run=copied.id, part="Why blurry")
    fine(at)
    at.button(key="sharpen here").click().run()
    fine(at)
    (made,) = [run for run in store.own() if run.name == f"{copied.name}-sharp"]
    record = made.record()
    assert record.effective.objective.objective.name == "vae_gan"
    assert record.config.training.init_from == copied.id
    assert record.group.startswith(COMPARED)
    assert not [b for b in at.button if b.key == "sharpen here"], "it waits already"
