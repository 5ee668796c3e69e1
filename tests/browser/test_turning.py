"""The β dial in a real Chromium: one network, re-encoded and decoded at the β under the hand."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from servers import Server
from watch import asked, comes, next_frame, plans_done, script_at_rest

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.data import open_images
from vae_core.inference import load_run
from vae_core.models.networks import ConvParams
from vae_core.objectives.losses import MultiRateParams
from vae_core.options import Choice
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

Visit = Callable[..., Page]


def trained(server: Server, name: str, model: ModelConfig, side: int) -> Run:
    config = RunConfig(
        DataConfig("digits", side=side, limit=400), model,
        ObjectiveConfig(Choice("multi_rate", MultiRateParams())), TrainingConfig(epochs=3, precision="float32"),
    )  # fmt: skip
    run = Store(server.places).create(config, name)
    assert train_run(run, server.places).state == FINISHED
    return run


@pytest.fixture(scope="module")
def dials(server: Server) -> dict[str, Run]:
    return {
        "mlp": trained(server, "dial-mlp", ModelConfig("mlp", 4), 16),
        "conv": trained(server, "dial-conv", ModelConfig(Choice("conv", ConvParams(8, 32)), 4), 32),
    }


def opened(visit: Visit, run: Run, more: str = "") -> Page:
    page = visit(f"/tune?tuning=β&look=dial&dial-run={run.name}{more}")
    still(page)
    return page


def still(page: Page) -> None:
    """Every picture is of the β that is shown."""
    expect(page.locator(".dial")).to_have_attribute("data-waiting", "false", timeout=30_000)
    script_at_rest(page)


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="β", exact=True)


def pixels(canvas: Locator) -> np.ndarray:
    """(H, W) of a grey canvas."""
    found = canvas.evaluate(
        "c => [c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(found[1:], np.uint8).reshape(-1, int(found[0]), 4)[..., 0]


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("beta", [0.1, 2.7, 10])
def test_pictures_are_the_networks_own_at_that_beta(
    visit: Visit, dials: dict[str, Run], network: str, beta: float
) -> None:
    run = dials[network]
    page = opened(visit, run, f"&beta={beta}")
    model = load_run(run)
    at = model.at_beta(beta)
    data = open_images("digits", model.shape[1], run.places)
    images = data.images[model.config.data.split(data).validation[:8]]
    shown = page.locator(".rebuilt canvas")
    expect(shown).to_have_count(8)
    wanted = at.decode(at.encode(images).mean) * 255
    for k in (0, 5):
        assert np.abs(pixels(shown.nth(k)) - wanted[k, 0]).max() <= 1.01
    noise = np.random.default_rng(0).standard_normal((8, 512)).astype(np.float32)[:, :4]
    assert np.abs(pixels(page.locator(".samples canvas").nth(3)) - at.decode(noise)[3, 0] * 255).max() <= 1.01
    np.testing.assert_array_equal(pixels(page.locator(".originals canvas").nth(2)), images[2, 0])


# every renewal of a picture, with the β it is of, and of its place in the page
FOLLOW = """
(canvas) => {
  window.renewals = []; window.moves = [];
  canvas.mine = true;
  canvas.getRootNode().addEventListener('input', (event) => window.moves.push(event.timeStamp), true);
  new MutationObserver((seen) => seen.forEach(() => window.renewals.push(Number(canvas.dataset.beta))))
    .observe(canvas, {attributes: true, attributeFilter: ['data-beta']});
}
"""


def shown_beta(page: Page) -> float:
    return float(page.locator(".dial").get_attribute("data-beta") or 0)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_drag_turns_everything_and_the_page_hears_of_it_once_at_rest(
    visit: Visit, dials: dict[str, Run], network: str
) -> None:
    page = opened(visit, dials[network])
    read(page)
    first = page.locator(".rebuilt canvas").first
    before = pixels(first)
    cursor = page.locator(".curve circle").last
    place = cursor.get_attribute("cx")
    already = len(asked(page))
    first.evaluate(FOLLOW)
    box = slider(page).bounding_box()
    assert box
    y, frames = box["y"] + box["height"] / 2, int(page.locator(".dial").get_attribute("data-frame") or 0)
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for k in range(30):
        page.mouse.move(box["x"] + (0.5 + 0.015 * k) * box["width"], y)
        next_frame(page)
    during = page.evaluate("window.renewals")
    assert int(page.locator(".dial").get_attribute("data-frame") or 0) - frames >= 12
    on_the_way = {beta for beta in during if 1 < beta < shown_beta(page)}
    # with a worker beside it the page renews it at every frame
    workers = int(page.locator(".dial").get_attribute("data-workers") or 0)
    assert len(on_the_way) >= (6 if workers else 2), during
    assert during == sorted(during), "no picture goes back to a β that was left"
    heard = len(asked(page))
    pauses = np.diff([*page.evaluate("window.moves"), page.evaluate("performance.now()")])
    # a machine that is busy elsewhere may let the hand rest long enough to tell the page
    if pauses.max() < 350:
        assert heard == already, "no script runs while the hand moves"
    page.mouse.up()
    still(page)
    assert np.abs(pixels(first).astype(int) - before).max() > 3
    assert cursor.get_attribute("cx") != place
    page.wait_for_url("**beta=*")
    told = page.locator(".turn output b").inner_text().removeprefix("β ")
    assert f"beta={told}" in page.url
    assert float(told) > 5
    model = load_run(dials[network]).at_beta(shown_beta(page))
    images = open_images("digits", model.shape[1], dials[network].places).images
    images = images[
        model.config.data.split(open_images("digits", model.shape[1], dials[network].places)).validation[:8]
    ]
    wanted = model.decode(model.encode(images).mean) * 255
    assert np.abs(pixels(first) - wanted[0, 0]).max() <= 1.01, "at rest it is of the β that is shown"
    betas = page.locator(".pictures canvas[data-beta]").evaluate_all("all => all.map((c) => c.dataset.beta)")
    assert betas == [told] * (8 + 8 + 21)


def read(page: Page) -> None:
    """Wait until the dial is read, behind the page, and nothing more comes. What is said of it lies in a fold."""
    page.get_by_text("Pictures are encoded and decoded in this browser").wait_for(state="attached")
    page.get_by_text("Against runs of one β alone").or_(
        page.get_by_text("Train the same network")
    ).first.wait_for(state="attached")
    still(page)


def test_at_rest_nothing_is_drawn_anew(visit: Visit, dials: dict[str, Run]) -> None:
    """The page hears of β at each rest and hands the same data back."""
    page = opened(visit, dials["conv"])
    read(page)
    first = page.locator(".rebuilt canvas").first
    first.evaluate(FOLLOW)
    slider(page).press("ArrowRight")
    page.wait_for_url("**beta=*")
    still(page)
    plans_done(page)
    still(page)
    assert page.evaluate("window.renewals") == [1.05]
    assert first.evaluate("(canvas) => canvas.mine === true"), "the picture is where it was"


@pytest.mark.parametrize("cores", [1, 3, 0])
def test_pictures_are_the_same_with_any_number_of_workers(
    visit: Visit, dials: dict[str, Run], cores: int
) -> None:
    """One for each core that is left over; where a browser has none (0), the page decodes them all."""
    page = visit("/")
    if cores:
        page.add_init_script(
            f"Object.defineProperty(navigator, 'hardwareConcurrency', {{get: () => {cores}}})"
        )
    else:
        page.add_init_script("window.Worker = function () { throw new Error('there are none') };")
    page.goto(f"{page.url.split('?')[0].rstrip('/')}/tune?tuning=β&look=dial&dial-run={dials['conv'].name}")
    still(page)
    read(page)
    if cores > 1:
        expect(page.locator(".dial")).to_have_attribute("data-workers", str(cores - 1))
    for _ in range(12):
        slider(page).press("ArrowRight")
    still(page)
    at = load_run(dials["conv"]).at_beta(shown_beta(page))
    noise = np.random.default_rng(0).standard_normal((8, 512)).astype(np.float32)[:, :4]
    wanted = at.decode(noise) * 255
    samples = page.locator(".samples canvas")
    for k in range(8):
        assert np.abs(pixels(samples.nth(k)) - wanted[k, 0]).max() <= 1.01
    if cores < 2:
        assert page.locator(".dial").get_attribute("data-workers") in (None, "0")


def test_keys_turn_and_play_goes_to_and_fro(visit: Visit, dials: dict[str, Run]) -> None:
    page = opened(visit, dials["mlp"], "&beta=3")
    slider(page).press("ArrowRight")
    expect(page.locator(".turn output b")).to_have_text("β 3.14")
    slider(page).press("1")
    expect(page.locator(".turn output b")).to_have_text("β 1")
    expect(slider(page)).to_have_attribute(
        "aria-valuetext", re.compile(r"^β 1, rate \d+\.\d, distortion \d+\.\d nats$")
    )
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".turn output b")).not_to_have_text("β 1")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".turn output b")).not_to_have_text("β 1")


def test_new_weights_open_the_dial_anew(visit: Visit, server: Server, dials: dict[str, Run]) -> None:
    run = trained(server, "dial-learns-on", ModelConfig("mlp", 4), 16)
    page = opened(visit, run)
    before = pixels(page.locator(".samples canvas").first)
    run.go_on(2)
    assert train_run(run, server.places).state == FINISHED
    slider(page).press("ArrowRight")
    page.wait_for_url("**beta=*")  # told at rest, whereupon the page finds the new weights
    model = load_run(run)
    beta = float(page.url.split("beta=")[-1].split("&")[0])
    noise = np.random.default_rng(0).standard_normal((8, 512)).astype(np.float32)[:, :4]
    wanted = model.at_beta(round(0.1 * 100 ** (0.5 + 0.01), 8)).decode(noise)[0, 0] * 255
    assert beta == pytest.approx(1.05, abs=0.01)
    first = page.locator(".samples canvas").first
    comes(page, lambda: np.abs(pixels(first) - wanted).max() <= 1.01, "the picture is of the new weights")
    assert np.abs(pixels(first).astype(int) - before).max() > 0
