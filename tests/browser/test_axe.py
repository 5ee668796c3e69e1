"""axe-core on every page of the page table, light and dark: no serious or critical fault.

What is theirs and cannot be mended from here is listed below, each with its element and why; nothing is left out by rule.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect
from watch import next_frame, script_at_rest

from vae_core.uses.registry import USES

# rule, CSS selector of the element, why it stays
THEIRS = [
    (
        "scrollable-region-focusable",
        '[data-testid="stVerticalBlock"][class*="st-key-panel-"]',
        "Streamlit's containers take no tabindex; browsers let the keyboard reach a scroller that holds nothing else to reach",
    ),
    (
        "color-contrast",
        '[data-testid="stSelectbox"]:has(input:disabled) [data-testid="stWidgetLabel"] *',
        "WCAG 1.4.3 asks no contrast of what cannot be used; that this label is one of those is hidden from axe",
    ),
]

# everything, once; what a theme changes is colours alone
WHOLE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    "resultTypes": ["violations"],
    "iframes": False,
}
COLOURS = {
    "runOnly": {"type": "rule", "values": ["color-contrast"]},
    "resultTypes": ["violations"],
    "iframes": False,
}
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 21, 27)"}

# beside the pages as they open: parts behind a switch of their own
PARTS = [
    *(f"/uses?run=mnist&use={use.title}" for use in USES.values()),
    "/tune?run=digits&tuning=β&sweep=digits-beta",
    "/tune?run=digits&tuning=New study",
    "/train?run=digits&open=new",
    "/compare?run=digits-vae&part=Numbers",
]


def page_paths() -> list[str]:
    """The address of each page in app/main.py's table, whose script cannot be imported without drawing a page."""
    source = (Path(__file__).parents[2] / "app" / "main.py").read_text()
    table = next(
        node.value for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PAGES"
    )  # fmt: skip
    assert isinstance(table, ast.List)
    entries = [entry for entry in table.elts if isinstance(entry, ast.Call)]
    words = [{word.arg: ast.literal_eval(word.value) for word in entry.keywords} for entry in entries]
    return [f"/{found['url_path']}" for found in words]


def faults(page: Page, options: dict[str, Any]) -> list[str]:
    """Serious and critical faults, a line each, but for what is listed as theirs."""
    found = page.evaluate(
        """async ([options, theirs]) => {
          const { violations } = await axe.run(document, { ...options, elementRef: true });
          const lines = [];
          for (const { id, impact, nodes } of violations) {
            if (!["serious", "critical"].includes(impact)) continue;
            for (const { element, html, target, any, all, none } of nodes) {
              if (theirs.some(([rule, selector]) => rule === id && element?.matches(selector))) continue;
              const why = [...any, ...all, ...none].map(({ message }) => message).join("; ");
              lines.push(`${impact} ${id}: ${html.slice(0, 200)} (${target.flat(3).at(-1)}): ${why}`);
            }
          }
          return lines;
        }""",
        [options, [[rule, selector] for rule, selector, _ in THEIRS]],
    )
    return list(found)


def settled(page: Page, options: dict[str, Any]) -> list[str]:
    """As `faults`, of a page whose parts have all taken up the theme: those that come later are looked at again."""
    for _ in range(6):
        found = faults(page, options)
        if not found:
            break
        next_frame(page, 20)
    return found


@pytest.mark.parametrize("path", [*(f"{path}?run=digits" for path in page_paths()), *PARTS])
def test_axe_finds_no_serious_fault(visit: Callable[..., Page], path: str) -> None:
    page = visit(path)
    page.emulate_media(reduced_motion="reduce")  # a colour on its way to the other theme's is neither's
    expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
    script_at_rest(page)
    page.evaluate(AXE_SCRIPT)
    found = [f"light: {line}" for line in settled(page, WHOLE)]
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", GROUNDS["dark"])
    found += [f"dark: {line}" for line in settled(page, COLOURS)]
    assert not found, "\n".join(found)


def test_a_fault_is_found(visit: Callable[..., Page]) -> None:
    """What this file says of pages it would not say of anything."""
    page = visit("/healthz")
    page.set_content(
        "<html lang=en><title>t</title><main><button></button><p style='color: #999; background: #aaa'>pale</p></main>"
    )
    page.evaluate(AXE_SCRIPT)
    assert [line.split(":")[0] for line in faults(page, WHOLE)] == [
        "critical button-name",
        "serious color-contrast",
    ]
