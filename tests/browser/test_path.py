"""The interpolation page in a real Chromium: a handle that paints without reruns, exact ends, play, and files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect
from servers import Server
from watch import asked, comes, echo_over, next_frame, painted, pen_down, plans_done, script_at_rest

from app.state.code_format import pack, unpack
from app.views.interpolate import tracks
from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.inference import LoadedModel, load_run
from vae_core.models.networks import ConvParams
from vae_core.options import Choice
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

RNG = np.random.default_rng(0)
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


def opened(visit: Callable[..., Page], run: Run, more: str = "") -> Page:
    """The page on two codes, with the big picture painted and the script at rest."""
    ends = "".join(f"&s{i + 1}={','.join(map(str, code))}" for i, code in enumerate(CODE))
    page = visit(f"/interpolate?run={run.id}{ends}{more}", charts=False)
    painted(picture(page))
    expect(page.get_by_role("tab", name="Export")).to_be_visible()
    script_at_rest(page)
    return page


def turn_to(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()
    expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")


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
    expect(picture(page)).not_to_have_attribute("data-frame", str(before))


def code(page: Page) -> np.ndarray:
    """The code as it is written beside the picture, (D,) float64."""
    shown = page.locator(".written code").first.inner_text()
    return np.array([float(v) for v in shown.strip("[]").split(",")])


def comes_to(page: Page, wanted: np.ndarray) -> None:
    """Until then the code is that of the picture painted last, which may be of the weights before."""
    comes(page, lambda: np.allclose(code(page), wanted, atol=1e-5), f"the code {wanted}")


def shows_its_code(page: Page, model: LoadedModel) -> None:
    """The picture is the decode of the code that stands beside it."""
    away = np.abs(pixels(page, model).astype(int) - model.decode_uint8(code(page))[0, 0]).max()
    assert away <= 1, "the browser's float32 and torch's round apart by one level at most"


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_the_end_frames_are_the_decodes_of_the_codes(
    visit: Callable[..., Page], trained: Run, model: LoadedModel, kind: str
) -> None:
    page = opened(visit, trained, f"&path={kind}")
    for value, end in zip((0, 1), CODE, strict=True):
        put(page, value)
        expect(page.locator("output b").first).to_have_text(f"{value}.00")
        assert code(page).tolist() == end
        shows_its_code(page, model)


def test_a_drag_paints_many_pictures_and_the_script_hears_of_it_once_at_rest(
    visit: Callable[..., Page], trained: Run
) -> None:
    page = opened(visit, trained)
    already = len(asked(page))
    box = handle(page).bounding_box()
    assert box
    before, y = frames(page), box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for i in range(40):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.012 * i), y)
        next_frame(page)
    assert frames(page) - before >= 10, "pictures follow the hand"
    assert len(asked(page)) == already, "no script runs while the hand moves"
    page.mouse.up()
    page.wait_for_url(re.compile(r"position=1\.\d+"))
    plans_done(page)
    assert len(asked(page)) == already + 1, "one run of the fragment, at rest"
    assert asked(page)[-1].rerun_script.fragment_id


def test_the_handle_goes_beyond_both_ends_and_says_so(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    assert (handle(page).get_attribute("min"), handle(page).get_attribute("max")) == ("-0.5", "1.5")
    put(page, -0.5)
    expect(page.get_by_text("before waypoint 1: extrapolated")).to_be_visible()
    np.testing.assert_allclose(code(page), 1.5 * np.array(CODE[0]) - 0.5 * np.array(CODE[1]), atol=1e-6)
    handle(page).press("End")
    expect(page.get_by_text("beyond waypoint 2: extrapolated")).to_be_visible()


def test_keys_move_the_handle(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    handle(page).press("ArrowRight")
    expect(handle(page)).to_have_value("0.51")
    handle(page).press("Shift+ArrowLeft")
    expect(handle(page)).to_have_value("0.41")
    for held in ("ctrlKey", "altKey", "metaKey"):
        assert handle(page).evaluate(
            "(e, held) => e.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', [held]: true, cancelable: true}))",
            held,
        ), f"with {held} it is the browser's"
    expect(handle(page)).to_have_value("0.41")


def test_play_runs_there_and_back_until_it_is_paused(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    page.get_by_role("combobox", name="speed").first.select_option("4")
    before = frames(page)
    page.get_by_role("button", name="Play").first.click()
    places: list[float] = []

    def there_and_back() -> bool:
        places.append(float(handle(page).input_value()))
        steps = np.diff(places)
        return frames(page) - before >= 20 and (steps > 0).any() and (steps < 0).any()

    comes(page, there_and_back, "it goes there and back")
    assert frames(page) - before >= 20
    assert max(places) <= 1
    assert min(places) >= 0
    steps = np.diff(places)
    assert (steps > 0).any()
    assert (steps < 0).any(), "ping-pong turns round"
    page.get_by_role("button", name="Pause").first.click()
    script_at_rest(page)
    rest = handle(page).input_value()
    plans_done(page)
    next_frame(page, 10)
    assert handle(page).input_value() == rest


def test_less_motion_goes_from_picture_to_picture(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained, "&steps=5&position=0")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Play").first.click()
    places: set[float] = set()

    def went_on() -> bool:
        places.add(round(float(handle(page).input_value()), 3))
        return len(places) > 3

    comes(page, went_on, "it goes from picture to picture")
    assert places <= {0, 0.25, 0.5, 0.75, 1}
    assert len(places) > 1


def test_the_code_between_is_written_to_the_last_digit(
    visit: Callable[..., Page], trained: Run, model: LoadedModel
) -> None:
    page = opened(visit, trained, "&path=spherical")
    for value in (0.137, 0.5, 1.291):
        put(page, value)
        assert (code(page).astype(np.float32) == along(value)).all(), (
            "the text parses to the float32 that was decoded"
        )
        shows_its_code(page, model)


def along(value: float) -> np.ndarray:
    """The spherical path's code at a place, (D,) float32, as the page runs along it: straight between its codes."""
    track = tracks.track("spherical", np.array(CODE, np.float32))
    low = int(np.clip(np.searchsorted(track.t, value, "right") - 1, 0, len(track.t) - 2))
    share = (value - track.t[low]) / (track.t[low + 1] - track.t[low])
    a, b = track.codes[low].astype(np.float64), track.codes[low + 1].astype(np.float64)
    return (a + share * (b - a)).astype(np.float32)


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
    visit: Callable[..., Page], server: Server, trained: Run, model: LoadedModel
) -> None:
    page = visit("/healthz", charts=False)
    page.add_init_script("""
      window.told = [];
      const read = () => {
        for (const bar of document.querySelectorAll('[data-testid=stProgress]'))
          if (window.told.at(-1) !== bar.innerText) window.told.push(bar.innerText);
      };
      new MutationObserver(read).observe(document, {subtree: true, childList: true, characterData: true});
    """)
    # eight waypoints: long enough to be looked on
    ends = [*CODE, *(RNG.standard_normal((6, 5)) * 1.5).round(2).tolist()]
    query = "".join(f"&s{i + 1}={','.join(map(str, code))}" for i, code in enumerate(ends))
    page.goto(f"{server.url}/interpolate?run={trained.id}&path=geodesic{query}")
    expect(page.get_by_text("on the straight line").first).to_be_visible()
    told = page.evaluate("window.told")
    # how far it says it is, is a matter of the moment: tests/app/test_interpolate.py holds the search to look
    assert any(words.startswith("looking for the geodesic: ") for words in told), told
    expect(handle(page)).to_have_attribute("min", "0")
    expect(handle(page)).to_have_attribute("max", "1")
    put(page, 1)
    assert code(page).tolist() == ends[-1]
    shows_its_code(page, model)


