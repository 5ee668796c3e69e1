import dataclasses
import io
import json
import sys

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, frozen, through
from PIL import Image

from vae_core.errors import BadName, BadRun, MissingPackage
from vae_core.events import Checkpoint
from vae_core.export import archive as archive_module
from vae_core.export.archive import archive, unarchive
from vae_core.export.browser import browser_decoder
from vae_core.export.gif import export_gif, prior_walk
from vae_core.export.onnx import export_onnx
from vae_core.inference import LoadedModel, compute_codes, load_run, stored_codes
from vae_core.models.build import make_model
from vae_core.models.networks import ConvParams, MlpParams, ResnetParams
from vae_core.models.residual import NearestUp
from vae_core.options import Choice
from vae_core.places import Places
from vae_core.runs.launchers import LOCAL, Handle
from vae_core.runs.record import FINISHED, INTERRUPTED, QUEUED, RUNNING, Record, data_of
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run


def fresh(side=16, channels=1, **changes):
    """An untrained model with weights and biases large enough to matter."""
    config = config_of(**changes)
    data = blob_set(20, side, channels)
    torch.manual_seed(4)
    weights = {k: torch.randn(v.shape) * 0.3 for k, v in make_model(config, data.shape).state_dict().items()}
    return LoadedModel(Record("a-1", "a", "now", config, None, {}, data_of(data)), weights, "0" * 16)


def arrays(model):
    return {k: v.numpy() for k, v in model.model.state_dict().items()}


CONV = {"architecture": Choice("conv", ConvParams(8, 16))}
RESNET = {"architecture": Choice("resnet", ResnetParams(8, 16, 2))}


# ---------------------------------------------------------------- the browser's decoder


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("side", "changes"),
    [
        (16, {}),
        (16, {"architecture": Choice("mlp", MlpParams((9, 5)))}),
        (16, {"architecture": Choice("mlp", MlpParams(()))}),
        (28, {}),
        (16, CONV),
        (32, CONV),
        (32, RESNET),
        (64, RESNET),
    ],
    ids=str,
)
def test_the_browsers_decoder_computes_what_the_network_does(side, channels, changes):
    model = fresh(side, channels, latent_dim=5, **changes)
    browser = browser_decoder(model.record, arrays(model))
    header = json.loads(json.dumps(browser.header()))
    # a 3×3 convolution of an enlarged picture is sent as the 4×4 transposed one that it equals
    more = sum(
        7 * layer.weight[..., 0, 0].numel() for layer in model.model.decoder if type(layer) is NearestUp
    )
    own = sum(p.numel() for p in model.model.decoder.parameters())
    assert header["floats"] == browser.weights.size == own + more
    assert (header["channels"], header["height"], header["width"]) == (channels, side, side)
    assert browser.weights.dtype == np.float32
    codes = np.random.default_rng(0).standard_normal((4, header["latent_dim"]))
    for z, picture in zip(codes, model.decode(codes), strict=True):
        found = through(header["layers"], browser.weights.astype(np.float64), z)
        found = found.reshape(side, side, channels).transpose(2, 0, 1)
        np.testing.assert_allclose(found, picture, atol=1e-5)
        assert np.ptp(found) > 0.1


def test_a_decoder_the_browser_does_not_know_is_refused():
    model = fresh(**CONV)
    other = {**arrays(model)}
    last = [k for k in other if k.startswith("decoder") and other[k].ndim == 4][-1]
    other[last] = other[last][:, :, :2, :2]
    with pytest.raises(BadRun, match="4×4 transposed convolutions only"):
        browser_decoder(model.record, other)
    unknown = dataclasses.replace(model.record, data={})
    with pytest.raises(BadRun, match="the browser cannot decode"):
        browser_decoder(unknown, arrays(model))


# ---------------------------------------------------------------- archives


@pytest.fixture
def other(tmp_path):
    """Another home, to bring archives to."""
    return Store(Places(tmp_path / "other", tmp_path / "other"))


