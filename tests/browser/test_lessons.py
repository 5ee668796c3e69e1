"""Lessons in a real Chromium: every prediction answered, the figures live, a hall, keys, and what is kept of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from watch import asked, script_at_rest

from vae_core.lessons.registry import LESSONS

Visit = Callable[..., Page]
RUN = "digits-vae-2d"
FORGET = "() => localStorage.removeItem('latent-explorer-lessons')"
KNOWN = "() => JSON.parse(localStorage.getItem('latent-explorer-lessons') ?? '{}')"


def opened(visit: Visit, number: int, step: int = 1, **more: object) -> Page:
    size = {key: more.pop(key) for key in ("width", "height", "dark") if key in more}
    query = "".join(f"&{key}={value}" for key, value in more.items())
    page = visit(f"/learn?lesson={number}&step={step}&run={RUN}{query}", **size)
    expect(page.locator(".lesson")).to_have_attribute("data-step", str(step))
    drawn(page)
    return page


def drawn(page: Page) -> None:
    expect(page.locator(".lesson .room > *").first).to_be_attached()
    expect(page.locator(".lesson")).to_have_attribute("data-drawn", re.compile("[1-9]"))


def answer(page: Page, k: int = 0) -> None:
    """Gives an answer and does what brings the truth."""
    page.locator(".answers button").nth(k).click()
    lesson = page.locator(".lesson")
    if lesson.get_attribute("data-state") == "trying":
        reveal, deed = page.locator(".reveal"), page.locator(".deed")
        (reveal if reveal.is_visible() else deed.first).click()
    expect(lesson).to_have_attribute("data-state", "answered")


@pytest.mark.parametrize("number", LESSONS)
def test_a_new_person_goes_through_a_lesson_and_is_told_each_time(visit: Visit, number: int) -> None:
    hall = number % 2 == 0  # of both ways half
    page = opened(visit, number, width=1280, height=720, **({"present": 1} if hall else {}))
    page.evaluate(FORGET)
    for step in range(1, LESSONS[number].screens + 1):
        expect(page.locator(".lesson")).to_have_attribute("data-step", str(step))
        count = int(page.locator(".lesson").get_attribute("data-drawn") or 0)
        answer(page)
        expect(page.locator(".verdict p").first).to_have_text(re.compile("As you said|Not so"))
        expect(page.locator(".answers .truth")).to_have_count(1)
        expect(page.locator(".figure .say")).to_have_text("")
        over = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight - innerHeight")
        assert over <= 0, f"{over} px of screen {step} are below the window"
        if hall:
            hidden = page.locator(".talk").evaluate("talk => talk.scrollHeight - talk.clientHeight")
            assert hidden <= 0, f"{hidden} px of what screen {step} says are to be scrolled to"
        page.locator(".talk .next").click()
        if step < LESSONS[number].screens:
            expect(page.locator(".lesson")).not_to_have_attribute("data-drawn", str(count))
    expect(page.locator(".end")).to_be_visible()
    known = page.evaluate(KNOWN)
    right = sum(given["right"] for given in known.values())
    assert len(known) == LESSONS[number].screens
    expect(page.locator(".end .score")).to_contain_text(f"{right} of them right")
    link = page.locator(".end a").first
    assert RUN in (link.get_attribute("href") or "")
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_a_figure_waits_for_the_guess_and_then_follows_the_hand_without_a_script(visit: Visit) -> None:
    page = opened(visit, 2, 2)
    expect(page.locator(".figure")).to_have_attribute("inert", "")
    page.locator(".answers button").first.click()
    expect(page.locator(".figure")).not_to_have_attribute("inert", "")
    script_at_rest(page)
    before, room = len(asked(page)), page.locator(".room")
    frame = int(room.get_attribute("data-frame") or 0)
    wide = page.get_by_label("σ ×")
    wide.focus()
    wide.press("End")
    expect(room).not_to_have_attribute("data-frame", str(frame))
    expect(page.locator(".lesson")).to_have_attribute("data-state", "answered")  # the deed was done
    assert len(asked(page)) == before, "the script ran while a hand moved"


def test_the_ellipse_is_dragged_to_another_place(visit: Visit) -> None:
    page = opened(visit, 2, 1)
    page.locator(".answers button").first.click()
    slider = page.get_by_label("μ of z", exact=False).first
    before, plane = slider.input_value(), page.locator(".plane").bounding_box()
    assert plane is not None
    page.mouse.move(plane["x"] + plane["width"] / 2, plane["y"] + plane["height"] / 2)
    page.mouse.down()
    page.mouse.move(plane["x"] + plane["width"] / 4, plane["y"] + plane["height"] / 3, steps=3)
    page.mouse.up()
    expect(slider).not_to_have_value(before)


def test_a_hall_has_one_figure_large_type_and_keys(visit: Visit) -> None:
    page = opened(visit, 2, 1, present=1, width=1280, height=720)
    expect(page.get_by_test_id("stSidebar")).not_to_be_visible()
    expect(page.locator(".lesson .text")).not_to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".lesson")).to_have_attribute("data-step", "2")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".lesson")).to_have_attribute("data-step", "1")
    over = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight - innerHeight")
    assert over <= 0, f"{over} px are below the window"
    page.keyboard.press("p")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(page.locator(".lesson .text")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_test_id("stSidebar")).not_to_be_visible()


def test_progress_is_exported_and_forgotten(visit: Visit) -> None:
    page = opened(visit, 2, 5)
    page.evaluate(FORGET)
    answer(page, 1)
    page.get_by_role("button", name="All lessons").click()
    with page.expect_download() as coming:
        page.get_by_role("button", name="Export progress").click()
    found = json.loads(coming.value.path().read_text())
    assert set(found["answers"]) == {"2.5"}
    assert sum(lesson["given"] for lesson in found["lessons"]) == 1
    page.get_by_role("button", name="Forget progress").click()
    expect(page.get_by_role("button", name="Export progress")).to_be_disabled()
    assert page.evaluate(KNOWN) == {}


def test_back_and_forth_between_lessons_and_list(visit: Visit) -> None:
    page = opened(visit, 2, 3)
    page.get_by_role("button", name="All lessons").click()
    expect(page.locator(".card")).to_have_count(len(LESSONS))
    page.get_by_role("button", name="lesson 2", exact=False).click()
    expect(page.locator(".lesson")).to_have_attribute("data-step", "1")
    assert "lesson=2" in page.url
