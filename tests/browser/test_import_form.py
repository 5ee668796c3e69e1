"""The import form in a real browser: names are shown as they were typed, and what was imported is chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cases.folders import flat
from playwright.sync_api import Page, expect

NAMES = (
    "*a* __b__ ~~c~~", "[d](e) <i>f", "$g^2$ $h$", ":smile: www.i.com", "j@k.com l--m -> n", "`o` &amp; :material-p:", "1. q",
)  # fmt: skip


def test_names_are_shown_as_typed_and_the_new_set_is_chosen(
    visit: Callable[..., Page], tmp_path: Path
) -> None:
    files = {f"{name}/{i}.png": 20 * k for k, name in enumerate(NAMES) for i in range(2)}
    loose = {f"{name}.png": 200 for name in NAMES[:5]}
    source = flat(tmp_path / "_set_ $x$ *y*", {**files, **loose})
    page = visit("/train?open=import")
    given = page.get_by_label("or a folder or file on this machine")
    given.fill(str(source))
    given.press("Enter")
    panel = page.get_by_test_id("stExpander").filter(has_text="Import your own images")
    told = panel.get_by_test_id("stMarkdownContainer").filter(has_text="images in 8 classes")
    expect(told.first).to_contain_text("_set_ $x$ *y*: 19 images in 8 classes")
    note = panel.get_by_test_id("stCaptionContainer").filter(has_text="beside the class folders").last
    text = note.inner_text().replace("\u2060", "")
    assert all(f"{name}.png" in text for name in NAMES[:5]), text
    assert note.locator("a, em, strong, del, code, .katex, img").count() == 0
    panel.get_by_label("Name").fill("typed")
    panel.get_by_role("button", name="Import", exact=True).click()
    expect(panel.get_by_text("typed is imported")).to_be_visible()
    expect(page.get_by_role("combobox", name="Dataset", exact=True)).to_have_value("typed")
