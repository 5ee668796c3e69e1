"""What the README shows is true: its Python runs, its command line is the one there is, its pictures are there."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from vae_core.cli import make_parser
from vae_core.data.sets import faces
from vae_core.places import HOME_VARIABLE, Places
from vae_core.runs.store import Store
from vae_core.uses import kept
from vae_core.uses.registry import USES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.setattr(faces, "COUNT", 100)  # drawing all 10,000 takes seconds; eight are looked at
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    scope: dict = {}
    for block in blocks:
        exec(block, scope)
    assert scope["q"].mean.shape == (8, 10)
    assert scope["q"].log_var.shape == (8, 10)
    assert scope["x"].shape == (8, 3, 64, 64)
    assert type(scope["event"]).__name__ == "Finished"


def test_the_command_lines_parse() -> None:
    lines = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("    vae-core ")]
    assert len(lines) >= 5
    for line in lines:
        make_parser().parse_args(shlex.split(line)[1:])


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"\]\((assets/[^)]+)\)", README)
    assert len(pictures) >= 6
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture


def test_the_test_command_is_one_line_that_can_be_run() -> None:
    assert re.search(r"^    pip install '\.\[test\]' && pytest$", README, re.MULTILINE)
    assert re.search(r"^    pip install \. && latent-explorer$", README, re.MULTILINE)


def test_the_tables_of_uses_are_what_the_shipped_results_say() -> None:
    spec = importlib.util.spec_from_file_location("bench_uses", ROOT / "tests" / "bench" / "uses.py")
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    run = next(one for one in Store(Places.find()).pretrained() if one.name == "mnist")
    assert bench.table(run, list(USES.values())) in README
    found = kept.find(run, bench.ANOMALY, bench.ANOMALY.settings(left_out=bench.EACH))
    assert found is not None
    assert bench.each_left_out(found) in README
