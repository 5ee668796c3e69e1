"""Every page as a script: with a run, with nothing at all, and with what is broken."""

from __future__ import annotations

import dataclasses
import io
import json
import time
from collections.abc import Callable

import numpy as np
import pytest
import safetensors.numpy
from conftest import shown, tells, worked_out
from helpers import config_of
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.services import datasets
from app.services.waiting import begins_in
from app.state import address, session
from app.state.code_format import pack, unpack
from app.widgets.run_picker import SHOWN, describe, of_a_shipped_group
from vae_core import places as places_module
from vae_core.evaluation.sliders import sliders, stored_sliders
from vae_core.inference import compute_codes, load_run, stored_codes
from vae_core.latent.aggregate import aggregate
from vae_core.options import replace_at
from vae_core.places import Places, write_json
from vae_core.runs.marks import Marks, read_marks, write_marks
from vae_core.runs.record import FINISHED, RUNNING
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.timing import Costs, Timings
from vae_core.runs.worker import train_run
from vae_core.training.defaults import settled

Open = Callable[..., AppTest]
VIEWS = ("home", "train", "map", "sliders", "interpolate", "tune", "beta", "uses")


def fine(at: AppTest) -> None:
    assert not at.exception, at.exception
    assert not at.error, [e.value for e in at.error]


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_opens_on_a_run(open_page: Open, copied: Run, view: str) -> None:
    at = open_page(view, run=copied.id)
    fine(at)
    assert at.query_params["run"] == copied.id
    assert at.title


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_opens_on_a_dial(open_page: Open, places: Places, store: Store, view: str) -> None:
    run = store.create(config_of(objective="multi_rate", epochs=1), "turns")
    assert train_run(run, places).state == FINISHED
    at = open_page(view, run=run.id)
    fine(at)
    assert describe(run) == "tiny · mlp · D 3 · β dial 0.1–10"


def test_the_picker_tells_objectives_of_one_beta_apart(store: Store) -> None:
    lines = [
        describe(store.create(config_of(objective=name, epochs=1))) for name in ("beta_vae", "beta_tcvae")
    ]
    assert lines == ["tiny · mlp · D 3 · β-VAE, β 4", "tiny · mlp · D 3 · β-TCVAE, β 4"]


@pytest.mark.usefixtures("no_pretrained")
@pytest.mark.parametrize("view", VIEWS)
def test_every_page_opens_on_an_empty_home(open_page: Open, view: str) -> None:
    at = open_page(view)
    fine(at)
    assert "run" not in at.query_params
    if view not in ("home", "tune", "beta"):
        assert "Train page" in shown(at) or "Start" in shown(at)


@pytest.mark.usefixtures("no_pretrained")
@pytest.mark.parametrize("view", ["map", "sliders", "interpolate"])
def test_a_run_without_weights_says_so(open_page: Open, copied: Run, view: str) -> None:
    (copied.path / "model.safetensors").unlink()
    at = open_page(view, run=copied.id)
    assert not at.exception
    assert "has no weights yet" in at.error[0].value


def test_the_sidebar_says_that_a_run_broke_off(open_page: Open, copied: Run) -> None:
    assert "shown are" not in shown(open_page("sliders", run=copied.id))
    copied.update_status(state="failed", epoch=2, epochs=4, error="the rate is not a finite number")
    assert "failed in epoch 2 of 4; shown are the weights it had kept" in shown(
        open_page("sliders", run=copied.id)
    )
    (copied.path / "model.safetensors").unlink()
    assert "shown are" not in shown(open_page("sliders", run=copied.id)), "no weights to show"


@pytest.mark.parametrize("view", VIEWS)
def test_a_damaged_run_says_so_and_the_page_goes_on(open_page: Open, copied: Run, view: str) -> None:
    (copied.path / "config.json").write_text("{")
    at = open_page(view, run=copied.id)
    fine(at)
    assert any("cannot be read" in toast.value for toast in at.toast)
    assert at.query_params.get("run") != copied.id


