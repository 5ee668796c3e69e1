"""Compress: codes as a real file, against picture files and principal components through the same coder.

A code is the posterior mean, rounded on a grid whose step is a multiple of the posterior's width in that dimension, and written
under the aggregate posterior on that grid (`compress_file`). With a step of √12 widths, rounding is as much noise as the posterior
itself; the finer the grid, the more bytes, up to what the network can draw at best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vae_core.data.imageset import Progress
from vae_core.errors import BadImages, VaeCoreError
from vae_core.evaluation.small_network import spaced
from vae_core.inference import Codes, LoadedModel
from vae_core.latent.statistics import kl_from_prior
from vae_core.options import option
from vae_core.uses import compress_baselines as baselines
from vae_core.uses.compress_bitsback import bits_back
from vae_core.uses.compress_file import (
    MOST_IMAGES,
    Head,
    Table,
    make_table,
    read,
    table_bytes,
    table_of,
    write,
)
from vae_core.uses.compress_words import sentences
from vae_core.uses.found import Found, Row
from vae_core.uses.intervals import LEVEL, Interval, of_mean
from vae_core.uses.likeness import psnr, ssim
from vae_core.uses.registry import UseSettings
from vae_core.uses.subject import Subject
from vae_core.words import counted

VERSION = 2
NOISE = math.sqrt(12)  # widths of a step that rounds as much as the posterior spreads: variance step² / 12
STEPS = (0.5, 1.0, 2.0, NOISE, 4.0, 5.0, 6.0, 8.0, 12.0)  # of the grid, in widths
MOST_TRAIN = 5_000  # training images that the table, the widths and PCA are made of
MOST_VALUES = 40_000_000  # of all those images together
PICTURES = 200  # images of which each is a picture file of its own, and whose SSIM is taken
SHOWN = 8  # images to look at; fewer of large ones
DRAWS, MEAN_DRAWS = 300, 500  # bootstrap samples of whole curves, and of one file's mean
VAE, AUTOENCODER = "VAE", "autoencoder"  # how what is found names the run's network
AE_WIDTH = 0.125  # of the spread of an autoencoder's codes, which has no width of its own


@dataclass(frozen=True)
class SETTINGS(UseSettings):
    """What a measurement of Compress is asked."""

    images: int = option(
        MOST_IMAGES, help="test images in one file; its headers are shared by all of them", minimum=1, maximum=MOST_IMAGES,
        title="Images in the file",
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Point:
    """One file: of `method`, ours or not, at a `setting` in words. sizes (n,): bytes of each of its images, headers shared
    evenly; opened: those images as they come back; None of a format that keeps every pixel."""

    method: str
    ours: bool
    setting: str
    sizes: np.ndarray
    images: np.ndarray
    opened: np.ndarray | None
    shared: bool = False  # one file of all, whose bytes are of no image alone

    def quality(self) -> np.ndarray:
        """(n,) dB."""
        assert self.opened is not None
        return psnr(self.images, self.opened)


def measure(subject: Subject, settings: SETTINGS, progress: Progress) -> Found:
    """The numbers of Compress. pictures: "original" (n, C, H, W), those of the network, by `name_in`, and "PCA" (steps, n, C, H,
    W), the smallest "JPEG" and "WebP" (n, C, H, W), and "table k" of each step, the bytes that `compress_file.table_of` reads."""
    train, test = _chosen(subject, settings)
    progress(0.01, "reading the codes of training images")
    seen, images = subject.images(train), subject.images(test)
    known = subject.model.encode(
        seen, lambda share, _: progress(0.01 + 0.2 * share, "reading the codes of training images")
    )
    codes = subject.model.encode(images)
    rng = np.random.default_rng(settings.seed)
    head = Head.of(subject.model)
    points, tables = _of_vae(subject.model, head, known, codes, images, progress)
    progress(0.4, "fitting principal components")

    def within(share: float) -> None:
        progress(0.45 + 0.15 * share, "rounding principal components")

    pca = baselines.fit_pca(seen, baselines.COMPONENTS[-1], settings.seed)
    pca_points = baselines.pca_curve(pca, images, head, within)
    points += [
        Point(
            "PCA",
            False,
            f"{counted(one.components, 'component')}, step {one.step:.3g}",
            _sizes(one.bits, one.size),
            images,
            one.opened,
        )
        for one in pca_points
    ]
    points += _of_pictures(images, progress)
    rows = _rows(points, rng, progress)
    progress(0.92, "comparing at equal quality")
    rows += _at_equal_quality(points, rng)
    rows += _promise(subject.model, codes, images, rng)
    decoders = {
        VAE: decoder_bytes(subject.model),
        "PCA": pca.decoder_bytes(max(one.components for one in pca_points)),
    }
    rows += [
        Row(name, name == VAE, "decoder", "bytes", float(size), None, None, 1, up=False)
        for name, size in decoders.items()
    ]
    shown = np.linspace(0, len(images) - 1, min(len(images), SHOWN if images[0].size <= 4096 else 3)).astype(
        int
    )
    found = Found(
        rows,
        sentences(rows, len(images), subject.model.stochastic),
        {
            "steps": list(STEPS),
            "curves": _curves(rows),
            "seen": _seen(points),
            "images": len(images),
            "decoders": decoders,
        },
        _pictures(points, shown)
        | {f"table {k}": np.frombuffer(table_bytes(t), np.uint8) for k, t in enumerate(tables)},
    )
    return found if subject.model.stochastic else _as_autoencoder(found)


def name_in(found: Found) -> str:
    """How what was found names the run's network: VAE or AUTOENCODER."""
    return AUTOENCODER if AUTOENCODER in found.more["curves"] else VAE


