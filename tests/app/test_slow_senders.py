"""Real sockets against a real server: bodies that do not arrive hold up nobody, and end."""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
import uvicorn
from helpers import until
from starlette.applications import Starlette

from app import web
from app.web import requests
from vae_core.runs.run import Run

SENDERS = 60  # more than the 40 threads that Starlette has for plain functions


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """The routes behind uvicorn, as the app runs it, in a thread of this process."""
    with socket.create_server(("127.0.0.1", 0), backlog=2 * SENDERS) as listener:
        config = uvicorn.Config(Starlette(routes=web.ROUTES), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        until(lambda: server.started, "the server listens")
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


def begin(address: tuple[str, int], run: Run, announced: int) -> socket.socket:
    """A request for pictures that says how long its body is, asks whether to send it, and sends nothing."""
    sender = socket.create_connection(address, timeout=60)
    sender.sendall(
        f"POST /api/runs/{run.id}/decode HTTP/1.1\r\nHost: localhost\r\nContent-Length: {announced}\r\n"
        "Expect: 100-continue\r\n\r\n".encode()
    )
    return sender


def received(sender: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    return b"".join(iter(lambda: sender.recv(4096), b""))


def fetched(address: tuple[str, int], path: str, body: bytes | None = None) -> bytes:
    found: bytes = urllib.request.urlopen(f"http://{address[0]}:{address[1]}{path}", body, timeout=60).read()
    return found


def test_senders_that_stall_hold_up_nobody(address: tuple[str, int], copied: Run) -> None:
    with contextlib.ExitStack() as held:
        senders = [held.enter_context(begin(address, copied, 16)) for _ in range(SENDERS)]
        for sender in senders:  # its body is waited for
            assert sender.recv(100).startswith(b"HTTP/1.1 100")
            sender.sendall(b"\0")
        assert b"ok" in fetched(address, "/healthz")
        assert fetched(address, f"/api/runs/{copied.id}/events")
        assert len(fetched(address, f"/api/runs/{copied.id}/decode", np.zeros(4, "<f4").tobytes())) == 256
        senders[-1].sendall(bytes(15))  # and whose body does come is served
        assert senders[-1].recv(100).startswith(b"HTTP/1.1 200")


def test_a_body_that_does_not_arrive_is_given_up(
    address: tuple[str, int], copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.1)
    with begin(address, copied, 16) as sender:
        answer = received(sender)
    assert b"HTTP/1.1 408" in answer
    assert b"did not arrive within 0.1 seconds" in answer


def test_a_body_that_is_too_long_is_not_waited_for(address: tuple[str, int], copied: Run) -> None:
    with begin(address, copied, 10**9) as sender:
        answer = received(sender)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"larger than the 131,072 bytes" in answer


def test_more_bodies_than_are_read_at_once_are_told_to_come_again(
    address: tuple[str, int], copied: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_bodies", threading.BoundedSemaphore(1))
    with begin(address, copied, 16) as first, begin(address, copied, 16) as second:
        answers = {first.recv(12), second.recv(12)}
    assert answers == {b"HTTP/1.1 100", b"HTTP/1.1 429"}
    until(lambda: requests._bodies._value == 1, "the one that left gave its place back")
