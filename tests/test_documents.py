"""What README and assets/docs say is there: links, files that are named, the layers, and code that parses."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_layers import LAYERS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "assets" / "docs"
DOCUMENTS = [ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
TOPS = ("app/", "vae_core/", "tests/", "assets/", ".config/", ".ci/", ".github/")
BUILT = "api/"  # pages that are made of the docstrings
# what a recipe asks for, and what the tools make
NOT_YET = {"vae_core/data/sets/stripes.py", "vae_core/evaluation/metrics/code_spread.py", "app/views/greeting.py",
           "app/views/greeting/", "vae_core/runs/launchers/batch.py", "vae_core/uses/steady.py", "app/views/uses/steady.py"}  # fmt: skip


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(text: str) -> list[str]:
    """Targets within the repository, without anchors."""
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target.split("#")[0] for target in found if not re.match(r"[a-z]+:|#", target)]


def named_paths(text: str) -> list[str]:
    """Paths between backticks that begin in a folder of the repository; those with a placeholder are none."""
    found = re.findall(r"`([^`\s]+)`", text)
    return [path for path in found if path.startswith(TOPS) and not re.search(r"[…*<>{}]", path)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=names)
def test_links_and_paths_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    gone = [link for link in links(text) if not link.startswith(BUILT) and not (path.parent / link).exists()]
    assert not gone, f"{path.name} links to what is not there: {gone}"
    gone = [name for name in named_paths(text) if name not in NOT_YET and not (ROOT / name).exists()]
    assert not gone, f"{path.name} names what is not there: {gone}"


def test_a_broken_link_and_a_wrong_path_are_found() -> None:
    text = "[a](b.md#c) [d](https://e.f) ![g](h.svg) `app/nothing.py` `app/…` `<home>/x` [i](#j) `vae_core/runs/`"
    assert links(text) == ["b.md", "h.svg"]
    assert named_paths(text) == ["app/nothing.py", "vae_core/runs/"]


def test_every_document_is_reached() -> None:
    """From README every file of assets/docs is reached over links; the site's navigation lists every page."""
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        if path not in seen and path.exists():
            seen.add(path)
            if path.suffix == ".md":
                ahead += [(path.parent / link).resolve() for link in links(path.read_text(encoding="utf-8"))]
    assert set(DOCS.iterdir()) <= seen
    settings = (ROOT / ".config" / "mkdocs.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"^  - .*: (\w+\.md)$", settings, re.MULTILINE)) == {
        p.name for p in DOCS.glob("*.md")
    }


def test_the_code_of_the_recipes_parses() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "adding.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 10
    for block in blocks:
        ast.parse(block)


def test_every_recipe_is_followed() -> None:
    """A heading of adding.md is a test of test_adding.py by the same name."""
    recipes = re.findall(r"^## (An? .+)$", (DOCS / "adding.md").read_text(encoding="utf-8"), re.MULTILINE)
    tree = ast.parse((ROOT / "tests" / "test_adding.py").read_text(encoding="utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    expected = {f"test_{recipe.lower().replace(' ', '_')}" for recipe in recipes} - {"test_a_learner"}
    assert len(expected) >= 8
    assert expected <= tests, "a recipe without its test"
    assert "class TinyGan" in (ROOT / "tests" / "core" / "test_learners.py").read_text(encoding="utf-8")


def definitions(source: str) -> dict[str, str]:
    """Classes and functions by name, without annotations of functions, which tests leave out."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            for inner in ast.walk(node):
                if isinstance(inner, ast.FunctionDef):
                    inner.returns = None
                elif isinstance(inner, ast.arg):
                    inner.annotation = None
            found[node.name] = ast.dump(node)
    return found


def test_examples_of_the_recipes_are_those_that_are_tested() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "adding.md").read_text(encoding="utf-8"), re.DOTALL)
    shown = {name: code for block in blocks for name, code in definitions(block).items()}
    tests = (ROOT / "tests" / "test_adding.py").read_text(encoding="utf-8")
    (view,) = re.findall(r'GREETING = """\\\n(.*?)"""', tests, re.DOTALL)
    tested = definitions(tests) | definitions(view)
    both = shown.keys() & tested.keys()
    assert len(both) >= 9
    assert not [name for name in both if shown[name] != tested[name]], "adding.md and test_adding.py differ"


def test_the_layers_are_those_of_the_test() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    said = re.findall(r"```layers\n(.*?)```", text, re.DOTALL)[0]
    found = [(line.split(": ")[0], set(line.split(": ")[1].split())) for line in said.splitlines() if line]
    table = [(package, layer) for package, layers in LAYERS.items() for layer in layers]
    rows = "\n".join(f"{package}: {' '.join(sorted(layer))}" for package, layer in table)
    assert found == table, f"the block of architecture.md is to say\n{rows}"


def test_drawings_are_whole_and_readable_without_a_network() -> None:
    for path in DOCS.glob("*.svg"):
        drawing = ElementTree.parse(path).getroot()
        assert drawing.find("{http://www.w3.org/2000/svg}title") is not None, "for who cannot see it"
        assert "href" not in path.read_text(encoding="utf-8"), "it loads nothing"
