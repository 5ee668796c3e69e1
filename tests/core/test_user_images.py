"""Importing one's own images: what comes in as expected, and every refusal with nothing left behind."""

from __future__ import annotations

import dataclasses
import io
import os
import pickle
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vae_core.data import find_spec, list_specs, open_images
from vae_core.data.user import Budgets, accept, crop_box, inspect, preview, remove, to_square
from vae_core.errors import BadConfig, BadImages, BadName, UnknownDataset
from vae_core.places import Places

RNG = np.random.default_rng(7)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, np.uint8)


def packed(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return data.getvalue()


def upload(data: bytes, name: str = "upload.zip") -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


def save(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def npy(array: Any) -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def some(count: int = 3) -> dict[str, bytes]:
    return {f"{i}.png": packed(noise(16, 16)) for i in range(count)}


def refused(source: Any, places: Places, *parts: str, budgets: Budgets | None = None, **how: Any) -> str:
    """Importing raises BadImages whose text has all `parts`, and leaves no trace."""
    with pytest.raises(BadImages) as caught:
        accept(inspect(source, budgets), "mine", places, **{"side": 16, **how})
    for part in parts:
        assert part in str(caught.value), str(caught.value)
    assert not places.datasets.exists() or list(places.datasets.iterdir()) == []
    return str(caught.value)


def taken(source: Any, places: Places, side: int = 16, name: str = "mine", **how: Any):
    """Import, checking that the preview shows what is then stored."""
    plan = inspect(source)
    spec = accept(plan, name, places, side=side, **how)
    assert (spec.name, spec.kind, spec.sides) == (name, "own", (side,))
    images = open_images(name, side, places)
    if not how.get("limit"):
        shown = preview(plan, side, how.get("colour", "auto"), how.get("fit", "crop"))
        np.testing.assert_array_equal(shown, images.images[[sample.index for sample in plan.samples]])
    return plan, images


# -- files that come in


def test_a_gradient_comes_out_as_planted(folder: Path, places: Places) -> None:
    rows = np.tile(np.arange(0, 256, 4, dtype=np.uint8)[:, None], (1, 64))  # dark above, bright below
    put(folder, {"a.png": packed(rows), "b.png": packed(rows.T)})
    plan, images = taken(folder, places, 32)
    assert (plan.count, plan.colour, plan.sizes, plan.side) == (2, False, (((64, 64), 2),), 64)
    assert images.images.shape == (2, 1, 32, 32)
    expected = np.arange(32) * 8 + 2  # the mean of each two rows 4 apart
    down = images.images[0, 0].astype(int)
    assert abs(down[2:-2] - expected[2:-2, None]).max() <= 1
    assert np.ptp(down, axis=1).max() == 0
    np.testing.assert_array_equal(images.images[1, 0], images.images[0, 0].T)


def test_at_its_own_side_nothing_is_resampled(folder: Path, places: Places) -> None:
    pictures = [noise(64, 64, 3) for _ in range(3)]
    put(folder, {f"{i}.png": packed(p) for i, p in enumerate(pictures)})
    plan, images = taken(folder, places, 64)
    assert plan.colour
    np.testing.assert_array_equal(images.images, np.stack(pictures).transpose(0, 3, 1, 2))
    assert images.notes == ()


def test_28_goes_to_32_in_a_frame_of_zeros(folder: Path, places: Places) -> None:
    pictures = [noise(28, 28) for _ in range(3)]
    put(folder, {f"{i}.png": packed(p) for i, p in enumerate(pictures)})
    plan, images = taken(folder, places, 32, fit="stretch")
    assert plan.side == 32
    np.testing.assert_array_equal(images.images[:, 0], np.pad(pictures, ((0, 0), (2, 2), (2, 2))))
    assert "28×28 was framed with zeros to 32×32, not resized." in images.notes


def test_class_folders_become_labels(folder: Path, places: Places) -> None:
    put(folder, {f"all/{kind}/{i}.png": packed(noise(16, 16)) for kind in ("dogs", "cats") for i in range(2)})
    put(folder, {"all/dogs/young/pup.png": packed(noise(16, 16)), "all/readme.txt": b"hello"})
    plan, images = taken(folder, places)
    assert plan.label_names == ("cats", "dogs")  # below the folder all share
    assert [images.label_of(i) for i in range(5)] == ["cats", "cats", "dogs", "dogs", "dogs"]
    assert [sample.label for sample in plan.samples] == ["cats", "cats", "dogs", "dogs", "dogs"]
    assert "Folders inside a class folder count to that class." in images.notes
    assert "Left out (no image): all/readme.txt." in images.notes


def test_numbered_class_folders_are_in_order(folder: Path, places: Places) -> None:
    put(folder, {f"{kind}/a.png": packed(noise(16, 16)) for kind in (10, 9, 2)})
    plan, images = taken(folder, places)
    assert plan.label_names == ("2", "9", "10")
    assert sorted(images.labels) == [0, 1, 2]


def test_images_beside_class_folders_have_no_labels(folder: Path, places: Places) -> None:
    put(folder, {**some(2), "cats/a.png": packed(noise(16, 16))})
    plan, images = taken(folder, places)
    assert images.labels is None
    assert any("No labels" in note and "0.png, 1.png" in note for note in plan.notes)


@pytest.mark.parametrize("as_upload", [False, True], ids=["path", "upload"])
def test_a_zip_is_read_as_its_folder_would_be(as_upload: bool, tmp_path: Path, places: Places) -> None:
    pictures = {f"set/{kind}/{i}.png": noise(16, 16, 3) for kind in "ab" for i in range(2)}
    data = zipped({name: packed(p) for name, p in pictures.items()})
    (tmp_path / "set.zip").write_bytes(data)
    plan, images = taken(upload(data) if as_upload else tmp_path / "set.zip", places)
    assert plan.title == ("upload.zip" if as_upload else "set.zip")
    np.testing.assert_array_equal(images.images, np.stack(list(pictures.values())).transpose(0, 3, 1, 2))
    assert [images.label_of(i) for i in range(4)] == ["a", "a", "b", "b"]


def test_the_spec_is_found_and_removed(folder: Path, places: Places) -> None:
    put(folder, some())
    taken(folder, places, title="My pictures")
    assert find_spec("mine", places).title == "My pictures"
    remove("mine", places)
    assert "mine" not in [spec.name for spec in list_specs(places)]
    assert list(places.datasets.iterdir()) == []
    with pytest.raises(UnknownDataset, match="no dataset of yours named 'mine'"):
        remove("mine", places)
    with pytest.raises(BadName, match="built-in"):
        remove("digits", places)
    with pytest.raises(BadName, match="cannot name"):
        remove("../mine", places)


def test_samples_are_spread_and_small(folder: Path) -> None:
    put(folder, {f"{i:02}.png": packed(noise(16, 16)) for i in range(20)})
    put(folder, {"00.png": packed(np.zeros((900, 1200), np.uint8))})
    plan = inspect(folder)
    assert [sample.index for sample in plan.samples] == [0, 2, 5, 8, 10, 13, 16, 19]
    assert plan.samples[0].size == (1200, 900)
    assert plan.samples[0].image.shape == (384, 512)
    assert plan.sizes == (((16, 16), 19), ((1200, 900), 1))


def test_a_large_photograph_keeps_its_size_in_the_plan(folder: Path, places: Places) -> None:
    smooth = np.add.outer(np.arange(1600), np.arange(2000)) * 255 / 3600
    put(folder, {f"{i}.jpg": packed(smooth.astype(np.uint8), "JPEG", quality=95) for i in range(2)})
    plan, images = taken(folder, places)  # decoded reduced
    assert plan.samples[0].size == (2000, 1600)
    kept = smooth[:, 200:1800].reshape(16, 100, 16, 100).mean((1, 3))
    assert abs(images.images[0, 0] - kept).max() <= 6


# -- the square


def test_fits(folder: Path, places: Places) -> None:
    """A wide image: left third 50, middle 150, right third 250."""
    wide = np.repeat(np.array([50, 150, 250], np.uint8), 32)[None].repeat(32, axis=0)
    put(folder, {"a.png": packed(wide), "b.png": packed(wide.T)})
    plan = inspect(folder)
    crop, pad, stretch = (preview(plan, 32, fit=fit)[:, 0] for fit in ("crop", "pad", "stretch"))
    np.testing.assert_array_equal(crop, np.full((2, 32, 32), 150))
    assert (pad[0, :10] == 0).all()
    assert (pad[0, 22:] == 0).all()
    assert [pad[0, 16, i] for i in (4, 16, 27)] == [50, 150, 250]
    assert [stretch[0, 0, i] for i in (4, 16, 27)] == [50, 150, 250]
    np.testing.assert_array_equal(pad[1], pad[0].T)
    assert crop_box(96, 32, "crop") == (32, 0, 64, 32)
    assert crop_box(96, 32, "pad") == crop_box(96, 32, "stretch") == (0, 0, 96, 32)
    accept(plan, "mine", places, side=32, fit="pad")
    assert (
        "Resized to 32×32 (pad: keep everything, with black bars)." in open_images("mine", 32, places).notes
    )


def test_grey_and_colour(folder: Path, places: Places) -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    put(folder, {"grey.png": packed(np.full((16, 16), 9, np.uint8)), "red.png": packed(red)})
    _, colour = taken(folder, places, name="colour")
    np.testing.assert_array_equal(colour.images[0, :, 0, 0], [9, 9, 9])
    np.testing.assert_array_equal(colour.images[1, :, 0, 0], [255, 0, 0])
    _, grey = taken(folder, places, name="grey", colour="grey")
    np.testing.assert_array_equal(grey.images[:, 0, 0, 0], [9, 76])  # 0.299 of 255
    assert "Colours were made grey." in grey.notes


def test_colour_that_is_grey_is_said(folder: Path) -> None:
    put(folder, {f"{i}.png": packed(np.repeat(noise(16, 16, 1), 3, axis=2)) for i in range(2)})
    assert any("choose grey" in note for note in inspect(folder).notes)


def test_choices_are_checked(folder: Path, places: Places) -> None:
    plan = inspect(put(folder, some()))
    for wrong in ({"side": 40}, {"colour": "blue"}, {"fit": "squeeze"}, {"limit": 1}, {"limit": -2}):
        with pytest.raises(BadConfig, match=next(iter(wrong))):
            accept(plan, "mine", places, **{"side": 16, **wrong})
    with pytest.raises(BadConfig):
        preview(plan, 17)


# -- names


def test_names(folder: Path, places: Places) -> None:
    plan = inspect(put(folder, some()))
    for name in ("../x", ".x", "a/b", "", "-x", "x" * 81):
        with pytest.raises(BadName, match="cannot name a dataset"):
            accept(plan, name, places, side=16)
    with pytest.raises(BadName, match="built-in"):
        accept(plan, "mnist", places, side=16)
    accept(plan, "mine", places, side=16)
    with pytest.raises(BadName, match="already a dataset mine"):
        accept(plan, "mine", places, side=32)
    assert [path.name for path in places.datasets.iterdir()] == ["mine"]


def test_a_name_taken_meanwhile_is_not_overwritten(folder: Path, places: Places) -> None:
    plan = inspect(put(folder, some()))

    def other_import(share: float, what: str) -> None:
        put(places.datasets / "mine" / "16", {"meta.json": b"another's"})

    with pytest.raises(BadName, match="already a dataset mine"):
        accept(plan, "mine", places, side=16, progress=other_import)
    assert (places.datasets / "mine" / "16" / "meta.json").read_bytes() == b"another's"
    assert [path.name for path in places.datasets.iterdir()] == ["mine"]


def test_an_interruption_leaves_nothing(folder: Path, places: Places) -> None:
    plan = inspect(put(folder, some()))

    def interrupt(share: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        accept(plan, "mine", places, side=16, progress=interrupt)
    assert list(places.datasets.iterdir()) == []


def test_a_full_disk_is_told_beforehand(folder: Path, places: Places, monkeypatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    refused(put(folder, some()), places, "has 0.0 GB left", "make room")


# -- kinds of pixels


def test_conversions_are_made_and_said(folder: Path, places: Places) -> None:
    size = (16, 16)
    deep = np.linspace(0, 65535, 256).reshape(size).astype(np.uint16)
    clear = np.zeros((16, 16, 4), np.uint8)
    clear[..., 0] = 200
    clear[:8, :, 3] = 255  # red above, nothing below
    put(folder, {
        "a-cmyk.jpg": packed(Image.new("CMYK", size, (0, 255, 255, 0)), "JPEG", quality=100),
        "b-deep.png": packed(deep),
        "c-deep.tiff": packed(Image.fromarray(deep), "TIFF"),
        "d-alpha.png": packed(clear),
        "e-grey-alpha.png": packed(Image.new("LA", size, (30, 0))),
        "f-palette.gif": packed(Image.new("RGB", size, (0, 0, 255)).quantize(4), "GIF"),
        "g-palette.png": packed(Image.new("RGB", size, (0, 255, 0)).quantize(4)),
        "h-bits.png": packed(Image.new("1", size, 1)),
        "i-float.tiff": packed(Image.new("F", size, 0.5), "TIFF"),
    })  # fmt: skip
    plan, images = taken(folder, places)
    middle = images.images[:, :, 4, 8].astype(int)
    assert abs(middle[0] - [255, 0, 0]).max() <= 3
    np.testing.assert_array_equal(images.images[1, 0], np.rint(deep / 257))
    np.testing.assert_array_equal(images.images[2], images.images[1])
    np.testing.assert_array_equal(middle[3], [200, 0, 0])
    np.testing.assert_array_equal(images.images[3, :, 12, 8], [255, 255, 255])
    np.testing.assert_array_equal(middle[4], [255, 255, 255])
    np.testing.assert_array_equal(middle[5], [0, 0, 255])
    np.testing.assert_array_equal(middle[6], [0, 255, 0])
    np.testing.assert_array_equal(middle[7], [255, 255, 255])
    np.testing.assert_array_equal(middle[8], [128, 128, 128])
    for note in (
        "1 image with CMYK inks: converted to RGB.",
        "3 images with more than 8 bits per channel: reduced to 8.",
        "2 images with transparency: laid on white.",
        "2 images with a palette: replaced by its colours.",
    ):
        assert note in plan.notes
        assert note in images.notes


def test_sixteen_bits_of_colour_are_noted(folder: Path) -> None:
    """PIL reads RGB with 16 bits as 8 without a word; the file is made by hand as PIL cannot write one."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x80\x01" * 3 * 16 for _ in range(16))
    head = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    plan = inspect(put(folder, {"a.png": data, "b.png": data}))
    assert "2 images with more than 8 bits per channel: reduced to 8." in plan.notes
    assert (plan.samples[0].image == 128).all()


@pytest.mark.parametrize(
    ("kind", "name"), [("GIF", "a.gif"), ("PNG", "a.png"), ("WEBP", "a.webp"), ("TIFF", "a.tif")]
)
def test_of_several_frames_the_first_is_taken(kind: str, name: str, folder: Path, places: Places) -> None:
    frames = [Image.new("RGB", (16, 16), (shade,) * 3) for shade in (40, 200)]
    options = {"lossless": True} if kind == "WEBP" else {}
    moving = packed(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    plan, images = taken(put(folder, {name: moving, "b.png": packed(frames[0])}), places, colour="grey")
    assert "1 image with several frames or pages: the first is taken." in plan.notes
    assert (images.images == 40).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(kind: str, folder: Path, places: Places) -> None:
    """Stored lying on its side: 32 wide, 16 high, left half dark. Orientation 6 turns it clockwise."""
    lying = np.zeros((16, 32), np.uint8)
    lying[:, 16:] = 250
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    turned = packed(Image.fromarray(lying).convert("RGB"), kind, exif=exif, **options)
    ending = {"JPEG": "jpg", "TIFF": "tif"}.get(kind, kind.lower())
    plan, images = taken(put(folder, {f"a.{ending}": turned, f"b.{ending}": turned}), places, fit="stretch")
    assert plan.sizes == (((16, 32), 2),)
    assert "2 images with an EXIF orientation: turned upright." in plan.notes
    assert images.images[0, :, :6].max() < 12  # dark above, bright below
    assert images.images[0, :, 10:].min() > 238


def test_floats_in_a_tiff_must_lie_in_0_to_1(folder: Path, places: Places) -> None:
    put(folder, {**some(), "far.tiff": packed(Image.new("F", (16, 16), 7.5), "TIFF")})
    refused(folder, places, "far.tiff has values from 7.5 to 7.5", "between 0 and 1")
    put(folder, {"far.tiff": packed(Image.new("F", (16, 16), float("nan")), "TIFF")})
    refused(folder, places, "far.tiff holds NaN or infinity")


# -- files that are refused


def test_no_image_and_one_image(folder: Path, places: Places) -> None:
    refused(folder, places, "pictures: no image was found", "needs at least 2")
    put(folder, {"notes.txt": b"hello"})
    refused(folder, places, "no image was found", "Left out (no image): notes.txt.")
    put(folder, some(1))
    refused(folder, places, "one image was found (0.png)", "needs at least 2")
    refused(upload(zipped({})), places, "upload.zip: no image was found")
    refused(upload(zipped(some(1))), places, "one image was found (0.png)")


def test_what_is_no_image_is_named(folder: Path, places: Places) -> None:
    put(folder, {**some(), "cat.png": b"I am text"})
    refused(folder, places, "1 image file cannot be read: cat.png is not an image", "Remove or replace")


def test_all_faulty_files_are_counted_and_some_named(folder: Path, places: Places) -> None:
    put(folder, {**some(), **{f"bad{i}.jpg": b"x" for i in range(8)}})
    text = refused(folder, places, "8 image files cannot be read", "bad0.jpg", "bad4.jpg")
    assert "bad5.jpg" not in text


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp", "tif", "ppm"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_images_are_named(ending: str, share: float, folder: Path, places: Places) -> None:
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper())
    whole = packed(noise(64, 64, 3), kind)
    put(
        folder,
        {**{f"{i}.{ending}": whole for i in range(30)}, f"7.{ending}": whole[: int(share * len(whole))]},
    )
    refused(folder, places, f"1 image file cannot be read: 7.{ending}")
    refused(upload(zipped({p.name: p.read_bytes() for p in folder.iterdir()})), places, f"7.{ending}")


def test_several_truncated_images_are_named_together(folder: Path, places: Places) -> None:
    whole = packed(noise(32, 32))
    put(folder, {f"{i:02}.png": whole[:-40] if i in (3, 12, 38) else whole for i in range(40)})
    plan = inspect(folder)  # the samples are others
    with pytest.raises(BadImages, match=r"3 image files cannot be read: 03\.png.*; 12\.png.*; 38\.png"):
        accept(plan, "mine", places, side=16)
    assert list(places.datasets.iterdir()) == []


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "EPS", "PDF", "AVIF", "JPEG2000"])
def test_other_formats_are_not_opened_under_a_borrowed_name(kind: str, folder: Path, places: Places) -> None:
    put(folder, {**some(), "odd.png": packed(noise(32, 32, 3), kind)})
    refused(folder, places, "odd.png is not an image in PNG, JPEG")


def test_other_formats_and_archives_and_pickles_are_left_out_and_said(folder: Path, places: Places) -> None:
    put(folder, {
        **some(), "a.heic": b"", "b.zip": zipped(some()), "c.pkl": b"", "d.csv": b"", "e.txt": b"", "f": b"",
    })  # fmt: skip
    plan, images = taken(folder, places)
    assert len(images) == 3
    text = " ".join(plan.notes)
    assert "format that is not read" in text
    assert "a.heic" in text
    assert "Left out (an archive inside, which is not opened (unpack it first)): b.zip." in plan.notes
    assert "pickle, which is never opened" in text
    assert "Left out (no image): d.csv, e.txt, f." in plan.notes


def test_hidden_files_are_skipped(folder: Path, places: Places) -> None:
    junk = (
        ".DS_Store",
        "._0.png",
        "__MACOSX/._0.png",
        "Thumbs.db",
        ".git/a.png",
        "sub/.hidden.png",
        "desktop.ini",
    )
    put(folder, {**some(), **dict.fromkeys(junk, b"junk")})
    for source in (folder, upload(zipped({**some(), **dict.fromkeys(junk, b"junk")}))):
        plan = inspect(source)
        assert plan.count == 3
        assert plan.notes == ()
    taken(folder, places)


def huge(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    data = bytearray(packed(np.zeros((16, 16), np.uint8)))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


@pytest.mark.parametrize("side", [30_000, 8_000])
def test_a_huge_image_is_refused_from_its_header(side: int, folder: Path, places: Places) -> None:
    put(folder, {**some(), "huge.png": huge(side, side)})
    refused(
        folder,
        places,
        "huge.png is too large to decode",
        "the most is 50,000,000 pixels",
    )
    refused(
        upload(zipped({**some(), "huge.png": huge(side, side)})), places, "huge.png is too large to decode"
    )


def test_one_image_or_a_pickle_or_nothing_is_no_source(tmp_path: Path, places: Places) -> None:
    put(tmp_path, {
        "cat.png": packed(noise(16, 16)), "set.pkl": pickle.dumps([1]), "set.tar.gz": b"\x1f\x8b\x08",
        "empty.zip": b"", "set.zip": b"PK\x03\x04 and then nothing", "half.zip": zipped(some())[:-30],
    })  # fmt: skip
    refused(tmp_path / "cat.png", places, "cat.png: this is one image")
    refused(tmp_path / "set.pkl", places, "set.pkl: this is a pickle, never opened")
    refused(tmp_path / "set.tar.gz", places, "this kind of archive is not read", "a folder or .zip")
    refused(tmp_path / "empty.zip", places, "empty.zip: this is none of what can be imported")
    refused(tmp_path / "set.zip", places, "set.zip: it is no whole .zip")
    refused(tmp_path / "half.zip", places, "half.zip: it is no whole .zip")
    refused(tmp_path / "absent", places, "there is nothing at")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_not_waited_for(folder: Path, places: Places) -> None:
    os.mkfifo(folder / "pipe.png")
    put(folder, some())
    refused(folder / "pipe.png", places, "this is no plain file")
    plan, _ = taken(folder, places)
    assert "Left out (no plain file): pipe.png." in plan.notes


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_not_followed_and_said(folder: Path, tmp_path: Path, places: Places) -> None:
    put(tmp_path / "elsewhere", {"secret.png": packed(noise(16, 16)), "more.png": packed(noise(16, 16))})
    put(folder, some())
    (folder / "link.png").symlink_to(tmp_path / "elsewhere" / "secret.png")
    (folder / "links").symlink_to(tmp_path / "elsewhere")
    (folder / "broken.png").symlink_to(tmp_path / "nowhere")
    (folder / "loop").symlink_to(folder)
    plan, images = taken(folder, places)
    assert len(images) == 3
    assert any(
        note.startswith("Left out (a link, which is not followed)")
        and all(name in note for name in ("link.png", "links", "broken.png", "loop"))
        for note in plan.notes
    )
    (tmp_path / "here").symlink_to(folder)
    assert inspect(tmp_path / "here").count == 3  # the folder given may itself be a link


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_not_utf8(folder: Path, places: Places) -> None:
    for kind in (b"caf\xe9", b"the\xff"):
        os.mkdir(os.path.join(os.fsencode(folder), kind))
        for i in range(2):
            with open(os.path.join(os.fsencode(folder), kind, b"%d\xe9.png" % i), "wb") as file:
                file.write(packed(noise(16, 16)))
    plan, images = taken(folder, places)
    assert plan.label_names == ("caf\ufffd", "the\ufffd")
    for text in (*plan.label_names, *(s.name for s in plan.samples), *images.label_names):
        text.encode("utf-8")
    np.testing.assert_array_equal(images.labels, [0, 0, 1, 1])


# -- archives that are refused


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../evil.png", "the path ../evil.png, which leads outside"),
        ("a/../../evil.png", "which leads outside"),
        ("..\\evil.png", "which leads outside"),
        ("/etc/evil.png", "the absolute path /etc/evil.png"),
        ("\\\\host\\evil.png", "the absolute path"),
        ("C:\\evil.png", "the absolute path C:/evil.png"),
        ("c:evil.png", "the absolute path c:evil.png"),
    ],
)
def test_paths_that_lead_outside(name: str, fault: str, places: Places, tmp_path: Path) -> None:
    refused(upload(zipped({**some(), name: packed(noise(16, 16))})), places, fault)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    ("kind", "fault"), [(stat.S_IFLNK, "a link, l.png"), (stat.S_IFIFO, "no plain file")]
)
def test_links_and_devices_in_a_zip(kind: int, fault: str, places: Places) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in some().items():
            archive.writestr(name, content)
        info = zipfile.ZipInfo("l.png")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(upload(data.getvalue()), places, fault)


def test_a_nested_zip_is_left_out_and_said(places: Places) -> None:
    inner = zipped(some())
    refused(upload(zipped({"inner.zip": inner})), places, "no image was found", "archive inside", "inner.zip")
    plan, images = taken(upload(zipped({**some(), "inner.zip": inner})), places)
    assert len(images) == 3
    assert any("inner.zip" in note for note in plan.notes)


def patched(data: bytes, name: bytes, local: int, central: int, value: bytes) -> bytes:
    """Overwrite a field of one member's local and central headers, at these offsets."""
    changed = bytearray(data)
    for signature, offset, name_at in ((b"PK\x03\x04", local, 30), (b"PK\x01\x02", central, 46)):
        at = changed.find(signature)
        while changed[at + name_at : at + name_at + len(name)] != name:
            at = changed.find(signature, at + 1)
        changed[at + offset : at + offset + len(value)] = value
    return bytes(changed)


def test_an_encrypted_zip(places: Places) -> None:
    data = patched(zipped(some()), b"1.png", 6, 8, b"\x01\x00")
    refused(upload(data), places, "the .zip is encrypted (1.png)", "without a password")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_cannot_be_counted(method: int, places: Places) -> None:
    refused(upload(zipped(some(), method)), places, "0.png is packed by", "only stored and deflated")


def test_a_bomb_is_counted_while_it_unpacks(places: Places) -> None:
    bomb = zipped({**some(), "bomb.png": bytes(8_000_000)})
    assert len(bomb) < 20_000
    refused(upload(bomb), places, "bomb.png is larger than 1.0 MB", budgets=Budgets(file_bytes=1_000_000))
    many = zipped({f"{i}.png": packed(np.zeros((200, 200), np.uint8)) + bytes(100_000) for i in range(20)})
    refused(
        upload(many), places, "it holds more than 1.0 MB unpacked", budgets=Budgets(total_bytes=1_000_000)
    )


def test_a_header_that_understates_is_not_believed(places: Places) -> None:
    data = zipped({**some(), "bomb.png": bytes(8_000_000)})
    small = patched(data, b"bomb.png", 22, 24, struct.pack("<I", 1_000))
    refused(upload(small), places, "bomb.png", budgets=Budgets(file_bytes=1_000_000))


def test_too_many_files(folder: Path, places: Places) -> None:
    put(folder, some(6))
    few = Budgets(files=5)
    refused(folder, places, "it holds more than 5 files", budgets=few)
    refused(upload(zipped(some(6))), places, "it holds more than 5 files", budgets=few)
    refused(upload(zipped({f"{i}.txt": b"" for i in range(6)})), places, "more than 5 files", budgets=few)


def test_a_folder_is_counted_too(folder: Path, places: Places) -> None:
    put(folder, {**some(), "big.png": packed(noise(16, 16)) + bytes(50_000)})
    refused(folder, places, "big.png is larger than 40.0 kB", budgets=Budgets(file_bytes=40_000))
    refused(folder, places, "it holds more than 20.0 kB unpacked", budgets=Budgets(total_bytes=20_000))


def test_a_damaged_member_is_named(places: Places) -> None:
    data = zipped({f"{i}.png": packed(noise(16, 16)) for i in range(3)}, zipfile.ZIP_STORED)
    at = data.find(b"IDAT", data.find(b"1.png")) + 20
    refused(
        upload(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]),
        places,
        "1.png cannot be unpacked",
        "CRC",
    )


def test_names_in_a_zip_that_are_not_ascii(places: Places) -> None:
    """UTF-8 without the flag that says so; an old code page; the flag over what is no UTF-8."""
    data = zipped({f"{kind}/{i}.png": packed(noise(16, 16)) for kind in ("cafXX", "theXX") for i in range(2)})
    plan, _ = taken(upload(data.replace(b"cafXX", "café".encode())), places, name="utf8")
    assert plan.label_names == ("café", "theXX")
    plan, _ = taken(upload(data.replace(b"cafXX", b"caf\x82X")), places, name="cp437")
    assert plan.label_names == ("caféX", "theXX")
    flagged = zipped({**some(), "éé.png": packed(noise(16, 16))})
    broken = flagged.replace("éé".encode(), b"\xff\xfe\xff\xfe")
    with pytest.raises(BadImages, match="claims to be UTF-8 and is not"):
        inspect(upload(broken))


# -- arrays that come in


@pytest.mark.parametrize("ending", ["npy", "npz"])
@pytest.mark.parametrize("as_upload", [False, True], ids=["path", "upload"])
def test_an_array_comes_back(ending: str, as_upload: bool, tmp_path: Path, places: Places) -> None:
    pictures = noise(20, 16, 16)
    path = tmp_path / f"a.{ending}"
    if ending == "npy":
        np.save(path, pictures)
    else:
        save(path, images=pictures, labels=np.arange(20) % 3 + 5)
    plan, images = taken(upload(path.read_bytes(), path.name) if as_upload else path, places)
    np.testing.assert_array_equal(images.images[:, 0], pictures)
    assert (plan.title, plan.kind, plan.count, plan.colour) == (path.name, "array", 20, False)
    if ending == "npz":
        assert images.label_names == ("5", "6", "7")
        np.testing.assert_array_equal(images.labels, np.arange(20) % 3)
        assert plan.samples[-1].label == "6"
    else:
        assert images.labels is None
    assert len(images.test) == 2  # a tenth, as of any source without a split


@pytest.mark.parametrize("shape", [(5, 16, 16, 3), (5, 3, 16, 16), (5, 16, 16, 1), (5, 1, 16, 16), (5, 256)])
def test_shapes(shape: tuple[int, ...], tmp_path: Path, places: Places) -> None:
    pictures = noise(*shape)
    np.save(tmp_path / "a.npy", pictures)
    _, images = taken(tmp_path / "a.npy", places)
    expected = pictures.transpose(0, 3, 1, 2) if shape[-1] in (1, 3) else pictures.reshape(5, -1, 16, 16)
    np.testing.assert_array_equal(images.images, expected)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_an_array_stored_by_columns(ending: str, tmp_path: Path, places: Places) -> None:
    pictures = noise(5, 16, 16, 3)
    by_columns = np.asfortranarray(pictures)
    if ending == "npy":
        np.save(tmp_path / "a.npy", by_columns)
    else:
        save(tmp_path / "a.npz", x=by_columns)
    _, images = taken(tmp_path / f"a.{ending}", places)
    np.testing.assert_array_equal(images.images, pictures.transpose(0, 3, 1, 2))
    refused(
        tmp_path / f"a.{ending}",
        dataclasses.replace(places, home=tmp_path / "other"),
        "has to be held at once",
        budgets=Budgets(memory_bytes=100),
    )


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "?"])
def test_types(dtype: str, tmp_path: Path, places: Places) -> None:
    pictures = (noise(4, 16, 16) > 127) if dtype == "?" else (noise(4, 16, 16) / 255).astype(dtype)
    np.save(tmp_path / "a.npy", pictures)
    _, images = taken(tmp_path / "a.npy", places)
    np.testing.assert_array_equal(images.images[:, 0], np.rint(pictures.astype("f4") * 255))


def test_uint8_of_zeros_and_ones_is_black_and_white(tmp_path: Path, places: Places) -> None:
    pictures = noise(4, 16, 16) // 128
    np.save(tmp_path / "a.npy", pictures)
    plan, images = taken(tmp_path / "a.npy", places)
    np.testing.assert_array_equal(images.images[:, 0], pictures * 255)
    assert "The values are only 0 and 1; 1 was made white." in plan.notes


def test_four_channels_are_laid_on_white(tmp_path: Path, places: Places) -> None:
    pictures = np.zeros((3, 16, 16, 4), np.uint8)
    pictures[:, :8] = (10, 20, 30, 255)
    np.save(tmp_path / "a.npy", pictures)
    plan, images = taken(tmp_path / "a.npy", places)
    np.testing.assert_array_equal(images.images[0, :, 0, 0], [10, 20, 30])
    np.testing.assert_array_equal(images.images[0, :, 15, 0], [255, 255, 255])
    assert any("RGBA" in note for note in plan.notes)


def test_28_by_28_arrays_are_framed_and_others_resized(tmp_path: Path, places: Places) -> None:
    pictures = noise(4, 784)
    np.save(tmp_path / "a.npy", pictures)
    plan, framed = taken(tmp_path / "a.npy", places, 32, name="framed")
    assert plan.side == 32
    np.testing.assert_array_equal(framed.images[:, 0, 2:30, 2:30].reshape(4, 784), pictures)
    _, larger = taken(tmp_path / "a.npy", places, 64, name="larger")
    expected = Image.fromarray(pictures[0].reshape(28, 28)).resize((64, 64), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(larger.images[0, 0], expected)


@pytest.mark.parametrize("key", ["images", "imgs", "x", "X", "data", "arr_0", "Images", "faces"])
def test_keys_of_images(key: str, tmp_path: Path, places: Places) -> None:
    pictures = noise(4, 16, 16)
    save(tmp_path / "a.npz", **{key: pictures, "weights": np.ones(4), "y": np.array(["b", "a", "b", "a"])})
    plan, images = taken(tmp_path / "a.npz", places)
    np.testing.assert_array_equal(images.images[:, 0], pictures)
    assert images.label_names == ("a", "b")
    np.testing.assert_array_equal(images.labels, [1, 0, 1, 0])
    assert (key == "faces") == any("taken from the array faces" in note for note in plan.notes)


def test_label_names_of_an_npz(tmp_path: Path, places: Places) -> None:
    save(
        tmp_path / "a.npz",
        images=noise(4, 16, 16),
        labels=np.array([[2], [0], [0], [2]]),
        classes=["x", "y", "z"],
    )
    _, images = taken(tmp_path / "a.npz", places)
    assert images.label_names == ("x", "y", "z")
    assert [images.label_of(i) for i in range(4)] == ["z", "x", "x", "z"]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (("x_train", "x_test"), ("y_train", "y_test")),
        (("train_images", "test_images"), ("train_labels", "test_labels")),
    ],
)
def test_its_own_test_split_never_trains(x, y, tmp_path: Path, places: Places) -> None:
    train, test = noise(6, 28, 28), noise(3, 28, 28)
    save(tmp_path / "a.npz", **{x[1]: test, y[1]: [9, 8, 9], x[0]: train, y[0]: [7] * 6})
    plan, images = taken(tmp_path / "a.npz", places, 32)
    assert len(images) == 9
    np.testing.assert_array_equal(images.test, [6, 7, 8])
    np.testing.assert_array_equal(images.images[6:, 0, 2:30, 2:30], test)
    assert [images.label_of(i) for i in (0, 6, 7)] == ["7", "9", "8"]
    assert "Its own test split of 3 images is kept." in plan.notes
    accept(plan, "fewer", places, side=32, limit=5)
    fewer = open_images("fewer", 32, places)
    held = {fewer.images[i].tobytes() for i in fewer.test}
    assert held == {images.images[i].tobytes() for i in (6, 7, 8)} & {
        image.tobytes() for image in fewer.images
    }


