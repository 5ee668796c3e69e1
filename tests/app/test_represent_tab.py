"""The tab Represent: a finished result with and without data need, the empty state, and a fault as a sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import shown, worked_out
from helpers import config_of
from streamlit.testing.v1 import AppTest

from app.plots.uses_labels import over_images
from app.state import address
from app.views.uses.represent import right_words
from vae_core.places import Places
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import kept
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES
from vae_core.uses.represent import Represent

Open = Callable[..., AppTest]
pytestmark = pytest.mark.usefixtures("no_pretrained")
USE = USES["represent"]
ASKED = {"test": 20, "repeats": 2, "steps": 10, "trainings": 1}


@pytest.fixture
def run(places: Places, store: Store) -> Run:
    made = store.create(config_of(dataset="tiny", epochs=1), "mine")
    train_run(made, places)
    return made


def link(run: Run, **settings: object) -> dict[str, str]:
    return {"run": run.id, "use": USE.title} | {
        address.USE_SETTING.of(f"represent-{name.replace('_', '-')}").name: str(value)
        for name, value in settings.items()
    }


def test_a_finished_result_shows_labels_and_data_need(open_page: Open, run: Run) -> None:
    settings = Represent(**ASKED, transfer=True)
    stamp, found = measure(run, USE, settings)
    kept.keep(run, stamp, USE, settings, found)
    at = open_page("uses", **link(run, **ASKED, transfer="true"))
    assert not at.exception
    assert not at.error, [e.value for e in at.error]
    told = shown(at)
    assert "names 0." in told or "names 1." in told
    assert "from scratch" in told
    assert len(at.get("plotly_chart")) == 2
    assert "data need and transfer" not in told


def test_it_is_measured_by_a_press_and_the_data_need_is_named(open_page: Open, run: Run) -> None:
    at = open_page("uses", **link(run, test=20, repeats=2))
    assert "Not measured yet" in shown(at)
    at.button(key="measure use").click().run()
    worked_out(at)
    assert not at.error, [e.value for e in at.error]
    assert "data need and transfer" in shown(at)
    assert not at.get("plotly_chart")


def test_a_start_that_is_not_there_is_said(open_page: Open, run: Run) -> None:
    at = open_page("uses", **link(run, **ASKED, transfer="true", start_from="nobody"))
    at.button(key="measure use").click().run()
    worked_out(at)
    assert "There is no run 'nobody'" in shown(at)


def test_right_and_wrong_are_words() -> None:
    assert right_words(["4", "7", "1"], ["4", "7", "1"]) == "3 of 3 right"
    assert right_words(["4", "7", "1"], ["9", "7", "7"]) == "1 of 3 right; wrong: 4 as 9, 1 as 7"
    long = "Nullen und ein sehr langer Name für eine Klasse"
    assert right_words([long], ["7"]) == "0 of 1 right; wrong: Nullen und ei… as 7", (
        "it stands beside pictures"
    )


def test_a_chart_over_images_has_a_level_for_what_learned_none() -> None:
    found = over_images(
        "t", "y", [("a", [(100, 2.0, 1.5, 3.0), (300, 1.0, None, None)]), ("<b>", [(0, 4.0, None, None)])]
    )
    assert list(found.data[0].x) == [100, 300]
    assert list(found.data[0].error_y.array) == [1.0, 0.0]
    assert list(found.data[0].error_y.arrayminus) == [0.5, 0.0]
    assert found.layout.shapes[0].y0 == 4.0
    assert found.layout.annotations[0].text == "&lt;b&gt;"
