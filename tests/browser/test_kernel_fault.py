"""Where a browser's WebAssembly fails, pictures come from JavaScript's loops, and the page says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from servers import Server
from watch import painted

from app.components import module_url

BREAKS = {
    "compiles nothing": "WebAssembly.Module = function () { throw new WebAssembly.CompileError('broken by a test') }",
    "stops as it runs": """
        const Real = WebAssembly.Instance;
        WebAssembly.Instance = class {
          constructor(module) {
            const { m } = new Real(module).exports;
            this.exports = { m, f: () => { throw new WebAssembly.RuntimeError('broken by a test') } };
          }
        }""",
}
FAULTS = "async (url) => (await import(url)).kernelFaults"


@pytest.mark.parametrize("how", BREAKS)
def test_a_fault_is_told_once_and_the_picture_comes_all_the_same(
    visit: Callable[..., Page], server: Server, how: str
) -> None:
    page = visit("/healthz")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.add_init_script(BREAKS[how])
    page.goto(f"{server.url}/sliders?run=faces")
    painted(page.locator(".deck canvas.picture"))
    where = page.locator(".deck .where")
    expect(where).to_contain_text("decoded in this page without WebAssembly, several times slower")
    expect(where).to_contain_text("broken by a test")
    told = [text for text in said if "WebAssembly failed" in text]
    assert len(told) == 1, said
    assert "broken by a test" in told[0]
    faults = page.evaluate(FAULTS, module_url("shared/simd.js"))
    assert 1 <= len(faults) <= 8, "one for each layer at most"
    box = page.locator(".deck canvas.picture")
    spread = box.evaluate(
        "(c) => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    )
    assert spread > 20, "a picture, and no plain colour"


def test_without_a_fault_nothing_is_said(visit: Callable[..., Page]) -> None:
    page = visit("/sliders?run=faces")
    painted(page.locator(".deck canvas.picture"))
    expect(page.locator(".deck .where")).to_have_text("decoded in this page")
    assert page.evaluate(FAULTS, module_url("shared/simd.js")) == []
