"""The slider over finished results on Uses: pictures, chart and table follow the hand, and no script runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from watch import asked, script_at_rest

Visit = Callable[..., Page]


@pytest.fixture
def denoise(visit: Visit) -> Page:
    page = visit("/uses?run=mnist&use=Denoise", width=1280, height=720)
    expect(page.locator(".scrub img").first).to_be_visible()
    script_at_rest(page)
    return page


def test_everything_follows_the_hand_and_no_script_runs(denoise: Page) -> None:
    page = denoise
    scrub, handle = page.locator(".scrub"), page.locator(".scrub input[type=range]")
    before = int(scrub.get_attribute("data-stop") or -1)
    said = page.locator(".scrub output").inner_text()
    noisy, clean = page.get_by_role("img", name="noisy image"), page.get_by_role("img", name="clean image")
    pictures = [noisy.get_attribute("src"), clean.get_attribute("src")]
    cursor, cells = (
        page.locator(".scrub .cursor").get_attribute("x1"),
        page.locator(".scrub table").inner_text(),
    )
    runs = len(asked(page))
    drag = "(input, stop) => { input.value = String(stop); input.dispatchEvent(new Event('input')); }"
    handle.evaluate(drag, before + 1)
    expect(scrub).to_have_attribute("data-stop", str(before + 1))
    assert page.locator(".scrub output").inner_text() != said
    assert handle.get_attribute("aria-valuetext") == page.locator(".scrub output").inner_text()
    assert noisy.get_attribute("src") != pictures[0], "more noise"
    assert clean.get_attribute("src") == pictures[1], "one picture for all stops"
    assert float(page.locator(".scrub .cursor").get_attribute("x1") or 0) > float(cursor or 0)
    assert page.locator(".scrub table").inner_text() != cells
    handle.press("Home")
    expect(scrub).to_have_attribute("data-stop", "0")
    handle.press("ArrowRight")
    expect(scrub).to_have_attribute("data-stop", "1")
    assert len(asked(page)) == runs, "no script runs, neither while it moves nor when it rests"


def test_the_chart_draws_a_line_for_each_method_with_its_band(denoise: Page) -> None:
    chart = denoise.locator(".scrub svg")
    lines = chart.locator("polyline").count()
    assert lines >= 6
    assert denoise.locator(".scrub .legend span").count() == lines
    assert chart.locator("polygon").count() == lines, "every method has its interval"
    assert chart.get_attribute("aria-label")


def test_another_tab_begins_at_its_own_stop(denoise: Page) -> None:
    handle = denoise.locator(".scrub input[type=range]")
    handle.press("End")
    denoise.get_by_text("Represent", exact=True).click()
    expect(denoise.get_by_role("img", name="nearest by code")).to_be_visible()
    script_at_rest(denoise)
    stop, last = (
        denoise.locator(".scrub").get_attribute("data-stop"),
        denoise.locator(".scrub input").get_attribute("max"),
    )
    assert int(stop or -1) < int(last or 0), "where its results say, not where the hand was"
