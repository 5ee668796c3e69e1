"""The tab Augment: made images, the worst of them, the folder to take away, and a fault as a sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import shown, worked_out
from helpers import config_of
from streamlit.testing.v1 import AppTest

from app.services.making import made_folder
from app.state import address
from app.views.uses.augment import WORST, worst_words
from vae_core.evaluation import classifier
from vae_core.places import Places
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import kept
from vae_core.uses.augment import Augment
from vae_core.uses.making import CROPS, GAUSSIAN
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES

Open = Callable[..., AppTest]
pytestmark = pytest.mark.usefixtures("no_pretrained")
USE = USES["augment"]
ASKED = {"made": 4, "repeats": 2, "steps": 10, "test": 20}


@pytest.fixture
def run(places: Places, store: Store, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(classifier, "STEPS", 5)
    made = store.create(config_of(dataset="tiny", epochs=1), "mine")
    train_run(made, places)
    return made


def link(run: Run, **settings: object) -> dict[str, str]:
    return {"run": run.id, "use": USE.title} | {
        address.USE_SETTING.of(f"augment-{name.replace('_', '-')}").name: str(value)
        for name, value in settings.items()
    }


def test_a_finished_result_shows_made_images_and_the_worst(open_page: Open, run: Run) -> None:
    settings = Augment(**ASKED, per_class=(1, 3))
    stamp, found = measure(run, USE, settings)
    kept.keep(run, stamp, USE, settings, found)
    at = open_page("uses", **link(run, **ASKED, per_class="1 3"))
    assert not at.exception
    assert not at.error, [e.value for e in at.error]
    assert "Interpolation is left out at 1 a class" in shown(at)
    choice = at.selectbox(key=address.USE_CHOICE.of("augment-method").name)
    assert f"{CROPS}, 1 a class" in choice.options
    assert f"{GAUSSIAN}, 1 a class" not in choice.options, "it made none there"
    at.segmented_control(key=address.USE_CHOICE.of("augment-look").name).set_value(WORST).run()
    assert not at.exception
    assert not at.error
    assert made_folder(run, settings, GAUSSIAN, 3)[:2] == b"PK"


def test_more_than_any_class_has_is_said(open_page: Open, run: Run) -> None:
    at = open_page("uses", **link(run, **ASKED, per_class="90"))
    assert "Not measured yet" in shown(at)
    at.button(key="measure use").click().run()
    worked_out(at)
    assert any(
        "has 90 labelled training images" in error.value for error in at.error
    ) or "has 90 labelled" in shown(at)


def test_the_worst_are_told_in_words() -> None:
    assert worst_words(["4 read as 9", "1 kept"]) == "1 of 2 read as another: 4 as 9"
    assert worst_words(["4 kept", "1 kept"]) == "all read as their class"
    assert worst_words([]) == ""
    long = "Nullen und ein sehr langer Name"
    assert worst_words([f"{long} read as 7"]) == "1 of 1 read as another: Nullen und ei… as 7"
