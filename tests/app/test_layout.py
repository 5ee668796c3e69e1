"""What all pages share: the title with its line, words that are explained, numbers as they are said."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from streamlit.testing.v1 import AppTest

from app import words
from vae_core.runs.run import Run

Open = Callable[..., AppTest]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (39_200.0, "39,200"),
        (1_234_567.8, "1,234,568"),
        (12.345, "12.3"),
        (0.012345, "0.0123"),
        (-2.5, "−2.5"),
        (100.0, "100"),
        (0.99999, "1"),
        (-1e-12, "−1e−12"),
        (0.0, "0"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_a_number_has_as_many_digits_as_it_means(value: float, text: str) -> None:
    assert words.number(value) == text


def test_a_word_opens_what_it_means_and_no_two_of_a_page_share_an_id() -> None:
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(
        words.button("aggregate posterior", "deck")
        + words.button("percentile", "deck")
        + words.button("percentile", "map")
    )
    buttons = [attrs for tag, attrs in found if tag == "button"]
    meanings = [attrs for tag, attrs in found if tag == "span"]
    assert [b["popovertarget"] for b in buttons] == [m["id"] for m in meanings]
    assert len({m["id"] for m in meanings}) == 3
    assert all("popover" in m and " " not in str(m["id"]) for m in meanings)


def test_an_unknown_word_is_a_mistake() -> None:
    for ask in (words.explained, lambda name: words.button(name, "deck")):
        with pytest.raises(KeyError):
            ask("qwertz")


@pytest.mark.parametrize("view", ["train", "sliders", "map", "interpolate", "beta"])
def test_a_page_says_in_one_line_what_one_can_do_and_explains_its_words(
    open_page: Open, copied: Run, view: str
) -> None:
    at = open_page(view, run=copied.id)
    lines = [c.value for c in at.main.caption]
    assert 20 < len(lines[0]) < 120
    explained = [m.value for m in at.main.markdown if m.value.startswith("**")]
    named = re.findall(r"^\*\*(.+?)\*\*: ", explained[0], re.M)
    assert named
    assert set(named) <= set(words.WORDS)
