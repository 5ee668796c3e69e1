import dataclasses
import shutil
import zipfile

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, write_blobs

import vae_core as vc
from vae_core.data import open_images
from vae_core.errors import BadCodes, BadImages, BadRun, RunNotFound
from vae_core.inference import (
    LoadedModel,
    StoredCodes,
    codes_bytes,
    codes_path,
    compute_codes,
    load,
    load_run,
    stored_codes,
)
from vae_core.inference import model as model_module
from vae_core.models.networks import MlpParams
from vae_core.options import Choice
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run


@pytest.fixture(scope="module")
def images(digits):
    return np.array(digits.images[digits.test[:7]])


@pytest.fixture(scope="module")
def trained_on(tmp_path_factory):
    """train(**changes) -> a loaded model of the tiny dataset, of other sides and channels too."""

    def make(side=16, channels=1, **changes):
        home = tmp_path_factory.mktemp("home")
        places = vc.Places(home, home)
        write_blobs(places.datasets, side=side, channels=channels)
        run = Store(places).create(config_of(epochs=1, **changes))
        status = train_run(run, places)
        assert status.error == ""
        return load_run(run)

    return make


# ---------------------------------------------------------------- shapes and kinds


def test_codes_and_pictures_have_the_documented_shapes(model, images):
    q = model.encode(images)
    assert q.mean.shape == q.log_var.shape == (7, 4)
    assert q.mean.dtype == q.log_var.dtype == np.float32
    assert len(q) == 7
    x = model.decode(q.mean)
    assert (x.shape, x.dtype) == ((7, 1, 16, 16), np.float32)
    assert 0 <= x.min() < x.max() <= 1
    assert model.decode(q.mean[0]).shape == (1, 1, 16, 16)
    assert (model.decode_uint8(q.mean).dtype, model.latent_dim) == (np.uint8, 4)
    np.testing.assert_array_equal(model.decode_uint8(q.mean), np.rint(255 * x).astype(np.uint8))
    np.testing.assert_array_equal(model.reconstruct(images), x)


def test_what_is_decoded_is_what_the_network_makes(model, images):
    """By hand, with the bare network."""
    with torch.no_grad():
        posterior = model.model.encode(torch.from_numpy(images) / 255)
        picture = model.model.decode(posterior.mean)
    q = model.encode(images)
    np.testing.assert_allclose(q.mean, posterior.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(q.log_var, posterior.log_var, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.decode(q.mean), picture, rtol=1e-5, atol=1e-6)


def test_a_trained_model_reconstructs_better_than_the_mean_image(model, digits):
    held = digits.images[digits.test]
    x = held / 255
    error = np.square(model.reconstruct(held) - x).mean()
    assert error < 0.8 * np.square(x - x.mean(0)).mean()


@pytest.mark.parametrize(
    "given",
    [
        lambda x: torch.from_numpy(x),
        lambda x: x / np.float64(255),
        lambda x: (x / 255).astype(np.float32),
        lambda x: torch.from_numpy(x) / 255,
        lambda x: (torch.from_numpy(x) / 255).requires_grad_(),
        lambda x: x[:, :, ::-1][:, :, ::-1],
        lambda x: np.ascontiguousarray(x[..., None])[..., 0],
        lambda x: x.repeat(3, axis=1),
        lambda x: x.tolist() and x.astype(np.float16) / np.float16(255),
    ],
)
def test_the_same_images_in_any_dress_give_the_same_codes(model, images, given):
    np.testing.assert_allclose(
        model.encode(given(images)).mean, model.encode(images).mean, rtol=1e-5, atol=1e-6
    )


def test_one_image_may_come_without_batch_or_channel(model, images):
    expected = model.encode(images[:1]).mean
    np.testing.assert_array_equal(model.encode(images[0]).mean, expected)
    np.testing.assert_array_equal(model.encode(images[0, 0]).mean, expected)


def test_codes_may_be_numpy_tensors_or_lists(model):
    z = np.random.default_rng(0).standard_normal((3, 4))
    expected = model.decode(z)
    for codes in (torch.from_numpy(z), z.astype(np.float32), z.tolist(), torch.tensor(z, requires_grad=True)):
        np.testing.assert_allclose(model.decode(codes), expected, atol=1e-6)


def test_nothing_in_gives_nothing_out(model):
    q = model.encode(np.zeros((0, 1, 16, 16), np.uint8))
    assert (q.mean.shape, len(q)) == ((0, 4), 0)
    assert model.decode(np.zeros((0, 4))).shape == (0, 1, 16, 16)


def test_batching_does_not_change_a_code(model, digits, monkeypatch):
    many = digits.images[:11]
    whole, pictures = model.encode(many), model.decode(np.eye(11, 4))
    monkeypatch.setattr(model_module, "BATCH", 4)
    seen = []
    pieces = model.encode(many, lambda share, what: seen.append((share, what)))
    np.testing.assert_allclose(pieces.mean, whole.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pieces.log_var, whole.log_var, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.decode(np.eye(11, 4)), pictures, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.terms(many)[1].mean, whole.mean, rtol=1e-5, atol=1e-6)
    assert [share for share, _ in seen] == [4 / 11, 8 / 11, 1.0]
    assert seen[-1][1] == "11 of 11 images"


def test_each_image_is_encoded_by_itself(model, images):
    singly = np.concatenate([model.encode(image).mean for image in images])
    np.testing.assert_allclose(model.encode(images).mean, singly, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------- fitting images to the model


def test_colour_becomes_grey_by_luma(model):
    colour = np.zeros((3, 3, 16, 16), np.uint8)
    for i in range(3):
        colour[i, i] = 255
    prepared = model.prepare(colour)
    assert prepared.shape == (3, 1, 16, 16)
    assert [prepared[i, 0, 0, 0] for i in range(3)] == [76, 150, 29]  # 0.299, 0.587, 0.114 of 255


def test_grey_becomes_colour(trained_on):
    model = trained_on(channels=3)
    grey = blob_set().images[:2]
    assert np.array_equal(model.prepare(grey), np.repeat(grey, 3, 1))
    assert model.decode(np.zeros(3)).shape == (1, 3, 16, 16)


def test_28_goes_into_32_by_padding_never_by_resizing(trained_on):
    model = trained_on(side=32)
    small = np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), dtype=np.uint8)
    prepared = model.prepare(small)
    assert prepared.shape == (2, 1, 32, 32)
    assert np.array_equal(prepared[:, :, 2:-2, 2:-2], small)
    assert prepared[:, :, :2].max() == prepared[:, :, -2:].max() == prepared[..., :2].max() == 0


