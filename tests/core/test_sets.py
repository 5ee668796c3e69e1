"""Reading the well-known sets, from files made here; no network is needed."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from web_mirror import IDX_SETS, NOWHERE, Mirror, idx_bytes, idx_files, leftovers, listing, md5, put

from vae_core.data import open_images
from vae_core.data.registry import DATASETS
from vae_core.data.sets import cifar10, idx, svhn
from vae_core.data.torchvision_safe import torchvision_datasets
from vae_core.errors import DataUnavailable
from vae_core.places import DATA_VARIABLE, Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "data").mkdir()
    return Places(tmp_path / "home", tmp_path / "data")


# -- MNIST and its relatives


@pytest.mark.parametrize("spec", IDX_SETS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_idx_files_are_read_and_padded(spec: idx.IdxSet, packed: bool, places: Places) -> None:
    files, raw = idx_files(spec)
    if packed:
        files = {f"{stem}.gz": gzip.compress(data) for stem, data in files.items()}
    put(spec.folder(places), files)
    before = listing(places.data_dir)
    assert DATASETS[spec.name].present(places)

    small, large = (open_images(spec.name, side, places) for side in (28, 32))
    upright = raw.transpose(0, 2, 1) if spec.transposed else raw
    assert small.shape == (1, 28, 28)
    np.testing.assert_array_equal(small.images[:, 0], upright)
    np.testing.assert_array_equal(large.images[:, :, 2:30, 2:30], small.images)
    assert large.images.sum(dtype=np.int64) == small.images.sum(dtype=np.int64)  # the frame is zeros
    np.testing.assert_array_equal(small.test, [6, 7, 8])
    assert small.label_of(0) == spec.label_names[0]
    assert listing(places.data_dir) == before  # a read-only data_dir would do


def test_emnist_is_upright(places: Places) -> None:
    """EMNIST's files hold each picture's columns as rows: an L drawn there transposed must come out an L."""
    spec = idx.EMNIST_LETTERS
    letter = np.zeros((28, 28), np.uint8)
    letter[4:24, 8] = letter[23, 8:18] = 255  # a stem down, a foot to the right
    files, _ = idx_files(spec)
    files[spec.stems[0]] = idx_bytes(np.stack([letter.T] * 6))
    put(spec.folder(places), files)
    np.testing.assert_array_equal(open_images(spec.name, 28, places).images[0, 0], letter)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda data: data[:-5], "announces"),
        (lambda data: data + b"x", "more than that"),
        (lambda data: b"<html>not found</html>", "no idx file"),
        (lambda data: b"", "no idx file"),
        (lambda data: idx_bytes(np.zeros((6, 10, 12))), "12×10"),
        (lambda data: idx_bytes(np.zeros((5, 28, 28))), "labels 6 images, there are 5"),
        (lambda data: idx_bytes(np.zeros((6, 28, 28)))[:4] + b"\xff" * 12, "announces"),
    ],
)
def test_damaged_images_are_named(damage, fault: str, places: Places) -> None:
    files, _ = idx_files(idx.MNIST)
    files["train-images-idx3-ubyte"] = damage(files["train-images-idx3-ubyte"])
    put(idx.MNIST.folder(places), files)
    with pytest.raises(DataUnavailable, match=fault) as caught:
        open_images("mnist", 28, places)
    assert "train-" in str(caught.value)
    assert "Delete it" in str(caught.value)
    assert not (places.datasets / "mnist" / "28").exists()


def test_labels_out_of_range_are_named(places: Places) -> None:
    files, _ = idx_files(idx.MNIST)
    files["t10k-labels-idx1-ubyte"] = idx_bytes(np.array([1, 2, 77]))
    put(idx.MNIST.folder(places), files)
    with pytest.raises(DataUnavailable, match="t10k-labels-idx1-ubyte is damaged: its labels run from 1"):
        open_images("mnist", 28, places)


@pytest.mark.parametrize("keep", [20, 300, -3])
def test_a_damaged_gz_is_named(keep: int, places: Places) -> None:
    files, _ = idx_files(idx.MNIST)
    files = {f"{stem}.gz": gzip.compress(data) for stem, data in files.items()}
    files["train-images-idx3-ubyte.gz"] = files["train-images-idx3-ubyte.gz"][:keep]
    put(idx.MNIST.folder(places), files)
    with pytest.raises(DataUnavailable, match=r"train-images-idx3-ubyte\.gz is damaged"):
        open_images("mnist", 28, places)


# -- CIFAR-10


@pytest.fixture
def cifar(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, bytes], np.ndarray, np.ndarray]:
    """Files of four records each; labels (24,) and images (24, 3, 32, 32) as they should come out."""
    monkeypatch.setattr(cifar10, "RECORDS", 4)
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, 24, np.uint8)
    images = rng.integers(0, 256, (24, 3, 32, 32), np.uint8)
    records = np.concatenate([labels[:, None], images.reshape(24, -1)], axis=1)
    files = {name: records[4 * i : 4 * i + 4].tobytes() for i, name in enumerate(cifar10.FILES)}
    return files, labels, images


def tar_gz(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in reversed(files.items()):  # the test batch may come first
            info = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def check_cifar(places: Places, labels: np.ndarray, images: np.ndarray) -> None:
    found = open_images("cifar10", 32, places)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.test, [20, 21, 22, 23])
    assert found.label_of(0) == cifar10.NAMES[labels[0]]


def test_cifar10_from_its_folder(cifar, places: Places) -> None:
    files, labels, images = cifar
    put(places.data_dir / cifar10.FOLDER, files)
    check_cifar(places, labels, images)


def test_cifar10_from_its_archive_which_stays_packed(cifar, places: Places, monkeypatch) -> None:
    files, labels, images = cifar
    packed = tar_gz(files)
    put(places.data_dir, {cifar10.ARCHIVE: packed})
    monkeypatch.setattr(cifar10, "MD5", md5(packed))
    check_cifar(places, labels, images)
    assert listing(places.data_dir) == [cifar10.ARCHIVE]


def test_cifar10_is_fetched(cifar, mirror: Mirror, places: Places, monkeypatch) -> None:
    files, labels, images = cifar
    packed = tar_gz(files)
    mirror.files = {cifar10.ARCHIVE: packed}
    monkeypatch.setattr(cifar10, "URL", mirror.url + cifar10.ARCHIVE)
    monkeypatch.setattr(cifar10, "MD5", md5(packed))
    put(places.data_dir / "cifar-10-batches-py", {"data_batch_1": b"never opened"})  # no obstacle
    check_cifar(places, labels, images)


def test_pickled_cifar10_is_not_opened(places: Places, monkeypatch) -> None:
    monkeypatch.setattr(cifar10, "URL", NOWHERE + cifar10.ARCHIVE)
    planted = b"cposix\nsystem\n(S'touch " + str(places.data_dir / "ran").encode() + b"'\ntR."
    put(places.data_dir / "cifar-10-batches-py", {f"data_batch_{i}": planted for i in range(1, 6)})
    assert not DATASETS["cifar10"].present(places)
    with pytest.raises(DataUnavailable) as caught:
        open_images("cifar10", 32, places)
    assert "cifar-10-batches-py there is the pickled form, which is not opened" in str(caught.value)
    assert f"put {cifar10.ARCHIVE}" in str(caught.value)
    assert not (places.data_dir / "ran").exists()


def test_damaged_cifar10_is_named(cifar, places: Places) -> None:
    files, _, _ = cifar
    folder = places.data_dir / cifar10.FOLDER
    put(folder, files | {"data_batch_3.bin": files["data_batch_3.bin"][: cifar10.RECORD]})
    with pytest.raises(DataUnavailable, match=r"data_batch_3\.bin is damaged: .*holds 3,073 bytes"):
        open_images("cifar10", 32, places)
    put(folder, files | {"data_batch_3.bin": b"\x0b" + files["data_batch_3.bin"][1:]})
    with pytest.raises(DataUnavailable, match="the label 11; labels run from 0 to 9"):
        open_images("cifar10", 32, places)
    assert not (places.datasets / "cifar10" / "32").exists()


def test_a_damaged_cifar10_archive_is_named(cifar, places: Places, monkeypatch) -> None:
    files, _, _ = cifar
    packed = tar_gz(files)
    put(places.data_dir, {cifar10.ARCHIVE: packed[:-50]})
    with pytest.raises(DataUnavailable, match=r"cifar-10-binary\.tar\.gz is damaged: its md5 sum is"):
        open_images("cifar10", 32, places)
    monkeypatch.setattr(cifar10, "MD5", md5(packed[:-50]))
    with pytest.raises(DataUnavailable, match=r"cifar-10-binary\.tar\.gz is damaged"):
        open_images("cifar10", 32, places)


# -- SVHN


def svhn_file(path: Path, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (32, 32, 3, count), np.uint8)
    labels = np.array([10, *rng.integers(1, 11, count - 1)], np.uint8)
    savemat(path, {"X": images, "y": labels[:, None]}, do_compression=True)
    return images.transpose(3, 2, 0, 1), labels % 10


def test_svhn_from_mat_files(places: Places) -> None:
    train, train_labels = svhn_file(places.data_dir / "train_32x32.mat", 5, 0)
    test, test_labels = svhn_file(places.data_dir / "test_32x32.mat", 3, 1)
    assert DATASETS["svhn"].present(places)
    found = open_images("svhn", 32, places)
    np.testing.assert_array_equal(found.images, np.concatenate([train, test]))
    np.testing.assert_array_equal(found.labels, np.concatenate([train_labels, test_labels]))
    np.testing.assert_array_equal(found.test, [5, 6, 7])
    assert found.label_of(0) == "0"  # the files call it 10


def test_damaged_svhn_is_named(places: Places) -> None:
    for i, file in enumerate(svhn.FILES):
        svhn_file(places.data_dir / file, 5, i)
    path = places.data_dir / "test_32x32.mat"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"not a mat file at all", b""):
        path.write_bytes(damaged)
        with pytest.raises(DataUnavailable, match=r"test_32x32\.mat is damaged"):
            open_images("svhn", 32, places)
    savemat(path, {"X": np.zeros((16, 16, 3, 4), np.uint8), "y": np.ones((4, 1), np.uint8)})
    with pytest.raises(DataUnavailable, match=r"X should be \(32, 32, 3, N\)"):
        open_images("svhn", 32, places)
    assert not (places.datasets / "svhn" / "32").exists()


def test_svhn_is_fetched(mirror: Mirror, places: Places, tmp_path: Path, monkeypatch) -> None:
    table = {}
    for i, (split, file) in enumerate(zip(("train", "test"), svhn.FILES, strict=True)):
        svhn_file(tmp_path / file, 4, i)
        mirror.files[file] = (tmp_path / file).read_bytes()
        table[split] = [mirror.url + file, file, md5(mirror.files[file])]
    monkeypatch.setattr(torchvision_datasets().SVHN, "split_list", table)
    assert len(open_images("svhn", 32, places)) == 8
    assert leftovers(places) == sorted(svhn.FILES)


# -- the real one


@pytest.mark.mnist
def test_real_mnist(tmp_path: Path) -> None:
    data = Path(os.environ.get(DATA_VARIABLE) or Path(__file__).parents[2].parent / "shared" / "data")
    places = Places(tmp_path, data)
    if not idx.MNIST.present(places):
        pytest.skip(f"no MNIST in {data}")
    small, large = (open_images("mnist", side, places) for side in (28, 32))
    for images, side in ((small, 28), (large, 32)):
        assert images.images.shape == (70_000, 1, side, side)
        assert images.images.dtype == np.uint8
        np.testing.assert_array_equal(images.test, np.arange(60_000, 70_000))
    np.testing.assert_array_equal(np.bincount(small.labels[:60_000]), [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ])  # fmt: skip
    np.testing.assert_array_equal(large.images[::97, :, 2:30, 2:30], small.images[::97])
    splits = small.split(seed=0)
    assert splits.train.max() < 60_000
    assert splits.validation.max() < 60_000
