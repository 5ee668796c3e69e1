"""A real server on an empty home and a real Chromium. Without Chromium these tests are skipped, unless
LATENT_EXPLORER_BROWSER=required, as in continuous integration: then its absence is a failure.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from servers import CHROMIUM_ARGS, Server, serve
from watch import PLANS, listen

from vae_core.places import Places
from vae_core.runs.store import Store

PATIENCE = 60_000  # milliseconds: machines are noisy, and nothing here is timed

expect.set_options(timeout=PATIENCE)


# the one that is part of the fast tier: a server, a Chromium, a page, a decoder in it
SMOKE = "test_home_paints_a_decoded_picture_that_moves"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.fspath).parents:
            item.add_marker(pytest.mark.browser)
            if item.name != SMOKE:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # the first is Chromium without its own windows, which take a fifth of a page's processor time
    browsers = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, browsers)), None)
    if executable is None:
        if os.environ.get("LATENT_EXPLORER_BROWSER") == "required":
            pytest.fail(
                "the browser tests are required, and there is no Chromium: apt-get install chromium-headless-shell"
            )
        pytest.skip("no Chromium on this machine: the browser tests need one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=[*CHROMIUM_ARGS, "--process-per-site"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Server]:
    """One server for all tests; its home begins empty, and its working directory is none of ours."""
    home = tmp_path_factory.mktemp("home")
    places = Places(home, home / "downloads")
    found = serve(places, tmp_path_factory.mktemp("elsewhere"))
    yield found
    found.stop()
    for run in Store(places).own():  # runs outlive their server
        if run.status().live:
            run.request("stop")


@pytest.fixture(scope="session")
def profile(chromium: Browser) -> Iterator[BrowserContext]:
    """One profile for all tests: the browser keeps what it has fetched and compiled of the app's scripts."""
    with chromium.new_context(accept_downloads=True) as context:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(PLANS)
        yield context


@pytest.fixture(scope="session")
def anteroom(profile: BrowserContext, server: Server) -> Page:
    """A page of the server that stays open, so that its process, with all it has compiled, serves the tests' pages."""
    page = profile.new_page()
    page.goto(f"{server.url}/healthz")
    return page


@pytest.fixture
def visit(
    profile: BrowserContext, anteroom: Page, server: Server, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Open a path, with nothing kept from another test's pages but scripts.

    `charts=False` leaves Streamlit's plotly charts blank: a test that looks at none need not wait for the half of a page's
    processor time that they take. Fails the test when the page threw or asked another host for anything.
    """
    faults: list[str] = []
    pages = []

    def open_page(
        path: str = "/", *, width: int = 1440, height: int = 900, dark: bool = False, charts: bool = True
    ) -> Page:
        page = profile.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        listen(page)
        page.on("pageerror", lambda error: faults.append(f"script error on {path}: {error}"))

        def asked(asking: object) -> None:
            url = asking.url  # type: ignore[attr-defined]
            if not url.startswith((server.url, server.url.replace("http", "ws"), "data:", "blob:")):
                faults.append(f"{path} asked another host: {url}")

        if not charts:
            _leave_blank(page)
        page.on("request", asked)
        page.on("websocket", asked)
        page.goto(server.url + path)
        return page

    _forget(anteroom, server.url)
    yield open_page
    for page in pages:
        page.close()
    assert not faults, "\n".join(faults)


NO_CHART = b"export const PlotlyChart = () => null; export default PlotlyChart;"


def _leave_blank(page: Page) -> None:
    """By the browser's own protocol: playwright's routes would switch the cache off."""
    session = page.context.new_cdp_session(page)

    def paused(event: dict[str, Any]) -> None:
        session.send("Fetch.fulfillRequest", {
            "requestId": event["requestId"], "responseCode": 200, "body": base64.b64encode(NO_CHART).decode(),
            "responseHeaders": [{"name": "content-type", "value": "text/javascript"}],
        })  # fmt: skip

    session.on("Fetch.requestPaused", paused)
    session.send("Fetch.enable", {"patterns": [{"urlPattern": "*/PlotlyChart.*.js"}]})


def _forget(page: Page, origin: str) -> None:
    """Leave nothing of what earlier pages stored. A page's own session storage went with it."""
    kept = "cookies,local_storage,indexeddb,service_workers"
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": kept})
    session.detach()
