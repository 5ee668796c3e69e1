"""Show me the code: what a page's lines compute in a fresh process is what the page shows.

All snippets run in one process, one after the other in fresh namespaces, since importing torch for each would take most of
the time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from app.state.code_format import pack
from app.widgets import code_lines
from app.widgets.code_lines import Source
from vae_core.data import open_images
from vae_core.events import EpochDone
from vae_core.inference import compute_codes, load_run
from vae_core.latent.paths import through
from vae_core.latent.pca import pca
from vae_core.runs.run import Run

Open = Callable[..., AppTest]
RUNNER = """
import contextlib, io, json, sys
import numpy as np
found = {}
for name, lines in json.load(open(sys.argv[1])).items():
    space = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(lines, name, "exec"), space)
    shown = space["shown"]
    found[name] = shown.tolist() if isinstance(shown, np.ndarray) else shown
json.dump(found, open(sys.argv[2], "w"))
"""


def in_a_fresh_process(lines: dict[str, str], folder: Path) -> dict[str, Any]:
    (folder / "lines.json").write_text(json.dumps(lines))
    bare = {
        k: v for k, v in os.environ.items() if not k.startswith("LATENT_EXPLORER")
    }  # the lines name the home
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(folder / "lines.json"), str(folder / "found.json")],
        capture_output=True, text=True, env=bare, cwd=folder, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return found


def lines_of(at: AppTest) -> str:
    assert not at.exception
    found = [
        one.value for one in at.main.get("code") if one.value.startswith(("import vae_core", "import numpy"))
    ]
    assert len(found) == 1
    return str(found[0])


def test_every_pages_lines_give_what_the_page_shows(open_page: Open, copied: Run, tmp_path: Path) -> None:
    model = load_run(copied)
    config = copied.record().effective.data
    data = open_images(config.dataset, config.side, copied.places)
    codes = compute_codes(copied, model, data)
    a, b = np.round(codes.mean[:2], 3)
    twin = shutil.copytree(copied.path, copied.path.parent / "twin").name
    pages = {
        "train": open_page("train", run=copied.id),
        "map": open_page("map", run=copied.id, coordinates="PCA"),
        "plane": open_page("map", run=copied.id, coordinates="dimensions", x="z1", y="z3"),
        "sliders": open_page("sliders", run=copied.id, z=pack(a)),
        "interpolate": open_page(
            "interpolate", run=copied.id, s1=pack(a), s2=pack(b), path="spherical", steps="7"
        ),
        "compare": open_page("compare", run=copied.id, models=f"{copied.id},{twin}"),
    }
    found = in_a_fresh_process({name: lines_of(at) for name, at in pages.items()}, tmp_path)
    last = [event for event in copied.history() if isinstance(event, EpochDone)][-1]
    assert found["train"] == [last.epoch, last.validation.objective]
    assert np.allclose(found["map"], pca(codes.mean).points, atol=1e-5)
    assert np.allclose(found["plane"], codes.mean[:, [1, 3]], atol=1e-6)
    assert np.array_equal(found["sliders"], model.decode_uint8(a))
    walk = through(np.stack([a, b]), np.linspace(0, 1, 7), "spherical")
    assert np.abs(np.array(found["interpolate"]) - model.decode_uint8(walk)).max() <= 1
    told = " ".join(
        str(one.value if hasattr(one, "value") else one.proto) for one in pages["compare"].main.get("html")
    )
    assert f"off by {found['compare'][copied.id]:.2g}" in told


def test_no_run_no_lines(open_page: Open, no_pretrained: None) -> None:
    for view in ("train", "compare", "map", "sliders", "interpolate", "uses"):
        assert not [one for one in open_page(view).main.get("code") if "vae_core" in one.value]


def test_lines_name_the_home_where_it_is_not_the_usual_one() -> None:
    assert Source("a").load == "vc.load('a')"
    assert Source("a", "/x y").load == "vc.load('a', home='/x y')"
    assert "vc.Places.find()" in Source("a").store
    assert "vc.Places.find('/x')" in code_lines.study("s", "/x")


def test_a_notebook_holds_the_lines() -> None:
    lines = code_lines.learning(Source("a"))
    found = json.loads(code_lines.notebook(lines, "Train"))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    about, code = found["cells"]
    assert about["source"] == ["Train"]
    assert "".join(code["source"]) == lines
    assert code["outputs"] == []
