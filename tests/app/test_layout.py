"""What all pages share: the title with its line, words that are explained, numbers as they are said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import words
from vae_core.data.registry import factor_words
from vae_core.runs.run import Run

Open = Callable[..., AppTest]
NUMBERS = json.loads((Path(__file__).parents[1] / "js" / "numbers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("value", "digits", "text"), [*NUMBERS, (float("nan"), 3, "–"), (float("inf"), 3, "–")]
)
def test_a_number_has_as_many_digits_as_it_means(value: float, digits: int, text: str) -> None:
    assert words.number(value, digits) == text


def test_no_two_numbers_that_differ_are_said_alike() -> None:
    assert words.numbers([0.5, 1.0, 1.5], 2) == ["0.5", "1", "1.5"]
    assert words.numbers([0.12345, 0.12346, 2000.0], 2) == ["0.12345", "0.12346", "2,000"]


def test_a_factors_value_is_said_with_its_word() -> None:
    known = {name: factor_words("faces", name) for name in ("smile", "glasses")}
    assert words.factor(0.9312, known["smile"]) == "0.93, laughing"
    assert words.factor(0.5, known["smile"]) == "0.5"
    assert words.factor(0.00823, known["smile"]) == "0.01, sad"
    assert words.factor(1.0, known["glasses"]) == "worn"
    assert words.factor(2.0, factor_words("shapes", "orientation")) == "18°"
    assert words.factor(31.0, factor_words("shapes", "x")) == "31, right"
    assert words.factor(0.0, factor_words("celeba", "Eyeglasses")) == "no"
    assert words.factor(39_187.0, factor_words("mine", "size")) == "39,187"
    assert words.factor(float("nan"), known["glasses"]) == "–"


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
