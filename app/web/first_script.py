"""The one script that a page runs before Streamlit's own: it keeps the browser's history (app/components/shared/entries.js).

A component's script comes too late for that: Streamlit has written into the address by then, and each writing was an entry.

Beside it the browser is told of the modules that a decoded picture needs. It fetches them with Streamlit's own, where it
would find them one after the other, each in the one before it.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.components import module_url, with_imports

HEAD = b"<head>"
PICTURE = ("shared/mount.js", "shared/picture.js")
# an answer that is packed, or that the browser kept from before, could not be added to
LEFT_OUT = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}


def script() -> bytes:
    """The element that runs it, before any module that stands below, and the modules to fetch early."""
    url = module_url("shared/entries.js")
    first = f'<script type="module">import {{ keepEntries }} from "{url}"; keepEntries(window);</script>'
    early = [f'<link rel="modulepreload" href="{module_url(name)}">' for name in with_imports(*PICTURE)]
    return "".join([first, *early]).encode()


class FirstScript:
    """Adds it to the head of each page that a browser opens."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opened = scope["type"] == "http" and scope["method"] == "GET"
        if not opened or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        parts: list[bytes] = []

        async def with_script(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                html = Headers(scope=message).get("content-type", "").startswith("text/html")
                if html and message["status"] == 200:
                    start = message
                    return
            elif message["type"] == "http.response.body" and start is not None:
                parts.append(message.get("body", b""))
                if message.get("more_body", False):
                    return
                body = b"".join(parts).replace(HEAD, HEAD + script(), 1)
                headers = MutableHeaders(scope=start)
                headers["content-length"] = str(len(body))
                del headers["etag"]
                del headers["last-modified"]
                await send(start)
                await send({"type": "http.response.body", "body": body})
                return
            await send(message)

        headers = [(name, value) for name, value in scope["headers"] if name not in LEFT_OUT]
        await self.app({**scope, "headers": headers}, receive, with_script)