@pytest.fixture
def zipped(copied, digits, tmp_path):
    """An archive with everything a run may hold."""
    compute_codes(copied, load_run(copied), digits)
    (copied.notes / "deep").mkdir(parents=True)
    (copied.notes / "note.txt").write_text("a β-VAE")
    (copied.notes / "deep" / "names.json").write_text('{"0": "tilt"}')
    target = tmp_path / "run.zip"
    archive(copied, target)
    return target


def test_a_run_survives_the_archive(copied, zipped, other):
    run = unarchive(zipped, other)
    assert run.places == other.places
    assert run.id != copied.id
    assert run.name == copied.name
    assert other.find(run.name).path == run.path
    was, now = copied.record(), run.record()
    assert dataclasses.replace(now, id=was.id) == was
    assert run.stamp() == copied.stamp()
    assert run.status().state == FINISHED
    for which in ("last", "best"):
        assert frozen(run.weights(which)) == frozen(copied.weights(which))
    assert frozen(run.resume_state()) == frozen(copied.resume_state())
    assert [frozen(e) for e in run.history()] == [frozen(e) for e in copied.history()]
    assert (run.path / "events.jsonl").read_bytes() == (copied.path / "events.jsonl").read_bytes()
    pictures = sorted(p.name for p in (copied.path / "snapshots").iterdir())
    assert sorted(p.name for p in (run.path / "snapshots").iterdir()) == pictures
    assert len(pictures) > 8
    assert (run.path / "thumbnail.png").read_bytes() == (copied.path / "thumbnail.png").read_bytes()
    np.testing.assert_array_equal(stored_codes(run).mean, stored_codes(copied).mean)
    assert (run.notes / "note.txt").read_text() == "a β-VAE"
    assert (run.notes / "deep" / "names.json").read_text() == '{"0": "tilt"}'
    assert not (run.path / "notes").exists()
    assert [p.name for p in other.places.runs.iterdir() if p.is_dir()] == [run.id]


def test_an_archive_is_read_from_memory_too(zipped, other):
    run = unarchive(io.BytesIO(zipped.read_bytes()), other, "chosen")
    assert run.name == "chosen"


def test_an_imported_run_goes_on_as_the_original_would(copied, zipped, store):
    imported = unarchive(zipped, store)
    for run in (copied, imported):
        run.go_on(1)
        assert train_run(run, run.places).state == FINISHED
    assert frozen(imported.weights()) == frozen(copied.weights())
    assert [frozen(e) for e in imported.history()] == [frozen(e) for e in copied.history()]


def test_a_taken_name_gets_a_number_unless_it_was_asked_for(copied, zipped, store):
    first, second = unarchive(zipped, store), unarchive(zipped, store)
    assert [first.name, second.name] == [f"{copied.name}-2", f"{copied.name}-3"]
    before = sorted(p.name for p in store.places.runs.iterdir())
    for name, says in ((copied.name, "already is a run"), ("not plain", "letters, digits")):
        with pytest.raises(BadName, match=says):
            unarchive(zipped, store, name)
    assert sorted(p.name for p in store.places.runs.iterdir()) == before


def test_codes_of_other_weights_do_not_travel(copied, digits, other, tmp_path):
    compute_codes(copied, load_run(copied), digits)
    (copied.path / "resume.safetensors").unlink()
    copied.append(Checkpoint(200, 8, {k: v + 1 for k, v in copied.weights().items()}, {}, {}))
    copied.close()
    archive(copied, tmp_path / "changed.zip")
    assert stored_codes(unarchive(tmp_path / "changed.zip", other)) is None


@pytest.mark.parametrize("state", [RUNNING, QUEUED])
def test_a_live_run_arrives_interrupted(copied, other, tmp_path, state):
    copied.update_status(state=state, handle=Handle(LOCAL, {"pid": 4711, "started": 1.0}))
    archive(copied, tmp_path / "live.zip")
    status = unarchive(tmp_path / "live.zip", other).status()
    assert (status.state, status.handle, status.queued) == (INTERRUPTED, None, 0.0)


