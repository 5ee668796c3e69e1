"""What a server lets go of when no page is open any more, and when it keeps everything."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from helpers import until
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from app import server
from app.services import array_store, cache, idle, models, warm_up
from app.services.cache import LruCache
from app.services.idle import ALONE, Housekeeper
from app.services.tasks import Lane, Task
from vae_core.runs.run import Run

LANE = Lane("test of idleness")


class Seen:
    """Housekeeper's calls, and a cache of each kind."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.keeper = Housekeeper(lambda: self.calls.append("rest"), lambda: self.calls.append("wake"))
        self.kept: LruCache[str] = LruCache(8)
        self.lasting: LruCache[str] = LruCache(8, lasting=True)
        self.kept.put("a", "large")
        self.lasting.put("a", "small")

    def later(self, seconds: float) -> None:
        self.keeper.look(time.monotonic() + seconds)


@pytest.fixture
def seen() -> Iterator[Seen]:
    yield Seen()
    LANE.stop()


def test_everything_goes_once_no_page_is_open(seen: Seen) -> None:
    with seen.keeper.page():
        seen.later(10 * ALONE)
        assert (len(seen.kept), seen.calls) == (1, [])
    seen.later(ALONE / 2)
    assert (len(seen.kept), seen.calls) == (1, []), "a page that is loaded again finds all as it was"
    seen.later(ALONE)
    assert (len(seen.kept), len(seen.lasting), seen.calls) == (0, 1, ["rest"])
    seen.later(2 * ALONE)
    assert seen.calls == ["rest"], "once"
    with seen.keeper.page():
        seen.later(0)
    assert seen.calls == ["rest", "wake"]
    seen.later(ALONE)
    assert seen.calls == ["rest", "wake", "rest"]


def test_one_of_two_pages_is_enough(seen: Seen) -> None:
    with seen.keeper.page():
        with seen.keeper.page():
            pass
        seen.later(10 * ALONE)
    assert seen.calls == []


def test_work_behind_the_page_is_waited_for_then_forgotten(seen: Seen) -> None:
    go_on = threading.Event()

    def job(task: Task[bytes]) -> bytes:
        assert go_on.wait(60)
        return bytes(100)

    task = LANE.submit("key", job, name="work")
    seen.later(ALONE)
    assert seen.calls == []
    assert LANE.find("key") is task
    go_on.set()
    assert task.wait(60)
    until(lambda: task.done, "it has ended")
    seen.later(ALONE)
    assert seen.calls == ["rest"]
    assert LANE.find("key") is None


def test_what_was_let_go_is_made_again(copied: Run) -> None:
    address = array_store.url(np.arange(4))
    first = models.model(copied)
    assert models.model(copied) is first
    cache.clear_all()
    assert array_store.at(address) is None
    again = models.model(copied)
    assert again is not first
    assert again.stamp == first.stamp
    assert array_store.url(np.arange(4)) == address


def test_a_socket_is_an_open_page(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Housekeeper(lambda: None, lambda: None)
    monkeypatch.setattr(warm_up, "housekeeper", keeper)

    async def stay(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("here")
        await socket.receive_text()

    app = Starlette(routes=[WebSocketRoute("/stay", stay)], middleware=server.MIDDLEWARE)
    with TestClient(app).websocket_connect("/stay", headers={"host": "localhost"}) as socket:
        assert socket.receive_text() == "here"
        keeper.look(time.monotonic() + 2 * ALONE)
        assert not keeper.resting
        socket.send_text("bye")
    until(lambda: keeper._open == 0, "the page is closed")
    keeper.look(time.monotonic() + 2 * ALONE)
    assert keeper.resting


def test_the_thread_looks_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "EVERY", 0.001)
    monkeypatch.setattr(idle, "ALONE", 0.0)
    rested = threading.Event()
    keeper = Housekeeper(rested.set, lambda: None)
    keeper.start()
    assert rested.wait(60)
    keeper.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "housekeeper"]
