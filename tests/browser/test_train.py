"""The Train page in a real Chromium: start, watch, steer, zoom, reload, overlay."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect
from servers import Server
from watch import comes

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.runs.record import FAILED, FINISHED, QUEUED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

QUICK = "/train?dataset=digits&model=mlp&log-every=2"


@pytest.fixture(autouse=True)
def _nothing_trains_on(server: Server) -> Iterator[None]:
    """A test that fails must not leave its run training, or the next test's waits behind it."""
    yield
    for run in Store(server.places).own():
        if run.status().live or run.status().state == QUEUED:
            run.request("stop")


def start(page: Page, server: Server, name: str) -> Run:
    """Press Start and wait until the first curve is drawn."""
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Name").press("Tab")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(lambda url: "run=digits-" in url)
    expect(page.locator(".live .name")).to_have_text(name)
    expect(page.locator("[data-n=loss]")).not_to_have_text("–")
    return Store(server.places).find(parse_qs(urlparse(page.url).query)["run"][0])


def state(page: Page, expected: str) -> None:
    expect(page.locator(".live .state")).to_have_text(expected)


def test_a_run_is_started_watched_and_finishes(visit: Callable[..., Page], server: Server) -> None:
    page = visit(QUICK + "&epochs=3")
    expect(page.get_by_role("img", name=re.compile("^8 images of"))).to_be_visible()
    start(page, server, "quick")
    state(page, "finished")
    expect(page.locator("[data-n=epoch]")).to_have_text("3 / 3")
    for strip in ("originals", "reconstructions", "samples", "traversal"):
        image = page.locator(f"[data-strip={strip}] img")
        expect(image).to_be_visible()
        assert image.evaluate("i => i.complete && i.naturalWidth > 16")
    curves = page.locator("[data-chart=loss]").evaluate("d => d.data.map(t => [t.name, t.y.length])")
    assert dict(curves)["validation"] == 3
    assert dict(curves)["train"] > 20
    bars = page.locator("[data-chart=kl]").evaluate("d => d.data[0].y")
    assert bars == sorted(bars, reverse=True)
    assert len(bars) == 10
    # the buttons followed the run without a reload
    expect(page.get_by_role("button", name="Continue")).to_be_enabled()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("event,step,epoch,split,loss")
    assert sum(line.startswith("epoch,") for line in lines) == 6


def test_a_live_run_is_watched_steered_and_outlives_its_page(
    visit: Callable[..., Page], server: Server
) -> None:
    """All of one run: beginning another takes longer than any part of this."""
    # of few epochs and many steps: the first pictures come after a hundredth of the epochs
    page = visit("/train?dataset=digits&model=mlp&log-every=20&batch-size=1&epochs=200")
    run = start(page, server, "steered")
    nothing_moves_while_it_is_paused_and_resumed(page)
    zoomed = a_zoom_survives_new_events(page)
    it_is_stepped_and_steered(page, run)
    assert page.locator("[data-chart=loss]").evaluate(RANGE) == zoomed
    other = it_outlives_its_page_and_two_tabs_see_it(page, visit, run)
    it_is_stopped_and_goes_on(other, run)


def nothing_moves_while_it_is_paused_and_resumed(page: Page) -> None:
    state(page, "running")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_enabled()
    expect(page.locator("[data-strip=samples] img")).to_be_visible()
    page.evaluate(
        """() => { window.moved = []; window.shifts = new PerformanceObserver(list => { for (const entry of list.getEntries())
             if (entry.value > 0.0002) window.moved.push(entry.sources.map(s =>
                 [s.node?.innerText, s.previousRect.toJSON(), s.currentRect.toJSON()])); });
             window.shifts.observe({ type: 'layout-shift' }); }"""
    )
    for _ in range(2):
        page.get_by_role("button", name="Pause", exact=True).click()
        state(page, "paused")
        expect(page.get_by_role("button", name="Resume", exact=True)).to_be_enabled()
        page.get_by_role("button", name="Resume", exact=True).click()
        state(page, "running")
        expect(page.get_by_role("button", name="Pause", exact=True)).to_be_enabled()
    moved = page.evaluate("() => { window.shifts.disconnect(); return window.moved; }")
    assert not moved, str(moved)


RANGE = "d => d.layout.xaxis.range.map(Number)"


def a_zoom_survives_new_events(page: Page) -> list[float]:
    """What of the steps is shown from then on."""
    chart = page.locator("[data-chart=loss]")
    chart.scroll_into_view_if_needed()
    whole = chart.evaluate(RANGE)
    box = chart.locator(".nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 90, steps=5)
    page.mouse.up()
    zoomed: list[float] = chart.evaluate(RANGE)
    assert zoomed[1] - zoomed[0] < whole[1] - whole[0]
    count = chart.evaluate("d => d.data[0].x.length")
    page.wait_for_function(
        "count => document.querySelector('[data-chart=loss]').data[0].x.length > count", arg=count + 20
    )
    assert chart.evaluate(RANGE) == zoomed
    return zoomed


def it_is_stepped_and_steered(page: Page, run: Run) -> None:
    page.get_by_role("button", name="Pause", exact=True).click()
    state(page, "paused")
    before = run.status().step
    page.get_by_role("button", name="Step", exact=True).click()
    comes(page, lambda: run.status().step > before, "it steps")
    state(page, "paused")
    assert run.status().step == before + 1
    taken_up = run.status().control
    page.get_by_role("spinbutton", name="Live β").fill("7.5")
    page.get_by_role("spinbutton", name="Live β").press("Enter")
    comes(page, lambda: run.status().control > taken_up, "the next request is taken up")
    assert run.status().step == before + 1, "one step and no more"
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("[data-coefficient=beta]")).to_have_text("7.5")


