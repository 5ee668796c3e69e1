"""The address of the very view on the screen, as others reach it, and its QR code, drawn on this machine."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from app.web import guards
from vae_core.places import look_only

NOT_REACHED = (
    "This address is of this machine alone: a phone that opens it looks for the page on itself. Open this page by the machine's "
    "address in the network, with --host 0.0.0.0, or start the server with --origin and the address that others use."
)


@dataclass(frozen=True)
class ViewLink:
    """`fault`: why others cannot open the address; empty where they can."""

    url: str
    fault: str


def offered() -> bool:
    """Whether a view may be handed out: where whoever opens it can only look."""
    return look_only()


def link_of(opened: str, params: Mapping[str, str]) -> ViewLink:
    """Of a page as the browser opened it and what its address says. A first --origin goes before the browser's own."""
    parts = urlsplit(opened)
    origins = guards.listed(guards.ORIGINS_VARIABLE)
    origin = origins[0] if origins else f"{parts.scheme}://{parts.netloc}"
    url = f"{origin}{parts.path}" + (f"?{urlencode(params)}" if params else "")
    return ViewLink(url, NOT_REACHED if guards.is_loopback(urlsplit(origin).hostname or "") else "")


def code_png(url: str) -> bytes:
    """The QR code of an address as PNG: dark on light in either theme, as phones read it."""
    import segno

    buffer = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        buffer, kind="png", scale=5, border=4, dark="#000", light="#fff"
    )
    return buffer.getvalue()
