"""How fast the β page answers with sixteen finished runs, in a real Chromium.

    python tests/bench/beta_page.py [--runs 16] [--moves 30] [--profile]

Trains the runs for two epochs, measures them and opens the page. Two kinds of interaction: the cursor is moved by a key,
which the browser does alone, from the key to the frame it is painted in; and another run's way is chosen, which runs a
part of the script, from the choice to the answer's end (the server's part), the processor time that took there, and to
the last change on the page. Prints median and 95th percentile, each with the ratio of the median to the 300 ms that an
interaction may take. `--profile` prints, from a run of the script in this process, where the server's part goes.
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
from dataclasses import dataclass, field
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
from vae_core.evaluation.sweep_report import measure_all
from vae_core.models.networks import ConvParams
from vae_core.options import Choice
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, Places
from vae_core.runs.record import FINISHED
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep, log_range, members

MOST = 300  # milliseconds of an interaction
ROOT = Path(__file__).parents[2]
WATCH = """
() => {
  window.changed = window.pressed = window.painted = 0;
  new MutationObserver(() => window.changed = performance.now()).observe(
    document.querySelector('[data-testid=stMain]'), {subtree: true, childList: true, attributes: true, characterData: true});
  document.addEventListener('keydown', () => {
    window.pressed = performance.now();
    // a task queued by a frame's callback runs once that frame was painted
    requestAnimationFrame(() => setTimeout(() => window.painted = performance.now()));
  }, true);
}
"""


def sweep(places: Places, count: int) -> None:
    """`count` finished and measured runs on the digits."""
    config = RunConfig(
        DataConfig("digits", side=32, limit=400), ModelConfig(Choice("conv", ConvParams(8, 32)), 8),
        training=TrainingConfig(epochs=2, precision="float32", device="cpu"),
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


@dataclass
class Took:
    """Milliseconds of every interaction: moves of the cursor, and of choices the answer, its processor time, the page."""

    painted: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    reruns: int = 0  # while the cursor moved


async def interact(served: Server, count: int) -> Took:
    took = Took()
    process = psutil.Process(served.process.pid)

    def spent() -> float:
        return sum(process.cpu_times()[:2])

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
        )
        page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
        heard = Listener(page)
        await page.goto(f"{served.url}/tune?tuning=β&sweep=bench")
        handle = page.get_by_role("slider", name="β cursor")
        await handle.wait_for(timeout=120_000)
        quiet = page.get_by_test_id("stApp")
        await expect(quiet).to_have_attribute("data-test-script-state", "notRunning", timeout=120_000)
        await expect(page.locator(".beta-mark").first).to_be_visible(timeout=120_000)
        await page.wait_for_timeout(3_000)
        await page.evaluate(WATCH)
        began = heard.asked
        for move in range(count):
            await handle.press("ArrowRight" if move % 12 < 6 else "ArrowLeft")
            await page.wait_for_timeout(150)  # less than a rest, of which the address is told
            took.painted.append(await page.evaluate("window.painted - window.pressed"))
            took.reruns += heard.asked != began
            began = heard.asked
        await page.wait_for_timeout(2_000)
        way = page.get_by_role("combobox", name="Trajectory of")
        for move in range(count):
            await way.click()
            await way.press("ArrowDown")  # to another run than the one that is chosen
            if move % 12 >= 6:
                await way.press("ArrowUp")
                await way.press("ArrowUp")
            before, already = heard.asked, spent()
            await way.press("Enter")
            while not heard.ended > heard.asked > before:
                await page.wait_for_timeout(10)
            await page.wait_for_timeout(700)
            took.answered.append(1000 * (heard.ended - heard.asked))
            took.processor.append(1000 * (spent() - already))
            took.changed.append(await page.evaluate("window.changed - window.pressed"))
        await browser.close()
    return took


def told(what: str, took: list[float]) -> str:
    middle, slow = statistics.median(took), np.percentile(took, 95)
    return f"{what:39s} median {middle:5.0f} ms   p95 {slow:5.0f} ms   {middle / MOST:.2f} of {MOST} ms"


def profile(places: Places) -> None:
    os.environ[HOME_VARIABLE], os.environ[DATA_VARIABLE] = str(places.home), str(places.data_dir)
    from streamlit.runtime.scriptrunner import ScriptRunner
    from streamlit.testing.v1 import AppTest

    from app.services import warm_up

    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
    at.run()
    at.switch_page("views/tune/page.py")
    at.query_params["tuning"] = "β"
    at.query_params["sweep"] = "bench"
    at.run()
    at.run()  # all pictures are drawn
    profiler = cProfile.Profile()
    script = ScriptRunner._run_script  # in a thread of its own
    ScriptRunner._run_script = lambda *given: profiler.runcall(script, *given)  # type: ignore[method-assign]
    at.run()
    stats = pstats.Stats(profiler, stream=sys.stdout).sort_stats("cumulative")
    stats.print_stats(r"app/|vae_core/|streamlit/elements|plotly", 70)
    warm_up.shut_down()


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
            took = asyncio.run(interact(server, args.moves))
        finally:
            server.stop()
    print(f"{args.runs} runs; {took.reruns} reruns while the cursor moved")
    print(told("cursor, key to painted", took.painted))
    print(told("choice, asked to answered (server)", took.answered))
    print(told("choice, processor time of the server", took.processor))
    print(told("choice, key to last change on the page", took.changed))


if __name__ == "__main__":
    main()
