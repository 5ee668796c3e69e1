"""How soon the server answers and Home shows its first decoded picture, beside the least one could do.

    python tests/bench/startup.py [--rounds 5]

In each round, one after the other: `python -c "import torch, streamlit"`; latent-explorer on an empty home until
/healthz answers, then Chromium on Home until its canvas was painted; an empty Streamlit page on a server of its own
until its text is seen. Both pages are opened the moment their server answers, and once more when it is warm.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from servers import CHROMIUM_ARGS, free_port


def answers(url: str) -> None:
    """Wait until the address answers."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).read()
            return
        except OSError:
            time.sleep(0.005)


def visit(browser: Browser, url: str, seen: Callable[[Page], object]) -> float:
    """Seconds from asking for a page, in a browser profile of its own, until `seen`."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    begin = time.perf_counter()
    page.goto(url, wait_until="commit")
    seen(page)
    took = time.perf_counter() - begin
    context.close()
    return took


def picture(page: Page) -> object:
    # inside a component's shadow root, which locators pierce
    page.locator("canvas[aria-label='decoded image']:not([data-frame='0'])").wait_for(timeout=60_000)
    return None


def text(page: Page) -> object:
    return page.get_by_text("nothing here").wait_for(timeout=60_000)


def serve(
    command: list[str], health: str, browser: Browser, url: str, seen: Callable[[Page], object]
) -> tuple[float, float, float]:
    """(seconds until it answers, first visit, warm visit)."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        answers(health)
        ready = time.perf_counter() - begin
        first = visit(browser, url, seen)
        time.sleep(3)
        return ready, first, visit(browser, url, seen)
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    found: dict[str, list[float]] = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        empty = Path(folder) / "empty.py"
        empty.write_text("import streamlit as st\nst.write('nothing here')\n")
        for i in range(rounds):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import torch, streamlit"], check=True)
            imports = time.perf_counter() - begin
            port = free_port()
            ours = [sys.executable, "-m", "app.server", "--port", str(port), "--home", f"{folder}/home{i}"]
            base = f"http://127.0.0.1:{port}"
            health, home, home_warm = serve(ours, f"{base}/healthz", browser, base, picture)
            port = free_port()
            plain = [
                sys.executable, "-m", "streamlit", "run", str(empty), "--server.port", str(port),
                "--server.headless", "true", "--browser.gatherUsageStats", "false", "--server.address", "127.0.0.1",
            ]  # fmt: skip
            base = f"http://127.0.0.1:{port}"
            _, page, page_warm = serve(plain, f"{base}/_stcore/health", browser, base, text)
            row = {
                "imports": imports, "healthz": health, "home": home, "empty": page, "home warm": home_warm,
                "empty warm": page_warm,
            }  # fmt: skip
            for name, value in row.items():
                found.setdefault(name, []).append(value)
        browser.close()
    middle = {name: statistics.median(values) for name, values in found.items()}
    print(f"medians of {rounds} rounds, seconds")
    for name, value in middle.items():
        print(f"  {name:12s} {value:6.2f}   ({min(found[name]):.2f} to {max(found[name]):.2f})")
    print(f"  healthz / imports          = {middle['healthz'] / middle['imports']:.2f}   (at most 1.40)")
    print(f"  home - empty, first visit  = {middle['home'] - middle['empty']:+.2f} s (at most +1.50)")
    print(
        f"  home - empty, warm server  = {middle['home warm'] - middle['empty warm']:+.2f} s (at most +1.50)"
    )


if __name__ == "__main__":
    main()
