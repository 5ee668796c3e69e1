import base64
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_core import pictures

RNG = np.random.default_rng(0)


def test_pictures_are_cut_as_they_were_laid():
    for channels in (1, 3):
        images = RNG.integers(0, 256, (5, channels, 8, 8)).astype(np.uint8)
        assert np.array_equal(pictures.cut_strip(pictures.sheet(images[None]), (channels, 8, 8)), images)


def test_enlarging_repeats_pixels():
    image = RNG.integers(0, 256, (1, 16, 16)).astype(np.uint8)
    with Image.open(io.BytesIO(pictures.png(image, 256))) as big:
        assert big.size == (256, 256)
        assert np.array_equal(np.asarray(big)[::16, ::16], image[0])


def test_pictures_are_enlarged_by_whole_pixels():
    frames = np.arange(4, dtype=np.uint8).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(
        pictures.enlarge(frames, 5)[0, 0], np.repeat(np.repeat([[0, 1], [2, 3]], 3, 0), 3, 1)
    )
    assert pictures.enlarge(np.zeros((2, 3, 64, 64), np.uint8), 32).shape == (2, 3, 64, 64)


def test_an_exact_size_repeats_pixels_as_evenly_as_it_can():
    image = np.arange(9, dtype=np.uint8).reshape(1, 1, 3, 3)
    found = pictures.enlarge_to(image, 7)[0, 0]
    columns = [0, 0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(found, image[0, 0][np.ix_(columns, columns)])
    np.testing.assert_array_equal(pictures.enlarge_to(image, 2), image)  # never smaller


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_lays_rows_below_each_other_with_white_between(channels):
    rows = RNG.integers(0, 255, (2, 3, channels, 4, 4)).astype(np.uint8)
    with Image.open(io.BytesIO(pictures.grid(rows, size=8, gap=2))) as image:
        assert image.mode == ("L" if channels == 1 else "RGB")
        found = np.asarray(image).reshape(20, 30, channels)
    for r in range(2):
        for s in range(3):
            part = found[10 * r : 10 * r + 10, 10 * s : 10 * s + 10]
            expected = rows[r, s].transpose(1, 2, 0).repeat(2, 0).repeat(2, 1)
            np.testing.assert_array_equal(part[:8, :8], expected)
            assert (part[8:] == 255).all()
            assert (part[:, 8:] == 255).all()


def test_fewer_colours_take_fewer_bytes_and_grey_is_left_alone():
    across = np.linspace(20, 235, 128)
    ramps = np.stack(np.broadcast_arrays(across, across[:, None], across[::-1]))
    noisy = (ramps + RNG.integers(-8, 9, ramps.shape)).astype(np.uint8)
    coloured = pictures.encode_png(noisy)
    small = pictures.fewer_colours(coloured)
    assert len(small) < len(coloured) / 2
    with Image.open(io.BytesIO(coloured)) as before, Image.open(io.BytesIO(small)) as after:
        away = np.abs(np.asarray(before).astype(int) - np.asarray(after.convert("RGB")))
        assert len(after.convert("RGB").getcolors()) <= 256
    assert away.mean() < 12
    grey = pictures.encode_png(noisy[:1])
    assert pictures.fewer_colours(grey) is grey


def test_a_data_url_holds_the_picture():
    png = pictures.encode_png(np.zeros((1, 2, 2), np.uint8))
    head, body = pictures.data_url(png).split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == png


def test_a_fine_picture_is_left_to_who_shows_it_by_the_rule_that_the_pages_scripts_have():
    fine, small = np.zeros((3, pictures.FINE, 80), np.uint8), np.zeros((1, pictures.FINE - 1, 80), np.uint8)
    for image, width in ((fine, 80), (small, 320)):
        with Image.open(io.BytesIO(pictures.png(image, 256))) as shown:
            assert shown.width == width
    script = Path(__file__).parents[2] / "app" / "components" / "shared" / "enlarging.js"
    assert re.findall(r"FINE = (\d+)", script.read_text()) == [str(pictures.FINE)]


def test_a_zip_holds_images_as_they_are_and_the_same_bytes_each_time():
    images = RNG.integers(0, 256, (2, 3, 8, 8)).astype(np.uint8)
    files = [("a/1.png", images[0]), ("a/2.png", images[1]), ("a.csv", b"x,y")]
    packed = pictures.png_zip(iter(files))
    assert pictures.png_zip(files) == packed
    with zipfile.ZipFile(io.BytesIO(packed)) as zipped:
        assert zipped.namelist() == [name for name, _ in files]
        assert {info.external_attr >> 16 for info in zipped.infolist()} == {0o644}, "unpacked, it can be read"
        assert zipped.read("a.csv") == b"x,y"
        with zipped.open("a/2.png") as file:
            np.testing.assert_array_equal(np.asarray(Image.open(file)), images[1].transpose(1, 2, 0))
