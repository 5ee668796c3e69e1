"""The tab Denoise: a kept result is shown at once; images that are handed over come back without noise."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from conftest import shown
from helpers import config_of, write_blobs
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.services import denoising
from app.views.uses import denoise as tab
from app.views.uses.shared import View
from vae_core.errors import BadImages
from vae_core.places import Places
from vae_core.runs.record import FINISHED
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import denoise, kept
from vae_core.uses.denoise import MEAN, TRAINED
from vae_core.uses.found import Found
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES

Open = Callable[..., AppTest]
pytestmark = pytest.mark.usefixtures("no_pretrained")
USE = USES["denoise"]


@pytest.fixture
def run(store: Store, places: Places) -> Run:
    write_blobs(places.datasets)
    found = store.create(config_of(), "mine")
    assert train_run(found, places).state == FINISHED
    return found


@pytest.fixture
def found(run: Run, monkeypatch: pytest.MonkeyPatch) -> Found:
    """What was found with the usual settings, kept; a smaller network and fewer levels than usual were measured."""
    monkeypatch.setattr(denoise, "TUNING", 2)
    stamp, found = measure(run, USE, USE.settings(images=6, latent_dim=4, steps=30, levels=(0.1, 0.3)))  # type: ignore[call-arg]
    kept.keep(run, stamp, USE, USE.settings(), found)
    return found


def picture(shape: tuple[int, ...], kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def test_what_was_not_measured_is_offered(open_page: Open, run: Run) -> None:
    at = open_page("uses", run=run.id, use=USE.title)
    assert not at.exception
    assert "Not measured yet" in shown(at)


def test_a_kept_result_is_shown_with_its_sentences_and_numbers(
    open_page: Open, run: Run, found: Found
) -> None:
    at = open_page("uses", run=run.id, use=USE.title)
    assert not at.exception
    assert not at.error
    words = shown(at).replace("\\", "")
    for sentence in found.sentences:
        assert sentence[:60] in words
    assert {"PSNR (dB)", "SSIM", "gain (dB)"} <= set(at.dataframe[0].value.columns)
    assert "not on this machine" not in words


def test_without_its_denoiser_the_page_offers_to_train_it(open_page: Open, run: Run, found: Found) -> None:
    for path in (run.places.derived / "denoisers").iterdir():
        path.unlink()
    denoising._denoisers.clear()
    at = open_page("uses", run=run.id, use=USE.title)
    assert "not on this machine" in shown(at)
    assert "Train it" in [b.label for b in at.button]


def test_pictures_of_another_size_and_colour_are_brought_to_the_runs_and_denoised(
    run: Run, found: Found
) -> None:
    name = str(found.more["denoiser"])
    files = [("wide.png", picture((20, 40, 3))), ("same.png", picture((16, 16)))]
    made = denoising.denoised(run, 0.0, name, files)
    assert set(made.methods) == {MEAN, TRAINED}
    assert made.given.shape == (2, 1, 16, 16)
    for images in made.methods.values():
        assert (images.shape, images.dtype) == (made.given.shape, np.uint8)
    assert not np.array_equal(made.methods[MEAN], made.methods[TRAINED])
    assert made.notes == ("wide.png: 40 × 20 pixels in colour, turned to grey, brought to 16 × 16.",)
    with pytest.raises(BadImages, match=r"nonsense\.png .*choose another image"):
        denoising.denoised(run, 0.0, name, [("nonsense.png", b"no picture")])
    assert set(denoising.denoised(run, 0.0, "another.safetensors", files).methods) == {MEAN}


def test_the_sheet_to_take_away_has_a_row_for_each_method(run: Run, found: Found) -> None:
    sheet = tab._sheet(View(run, USE, USE.settings(), found, None))  # type: ignore[arg-type]
    with Image.open(io.BytesIO(sheet)) as image:
        assert image.size == (6 * 66, len(found.more["methods"]) * 66)