def it_outlives_its_page_and_two_tabs_see_it(page: Page, visit: Callable[..., Page], run: Run) -> Page:
    """The tab that is left."""
    handle = run.status().handle
    assert handle is not None
    page.reload()
    expect(page.locator(".live .name")).to_have_text("steered")
    state(page, "running")
    other = visit(f"/train?run={run.id}")
    expect(other.locator(".live .name")).to_have_text("steered")
    page.close()
    expect(other.locator("[data-n=epoch]")).not_to_have_text("–")
    epoch = int(other.locator("[data-n=epoch]").inner_text().split("/")[0].replace(",", ""))
    other.wait_for_function(
        "epoch => Number(document.querySelector('[data-n=epoch]').textContent.split('/')[0].replaceAll(',', '')) > epoch",
        arg=epoch,
    )
    assert run.status().handle == handle
    return other


def it_is_stopped_and_goes_on(page: Page, run: Run) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
    state(page, "stopped")
    commands = [(line["command"], line["value"]) for line in run.lines()[0] if line["event"] == "controlled"]
    assert ("beta", 7.5) in commands
    assert commands[-1][0] == "stop"
    step = run.status().step
    page.get_by_role("button", name="Resume", exact=True).click()
    state(page, "running")
    page.get_by_role("button", name="Stop", exact=True).click()
    state(page, "stopped")
    assert run.status().step > step


def test_a_slow_run_is_seen_between_the_points_of_its_record(
    visit: Callable[..., Page], server: Server
) -> None:
    """Points of the record are an epoch of 1,400 steps apart; what is seen meanwhile comes by the clock."""
    slow = TrainingConfig(
        epochs=500, batch_size=1, log_every=100_000, checkpoint_every=100_000, precision="float32"
    )
    config = RunConfig(DataConfig("digits"), ModelConfig("conv"), training=slow)
    run = Store(server.places).create(config, "slow")
    page = visit(f"/train?run={run.id}")
    expect(page.locator(".live .name")).to_have_text("slow")
    state(page, "running")
    expect(page.locator("[data-n=loss]")).not_to_have_text("–")
    page.wait_for_function(
        """async id => {
            const drawn = document.querySelector('[data-chart=loss]')?.data?.[0]?.x.length ?? 0;
            const record = await (await fetch(`/api/runs/${id}/events`)).json();
            return drawn >= 2 && !record.lines.some(line => line.event === 'step');
        }""",
        arg=run.id,
    )
    page.get_by_role("button", name="Pause", exact=True).click()
    state(page, "paused")
    at = run.status().step
    page.get_by_role("button", name="Step", exact=True).click()
    expect(page.locator("[data-n=step]")).to_have_text(re.compile(f"^{at + 1:,} / "))
    state(page, "paused")
    # what is said is that step's alone, not the mean over those since the last point
    points = [line for line in run.lines()[0] if line["event"] == "step"]
    assert [line["step"] for line in points[-2:]] == [at, at + 1]
    loss = points[-1]["terms"]["loss"]
    expect(page.locator("[data-n=loss]")).to_have_text(f"{loss:.{1 if abs(loss) >= 100 else 2}f}")
    # a change by hand is an upright edge, drawn at once
    page.get_by_role("spinbutton", name="Live β").fill("7.5")
    page.get_by_role("spinbutton", name="Live β").press("Enter")
    page.wait_for_function("() => document.querySelector('[data-chart=schedule]').data[0].y.at(-1) === 7.5")
    x, y = page.evaluate(
        "() => { const {x, y} = document.querySelector('[data-chart=schedule]').data[0]; return [x, y]; }"
    )
    assert x[-2:] == [at + 1, at + 1]
    assert y[-2:] != [7.5, 7.5]
    run.request("stop")
    state(page, "stopped")


def test_runs_are_overlaid(visit: Callable[..., Page], server: Server) -> None:
    page = visit("/train?run=digits")
    page.get_by_role("button", name="Overlay").click()
    page.get_by_role("combobox", name="Overlay").click()
    page.keyboard.type("shap")  # a long list draws only what is in sight
    page.get_by_role("option", name="shapes").click()
    page.wait_for_function("() => document.querySelector('[data-chart=loss]')?.data?.length === 4")
    names = page.locator("[data-chart=loss]").evaluate("d => d.data.map(t => t.name)")
    assert {n.split(":")[0] for n in names} == {"digits", "shapes"}


