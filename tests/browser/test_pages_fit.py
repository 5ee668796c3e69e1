"""What a page is for is seen and worked without scrolling, on a laptop and on a projector, and nothing jumps.

A row of PAGES names a page's hero, its main control and its answer; `act` moves the control and waits for the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect
from servers import Server
from watch import next_frame, painted, plans_done, script_at_rest, stands_still

from vae_core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from vae_core.runs.store import Store

Visit = Callable[..., Page]
Find = Callable[[Page], Locator]

SIZES = [(1440, 900), (1280, 720)]
PHONE = (390, 844)
EDGE = 48  # pixels that may be left free on either side, at most
ROUNDING = 1.0  # pixels


@dataclass(frozen=True)
class Fits:
    """A page: where it lies, what must lie in the window, and how its main control is moved.

    `ready` waits until the page shows what it is for; `act` moves the control and waits until the answer has followed.
    """

    path: str
    hero: Find
    control: Find
    answer: Find
    ready: Callable[[Page], None]
    act: Callable[[Page], None]

    def parts(self, page: Page) -> dict[str, Locator]:
        return {"hero": self.hero(page), "control": self.control(page), "answer": self.answer(page)}


def named(role: str, name: str) -> Find:
    return lambda page: page.get_by_role(role, name=name).first  # type: ignore[arg-type]


def first(selector: str) -> Find:
    return lambda page: page.locator(selector).first


picture = named("img", "decoded image")


def frames(page: Page) -> int:
    return int(picture(page).get_attribute("data-frame") or 0)


def moved(control: Find) -> Callable[[Page], None]:
    """Move a slider by a key, until the picture is another."""

    def act(page: Page) -> None:
        before = frames(page)
        control(page).press("ArrowRight")
        control(page).press("ArrowRight")
        expect(picture(page)).not_to_have_attribute("data-frame", str(before))
        plans_done(page)

    return act


def deck_ready(page: Page) -> None:
    painted(picture(page))
    expect(page.locator("[data-n=percentile]")).not_to_have_text("–")


slider, first_slider = first(".sliders input[type=range]"), first(".first_sliders input[type=range]")

epochs = first("[aria-label='epoch of the pictures']")


def curves_ready(page: Page) -> None:
    expect(page.locator("[data-chart=loss] .nsewdrag").first).to_be_attached()
    expect(page.locator("[data-strip=traversal] img")).to_be_visible()
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")


def another_epoch(page: Page) -> None:
    shown = page.locator("[data-strip=reconstructions] img")
    before = shown.get_attribute("src")
    epochs(page).press("ArrowLeft")
    expect(shown).not_to_have_attribute("src", str(before))


PAGES = {
    "home": Fits(
        "/?run=faces", picture, first_slider, named("link", "Show a class"),
        lambda page: painted(picture(page)), moved(first_slider),
    ),
    "sliders": Fits("/sliders?run=faces", picture, slider, first("[data-n=near]"), deck_ready, moved(slider)),
    "train": Fits(
        "/train?run=digits-beta20", first("[data-strip=reconstructions] img"), epochs, first("[data-chart=loss]"),
        curves_ready, another_epoch,
    ),
}  # fmt: skip


def opened(visit: Visit, fits: Fits, width: int, height: int, *, dark: bool = False) -> Page:
    page = visit(fits.path, width=width, height=height, dark=dark)
    script_at_rest(page)
    fits.ready(page)
    stands_still(page.locator("h1, canvas, [role=slider], input[type=range]"))
    return page


Box = dict[str, float]


def boxes(page: Page, fits: Fits) -> dict[str, Box]:
    found: dict[str, Box] = {}
    for name, part in fits.parts(page).items():
        box = part.bounding_box()
        assert box, f"the {name} is nowhere on the page"
        found[name] = dict(box)  # type: ignore[arg-type]
    return found


def scrolled(page: Page) -> float:
    return float(page.get_by_test_id("stMain").evaluate("main => main.scrollTop"))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_seen_and_worked_without_scrolling(
    visit: Visit, name: str, width: int, height: int
) -> None:
    fits = PAGES[name]
    page = opened(visit, fits, width, height)
    for part, box in boxes(page, fits).items():
        right, bottom = box["x"] + box["width"], box["y"] + box["height"]
        within = box["x"] >= 0 and box["y"] >= 0 and right <= width and bottom <= height
        assert within, f"the {part} lies at {box}, in a window of {width}×{height}"
    assert scrolled(page) == 0


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_jumps_when_it_updates(visit: Visit, name: str, width: int, height: int) -> None:
    fits = PAGES[name]
    page = opened(visit, fits, width, height)
    before = boxes(page, fits)
    fits.act(page)
    script_at_rest(page)
    next_frame(page)
    after = boxes(page, fits)
    for part, box in before.items():
        away = max(abs(after[part][side] - box[side]) for side in ("x", "y"))
        assert away <= ROUNDING, f"the {part} went from {box} to {after[part]}"
    assert scrolled(page) == 0


@pytest.mark.parametrize("name", PAGES)
def test_the_windows_width_is_used(visit: Visit, name: str) -> None:
    page = opened(visit, PAGES[name], *SIZES[0])
    edges = page.get_by_test_id("stMainBlockContainer").evaluate("""block => {
      const style = getComputedStyle(block), box = block.getBoundingClientRect();
      const sidebar = document.querySelector('[data-testid=stSidebar]').getBoundingClientRect();
      return [box.left + parseFloat(style.paddingLeft) - sidebar.right,
              innerWidth - box.right + parseFloat(style.paddingRight)];
    }""")
    assert all(0 <= edge <= EDGE for edge in edges), edges


@pytest.mark.parametrize("name", ["sliders"])
def test_on_a_phone_the_first_control_comes_within_one_screen(visit: Visit, name: str) -> None:
    page = opened(visit, PAGES[name], *PHONE, dark=True)
    for part, box in boxes(page, PAGES[name]).items():
        if part != "answer":
            assert box["y"] + box["height"] <= PHONE[1], f"the {part} lies at {box}"


LIVE = ("dl.numbers", "[data-chart=loss]", "[data-chart=terms]", "[data-chart=kl]", "[data-strip=originals]",
        "[data-strip=reconstructions]", "[data-strip=samples]", "[data-strip=traversal]", ".tools")  # fmt: skip


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_run_is_seen_whole_while_it_learns(visit: Visit, server: Server, width: int, height: int) -> None:
    config = RunConfig(
        DataConfig("digits", side=16), ModelConfig("mlp", 4),  # type: ignore[arg-type]
        training=TrainingConfig(epochs=5000, precision="float32"),
    )  # fmt: skip
    page = visit("/train?run=faces", width=width, height=height)
    run = Store(server.places).create(config, f"seen-whole-{height}")
    try:
        page.goto(f"{server.url}/train?run={run.id}")
        curves_ready(page)
        expect(page.locator(".live .state")).to_have_text("running")
        for what in [page.locator(f".live {one}") for one in LIVE] + [
            page.get_by_role("button", name=name, exact=True) for name in ("Pause", "Stop")
        ]:
            box = what.bounding_box()
            assert box
            assert box["width"] > 40
            assert box["height"] > 15
            inside = box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
            assert inside, f"{what} lies at {box}"
        assert scrolled(page) == 0
    finally:
        run.request("stop")


@pytest.mark.parametrize(
    ("path", "word", "means"),
    [
        ("/sliders?run=faces", "percentile", "Of codes of real images"),
        ("/train?run=faces", "rate", "KL"),
        ("/?run=faces", "code", "the few numbers"),
    ],
)
def test_a_word_of_the_field_is_explained_by_press_and_by_key(
    visit: Visit, path: str, word: str, means: str
) -> None:
    page = visit(path)
    script_at_rest(page)
    opens = page.locator("button.word", has_text=word).first
    meaning = page.locator(".meaning:popover-open")
    opens.click()
    expect(meaning).to_contain_text(means, ignore_case=True)
    box = meaning.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1440
    page.keyboard.press("Escape")
    expect(meaning).to_have_count(0)
    opens.press("Enter")
    expect(meaning).to_be_visible()


@pytest.mark.parametrize("name", ["train", "sliders", "home"])
def test_a_page_says_in_one_line_what_one_can_do_and_what_its_words_mean(visit: Visit, name: str) -> None:
    page = opened(visit, PAGES[name], *SIZES[1])
    head = page.locator(".st-key-page-title")
    assert page.locator(".st-key-page-title [data-testid=stCaptionContainer]").inner_text()
    box = head.bounding_box()
    assert box
    assert box["height"] < 60, "in one line"
    head.get_by_role("button", name="Words").press("Enter")
    expect(page.get_by_test_id("stPopoverBody").get_by_text("code:").first).to_be_visible()
