"""How fast the pictures of the deck and of Interpolate's handle follow the hand, in a real Chromium, beside the same
drag on a plain st.slider page.

    python tests/bench/deck.py [--seconds 5] [--only faces shapes mnist digits] [--rounds 3]

Prints per shipped run, for either: pictures painted per second of dragging, the 95th percentile of the time from an input event to
the picture that shows it, what decoding takes of that, and script reruns during the drag (messages from the page to the
server). Then pictures per second of a page whose picture follows st.slider.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, async_playwright, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from servers import CHROMIUM_ARGS, free_port, serve

from app.components import module_url
from vae_core.places import Places

FRAME = 1000 / 60

# every input event of a slider is matched with the first picture painted after it
WATCH = """
(canvas) => {
  const root = canvas.getRootNode(), trust = root.querySelector('[data-n=percentile]');
  window.waits = []; window.paints = []; window.trusted = 0; let waiting = [];
  if (trust) new MutationObserver(() => window.trusted++).observe(trust, {childList: true});
  root.addEventListener('input', e => waiting.push(e.timeStamp), true);
  new MutationObserver(() => {
    const now = performance.now();
    window.paints.push(now);
    for (const since of waiting) window.waits.push(now - since);
    waiting = [];
  }).observe(canvas, {attributes: true, attributeFilter: ['data-frame']});
}
"""
DECODE = """
async ([url, run, n]) => {
  const { loadDecoder } = await import(url[0]), { gaussian, seeded } = await import(url[1]);
  const decoder = await loadDecoder(run), random = seeded(3), image = new ImageData(decoder.width, decoder.height), took = [];
  for (let i = 0; i < n; i++) {
    const code = Array.from({length: decoder.latent_dim}, () => gaussian(random)), began = performance.now();
    decoder.paint(code, image);
    took.push(performance.now() - began);
    await new Promise(go => setTimeout(go, 4));
  }
  return took.slice(20).sort((a, b) => a - b);
}
"""
PLAIN = """
import numpy as np, streamlit as st, vae_core as vc
run = st.cache_resource(vc.load)({name!r}, home={home!r})
z = np.zeros(run.latent_dim, np.float32)
z[0] = st.slider("z0", -3.0, 3.0, 0.0, 0.001)
st.image(run.decode_uint8(z)[0].transpose(1, 2, 0).repeat(6, 0).repeat(6, 1).squeeze())
"""
WATCH_PLAIN = """
() => {
  window.paints = [];
  new MutationObserver(() => { const src = document.querySelector('[data-testid=stImage] img')?.src;
    if (src && src !== window.src) { window.src = src; window.paints.push(performance.now()); } })
    .observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ['src']});
}
"""


async def drag(page: Page, box: dict[str, float], seconds: float) -> tuple[float, int]:
    """Swing the handle from side to side: seconds it took, and moves made. The button stays down.

    A mouse reports 125 times a second and waits for nobody, so no move waits for the one before to be taken up.
    """
    y, middle = box["y"] + box["height"] / 2, box["x"] + box["width"] / 2
    await page.mouse.move(middle, y)
    await page.mouse.down()
    began, moves, under_way = time.perf_counter(), 0, set()
    while (passed := time.perf_counter() - began) < seconds:
        x = middle + 0.45 * box["width"] * math.sin(2 * math.pi * passed / 2.5)
        task = asyncio.ensure_future(page.mouse.move(x, y))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        moves += 1
        await asyncio.sleep(max(0, began + moves / 125 - time.perf_counter()))
    took = time.perf_counter() - began
    await asyncio.gather(*under_way)
    return took, moves


async def deck(browser: Browser, url: str, name: str, seconds: float) -> dict[str, float]:
    page, sent = await opened(browser)
    await page.goto(f"{url}/sliders?run={name}")
    await expect(page.locator("[data-n=percentile]")).not_to_have_text(re.compile("^–?$"), timeout=120_000)
    return await measured(page, sent, page.locator(".sliders input[type=range]").first, name, seconds)


async def path(browser: Browser, url: str, name: str, seconds: float) -> dict[str, float]:
    page, sent = await opened(browser)
    await page.goto(f"{url}/interpolate?run={name}")
    await page.get_by_role("tab", name="Export").wait_for(timeout=120_000)
    return await measured(page, sent, page.get_by_role("slider", name="position"), name, seconds)


async def opened(browser: Browser) -> tuple[Page, list[float]]:
    """A page, and when it sent the server messages."""
    page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
    sent: list[float] = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda _: sent.append(time.perf_counter())))
    return page, sent


async def measured(
    page: Page, sent: list[float], handle: Locator, name: str, seconds: float
) -> dict[str, float]:
    """Drag a handle, and count what the picture named `decoded image` does meanwhile."""
    await page.wait_for_timeout(4_000)  # strips and the report of the first code are done
    await page.get_by_role("img", name="decoded image").evaluate(WATCH)
    await handle.scroll_into_view_if_needed()
    box = await handle.bounding_box()
    assert box
    already = len(sent)
    took, moves = await drag(page, box, seconds)  # type: ignore[arg-type]
    reruns = len(sent) - already
    paints, waits, trusted = await page.evaluate("[window.paints.length, window.waits, window.trusted]")
    await page.mouse.up()
    decode = await page.evaluate(
        DECODE, [[module_url("shared/decoder.js"), module_url("shared/latent.js")], name, 120]
    )
    await page.context.close()
    waits.sort()
    return {
        "pictures/s": paints / took, "moves/s": moves / took, "p95": waits[int(0.95 * (len(waits) - 1))],
        "median": statistics.median(waits), "decode": statistics.median(decode), "decode p95": decode[int(0.95 * (len(decode) - 1))],
        "reruns": reruns, "trusted": trusted / took,
    }  # fmt: skip


async def plain(browser: Browser, home: str, name: str, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        script, port = Path(folder) / "plain.py", free_port()
        script.write_text(PLAIN.format(name=name, home=home))
        command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
                   "--server.headless", "true", "--browser.gatherUsageStats", "false"]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).read()
                    break
                except OSError:
                    time.sleep(0.2)
            page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
            await page.goto(f"http://127.0.0.1:{port}")
            await page.locator("[data-testid=stImage] img").wait_for(timeout=120_000)
            await page.wait_for_timeout(2_000)
            await page.evaluate(WATCH_PLAIN)
            # the handle stands in the middle of its track
            box = await page.locator("[data-testid=stSlider] [role=group] > div").first.bounding_box()
            assert box
            took, _ = await drag(page, box, seconds)  # type: ignore[arg-type]
            during = await page.evaluate("window.paints.length")
            let_go = await page.evaluate("performance.now()")
            await page.mouse.up()
            await page.wait_for_timeout(3_000)
            paints = await page.evaluate("window.paints")
            after = [t for t in paints if t > let_go]
            await page.context.close()
            return {"pictures/s": during / took, "after release": after[0] - let_go if after else math.nan}
        finally:
            process.terminate()
            process.wait(20)


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["faces", "shapes", "mnist", "digits"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        async with async_playwright() as playwright:
            server = serve(Places(Path(home), Path(home) / "downloads"), Path(home))
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
            )
            try:
                for name in args.only:
                    for what, follow in (("deck", deck), ("handle", path)):
                        rounds = [
                            await follow(browser, server.url, name, args.seconds) for _ in range(args.rounds)
                        ]
                        middle = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
                        trust = (
                            f"   trust told {middle['trusted']:.1f} times/s (at least 5)"
                            if what == "deck"
                            else ""
                        )
                        print(
                            f"{name:8s} {what:6s} {middle['pictures/s']:5.1f} pictures/s (at least 55)   input to picture: median {middle['median']:.1f}, "
                            f"p95 {middle['p95']:.1f} ms (at most {FRAME:.1f} + decoding {middle['decode']:.1f} = {FRAME + middle['decode']:.1f})   "
                            f"decoding p95 {middle['decode p95']:.1f} ms   reruns {max(r['reruns'] for r in rounds):.0f}{trust}   ({middle['moves/s']:.0f} moves/s)",
                            flush=True,
                        )
                found = await plain(browser, home, "faces", args.seconds)
                print(
                    f"plain st.slider page, faces: {found['pictures/s']:.1f} pictures/s while dragging, the next one {found['after release']:.0f} ms after release"
                )
            finally:
                await browser.close()
                server.stop()


if __name__ == "__main__":
    asyncio.run(main())