def test_other_sizes_are_resized_from_their_middle_square(model):
    wide = np.zeros((1, 1, 32, 64), np.uint8)
    wide[..., 16:48] = 200  # the middle square is bright, the rest is not
    assert model.prepare(wide).shape == (1, 1, 16, 16)
    assert (model.prepare(wide) == 200).all()
    ramp = np.broadcast_to(np.arange(0, 256, 8, dtype=np.uint8), (1, 1, 32, 32))
    prepared = model.prepare(ramp)[0, 0, 0].astype(int)
    assert np.all(np.diff(prepared) > 0)


def test_floats_are_rounded_to_the_nearest_grey(model):
    x = np.full((1, 1, 16, 16), 0.5)
    assert model.prepare(x)[0, 0, 0, 0] == 128
    assert model.prepare(x * 0 + 1.0000001).max() == 255  # the last digit of somebody's arithmetic


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.zeros(16), r"\(N, 1 or 3, H, W\)"),
        (np.zeros((2, 4, 16, 16)), r"\(N, 1 or 3, H, W\)"),
        (np.zeros((2, 16, 16, 3)), r"\(N, 1 or 3, H, W\)"),
        (np.zeros((1, 2, 1, 16, 16)), r"\(N, 1 or 3, H, W\)"),
        (np.zeros((1, 1, 0, 0), np.uint8), r"\(N, 1 or 3, H, W\)"),
        (np.full((1, 1, 16, 16), np.nan), "nan"),
        (np.full((1, 1, 16, 16), np.inf), "inf"),
        (np.full((1, 1, 16, 16), 1.5), r"lie in \[1.5, 1.5\]"),
        (np.full((1, 1, 16, 16), -0.5), r"lie in \[-0.5, -0.5\]"),
        (np.zeros((1, 1, 16, 16), np.int64), "got int64"),
        (np.zeros((1, 1, 16, 16), bool), "got bool"),
        (np.array([[["a"]]]), "got <U1"),
    ],
)
def test_images_that_cannot_be_meant_are_refused(model, bad, says):
    with pytest.raises(BadCodes, match=says):
        model.encode(bad)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.zeros(3), r"expected as \(N, 4\), got \(1, 3\)"),
        (np.zeros((2, 5)), r"expected as \(N, 4\), got \(2, 5\)"),
        (np.zeros((1, 2, 4)), r"expected as \(N, 4\)"),
        (np.float64(3), r"expected as \(N, 4\)"),
        (np.full((1, 4), np.nan), "finite"),
        (np.full((1, 4), np.inf), "finite"),
        ([["a", "b", "c", "d"]], "numbers"),
    ],
)
def test_codes_that_cannot_be_meant_are_refused(model, bad, says):
    with pytest.raises(BadCodes, match=says):
        model.decode(bad)


