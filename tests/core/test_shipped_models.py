"""The runs that are shipped to be compared: equal but for the objective, small, measured by the code that measures any run."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from vae_core.comparison import usual_runs, why_apart
from vae_core.config import DataConfig, RunConfig
from vae_core.data import open_images
from vae_core.evaluation import small_network
from vae_core.evaluation.classifier import classifier_of
from vae_core.evaluation.run_metrics import stored
from vae_core.evaluation.samples import COMPARED, measure_samples, stored_samples
from vae_core.options import from_json
from vae_core.places import Places, assets
from vae_core.runs.run import Run
from vae_core.training import resolve
from vae_core.uses import kept
from vae_core.uses.registry import USES

SHIPPED = assets() / "pretrained"
COMPARISONS = {
    "digits": ["digits-ae", "digits-vae", "digits-gan"],
    "faces": ["faces-ae", "faces-vae", "faces-gan"],
}
PAIR = ["digits-ae-2d", "digits-vae-2d"]


@pytest.fixture
def shipped(places):
    """The shipped run of a name."""
    return lambda name: Run(SHIPPED / name, places, read_only=True)


def but_for_the_objective(run, *training):
    """Settings without the objective and those of training that follow it."""
    config = run.record().effective
    kept = dataclasses.replace(config.training, **dict.fromkeys(training, 0)) if training else config.training
    return config.data, config.model, config.objective.likelihood, dataclasses.replace(kept, log_every=0)


@pytest.mark.parametrize("names", COMPARISONS.values(), ids=COMPARISONS)
def test_models_are_equal_but_for_the_objective(shipped, names):
    runs = [shipped(name) for name in names]
    assert not why_apart(runs)
    configs = [run.record().effective for run in runs]
    assert len({(c.data, c.model, c.training.epochs, c.training.seed) for c in configs}) == 1
    assert [c.objective.entry.name for c in configs] == ["autoencoder", "vae", "gan"]
    for run in runs:
        assert sum(p.stat().st_size for p in run.path.rglob("*") if p.is_file()) <= 3e6


def test_the_two_of_two_numbers_differ_in_nothing_else(shipped):
    one, other = (shipped(name).record().effective for name in PAIR)
    assert one.model.latent_dim == 2
    training = [dataclasses.replace(c.training, log_every=0, checkpoint_every=0) for c in (one, other)]
    assert (one.data, one.model, one.objective.likelihood) == (
        other.data,
        other.model,
        other.objective.likelihood,
    )
    assert training[0] == training[1]


@pytest.mark.parametrize(("dataset", "names"), COMPARISONS.items(), ids=COMPARISONS)
def test_all_numbers_are_there_before_anything_is_measured(shipped, dataset, names):
    """Whatever shipped run of these images is looked at."""
    every = [
        Run(path.parent, shipped(names[0]).places, read_only=True) for path in SHIPPED.glob("*/config.json")
    ]
    same = [run for run in every if run.record().effective.data.dataset == dataset]
    assert [run.id for run in usual_runs(shipped(dataset), same)] == names
    for run in map(shipped, names):
        found = stored_samples(run)
        assert found is not None, "raised a version? assets/pretrained/make NAME ships it anew"
        assert found.labelled
        if run.record().effective.objective.entry.has_encoder:
            assert stored(run).lacking == []


def test_what_uses_found_is_of_these_weights_settings_and_versions(shipped):
    """Every file; else a run was shipped anew, or a use changed, and was not measured again."""
    files = sorted(SHIPPED.glob(f"*/{kept.FOLDER}/*.json"))
    assert {path.parts[-3] for path in files} >= {"digits-vae", "faces", "mnist", "shapes"}
    for path in files:
        raw, run = json.loads(path.read_text(encoding="utf-8")), shipped(path.parts[-3])
        use = USES[raw["use"]]
        settings = from_json(use.settings, raw["settings"], unknown=[])
        assert kept.find(run, use, settings) is not None, f"{path}: assets/pretrained/measure ships it anew"
        assert kept.where(run, use, settings) == path.with_suffix("")
        assert raw["seconds"] == 0, "how long it took is told of no other machine"


@pytest.fixture(scope="module")
def digits32(tmp_path_factory):
    """The digits as they are shipped runs' images, and the home they lie in."""
    home = tmp_path_factory.mktemp("digits32")
    places = Places(home, home / "downloads")
    return places, open_images("digits", 32, places)


@pytest.mark.slow
def test_the_numbers_are_those_that_anyone_measures(digits32):
    """As many samples as the distance is taken of: the rarest class, of 10,000, is not told from these."""
    places, data = digits32
    run = Run(SHIPPED / "digits-gan", places, read_only=True)
    kept, again = stored_samples(run), measure_samples(run, data, drawn=COMPARED)
    assert again.features == kept.features
    for name in ("frechet", "precision", "recall", "sharpness"):
        found, wanted = getattr(again.numbers["prior"], name), getattr(kept.numbers["prior"], name)
        assert found == pytest.approx(wanted, rel=0.02), name


def test_a_run_of_untouched_settings_finds_the_shipped_classifier(digits32, monkeypatch):
    places, data = digits32
    config = resolve(RunConfig(data=DataConfig(dataset="digits", side=32)), data)
    monkeypatch.setattr(small_network, "fitted", lambda *a: pytest.fail("none is shipped for these images"))
    found = classifier_of(places, config, data)
    test = data.test
    assert found.accuracy > 0.9
    rightly = found.probabilities(np.asarray(data.images[test])).argmax(1) == np.asarray(data.labels[test])
    assert rightly.mean() > 0.9, "of images that it never saw"
