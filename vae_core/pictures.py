"""Images as pictures to show or to keep: PNG, strips, grids, enlarging by repeated pixels. Arrays in, bytes out.

An image is uint8 (C, H, W), C 1 (grey) or 3 (RGB). Nothing here is ever made smaller, and nothing is blurred: a
pixel of a model stays a square of one colour.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

DATED = (2000, 1, 1, 0, 0, 0)  # of every file in a .zip, so that the same images give the same bytes
FINE = 64  # pixels a side from which a picture is enlarged smoothly; app/components/shared/enlarging.js has it too


def enlarge(images: np.ndarray, size: int = 256) -> np.ndarray:
    """Repeat every pixel equally often until the width is at least `size`: (N, C, H, W) -> (N, C, kH, kW)."""
    times = max(1, -(-size // images.shape[3]))
    return images.repeat(times, 2).repeat(times, 3)


def enlarge_to(images: np.ndarray, size: int) -> np.ndarray:
    """Repeat pixels to exactly `size` on a side: (N, C, H, H) -> (N, C, size, size).

    Where `size` is no multiple of H, some pixels are repeated once more than others. A `size` below H is taken as H.
    """
    side = images.shape[2]
    size = max(size, side)
    source = np.arange(size) * side // size
    return images[:, :, source[:, None], source]


def to_pillow(image: np.ndarray) -> Image.Image:
    """uint8 (C, H, W) as Pillow's L or RGB image."""
    from PIL import Image

    return Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))


def encode_png(image: np.ndarray) -> bytes:
    """uint8 (C, H, W) as a PNG of that very size."""
    buffer = io.BytesIO()
    to_pillow(image).save(buffer, "PNG")
    return buffer.getvalue()


def png(image: np.ndarray, size: int = 256) -> bytes:
    """One image (C, H, W) as a PNG at least `size` wide; a FINE one as it is, since who shows it enlarges it as asked for."""
    return encode_png(image if min(image.shape[1:]) >= FINE else enlarge(image[None], size)[0])


def png_zip(files: Iterable[tuple[str, np.ndarray | bytes]]) -> bytes:
    """A .zip of images (C, H, W) as PNGs of that very size, by the names they are to have; bytes are put in as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as packed:  # a PNG does not shrink twice
        for name, file in files:
            entry = zipfile.ZipInfo(name, DATED)
            entry.external_attr = 0o644 << 16  # else no one may read what is unpacked
            packed.writestr(entry, file if isinstance(file, bytes) else encode_png(file))
    return buffer.getvalue()


def sheet(rows: np.ndarray) -> bytes:
    """(R, S, C, H, W) as one PNG of R rows of S images without gaps, which `cut_strip` takes apart again."""
    r, s, c, h, w = rows.shape
    return encode_png(rows.transpose(2, 0, 3, 1, 4).reshape(c, r * h, s * w))


def strip(images: np.ndarray, size: int = 64, gap: int = 2) -> bytes:
    """(N, C, H, W) side by side as one PNG, each at least `size` wide, `gap` white pixels between them."""
    return grid(images[None], size, gap)


def grid(rows: np.ndarray, size: int = 64, gap: int = 2) -> bytes:
    """(R, S, C, H, W) as one PNG of R rows of S images, each at least `size` wide, `gap` white pixels after each."""
    r, s, c, h, w = rows.shape
    big = enlarge(rows.reshape(r * s, c, h, w), size)
    if gap:
        big = np.pad(big, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=255)
    return sheet(big.reshape(r, s, *big.shape[1:]))


def cut_sheet(image: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Take a `sheet` apart: a PNG and the (C, H, W) of one image -> uint8 (R, S, C, H, W). Raises ValueError where it is none."""
    from PIL import Image

    channels, height, width = shape
    with Image.open(io.BytesIO(image)) as opened:
        pixels = np.asarray(opened.convert("L" if channels == 1 else "RGB"))
    rows, columns = pixels.shape[0] // height, pixels.shape[1] // width
    cut: np.ndarray = pixels.reshape(rows, height, columns, width, channels).transpose(0, 2, 4, 1, 3)
    return cut


def cut_strip(image: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Take the one row of a `sheet` apart -> uint8 (N, C, H, W). Raises ValueError where there are more."""
    row: np.ndarray
    (row,) = cut_sheet(image, shape)
    return row


def shared_palette(images: np.ndarray, most: int = 32) -> Image.Image | None:
    """256 colours that suit RGB images (N, 3, H, W) together, found in up to `most` + 1 of them; None for grey ones.

    One palette for all frames of a film: with a palette of its own for each, the parts that stand still flicker.
    """
    if images.shape[1] == 1:
        return None
    some = images[:: max(1, len(images) // most)]
    return to_pillow(some.transpose(1, 0, 2, 3).reshape(3, -1, images.shape[3])).quantize(256)


def with_palette(image: np.ndarray, palette: Image.Image | None) -> Image.Image:
    """(C, H, W) as Pillow's image in the colours of `shared_palette`, without dithering; as it is where None."""
    from PIL import Image

    picture = to_pillow(image)
    return picture if palette is None else picture.quantize(palette=palette, dither=Image.Dither.NONE)


def fewer_colours(png: bytes) -> bytes:
    """A PNG in colour with 256 colours of its own choice: a third of the bytes. A grey one is returned as it is."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        if image.mode != "RGB":
            return png
        buffer = io.BytesIO()
        image.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        return buffer.getvalue()


def data_url(png: bytes) -> str:
    """A PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
