"""The deck in a real Chromium: the picture moves with the hand, and what stands beside it is of that picture."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect
from servers import Server, serve
from watch import answered, asked, comes, next_frame, painted, pen_down, plans_done, script_at_rest

from app.state.code_format import pack, unpack
from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.data import open_images
from vae_core.inference import load_run
from vae_core.latent.aggregate import Aggregate, aggregate
from vae_core.models.networks import ConvParams, ResnetParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.marks import read_marks
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def trained(server: Server) -> Run:
    config = RunConfig(
        DataConfig("digits", side=16),
        ModelConfig("mlp", 5),
        ObjectiveConfig("vae"),
        TrainingConfig(epochs=12, precision="float32"),
    )
    run = Store(server.places).create(config, "for-the-deck")
    assert train_run(run, server.places).state == FINISHED
    return run


def short(server: Server, name: str) -> Run:
    """A run of one epoch with three dimensions."""
    config = RunConfig(
        DataConfig("digits", side=16, limit=300),
        ModelConfig("mlp", 3),
        training=TrainingConfig(epochs=1, precision="float32"),
    )
    run = Store(server.places).create(config, name)
    assert train_run(run, server.places).state == FINISHED
    return run


def picture(page: Page) -> Locator:
    return page.get_by_role("img", name="decoded image")


def ready(page: Page) -> None:
    painted(picture(page))
    expect(page.get_by_text(re.compile("percentile|far outside"))).not_to_have_count(0)
    expect(page.locator("[data-n=percentile]")).not_to_have_text("–")
    script_at_rest(page)


def frames(page: Page) -> int:
    return int(picture(page).get_attribute("data-frame") or 0)


def code(page: Page) -> list[float]:
    found: list[float] = json.loads(page.get_by_label("code", exact=True).inner_text())
    return found


def pixels(page: Page) -> np.ndarray:
    """What the canvas shows, uint8 (H, W, 3)."""
    found = picture(page).evaluate(
        "c => ({w: c.width, h: c.height, d: [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]})"
    )
    return np.array(found["d"], np.uint8).reshape(found["h"], found["w"], 4)[..., :3]


def shows_its_code(page: Page, run: Run) -> None:
    """The picture is the decode of the code that stands beside it."""
    model, canvas = load_run(run), picture(page)

    def alike() -> bool:
        # at one moment: another picture may come at any other
        written, shown = canvas.evaluate("""c => [c.getRootNode().querySelector('output.code').textContent,
          [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]""")
        expected = model.decode_uint8(np.array(json.loads(written)))[0].transpose(1, 2, 0)
        found = np.array(shown, int).reshape(*expected.shape[:2], 4)[..., :3]
        return bool(np.abs(found - expected).max() <= 1)

    comes(page, alike, "the picture is the decode of the code beside it")


def slide(page: Page, name: str, steps: int = 25) -> None:
    """Drag a slider with the mouse from its middle to its right, without letting go."""
    box = page.get_by_label(name, exact=True).bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for k in range(1, steps + 1):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.45 * k / steps), y)
        next_frame(page)


def drag_picture(page: Page, x: float, y: float) -> None:
    """From the middle of the picture to shares of its sides."""
    box = picture(page).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
    page.mouse.up()


def test_the_picture_moves_with_the_hand_and_no_script_runs(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    plans_done(page)
    sent: list[str] = []
    already = len(asked(page))
    page.on("request", lambda asking: sent.append(asking.url))
    before, url = frames(page), page.url
    dim = page.locator(".sliders input[type=range]").first.get_attribute("aria-label") or ""
    slide(page, dim)
    plans_done(page)  # the hand holds still, but has not let go
    assert frames(page) - before >= 10
    assert page.url == url
    assert len(asked(page)) == already, "no script runs while the hand moves"
    # a page asks now and then whether its server is there
    assert all("/image/" in url or url.endswith("/healthz") for url in sent), sent
    shows_its_code(page, trained)
    assert code(page)[int(dim[1:])] > 2
    page.mouse.up()
    page.wait_for_url(lambda found: found != url)
    linked = re.search(r"z=([^&]+)", page.url)
    assert linked
    found = unpack(linked.group(1), 5)
    assert found is not None
    np.testing.assert_allclose(found, code(page), atol=1e-6)


def test_a_link_opens_the_very_picture(visit: Visit, trained: Run) -> None:
    z = np.array([0.123, -1.5, 2.001, 0, -0.75])
    page = visit(f"/sliders?run={trained.id}&z={pack(z)}")
    ready(page)
    assert code(page) == z.tolist()
    shows_its_code(page, trained)
    again = visit(page.url[page.url.index("/sliders") :])
    ready(again)
    assert code(again) == code(page)
    np.testing.assert_array_equal(pixels(again), pixels(page))


def test_keyboard_lock_type_undo_and_reset(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,0,0,0,0")
    ready(page)
    slider = page.get_by_label("z3", exact=True)
    slider.press("ArrowRight")
    expect(page.get_by_label("code", exact=True)).to_have_text("[0, 0, 0, 0.05, 0]")
    slider.press("Shift+ArrowRight")
    expect(page.get_by_label("code", exact=True)).to_have_text("[0, 0, 0, 0.55, 0]")
    slider.press("0")
    expect(page.get_by_label("code", exact=True)).to_have_text("[0, 0, 0, 0, 0]")
    page.get_by_label("z1 value").fill("4.25")  # beyond the range: the number is what counts
    page.get_by_label("z1 value").press("Enter")
    expect(page.get_by_label("code", exact=True)).to_have_text("[0, 4.25, 0, 0, 0]")
    shows_its_code(page, trained)
    page.get_by_label("lock z1").click()
    page.get_by_role("button", name="Random").click()
    expect(page.get_by_label("code", exact=True)).not_to_have_text("[0, 4.25, 0, 0, 0]")
    assert code(page)[1] == 4.25, "a locked dimension stays"
    assert sum(v == 0 for v in code(page)) == 0
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("code", exact=True)).to_have_text("[0, 4.25, 0, 0, 0]")
    page.get_by_role("button", name="Redo").click()
    expect(page.get_by_label("code", exact=True)).not_to_have_text("[0, 4.25, 0, 0, 0]")
    page.get_by_label("lock z1").click()
    page.get_by_role("button", name="Zero").click()
    expect(page.get_by_label("code", exact=True)).to_have_text("[0, 0, 0, 0, 0]")
    page.get_by_role("button", name="Reset").click()
    # the encoded image is an image, not zero
    expect(page.get_by_label("code", exact=True)).not_to_have_text("[0, 0, 0, 0, 0]")
    assert len(code(page)) == load_run(trained).latent_dim
    shows_its_code(page, trained)


def test_the_browsers_own_keys_are_left_to_it(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=1,1,1,1,1")
    ready(page)
    pressed = """(e, [key, held]) =>
      e.dispatchEvent(new KeyboardEvent('keydown', {key, [held]: true, bubbles: true, cancelable: true}))"""
    slider = page.get_by_label("z3", exact=True)
    for held in ("ctrlKey", "altKey", "metaKey"):
        for key in ("0", "ArrowLeft", "ArrowRight"):
            assert slider.evaluate(pressed, [key, held]), f"{held} {key} goes on to the browser"
    slider.press("ArrowRight")
    expect(page.get_by_label("code", exact=True)).to_have_text("[1, 1, 1, 1.05, 1]")


def test_beyond_the_range_a_step_only_leads_back(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,4.25,0,-5,0")
    ready(page)
    beside = page.get_by_label("code", exact=True)
    page.get_by_label("z1", exact=True).press("ArrowRight")
    page.get_by_label("z3", exact=True).press("ArrowRight")
    expect(beside).to_have_text("[0, 4.25, 0, -4.95, 0]")
    page.get_by_label("z1", exact=True).press("ArrowLeft")
    page.get_by_label("z3", exact=True).press("ArrowLeft")
    expect(beside).to_have_text("[0, 4.2, 0, -4.95, 0]")
    page.get_by_label("z1", exact=True).press("Shift+ArrowLeft")
    expect(beside).to_have_text("[0, 3.7, 0, -4.95, 0]")
    # a drag across leaves the dimension that goes up and down where it is
    page.get_by_label("dimension across").select_option("0")
    page.get_by_label("dimension up").select_option("1")
    drag_picture(page, 0.75, 0.5)
    expect(beside).to_have_text(re.compile(r"^\[1\.[45]\d*, 3\.7, 0, -4\.95, 0\]$"))


def test_a_locked_dimension_stays_when_something_is_drawn(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,0,0,2.5,0")
    ready(page)
    page.get_by_label("lock z3").click()
    page.get_by_text("Draw", exact=True).click()
    stroke(page, page.get_by_role("img", name="drawing pad"))
    page.mouse.up()
    expect(page.get_by_text("encoded: your drawing")).to_be_visible()
    expect(page.get_by_text("Locked dimensions stay")).to_be_visible()
    shows_its_code(page, trained)
    assert code(page)[3] == 2.5
    assert 0 not in code(page)[:3]


def test_uncertainty_says_which_dimension_keeps_it_from_the_encoded_image(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    encoded = code(page)
    page.get_by_label("z3 value").fill("2.5")
    page.get_by_label("z3 value").press("Enter")
    page.get_by_label("lock z3").click()
    uncertainty = page.get_by_role("button", name="Uncertainty")
    uncertainty.click()
    expect(page.get_by_text("unlock z3 first")).to_be_visible()
    expect(uncertainty).to_have_attribute("aria-pressed", "false")
    assert code(page)[3] == 2.5
    page.get_by_label("lock z3").click()
    page.get_by_label("lock z1").click()  # is where the encoded image has it
    uncertainty.click()
    expect(page.locator("canvas.overlay")).to_be_visible()
    assert code(page) == encoded


def start_from(page: Page, place: int) -> None:
    """Choose another image to start from; the button that does it is the next."""
    page.get_by_role("button", name="Start from an image").click()
    number = page.get_by_role("spinbutton", name="Image")
    number.fill(str(place))
    number.press("Enter")
    expect(page.get_by_role("button", name="Start from it")).to_be_visible()
    script_at_rest(page)


def test_an_undo_at_once_is_in_the_address_too(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,1,0,0,0")
    ready(page)
    start_from(page, 3)
    page.get_by_label("code", exact=True).evaluate("""output => {
      const watch = new MutationObserver(() => {
        watch.disconnect();
        output.getRootNode().querySelector('[data-do=undo]').click();
      });
      watch.observe(output, {childList: true});
    }""")
    page.get_by_role("button", name="Start from it").click()
    expect(page.get_by_role("button", name="Redo")).to_be_enabled()
    comes_to(page, np.array([0, 1, 0, 0, 0]))
    page.wait_for_url(
        lambda url: unpack(re.search(r"z=([^&]+)", url).group(1), 5).tolist() == [0, 1, 0, 0, 0]
    )  # type: ignore[union-attr]
    page.get_by_role("button", name="Redo").click()
    comes_to(page, load_run(trained).encode(image_of_set(trained, 3)).mean[0])


def test_the_code_on_the_picture_is_sent_to_interpolation(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    page.get_by_role("button", name="Play").click()
    walks(page, 20)
    shown = page.get_by_role("button", name="Send to interpolation").evaluate(
        "b => { const shown = b.getRootNode().querySelector('output.code').textContent; b.click(); return shown; }"
    )
    page.wait_for_url(re.compile("interpolate.*s3="))
    sent = unpack(re.search(r"s3=([^&]+)", page.url).group(1), 5)  # type: ignore[union-attr]
    np.testing.assert_allclose(sent, json.loads(shown), atol=1e-6)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Sliders").click()
    ready(page)
    plans_done(page)
    assert "/sliders" in page.url, "and stays there"
    np.testing.assert_allclose(code(page), json.loads(shown), atol=1e-6)


def test_the_code_is_taken_away_as_json_python_and_link(visit: Visit, server: Server, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0.5,-1,0.25,2,0")
    ready(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    def copied(what: str) -> str:
        export = page.get_by_role("button", name="Export")
        if not page.get_by_role("button", name=f"Copy {what}").is_visible():
            export.click()
        page.get_by_role("button", name=f"Copy {what}").click()
        expect(page.get_by_text("copied.")).to_be_visible()
        found: str = page.evaluate("navigator.clipboard.readText()")
        return found

    assert json.loads(copied("JSON")) == code(page) == [0.5, -1, 0.25, 2, 0]
    lines: dict[str, np.ndarray] = {}
    exec(copied("Python"), lines)
    np.testing.assert_array_equal(
        lines["image"], load_run(trained).decode(np.array([[0.5, -1, 0.25, 2, 0]]))[0]
    )
    page.get_by_label("z1 value").fill("1")
    page.get_by_label("z1 value").press("Enter")
    expect(page.get_by_label("code", exact=True)).to_have_text("[0.5, 1, 0.25, 2, 0]")
    link = copied("link")  # before the address follows
    assert link.startswith(server.url)
    again = visit(link.removeprefix(server.url))
    ready(again)
    assert code(again) == [0.5, 1, 0.25, 2, 0]


def test_an_upload_is_an_encoded_image_and_a_broken_one_leaves_the_deck(
    visit: Visit, trained: Run, tmp_path: Path
) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,1,0,0,0")
    ready(page)
    page.get_by_role("button", name="Pin", exact=True).click()
    page.get_by_label("z2 value").fill("1.5")
    page.get_by_label("z2 value").press("Enter")
    page.get_by_role("button", name="Start from an image").click()
    page.get_by_test_id("stPopoverBody").get_by_text("upload", exact=True).click()
    bad, good = tmp_path / "bad.png", tmp_path / "mine.png"
    bad.write_bytes(b"not an image")
    image = np.tile(np.arange(0, 240, 15, np.uint8), (16, 1))
    Image.fromarray(image).save(good)
    page.locator("input[type=file]").set_input_files(bad)
    expect(page.get_by_text(re.compile("^bad.png"))).to_be_visible()
    script_at_rest(page)
    assert code(page) == [0, 1, 1.5, 0, 0]
    expect(page.get_by_role("button", name="pin 1", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    page.locator("input[type=file]").set_input_files(good)
    page.get_by_role("button", name="Start from it").click()
    expect(page.get_by_text("encoded: mine.png")).to_be_visible()
    comes_to(page, load_run(trained).encode(image[None, None]).mean[0])
    shows_its_code(page, trained)


def test_each_rest_of_the_hand_is_one_entry_and_back_is_followed(visit: Visit, trained: Run) -> None:
    page = visit(f"/?run={trained.id}")
    expect(page.get_by_role("heading", name="Latent Explorer", exact=True)).to_be_visible()
    script_at_rest(page)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Sliders").click()
    ready(page)
    plans_done(page)
    codes = [code(page)]
    for dim, key in ((0, "End"), (1, "Home"), (2, "End")):
        page.get_by_label(f"z{dim}", exact=True).press(key)
        plans_done(page)
        comes(page, lambda: linked(page) == code(page), "the address says the code")
        codes.append(code(page))
    for expected in reversed(codes[:-1]):
        page.go_back()  # at once, while what was written last may still come back as an echo
        comes_to(page, np.array(expected))
        plans_done(page)
        assert linked(page) == expected, "nothing else is written over it"
    shows_its_code(page, trained)
    before = len(asked(page))
    page.go_forward()
    comes_to(page, np.array(codes[1]))
    plans_done(page)
    assert len(asked(page)) == before + 1, "what the page said is not told back: it would undo the next step"
    page.go_back()
    comes_to(page, np.array(codes[0]))
    page.go_back()  # four presses for three moves: the last one leaves the page
    expect(page.get_by_role("heading", name="Latent Explorer", exact=True)).to_be_visible()


def linked(page: Page) -> list[float] | None:
    """The code in the address."""
    text = re.search(r"z=([^&]+)", page.url)
    found = None if text is None else unpack(text.group(1), len(code(page)))
    return None if found is None else np.round(found, 3).astype(float).round(3).tolist()


def test_a_fine_picture_is_enlarged_smoothly_until_its_pixels_are_asked_for(visit: Visit) -> None:
    rendering = "c => getComputedStyle(c).imageRendering"
    page = visit("/sliders?run=faces")
    ready(page)
    assert picture(page).evaluate(rendering) == "auto"
    switch = page.get_by_role("switch", name="Pixels")
    switch.press(" ")
    comes(page, lambda: picture(page).evaluate(rendering) == "pixelated", "its pixels are shown")
    assert page.locator(".strip").first.evaluate(rendering) == "pixelated"
    assert page.locator(".place canvas").evaluate(rendering) == "auto", "a chart is no picture"
    page.get_by_test_id("stSidebar").get_by_role("link", name="Interpolate").click()
    path = page.locator(".path .screen canvas").first
    painted(path)
    expect(switch).to_be_checked()
    parts = [path, page.locator(".path .strip canvas").first]
    assert [part.evaluate(rendering) for part in parts] == ["pixelated"] * 2
    switch.press(" ")
    comes(page, lambda: [part.evaluate(rendering) for part in parts] == ["auto"] * 2, "smooth again")
    small = visit("/sliders?run=digits")
    ready(small)
    assert picture(small).evaluate(rendering) == "pixelated"
    expect(small.get_by_role("switch", name="Pixels")).to_have_count(0)
    box, side = picture(small).bounding_box(), int(picture(small).get_attribute("width") or 0)
    assert box
    assert box["width"] % side == pytest.approx(0, abs=0.01), "every pixel is as large as the next"


def test_a_guided_run_says_so_and_what_each_slider_changes(visit: Visit) -> None:
    page = visit("/sliders?run=faces")
    ready(page)
    data, prior = page.get_by_role("radio", name="data, 1–99 %"), page.get_by_role("radio", name="prior ±3")
    expect(data).to_be_checked()
    assert float(page.get_by_label("z1", exact=True).get_attribute("max") or 3) < 3
    # by keyboard as by touch: what the word means opens under it
    for word, says in (
        ("guided", "learned from labels, not discovered"),
        ("share of smile: 89 %", "regressor"),
    ):
        meaning = page.locator(".meaning").filter(has_text=says)
        expect(meaning).to_be_hidden()
        page.get_by_role("button", name=word, exact=True).press("Enter")
        expect(meaning).to_be_visible()
        page.keyboard.press("Escape")
        expect(meaning).to_be_hidden()
    page.get_by_label("z9 value").press("Home")  # the panel scrolls
    expect(page.get_by_role("button", name="guided", exact=True)).to_be_in_viewport()
    prior.check()
    page.get_by_label("z1 value").fill("2.5")
    page.get_by_label("z1 value").press("Enter")
    plans_done(page)
    expect(prior).to_be_checked()  # by hand: what the page hands over later leaves it
    other = visit("/sliders?run=faces-unsupervised", width=390, height=844)
    ready(other)
    expect(other.get_by_role("radio", name="prior ±3")).to_be_checked()
    expect(other.get_by_role("button", name="guided", exact=True)).to_have_count(0)
    expect(other.get_by_role("button", name=re.compile("^share of ")).first).to_be_in_viewport()
    value = other.get_by_label(re.compile("^z. value$")).first.bounding_box()
    assert value
    assert value["x"] + value["width"] <= 390, "a slider's line fits a phone"


def test_what_is_said_under_the_picture_moves_nothing(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}", width=1280, height=720)
    ready(page)
    parts = [page.get_by_role("button", name="Compare"), page.locator(".near"), picture(page)]
    before = [part.bounding_box() for part in parts]
    for dim in range(5):
        page.get_by_label(f"z{dim} value").fill("2.5")
        page.get_by_label(f"z{dim} value").press("Enter")
        page.get_by_label(f"lock z{dim}").click()
    page.get_by_role("button", name="Uncertainty").click()
    said = page.get_by_text("unlock z0")
    expect(said).to_be_visible()
    assert said.evaluate("p => p.scrollHeight > 1.5 * parseFloat(getComputedStyle(p).lineHeight)"), (
        "two lines"
    )
    assert [part.bounding_box() for part in parts] == before


def test_the_sliders_scroll_in_their_panel_and_the_picture_stays(visit: Visit) -> None:
    page = visit("/sliders?run=faces", width=1280, height=720)
    ready(page)
    before = picture(page).bounding_box()
    last = page.locator(".sliders input[type=range]").last
    last.press("ArrowRight")
    expect(last).to_be_in_viewport()
    assert picture(page).bounding_box() == before
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0


def test_a_double_click_takes_a_dimension_back_to_the_encoded_image(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    encoded = code(page)
    for dim, value in ((1, 2.5), (3, -2.5)):
        page.get_by_label(f"z{dim} value").fill(str(value))
        page.get_by_label(f"z{dim} value").press("Enter")
    page.get_by_label("z1", exact=True).dblclick(position={"x": 3, "y": 5})
    comes_to(page, np.array([*encoded[:3], -2.5, encoded[4]]))


def touch(page: Page, *places: tuple[float, float]) -> None:
    """One finger put down, moved over these places, and lifted."""
    finger = page.context.new_cdp_session(page)
    finger.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, (x, y) in zip(("touchStart", *["touchMove"] * (len(places) - 1)), places, strict=True):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        next_frame(page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_moves_sliders_and_picture(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,0,0,0,0")
    ready(page)
    slider = page.locator(".sliders input[type=range]").first
    dim = int((slider.get_attribute("aria-label") or "")[1:])
    box = slider.bounding_box()
    assert box
    before, y = frames(page), box["y"] + box["height"] / 2
    touch(page, *[(box["x"] + box["width"] * (0.5 + 0.04 * k), y) for k in range(11)])
    plans_done(page)
    found = code(page)
    assert found[dim] == pytest.approx(2.4, abs=0.15)
    assert [v for d, v in enumerate(found) if d != dim] == [0, 0, 0, 0]
    assert frames(page) - before >= 3
    shows_its_code(page, trained)
    page.get_by_role("button", name="Zero").click()
    page.get_by_label("dimension across").select_option("4")
    page.get_by_label("dimension up").select_option("1")
    box = picture(page).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(page, *[(x + 0.025 * k * box["width"], y - 0.025 * k * box["height"]) for k in range(11)])
    plans_done(page)
    found = code(page)
    assert (found[4], found[1]) == (pytest.approx(1.5, abs=0.05), pytest.approx(1.5, abs=0.05))
    assert [found[0], found[2], found[3]] == [0, 0, 0]
    shows_its_code(page, trained)


def test_a_code_from_the_data_is_that_of_an_image(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,0,0,0,0")
    ready(page)
    data = open_images("digits", 16, trained.places)
    index = trained.record().effective.data.split(data).train
    means = load_run(trained).encode(data.images[index]).mean
    for _ in range(2):
        before = code(page)
        page.get_by_role("button", name="From data").click()
        expect(page.get_by_label("code", exact=True)).not_to_have_text(f"[{', '.join(map(str, before))}]")
        away = np.abs(means - np.array(code(page))).max(1)
        assert away.min() < 6e-4
        expect(page.locator("[data-n=near]")).to_contain_text(f"image {index[away.argmin()]} ")
        expect(page.locator("[data-n=near]")).to_contain_text("distance 0.00")
        assert code(page) != before


def test_collapsed_dimensions_are_folded_away(visit: Visit) -> None:
    page = visit("/sliders?run=digits-beta3&z=0,0,0,0,0,0,0,0")
    ready(page)
    expect(page.locator(".sliders .slider")).to_have_count(6)
    expect(page.get_by_label("z3", exact=True)).to_have_count(0)
    before = pixels(page)
    page.get_by_text("2 collapsed dimensions").click()
    expect(page.get_by_text("Their posterior is the prior")).to_be_visible()
    for dim in (3, 4):
        page.get_by_label(f"z{dim} value").fill("2")
        page.get_by_label(f"z{dim} value").press("Enter")
    expect(page.get_by_label("code", exact=True)).to_have_text("[0, 0, 0, 2, 2, 0, 0, 0]")
    changed = np.abs(pixels(page).astype(int) - before).mean()
    page.get_by_label("z0 value").fill("2")
    page.get_by_label("z0 value").press("Enter")
    expect(page.get_by_label("code", exact=True)).to_have_text("[2, 0, 0, 2, 2, 0, 0, 0]")
    assert changed < 0.2 * np.abs(pixels(page).astype(int) - before).mean(), "they hardly change the picture"


def test_trust_is_that_of_the_core(visit: Visit, trained: Run) -> None:
    model = load_run(trained)
    data = open_images("digits", 16, trained.places)
    index = model.config.data.split(data).train
    codes = model.encode(data.images[index])
    usual = aggregate(codes.mean, codes.log_var)
    for z in (codes.mean[7], np.array([1.0, -1, 0.5, 2, 0]), np.zeros(5)):
        page = visit(f"/sliders?run={trained.id}&z={pack(z)}")
        ready(page)
        shown = np.array(code(page))
        text = page.locator("[data-n=percentile]").inner_text()
        assert abs(int(re.sub(r"\D", "", text)) - usual.percentile(shown)[0]) <= 1
        distance = np.linalg.norm(codes.mean - shown, axis=1)
        near = page.locator("[data-n=near]").inner_text()
        assert f"image {index[distance.argmin()]} " in near
        assert near.endswith(f"distance {distance.min():.2f}")
    page.get_by_label("z0 value").fill("90")
    page.get_by_label("z0 value").press("Enter")
    expect(page.locator("[data-n=percentile]")).to_have_text("far outside the data")


def test_the_nearest_is_of_all_images_once_they_are_encoded(
    visit: Visit, server: Server, trained: Run
) -> None:
    few = 40
    page = visit("/")
    asked: list[str] = []

    def head(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "count": few})

    def some(route: Route) -> None:
        answer = route.fetch()
        body = np.frombuffer(answer.body(), "<i4")
        n = len(body) // (5 + 2)
        parts = (body[: 5 * few], body[5 * n : 5 * n + few], body[6 * n : 6 * n + few])
        route.fulfill(response=answer, body=np.concatenate(parts).tobytes())

    def all_of_them(route: Route) -> None:
        asked.append(route.request.url)
        route.continue_()

    page.route("**/cloud.json", head)
    page.route("**/cloud-*.bin", some)
    page.route("**/crowd-*.bin", all_of_them)
    page.goto(f"{server.url}/sliders?run={trained.id}&z={pack(np.zeros(5))}")
    data = open_images("digits", 16, trained.places)
    index = trained.record().effective.data.split(data).train
    what = page.locator("[data-n=near-what]")
    expect(what).to_have_text(f"of {few} of the {len(index):,} training images")
    expect(what).to_have_text(f"of {len(index):,} training images")
    distance = np.linalg.norm(
        load_run(trained).encode(data.images[index]).mean - np.array(code(page)), axis=1
    )
    expect(page.locator("[data-n=near]")).to_contain_text(f"image {index[distance.argmin()]} ")
    expect(page.locator("[data-n=near]")).to_contain_text(f"distance {distance.min():.2f}")
    assert asked


def test_strips_show_where_a_slider_leads(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0.5,0.5,0.5,0.5,0.5")
    ready(page)
    strip = page.locator("[data-dim='2'] canvas.strip")
    strip.scroll_into_view_if_needed()
    expect(strip).to_have_attribute("width", str(9 * 16))

    def drawn() -> np.ndarray:
        shown = strip.evaluate("c => [...c.getContext('2d').getImageData(0, 0, 144, 16).data]")
        return np.array(shown, np.uint8).reshape(16, 9, 16, 4)

    comes(page, lambda: drawn()[..., 3].all(), "the last of its pictures is there")
    found = drawn().reshape(16, 144, 4)[..., 0]
    codes = np.full((9, 5), 0.5)
    codes[:, 2] = -3 + 6 * (np.arange(9) + 0.5) / 9
    expected = np.concatenate(list(load_run(trained).decode_uint8(codes)[:, 0]), axis=1)
    assert np.abs(found.astype(int) - expected).max() <= 1


def ends(page: Page, dim: int) -> tuple[float, float]:
    slider = page.get_by_label(f"z{dim}", exact=True)
    return float(slider.get_attribute("min") or "nan"), float(slider.get_attribute("max") or "nan")


def usual_of(run: Run) -> Aggregate:
    """Where the training images lie."""
    data = open_images("digits", 16, run.places)
    codes = load_run(run).encode(data.images[run.record().effective.data.split(data).train])
    return aggregate(codes.mean, codes.log_var)


def test_a_range_goes_as_far_as_it_says(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,0,0,0,0")
    ready(page)
    usual = usual_of(trained)
    assert ends(page, 2) == (-3, 3)
    page.get_by_role("radio", name="data").check()
    for d in range(5):
        np.testing.assert_allclose(ends(page, d), (usual.low[d], usual.high[d]), atol=2e-3)
    slider = page.get_by_label("z2", exact=True)
    slider.press("End")
    expected = np.array([0, 0, usual.high[2], 0, 0])
    comes(page, lambda: np.abs(np.array(code(page)) - expected).max() < 2e-3, "z2 is at its end")
    shows_its_code(page, trained)
    page.get_by_role("radio", name="free").check()
    far = max(6, 2 * np.abs([usual.low[2], usual.high[2]]).max())
    np.testing.assert_allclose(ends(page, 2), (-far, far), atol=5e-3)
    slider.press("Home")
    expect(page.get_by_label("z2 value")).to_have_value(re.compile(r"^-[6-9]"))
    shows_its_code(page, trained)


def test_the_datas_range_waits_until_it_is_known(visit: Visit, server: Server, trained: Run) -> None:
    page = visit("/")
    held: list[Route] = []
    page.route("**/cloud.json", lambda route: held.append(route))
    page.goto(f"{server.url}/sliders?run={trained.id}")
    expect(page.get_by_text("data: once the images' codes are there")).to_be_visible()
    data = page.get_by_role("radio", name="data")
    expect(data).to_be_disabled()
    expect(page.get_by_role("radio", name="prior")).to_be_checked()
    page.get_by_label("z1 value").fill("1")
    page.get_by_label("z1 value").press("Enter")
    comes(page, lambda: held, "the cloud is asked for")
    held[0].continue_()
    ready(page)
    expect(data).to_be_enabled()
    expect(page.get_by_text("data: once")).to_have_count(0)
    assert ends(page, 1) == (-3, 3)
    again = visit("/")
    again.route(
        "**/cloud.json", lambda route: route.fulfill(status=409, json={"error": "no codes came with it"})
    )
    again.goto(f"{server.url}/sliders?run={trained.id}")
    expect(again.get_by_text("data: no codes came with it")).to_be_visible()
    expect(again.get_by_role("radio", name="data")).to_be_disabled()


def test_without_a_prior_the_range_is_the_datas(visit: Visit, server: Server) -> None:
    config = RunConfig(
        DataConfig("digits", side=16, limit=300),
        ModelConfig("mlp", 3),
        ObjectiveConfig("autoencoder"),
        TrainingConfig(epochs=1, precision="float32"),
    )
    run = Store(server.places).create(config, "without-a-prior")
    assert train_run(run, server.places).state == FINISHED
    page = visit(f"/sliders?run={run.id}")
    ready(page)
    expect(page.get_by_role("radio", name="data")).to_be_checked()
    means = run.epoch_codes()[-1].mean
    usual = aggregate(means, np.full(means.shape, -np.inf))
    for d in range(3):
        np.testing.assert_allclose(ends(page, d), (usual.low[d], usual.high[d]), atol=2e-3)
    for what in ("Random", "Play"):  # there is no prior to draw from
        expect(page.get_by_role("button", name=what)).to_have_count(0)


def test_dragging_the_picture_moves_the_two_chosen_dimensions(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,0,0,0,0")
    ready(page)
    page.get_by_label("dimension across").select_option("4")
    page.get_by_label("dimension up").select_option("1")
    drag_picture(page, 0.75, 0.25)
    next_frame(page)
    found = code(page)
    assert found[4] == pytest.approx(1.5, abs=0.05)
    assert found[1] == pytest.approx(1.5, abs=0.05)
    assert [found[0], found[2], found[3]] == [0, 0, 0]
    shows_its_code(page, trained)


def test_play_walks_and_pauses_and_compare_shows_the_encoded_image(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    encoded = pixels(page)
    before = frames(page)
    page.get_by_role("button", name="Play").click()
    walks(page, 21)
    page.get_by_role("button", name="Pause").click()
    assert frames(page) - before > 20
    next_frame(page)
    still = frames(page)
    shows_its_code(page, trained)
    assert frames(page) == still
    moved = pixels(page)
    assert (moved != encoded).any()
    compare = page.get_by_role("button", name="Compare")
    box = compare.bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    next_frame(page)
    np.testing.assert_array_equal(pixels(page), encoded)
    page.mouse.up()
    next_frame(page)
    np.testing.assert_array_equal(pixels(page), moved)


def test_compare_shows_the_encoded_image_while_the_walk_goes_on(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    encoded, at_encoded = pixels(page), code(page)
    page.get_by_role("button", name="Play").click()
    walks(page, 20)
    box = page.get_by_role("button", name="Compare").bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    expect(page.get_by_role("button", name="Compare")).to_have_class("on")
    walks(page, 2)
    for _ in range(5):
        np.testing.assert_array_equal(pixels(page), encoded)
        assert code(page) == at_encoded
        walks(page, 1)
    page.mouse.up()
    walks(page, 3)
    assert code(page) != at_encoded
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def walks(page: Page, pictures: int) -> None:
    """Wait until so many more pictures were painted."""
    page.wait_for_function(
        "([c, n]) => Number(c.dataset.frame) >= n",
        arg=[picture(page).element_handle(), frames(page) + pictures],
    )


def test_play_goes_on_at_another_speed(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=0,0,0,0,0")
    ready(page)
    speed = page.get_by_label("speed", exact=True)
    gone = []
    for end in ("Home", "End"):
        page.get_by_role("button", name="Zero").click()
        expect(page.get_by_label("code", exact=True)).to_have_text("[0, 0, 0, 0, 0]")
        speed.press(end)
        page.get_by_role("button", name="Play").click()
        walks(page, 12)
        gone.append(np.linalg.norm(code(page)))
        box = speed.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        before = code(page)
        walks(page, 3)
        assert code(page) != before
        page.get_by_role("button", name="Pause").click()
    assert gone[1] > 2 * gone[0]


def test_names_and_bookmarks_are_kept_with_the_run(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}&z=1,0,0,0,-1")
    ready(page)
    page.get_by_label("name of z2").fill("slant")
    page.get_by_label("name of z2").press("Enter")
    page.get_by_role("button", name="Bookmark", exact=True).click()
    expect(page.get_by_role("button", name="bookmark 1", exact=True)).to_be_visible()
    comes(page, lambda: read_marks(trained).bookmarks, "the bookmark is kept")
    assert read_marks(trained).names == {2: "slant"}
    assert read_marks(trained).bookmarks == ((1, 0, 0, 0, -1),)
    again = visit(f"/sliders?run={trained.id}")
    ready(again)
    expect(again.get_by_label("name of z2")).to_have_value("slant")
    again.get_by_role("button", name="bookmark 1", exact=True).click()
    expect(again.get_by_label("code", exact=True)).to_have_text("[1, 0, 0, 0, -1]")
    again.get_by_role("button", name="remove bookmark 1").click()
    comes(again, lambda: not read_marks(trained).bookmarks, "it is removed")
    assert read_marks(trained).bookmarks == ()


def test_two_pages_keep_each_others_names_and_bookmarks(visit: Visit, server: Server) -> None:
    run = short(server, "open-twice")
    one, two = (visit(f"/sliders?run={run.id}&z=1,0,{k}") for k in range(2))
    ready(one)
    ready(two)

    def name(page: Page, dim: int, word: str) -> None:
        page.get_by_label(f"name of z{dim}").fill(word)
        page.get_by_label(f"name of z{dim}").press("Enter")

    name(one, 0, "hat")
    one.get_by_role("button", name="Bookmark", exact=True).click()
    # shown at once, and kept when the script has heard of it: the other page is told no sooner
    comes(one, lambda: read_marks(run).bookmarks, "the first page's bookmark is kept")
    name(two, 1, "smile")
    two.get_by_role("button", name="Bookmark", exact=True).click()
    # what the other page did shows with the next word from the script
    expect(two.get_by_label("name of z0")).to_have_value("hat")
    expect(two.get_by_role("button", name="bookmark 2", exact=True)).to_be_visible()
    script_at_rest(two)
    one.get_by_role("button", name="remove bookmark 1").click()
    expect(one.get_by_label("name of z1")).to_have_value("smile")
    expect(one.get_by_role("button", name="bookmark 1", exact=True)).to_be_visible()
    script_at_rest(one)
    assert read_marks(run).names == {0: "hat", 1: "smile"}
    assert read_marks(run).bookmarks == ((1, 0, 1),)


def pinned(page: Page, expected: np.ndarray, run: Run) -> None:
    """Wait until the pins show these codes (N, D)."""
    pictures = load_run(run).decode_uint8(expected)[:, 0].astype(int)
    expect(page.locator(".pins canvas")).to_have_count(len(expected))

    def away() -> np.ndarray:
        found = page.locator(".pins canvas").evaluate_all(
            "all => all.map(c => [...c.getContext('2d').getImageData(0, 0, 16, 16).data])"
        )
        return np.abs(np.array(found, np.uint8).reshape(-1, 16, 16, 4)[..., 0] - pictures).max((1, 2))

    comes(page, lambda: (away() <= 1).all(), "the pins show these codes")


def test_pins_take_the_steps_of_the_sliders(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    encoded = np.array(code(page))
    page.get_by_role("button", name="Zero").click()
    page.get_by_role("button", name="Pin", exact=True).click()
    one = np.zeros((1, 5))
    pinned(page, one, trained)
    page.get_by_role("button", name="Random").click()
    expect(page.get_by_label("code", exact=True)).not_to_have_text("[0, 0, 0, 0, 0]")
    elsewhere = np.array(code(page))
    plans_done(page)
    pinned(page, one, trained)  # no slider went there

    def put(dim: int, value: float) -> float:
        """By how much that moves the dimension."""
        before = code(page)[dim]
        page.get_by_label(f"z{dim} value").fill(str(value))
        page.get_by_label(f"z{dim} value").press("Enter")
        return value - before

    one[0, 2] = put(2, 1.5)
    pinned(page, one, trained)
    # a second one: steps are counted from here, and the first stays where it has come to
    page.get_by_role("button", name="Pin", exact=True).click()
    elsewhere[2] = 1.5
    at = np.stack((one[0], elsewhere))
    pinned(page, at, trained)
    step = np.zeros(5)
    step[0] = put(0, -1.25)
    pinned(page, at + step, trained)
    page.get_by_role("button", name="Undo").click()
    pinned(page, at, trained)
    page.get_by_role("button", name="Redo").click()
    pinned(page, at + step, trained)
    # a click on a pin takes its code, and moves nothing
    page.get_by_role("button", name="pin 1", exact=True).click()
    comes_to(page, at[0] + step)
    pinned(page, at + step, trained)
    page.get_by_role("button", name="Reset").click()
    comes_to(page, encoded)
    pinned(page, at, trained)
    page.get_by_role("button", name="Undo").click()
    comes_to(page, at[0] + step)
    pinned(page, at + step, trained)
    page.get_by_role("button", name="remove pin 1").click()
    pinned(page, (at + step)[1:], trained)


def test_samples_are_drawn_taken_and_downloaded(visit: Visit, trained: Run, tmp_path: Path) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    page.get_by_text("Samples from the prior").click()
    page.get_by_label("temperature").fill("0")
    sheet = page.get_by_role("img", name="samples")
    expect(sheet).to_have_attribute("data-done", "16")
    shown = np.array(sheet.evaluate("c => [...c.getContext('2d').getImageData(0, 0, 64, 64).data]"), np.uint8)
    middle = load_run(trained).decode_uint8(np.zeros(5))[0, 0]
    assert np.abs(shown.reshape(64, 64, 4)[:16, :16, 0].astype(int) - middle).max() <= 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Download PNG").click()
    path = tmp_path / "samples.png"
    download.value.save_as(path)
    with Image.open(path) as opened:
        assert opened.size == (64, 64)
    sheet.click()
    expect(page.get_by_label("code", exact=True)).to_have_text("[0, 0, 0, 0, 0]")


def test_temperature_scales_the_same_samples(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    page.get_by_text("Samples from the prior").click()
    sheet = page.get_by_role("img", name="samples")
    sheet.scroll_into_view_if_needed()

    def taken(row: int, column: int) -> np.ndarray:
        """The code of a sample, which its picture shows."""
        expect(sheet).to_have_attribute("data-done", "16")
        shown = sheet.evaluate("c => [...c.getContext('2d').getImageData(0, 0, 64, 64).data]")
        cell = np.array(shown, np.uint8).reshape(4, 16, 4, 16, 4)[row, :, column, :, 0]
        page.get_by_role("button", name="Zero").click()
        expect(page.get_by_label("code", exact=True)).to_have_text("[0, 0, 0, 0, 0]")
        box = sheet.bounding_box()
        assert box
        side = box["width"] / 4
        sheet.click(position={"x": (column + 0.5) * side, "y": (row + 0.5) * side})
        expect(page.get_by_label("code", exact=True)).not_to_have_text("[0, 0, 0, 0, 0]")
        found = np.array(code(page))
        assert np.abs(load_run(trained).decode_uint8(found)[0, 0].astype(int) - cell).max() <= 1
        return found

    warm = np.stack([taken(0, 1), taken(3, 2)])
    assert np.abs(warm[0] - warm[1]).max() > 0.1
    page.get_by_label("temperature").fill("0.5")
    np.testing.assert_allclose(np.stack([taken(0, 1), taken(3, 2)]), warm / 2, atol=1e-3)
    page.get_by_role("button", name="New samples").click()
    assert np.abs(taken(0, 1) - warm[0] / 2).max() > 0.01


def encoded(page: Page) -> None:
    """Wait until the whole of a drawing is encoded and its code on the picture."""
    answered(page, "/encode?")
    plans_done(page)


def stroke(page: Page, pad: Locator) -> None:
    """From top to bottom of the pad. The pen stays down."""
    pen_down(page, pad, 0.5, 0.15)
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.48 * box["width"], box["y"] + 0.82 * box["height"], steps=12)


def test_a_drawing_is_encoded_while_it_is_drawn(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    before = code(page)
    page.get_by_text("Draw", exact=True).click()
    pad = page.get_by_role("img", name="drawing pad")
    stroke(page, pad)
    expect(page.get_by_text("encoded: your drawing")).to_be_visible()  # before the pen is lifted
    encoded(page)
    assert code(page) != before
    seen = page.get_by_role("img", name="what is encoded")
    drawn = np.array(seen.evaluate("c => [...c.getContext('2d').getImageData(0, 0, 16, 16).data]"), np.uint8)
    digit = drawn.reshape(16, 16, 4)[..., 0]
    assert digit.max() == 255
    expected = load_run(trained).encode(digit[None, None]).mean[0]
    np.testing.assert_allclose(code(page), expected, atol=6e-4)
    shows_its_code(page, trained)


def seeded(seed: int) -> Callable[[], float]:
    """mulberry32, as decoder.js has it."""
    a, whole = seed, 0xFFFFFFFF

    def random() -> float:
        nonlocal a
        a = (a + 0x6D2B79F5) & whole
        t = ((a ^ (a >> 15)) * (1 | a)) & whole
        t = ((t + (((t ^ (t >> 7)) * (61 | t)) & whole)) & whole) ^ t
        return ((t ^ (t >> 14)) & whole) / 2**32

    return random


def gaussian(random: Callable[[], float]) -> float:
    return math.sqrt(-2 * math.log(1 - random())) * math.cos(2 * math.pi * random())


def test_uncertainty_is_the_spread_of_decoded_samples(visit: Visit, trained: Run) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    page.get_by_role("button", name="Uncertainty").click()
    expect(page.locator("canvas.overlay")).to_be_visible()
    overlay = page.locator("canvas.overlay")
    most = float(overlay.get_attribute("data-most") or 0)
    shown = np.array(
        overlay.evaluate("c => [...c.getContext('2d').getImageData(0, 0, 16, 16).data]"), np.uint8
    )
    found = most * shown.reshape(16, 16, 4)[..., 3] / 235
    model = load_run(trained)
    q = model.encode(image_of_set(trained, 0))
    random = seeded(11)
    noise = np.array([gaussian(random) for _ in range(32 * 5)]).reshape(32, 5)
    encoded = np.array(code(page))
    samples = model.decode_uint8(encoded + q.std * noise)[:, 0] / 255
    np.testing.assert_allclose(found, samples.std(0, ddof=1), atol=0.004)
    # thirty-two samples are enough to tell where it is large
    many = model.decode(q.mean + q.std * np.random.default_rng(0).standard_normal((2_000, 5)))[:, 0].std(0)
    assert np.corrcoef(found.ravel(), many.ravel())[0, 1] > 0.95
    assert found.mean() == pytest.approx(many.mean(), rel=0.25)
    page.get_by_label("z1 value").fill("2")
    page.get_by_label("z1 value").press("Enter")
    expect(page.locator("canvas.overlay")).to_be_hidden()


def test_a_run_deleted_while_open_is_said(visit: Visit, server: Server) -> None:
    run = short(server, "soon-gone")
    page = visit(f"/sliders?run={run.id}")
    ready(page)
    Store(server.places).delete(run)
    for _ in range(2):  # before the page has heard of it, and after
        before = frames(page)
        page.get_by_label("z0", exact=True).press("ArrowRight")
        expect(picture(page)).not_to_have_attribute("data-frame", str(before))
        expect(page.get_by_text("was deleted; choose another one")).to_be_visible()


def test_new_weights_under_an_open_page_keep_the_code(visit: Visit, server: Server) -> None:
    run = short(server, "goes-on")
    page = visit(f"/sliders?run={run.id}&z=0.5,-0.5,1")
    ready(page)
    shows_its_code(page, run)
    old = run.stamp()
    run.go_on(1)
    assert train_run(run, server.places).state == FINISHED
    assert run.stamp() != old
    page.get_by_label("z0 value").fill("1")
    page.get_by_label("z0 value").press("Enter")
    expect(page.get_by_text("weights changed while this page was open")).to_be_visible()
    assert code(page) == [1, -0.5, 1]
    shows_its_code(page, run)
    # the encoded image's image goes on by the new weights as well
    expect(page.get_by_text(re.compile(r"encoded: image \d+ \(\d\), encoded anew"))).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    expected = load_run(run).encode(image_of_set(run, 0))
    comes_to(page, expected.mean[0])
    shows_its_code(page, run)
    page.get_by_role("button", name="Uncertainty").click()
    expect(page.locator("canvas.overlay")).to_be_visible()


def image_of_set(run: Run, place: int) -> np.ndarray:
    """An image of the set that one may start from, (1, C, H, W)."""
    data = open_images("digits", 16, run.places)
    return data.images[run.record().effective.data.split(data).test[place : place + 1]].copy()


def comes_to(page: Page, expected: np.ndarray) -> None:
    """Wait until the code is this one; whole thousandths are kept of it."""
    comes(page, lambda: np.abs(np.array(code(page)) - expected).max() < 6e-4, f"the code {expected}")


def test_an_image_chosen_after_new_weights_is_encoded_by_them(visit: Visit, server: Server) -> None:
    run = short(server, "goes-on-before-a-choice")
    page = visit(f"/sliders?run={run.id}")
    ready(page)
    page.get_by_role("button", name="Start from an image").click()
    place = page.get_by_role("spinbutton", name="Image")
    expect(place).to_be_visible()
    run.go_on(1)
    assert train_run(run, server.places).state == FINISHED
    place.fill("3")
    place.press("Enter")
    script_at_rest(page)
    page.get_by_role("button", name="Start from it").click()
    comes_to(page, load_run(run).encode(image_of_set(run, 3)).mean[0])
    shows_its_code(page, run)


def test_a_drawing_goes_on_by_new_weights(visit: Visit, server: Server) -> None:
    run = short(server, "goes-on-after-a-drawing")
    page = visit(f"/sliders?run={run.id}")
    ready(page)
    page.get_by_text("Draw", exact=True).click()
    stroke(page, page.get_by_role("img", name="drawing pad"))
    page.mouse.up()
    expect(page.get_by_text("encoded: your drawing")).to_be_visible()
    for wiped in (False, True):
        if wiped:
            page.get_by_role("button", name="Clear").click()
        run.go_on(1)
        assert train_run(run, server.places).state == FINISHED
        page.get_by_role("button", name="Zero").click()
        page.get_by_label("z0 value").fill(f"{1 + wiped}")
        page.get_by_label("z0 value").press("Enter")
        if wiped:
            expect(page.get_by_text("encoded: your drawing, as earlier weights encoded it")).to_be_visible()
            expect(page.get_by_role("button", name="Uncertainty")).to_be_disabled()
        else:
            expect(page.get_by_text("encoded: your drawing, encoded anew")).to_be_visible()
            expect(page.get_by_role("button", name="Uncertainty")).to_be_enabled()
            drawn = page.get_by_role("img", name="what is encoded").evaluate(
                "c => [...c.getContext('2d').getImageData(0, 0, 16, 16).data]"
            )
            digit = np.array(drawn, np.uint8).reshape(16, 16, 4)[None, None, ..., 0]
            encoded = load_run(run).encode(digit).mean[0]
        assert code(page) == [1 + wiped, 0, 0]
        shows_its_code(page, run)
        page.get_by_role("button", name="Reset").click()
        comes_to(page, encoded)


def test_a_drawing_meets_new_weights_and_is_encoded_by_them(visit: Visit, server: Server) -> None:
    run = short(server, "goes-on-while-drawn")
    page = visit(f"/sliders?run={run.id}")
    ready(page)
    page.get_by_text("Draw", exact=True).click()
    pad = page.get_by_role("img", name="drawing pad")
    expect(pad).to_have_attribute("data-ready", "")
    old = run.stamp()
    run.go_on(1)
    assert train_run(run, server.places).state == FINISHED
    assert run.stamp() != old
    stroke(page, pad)
    page.mouse.up()
    expect(page.get_by_text("encoded: your drawing")).to_be_visible()
    encoded(page)
    seen = page.get_by_role("img", name="what is encoded")
    drawn = np.array(seen.evaluate("c => [...c.getContext('2d').getImageData(0, 0, 16, 16).data]"), np.uint8)
    expected = load_run(run).encode(drawn.reshape(16, 16, 4)[None, None, ..., 0]).mean[0]
    np.testing.assert_allclose(code(page), expected, atol=6e-4)
    shows_its_code(page, run)


def test_without_workers_the_page_still_shows_everything(visit: Visit, trained: Run) -> None:
    page = visit("/")
    page.add_init_script("delete window.Worker")
    page.goto(page.url.split("?")[0].rstrip("/") + f"/sliders?run={trained.id}&z=0,1,0,0,0")
    ready(page)
    expect(page.locator("canvas.strip").first).to_have_attribute("width", str(9 * 16))
    expect(page.get_by_text("no module workers")).to_be_visible()
    shows_its_code(page, trained)


def test_a_code_of_the_run_before_is_not_placed_among_the_next_ones_images(
    visit: Visit, trained: Run, large: Run
) -> None:
    page = visit(f"/sliders?run={trained.id}")
    ready(page)
    held: list[Route] = []
    page.route("**/decode?*", lambda route: held.append(route))
    page.get_by_test_id("stSidebar").get_by_role("button", name=trained.name).click()
    with page.expect_response(re.compile(f"{large.id}/cloud-")):
        page.get_by_test_id("stPopoverBody").get_by_role("button", name=re.compile(f"{large.name}$")).click()
    expect(page.get_by_text("decoded by the server: its network is too large")).to_be_visible()
    comes(page, lambda: held, "the server is asked for the picture")
    plans_done(page)
    expect(page.locator("[data-n=percentile]")).to_have_text("–")
    expect(page.locator("[data-n=near]")).to_have_text("reading the images…")
    page.route("**/decode?*", lambda route: route.continue_())
    for route in held:
        route.continue_()
    ready(page)
    assert len(code(page)) == 4
    shows_its_code(page, large)


def test_images_that_are_being_encoded_are_waited_for(visit: Visit, server: Server, trained: Run) -> None:
    page = visit("/")
    answers = iter(["cloud.json", "cloud-"])

    def busy(route: Route) -> None:
        if next(answers, "none") in route.request.url:
            route.fulfill(status=202, json={"wait": True})
        else:
            route.continue_()

    page.route("**/cloud*", busy)
    page.goto(f"{server.url}/sliders?run={trained.id}")
    ready(page)
    assert next(answers, None) is None


# ---------------------------------------------------------------- residual blocks


def test_a_decoder_of_residual_blocks_runs_in_the_page(visit: Visit, server: Server) -> None:
    config = RunConfig(
        DataConfig("digits", side=32, limit=64), ModelConfig(Choice("resnet", ResnetParams(16, 32)), 4),
        training=TrainingConfig(epochs=1, precision="float32", batch_size=64),
    )  # fmt: skip
    run = Store(server.places).create(config, "residual")
    assert train_run(run, server.places).state == FINISHED
    page = visit(f"/sliders?run={run.id}&z=0.5,0,-2,1")
    ready(page)
    expect(page.get_by_text("decoded in this page")).to_be_visible()
    shows_its_code(page, run)


# ---------------------------------------------------------------- a decoder too large for the browser


@pytest.fixture(scope="module")
def large(server: Server) -> Run:
    """Untrained, since only its size matters: 130 million multiplications a picture."""
    params = ConvParams(width=176, units=64)
    config = RunConfig(
        DataConfig("digits", side=32, limit=64),
        ModelConfig(Choice("conv", params), 4),
        training=TrainingConfig(epochs=1, precision="float32", batch_size=64),
    )
    run = Store(server.places).create(config, "too-large")
    assert train_run(run, server.places).state == FINISHED
    return run


def test_a_large_decoder_is_asked_of_the_server(visit: Visit, large: Run) -> None:
    page = visit(f"/sliders?run={large.id}&z=0.5,0,0,1")
    ready(page)
    expect(page.get_by_text("decoded by the server: its network is too large")).to_be_visible()
    shows_its_code(page, large)
    before = frames(page)
    slide(page, "z1")
    page.mouse.up()
    handle = float(page.get_by_label("z1", exact=True).input_value())
    comes(page, lambda: code(page)[1] == handle, "the picture of the place where the hand rested")
    assert frames(page) > before + 2
    shows_its_code(page, large)


def test_a_busy_server_is_asked_again_and_a_refusal_is_said(visit: Visit, large: Run) -> None:
    page = visit(f"/sliders?run={large.id}&z=0.5,0,0,1")
    ready(page)
    answers = iter([429, 429])

    def busy(route: Route) -> None:
        status = next(answers, None)
        if status is None:
            route.continue_()
        else:
            route.fulfill(status=status, json={"error": "the server is busy"})

    page.route("**/decode?*", busy)
    page.get_by_label("z1", exact=True).press("Shift+ArrowRight")
    expect(page.get_by_label("code", exact=True)).to_have_text("[0.5, 0.5, 0, 1]")
    shows_its_code(page, large)
    page.unroute("**/decode?*")
    page.route("**/decode?*", lambda route: route.fulfill(status=500, json={"error": "out of memory"}))
    page.get_by_label("z1", exact=True).press("Shift+ArrowRight")
    expect(page.get_by_text("could not decode this: out of memory")).to_be_visible()
    # the code beside the picture is still that of the picture
    expect(page.get_by_label("code", exact=True)).to_have_text("[0.5, 0.5, 0, 1]")
    page.unroute("**/decode?*")
    page.get_by_label("z1", exact=True).press("Shift+ArrowRight")
    expect(page.get_by_label("code", exact=True)).to_have_text("[0.5, 1.5, 0, 1]")
    expect(page.get_by_text("could not decode this")).to_have_count(0)


def test_an_answer_that_never_comes_is_given_up(visit: Visit, large: Run) -> None:
    page = visit(f"/sliders?run={large.id}&z=0.5,0,0,1")
    ready(page)
    page.clock.install()
    hung: list[Route] = []

    def hang(route: Route) -> None:
        if len(route.request.post_data_buffer or b"") > 4 * 4:  # strips
            route.continue_()
        else:
            hung.append(route)

    page.route("**/decode?*", hang)
    page.get_by_label("z1", exact=True).press("Shift+ArrowRight")
    comes(page, lambda: hung, "the server is asked")
    page.get_by_label("z1", exact=True).press("Shift+ArrowRight")
    next_frame(page, 2)
    assert len(hung) == 1, "the newest waits for the one that is under way"
    page.clock.run_for(5_000)
    expect(page.get_by_text("still decoding")).to_be_visible()
    page.clock.run_for(20_000)
    expect(page.get_by_text("could not decode this: no answer within 20 seconds")).to_be_visible()
    expect(page.get_by_label("code", exact=True)).to_have_text("[0.5, 0, 0, 1]")
    comes(page, lambda: len(hung) == 2, "the newest is asked for")
    page.route("**/decode?*", lambda route: route.continue_())
    hung[1].continue_()  # the newest, which is asked for now
    expect(page.get_by_label("code", exact=True)).to_have_text("[0.5, 1, 0, 1]")
    expect(page.get_by_text("could not decode this")).to_have_count(0)
    page.clock.run_for(1_000)
    shows_its_code(page, large)


def test_a_page_whose_server_is_gone_still_decodes(visit: Visit, tmp_path: Path, chromium: object) -> None:
    places = Places(tmp_path / "home", tmp_path / "data")
    other = serve(places, tmp_path)
    try:
        context = chromium.new_context()  # type: ignore[attr-defined]
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(f"{other.url}/sliders?run=digits")
        ready(page)
    finally:
        other.stop()
    before = frames(page)
    page.get_by_label("z0", exact=True).press("ArrowRight")
    next_frame(page)
    assert frames(page) > before  # the page decodes on its own
    context.close()