def test_the_curves_of_a_dial_say_at_which_beta_they_are(visit: Callable[..., Page]) -> None:
    page = visit("/train?run=digits-dial")
    page.wait_for_function("() => document.querySelector('[data-chart=shown]')?.data?.length === 4")
    expect(page.locator("[data-dial]")).to_have_text("0.1–10")
    terms = page.locator("[data-chart=shown]")
    assert terms.evaluate("d => d.data.map(t => t.name)") == [
        "distortion, mean over β", "distortion, validation at β = 1", "rate, mean over β", "rate, validation at β = 1",
    ]  # fmt: skip
    title = "d => d.layout.legend.title.text"
    assert "distortion (reconstruction), rate (KL)" in terms.evaluate(title)
    assert page.locator("[data-chart=schedule]").evaluate("d => d.data.map(t => t.name)") == ["learning rate"]


def legend_is_clear(chart: Locator) -> None:
    """The legend lies above the curves, whole and beside the title."""
    legend, title, plot, whole = (
        part.bounding_box()
        for part in (
            chart.locator(".legend"), chart.locator(".legendtitletext"), chart.locator(".nsewdrag").first, chart,
        )
    )  # fmt: skip
    assert legend
    assert title
    assert plot
    assert whole
    assert legend["y"] >= whole["y"] - 1
    assert legend["y"] + legend["height"] <= plot["y"] + 1, "no curve goes through it"
    assert legend["x"] + legend["width"] <= whole["x"] + whole["width"] + 1
    first = chart.locator(".legendtext").first.bounding_box()
    assert first
    assert first["x"] >= title["x"] + title["width"]
    assert abs(first["y"] - title["y"]) < title["height"]


DRAWN = """(name) => document.querySelector(`[data-chart=${name}]`).data
  .map((t) => [t.name, [...t.y]]).filter(([name]) => !name.includes("validation"))"""


@pytest.mark.parametrize(
    ("objective", "parts", "shown", "tiles"),
    [
        ("capacity", ["distortion", "γ · |rate − C|"], ["rate", "C"],
         ["distortion", "rate", "|rate − C|", "active", "γ", "C"]),
        ("beta_tcvae", ["distortion", "MI", "β · TC", "KL by dim."], ["rate"],
         ["distortion", "MI", "TC", "KL by dim.", "rate", "active", "β"]),
        ("autoencoder", ["distortion"], None, ["distortion", "active"]),
    ],
    ids=["capacity", "beta_tcvae", "autoencoder"],
)  # fmt: skip
def test_the_charts_draw_what_the_objective_declares(
    objective: str, parts: list[str], shown: list[str] | None, tiles: list[str],
    visit: Callable[..., Page], server: Server,
) -> None:  # fmt: skip
    """Terms, tiles and coefficients come from the objective, and the parts add up to the loss beside them."""
    config = RunConfig(
        DataConfig("digits", side=16, limit=200), ModelConfig("mlp", 4), ObjectiveConfig(objective, schedule="warmup"),
        training=TrainingConfig(epochs=3, batch_size=16, log_every=2, precision="float32"),
    )  # fmt: skip
    run = Store(server.places).create(config, f"terms-{objective}")
    assert train_run(run, server.places).state == FINISHED
    page = visit(f"/train?run={run.id}")
    state(page, "finished")
    page.get_by_label("smoothing").fill("0")
    page.wait_for_function(
        "n => document.querySelector('[data-chart=terms]')?.data?.length === n", arg=2 * len(parts)
    )
    drawn = page.evaluate(DRAWN, "terms")
    assert [name for name, _ in drawn] == parts
    (_, loss), *_ = page.evaluate(DRAWN, "loss")
    assert len(loss) > 5
    for i, value in enumerate(loss):
        assert sum(y[i] for _, y in drawn) == pytest.approx(value, rel=1e-4)
    for place in page.locator("[data-chart]:not([data-chart=kl]):visible").all():
        legend_is_clear(place)
    place = page.locator("[data-chart=shown]")
    if shown is None:
        expect(place).to_be_hidden()
    else:
        assert [name for name, _ in page.evaluate(DRAWN, "shown")] == shown
    assert page.locator(".numbers dt").all_text_contents()[5:] == tiles
    for value in page.locator(".numbers [data-term]").all_text_contents():
        assert value != "–"


def test_a_failed_run_says_why(visit: Callable[..., Page], server: Server) -> None:
    config = RunConfig(
        DataConfig("digits", side=16),
        ModelConfig("mlp"),
        training=TrainingConfig(epochs=50, learning_rate=1.0, rate_schedule="constant", precision="float32"),
    )
    run = Store(server.places).create(config, "diverging")
    assert train_run(run, server.places).state == FAILED
    page = visit(f"/train?run={run.id}", charts=False)
    state(page, "failed")
    expect(page.locator(".live .advice")).to_contain_text("not a finite number")
    expect(page.locator(".live .advice")).to_contain_text("learning rate")
    assert "step" in json.dumps(run.status().error)
