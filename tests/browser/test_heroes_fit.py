"""Interpolate, Latent map and β: hero, main control and answer lie in the window, and stay where they are when it moves."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from watch import next_frame, painted, plans_done, script_at_rest, stands_still

Visit = Callable[..., Page]
SIZES = [(1440, 900), (1280, 720)]
PHONE = (390, 844)


def interpolate(page: Page) -> list[Locator]:
    picture = page.get_by_role("img", name="decoded image")
    painted(picture)
    strip = page.get_by_role("group", name="film strip").first
    return [picture, page.get_by_role("slider", name="position"), strip, page.locator(".st-key-path-chart")]


def another_place(page: Page) -> None:
    handle = page.get_by_role("slider", name="position")
    handle.press("Shift+ArrowRight")
    expect(handle).to_have_value("0.6")


def latent_map(page: Page) -> list[Locator]:
    surface = page.get_by_role("img", name="latent map")
    painted(surface)
    return [
        surface,
        page.get_by_role("button", name="Images", exact=True),
        page.locator(".st-key-panel-inspector"),
    ]


def a_chosen_image(page: Page) -> None:
    page.get_by_role("img", name="latent map").press("Enter")
    expect(page.get_by_role("heading", name=re.compile(r"^Image \d+"))).to_be_visible()


def beta(page: Page) -> list[Locator]:
    expect(page.locator(".beta-mark[data-chart=rate-distortion]")).to_be_visible()
    pictures = page.get_by_role("img", name=re.compile("at β"))
    expect(pictures).to_have_count(4)
    cursor = page.get_by_role("slider", name="β cursor")
    return [page.locator(".st-key-rate-distortion"), cursor, *pictures.all()]


def another_beta(page: Page) -> None:
    page.get_by_role("slider", name="β cursor").press("ArrowRight")
    expect(page.get_by_role("img", name=re.compile("at β 8$"))).to_have_count(4)


def compare(page: Page) -> list[Locator]:
    pictures = page.get_by_role("img", name=re.compile("^(reconstructions|interpolations|samples)"))
    expect(pictures).to_have_count(8)
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    return [page.locator(".compare"), page.get_by_role("button", name="Other images"), *pictures.all()]


def other_images(page: Page) -> None:
    samples = page.get_by_role("img", name=re.compile("^samples")).first
    before = samples.get_attribute("src")
    page.get_by_role("button", name="Other images").click()
    expect(samples).not_to_have_attribute("src", str(before))


def why_blurry(page: Page) -> list[Locator]:
    drawn, mean = (
        page.get_by_role("img", name=re.compile(f"^{name}")).first for name in ("drawn by", "mean of")
    )
    expect(mean).to_be_visible()
    return [page.locator(".compare"), page.get_by_role("button", name="Another image"), drawn, mean]


def another_image(page: Page) -> None:
    image = page.get_by_role("img", name="the image", exact=True)
    before = image.get_attribute("src")
    page.get_by_role("button", name="Another image").click()
    expect(image).not_to_have_attribute("src", str(before))
    expect(page.get_by_role("img", name=re.compile("^mean of"))).to_be_visible()


PAGES = {
    "/compare?run=digits-beta8": (compare, other_images),
    "/compare?run=digits-beta8&part=Why%20blurry": (why_blurry, another_image),
    "/interpolate?run=faces": (interpolate, another_place),
    "/map?run=mnist": (latent_map, a_chosen_image),
    "/beta?sweep=digits-beta": (beta, another_beta),
}


def box(part: Locator) -> dict[str, float]:
    found = part.bounding_box()
    assert found, f"{part} is nowhere on the page"
    return dict(found)  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_is_for_lies_in_the_window_and_stays(
    visit: Visit, path: str, width: int, height: int
) -> None:
    parts_of, act = PAGES[path]
    page = visit(path, width=width, height=height)
    script_at_rest(page)
    parts = parts_of(page)
    stands_still(page.locator("canvas, input[type=range], .js-plotly-plot"))
    before = [box(part) for part in parts]
    for part, lies in zip(parts, before, strict=True):
        right, bottom = lies["x"] + lies["width"], lies["y"] + lies["height"]
        within = lies["x"] >= 0 and lies["y"] >= 0 and right <= width and bottom <= height
        assert within, f"{part} lies at {lies}, in a window of {width}×{height}"
    assert max(before[0]["width"], before[0]["height"]) >= 256
    act(page)
    plans_done(page)
    script_at_rest(page)
    next_frame(page)
    for part, lies in zip(parts_of(page), before, strict=True):
        now = box(part)
        assert max(abs(now[side] - lies[side]) for side in ("x", "y")) <= 1, f"{part}: {lies}, then {now}"
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0


@pytest.mark.parametrize("path", ["/interpolate?run=faces", "/map?run=mnist"])
def test_on_a_phone_the_first_thing_to_move_comes_within_one_screen(visit: Visit, path: str) -> None:
    page = visit(path, width=PHONE[0], height=PHONE[1], dark=True)
    script_at_rest(page)
    for part in PAGES[path][0](page)[:2]:
        lies = box(part)
        assert lies["y"] + lies["height"] <= PHONE[1], f"{part} lies at {lies}"
