"""The interpolation page in a real Chromium: a handle that paints without reruns, exact ends, play, and files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, WebSocket, expect
from servers import Server
from streamlit.proto.BackMsg_pb2 import BackMsg

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.inference import LoadedModel, load_run
from vae_core.runs.store import FINISHED, Run, Store
from vae_core.runs.worker import train_run

CODE = [[0.5, -1.0, 0.25, 1.0, 0.0], [-1.5, 0.75, 0.0, -0.5, 1.25]]


@pytest.fixture(scope="module")
def trained(server: Server) -> Run:
    """A run of a few steps in the server's home."""
    config = RunConfig(
        DataConfig("digits", side=16, limit=200), ModelConfig("conv", 5), ObjectiveConfig("vae"),
        TrainingConfig(epochs=2, precision="float32"),
    )  # fmt: skip
    run = Store(server.places).create(config, "walked-through")
    assert train_run(run, server.places).state == FINISHED
    return run


@pytest.fixture(scope="module")
def model(trained: Run) -> LoadedModel:
    return load_run(trained)


def settled(page: Page) -> None:
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


def opened(visit: Callable[..., Page], run: Run, more: str = "") -> Page:
    """The page on two codes, with the big picture painted and the script at rest."""
    ends = "".join(f"&s{i + 1}={','.join(map(str, code))}" for i, code in enumerate(CODE))
    page = visit(f"/interpolate?run={run.id}{ends}{more}")
    expect(picture(page)).not_to_have_attribute("data-frame", "0")
    expect(page.get_by_role("heading", name="Take it away")).to_be_visible()
    settled(page)
    return page


def picture(page: Page) -> Locator:
    return page.get_by_role("img", name="decoded image")


def handle(page: Page) -> Locator:
    return page.get_by_role("slider", name="position")


def frames(page: Page) -> int:
    return int(picture(page).get_attribute("data-frame") or 0)


def pixels(page: Page, model: LoadedModel) -> np.ndarray:
    """What the canvas holds, uint8 (H, W)."""
    found = picture(page).evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0)"
    )
    return np.array(found, np.uint8).reshape(model.shape[1:])


def put(page: Page, value: float) -> None:
    """Bring the handle to a value, as a hand does; and wait for the picture."""
    before = frames(page)
    handle(page).evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', { bubbles: true })); }", value
    )
    page.wait_for_function(
        """before => { const find = (r) => r.querySelector('canvas[aria-label="decoded image"]') ||
             [...r.querySelectorAll('*')].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
             return Number(find(document).dataset.frame) > before; }""",
        arg=before,
    )


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_the_end_frames_are_the_decodes_of_the_codes(
    visit: Callable[..., Page], trained: Run, model: LoadedModel, kind: str
) -> None:
    page = opened(visit, trained, f"&path={kind}")
    for value, code in zip((0, 1), CODE, strict=True):
        put(page, value)
        expect(page.locator("output b").first).to_have_text(f"{value}.00")
        shown = page.locator(".written code").first.inner_text()
        assert [float(v) for v in shown.strip("[]").split(",")] == code
        away = np.abs(pixels(page, model).astype(int) - model.decode_uint8(np.array(code))[0, 0]).max()
        assert away <= 1, "the browser's float32 and torch's round apart by one level at most"


def test_a_drag_paints_many_pictures_and_the_script_hears_of_it_once_at_rest(
    visit: Callable[..., Page], trained: Run
) -> None:
    asked: list[BackMsg] = []

    def listen(socket: WebSocket) -> None:
        def sent(data: str | bytes) -> None:
            message = BackMsg.FromString(data)  # type: ignore[arg-type]
            # the sidebar looks for a live run once a second, whatever anyone does
            if not message.rerun_script.is_auto_rerun:
                asked.append(message)

        socket.on("framesent", sent)

    page = opened(visit, trained)
    page.on("websocket", listen)
    page.reload()
    expect(picture(page)).not_to_have_attribute("data-frame", "0")
    expect(page.get_by_role("heading", name="Take it away")).to_be_visible()
    settled(page)
    assert asked, "the listener hears"
    asked.clear()
    box = handle(page).bounding_box()
    assert box
    before, y = frames(page), box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for i in range(40):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.012 * i), y)
        page.wait_for_timeout(16)
    assert frames(page) - before >= 10, "pictures follow the hand"
    assert not asked, "no script runs while the hand moves"
    page.mouse.up()
    page.wait_for_url(re.compile(r"position=1\.\d+"))
    page.wait_for_timeout(1000)
    assert len(asked) == 1, "one run of the fragment, at rest"
    assert asked[0].rerun_script.fragment_id


