"""The latent map in a real Chromium, without a GPU: points where they belong, and answers without script reruns."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect
from servers import Server
from synthetic import clusters, serve
from watch import answered, asked, comes, next_frame, painted, plans_done, script_at_rest, stands_still

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.inference import StoredCodes, load_run, stored_codes
from vae_core.latent.statistics import kl_from_prior
from vae_core.models.networks import MlpParams
from vae_core.options import Choice
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def trained(server: Server) -> Run:
    """Two dimensions, so that the map shows the codes as they are."""
    config = RunConfig(
        DataConfig("digits", side=16), ModelConfig("mlp", 2), ObjectiveConfig("vae"),
        TrainingConfig(epochs=6, precision="float32"),
    )  # fmt: skip
    run = Store(server.places).create(config, "mapped")
    assert train_run(run, server.places).state == FINISHED
    return run


def surface(page: Page) -> Locator:
    return page.get_by_role("img", name="latent map").first


def opened(visit: Visit, run: Run, more: str = "", charts: bool = False, **how: bool | int) -> Page:
    page = visit(f"/map?run={run.id}{more}", charts=charts, **how)
    painted(surface(page))
    quiet(page)
    return page


def quiet(page: Page) -> None:
    """The script rests, and the page is laid out for good."""
    script_at_rest(page)
    stands_still(surface(page))
    script_at_rest(page)


def codes_of(run: Run) -> StoredCodes:
    codes = stored_codes(run, "test")
    assert codes is not None
    assert codes.split == "test"
    return codes


def frames(page: Page) -> int:
    return int(surface(page).get_attribute("data-frame") or 0)


def spots(page: Page, points: np.ndarray) -> np.ndarray:
    """Where points (N, 2) lie within the surface, CSS pixels."""
    x, y, k, mx, my = (float(v) for v in (surface(page).get_attribute("data-view") or "").split())
    return np.stack((mx + (points[:, 0] - x) * k, my - (points[:, 1] - y) * k), 1)


def lonely(page: Page, points: np.ndarray) -> int:
    """The row whose dot is farthest from every other: nothing covers it."""
    place = spots(page, points)
    away = np.linalg.norm(place[:, None] - place[None], axis=2) + 1e9 * np.eye(len(place))
    return int(away.min(1).argmax())


def move(page: Page, x: float, y: float) -> None:
    box = surface(page).bounding_box()
    assert box
    page.mouse.move(box["x"] + float(x), box["y"] + float(y))


def click(page: Page, x: float, y: float) -> None:
    move(page, x, y)
    page.mouse.down()
    page.mouse.up()


def colour_at(page: Page, x: float, y: float) -> list[int]:
    found: list[int] = surface(page).evaluate(
        """(c, [x, y]) => { const s = c.width / c.clientWidth;
             return [...c.getContext('2d').getImageData(Math.floor(x * s), Math.floor(y * s), 1, 1).data]; }""",
        [float(x), float(y)],
    )
    return found


def test_points_are_painted_where_they_lie_in_the_colour_of_their_class(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    codes = codes_of(trained)
    assert codes.labels is not None
    row = lonely(page, codes.mean)
    (x, y) = spots(page, codes.mean)[row]
    okabe = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C", "#5D3A9B", "#7A5C2E"]  # fmt: skip
    wanted = okabe[codes.labels[row]]
    found = colour_at(page, x, y)
    expected = [int(wanted[i : i + 2], 16) for i in (1, 3, 5)]
    assert np.abs(np.array(found[:3]) - expected).max() <= 3
    assert found[3] > 150
    assert colour_at(page, 60, 15)[3] == 0, "nothing is painted where there is nothing"


def test_hovering_shows_image_reconstruction_and_label_without_a_rerun(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    codes = codes_of(trained)
    assert codes.labels is not None
    row = lonely(page, codes.mean)
    already = len(asked(page))
    move(page, *(spots(page, codes.mean)[row] + 2))
    expect(page.locator(".tip b").first).to_have_text(f"image {codes.index[row]}")
    expect(page.locator(".tip").first).to_contain_text(f"label: {codes.label_names[codes.labels[row]]}")
    picture = page.locator(".tip img").first
    page.wait_for_function(
        "e => e.complete && e.naturalWidth === 32 && e.naturalHeight === 16", arg=picture.element_handle()
    )
    assert len(asked(page)) == already, "without a run of the script"
    move(page, 60, 15)
    expect(page.locator(".tip").first).to_be_hidden()


def test_panning_and_zooming_paint_without_a_rerun(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    points = codes_of(trained).mean
    already = len(asked(page))
    before, place, count = spots(page, points), spots(page, points).mean(0), frames(page)
    move(page, *place)
    page.mouse.down()
    for k in range(20):
        move(page, place[0] + 4 * k, place[1] + 2 * k)
        next_frame(page)
    page.mouse.up()
    assert frames(page) - count >= 8
    np.testing.assert_allclose(spots(page, points) - before, [[76, 38]] * len(points), atol=0.6)
    move(page, *place)
    before, count = spots(page, points), frames(page)
    page.mouse.wheel(0, -100)
    comes(page, lambda: frames(page) > count, "the wheel has turned")
    after = spots(page, points)
    np.testing.assert_allclose(after - place, np.exp(1 / 3) * (before - place), atol=1)
    surface(page).press("0")
    plans_done(page)
    assert len(asked(page)) == already, "without a run of the script"


def test_a_click_tells_of_the_image_and_a_link_opens_it_again(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    codes = codes_of(trained)
    row = lonely(page, codes.mean)
    click(page, *spots(page, codes.mean)[row])
    page.wait_for_url(re.compile(rf"image={codes.index[row]}(&|$)"))
    expect(page.get_by_role("heading", name=re.compile(f"Image {codes.index[row]}"))).to_be_visible()
    again = opened(visit, trained, f"&image={codes.index[row]}")
    expect(again.get_by_role("heading", name=re.compile(f"Image {codes.index[row]}"))).to_be_visible()


def test_a_click_leaves_the_view_as_it_is(visit: Visit, server: Server) -> None:
    """Also the first one, after a visit on which the codes were computed."""
    config = RunConfig(
        DataConfig("digits", side=16, limit=300), ModelConfig("mlp", 2), training=TrainingConfig(epochs=1)
    )
    run = Store(server.places).create(config, "looked-at-first")
    assert train_run(run, server.places).state == FINISHED
    page = opened(visit, run)
    surface(page).press("+")
    next_frame(page)
    view = surface(page).get_attribute("data-view")
    surface(page).press("Enter")
    page.wait_for_url(re.compile(r"image=\d+"))
    expect(page.get_by_role("heading", name=re.compile("Image "))).to_be_visible()
    quiet(page)
    assert surface(page).get_attribute("data-view") == view


def test_a_click_on_empty_space_decodes_that_place(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    codes = codes_of(trained)
    place = spots(page, codes.mean)
    grid = np.stack(np.meshgrid(np.arange(80, 560, 12), np.arange(40, 480, 12)), -1).reshape(-1, 2)
    empty = grid[np.linalg.norm(grid[:, None] - place[None], axis=2).min(1).argmax()]
    click(page, *empty)
    expect(page.get_by_text(re.compile("decoded", re.IGNORECASE)).first).to_be_visible()
    quiet(page)
    expect(page.get_by_text(re.compile("exactly", re.IGNORECASE)).first).to_be_visible()


def test_a_double_click_zooms_and_asks_for_nothing(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    points = codes_of(trained).mean
    place = spots(page, points)
    grid = np.stack(np.meshgrid(np.arange(80, 560, 12), np.arange(40, 480, 12)), -1).reshape(-1, 2)
    empty = grid[np.linalg.norm(grid[:, None] - place[None], axis=2).min(1).argmax()]
    already = len(asked(page))
    surface(page).dblclick(position={"x": float(empty[0]), "y": float(empty[1])})
    plans_done(page)
    np.testing.assert_allclose(spots(page, points) - empty, 2 * (place - empty), atol=1)
    assert len(asked(page)) == already
    expect(page.get_by_alt_text("decoded place")).to_have_count(0)


def lasso(page: Page, corners: np.ndarray, mode: str = "Lasso") -> None:
    page.get_by_text(mode, exact=True).first.click()
    move(page, *corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        move(page, *corner)
        next_frame(page)
    page.mouse.up()


def inside_box(place: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    found: np.ndarray = ((place > low) & (place < high)).all(1)
    return found


def test_a_box_selects_just_what_is_inside_it(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    codes = codes_of(trained)
    place = spots(page, codes.mean)
    low, high = np.quantile(place, 0.4, axis=0), np.quantile(place, 0.75, axis=0)
    count = int(inside_box(place, low, high).sum())
    assert 3 < count < len(place) - 3
    lasso(page, np.array([low, (low + high) / 2, high]), "Box")
    expect(page.get_by_text(re.compile(rf"\b{count} (of|images)")).first).to_be_visible()
    surface(page).press("Escape")
    expect(page.get_by_text(re.compile(rf"\b{count} (of|images)"))).to_have_count(0)


def test_a_lasso_goes_round_corners(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    codes = codes_of(trained)
    place = spots(page, codes.mean)
    middle, wide = np.median(place, 0), 90.0
    # an L: the upper right quarter of a square is left out
    corners = middle + wide * np.array([[-1, -1], [0, -1], [0, 0], [1, 0], [1, 1], [-1, 1]])
    inside = inside_box(place, middle - wide, middle + wide) & ~((place[:, 0] > middle[0]) & (place[:, 1] < middle[1]))  # fmt: skip
    lasso(page, corners)
    found = page.get_by_text(re.compile(r"\b\d+ (of|images).*"), exact=False)
    expect(found.first).to_be_visible()
    quiet(page)
    expect(page.get_by_text(re.compile(rf"\b{inside.sum()} (of|images)")).first).to_be_visible()


def test_the_legend_hides_a_class(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    codes = codes_of(trained)
    assert codes.labels is not None
    row = lonely(page, codes.mean)
    x, y = spots(page, codes.mean)[row]
    name = codes.label_names[codes.labels[row]]
    entry = page.locator(".map .legend").first.get_by_role("button", name=name, exact=True)
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    next_frame(page)
    assert colour_at(page, x, y)[3] == 0
    move(page, x, y)
    next_frame(page, 2)  # at the first of them it is found what is pointed at
    expect(page.locator(".tip").first).to_be_hidden()


def test_images_take_the_place_of_dots(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/atlas/" in request.url else None)
    page.get_by_role("button", name="Images", exact=True).first.click()
    page.wait_for_function(
        "c => Number(c.dataset.images) > 20", arg=surface(page).element_handle(), polling=100
    )
    answered(page, "/atlas/")
    plans_done(page)
    answered(page, "/atlas/")
    assert asked
    assert len(asked) == len(set(asked)), "a tile is fetched once"


def test_images_that_could_not_be_read_are_asked_for_again(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    refused: list[str] = []

    def fail(route: Route) -> None:
        if len(refused) < 2:
            refused.append(route.request.url)
            route.fulfill(status=500, json={"error": "a disk went"})
        else:
            route.continue_()

    page.route("**/atlas/**", fail)
    page.get_by_role("button", name="Images", exact=True).first.click()
    expect(page.get_by_text("Some images could not be read: a disk went. Trying again…")).to_be_visible()
    page.wait_for_function(
        "c => Number(c.dataset.images) > 20", arg=surface(page).element_handle(), polling=100
    )
    expect(page.get_by_text("Some images could not be read")).to_have_count(0)


def test_pictures_that_are_decoded_say_so(visit: Visit) -> None:
    """A shipped run's codes came without its images."""
    page = visit("/map?run=mnist", charts=False)  # no test brings those here
    painted(surface(page))
    quiet(page)
    page.get_by_role("button", name="Images", exact=True).first.click()
    for _ in range(12):  # to where there are few enough
        if "Decoded" in page.locator(".map .say").first.inner_text():
            break
        surface(page).press("+")
        next_frame(page)
    expect(page.get_by_text("Decoded from their codes: the images are not on this machine.")).to_be_visible()
    surface(page).press("0")
    box = surface(page).bounding_box()
    assert box
    for x in range(40, int(box["width"]) - 40, 9):  # until a point is met
        move(page, x, box["height"] / 2)
        next_frame(page, 2)  # at the first of them it is found what is pointed at
        if page.locator(".tip").first.is_visible():
            break
    expect(page.locator(".tip").first).to_contain_text("decoded from its code")


