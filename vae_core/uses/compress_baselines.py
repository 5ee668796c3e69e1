"""What codes are held against: pictures as JPEG, WebP and PNG files, and principal components through the same coder."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_core.uses.components import components, flat
from vae_core.uses.compress_file import Head, Table, make_table, write
from vae_core.uses.likeness import LEAST_ERROR

JPEG, WEBP, PNG = "JPEG", "WebP", "PNG"
QUALITIES = {JPEG: (1, 10, 25, 50, 75, 90), WEBP: (0, 10, 25, 50, 75, 90), PNG: (100,)}
BLOCK = 8  # pixels: an image on a sheet begins where a block of JPEG does, so that neighbours share none
COMPONENTS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
STEPS = tuple(0.125 * 2 ** (k / 2) for k in range(12))  # of PCA's grid, for images of 32×32
HEADROOM = 0.1  # dB that another point of PCA's curve must gain


# ---------------------------------------------------------------- picture files


def picture_file(image: np.ndarray, kind: str, quality: int) -> tuple[bytes, np.ndarray]:
    """uint8 (C, H, W) as a file of a kind, and what is seen when it is opened again."""
    from PIL import Image

    from vae_core.pictures import to_pillow

    buffer = io.BytesIO()
    options: dict[str, Any] = {"optimize": True} if kind != WEBP else {"method": 4}
    if kind != PNG:
        options["quality"] = quality
    to_pillow(image).save(buffer, kind, **options)
    with Image.open(io.BytesIO(buffer.getvalue())) as opened:
        pixels = np.asarray(opened.convert("L" if len(image) == 1 else "RGB"))
    return buffer.getvalue(), pixels.reshape(*image.shape[1:], len(image)).transpose(2, 0, 1)


def picture_files(images: np.ndarray, kind: str, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """A file for each of the images (N, C, H, W): their bytes (N,), and the images opened again."""
    found = [picture_file(image, kind, quality) for image in images]
    return np.array([len(data) for data, _ in found]), np.stack([image for _, image in found])


def sheet_file(images: np.ndarray, kind: str, quality: int) -> tuple[int, np.ndarray]:
    """One file of all the images (N, C, H, W) on a sheet, which shares one header: its bytes, and the images cut out again.

    Each image begins at a multiple of BLOCK pixels; the rest of its place repeats its edge.
    """
    n, c, h, w = images.shape
    across = int(np.ceil(n**0.5))
    down = -(-n // across)
    tall, wide = -(-h // BLOCK) * BLOCK, -(-w // BLOCK) * BLOCK
    padded = np.pad(images, ((0, across * down - n), (0, 0), (0, tall - h), (0, wide - w)), mode="edge")
    sheet = (
        padded.reshape(down, across, c, tall, wide)
        .transpose(2, 0, 3, 1, 4)
        .reshape(c, down * tall, across * wide)
    )
    data, opened = picture_file(np.ascontiguousarray(sheet), kind, quality)
    tiles = opened.reshape(c, down, tall, across, wide).transpose(1, 3, 0, 2, 4).reshape(-1, c, tall, wide)
    return len(data), tiles[:n, :, :h, :w]


# ---------------------------------------------------------------- PCA with the same coder


@dataclass(frozen=True, eq=False)
class Pca:
    """Principal components of training images. mean (P,), basis (n, P) float32 of images in [0, 1] with P values each; shape
    (C, H, W); codes (N, n) of the training images."""

    mean: np.ndarray
    basis: np.ndarray
    shape: tuple[int, ...]
    codes: np.ndarray

    def encode(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, C, H, W) -> (N, n)."""
        found: np.ndarray = (images.reshape(len(images), -1) / np.float32(255) - self.mean) @ self.basis.T
        return found

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(N, m), the first m of the components -> uint8 (N, C, H, W)."""
        x: np.ndarray = codes.astype(np.float32) @ self.basis[: codes.shape[1]] + self.mean
        found: np.ndarray = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
        return found.reshape(-1, *self.shape)

    def decoder_bytes(self, components: int) -> int:
        """Of the mean and so many components as float32."""
        return 4 * self.mean.size * (1 + components)


def fit_pca(images: np.ndarray, most: int, seed: int) -> Pca:
    """At most `most` components of training images uint8 (N, C, H, W)."""
    x = flat(images)
    if len(x) < 2:
        return Pca(x.mean(0), np.zeros((1, x.shape[1]), np.float32), images.shape[1:], np.zeros((len(x), 1)))
    found = components(x, most, seed, rounds=3)
    return Pca(found.mean, found.axes, images.shape[1:], found.of(x))


@dataclass(frozen=True, eq=False)
class PcaPoint:
    """A point of PCA's curve: components, step of the grid (of a pixel's range, for the whole image), the file's bytes,
    bits of each image (N,), the images opened again."""

    components: int
    step: float
    size: int
    bits: np.ndarray
    opened: np.ndarray


def pca_curve(
    pca: Pca, images: np.ndarray, head: Head, progress: Callable[[float], None] = lambda share: None
) -> list[PcaPoint]:
    """The best that PCA does: of all numbers of components and steps the files for which none is both smaller and better.

    One step for all components, as is best for an orthonormal basis (Gersho and Gray 1992, ch. 8); the components are
    whitened by nothing but the table, as the VAE's codes are. Bytes and PSNR of all combinations are first reckoned from
    the table and from the components, then files are written of the best.
    """
    size = (pca.mean.size / 1024) ** 0.5
    codes = pca.encode(images)
    beyond = ((images.reshape(len(images), -1) / np.float32(255) - pca.mean) ** 2).sum(1)
    tried: list[tuple[float, float, int, Table]] = []
    choices = [n for n in COMPONENTS if n < pca.basis.shape[0]] + [pca.basis.shape[0]]
    for i, step in enumerate(STEPS):
        table = make_table(pca.codes, step * size)
        numbers = table.rounded(codes)
        rounded = table.codes(numbers)
        gained = np.cumsum(codes**2 - (codes - rounded) ** 2, 1)
        for n in choices:
            some = first(table, n)
            error = np.maximum(beyond - gained[:, n - 1], 0) / pca.mean.size
            bits = some.bits(numbers[:, :n]).mean() + 8 * _about(some) / len(images)
            tried.append((float(bits), float(-10 * np.log10(np.maximum(error, LEAST_ERROR)).mean()), n, some))
        progress((i + 1) / len(STEPS))
    found = []
    for _, _, n, table in envelope(tried):
        numbers = table.rounded(codes[:, :n])
        data = write(head, table, numbers)
        found.append(
            PcaPoint(
                n, float(table.steps[0]), len(data), table.bits(numbers), pca.decode(table.codes(numbers))
            )
        )
    return found


def first(table: Table, dims: int) -> Table:
    """The table of the first dimensions."""
    return Table(table.exponents[:dims], table.lows[:dims], table.levels[:dims])


def envelope(tried: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Of (cost, quality, ...) those for which no other is cheaper and better, by cost."""
    best, found = -np.inf, []
    for one in sorted(tried, key=lambda one: (one[0], -one[1])):
        if one[1] > best + HEADROOM:
            best = one[1]
            found.append(one)
    return found


def _about(table: Table) -> float:
    """About the bytes of a table in a file, with what stands before it."""
    return 30 + len(table.levels) + 0.7 * sum(len(one) for one in table.levels if len(one) > 1)


def at_quality(curve: Sequence[tuple[float, float]], wanted: float) -> float | None:
    """Bytes at a PSNR, between the points (bytes, PSNR) of a curve, linearly in log bytes; None beyond its ends."""
    points = envelope(curve)
    if not points or not points[0][1] <= wanted <= points[-1][1]:
        return None
    size, quality = np.log([p[0] for p in points]), np.array([p[1] for p in points])
    return float(np.exp(np.interp(wanted, quality, size)))
