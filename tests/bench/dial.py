"""How fast the β dial's pictures follow the hand, in a real Chromium.

    python tests/bench/dial.py [--seconds 5] [--rounds 3] [--only mlp conv32 conv64] [--workers N]

Trains a dial of each network for a moment and swings its handle. Prints, while it is dragged: frames per second of the
page and of the dial, how often per second each of the pictures is renewed (the first, the median and the least renewed
one, and all together), how long one takes in the page, and how many workers decode beside it. `--workers` pretends that the
machine has one core more than that.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from deck import drag
from helpers import config_of, write_blobs
from servers import CHROMIUM_ARGS, serve

from app.components import module_url
from vae_core.models.networks import ConvParams, MlpParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run

NETWORKS = {
    "mlp": ("mlp 784-400-10, 28×28", 28, Choice("mlp", MlpParams())),
    "conv32": ("conv of the usual width, 32×32", 32, Choice("conv", ConvParams())),
    "conv64": ("conv of the usual width, 64×64", 64, Choice("conv", ConvParams())),
}
# renewals of each picture, frames of the dial, frames of the page
WATCH = """
(dial) => {
  const root = dial.getRootNode();
  window.renewed = new Map(); window.dialFrames = 0; window.pageFrames = 0;
  for (const canvas of root.querySelectorAll('.rebuilt canvas, .samples canvas, .walks canvas')) {
    window.renewed.set(canvas, 0);
    new MutationObserver((seen) => window.renewed.set(canvas, window.renewed.get(canvas) + seen.length))
      .observe(canvas, {attributes: true, attributeFilter: ['data-beta']});
  }
  new MutationObserver((seen) => window.dialFrames += seen.length).observe(dial, {attributes: true, attributeFilter: ['data-frame']});
  const tick = () => { window.pageFrames++; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}
"""
ONE = """
async ([url, run, n]) => {
  const { loadDial } = await import(url[0]), { gaussian, seeded } = await import(url[1]);
  const dial = await loadDial(run), took = [], random = seeded(3), image = new ImageData(dial.width, dial.height);
  for (let i = 0; i < n; i++) {
    const code = Array.from({length: dial.latent_dim}, () => gaussian(random)), began = performance.now();
    dial.paint(code, image);
    took.push(performance.now() - began);
    await new Promise(go => setTimeout(go, 4));
  }
  return took.slice(n / 4).sort((a, b) => a - b)[Math.floor(3 * n / 8)];
}
"""


def dial(store: Store, name: str) -> None:
    _, side, network = NETWORKS[name]
    write_blobs(store.places.datasets, f"blobs{side}", side=side, count=60)
    config = config_of(
        dataset=f"blobs{side}", architecture=network, latent_dim=10, epochs=1, objective="multi_rate"
    )
    run = store.create(config, name)
    assert train_run(run, store.places).state == FINISHED


async def turn(page: Page, seconds: float) -> float:
    """Swing the dial's handle to and fro: the seconds it took."""
    box: Any = await page.get_by_role("slider", name="β", exact=True).bounding_box()
    return (await drag(page, box, seconds))[0]


async def one(browser: Browser, url: str, name: str, seconds: float, workers: int | None) -> dict[str, float]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    if workers is not None:
        await context.add_init_script(
            f"Object.defineProperty(navigator, 'hardwareConcurrency', {{get: () => {workers + 1}}})"
        )
    page = await context.new_page()
    await page.goto(f"{url}/tune?tuning=β&look=dial&dial-run={name}")
    box = page.locator(".dial")
    await expect(box).to_have_attribute("data-waiting", "false", timeout=120_000)
    await page.wait_for_timeout(4_000)  # the dial is read behind the page
    await box.evaluate(WATCH)
    took = await turn(page, seconds)
    renewed, frames, all_frames = await page.evaluate(
        "[[...window.renewed.values()], window.dialFrames, window.pageFrames]"
    )
    await page.mouse.up()
    single = await page.evaluate(
        ONE, [[module_url("shared/decoder.js"), module_url("shared/latent.js")], name, 80]
    )
    told = await box.get_attribute("data-workers")
    await context.close()
    return {
        "page": all_frames / took, "dial": frames / took, "median": statistics.median(renewed) / took,
        "least": min(renewed) / took, "all": sum(renewed) / took, "count": len(renewed), "first": renewed[0] / took, "single": single, "workers": float(told or 0),
    }  # fmt: skip


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--workers", type=int)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        store = Store(Places(Path(home), Path(home) / "downloads"))
        for name in args.only:
            dial(store, name)
        async with async_playwright() as playwright:
            server = serve(store.places, Path(home))
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
            )
            try:
                for name in args.only:
                    rounds = [
                        await one(browser, server.url, name, args.seconds, args.workers)
                        for _ in range(args.rounds)
                    ]
                    found = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
                    print(
                        f"{NETWORKS[name][0]:32s} page {found['page']:4.0f} frames/s, dial {found['dial']:4.0f} (at least 30)   "
                        f"renewed per second: the first {found['first']:4.0f}, each of {found['count']:.0f} pictures {found['median']:5.1f} "
                        f"(least {found['least']:.1f}), together {found['all']:.0f}/s   one takes {found['single']:.1f} ms, {found['workers']:.0f} workers",
                        flush=True,
                    )
            finally:
                await browser.close()
                server.stop()


if __name__ == "__main__":
    asyncio.run(main())
