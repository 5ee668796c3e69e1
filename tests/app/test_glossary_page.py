"""The glossary's page, and that what pages show can be asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from app import words
from app.components import live
from app.views.compare.numbers import measures
from vae_core import glossary
from vae_core.config import ObjectiveConfig
from vae_core.objectives import OBJECTIVES
from vae_core.options import Choice
from vae_core.runs.run import Run

Open = Callable[..., AppTest]


def entries(at: AppTest) -> list[tuple[str, str]]:
    """Anchor and name of each entry on the page."""
    text = "\n".join(one.value for one in at.main.markdown)
    return [(anchor, unescape(name)) for anchor, name in re.findall(r'^<b id="(.+?)">(.+?)</b>', text, re.M)]


def names(at: AppTest) -> list[str]:
    return [name for _, name in entries(at)]


def test_every_term_is_listed_with_its_anchor_formula_and_source(open_page: Open) -> None:
    first = open_page("glossary")
    assert names(first) == [entry.name for entry in glossary.ENTRIES if entry.group == glossary.GROUPS[0]]
    at = open_page("glossary", group="All groups")
    assert not at.exception
    assert sorted(names(at)) == sorted(entry.name for entry in glossary.ENTRIES)
    assert [h.value for h in at.main.header] == list(glossary.GROUPS)
    anchors = [anchor for anchor, _ in entries(at)]
    assert "elbo" in anchors
    assert len(set(anchors)) == len(anchors)
    told = " ".join(m.value for m in at.main.markdown)
    elbo = glossary.get("ELBO")
    assert elbo.formula in told
    assert elbo.source in told


def test_a_word_is_found_by_name_symbol_or_paper_and_a_link_says_it(open_page: Open) -> None:
    at = open_page("glossary", word="kynk")
    assert names(at) == ["precision", "recall"]
    at.text_input(key="word").set_value("β rate").run()
    assert "weighted rate" in names(at)
    at.text_input(key="word").set_value("").run()
    at.selectbox(key="group").set_value("Uses").run()
    assert names(at)[0] == "accuracy"
    at.text_input(key="word").set_value("qwertz").run()
    assert not names(at)
    assert "Nothing like it" in at.info[0].value


def test_every_number_of_compare_can_be_asked() -> None:
    missing = [m.title for m in measures() if glossary.find(m.title) is None]
    assert not missing, f"give these an entry in vae_core/glossary: {missing}"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_live_tile_says_its_formula(name: str) -> None:
    entry = OBJECTIVES[name]
    told = live.described("a", "a", ObjectiveConfig(objective=Choice(name, entry.params())))
    for term in told["terms"]:
        assert term["formula"] in term["help"]
    for part in ("epoch", "step", "images/s", "time left", "loss", "active"):
        assert f'data-word="{part}"' in live.MEANINGS


@pytest.mark.parametrize(
    "view", ["home", "train", "compare", "map", "sliders", "interpolate", "tune", "beta", "uses"]
)
def test_every_metric_of_a_page_can_be_asked(open_page: Open, copied: Run, view: str) -> None:
    query = {"look": "KL weights elsewhere"} if view == "beta" else {}
    at = open_page(view, run=copied.id, **query)
    assert not at.exception
    for metric in at.main.metric:
        assert glossary.find(metric.label) is not None, f"{metric.label}: no entry in vae_core/glossary"
        assert metric.help, f"{metric.label}: give it help=words.help_of(label)"
    if view == "beta":
        assert len(at.main.metric) == 2


def test_a_label_says_meaning_formula_unit_and_source() -> None:
    told = words.help_of("−ELBO")
    entry = glossary.get("ELBO")
    assert told is not None
    for part in (entry.plain, f"${entry.formula}$", entry.unit, entry.source):
        assert part in told
    assert words.help_of("qwertz") is None
    html = words.button("ELBO", "here")
    assert "KL[q(z|x) ‖ p(z)]" in html
    assert "Kingma" in html