def test_a_run_that_never_started_can_be_carried_too(store, other, tmp_path):
    run = store.create(config_of(), "empty")
    archive(run, tmp_path / "empty.zip")
    found = unarchive(tmp_path / "empty.zip", other)
    assert found.record().config == config_of()
    assert not found.has_weights()
    assert found.status().state == INTERRUPTED


def test_nobody_lists_a_run_that_is_still_being_unpacked(zipped, other, monkeypatch):
    seen = []
    real = archive_module.load_run

    def look(run, **kwargs):
        seen.append([r.id for r in other.own()])
        return real(run, **kwargs)

    monkeypatch.setattr(archive_module, "load_run", look)
    unarchive(zipped, other)
    assert seen == [[]]


# ---------------------------------------------------------------- pictures


def test_a_walk_is_closed_and_has_no_jumps():
    path = prior_walk(6, np.random.default_rng(0), waypoints=5, steps=16)
    assert (path.shape, path.dtype) == ((80, 6), np.float32)
    steps = np.linalg.norm(np.diff(np.concatenate((path, path[:1])), axis=0), axis=1)
    assert steps.max() < 5 * np.median(steps)
    waypoints = np.random.default_rng(0).standard_normal((5, 6))
    np.testing.assert_allclose(path[::16], waypoints, rtol=1e-6)
    np.testing.assert_array_equal(path, prior_walk(6, np.random.default_rng(0), waypoints=5, steps=16))


def test_a_models_gif_is_its_walk(model, tmp_path):
    export_gif(model, tmp_path / "walk.gif")
    image = Image.open(io.BytesIO((tmp_path / "walk.gif").read_bytes()))
    assert (image.n_frames, image.size) == (96, (256, 256))
    image.seek(40)
    frame = np.asarray(image.convert("L"))[::16, ::16].astype(int)
    expected = model.decode_uint8(prior_walk(4, np.random.default_rng(0)))[40, 0]
    assert np.abs(frame - expected).max() <= 1


# ---------------------------------------------------------------- ONNX


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{}, CONV | {"objective": "autoencoder"}, RESNET], ids=["mlp", "plain conv", "resnet"]
)
def test_onnx_files_compute_what_the_network_does(tmp_path, changes):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model = fresh(channels=3, **changes)
    paths = export_onnx(model, tmp_path / "model.onnx")
    assert [p.name for p in paths] == ["model-encoder.onnx", "model-decoder.onnx"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)
    encoder, decoder = (runtime.InferenceSession(p, providers=["CPUExecutionProvider"]) for p in paths)
    for count in (1, 5):  # the number of images is free
        images = blob_set(count, channels=3).images
        mean, log_var, picture = encoder.run(None, {"images": (images / 255).astype(np.float32)})
        q = model.encode(images)
        np.testing.assert_allclose(mean, q.mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(log_var, q.log_var, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(picture, model.decode(q.mean), atol=1e-5)
        (decoded,) = decoder.run(None, {"codes": q.mean})
        np.testing.assert_allclose(decoded, model.decode(q.mean), atol=1e-5)
    assert [o.name for o in encoder.get_outputs()] == ["mean", "log_var", "reconstruction"]


@pytest.mark.slow
def test_onnx_files_of_a_turned_dial_are_the_network_at_that_beta(tmp_path):
    """Here and not with the dial's other tests: the process that writes the first ONNX file imports for seconds."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model, images = fresh(objective="multi_rate"), blob_set(4).images
    found = []
    for beta in (1.0, 5.0):
        one = model.at_beta(beta)
        path = export_onnx(one, tmp_path / f"at{beta:g}.onnx")[0]
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        mean, log_var, _ = session.run(None, {"images": (images / 255).astype(np.float32)})
        np.testing.assert_allclose(mean, one.encode(images).mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(log_var, one.encode(images).log_var, rtol=1e-4, atol=1e-5)
        found.append(mean)
    assert np.abs(found[0] - found[1]).max() > 0.05


def test_without_the_package_onnx_says_what_to_install(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackage, match=r"pip install 'latent-explorer\[onnx\]'"):
        export_onnx(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