def test_keys_move_zoom_and_choose(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    points = codes_of(trained).mean
    before = spots(page, points)
    surface(page).press("ArrowLeft")
    next_frame(page)
    np.testing.assert_allclose(spots(page, points) - before, [[40, 0]] * len(points), atol=0.1)
    surface(page).press("+")
    next_frame(page)
    assert np.ptp(spots(page, points)[:, 0]) > 1.3 * np.ptp(before[:, 0])
    surface(page).press("0")
    next_frame(page)
    np.testing.assert_allclose(spots(page, points), before, atol=0.1)
    surface(page).press("Enter")
    page.wait_for_url(re.compile(r"image=\d+"))


def test_the_plane_behind_is_decoded(visit: Visit, trained: Run) -> None:
    """Of two dimensions at once; each picture is what the code in its middle decodes to."""
    page = opened(visit, trained)
    back = page.locator("canvas.back").first
    # 96, then 48, then 32 pixels wide: the last round has begun when more than the first two are there
    box = surface(page).bounding_box()
    assert box
    counts = [len(range(10, int(box["height"]) - 38, s)) * len(range(46, int(box["width"]) - 10, s)) for s in (96, 48, 32)]  # fmt: skip
    page.wait_for_function(f"c => Number(c.dataset.cells) === {sum(counts)}", arg=back.element_handle())
    x, y, k, mx, my = (float(v) for v in (surface(page).get_attribute("data-view") or "").split())
    model = load_run(trained)
    for column, row in ((2, 3), (9, 6), (5, 10)):
        left, top = 46 + 32 * column, 10 + 32 * row
        code = np.array([x + (left + 16 - mx) / k, y - (top + 16 - my) / k])
        found = back.evaluate(
            "(c, [x, y]) => { const s = c.width / c.clientWidth; return [...c.getContext('2d').getImageData(x * s, y * s, 31 * s, 31 * s).data]; }",
            [left, top],
        )
        side = round(np.sqrt(len(found) / 4))
        grey = np.array(found, np.uint8).reshape(side, side, 4)[..., 0].astype(float)
        wanted = model.decode_uint8(code)[0, 0].astype(float)
        at = ((np.arange(side) + 0.5) * 16 / side).astype(int)
        assert np.abs(grey - wanted[at][:, at]).mean() < 12
        other = model.decode_uint8(code + 0.8)[0, 0].astype(float)
        assert np.abs(grey - wanted[at][:, at]).mean() < np.abs(grey - other[at][:, at]).mean()
    page.get_by_text("View", exact=True).first.click()
    page.get_by_label("decoded pictures behind").first.uncheck()
    expect(back).to_have_attribute("data-cells", "0")
    page.get_by_role("combobox", name="Colour").click()
    page.get_by_role("option", name="KL", exact=True).click()
    expect(page.locator(".map .legend").first).to_contain_text("KL")
    expect(back).to_have_attribute("data-cells", "0")


def test_size_opacity_ellipses_and_contours_are_drawn_as_chosen(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    codes = codes_of(trained)
    row = lonely(page, codes.mean)
    x, y = spots(page, codes.mean)[row]
    over = page.locator("canvas.over").first

    def ink() -> int:
        found: int = over.evaluate(
            "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v).length"
        )
        return found

    page.get_by_text("View", exact=True).first.click()
    with_contours = ink()
    page.get_by_label("the prior's contours").first.uncheck()
    next_frame(page)
    bare = ink()
    assert bare < with_contours
    page.get_by_label("posterior σ-ellipses").first.check()
    next_frame(page)
    assert ink() > bare
    # the ellipse's outermost point to the right, one σ away
    _, _, k, _, _ = (float(v) for v in (surface(page).get_attribute("data-view") or "").split())
    reach = float(codes.std[row, 0]) * k
    along = over.evaluate(
        "(c, [x, y]) => { const s = c.width / c.clientWidth; return [...c.getContext('2d').getImageData((x - 3) * s, y * s, 6 * s, 1).data].filter((_, i) => i % 4 === 3); }",
        [float(x) + reach, float(y)],
    )
    assert max(along) > 60

    page.get_by_label("size of points").first.evaluate(
        "e => { e.value = 14; e.dispatchEvent(new Event('input')); }"
    )
    next_frame(page)
    assert colour_at(page, x + 5, y)[3] > 150
    page.get_by_label("size of points").first.evaluate(
        "e => { e.value = 3; e.dispatchEvent(new Event('input')); }"
    )
    page.get_by_label("opacity of points").first.evaluate(
        "e => { e.value = 0.3; e.dispatchEvent(new Event('input')); }"
    )
    next_frame(page)
    assert colour_at(page, x + 5, y)[3] == 0
    assert 60 < colour_at(page, x, y)[3] < 90


def test_newer_data_that_comes_while_older_is_read_is_shown(visit: Visit, trained: Run) -> None:
    """The numbers of the first come late, after the script has run again with other colours."""
    page = opened(visit, trained)
    held: list[Route] = []
    holding = True

    def hold(route: Route) -> None:
        if holding:
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/arrays/*", hold)
    page.reload()
    expect(page.get_by_text("Reading the points…")).to_be_visible()
    script_at_rest(page)
    page.get_by_role("combobox", name="Colour").click()
    page.get_by_role("option", name="KL", exact=True).click()
    page.wait_for_url(re.compile("colour=KL"))
    script_at_rest(page)
    holding = False
    while held:
        held.pop().continue_()
    painted(surface(page))
    legend = page.locator(".map .legend").first
    expect(legend).to_contain_text("KL, nats per image")
    codes = codes_of(trained)
    kl = kl_from_prior(codes.mean, codes.log_var).sum(1)
    row = lonely(page, codes.mean)
    low, high = np.quantile(kl, (0.01, 0.99))
    expected = viridis((kl[row] - low) / (high - low))
    x, y = spots(page, codes.mean)[row]
    quiet(page)
    assert np.abs(np.array(colour_at(page, x, y)[:3]) - expected).max() <= 4

    # and colours that come late belong to nothing that is shown already
    holding = True
    page.get_by_role("combobox", name="Colour").click()
    page.get_by_role("option", name="reconstruction error", exact=True).click()
    page.wait_for_url(re.compile("colour=reconstruction"))
    script_at_rest(page)
    expect(legend).to_contain_text("KL, nats per image")
    holding = False
    while held:
        held.pop().continue_()
    expect(legend).to_contain_text("reconstruction error")


def viridis(share: float) -> np.ndarray:
    """As the map colours a number in [0, 1]."""
    stops = [
        "#440154",
        "#472d7b",
        "#3b528b",
        "#2c728e",
        "#21918c",
        "#28ae80",
        "#5ec962",
        "#addc30",
        "#fde725",
    ]
    ramp = np.array([[int(s[i : i + 2], 16) for i in (1, 3, 5)] for s in stops])
    at = np.clip(share, 0, 1) * 8
    return np.array([np.interp(at, np.arange(9), ramp[:, c]) for c in range(3)])


def test_forgotten_numbers_are_asked_for_again(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    refused: list[str] = []

    def refuse(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route.request.url)
        route.fulfill(status=410, json={"error": "these numbers were forgotten; reload the page"})

    page.route("**/api/arrays/*", refuse)
    page.reload()
    painted(surface(page))
    assert refused


# ---------------------------------------------------------------- epochs, a second map, weights that change


def test_the_slider_of_epochs_puts_points_where_they_lay(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained, "&formed=true")
    kept = trained.epoch_codes()
    slider = page.get_by_role("slider", name="epoch")
    expect(slider).to_have_attribute("max", str(len(kept) - 1))
    already = len(asked(page))
    for k in (0, 2, len(kept) - 1):
        slider.evaluate("(e, k) => { e.value = k; e.dispatchEvent(new Event('input')); }", k)
        expect(page.locator(".replay output").first).to_have_text(f"epoch {kept[k].epoch}")
        next_frame(page)
        row = lonely(page, kept[k].mean)
        assert colour_at(page, *spots(page, kept[k].mean)[row])[3] > 150, f"a point of epoch {kept[k].epoch}"
    slider.evaluate("e => { e.value = 0; e.dispatchEvent(new Event('input')); }")
    count = frames(page)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator(".replay output").first).to_have_text(f"epoch {kept[-1].epoch}")
    assert frames(page) - count > 10
    assert len(asked(page)) == already, "without a run of the script"
    row = lonely(page, kept[-1].mean)
    click(page, *spots(page, kept[-1].mean)[row])
    page.wait_for_url(re.compile(rf"image={kept[-1].images[row]}(&|$)"))


def test_a_selection_on_the_second_map_shows_on_the_first_at_once(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained, "&beside=pixels", width=1440)
    expect(page.get_by_text("Procrustes")).to_be_visible()
    maps = page.get_by_role("img", name="latent map")
    expect(maps).to_have_count(2)
    quiet(page)
    painted(maps.nth(1))
    box = maps.nth(1).bounding_box()
    assert box
    page.get_by_text("Box", exact=True).nth(1).click()
    page.mouse.move(box["x"] + 60, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()
    described = re.compile(r"(?<!\d)([1-9]\d*) selected")
    expect(maps.nth(1)).to_have_attribute("aria-description", described)
    expect(maps.nth(0)).to_have_attribute("aria-description", described)
    counts = [described.search(maps.nth(i).get_attribute("aria-description") or "") for i in (0, 1)]
    assert counts[0] is not None
    assert counts[1] is not None
    assert counts[0][1] == counts[1][1]
    expect(page.get_by_text(f"Selected: {counts[0][1]} of")).to_be_visible()


def test_new_weights_are_said_and_one_click_shows_them(visit: Visit, server: Server) -> None:
    config = RunConfig(
        DataConfig("digits", side=16), ModelConfig("mlp", 2), ObjectiveConfig("vae"),
        TrainingConfig(epochs=1, precision="float32"),
    )  # fmt: skip
    run = Store(server.places).create(config, "learns-on-a-map")
    assert train_run(run, server.places).state == FINISHED
    page = opened(visit, run)
    before = codes_of(run)
    row = lonely(page, before.mean)
    run.go_on(1)
    assert train_run(run, server.places).state == FINISHED
    click(page, *spots(page, before.mean)[row])
    expect(page.get_by_text("The run has been trained further")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile(f"Image {before.index[row]}"))).to_be_visible()
    assert colour_at(page, *spots(page, before.mean)[row])[3] > 150, "the map is still that of before"
    page.get_by_role("button", name="Update the map").click()
    expect(page.get_by_text("The run has been trained further")).to_have_count(0)
    quiet(page)
    painted(surface(page))
    now = codes_of(run)
    assert np.abs(now.mean - before.mean).max() > 0.01
    assert colour_at(page, *spots(page, now.mean)[lonely(page, now.mean)])[3] > 150


def test_umap_is_laid_out_shown_and_kept(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained, "&coordinates=UMAP")
    expect(page.get_by_text(re.compile("Neighbourhoods are kept"))).to_be_visible(timeout=120_000)
    assert list((trained.places.derived / trained.stamp()).glob("umap-test-180-*.npz"))
    page.get_by_role("button", name="UMAP settings").click()
    page.get_by_role("spinbutton", name="Neighbours").fill("5")
    page.get_by_role("spinbutton", name="Neighbours").press("Enter")
    page.get_by_role("button", name="Compute", exact=True).click()
    page.wait_for_url(re.compile("umap=5"))
    expect(page.get_by_text(re.compile(r"\b5 neighbours, minimum distance 0.1"))).to_be_visible(
        timeout=120_000
    )


def test_a_umap_is_stopped_and_started_again(visit: Visit, server: Server) -> None:
    """Of enough codes that its sample is shown first, and the whole takes its place."""
    config = RunConfig(
        DataConfig("shapes", side=64, limit=4500), ModelConfig(Choice("mlp", MlpParams((16,))), 3),
        ObjectiveConfig("vae"), TrainingConfig(epochs=1, precision="float32", batch_size=500),
    )  # fmt: skip
    run = Store(server.places).create(config, "laid-out")
    assert train_run(run, server.places).state == FINISHED
    page = visit(f"/map?run={run.id}&split=train&coordinates=UMAP", charts=False)
    page.get_by_role("button", name="Stop UMAP").click(timeout=120_000)
    expect(page.get_by_text("UMAP was stopped.")).to_be_visible()
    page.get_by_role("button", name="Start UMAP").click()
    expect(page.get_by_text("A first sample of 2,000")).to_be_visible(timeout=120_000)
    codes = stored_codes(run, "train")
    assert codes is not None
    expect(page.get_by_text(f"UMAP of {len(codes):,} codes")).to_be_visible()
    expect(surface(page)).to_have_attribute("aria-description", re.compile(r"^2,000 images"))
    expect(page.get_by_text("A first sample of 2,000")).to_have_count(0, timeout=180_000)
    expect(surface(page)).to_have_attribute("aria-description", re.compile(rf"^{len(codes):,} images"))


def test_an_own_image_is_placed(visit: Visit, trained: Run, tmp_path: Path) -> None:
    from vae_core.data import open_images

    codes = codes_of(trained)
    number = int(codes.index[7])
    image = np.asarray(open_images("digits", 16, trained.places).images[number, 0])
    Image.fromarray(image).save(tmp_path / "mine.png")
    page = opened(visit, trained)
    page.get_by_role("button", name="More").click()
    page.locator("input[type=file]").last.set_input_files(tmp_path / "mine.png")
    expect(page.get_by_text("Placed exactly.")).to_be_visible()
    page.keyboard.press("Escape")
    quiet(page)
    x, y = spots(page, codes.mean)[7]
    star = page.locator("canvas.over").first.evaluate(
        "(c, [x, y]) => { const s = c.width / c.clientWidth; return [...c.getContext('2d').getImageData(x * s, y * s, 1, 1).data]; }",
        [float(x), float(y)],
    )
    assert np.abs(np.array(star[:3]) - [0xD5, 0x5E, 0]).max() <= 6, "a star on the very image's dot"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page with planted points alone."""
    process, url = serve(tmp_path_factory.mktemp("many"))
    yield url
    process.terminate()
    process.wait(20)


def test_many_points_are_shaded_by_how_dense_they_lie_and_few_are_dots(chromium: Browser, many: str) -> None:
    n = 200_000
    xy, k = clusters(n)
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{many}/?n={n}&way=map")
    expect(surface(page)).to_have_attribute("data-how", "density")
    expect(surface(page)).to_have_attribute("data-in-view", str(n))
    place = spots(page, xy)
    picture = (
        surface(page).evaluate("c => c.toDataURL()").partition(",")[2]
    )  # millions of numbers take a minute
    alpha = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))))[..., 3]
    scale = surface(page).evaluate("c => c.width / c.clientWidth")
    height, width = alpha.shape
    # squares of two CSS pixels: as strong as the logarithm of what lies in each
    square = round(2 * scale)
    count = np.zeros((height // square + 1, width // square + 1), int)
    np.add.at(count, tuple((place[:, ::-1] * scale / square).astype(int).T), 1)
    painted = alpha[square // 2 :: square, square // 2 :: square]
    count = count[: painted.shape[0], : painted.shape[1]]
    assert ((painted > 0) == (count > 0)).mean() > 0.995
    wanted = np.where(count > 0, 70 + 185 * np.log1p(count) / np.log1p(count.max()), 0)
    there = count > 3
    assert np.abs(painted.astype(float) - wanted)[there].mean() < 8
    for _ in range(8):
        if surface(page).get_attribute("data-how") == "dots":
            break
        surface(page).press("+")
        next_frame(page)
    in_view = int(surface(page).get_attribute("data-in-view") or 0)
    assert surface(page).get_attribute("data-how") == "dots"
    assert 0 < in_view <= 120_000
    x, y = np.array([float(v) for v in (surface(page).get_attribute("data-view") or "").split()])[3:]
    row = np.linalg.norm(spots(page, xy) - [x, y], axis=1).argmin()
    move(page, *spots(page, xy)[row])
    expect(page.locator(".tip").first).to_contain_text(f"label: {k[row]}")
    context.close()


def test_a_phone_pinches(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained, width=390, height=844)
    points = codes_of(trained).mean
    before = np.ptp(spots(page, points)[:, 0])
    surface(page).evaluate(
        """c => { const box = c.getBoundingClientRect(), send = (type, id, x) => c.dispatchEvent(new PointerEvent(type,
             {pointerId: id, pointerType: 'touch', clientX: box.left + x, clientY: box.top + 150, bubbles: true}));
           c.setPointerCapture = () => {};
           send('pointerdown', 1, 150); send('pointerdown', 2, 200);
           for (let x = 200; x <= 250; x += 10) send('pointermove', 2, x);
           send('pointerup', 1, 150); send('pointerup', 2, 250); }"""
    )
    next_frame(page)
    assert np.ptp(spots(page, points)[:, 0]) == pytest.approx(2 * before, rel=0.05)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_comparison_with_the_prior_is_drawn_when_it_is_opened(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained, charts=True)
    expect(page.get_by_text("Holes")).to_have_count(0)
    page.get_by_text("Aggregate posterior compared with the prior").click()
    expect(page.get_by_text("Holes")).to_be_visible()
    expect(page.get_by_test_id("stExpanderDetails").get_by_test_id("stPlotlyChart")).to_be_visible()
    expect(page).to_have_url(re.compile("prior=true"))
