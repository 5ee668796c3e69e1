"""Browsers without workers, with storage blocked, or at the end of a slow network: each page works, or says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect
from servers import Server
from test_pages import PAGES
from watch import listen, script_at_rest

NO_WORKER = "delete window.Worker; delete window.SharedWorker;"
# as browsers do where cookies and the like are blocked
NO_STORAGE = """
for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) {
  Object.defineProperty(window, name, {get() { throw new DOMException('access is denied', 'SecurityError'); }});
}
"""
PAINTED = {"/", "/map", "/sliders", "/interpolate"}  # whose first picture is a canvas of ours


@contextmanager
def poor(chromium: Browser, script: str) -> Iterator[Callable[[str], Page]]:
    """Open pages in a profile of its own in which `script` runs before any other; fails where one threw."""
    faults: list[str] = []
    with chromium.new_context() as context:
        context.set_default_timeout(60_000)
        context.add_init_script(script)

        def opened(address: str) -> Page:
            page = context.new_page()
            listen(page)
            page.on("pageerror", lambda error: faults.append(f"{address}: {error}"))
            page.goto(address)
            return page

        yield opened
    assert not faults, "\n".join(faults)


def picture(page: Page) -> None:
    """Wait until one of the page's pictures is painted."""
    page.locator('[data-frame]:not([data-frame="0"])').first.wait_for(state="attached")


def works(page: Page, path: str) -> None:
    expect(page.get_by_role("heading", name=PAGES[path], exact=True).first).to_be_visible()
    if path in PAINTED:
        picture(page)
    script_at_rest(page)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_every_page_works_with_less(chromium: Browser, server: Server) -> None:
    with poor(chromium, NO_WORKER + NO_STORAGE) as opened:
        for path in PAGES:
            page = opened(f"{server.url}{path}?run=faces")
            works(page, path)
            if path == "/sliders":
                expect(page.get_by_text("This browser has no module workers")).to_be_visible()
            page.close()
        page = opened(f"{server.url}/tune?tuning=β&look=dial&dial-run=digits-dial")
        picture(page)
        script_at_rest(page)


def test_over_a_slow_network_a_page_says_what_it_waits_for(chromium: Browser, server: Server) -> None:
    with poor(chromium, "") as opened:
        page = opened(f"{server.url}/sliders?run=digits")  # what every page loads is in the browser's cache
        picture(page)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 400, "downloadThroughput": 62_500, "uploadThroughput": 62_500},
        )
        page.goto(f"{server.url}/sliders?run=faces")
        expect(page.get_by_text("MB are on their way")).to_be_visible()
        picture(page)
        expect(page.get_by_text("MB are on their way")).to_have_count(0)
        works(page, "/sliders")
        expect(page.locator("#server-ended")).to_have_count(0)