@pytest.mark.parametrize("view", VIEWS)
def test_a_run_that_says_odd_things_of_itself_breaks_no_page(open_page: Open, copied: Run, view: str) -> None:
    """As an archive may bring one: no date, a note that is no UTF-8, a status, marks and pictures that are none."""
    raw = json.loads((copied.path / "config.json").read_text())
    raw |= {"created": "yesterday", "group": [1], "machine": 7}
    raw["data"] |= {"label_names": [1, 2], "title": None, "images": "many"}
    (copied.path / "config.json").write_text(json.dumps(raw))
    odd = {
        "state": "interrupted",
        "step": "x",
        "steps_total": [],
        "eta": {},
        "epoch": 10**400,
        "error": 5,
        "queued": "y",
    }
    (copied.path / "status.json").write_text(json.dumps(odd))
    (copied.path / "thumbnail.png").write_bytes(b"no picture")
    copied.notes.mkdir(parents=True)
    (copied.notes / "note.txt").write_bytes(b"caf\xe9\x00")
    (copied.notes / "deck.json").write_bytes(b"[" * 9_000)
    with open(copied.path / "events.jsonl", "ab") as log:
        log.write(b'{"event": "epoch", "step": "x"}\n[[[\n{"event": "step", "step": 3, "terms": 7}\n\xff\n')
    at = open_page(view, run=copied.id)
    fine(at)
    assert at.title


def test_a_run_that_is_gone_gives_way_to_another(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run="gone-for-good")
    fine(at)
    assert any("gone-for-good" in toast.value for toast in at.toast)
    assert at.query_params["run"] != "gone-for-good"


# ---------------------------------------------------------------- sliders


def told_to_deck(at: AppTest) -> dict:
    """What the page hands its live component."""
    (found,) = [json.loads(e.proto.json) for e in at.get("bidi_component") if "order" in e.proto.json]
    return found


def test_the_deck_is_told_of_a_run(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run=copied.id)
    fine(at)
    told = told_to_deck(at)
    assert told["run"] == copied.id
    assert told["header"]["stamp"] == copied.stamp()
    assert told["header"]["layers"]
    used = [told["kl"][d] for d in told["order"]]
    assert used == sorted(used, reverse=True)
    assert sorted(told["order"]) == [0, 1, 2, 3]
    assert all(told["kl"][d] <= 0.01 for d in told["collapsed"])


def test_the_deck_begins_at_the_first_test_image(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run=copied.id)
    data = np.load(copied.places.datasets / "digits" / "16" / "images.npy")
    test = np.load(copied.places.datasets / "digits" / "16" / "test.npy")
    expected = load_run(copied).encode(data[test[:1]])
    encoded = told_to_deck(at)["encoded"]
    assert np.allclose(encoded["code"], expected.mean[0], atol=6e-4)
    assert np.allclose(encoded["std"], expected.std[0], atol=1e-5)
    assert encoded["picture"].startswith("data:image/png")
    # the address carries the code from the first moment, and opens it again
    linked = unpack(at.query_params["z"], 4)
    assert linked is not None
    assert np.allclose(linked, encoded["code"], atol=1e-6)


@pytest.mark.parametrize("z", ["-0.5,0,0,2", pack(np.array([-0.5, 0, 0, 2]))])
def test_a_link_opens_the_very_code(open_page: Open, copied: Run, z: str) -> None:
    at = open_page("sliders", run=copied.id, z=z)
    fine(at)
    assert told_to_deck(at)["open"]["code"] == [-0.5, 0.0, 0.0, 2.0]


@pytest.mark.parametrize("z", ["1,2", "a,b,c,d", "nan,0,0,0", "~AAA", "~!!", ""])
def test_a_link_with_no_code_of_this_run_begins_at_an_image(open_page: Open, copied: Run, z: str) -> None:
    at = open_page("sliders", run=copied.id, z=z)
    fine(at)
    told = told_to_deck(at)
    assert told["encoded"]["words"].startswith("image ")
    assert told["open"]["code"] == pytest.approx(told["encoded"]["code"])
    assert [w.value for w in at.warning] == (
        ["The link's code is none of this run's, which has 4 numbers; it was left out."] if z else []
    )
    at.run()
    assert not at.warning, "the address is the deck's own now"


