"""The tab Synthesize: what was found is shown at once, with pictures, numbers and what is to be taken away."""

from __future__ import annotations

import csv
import dataclasses
import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from conftest import shown
from helpers import config_of, write_blobs
from streamlit.testing.v1 import AppTest

from app.views.uses import synthesize as tab
from app.views.uses.shared import View
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import kept
from vae_core.uses.found import Found, Row
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES

Open = Callable[..., AppTest]
pytestmark = pytest.mark.usefixtures("no_pretrained")
USE = USES["synthesize"]


@pytest.fixture
def run(store: Store, places: Places) -> Run:
    write_blobs(places.datasets, name="many", count=300)
    found = store.create(config_of(dataset="many"), "mine")
    assert train_run(found, places).state == FINISHED
    return found


@pytest.fixture
def found(run: Run) -> Found:
    """What was found with the usual settings, kept; fewer images than usual are drawn."""
    stamp, found = measure(run, USE, USE.settings(drawn=60, unseen=False))
    kept.keep(run, stamp, USE, USE.settings(), found)
    return found


def test_a_kept_result_is_shown_with_pictures_sentences_and_numbers(
    open_page: Open, run: Run, found: Found
) -> None:
    at = open_page("uses", run=run.id, use=USE.title)
    assert not at.exception
    assert not at.error
    words = shown(at)
    for sentence in found.sentences:
        assert sentence.split("(")[0][:60] in words.replace("\\", "")
    assert "Asked for by class" in words
    assert len(at.get("plotly_chart")) == 1
    choice = next(s for s in at.selectbox if "prior" in s.options)
    choice.select("mixture").run()
    assert not at.exception
    assert "mixture, temperature 1" in str(at.get("plotly_chart")[0].proto)


def test_the_folder_names_way_temperature_and_nearest_image_of_every_picture(run: Run, found: Found) -> None:
    view = View(run, USE, USE.settings(), found, None)
    with zipfile.ZipFile(io.BytesIO(tab._folder(view))) as folder:
        lines = list(csv.DictReader(io.StringIO(folder.read("images.csv").decode())))
        files = set(folder.namelist()) - {"images.csv"}
    assert {line["file"] for line in lines} == files
    assert len(lines) == len(found.more["ways"]) * 5 * 8
    assert {line["way"] for line in lines} == {way["name"] for way in found.more["ways"]}
    assert all(0 <= float(line["distance"]) <= 1 for line in lines)
    assert tab._grid(view)[:4] == b"\x89PNG"


def test_what_it_never_saw_is_shown_with_what_was_asked_and_drawn(
    open_page: Open, run: Run, found: Found
) -> None:
    kinds = ["network that never saw it", "PCA"]
    lines = [
        "sources",
        "asked",
        "nearest seen",
        *(f"{how} {kind}" for how in ("moved", "again") for kind in kinds),
    ]
    rows = [
        Row(f"{k}: moved", k != "PCA", "combination", "", 0.5, 0.4, 0.6, 80, {"asked": "x low, y high"})
        for k in kinds
    ]
    planted = dataclasses.replace(
        found, rows=[*found.rows, *rows],
        more=dict(found.more) | {"unseen": {"words": "x low, y high", "left": 77, "learned": 200, "kinds": kinds, "side": 16}},
        pictures=dict(found.pictures) | {f"unseen {line}": np.zeros((8, 1, 16, 16), np.uint8) for line in lines},
    )  # fmt: skip
    kept.keep(run, run.stamp(), USE, USE.settings(), planted)
    at = open_page("uses", run=run.id, use=USE.title)
    assert not at.exception
    assert "x low, y high, left out of training (77 images" in shown(at)
    assert "moved by the network that never saw it" in shown(at)
    assert "nearest image that was seen" in shown(at)
    assert "0.5 (0.4 to 0.6)" in str(at.dataframe[-1].value.values) + str(at.dataframe[0].value.values)
