"""The tab Anomalies: what it draws of a finished result, what it offers before, and what it says when that fails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from helpers import config_of, until
from streamlit.testing.v1 import AppTest

from app.services import uses as work
from app.state import address
from app.views.uses import anomaly
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import kept
from vae_core.uses.anomaly import SETTINGS
from vae_core.uses.anomaly_case import DEFAULT, PIXELS
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES

Open = Callable[..., AppTest]
pytestmark = pytest.mark.usefixtures("no_pretrained")
USE = USES["anomaly"]
ASKED = {"most": 20, "learn": 40, "epochs": 1, "steps": 2, "samples": 2}


@pytest.fixture
def run(places: Places, store: Store) -> Run:
    made = store.create(config_of(dataset="tiny"), "mine")
    assert train_run(made, places).state == FINISHED
    return made


def shown(at: AppTest) -> str:
    """What a person reads on the page."""
    return "\n".join(str(e.value) for kind in ("markdown", "caption", "info") for e in getattr(at, kind))


def link(run: Run, **settings: object) -> dict[str, str]:
    return {"run": run.id, "use": USE.title} | {
        address.USE_SETTING.of(f"anomaly-{name.replace('_', '-')}").name: str(value)
        for name, value in settings.items()
    }


def test_a_finished_result_is_drawn_and_another_score_is_a_choice(open_page: Open, run: Run):
    settings = SETTINGS(**ASKED, left_out="left")
    stamp, found = measure(run, USE, settings)
    kept.keep(run, stamp, USE, settings, found)
    at = open_page("uses", **link(run, **ASKED, left_out="left"))
    assert not at.exception
    assert not at.error
    told = shown(at)
    assert "The default score, " + DEFAULT in told
    assert "Odd: **label left**" in told
    box = at.selectbox(key=address.USE_CHOICE.of("anomaly-score").name)
    assert box.value == DEFAULT
    box.select(PIXELS).run()
    assert not at.exception
    assert "No network." in shown(at)


def test_before_it_is_measured_a_press_is_offered(open_page: Open, run: Run):
    at = open_page("uses", **link(run, **ASKED, left_out="right"))
    assert not at.exception
    assert "Not measured yet" in shown(at)
    assert at.button(key="measure use").label == "Measure"


def test_a_label_that_is_not_there_is_said_with_those_that_are(
    open_page: Open, run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work, "_measure", lambda run, use, settings, task: measure(run, use, settings))
    task = work.start(run, USE, SETTINGS(**ASKED, left_out="7"))
    until(lambda: task.done, "it has failed")
    at = open_page("uses", **link(run, **ASKED, left_out="7"))
    assert any("No image of tiny has the label 7" in warning.value for warning in at.warning)
    assert any(button.label == "Try again" for button in at.button)


def test_a_tile_shows_the_image_over_its_errors_within_the_colour_of_its_kind():
    images = np.full((2, 1, 32, 32), 90, np.uint8)
    heat = np.zeros((2, 32, 32), np.uint8)
    heat[1] = 200
    tiles = anomaly.framed(images, heat, np.array([False, True]))
    assert tiles.shape == (2, 3, 70, 36)
    assert (tiles[:, :, 2:34, 2:34] == 90).all()
    assert not (tiles[0, :, 0, 0] == tiles[1, :, 0, 0]).all()
    assert not (tiles[0, :, 36:68, 2:34] == tiles[1, :, 36:68, 2:34]).any(0).all()
