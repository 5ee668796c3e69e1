"""The well-known sets, from files made here and from a server on this machine; no network is needed."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import subprocess
import sys
import tarfile
import threading
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from vae_core.data import open_images
from vae_core.data.registry import DATASETS
from vae_core.data.sets import celeba, cifar10, idx, svhn
from vae_core.data.torchvision_safe import torchvision_datasets
from vae_core.errors import DataUnavailable
from vae_core.places import DATA_VARIABLE, Places

NOWHERE = "http://127.0.0.1:9/"  # the discard port: nothing listens
IDX_SETS = (idx.MNIST, idx.FASHION_MNIST, idx.KMNIST, idx.EMNIST_LETTERS)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "data").mkdir()
    return Places(tmp_path / "home", tmp_path / "data")


def idx_bytes(array: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def idx_files(spec: idx.IdxSet, train: int = 6, test: int = 3) -> tuple[dict[str, bytes], np.ndarray]:
    """The four files' contents by stem, and the images as they lie in the files, (train + test, 28, 28)."""
    images = np.random.default_rng(0).integers(0, 256, (train + test, 28, 28), np.uint8)
    labels = np.arange(train + test) % len(spec.label_names) + spec.first_label
    parts = (images[:train], labels[:train], images[train:], labels[train:])
    return {stem: idx_bytes(part) for stem, part in zip(spec.stems, parts, strict=True)}, images


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def leftovers(places: Places) -> list[str]:
    """Files in data_dir other than the lock, which is empty."""
    return [name for name in listing(places.data_dir) if not name.endswith(".lock")]


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


class Mirror:
    """A web server with `files` by path, which lists what was `asked` for.

    It hangs up half-way on `short`, and sends `encoded` files, which are .gz, as if gzip were their transport alone.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.short: set[str] = set()
        self.encoded: set[str] = set()
        self.asked: list[str] = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.lstrip("/")
                mirror.asked.append(name)
                data = mirror.files.get(name)
                if data is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                if name in mirror.encoded:
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if name in mirror.short else data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()
    yield mirror
    mirror.close()


@pytest.fixture
def mnist_mirror(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """The server offers a small MNIST and torchvision's table says so."""
    files, _ = idx_files(idx.MNIST)
    mirror.files = {f"{stem}.gz": gzip.compress(data) for stem, data in files.items()}
    known = torchvision_datasets().MNIST
    monkeypatch.setattr(known, "mirrors", [mirror.url])
    monkeypatch.setattr(known, "resources", [(name, md5(data)) for name, data in mirror.files.items()])
    return mirror


# -- importing


def test_nothing_imports_torchvision_before_it_is_needed() -> None:
    code = (
        "import sys, pathlib, vae_core.data, vae_core.data.fetch, vae_core.data.user\n"
        "from vae_core.data.registry import DATASETS\n"
        "from vae_core.places import Places\n"
        "place = Places(pathlib.Path('/nowhere'), pathlib.Path('/nowhere'))\n"
        "[spec.present(place) for spec in DATASETS.values()]\n"
        "print([m for m in sys.modules if m.startswith('torchvision')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_torchvision_imports_whether_or_not_its_operators_load() -> None:
    assert torchvision_datasets().MNIST.resources
    assert torchvision_datasets() is sys.modules["torchvision.datasets"]


def test_operators_that_load_are_not_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    from vae_core.data import torchvision_safe

    imported = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "torchvision"}
    stand_in = types.ModuleType("torchvision")
    stand_in.datasets = types.ModuleType("torchvision.datasets")  # type: ignore[attr-defined]
    for name in imported:
        monkeypatch.delitem(sys.modules, name)

    def load() -> bool:  # as if the library were there: the import that follows finds the stand-in
        monkeypatch.setitem(sys.modules, "torchvision", stand_in)
        monkeypatch.setitem(sys.modules, "torchvision.datasets", stand_in.datasets)
        return True

    def declare() -> None:
        raise AssertionError("declared beside operators that loaded")

    monkeypatch.setattr(torchvision_safe, "operators_load", load)
    monkeypatch.setattr(torchvision_safe, "_declare_operators", declare)
    assert torchvision_datasets() is stand_in.datasets


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


