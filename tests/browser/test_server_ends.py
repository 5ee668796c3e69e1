"""What a page says when its server has ended, and that it goes on when the server is there again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from servers import Server, serve
from watch import comes, listen, painted, script_at_rest

from vae_core.places import Places


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may end."""
    found = serve(Places(tmp_path / "home", tmp_path / "downloads"), tmp_path)
    yield found
    found.stop()


@pytest.fixture
def page(profile: BrowserContext) -> Iterator[Page]:
    page = profile.new_page()
    listen(page)
    yield page
    page.close()


def test_a_server_that_ended_is_told_with_what_starts_it_again(
    mortal: Server, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{mortal.url}/sliders?run=faces")
    painted(page.locator("canvas").first)
    script_at_rest(page)
    mortal.process.kill()
    mortal.process.wait()
    said = page.get_by_role("alert").filter(has_text="Latent Explorer has ended")
    expect(said).to_be_visible()
    port = mortal.url.rsplit(":", 1)[1]
    expect(said.locator("code")).to_have_text(
        f"latent-explorer --port {port} --home {mortal.places.home} --data-dir {mortal.places.data_dir}"
    )
    expect(said).to_contain_text("Nothing is lost")
    # Streamlit's own question comes when its first attempt has failed, and is not seen
    asked = page.get_by_role("dialog", include_hidden=True).filter(has_text="Streamlit")
    asked.wait_for(state="attached")
    expect(asked).to_be_hidden()
    expect(page.get_by_text("connected to the internet")).not_to_be_visible()

    again = serve(mortal.places, tmp_path, port=int(port))
    mortal.process = again.process  # for the fixture to end
    expect(said).to_be_hidden()
    # a click reaches the script of the new server
    comes(
        page, lambda: page.get_by_test_id("stConnectionStatus").count() == 0, "Streamlit has connected again"
    )
    page.get_by_role("link", name="Latent map").click()
    expect(page.get_by_role("heading", name="Latent map")).to_be_visible()
