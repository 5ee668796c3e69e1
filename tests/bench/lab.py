"""How fast the β lab answers with sixteen finished runs: one move of its cursor, in a real Chromium.

    python tests/bench/lab.py [--runs 16] [--moves 30] [--profile]

Trains the runs for an epoch, measures them, opens the page and moves the cursor. Prints the median and the 95th
percentile from the page's request to the script's end (the server's part), of the processor time that took there, and
from the key to the last change on the page; each with the ratio of the median to the 300 ms that an interaction may
take. Where others compute beside it, the processor time alone says something. `--profile` prints, from a run of the
script in this process, where the server's part goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import pstats
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from playwright.async_api import Page, async_playwright, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from servers import CHROMIUM_ARGS, Server, serve

from vae_core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from vae_core.data import open_images
from vae_core.evaluation.measured import measure_all
from vae_core.models.networks import ConvParams
from vae_core.options import Choice
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places
from vae_core.runs.store import FINISHED, Store
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep, log_range, members

MOST = 300  # milliseconds of an interaction
ROOT = Path(__file__).parents[2]
WATCH = """
() => {
  window.changed = 0; window.pressed = 0;
  new MutationObserver(() => window.changed = performance.now()).observe(
    document.querySelector('[data-testid=stMain]'), {subtree: true, childList: true, attributes: true, characterData: true});
  document.addEventListener('keydown', () => window.pressed = performance.now(), true);
}
"""


def sweep(places: Places, count: int) -> None:
    """`count` finished and measured runs on the digits."""
    config = RunConfig(
        DataConfig("digits", side=32, limit=400), ModelConfig(Choice("conv", ConvParams(8, 32)), 8),
        training=TrainingConfig(epochs=1, precision="float32", device="cpu"),
    )  # fmt: skip
    store = Store(places)
    for run in create_sweep(store, config, log_range(0.1, 30, count), "bench"):
        assert train_run(run, places).state == FINISHED
    data = open_images("digits", 32, places)
    assert not measure_all(members(store, "bench"), lambda run: data)


class Listener:
    """When the page last asked for a run of the script, and when that ended."""

    def __init__(self, page: Page) -> None:
        self.asked = self.ended = 0.0
        page.on("websocket", self.listen)

    def listen(self, socket) -> None:
        socket.on("framesent", self.sent)
        socket.on("framereceived", self.received)

    def sent(self, data) -> None:
        message = BackMsg.FromString(data)
        if message.HasField("rerun_script") and not message.rerun_script.is_auto_rerun:
            self.asked = time.perf_counter()

    def received(self, data) -> None:
        if self.asked > self.ended and ForwardMsg.FromString(data).HasField("script_finished"):
            self.ended = time.perf_counter()


async def moves(served: Server, count: int) -> tuple[list[float], list[float], list[float]]:
    """Of each move milliseconds of the server's part, processor time there, and until the page's last change."""
    server, processor, whole = [], [], []
    process = psutil.Process(served.process.pid)

    def spent() -> float:
        return sum(process.cpu_times()[:2])

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
        )
        page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
        heard = Listener(page)
        await page.goto(f"{served.url}/beta?sweep=bench")
        handle = page.get_by_test_id("stSlider").get_by_role("slider")
        await handle.wait_for(timeout=120_000)
        quiet = page.get_by_test_id("stApp")
        await expect(quiet).to_have_attribute("data-test-script-state", "notRunning", timeout=120_000)
        await page.wait_for_timeout(3_000)
        await page.evaluate(WATCH)
        for move in range(count):
            before, already = heard.asked, spent()
            await handle.press("ArrowRight" if move % 12 < 6 else "ArrowLeft")
            while not heard.ended > heard.asked > before:
                await page.wait_for_timeout(10)
            await page.wait_for_timeout(700)
            server.append(1000 * (heard.ended - heard.asked))
            processor.append(1000 * (spent() - already))
            whole.append(await page.evaluate("window.changed - window.pressed"))
        await browser.close()
    return server, processor, whole


def told(what: str, took: list[float]) -> str:
    middle, slow = statistics.median(took), np.percentile(took, 95)
    return f"{what:36s} median {middle:5.0f} ms   p95 {slow:5.0f} ms   {middle / MOST:.2f} of {MOST} ms"


def profile(places: Places) -> None:
    os.environ[HOME_VARIABLE], os.environ[DATA_VARIABLE] = str(places.home), str(places.data_dir)
    from streamlit.runtime.scriptrunner import ScriptRunner
    from streamlit.testing.v1 import AppTest

    from app import resources

    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
    at.run()
    at.switch_page("views/beta.py")
    at.query_params["sweep"] = "bench"
    at.run()
    at.run()  # all pictures are drawn
    profiler = cProfile.Profile()
    script = ScriptRunner._run_script  # in a thread of its own
    ScriptRunner._run_script = lambda *given: profiler.runcall(script, *given)  # type: ignore[method-assign]
    at.run()
    stats = pstats.Stats(profiler, stream=sys.stdout).sort_stats("cumulative")
    stats.print_stats(r"app/|vae_core/|streamlit/elements|plotly", 70)
    resources.stop_launcher()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--moves", type=int, default=30)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        places = Places(Path(home), Path(home) / "downloads")
        sweep(places, args.runs)
        if args.profile:
            profile(places)
        server = serve(places, Path(home))
        try:
            answered, processor, seen = asyncio.run(moves(server, args.moves))
        finally:
            server.stop()
    print(f"one move of the cursor, {args.runs} runs")
    print(told("  asked to answered (server)", answered))
    print(told("  processor time of the server", processor))
    print(told("  key to last change on the page", seen))


if __name__ == "__main__":
    main()
