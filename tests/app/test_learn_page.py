"""The Learn page: the list of lessons, a lesson on the run looked at, what stands in where a run cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import shown, tells, worked_out
from streamlit.testing.v1 import AppTest

from app.services import array_store, lessons
from app.services import runs as run_service
from vae_core.lessons.lesson import READ
from vae_core.lessons.registry import LESSONS
from vae_core.runs.run import Run
from vae_core.runs.store import Store

Open = Callable[..., AppTest]


def handed(at: AppTest) -> dict[str, Any]:
    """What the page hands its component."""
    (found,) = [json.loads(e.proto.json) for e in at.get("bidi_component") if '"lessons"' in e.proto.json]
    return dict(found)


def test_the_list_names_every_lesson_with_its_aim(open_page: Open) -> None:
    at = open_page("learn")
    assert not at.exception
    found = handed(at)["lessons"]
    assert [entry["number"] for entry in found] == list(LESSONS)
    assert all(entry["aim"] and entry["title"] and 5 <= entry["minutes"] <= 10 for entry in found)


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_has_the_screens_it_says_and_every_array_can_be_fetched(
    open_page: Open, copied: Run, number: int
) -> None:
    at = open_page("learn", lesson=str(number), step="2", run=copied.id)
    assert not at.exception
    assert not at.error
    data = handed(at)
    assert data["remark"] == ""
    assert (data["number"], data["step"]) == (number, 2)
    assert len(data["steps"]) == LESSONS[number].screens
    assert [step["kind"] for step in data["steps"][-3:]] == [READ] * 3
    assert f"run={copied.id}" in data["opens"]["href"]
    arrays = list(published(data["steps"]))
    assert all(array_store.at(array["url"]) is not None for array in arrays)
    assert len(shown(at)) > 0


def published(value: Any) -> Any:
    """Every array in what the component is handed."""
    if isinstance(value, dict):
        if set(value) == {"url", "shape", "kind"}:
            yield value
        else:
            for one in value.values():
                yield from published(one)
    elif isinstance(value, list):
        for one in value:
            yield from published(one)


@pytest.mark.parametrize(
    ("run", "why"),
    [("digits-gan", "is a GAN"), ("digits-ae", "plain autoencoder"), ("digits-ae-2d", "plain autoencoder")],
)
def test_what_has_no_posterior_gives_way_to_the_shipped_run_and_the_page_says_why(
    open_page: Open, run: str, why: str
) -> None:
    at = worked_out(open_page("learn", lesson="2", run=run))
    assert not at.error
    assert why in handed(at)["remark"]
    assert handed(at)["runs"]["own"]["run"] == "digits-vae-2d"


def test_without_any_run_the_list_stands_and_a_lesson_says_what_is_missing(
    open_page: Open, no_pretrained: None
) -> None:
    assert handed(open_page("learn"))["number"] == 0
    at = open_page("learn", lesson="2")
    assert "digits-vae-2d" in at.error[0].value


def test_a_lesson_that_is_not_there_is_said_and_the_list_shown(open_page: Open) -> None:
    at = open_page("learn", lesson="99")
    assert "There is no lesson 99" in at.warning[0].value
    assert handed(at)["number"] == 0


def test_notes_say_what_the_model_makes_right(open_page: Open, copied: Run) -> None:
    at = open_page("learn", lesson="2", notes="1", run=copied.id)
    assert not at.exception
    built = lessons.lesson(Store(run_service.places()).find(copied.id), 2)
    text = shown(at)
    assert all(note in text for note in built.notes)
    assert sum(step.question.said in text.replace("\\", "") for step in built.steps) == len(built.steps)


def test_a_hall_sees_no_title(open_page: Open, copied: Run) -> None:
    at = open_page("learn", lesson="2", present="1", run=copied.id)
    assert handed(at)["present"] is True
    assert not at.title


def test_a_lesson_is_built_once_for_the_same_weights(open_page: Open, copied: Run) -> None:
    open_page("learn", lesson="2", run=copied.id)
    run = Store(run_service.places()).find(copied.id)
    made = lessons._lessons.made
    first = lessons.lesson(run, 2)
    assert lessons._lessons.made == made
    assert lessons.lesson(run, 2) is first


def test_the_address_follows_the_screen(open_page: Open, copied: Run) -> None:
    at = open_page("learn", lesson="2", run=copied.id)
    tells(at, '"lessons"', "moved", {"lesson": 2, "step": 4})
    assert at.query_params["step"] in ("4", ["4"])


@pytest.mark.parametrize(
    "told", [{"lesson": 3, "step": 4}, {"lesson": "2", "step": "x"}, {"lesson": 2, "step": -1}, {}, 5]
)
def test_what_is_no_screen_of_this_lesson_leaves_the_first(
    open_page: Open, copied: Run, told: object
) -> None:
    at = open_page("learn", lesson="2", run=copied.id)
    tells(at, '"lessons"', "moved", told)
    assert not at.exception
    assert "step" not in at.query_params
