"""The glossary: one entry a term, and an entry for every number of every registry."""

from __future__ import annotations

import re

import pytest

from vae_core import glossary
from vae_core.evaluation.metrics.registry import all_values
from vae_core.glossary import in_text
from vae_core.objectives import LIKELIHOODS, OBJECTIVES
from vae_core.study.goals import GOALS
from vae_core.uses.registry import USES

LABELS = {
    "metrics": [value.title for value in all_values().values()],
    "goals": [goal.title for goal in GOALS.values()],
    "uses": [metric for use in USES.values() for metric in use.means],
    "terms": [name for entry in OBJECTIVES.values() for term in entry.terms for name in (term.title, term.label)],
    "coefficients": [c.symbol for entry in OBJECTIVES.values() for c in entry.coefficients],
    "likelihoods": [entry.title for entry in LIKELIHOODS.values()],
    "charts": ["loss", "KL per dimension", "β·rate", "learning rate", "images/s", "time left", "active"],
    "map": ["trustworthiness", "continuity", "shared neighbours", "holes", "anomaly score"],
    "path": ["image change", "image length", "distance to real codes", "energy", "probability"],
}  # fmt: skip


@pytest.mark.parametrize("registry", LABELS)
def test_every_number_label_has_an_entry(registry: str) -> None:
    missing = sorted({label for label in LABELS[registry] if glossary.find(label) is None})
    assert LABELS[registry]
    assert not missing, (
        f"{registry}: give these an entry in vae_core/glossary, or put them into the `also` of one: {missing}"
    )


def test_an_entry_is_whole_and_stands_once() -> None:
    anchors = [entry.anchor for entry in glossary.ENTRIES]
    assert anchors == sorted(set(anchors))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", anchor) for anchor in anchors)
    for entry in glossary.ENTRIES:
        assert entry.group in glossary.GROUPS, entry.name
        assert entry.plain.endswith("."), entry.name
        assert not re.search(r"\\(?!frac)[a-zA-Z]+", entry.written), (
            f"{entry.name}: {entry.written} is not plain yet"
        )
        assert entry.formula.count("{") == entry.formula.count("}"), entry.name
        assert "$" not in entry.formula + entry.plain + entry.source
    assert glossary.get("β").anchor == "beta"
    assert glossary.get("Fréchet distance").anchor == "frechet-distance"
    assert glossary.get("λ").anchor == "lambda"


def test_a_label_is_found_by_any_of_its_names() -> None:
    assert glossary.get("Sharpness of samples, temperature 0.7").name == "sharpness"
    assert glossary.get("-elbo") is glossary.get("−ELBO") is glossary.get("ELBO")
    assert glossary.get("MIG").name != glossary.get("MIG (disentanglement_lib)").name
    assert glossary.find("qwertz") is None
    with pytest.raises(KeyError, match="add an entry"):
        glossary.get("qwertz")


def test_a_text_finds_entries_by_all_its_words() -> None:
    assert glossary.search("") == list(glossary.ENTRIES)
    assert [entry.name for entry in glossary.search("gap plain")] == []
    assert {"MIG", "MIG (disentanglement_lib)"} == {
        entry.name for entry in glossary.search("information GAP")
    }


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\frac{1}{K} \sum_k x_k^2", "1/K Σ_k x_k²"),
        (r"\frac{a + b}{c}", "(a + b) / c"),
        (r"\sqrt{\operatorname{mean} (\hat{x} - x)^2}", "√(mean (x̂ − x)²)"),
        (r"\#\{d : \mathrm{KL}_d > 0.01\}", "#{d : KL_d > 0.01}"),
        (r"z \sim \mathcal{N}(0, I)", "z ~ N(0, I)"),
        (r"(C_a C_b)^{1/2}", "(C_a C_b)^(1/2)"),
        (r"r_{i+1}", "r_(i+1)"),
    ],
)
def test_a_formula_is_written_in_one_line_where_no_latex_is_drawn(latex: str, text: str) -> None:
    assert in_text(latex) == text
