"""The QR code of a view, on a server that visitors may only look at."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect
from servers import serve

from vae_core.places import Places


def test_the_code_of_the_view_is_drawn_and_names_it(chromium: Browser, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = serve(
        Places(home, home / "downloads"), tmp_path, "--look-only", "--origin", "http://lab.example:8501"
    )
    try:
        with chromium.new_context() as context:
            page = context.new_page()
            page.goto(f"{server.url}/glossary?word=rate")
            page.get_by_role("button", name="Follow me").click()
            code = page.get_by_role("img", name="QR code of this view")
            expect(code).to_be_visible()
            assert code.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
            expect(page.get_by_text("http://lab.example:8501/glossary?word=rate")).to_be_visible()
    finally:
        server.stop()
