"""A page of a run that learns says which weights it shows, and takes up newer ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from conftest import shown
from helpers import config_of, of
from streamlit.testing.v1 import AppTest

from app.widgets import learning
from app.widgets.learning import weights_words
from vae_core.data import open_images
from vae_core.events import Checkpoint, ClockCheckpoint
from vae_core.places import Places
from vae_core.runs.array_files import WEIGHTS, WeightsAt
from vae_core.runs.record import FINISHED, RUNNING, Status
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.training import resolve, train

Open = Callable[..., AppTest]
LEARNING: dict[str, Any] = {"state": RUNNING, "epoch": 57, "epochs": 100, "steps_total": 4000}


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (WeightsAt(400, 10), "weights of epoch 10; training is at epoch 57 of 100"),
        (WeightsAt(401, 10), "weights of epoch 11; training is at epoch 57 of 100"),
        (WeightsAt(0, 0), "weights of before the first step; training is at epoch 57 of 100"),
        (None, ""),
    ],
)
def test_epochs_of_weights_count_as_those_of_training(at: WeightsAt | None, words: str) -> None:
    assert weights_words(at, Status(**LEARNING)) == words


def test_weights_say_when_they_were_saved(store: Store, places: Places) -> None:
    run = store.create(config_of(epochs=3))
    assert run.weights_at() is None
    assert train_run(run, places).state == FINISHED
    assert run.weights_at() == WeightsAt(12, 3)
    (run.path / WEIGHTS).write_bytes(b"\x10\0\0\0\0\0\0\0{")
    assert run.weights_at() is None


def learning_run(store: Store, places: Places, **changes: Any) -> tuple[Run, list[Checkpoint]]:
    """A run as it is left between two checkpoints, and its checkpoints."""
    run = store.create(config_of(**changes))
    assert train_run(run, places).state == FINISHED  # which leaves a record
    longer = resolve(config_of(epochs=12, checkpoint_every=4, **changes), open_images("tiny", 16, places))
    points = of(Checkpoint, list(train(longer, open_images("tiny", 16, places))))
    run.append(points[10])
    run.close()
    run.update_status(**LEARNING | {"steps_total": 400})
    return run, points


@pytest.mark.parametrize("view", ["sliders", "interpolate", "map"])
def test_a_page_says_of_which_epoch_its_weights_are(
    open_page: Open, store: Store, places: Places, view: str
) -> None:
    run, points = learning_run(store, places)
    said = "eights of epoch 10; training is at epoch 57 of 100"
    at = open_page(view, run=run.id)
    assert not at.exception
    assert said in shown(at)
    newest = points[11]
    run.append(ClockCheckpoint(**{f.name: getattr(newest, f.name) for f in dataclasses.fields(Checkpoint)}))
    run.update_status(epoch=58)
    at.run()
    if view == "map":  # what one studies stays until one asks
        assert "this map shows its weights of epoch 10; training is at epoch 58 of 100" in shown(at)
        at.button(key="update map").click().run()
    assert "eights of epoch 11; training is at epoch 58 of 100" in shown(at)
    run.update_status(state=FINISHED)
    at.run()
    assert "training is at" not in shown(at)


def test_a_dial_says_so_too(open_page: Open, store: Store, places: Places) -> None:
    run, _ = learning_run(store, places, objective="multi_rate")
    at = open_page("tune", **{"tuning": "β", "run": run.id, "look": "dial", "dial-run": run.name})
    assert not at.exception
    assert "Weights of epoch 10; training is at epoch 57 of 100." in shown(at)


def test_the_page_is_drawn_anew_for_other_weights_and_at_the_end(
    copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(learning.st, "rerun", lambda scope: drawn.append(scope))
    monkeypatch.setattr(learning.st, "caption", lambda words: None)
    learning._say(copied, "another stamp", False)
    assert drawn == [], "nothing is followed of a run that does not learn"
    copied.update_status(state=RUNNING)
    learning._say(copied, copied.stamp(), True)
    assert drawn == []
    learning._say(copied, "another stamp", True)
    assert drawn == ["app"]
    copied.update_status(state=FINISHED)
    learning._say(copied, copied.stamp(), True)
    assert drawn == ["app", "app"]
