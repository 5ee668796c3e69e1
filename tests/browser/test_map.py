"""The latent map in a real Chromium, without a GPU: points where they belong, and answers without script reruns."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from servers import Server
from watch import asked, settled

from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.inference import StoredCodes, stored_codes
from vae_core.runs.store import FINISHED, Run, Store
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


def opened(visit: Visit, run: Run, more: str = "", **how: bool | int) -> Page:
    page = visit(f"/map?run={run.id}{more}", **how)
    expect(surface(page)).not_to_have_attribute("data-frame", "0")
    quiet(page)
    return page


def quiet(page: Page) -> None:
    """The script rests, and the page is laid out for good."""
    settled(page)
    page.wait_for_timeout(300)
    settled(page)


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
        page.wait_for_timeout(16)
    page.mouse.up()
    assert frames(page) - count >= 8
    np.testing.assert_allclose(spots(page, points) - before, [[76, 38]] * len(points), atol=0.6)
    move(page, *place)
    before = spots(page, points)
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(200)
    after = spots(page, points)
    np.testing.assert_allclose(after - place, np.exp(1 / 3) * (before - place), atol=1)
    surface(page).press("0")
    page.wait_for_timeout(100)
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
    page.wait_for_timeout(150)
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


def lasso(page: Page, corners: np.ndarray, mode: str = "Lasso") -> None:
    page.get_by_text(mode, exact=True).first.click()
    move(page, *corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        move(page, *corner)
        page.wait_for_timeout(20)
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
    page.wait_for_timeout(200)
    assert colour_at(page, x, y)[3] == 0
    move(page, x, y)
    page.wait_for_timeout(300)
    expect(page.locator(".tip").first).to_be_hidden()


def test_images_take_the_place_of_dots(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/atlas/" in request.url else None)
    page.get_by_role("button", name="Images", exact=True).first.click()
    page.wait_for_function(
        "c => Number(c.dataset.images) > 20", arg=surface(page).element_handle(), polling=100
    )
    page.wait_for_timeout(1500)
    assert asked
    assert len(asked) == len(set(asked)), "a tile is fetched once"


def test_keys_move_zoom_and_choose(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    points = codes_of(trained).mean
    before = spots(page, points)
    surface(page).press("ArrowLeft")
    page.wait_for_timeout(150)
    np.testing.assert_allclose(spots(page, points) - before, [[40, 0]] * len(points), atol=0.1)
    surface(page).press("+")
    page.wait_for_timeout(150)
    assert np.ptp(spots(page, points)[:, 0]) > 1.3 * np.ptp(before[:, 0])
    surface(page).press("0")
    page.wait_for_timeout(150)
    np.testing.assert_allclose(spots(page, points), before, atol=0.1)
    surface(page).press("Enter")
    page.wait_for_url(re.compile(r"image=\d+"))


def test_the_plane_behind_is_decoded(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained)
    page.get_by_text("Look", exact=True).first.click()
    page.get_by_label("decoded pictures behind").first.check()
    page.wait_for_function(
        "c => Number(c.dataset.cells) > 60", arg=page.locator("canvas.back").first.element_handle()
    )


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
    expect(surface(page)).not_to_have_attribute("data-frame", "0")
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
        page.wait_for_timeout(200)
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
    expect(maps.nth(1)).not_to_have_attribute("data-frame", "0")
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
    expect(page.get_by_text("The run has been trained since")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile(f"Image {before.index[row]}"))).to_be_visible()
    assert colour_at(page, *spots(page, before.mean)[row])[3] > 150, "the map is still that of before"
    page.get_by_role("button", name="Compute anew").click()
    expect(page.get_by_text("The run has been trained since")).to_have_count(0)
    quiet(page)
    expect(surface(page)).not_to_have_attribute("data-frame", "0")
    now = codes_of(run)
    assert np.abs(now.mean - before.mean).max() > 0.01
    assert colour_at(page, *spots(page, now.mean)[lonely(page, now.mean)])[3] > 150


def test_umap_is_laid_out_shown_and_kept(visit: Visit, trained: Run) -> None:
    page = opened(visit, trained, "&coordinates=UMAP")
    expect(page.get_by_text(re.compile("Neighbourhoods are kept"))).to_be_visible(timeout=120_000)
    assert list((trained.places.derived / trained.stamp()).glob("umap-test-180-*.npz"))
    page.get_by_role("button", name="Settings of UMAP").click()
    page.get_by_role("spinbutton", name="Neighbours").fill("5")
    page.get_by_role("spinbutton", name="Neighbours").press("Enter")
    page.get_by_role("button", name="Compute", exact=True).click()
    page.wait_for_url(re.compile("umap=5"))
    expect(page.get_by_text(re.compile(r"\b5 neighbours, minimum distance 0.1"))).to_be_visible(
        timeout=120_000
    )


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
    page.wait_for_timeout(200)
    assert np.ptp(spots(page, points)[:, 0]) == pytest.approx(2 * before, rel=0.05)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