def _as_autoencoder(found: Found) -> Found:
    """The same with the network named as the autoencoder that it is."""

    def named(by: Mapping[str, Any]) -> dict[str, Any]:
        return {AUTOENCODER if name == VAE else name: value for name, value in by.items()}

    rows = [replace(row, method=AUTOENCODER) if row.method == VAE else row for row in found.rows]
    more = {key: named(value) if isinstance(value, Mapping) else value for key, value in found.more.items()}
    return replace(found, rows=rows, more=more, pictures=named(found.pictures))


def kept_table(found: Found, step: int) -> Table:
    """The table of a step (its number in STEPS) that a measurement keeps. Raises BadFile where it is damaged."""
    return table_of(found.pictures[f"table {step}"].tobytes())


def widths(codes: Codes) -> np.ndarray:
    """(D,) how far a posterior reaches: the root of its mean variance over images, posterior by posterior. An autoencoder's codes
    have no width: an eighth of their spread."""
    if np.isneginf(codes.log_var).all():
        spread = codes.mean.std(0)
        return np.where(spread > 0, AE_WIDTH * spread, 1.0)
    found: np.ndarray = np.sqrt((codes.std**2).mean(0))
    return found


def decoder_bytes(model: LoadedModel) -> int:
    """Of what draws images from codes, as float32."""
    return 4 * sum(p.numel() for p in model.vae.decoder.parameters())


def setting_of(step: float) -> str:
    """A step in words."""
    return f"step {'√12' if step == NOISE else format(step, 'g')} widths"


# ---------------------------------------------------------------- the parts of a measurement


def _chosen(subject: Subject, settings: SETTINGS) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training and of the test images, evenly spaced."""
    if not len(subject.test):
        raise BadImages(
            f"{subject.data.name} has no test images, which are to be packed; import it with a test split"
        )
    values = int(np.prod(subject.data.shape))
    most = max(2, min(MOST_TRAIN, MOST_VALUES // values))
    return spaced(subject.train, most), spaced(subject.test, settings.images)


def _sizes(bits: np.ndarray, size: int) -> np.ndarray:
    """Bytes of each image: its own bits, and an equal share of all else in a file of `size` bytes; their mean is the file's."""
    found: np.ndarray = bits / 8 + (size - bits.sum() / 8) / len(bits)
    return found


class CoderFault(VaeCoreError):  # noqa: N818 - named for what happened
    """A file did not come back bit for bit."""


