"""A server that visitors may only look at: every page opens, whatever would keep something is refused in one sentence, and
nothing of it reaches the disk."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from conftest import shown, worked_out
from helpers import config_of
from locks import locked
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from app import server, web
from app.services import datasets, measuring, runs, uses
from app.state import session, view_link
from app.web import guards
from vae_core.data.user import dataset_of_images, remove
from vae_core.errors import LookOnly
from vae_core.export.archive import unarchive
from vae_core.options import capitalised
from vae_core.places import LOOK_ONLY, LOOK_VARIABLE, Places
from vae_core.runs.groups import delete_group, write_group
from vae_core.runs.marks import Marks, change_marks, write_marks
from vae_core.runs.run import Run
from vae_core.study.record import create
from vae_core.study.settings import StudySettings
from vae_core.uses.registry import USES

PAGES = sorted({p.stem if p.parent == session.VIEWS else p.parent.name
                for p in [*session.VIEWS.glob("[a-z]*.py"), *session.VIEWS.glob("*/page.py")]})  # fmt: skip


@pytest.fixture(autouse=True)
def look_only(monkeypatch: pytest.MonkeyPatch, copied: Run, places: Places) -> Iterator[None]:
    """With a run in a home that can be written, in which every writing fails this test."""
    write_group(copied, "kept", np.arange(3))
    monkeypatch.setenv(LOOK_VARIABLE, "1")
    with locked(places.home):
        yield


def refused(run: Run, places: Places) -> dict[str, Callable[[], Any]]:
    """Everything by which a person changes what a home holds."""
    store = runs.store()
    images = datasets.images_of(run)
    assert images is not None
    config = config_of(dataset="digits", side=16)
    study = StudySettings(base=config, search=("latent_dim=2..4",), goals=("elbo",))
    return {
        "train": lambda: store.create(config),
        "fine-tune": lambda: store.create(config, start_from=run),
        "rename": lambda: store.rename(run, "other"),
        "delete": lambda: store.delete(run),
        "sharpen": lambda: store.sharpen(run),
        "note": lambda: run.write_note("x"),
        "stop": lambda: run.request("stop"),
        "go on": lambda: run.go_on(3),
        "reset": run.reset,
        "group": lambda: write_group(run, "some", np.arange(3)),
        "forget group": lambda: delete_group(run, "kept"),
        "bookmarks": lambda: change_marks(run, [{"do": "add", "code": [0.0] * 4}]),
        "marks": lambda: write_marks(run, Marks({}, ())),
        "import a run": lambda: unarchive(io.BytesIO(b"zip"), store),
        "make a dataset": lambda: dataset_of_images(places, images, np.arange(5), "mine"),
        "remove a dataset": lambda: remove("tiny", places),
        "study": lambda: create(places, study),
    }


def test_each_way_to_change_a_home_is_refused(copied: Run, places: Places) -> None:
    before = sorted(str(path) for path in places.home.rglob("*"))
    for name, change in refused(copied, places).items():
        with pytest.raises(LookOnly) as fault:
            change()
        assert str(fault.value) == LOOK_ONLY, name
    assert sorted(str(path) for path in places.home.rglob("*")) == before


def test_nothing_is_measured(copied: Run) -> None:
    data = datasets.images_of(copied)
    assert data is not None
    use = next(iter(USES.values()))
    for task in (measuring.measure_run(copied, data), uses.start(copied, use, use.settings())):
        task.wait(30)
        assert task.error == LOOK_ONLY


@pytest.mark.parametrize("run", ["own", "faces"])
@pytest.mark.parametrize("view", PAGES)
def test_every_page_opens_for_looking(
    open_page: Callable[..., AppTest], copied: Run, view: str, run: str
) -> None:
    at = worked_out(open_page(view, run=copied.id if run == "own" else run))
    assert not at.exception
    assert not at.error, [error.value for error in at.error]
    assert "For looking only" in shown(at)


@pytest.mark.parametrize(
    ("view", "query", "off"),
    [
        ("train", {"open": "new"}, {"start", "continue now", "reset now"}),
        ("uses", {}, {"measure use"}),
        ("tune", {"tuning": "New study"}, {"start study"}),
    ],
)
def test_what_writes_is_off_and_says_why(
    open_page: Callable[..., AppTest], copied: Run, view: str, query: dict[str, str], off: set[str]
) -> None:
    at = open_page(view, run=copied.id, **query)
    for key in off:
        assert at.button(key=key).disabled, key
        assert at.button(key=key).help == f"{capitalised(LOOK_ONLY)}."


@pytest.mark.parametrize("view", ["home", "train", "uses"])
def test_no_button_that_can_be_pressed_writes(
    open_page: Callable[..., AppTest], copied: Run, view: str
) -> None:
    """Each in turn: none runs into the refusal, so whatever writes is off, nor into the lock."""
    at = open_page(view, run=copied.id)
    for key in [button.key for button in at.button if not button.disabled and button.key]:
        pressed = open_page(view, run=copied.id)
        pressed.button(key=key).click().run()
        assert not pressed.exception, key
        assert not pressed.error, (key, [error.value for error in pressed.error])


# ---------------------------------------------------------------- routes


def asked(app: Any = None) -> TestClient:
    return TestClient(
        app or Starlette(routes=web.ROUTES, middleware=server.MIDDLEWARE), base_url="http://localhost"
    )


def test_no_route_takes_anything_but_what_it_forgets(copied: Run) -> None:
    client = asked()
    for route in web.ROUTES:
        path = route.path.replace("{run}", copied.id)  # type: ignore[attr-defined]
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = client.request(method, path, content=b"x")
            if guards.KEEPS_NOTHING.fullmatch(path):
                assert answer.status_code in (400, 405, 409), (method, path)
            else:
                assert answer.status_code == 403, (method, path)
                assert answer.text == f"{capitalised(LOOK_ONLY)}."


def test_what_streamlit_takes_is_refused_too(copied: Run) -> None:
    """Its uploads above all; every route of the app that takes more than reading."""
    client = asked()
    for method in ("PUT", "POST", "DELETE"):
        assert client.request(method, "/_stcore/upload_file/session/file").status_code == 403


def test_pictures_of_codes_are_still_decoded(copied: Run) -> None:
    code = np.zeros((1, 4), "<f4").tobytes()
    answer = asked().post(f"/api/runs/{copied.id}/decode?stamp={copied.stamp()}", content=code)
    assert answer.status_code == 200, answer.text


def test_without_it_the_routes_are_open(monkeypatch: pytest.MonkeyPatch, copied: Run) -> None:
    monkeypatch.delenv(LOOK_VARIABLE)
    assert asked().post("/healthz").status_code == 405


# ---------------------------------------------------------------- the link of a view


@pytest.mark.parametrize(
    ("origins", "host", "url", "reached"),
    [
        ("https://lab.example", "localhost:8501", "https://lab.example/map?run=faces&code=%C3%A9", True),
        ("", "192.168.0.7:8501", "http://192.168.0.7:8501/map?run=faces&code=%C3%A9", True),
        ("", "localhost:8501", "http://localhost:8501/map?run=faces&code=%C3%A9", False),
        ("", "127.0.0.1:8501", "http://127.0.0.1:8501/map?run=faces&code=%C3%A9", False),
    ],
)
def test_a_link_names_the_server_as_others_reach_it(
    monkeypatch: pytest.MonkeyPatch, origins: str, host: str, url: str, reached: bool
) -> None:
    monkeypatch.setenv(guards.ORIGINS_VARIABLE, origins)
    found = view_link.link_of(f"http://{host}/map", {"run": "faces", "code": "é"})
    assert found.url == url
    assert (found.fault == "") is reached
    if not reached:
        assert "phone" in found.fault


def test_the_code_of_a_link_holds_that_link() -> None:
    """Drawn here, dark on light, with a quiet margin; another link is another code."""
    links = [f"http://192.168.0.7:8501/map?run={run}" for run in ("faces", "digits")]
    one, other = (np.asarray(Image.open(io.BytesIO(view_link.code_png(link))).convert("L")) for link in links)
    assert set(np.unique(one)) == {0, 255}
    edge = one[:20]
    assert edge.min() == 255, "four modules of quiet"
    assert one.shape == other.shape
    assert (one != other).any()


def test_a_page_shows_the_code_only_where_visitors_may_only_look(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, copied: Run
) -> None:
    assert view_link.offered()
    monkeypatch.delenv(LOOK_VARIABLE)
    assert not view_link.offered()
