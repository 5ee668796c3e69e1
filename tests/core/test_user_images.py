"""Importing image files: what comes in as expected."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from image_sources import noise, packed, put, refused, some, taken, upload, zipped
from PIL import Image

from vae_core.data import find_spec, list_specs, open_images
from vae_core.data.user import accept, crop_box, inspect, preview, remove
from vae_core.errors import BadConfig, BadName, UnknownDataset
from vae_core.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


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


def test_nan_in_a_tiff_is_named(folder: Path, places: Places) -> None:
    put(folder, {**some(), "far.tiff": packed(Image.new("F", (16, 16), float("nan")), "TIFF")})
    refused(folder, places, "far.tiff holds NaN or infinity")
