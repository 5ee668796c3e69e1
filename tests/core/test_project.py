"""A code is found for an image that a network can draw, and how far the picture is off is told."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import config_of

from vae_core.errors import BadCodes, BadImages
from vae_core.inference import load_run
from vae_core.inference.project import project
from vae_core.models.networks import MlpParams
from vae_core.objectives.adversarial import GanParams
from vae_core.options import Choice
from vae_core.runs.worker import train_run


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from vae_core.places import Places
    from vae_core.runs.store import Store

    home = tmp_path_factory.mktemp("home")
    places = Places(home, home)
    run = Store(places).create(
        config_of(dataset="digits", objective=Choice("gan", GanParams()), architecture=Choice("mlp", MlpParams((32,))), epochs=2, limit=200)
    )  # fmt: skip
    train_run(run, places)
    return load_run(run)


def test_the_code_of_a_picture_that_it_drew_is_found(model):
    drawn = np.random.default_rng(3).standard_normal((3, model.latent_dim)).astype(np.float32)
    pictures = model.decode_uint8(drawn)
    told = []
    found = project(model, pictures, progress=lambda share, words: told.append((share, words)))
    again = model.decode(found.codes)
    assert found.distance.max() < 0.02 < np.std(pictures / 255, axis=0).mean()
    assert np.sqrt(((again - pictures / 255) ** 2).mean((1, 2, 3))) == pytest.approx(found.distance, abs=1e-4)
    assert told[-1] == (1.0, "3 of 3 images projected")
    assert np.array_equal(project(model, pictures).codes, found.codes), "the same for the same seed"


def test_what_it_cannot_draw_is_told_to_be_far(model):
    noise = np.random.default_rng(0).integers(0, 256, (1, *model.shape)).astype(np.uint8)
    assert project(model, noise).distance[0] > 0.2


def test_no_images_have_no_codes_and_others_are_refused(model):
    assert project(model, np.zeros((0, *model.shape), np.uint8)).codes.shape == (0, model.latent_dim)
    with pytest.raises((BadCodes, BadImages)):
        project(model, np.zeros((2, 5, 5), np.float32) - 1)


def test_a_search_that_is_stopped_gives_the_best_so_far(model):
    drawn = np.random.default_rng(3).standard_normal((10, model.latent_dim)).astype(np.float32)
    pictures, told, shares = model.decode_uint8(drawn), [], []

    def stop() -> bool:
        told.append(True)
        return len(told) > 20

    found = project(model, pictures, control=stop, progress=lambda share, words: shares.append(share))
    whole = project(model, pictures)
    assert found.stopped
    assert not whole.stopped
    assert found.codes.shape == whole.codes.shape
    assert len(told) == 22, "each part is begun once more, and ended at once"
    assert shares == sorted(shares)
    assert (found.distance[8:] > 2 * whole.distance[8:]).all()
    assert (found.distance <= project(model, pictures, control=lambda: True).distance + 1e-6).all()


def test_an_image_has_the_same_code_alone_and_among_others(model):
    pictures = model.decode_uint8(
        np.random.default_rng(3).standard_normal((3, model.latent_dim)).astype(np.float32)
    )
    together, alone = project(model, pictures), project(model, pictures[1])
    np.testing.assert_allclose(alone.codes[0], together.codes[1], atol=1e-2)
