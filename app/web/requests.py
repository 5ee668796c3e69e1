"""What every route shares: cache headers, refusals, limits, and how a request's body and numbers are read."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING

import anyio.from_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.services import models
from vae_core.errors import RunNotFound, VaeCoreError

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel
    from vae_core.runs.run import Run


IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}  # what an address names by its content
NO_STORE = {"cache-control": "no-store"}


class RefusedError(Exception):
    """A request that is answered with a 4xx status and this message."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def answers(route: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A route whose errors become answers: 4xx with the sentence of a refusal or of one of the core's own errors."""

    @wraps(route)
    def guarded(request: Request) -> Response:
        try:
            return route(request)
        except RefusedError as refusal:
            return JSONResponse({"error": str(refusal)}, refusal.status, headers=NO_STORE)
        except RunNotFound as error:
            return JSONResponse({"error": str(error)}, 404, headers=NO_STORE)
        except VaeCoreError as error:
            return JSONResponse({"error": str(error)}, 409, headers=NO_STORE)

    return guarded


AT_ONCE = 4  # computing requests at a time, of all pages together; whoever is told to wait asks again with its newest
PER_SECOND = 200  # computing requests begun, of all pages together
_turns = threading.BoundedSemaphore(AT_ONCE)
_started: deque[float] = deque(maxlen=PER_SECOND)


@contextlib.contextmanager
def compute_turn() -> Iterator[None]:
    """One of AT_ONCE turns to compute. Raises RefusedError (429) when all are taken, or too many began this second.

    A route takes its turn after reading the body, so that a slow sender holds a thread but no turn.
    """
    if not _turns.acquire(blocking=False):
        raise RefusedError(429, "the server is busy; try again in a moment")
    try:
        now = time.monotonic()
        if len(_started) == PER_SECOND and now - _started[0] < 1:
            raise RefusedError(429, f"more than {PER_SECOND} requests a second; try again in a moment")
        _started.append(now)
        yield
    finally:
        _turns.release()


def read_body(request: Request, most: int) -> bytes:
    """A request's body of at most so many bytes, counted while it arrives. Raises RefusedError (413) beyond.

    To be called from a worker thread, as plain `def` routes are.
    """

    async def read() -> bytes:
        parts, total = [], 0
        async for part in request.stream():
            total += len(part)
            if total > most:
                raise RefusedError(413, f"the body is larger than the {most:,} bytes expected here")
            parts.append(part)
        return b"".join(parts)

    return anyio.from_thread.run(read)


def whole_number(request: Request, name: str, low: int, high: int) -> int:
    """A query parameter from `low` to `high`. Raises RefusedError (400) for anything else."""
    try:
        value = int(request.query_params.get(name, ""))
    except ValueError:
        raise RefusedError(400, f"{name}: expected a whole number") from None
    if not low <= value <= high:
        raise RefusedError(400, f"{name}: expected {low} to {high}, got {value}")
    return value


def require_stamp(request: Request, stamp: str) -> None:
    """Raise RefusedError (410) when the request names other weights than those of this stamp."""
    if request.query_params.get("stamp", stamp) != stamp:
        raise RefusedError(410, "the weights changed; fetch the header again")


def current_model(request: Request, run: Run) -> LoadedModel:
    """The run's network. Raises RefusedError (410) when its weights changed since the request began."""
    found = models.model(run)
    require_stamp(request, found.stamp)
    return found
