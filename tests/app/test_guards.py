"""Who may ask, which pages may show the app in a frame, and what the command says of wrong switches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import server, web
from app.web import guards

LAB = "https://lab.example"


async def greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def guarded(
    monkeypatch: pytest.MonkeyPatch, *, host: str = "127.0.0.1", origins: str = "", frames: str = ""
) -> TestClient:
    """The routes, and a socket at /hello, behind all that a request passes first."""
    monkeypatch.setenv(guards.HOST_VARIABLE, host)
    monkeypatch.setenv(guards.ORIGINS_VARIABLE, origins)
    monkeypatch.setenv(guards.FRAMES_VARIABLE, frames)
    app = Starlette(routes=[*web.ROUTES, WebSocketRoute("/hello", greet)], middleware=server.MIDDLEWARE)
    return TestClient(app, base_url="http://localhost")


@pytest.mark.parametrize(
    ("host", "name", "allowed"),
    [
        ("127.0.0.1", "localhost:8501", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "[::1]:8501", True),
        ("127.0.0.1", "LOCALHOST", True),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "testserver", False),
        ("127.0.0.1", "192.168.0.7", False),
        ("127.0.0.1", "[::1", False),
        ("127.0.0.1", "localhost:x", False),
        ("127.0.0.1", "localhost@evil.example", False),
        ("127.0.0.1", "evil.example/localhost", False),
        ("127.0.0.1", "", False),
        ("localhost", "evil.example:8501", False),
        ("0.0.0.0", "192.168.0.7:8501", True),
        ("0.0.0.0", "[fd00::7]:8501", True),
        ("0.0.0.0", "localhost:8501", True),
        ("0.0.0.0", "teachers-laptop:8501", True),
        ("0.0.0.0", "teachers-laptop.local", True),
        ("0.0.0.0", "evil.example", False),
        ("lecture-hall.example", "lecture-hall.example", True),
    ],
)
def test_only_this_servers_names_are_answered(
    monkeypatch: pytest.MonkeyPatch, host: str, name: str, allowed: bool
) -> None:
    answer = guarded(monkeypatch, host=host).get("/healthz", headers={"host": name})
    assert (answer.status_code == 200) == allowed
    if not allowed:
        assert answer.status_code == 421
        assert "--origin" in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_name_that_was_given_is_answered(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    client = guarded(monkeypatch, host=host, origins=f"{LAB} http://hall.example:8501")
    for name in ("lab.example", "hall.example:8501"):
        assert client.get("/healthz", headers={"host": name}).status_code == 200
    assert client.get("/healthz", headers={"host": "other.example"}).status_code == 421


OPENED = [
    ("localhost:8501", "http://localhost:8501", True),
    ("localhost:8501", None, True),  # no browser
    ("localhost:8501", "http://localhost:3000", False),
    ("localhost:8501", "http://127.0.0.1:8501", False),
    ("localhost:8501", "null", False),
    ("localhost:8501", "https://evil.example", False),
    ("lab.example", LAB, True),  # a proxy that keeps the name
    ("lab.example:443", LAB, True),
    ("127.0.0.1:8501", LAB, True),  # and one that does not
    ("127.0.0.1:8501", "https://lab.example.evil.example", False),
]


@pytest.mark.parametrize(("host", "origin", "opens"), OPENED)
def test_a_socket_is_opened_to_the_servers_own_pages(
    monkeypatch: pytest.MonkeyPatch, host: str, origin: str | None, opens: bool
) -> None:
    headers = {"host": host} | ({"origin": origin} if origin is not None else {})
    client = guarded(monkeypatch, origins=LAB)
    if opens:
        with client.websocket_connect("/hello", headers=headers) as socket:
            assert socket.receive_text() == "hello"
        return
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/hello", headers=headers):
        pass
    assert "another origin" in refused.value.reason


@pytest.mark.parametrize(("host", "origin", "taken"), OPENED)
def test_what_is_sent_is_taken_from_the_servers_own_pages(
    monkeypatch: pytest.MonkeyPatch, host: str, origin: str | None, taken: bool
) -> None:
    headers = {"host": host} | ({"origin": origin} if origin is not None else {})
    client = guarded(monkeypatch, origins=LAB)
    assert (client.post("/api/runs/faces/decode", content=b"x", headers=headers).status_code == 400) == taken
    assert client.get("/healthz", headers=headers).status_code == 200, (
        "a browser shows no other page the answer"
    )


def test_only_its_own_pages_show_it_in_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = guarded(monkeypatch).get("/healthz").headers
    assert headers["content-security-policy"] == "frame-ancestors 'self'"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    course = guarded(monkeypatch, frames="https://course.example http://127.0.0.1:9000")
    for path in ("/healthz", "/nowhere"):
        headers = course.get(path).headers
        policy = "frame-ancestors 'self' https://course.example http://127.0.0.1:9000"
        assert headers["content-security-policy"] == policy
        assert "x-frame-options" not in headers
    assert (
        course.get("/healthz", headers={"host": "evil.example"}).headers["content-security-policy"] == policy
    )


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Lab.example/", LAB),
        ("https://lab.example:443", LAB),
        ("http://10.0.0.1:8080", "http://10.0.0.1:8080"),
        ("http://[::1]:8501", "http://[::1]:8501"),
        *[(wrong, None) for wrong in (
            "lab.example", "ftp://lab.example", "https://", "https://lab.example/course", "https://*.example",
            "https://a;script-src", "https://a b", "https://me@lab.example", "http://[::1", "",
        )],
    ],
)  # fmt: skip
def test_an_origin_is_a_scheme_and_a_name(text: str, origin: str | None) -> None:
    if origin is None:
        with pytest.raises(ValueError):
            guards.origin_of(text)
    else:
        assert guards.origin_of(text) == origin


# ---------------------------------------------------------------- the command


def run_command(*args: str, home: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "LATENT_EXPLORER_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "app.server", *args],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_command("--port", str(taken.getsockname()[1]), home=tmp_path)
    assert done.returncode == 1
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("--port", "0"),
        ("--port", "70000"),
        ("--jobs", "0"),
        ("--launcher", "ray"),
        ("--retry", "-1"),
        ("--nonsense",),
        ("--origin", "lab.example"),
        ("--embed-in", "*"),
    ],
)
def test_wrong_switches_are_usage_errors(tmp_path: Path, args: tuple[str, ...]) -> None:
    done = run_command(*args, home=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_command("--home", str(tmp_path / "file" / "home"), home=tmp_path)
    assert done.returncode == 1
    assert "--home" in done.stderr
    assert "Traceback" not in done.stderr
