"""What the page and the script behind it are doing, as seen from a browser: all that the browser tests wait for.

No test waits for time to pass (tests/test_suite.py): it waits until something is there, or, where it proves that nothing
comes, until what would have brought it has had its turn (`plans_done`, `next_frame`).
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable

from playwright.sync_api import Locator, Page, Request, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from app.state.session import ECHO

_ASKED: weakref.WeakKeyDictionary[Page, list[BackMsg]] = weakref.WeakKeyDictionary()
_UNDER_WAY: weakref.WeakKeyDictionary[Page, set[Request]] = weakref.WeakKeyDictionary()


def listen(page: Page) -> None:
    """Hear from here on what the page asks the script for, and the server. Before the page opens its socket."""
    asked, under_way = _ASKED.setdefault(page, []), _UNDER_WAY.setdefault(page, set())
    page.on("request", lambda request: under_way.add(request))
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda request: under_way.discard(request))  # type: ignore[call-overload]

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
    next_frame(page)  # what was sent before the answer to this is heard before it
    assert _ASKED[page], "the listener hears"
    return _ASKED[page]


def comes(page: Page, true: Callable[[], object], what: str) -> None:
    """Wait until something is true that no locator tells of. Looks at each frame, and less often the longer it takes."""
    end, looks = time.monotonic() + 60, 0
    while time.monotonic() < end:
        if true():
            return
        looks += 1
        next_frame(page, min(looks, 6))
    raise AssertionError(f"not within a minute: {what}")


def next_frame(page: Page, count: int = 1) -> None:
    """Wait until the page has drawn: what it does at its next animation frame, or had begun to send, is done."""
    page.evaluate(
        "async (n) => { for (; n > 0; n--) await new Promise((go) => requestAnimationFrame(go)); }", count
    )


# timers of the app's own scripts, until they have come due. Those of Streamlit's are nobody's business. Those of more than
# two seconds do nothing that a hand asked for: they look again whether the server answers, or give an answer up
PLANS = """
window.plans = new Set();
{
  const set = window.setTimeout, clear = window.clearTimeout;
  window.setTimeout = (work, delay, ...more) => {
    if (delay > 2000 || (new Error().stack.split("\\n")[2] ?? "").includes("/static/js/")) return set(work, delay, ...more);
    const plan = set(() => { try { work(...more); } finally { window.plans.delete(plan); } }, delay);
    window.plans.add(plan);
    return plan;
  };
  window.clearTimeout = (plan) => { window.plans.delete(plan); clear(plan); };
}
"""


def plans_done(page: Page) -> None:
    """Wait until whatever the components plan by now has come due or was given up, and the script has answered it.

    A component that tells the script of a hand at rest, or goes on decoding, does so by a timer. What it plans anew
    meanwhile is not waited for, so a timer that renews itself for ever holds nothing up.
    """
    page.wait_for_function(
        "(plans) => plans.every((plan) => !window.plans.has(plan))", arg=page.evaluate("[...window.plans]")
    )
    next_frame(page, 2)
    script_at_rest(page)


# how each element lies and what it says of itself, once a frame
STILL = """
async (elements) => {
  const seen = () => JSON.stringify(elements.map((e) => [e.isConnected, e.getBoundingClientRect(), { ...e.dataset }]));
  for (let same = 0, last = seen(); same < 10; ) {
    await new Promise((go) => requestAnimationFrame(go));
    const now = seen();
    same = now === last ? same + 1 : 0;
    last = now;
  }
}
"""


def stands_still(found: Locator) -> None:
    """Wait until these elements are laid out for good: for ten frames none has moved, grown or been drawn anew."""
    found.evaluate_all(STILL)


def answered(page: Page, part: str) -> None:
    """Wait until no request whose address has this part is under way, and none follows an answer."""

    def idle() -> bool:
        return not any(part in request.url for request in _UNDER_WAY[page])

    def stays_idle() -> bool:
        next_frame(page)
        return idle()

    comes(page, lambda: idle() and stays_idle() and stays_idle(), f"answers of {part}")


def painted(canvas: Locator) -> None:
    """Wait for a first picture. By what is there to be found, which is looked for oftener than an expectation is."""
    canvas.and_(canvas.page.locator('[data-frame]:not([data-frame="0"])')).wait_for(state="attached")


def script_at_rest(page: Page, timeout: float | None = None) -> None:
    """Wait until the script has run to its end."""
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=timeout
    )


def echo_over(page: Page) -> None:
    """Wait until the address that the script wrote last is no echo to it any more, but a link if it comes again."""
    script_at_rest(page)
    written = time.monotonic()
    comes(page, lambda: time.monotonic() - written > ECHO, "the echo is over")


def pen_down(page: Page, pad: Locator, x: float, y: float) -> None:
    """Press on a drawing pad, at shares of its side, once it can be hit there and follows the pen."""
    expect(pad).to_have_attribute("data-ready", "")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    # waits until the pad stands still and nothing, an expander that is opening say, lies over it
    pad.hover(position={"x": x * box["width"], "y": y * box["height"]})
    page.mouse.down()