# -- downloading


def test_a_download_reports_progress_and_is_kept(mnist_mirror: Mirror, places: Places) -> None:
    said: list[tuple[float, str]] = []
    images = open_images("mnist", 32, places, lambda share, what: said.append((share, what)))
    assert len(images) == 9
    fetching = [(share, what) for share, what in said if what.startswith("fetching")]
    assert {what.split()[1].rstrip(":") for _, what in fetching} == set(mnist_mirror.files)
    assert all(" MB" in what for _, what in fetching)
    shares = [share for share, _ in fetching]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert listing(idx.MNIST.folder(places)) == sorted(idx.MNIST.stems)
    files = (f"MNIST/raw/{stem}" for stem in idx.MNIST.stems)
    assert set(leftovers(places)) == {"MNIST", "MNIST/raw", *files}

    open_images("mnist", 28, places)  # another side is made from the same files
    assert len(mnist_mirror.asked) == 4


def test_the_second_mirror_serves_when_the_first_does_not(
    mnist_mirror: Mirror, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision_datasets().MNIST, "mirrors", [NOWHERE, mnist_mirror.url])
    assert len(open_images("mnist", 28, places)) == 9


def test_offline_says_so_and_what_to_do(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision_datasets().MNIST, "mirrors", [NOWHERE])
    with pytest.raises(DataUnavailable) as caught:
        open_images("mnist", 28, places)
    text = str(caught.value)
    assert f"MNIST is not in {places.data_dir}" in text
    assert "no connection" in text
    assert "Connect to the network" in text
    assert f"put {', '.join(idx.MNIST.stems)}" in text
    assert str(places.data_dir / "MNIST" / "raw") in text
    assert leftovers(places) == []


def test_wrong_bytes_are_refused(mnist_mirror: Mirror, places: Places) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    mnist_mirror.files[name] = mnist_mirror.files[name] + b"!"
    with pytest.raises(DataUnavailable, match=r"sent a damaged file .md5 [0-9a-f]{32}, expected"):
        open_images("mnist", 28, places)
    assert leftovers(places) == []
    assert not idx.MNIST.present(places)


def test_a_broken_connection_leaves_nothing(mnist_mirror: Mirror, places: Places) -> None:
    mnist_mirror.short = {"train-images-idx3-ubyte.gz"}
    with pytest.raises(DataUnavailable, match=r"broke off after 0\.0 of 0\.0 MB"):
        open_images("mnist", 28, places)
    assert leftovers(places) == []


def test_a_gz_sent_as_gzip_transport_is_kept_packed(mnist_mirror: Mirror, places: Places) -> None:
    """Some servers do; the checksum is of the packed file."""
    mnist_mirror.encoded = set(mnist_mirror.files)
    assert len(open_images("mnist", 28, places)) == 9


def test_a_missing_file_is_told_by_its_number(mnist_mirror: Mirror, places: Places) -> None:
    del mnist_mirror.files["train-labels-idx1-ubyte.gz"]
    with pytest.raises(DataUnavailable, match="answered 404"):
        open_images("mnist", 28, places)
    assert leftovers(places) == []


def test_an_interrupted_download_leaves_nothing(mnist_mirror: Mirror, places: Places) -> None:
    def interrupt(share: float, what: str) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_images("mnist", 28, places, interrupt)
    assert leftovers(places) == []


def test_what_a_killed_download_left_is_swept_and_never_read(mnist_mirror: Mirror, places: Places) -> None:
    files, _ = idx_files(idx.MNIST, train=2, test=2)
    put(places.data_dir / ".mnist-part.dead", files)
    assert not idx.MNIST.present(places)
    assert len(open_images("mnist", 28, places)) == 9
    assert not (places.data_dir / ".mnist-part.dead").exists()


