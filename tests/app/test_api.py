"""The /api routes on their own, and the guard that lets only this machine's names in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import web
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
    point = next(line for line in copied.lines()[0] if line["event"] == "step") | {"step": 99}
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


def strict(text: str) -> Any:
    """JSON as a browser reads it, to which NaN and infinity are none."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b'{"event":"step","loss":NaN,"parts":[Infinity,-Infinity]}', {"event": "step", "loss": None, "parts": [None, None]}),
        (b'{"event":"step","loss":1e999}', {"event": "step", "loss": float("inf")}),  # a number to JSON, if a large one
        (b'{"name":"\\ud800"}', {"name": "\ud800"}),
        (b'{"name":"\xed\xa0\x80"}', None),
        (b'{"name":"\xff\xfe"}', None),
        (b'{"event":"st', None),
        (b'{"a":1}\r{"b":2}', None),
        (b"]}, null, [", None),
        (b"7", None),
        (b"null", None),
        (b"[" * 100_000 + b"]" * 100_000, None),
        (b'{"n":' + b"9" * 5_000 + b"}", None),
        (b"\0\0\0", None),
        (b'{"event":"note","text":"' + b"x" * 5_000_000 + b'"}', None),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_events_are_json_whatever_the_log_holds(
    client: TestClient, copied: Run, line: bytes, read: dict[str, Any] | None
) -> None:
    log = copied.path / "events.jsonl"
    last = b'{"event":"failed","step":9,"epoch":1,"reason":"said"}\n'
    log.write_bytes(log.read_bytes() + line + b"\n" + last)
    lines, after, more = [], 0, True
    while more:
        answer = client.get(f"/api/runs/{copied.id}/events?after={after}")
        assert answer.status_code == 200
        got = strict(answer.content.decode())
        assert got["next"] > after
        lines, after, more = [*lines, *got["lines"]], got["next"], got["more"]
    assert lines[-1]["reason"] == "said"
    before = [] if read is None else [read]
    assert lines[-1 - len(before) : -1] == before
    assert all(isinstance(one, dict) for one in lines)


@pytest.mark.parametrize(
    "held", [{"error": "half \ud800"}, {"images_per_second": float("nan")}, {"step": 1e999}]
)
def test_events_are_json_whatever_the_status_holds(
    client: TestClient, copied: Run, held: dict[str, Any]
) -> None:
    path = copied.path / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | held))
    answer = client.get(f"/api/runs/{copied.id}/events")
    assert answer.status_code == 200
    assert strict(answer.text)["name"] == copied.name


@pytest.mark.parametrize("after", ["x", "1.5", "", "٣", "9" * 5_000])
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
    again = client.get(module_url("shared/decoder.js").replace("/shared/", "~2/shared/"))
    assert again.content == found.content, "a browser that could not fetch it asks at another address"
    other = client.get("/api/scripts/0123456789abcdef/shared/decoder.js")
    assert other.status_code == 404, "a page of another version gets no mixture of both"
    assert "reload the page" in other.json()["error"]
    assert other.headers["cache-control"] == "no-store"
    assert client.get("/api/plotly.min.js").headers["content-type"].startswith("text/javascript")