def _of_vae(
    model: LoadedModel, head: Head, known: Codes, codes: Codes, images: np.ndarray, progress: Progress
) -> tuple[list[Point], list[Table]]:
    width = widths(known)
    points, tables = [], []
    for k, step in enumerate(STEPS):
        progress(0.2 + 0.2 * k / len(STEPS), "writing files of codes")
        table = make_table(known.mean, step * width)
        numbers = table.rounded(codes.mean)
        data = write(head, table, numbers)
        _, again, back = read(data, head)
        if not np.array_equal(back, numbers):
            raise CoderFault(
                "the codes did not come back from the file as they were: this is a fault of the program; report it"
            )
        opened = model.decode_uint8(again.codes(back))
        points.append(
            Point(VAE, True, setting_of(step), _sizes(table.bits(numbers), len(data)), images, opened)
        )
        tables.append(table)
    return points, tables


def _of_pictures(images: np.ndarray, progress: Progress) -> list[Point]:
    some = images[np.linspace(0, len(images) - 1, min(len(images), PICTURES)).astype(int)]
    found = []
    for i, (kind, qualities) in enumerate(baselines.QUALITIES.items()):
        for quality in qualities:
            progress(0.6 + 0.1 * i, f"writing {kind} files")
            said = "" if kind == baselines.PNG else f"quality {quality}"
            sizes, opened = baselines.picture_files(some, kind, quality)
            found.append(Point(kind, False, said, sizes, some, None if kind == baselines.PNG else opened))
            size, opened = baselines.sheet_file(images, kind, quality)
            each = np.full(len(images), size / len(images))
            lossless = kind == baselines.PNG
            found.append(
                Point(f"{kind}, one sheet", False, said, each, images, None if lossless else opened, True)
            )
    return found


def _rows(points: list[Point], rng: np.random.Generator, progress: Progress) -> list[Row]:
    rows = []
    for k, point in enumerate(points):
        progress(0.7 + 0.2 * k / len(points), "comparing images")
        at = {"setting": point.setting}
        sizes = of_mean(point.sizes, rng, MEAN_DRAWS)
        if point.shared:
            sizes = Interval(sizes.value, None, None, sizes.count)
        rows.append(Row.of(point.method, point.ours, "bytes", "per image", sizes, at, up=False))
        if point.opened is not None:
            rows.append(
                Row.of(point.method, point.ours, "PSNR", "dB", of_mean(point.quality(), rng, MEAN_DRAWS), at)
            )
            some = np.linspace(0, len(point.images) - 1, min(len(point.images), PICTURES)).astype(int)
            alike = ssim(point.images[some], point.opened[some])
            if np.isfinite(alike).all():
                rows.append(Row.of(point.method, point.ours, "SSIM", "", of_mean(alike, rng, MEAN_DRAWS), at))
    return rows


def _at_equal_quality(points: list[Point], rng: np.random.Generator) -> list[Row]:
    """Bytes of VAE and PCA at each whole dB that both reach, and what share the VAE's are; bootstrap over images."""
    methods = (VAE, "PCA")
    arrays = []
    for method in methods:
        some = [point for point in points if point.method == method]
        arrays.append(np.stack([np.stack((p.sizes, p.quality()), 1) for p in some], 1))  # (N, points, 2)
    count = len(arrays[0])
    tops = [baselines.envelope([tuple(p) for p in a.mean(0)]) for a in arrays]
    low, high = max(t[0][1] for t in tops), min(t[-1][1] for t in tops)
    wanted = range(math.ceil(low), math.floor(high) + 1)

    def sizes(rows_: np.ndarray) -> list[list[float]]:
        curves = [[tuple(p) for p in a[rows_].mean(0)] for a in arrays]
        return [[baselines.at_quality(curve, q) or math.nan for q in wanted] for curve in curves]

    value = np.array(sizes(np.arange(count)))
    drawn = np.array([sizes(rng.integers(count, size=count)) for _ in range(DRAWS)])  # (draws, 2, dB)
    rows = []
    for k, quality in enumerate(wanted):
        at = {"setting": f"at {quality} dB"}
        for m, method in enumerate(methods):
            found = _interval(value[m, k], drawn[:, m, k], count)
            rows.append(Row.of(method, not m, "bytes", "per image", found, at, up=False))
        share = _interval(value[0, k] / value[1, k], drawn[:, 0, k] / drawn[:, 1, k], count)
        rows.append(Row.of(VAE, True, "share of PCA's bytes", "", share, at, up=False))
    return rows


