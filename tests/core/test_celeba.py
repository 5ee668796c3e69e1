"""CelebA, from files made here and a stand-in for Google Drive; no network is needed."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web_mirror import leftovers, listing, md5, put

from vae_core.data import open_images
from vae_core.data.registry import DATASETS
from vae_core.data.sets import celeba
from vae_core.data.torchvision_safe import torchvision_datasets
from vae_core.errors import DataUnavailable
from vae_core.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "data").mkdir()
    return Places(tmp_path / "home", tmp_path / "data")


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
