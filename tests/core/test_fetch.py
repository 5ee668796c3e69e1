"""Fetching the well-known sets from a server on this machine; no network is needed."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
from web_mirror import NOWHERE, Mirror, idx_files, leftovers, listing, md5, put

from vae_core.data import open_images
from vae_core.data.sets import idx
from vae_core.data.torchvision_safe import torchvision_datasets
from vae_core.errors import DataUnavailable
from vae_core.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "data").mkdir()
    return Places(tmp_path / "home", tmp_path / "data")


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
