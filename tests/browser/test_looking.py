"""The decoder that runs in the page, and the sweep, in a real Chromium."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from helpers import until
from playwright.sync_api import Locator, Page, expect
from servers import Server
from watch import asked, comes, echo_over, script_at_rest, stands_still

from app.components import module_url
from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.errors import RunBusy
from vae_core.inference import LoadedModel, load_run
from vae_core.places import assets
from vae_core.runs.record import FINISHED, QUEUED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep


@pytest.fixture(scope="module", params=["mlp", "conv"])
def trained(request: pytest.FixtureRequest, server: Server) -> Run:
    """A run of a few steps in the server's home, for either network."""
    config = RunConfig(
        DataConfig("digits", side=16, limit=200),
        ModelConfig(request.param, 5),
        ObjectiveConfig("vae"),
        TrainingConfig(epochs=2, precision="float32"),
    )
    run = Store(server.places).create(config, f"looked-at-{request.param}")
    assert train_run(run, server.places).state == FINISHED
    return run


# as bytes in base64: written as numbers a batch of pictures is megabytes of text
DECODE = """
async ([url, run, codes]) => {
  const tools = await import(url);
  const decoder = await tools.loadDecoder(run), size = decoder.height * decoder.width * decoder.channels;
  const found = new Float32Array(codes.length * size);
  codes.forEach((code, k) => found.set(decoder.decode(code), k * size));
  return await new Promise((read) => {
    const reader = new FileReader();
    reader.onload = () => read(reader.result.split(',')[1]);
    reader.readAsDataURL(new Blob([found]));
  });
}
"""


def decoded(visit: Callable[..., Page], run: Run, model: LoadedModel, codes: np.ndarray) -> np.ndarray:
    """Codes (N, D) as a browser decodes them: (N, C, H, W). On a page that has nothing else to do."""
    page = visit("/healthz")
    found = np.frombuffer(
        base64.b64decode(page.evaluate(DECODE, [module_url("shared/decoder.js"), run.id, codes.tolist()])),
        "<f4",
    )
    channels, height, width = model.shape
    return found.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("shipped", sorted(p.name for p in (assets() / "pretrained").iterdir() if p.is_dir()))
def test_browser_and_torch_decode_alike(visit: Callable[..., Page], server: Server, shipped: str) -> None:
    run = Store(server.places).find(shipped)
    model = load_run(run)
    codes = np.random.default_rng(0).standard_normal((100, model.latent_dim)).astype(np.float32) * 1.5
    assert np.abs(decoded(visit, run, model, codes) - model.decode(codes)).max() < 1e-4


def test_either_network_is_decoded_alike(visit: Callable[..., Page], trained: Run) -> None:
    model = load_run(trained)
    codes = np.random.default_rng(1).standard_normal((20, model.latent_dim)).astype(np.float32)
    found = decoded(visit, trained, model, codes)
    assert found.shape == (20, 1, 16, 16)
    assert np.abs(found - model.decode(codes)).max() < 1e-4


# ---------------------------------------------------------------- the sweep and its cursor

BETAS = ["0.3", "1", "3", "8", "20"]  # of the shipped sweep
CHARTS = {  # by tab; once it is measured, one more
    "At the cursor": ["rate-distortion"], "Other charts": ["elbo", "active", "kl-over-beta"], "All pictures": [],
}  # fmt: skip


def swept(visit: Callable[..., Page], more: str = "", **size: int) -> Page:
    page = visit(f"/tune?tuning=β&sweep=digits-beta{more}", **size)
    expect(mark(page, "rate-distortion")).to_be_visible()
    script_at_rest(page)
    return page


