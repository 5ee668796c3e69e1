"""How long a lesson takes from the press that opens it to its first live figure, on a warm server, in a real Chromium.

    python tests/bench/lessons.py [--run digits-vae-2d] [--rounds 5] [--target 1.5]

A server on an empty home with a shipped run. Each lesson is opened once before it is timed, so that it is built and its figure's
data published: that is what a warm server is. Then it is opened from the list of lessons, `--rounds` times: the page times from
the press to the moment at which the figure stands. Prints median and slowest of each, with the ratio to the target, and beside it
how long the first opening took, with the building of the lesson.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from servers import CHROMIUM_ARGS, serve

from vae_core.lessons.registry import LESSONS
from vae_core.places import Places

PATIENCE = 180_000  # milliseconds


def opening(page: Page, number: int) -> float:
    """Milliseconds from the press on a lesson's card to its drawn figure."""
    page.locator(".lesson .card").first.wait_for(timeout=PATIENCE)
    button = page.get_by_role("button", name=f"lesson {number}:", exact=False)
    button.wait_for(timeout=PATIENCE)
    page.evaluate(
        """() => {
          const box = [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.lesson')).find(Boolean);
          const before = box.dataset.drawn ?? '0';
          window.took = 0;
          document.addEventListener('click', () => { window.began = performance.now(); }, { once: true, capture: true });
          new MutationObserver((_, watch) => {
            if ((box.dataset.drawn ?? '0') === before) return;
            watch.disconnect();
            requestAnimationFrame(() => setTimeout(() => { window.took = performance.now() - window.began; }));
          }).observe(box, { attributes: true, attributeFilter: ['data-drawn'] });
        }"""
    )
    button.click()
    page.wait_for_function("window.took > 0", timeout=PATIENCE)
    took = float(page.evaluate("window.took"))
    page.get_by_role("button", name="All lessons").first.click()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="digits-vae-2d")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--target", type=float, default=1.5, help="seconds")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        places = Places(Path(folder) / "home", Path(folder) / "downloads")
        server = serve(places, Path(folder))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{server.url}/learn?run={args.run}")
            first = {number: opening(page, number) / 1000 for number in LESSONS}
            time.sleep(2)  # what the first opening left to do
            for number, entry in LESSONS.items():
                took = [opening(page, number) / 1000 for _ in range(args.rounds)]
                middle, slow = statistics.median(took), max(took)
                print(
                    f"{number} {entry.title:46s} median {middle:5.2f} s ({middle / args.target:.2f} of {args.target})   "
                    f"slowest {slow:5.2f} s ({slow / args.target:.2f})   first opening {first[number]:5.2f} s"
                )
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
