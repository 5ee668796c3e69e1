"""One entry of the history per rest of the hand, and Back is followed, on the pages that are not Sliders (test_deck.py)."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from servers import Server
from watch import painted, plans_done, script_at_rest

Visit = Callable[..., Page]

# whether the history was kept already when Streamlit opened its socket, before which it can write nothing
EARLY = """
const Usual = window.WebSocket;
window.WebSocket = class extends Usual {
  constructor(...given) {
    window.early ??= Object.hasOwn(history, 'pushState');
    super(...given);
  }
};
"""


def entries(page: Page) -> int:
    return int(page.evaluate("history.length"))


def test_a_page_that_a_link_opens_is_one_entry(visit: Visit, server: Server) -> None:
    page = visit("/")
    script_at_rest(page)
    before = entries(page)
    page.add_init_script(EARLY)
    page.goto(f"{server.url}/sliders?run=faces")
    painted(page.get_by_role("img", name="decoded image"))
    plans_done(page)
    assert "z=" in page.url, "the page wrote where it begins"
    assert entries(page) == before + 1
    assert page.evaluate("window.early"), "kept before Streamlit writes anything"


def test_images_and_selections_of_the_map_are_entries(visit: Visit) -> None:
    page = visit("/map?run=mnist")  # whose images are not here, so that no split is opened for them meanwhile
    surface = page.get_by_role("img", name="latent map")
    painted(surface)
    plans_done(page)
    headed, before = page.get_by_role("heading", name=re.compile(r"^Image \d+")), entries(page)
    titles = []
    for keys in (["Enter"], [*["ArrowRight"] * 6, "Enter"]):
        address = page.url
        for key in keys:
            surface.press(key)
        page.wait_for_url(lambda url, address=address: url != address)  # type: ignore[misc]
        plans_done(page)
        titles.append(headed.inner_text())
    assert titles[0] != titles[1]
    assert entries(page) == before + 2
    page.go_back()
    expect(headed).to_have_text(titles[0])
    page.go_back()
    expect(headed).to_have_count(0)
    expect(page.get_by_text("Click a point to see its image")).to_be_visible()
    page.go_forward()
    expect(headed).to_have_text(titles[0])


def test_the_chart_of_a_path_is_an_entry(visit: Visit) -> None:
    page = visit("/interpolate?run=faces", charts=False)
    painted(page.get_by_role("img", name="decoded image"))
    plans_done(page)
    before, chosen = entries(page), page.get_by_role("combobox", name="Chart", exact=True)
    for name in ("distance to real codes", "probability of smile"):
        chosen.click()
        page.get_by_role("option", name=name, exact=True).click()
        page.wait_for_url(f"**chart={name.split()[0]}**")
        plans_done(page)
    assert entries(page) == before + 2
    for name in ("distance to real codes", "image change"):
        page.go_back()
        expect(chosen).to_have_value(name)
    page.go_forward()
    expect(chosen).to_have_value("distance to real codes")


def test_back_leads_to_where_the_cursor_was_before_it_was_moved(visit: Visit) -> None:
    page = visit("/tune?tuning=β&sweep=digits-beta", charts=False)
    cursor = page.get_by_role("slider", name="β cursor")
    expect(cursor).to_be_visible()
    plans_done(page)
    start, before = cursor.input_value(), entries(page)
    for key in ("ArrowRight", "ArrowRight"):
        address = page.url
        cursor.press(key)
        page.wait_for_url(lambda url, address=address: url != address)  # type: ignore[misc]
        plans_done(page)
    assert entries(page) == before + 2
    for back in (1, 0):
        page.go_back()
        expect(cursor).to_have_value(str(int(start) + back))
    cursor.press("Home")
    page.wait_for_url("**focus=*")
