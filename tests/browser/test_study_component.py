"""A study of planted trials in Chromium: everything follows one cursor and one selection, and no script runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import synthetic
import synthetic_study
from playwright.sync_api import Browser, Locator, Page, expect
from watch import PLANS, asked, listen

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[str]:
    process, url = synthetic.serve(tmp_path_factory.mktemp("study"), synthetic_study.PAGE)
    yield url
    process.terminate()
    process.wait(20)


@pytest.fixture
def open_study(chromium: Browser, address: str) -> Iterator[Visit]:
    faults: list[str] = []
    with chromium.new_context() as context:
        context.add_init_script(PLANS)

        def open_page(query: str = "", width: int = 1280, height: int = 720) -> Page:
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": height})
            listen(page)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(f"{address}/?{query}")
            expect(page.locator(".study[data-shown]")).to_be_attached()
            return page

        yield open_page
    assert not faults, "\n".join(faults)


def study(page: Page) -> Locator:
    return page.locator(".study")


def drag(page: Page, over: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Between two places given as shares of an element's box."""
    box = over.bounding_box()
    assert box is not None
    for k, (x, y) in enumerate((start, end)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if k == 0:
            page.mouse.down()
    page.mouse.up()


def test_a_cell_shows_the_best_of_its_trials_and_the_card_follows_the_cursor(open_study: Visit) -> None:
    page = open_study("n=24")
    cells = page.locator(".cell[data-trial]:not([data-trial=''])")
    several = page.locator(".cell:has(.badge:not(:empty)):not(.empty)").first
    assert "best of" in (several.get_attribute("aria-label") or "")
    shown = {t["number"]: t for t in synthetic_study.payload(24)["trials"]}
    before = len(asked(page))
    cell = cells.nth(2)
    number = cell.get_attribute("data-trial")
    cell.hover()
    expect(study(page)).to_have_attribute("data-cursor", number or "")
    expect(page.locator(".card")).to_have_attribute("data-trial", number or "")
    expect(page.locator(".card h3")).to_have_text(shown[int(number or -1)]["title"])
    expect(page.locator(f"path.here[data-trial='{number}']")).to_be_attached()
    assert len(asked(page)) == before, "the script runs"


def test_pictures_are_switched_by_hand_and_by_key_and_zoomed(open_study: Visit) -> None:
    page = open_study("n=24")
    image = page.locator(".cell:not(.empty) img").first
    first, one = image.get_attribute("src"), image.bounding_box()
    page.get_by_role("button", name="Samples").click()
    sample = image.get_attribute("src")
    assert sample != first
    page.keyboard.press("r")
    assert image.get_attribute("src") == first
    page.keyboard.press("+")
    whole = image.bounding_box()
    assert one is not None
    assert whole is not None
    cell = page.locator(".cell:not(.empty)").first.bounding_box()
    assert cell is not None
    assert whole["width"] == pytest.approx(cell["width"], abs=2), "the whole sheet is seen"
    assert one["width"] > 1.5 * cell["height"], "one picture of the sheet filled its cell"


def test_a_brush_filters_lines_pictures_and_the_table(open_study: Visit) -> None:
    page = open_study("n=24")
    chart = page.locator("[data-tab=parallel] svg")
    before = len(asked(page))
    line = chart.locator(".coordinate line.axis").first
    drag(page, line, (0.5, 0.02), (0.5, 0.5))
    kept = int(study(page).get_attribute("data-kept") or -1)
    large = [t for t in synthetic_study.payload(24)["trials"] if t["values"]["latent_dim"] >= 8]
    assert 0 < kept < 24
    assert kept == pytest.approx(len(large), abs=1)
    assert chart.locator(".trial.out").count() == 24 - kept
    assert page.locator(".cell.out").count() > 0
    expect(page.locator(".kept")).to_have_text(f"{kept} of 24 trials")
    page.keyboard.press("4")
    page.get_by_role("tab", name="Table").press("4")
    expect(page.locator("tr.out")).to_have_count(24 - kept)
    page.locator(".clear").click()
    expect(page.locator("tr.out")).to_have_count(0)
    assert len(asked(page)) == before, "the script runs"


def test_tabs_by_key_each_with_a_mark_for_every_trial(open_study: Visit) -> None:
    page = open_study("n=24")
    trials = synthetic_study.payload(24)["trials"]
    page.locator(".grid").focus()
    page.keyboard.press("2")
    expect(study(page)).to_have_attribute("data-open", "scatter")
    expect(page.locator("[data-tab=scatter] circle.trial")).to_have_count(24 - sum(t["front"] for t in trials) - sum(t["state"] == "failed" for t in trials))  # fmt: skip
    expect(page.locator("[data-tab=scatter] .front")).to_have_count(sum(t["front"] for t in trials))
    page.keyboard.press("3")
    expect(page.locator("[data-tab=curves] .trial.pruned")).to_have_count(sum(t["state"] == "pruned" for t in trials))  # fmt: skip
    page.get_by_role("tab", name="Curves").press("ArrowRight")
    expect(page.get_by_role("tab", name="Table")).to_be_focused()
    body = page.locator("tbody tr")
    assert body.first.get_attribute("data-trial") == str(synthetic_study.payload(24)["best"])
    page.get_by_role("button", name="trial", exact=True).click()
    assert body.first.get_attribute("data-trial") == "0"
    expect(page.locator("th").first).to_have_attribute("aria-sort", "ascending")


def test_a_box_in_the_scatter_keeps_its_trials(open_study: Visit) -> None:
    page = open_study("n=24")
    page.get_by_role("tab", name="Scatter").click()
    page.get_by_role("tabpanel", name="Scatter").get_by_role("combobox").first.select_option("number elbo")
    drag(page, page.locator("[data-tab=scatter] svg"), (0.11, 0.02), (0.5, 0.8))
    kept = int(study(page).get_attribute("data-kept") or -1)
    assert 0 < kept < 24
    expect(page.locator("[data-tab=scatter] rect.brush")).to_be_visible()
    page.keyboard.press("Escape")
    expect(study(page)).to_have_attribute("data-kept", "24")


def test_keys_alone_choose_a_trial_and_its_card_asks_the_page(open_study: Visit) -> None:
    page = open_study("n=24")
    page.locator(".grid").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowRight"):  # past cells that have no trial
        if not study(page).get_attribute("data-cursor"):
            page.keyboard.press(key)
    number = study(page).get_attribute("data-cursor")
    page.keyboard.press("Enter")
    expect(study(page)).to_have_attribute("data-chosen", number or "")
    page.get_by_role("button", name="Train longer").click()
    expect(page.get_by_text(f"asked longer of {number}, planted-{number}")).to_be_visible()
    expect(study(page)).to_have_attribute("data-chosen", number or "")


def test_crossing_an_empty_cell_moves_nothing_and_draws_no_chart_anew(open_study: Visit) -> None:
    page = open_study("n=24")
    page.get_by_role("tab", name="Table").click()
    sizes = "() => [...document.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? ['.charts', '.card', '.said'].map((at) => e.shadowRoot.querySelector(at)?.getBoundingClientRect().height) : [])"
    row = page.locator("tbody tr").first
    row.evaluate("(row) => { row.planted = true; }")
    here, empty = page.locator(".cell:not(.empty)").first, page.locator(".cell.empty").first
    here.hover()
    expect(study(page)).not_to_have_attribute("data-cursor", "")
    before = page.evaluate(sizes)
    empty.hover()
    expect(study(page)).to_have_attribute("data-cursor", "")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate(sizes) == before
    assert row.evaluate("(row) => row.planted === true"), "the table was drawn anew"


def test_an_empty_cell_says_what_it_waits_for(open_study: Visit) -> None:
    page = open_study("n=6&state=started&fields=1")
    words = page.locator(".cell .words").all_inner_texts()
    assert "training 40 %" in words
    assert "waiting" in words
    page = open_study("n=24&state=failed")
    assert "failed: the loss became NaN at step 40" in page.locator(".cell .words").all_inner_texts()
    page.get_by_role("tab", name="Scatter").click()
    expect(page.locator(".card")).to_contain_text("failed")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_nothing_goes_beyond_the_window(open_study: Visit, width: int, height: int) -> None:
    page = open_study("n=64", width, height)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    right = page.evaluate(
        "Math.max(...[...document.querySelectorAll('*')].flatMap(e => e.shadowRoot ? [...e.shadowRoot.querySelectorAll('.bar > *')] : []).filter(e => e.offsetWidth).map(e => e.getBoundingClientRect().right))"
    )
    assert right <= width
