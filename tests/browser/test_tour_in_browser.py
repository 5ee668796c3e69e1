"""The tour in a real Chromium: five pages by the keyboard, kept in the browser, over nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from watch import script_at_rest

from app.components.tour import STEPS


def test_five_steps_by_the_keyboard_then_called_again(visit: Callable[..., Page]) -> None:
    page = visit("/?run=digits", width=1280, height=720, charts=False)
    tour = page.get_by_role("region", name="tour")
    for i, (view, title, text) in enumerate(STEPS):
        expect(tour).to_contain_text(f"{i + 1} of {len(STEPS)}, {title}.")
        expect(tour).to_contain_text(text)
        if view != "home":
            expect(page).to_have_url(re.compile(f"/{view}\\?"))
        script_at_rest(page)
        box, main = tour.bounding_box(), page.get_by_test_id("stMain").bounding_box()
        assert box
        assert main
        assert box["x"] + box["width"] <= main["x"], "it covers nothing of the page"
        assert box["y"] + box["height"] <= 720, "all of it is in the window"
        tour.get_by_role("button", name="Done" if i == len(STEPS) - 1 else "Next").press("Enter")
    opens = tour.get_by_role("button", name="Tour")
    expect(tour.get_by_role("button", name="Next")).to_have_count(0)
    page.reload()
    expect(opens).to_be_visible()
    expect(opens).to_have_attribute("aria-expanded", "false")
    opens.press("Enter")
    expect(tour).to_contain_text("1 of 5")
    page.keyboard.press("Escape")
    expect(opens).to_be_focused()
    expect(opens).to_have_attribute("aria-expanded", "false")


def test_a_step_outlives_a_reload(visit: Callable[..., Page]) -> None:
    page = visit("/?run=digits", charts=False)
    tour = page.get_by_role("region", name="tour")
    tour.get_by_role("button", name="Next").click()
    expect(tour).to_contain_text("2 of 5")
    script_at_rest(page)
    page.reload()
    expect(tour).to_contain_text("2 of 5")
    tour.get_by_role("button", name="Skip").click()
    assert page.evaluate("localStorage.getItem('latent-explorer-tour')") == "seen"
