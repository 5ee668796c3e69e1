"""Who may ask this server, and which pages may show it in a frame: what stands before every request."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services import warm_up
from vae_core.options import capitalised
from vae_core.places import LOOK_ONLY, look_only

HOST_VARIABLE = "LATENT_EXPLORER_HOST"  # the address it listens on
ORIGINS_VARIABLE = "LATENT_EXPLORER_ORIGINS"  # addresses under which browsers reach it, by spaces
FRAMES_VARIABLE = "LATENT_EXPLORER_EMBED_IN"  # sites whose pages may show it in a frame, by spaces
# endings that no public name has, so that nobody elsewhere can point one here
LOCAL_ENDINGS = (".local", ".localhost", ".internal", ".home.arpa")
# what pages ask for by POST and nobody keeps: pictures of codes, codes of drawings
KEEPS_NOTHING = re.compile(r"/api/runs/[^/]+/(decode|encode)")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def origin_of(text: str) -> str:
    """A site as a browser names it, such as https://lab.example:8443. Raises ValueError for anything else."""
    parts = urlsplit(text)
    bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare:
        raise ValueError(f"{text!r}: expected an origin such as https://lab.example")
    if any(c.isspace() or c in ";,'\"*" for c in parts.netloc):
        raise ValueError(f"{text!r}: a site's name has no such characters")
    return f"{parts.scheme}://{_without_usual_port(parts.netloc)}"


def listed(variable: str) -> list[str]:
    """The sites that an environment variable lists. Raises ValueError for one that is none."""
    return [origin_of(text) for text in os.environ.get(variable, "").split()]


def _without_usual_port(netloc: str) -> str:
    return netloc.lower().removesuffix(":80").removesuffix(":443")


def _name(host: str) -> str | None:
    """The name or address in a Host header, in small letters; None where there is none in it."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and not parts.username else None


def name_is_ours(name: str, listening: str, origins: list[str]) -> bool:
    """Whether a Host names this server, so that no page elsewhere let its own name point here (DNS rebinding).

    `listening` on loopback, that is a loopback name; else any address, or a name that no stranger can own. `origins` are
    always taken.
    """
    if name in {urlsplit(origin).hostname for origin in origins}:
        return True
    if is_loopback(name):
        return True
    if is_loopback(listening):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(LOCAL_ENDINGS) or name == listening
    return True


class OwnNames:
    """Answers requests to this server's own names, and lets no page of another origin open a socket or send anything."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._fault(scope) if scope["type"] in ("http", "websocket") else ""
        if not fault and scope["type"] == "websocket":
            with warm_up.housekeeper.page():
                await self.app(scope, receive, send)
        elif not fault:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": fault})
        else:
            await PlainTextResponse(fault, 421)(scope, receive, send)

    def _fault(self, scope: Scope) -> str:
        """Why this request is refused, or nothing."""
        headers = Headers(scope=scope)
        host, origins = headers.get("host"), listed(ORIGINS_VARIABLE)
        if host is not None:
            name = _name(host)
            listening = os.environ.get(HOST_VARIABLE, "127.0.0.1")
            if name is None or not name_is_ours(name, listening, origins):
                return (
                    "This server does not go by that name. If it is yours, start it with "
                    f"--origin http://{name or 'NAME'} (https behind a proxy); to open it to other machines, with --host."
                )
        origin = headers.get("origin")
        if origin is None or (scope["type"] == "http" and scope["method"] in SAFE) or origin in origins:
            return ""
        asked = _without_usual_port(host or "")
        if asked and _without_usual_port(origin.partition("://")[2]) == asked:
            return ""
        return (
            "A page of another origin may not use this server. Behind a proxy, start it with --origin and the address "
            "that browsers see."
        )


class OnlyLooking:
    """Where visitors may only look: refuses every request that could leave something here, uploads among them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asks = scope["type"] != "http" or scope["method"] in SAFE or KEEPS_NOTHING.fullmatch(scope["path"])
        if asks or not look_only():
            await self.app(scope, receive, send)
        else:
            await PlainTextResponse(f"{capitalised(LOOK_ONLY)}.", 403)(scope, receive, send)


class Frames:
    """Says which pages may show this app in a frame: its own, and those of the sites that were named at the start."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sites = listed(FRAMES_VARIABLE)

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("content-security-policy", " ".join(["frame-ancestors 'self'", *sites]))
                if not sites:  # what older browsers know; it has no way to name a site
                    headers["x-frame-options"] = "SAMEORIGIN"
            await send(message)

        await self.app(scope, receive, with_policy)
