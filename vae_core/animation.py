"""Export a path through the latent space: its frames as GIF, MP4, one strip or a .zip of PNGs, its codes as .npz.

Arrays in, bytes out. `frames` are uint8 (S, C, H, H), C 1 or 3. `size` is the pixels on a side of what comes out, by
repeating each pixel; frames are never made smaller than they are.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vae_core.data.imageset import Progress, silent
from vae_core.errors import BadCodes, BadConfig, MissingPackage
from vae_core.pictures import encode_png, enlarge_to, png_zip, shared_palette, with_palette
from vae_core.words import counted

if TYPE_CHECKING:
    from PIL import Image

MOST_SIZE = 2048
MOST_BYTES = 600_000_000  # of all enlarged frames: they are in memory for a GIF or a strip
CODES_FORMAT = 1
NO_FFMPEG = (
    "writing MP4 needs ffmpeg, and imageio-ffmpeg ships none for this platform: install ffmpeg on the path, or save a "
    "GIF instead"
)


def gif(frames: np.ndarray, *, size: int = 256, fps: float = 20, progress: Progress = silent) -> bytes:
    """An endless GIF. A GIF counts in hundredths of a second: `fps` is met as nearly as that allows."""
    frames = _checked(frames, size, fps)
    palette = shared_palette(frames)

    def made_one_by_one() -> Iterator[Image.Image]:
        for i, frame in enumerate(frames):
            yield with_palette(enlarge_to(frame[None], size)[0], palette)
            progress((i + 1) / len(frames), f"{i + 1} of {len(frames)} frames")

    buffer, made = io.BytesIO(), made_one_by_one()
    next(made).save(
        buffer, "GIF", save_all=True, append_images=made, duration=10 * max(2, round(100 / fps)), loop=0,
        optimize=False,
    )  # fmt: skip
    return buffer.getvalue()


def ffmpeg() -> str | None:
    """The ffmpeg to run, or None: the one IMAGEIO_FFMPEG_EXE names, the one imageio-ffmpeg ships, or the system's.

    imageio-ffmpeg ships one for every usual platform, so None is for the unusual ones.
    """
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None


def mp4(frames: np.ndarray, *, size: int = 256, fps: float = 20, progress: Progress = silent) -> bytes:
    """H.264 in MP4 (yuv420p, which every player shows; it needs even sides, so an odd `size` gains a pixel).

    Raises MissingPackage when there is no ffmpeg or it cannot write H.264.
    """
    frames = _checked(frames, size, fps)
    program = ffmpeg()
    if program is None:
        raise MissingPackage(NO_FFMPEG)
    side = max(size, frames.shape[2])
    side += side % 2
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        target = Path(folder) / "path.mp4"
        command = [
            program, "-nostdin", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{side}x{side}",
            "-r", f"{fps:g}", "-i", "pipe:0", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18",
            "-movflags", "+faststart", str(target),
        ]  # fmt: skip
        # its complaints go to a file: a full pipe that nobody reads would stop it
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as process:
            assert process.stdin is not None
            try:
                for i, frame in enumerate(frames):
                    rgb = np.broadcast_to(enlarge_to(frame[None], side)[0], (3, side, side))
                    process.stdin.write(rgb.transpose(1, 2, 0).tobytes())
                    progress((i + 1) / len(frames), f"{i + 1} of {len(frames)} frames")
                process.stdin.close()
            except BrokenPipeError:  # it ended early and says below why
                with contextlib.suppress(OSError):
                    process.stdin.close()
            except BaseException:
                process.kill()
                raise
            code = process.wait()
        if code == 0 and target.exists():
            return target.read_bytes()
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines() or [f"it ended with {code}"]
    raise MissingPackage(f"ffmpeg could not write the video ({said[-1].strip()}): save a GIF instead")


def png_strip(frames: np.ndarray, *, size: int = 64, gap: int = 2, progress: Progress = silent) -> bytes:
    """One PNG with the frames in a row, `gap` white pixels between them."""
    frames = _checked(frames, size)
    if not 0 <= gap <= MOST_SIZE:
        raise BadConfig(f"a gap is 0 to {MOST_SIZE} pixels wide, got {gap}")
    count, channels, _, side = frames.shape
    side = max(size, side)
    strip = np.full((channels, side, count * (side + gap) - gap), 255, np.uint8)
    for i, frame in enumerate(frames):
        strip[:, :, i * (side + gap) : i * (side + gap) + side] = enlarge_to(frame[None], size)[0]
        # compressing the whole takes about as long as laying it out
        progress((i + 1) / (2 * count), f"{i + 1} of {count} frames")
    found = encode_png(strip)
    progress(1.0, f"{len(found) / 1e6:.1f} MB")
    return found


def zip_of_frames(frames: np.ndarray, *, size: int = 256, progress: Progress = silent) -> bytes:
    """A .zip of 000.png, 001.png ..."""
    frames = _checked(frames, size)
    digits = max(3, len(str(len(frames) - 1)))

    def files() -> Iterator[tuple[str, np.ndarray]]:
        for i, frame in enumerate(frames):
            yield f"{i:0{digits}}.png", enlarge_to(frame[None], size)[0]
            progress((i + 1) / len(frames), f"{i + 1} of {len(frames)} frames")

    return png_zip(files())


def npz_of(
    codes: np.ndarray, t: np.ndarray, waypoints: np.ndarray, kind: str, *, progress: Progress = silent
) -> bytes:
    """An .npz that reads with allow_pickle=False: codes (S, D), t (S,), stations (K, D), kind, format.

    The file calls the waypoints `stations`. Raises BadCodes when the shapes do not fit each other.
    """
    codes, t, waypoints = np.asarray(codes), np.asarray(t), np.asarray(waypoints)
    if (
        codes.ndim != 2
        or t.shape != codes.shape[:1]
        or waypoints.ndim != 2
        or waypoints.shape[1] != codes.shape[1]
    ):
        raise BadCodes(
            f"codes (S, D), t (S,) and waypoints (K, D) are expected, got {codes.shape}, {t.shape}, {waypoints.shape}"
        )
    if any(array.dtype.kind not in "fiu" for array in (codes, t, waypoints)):
        raise BadCodes("codes, t and waypoints are expected as numbers")
    buffer = io.BytesIO()
    progress(0.0, f"writing {counted(len(codes), 'code')}")
    np.savez_compressed(
        buffer, format=np.array(CODES_FORMAT), kind=np.array(str(kind)), codes=codes, t=t, stations=waypoints
    )
    progress(1.0, counted(len(codes), "code"))
    return buffer.getvalue()


def _checked(frames: np.ndarray, size: int, fps: float = 20) -> np.ndarray:
    frames = np.asarray(frames)
    fits = frames.ndim == 4 and frames.shape[1] in (1, 3) and frames.shape[2] == frames.shape[3]
    if not fits or frames.dtype != np.uint8 or 0 in frames.shape:
        raise BadCodes(
            f"frames are expected as uint8 (S, 1 or 3, side, side), got {frames.dtype} {frames.shape}"
        )
    if not 1 <= size <= MOST_SIZE:
        raise BadConfig(f"a frame is 1 to {MOST_SIZE} pixels on a side, got {size}")
    if not 1 <= fps <= 60:
        raise BadConfig(f"a film has 1 to 60 frames a second, got {fps:g}")
    weight = len(frames) * frames.shape[1] * max(size, frames.shape[2]) ** 2
    if weight > MOST_BYTES:
        raise BadConfig(
            f"{len(frames)} frames of {size} pixels take {weight / 1e6:,.0f} MB: choose a smaller size or fewer frames"
        )
    return frames
