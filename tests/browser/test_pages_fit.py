"""What a page is for is seen and worked without scrolling, on a laptop and on a projector, and nothing jumps.

A row of PAGES is a page: its hero, its main control and its answer, and how the control is moved. One visit at a size measures
all of it: a page takes longer to open than to measure.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect
from servers import Server
from watch import next_frame, painted, plans_done, script_at_rest, stands_still

from vae_core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from vae_core.inference import codes_path
from vae_core.places import write_json
from vae_core.reading import read_json
from vae_core.runs.store import Store

Visit = Callable[..., Page]
Find = Callable[[Page], Locator]

SIZES = [(1440, 900), (1280, 720)]
PHONE = (390, 844)
EDGE = 48  # pixels that may be left free on either side, at most
ROUNDING = 1.0  # pixels


@dataclass(frozen=True)
class Fits:
    """A page: where it lies, what must lie in the window, and how its main control is moved.

    `ready` waits until the page shows what it is for; `act` moves the control and waits until the answer has followed.
    `word` is a word of the field that its components explain, and part of what it means; `least` the hero's larger side, px.
    """

    path: str
    hero: Find
    control: Find
    answer: Find
    ready: Callable[[Page], None]
    act: Callable[[Page], None]
    word: tuple[str, str] | None = None
    least: float = 256

    def parts(self, page: Page) -> dict[str, Locator]:
        found = {"hero": self.hero(page), "control": self.control(page)}
        return found | {f"answer {i}": part for i, part in enumerate(self.answer(page).all())}


def named(role: str, name: str) -> Find:
    return lambda page: page.get_by_role(role, name=name).first  # type: ignore[arg-type]


def first(selector: str) -> Find:
    return lambda page: page.locator(selector).first


picture = named("img", "decoded image")


def frames(page: Page) -> int:
    return int(picture(page).get_attribute("data-frame") or 0)


def moved(control: Find) -> Callable[[Page], None]:
    """Move a slider by a key, until the picture is another."""

    def act(page: Page) -> None:
        before = frames(page)
        control(page).press("ArrowRight")
        control(page).press("ArrowRight")
        expect(picture(page)).not_to_have_attribute("data-frame", str(before))
        plans_done(page)

    return act


def deck_ready(page: Page) -> None:
    painted(picture(page))
    expect(page.locator("[data-n=percentile]")).not_to_have_text("–")


slider, first_slider = first(".sliders input[type=range]"), first(".first_sliders input[type=range]")

epochs = first("[aria-label='epoch of the pictures']")


def curves_ready(page: Page) -> None:
    expect(page.locator("[data-chart=loss] .nsewdrag").first).to_be_attached()
    expect(page.locator("[data-strip=traversal] img")).to_be_visible()
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")


def another_epoch(page: Page) -> None:
    shown = page.locator("[data-strip=reconstructions] img")
    before = shown.get_attribute("src")
    epochs(page).press("ArrowLeft")
    expect(shown).not_to_have_attribute("src", str(before))


def path_ready(page: Page) -> None:
    painted(picture(page))
    expect(page.locator(".st-key-path-chart .nsewdrag").first).to_be_attached()


def along(page: Page) -> None:
    before = float(position(page).input_value())
    position(page).press("Shift+ArrowRight")
    expect(position(page)).to_have_value(f"{before + 0.1:.1f}")


def a_chosen_image(page: Page) -> None:
    surface(page).press("Enter")
    expect(page.get_by_role("heading", name=re.compile(r"^Image \d+"))).to_be_visible()


def curve_ready(page: Page) -> None:
    expect(page.locator(".beta-mark[data-chart=rate-distortion]")).to_be_visible()
    expect(at_cursor(page)).to_have_count(4)


def another_beta(page: Page) -> None:
    """To β 8, or back from there."""
    at_eight = page.get_by_role("img", name=re.compile("at β 8$"))
    there = at_eight.count() > 0
    cursor(page).press("ArrowLeft" if there else "ArrowRight")
    expect(at_eight).to_have_count(0 if there else 4)
    expect(at_cursor(page)).to_have_count(4)


def dial_at_rest(page: Page) -> None:
    expect(page.locator(".dial .curve polyline")).to_be_attached()
    expect(page.locator(".dial")).to_have_attribute("data-waiting", "false")


def turned(page: Page) -> None:
    dial = page.locator(".dial")
    before = dial.get_attribute("data-beta")
    handle(page).press("Shift+ArrowRight")
    expect(dial).not_to_have_attribute("data-beta", str(before))
    dial_at_rest(page)


def compared(page: Page) -> Locator:
    return page.get_by_role("img", name=re.compile("^(reconstructions|interpolations|samples)"))


def compared_ready(page: Page) -> None:
    expect(compared(page)).to_have_count(8)
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    in_their_rows(page)


def in_their_rows(page: Page) -> None:
    """Each row of a table of pictures begins with its name: on a phone above, else to the left of the first picture."""
    off = page.locator(".compare [role=rowheader]").evaluate_all(
        """heads => heads.filter(head => {
          const [name, picture] = [head, head.nextElementSibling.firstElementChild].map(e => e.getBoundingClientRect());
          return name.right > picture.left && name.bottom > picture.top;
        }).map(head => head.innerText)"""
    )
    assert not off, f"{off} stand beside or under their pictures"


def other_images(page: Page) -> None:
    samples = page.get_by_role("img", name=re.compile("^samples")).first
    before = samples.get_attribute("src")
    page.get_by_role("button", name="Other images").click()
    expect(samples).not_to_have_attribute("src", str(before))
    compared_ready(page)


def drawn_and_mean(page: Page) -> Locator:
    drawn, mean = (
        page.get_by_role("img", name=re.compile(f"^{name}")).first for name in ("drawn by", "mean of")
    )
    return drawn.or_(mean)


def blurry_ready(page: Page) -> None:
    expect(page.get_by_role("img", name=re.compile("^mean of")).first).to_be_visible()
    in_their_rows(page)


def another_image(page: Page) -> None:
    image = page.get_by_role("img", name="the image", exact=True)
    before = image.get_attribute("src")
    page.get_by_role("button", name="Another image").click()
    expect(image).not_to_have_attribute("src", str(before))
    blurry_ready(page)


surface, position, cursor, handle = (
    named("img", "latent map"),
    named("slider", "position"),
    named("slider", "β cursor"),
    named("slider", "β"),
)


def at_cursor(page: Page) -> Locator:
    return page.get_by_role("img", name=re.compile("at β"))


def strip_and_chart(page: Page) -> Locator:
    return page.get_by_role("group", name="film strip").first.or_(page.locator(".st-key-path-chart"))


PAGES = {
    "home": Fits(
        "/?run=faces", picture, first_slider, named("link", "Show a class"),
        lambda page: painted(picture(page)), moved(first_slider), ("code", "the few numbers"),
    ),
    "train": Fits(
        "/train?run=digits-beta20", first("[data-strip=reconstructions] img"), epochs, first("[data-chart=loss]"),
        curves_ready, another_epoch, ("rate", "KL"), least=150,
    ),
    "map": Fits(
        "/map?run=mnist&colour=KL", surface, named("button", "Images"), first(".st-key-panel-inspector"),
        lambda page: painted(surface(page)), a_chosen_image, ("nats", "units of information"),
    ),
    "sliders": Fits(
        "/sliders?run=faces", picture, slider, first("[data-n=near]"), deck_ready, moved(slider),
        ("percentile", "of codes of real images"),
    ),
    "interpolate": Fits(
        "/interpolate?run=faces", picture, position, strip_and_chart, path_ready, along, ("code", "the few numbers"),
    ),
    "compare": Fits(
        "/compare?run=digits-beta8&models=digits-beta1,digits-beta8", first(".compare"), named("button", "Other images"), compared, compared_ready, other_images,
    ),
    "why blurry": Fits(
        "/compare?run=digits-beta8&part=Why%20blurry", first(".compare"), named("button", "Another image"), drawn_and_mean,
        blurry_ready, another_image,
    ),
    "beta": Fits(
        "/tune?tuning=β&sweep=digits-beta", first(".st-key-rate-distortion"), cursor, at_cursor, curve_ready, another_beta,
        ("active", "images differ along it"),
    ),
    "dial": Fits(
        "/tune?tuning=β&look=dial", first(".dial .pictures"), handle, first(".dial .charts"), dial_at_rest, turned, ("rate", "KL"),
    ),
}  # fmt: skip


def opened(visit: Visit, fits: Fits, width: int, height: int, *, dark: bool = False) -> Page:
    page = visit(fits.path, width=width, height=height, dark=dark)
    script_at_rest(page)
    fits.ready(page)
    stands_still(page.locator("h1, img, canvas, [role=slider], input[type=range], .js-plotly-plot"))
    return page


Box = dict[str, float]


def boxes(page: Page, fits: Fits) -> dict[str, Box]:
    found: dict[str, Box] = {}
    for name, part in fits.parts(page).items():
        box = part.bounding_box()
        assert box, f"the {name} is nowhere on the page"
        found[name] = dict(box)  # type: ignore[arg-type]
    return found


def scrolled(page: Page) -> float:
    return float(page.get_by_test_id("stMain").evaluate("main => main.scrollTop"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_seen_and_worked_without_scrolling_and_nothing_jumps(visit: Visit, name: str) -> None:
    """On a laptop, and after the window is made as small as a projector's."""
    fits = PAGES[name]
    page = opened(visit, fits, *SIZES[0])
    it_fits_and_nothing_jumps(page, fits, *SIZES[0])
    its_width_is_used(page)
    if fits.word is not None:
        a_word_is_explained(page, *fits.word)
    resized(page, *SIZES[1])
    it_says_what_one_can_do_in_one_line(page)
    it_fits_and_nothing_jumps(page, fits, *SIZES[1])


