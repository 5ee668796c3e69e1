"""Every page as a script: with a run, with nothing at all, and with what is broken."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from conftest import shown
from streamlit.testing.v1 import AppTest

from app import resources
from vae_core.inference import load_run, stored_codes
from vae_core.runs.store import Run, Store

Open = Callable[..., AppTest]
VIEWS = ("home", "train", "latent_map", "sliders", "interpolate", "beta")


def fine(at: AppTest) -> None:
    assert not at.exception, at.exception
    assert not at.error, [e.value for e in at.error]


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_opens_on_a_run(open_page: Open, copied: Run, view: str) -> None:
    at = open_page(view, run=copied.id)
    fine(at)
    assert at.query_params["run"] == copied.id
    assert at.title


@pytest.mark.usefixtures("no_pretrained")
@pytest.mark.parametrize("view", VIEWS)
def test_every_page_opens_on_an_empty_home(open_page: Open, view: str) -> None:
    at = open_page(view)
    fine(at)
    assert "run" not in at.query_params
    if view not in ("home", "beta"):
        assert "Train page" in shown(at) or "Start" in shown(at)


@pytest.mark.usefixtures("no_pretrained")
@pytest.mark.parametrize("view", ["latent_map", "sliders", "interpolate"])
def test_a_run_without_weights_says_so(open_page: Open, copied: Run, view: str) -> None:
    (copied.path / "model.safetensors").unlink()
    at = open_page(view, run=copied.id)
    assert not at.exception
    assert "has no weights yet" in at.error[0].value


@pytest.mark.parametrize("view", VIEWS)
def test_a_damaged_run_says_so_and_the_page_goes_on(open_page: Open, copied: Run, view: str) -> None:
    (copied.path / "config.json").write_text("{")
    at = open_page(view, run=copied.id)
    fine(at)
    assert any("cannot be read" in toast.value for toast in at.toast)
    assert at.query_params.get("run") != copied.id


def test_a_run_that_is_gone_gives_way_to_another(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run="gone-for-good")
    fine(at)
    assert any("gone-for-good" in toast.value for toast in at.toast)
    assert at.query_params["run"] != "gone-for-good"


# ---------------------------------------------------------------- sliders


def test_sliders_are_ordered_by_kl_and_move_the_code(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run=copied.id)
    labels = [s.label for s in at.slider]
    kl = [float(label.split("KL ")[1].split(" ")[0]) for label in labels]
    assert kl == sorted(kl, reverse=True)
    assert {label.split("**")[1] for label in labels} == {"z0", "z1", "z2", "z3"}
    next(s for s in at.slider if "z2" in s.label).set_value(1.25).run()
    fine(at)
    assert json.loads(at.code[0].value)[2] == 1.25
    assert at.query_params["z"].split(",")[2] == "1.25"


def test_a_link_opens_the_very_code(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run=copied.id, z="-0.5,0,0,2")
    fine(at)
    assert json.loads(at.code[0].value) == [-0.5, 0.0, 0.0, 2.0]


@pytest.mark.parametrize("z", ["1,2", "a,b,c,d", "nan,0,0,0", ""])
def test_a_link_with_no_code_of_this_run_begins_at_an_image(open_page: Open, copied: Run, z: str) -> None:
    at = open_page("sliders", run=copied.id, z=z)
    fine(at)
    assert json.loads(at.code[0].value) == json.loads(open_page("sliders", run=copied.id).code[0].value)


def test_zero_random_and_reset(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run=copied.id)
    first = json.loads(at.code[0].value)
    data = np.load(copied.places.datasets / "digits" / "16" / "images.npy")
    test = np.load(copied.places.datasets / "digits" / "16" / "test.npy")
    expected = load_run(copied).encode(data[test[:1]]).mean[0]
    assert np.allclose(first, expected, atol=0.011)  # begins at the first test image
    press(at, "Random").run()
    assert json.loads(at.code[0].value) != first
    press(at, "Reset").run()
    assert json.loads(at.code[0].value) == first
    press(at, "Zero").run()
    assert json.loads(at.code[0].value) == [0.0] * 4


def press(at: AppTest, label: str):
    return next(b for b in at.button if b.label == label).click()


# ---------------------------------------------------------------- interpolate


def test_interpolation_has_its_strip_and_gif(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id, path="spherical", steps="5")
    fine(at)
    assert next(c for c in at.segmented_control if c.label == "Path").value == "spherical"
    frames = len(at.get("image"))
    assert frames >= 4, "both ends, the picture between and the strip"
    assert at.get("download_button")


def test_equal_ends_are_said(open_page: Open, copied: Run) -> None:
    at = open_page("interpolate", run=copied.id, **{"to-image": "0"})
    fine(at)
    assert "same code" in shown(at)


def test_without_the_dataset_stored_codes_serve(open_page: Open, copied: Run) -> None:
    open_page("latent_map", run=copied.id)  # computes and keeps the codes
    (copied.places.datasets / "digits").unlink()
    config = json.loads((copied.path / "config.json").read_text())
    for part in ("config", "resolved"):
        config[part]["data"]["dataset"] = "removed"
    (copied.path / "config.json").write_text(json.dumps(config))
    for view in ("latent_map", "sliders", "interpolate"):
        at = open_page(view, run=copied.id)
        fine(at)
    at.query_params["image"] = str(
        np.load(copied.places.derived / copied.stamp() / "codes-test.npz")["index"][0]
    )
    at = open_page("latent_map", run=copied.id, image=at.query_params["image"])
    fine(at)
    assert any("Image" in s.value for s in at.subheader)


def test_a_shipped_runs_images_are_drawn_on_request(open_page: Open, store: Store) -> None:
    at = open_page("latent_map", run="digits")
    number = int(stored_codes(store.find("digits")).index[0])
    at.query_params["image"] = str(number)
    at.run()
    (offer,) = [b for b in at.button if b.label == "Show the images of digits"]
    offer.click().run()
    assert not at.exception
    assert resources.images_ready("digits", store.find("digits").record().shape[1])
    assert not [b for b in at.button if b.label == "Show the images of digits"]
    assert "Image" in shown(at)


def test_images_that_cannot_be_had_are_said(open_page: Open) -> None:
    at = open_page("interpolate", run="mnist")
    assert not at.exception
    assert "images of mnist are not on this machine" in shown(at)
    assert not [b for b in at.button if b.label.startswith("Show the images")]


# ---------------------------------------------------------------- map


def test_the_map_tells_of_the_image_in_the_url(open_page: Open, copied: Run) -> None:
    test = np.load(copied.places.datasets / "digits" / "16" / "test.npy")
    at = open_page("latent_map", run=copied.id, image=str(test[3]))
    fine(at)
    assert any(f"Image {test[3]}" in s.value for s in at.subheader)
    assert "reconstruction error" in shown(at)


@pytest.mark.parametrize("kind", ["dimensions", "PCA"])
@pytest.mark.parametrize("colour", ["label", "reconstruction error", "KL", "nothing"])
def test_the_map_in_every_colour(open_page: Open, copied: Run, kind: str, colour: str) -> None:
    at = open_page("latent_map", run=copied.id, coordinates=kind, colour=colour)
    fine(at)
    assert "180 images" in shown(at)


def test_collapsed_codes_are_said_not_drawn(open_page: Open, copied: Run) -> None:
    import safetensors.torch

    path = copied.path / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    last = [k for k in weights if k.startswith("last/encoder") and k.endswith("weight")][-1]
    weights[last].zero_()
    path.write_bytes(safetensors.torch.save(weights))
    at = open_page("latent_map", run=copied.id, coordinates="PCA")
    assert not at.exception
    assert "collapsed" in at.warning[0].value


# ---------------------------------------------------------------- beta


def test_a_sweep_is_created_with_one_run_per_beta(open_page: Open, store: Store) -> None:
    at = open_page("beta", **{"sweep-dataset": "tiny", "sweep-model": "mlp"})
    fine(at)
    at.text_input(key="sweep-betas").set_value("1 4 0.5").run()
    at.text_input(key="sweep-name").set_value("mine").run()
    at.button(key="start sweep").click().run()
    fine(at)
    runs = [r for r in store.own() if r.record().group == "mine"]
    assert sorted(r.name for r in runs) == ["mine-beta0.5", "mine-beta1", "mine-beta4"]
    assert len({r.record().config.training.seed for r in runs}) == 1


@pytest.mark.parametrize(
    ("text", "said"), [("one two", "not 'one two'"), ("4", "at least two"), ("1 -3", "below")]
)
def test_wrong_betas_are_said(open_page: Open, text: str, said: str) -> None:
    at = open_page("beta", **{"sweep-dataset": "tiny", "sweep-model": "mlp"})
    at.text_input(key="sweep-betas").set_value(text).run()
    if not at.error:
        at.button(key="start sweep").click().run()
    assert said in at.error[0].value


# ---------------------------------------------------------------- train


def test_start_queues_a_run_with_what_the_form_says(open_page: Open, store: Store) -> None:
    query = {"dataset": "tiny", "model": "mlp", "latent-dim": "5", "epochs": "3", "objective": "beta_vae",
             "beta": "2.5", "likelihood": "laplace", "seed": "7"}  # fmt: skip
    at = open_page("train", **query)
    fine(at)
    at.text_input(key="run-name").set_value("from-form").run()
    at.button(key="start").click().run()
    fine(at)
    config = store.find("from-form").record().config
    assert (config.data.dataset, config.model.architecture.name, config.model.latent_dim) == (
        "tiny",
        "mlp",
        5,
    )
    assert config.objective.objective.params.beta == 2.5
    assert config.objective.likelihood.name == "laplace"
    assert (config.training.epochs, config.training.seed) == (3, 7)


def test_a_taken_name_is_said(open_page: Open, copied: Run) -> None:
    at = open_page("train", run=copied.id, dataset="tiny", model="mlp")
    at.text_input(key="run-name").set_value(copied.name).run()
    at.button(key="start").click().run()
    assert "already is a run" in at.error[0].value


def test_the_form_counts_parameters_and_steps(open_page: Open) -> None:
    at = open_page("train", dataset="tiny", model="mlp", **{"latent-dim": "3", "batch-size": "16"})
    fine(at)
    # 256-400-6 and 3-400-256, weights and biases
    expected = 257 * 400 + 401 * 6 + 4 * 400 + 401 * 256
    assert f"**{expected:,}** parameters" in shown(at)
    assert "steps · about" in shown(at)


def test_a_model_that_cannot_take_the_images_is_said(open_page: Open, copied: Run) -> None:
    at = open_page("train", run=copied.id, dataset="tiny", model="mlp", hidden="0")
    assert not at.exception
    assert at.error


# ---------------------------------------------------------------- home


def test_home_lists_and_links(open_page: Open, copied: Run) -> None:
    at = open_page("home", run=copied.id)
    table = at.dataframe[0].value
    row = table[table["name"] == copied.name].iloc[0]
    assert (row["dataset"], row["model"], row["D"], row["status"]) == ("digits", "mlp", 4, "finished")
