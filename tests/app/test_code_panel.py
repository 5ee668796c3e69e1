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
import pytest
from helpers import config_of, write_blobs
from streamlit.testing.v1 import AppTest

from app.state.code_format import pack
from app.views.tune.command import call_of
from app.widgets import code_lines
from app.widgets.code_lines import Source
from vae_core.data import open_images
from vae_core.evaluation.conversion import Convention, beta_of_weight
from vae_core.evaluation.dial_curve import measure_dial
from vae_core.evaluation.likelihood import evaluate
from vae_core.evaluation.metrics.sharpness import sharpness
from vae_core.evaluation.small_network import evenly
from vae_core.events import EpochDone
from vae_core.inference import compute_codes, load_run
from vae_core.latent.paths import through
from vae_core.latent.pca import pca
from vae_core.lessons.material import gather, pair
from vae_core.lessons.registry import LESSONS
from vae_core.objectives import OBJECTIVES
from vae_core.objectives.losses import BetaParams
from vae_core.options import Choice, to_json
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.study.record import open_study
from vae_core.study.settings import StudySettings
from vae_core.uses import kept
from vae_core.uses.found import Found, Row
from vae_core.uses.registry import USES

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


LESSON, SCREEN = 2, 3


@pytest.mark.slow
def test_the_lines_of_parts_and_views_run_and_give_what_these_show(
    open_page: Open, copied: Run, tmp_path: Path
) -> None:
    """Parts of Tune, views of Compare, a lesson, a use, the glossary, and codes laid out by UMAP."""
    write_blobs(copied.places.datasets)
    home, weight = str(copied.places.home), 0.5
    dial = Store(copied.places).create(
        config_of(dataset="tiny", objective=Choice("multi_rate", OBJECTIVES["multi_rate"].params()), epochs=1)
    )
    train_run(dial, copied.places)
    asked = StudySettings(
        base=config_of(dataset="tiny", objective=Choice("beta_vae", BetaParams(2.0)), epochs=1), search=("beta=0.5,1",),
        sampler="grid", goals=("mse",),
    )  # fmt: skip
    settings = USES["represent"].settings(images=20, test=20, repeats=2)
    rows = [Row("probe", True, "accuracy", "", 0.75, 0.5, 1.0, 10, {"labels": 1})]
    kept.keep(copied, copied.stamp(), USES["represent"], settings, Found(rows, []))
    convention = Convention("squared error", 256, 4, "mean over pixels", "sum", 0.1)
    lesson = open_page("learn", run=copied.id, lesson=str(LESSON), step=str(SCREEN))
    lines = {
        "lesson": lines_of(lesson),
        "curves": lines_of(open_page("compare", run=copied.id, models=copied.id, part="Curves")),
        "umap": code_lines.codes_map(Source(copied.id, home), "test", "UMAP", {"neighbours": 5}),
        "geodesic": code_lines.path(Source(copied.id, home), np.eye(2, 4), "geodesic", 8, 0.5),
        "sweep": code_lines.sweep([copied.id], home),
        "blurry": code_lines.sharpness([Source(copied.id, home)], 16),
        "use": code_lines.use(Source(copied.id, home), "represent", to_json(settings)),
        "new study": call_of(asked, "made", home),
        "study": code_lines.study("made", home),
        "dial": code_lines.dial(Source(dial.id, home), 2.0),
        "weights": code_lines.conversion(convention, weight),
        "words": code_lines.words("rate"),
    }
    found = in_a_fresh_process(lines, tmp_path)
    built = LESSONS[LESSON].build(gather(copied, copied.places), pair(copied.places))
    assert found["lesson"] == built.steps[SCREEN - 1].question.said
    last = [event for event in copied.history() if isinstance(event, EpochDone)][-1]
    assert found["curves"] == [last.epoch, last.validation.objective]
    assert np.shape(found["umap"]) == (len(open_images("digits", 16, copied.places).test), 2)
    assert len(np.unique(found["umap"], axis=0)) > 100, "they are laid out, not in one place"
    model = load_run(copied)
    ends = model.decode_uint8(np.eye(2, 4, dtype=np.float32)).astype(int)
    walked = np.array(found["geodesic"])
    assert max(np.abs(walked[0] - ends[0]).max(), np.abs(walked[-1] - ends[1]).max()) <= 1
    data = open_images("digits", 16, copied.places)
    told = evaluate(model, data)
    assert np.allclose(found["sweep"][copied.name], (told.rate, told.distortion))
    some = np.asarray(data.images[np.asarray(data.test)[evenly(len(data.test), 16)]])
    assert np.isclose(
        found["blurry"][copied.id], sharpness(model.decode(model.encode(some).mean), some / np.float32(255))
    )
    assert found["use"] == [["probe", "accuracy", 0.75]]
    study = open_study(copied.places, "made")
    assert call_of(study.settings, "made", home) == lines["new study"], "it made what was asked for"
    best = study.best()
    assert best is not None
    assert found["new study"] == best.name
    trials = study.ledger().trials
    assert found["study"] == [min(trials, key=lambda trial: trial.numbers["mse"]).number]
    curve = measure_dial(dial, open_images("tiny", dial.record().shape[1], copied.places))
    assert found["dial"] == list(curve.at(2.0))[::-1]
    assert found["weights"] == beta_of_weight(weight, convention)
    assert "rate" in found["words"]


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
