"""Take the README's pictures again.

    python tests/browser/screenshots.py [--dark] [--phone] [--out assets/screenshots]

Starts a server on an empty home, trains a little so that Train has something to show, and photographs each page in Chromium
as it is. MNIST's map shows its real images when LATENT_EXPLORER_DATA says where they lie.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import watch
from servers import CHROMIUM_ARGS, serve

from vae_core.places import Places

ROOT = Path(__file__).parents[2]


def drawn(page: Page) -> None:
    """Wait until the script has run, every image is there, and nothing moves but what is played."""
    watch.script_at_rest(page, 180_000)
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    watch.stands_still(page.locator("img, h1, h2, h3, .js-plotly-plot, [role=slider]"))


def train(page: Page, base: str) -> None:
    page.goto(f"{base}/train?dataset=faces&model=conv&latent-dim=12&epochs=12&limit=1500&log-every=2")
    page.get_by_role("button", name="Start", exact=True).click(timeout=180_000)
    page.wait_for_url(lambda url: "run=faces-" in url, timeout=180_000)
    expect(page.locator(".live .state")).to_have_text("running", timeout=180_000)
    page.wait_for_function(
        "() => Number(document.querySelector('[data-n=epoch]')?.textContent.split('/')[0]) >= 7",
        timeout=600_000,
    )


def visit(path: str):
    def go(page: Page, base: str) -> None:
        page.goto(base + path)
        drawn(page)
        expect(page.get_by_text("preparing the images")).to_have_count(0, timeout=180_000)
        drawn(page)

    return go


def latent_map(page: Page, base: str) -> None:
    visit("/map?run=mnist&coordinates=UMAP&image=60010")(page, base)
    expect(page.get_by_text("Image 60010")).to_be_visible(timeout=180_000)
    offer = page.get_by_role("button", name="Show the images of mnist")
    if os.environ.get("LATENT_EXPLORER_DATA"):
        offer.click()
        expect(offer).to_have_count(0, timeout=180_000)
        expect(page.get_by_text("nearest in pixel space")).to_be_visible(timeout=180_000)
    expect(page.get_by_text("trustworthiness")).to_be_visible(timeout=180_000)
    expect(page.get_by_text("Stop UMAP")).to_have_count(0, timeout=180_000)
    drawn(page)


def home(page: Page, base: str) -> None:
    visit("/?run=faces")(page, base)
    watch.painted(page.get_by_role("img", name="decoded image"))


def sliders(page: Page, base: str) -> None:
    visit("/sliders?run=faces")(page, base)
    expect(page.locator("[data-n=near]")).not_to_have_text("reading the images…", timeout=180_000)
    drawn(page)


def beta(page: Page, base: str) -> None:
    visit("/tune?tuning=β&sweep=digits-beta")(page, base)
    expect(page.get_by_text("All numbers are of the test images")).to_be_attached(timeout=180_000)
    drawn(page)


def compared(page: Page, base: str) -> None:
    visit("/compare?run=digits-vae&models=digits-ae,digits-vae,digits-gan")(page, base)
    expect(page.get_by_role("img", name=re.compile("^reconstructions"))).not_to_have_count(0, timeout=180_000)
    page.get_by_text("nearest was searched for").wait_for(timeout=180_000)
    expect(page.get_by_text("being compared")).to_have_count(0, timeout=180_000)
    drawn(page)


def tune(page: Page, base: str) -> None:
    """The newest study of the home; in an empty one a grid of D × β on faces, which takes minutes."""
    page.goto(f"{base}/tune")
    drawn(page)
    if page.get_by_text("No study yet").count():
        page.goto(f"{base}/tune?tuning=New+study&study-dataset=faces&study-epochs=12&study-limit=1500")
        page.get_by_role("button", name="Start", exact=True).click(timeout=180_000)
        expect(page.get_by_role("button", name="Stop all")).to_be_visible(timeout=180_000)
    expect(page.get_by_role("button", name="Stop all")).to_have_count(0, timeout=3_600_000)
    drawn(page)


def all_pictures(page: Page, base: str) -> None:
    beta(page, base)
    page.get_by_role("tab", name="All pictures").click()
    drawn(page)


def learn(page: Page, base: str) -> None:
    """A guess is given, and twenty pictures of a posterior are drawn."""
    page.goto(f"{base}/learn?lesson=2&run=digits-vae-2d&step=2")
    page.locator(".lesson[data-drawn]").wait_for(timeout=120_000)
    page.locator(".answers button").last.click()
    page.get_by_label("σ ×").fill("5")
    page.get_by_text("Right so far").wait_for()


def uses(page: Page, base: str) -> None:
    visit("/uses?run=mnist&use=Denoise")(page, base)
    expect(page.locator(".scrub img").first).to_be_visible(timeout=180_000)
    drawn(page)


WHOLE = ("beta-pictures",)  # shown from top to bottom, without the sidebar
SHOTS = {
    "home": home,
    "train": train,
    "map": latent_map,
    "sliders": sliders,
    "interpolate": visit("/interpolate?run=faces&from-image=3&to-image=12&path=spherical"),
    "beta": beta,
    "compare": compared,
    "uses": uses,
    "learn": learn,
    "tune": tune,
    "beta-pictures": all_pictures,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "screenshots")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--phone", action="store_true", help="390×844 instead of 1440×900")
    parser.add_argument("--projector", action="store_true", help="1280×720 instead of 1440×900")
    parser.add_argument("--full", action="store_true", help="the whole page, not what fits the screen")
    parser.add_argument(
        "--home", type=Path, help="use this home, and what was trained there; default an empty one"
    )
    parser.add_argument("--only", nargs="*", choices=list(SHOTS), default=list(SHOTS))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    size = {"width": 1440, "height": 900}
    if args.phone:
        size = {"width": 390, "height": 844}
    elif args.projector:
        size = {"width": 1280, "height": 720}
    with tempfile.TemporaryDirectory() as empty, sync_playwright() as playwright:
        home = args.home or Path(empty)
        data = Path(os.environ.get("LATENT_EXPLORER_DATA") or home / "downloads")
        server = serve(Places(home, data), home)
        try:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
            page = browser.new_context(
                viewport=size,  # type: ignore[arg-type]
                color_scheme="dark" if args.dark else "light",
            ).new_page()
            page.set_default_timeout(180_000)
            for name in args.only:
                page.set_viewport_size(size)  # type: ignore[arg-type]
                SHOTS[name](page, server.url)
                drawn(page)
                if args.full or name in WHOLE:
                    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
                    page.set_viewport_size({"width": size["width"], "height": min(4000, int(height))})
                    drawn(page)
                shot = page.screenshot()
                if name in WHOLE:
                    shot = small(page.get_by_test_id("stMainBlockContainer").screenshot())
                (args.out / f"{name}.png").write_bytes(shot)
                if args.out == ROOT / "assets" / "screenshots" and name == "sliders":
                    (args.out / "python.png").write_bytes(faces())
                print(args.out / f"{name}.png")
            browser.close()
        finally:
            server.stop()


def faces() -> bytes:
    """Eight faces above their reconstructions: what the README's Python lines compute."""
    import vae_core as vc
    from vae_core.pictures import grid

    with tempfile.TemporaryDirectory() as home:
        run = vc.load("faces", home=home)
        images = vc.open_images("faces", 64, Places.find(home)).images[:8]
        decoded = (run.decode(run.encode(images).mean) * 255).round().astype("uint8")
        return grid(np.stack((images, decoded)), 96)


def small(shot: bytes) -> bytes:
    """A long picture in 800 pixels' width."""
    with Image.open(io.BytesIO(shot)) as whole:
        part = whole.resize((800, 800 * whole.height // whole.width), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    part.convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