def turn_to(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()
    for key in CHARTS[tab]:
        expect(mark(page, key)).to_be_visible()
    stands_still(page.locator(".js-plotly-plot, .beta-mark"))


def shown_at_the_cursor(page: Page, beta: str) -> None:
    """Of the one β, and of no other, all four pictures stand beside the curve."""
    found = page.get_by_role("img", name=re.compile("at β"))
    expect(found).to_have_count(4)
    expect(page.get_by_role("img", name=re.compile(f"at β {beta}$"))).to_have_count(4)


def cursor(page: Page) -> Locator:
    return page.get_by_role("slider", name="β cursor")


def heading(page: Page, beta: str) -> Locator:
    return page.get_by_role("columnheader", name=f"β {beta}", exact=True).get_by_role("button")


def mark(page: Page, key: str) -> Locator:
    return page.locator(f".beta-mark[data-chart={key}]")


def middle(box: dict[str, float]) -> np.ndarray:
    return np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])


# where plotly itself drew the n-th β of a chart
DRAWN = """
([key, n]) => {
  const chart = document.querySelector(`.st-key-${key} .js-plotly-plot`), lines = chart._fullData.filter((t) => t.mode?.includes('lines+markers'));
  const found = key === 'kl-over-beta' ? chart.querySelectorAll('.xtick text')[n]
    : [...chart.querySelectorAll('.scatterlayer .trace')].map((t) => t.querySelectorAll('.points path')).find((all) => all.length === lines[0].x.length)[n];
  const { x, y, width, height } = found.getBoundingClientRect();
  return { x, y, width, height };
}
"""


def marks_stand_at(page: Page, beta: str) -> None:
    n = BETAS.index(beta)
    for key in CHARTS[page.get_by_role("tab", selected=True).inner_text()]:
        expect(mark(page, key)).to_have_attribute("data-beta", beta)
        expect(mark(page, key)).to_be_visible()  # while a chart is drawn anew it has none
        comes(page, lambda key=key: stands_at(page, key, n), f"the mark of {key} stands at β {beta}")


def stands_at(page: Page, key: str, n: int) -> bool:
    """Whether the mark lies where plotly drew its point; a chart that is being laid out has it elsewhere for a moment."""
    there, here = middle(page.evaluate(DRAWN, [key, n])), mark(page, key).bounding_box()
    assert here
    both = np.abs(middle(here) - there) < 1.5
    return bool(both.all() if key == "rate-distortion" else both[0])


def matrix(page: Page) -> np.ndarray:
    """(rows, columns, [top, width]) of the pictures, all of which are there."""
    found = page.get_by_role("region", name="pictures side by side").locator("img")
    expect(found).to_have_count(4 * 5)
    comes(
        page,
        lambda: found.evaluate_all("all => all.every((i) => i.complete && i.naturalWidth > 0)"),
        "all are fetched",
    )
    stands_still(found)
    boxes = found.evaluate_all(
        "all => all.map((i) => i.getBoundingClientRect()).map((b) => [b.top, b.width])"
    )
    return np.array(boxes).reshape(4, 5, 2)


def test_the_shipped_sweep_is_shown_and_its_cursor_moves_everything(visit: Callable[..., Page]) -> None:
    page = swept(visit)
    chart = page.locator(".js-plotly-plot").first
    # while it is drawn anew it has no data
    comes(
        page, lambda: chart.evaluate("d => !!d._fullData?.some((t) => t.name === 'the sweep')"), "the curve"
    )
    rates = chart.evaluate("d => [...d._fullData.find((t) => t.name === 'the sweep').x]")
    assert len(rates) == 5
    assert rates == sorted(rates, reverse=True), "a larger beta takes rate away"
    shown_at_the_cursor(page, "3")
    turn_to(page, "All pictures")
    expect(page.get_by_role("img", name=re.compile("^samples at β"))).to_have_count(5)
    for row in matrix(page):
        assert np.ptp(row[:, 0]) < 2, "the pictures of a row stand level"
        assert row[2, 1] > 2 * row[[0, 1, 3, 4], 1].max(), "the cursor's column, in the middle, is enlarged"
    turn_to(page, "At the cursor")
    the_cursor_moves_everything_and_nothing_is_rerun(page)


