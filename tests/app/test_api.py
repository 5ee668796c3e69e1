"""The /api routes on their own, and the guard that lets only this machine's names in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from app import server, web
from app.components import module_url
from vae_core.config import ModelConfig, RunConfig
from vae_core.export.browser import browser_decoder
from vae_core.runs.run import Run
from vae_core.runs.store import Store


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=web.ROUTES))


def test_health_answers(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_events_come_from_an_offset_on(client: TestClient, copied: Run) -> None:
    whole = client.get(f"/api/runs/{copied.id}/events").json()
    lines, end = copied.lines()
    assert whole["lines"] == lines
    assert (whole["next"], whole["more"]) == (end, False)
    assert (whole["name"], whole["status"]["state"], whole["status"]["live"]) == (
        copied.name,
        "finished",
        False,
    )
    assert client.get(f"/api/runs/{copied.id}/events?after={end}").json()["lines"] == []
    first = len((copied.path / "events.jsonl").read_bytes().split(b"\n")[0]) + 1
    assert client.get(f"/api/runs/{copied.id}/events?after={first}").json()["lines"] == lines[1:]


def test_live_points_come_beside_the_events_of_a_run_that_learns(client: TestClient, copied: Run) -> None:
    point = {"event": "step", "step": 99}
    (copied.path / "live.json").write_text(json.dumps({"points": [point]}))
    assert client.get(f"/api/runs/{copied.id}/events").json()["live"] == []
    copied.update_status(state="running")
    assert client.get(f"/api/runs/{copied.id}/events").json()["live"] == [point]


def test_a_reset_gives_the_log_another_name(client: TestClient, copied: Run) -> None:
    before = client.get(f"/api/runs/{copied.id}/events").json()
    copied.reset()
    after = client.get(f"/api/runs/{copied.id}/events?after={before['next']}").json()
    assert after["log"] != before["log"]
    assert after["lines"] == []


def test_advice_travels_with_the_events(client: TestClient, copied: Run) -> None:
    with open(copied.path / "events.jsonl", "ab") as file:
        file.write(
            json.dumps({"event": "failed", "step": 9, "epoch": 1, "reason": "the loss broke"}).encode()
            + b"\n"
        )
    advice = client.get(f"/api/runs/{copied.id}/events").json()["advice"]
    assert [a["kind"] for a in advice] == ["divergence"]
    assert "the loss broke" in advice[0]["fault"]


@pytest.mark.parametrize("after", ["x", "1.5", ""])
def test_a_wrong_offset_is_refused(client: TestClient, copied: Run, after: str) -> None:
    assert client.get(f"/api/runs/{copied.id}/events?after={after}").status_code == 400


@pytest.mark.parametrize("route", ["events", "decoder.json", "decoder-0.bin", "file/thumbnail.png"])
def test_a_run_that_is_gone_is_404(client: TestClient, route: str) -> None:
    answer = client.get(f"/api/runs/gone/{route}")
    assert answer.status_code == 404
    assert "gone" in answer.json()["error"]


def test_pictures_of_a_run_are_served_and_nothing_else(client: TestClient, copied: Run) -> None:
    shot = next(line for line in copied.lines()[0] if line["event"] == "snapshot")
    answer = client.get(f"/api/runs/{copied.id}/file/{shot['samples']}")
    assert answer.content == (copied.path / shot["samples"]).read_bytes()
    assert answer.headers["content-type"] == "image/png"
    for name in (
        "config.json",
        "model.safetensors",
        "../config.json",
        "snapshots/../config.json",
        "snapshots/no.png",
    ):
        assert client.get(f"/api/runs/{copied.id}/file/{name}").status_code == 404


def test_weights_are_served_under_their_stamp_for_good(client: TestClient, copied: Run) -> None:
    header = client.get(f"/api/runs/{copied.id}/decoder.json").json()
    assert header["stamp"] == copied.stamp()
    answer = client.get(f"/api/runs/{copied.id}/decoder-{header['stamp']}.bin")
    expected = browser_decoder(copied.record(), copied.arrays()).weights
    assert np.array_equal(np.frombuffer(answer.content, "<f4"), expected)
    assert "immutable" in answer.headers["cache-control"]
    stale = client.get(f"/api/runs/{copied.id}/decoder-0123456789abcdef.bin")
    assert stale.status_code == 410
    assert "changed" in stale.json()["error"]


def test_a_run_without_weights_is_409(client: TestClient, store: Store) -> None:
    run = store.create(RunConfig(model=ModelConfig("mlp")))
    answer = client.get(f"/api/runs/{run.id}/decoder.json")
    assert answer.status_code == 409
    assert "no weights yet" in answer.json()["error"]


def test_scripts_are_served_from_their_folder_only(client: TestClient) -> None:
    found = client.get(module_url("shared/decoder.js"))
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/javascript")
    assert "immutable" in found.headers["cache-control"]
    for name in (
        "shared/../__init__.py",
        "deck/style.css",
        "decoder.js",
        "..%2fserver.py",
        "%2e%2e%2f%2e%2e%2fserver.py",
    ):
        assert client.get(module_url(name)).status_code == 404
    other = client.get("/api/scripts/0123456789abcdef/shared/decoder.js")
    assert other.status_code == 404, "a page of another version gets no mixture of both"
    assert "reload the page" in other.json()["error"]
    assert other.headers["cache-control"] == "no-store"
    assert client.get("/api/plotly.min.js").headers["content-type"].startswith("text/javascript")


# ---------------------------------------------------------------- who may ask


@pytest.mark.parametrize(
    ("host", "name", "allowed"),
    [
        ("127.0.0.1", "localhost:8501", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "[::1]:8501", True),
        ("127.0.0.1", "evil.example", False),
        ("localhost", "evil.example:8501", False),
        ("0.0.0.0", "lecture-hall.example", True),
    ],
)
def test_on_loopback_only_loopback_names_are_answered(
    monkeypatch: pytest.MonkeyPatch, host: str, name: str, allowed: bool
) -> None:
    monkeypatch.setenv(server.HOST_VARIABLE, host)
    client = TestClient(Starlette(routes=web.ROUTES, middleware=[Middleware(server.LoopbackNames)]))
    answer = client.get("/healthz", headers={"host": name})
    assert (answer.status_code == 200) == allowed
    if not allowed:
        assert "--host" in answer.text


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


@pytest.mark.parametrize("args", [("--port", "0"), ("--port", "70000"), ("--jobs", "0"), ("--nonsense",)])
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