def test_a_subset_is_seeded(tmp_path: Path, places: Places) -> None:
    pictures = noise(50, 16, 16)
    save(tmp_path / "a.npz", images=pictures, labels=np.arange(50))
    _, one = taken(tmp_path / "a.npz", places, name="one", limit=10)
    _, two = taken(tmp_path / "a.npz", places, name="two", limit=10)
    assert one.fingerprint == two.fingerprint
    assert len(one) == 10
    for i in range(10):
        np.testing.assert_array_equal(one.images[i, 0], pictures[int(one.label_of(i))])
    assert any(note.startswith("10 of 50 images, drawn by the seed") for note in one.notes)
    _, all_of_them = taken(tmp_path / "a.npz", places, name="all", limit=99)
    assert len(all_of_them) == 50


class Bomb:
    """Whoever unpickles this makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def dsprites(path: Path, count: int = 40, **changes: Any) -> tuple[np.ndarray, np.ndarray]:
    """A few images in the layout of dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz, the pickle included."""
    pictures = noise(count, 64, 64) // 128
    classes = np.stack([np.zeros(count, int), *(np.arange(count) % n for n in (3, 6, 40, 32, 31))], axis=1)
    arrays = {
        "metadata": np.array({"harm": Bomb(path.parent / "ran")}, dtype=object),
        "imgs": pictures,
        "latents_classes": classes,
        "latents_values": classes * 0.5,
        "latents_bases": np.ones(6, int),
    }
    np.savez_compressed(path, **{**arrays, **changes})
    return pictures, classes


@pytest.mark.parametrize("limit", [0, 12])
def test_dsprites(limit: int, tmp_path: Path, places: Places) -> None:
    pictures, classes = dsprites(tmp_path / "dsprites.npz")
    plan, images = taken(tmp_path / "dsprites.npz", places, 64, limit=limit)
    assert (plan.count, plan.side, plan.colour) == (40, 64, False)
    assert images.factor_names == ("shape", "scale", "orientation", "x", "y")
    assert images.label_names == ("square", "ellipse", "heart")
    assert len(images) == (limit or 40)
    rows = [int(np.flatnonzero((classes[:, 1:] == row).all(axis=1))[0]) for row in images.factors]
    np.testing.assert_array_equal(images.images[:, 0], pictures[rows] * 255)
    np.testing.assert_array_equal(images.labels, images.factors[:, 0])
    assert not (tmp_path / "ran").exists()


def test_damaged_dsprites(tmp_path: Path, places: Places) -> None:
    path = tmp_path / "d.npz"
    dsprites(path, latents_classes=np.zeros((39, 6), int))
    refused(path, places, "latents_classes is int64 (39, 6), not whole numbers (40, 6)", side=64)
    dsprites(path, latents_classes=np.full((40, 6), 7))
    refused(path, places, "latents_classes names shapes from 7 to 7", side=64)


# -- arrays that are refused


@pytest.mark.parametrize(
    ("array", "parts"),
    [
        (noise(0, 16, 16), ("no image",)),
        (noise(1, 16, 16), ("one image", "at least 2")),
        (noise(16, 16, 3), ("(16, 16, 3)", "one colour image")),
        (noise(16), ("the shape (16,)",)),
        (noise(4, 4, 4), ("the shape (4, 4, 4)", "at least 8")),
        (noise(4, 16, 16, 5), ("the shape (4, 16, 16, 5)", "C 1, 3 or 4")),
        (noise(4, 200), ("the shape (4, 200)", "a square")),
        (noise(2, 2, 16, 16, 3), ("the shape (2, 2, 16, 16, 3)",)),
        (np.array(3.0), ("the shape ()",)),
        (noise(4, 16, 16).astype(np.int64), ("int64", "astype('uint8')")),
        (noise(4, 16, 16).astype(np.uint16), ("uint16", "0 to 255")),
        (noise(4, 16, 16).astype(np.complex64), ("complex64",)),
        (np.full((4, 16, 16), "x"), ("<U1",)),
        (noise(4, 16, 16) * 1.0, ("floats from 0 to 255", "divide by 255")),
        (np.linspace(-1, 1, 1024).reshape(4, 16, 16), ("floats from -1 to 1", "add 1 and halve")),
        (np.linspace(-9, 700, 1024).reshape(4, 16, 16), ("floats from -9 to 700", "scale")),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else "",
)
def test_wrong_arrays(array: np.ndarray, parts: tuple[str, ...], tmp_path: Path, places: Places) -> None:
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", places, "a.npy", *parts)
    save(tmp_path / "a.npz", images=array)
    refused(tmp_path / "a.npz", places, "a.npz: the array images", *parts)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity(wrong: float, tmp_path: Path, places: Places) -> None:
    array = np.zeros((2000, 16, 16), np.float32)
    array[1717, 3, 5] = wrong
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", places, "holds NaN or infinity, first in image 1717")


def test_images_of_unequal_sizes_and_pickles_in_arrays(tmp_path: Path, places: Places) -> None:
    ragged = np.empty(2, object)
    ragged[:] = [noise(16, 16), Bomb(tmp_path / "ran")]
    np.save(tmp_path / "a.npy", ragged, allow_pickle=True)
    refused(
        tmp_path / "a.npy", places, "a.npy holds Python objects, perhaps images of unequal sizes", "one size"
    )
    np.savez(tmp_path / "a.npz", images=ragged)
    refused(tmp_path / "a.npz", places, "the array images holds Python objects")
    np.savez(tmp_path / "b.npz", images=noise(2, 16, 16), labels=ragged)
    refused(tmp_path / "b.npz", places, "the array labels holds Python objects")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("labels", "part"),
    [
        (np.zeros(5, int), "4 images and the array labels 5 labels"),
        (np.zeros((4, 2), int), "(4, 2)"),
        (np.array(1), "0 labels"),
        (np.array([0.5, 1, 2, 3]), "float64"),
        (np.array([np.nan, 1, 2, 3]), "float64"),
        (np.zeros(4, "datetime64[s]"), "datetime64"),
    ],
)
def test_wrong_labels(labels: np.ndarray, part: str, tmp_path: Path, places: Places) -> None:
    save(tmp_path / "a.npz", images=noise(4, 16, 16), labels=labels)
    refused(tmp_path / "a.npz", places, "labels", part)


def test_too_many_different_labels_are_left_out(tmp_path: Path, places: Places) -> None:
    save(tmp_path / "a.npz", images=noise(1100, 8, 8), labels=np.arange(1100))
    plan, images = taken(tmp_path / "a.npz", places)
    assert images.labels is None
    assert any("1,100 different values" in note for note in plan.notes)


def test_an_npz_that_does_not_say_which(tmp_path: Path, places: Places) -> None:
    save(tmp_path / "a.npz", left=noise(4, 16, 16), right=noise(4, 16, 16))
    refused(
        tmp_path / "a.npz",
        places,
        "not plain which array holds the images",
        "left, right",
        "name that one 'images'",
    )
    save(tmp_path / "b.npz", weights=np.ones(3))
    refused(tmp_path / "b.npz", places, "it has weights")
    save(tmp_path / "c.npz", x_train=noise(4, 16, 16), x_test=noise(4, 20, 20))
    refused(tmp_path / "c.npz", places, "x_train and the array x_test hold images of different shapes")


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_arrays_that_end_early(ending: str, tmp_path: Path, places: Places) -> None:
    short = npy(noise(50, 16, 16))[:-300]
    if ending == "npz":
        short = zipped({"images.npy": short})
    (tmp_path / f"a.{ending}").write_bytes(short)
    refused(tmp_path / f"a.{ending}", places, "ends early: its header announces (50, 16, 16)")


@pytest.mark.parametrize("header", [
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000, 16, 16), }",
    "{'descr': '|u1', 'fortran_order': True, 'shape': (1000000000000000, 16, 16), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 300000, 300000), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 16, 16), }",
    "{'descr': '|U0', 'fortran_order': False, 'shape': (2, 16, 16), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2, 16, 16), }",
    "__import__('os').system('true')",
    "{", "(" * 500, "",
])  # fmt: skip
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_headers_that_lie(header: str, ending: str, tmp_path: Path, places: Places) -> None:
    text = header.encode() + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(100)
    (tmp_path / f"a.{ending}").write_bytes(data if ending == "npy" else zipped({"images.npy": data}))
    refused(tmp_path / f"a.{ending}", places, f"a.{ending}")


def test_labels_of_no_width_are_refused(places: Places) -> None:
    text = b"{'descr': '<U0', 'fortran_order': False, 'shape': (4,), }\n"
    labels = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    data = zipped({"images.npy": npy(noise(4, 16, 16)), "labels.npy": labels})
    refused(upload(data, "a.npz"), places, "the array labels announces <U0 (4,)")


def test_an_array_is_counted_while_it_unpacks(tmp_path: Path, places: Places) -> None:
    save(tmp_path / "a.npz", images=np.zeros((2000, 32, 32), np.uint8))
    refused(
        tmp_path / "a.npz",
        places,
        "2.0 MB",
        "the most one import may",
        budgets=Budgets(total_bytes=1_000_000),
    )
    save(tmp_path / "b.npz", images=noise(3, 16, 16), labels=np.array(["x" * 1000, "y", "z"]))
    refused(tmp_path / "b.npz", places, "labels takes 12.0 kB", budgets=Budgets(memory_bytes=5_000))


def test_a_source_that_changed_is_refused(tmp_path: Path, folder: Path, places: Places) -> None:
    path = save(tmp_path / "a.npz", images=noise(4, 16, 16))
    plan = inspect(path)
    save(path, images=np.full((4, 16, 16), np.nan))
    for act in (lambda: accept(plan, "mine", places, side=16), lambda: preview(plan, 16)):
        with pytest.raises(BadImages, match="has changed since it was looked at"):
            act()
    path.unlink()
    with pytest.raises(BadImages, match="has changed since it was looked at"):
        accept(plan, "mine", places, side=16)
    plan = inspect(put(folder, some()))
    (folder / "1.png").unlink()
    with pytest.raises(BadImages, match=r"1\.png cannot be opened"):
        accept(plan, "mine", places, side=16)
    assert not places.datasets.exists() or list(places.datasets.iterdir()) == []


# -- damage of every kind ends as BadImages


def sources() -> dict[str, bytes]:
    rng = np.random.default_rng(3)
    shades = rng.integers(0, 256, (4, 16, 16), np.uint8)
    arrays = io.BytesIO()
    np.savez_compressed(arrays, images=shades, labels=np.arange(4))
    files = {
        f"{i}.{kind.lower()}": packed(shades[0], kind)
        for i, kind in enumerate(("PNG", "JPEG", "GIF", "TIFF"))
    }
    return {
        "zip": zipped(files),
        "stored": zipped(files, zipfile.ZIP_STORED),
        "npz": arrays.getvalue(),
        "npy": npy(shades),
    }


SOURCES = sources()


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_any_damage_is_refused_or_harmless(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    outcomes = set()
    for i in range(150):
        data = np.frombuffer(SOURCES[kind], np.uint8).copy()
        spots = rng.integers(0, len(data), rng.integers(1, 5))
        data[spots] = rng.integers(0, 256, len(spots))
        if i % 3 == 0:
            data = data[: rng.integers(10, len(data))]
        places = Places(tmp_path / str(i), tmp_path)
        try:
            accept(inspect(upload(data.tobytes())), "mine", places, side=16)
            outcomes.add("harmless")
        except BadImages:
            outcomes.add("refused")
            assert not places.datasets.exists() or list(places.datasets.iterdir()) == []
    assert "refused" in outcomes


def test_two_imports_at_once_do_not_disturb_each_other(folder: Path, places: Places) -> None:
    put(folder, some(20))
    plan = inspect(upload(zipped({p.name: p.read_bytes() for p in folder.iterdir()})))
    other = inspect(folder)
    failures: list[Exception] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=run, args=(lambda: accept(plan, "one", places, side=16),)),
        threading.Thread(target=run, args=(lambda: accept(other, "two", places, side=32),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {spec.name for spec in list_specs(places)} >= {"one", "two"}


def test_to_square_handles_extreme_shapes() -> None:
    for shape in ((1, 500), (500, 1), (3, 2), (1, 1)):
        for fit in ("crop", "pad", "stretch"):
            assert to_square(np.full(shape, 77, np.uint8), 16, 1, fit).shape == (1, 16, 16)
