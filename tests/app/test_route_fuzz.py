"""Whatever a route is asked, it does not fail: every route of the app's own table, a new one too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient

from app import components, server, web
from app.services import array_store
from vae_core.runs.run import Run

LONG, DIGITS = "a" * 5_000, "9" * 5_000
HOSTILE = st.one_of(
    st.sampled_from([
        "", " ", ".", "..", "../config.json", "..\\config.json", "%2e%2e", "\0", "\ud800", "a" * 300, LONG, DIGITS, "-1", "1.5",
        "1e999", "NaN", "٣", "+3", str(2**31), str(2**63), f"snapshots/{'b' * 300}.png", "shared/..", "~", "con", "a/b/c",
    ]),
    st.text(max_size=30),
)  # fmt: skip
PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = Starlette(routes=web.ROUTES, middleware=server.MIDDLEWARE)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def sense(run: Run) -> dict[str, list[str]]:
    """Values that some routes can do something with, so that what lies behind the first look is asked too."""
    numbers = array_store.publish(np.array([0, 5, 10**6, -1]), "<i4")
    return {
        "run": [run.id, "faces"], "digest": [components.scripts_digest(), numbers], "name": ["live/index.js"],
        "path": ["thumbnail.png"], "stamp": [run.stamp()], "split": ["test", "train", "epochs"], "number": ["0"],
        "tile": ["0"], "width": ["16"], "height": ["16"], "after": ["7"],
    }  # fmt: skip


def encoded(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


@pytest.mark.parametrize("route", web.ROUTES, ids=lambda route: route.path)
@given(data=st.data())
@settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_route_fails_at_what_it_is_asked(
    client: TestClient, copied: Run, route: BaseRoute, data: st.DataObject
) -> None:
    assert isinstance(route, Route)
    known = sense(copied)

    def value(name: str) -> str:
        sensible = st.sampled_from(known[name]) if name in known else HOSTILE
        return encoded(data.draw(st.one_of(sensible, sensible, HOSTILE), label=name))

    path = PARAMETER.sub(lambda found: value(found[1]), route.path)
    asked = data.draw(st.lists(st.sampled_from(["after", "width", "height", "stamp", "x"]), max_size=4))
    query = "&".join(f"{name}={value(name)}" for name in asked)
    body = data.draw(
        st.one_of(st.binary(max_size=64), st.sampled_from([bytes(256), b"\xff" * 256, bytes(300_000)]))
    )
    method = data.draw(st.sampled_from([*sorted(route.methods or {"GET"}), "POST", "DELETE"]))
    answer = client.request(method, f"{path}?{query}", content=body)
    assert answer.status_code < 500, (method, path[:200], query[:200], answer.text[:500])
