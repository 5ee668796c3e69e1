"""What every route shares: cache headers, refusals, limits, threads, and how a request's body and numbers are read."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import re
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.services import models
from vae_core.errors import RunNotFound, VaeCoreError

if TYPE_CHECKING:
    from vae_core.inference import LoadedModel
    from vae_core.runs.run import Run

log = logging.getLogger("latent_explorer")

IMMUTABLE = {"cache-control": "public, max-age=31536000, immutable"}  # what an address names by its content
NO_STORE = {"cache-control": "no-store"}

Endpoint = Callable[[Request], Awaitable[Response]]


class RefusedError(Exception):
    """A request that is answered with a 4xx status and this message."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


# ---------------------------------------------------------------- JSON that every browser reads


class Json(JSONResponse):
    """A JSON answer that is valid whatever it holds: NaN and infinity become null, half a surrogate pair an escape."""

    def render(self, content: Any) -> bytes:
        return as_json(content).encode()


def as_json(value: Any) -> str:
    """Strict JSON in ASCII of plain values; null stands for numbers that are not finite."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value


# ---------------------------------------------------------------- threads


class Pool:
    """At most `threads` threads at a time for one kind of route; who comes when all work waits without a thread.

    Not the pool that Streamlit takes for the files of a page: a page never waits for what routes compute.
    """

    def __init__(self, name: str, threads: int) -> None:
        self.threads = threads
        self._of_loop: RunVar[anyio.CapacityLimiter] = RunVar(name)

    async def run(self, work: Callable[[], Response]) -> Response:
        """What `work` gives, done in a thread."""
        try:
            limiter = self._of_loop.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self.threads)
            self._of_loop.set(limiter)
        return await anyio.to_thread.run_sync(work, limiter=limiter)


READING = Pool("reading", 8)  # routes that only read files or memory
COMPUTING = Pool("computing", 8)  # AT_ONCE compute; the others refuse, or wait for one that loads a network


def answers(route: Callable[[Request], Response]) -> Endpoint:
    """An endpoint that reads: `route` in a thread of its own pool.

    Its errors become answers: 4xx with the sentence of a refusal or of one of the core's own errors.
    """

    @wraps(route)
    async def endpoint(request: Request) -> Response:
        return await READING.run(lambda: _guarded(lambda: route(request)))

    return endpoint


def computes(route: Callable[[Request], Response]) -> Endpoint:
    """As `answers`, for a route that computes: in the pool of those."""

    @wraps(route)
    async def endpoint(request: Request) -> Response:
        return await COMPUTING.run(lambda: _guarded(lambda: route(request)))

    return endpoint


def computes_from(most: int) -> Callable[[Callable[[Request, bytes], Response]], Endpoint]:
    """As `computes`, for a route that also takes the request's body, of at most so many bytes.

    The body is there before a thread is taken, so that a slow sender holds none.
    """

    def made(route: Callable[[Request, bytes], Response]) -> Endpoint:
        @wraps(route)
        async def endpoint(request: Request) -> Response:
            try:
                body = await read_body(request, most)
            except RefusedError as refusal:
                # what is left of the body must not be taken for the next request
                return _refused(refusal, {"connection": "close"})
            return await COMPUTING.run(lambda: _guarded(lambda: route(request, body)))

        return endpoint

    return made


def _guarded(work: Callable[[], Response]) -> Response:
    try:
        return work()
    except RefusedError as refusal:
        return _refused(refusal)
    except RunNotFound as error:
        return Json({"error": str(error)}, 404, headers=NO_STORE)
    except VaeCoreError as error:
        return Json({"error": str(error)}, 409, headers=NO_STORE)
    except FileNotFoundError as error:  # deleted between one look and the next
        log.info("a file went while it was asked for", exc_info=error)
        return Json({"error": "this was deleted meanwhile; reload the page"}, 410, headers=NO_STORE)


def _refused(refusal: RefusedError, more: dict[str, str] | None = None) -> Response:
    return Json({"error": str(refusal)}, refusal.status, headers=NO_STORE | (more or {}))


# ---------------------------------------------------------------- turns and bodies

AT_ONCE = 4  # computing requests at a time, of all pages together; whoever is told to wait asks again with its newest
PER_SECOND = 200  # computing requests begun, of all pages together
_turns = threading.BoundedSemaphore(AT_ONCE)
_started: deque[float] = deque(maxlen=PER_SECOND)

BODY_SECONDS = 15.0  # in which a body must have arrived: the largest takes 5 over a slow mobile network
BODIES_AT_ONCE = 200  # bodies on their way, so that all together stay below 60 MB
_bodies = threading.BoundedSemaphore(BODIES_AT_ONCE)


@contextlib.contextmanager
def compute_turn() -> Iterator[None]:
    """One of AT_ONCE turns to compute. Raises RefusedError (429) when all are taken, or too many began this second."""
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


async def read_body(request: Request, most: int) -> bytes:
    """A request's body of at most so many bytes, counted while it arrives.

    Raises RefusedError: 413 beyond, 408 where it takes longer than BODY_SECONDS, 429 where too many are on their way.
    """
    check_size(request.headers.get("content-length", ""), most)
    if not _bodies.acquire(blocking=False):
        raise RefusedError(429, "too many requests are on their way; try again in a moment")
    parts, total = [], 0
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for part in request.stream():
                total += len(part)
                check_size(total, most)
                parts.append(part)
    except TimeoutError:
        raise RefusedError(
            408, f"the body did not arrive within {BODY_SECONDS:g} seconds; try again"
        ) from None
    except ClientDisconnect:
        raise RefusedError(400, "the body ended early") from None
    finally:
        _bodies.release()
    return b"".join(parts)


def check_size(size: int | str, most: int) -> None:
    """Raises RefusedError (413) for more than `most` bytes; a size that is no number is none."""
    if isinstance(size, str):
        size = int(size) if re.fullmatch(r"[0-9]{1,18}", size) else 0
    if size > most:
        raise RefusedError(413, f"the body is larger than the {most:,} bytes expected here")


# ---------------------------------------------------------------- what a request says

MOST = 2**31 - 1  # no image, tile or byte of a log has a larger number


def whole_number(request: Request, name: str, low: int, high: int) -> int:
    """A query parameter from `low` to `high`. Raises RefusedError (400) for anything else."""
    text = request.query_params.get(name, "")
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text, re.ASCII):
        raise RefusedError(400, f"{name}: expected a whole number")
    if not low <= int(text) <= high:
        raise RefusedError(400, f"{name}: expected {low} to {high}, got {int(text)}")
    return int(text)


def path_number(request: Request, name: str, what: str) -> int:
    """A number from 0 on in the request's path. Raises RefusedError (404) for anything else.

    Starlette's own `{name:int}` fails on numbers of thousands of digits.
    """
    text = request.path_params[name]
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) or int(text) > MOST:
        raise RefusedError(404, f"there is no such {what}")
    return int(text)


def require_stamp(request: Request, stamp: str) -> None:
    """Raise RefusedError (410) when the request names other weights than those of this stamp."""
    if request.query_params.get("stamp", stamp) != stamp:
        raise RefusedError(410, "the weights changed; fetch the header again")


def current_model(request: Request, run: Run) -> LoadedModel:
    """The run's network. Raises RefusedError (410) when its weights changed since the request began."""
    found = models.model(run)
    require_stamp(request, found.stamp)
    return found