def the_cursor_moves_everything_and_nothing_is_rerun(page: Page) -> None:
    """From β 3."""
    marks_stand_at(page, "3")
    before = len(asked(page))
    # from within the page, so that no pause lies between two moves of the hand, however busy the machine is
    cursor(page).evaluate(
        "(e) => { for (const at of [0, 4, 1, 2, 3]) { e.value = at; e.dispatchEvent(new Event('input', {bubbles: true})); } }"
    )
    marks_stand_at(page, "8")
    shown_at_the_cursor(page, "8")
    turn_to(page, "Other charts")
    marks_stand_at(page, "8")
    turn_to(page, "All pictures")
    assert np.argmax(matrix(page)[0, :, 1]) == 3
    expect(heading(page, "8")).to_have_attribute("aria-current", "true")
    turn_to(page, "At the cursor")
    rate = page.locator(".js-plotly-plot").first.evaluate(
        "d => d._fullData.find((t) => t.name === 'the sweep').x[3].toFixed(1)"
    )
    expect(cursor(page)).to_have_attribute("aria-valuetext", re.compile(rf"^β 8, rate {rate}, distortion"))
    page.wait_for_url(re.compile("focus=8"))
    script_at_rest(page)
    assert len(asked(page)) == before + 1, "the address is told once, when the hand rests"
    cursor(page).press("End")
    marks_stand_at(page, "20")
    page.wait_for_url(re.compile("focus=20"))
    echo_over(page)
    page.go_back()
    marks_stand_at(page, "8")  # as the address says


def the_mark_goes_with_a_chart_that_is_zoomed(page: Page) -> None:
    """At β 1: the mark stays on its point, and is not there where its point is beyond what is shown."""
    chart = page.locator(".st-key-rate-distortion .nsewdrag").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box
    x, y = middle(page.evaluate(DRAWN, ["rate-distortion", 1]))
    page.mouse.move(x - box["width"] / 5, max(y - box["height"] / 5, box["y"] + 2))
    page.mouse.down()
    page.mouse.move(x, y, steps=4)
    end = x + box["width"] / 6, min(y + box["height"] / 6, box["y"] + box["height"] - 2)
    page.mouse.move(*end, steps=4)
    before = mark(page, "rate-distortion").bounding_box()
    page.mouse.up()
    comes(page, lambda: mark(page, "rate-distortion").bounding_box() != before, "the mark moves")
    marks_stand_at(page, "1")
    cursor(page).press("End")
    expect(mark(page, "rate-distortion")).to_have_count(1)
    expect(mark(page, "rate-distortion")).to_be_hidden()  # beyond what the chart shows now


def test_a_click_on_a_chart_or_a_column_moves_the_cursor(visit: Callable[..., Page]) -> None:
    page = swept(visit, "&focus=1")
    marks_stand_at(page, "1")
    the_mark_goes_with_a_chart_that_is_zoomed(page)
    page.locator(".st-key-rate-distortion .nsewdrag").first.dblclick()  # the whole chart again
    expect(mark(page, "rate-distortion")).to_be_visible()
    stands_still(page.locator(".js-plotly-plot, .beta-mark"))
    for key, n in (("elbo", 0), ("rate-distortion", 4), ("kl-over-beta", 1)):
        turn_to(page, next(tab for tab, keys in CHARTS.items() if key in keys))
        page.locator(f".st-key-{key}").scroll_into_view_if_needed()
        x, y = middle(page.evaluate(DRAWN, [key, n]))
        # into the column above the tick
        page.mouse.click(x, y - (60 if key == "kl-over-beta" else 0))
        marks_stand_at(page, BETAS[n])
    turn_to(page, "All pictures")
    heading(page, "20").click()
    turn_to(page, "At the cursor")
    marks_stand_at(page, "20")
    page.get_by_role("link", name="Sliders", exact=True).nth(-1).click()
    page.wait_for_url(re.compile(r"/sliders\?.*run=digits-beta"))
    expect(page.get_by_role("heading", name="Sliders")).to_be_visible()