def test_a_data_dir_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataUnavailable, match="cannot be stored there"):
        open_images("mnist", 28, Places(tmp_path / "home", tmp_path / "file" / "data"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_data_dir_with_the_files_works(places: Places) -> None:
    files, _ = idx_files(idx.MNIST)
    put(idx.MNIST.folder(places), files)
    folders = [places.data_dir, *(p for p in places.data_dir.rglob("*") if p.is_dir())]
    try:
        for folder in folders:
            folder.chmod(0o555)
        assert len(open_images("mnist", 28, places)) == 9
        with pytest.raises(DataUnavailable, match="cannot be stored there"):
            open_images("kmnist", 28, places)
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_emnist_comes_out_of_its_zip(mirror: Mirror, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    files, raw = idx_files(idx.EMNIST_LETTERS)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("gzip/emnist-digits-train-images-idx3-ubyte.gz", b"another split, left in the zip")
        for stem, data in files.items():
            zipped.writestr(f"gzip/{stem}.gz", gzip.compress(data))
    mirror.files = {"gzip.zip": packed.getvalue()}
    known = torchvision_datasets().EMNIST
    monkeypatch.setattr(known, "url", f"{mirror.url}gzip.zip")
    monkeypatch.setattr(known, "md5", md5(packed.getvalue()))
    images = open_images("emnist_letters", 28, places)
    np.testing.assert_array_equal(images.images[:, 0], raw.transpose(0, 2, 1))
    assert images.label_of(1) == "B"
    assert listing(idx.EMNIST_LETTERS.folder(places)) == sorted(files)


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


# -- CelebA

ATTRIBUTES = ("Bald", "Smiling", "Young")


def face(shade: int) -> bytes:
    """178×218 with a red frame outside the centred 148×148 and `shade` inside, so that the crop shows."""
    pixels = np.zeros((218, 178, 3), np.uint8)
    pixels[..., 0] = 255
    pixels[35:183, 15:163] = shade
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG", quality=100, subsampling=0)
    return packed.getvalue()


def celeba_files() -> dict[str, bytes]:
    rows = ["000001.jpg -1  1 -1", "000002.jpg  1 -1  1", "000003.jpg -1 -1 -1", "000004.jpg  1  1  1"]
    return {
        "list_attr_celeba.txt": "\n".join(["4", " ".join(ATTRIBUTES), *rows, ""]).encode(),
        "list_eval_partition.txt": b"000001.jpg 0\n000002.jpg 2\n000003.jpg 1\n000004.jpg 2\n",
    }


def celeba_images() -> dict[str, bytes]:
    return {f"00000{i}.jpg": face(40 * i) for i in range(1, 5)}


def celeba_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, data in celeba_images().items():
            zipped.writestr(f"img_align_celeba/{name}", data)
    return packed.getvalue()


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("side", [64, 128])
def test_celeba(packed: bool, side: int, places: Places) -> None:
    folder = places.data_dir / "celeba"
    put(folder, celeba_files())
    assert not DATASETS["celeba"].present(places)
    if packed:
        put(folder, {"img_align_celeba.zip": celeba_zip()})
    else:
        put(folder / "img_align_celeba", celeba_images())
    assert DATASETS["celeba"].present(places)
    before = listing(places.data_dir)
    found = open_images("celeba", side, places)
    assert found.shape == (3, side, side)
    for i in range(4):
        inner = found.images[i, :, 2:-2, 2:-2].astype(int)
        assert abs(inner - 40 * (i + 1)).max() <= 2  # nothing of the red frame
    assert found.factor_names == ATTRIBUTES
    np.testing.assert_array_equal(found.factors, [[0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1]])
    assert [found.label_of(i) for i in range(4)] == ["smiling", "not smiling", "not smiling", "smiling"]
    np.testing.assert_array_equal(found.test, [1, 3])
    assert listing(places.data_dir) == before


@pytest.mark.parametrize(
    ("file", "data", "fault"),
    [
        ("list_attr_celeba.txt", b"", "list_attr_celeba.txt is damaged"),
        ("list_attr_celeba.txt", b"2\nSmiling\n000001.jpg 1\n", "announces 2 faces and lists 1"),
        ("list_attr_celeba.txt", b"1\nSmiling Bald\n000001.jpg 1\n", "000001.jpg is not 2 times 1 or -1"),
        ("list_attr_celeba.txt", b"1\nSmiling\n../../x.jpg 1\n", "the path ../../x.jpg"),
        ("list_attr_celeba.txt", b"1\nBald\n000001.jpg 1\n", "no attribute Smiling"),
        ("list_eval_partition.txt", b"000001.jpg 0\n", "does not list the faces"),
        (
            "list_eval_partition.txt",
            b"000001.jpg 0\n000002.jpg 7\n000003.jpg 0\n000004.jpg 1",
            "none of 0, 1, 2",
        ),
        ("img_align_celeba/000003.jpg", b"no jpeg", "000003.jpg is damaged"),
        ("img_align_celeba/000003.jpg", face(9)[:-2000], "000003.jpg is damaged"),
    ],
)
def test_damaged_celeba_is_named(file: str, data: bytes, fault: str, places: Places) -> None:
    folder = places.data_dir / "celeba"
    put(folder, celeba_files())
    put(folder / "img_align_celeba", celeba_images())
    (folder / file).write_bytes(data)
    with pytest.raises(DataUnavailable, match=fault):
        open_images("celeba", 64, places)
    assert not (places.datasets / "celeba" / "64").exists()


def test_a_missing_face_is_named(places: Places) -> None:
    put(places.data_dir / "celeba", celeba_files())
    put(places.data_dir / "celeba" / "img_align_celeba", {"000001.jpg": face(1)})
    with pytest.raises(DataUnavailable, match=r"000002\.jpg is damaged: it is missing"):
        open_images("celeba", 64, places)


def test_celeba_without_gdown_says_what_to_install(places: Places, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(DataUnavailable, match=r"pip install 'latent-explorer\[celeba\]'") as caught:
        open_images("celeba", 64, places)
    assert "img_align_celeba.zip" in str(caught.value)
    assert leftovers(places) == []


class Drive:
    """Stands in for the package gdown."""

    def __init__(self, files: dict[str, bytes]):
        self.files = files

    def download(self, *, id: str, output, quiet: bool) -> None:
        if id not in self.files:
            raise RuntimeError("Too many users have viewed or downloaded this file recently")
        data = self.files[id]
        for start in range(0, len(data), 1000):
            output.write(data[start : start + 1000])


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> Drive:
    files = celeba_files() | {"img_align_celeba.zip": celeba_zip()}
    table = [(f"id of {name}", md5(data), name) for name, data in files.items()]
    monkeypatch.setattr(torchvision_datasets().CelebA, "file_list", table)
    drive = Drive({f"id of {name}": data for name, data in files.items()})
    monkeypatch.setitem(sys.modules, "gdown", drive)
    return drive


def test_celeba_is_fetched(drive: Drive, places: Places) -> None:
    said: list[str] = []
    assert len(open_images("celeba", 64, places, lambda share, what: said.append(what))) == 4
    assert any(what.startswith("fetching img_align_celeba.zip: 0.0 of 1443.5 MB") for what in said)
    assert listing(places.data_dir / "celeba") == sorted(celeba.FILES)


def test_a_refusal_by_google_drive_is_passed_on(drive: Drive, places: Places) -> None:
    del drive.files["id of list_attr_celeba.txt"]
    with pytest.raises(DataUnavailable, match="Google Drive: Too many users"):
        open_images("celeba", 64, places)
    drive.files["id of list_attr_celeba.txt"] = b"other bytes"
    with pytest.raises(DataUnavailable, match=r"sent a damaged list_attr_celeba\.txt"):
        open_images("celeba", 64, places)
    assert leftovers(places) == []


def test_an_interruption_of_gdown_stays_one(drive: Drive, places: Places) -> None:
    class StoppedError(Exception):
        pass

    def stop(share: float, what: str) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        open_images("celeba", 64, places, stop)
    assert leftovers(places) == []


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
