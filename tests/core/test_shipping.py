import dataclasses

import numpy as np
import pytest
import torch
from helpers import config_of, of
from safetensors.torch import save

from vae_core.cli import main
from vae_core.data import open_images
from vae_core.errors import BadName, BadRun, ReadOnlyRun
from vae_core.evaluation.run_metrics import measure, stored
from vae_core.evaluation.samples import measure_samples, stored_samples
from vae_core.events import EpochDone, Snapshot, StepDone
from vae_core.export import shipping
from vae_core.export.shipping import ship, ship_numbers
from vae_core.inference import load_run, stored_codes
from vae_core.runs import store as store_module
from vae_core.runs.record import FINISHED, RUNNING
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """An empty folder of shipped files, in the place of the package's own."""
    folder = tmp_path / "assets"
    (folder / "pretrained").mkdir(parents=True)
    monkeypatch.setattr(store_module, "assets", lambda: folder)
    return folder / "pretrained"


def test_a_shipped_run_is_small_read_only_and_decodes_nearly_the_same(trained, digits, assets, places):
    ship(trained, assets / "small", digits, recipe="train it\n")
    run = Store(places).find("small")
    assert run.read_only
    assert run.status().state == FINISHED
    assert (assets / "small" / "recipe.sh").read_text() == "train it\n"
    assert {v.dtype for v in run.weights().values()} == {torch.float32}
    z = np.random.default_rng(0).standard_normal((5, 4))
    np.testing.assert_allclose(load_run(run).decode(z), load_run(trained).decode(z), atol=0.01)
    size = {r: sum(p.stat().st_size for p in r.path.glob("*.safetensors")) for r in (run, trained)}
    assert size[run] < 0.2 * size[trained]
    with pytest.raises(ReadOnlyRun):
        run.go_on(1)
    was, now = trained.history(), run.history()
    assert [e.step for e in of(EpochDone, now)] == [e.step for e in of(EpochDone, was)]
    assert of(StepDone, now)[-1] == of(StepDone, was)[-1]
    for line in run.lines()[0]:
        if line["event"] == "snapshot":
            assert all((run.path / line[key]).exists() for key in ("originals", "samples", "traversal"))


def test_codes_come_along_that_belong_to_the_shipped_weights(trained, digits, assets, places, monkeypatch):
    monkeypatch.setattr(shipping, "CODES", 300)
    ship(trained, assets / "small", digits)
    run = Store(places).find("small")
    codes = stored_codes(run)
    assert len(codes) == 300
    assert set(digits.test) <= set(codes.index)  # test images first: they never trained
    np.testing.assert_array_equal(codes.labels, digits.labels[codes.index])
    again = load_run(run).encode(digits.images[codes.index])
    np.testing.assert_allclose(codes.mean, again.mean, atol=0.01, rtol=0.01)


@pytest.mark.slow
def test_numbers_come_along_that_belong_to_the_shipped_weights(trained, digits, assets, places, monkeypatch):
    shipped = ship(trained, assets / "small", digits)
    ship_numbers(shipped, digits, drawn=300)
    run = Store(places).find("small")  # from a home where nothing was measured
    assert run.places.home != trained.places.home
    samples, metrics = stored_samples(run), stored(run)
    assert samples == measure_samples(run, digits, drawn=300)
    again = measure(shipped, digits)
    assert metrics.values == again.values
    assert not metrics.lacking
    weights = {f"last/{k}": v + 0.1 for k, v in run.weights().items()}
    (run.path / "model.safetensors").write_bytes(save(weights))
    assert stored_samples(run) is None, "those are of other weights"
    assert stored(run) is None


def test_a_run_without_an_encoder_is_shipped_without_codes(assets, store, places):
    data = open_images("tiny", 16, places)
    run = store.create(config_of(objective="gan", epochs=1), "judged")
    assert train_run(run, places).state == FINISHED
    ship(run, assets / "judged", data)
    shipped = Store(places).find("judged")
    assert not (shipped.path / "codes.npz").exists()
    z = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_allclose(load_run(shipped).decode(z), load_run(run).decode(z), atol=0.01)


def test_curves_and_pictures_are_thinned(trained, digits, assets, monkeypatch):
    monkeypatch.setattr(shipping, "STEPS", 5)
    monkeypatch.setattr(shipping, "PICTURES", 2)
    run = ship(trained, assets / "small", digits)
    history = run.history()
    steps, shots = of(StepDone, history), of(Snapshot, history)
    assert (len(steps), len(shots), len(of(EpochDone, history))) == (5, 2, 8)
    whole = of(StepDone, trained.history())
    assert (steps[0], steps[-1]) == (whole[0], whole[-1])
    assert shots[-1].epoch == 8


def test_shipping_again_replaces_what_was_shipped_and_nothing_else(trained, digits, assets, tmp_path):
    (assets / "small").mkdir()
    (assets / "small" / "recipe.sh").write_text("x")  # written before there is a run
    for _ in range(2):
        ship(trained, assets / "small", digits, recipe="x")
    holiday = tmp_path / "holiday"
    holiday.mkdir()
    (holiday / "beach.jpg").write_bytes(b"x")
    with pytest.raises(BadRun, match="would be lost"):
        ship(trained, holiday, digits)
    assert (holiday / "beach.jpg").exists()
    with pytest.raises(BadName):
        ship(trained, assets / "not plain", digits)


def test_what_cannot_be_shipped_is_refused(copied, digits, assets, store, capsys):
    with pytest.raises(BadRun, match="other images"):
        ship(copied, assets / "small", dataclasses.replace(digits, fingerprint="x"))
    copied.update_status(state=RUNNING)
    with pytest.raises(BadRun, match="only a run that has ended"):
        ship(copied, assets / "small", digits)
    assert list(assets.iterdir()) == []
    store.create(config_of(), "empty")
    where = ["--home", str(store.places.home)]
    assert main(["export", "empty", "--shipped", "--to", str(assets / "empty"), *where]) == 1
    assert "never started" in capsys.readouterr().err