def test_marks_go_with_charts_that_are_drawn_anew_and_leave_with_the_page(visit: Callable[..., Page]) -> None:
    page = swept(visit, "&focus=8")
    marks_stand_at(page, "8")
    first = page.locator(".st-key-rate-distortion .js-plotly-plot").element_handle()
    page.get_by_role("combobox", name="Trajectory of").click()
    page.get_by_role("option", name="digits-beta0.3", exact=True).click()
    expect(page.get_by_text("trajectory of digits-beta0.3, validation images")).to_be_visible()
    script_at_rest(page)
    assert not first.evaluate("c => c.isConnected"), "it is another chart now"
    marks_stand_at(page, "8")
    page.set_viewport_size({"width": 900, "height": 800})
    page.emulate_media(color_scheme="dark")
    comes(
        page,
        lambda: page.locator(".st-key-rate-distortion").bounding_box()["width"] < 480,
        "the chart is narrower",
    )  # type: ignore[index]
    stands_still(page.locator(".js-plotly-plot, .beta-mark"))
    marks_stand_at(page, "8")
    expect(mark(page, "rate-distortion")).to_have_count(1)
    page.get_by_role("radio", name="dial").or_(
        page.get_by_role("button", name="dial", exact=True)
    ).first.click()
    expect(page.locator(".dial")).to_be_visible()
    expect(page.locator(".beta-mark")).to_have_count(0)
    assert page.get_by_test_id("stMain").evaluate("m => m.style.scrollPaddingTop") == ""


def test_the_cursor_stays_in_sight_and_the_matrix_scrolls_by_itself_on_a_phone(
    visit: Callable[..., Page],
) -> None:
    page = swept(visit, width=390, height=844)
    turn_to(page, "All pictures")
    sheet = page.get_by_role("region", name="pictures side by side")
    sheet.scroll_into_view_if_needed()
    page.get_by_role("img", name="traversals at β 3").scroll_into_view_if_needed()
    cursor(page).click(
        position={"x": 355, "y": 10}
    )  # within reach: nothing scrolls to it, nothing lies over it
    expect(heading(page, "20")).to_have_attribute("aria-current", "true")
    sheet.evaluate("s => s.scrollIntoView({ block: 'start' })")
    expect(heading(page, "20")).to_be_in_viewport(ratio=0.9)  # and below the cursor, which stays above
    assert sheet.evaluate("s => s.scrollLeft > 0 && s.scrollWidth > s.clientWidth")
    assert page.get_by_test_id("stMain").evaluate("m => m.scrollWidth <= innerWidth")


def test_a_sweep_is_measured_behind_the_page_which_is_drawn_anew(
    visit: Callable[..., Page], server: Server
) -> None:
    """Nobody presses anything; the cursor moves meanwhile."""
    config = RunConfig(
        DataConfig("digits", side=16, limit=200), ModelConfig("mlp", 3),
        training=TrainingConfig(epochs=2, precision="float32"),
    )  # fmt: skip
    runs = create_sweep(Store(server.places), config, [0.5, 2, 8], "looked-at")
    for run in runs:
        # the server's queue may have been faster
        until(lambda run=run: finished(run, server), f"{run.name} is trained")
    page = visit("/tune?tuning=β&sweep=looked-at")
    expect(cursor(page)).to_have_attribute("aria-valuetext", re.compile("^β 2"))  # from here on it hears keys
    cursor(page).press("ArrowRight")
    expect(page.get_by_text("All numbers are of the test images")).to_be_visible()
    expect(page.get_by_text("measuring")).to_have_count(0)
    expect(cursor(page)).to_have_attribute("aria-valuetext", re.compile("^β 8, "))


def finished(run: Run, server: Server) -> bool:
    if run.status().state == QUEUED:
        with suppress(RunBusy):
            train_run(run, server.places)
    return run.status().state == FINISHED
