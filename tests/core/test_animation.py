import io
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image, ImageSequence

from vae_core import animation
from vae_core.errors import BadCodes, BadConfig, MissingPackage


def frames_of(count=5, channels=1, side=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, channels, side, side)).astype(np.uint8)


def opened(data):
    return Image.open(io.BytesIO(data))


def planes(image):
    """A Pillow image -> uint8 (C, H, W)."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@pytest.mark.parametrize("size", [8, 24])
def test_a_grey_gif_holds_the_frames_pixel_for_pixel(size):
    frames = frames_of()
    told = []
    found = opened(animation.gif(frames, size=size, fps=10, progress=lambda share, what: told.append(share)))
    shown = [planes(frame.convert("L")) for frame in ImageSequence.Iterator(found)]
    assert len(shown) == 5
    for picture, frame in zip(shown, frames, strict=True):
        np.testing.assert_array_equal(picture, frame.repeat(size // 8, 1).repeat(size // 8, 2))
    assert found.info["duration"] == 100
    assert found.info["loop"] == 0
    assert told == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_every_form_tells_how_far_it_is():
    frames, codes = frames_of(4), np.zeros((4, 2))
    for write in (animation.gif, animation.png_strip, animation.zip_of_frames):
        told = []
        write(frames, size=16, progress=lambda share, what, told=told: told.append(share))
        assert told == sorted(told)
        assert told[-1] == 1.0
        assert len(told) >= 4
    told = []
    animation.npz_of(codes, np.zeros(4), codes, "linear", progress=lambda share, what: told.append(share))
    assert told == [0.0, 1.0]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_shows_every_frame_at_its_size_and_pace(channels):
    frames = np.zeros((12, channels, 16, 16), np.uint8)
    for i in range(12):
        frames[i, :, i, :] = 255  # a line that wanders down
    image = opened(animation.gif(frames, fps=12.5, size=64))
    assert (image.n_frames, image.size, image.info["loop"], image.info["duration"]) == (12, (64, 64), 0, 80)
    for i in range(12):
        image.seek(i)
        picture = np.asarray(image.convert("RGB"))
        assert (picture[4 * i : 4 * i + 4] == 255).all()
        assert picture.mean() == pytest.approx(255 / 16, abs=0.5)


def test_colours_survive_the_palette():
    frames = np.zeros((3, 3, 16, 16), np.uint8)
    for i in range(3):
        frames[i, i] = 255
    image = opened(animation.gif(frames, size=16))
    for i in range(3):
        image.seek(i)
        colour = np.asarray(image.convert("RGB"))[8, 8]
        assert colour.argmax() == i
        assert colour.max() > 200
        assert np.delete(colour, i).max() < 60


def test_a_coloured_gif_comes_close():
    flat = np.broadcast_to(np.array([[250, 10, 10], [10, 10, 250]], np.uint8)[:, :, None, None], (2, 3, 8, 8))
    found = opened(animation.gif(flat, size=16, fps=60))
    for frame, colour in zip(ImageSequence.Iterator(found), flat[:, :, 0, 0], strict=True):
        assert np.abs(np.asarray(frame.convert("RGB"))[3, 3].astype(int) - colour).max() <= 8


@pytest.mark.parametrize("channels", [1, 3])
def test_a_strip_has_the_frames_in_a_row_with_gaps_between(channels):
    frames = frames_of(4, channels)
    strip = planes(opened(animation.png_strip(frames, size=16, gap=3)))
    assert strip.shape == (channels, 16, 4 * 16 + 3 * 3)
    for i, frame in enumerate(frames):
        start = i * 19
        np.testing.assert_array_equal(strip[:, :, start : start + 16], frame.repeat(2, 1).repeat(2, 2))
        np.testing.assert_array_equal(strip[:, :, start + 16 : start + 19], 255)


def test_a_side_that_is_no_multiple_is_met_by_the_nearest_pixels():
    frames = np.array([[[[0, 255], [255, 0]]]], np.uint8)
    strip = planes(opened(animation.png_strip(frames, size=5)))[0]
    assert strip.shape == (5, 5)
    assert strip[0].tolist() in ([0, 0, 255, 255, 255], [0, 0, 0, 255, 255])
    assert planes(opened(animation.png_strip(frames_of(1, side=32), size=5))).shape == (1, 32, 32)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_zip_has_a_numbered_png_per_frame(channels):
    frames = frames_of(12, channels)
    told = []
    data = animation.zip_of_frames(frames, size=16, progress=lambda share, what: told.append(share))
    with zipfile.ZipFile(io.BytesIO(data)) as zf:
        assert zf.testzip() is None
        assert zf.namelist() == [f"{i:03}.png" for i in range(12)]
        for name, frame in zip(zf.namelist(), frames, strict=True):
            np.testing.assert_array_equal(planes(opened(zf.read(name))), frame.repeat(2, 1).repeat(2, 2))
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_codes_read_back_without_pickles():
    codes, t, waypoints = (
        np.random.default_rng(0).random((5, 3)),
        np.linspace(0, 1, 5),
        np.ones((2, 3), np.float32),
    )
    with np.load(io.BytesIO(animation.npz_of(codes, t, waypoints, "spherical")), allow_pickle=False) as npz:
        np.testing.assert_array_equal(npz["codes"], codes)
        np.testing.assert_array_equal(npz["t"], t)
        np.testing.assert_array_equal(npz["stations"], waypoints)
        assert str(npz["kind"]) == "spherical"
        assert int(npz["format"]) == 1


@pytest.mark.parametrize(
    ("codes", "t", "waypoints"),
    [
        (np.zeros((5, 3)), np.zeros(4), np.zeros((2, 3))),
        (np.zeros((5, 3)), np.zeros(5), np.zeros((2, 4))),
        (np.zeros(5), np.zeros(5), np.zeros((2, 5))),
        (np.zeros((5, 3), object), np.zeros(5), np.zeros((2, 3))),
    ],
)
def test_codes_that_do_not_fit_are_not_written(codes, t, waypoints):
    with pytest.raises(BadCodes, match="are expected"):
        animation.npz_of(codes, t, waypoints, "linear")


@pytest.mark.parametrize(
    "write", [animation.gif, animation.png_strip, animation.zip_of_frames, animation.mp4]
)
@pytest.mark.parametrize(
    ("frames", "size", "error", "said"),
    [
        (np.zeros((2, 1, 8, 8)), 16, BadCodes, "uint8"),
        (np.zeros((2, 8, 8), np.uint8), 16, BadCodes, "uint8"),
        (np.zeros((2, 2, 8, 8), np.uint8), 16, BadCodes, "1 or 3"),
        (np.zeros((2, 1, 8, 9), np.uint8), 16, BadCodes, "side, side"),
        (np.zeros((0, 1, 8, 8), np.uint8), 16, BadCodes, "uint8"),
        (np.zeros((2, 1, 8, 8), np.uint8), 0, BadConfig, "1 to 2048 pixels"),
        (np.zeros((2, 1, 8, 8), np.uint8), 4096, BadConfig, "1 to 2048 pixels"),
        (np.zeros((200, 3, 8, 8), np.uint8), 2000, BadConfig, "smaller size or fewer frames"),
    ],
)
def test_what_cannot_be_a_film_is_refused(write, frames, size, error, said):
    with pytest.raises(error, match=said):
        write(frames, size=size)


@pytest.mark.parametrize("write", [animation.gif, animation.mp4])
@pytest.mark.parametrize("fps", [0, 61, float("nan")])
def test_a_film_has_1_to_60_frames_a_second(write, fps):
    with pytest.raises(BadConfig, match="1 to 60 frames a second"):
        write(frames_of(), fps=fps)


def test_ffmpeg_comes_with_the_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    imageio_ffmpeg._utils._get_ffmpeg_exe.cache_clear()
    assert Path(animation.ffmpeg()).parent.parent == Path(imageio_ffmpeg.__file__).parent


def test_where_no_ffmpeg_is_shipped_there_is_no_mp4(monkeypatch):
    monkeypatch.setattr(
        imageio_ffmpeg._utils, "_get_ffmpeg_exe", lambda: None
    )  # as on a platform without one
    assert animation.ffmpeg() is None
    with pytest.raises(MissingPackage, match="install ffmpeg on the path, or save a GIF"):
        animation.mp4(frames_of())


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """A program in place of ffmpeg, run by this Python."""

    def write(body):
        program = tmp_path / "ffmpeg"
        program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))

    return write


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for ffmpeg is a script")
@pytest.mark.parametrize("read", ["sys.stdin.buffer.read()", ""])
def test_what_ffmpeg_complains_of_is_said_in_one_sentence(stand_in, read):
    stand_in(f"{read}\nprint('first\\nUnknown encoder libx264', file=sys.stderr)\nsys.exit(1)")
    with pytest.raises(
        MissingPackage, match=r"^ffmpeg could not write the video \(Unknown encoder libx264\)"
    ):
        animation.mp4(frames_of(40, 3), size=256)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for ffmpeg is a script")
def test_ffmpeg_is_given_every_frame_as_raw_rgb_of_an_even_side(stand_in):
    stand_in(
        "open(sys.argv[-1], 'wb').write(' '.join(sys.argv).encode() + b'|' + sys.stdin.buffer.read())",
    )
    frames, told = frames_of(3, side=5), []
    data = animation.mp4(frames, size=10, fps=25, progress=lambda share, what: told.append(share))
    command, raw = data.split(b"|", 1)
    assert b"-s 10x10 -r 25" in command
    given = np.frombuffer(raw, np.uint8).reshape(3, 10, 10, 3)
    np.testing.assert_array_equal(given[..., 2], frames[:, 0].repeat(2, 1).repeat(2, 2))
    assert told[-1] == 1.0
    assert b"-s 8x8 " in animation.mp4(frames_of(1, side=7), size=1).split(b"|", 1)[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_an_mp4_plays_back_as_many_frames_of_much_the_same_look(channels, tmp_path):
    greys = np.linspace(30, 220, 6).astype(np.uint8)
    frames = np.broadcast_to(greys[:, None, None, None], (6, channels, 8, 8)).copy()
    film = tmp_path / "film.mp4"
    film.write_bytes(animation.mp4(frames, size=33, fps=12))
    command = [
        animation.ffmpeg(),
        "-loglevel",
        "error",
        "-i",
        str(film),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    shown = np.frombuffer(raw, np.uint8).reshape(6, 34, 34, 3)
    assert np.abs(shown.mean((1, 2, 3)) - greys).max() < 4