def test_an_echo_of_the_address_is_no_link(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page("sliders", run=copied.id)
    before, key = addressed(at), told_to_deck(at)["open"]["key"]
    now = pack(np.array([0.25, 0, 0, -1]))
    tells(at, "order", "code", {"run": copied.id, "z": now, "at": 1})
    # a run of the whole script that set out before the address followed
    at.query_params["z"] = before
    at.run()
    fine(at)
    assert (addressed(at), told_to_deck(at)["open"]["key"]) == (now, key)
    monkeypatch.setattr(session, "ECHO", 0.0)  # seconds later it is a link
    at.query_params["z"] = before
    at.run()
    assert (addressed(at), told_to_deck(at)["open"]["key"]) == (before, key + 1)


def addressed(at: AppTest) -> str:
    """The code in the address."""
    z = at.query_params["z"]
    return z if isinstance(z, str) else z[0]


def test_coming_back_to_the_deck_finds_its_code(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run=copied.id)
    before = told_to_deck(at)
    at.session_state["z followed"] = {
        "": pack(np.array([0.25, 0, 0, -1]))
    }  # as when the hand came to rest there
    at.switch_page("views/interpolate/page.py").run()
    at.switch_page("views/sliders.py").run()
    told = told_to_deck(at)
    assert told["open"]["code"] == [0.25, 0, 0, -1]
    # a deck that is still on the page must not jump: only a link that was opened changes the key
    assert told["open"]["key"] == before["open"]["key"]
    assert told["encoded"] == before["encoded"]


def test_new_weights_keep_code_and_encoded_image(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run=copied.id, z="1,0,0,0.5")
    before = told_to_deck(at)
    other_weights(copied)
    at.run()
    fine(at)
    after, image = told_to_deck(at), first_image(copied)
    assert after["header"]["stamp"] != before["header"]["stamp"]
    assert after["open"] == before["open"]
    kept = ("key", "words", "picture")
    assert [after["encoded"][k] for k in kept] == [before["encoded"][k] for k in kept]
    expected = load_run(copied).encode(image)
    assert np.abs(np.array(before["encoded"]["code"]) - expected.mean[0]).max() > 2e-3
    np.testing.assert_allclose(after["encoded"]["code"], expected.mean[0], atol=6e-4)
    np.testing.assert_allclose(after["encoded"]["std"], expected.std[0], atol=1e-5)
    assert after["encoded"]["note"] == "encoded anew"
    assert after["encoded"]["stamp"] == after["header"]["stamp"]


def test_an_encoded_image_without_its_image_is_said_to_be_of_earlier_weights(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_codes(copied, load_run(copied), datasets.images_of(copied))  # type: ignore[arg-type]
    monkeypatch.setattr(datasets, "images_of", lambda run: None)
    at = open_page("sliders", run=copied.id)
    before = told_to_deck(at)["encoded"]
    assert before["std"]
    other_weights(copied)
    at.run()
    after = told_to_deck(at)["encoded"]
    assert (after["code"], after["std"], after["note"]) == (
        before["code"],
        None,
        "as earlier weights encoded it",
    )


def other_weights(run: Run) -> None:
    """The same weights but for every bias: another stamp."""
    weights = run.path / "model.safetensors"
    tensors = safetensors.numpy.load_file(weights)
    changed = {n: np.asarray(t + 0.05, t.dtype) for n, t in tensors.items() if n.endswith("bias")}
    safetensors.numpy.save_file(tensors | changed, weights)


def first_image(run: Run) -> np.ndarray:
    """The first image of the test set, (1, C, H, W)."""
    data, test = (np.load(run.places.datasets / "digits" / "16" / f"{n}.npy") for n in ("images", "test"))
    found: np.ndarray = data[test[:1]]
    return found


def test_an_upload_is_an_encoded_image_and_one_that_is_no_picture_leaves_the_deck(
    open_page: Open, copied: Run
) -> None:
    at = open_page("sliders", run=copied.id, **{"anchor-source": "upload"})
    before = told_to_deck(at)
    at.file_uploader[0].upload("bad.png", b"not an image", "image/png").run()
    assert not at.exception
    assert at.error[0].value.startswith("bad.png"), "its name is written as the file's"
    assert told_to_deck(at) == before
    image, buffer = np.tile(np.arange(0, 240, 15, np.uint8), (16, 1)), io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    at.file_uploader[0].set_value([("mine.png", buffer.getvalue(), "image/png")]).run()
    fine(at)
    assert told_to_deck(at) == before, "only chosen so far"
    at.button("take encoded image").click().run()
    fine(at)
    encoded = told_to_deck(at)["encoded"]
    assert encoded["words"] == "mine.png"
    np.testing.assert_allclose(encoded["code"], load_run(copied).encode(image[None, None]).mean[0], atol=6e-4)
    assert addressed(at) == pack(np.array(encoded["code"]))


def test_the_deck_sends_its_code_to_interpolation(open_page: Open, copied: Run) -> None:
    at = open_page("sliders", run=copied.id)
    z = pack(np.array([0.25, 0, 0, -1]))
    tells(at, "order", "waypoint", {"run": "another", "z": z})
    assert at.title[0].value == "Sliders", "what is told of another run is late"
    tells(at, "order", "waypoint", {"run": copied.id, "z": z, "at": 1})
    fine(at)
    assert at.title[0].value == "Interpolate"
    assert "from the sliders" in shown(at)
    at.switch_page("views/sliders.py").run()
    assert at.title[0].value == "Sliders", "and comes back"
    assert told_to_deck(at)["open"]["code"] == [0.25, 0, 0, -1]


def test_the_deck_knows_where_python_finds_the_run(
    open_page: Open, copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told_to_deck(open_page("sliders", run=copied.id))["home"] == str(copied.places.home)
    monkeypatch.setattr(places_module, "USUAL_HOME", str(copied.places.home))
    assert told_to_deck(open_page("sliders", run=copied.id))["home"] == ""


def test_names_and_bookmarks_come_from_the_notes(open_page: Open, copied: Run) -> None:
    write_marks(copied, Marks({2: "slant"}, ((0.5, 0.0, 0.0, 1.0),)))
    told = told_to_deck(open_page("sliders", run=copied.id))
    assert told["marks"] == {"names": {"2": "slant"}, "bookmarks": [[0.5, 0.0, 0.0, 1.0]], "kept": {}}


def test_the_deck_says_what_a_slider_changes_and_what_the_run_was_told(
    open_page: Open, copied: Run, store: Store
) -> None:
    told = told_to_deck(open_page("sliders", run=copied.id))
    assert (told["effects"], told["told"], told["range"]) == ([], "", "prior"), "nothing was measured of it"
    for name, says, begins in (("faces", "guided", "data"), ("faces-unsupervised", "", "prior")):
        told = told_to_deck(open_page("sliders", run=name))
        measured = sliders(stored_sliders(store.find(name)))
        assert told["effects"] == [[one.top, pytest.approx(one.share, abs=1e-3)] for one in measured]
        assert (told["told"], told["range"]) == (says, begins)
        assert (told["span"] is None) == (begins == "prior"), "read with the images there"
        if told["span"] is None:
            continue
        ends = np.array([told["span"][end] for end in ("low", "high")])
        kept = stored_codes(store.find(name))
        usual = aggregate(kept.mean, kept.log_var)
        assert np.allclose(ends, [usual.low, usual.high], atol=1e-5), (
            "the sliders open at it, before the images are read"
        )
    pairs = json.loads((copied.path / "config.json").read_text())
    pairs["resolved"]["objective"]["objective"] = {"name": "ada_gvae"}
    write_json(copied.path / "config.json", pairs)
    assert told_to_deck(open_page("sliders", run=copied.id))["told"] == "pairs"


def test_the_switch_of_pixels_holds_on_every_page_and_is_there_where_pictures_are_fine(
    open_page: Open, copied: Run
) -> None:
    def rendering(at: AppTest) -> str:
        return "pixelated" if any(":root" in html.proto.body for html in at.get("html")) else "auto"

    at = open_page("sliders", run=copied.id)
    assert not at.toggle, "small pictures always show their pixels"
    at = open_page("sliders", run="faces")
    assert rendering(at) == "auto"
    at.toggle(key="pixels switch").set_value(True).run()
    assert rendering(at) == "pixelated"
    for page in ("interpolate/page", "train/page", "home"):
        at.switch_page(f"views/{page}.py").run()
        fine(at)
        assert rendering(at) == "pixelated"
        assert at.toggle(key="pixels switch").value is True
    at.toggle(key="pixels switch").set_value(False).run()
    assert rendering(at) == "auto"
    at.switch_page("views/sliders.py").run()
    assert rendering(at) == "auto"


def test_two_pages_add_to_the_same_notes(open_page: Open, copied: Run) -> None:
    pages = [open_page("sliders", run=copied.id) for _ in "ab"]
    first = {"do": "name", "dim": 1, "name": "hat", "n": 1}
    tells(pages[0], "order", "marks", {"run": copied.id, "page": "a", "changes": [first]})
    second = {"do": "add", "code": [1, 0, 0, 0.5], "n": 1}
    tells(pages[1], "order", "marks", {"run": copied.id, "page": "b", "changes": [second]})
    marks = told_to_deck(pages[1])["marks"]
    assert marks == {"names": {"1": "hat"}, "bookmarks": [[1, 0, 0, 0.5]], "kept": {"page": "b", "n": 1}}
    # told again with something new, before the page heard that it was kept
    third = {"do": "add", "code": [0, 0, 0, 2], "n": 2}
    tells(pages[1], "order", "marks", {"run": copied.id, "page": "b", "changes": [second, third]})
    assert read_marks(copied) == Marks({1: "hat"}, ((1, 0, 0, 0.5), (0, 0, 0, 2)))
    for wrong in (None, {}, {"changes": 3}, {"run": copied.id, "changes": [None, {"n": "1"}]}):
        tells(pages[0], "order", "marks", wrong)
        assert not pages[0].exception
    assert len(read_marks(copied).bookmarks) == 2


def press(at: AppTest, label: str):
    return next(b for b in at.button if b.label == label).click()


# ---------------------------------------------------------------- images that are not here


def test_without_the_dataset_stored_codes_serve(open_page: Open, copied: Run) -> None:
    open_page("map", run=copied.id)  # computes and keeps the codes
    (copied.places.datasets / "digits").unlink()
    config = json.loads((copied.path / "config.json").read_text())
    for part in ("config", "resolved"):
        config[part]["data"]["dataset"] = "removed"
    (copied.path / "config.json").write_text(json.dumps(config))
    for view in ("map", "sliders", "interpolate"):
        at = open_page(view, run=copied.id)
        fine(at)
    at.query_params["image"] = str(
        np.load(copied.places.derived / copied.stamp() / "codes-test.npz")["index"][0]
    )
    at = open_page("map", run=copied.id, image=at.query_params["image"])
    fine(at)
    assert any("Image" in s.value for s in at.subheader)


def test_a_shipped_runs_images_are_prepared_behind_the_page(open_page: Open, store: Store) -> None:
    side = store.find("digits").record().shape[1]
    assert not datasets.images_ready("digits", side)
    at = open_page("map", run="digits")
    number = int(stored_codes(store.find("digits")).index[0])
    at.query_params["image"] = str(number)
    at = worked_out(at.run())
    fine(at)
    assert datasets.images_ready("digits", side), "without a click"
    assert not [b for b in at.button if b.label.startswith("Show the images")]
    assert "Image" in shown(at)


def test_images_that_cannot_be_prepared_are_said(
    open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vae_core.data.open_images", full)
    number = int(stored_codes(store.find("digits")).index[0])
    at = worked_out(open_page("map", run="digits", image=str(number)))
    fine(at)
    assert "The images could not be prepared" in shown(at)


def test_images_that_cannot_be_had_are_said(open_page: Open) -> None:
    at = open_page("interpolate", run="mnist")
    assert not at.exception
    assert "images of mnist are not on this machine" in shown(at)
    assert not [b for b in at.button if b.label.startswith("Show the images")]


# ---------------------------------------------------------------- map


def test_the_map_tells_of_the_image_in_the_url(open_page: Open, copied: Run) -> None:
    test = np.load(copied.places.datasets / "digits" / "16" / "test.npy")
    at = open_page("map", run=copied.id, image=str(test[3]))
    fine(at)
    assert any(f"Image {test[3]}" in s.value for s in at.subheader)
    assert "reconstruction error" in shown(at)


@pytest.mark.parametrize("kind", ["dimensions", "PCA"])
@pytest.mark.parametrize("colour", ["label", "reconstruction error", "KL", "nothing"])
def test_the_map_in_every_colour(open_page: Open, copied: Run, kind: str, colour: str) -> None:
    at = open_page("map", run=copied.id, coordinates=kind, colour=colour)
    fine(at)
    assert "180 images" in shown(at)


def test_collapsed_codes_are_said_not_drawn(open_page: Open, copied: Run) -> None:
    import safetensors.torch

    path = copied.path / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    last = [k for k in weights if k.startswith("last/encoder") and k.endswith("weight")][-1]
    weights[last].zero_()
    path.write_bytes(safetensors.torch.save(weights))
    at = open_page("map", run=copied.id, coordinates="PCA")
    assert not at.exception
    assert "collapsed" in at.warning[0].value


# ---------------------------------------------------------------- beta


def test_a_sweep_is_created_with_one_run_per_beta(open_page: Open, store: Store) -> None:
    at = open_page("tune", **{"tuning": "β", "sweep-dataset": "tiny", "sweep-model": "mlp"})
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
    at = open_page("tune", **{"tuning": "β", "sweep-dataset": "tiny", "sweep-model": "mlp"})
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


@pytest.mark.parametrize("timed", [True, False])
def test_an_untouched_form_says_what_it_chose_and_start_stores_that(
    open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch, timed: bool
) -> None:
    """Epochs are bounded by minutes: where it is not known yet how long a step takes, they are chosen at the start."""
    if timed:
        monkeypatch.setattr(Timings, "known", lambda self, key: Costs(0.001, at=time.time()))
    at = open_page("train", dataset="tiny")
    fine(at)
    line = next(caption.value for caption in at.caption if caption.value.startswith("Chosen by the images"))
    for words in (
        "likelihood",
        "D 10",
        "batches of 16",
        "images shifted a little",
        "steps, at most 3 min here",
    ):
        assert words in line
    assert "few to learn from" not in shown(at), "it is seen to"
    assert not at.warning
    at.text_input(key="run-name").set_value("untouched").run()
    at.button(key="start").click().run()
    fine(at)
    config = store.find("untouched").record().config
    assert settled(config) == timed
    assert settled(replace_at(config, ("training", "epochs"), 1))
    if timed:
        assert f"{config.training.epochs:,} epochs" in line
    assert config.data.augment == "shifts"


def test_a_run_too_short_to_learn_is_said_before_start(open_page: Open, store: Store) -> None:
    at = open_page("train", dataset="tiny", model="mlp", epochs="2", augment="none")
    fine(at)
    assert "steps in all are too few to learn" in at.warning[0].value
    assert "images are few to learn from" in shown(at)
    at.number_input(key="epochs").set_value(500).run()
    assert not at.warning
    at.text_input(key="run-name").set_value("typed").run()
    at.button(key="start").click().run()
    assert store.find("typed").record().config.training.epochs == 500, "as typed"


def test_while_a_run_trains_automatic_epochs_are_left_to_the_start(
    open_page: Open, copied: Run, store: Store
) -> None:
    copied.update_status(state=RUNNING)
    at = open_page("train", dataset="tiny", model="mlp")
    at.text_input(key="run-name").set_value("later").run()
    at.button(key="start").click().run()
    fine(at)
    config = store.find("later").record().config
    assert config.training.epochs == 0
    assert config.model.latent_dim == 10


def test_a_new_sweep_says_what_is_chosen_for_all_its_runs_and_fixes_sigma(
    open_page: Open, store: Store
) -> None:
    at = open_page("tune", **{"tuning": "β", "sweep-dataset": "tiny", "sweep-model": "mlp"})
    fine(at)
    assert "Chosen by the images, for all runs alike" in shown(at)
    at.button(key="start sweep").click().run()
    fine(at)
    configs = [run.record().config for run in store.own() if run.record().group]
    assert len(configs) == 5
    assert len({(c.training.epochs, c.objective.likelihood, c.model.latent_dim) for c in configs}) == 1
    assert all(settled(c) and not c.objective.likelihood_entry.learns_sigma for c in configs)


def test_one_press_sharpens_a_finished_run_and_leaves_it_as_it_is(
    open_page: Open, copied: Run, store: Store
) -> None:
    at = open_page("train", run=copied.id)
    before = copied.stamp()
    at.button(key="sharpen").click().run()
    fine(at)
    made = store.find(f"{copied.name}-sharp")
    assert at.query_params["run"] == made.id
    config = made.record().effective
    assert (config.objective.objective.name, config.training.init_from) == ("vae_gan", copied.id)
    assert config.model == copied.record().effective.model
    assert copied.stamp() == before
    again = open_page("train", run=made.id)
    assert not [b for b in again.button if b.key == "sharpen"], "it waits, or is sharp"


def test_what_goes_on_from_a_run_cannot_start_without_one(open_page: Open) -> None:
    at = open_page("train", dataset="digits", objective="vae_gan")
    start = at.button(key="start")
    assert start.disabled
    assert "there is no run to start from" in start.help


def test_a_plain_autoencoder_is_not_offered_to_be_sharpened(open_page: Open, copied: Run) -> None:
    record = copied.record()
    config = replace_at(record.effective, ("objective", "objective"), "autoencoder")
    copied.write_record(dataclasses.replace(record, config=config, resolved=config))
    at = open_page("train", run=copied.id)
    fine(at)
    assert not [b for b in at.button if b.key == "sharpen"]


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
    assert "steps" in shown(at)
    assert "about **" not in shown(at), "nothing is known of this machine yet"


def test_a_model_that_cannot_take_the_images_is_said(open_page: Open, copied: Run) -> None:
    at = open_page("train", run=copied.id, dataset="tiny", model="mlp", hidden="0")
    assert not at.exception
    assert at.error


def test_the_form_is_one_line_until_it_is_wanted_and_again_after_start(open_page: Open, store: Store) -> None:
    def asked(at: AppTest) -> list[str]:
        return [s.label for s in at.selectbox if s.label == "Dataset"]

    run = store.create(config_of(latent_dim=6, epochs=3), "source")
    run.update_status(state=FINISHED)
    at = open_page("train", run=run.id)
    fine(at)
    assert not asked(at)
    (line,) = [e.label for e in at.expander if e.label.startswith("**New run**")]
    for said in ("tiny", "mlp", "D 6", "3 epochs"):
        assert said in line
    for query in ({"open": "new"}, {"dataset": "tiny", "model": "mlp"}):
        at = open_page("train", run=run.id, **query)
        fine(at)
        assert asked(at), query
    at.text_input(key="run-name").set_value("begun").run()
    at.button(key="start").click().run()
    fine(at)
    assert at.query_params["run"] == store.find("begun").id
    assert not asked(at), "what happens next is in view"
    at.query_params["run"] = run.id  # a part of the page that was under way when Start was pressed
    at.run()
    assert at.query_params["run"] == store.find("begun").id, "the address of a moment ago is no link"
    at.session_state[address.PRESSED.of("start").name] = True  # the second of a double click
    at.run()
    at.query_params["open"] = "new"
    at.run()
    fine(at)
    assert asked(at)
    assert len(store.own()) == 2, "it starts nothing"


def test_a_queued_run_says_behind_what_and_how_long(
    open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (store.create(config_of(epochs=4), name) for name in ("one", "two", "three"))
    for k, run in enumerate((first, second, third)):
        run.update_status(queued=float(k + 1))
    assert "Queued: its process is starting." in shown(open_page("train", run=first.id))
    first.update_status(state=RUNNING, eta=90.0)
    assert "Queued behind **one**; begins in about 2 min." in shown(open_page("train", run=second.id))
    told = "Queued behind **one** and 1 more run; "
    assert f"{told}how long is not known yet." in shown(open_page("train", run=third.id))
    monkeypatch.setattr(Timings, "known", lambda self, key: Costs(0.0, validation=145.0, at=time.time()))
    monkeypatch.setattr(Timings, "startup", 20.0)
    # 90 s of the first, then 20 s and four epochs of 145 s of the second
    assert f"{told}begins in about 12 min." in shown(open_page("train", run=third.id))
    third.update_status(note="waits: a node cannot have the images. It is tried again")
    assert "Queued: waits: a node cannot have the images. It is tried again" in shown(
        open_page("train", run=third.id)
    )


@pytest.mark.parametrize(
    ("training", "waiting", "slots", "seconds"),
    [
        ([], [], 1, 0.0), ([30.0], [], 1, 30.0), ([30.0], [], 2, 0.0), ([30.0, 50.0], [10.0], 2, 40.0),
        ([30.0, 50.0], [10.0, 40.0], 2, 50.0), ([30.0], [10.0, 40.0], 1, 80.0), ([None], [], 1, None),
        ([30.0], [None], 1, None), ([None], [], 2, 0.0),
    ],
)  # fmt: skip
def test_a_slot_is_free_when_those_before_have_had_theirs(
    training: list[float | None], waiting: list[float | None], slots: int, seconds: float | None
) -> None:
    assert begins_in(training, waiting, slots) == seconds


# ---------------------------------------------------------------- home


def test_home_lists_and_links(open_page: Open, copied: Run) -> None:
    at = open_page("home", run=copied.id)
    table = at.dataframe[0].value
    row = table[table["name"] == copied.name].iloc[0]
    assert (row["dataset"], row["model"], row["D"], row["status"]) == ("digits", "mlp", 4, "finished")


def test_the_runs_of_a_sweep_are_one_row_until_each_is_wanted(open_page: Open, copied: Run) -> None:
    at = open_page("home", run=copied.id)
    names = list(at.dataframe[0].value["name"])
    assert sum(name.startswith("digits-beta") for name in names) == 1
    assert "digits-beta · 5 runs" in names
    rows = at.dataframe[0].value.set_index("name")
    assert rows.loc["comparison faces-side-by-side · 3 runs", "objective"] == "autoencoder, vae and gan"
    proto = at.dataframe[0].proto
    assert (proto.HasField("placeholder"), proto.placeholder) == (True, ""), (
        "a sweep has no one β: an empty cell"
    )
    at.toggle(key="runs apart").set_value(True).run()
    assert sum(name.startswith("digits-beta") for name in at.dataframe[0].value["name"]) == 5
    at.text_input(key="runs search").set_value("BETA3").run()
    assert list(at.dataframe[0].value["name"]) == ["digits-beta3"]
    at.text_input(key="runs search").set_value("no such run").run()
    fine(at)
    assert not at.dataframe
    assert "No run has that" in shown(at)


def test_every_shipped_set_is_in_the_list_that_the_picker_begins_with(store: Store) -> None:
    every = sorted(store.pretrained(), key=of_a_shipped_group)[:SHOWN]
    sets = {run.record().effective.data.dataset for run in every}
    assert sets == {run.record().effective.data.dataset for run in store.pretrained()}


def first_sliders_of(at: AppTest) -> dict:
    (found,) = [json.loads(e.proto.json) for e in at.get("bidi_component") if "starts" in e.proto.json]
    return found


def test_home_begins_with_the_sliders_that_anyone_understands(open_page: Open, store: Store) -> None:
    faces = store.find("faces")
    codes = stored_codes(faces)
    order = [int(d) for d in np.argsort(-codes.kl_per_dim)]
    told = first_sliders_of(open_page("home"))
    for word, slider in zip(("smile", "hair", "glasses"), told["sliders"], strict=True):
        assert word in slider["name"]
        assert slider["name"] == read_marks(faces).names[slider["dim"]]
    plain = {d: f"number {d}" for d in order}
    write_marks(faces, Marks(plain))  # none bears a name that anyone understands: the most used ones, then
    assert [s["dim"] for s in first_sliders_of(open_page("home"))["sliders"]] == order[:3]
    write_marks(faces, Marks(plain | {order[5]: "Smile", order[7]: "glasses"}))
    told = first_sliders_of(open_page("home"))
    assert [s["name"] for s in told["sliders"]] == ["Smile", "glasses", f"number {order[0]}"]
    np.testing.assert_allclose(told["starts"], codes.mean[: len(told["starts"])], atol=6e-4)
    for slider in told["sliders"]:
        inside = (codes.mean[:, slider["dim"]] >= slider["low"]) & (
            codes.mean[:, slider["dim"]] <= slider["high"]
        )
        assert inside.mean() > 0.9, "a slider goes where images are"


@pytest.mark.usefixtures("no_pretrained")
def test_home_opens_doors_to_what_there_is(open_page: Open, copied: Run) -> None:
    def doors(at: AppTest) -> dict[str, str]:
        links = [e.proto for e in at.main.get("page_link")]
        return {link.label.strip("*"): f"{link.page}?{link.query_string}" for link in links}

    found = doors(open_page("home", run=copied.id))
    assert f"run={copied.id}" in found["Go on with my last run"]
    assert "open=import" in found["Try my images"]
    Store(copied.places).delete(copied)
    assert "Go on with my last run" not in doors(open_page("home"))
