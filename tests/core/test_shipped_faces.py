"""The run that a visitor sees first: each attribute of a face has a slider of its own, by name."""

from __future__ import annotations

import numpy as np
import pytest

from vae_core.data.sets import faces
from vae_core.evaluation import dci, mig, sap
from vae_core.evaluation.metrics.inputs import numbered
from vae_core.evaluation.metrics.sharpness import laplacian_variance
from vae_core.evaluation.sliders import sliders, stored_sliders
from vae_core.inference import load_run, stored_codes
from vae_core.objectives.attributes import shown_name
from vae_core.places import assets
from vae_core.runs.marks import read_marks, slider_order
from vae_core.runs.run import Run

ORDER = [
    "smile",
    "glasses",
    "hair colour",
    "hair length",
    "eyes",
    "gaze",
    "beard",
    "skin",
    "face width",
    "background",
]
EYES = np.s_[:, :, 26:39, 16:48]
SHIPPED = assets() / "pretrained"


@pytest.fixture
def shipped(places):
    return Run(SHIPPED / "faces", places, read_only=True)


@pytest.fixture(scope="module")
def fresh():
    """A thousand faces that nobody has seen: attributes (N, 10) and pictures."""
    attributes = faces.sample(np.random.default_rng(20270101), 1_000)
    return attributes, faces.render(attributes)


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_it_is_small_enough_to_ship():
    assert size(SHIPPED / "faces") <= 6e6
    assert size(assets()) <= 40e6


def test_its_sliders_bear_the_attributes_names_in_their_order(shipped):
    marks = read_marks(shipped)
    order = slider_order(marks, range(shipped.record().effective.model.latent_dim))
    assert [marks.names[dim] for dim in order[: len(ORDER)]] == ORDER
    assert shipped.record().effective.objective.entry.name == "guided"


def test_each_attribute_has_a_slider_of_its_own(shipped):
    effects = stored_sliders(shipped)
    every = sliders(effects)
    best = {shown_name(name): every[dim] for name, (dim, _) in effects.best.items()}
    assert set(best) == set(ORDER)
    for dim, name in enumerate(ORDER):
        assert best[name].dim == dim, "the one that bears its name"
        assert best[name].share >= 0.6
    assert sum(one.share < 0.7 for one in best.values()) <= 2


def test_without_guidance_no_slider_means_one_thing(places):
    run = Run(SHIPPED / "faces-unsupervised", places, read_only=True)
    assert read_marks(run).names == {}
    assert stored_sliders(run).mean_share < 0.5 < stored_sliders(Run(SHIPPED / "faces", places)).mean_share


def test_it_opens_on_a_friendly_face(shipped):
    codes = stored_codes(shipped)
    for row in (
        0,
        int(np.searchsorted(codes.index, 6)),
    ):  # the first that is stored, and the first for testing
        face = dict(zip(codes.factor_names, codes.factors[row], strict=True))
        assert face["smile"] > 0.65
        assert face["eyes"] > 0.65
        assert not face["beard"]


@pytest.mark.slow
def test_its_scores_on_fresh_faces(shipped, fresh):
    """One of the three seeds whose mean is the gate."""
    attributes, images = fresh
    model = load_run(shipped)
    codes, factors = model.encode(images).mean, numbered(attributes)
    rng = np.random.default_rng(0)
    assert dci(codes, factors, rng).disentanglement >= 0.93
    assert mig(codes, factors, rng) >= 0.55
    assert sap(codes, factors, rng) >= 0.83
    rebuilt, real = model.decode(codes[:300]), images[:300] / np.float32(255)
    assert laplacian_variance(rebuilt[EYES]) >= 0.75 * laplacian_variance(real[EYES])
