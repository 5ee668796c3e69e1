"""Pixels of a person's own images: values of more than 8 bits, transparency, broken files, masks, sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases.pixels import deep_files, drawings, masked, photograph, scraped, spots
from image_sources import packed, put, refused, save, taken
from PIL import Image

from vae_core.cli import main
from vae_core.data.user import accept, decode, inspect, preview
from vae_core.data.user.scale import Scale, Values
from vae_core.errors import BadConfig
from vae_core.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", tmp_path / "data")


# -- more than 8 bits


@pytest.mark.parametrize(
    ("low", "high", "dtype", "ending", "black", "white"),
    [
        (0, 4095, "u2", "tif", 0, 4095),  # a 12-bit detector
        (20, 3900, "u2", "png", 0, 3900),
        (30_000, 34_000, "u2", "tif", 30_000, 34_000),  # an offset
        (-1024, 3071, "i4", "tif", -1024, 3071),  # Hounsfield units
        (0.0, 0.05, "f4", "tif", 0.0, 0.05),
        (-2.0, 2.0, "f4", "tif", -2.0, 2.0),
        (0, 250, "u2", "png", 0, 255),  # 8 bits in a file of 16
        (0, 65535, "u2", "png", 0, 65535),
        (0, 40_000, "u2", "png", 0, 65535),  # dark, yet of the full range
    ],
)
def test_values_are_scaled_by_what_the_set_uses(
    low: float,
    high: float,
    dtype: str,
    ending: str,
    black: float,
    white: float,
    tmp_path: Path,
    places: Places,
) -> None:
    values, _ = spots(6, 16, low, high, dtype)
    plan, images = taken(deep_files(tmp_path / "set", values, ending), places)
    expected = np.rint((values.astype(float) - black) / (white - black) * 255)
    assert abs(images.images[:, 0] - expected).max() <= 1
    told = [note for note in plan.notes if note.startswith("The values lie between")]
    assert len(told) == (white not in (65535, 1.0))
    assert plan.notes == images.notes


def test_a_scale_can_be_chosen_and_is_shown(tmp_path: Path, places: Places) -> None:
    values, _ = spots(6, 16, 0, 4095)
    plan = inspect(deep_files(tmp_path / "set", values))
    np.testing.assert_array_equal(preview(plan, 16, scale="full")[:, 0], np.rint(values / 257))
    np.testing.assert_array_equal(
        preview(plan, 16, scale="1000:2000")[:, 0], np.rint(np.clip((values - 1000.0) / 1000, 0, 1) * 255)
    )
    assert preview(plan, 16, scale="used").max() == 255
    for wrong in ("bright", "5:1", "1:1", "1:", "..:3"):
        with pytest.raises(BadConfig, match="scale"):
            preview(plan, 16, scale=wrong)
    home = ["--home", str(places.home), "--name", "mine"]
    assert main(["data", "add", str(tmp_path / "set"), *home, "--scale", "0:2000"]) == 0


def test_hot_pixels_do_not_darken_the_set(tmp_path: Path, places: Places) -> None:
    values, _ = spots(6, 64, 100, 4000)
    values[2, 5, 5] = 65535
    plan, images = taken(deep_files(tmp_path / "set", values), places, 64)
    assert np.median(images.images[0, 0].max()) > 240
    assert any("What lies beyond is cut off." in note for note in plan.notes)


def test_a_constant_set_has_a_scale() -> None:
    for value in (0, 7, 300, 70_000, -5):
        values = Values()
        values.add(np.full((2, 8, 8), value))
        for choice in ("auto", "used", "full"):
            assert values.scale(choice).low < values.scale(choice).high


def test_a_scale_is_a_straight_line() -> None:
    assert Scale(0, 65535).apply(np.arange(65536)).tolist() == [round(v / 257) for v in range(65536)]
    np.testing.assert_array_equal(Scale(-1, 1).apply(np.array([-9.0, -1, 0, 1, 9])), [0, 0, 128, 255, 255])


def test_one_image_of_twelve_bits_is_looked_at_by_its_own_range() -> None:
    values, _ = spots(1, 16, 0, 4095)
    data = packed(Image.fromarray(values[0]), "TIFF")
    import io

    picture, notes = decode.read_picture(io.BytesIO(data), "x.tif")
    assert (picture.shape, picture.max()) == ((1, 16, 16), 255)
    assert any("4,095 white" in note for note in notes)


@pytest.mark.parametrize(
    ("array", "scaled"),
    [
        (lambda u: u * 1.0, lambda u: u),
        (lambda u: u / 127.5 - 1, lambda u: u),
        (lambda u: u.astype(np.int64), lambda u: u),
        (lambda u: u.astype(np.uint16) * 257, lambda u: u),
        (lambda u: u.astype(np.uint16) * 16, lambda u: u),
        (lambda u: u // 16, lambda u: np.rint(u // 16 * 17.0)),  # 16 shades, as scikit-learn's digits have
        (lambda u: np.minimum(u, 100), lambda u: np.minimum(u, 100)),  # dark, yet 8 bits
    ],
    ids=["floats to 255", "-1 to 1", "int64", "uint16", "12 bits", "4 bits", "dark"],
)
def test_arrays_of_other_ranges_come_in(array, scaled, tmp_path: Path, places: Places) -> None:
    shades = np.random.default_rng(0).integers(0, 256, (20, 16, 16), np.uint8)
    shades[0, 0, :2] = 0, 255
    _, images = taken(save(tmp_path / "a.npz", images=array(shades)), places)
    assert abs(images.images[:, 0].astype(float) - scaled(shades)).max() <= 1


# -- transparency


@pytest.mark.parametrize(
    ("inks", "ground"),
    [
        ([(255, 255, 255)] * 6, "black"),
        ([(250, 250, 240)] * 6, "black"),
        ([(0, 0, 0)] * 6, "white"),
        ([(200, 30, 30), (30, 200, 30), (0, 0, 0)] * 2, "white"),
        ([(255, 255, 255), (0, 0, 0)] * 3, "grey"),
    ],
)
def test_drawings_are_laid_on_a_ground_where_they_are_seen(
    inks: list[tuple[int, int, int]], ground: str, tmp_path: Path, places: Places
) -> None:
    plan, images = taken(drawings(tmp_path / "set", inks), places, 32)
    assert set(images.images[:, :, 0, 0].flat) == {{"white": 255, "black": 0, "grey": 128}[ground]}
    assert (abs(images.images[:, :, 16, 16].astype(int) - images.images[:, :, 0, 0]).max(1) > 60).all()
    assert f"6 images with transparency: laid on {ground}." in plan.notes
    assert any("hardly anything would be seen" in note for note in plan.notes) == (ground != "white")
    assert (preview(plan, 32, ground="white")[:, :, 0, 0] == 255).all()


def test_white_rgba_arrays_are_seen_too(tmp_path: Path, places: Places) -> None:
    pictures = np.zeros((3, 16, 16, 4), np.uint8)
    pictures[:, :8] = 255
    plan, images = taken(save(tmp_path / "a.npz", images=pictures), places)
    assert (images.images[0, 0, 0, 0], images.images[0, 0, 15, 0]) == (255, 0)
    assert any("laid on black" in note for note in plan.notes)


# -- broken files


def test_every_broken_file_is_counted_and_named(tmp_path: Path, places: Places) -> None:
    source, broken = scraped(tmp_path / "set")
    plan = inspect(source)
    assert (plan.count, [fault.name for fault in plan.broken]) == (38, broken)
    refused(
        source,
        places,
        "4 image files cannot be read",
        "404.jpg is a web page",
        "empty.jpg is empty",
        "8.jpg, 22.jpg each is cut short",
    )
    _, images = taken(source, places, 64, skip_broken=True)
    assert len(images) == 38
    assert not set(images.names or ()) & set(broken)
    assert "Left out (broken): 8.jpg, 22.jpg, 404.jpg, empty.jpg." in images.notes


def test_what_breaks_only_when_it_is_decoded_can_be_skipped(tmp_path: Path, places: Places) -> None:
    """A PNG with a whole end and a damaged middle, which no sample shows."""
    files = {f"{i:02}.png": photograph(i, "PNG") for i in range(40)}
    for name in ("03.png", "12.png"):
        data = bytearray(files[name])
        data[len(data) // 2] ^= 255
        files[name] = bytes(data)
    source = put(tmp_path / "set", files)
    assert inspect(source).broken == ()
    refused(source, places, "2 image files cannot be read: 03.png", "12.png")
    _, images = taken(source, places, 64, skip_broken=True)
    assert len(images) == 38
    assert "Left out (broken): 03.png, 12.png." in images.notes
    clean, _ = taken(
        put(tmp_path / "good", {k: v for k, v in files.items() if k not in ("03.png", "12.png")}),
        places,
        64,
        name="good",
    )
    assert clean.count == 38


def test_a_set_of_broken_files_alone_is_refused(tmp_path: Path, places: Places) -> None:
    source = put(tmp_path / "set", {f"{i}.png": b"" for i in range(3)})
    refused(
        source, places, "3 image files cannot be read: 0.png, 1.png, 2.png each is empty", skip_broken=True
    )


# -- masks, formats, sides


@pytest.mark.parametrize("masks", ["masks", "annotations", "thumbnails", "GT"])
def test_masks_that_became_a_class_are_told_and_can_be_left_out(
    masks: str, tmp_path: Path, places: Places
) -> None:
    source = masked(tmp_path / "set", masks=masks)
    plan, images = taken(source, places, 32)
    assert (len(images), plan.side_folders) == (20, (masks,))
    assert any(note.startswith(f"The folder {masks} became a class") for note in images.notes)
    _, alone = taken(source, places, 32, name="alone", leave_out=(masks,))
    assert (len(alone), alone.labels) == (10, None)
    assert f"Left out (by choice): 10 images in {masks}." in alone.notes
    with pytest.raises(BadConfig, match="there is no folder 'mask'; there are"):
        accept(plan, "no", places, leave_out=("mask",))


def test_folders_of_other_names_are_no_masks(tmp_path: Path) -> None:
    assert inspect(masked(tmp_path / "set", "cats", "dogs")).side_folders == ()


@pytest.mark.skipif("AVIF" not in decode.formats(), reason="this Pillow was built without AVIF")
def test_avif_is_read(tmp_path: Path, places: Places) -> None:
    source = put(
        tmp_path / "set", {f"{i}.avif": packed(np.full((32, 32, 3), 90, np.uint8), "AVIF") for i in range(3)}
    )
    _, images = taken(source, places, 32)
    assert abs(images.images.astype(int) - 90).max() <= 4


def test_heic_is_read_or_says_what_reads_it(tmp_path: Path, places: Places) -> None:
    heic = b"\0\0\0\x18ftypheic" + bytes(100)
    source = put(
        tmp_path / "set",
        {f"{i}.png": packed(np.zeros((16, 16), np.uint8)) for i in range(2)} | {"a.HEIC": heic},
    )
    if "HEIF" in decode.formats():
        refused(source, places, "a.HEIC")
    else:
        assert (
            "Left out (HEIC, which `pip install 'latent-explorer[heic]'` lets be read): a.HEIC."
            in inspect(source).notes
        )
        put(tmp_path / "set", {"b.jpg": heic})
        refused(source, places, "b.jpg is a HEIC photograph; `pip install 'latent-explorer[heic]'`")


@pytest.mark.parametrize(
    ("side", "suits"),
    [(14, 16), (24, 16), (27, 16), (28, 32), (30, 32), (31, 32), (55, 32), (56, 64), (63, 64), (400, 64)],
)
def test_a_side_just_below_goes_up(side: int, suits: int, tmp_path: Path) -> None:
    source = put(
        tmp_path / "set", {f"{i}.png": packed(np.zeros((side, side + 9), np.uint8)) for i in range(2)}
    )
    assert inspect(source).side == suits
