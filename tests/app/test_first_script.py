"""What a page runs before Streamlit's own scripts."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from app.components import module_path
from app.web.first_script import FirstScript, script

PAGE = (
    "<!DOCTYPE html><html><head><script type='module' src='./main.js'></script></head><body>β</body></html>"
)


def page(request: Request) -> Response:
    if "if-none-match" in request.headers:
        return Response(status_code=304)
    return HTMLResponse(PAGE, headers={"etag": '"a"'})


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/", page), Route("/text", lambda request: PlainTextResponse("<head>"))])
    app.add_middleware(GZipMiddleware, minimum_size=1)
    return TestClient(FirstScript(app))


def test_it_stands_before_every_other_script_of_a_page(client: TestClient) -> None:
    kept = {"accept": "text/html,*/*", "accept-encoding": "gzip", "if-none-match": '"a"'}
    answer = client.get("/", headers=kept)
    assert answer.status_code == 200
    assert answer.text == PAGE.replace("<head>", f"<head>{script().decode()}")
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "etag" not in answer.headers


def test_what_is_no_page_stays_as_it_is(client: TestClient) -> None:
    assert client.get("/text", headers={"accept": "text/html"}).text == "<head>"
    assert client.get("/", headers={"accept": "application/json"}).text == PAGE
    assert client.head("/", headers={"accept": "text/html"}).status_code == 200


def test_the_script_is_one_that_is_served() -> None:
    digest, name = script().decode().split("/api/scripts/")[1].split('"')[0].split("/", 1)
    assert module_path(digest, name) is not None
