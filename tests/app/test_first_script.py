"""What a page runs before Streamlit's own scripts."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from app.components import module_path, module_url, with_imports
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


def test_what_it_names_is_served() -> None:
    named = [part.split('"')[0] for part in script().decode().split("/api/scripts/")[1:]]
    assert all(module_path(*part.split("/", 1)) for part in named)


def test_what_a_decoded_picture_needs_is_fetched_early() -> None:
    early = with_imports("shared/picture.js")
    assert "shared/kernel.js" in early  # four imports deep
    assert all(f'<link rel="modulepreload" href="{module_url(name)}">' in script().decode() for name in early)