def _interval(value: float, drawn: np.ndarray, count: int) -> Interval:
    """Of bootstrap draws (K,), without those whose curves do not reach a quality; none where that is most."""
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or count < 2 or len(known) < DRAWS / 2:
        return Interval(float(value) if np.isfinite(value) else None, None, None, count)
    low, high = np.quantile(known, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(value), float(low), float(high), count)


def _promise(model: LoadedModel, codes: Codes, images: np.ndarray, rng: np.random.Generator) -> list[Row]:
    """The rate, what bits-back coding pays for the same codes, and the quality of an image drawn from a posterior sample."""
    if not model.stochastic:
        return []
    rate = kl_from_prior(codes.mean, codes.log_var).sum(1) / math.log(2)
    z = codes.sample(rng)
    at = {"setting": "a posterior sample"}
    return [
        Row.of("VAE, rate", True, "bits", "per image", of_mean(rate, rng), at, up=False),
        Row.of("VAE, rate", True, "PSNR", "dB", of_mean(psnr(images, model.decode_uint8(z)), rng), at),
        Row.of("VAE, bits back", True, "bits", "per image", of_mean(bits_back(codes.mean, codes.std, rng), rng), at, up=False),
    ]  # fmt: skip


# ---------------------------------------------------------------- what a page draws


def _curves(rows: list[Row]) -> dict[str, Any]:
    """By method: setting, bytes, PSNR with its interval, and SSIM of each file."""
    found: dict[str, Any] = {}
    by: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        by.setdefault((row.method, str(row.at.get("setting", ""))), {})[row.metric] = row
    for (method, setting), some in by.items():
        if "bytes" not in some or setting.startswith("at "):
            continue
        quality, alike = some.get("PSNR"), some.get("SSIM")
        found.setdefault(method, []).append({
            "setting": setting, "bytes": some["bytes"].value, "PSNR": quality and quality.value, "low": quality and quality.low,
            "high": quality and quality.high, "SSIM": alike and alike.value,
        })  # fmt: skip
    return found


def _smallest(points: list[Point], method: str) -> Point:
    return min((p for p in points if p.method == method), key=lambda p: float(p.sizes.mean()))


def _nearest(points: list[Point], size: float) -> Point:
    """The file of PCA whose bytes are nearest to some, by their ratio."""
    return min(
        (p for p in points if p.method == "PCA"), key=lambda p: abs(math.log(float(p.sizes.mean()) / size))
    )


def _beside(points: list[Point]) -> list[tuple[Point, Point]]:
    return [(p, _nearest(points, float(p.sizes.mean()))) for p in points if p.method == VAE]


def _seen(points: list[Point]) -> Mapping[str, Any]:
    """Of the pictures: bytes and dB, over all images."""

    def said(point: Point) -> dict[str, Any]:
        return {
            "setting": point.setting,
            "bytes": float(point.sizes.mean()),
            "PSNR": float(point.quality().mean()),
        }

    pairs = _beside(points)
    return {VAE: [said(a) for a, _ in pairs], "PCA": [said(b) for _, b in pairs]} | {
        kind: said(_smallest(points, kind)) for kind in (baselines.JPEG, baselines.WEBP)
    }


def _pictures(points: list[Point], shown: np.ndarray) -> dict[str, np.ndarray]:
    pairs = _beside(points)
    original = pairs[0][0].images[shown]
    found = {"original": original}
    for k, name in enumerate((VAE, "PCA")):
        found[name] = np.stack([pair[k].opened[shown] for pair in pairs])  # type: ignore[index]
    for kind in (baselines.JPEG, baselines.WEBP):
        quality = int(_smallest(points, kind).setting.split()[-1])
        found[kind] = baselines.picture_files(original, kind, quality)[1]
    return found
