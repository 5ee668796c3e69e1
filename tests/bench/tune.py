"""How fast a study of 64 trials answers in the page, in a real Chromium.

    python tests/bench/tune.py [--trials 64] [--moves 40] [--dark]

Opens a page of nothing but the component over planted trials (tests/browser/synthetic_study.py), so that no training and no
server has a part in it. The cursor: the pointer goes from trial to trial in the matrix, in the chart of axes and in the table,
and a key from cell to cell. Interactions: another picture, another tab, a zoom, other columns, a brush, a sort, a choice. Each is
timed in the page from the event to the frame in which its answer is painted. Prints median and 95th percentile, each with its
ratio to the target, and how many runs of the script were asked for (none should be).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import Locator, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
import synthetic
import synthetic_study
from servers import CHROMIUM_ARGS
from watch import asked, listen

CURSOR, INTERACTION = 30, 300  # milliseconds that they may take
WATCH = """
() => {
  window.began = window.painted = 0;
  const begin = () => {
    window.began = performance.now();
    window.painted = 0;
    // a task queued by a frame's callback runs once that frame was painted
    requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
  };
  for (const kind of ['pointermove', 'pointerdown', 'click', 'keydown', 'input']) document.addEventListener(kind, begin, true);
}
"""


def taken(page: Page, act: Callable[[], object]) -> float:
    """Milliseconds from the last event that `act` makes to the frame painted after it."""
    act()
    page.wait_for_function("window.painted > window.began")
    return float(page.evaluate("window.painted - window.began"))


def places(over: Locator, count: int) -> Iterator[tuple[float, float]]:
    """Places of the screen spread over an element."""
    box = over.bounding_box()
    assert box is not None
    rng = np.random.default_rng(0)
    for x, y in rng.uniform(0.08, 0.92, (count, 2)):
        yield box["x"] + x * box["width"], box["y"] + y * box["height"]


def measure(page: Page, moves: int) -> dict[str, tuple[int, list[float]]]:
    """By what is done: its target and the milliseconds of each time."""
    found: dict[str, tuple[int, list[float]]] = {}
    tabs = {name: page.get_by_role("tab", name=name) for name in ("Axes", "Scatter", "Curves", "Table")}

    def cursor(name: str, acts: list[Callable[[], object]]) -> None:
        found[f"cursor {name}"] = CURSOR, [taken(page, act) for act in acts]

    def interaction(name: str, acts: list[Callable[[], object]]) -> None:
        found[name] = INTERACTION, [taken(page, act) for act in acts]

    def moved(over: Locator) -> list[Callable[[], object]]:
        return [lambda x=x, y=y: page.mouse.move(x, y) for x, y in places(over, moves)]

    cursor("over the matrix", moved(page.locator(".grid")))
    cursor("over the axes", moved(page.locator("[data-tab=parallel] svg")))
    for tab, name in (("Scatter", "scatter"), ("Curves", "curves"), ("Table", "table")):
        tabs[tab].click()
        cursor(f"over the {name}", moved(page.locator(f"[data-tab={name}]")))
    page.locator(".grid").focus()
    arrows = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]
    cursor("by key", [lambda k=k: page.keyboard.press(arrows[k % 4]) for k in range(moves)])
    few = max(4, moves // 4)
    interaction("another picture", [lambda k=k: page.keyboard.press("rst"[k % 3]) for k in range(few)])
    interaction("another tab", [lambda k=k: page.keyboard.press("1234"[k % 4]) for k in range(few)])
    interaction("zoom", [lambda k=k: page.keyboard.press("+-"[k % 2]) for k in range(few)])
    rows = page.locator("select[name=rows]")
    interaction("other rows", [lambda k=k: rows.select_option(index=k % 2 + 1) for k in range(few)])
    tabs["Axes"].click()
    axis = page.locator("[data-tab=parallel] .coordinate line.axis").nth(3).bounding_box()
    assert axis is not None
    page.mouse.move(axis["x"], axis["y"] + 2)
    page.mouse.down()
    steps = np.linspace(0.1, 0.8, few)
    interaction(
        "brush", [lambda s=s: page.mouse.move(axis["x"], axis["y"] + s * axis["height"]) for s in steps]
    )
    page.mouse.up()
    tabs["Table"].click()
    head = page.locator("th button").nth(1)
    interaction("sort", [lambda: head.click(force=True) for _ in range(few)])
    interaction("choose", [lambda k=k: page.locator("tbody tr").nth(k).click(force=True) for k in range(few)])
    return found


def told(what: str, target: int, took: list[float]) -> str:
    middle, slow = statistics.median(took), float(np.percentile(took, 95))
    return f"{what:24s} median {middle:6.1f} ms ({middle / target:.2f} of {target})   p95 {slow:6.1f} ms ({slow / target:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--dark", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, url = synthetic.serve(Path(folder), synthetic_study.PAGE)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        try:
            page = browser.new_page(
                viewport={"width": 1440, "height": 900}, color_scheme="dark" if args.dark else "light"
            )
            listen(page)
            page.goto(f"{url}/?n={args.trials}")
            page.locator(".study[data-shown]").wait_for(timeout=120_000)
            page.wait_for_load_state("networkidle")
            page.evaluate(WATCH)
            before = len(asked(page))
            found = measure(page, args.moves)
            print(f"{args.trials} trials; {len(asked(page)) - before} runs of the script")
            for what, (target, took) in found.items():
                print(told(what, target, took))
        finally:
            browser.close()
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()