def resized(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    script_at_rest(page)
    stands_still(page.locator("h1, img, canvas, [role=slider], input[type=range], .js-plotly-plot"))


def it_fits_and_nothing_jumps(page: Page, fits: Fits, width: int, height: int) -> None:
    before = boxes(page, fits)
    for part, box in before.items():
        right, bottom = box["x"] + box["width"], box["y"] + box["height"]
        within = box["x"] >= 0 and box["y"] >= 0 and right <= width and bottom <= height
        assert within, f"the {part} lies at {box}, in a window of {width}×{height}"
    assert max(before["hero"]["width"], before["hero"]["height"]) >= fits.least
    fits.act(page)
    plans_done(page)
    next_frame(page)
    after = boxes(page, fits)
    for part, box in before.items():
        away = max(abs(after[part][side] - box[side]) for side in ("x", "y"))
        assert away <= ROUNDING, f"the {part} went from {box} to {after[part]}"
    assert scrolled(page) == 0


def its_width_is_used(page: Page) -> None:
    edges = page.get_by_test_id("stMainBlockContainer").evaluate("""block => {
      const style = getComputedStyle(block), box = block.getBoundingClientRect();
      const sidebar = document.querySelector('[data-testid=stSidebar]').getBoundingClientRect();
      return [box.left + parseFloat(style.paddingLeft) - sidebar.right,
              innerWidth - box.right + parseFloat(style.paddingRight)];
    }""")
    assert all(0 <= edge <= EDGE for edge in edges), edges


def a_word_is_explained(page: Page, word: str, means: str) -> None:
    """By press and by key; Escape closes what it means."""
    opens = page.locator("button.word", has_text=re.compile(rf"\b{word}")).first
    meaning = page.locator(".meaning:popover-open")
    opens.click()
    expect(meaning).to_contain_text(means, ignore_case=True)
    box = meaning.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= SIZES[0][0]
    assert box["y"] + box["height"] <= SIZES[0][1]
    page.keyboard.press("Escape")
    expect(meaning).to_have_count(0)
    opens.press("Enter")
    expect(meaning).to_be_visible()
    page.keyboard.press("Escape")
    expect(meaning).to_have_count(0)


def it_says_what_one_can_do_in_one_line(page: Page) -> None:
    head = page.locator(".st-key-page-title")
    assert head.get_by_test_id("stCaptionContainer").first.inner_text()
    box = head.bounding_box()
    assert box
    assert box["height"] < 60, "in one line"
    words = head.get_by_role("button", name="Words")
    words.press("Enter")
    expect(page.get_by_test_id("stPopoverBody").locator("strong").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)


@pytest.mark.parametrize("name", ["sliders", "interpolate", "map"])
def test_on_a_phone_the_first_control_comes_within_one_screen(visit: Visit, name: str) -> None:
    page = opened(visit, PAGES[name], *PHONE, dark=True)
    for part, box in boxes(page, PAGES[name]).items():
        if not part.startswith("answer"):
            assert box["y"] + box["height"] <= PHONE[1], f"the {part} lies at {box}"


def test_the_other_charts_of_a_sweep_fit(visit: Visit) -> None:
    page = opened(visit, PAGES["beta"], *SIZES[1])
    page.get_by_role("tab", name="Other charts").click()
    for key in ("panel-charts", "elbo", "active", "kl-over-beta"):
        box = page.locator(f".st-key-{key}").bounding_box()
        assert box
        assert box["y"] + box["height"] <= SIZES[1][1], f"{key} lies at {box}"


def test_of_one_beta_alone_the_pictures_are_shown(visit: Visit, server: Server) -> None:
    """Without a cursor, which has nowhere to go."""
    shipped = Store(server.places).find("digits-beta8")
    run = server.places.runs / "one-beta"
    shutil.copytree(shipped.path, run)
    config = read_json(run / "config.json")
    write_json(run / "config.json", config | {"id": run.name, "name": run.name, "group": "one-beta"})
    page = visit("/tune?tuning=β&sweep=one-beta", width=SIZES[1][0], height=SIZES[1][1], charts=False)
    for picture in at_cursor(page).all():
        expect(picture).to_be_visible()
    expect(at_cursor(page)).to_have_count(4)


def test_two_maps_have_what_the_window_has(visit: Visit, server: Server) -> None:
    for name in ("digits", "digits-beta3"):  # encoded anew, under a bar that goes
        codes_path(Store(server.places).find(name), "test").unlink(missing_ok=True)
    page = visit("/map?run=digits&beside=digits-beta3", width=SIZES[1][0], height=SIZES[1][1])
    maps = page.get_by_role("img", name="latent map")
    expect(maps).to_have_count(2)
    for i in range(2):
        painted(maps.nth(i))
    expect(page.get_by_text("trustworthiness")).to_have_count(2)
    expect(page.locator("[class*=st-key-quality-words]")).to_have_count(2)
    stands_still(maps)
    longer = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight - main.clientHeight")
    assert longer <= ROUNDING, "what showed how far the codes were encoded leaves no gap"
    for i in range(2):
        box, view = maps.nth(i).bounding_box(), page.locator(".look summary").nth(i).bounding_box()
        assert box
        assert view
        assert box["width"] >= 360
        assert box["height"] >= 360
        assert view["x"] + view["width"] <= box["x"] + box["width"] + ROUNDING, (
            "the tools stand over their map"
        )
        assert box["y"] + box["height"] <= SIZES[1][1], "the whole map is in the window"


LIVE = ("dl.numbers", "[data-chart=loss]", "[data-chart=terms]", "[data-chart=kl]", "[data-strip=originals]",
        "[data-strip=reconstructions]", "[data-strip=samples]", "[data-strip=traversal]", ".tools")  # fmt: skip


def test_a_run_is_seen_whole_while_it_learns(visit: Visit, server: Server) -> None:
    config = RunConfig(
        DataConfig("digits", side=16), ModelConfig("mlp", 4),  # type: ignore[arg-type]
        # few epochs of many steps: the first pictures come after a hundredth of the epochs
        training=TrainingConfig(epochs=100, batch_size=1, log_every=20, precision="float32"),
    )  # fmt: skip
    run = Store(server.places).create(config, "seen-whole")
    try:
        page = visit(f"/train?run={run.id}", width=SIZES[0][0], height=SIZES[0][1])
        curves_ready(page)
        expect(page.locator(".live .state")).to_have_text("running")
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            parts = [page.locator(f".live {one}") for one in LIVE] + [
                page.get_by_role("button", name=name, exact=True) for name in ("Pause", "Stop")
            ]
            for part in parts:
                stands_still(part)  # each by itself: the numbers in them go on changing
            for what in parts:
                box = what.bounding_box()
                assert box
                assert box["width"] > 40
                assert box["height"] > 15
                inside = box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
                assert inside, f"{what} lies at {box} in a window of {width}×{height}"
            assert scrolled(page) == 0
    finally:
        run.request("stop")
