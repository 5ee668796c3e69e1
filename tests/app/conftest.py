"""Pages run without a browser: a home of their own, and the queue kept still unless a test wants it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers import until
from streamlit.testing.v1 import AppTest

from app.services import tasks, timing, warm_up
from app.state import session
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places
from vae_core.runs.store import Store

MAIN = Path(__file__).parents[2] / "app" / "main.py"


@pytest.fixture(autouse=True)
def _served_home(
    places: Places, monkeypatch: pytest.MonkeyPatch, _packages_are_looked_through_once: None
) -> Iterator[None]:
    monkeypatch.setenv(HOME_VARIABLE, str(places.home))
    monkeypatch.setenv(DATA_VARIABLE, str(places.data_dir))
    yield
    warm_up.shut_down()
    end_workers(places)


def end_workers(places: Places) -> None:
    """End what a press of Start began: a run outlives its server, and would take the processor from the next tests."""
    children = psutil.Process().children(recursive=True)
    left = [child for child in children if child.is_running() and str(places.home) in _command(child)]
    for child in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(left)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture(autouse=True)
def _nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is opened starts no process to time training, unless a test asks for one."""
    monkeypatch.setattr(timing, "_time", lambda *_: None)


@pytest.fixture
def no_pretrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no run were shipped."""
    monkeypatch.setattr(Store, "pretrained", lambda self: [])


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Open a view with query parameters, as a copied link would."""

    def opened(view: str, **query: str) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=120)
        for key, value in query.items():
            at.query_params[key] = value
        at.run()
        if view != "home":
            at.switch_page(session.script(view))
            for key, value in query.items():
                at.query_params[key] = value
            at.run()
        return at

    return opened


def worked_out(at: AppTest) -> AppTest:
    """The page once nothing is worked out behind it any more."""

    while True:
        until(tasks.idle, "the work behind the page is done")
        at.run()
        if tasks.idle():
            return at


def shown(at: AppTest) -> str:
    """Everything a person can read, as one text."""
    parts = [e.value for kind in ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "code")
             for e in getattr(at, kind)]  # fmt: skip
    return "\n".join(str(p) for p in parts)


def to_take(at: AppTest) -> list[Any]:
    """The page's buttons that hand over a file, but for the Code panel's notebook, which stands in every title row."""
    return [button for button in at.get("download_button") if button.key != "code notebook"]


def tells(at: AppTest, mark: str, name: str, value: object) -> None:
    """What a component in the browser tells reaches its callback; `mark` stands in what that component alone is handed."""
    (component,) = [e for e in at.get("bidi_component") if mark in e.proto.json]
    told = at._tree.get_widget_states()
    told.widgets.add(id=component.proto.id).json_value = json.dumps({name: value})
    at._run(told)
