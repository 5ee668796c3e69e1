"""The tab of Compress: what was found, a file packed and opened again, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.services import models, packing
from vae_core.errors import BadImages
from vae_core.runs.run import Run
from vae_core.uses import compress, kept
from vae_core.uses import compress_baselines as baselines
from vae_core.uses.compress_file import BadFile
from vae_core.uses.found import Found
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES

Open = Callable[..., AppTest]


def shown(at: AppTest) -> str:
    """What is said on the page."""
    return "\n".join(str(one.value) for kind in ("markdown", "caption", "info") for one in getattr(at, kind))


@pytest.fixture(scope="module")
def found(trained: Run) -> Found:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            baselines, "QUALITIES", {baselines.JPEG: (1,), baselines.WEBP: (0,), baselines.PNG: (100,)}
        )
        patch.setattr(baselines, "STEPS", baselines.STEPS[::3])
        patch.setattr(baselines, "COMPONENTS", (2, 8, 32))
        patch.setattr(compress, "MEAN_DRAWS", 50)
        patch.setattr(compress, "DRAWS", 50)
        return measure(trained, USES["compress"], compress.SETTINGS(images=40))[1]


@pytest.fixture
def measured(copied: Run, found: Found) -> Run:
    use = USES["compress"]
    kept.keep(copied, copied.stamp(), use, use.settings(), found)
    return copied


@pytest.mark.usefixtures("no_pretrained")
def test_what_was_found_is_said_and_drawn(open_page: Open, measured: Run, found: Found) -> None:
    at = open_page("uses", run=measured.id, use="Compress")
    assert not at.exception
    assert not at.error
    text = shown(at)
    assert "bit for bit" in text
    assert "no better than" in text
    methods = {method for table in at.dataframe for method in table.value["method"]}
    assert {"● VAE", "● VAE, rate", "PCA", "JPEG", "WebP, one sheet"} <= methods


@pytest.mark.usefixtures("no_pretrained")
def test_images_are_packed_into_a_file_that_opens_again(open_page: Open, measured: Run, found: Found) -> None:
    at = open_page("uses", run=measured.id, use="Compress")
    at.number_input(key="told by compress count").set_value(7).run()
    next(button for button in at.button if button.label == "Pack").click().run()
    assert not at.error
    assert "7 images" in shown(at)
    many, data = at.session_state["compress made"][1], at.session_state["compress made"][3]
    assert many == 7
    opened = packing.unpack(measured, 0.0, data)
    images = packing.test_images(measured, 7)
    assert images is not None
    model = models.model_at(measured, 0.0)
    table = compress.kept_table(found, 3)
    np.testing.assert_array_equal(
        opened, model.decode_uint8(table.codes(table.rounded(model.encode(images).mean)))
    )
    with pytest.raises(BadFile, match="damaged"):
        packing.unpack(measured, 0.0, data[:-3])


@pytest.mark.usefixtures("no_pretrained")
def test_before_it_is_measured_a_button_offers_it(open_page: Open, copied: Run) -> None:
    at = open_page("uses", run=copied.id, use="Compress")
    assert not at.exception
    assert "Not measured yet" in shown(at)
    assert any(button.label == "Measure" for button in at.button)


def test_pictures_of_any_size_and_colour_are_packed_and_what_is_none_is_refused(measured: Run) -> None:
    model = models.model_at(measured, 0.0)
    rng = np.random.default_rng(0)
    wide = packing.as_sheet(rng.integers(0, 256, (2, 3, 40, 60), np.uint8), 2)
    assert packing.uploads(model, [("wide.png", wide)]).shape == (1, 1, 16, 16)
    with pytest.raises(BadImages, match="no picture was chosen"):
        packing.uploads(model, [])
    with pytest.raises(BadImages):
        packing.uploads(model, [("note.png", b"no picture")])


def test_opened_images_are_taken_away_as_files_and_as_a_sheet() -> None:
    import io
    import zipfile

    images = np.arange(5 * 16, dtype=np.uint8).reshape(5, 1, 4, 4)
    with zipfile.ZipFile(io.BytesIO(packing.as_zip(images))) as packed:
        assert packed.namelist() == [f"{i:04d}.png" for i in range(1, 6)]
    sheet = np.asarray(baselines.picture_file(images[0], baselines.PNG, 100)[1])
    np.testing.assert_array_equal(sheet, images[0])
    assert packing.as_sheet(images, 3)[:4] == b"\x89PNG"
