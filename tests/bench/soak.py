"""How the server bears a class: twelve Chromium pages beside a training run, on two cores, browser included.

    python tests/bench/soak.py [--seconds 300] [--rest 60] [--pages 12] [--cores 2]

Opens sliders, maps, β pages and train pages, a quarter of each, one after the other; uses each as a hand would, half a
minute long, then loads it again. Prints the 95th percentile of the time from an address to a page's first picture, opened
and loaded again, and of /healthz; the memory of the server and of its process for UMAPs before (torch imported, no page
yet), at its most, as the tabs close and after a rest; its threads then. Ends with 1 where a page showed an error, threw
or stayed blank.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from playwright.async_api import Error as BrowserError
from playwright.async_api import Locator, Page, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from servers import CHROMIUM_ARGS, Server, serve

from vae_core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from vae_core.data import open_images
from vae_core.evaluation.sweep_report import measure_all
from vae_core.events import StepDone
from vae_core.models.networks import ConvParams
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.sweep import create_sweep, log_range, members

USED = 30.0  # seconds for which a page is used before it is loaded again
PATIENCE = 90_000  # milliseconds until a page counts as blank


# ---------------------------------------------------------------- what is looked at


def plant(places: Places) -> Run:
    """A measured sweep of four runs, and a run that waits in the queue and outlasts the bench."""
    config = RunConfig(
        DataConfig("digits", side=32, limit=400), ModelConfig(Choice("conv", ConvParams(8, 32)), 8),
        training=TrainingConfig(epochs=2, precision="float32", device="cpu"),
    )  # fmt: skip
    store = Store(places)
    for run in create_sweep(store, config, log_range(0.3, 10, 4), "soak"):
        assert train_run(run, places).state == FINISHED
    data = open_images("digits", 32, places)
    assert not measure_all(members(store, "soak"), lambda run: data)
    endless = RunConfig(
        DataConfig("digits"), ModelConfig("conv", 10), training=TrainingConfig(epochs=100_000, device="cpu")
    )
    return store.create(endless, "endless")


def painted(page: Page) -> Locator:
    return page.locator('[data-frame]:not([data-frame="0"])').first


async def slide(page: Page, until: float) -> None:
    slider = page.get_by_role("slider").first
    while time.monotonic() < until:
        await slider.press("ArrowRight")
        await page.wait_for_timeout(100)


async def hover(page: Page, until: float) -> None:
    box = await page.get_by_role("img", name="latent map").first.bounding_box()
    rng = np.random.default_rng(0)
    while box and time.monotonic() < until:
        x, y = rng.uniform(0.1, 0.9, 2)
        await page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        await page.wait_for_timeout(150)


async def turn(page: Page, until: float) -> None:
    handle = page.get_by_role("slider", name="β cursor")
    move = 0
    while time.monotonic() < until:
        await handle.press("ArrowRight" if move % 12 < 6 else "ArrowLeft")
        await page.wait_for_timeout(150)
        move += 1


async def watch(page: Page, until: float) -> None:
    await page.wait_for_timeout(1000 * max(0.0, until - time.monotonic()))


@dataclass(frozen=True)
class Kind:
    """A page: its address, what shows that its first picture is there, and how a hand uses it."""

    address: str
    picture: Callable[[Page], Locator]
    use: Callable[[Page, float], Awaitable[None]]


KINDS = {
    "sliders": Kind("/sliders?run=faces", painted, slide),
    "map": Kind("/map?run=digits", painted, hover),
    "β": Kind("/tune?tuning=β&sweep=soak", lambda page: page.locator(".beta-mark").first, turn),
    "train": Kind(
        "/train?run={endless}", lambda page: page.locator("[data-n=loss]").filter(has_not_text="–"), watch
    ),
}


# ---------------------------------------------------------------- what is measured


@dataclass
class Seen:
    """Seconds to first pictures by page and of /healthz, faults, and the server's memory in MB."""

    opened: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    again: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    health: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    most: float = 0.0


def memory(process: psutil.Process) -> tuple[float, float]:
    """Resident MB of the server, and of its process for UMAPs."""
    umap = 0.0
    for child in process.children():
        with suppress(psutil.Error):
            umap += child.memory_info().rss / 1e6 if "vae_core.umap_process" in child.cmdline() else 0.0
    return process.memory_info().rss / 1e6, umap


def keep_asking(served: Server, process: psutil.Process, seen: Seen, end: threading.Event) -> None:
    while not end.wait(0.25):
        began = time.perf_counter()
        try:
            urllib.request.urlopen(f"{served.url}/healthz", timeout=60).read()
        except OSError as error:
            seen.faults.append(f"/healthz: {error}")
        seen.health.append(time.perf_counter() - began)
        seen.most = max(seen.most, memory(process)[0])


async def first_picture(page: Page, name: str, went: Awaitable[object], into: dict[str, list[float]]) -> None:
    began = time.perf_counter()
    await went
    await KINDS[name].picture(page).wait_for(state="attached", timeout=PATIENCE)
    into[name].append(time.perf_counter() - began)


