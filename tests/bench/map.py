"""How fast the latent map is, in a real Chromium without a GPU, beside plotly's scattergl with the same points.

    python tests/bench/map.py [--points 60000 500000] [--seconds 4] [--rounds 3]

Prints per number of points: from asking for the coordinates to the first painting; pictures painted per second while a
mouse that reports 125 times a second pans, and while a wheel zooms; from a move of the mouse to the answer of what lies
there, and to its picture; and the page's memory before and after zooming about among images. The points are synthetic
(ten clusters); the images behind them are those of a shipped run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.async_api import Browser, Page, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from servers import CHROMIUM_ARGS
from synthetic import serve

HOST = "[...document.querySelectorAll('*')].find(e => e.shadowRoot?.querySelector('.map'))?.shadowRoot"
WATCH = (
    "() => { const root = "
    + HOST
    + """, surface = root.querySelector('.surface'), tip = root.querySelector('.tip');
  window.paints = []; window.answers = []; window.pictured = [];
  let since = 0;
  surface.addEventListener('pointermove', e => { since = e.timeStamp; }, true);
  new MutationObserver(() => window.paints.push(performance.now())).observe(surface, {attributes: true, attributeFilter: ['data-frame']});
  new MutationObserver(records => { for (const r of records)
    (r.attributeName === 'data-row' ? window.answers : window.pictured).push(performance.now() - since); })
    .observe(tip, {attributes: true, attributeFilter: ['data-row', 'data-pictured']});
}"""
)
FRAMES = """() => { window.paints = []; const f = () => { requestAnimationFrame(f); };
  // what a scattergl drag costs is seen in the frames that the page gets
  const count = (now) => { window.paints.push(now); requestAnimationFrame(count); }; requestAnimationFrame(count); }"""


async def pan(page: Page, box: dict[str, float], seconds: float) -> float:
    """Swing the points about with the button held: seconds it took."""
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    began, moves, under_way = time.perf_counter(), 0, set()
    while (passed := time.perf_counter() - began) < seconds:
        angle = 2 * math.pi * passed / 2
        task = asyncio.ensure_future(page.mouse.move(x + 120 * math.sin(angle), y + 60 * math.cos(angle)))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        moves += 1
        await asyncio.sleep(max(0, began + moves / 125 - time.perf_counter()))
    took = time.perf_counter() - began
    await asyncio.gather(*under_way)
    await page.mouse.up()
    return took


async def wheel(page: Page, box: dict[str, float], seconds: float) -> float:
    """Zoom in and out about the middle: seconds it took."""
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    began, turns, under_way = time.perf_counter(), 0, set()
    while (passed := time.perf_counter() - began) < seconds:
        task = asyncio.ensure_future(page.mouse.wheel(0, -8 if math.sin(2 * math.pi * passed / 2) > 0 else 8))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        turns += 1
        await asyncio.sleep(max(0, began + turns / 60 - time.perf_counter()))
    took = time.perf_counter() - began
    await asyncio.gather(*under_way)
    return took


def memory() -> float:
    """What the browser's largest page process holds, MB: points and pictures lie outside JavaScript's own heap."""
    found = [0.0]
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--type=renderer" in " ".join(process.cmdline()):
                found.append(process.memory_info().rss / 2**20)
    return max(found)


async def ours(browser: Browser, url: str, points: int, seconds: float) -> dict[str, float]:
    page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
    await page.goto(f"{url}/?n={points}&way=map")
    await page.wait_for_function(
        f"() => Number({HOST}?.querySelector('.surface').dataset.frame) > 0", timeout=120_000, polling=20
    )
    first = await page.evaluate(
        f"""() => {{ const asked = performance.getEntriesByType('resource').filter(e => e.name.includes('/api/arrays/'));
          return [Number({HOST}.querySelector('.surface').dataset.first), Math.min(...asked.map(e => e.startTime))]; }}"""
    )
    await page.wait_for_timeout(1_500)
    await page.evaluate(WATCH)
    box = await page.get_by_role("img", name="latent map").bounding_box()
    assert box
    found: dict[str, Any] = {"first": first[0] - first[1]}
    took = await pan(page, box, seconds)  # type: ignore[arg-type]
    found["pan"] = await page.evaluate("window.paints.length") / took
    await page.evaluate("window.paints = []")
    took = await wheel(page, box, seconds)  # type: ignore[arg-type]
    found["zoom"] = await page.evaluate("window.paints.length") / took
    await page.evaluate(f"{HOST}.querySelector('[data-do=fit]').click()")
    await page.wait_for_timeout(500)
    await page.evaluate("window.answers = []; window.pictured = []")
    for k in range(60):  # one place after the other, each answered before the next
        angle = k * 2.4
        await page.mouse.move(
            box["x"] + box["width"] * (0.5 + 0.12 * math.sin(angle) * k / 60),
            box["y"] + box["height"] * (0.5 + 0.4 * math.cos(angle) * k / 60),
        )
        await page.wait_for_timeout(90)
    answers, pictured = await page.evaluate("[window.answers, window.pictured]")
    found |= {"hovered": len(answers)}
    for name, times in (("hover", answers), ("picture", pictured)):
        times.sort()
        found[name] = times[int(0.95 * (len(times) - 1))] if times else math.nan
    found["memory"] = memory()
    await page.evaluate(f"{HOST}.querySelector('[data-do=images]').click()")
    shown = []
    for k in range(9):
        await page.evaluate(
            f"{{ const r = {HOST}; for (let i = 0; i < 3; i++) r.querySelector('[data-do={'in' if k < 7 else 'out'}]').click(); }}"
        )
        await pan(page, box, 0.8)  # type: ignore[arg-type]
        await page.wait_for_timeout(700)
        shown.append(int(await page.evaluate(f"{HOST}.querySelector('.surface').dataset.images ?? '0'")))
    found["images shown"] = max(shown)
    found["memory after"] = memory()
    await page.context.close()
    return found


async def plotly(browser: Browser, url: str, points: int, seconds: float) -> float:
    """Frames per second that the page gets while plotly's scattergl pans the same points."""
    page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
    await page.goto(f"{url}/?n={points}&way=plotly")
    await page.locator(".gl-canvas").first.wait_for(timeout=120_000, state="attached")
    await page.wait_for_timeout(6_000)
    box = await page.locator(".nsewdrag").first.bounding_box()
    assert box
    await page.evaluate(FRAMES)
    took = await pan(page, box, seconds)  # type: ignore[arg-type]
    found = await page.evaluate("window.paints.length") / took
    await page.context.close()
    return float(found)


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, nargs="*", default=[60_000, 500_000])
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process, url = serve(Path(folder))
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
                )
                for points in args.points:
                    rounds = [await ours(browser, url, points, args.seconds) for _ in range(args.rounds)]
                    found = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
                    print(
                        f"{points:,} points: first painting {found['first']:.0f} ms after asking (at most 1,000)   pan {found['pan']:.0f}/s, "
                        f"zoom {found['zoom']:.0f}/s (at least 30)   hover answered within {found['hover']:.0f} ms, pictured within "
                        f"{found['picture']:.0f} ms (p95 of {found['hovered']:.0f}; at most 50)   memory {found['memory']:.0f} MB, "
                        f"{found['memory after']:.0f} MB after zooming among {found['images shown']:.0f} images",
                        flush=True,
                    )
                beside = await plotly(browser, url, args.points[0], args.seconds)
                print(f"plotly scattergl, {args.points[0]:,} points: {beside:.1f} frames/s while panning")
        finally:
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    asyncio.run(main())