def test_a_link_opens_the_handles_place(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained, "&position=0.2")
    expect(handle(page)).to_have_value("0.2")
    put(page, 0.8)
    page.wait_for_url(re.compile(r"position=0\.800"))
    again = visit(page.url[page.url.index("/interpolate") :], charts=False)
    expect(handle(again)).to_have_value("0.8")


def test_back_brings_the_handle_to_where_it_rested_before(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained, "&position=0.2")
    for key, place in (("End", 1.5), ("Home", -0.5)):
        handle(page).press(key)
        page.wait_for_url(re.compile(rf"position={place:.3f}"))
    echo_over(page)
    page.go_back()
    expect(handle(page)).to_have_value("1.5")
    page.go_back()
    expect(handle(page)).to_have_value("0.2")
    put(page, 0.8)
    page.wait_for_url(re.compile(r"position=0\.800"))


def test_a_direction_has_a_strength(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    turn_to(page, "Attribute directions")
    strength = page.get_by_role("slider", name="strength")
    expect(strength).to_have_value("0")
    painted(page.get_by_role("img", name="image along the direction"))
    written = page.locator(".written code").nth(1)
    expect(written).to_have_text("[0.5, -1, 0.25, 1, 0]")
    strength.press("End")
    expect(written).not_to_have_text("[0.5, -1, 0.25, 1, 0]")


def test_interpolation_is_taken_away_as_a_gif(
    visit: Callable[..., Page], trained: Run, tmp_path: Path
) -> None:
    page = opened(visit, trained, "&path=spherical&frames=6")
    turn_to(page, "Export")
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


def test_an_upload_is_a_waypoint(visit: Callable[..., Page], trained: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    Image.fromarray(np.tile(np.arange(0, 240, 8, np.uint8), (30, 1))).save(path)
    page = opened(visit, trained)
    page.get_by_role("button", name="Waypoint 1", exact=True).click()
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_text("mine.png · its reconstruction")).to_be_visible()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not an image")
    page.locator("input[type=file]").first.set_input_files(bad)
    expect(page.get_by_text("not an image").first).to_be_visible()


def test_waypoints_are_added_and_moved(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(re.compile(r"s3=i0"))
    expect(page.get_by_role("button", name="Waypoint 3", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name="Waypoint 3", exact=True)).to_have_count(0)
    assert "s3=" not in page.url


def test_a_waypoint_is_added_and_at_once_moved(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    echo_over(page)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Earlier").click()
    page.wait_for_url(re.compile(r"s2=i0&s3="))


def test_a_press_opens_a_waypoint_beside_the_picture_and_moves_nothing(
    visit: Callable[..., Page], trained: Run
) -> None:
    page = opened(visit, trained, "&s3=i4")
    expect(page.get_by_text("Waypoint 1: a code")).to_be_visible()
    before = picture(page).bounding_box()
    page.get_by_role("button", name="Waypoint 3", exact=True).click()
    expect(page.get_by_text("Waypoint 3: image")).to_be_visible()
    expect(page.get_by_role("button", name="Earlier")).to_be_enabled()
    expect(page.get_by_role("button", name="Later")).to_be_disabled()
    script_at_rest(page)
    assert picture(page).bounding_box() == before


# ---------------------------------------------------------------- drawing


def draw(page: Page, *points: tuple[float, float]) -> None:
    """A line through places of the pad, shares of its side. The pen stays down."""
    pad = page.get_by_role("img", name="drawing pad")
    pen_down(page, pad, *points[0])
    box = pad.bounding_box()
    assert box
    for x, y in points[1:]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
    next_frame(page)


def grey(canvas: Locator) -> np.ndarray:
    """A canvas of 16 pixels on a side, uint8 (16, 16)."""
    found = canvas.evaluate("c => [c.width, ...c.getContext('2d').getImageData(0, 0, 16, 16).data]")
    assert found[0] == 16
    return np.array(found[1:], np.uint8).reshape(16, 16, 4)[..., 0]


def test_a_drawing_becomes_the_waypoint_when_the_pen_is_lifted(
    visit: Callable[..., Page], trained: Run, model: LoadedModel
) -> None:
    page = opened(visit, trained, "&position=1")
    refused = iter([429, 429])

    def busy(route: Route) -> None:
        status = next(refused, None)
        if status is None:
            route.continue_()
        else:
            route.fulfill(status=status, json={"error": "the server is busy"})

    page.route("**/encode?*", busy)
    page.get_by_role("button", name="Waypoint 2", exact=True).click()
    expect(page.get_by_text("Waypoint 2: a code")).to_be_visible()
    seen, back = (page.get_by_role("img", name=name) for name in ("what is encoded", "the drawing decoded"))
    draw(page, (0.5, 0.1), (0.45, 0.9))
    painted(back)
    assert grey(seen).max() == 255, "encoded before the pen is lifted"
    assert "s2=-1.5" in page.url, "and no waypoint yet"
    expect(page.get_by_text("your drawing")).to_have_count(0)
    page.mouse.up()
    expect(page.get_by_text("Waypoint 2: your drawing · its reconstruction")).to_be_visible()
    script_at_rest(page)
    drawn = grey(seen)
    expected = model.encode(drawn[None, None]).mean[0]
    token = unpack(re.search(r"s2=([^&]+)", page.url).group(1), 5)  # type: ignore[union-attr]
    np.testing.assert_allclose(token, expected, atol=6e-4)
    put(page, 1)
    np.testing.assert_allclose(code(page), expected, atol=1e-5)
    shows_its_code(page, model)
    assert np.abs(grey(back).astype(int) - model.decode_uint8(expected)[0, 0]).max() <= 1
    # the pad keeps what is on it: another stroke adds to the same digit
    draw(page, (0.2, 0.5), (0.8, 0.5))
    page.mouse.up()
    page.wait_for_url(lambda url: re.search(r"s2=([^&]+)", url).group(1) not in ("", pack(expected)))  # type: ignore[union-attr, arg-type]
    assert (grey(seen) != drawn).any()
    page.get_by_role("button", name="Clear", exact=True).click()
    assert not grey(seen).any()
    expect(page.get_by_text("Waypoint 2: your drawing · its reconstruction")).to_be_visible()


def test_a_drawing_that_was_begun_for_a_waypoint_goes_there(visit: Callable[..., Page], trained: Run) -> None:
    page = opened(visit, trained)
    held: list[Route] = []
    page.route("**/encode?*", lambda route: held.append(route))
    page.get_by_role("button", name="Waypoint 1", exact=True).click()
    draw(page, (0.3, 0.2), (0.7, 0.8))
    page.mouse.up()
    page.get_by_role("button", name="Waypoint 2", exact=True).click()
    expect(page.get_by_text("Waypoint 2: a code")).to_be_visible()
    page.route("**/encode?*", lambda route: route.continue_())
    for route in held:
        route.continue_()
    page.wait_for_url(lambda url: "s1=0.5" not in url)
    assert "s2=-1.5" in page.url
    page.get_by_role("button", name="Waypoint 1", exact=True).click()
    expect(page.get_by_text("Waypoint 1: your drawing")).to_be_visible()


def test_a_coloured_run_has_no_pad(visit: Callable[..., Page]) -> None:
    page = visit("/interpolate?run=faces", charts=False)
    expect(page.get_by_role("button", name="Waypoint 1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Waypoint 1", exact=True).click()
    expect(page.get_by_text("Upload an image")).to_be_visible()
    expect(page.get_by_role("img", name="drawing pad")).to_have_count(0)


# ---------------------------------------------------------------- a run that changes under the page


def short(server: Server, name: str) -> Run:
    config = RunConfig(
        DataConfig("digits", side=16, limit=300), ModelConfig("mlp", 5),
        training=TrainingConfig(epochs=1, precision="float32"),
    )  # fmt: skip
    run = Store(server.places).create(config, name)
    assert train_run(run, server.places).state == FINISHED
    return run


def too_large(server: Server, name: str) -> Run:
    """Hardly trained, since only its size matters: its decoder is too large for the browser."""
    config = RunConfig(
        DataConfig("digits", side=32, limit=64), ModelConfig(Choice("conv", ConvParams(width=176, units=64)), 5),
        training=TrainingConfig(epochs=1, precision="float32", batch_size=64),
    )  # fmt: skip
    run = Store(server.places).create(config, name)
    assert train_run(run, server.places).state == FINISHED
    return run


@pytest.fixture(scope="module")
def large(server: Server) -> Run:
    return too_large(server, "too-large-to-walk")


def go_on(run: Run, server: Server) -> LoadedModel:
    before = run.stamp()
    run.go_on(1)
    assert train_run(run, server.places).state == FINISHED
    assert run.stamp() != before
    return load_run(run)


ANEW = "the waypoints were encoded anew"


def test_new_weights_under_the_page_are_taken_up_by_itself(
    visit: Callable[..., Page], server: Server
) -> None:
    run = short(server, "learns-on")
    page = opened(visit, run, "&s3=i4&position=1")
    page.get_by_role("button", name="Waypoint 1", exact=True).click()
    expect(page.get_by_role("img", name="drawing pad")).to_be_visible()
    script_at_rest(page)
    draw(page, (0.5, 0.1), (0.45, 0.9))
    page.mouse.up()
    expect(page.get_by_text("Waypoint 1: your drawing")).to_be_visible()
    script_at_rest(page)
    model = go_on(run, server)
    expect(page.get_by_text(ANEW)).to_have_count(0)
    handle(page).press("ArrowLeft")
    expect(page.get_by_text(ANEW)).to_be_visible()
    script_at_rest(page)
    for value, image in ((0, grey(page.get_by_role("img", name="what is encoded"))), (1, of_test(run, 4))):
        put(page, value)
        comes_to(page, model.encode(image[None, None]).mean[0])
        shows_its_code(page, model)
    put(page, 0.5)
    assert code(page).tolist() == CODE[1], "a code stays that code"
    shows_its_code(page, model)


def of_test(run: Run, place: int) -> np.ndarray:
    folder = run.places.datasets / "digits" / "16"
    return np.load(folder / "images.npy")[np.load(folder / "test.npy")[place], 0]


def test_a_drawing_meets_new_weights_and_is_encoded_by_them(
    visit: Callable[..., Page], server: Server
) -> None:
    run = short(server, "learns-while-drawn")
    page = opened(visit, run)
    page.get_by_role("button", name="Waypoint 1", exact=True).click()
    expect(page.get_by_role("img", name="drawing pad")).to_be_visible()
    script_at_rest(page)
    model = go_on(run, server)
    draw(page, (0.5, 0.1), (0.45, 0.9))
    page.mouse.up()
    expect(page.get_by_text(ANEW)).to_be_visible()
    expect(page.get_by_text("Waypoint 1: your drawing")).to_be_visible()
    script_at_rest(page)
    put(page, 0)
    drawn = grey(page.get_by_role("img", name="what is encoded"))
    comes_to(page, model.encode(drawn[None, None]).mean[0])


def test_a_run_deleted_while_open_is_said_and_the_picture_still_moves(
    visit: Callable[..., Page], server: Server
) -> None:
    run = short(server, "soon-deleted")
    page = opened(visit, run)
    Store(server.places).delete(run)
    before = frames(page)
    handle(page).press("ArrowRight")
    expect(page.get_by_text("was deleted; choose another one").first).to_be_visible()
    assert frames(page) > before
    handle(page).press("ArrowRight")
    expect(handle(page)).to_have_value("0.52")


# ---------------------------------------------------------------- decoded by the server


def test_the_server_decodes_a_path_that_the_browser_cannot(visit: Callable[..., Page], large: Run) -> None:
    page = opened(visit, large, "&steps=5")
    model = load_run(large)
    expect(page.get_by_text("Decoded by the server: its network is too large").first).to_be_visible()
    strip = page.get_by_role("group", name="film strip").first
    expect(strip.locator("canvas[data-done]")).to_have_count(9)
    put(page, 0.3)
    shows_its_code(page, model)
    page.route("**/decode?*", lambda route: route.fulfill(status=500, json={"error": "out of memory"}))
    shown = code(page).tolist()
    handle(page).press("Shift+ArrowRight")
    expect(page.get_by_text("could not decode this: out of memory")).to_be_visible()
    assert code(page).tolist() == shown, "the code beside the picture is still the picture's"
    page.unroute("**/decode?*")
    handle(page).press("Shift+ArrowRight")
    expect(page.get_by_text("could not decode this")).to_have_count(0)
    assert code(page).tolist() != shown
    shows_its_code(page, model)


def test_the_server_says_that_weights_changed_and_the_page_goes_on(
    visit: Callable[..., Page], server: Server, large: Run
) -> None:
    page = opened(visit, large)
    expect(page.get_by_text("Decoded by the server: its network is too large").first).to_be_visible()
    page.evaluate("window.here = true")
    model = go_on(large, server)
    put_and_hold(page, 0.8)
    expect(page.get_by_text(ANEW)).to_be_visible()
    page.mouse.up()
    expect(page.locator(".fault:not(:empty)")).to_have_count(0)
    script_at_rest(page)
    put(page, 0.25)
    shows_its_code(page, model)
    assert page.evaluate("window.here"), "without a reload"


def put_and_hold(page: Page, share: float) -> None:
    """Drag the handle with the button kept down, so that it does not come to rest."""
    box = handle(page).bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + share * box["width"], y, steps=4)


def test_the_server_says_that_a_run_was_deleted(visit: Callable[..., Page], server: Server) -> None:
    run = too_large(server, "too-large-and-gone")
    page = opened(visit, run)
    Store(server.places).delete(run)
    put_and_hold(page, 0.8)
    expect(page.get_by_text("This run was deleted. Choose another one in the sidebar.").first).to_be_visible()
    page.mouse.up()
