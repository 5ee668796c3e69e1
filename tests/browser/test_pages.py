"""Every page in a real Chromium: it is drawn, says no error, fits a phone, and asks no other host for anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from watch import asked, next_frame, painted, script_at_rest

PAGES = {
    "/": "Latent Explorer",
    "/train": "Train",
    "/compare": "Compare",
    "/map": "Latent map",
    "/sliders": "Sliders",
    "/interpolate": "Interpolate",
    "/tune": "Tune",
    "/uses": "Uses",
}
RUN = "digits"


@pytest.mark.parametrize("path", PAGES)
def test_page_is_drawn_without_error(visit: Callable[..., Page], path: str) -> None:
    """Wide in the light, and as narrow as a phone in the dark; the keyboard's place in the list of pages is seen."""
    page = visit(f"{path}?run={RUN}")
    ground = page.get_by_test_id("stApp")
    for width, height, colour in ((1440, 900, "rgb(255, 255, 255)"), (390, 844, "rgb(16, 21, 27)")):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="light" if width == 1440 else "dark")
        expect(ground).to_have_css("background-color", colour)
        expect(page.get_by_role("heading", name=PAGES[path], exact=True).first).to_be_visible()
        script_at_rest(page)
        next_frame(page, 2)
        expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        overflow = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth - innerWidth")
        assert overflow <= 0, f"{path} is {overflow} px wider than a screen of {width}"
        if width == 1440:
            link = page.get_by_test_id("stSidebar").get_by_role("link", name="Glossary")
            link.focus()
            page.keyboard.press("Shift+Tab")
            page.keyboard.press("Tab")
            expect(link).to_be_focused()
            expect(link).to_have_css("outline-style", "solid")


def test_home_paints_a_decoded_picture_that_moves(visit: Callable[..., Page]) -> None:
    page = visit("/?run=faces")
    canvas = page.get_by_role("img", name="decoded image")
    expect(canvas).to_be_visible()
    painted(canvas)
    pixels = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    first = canvas.evaluate(pixels)
    assert canvas.evaluate("c => [c.width, c.height]") == [64, 64]
    assert len(set(first)) > 20, "the picture is blank"
    sliders = page.locator(".first_sliders input[type=range]")
    expect(sliders).to_have_count(3)
    asked_before = len(asked(page))
    for slider in sliders.all():
        frame = canvas.get_attribute("data-frame")
        slider.press("End")
        expect(canvas).not_to_have_attribute("data-frame", str(frame))
        assert canvas.evaluate(pixels) != first
        page.get_by_role("button", name="Back to the start").click()
        next_frame(page, 2)
        assert canvas.evaluate(pixels) == first
    page.get_by_role("button", name="Another one").click()
    next_frame(page, 2)
    assert canvas.evaluate(pixels) != first
    assert len(asked(page)) == asked_before, "no script runs"


def test_the_first_page_leads_to_what_one_wants(visit: Callable[..., Page]) -> None:
    page = visit("/?run=digits")
    # the address of Train names the form that a link opens for a moment only
    for door, where, there in (
        ("Show a class", "/sliders?run=faces", page.get_by_role("heading", name="Sliders", exact=True)),
        ("Try my images", "/train?run=", page.get_by_text("Upload a .zip, .npz or .npy")),
    ):
        link = page.get_by_test_id("stMain").get_by_role("link", name=door)
        expect(link).to_be_visible()
        link.click()
        expect(there).to_be_visible()
        assert where in page.url
        script_at_rest(page)
        page.go_back()
        expect(page.get_by_role("heading", name="Latent Explorer", exact=True)).to_be_visible()
        script_at_rest(page)


def test_the_url_says_which_run_and_a_copied_link_opens_it(visit: Callable[..., Page]) -> None:
    page = visit("/sliders?run=shapes")
    script_at_rest(page)
    assert "run=shapes" in page.url
    page.get_by_role("link", name="Latent map").click()
    expect(page.get_by_role("heading", name="Latent map")).to_be_visible()
    assert "/map?run=shapes" in page.url


def test_the_picker_finds_and_opens_a_run(visit: Callable[..., Page]) -> None:
    page = visit("/sliders?run=digits")
    script_at_rest(page)
    page.get_by_test_id("stSidebar").get_by_role("button", name="digits").click()
    search = page.get_by_role("textbox", name="Search runs")
    search.fill("shapes")
    search.press("Enter")
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="shapes").click()
    page.wait_for_url("**run=shapes**")


def test_a_missing_run_is_said_and_the_page_goes_on(visit: Callable[..., Page]) -> None:
    page = visit("/sliders?run=no-such-run")
    expect(page.get_by_text("there is no run 'no-such-run'").first).to_be_visible()
    expect(page.get_by_role("heading", name="Sliders")).to_be_visible()
