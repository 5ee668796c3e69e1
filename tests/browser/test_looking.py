"""The decoder that runs in the page, and the sweep, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from helpers import until
from playwright.sync_api import Page, expect
from servers import Server
from watch import settled

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.errors import RunBusy
from vae_core.inference import load_run
from vae_core.places import assets
from vae_core.runs.store import FINISHED, QUEUED, Run, Store
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


DECODE = """
async ([run, codes]) => {
  const tools = await import('/api/scripts/decoder.js');
  const decoder = await tools.loadDecoder(run);
  return codes.map(code => [...decoder.decode(code)]);
}
"""


@pytest.mark.parametrize("shipped", sorted(p.name for p in (assets() / "pretrained").iterdir() if p.is_dir()))
def test_browser_and_torch_decode_alike(visit: Callable[..., Page], server: Server, shipped: str) -> None:
    run = Store(server.places).find(shipped)
    model = load_run(run)
    codes = np.random.default_rng(0).standard_normal((100, model.latent_dim)).astype(np.float32) * 1.5
    page = visit(f"/sliders?run={shipped}")
    found = np.array(page.evaluate(DECODE, [run.id, codes.tolist()]), np.float32)
    channels, height, width = model.shape
    found = found.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
    assert np.abs(found - model.decode(codes)).max() < 1e-4


def test_either_network_is_decoded_alike(visit: Callable[..., Page], trained: Run) -> None:
    model = load_run(trained)
    codes = np.random.default_rng(1).standard_normal((20, model.latent_dim)).astype(np.float32)
    page = visit(f"/sliders?run={trained.id}")
    found = np.array(page.evaluate(DECODE, [trained.id, codes.tolist()]), np.float32).reshape(20, 1, 16, 16)
    assert np.abs(found - model.decode(codes)).max() < 1e-4


def test_the_shipped_sweep_is_shown(visit: Callable[..., Page]) -> None:
    page = visit("/beta?sweep=digits-beta")
    chart = page.locator(".js-plotly-plot").first
    expect(chart).to_be_visible()
    settled(page)
    rates = chart.evaluate("d => [...d._fullData.find((t) => t.name === 'the sweep').x]")
    assert len(rates) == 5
    assert rates == sorted(rates, reverse=True), "a larger beta takes rate away"
    expect(page.get_by_text("samples at each β", exact=True)).to_have_count(1)
    found = page.get_by_test_id("stMain").locator(
        "[data-testid=stImage] img, [data-testid=stImageContainer] img"
    )
    expect(found).to_have_count(4 * 5)
    settled(page)
    boxes = found.evaluate_all(
        "all => all.map((i) => i.getBoundingClientRect()).map((b) => [b.top, b.width])"
    )
    for row in np.array(boxes).reshape(4, 5, 2):
        assert np.ptp(row[:, 0]) < 2, "the pictures of a row stand level"
        assert row[2, 1] > 2 * row[[0, 1, 3, 4], 1].max(), "the cursor's column, in the middle, is enlarged"


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
    page = visit("/beta?sweep=looked-at")
    page.get_by_test_id("stSlider").get_by_role("slider").press("ArrowRight")
    expect(page.get_by_text("All numbers are of the test images")).to_be_visible()
    expect(page.get_by_text("measuring")).to_have_count(0)
    expect(page.get_by_test_id("stSlider").get_by_role("slider")).to_have_attribute("aria-valuetext", "8")


def finished(run: Run, server: Server) -> bool:
    if run.status().state == QUEUED:
        with suppress(RunBusy):
            train_run(run, server.places)
    return run.status().state == FINISHED
