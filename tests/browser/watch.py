"""What the page and the script behind it are doing, as seen from a browser."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from playwright.sync_api import Locator, Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

_ASKED: weakref.WeakKeyDictionary[Page, list[BackMsg]] = weakref.WeakKeyDictionary()


def listen(page: Page) -> None:
    """Hear from here on what the page asks the script for. Before the page opens its socket."""
    asked = _ASKED[page] = []

    def opened(socket: WebSocket) -> None:
        def sent(data: str | bytes) -> None:
            message = BackMsg.FromString(data)  # type: ignore[arg-type]
            # the sidebar looks for a live run once a second, whatever anyone does
            if message.HasField("rerun_script") and not message.rerun_script.is_auto_rerun:
                asked.append(message)

        socket.on("framesent", sent)

    page.on("websocket", opened)


def asked(page: Page) -> list[BackMsg]:
    """The runs of the script, or of a fragment, that the page asked for so far; at least its own first."""
    page.wait_for_timeout(50)  # what was sent just now is heard
    assert _ASKED[page], "the listener hears"
    return _ASKED[page]


def comes(page: Page, true: Callable[[], object], what: str) -> None:
    """Wait until something is true that no locator tells of."""
    for _ in range(600):
        if true():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"not within a minute: {what}")


def painted(canvas: Locator) -> None:
    """Wait for a first picture. By what is there to be found, which is looked for oftener than an expectation is."""
    canvas.and_(canvas.page.locator('[data-frame]:not([data-frame="0"])')).wait_for(state="attached")


def settled(page: Page, timeout: float | None = None) -> None:
    """Wait until the script has run to its end."""
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=timeout
    )


def pen_down(page: Page, pad: Locator, x: float, y: float) -> None:
    """Press on a drawing pad, at shares of its side, once it can be hit there and follows the pen."""
    expect(pad).to_have_attribute("data-ready", "")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    # waits until the pad stands still and nothing, an expander that is opening say, lies over it
    pad.hover(position={"x": x * box["width"], "y": y * box["height"]})
    page.mouse.down()