async def what_stands(page: Page, name: str, error: Exception) -> str:
    """A fault, with what the page said when it came."""
    said = ""
    with suppress(BrowserError):
        said = " ".join((await page.locator("[data-testid=stMain]").inner_text(timeout=5000)).split())
    return f"{name}: {str(error).splitlines()[0]} The page said: {said[:600] or 'nothing'}"


async def one_seat(page: Page, name: str, seen: Seen, until: float, first: float) -> None:
    """Use a page that is open and load it again, and so on; `first` seconds long at first."""
    used = first
    while time.monotonic() < until:
        try:
            await KINDS[name].use(page, min(until, time.monotonic() + used))
            for sign in ("stAlertContentError", "stException"):
                if await page.get_by_test_id(sign).count():
                    text = await page.get_by_test_id(sign).first.inner_text()
                    seen.faults.append(f"{name} said: {text}")
            if time.monotonic() < until:
                await first_picture(page, name, page.reload(timeout=PATIENCE), seen.again)
        except BrowserError as error:
            seen.faults.append(await what_stands(page, name, error))
        used = USED


async def sit(served: Server, endless: Run, pages: int, seconds: float, seen: Seen) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
        )
        until, seats = time.monotonic() + seconds, []
        names = [list(KINDS)[i % len(KINDS)] for i in range(pages)]
        for i, name in enumerate(names):
            context = await browser.new_context(viewport={"width": 1440, "height": 900})
            page = await context.new_page()
            page.on("pageerror", lambda error, name=name: seen.faults.append(f"{name}: {error}"))
            address = served.url + KINDS[name].address.format(endless=endless.id)
            try:
                await first_picture(page, name, page.goto(address, timeout=PATIENCE), seen.opened)
            except BrowserError as error:
                seen.faults.append(await what_stands(page, name, error))
            seats.append(asyncio.create_task(one_seat(page, name, seen, until, (i + 1) / pages * USED)))
        await asyncio.gather(*seats)
        await browser.close()


def told(what: str, took: list[float]) -> str:
    if not took:
        return f"{what:36s} never"
    middle, slow = np.percentile(took, [50, 95])
    return f"{what:36s} median {middle:6.2f} s   p95 {slow:6.2f} s   most {max(took):6.2f} s   n {len(took)}"


def settled(process: psutil.Process, endless: Run) -> float:
    """Memory once the run learns, torch is there and nothing has grown for five seconds."""
    while not any(isinstance(event, StepDone) for event in endless.history()):
        time.sleep(0.5)
    while not any("libtorch_cpu" in part.path for part in process.memory_maps()):
        time.sleep(0.5)
    last, since = 0.0, time.monotonic()
    while time.monotonic() - since < 5:
        time.sleep(0.5)
        now = sum(memory(process))
        if now > last + 1:
            last, since = now, time.monotonic()
    return memory(process)[0]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument(
        "--rest", type=float, default=60, help="seconds to look on after the tabs have closed"
    )
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--cores", type=int, default=2)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # the server, what trains and the browser inherit it
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cores])
    seen, end = Seen(), threading.Event()
    with tempfile.TemporaryDirectory() as home:
        places = Places(Path(home), Path(home) / "downloads")
        endless = plant(places)
        served = serve(places, Path(home))
        process = psutil.Process(served.process.pid)
        try:
            before = settled(process, endless)
            asking = threading.Thread(target=keep_asking, args=(served, process, seen, end))
            asking.start()
            try:
                asyncio.run(sit(served, endless, args.pages, args.seconds, seen))
            finally:
                end.set()
                asking.join()
            after = [(0.0, memory(process))]
            began = time.monotonic()
            while (passed := time.monotonic() - began) < args.rest:
                time.sleep(min(15.0, args.rest - passed))
                after.append((time.monotonic() - began, memory(process)))
            threads = process.num_threads()
        finally:
            endless.request("stop")
            served.stop()
            while endless.status().live:
                time.sleep(0.1)
    for what, pictures in (("opened", seen.opened), ("loaded again", seen.again)):
        for name, took in pictures.items():
            print(told(f"{name} {what}, first picture", took))
        print(told(f"all {what}, first picture", [t for took in pictures.values() for t in took]))
    print(told("/healthz", seen.health))
    print(
        f"memory of the server {before:.0f} MB before, {seen.most:.0f} MB at its most; after the tabs closed:"
    )
    for passed, (mb, umap) in after:
        print(f"  {passed:4.0f} s   {mb:4.0f} MB, UMAP's process {umap:4.0f} MB")
    print(f"{threads} threads left; load of the machine {', '.join(f'{x:.1f}' for x in os.getloadavg())}")
    for fault in seen.faults:
        print("fault:", fault)
    return bool(seen.faults)


if __name__ == "__main__":
    sys.exit(main())
