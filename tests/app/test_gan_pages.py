"""Every page opened on a run without an encoder: nothing breaks, and what it cannot be asked for is said in place."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from html import unescape

import numpy as np
import pytest
from conftest import shown, worked_out
from helpers import config_of
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from app.services import datasets, models, projecting
from app.widgets import image_picker
from vae_core.comparison import shown_images
from vae_core.inference.project import project
from vae_core.models.networks import MlpParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

Open = Callable[..., AppTest]
pytestmark = pytest.mark.usefixtures("no_pretrained")


@pytest.fixture(scope="module")
def trained_gan(digits_places: Places) -> Run:
    """A GAN of a few steps on digits; for reading only."""
    config = config_of(
        dataset="digits", side=16, objective="gan", architecture=Choice("mlp", MlpParams((32,))), latent_dim=4, epochs=2,
        limit=200, batch_size=32, learning_rate=1e-3,
    )  # fmt: skip
    run = Store(digits_places).create(config, "faker")
    status = train_run(run, digits_places)
    assert status.state == FINISHED, status.error
    return run


@pytest.fixture
def gan(trained_gan: Run, places: Places) -> Run:
    """The same in a home of its own."""
    shutil.copytree(trained_gan.path, places.runs / trained_gan.id)
    (places.datasets / "digits").symlink_to(trained_gan.places.datasets / "digits")
    return Run(places.runs / trained_gan.id, places)


def grid(at: AppTest) -> str:
    """The table of pictures as HTML."""
    return "".join(e.proto.body for e in at.get("html") if 'class="compare"' in e.proto.body)


def room_for_the_search(at: AppTest) -> list[str]:
    """The height of the line that tells of it, and that of a row of the table below."""
    html = "".join(e.proto.body for e in at.get("html"))
    return re.findall(r"(?<=said-compare-pictures { min-height: )[^;]+|(?<=--high: )[^\"]+", html)


SAID = {
    "home": "digits · mlp · D 4 · GAN",
    "train": "digits · mlp · D 4 · GAN",
    "compare": "One run alone is nothing to compare",
    "sliders": "Drag a slider",
    "map": "This run has no encoder, so its images have no codes to draw",
    "interpolate": "its projection, ",
    "beta": "faker (GAN) has no posterior, so no rate, no ELBO and no β",
}


@pytest.mark.parametrize("page", SAID)
def test_a_page_opens_on_it_and_says_what_there_is_not(open_page: Open, gan: Run, page: str) -> None:
    at = worked_out(open_page(page, run=gan.id))
    assert not at.exception
    assert not at.error, [e.value for e in at.error]
    assert SAID[page] in shown(at)


@pytest.mark.parametrize(
    ("look", "said"),
    [("dial", "no rate"), ("KL weights elsewhere", "no rate"), ("sweep", "They are of VAEs")],
)
def test_each_part_of_the_beta_page_says_that_it_has_no_rate(
    open_page: Open, gan: Run, look: str, said: str
) -> None:
    at = worked_out(open_page("tune", tuning="β", run=gan.id, look=look))
    assert not at.exception
    assert said in shown(at)


def test_what_needs_codes_of_images_says_why_there_are_none(open_page: Open, gan: Run) -> None:
    at = worked_out(open_page("interpolate", run=gan.id))
    words = shown(at)
    for what in ("Distances to real codes and probabilities need", "To draw the paths on a map takes"):
        assert f"{what} codes of many images, which a network without an encoder does not have" in words
    assert "a network without an encoder has none" in words, "of the directions"
    assert "no encoder to follow the pen" in words, "of the pad"


def test_an_image_of_a_path_is_projected_and_its_distance_is_told(open_page: Open, gan: Run) -> None:
    words = shown(worked_out(open_page("interpolate", run=gan.id)))
    model = models.model(gan)
    found = image_picker.gallery(gan, model)
    assert found is not None
    done = image_picker.encoded_image(gan, model, 0, found)
    assert done.image is not None
    assert not done.looked_for
    wanted = project(model, done.image[None])
    np.testing.assert_array_equal(done.code, wanted.codes[0])
    assert done.distance == pytest.approx(float(wanted.distance[0]))
    assert done.drawn.endswith("of a pixel's range off")
    assert f"its {done.drawn}" in words


@pytest.fixture
def busy() -> Iterator[threading.Event]:
    """The lane of searches is held up until the event is set; nothing was found before."""
    projecting.LANE.forget_done()
    projecting._found.clear()
    free = threading.Event()
    projecting.LANE.submit("a test's own", lambda task: free.wait(60), name="held up")
    yield free
    free.set()
    projecting.LANE.forget("a test's own")


def test_a_search_is_followed_and_stopped_and_goes_on(
    open_page: Open, gan: Run, busy: threading.Event
) -> None:
    at = open_page("interpolate", run=gan.id)
    assert not at.exception
    assert "its projection, " in shown(at), "the nearest code so far stands meanwhile"
    assert "Looking for a code that draws the image" in at.get("progress")[0].proto.text
    at.button(key="stop searching for codes").click().run()
    busy.set()
    assert "ended early: these are the nearest so far" in shown(worked_out(at))
    model = models.model(gan)
    found = image_picker.gallery(gan, model)
    assert found is not None
    early = [image_picker.encoded_image(gan, model, row, found) for row in (0, 7)]
    at.button(key="go on searching for codes").click().run()
    assert "ended early" not in shown(worked_out(at))
    late = [image_picker.encoded_image(gan, model, row, found) for row in (0, 7)]
    assert all((b.distance or 0) < (a.distance or 0) for a, b in zip(early, late, strict=True))


def test_models_side_by_side_are_projected_and_drawn_between(
    open_page: Open, gan: Run, trained: Run, busy: threading.Event
) -> None:
    shutil.copytree(trained.path, gan.places.runs / trained.id)
    at = open_page("compare", run=gan.id)
    assert not at.exception
    assert "the code of each image is being searched for" in grid(at)
    room = room_for_the_search(at)
    at.button(key="stop searching").click().run()
    busy.set()
    at = worked_out(at)
    assert "projection ended early, off by" in grid(at)
    at.button(key="go on searching for codes").click().run()
    at = worked_out(at)
    assert not at.exception
    assert not at.error
    assert "whose picture is nearest was searched for" in shown(at)
    assert len(room) == 2
    assert room == room_for_the_search(at), "the table stays where it is when the search ends"
    table = grid(at)
    for alt in (
        "projections by faker",
        "interpolations between projections by faker",
        "reconstructions by trained",
    ):
        assert f'alt="{alt}"' in table
    told = dict(re.findall(r"(projection|reconstruction), off by ([0-9.]+)", unescape(table)))
    model = models.model(gan)
    data = datasets.images_of(gan)
    assert data is not None
    images = np.asarray(data.images[shown_images(data, 4 * (24 // 3))])
    assert float(told["projection"]) == pytest.approx(float(project(model, images).distance.mean()), rel=0.05)


def test_the_routes_say_what_it_has_not(gan: Run) -> None:
    from starlette.applications import Starlette

    from app import web

    client = TestClient(Starlette(routes=web.ROUTES))
    drawing = client.post(
        f"/api/runs/{gan.id}/encode?stamp={gan.stamp()}&width=16&height=16",
        content=bytes(128) + b"\xff" * 128,
    )
    assert drawing.status_code == 409
    assert "no encoder" in drawing.json()["error"]
    codes = np.zeros((2, 4), "<f4").tobytes()
    assert (
        len(client.post(f"/api/runs/{gan.id}/decode?stamp={gan.stamp()}", content=codes).content) == 2 * 256
    )
