"""What holds of the tests themselves.

None waits for time to pass: it waits for a condition, by `until` (tests/helpers.py) or tests/browser/watch.py. The fast
tier comes first.
"""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PASSES = {"sleep", "wait_for_timeout"}
# in a script that a test has another process or the page run
IN_SCRIPT = re.compile(r"\bsleep\(|setTimeout\([^;]*,\s*[1-9]")
UNTIL = ("helpers.py", "until")  # looks again and again, and so pauses between


def fixed_waits(source: str, allowed: str = "") -> list[int]:
    """The lines in which Python source, or a script written in it, waits for a time. Not in the function `allowed`."""
    found = []

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef) and node.name == allowed:
            return
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in PASSES:
                found.append(node.lineno)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and IN_SCRIPT.search(node.value):
            found.append(node.lineno)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(source))
    return found


def test_each_file_of_tests_has_a_name_of_its_own() -> None:
    """The folders are no packages, so pytest takes two files of one name for one module and runs the first alone."""
    names = [path.name for path in TESTS.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names), sorted({name for name in names if names.count(name) > 1})


def test_no_test_waits_for_time() -> None:
    waits = []
    for path in TESTS.rglob("*.py"):
        if path == Path(__file__) or TESTS / "bench" in path.parents:  # a bench measures time
            continue
        lines = fixed_waits(path.read_text(), UNTIL[1] if path.name == UNTIL[0] else "")
        waits += [f"{path.relative_to(TESTS)}:{line}" for line in lines]
    assert not waits, f"wait for a condition instead (watch.py, helpers.until): {waits}"


@pytest.mark.parametrize(
    "source",
    [
        "page.wait_for_timeout(200)",
        "import time\ntime.sleep(1)",
        "from time import sleep\nsleep(1)",
        "SCRIPT = 'import time; time.sleep(3)'",
        "page.evaluate('() => new Promise((go) => setTimeout(go, 300))')",
    ],
)
def test_a_fixed_wait_is_found(source: str) -> None:
    assert fixed_waits(source)


@pytest.mark.parametrize(
    "source", ["page.wait_for_function('n => n > 3')", "page.evaluate('new Promise((go) => setTimeout(go))')"]
)
def test_a_wait_for_a_condition_is_none(source: str) -> None:
    assert not fixed_waits(source)


def test_the_fast_tier_comes_first(request: pytest.FixtureRequest) -> None:
    slow = ["slow" in item.keywords for item in request.session.items]
    assert slow == sorted(slow)


def test_one_browser_test_at_most_is_fast(request: pytest.FixtureRequest) -> None:
    fast = [
        item for item in request.session.items if "browser" in item.keywords and "slow" not in item.keywords
    ]
    assert len(fast) <= 1, fast


def test_no_link_is_among_the_files() -> None:
    """A link to a folder of tools passes a rule that ignores folders, and a checkout would put it in the folder's place."""
    root = TESTS.parent
    if not (root / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert listed
    assert not [line for line in listed if line.startswith("120000")]