# ---------------------------------------------------------------- posteriors


def test_codes_are_sampled_from_their_posterior(model, images):
    q = model.encode(images)
    draws = np.stack([q.sample(np.random.default_rng(i)) for i in range(4000)])
    assert draws.dtype == np.float32
    np.testing.assert_allclose(draws.mean(0), q.mean, atol=5 * q.std.max() / np.sqrt(4000))
    np.testing.assert_allclose(draws.std(0), q.std, rtol=0.1)
    same = [q.sample(np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*same)


def test_kl_per_dim_is_the_mean_over_the_images(model, images):
    q = model.encode(images)
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(torch.tensor(q.mean), torch.tensor(q.std)),
        torch.distributions.Normal(0.0, 1.0),
    )
    np.testing.assert_allclose(q.kl_per_dim, exact.mean(0), rtol=1e-4)


def test_a_plain_autoencoder_gives_points(trained_on):
    model = trained_on(objective="autoencoder")
    q = model.encode(blob_set().images[:3])
    assert not model.stochastic
    assert np.isneginf(q.log_var).all()
    assert (q.std == 0).all()
    np.testing.assert_array_equal(q.sample(np.random.default_rng(0)), q.mean)
    assert np.isnan(q.kl_per_dim).all()


def test_terms_are_seeded_and_their_noise_matters(model, digits):
    x = digits.images[:20]
    (a, q), (b, _), (c, _) = (model.terms(x, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    assert a.shape == (20,)
    np.testing.assert_array_equal(q.mean, model.encode(x).mean)


# ---------------------------------------------------------------- loading


def test_load_takes_a_name_or_an_id_and_leaves_the_random_numbers_alone(trained):
    torch.manual_seed(4)
    before = torch.get_rng_state()
    by_name = vc.load("trained", home=trained.places.home)
    by_id = load(trained.id, trained.places.home)
    assert torch.equal(before, torch.get_rng_state())
    z = np.ones((1, 4))
    np.testing.assert_array_equal(by_name.decode(z), by_id.decode(z))
    assert by_name.stamp == trained.stamp()
    with pytest.raises(RunNotFound, match="there is no run 'nobody'"):
        load("nobody", trained.places.home)


def test_best_and_last_weights_can_be_asked_for(copied):
    weights = copied.weights()
    for which in ("last", "best"):
        loaded = load_run(copied, which=which)
        for name, value in copied.weights(which).items():
            assert torch.equal(loaded.model.state_dict()[name], value)
    assert weights.keys() == copied.weights("best").keys()


def test_a_run_that_cannot_be_loaded_says_why(store, copied):
    with pytest.raises(BadRun, match=r"no weights yet"):
        load_run(store.create(config_of()))
    record = copied.record()
    other = dataclasses.replace(
        record, resolved=dataclasses.replace(record.resolved, model=config_of(latent_dim=9).model)
    )
    with pytest.raises(BadRun, match="do not fit its settings"):
        LoadedModel(other, copied.weights(), copied.stamp())
    with pytest.raises(BadRun, match="never started"):
        LoadedModel(dataclasses.replace(record, data={}), copied.weights(), copied.stamp())


def test_the_stamp_of_a_loaded_model_is_that_of_its_own_weights(copied, monkeypatch):
    """A checkpoint that lands while a run is being loaded."""
    real, landed = Run.weights, []

    def weights(self, which="last"):
        found = real(self, which)
        if not landed:
            landed.append(True)
            path = self.path / "model.safetensors"
            inner = inference_weights(path, 2.0)
            path.unlink()
            path.write_bytes(inner)
        return found

    def inference_weights(path, factor):
        import safetensors.torch

        return safetensors.torch.save({k: factor * v for k, v in safetensors.torch.load_file(path).items()})

    monkeypatch.setattr(Run, "weights", weights)
    loaded = load_run(copied)
    assert loaded.stamp == copied.stamp()
    for name, value in real(copied).items():
        assert torch.equal(loaded.model.state_dict()[name], value)


def test_the_package_names_what_it_exports():
    for name in vc.__all__:
        assert getattr(vc, name) is not None
    with pytest.raises(AttributeError):
        vc.nothing  # noqa: B018


# ---------------------------------------------------------------- stored codes


def test_codes_are_stored_and_found_for_these_very_weights(copied, digits):
    assert stored_codes(copied) is None
    loaded = load_run(copied)
    computed = compute_codes(copied, loaded, digits, "test")
    found = stored_codes(copied)
    assert isinstance(found, StoredCodes)
    index = loaded.config.data.split(digits).test
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_array_equal(found.mean, loaded.encode(digits.images[index]).mean)
    np.testing.assert_array_equal(found.labels, digits.labels[index])
    assert found.label_names == tuple("0123456789")
    assert (found.factors, found.factor_names, found.split) == (None, (), "test")
    np.testing.assert_allclose(found.error, loaded.terms(digits.images[index])[0], rtol=1e-5)
    np.testing.assert_array_equal(computed.mean, found.mean)
    assert stored_codes(copied, "train") is None
    # nothing is written into the run itself
    assert copied.places.derived in codes_path(copied, "test").parents


def test_codes_of_other_weights_are_not_shown(copied, digits):
    compute_codes(copied, load_run(copied), digits)
    assert stored_codes(copied) is not None
    copied.go_on(1)
    train_run(copied, copied.places)
    assert stored_codes(copied) is None


def test_codes_computed_while_the_run_learned_on_are_not_taken_for_the_new_weights(copied, digits):
    old = load_run(copied)
    copied.go_on(1)
    train_run(copied, copied.places)
    compute_codes(copied, old, digits)
    assert stored_codes(copied) is None


def test_shipped_codes_are_used_when_they_belong_to_the_weights(copied, digits):
    codes = compute_codes(copied, load_run(copied), digits, most=10)
    shutil.rmtree(copied.places.derived)
    (copied.path / "codes.npz").write_bytes(codes_bytes(codes, copied.stamp(), np.float16))
    found = stored_codes(copied)
    np.testing.assert_allclose(found.mean, codes.mean, rtol=1e-2, atol=1e-3)
    assert found.mean.dtype == np.float32
    (copied.path / "codes.npz").write_bytes(codes_bytes(codes, "0" * 16))
    assert stored_codes(copied) is None


def test_at_most_so_many_codes_are_computed_evenly_spread(copied, digits):
    codes = compute_codes(copied, load_run(copied), digits, "train", most=50)
    train = copied.record().effective.data.split(digits).train
    assert len(codes) == 50
    assert np.isin(codes.index, train).all()
    assert (codes.index[0], codes.index[-1]) == (train[0], train[-1])
    assert np.all(np.diff(codes.index) > 0)
    assert np.array_equal(stored_codes(copied, "train").index, codes.index)


def test_factors_are_stored_with_the_codes(store, places):
    run = store.create(config_of(epochs=1))
    train_run(run, places)
    data = open_images("tiny", 16, places)
    compute_codes(run, load_run(run), data, "validation")
    found = stored_codes(run, "validation")
    np.testing.assert_array_equal(found.factors, data.factors[found.index])
    assert (found.factor_names, found.label_names) == (("x", "y"), ("left", "right"))


DAMAGES = {
    "empty": lambda raw: b"",
    "garbage": lambda raw: b"garbage" * 100,
    "cut": lambda raw: raw[: len(raw) // 2],
    "cut at the end": lambda raw: raw[:-10],
    "flipped": lambda raw: raw[:400] + bytes(b ^ 0xFF for b in raw[400:800]) + raw[800:],
    "only a magic number": lambda raw: b"PK\x03\x04",
    "an empty zip": lambda raw: b"PK\x05\x06" + b"\x00" * 18,
    "a single array": lambda raw: (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".ljust(117)
        + b"\n"
        + b"\x00" * 4
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_codes_can_be_computed_again(copied, digits, damage):
    loaded = load_run(copied)
    compute_codes(copied, loaded, digits)
    path = codes_path(copied, "test")
    path.write_bytes(damage(path.read_bytes()))
    assert stored_codes(copied) is None
    compute_codes(copied, loaded, digits)
    assert stored_codes(copied) is not None


def test_stored_codes_hold_no_pickles(copied, digits):
    compute_codes(copied, load_run(copied), digits)
    with zipfile.ZipFile(codes_path(copied, "test")) as zf:
        for name in zf.namelist():
            assert b"'|O'" not in zf.read(name)[:128]


def test_a_split_without_images_has_no_codes(store, places):
    """Two images are too few for a test split of their own."""
    write_blobs(places.datasets, "two", count=2)
    data = dataclasses.replace(open_images("two", 16, places), test=np.zeros(0, np.int64))
    run = store.create(config_of(architecture=Choice("mlp", MlpParams((2,)))))
    train_run(run, places)
    with pytest.raises(BadImages, match="no test images"):
        compute_codes(run, load_run(run), data)