def test_the_handle_goes_beyond_both_ends_and_says_so(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    assert (handle(page).get_attribute("min"), handle(page).get_attribute("max")) == ("-0.5", "1.5")
    put(page, -0.5)
    expect(page.get_by_text("before station 1: extrapolated")).to_be_visible()
    shown = page.locator(".written code").first.inner_text()
    expected = 1.5 * np.array(CODE[0]) - 0.5 * np.array(CODE[1])
    np.testing.assert_allclose([float(v) for v in shown.strip("[]").split(",")], expected, atol=6e-4)
    handle(page).press("End")
    expect(page.get_by_text("beyond station 2: extrapolated")).to_be_visible()


def test_keys_move_the_handle(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    handle(page).press("ArrowRight")
    expect(handle(page)).to_have_value("0.51")
    handle(page).press("Shift+ArrowLeft")
    expect(handle(page)).to_have_value("0.41")


def test_play_runs_there_and_back_until_it_is_paused(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    page.get_by_role("combobox", name="speed").first.select_option("4")
    before = frames(page)
    page.get_by_role("button", name="Play").first.click()
    places = []
    for _ in range(30):
        page.wait_for_timeout(100)
        places.append(float(handle(page).input_value()))
    assert frames(page) - before >= 20
    assert max(places) <= 1
    assert min(places) >= 0
    steps = np.diff(places)
    assert (steps > 0).any()
    assert (steps < 0).any(), "ping-pong turns round"
    page.get_by_role("button", name="Pause").first.click()
    settled(page)
    rest = handle(page).input_value()
    page.wait_for_timeout(500)
    assert handle(page).input_value() == rest


def test_less_motion_goes_from_picture_to_picture(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained, "&steps=5&position=0")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Play").first.click()
    places = set()
    for _ in range(40):
        page.wait_for_timeout(50)
        places.add(round(float(handle(page).input_value()), 3))
    assert places <= {0, 0.25, 0.5, 0.75, 1}
    assert len(places) > 1


def test_the_strip_is_decoded_and_takes_one_to_its_place(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained, "&steps=5")
    strip = page.get_by_role("group", name="film strip").first
    expect(strip.get_by_role("button")).to_have_count(9)
    expect(strip.locator("canvas[data-done]")).to_have_count(9)
    cell = strip.get_by_role("button", name="go to 0.75")
    cell.click()
    expect(handle(page)).to_have_value("0.75")
    expect(cell).to_have_attribute("aria-current", "true")
    # the handle's thumb stands over the picture it is at
    track, button = handle(page).bounding_box(), cell.bounding_box()
    assert track
    assert button
    thumb = track["x"] + 10 + (track["width"] - 20) * (0.75 + 0.5) / 2
    assert abs(thumb - (button["x"] + button["width"] / 2)) < 2


def test_a_geodesic_comes_with_progress_and_without_overshoot(
    visit: Callable[..., Page], trained: Run, model: LoadedModel
) -> None:
    page = opened(visit, trained, "&path=geodesic")
    expect(handle(page)).to_have_attribute("min", "0")
    expect(handle(page)).to_have_attribute("max", "1")
    expect(page.get_by_text("on the straight line").first).to_be_visible()
    put(page, 1)
    away = np.abs(pixels(page, model).astype(int) - model.decode_uint8(np.array(CODE[1]))[0, 0]).max()
    assert away <= 1


def test_a_link_opens_the_handles_place(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained, "&position=0.2")
    expect(handle(page)).to_have_value("0.2")
    put(page, 0.8)
    page.wait_for_url(re.compile(r"position=0\.800"))
    again = visit(page.url[page.url.index("/interpolate") :])
    expect(handle(again)).to_have_value("0.8")


def test_a_direction_has_a_strength(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    strength = page.get_by_role("slider", name="strength")
    expect(strength).to_have_value("0")
    expect(page.get_by_role("img", name="image along the direction")).not_to_have_attribute("data-frame", "0")
    code = page.locator(".written code").nth(1)
    expect(code).to_have_text("[0.5, -1, 0.25, 1, 0]")
    strength.press("End")
    expect(code).not_to_have_text("[0.5, -1, 0.25, 1, 0]")


def test_interpolation_is_taken_away_as_a_gif(
    visit: Callable[..., Page], trained: Run, tmp_path: Path
) -> None:
    page = opened(visit, trained, "&path=spherical&frames=6")
    page.get_by_role("button", name="Make the file").click()
    button = page.get_by_role("button", name="Download GIF")
    expect(button).to_be_enabled()
    with page.expect_download() as download:
        button.click()
    path = tmp_path / "walk.gif"
    download.value.save_as(path)
    with Image.open(path) as gif:
        assert gif.n_frames == 10  # six there, four back
        assert gif.size == (256, 256)


def test_an_upload_is_a_station(visit: Callable[..., Page], trained: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    Image.fromarray(np.tile(np.arange(0, 240, 8, np.uint8), (30, 1))).save(path)
    page = opened(visit, trained)
    page.get_by_role("button", name="Station 1", exact=True).click()
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_text("mine.png · its reconstruction")).to_be_visible()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not an image")
    page.locator("input[type=file]").first.set_input_files(bad)
    expect(page.get_by_text("not an image").first).to_be_visible()


def test_stations_are_added_and_moved(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile(r"s3=i0"))
    expect(page.get_by_role("button", name="Station 3", exact=True)).to_be_visible()
    expect(page.get_by_text("Change station 3")).to_be_visible()
    settled(page)
    page.wait_for_timeout(2_000)  # the editor unfolds, and the script that drew it ends
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="Station 3", exact=True)).to_have_count(0)
    assert "s3=" not in page.url
