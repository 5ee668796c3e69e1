"""A page of another site that shows the app in a frame: refused, unless its site was named when the server started."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import BrowserContext, FrameLocator, Page, expect
from servers import Server, serve
from watch import comes

from vae_core.places import Places


@contextmanager
def course() -> Iterator[tuple[str, Callable[[str], None]]]:
    """Another site, whose page shows an address in a frame: its origin, and what sets the address."""
    shown = [""]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(
                f'<h1>Course</h1><iframe src="{shown[0]}" width="1200" height="800"></iframe>'.encode()
            )

        def log_message(self, *said: object) -> None:
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:  # the app is at 127.0.0.1, which to a browser is another site than localhost
        yield f"http://localhost:{site.server_port}", lambda address: shown.__setitem__(0, address)
    finally:
        site.shutdown()
        site.server_close()
        thread.join()


def framed(profile: BrowserContext, origin: str) -> tuple[Page, FrameLocator]:
    page = profile.new_page()
    page.goto(origin)
    expect(page.get_by_role("heading", name="Course")).to_be_visible()
    return page, page.frame_locator("iframe")


def test_no_other_site_shows_the_app(profile: BrowserContext, server: Server) -> None:
    with course() as (origin, show):
        show(f"{server.url}/sliders?run=digits")
        page, _ = framed(profile, origin)
        comes(
            page,
            lambda: len(page.frames) == 2 and page.frames[1].url.startswith("chrome-error:"),
            "the frame is refused",
        )
        page.close()


def test_a_course_shows_the_app_once_it_is_named(profile: BrowserContext, tmp_path: Path) -> None:
    with course() as (origin, show):
        served = serve(Places(tmp_path / "home", tmp_path / "downloads"), tmp_path, "--embed-in", origin)
        try:
            show(f"{served.url}/?run=digits")
            page, frame = framed(profile, origin)
            expect(frame.get_by_role("heading", name="Latent Explorer").first).to_be_visible()
            # an upload too, for which Streamlit asks for a cookie that a frame on another site has not
            frame.get_by_text("Import a run").click()
            frame.locator("input[type=file]").first.set_input_files(
                {"name": "run.zip", "mimeType": "application/zip", "buffer": b"no archive"}
            )
            frame.get_by_role("button", name="Import", exact=True).click()
            expect(frame.get_by_test_id("stAlertContentError")).to_be_visible()
            page.close()
        finally:
            served.stop()
